/*
 * A change: filled by its caller, turned into records at submission, then the committer's and the
 * applier's. Everything that its records point at hangs on it and goes with it.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "store/commit/command_queue.h"
#include "store/store_private.h"

/* What stands behind one record. */
struct change_part {
    struct command_text args;
    struct command_text queue; /* the queue part of a delivery, to be put behind its targets */
    unsigned queue_result;     /* and which result it has */
    struct store_draft *draft;
    char *body, *meta;
    unsigned *results; /* for each item, which result */
    unsigned result_count, result_size;
    unsigned place; /* order of its first item: records are written in that order */
    bool grows;     /* its effect takes more room than it gives up */
};

struct change_owned {
    struct change_part *parts; /* as many as records */
    unsigned results;
};

struct store_change *store_change_new(struct store *s)
{
    struct store_change *c = xcalloc(1, sizeof(*c));

    c->store = s;
    c->owned = xcalloc(1, sizeof(struct change_owned));
    return c;
}

static struct change_owned *owned_of(const struct store_change *c)
{
    return c->owned;
}

static unsigned record_new(struct store_change *c, enum journal_type type)
{
    struct change_owned *o = owned_of(c);

    if (c->count == c->size) {
        c->size = c->size ? c->size * 2 : 4;
        c->records = xrealloc(c->records, c->size * sizeof(*c->records));
        o->parts = xrealloc(o->parts, c->size * sizeof(*o->parts));
    }
    c->records[c->count] = (struct journal_record){.type = (uint8_t)type};
    o->parts[c->count] = (struct change_part){0};
    return c->count++;
}

static void result_add(struct change_part *p, unsigned result)
{
    if (p->result_count == p->result_size) {
        p->result_size = p->result_size ? p->result_size * 2 : 1;
        p->results = xrealloc(p->results, p->result_size * sizeof(*p->results));
    }
    p->results[p->result_count++] = result;
}

/* One more item of this record, which has the caller's next result. */
static void item_new(struct store_change *c, unsigned record)
{
    struct change_owned *o = owned_of(c);
    struct change_part *p = &o->parts[record];

    if (p->result_count == 0 && p->queue.len == 0)
        p->place = o->results;
    result_add(p, o->results++);
}

/* A record of its own for one call. */
static struct command_text *command_new(struct store_change *c, enum journal_type type)
{
    unsigned record = record_new(c, type);

    item_new(c, record);
    return &owned_of(c)->parts[record].args;
}

void store_change_account(struct store_change *c, struct span account)
{
    command_account_write(command_new(c, JOURNAL_ACCOUNT), account);
}

static void mailbox_command(struct store_change *c, const struct command_mailbox *mailbox,
                            bool grows)
{
    command_mailbox_write(command_new(c, JOURNAL_MAILBOX), mailbox);
    owned_of(c)->parts[c->count - 1].grows = grows;
}

void store_change_mailbox_create(struct store_change *c, store_account account, struct span name,
                                 unsigned uses)
{
    const struct command_mailbox mailbox = {
        .what = COMMAND_MAILBOX_CREATE, .account = account, .name = name, .uses = uses};

    mailbox_command(c, &mailbox, true);
}

void store_change_mailbox_delete(struct store_change *c, store_account account, struct span name)
{
    const struct command_mailbox mailbox = {
        .what = COMMAND_MAILBOX_DELETE, .account = account, .name = name};

    mailbox_command(c, &mailbox, false);
}

void store_change_mailbox_rename(struct store_change *c, store_account account, struct span name,
                                 struct span to)
{
    const struct command_mailbox mailbox = {
        .what = COMMAND_MAILBOX_RENAME, .account = account, .name = name, .to = to};

    mailbox_command(c, &mailbox, true);
}

void store_change_subscribe(struct store_change *c, store_account account, struct span name,
                            bool subscribe)
{
    const struct command_mailbox mailbox = {.what = subscribe ? COMMAND_MAILBOX_SUBSCRIBE
                                                              : COMMAND_MAILBOX_UNSUBSCRIBE,
                                            .account = account,
                                            .name = name};

    mailbox_command(c, &mailbox, subscribe);
}

void store_change_folders(struct store_change *c, const struct store_folder *folders, size_t count)
{
    ensure(count <= STORE_FOLDERS_MAX);
    command_folders_write(command_new(c, JOURNAL_FOLDERS), folders, count);
}

void store_change_flags(struct store_change *c, const struct store_flag_change *flags)
{
    ensure(flags->count <= STORE_RANGES_MAX);
    command_flags_write(command_new(c, JOURNAL_FLAGS), flags);
}

void store_change_expunge(struct store_change *c, store_mailbox mailbox,
                          const struct store_range *uids, size_t count)
{
    ensure(count <= STORE_RANGES_MAX);
    command_expunge_write(command_new(c, JOURNAL_EXPUNGE), mailbox, uids, count);
}

