#include "tests/sim/sim_folders.h"

#include <stdio.h>
#include <string.h>

#include "core/base/ensure.h"
#include "tests/sim/sim_model.h"

const char *const folders_names[FOLDERS_NAMES] = {"INBOX", "a",   "a/b",   "a/b/c",
                                                  "d",     "d/b", "d/b/c", "e f"};

/* ---- names ---- */

static bool is_below(unsigned name, unsigned above) /* or the same */
{
    size_t len = strlen(folders_names[above]);

    return strncmp(folders_names[name], folders_names[above], len) == 0 &&
           (folders_names[name][len] == '\0' || folders_names[name][len] == '/');
}

/* The name of these two parts; FOLDERS_NAMES: none of ours. */
static unsigned name_of(const char *first, size_t first_len, const char *rest)
{
    unsigned i;

    for (i = 0; i < FOLDERS_NAMES; i++) {
        if (strncmp(folders_names[i], first, first_len) == 0 &&
            strcmp(folders_names[i] + first_len, rest) == 0)
            break;
    }
    return i;
}

static bool has_below(const struct folders *f, unsigned name)
{
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        if (i != name && f->at[i].exists && is_below(i, name))
            return true;
    }
    return false;
}

static void folder_make(struct folders *f, unsigned name)
{
    f->at[name] = (struct folder){.exists = true, .uid_next = 1};
}

static void make_levels(struct folders *f, unsigned name)
{
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        if (i != name && is_below(name, i) && !f->at[i].exists)
            folder_make(f, i);
    }
}

/* ---- mailboxes ---- */

static enum folders_word apply_create(struct folders *f, const struct folders_change *c)
{
    if (f->at[c->to].exists)
        return FOLDERS_NO;
    make_levels(f, c->to);
    folder_make(f, c->to);
    return FOLDERS_OK;
}

static enum folders_word apply_delete(struct folders *f, const struct folders_change *c)
{
    if (c->from == 0 || !f->at[c->from].exists)
        return FOLDERS_NO;
    f->at[c->from] = (struct folder){0};
    return FOLDERS_OK;
}

/* Its messages are `to` then, with their UIDs; it is a new mailbox with the old UIDVALIDITY. */
static enum folders_word rename_inbox(struct folders *f, unsigned to)
{
    struct folder *inbox = &f->at[0], *old = &f->at[to];

    make_levels(f, to);
    *old = *inbox;
    old->uid_validity = 0;
    old->has_changed = true;
    inbox->count = 0;
    inbox->has_changed = true;
    return FOLDERS_OK;
}

static enum folders_word apply_rename(struct folders *f, const struct folders_change *c)
{
    struct folders before = *f;
    const char *to = folders_names[c->to];
    size_t from_len = strlen(folders_names[c->from]);

    if (c->to == 0 || f->at[c->to].exists || (!f->at[c->from].exists && !has_below(f, c->from)))
        return FOLDERS_NO;
    if (is_below(c->to, c->from) || has_below(f, c->to))
        return FOLDERS_UNSAID;
    if (c->from == 0)
        return rename_inbox(f, c->to);
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        if (before.at[i].exists && is_below(i, c->from))
            f->at[i] = (struct folder){0};
    }
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        unsigned goes;
        if (!before.at[i].exists || !is_below(i, c->from))
            continue;
        goes = name_of(to, strlen(to), folders_names[i] + from_len);
        if (goes == FOLDERS_NAMES)
            return FOLDERS_UNSAID;
        f->at[goes] = before.at[i];
    }
    make_levels(f, c->to);
    return FOLDERS_OK;
}

/* A name that is not there can be subscribed when something is below it. */
static enum folders_word apply_subscription(struct folders *f, const struct folders_change *c)
{
    bool subscribe = c->kind == FOLDERS_SUBSCRIBE;

    if (f->subscribed[c->to] == subscribe)
        return FOLDERS_UNSAID;
    if (subscribe && !f->at[c->to].exists && !has_below(f, c->to))
        return FOLDERS_NO;
    f->subscribed[c->to] = subscribe;
    return FOLDERS_OK;
}

/* ---- messages ---- */

