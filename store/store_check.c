/*
 * `ringpost store check`: walks the log and the index and compares them. Reads only. Findings are
 * said one by one, up to a bound of each kind; the report has the counts.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/index/index_queue.h"
#include "store/store_private.h"

enum {
    SAID_MAX = 100, /* findings told one by one */
};

/* What one entry, or the queue (mailbox 0), expects of its message. */
struct expectation {
    store_message message;
    store_mailbox mailbox;
    uint32_t uid, size, header_len;
    uint16_t target;
};

struct check {
    struct store *s;
    struct index_txn *txn;
    struct store_check_report *report;
    struct expectation *expected;
    size_t expected_count, expected_size;
    struct map *live;     /* segment -> uint64_t: what its bodies add up to */
    uint64_t queued, due; /* recipients */
    unsigned said;
};

static void finding(struct check *c, uint64_t *kind, const char *what, uint64_t a, uint64_t b)
{
    ++*kind;
    if (c->said++ < SAID_MAX)
        store_say(c->s, "check: %s: %016llx %llu", what, (unsigned long long)a,
                  (unsigned long long)b);
}

/* ---- the log ---- */

static enum store_status check_batch(void *context, const struct journal_batch *batch)
{
    struct check *c = context;

    c->report->batches++;
    c->report->records += batch->count;
    return STORE_OK;
}

static void check_log(struct check *c)
{
    enum store_status status = journal_walk(c->s->journal, check_batch, c);

    if (status != STORE_OK)
        finding(c, &c->report->damaged, "the log cannot be read to its end, batches read",
                c->report->batches, 0);
}

/* ---- mailboxes ---- */

static void expect(struct check *c, store_mailbox mailbox, const struct store_entry *e)
{
    if (c->expected_count == c->expected_size) {
        c->expected_size = c->expected_size ? c->expected_size * 2 : 1024;
        c->expected = xrealloc(c->expected, c->expected_size * sizeof(*c->expected));
    }
    c->expected[c->expected_count++] = (struct expectation){
        .message = e->message,
        .mailbox = mailbox,
        .uid = e->uid,
        .size = e->size,
        .header_len = e->header_len,
        .target = e->target,
    };
}

struct counted {
    uint32_t messages, unseen, deleted, last_uid, first_unseen;
    uint64_t bytes, modseq;
};

static struct counted count_entries(struct check *c, store_mailbox mailbox)
{
    struct counted n = {0};
    struct store_entry entries[64];
    size_t count = COUNT_OF(entries);

    while (count == COUNT_OF(entries)) {
        count = index_entries(c->txn, mailbox, n.last_uid + 1, entries, COUNT_OF(entries));
        for (size_t i = 0; i < count; i++) {
            const struct store_entry *e = &entries[i];
            n.messages++;
            n.unseen += !(e->flags & STORE_SEEN);
            if (!(e->flags & STORE_SEEN) && n.first_unseen == 0)
                n.first_unseen = e->uid;
            n.deleted += (e->flags & STORE_DELETED) != 0;
            n.bytes += e->size;
            n.modseq = e->modseq > n.modseq ? e->modseq : n.modseq;
            n.last_uid = e->uid;
            expect(c, mailbox, e);
        }
    }
    c->report->entries += n.messages;
    return n;
}

/* The rows of the vanish log: as many as the mailbox says, and none of them about a message that is
 * there. */
static void check_vanished(struct check *c, const struct index_mailbox *m)
{
    struct index_key from = key_vanished(m->id, 0, 0);
    struct span key, value;
    uint32_t rows = 0;
    bool found = index_seek(c->txn, INDEX_VAN, key_span(&from), &key, &value);

    for (; found && key.len == 20 && value.len == 4 && key_has_prefix(key, from.bytes, 8);
         found = index_next(c->txn, INDEX_VAN, &key, &value)) {
        uint32_t first = key_get32(key.at + 16), last = number_get32(value.at);
        struct store_entry entry;
        rows++;
        if (index_entries(c->txn, m->id, first, &entry, 1) == 1 && entry.uid <= last)
            finding(c, &c->report->miscounted, "told as vanished but there", m->id, entry.uid);
    }
    if (rows != m->vanish_count)
        finding(c, &c->report->miscounted, "rows of the vanish log", m->id, rows);
}

