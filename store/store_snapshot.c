/*
 * Snapshots: the rows of the index, as they are at one mark, written into the log from time to
 * time, so that the index can be made again although older segments are gone: the newest complete
 * snapshot, then the commands behind its mark.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/number.h"
#include "store/store_private.h"

enum {
    FOUND_LEN = 8 + RECORD_MARK_LEN, /* of one of the two in the meta row */
    INDEX_FACTOR = 4,                /* log to be written between two, in sizes of the index */
};

struct store_snapshot {
    struct store_view *view;
    struct command_snap chunk; /* id, mark, and the number of the next one */
    unsigned table;
    bool is_begun; /* the table was */
    bool is_ended; /* the end was submitted */
};

/* ---- which there are ---- */

/* The newest (0) or second newest (1) complete snapshot that the index knows. */
static bool known(struct index_txn *txn, unsigned which, uint64_t *id_r,
                  struct journal_mark *mark_r)
{
    struct span value;

    if (!index_get(txn, INDEX_META, span_str(INDEX_META_SNAPSHOT), &value) ||
        value.len != 2 * FOUND_LEN)
        return false;
    value = span_after(value, (size_t)which * FOUND_LEN);
    *id_r = number_get64(value.at);
    return *id_r != 0 && record_mark_read(span_after(value, 8), mark_r);
}

/* Two are kept, so that one damaged chunk does not take away the rebuild. */
uint64_t store_snapshot_floor(struct index_txn *txn)
{
    struct journal_mark mark;
    uint64_t id;

    return known(txn, 1, &id, &mark) ? mark.lsn >> 32 : 0;
}

static uint64_t log_bytes_between(const struct store *s, uint64_t from, uint64_t to)
{
    uint64_t segments = (to >> 32) - (from >> 32);

    return segments * s->config.segment_size + (uint32_t)to - (uint32_t)from;
}

static bool is_due(struct store *s, struct index_txn *txn)
{
    struct journal_mark mark = index_mark(txn), last;
    uint64_t first = journal_segment_next(s->journal, 0) << 32;
    uint64_t enough = index_bytes(s->index) * INDEX_FACTOR, id, age_s;

    if (mark.seq == 0)
        return false;
    if (!known(txn, 0, &id, &last)) {
        id = (uint64_t)s->opened_us;
        last.lsn = first;
    }
    if (enough < s->config.snapshot_bytes)
        enough = s->config.snapshot_bytes;
    age_s = ((uint64_t)clock_wall_us() - id) / 1000000;
    if ((uint64_t)clock_wall_us() < id)
        age_s = 0;
    return mark.lsn > last.lsn &&
           (log_bytes_between(s, last.lsn, mark.lsn) >= enough || age_s >= s->config.snapshot_s);
}

/* ---- writing ---- */

static struct store_snapshot *begin(struct store *s)
{
    struct store_snapshot *snapshot;
    struct store_view *v;
    bool due;

    if (store_view_open(s, &v) != STORE_OK)
        return NULL;
    due = is_due(s, v->txn);
    if (!due) {
        store_view_close(&v);
        return NULL;
    }
    snapshot = xcalloc(1, sizeof(*snapshot));
    snapshot->view = v;
    snapshot->chunk.mark = index_mark(v->txn);
    snapshot->chunk.id = (uint64_t)clock_wall_us();
    return snapshot;
}

void store_snapshot_drop(struct store *s)
{
    if (!s->snapshot)
        return;
    store_view_close(&s->snapshot->view);
    free(s->snapshot);
    s->snapshot = NULL;
}

static void chunk_done(void *context, enum store_status status, const struct store_result *results,
                       size_t count)
{
    struct store *s = context;

    (void)results;
    (void)count;
    if (status != STORE_OK)
        gauge_add(s->snapshot_failures, 1);
    gauge_add(s->moving, -1);
}

static void chunk_submit(struct store *s, enum command_snap_kind kind, unsigned table,
                         struct command_text *rows)
{
    struct command_snap *chunk = &s->snapshot->chunk;
    struct command_text args = {0};

    chunk->kind = kind;
    chunk->table = (uint8_t)table;
    command_snap_write(&args, chunk);
    chunk->number++;
    gauge_add(s->moving, 1);
    store_space_submit(s, JOURNAL_SNAP, &args, (struct span){rows->at, rows->len}, (struct span){0},
                       chunk_done, s);
}

/* Rows of the table at hand up to the size of a chunk; goes to the next table at its end. */
static struct command_text chunk_fill(struct store_snapshot *p)
{
    struct command_text rows = {0};
    struct span key, value;
    bool found;

    while (rows.len < COMMAND_SNAP_BYTES) {
        found = p->is_begun ? index_next(p->view->txn, p->table, &key, &value)
                            : index_seek(p->view->txn, p->table, SPAN(""), &key, &value);
        p->is_begun = found;
        if (!found) {
            p->table++;
            break;
        }
        command_row_write(&rows, key, value);
    }
    return rows;
}

