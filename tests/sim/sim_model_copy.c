/*
 * Messages that come by COPY and MOVE. Of each the model knows where it came from, so it knows what
 * its flags may be: what they may have been there between question and answer.
 *
 * A copy that brings \Deleted along can be expunged before anybody has seen it.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "tests/sim/sim_model_private.h"

enum {
    DELETED_INDEX = 2, /* of MODEL_DELETED */
};
_Static_assert(MODEL_DELETED == 1 << DELETED_INDEX, "the bit's number");

static void add_initial(struct model *m, const struct model_copy *copy,
                        const struct model_copied *copied, struct model_message *message)
{
    uint64_t to = copy->done < m->run->tick ? copy->done : m->run->tick;

    for (unsigned i = 0; i < MODEL_FLAGS; i++)
        message->initial[i] |= (unsigned char)model_flag_values(&m->boxes[copy->from], copied->uid,
                                                                1u << i, copy->asked, to);
}

/* ---- how often a mail may be there ---- */

unsigned model_copies_of(const struct model_box *box, unsigned mail)
{
    unsigned count = 0;

    for (size_t i = 0; i < box->copy_count; i++) {
        const struct model_copy *copy = box->copies[i];
        for (size_t k = 0; k < copy->count && !copy->is_refused; k++)
            count += copy->of[k].mail == mail;
    }
    return count;
}

void model_count_mail(struct model *m, unsigned box, unsigned mail)
{
    struct model_box *b = &m->boxes[box];
    const struct model_target *t = model_target_of(m, mail, box);
    unsigned most = model_copies_of(b, mail) + (t != NULL && t->begun && !t->refused), count = 0;

    for (size_t i = 0; i < b->count; i++)
        count += b->messages[i].mail == mail;
    if (count > most)
        run_violated(m->run, "mail %u was %u times in box %u, where it was to be %u times", mail,
                     count, box, most);
}

/* ---- what a message brought along ---- */

/* Settled once the copying is over: until then somebody may set the flag. */
static bool is_deletable(struct model *m, struct model_copy *copy)
{
    uint64_t to = copy->done < m->run->tick ? copy->done : m->run->tick;

    for (size_t i = 0; i < copy->count && !copy->is_decided && !copy->is_deletable; i++)
        copy->is_deletable = (model_flag_values(&m->boxes[copy->from], copy->of[i].uid,
                                                MODEL_DELETED, copy->asked, to) &
                              2) != 0;
    copy->is_decided = copy->done != UINT64_MAX;
    return copy->is_deletable;
}

/* Whether an EXPUNGE may have taken what one of the copies brought. */
static bool was_taken(struct model *m, struct model_box *b)
{
    for (size_t i = 0; i < b->copy_count; i++) {
        struct model_copy *copy = b->copies[i];
        if ((b->expunging > 0 || b->is_haunted || b->last_expunge >= copy->asked) &&
            is_deletable(m, copy))
            return true;
    }
    return false;
}

static void arrived_unknown(const struct model_box *b, struct model_message *message)
{
    bool is_varied = b->copy_count > 0 || b->has_flagged;

    for (unsigned i = 0; i < MODEL_FLAGS; i++)
        message->initial[i] = is_varied ? 3 : 1;
}

static void arrived_as(struct model *m, unsigned box, struct model_message *message)
{
    struct model_box *b = &m->boxes[box];
    const struct model_mail *mail = &m->mails[message->mail - 1];
    const struct model_target *t = model_target_of(m, message->mail, box);
    bool was_sent = t != NULL && t->begun && !t->refused;

    for (unsigned i = 0; i < MODEL_FLAGS; i++)
        message->initial[i] = !was_sent ? 0 : (mail->flags & 1u << i) != 0 ? 2 : 1;
    for (size_t i = 0; i < b->copy_count; i++) {
        const struct model_copy *copy = b->copies[i];
        for (size_t k = 0; k < copy->count && !copy->is_refused; k++) {
            if (copy->of[k].mail == message->mail)
                add_initial(m, copy, &copy->of[k], message);
        }
    }
}

void model_arrived(struct model *m, unsigned box, struct model_message *message, bool is_new)
{
    struct model_box *b = &m->boxes[box];

    if (message->mail == 0)
        arrived_unknown(b, message);
    else
        arrived_as(m, box, message);
    if (is_new && (message->initial[DELETED_INDEX] & 2) != 0)
        message->may_be_gone |= was_taken(m, b);
}

/* ---- copying ---- */

static void copy_keep(struct model_box *b, struct model_copy *copy)
{
    if (b->copy_count == b->copy_size) {
        b->copy_size = b->copy_size * 2 + 16;
        b->copies = xrealloc(b->copies, b->copy_size * sizeof(struct model_copy *));
    }
    b->copies[b->copy_count++] = copy;
}

struct model_copy *model_copy_begin(struct model *m, unsigned from, unsigned to,
                                    const uint32_t *uids, size_t count, bool is_move)
{
    struct model_copy *copy = xcalloc(1, sizeof(*copy) + count * sizeof(copy->of[0]));

    copy->from = from;
    copy->to = to;
    copy->is_move = is_move;
    copy->asked = ++m->run->tick;
    copy->done = UINT64_MAX;
    copy->uid_min = m->boxes[to].uid_next;
    copy->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct model_message *message = model_find(&m->boxes[from], uids[i]);
        ensure(message != NULL && message->mail != 0);
        copy->of[i] = (struct model_copied){.uid = uids[i], .mail = message->mail};
    }
    copy_keep(&m->boxes[to], copy);
    if (is_move)
        model_take_begin(m, from, uids, count);
    m->run->counts.copied += count;
    return copy;
}

static struct model_copied *copied_of(struct model_copy *copy, uint32_t uid)
{
    for (size_t i = 0; i < copy->count; i++) {
        if (copy->of[i].uid == uid)
            return &copy->of[i];
    }
    return NULL;
}

void model_copy_told(struct model *m, struct model_copy *copy, uint32_t uid, uint32_t new_uid)
{
    struct model_copied *copied = copied_of(copy, uid);
    struct model_message *message;

    if (copied == NULL || copied->is_told || new_uid < copy->uid_min) {
        run_violated(m->run, "COPYUID of UID %u as %u (UIDNEXT was %u)", uid, new_uid,
                     copy->uid_min);
        return;
    }
    copied->is_told = true;
    message = model_seen(m, copy->to, new_uid, copied->mail);
    if (message == NULL)
        return;
    memset(message->initial, 0, sizeof(message->initial));
    add_initial(m, copy, copied, message);
    if (copy->is_move)
        model_take_end(m, copy->from, &uid, 1);
}

/* What surely was there all the time is among the copies. */
static void check_told(struct model *m, const struct model_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++) {
        const struct model_message *message = model_find(&m->boxes[copy->from], copy->of[i].uid);
        if (!copy->of[i].is_told && !message->may_be_gone)
            run_violated(m->run, "UID %u of box %u was to be copied into box %u, and was not",
                         copy->of[i].uid, copy->from, copy->to);
    }
}

void model_copy_end(struct model *m, struct model_copy *copy, bool happened)
{
    copy->done = ++m->run->tick;
    copy->is_refused = !happened;
    if (happened)
        check_told(m, copy);
    for (size_t i = 0; i < copy->count && !happened; i++)
        model_count_mail(m, copy->to, copy->of[i].mail);
}