/* A deleted one has no name and waits in the table of those; all others are found by name. */
static void check_name(struct check *c, const struct index_mailbox *m)
{
    struct index_key dead = key_mailbox(m->id);
    struct span value;
    store_mailbox named;
    bool is_waiting = index_get(c->txn, INDEX_DEAD, key_span(&dead), &value);

    if (is_waiting != m->is_deleted)
        finding(c, &c->report->missing, "the note of a deleted mailbox", m->id, is_waiting);
    if (m->is_deleted)
        return;
    c->report->mailboxes++;
    if (!index_mailbox_find(c->txn, mailbox_account(m->id), (struct span){m->name, m->name_len},
                            &named) ||
        named != m->id)
        finding(c, &c->report->missing, "the name of mailbox", m->id, 0);
}

static void check_mailbox(struct check *c, const struct index_mailbox *m)
{
    struct counted n = count_entries(c, m->id);
    uint64_t *kind = &c->report->miscounted;

    if (n.messages != m->messages)
        finding(c, kind, "messages of mailbox", m->id, n.messages);
    if (n.unseen != m->unseen)
        finding(c, kind, "unseen messages of mailbox", m->id, n.unseen);
    if (n.deleted != m->deleted)
        finding(c, kind, "deleted messages of mailbox", m->id, n.deleted);
    if (n.bytes != m->bytes)
        finding(c, kind, "bytes of mailbox", m->id, n.bytes);
    if (n.last_uid >= m->uid_next)
        finding(c, kind, "UIDNEXT of mailbox", m->id, m->uid_next);
    if (n.modseq > m->modseq)
        finding(c, kind, "HIGHESTMODSEQ of mailbox", m->id, m->modseq);
    if (n.unseen > 0 && n.first_unseen < m->unseen_from)
        finding(c, kind, "first unseen of mailbox", m->id, n.first_unseen);
    check_name(c, m);
    check_vanished(c, m);
}

static void check_mailboxes(struct check *c)
{
    struct index_mailbox m;
    struct index_key from;
    struct span key, value;
    store_mailbox last = 0;

    for (;;) { /* sought anew each time: the checks move the cursor's transaction about */
        from = key_mailbox(last + 1);
        if (!index_seek(c->txn, INDEX_MBOX, key_span(&from), &key, &value) || key.len != 8)
            return;
        last = key_get64(key.at);
        if (!index_mailbox_get(c->txn, last, &m))
            return;
        check_mailbox(c, &m);
    }
}

/* As many names and subscriptions as the account says, each name that of a mailbox. */
static void check_names(struct check *c, const struct index_account *a)
{
    struct index_key from = key_name(a->id, SPAN(""));
    uint32_t names = 0, subscriptions = 0;
    struct index_mailbox m;
    struct span key, value;
    store_mailbox inbox;
    bool found = index_seek(c->txn, INDEX_NAME, key_span(&from), &key, &value);

    for (; found && key_has_prefix(key, from.bytes, 4) && value.len == 4; names++) {
        if (!index_mailbox_get(c->txn, mailbox_make(a->id, number_get32(value.at)), &m) ||
            m.is_deleted)
            finding(c, &c->report->missing, "the mailbox of a name", a->id, number_get32(value.at));
        found = index_next(c->txn, INDEX_NAME, &key, &value);
    }
    found = index_seek(c->txn, INDEX_SUB, key_span(&from), &key, &value);
    for (; found && key_has_prefix(key, from.bytes, 4); subscriptions++)
        found = index_next(c->txn, INDEX_SUB, &key, &value);
    if (names != a->mailbox_count)
        finding(c, &c->report->miscounted, "mailboxes of account", a->id, names);
    if (subscriptions != a->subscription_count)
        finding(c, &c->report->miscounted, "subscriptions of account", a->id, subscriptions);
    if (!index_mailbox_find(c->txn, a->id, SPAN("INBOX"), &inbox) ||
        mailbox_number(inbox) != a->inbox)
        finding(c, &c->report->missing, "INBOX of account", a->id, a->inbox);
}

static void check_account(struct check *c, const struct index_account *a)
{
    store_account named;
    struct span word;

    if (!index_account_find(c->txn, (struct span){a->name, a->name_len}, &named) || named != a->id)
        finding(c, &c->report->missing, "the name of account", a->id, 0);
    for (unsigned i = 0; i < a->keyword_count; i++) {
        if (!index_keyword_get(c->txn, a->id, i, &word))
            finding(c, &c->report->missing, "a keyword of account", a->id, i);
    }
    check_names(c, a);
}