void store_change_copy(struct store_change *c, const struct store_copy *copy)
{
    ensure(copy->count > 0);
    ensure(copy->count <= STORE_RANGES_MAX);
    command_copy_write(command_new(c, JOURNAL_COPY), copy);
    owned_of(c)->parts[c->count - 1].grows = !copy->is_move;
    c->messages += copy->messages;
}

void store_change_recent(struct store_change *c, store_mailbox mailbox, uint32_t uid)
{
    command_recent_write(command_new(c, JOURNAL_RECENT), mailbox, uid);
}

unsigned store_change_message(struct store_change *c, struct store_draft **draft, struct span meta)
{
    unsigned record = record_new(c, JOURNAL_DELIVER);
    struct change_part *p = &owned_of(c)->parts[record];

    p->draft = *draft;
    *draft = NULL;
    p->meta = xmalloc(meta.len + 1);
    if (meta.len > 0)
        memcpy(p->meta, meta.at, meta.len);
    c->records[record].meta = (struct span){p->meta, meta.len};
    command_deliver_begin(&p->args);
    return record;
}

void store_change_deliver(struct store_change *c, unsigned message,
                          const struct store_delivery *delivery)
{
    ensure(message < c->count && c->records[message].type == JOURNAL_DELIVER);
    ensure(owned_of(c)->parts[message].result_count < COMMAND_TARGETS_MAX);
    item_new(c, message);
    command_deliver_target(&owned_of(c)->parts[message].args, delivery);
}

/* Its result stands behind those of the targets, as it does in the record. */
void store_change_queue(struct store_change *c, unsigned message,
                        const struct store_queue_envelope *envelope,
                        const struct store_queue_recipient *recipients, size_t count)
{
    struct change_owned *o = owned_of(c);
    struct change_part *p = &o->parts[message];

    ensure(message < c->count && c->records[message].type == JOURNAL_DELIVER);
    ensure(p->queue.len == 0);
    ensure(count > 0);
    ensure(count <= STORE_QUEUE_RECIPIENTS_MAX);
    command_queue_write(&p->queue, envelope, recipients, count);
    if (p->result_count == 0)
        p->place = o->results;
    p->queue_result = o->results++;
}

void store_change_queue_state(struct store_change *c, store_queue_id id,
                              const struct store_queue_update *updates, size_t count, bool is_exact)
{
    ensure(count <= STORE_QUEUE_UPDATES_MAX);
    command_queue_state_write(command_new(c, JOURNAL_QUEUE), id, updates, count, is_exact);
}

/* ---- the end ---- */

static void part_drop_bodies(struct change_part *p)
{
    if (p->draft)
        store_draft_drop(&p->draft);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who frees these sets them to NULL */
    free(p->body);
    free(p->meta);
    p->body = p->meta = NULL;
}

void store_change_drop_bodies(struct store_change *c)
{
    for (unsigned i = 0; i < c->count; i++)
        part_drop_bodies(&owned_of(c)->parts[i]);
}

void store_change_reset(struct store_change *c)
{
    for (unsigned i = 0; i < c->result_count; i++) {
        free(c->results[i].ranges);
        c->results[i] = (struct store_result){0};
    }
}

/* A big file whose record never became durable is nobody's. */
static void bigs_remove(struct store_change *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (c->records[i].is_big && c->records[i].lsn == 0)
            journal_big_remove(c->store->journal, c->records[i].big_id);
    }
}

static void change_free(struct store_change *c)
{
    struct change_owned *o = owned_of(c);

    for (unsigned i = 0; i < c->count; i++) {
        part_drop_bodies(&o->parts[i]);
        free(o->parts[i].args.at);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): end_deliveries() forgets what it frees */
        free(o->parts[i].queue.at);
        free(o->parts[i].results);
    }
    bigs_remove(c);
    store_change_reset(c);
    free(c->results);
    free(c->result_of);
    free(o->parts);
    free(o);
    free(c->records);
    free(c);
}

void store_change_drop(struct store_change **change)
{
    change_free(*change);
    *change = NULL;
}

void store_change_end(struct store_change *c, enum store_status status)
{
    bool has_results = c->ack == STORE_ACK_APPLIED;

    if (c->done)
        c->done(c->context, status, has_results ? c->results : NULL,
                has_results ? c->result_count : 0);
    change_free(c);
}

/* ---- submission ---- */

/* The queue parts go to the end of their records, and their results with them. */
static void end_deliveries(struct store_change *c)
{
    struct change_owned *o = owned_of(c);

    for (unsigned i = 0; i < c->count; i++) {
        struct change_part *p = &o->parts[i];
        if (p->queue.len == 0)
            continue;
        command_deliver_end(&p->args, (struct span){p->queue.at, p->queue.len});
        result_add(p, p->queue_result);
        free(p->queue.at);
        p->queue = (struct command_text){0};
    }
}

