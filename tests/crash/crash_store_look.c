#include "tests/crash/crash_store_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/number.h"
#include "tests/crash/crash_store_queue.h"

struct look {
    const struct load *load;
    struct store_view *v;
    struct model *m;
    uint64_t hash, due;
    char *why;
    size_t why_size;
    bool is_wrong;
};

static void wrong(struct look *k, const char *what, uint64_t a, uint64_t b)
{
    if (!k->is_wrong)
        (void)snprintf(k->why, k->why_size, "%s (%llu, %llu)", what, (unsigned long long)a,
                       (unsigned long long)b);
    k->is_wrong = true;
}

static void mix(struct look *k, uint64_t n)
{
    k->hash = (k->hash ^ n) * UINT64_C(0x9e3779b97f4a7c15);
    k->hash ^= k->hash >> 29;
}

/* ---- one entry ---- */

static uint32_t look_at_body(struct look *k, store_message id, uint32_t *size_r)
{
    struct span bytes, meta;
    uint32_t message;
    size_t len;
    char *right;

    if (store_message_size(k->v, id, size_r) != STORE_OK ||
        store_message_bytes(k->v, id, 0, *size_r, &bytes) != STORE_OK || bytes.len < 8) {
        wrong(k, "a body can't be read", id, 0);
        return 0;
    }
    message = (uint32_t)number_get64(bytes.at);
    if (message == 0 || message > k->load->message || bytes.len != message_size(message) ||
        crc32c(0, bytes.at, bytes.len) != k->load->crc[message]) {
        wrong(k, "a body has other bytes, message", message, bytes.len);
        return 0;
    }
    if (store_message_meta(k->v, id, &meta) != STORE_OK) {
        wrong(k, "META can't be read", message, 0);
        return 0;
    }
    right = message_meta(message, &len);
    if (meta.len != len || memcmp(meta.at, right, len) != 0)
        wrong(k, "META has other bytes, message", message, meta.len);
    free(right);
    return message;
}

static uint32_t keywords_of(struct look *k, store_account account, uint64_t bits)
{
    uint32_t found = 0;
    unsigned number;

    for (unsigned i = 0; i < MODEL_KEYWORDS && bits != 0; i++) {
        if (store_keyword_find(k->v, account, span_str(model_keywords[i]), &number) == STORE_OK &&
            (bits >> number & 1) != 0) {
            found |= 1U << i;
            bits &= ~(UINT64_C(1) << number);
        }
    }
    if (bits != 0)
        wrong(k, "a keyword without a name", bits, 0);
    return found;
}

static void look_at_entry(struct look *k, unsigned mailbox, const struct store_entry *e)
{
    struct model_entry *to = &k->m->entries[k->m->count];
    char header[128];
    struct span bytes;
    uint32_t size = 0, message;
    size_t header_len;

    if (k->m->count == MODEL_ENTRIES_MAX) {
        wrong(k, "more messages than can be", k->m->count, 0);
        return;
    }
    message = look_at_body(k, e->message, &size);
    header_len = message != 0 ? message_header(message, mailbox, header) : 0;
    if (store_entry_header(k->v, e, &bytes) != STORE_OK)
        wrong(k, "a delivery header can't be read", message, e->uid);
    else if (message != 0 && !span_eq(bytes, (struct span){header, header_len}))
        wrong(k, "a delivery header has other bytes, message", message, e->uid);
    if (e->size != e->header_len + size || e->header_len != bytes.len)
        wrong(k, "sizes of an entry", e->size, size);
    if (e->received_us != (int64_t)message * 1000000)
        wrong(k, "INTERNALDATE", (uint64_t)e->received_us, message);
    *to = (struct model_entry){e->uid, e->flags, 0, message, mailbox};
    to->keywords = keywords_of(k, k->m->accounts[mailbox / MODEL_NAMES].number, e->keywords);
    k->m->count++;
    mix(k, e->uid | (uint64_t)e->flags << 32);
    mix(k, e->keywords);
    mix(k, e->modseq);
    mix(k, e->message);
    mix(k, (uint64_t)e->saved_s);
    mix(k, (uint64_t)e->zone_minutes << 16 | e->target);
}

/* ---- mailboxes ---- */

