#include "tests/sim/sim_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/sim/sim_folders.h"
#include "tests/sim/sim_model_private.h"

enum {
    HEAVY_MAIL_BYTES = 300000,
    BIG_MAIL_BYTES = 530000, /* more than STORE_BIG_BYTES: a file of its own */
};

const char *const model_account_names[MODEL_ACCOUNTS] = {"ann", "ben", "cat"};
const char *const model_flag_names[MODEL_FLAGS] = {"\\Answered", "\\Flagged", "\\Deleted",
                                                   "\\Seen",     "\\Draft",   "kw"};

const char *model_box_name(unsigned box)
{
    return box % 2 == 0 ? "INBOX" : "box";
}

struct model *model_new(struct run *run)
{
    struct model *m = xcalloc(1, sizeof(*m));

    m->run = run;
    m->is_heavy = run_one_in(run, 6);
    m->folders = xcalloc(1, sizeof(*m->folders));
    m->folders->now.at[0] = (struct folder){.exists = true, .uid_next = 1};
    return m;
}

static void box_free(struct model_box *box)
{
    for (size_t i = 0; i < box->count; i++)
        free((void *)(uintptr_t)box->messages[i].whole.at);
    for (size_t i = 0; i < box->change_count; i++)
        free(box->changes[i]);
    for (size_t i = 0; i < box->copy_count; i++)
        free(box->copies[i]);
    free(box->messages);
    free(box->changes);
    free(box->copies);
}

void model_free(struct model **model)
{
    struct model *m = *model;

    for (unsigned i = 0; i < m->mail_count; i++)
        free((void *)(uintptr_t)m->mails[i].text.at);
    for (unsigned i = 0; i < MODEL_BOXES; i++)
        box_free(&m->boxes[i]);
    free(m->folders);
    free(m);
    *model = NULL;
}

/* ---- mail ---- */

static struct span keep(struct span bytes)
{
    char *copy = xmalloc(bytes.len + 1);

    if (bytes.len > 0)
        memcpy(copy, bytes.at, bytes.len);
    return (struct span){copy, bytes.len};
}

static size_t size_of_mail(struct run *r, bool is_heavy)
{
    if (is_heavy && !run_one_in(r, 3))
        return (size_t)run_dice(r, HEAVY_MAIL_BYTES);
    switch (run_dice(r, 16)) {
    case 0:
        return (size_t)run_dice(r, 60000);
    case 1:
        return run_one_in(r, 12) ? BIG_MAIL_BYTES : (size_t)run_dice(r, 10000);
    case 2:
        return 0;
    default:
        return (size_t)run_dice(r, 1500);
    }
}

static void add_line(struct run *r, struct chain *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz .,=\xc3\xa9";
    char line[80];
    size_t len = 0, wanted = (size_t)run_dice(r, 76);

    if (run_one_in(r, 8))
        line[len++] = '.';
    while (len < wanted)
        line[len++] = letters[run_dice(r, sizeof(letters) - 1)];
    line[len++] = '\r';
    line[len++] = '\n';
    chain_add(text, (struct span){line, len});
}

static struct span make_text(struct run *r, unsigned number, bool is_heavy)
{
    struct chain text = {0};
    size_t size = size_of_mail(r, is_heavy);
    bool is_mime = run_one_in(r, 6);
    struct span bytes;

    chain_addf(&text, "From: Sim <sim@example.com>\r\nSubject: number w%uw\r\nX-Sim: %u\r\n",
               number, number);
    if (is_mime)
        chain_addf(&text,
                   "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x%u\r\n"
                   "\r\n--x%u\r\nContent-Type: text/plain; charset=utf-8\r\n",
                   number, number);
    chain_add(&text, SPAN("\r\n"));
    for (size_t begin = text.len; text.len < begin + size;)
        add_line(r, &text);
    if (is_mime)
        chain_addf(&text, "--x%u--\r\n", number);
    bytes = keep(chain_flat(&text));
    chain_free(&text);
    return bytes;
}

struct model_mail *model_mail_new(struct model *m, const unsigned *boxes, unsigned count)
{
    struct model_mail *mail;

    ensure(count <= MODEL_TARGETS_MAX); /* 0: the keeper's (sim_keeper.c) */
    if (m->mail_count == MODEL_MAILS_MAX)
        return NULL;
    mail = &m->mails[m->mail_count++];
    mail->number = m->mail_count;
    mail->text = make_text(m->run, mail->number, m->is_heavy);
    mail->target_count = count;
    for (unsigned i = 0; i < count; i++)
        mail->targets[i].box = boxes[i];
    m->run->counts.mails++;
    return mail;
}