/* Messages that nobody gets are left out. */
static void drop_undelivered(struct store_change *c)
{
    struct change_owned *o = owned_of(c);
    unsigned kept = 0;

    for (unsigned i = 0; i < c->count; i++) {
        if (c->records[i].type == JOURNAL_DELIVER && o->parts[i].result_count == 0) {
            part_drop_bodies(&o->parts[i]);
            free(o->parts[i].args.at);
            continue;
        }
        c->records[kept] = c->records[i];
        o->parts[kept++] = o->parts[i];
    }
    c->count = kept;
}

/* Effects come in the order of the calls, and a message's in that of its first delivery. */
static void order_records(struct store_change *c)
{
    struct change_part *parts = owned_of(c)->parts;

    for (unsigned i = 1; i < c->count; i++) {
        struct journal_record record = c->records[i];
        struct change_part part = parts[i];
        unsigned k = i;
        for (; k > 0 && parts[k - 1].place > part.place; k--) {
            c->records[k] = c->records[k - 1];
            parts[k] = parts[k - 1];
        }
        c->records[k] = record;
        parts[k] = part;
    }
}

static void lay_out_results(struct store_change *c)
{
    struct change_owned *o = owned_of(c);
    unsigned at = 0;

    c->result_count = o->results;
    if (o->results == 0)
        return;
    c->results = xcalloc(o->results, sizeof(*c->results));
    c->result_of = xcalloc(o->results, sizeof(*c->result_of));
    for (unsigned i = 0; i < c->count; i++) {
        const struct change_part *p = &o->parts[i];
        if (p->result_count == 0)
            continue;
        memcpy(c->result_of + at, p->results, p->result_count * sizeof(*p->results));
        at += p->result_count;
    }
    ensure(at == o->results);
}

static enum store_status finish_records(struct store_change *c)
{
    enum store_status status = STORE_OK;

    for (unsigned i = 0; i < c->count && status == STORE_OK; i++) {
        struct journal_record *r = &c->records[i];
        struct change_part *p = &owned_of(c)->parts[i];
        r->args = (struct span){p->args.at, p->args.len};
        r->more = i + 1 < c->count;
        r->meta_crc = crc32c(0, r->meta.at, r->meta.len);
        if (p->draft)
            status = store_draft_finish(p->draft, r);
    }
    return status;
}

/* Whether it makes the store larger: such a change is refused first. */
static bool is_growing(const struct store_change *c)
{
    const struct change_owned *o = c->owned;

    for (unsigned i = 0; i < c->count; i++) {
        if (c->records[i].type == JOURNAL_DELIVER || c->records[i].type == JOURNAL_ACCOUNT ||
            o->parts[i].grows)
            return true;
    }
    return false;
}

void store_submit(struct store *s, struct store_change **change, enum store_ack ack,
                  store_done_fn *done, void *context)
{
    struct store_change *c = *change;
    enum store_status status = STORE_OK;

    *change = NULL;
    c->ack = ack;
    c->done = done;
    c->context = context;
    end_deliveries(c);
    drop_undelivered(c);
    order_records(c);
    lay_out_results(c);
    if (is_growing(c) ? store_is_full(s) : applier_is_behind(s->applier))
        status = STORE_FULL;
    if (status == STORE_OK)
        status = finish_records(c);
    if (status == STORE_OK)
        committer_submit(s->committer, c);
    else
        store_change_end(c, status);
}

/* ---- waiting ---- */

struct waiting {
    struct answer *answer;
    enum store_status status;
    struct store_result *results;
    size_t max;
};

static void waiting_done(void *context, enum store_status status,
                         const struct store_result *results, size_t count)
{
    struct waiting *w = context;

    w->status = status;
    for (size_t i = 0; i < count && i < w->max; i++) {
        w->results[i] = results[i];
        w->results[i].ranges = NULL;
        w->results[i].range_count = 0;
    }
    answer_give(w->answer);
}

enum store_status store_submit_wait(struct store *s, struct store_change **change,
                                    struct store_result *results_r, size_t max)
{
    struct waiting w = {.answer = answer_new(), .results = results_r, .max = max};

    ensure(!s->config.manual);
    store_submit(s, change, STORE_ACK_APPLIED, waiting_done, &w);
    answer_wait(w.answer);
    answer_free(&w.answer);
    return w.status;
}

/* ---- the store's own ---- */

void store_space_submit(struct store *s, uint8_t type, struct command_text *args, struct span body,
                        struct span meta, store_done_fn *done, void *context)
{
    struct store_change *c = store_change_new(s);
    unsigned record = record_new(c, (enum journal_type)type);
    struct change_part *p = &owned_of(c)->parts[record];

    p->args = *args;
    *args = (struct command_text){0};
    p->body = (char *)(uintptr_t)body.at;
    p->meta = (char *)(uintptr_t)meta.at;
    c->records[record].args = (struct span){p->args.at, p->args.len};
    c->records[record].body = body;
    c->records[record].body_crc = crc32c(0, body.at, body.len);
    c->records[record].meta = meta;
    c->records[record].meta_crc = crc32c(0, meta.at, meta.len);
    c->ack = STORE_ACK_APPLIED;
    c->done = done;
    c->context = context;
    committer_submit(s->committer, c);
}