static void write_chunks(struct store *s)
{
    struct store_snapshot *p = s->snapshot;
    size_t written = 0;

    while (p->table < INDEX_TABLES && written < STORE_TURN_BYTES) {
        unsigned table = p->table;
        struct command_text rows = chunk_fill(p);
        written += rows.len;
        if (rows.len > 0)
            chunk_submit(s, COMMAND_SNAP_ROWS, table, &rows);
    }
}

/* The end is written when all before it is durable and applied, so that it stands for a whole. */
static void turn(struct store *s)
{
    struct store_snapshot *p = s->snapshot;
    struct command_text none = {0};

    if (p->is_ended || gauge_get(s->snapshot_failures) > 0 ||
        index_status(p->view->txn) != STORE_OK) {
        gauge_add(s->snapshot_failures, -gauge_get(s->snapshot_failures));
        store_snapshot_drop(s);
    } else if (p->table < INDEX_TABLES) {
        write_chunks(s);
    } else {
        p->is_ended = true;
        chunk_submit(s, COMMAND_SNAP_END, 0, &none);
    }
}

bool store_snapshot_turn(struct store *s)
{
    if (!s->snapshot)
        s->snapshot = begin(s);
    if (!s->snapshot)
        return false;
    turn(s);
    return true;
}

/* ---- finding ---- */

struct finder {
    struct store_snapshot_found *found;
    uint64_t id;
    uint32_t chunks; /* of the one being read */
};

static void find_record(struct finder *f, const struct journal_record *record)
{
    struct command_snap snap;

    if (record->type != JOURNAL_SNAP || !command_snap_read(record->args, &snap))
        return;
    if (snap.number == 0) {
        f->id = snap.id;
        f->chunks = 0;
    }
    if (snap.id != f->id || snap.number != f->chunks) {
        f->id = 0; /* a piece is missing: what follows of it is of no use */
        return;
    }
    f->chunks++;
    if (snap.kind != COMMAND_SNAP_END)
        return;
    f->found->is_there = true;
    f->found->id = snap.id;
    f->found->chunks = snap.number;
    f->found->mark = snap.mark;
}

static enum store_status find_batch(void *context, const struct journal_batch *batch)
{
    struct finder *f = context;

    if (f->found->first_seq == 0)
        f->found->first_seq = batch->seq;
    f->found->last_seq = batch->seq;
    for (unsigned i = 0; i < batch->count; i++)
        find_record(f, &batch->records[i]);
    return STORE_OK;
}

enum store_status store_snapshot_find(struct store *s, struct store_snapshot_found *found_r)
{
    struct finder f = {.found = found_r};

    *found_r = (struct store_snapshot_found){0};
    return journal_walk(s->journal, find_batch, &f);
}

/* ---- loading ---- */

struct loader {
    struct index *index;
    struct index_txn *txn;
    const struct store_snapshot_found *found;
    uint32_t chunks;
    size_t bytes; /* in this transaction */
};

static enum store_status load_chunk(struct loader *l, const struct journal_record *record)
{
    struct command_snap snap;
    struct span rows = record->body, key, value;
    enum store_status status = STORE_OK;

    if (!command_snap_read(record->args, &snap) || snap.id != l->found->id ||
        snap.kind != COMMAND_SNAP_ROWS || snap.table >= INDEX_TABLES)
        return STORE_OK;
    if (!l->txn)
        status = index_write_begin(l->index, &l->txn);
    if (status != STORE_OK)
        return status;
    while (command_row_next(&rows, &key, &value) && key.len <= INDEX_KEY_MAX)
        index_put(l->txn, snap.table, key, value);
    if (rows.len > 0)
        return STORE_CORRUPT;
    l->chunks++;
    l->bytes += record->body.len;
    if (l->bytes < STORE_TURN_BYTES)
        return STORE_OK;
    l->bytes = 0;
    return index_commit(&l->txn);
}

static enum store_status load_batch(void *context, const struct journal_batch *batch)
{
    enum store_status status = STORE_OK;

    for (unsigned i = 0; i < batch->count && status == STORE_OK; i++) {
        if (batch->records[i].type == JOURNAL_SNAP)
            status = load_chunk(context, &batch->records[i]);
    }
    return status;
}

enum store_status store_snapshot_load(struct store *s, struct index *index,
                                      const struct store_snapshot_found *found)
{
    struct loader l = {.index = index, .found = found};
    enum store_status status = STORE_OK;

    if (found->is_there)
        status = journal_walk(s->journal, load_batch, &l);
    if (status == STORE_OK && l.chunks != found->chunks)
        status = STORE_CORRUPT;
    if (status == STORE_OK && !l.txn)
        status = index_write_begin(index, &l.txn);
    if (status == STORE_OK) {
        index_identify_write(l.txn, journal_store_id(s->journal));
        if (found->is_there)
            index_mark_write(l.txn, &found->mark);
        return index_commit(&l.txn);
    }
    if (l.txn)
        index_abort(&l.txn);
    return status;
}