static bool folder_add(struct folder *to, unsigned mail, unsigned flags)
{
    if (to->count == FOLDERS_MESSAGES_MAX)
        return false;
    to->messages[to->count++] = (struct folder_message){to->uid_next++, mail, flags};
    to->has_changed = true;
    return true;
}

static enum folders_word apply_append(struct folders *f, struct folders_change *c)
{
    struct folder *to = &f->at[c->to];

    if (!to->exists)
        return FOLDERS_NO;
    c->new_uid = to->uid_next;
    c->new_count = c->mail_count;
    for (unsigned i = 0; i < c->mail_count; i++) {
        if (!folder_add(to, c->mails[i], c->flags))
            return FOLDERS_UNSAID;
    }
    return FOLDERS_OK;
}

static bool is_in(const struct folders_change *c, uint32_t uid)
{
    for (uint32_t i = 0; i < c->uid_count; i++) {
        if (c->uids[i] == uid)
            return true;
    }
    return false;
}

static void folder_remove(struct folder *from, const struct folders_change *c, unsigned flags)
{
    uint32_t kept = 0, before = from->count;

    for (uint32_t i = 0; i < before; i++) {
        struct folder_message message = from->messages[i];
        bool goes = c->kind == FOLDERS_MOVE ? is_in(c, message.uid) : (message.flags & flags) != 0;
        if (!goes)
            from->messages[kept++] = message;
    }
    from->count = kept;
    from->has_changed |= kept < before;
}

/* A move into the same mailbox is left out: the copies would be looked for among the originals. */
static enum folders_word apply_copy(struct folders *f, struct folders_change *c)
{
    struct folder from = f->at[c->from], *to = &f->at[c->to];

    if (c->uid_count == 0 || (c->from == c->to && c->kind == FOLDERS_MOVE))
        return FOLDERS_UNSAID;
    if (!to->exists)
        return FOLDERS_NO;
    c->new_uid = to->uid_next;
    c->new_count = c->uid_count;
    for (uint32_t i = 0; i < from.count; i++) {
        if (is_in(c, from.messages[i].uid) &&
            !folder_add(to, from.messages[i].mail, from.messages[i].flags))
            return FOLDERS_UNSAID;
    }
    if (c->kind == FOLDERS_MOVE)
        folder_remove(&f->at[c->from], c, 0);
    return FOLDERS_OK;
}

static enum folders_word apply_flag(struct folders *f, const struct folders_change *c)
{
    struct folder *from = &f->at[c->from];

    if (c->uid_count == 0 || c->flags == 0)
        return FOLDERS_UNSAID;
    for (uint32_t i = 0; i < from->count; i++) {
        struct folder_message *message = &from->messages[i];
        if (!is_in(c, message->uid) || (message->flags & c->flags) == c->flags)
            continue;
        message->flags |= c->flags;
        from->has_changed = true;
    }
    return FOLDERS_OK;
}

static enum folders_word apply(struct folders *f, struct folders_change *c)
{
    switch (c->kind) {
    case FOLDERS_CREATE:
        return apply_create(f, c);
    case FOLDERS_DELETE:
        return apply_delete(f, c);
    case FOLDERS_RENAME:
        return apply_rename(f, c);
    case FOLDERS_SUBSCRIBE:
    case FOLDERS_UNSUBSCRIBE:
        return apply_subscription(f, c);
    case FOLDERS_APPEND:
        return apply_append(f, c);
    case FOLDERS_COPY:
    case FOLDERS_MOVE:
        return apply_copy(f, c);
    case FOLDERS_FLAG:
        return apply_flag(f, c);
    case FOLDERS_EXPUNGE:
    default:
        folder_remove(&f->at[c->from], c, MODEL_DELETED);
        return FOLDERS_OK;
    }
}

/* ---- what is asked and answered ---- */

enum folders_word folders_begin(struct folders_book *book, struct folders_change *change)
{
    enum folders_word word;

    ensure(!book->is_open);
    book->then = book->now;
    word = apply(&book->then, change);
    if (word != FOLDERS_OK)
        book->then = book->now;
    book->is_open = word != FOLDERS_UNSAID;
    return word;
}