static void check_accounts(struct check *c)
{
    struct span key, value;
    struct index_account a;
    struct index_key from = key_account(0);
    bool found = index_seek(c->txn, INDEX_ACCT, key_span(&from), &key, &value);

    for (; found && key.len == 5 && key.at[0] == 'i';
         found = index_next(c->txn, INDEX_ACCT, &key, &value)) {
        store_account id = key_get32(key.at + 1);
        c->report->accounts++;
        if (!record_account_read(value, &a)) {
            finding(c, &c->report->damaged, "the row of account", id, 0);
            continue;
        }
        a.id = id;
        check_account(c, &a);
    }
}

/* ---- the queue ---- */

/* Its recipients: at least one, and those who are not held where they are due. */
static void check_recipients(struct check *c, store_queue_id id, uint32_t count)
{
    struct store_queue_recipient r;
    uint32_t next = 0, found = 0;
    struct index_key due;
    struct span value;

    for (; index_recipients(c->txn, id, next, &r, 1) == 1 && r.id == id; next = r.number + 1) {
        found++;
        c->queued++;
        due = key_due(r.due_us, id, r.number);
        if ((r.marks & STORE_QUEUE_HELD) != 0)
            continue;
        c->due++;
        if (!index_get(c->txn, INDEX_Q_DUE, key_span(&due), &value))
            finding(c, &c->report->missing, "the due time of a recipient", id, r.number);
    }
    if (found == 0 || found > count)
        finding(c, &c->report->miscounted, "recipients of queued message", id, found);
}

static void check_queue(struct check *c)
{
    struct store_queue_envelope envelope;
    struct span key, value;
    struct index_key from = {0};
    store_queue_id id;

    while (index_seek(c->txn, INDEX_Q_MSG, key_span(&from), &key, &value) && key.len == 8) {
        id = key_get64(key.at);
        from = key_body(id + 1);
        if (!index_envelope_get(c->txn, id, &envelope))
            return;
        c->report->queued++;
        expect(c, 0, &(struct store_entry){.message = id, .size = envelope.size});
        check_recipients(c, id, envelope.recipients);
    }
    if (index_rows(c->txn, INDEX_Q_RCPT) != c->queued)
        finding(c, &c->report->orphaned, "recipients without a message", c->queued,
                index_rows(c->txn, INDEX_Q_RCPT));
    if (index_rows(c->txn, INDEX_Q_DUE) != c->due)
        finding(c, &c->report->orphaned, "due times without a recipient", c->due,
                index_rows(c->txn, INDEX_Q_DUE));
}

/* ---- bodies ---- */

static int expectation_order(const void *a, const void *b)
{
    const struct expectation *x = a, *y = b;

    return x->message < y->message ? -1 : x->message > y->message;
}

static bool part_is_whole(struct check *c, const struct index_body *body, enum journal_part part)
{
    struct journal_pin *pin;
    struct span bytes;

    if (journal_pin(c->s->journal, &body->place, part, true, &bytes, &pin) != STORE_OK)
        return false;
    journal_unpin(pin);
    return true;
}

/* Each entry's delivery header must stand in the arguments, with the length that it says. */
static void check_headers(struct check *c, const struct index_body *body,
                          const struct expectation *first, size_t count)
{
    struct command_target target = {0};
    struct journal_pin *pin;
    struct span args, targets;
    unsigned targets_count;

    if (journal_pin(c->s->journal, &body->place, JOURNAL_ARGS, true, &args, &pin) != STORE_OK) {
        finding(c, &c->report->damaged, "arguments of message", first->message, 0);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_queued = first[i].mailbox == 0;
        bool ok = command_deliver_read(args, &targets_count, &targets) &&
                  (is_queued || first[i].target < targets_count);
        if (is_queued)
            target.header = SPAN("");
        for (unsigned k = 0; ok && !is_queued && k <= first[i].target; k++)
            ok = command_target_next(&targets, &target);
        if (!ok || target.header.len != first[i].header_len ||
            first[i].size != first[i].header_len + body->place.body_len)
            finding(c, &c->report->damaged, "sizes of an entry", first[i].mailbox, first[i].uid);
    }
    journal_unpin(pin);
}