static void look_at_entries(struct look *k, unsigned mailbox, const struct store_mailbox_info *info)
{
    struct store_entry entries[64];
    uint32_t from = 1, messages = 0, unseen = 0, deleted = 0, first_unseen = 0;
    uint64_t bytes = 0, modseq = 0;
    size_t count;

    do {
        if (store_entries(k->v, info->id, from, entries, 64, &count) != STORE_OK) {
            wrong(k, "entries can't be read", info->id, from);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            const struct store_entry *e = &entries[i];
            bool is_seen = (e->flags & STORE_SEEN) != 0;
            look_at_entry(k, mailbox, e);
            if (e->uid < from || e->uid >= info->uid_next)
                wrong(k, "a UID out of order", e->uid, from);
            from = e->uid + 1;
            messages++;
            unseen += !is_seen;
            if (!is_seen && first_unseen == 0)
                first_unseen = e->uid;
            deleted += (e->flags & STORE_DELETED) != 0;
            bytes += e->size;
            modseq = e->modseq > modseq ? e->modseq : modseq;
        }
    } while (count > 0);
    if (messages != info->messages || unseen != info->unseen || deleted != info->deleted ||
        bytes != info->bytes)
        wrong(k, "counters of a mailbox", messages, info->messages);
    if (first_unseen != info->first_unseen_uid)
        wrong(k, "the first unseen", first_unseen, info->first_unseen_uid);
    if (modseq > info->modseq)
        wrong(k, "HIGHESTMODSEQ", modseq, info->modseq);
}

/* The other ways to ask for the same: UIDs as runs, all that changed since the beginning, and what
 * vanished: nothing that is there. */
static void look_at_uids(struct look *k, const struct store_mailbox_info *info)
{
    struct store_range *there = NULL, *gone = NULL;
    size_t there_count = 0, gone_count = 0, changed = 0;
    struct store_entry *entries = calloc(MODEL_ENTRIES_MAX, sizeof(*entries));
    uint32_t count = 0;

    if (entries == NULL ||
        store_entries_since(k->v, info->id, 0, 1, entries, MODEL_ENTRIES_MAX, &changed) !=
            STORE_OK ||
        changed != info->messages)
        wrong(k, "what changed since the beginning", changed, info->messages);
    if (store_uids(k->v, info->id, &there, &there_count) != STORE_OK ||
        store_vanished(k->v, info->id, 0, &gone, &gone_count) != STORE_OK)
        wrong(k, "UIDs can't be read", info->id, 0);
    for (size_t i = 0; i < there_count; i++) {
        count += there[i].to - there[i].from + 1;
        for (size_t g = 0; g < gone_count; g++) {
            if (gone[g].from <= there[i].to && there[i].from <= gone[g].to)
                wrong(k, "what is there is told as vanished", there[i].from, gone[g].from);
        }
    }
    if (count != info->messages)
        wrong(k, "runs of UIDs", count, info->messages);
    free(there);
    free(gone);
    free(entries);
}

static bool number_of(struct span name, unsigned account, unsigned *mailbox_r)
{
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        if (span_eq(span_str(model_names[i]), name)) {
            *mailbox_r = account * MODEL_NAMES + i;
            return true;
        }
    }
    return false;
}

static void look_at_mailbox(struct look *k, unsigned mailbox, const struct store_mailbox_info *info)
{
    uint32_t validity;

    k->m->accounts[mailbox / MODEL_NAMES].mailboxes++;
    k->m->mailboxes[mailbox] = (struct model_mailbox){.number = (uint32_t)info->id,
                                                      .uid_next = info->uid_next,
                                                      .recent = info->recent_from_uid,
                                                      .age = info->uid_validity,
                                                      .modseq = info->modseq,
                                                      .uses = info->uses};
    mix(k, info->id);
    mix(k, info->uid_validity);
    mix(k, info->modseq);
    mix(k, info->keywords);
    if (store_mailbox_state(k->v, info->id, &validity) != STORE_OK ||
        validity != info->uid_validity)
        wrong(k, "the UIDVALIDITY of a mailbox", info->id, info->uid_validity);
    look_at_entries(k, mailbox, info);
    look_at_uids(k, info);
}

static void look_at_folders(struct look *k)
{
    struct store_folder folders[STORE_FOLDERS_MAX];
    size_t count = store_folders(k->v, folders);
    unsigned name;

    for (size_t i = 0; i < count; i++) {
        if (!number_of(folders[i].name, 0, &name)) {
            wrong(k, "a folder that nobody named", i, count);
            return;
        }
        k->m->folders |= 1u << name;
        k->m->folder_uses[name] = folders[i].uses;
    }
}

/* Subscriptions; and what LIST shows is what there is. */
static void look_at_names(struct look *k, unsigned account)
{
    struct store_listings listings = {0};
    uint32_t mailboxes = 0;
    unsigned mailbox;

    if (store_listings(k->v, k->m->accounts[account].number, &listings) != STORE_OK)
        wrong(k, "names can't be listed", account, 0);
    for (size_t i = 0; i < listings.count; i++) {
        const struct store_listing *name = &listings.at[i];
        if (!number_of(name->name, account, &mailbox)) {
            wrong(k, "a name that nobody made", account, i);
            break;
        }
        if (name->exists != (k->m->mailboxes[mailbox].number != 0) ||
            (name->exists && name->uses != k->m->mailboxes[mailbox].uses))
            wrong(k, "the name of a mailbox", mailbox, name->uses);
        mailboxes += name->exists;
        k->m->subscribed[mailbox] = name->is_subscribed;
    }
    if (mailboxes != k->m->accounts[account].mailboxes)
        wrong(k, "names of mailboxes", mailboxes, k->m->accounts[account].mailboxes);
    store_listings_free(&listings);
}