void model_mail_group(struct model *m, struct model_mail *const *mails, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        mails[i]->group = mails[0]->number;
        mails[i]->group_count = count;
        ensure(mails[i] == &m->mails[mails[0]->number - 1 + i]);
    }
}

void model_mail_flags(struct model *m, struct model_mail *mail, unsigned flags)
{
    ensure((flags & MODEL_DELETED) == 0);
    mail->flags = flags;
    for (unsigned i = 0; i < mail->target_count; i++)
        m->boxes[mail->targets[i].box].has_flagged = true;
}

void model_mail_begun(struct model *m, struct model_mail *mail, unsigned target)
{
    struct model_target *t = &mail->targets[target];

    t->begun = true;
    t->uid_min = m->boxes[t->box].uid_next;
}

/* What was seen before its answer came stays right or becomes wrong. */
void model_mail_refused(struct model *m, struct model_mail *mail, unsigned target)
{
    struct model_target *t = &mail->targets[target];
    const struct model_box *box = &m->boxes[t->box];

    t->refused = true;
    m->run->counts.refused++;
    if (model_copies_of(box, mail->number) == 0)
        model_count_mail(m, t->box, mail->number);
}

void model_mail_acked(struct model *m, struct model_mail *mail, unsigned target)
{
    ensure(mail->targets[target].begun);
    mail->targets[target].acked = ++m->run->tick;
    m->run->counts.acked++;
}

unsigned model_mail_number(struct span text)
{
    static const char name[] = "X-Sim: ";
    const char *at = text.len > 0 ? memmem(text.at, text.len, name, sizeof(name) - 1) : NULL;
    struct span digits;
    uint64_t number;
    size_t len = 0;

    if (at == NULL)
        return 0;
    at += sizeof(name) - 1;
    digits = (struct span){at, (size_t)(text.at + text.len - at)};
    while (len < digits.len && digits.at[len] >= '0' && digits.at[len] <= '9')
        len++;
    return number_parse(span_first(digits, len), MODEL_MAILS_MAX, &number) ? (unsigned)number : 0;
}

/* ---- what is seen ---- */

struct model_message *model_find(struct model_box *box, uint32_t uid)
{
    for (size_t i = 0; i < box->count; i++) {
        if (box->messages[i].uid == uid)
            return &box->messages[i];
    }
    return NULL;
}

static struct model_message *message_new(struct model *m, struct model_box *box, uint32_t uid)
{
    size_t at = box->count;

    if (box->count == box->size) {
        box->size = box->size * 2 + 16;
        box->messages = xrealloc(box->messages, box->size * sizeof(*box->messages));
    }
    while (at > 0 && box->messages[at - 1].uid > uid)
        at--;
    memmove(box->messages + at + 1, box->messages + at, (box->count - at) * sizeof(*box->messages));
    box->count++;
    box->messages[at] = (struct model_message){.uid = uid, .seen = m->run->tick};
    if (box->uid_next <= uid)
        box->uid_next = uid + 1;
    return &box->messages[at];
}

void model_uid_validity(struct model *m, unsigned box, uint32_t validity)
{
    struct model_box *b = &m->boxes[box];

    if (b->uid_validity != 0 && b->uid_validity != validity)
        run_violated(m->run, "UIDVALIDITY of box %u was %u and is %u", box, b->uid_validity,
                     validity);
    b->uid_validity = validity;
}

void model_uid_next(struct model *m, unsigned box, uint32_t uid_next, uint32_t asked)
{
    struct model_box *b = &m->boxes[box];

    if (uid_next < asked)
        run_violated(m->run, "UIDNEXT of box %u was %u and is %u", box, asked, uid_next);
    if (b->uid_next < uid_next)
        b->uid_next = uid_next;
}

struct model_target *model_target_of(struct model *m, unsigned mail, unsigned box)
{
    for (unsigned i = 0; mail > 0 && i < m->mails[mail - 1].target_count; i++) {
        if (m->mails[mail - 1].targets[i].box == box)
            return &m->mails[mail - 1].targets[i];
    }
    return NULL;
}

/* One of them is there, and so are the others. */
static void learn_group(struct model *m, unsigned box, const struct model_mail *mail)
{
    for (unsigned i = 0; i < mail->group_count; i++) {
        struct model_target *t = model_target_of(m, mail->group + i, box);

        if (t != NULL && t->acked == 0)
            t->acked = ++m->run->tick;
    }
}