void folders_end(struct folders_book *book, bool happened)
{
    ensure(book->is_open);
    if (happened)
        book->now = book->then;
    book->is_open = false;
}

/* ---- what is seen ---- */

void folders_validity(struct run *r, struct folders_book *book, struct folders *at, unsigned name,
                      uint32_t validity)
{
    struct folder *f = &at->at[name];

    if (f->uid_validity == 0 &&
        (validity <= book->validity_max || validity == book->validities[name]))
        run_violated(r, "UIDVALIDITY of the new %s is %u, and there was %u before",
                     folders_names[name], validity, book->validity_max);
    else if (f->uid_validity != 0 && f->uid_validity != validity)
        run_violated(r, "UIDVALIDITY of %s was %u and is %u", folders_names[name], f->uid_validity,
                     validity);
    f->uid_validity = book->validities[name] = validity;
}

static bool folder_equal(const struct folder *is, const struct folder *should, char *why,
                         size_t size)
{
    (void)snprintf(why, size, "%d, UIDNEXT %u, %u messages, should be %d, %u, %u", is->exists,
                   is->uid_next, is->count, should->exists, should->uid_next, should->count);
    if (is->exists != should->exists || is->uid_next != should->uid_next ||
        is->count != should->count ||
        (should->uid_validity != 0 && is->uid_validity != should->uid_validity))
        return false;
    for (uint32_t i = 0; i < is->count; i++) {
        const struct folder_message *a = &is->messages[i], *b = &should->messages[i];
        (void)snprintf(why, size, "UID %u mail %u flags %x, should be UID %u mail %u flags %x",
                       a->uid, a->mail, a->flags, b->uid, b->mail, b->flags);
        if (a->uid != b->uid || a->mail != b->mail || a->flags != b->flags)
            return false;
    }
    return true;
}

static bool folders_equal(const struct folders *is, const struct folders *should, char *why,
                          size_t size)
{
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        int len = snprintf(why, size, "%s: ", folders_names[i]);
        if (!folder_equal(&is->at[i], &should->at[i], why + len, size - (size_t)len))
            return false;
        (void)snprintf(why, size, "%s is %ssubscribed", folders_names[i],
                       is->subscribed[i] ? "" : "not ");
        if (is->subscribed[i] != should->subscribed[i])
            return false;
    }
    return true;
}

/* Those whose UIDVALIDITY is new are larger than all that were before any of them. */
static void learn_validities(struct run *r, struct folders_book *book, const struct folders *seen)
{
    uint32_t most = book->validity_max;

    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        if (!seen->at[i].exists)
            continue;
        folders_validity(r, book, &book->now, i, seen->at[i].uid_validity);
        if (most < seen->at[i].uid_validity)
            most = seen->at[i].uid_validity;
    }
    book->validity_max = most;
}

/* What the store alone shows: 0 when the others did not. */
static void learn_modseqs(struct run *r, struct folders_book *book, const struct folders *seen)
{
    for (unsigned i = 0; i < FOLDERS_NAMES; i++) {
        struct folder *f = &book->now.at[i];
        uint64_t modseq = seen->at[i].modseq;

        if (!f->exists || modseq == 0)
            continue;
        if (modseq < f->modseq + (f->modseq != 0 && f->has_changed))
            run_violated(r, "MODSEQ of %s was %llu and is %llu, %s", folders_names[i],
                         (unsigned long long)f->modseq, (unsigned long long)modseq,
                         f->has_changed ? "though it has changed" : "without a change");
        f->modseq = modseq;
        f->has_changed = false;
    }
}

void folders_seen(struct run *r, struct folders_book *book, const struct folders *seen,
                  const char *who)
{
    char why[160], other[160];

    if (book->is_open && folders_equal(seen, &book->then, other, sizeof(other)))
        book->now = book->then;
    else if (!folders_equal(seen, &book->now, why, sizeof(why)))
        run_violated(r, "LOST: %s: %.100s%s%.100s", who, why, book->is_open ? "; or " : "",
                     book->is_open ? other : "");
    book->is_open = false;
    if (r->failed)
        return;
    learn_validities(r, book, seen);
    learn_modseqs(r, book, seen);
}