static bool is_there(const struct model *m, unsigned account, uint32_t number)
{
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        if (m->mailboxes[account * MODEL_NAMES + i].number == number)
            return true;
    }
    return false;
}

/* What was deleted says so to one that still knows its number. */
static void look_for_deleted(struct look *k, unsigned account)
{
    static struct store_mailbox_info info;
    uint32_t made = load_state(k->load, k->load->submitted)->accounts[account].made, validity;

    for (uint32_t number = 1; number <= made; number++) {
        store_mailbox id = (store_mailbox)k->m->accounts[account].number << 32 | number;
        if (is_there(k->m, account, number))
            continue;
        if (store_mailbox_get(k->v, id, &info) != STORE_NOT_FOUND ||
            store_mailbox_state(k->v, id, &validity) != STORE_NOT_FOUND)
            wrong(k, "a mailbox that is deleted", id, 0);
    }
}

static void look_at_account(struct look *k, unsigned account, store_account id)
{
    struct store_mailbox_info *info = malloc(sizeof(*info));
    struct span after = SPAN("");
    char name[STORE_MAILBOX_NAME_MAX];
    unsigned mailbox;

    k->m->accounts[account].number = id;
    k->m->accounts[account].has_folders = !store_account_wants_folders(k->v, id);
    k->m->account_count++;
    while (info != NULL && store_mailbox_next(k->v, id, after, info) == STORE_OK) {
        if (!number_of((struct span){info->name, info->name_len}, account, &mailbox)) {
            wrong(k, "a mailbox that nobody made", id, info->id);
            break;
        }
        look_at_mailbox(k, mailbox, info);
        memcpy(name, info->name, info->name_len);
        after = (struct span){name, info->name_len};
    }
    free(info);
    look_at_names(k, account);
    look_for_deleted(k, account);
    model_ages_rank(k->m, account);
}

/* ---- the queue ---- */

static void look_at_recipients(struct look *k, store_queue_id id, uint32_t message)
{
    struct store_queue_recipient r;
    uint32_t from = 0;
    size_t count;

    while (store_queue_recipients(k->v, id, from, &r, 1, &count) == STORE_OK && count == 1) {
        if (k->m->queued_count == MODEL_QUEUED_MAX ||
            !queue_recipient_is(&r, message, &k->m->queued[k->m->queued_count])) {
            wrong(k, "a recipient that nobody made", id, r.number);
            return;
        }
        k->m->queued_count++;
        k->due += (r.marks & STORE_QUEUE_HELD) == 0;
        mix(k, (uint64_t)r.tried_us);
        from = r.number + 1;
    }
}

/* Each who is not held is due once, in order. */
static void look_at_due(struct look *k)
{
    struct store_queue_due due[2] = {{0}};
    struct store_queue_recipient r;
    size_t count;

    while (store_queue_due(k->v, due[0].id ? &due[0] : NULL, &due[1], 1, &count) == STORE_OK &&
           count == 1) {
        if (due[1].due_us < due[0].due_us ||
            store_queue_recipient(k->v, due[1].id, due[1].number, &r) != STORE_OK ||
            r.due_us != due[1].due_us || (r.marks & STORE_QUEUE_HELD) != 0)
            wrong(k, "a due time", due[1].id, due[1].number);
        k->due--;
        due[0] = due[1];
    }
    if (k->due != 0)
        wrong(k, "due times", k->due, 0);
}

static void look_at_queue(struct look *k)
{
    struct store_queue_message m = {0};
    uint32_t message, size;
    size_t count;

    while (!k->is_wrong && store_queue_messages(k->v, m.id, &m, 1, &count) == STORE_OK &&
           count == 1) {
        if (!queue_message_is(&m, &message) || look_at_body(k, m.id, &size) != message ||
            m.envelope.size != size)
            wrong(k, "a queued message", m.id, m.envelope.size);
        else
            look_at_recipients(k, m.id, message);
        mix(k, m.id);
    }
    look_at_due(k);
}

bool store_look(struct store *s, const struct load *l, struct model *m_r, uint64_t *hash_r,
                char *why, size_t why_size)
{
    struct look k = {.load = l, .m = m_r, .hash = 1, .why = why, .why_size = why_size};
    store_account id;
    enum store_status status;

    memset(m_r, 0, sizeof(*m_r));
    if (store_view_open(s, &k.v) != STORE_OK) {
        wrong(&k, "no view", 0, 0);
        return false;
    }
    look_at_folders(&k);
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        status = store_account_find(k.v, span_str(model_accounts[i]), &id);
        if (status == STORE_OK)
            look_at_account(&k, i, id);
        else if (status != STORE_NOT_FOUND)
            wrong(&k, "accounts can't be read", i, status);
    }
    look_at_queue(&k);
    store_view_close(&k.v);
    *hash_r = k.hash;
    return !k.is_wrong;
}