static void live_add(struct check *c, const struct index_body *body)
{
    uint64_t *live = map_get(c->live, map_key_u64(&body->place.segment));

    if (!live) {
        live = xcalloc(1, sizeof(*live));
        map_put(c->live, map_key_u64(&body->place.segment), live);
    }
    *live += record_body_bytes(body);
}

static void check_body(struct check *c, store_message message, const struct index_body *body,
                       const struct expectation *first, size_t count)
{
    c->report->messages++;
    live_add(c, body);
    if (count == 0)
        finding(c, &c->report->orphaned, "nothing points at message", message, 0);
    if (count != body->references)
        finding(c, &c->report->miscounted, "entries that point at message", message, count);
    if (!part_is_whole(c, body, JOURNAL_BODY))
        finding(c, &c->report->damaged, "body of message", message, body->place.body_len);
    if (!part_is_whole(c, body, JOURNAL_META))
        finding(c, &c->report->damaged, "META of message", message, body->place.meta_len);
    if (count > 0)
        check_headers(c, body, first, count);
}

/* Both in order of messages: entries and bodies side by side. */
static void check_bodies(struct check *c)
{
    struct span key, value;
    struct index_body body;
    size_t at = 0, end;
    bool found;

    if (c->expected_count > 0)
        qsort(c->expected, c->expected_count, sizeof(*c->expected), expectation_order);
    for (found = index_seek(c->txn, INDEX_BODY, SPAN(""), &key, &value); found && key.len == 8;
         found = index_next(c->txn, INDEX_BODY, &key, &value)) {
        store_message message = key_get64(key.at);
        for (; at < c->expected_count && c->expected[at].message < message; at++)
            finding(c, &c->report->missing, "body of an entry", c->expected[at].mailbox,
                    c->expected[at].uid);
        for (end = at; end < c->expected_count && c->expected[end].message == message;)
            end++;
        if (record_body_read(value, &body))
            check_body(c, message, &body, c->expected + at, end - at);
        else
            finding(c, &c->report->damaged, "the row of message", message, 0);
        at = end;
    }
    for (; at < c->expected_count; at++)
        finding(c, &c->report->missing, "body of an entry", c->expected[at].mailbox,
                c->expected[at].uid);
}

/* ---- segments ---- */

static void check_segments(struct check *c)
{
    struct span key, value;
    uint64_t *live, segment;
    void *left;
    bool found = index_seek(c->txn, INDEX_SEG, SPAN(""), &key, &value);

    for (; found && key.len == 16; found = index_next(c->txn, INDEX_SEG, &key, &value)) {
        if (key_get64(key.at + 8) != 0)
            continue;
        segment = key_get64(key.at);
        live = map_remove(c->live, map_key_u64(&segment));
        if (value.len != 8 || number_get64(value.at) != (live ? *live : 0))
            finding(c, &c->report->miscounted, "live bytes of segment", segment, live ? *live : 0);
        free(live);
    }
    for (size_t place = 0; map_next(c->live, &place, &key, &left);) {
        memcpy(&segment, key.at, sizeof(segment));
        finding(c, &c->report->miscounted, "live bytes of segment", segment,
                *(const uint64_t *)left);
        free(left);
    }
}

/* ---- the whole ---- */

static enum store_status check_index(struct check *c)
{
    enum store_status status = store_recover_index(c->s);

    if (status != STORE_OK) {
        finding(c, &c->report->damaged, "the index cannot be used, status", status, 0);
        return status == STORE_NOT_FOUND || status == STORE_CORRUPT ? STORE_OK : status;
    }
    status = index_read_begin(c->s->index, &c->txn);
    if (status != STORE_OK)
        return status;
    c->live = map_new();
    check_accounts(c);
    check_mailboxes(c);
    check_queue(c);
    check_bodies(c);
    check_segments(c);
    status = index_status(c->txn);
    if (status != STORE_OK)
        finding(c, &c->report->damaged, "the index cannot be read, status", status, 0);
    index_read_end(&c->txn);
    map_free(&c->live);
    return STORE_OK;
}

enum store_status store_check(const struct store_config *config,
                              struct store_check_report *report_r)
{
    struct store_config reading = *config;
    struct check c = {.report = report_r};
    enum store_status status;

    *report_r = (struct store_check_report){0};
    reading.read_only_check = true;
    status = store_open_for_check(&reading, &c.s);
    if (status != STORE_OK)
        return status;
    check_log(&c);
    status = check_index(&c);
    store_close(&c.s);
    free(c.expected);
    return status;
}