static void learn_mail(struct model *m, unsigned box, struct model_message *message, unsigned mail)
{
    const struct model_box *b = &m->boxes[box];
    const struct model_target *t = mail <= m->mail_count ? model_target_of(m, mail, box) : NULL;
    bool is_copied = model_copies_of(b, mail) > 0;

    message->mail = mail;
    if ((t == NULL || !t->begun) && !is_copied)
        run_violated(m->run, "mail %u is in box %u, where nobody sent it", mail, box);
    else if (!is_copied && t->refused)
        run_violated(m->run, "mail %u was refused, but is in box %u", mail, box);
    else if (!is_copied && message->uid < t->uid_min)
        run_violated(m->run, "mail %u has UID %u in box %u, whose UIDNEXT was %u before", mail,
                     message->uid, box, t->uid_min);
    if (m->run->failed)
        return;
    model_count_mail(m, box, mail);
    if (!is_copied)
        learn_group(m, box, &m->mails[mail - 1]);
}

struct model_message *model_seen(struct model *m, unsigned box, uint32_t uid, unsigned mail)
{
    struct model_message *message = model_find(&m->boxes[box], uid);
    bool is_new = message == NULL, learns = mail != 0 && (is_new || message->mail == 0);

    if (is_new)
        message = message_new(m, &m->boxes[box], uid);
    if (learns)
        learn_mail(m, box, message, mail);
    if ((is_new || learns) && !m->run->failed)
        model_arrived(m, box, message, is_new);
    if (learns)
        return m->run->failed ? NULL : message;
    if (mail != 0 && message->mail != mail)
        run_violated(m->run, "UID %u of box %u was mail %u and is mail %u", uid, box, message->mail,
                     mail);
    return m->run->failed ? NULL : message;
}

void model_size(struct model *m, unsigned box, struct model_message *message, uint32_t size)
{
    if (message->size != 0 && message->size != size)
        run_violated(m->run, "the size of UID %u in box %u was %u and is %u", message->uid, box,
                     message->size, size);
    message->size = size;
}

void model_whole(struct model *m, unsigned box, struct model_message *message, struct span bytes)
{
    const struct model_mail *mail;

    m->run->counts.fetched++;
    model_size(m, box, message, (uint32_t)bytes.len);
    if (message->whole.at != NULL) {
        if (!span_eq(message->whole, bytes))
            run_violated(m->run, "UID %u of box %u has other bytes than before", message->uid, box);
        return;
    }
    if (model_seen(m, box, message->uid, model_mail_number(bytes)) == NULL)
        return;
    if (message->mail == 0) {
        run_violated(m->run, "UID %u of box %u is no mail of ours", message->uid, box);
        return;
    }
    mail = &m->mails[message->mail - 1];
    if (bytes.len < mail->text.len ||
        !span_eq(span_after(bytes, bytes.len - mail->text.len), mail->text))
        run_violated(m->run, "mail %u has other bytes in box %u (UID %u) than were sent",
                     message->mail, box, message->uid);
    message->whole = keep(bytes);
}

/* ---- listings ---- */

static bool is_listed(const uint32_t *uids, size_t count, uint32_t uid)
{
    for (size_t i = 0; i < count; i++) {
        if (uids[i] == uid)
            return true;
    }
    return false;
}

void model_listed_uids(struct model *m, unsigned box, const uint32_t *uids, size_t count,
                       uint64_t asked)
{
    const struct model_box *b = &m->boxes[box];

    for (size_t i = 0; i < b->count; i++) {
        const struct model_message *message = &b->messages[i];
        bool listed = is_listed(uids, count, message->uid);

        if (listed && message->gone != 0 && message->gone < asked)
            run_violated(m->run, "UID %u of box %u was expunged and is there again", message->uid,
                         box);
        if (!listed && !message->may_be_gone && message->seen < asked)
            run_violated(m->run, "LOST: UID %u of box %u (mail %u) was there and is not",
                         message->uid, box, message->mail);
    }
}

static void check_mail(struct model *m, unsigned box, const struct model_mail *mail,
                       const uint32_t *uids, size_t count)
{
    const struct model_box *b = &m->boxes[box];

    for (size_t i = 0; i < b->count; i++) {
        if (b->messages[i].mail == mail->number &&
            (b->messages[i].may_be_gone || is_listed(uids, count, b->messages[i].uid)))
            return;
    }
    run_violated(m->run, "LOST: mail %u was acknowledged and is not in box %u", mail->number, box);
}

void model_listed(struct model *m, unsigned box, const uint32_t *uids, size_t count, uint64_t asked)
{
    model_listed_uids(m, box, uids, count, asked);
    for (unsigned i = 0; i < m->mail_count && !m->run->failed; i++) {
        const struct model_target *t = model_target_of(m, i + 1, box);

        if (t != NULL && t->acked != 0 && t->acked < asked)
            check_mail(m, box, &m->mails[i], uids, count);
    }
}
