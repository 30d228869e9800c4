/* Room in the log: which segments and big files are dead, and moving what lives out of segments
 * that are mostly dead. Runs on the housekeeper's thread. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/store_private.h"

enum {
    BIGS_AT_ONCE = 64,
    LIVE_SHARE = 2, /* a segment is worth emptying when less than one part of so many lives */
    DYING_MAX = 4096,
};

/* ---- dead segments and files ---- */

static uint64_t segment_live(struct index_txn *txn, uint64_t segment)
{
    struct index_key key = key_segment(segment, 0);
    struct span value;

    return index_get(txn, INDEX_SEG, key_span(&key), &value) && value.len == 8
               ? number_get64(value.at)
               : 0;
}

/* A view that was opened while the segment still lived may read it, so a segment is first seen to
 * be dead, and given up when all views are younger than that. */
static void segment_dead(struct store *s, uint64_t segment, struct journal_mark mark,
                         uint64_t oldest)
{
    const void *seen = map_get(s->dying, map_key_u64(&segment));

    if (!seen) {
        if (map_count(s->dying) >= DYING_MAX) {
            map_free(&s->dying);
            s->dying = map_new();
        }
        map_put(s->dying, map_key_u64(&segment), (void *)(uintptr_t)mark.seq);
        seen = (void *)(uintptr_t)mark.seq;
    }
    if (oldest >= (uint64_t)(uintptr_t)seen)
        journal_segment_dead(s->journal, segment, mark);
}

static void find_dead(struct store *s, struct index_txn *txn)
{
    struct journal_mark mark = index_mark(txn);
    uint64_t end = journal_active_segment(s->journal), floor = store_snapshot_floor(txn);
    uint64_t oldest = store_views_oldest(s);

    if (floor < end)
        end = floor;
    if (mark.lsn >> 32 < end)
        end = mark.lsn >> 32;
    for (uint64_t segment = journal_segment_next(s->journal, 0); segment != 0 && segment < end;
         segment = journal_segment_next(s->journal, segment)) {
        if (segment_live(txn, segment) == 0)
            segment_dead(s, segment, mark, oldest);
    }
}

static void remove_bigs(struct store *s)
{
    uint64_t ids[BIGS_AT_ONCE];
    unsigned count = BIGS_AT_ONCE;

    while (count == BIGS_AT_ONCE) {
        count = applier_dead_bigs(s->applier, store_views_oldest(s), ids, BIGS_AT_ONCE);
        for (unsigned i = 0; i < count; i++)
            journal_big_remove(s->journal, ids[i]);
    }
}

void store_space_dead(void *store)
{
    struct store *s = store;
    struct index_txn *txn;

    remove_bigs(s);
    store_views_watch(s);
    if (index_read_begin(s->index, &txn) != STORE_OK)
        return;
    find_dead(s, txn);
    index_read_end(&txn);
}

/* The big files that bodies lie in. */
struct sweep {
    struct store *store;
    struct map *wanted; /* NULL: not read yet */
    bool is_unknown;    /* the index cannot be read: all files stay */
};

static void sweep_read(struct sweep *w)
{
    struct span key, value;
    struct index_txn *txn;
    struct index_body body;

    w->wanted = map_new();
    w->is_unknown = index_read_begin(w->store->index, &txn) != STORE_OK;
    if (w->is_unknown)
        return;
    for (bool found = index_seek(txn, INDEX_BODY, SPAN(""), &key, &value); found;
         found = index_next(txn, INDEX_BODY, &key, &value)) {
        if (record_body_read(value, &body) && body.place.big_id)
            map_put(w->wanted, map_key_u64(&body.place.big_id), w);
    }
    w->is_unknown = index_status(txn) != STORE_OK;
    index_read_end(&txn);
}

/* The index is read when there is a file to ask about: a start with a long queue need not wait. */
static bool is_wanted(void *context, uint64_t id)
{
    struct sweep *w = context;

    if (!w->wanted)
        sweep_read(w);
    return w->is_unknown || map_get(w->wanted, map_key_u64(&id)) != NULL;
}

void store_space_sweep(struct store *s)
{
    struct sweep w = {.store = s};

    journal_big_sweep(s->journal, is_wanted, &w);
    if (w.wanted)
        map_free(&w.wanted);
}

/* ---- compaction ---- */

/* The sealed segment with the least in it that still lives; 0 when none is worth it. */
static uint64_t choose(struct store *s, struct index_txn *txn)
{
    uint64_t end = journal_active_segment(s->journal), floor = store_snapshot_floor(txn);
    uint64_t least = s->config.segment_size / LIVE_SHARE, best = 0;

    if (floor < end)
        end = floor;
    for (uint64_t segment = journal_segment_next(s->journal, 0); segment != 0 && segment < end;
         segment = journal_segment_next(s->journal, segment)) {
        uint64_t live = segment_live(txn, segment);
        if (live > 0 && live < least && !map_get(s->uncompactable, map_key_u64(&segment))) {
            least = live;
            best = segment;
        }
    }
    return best;
}

static void move_done(void *context, enum store_status status, const struct store_result *results,
                      size_t count)
{
    struct store *s = context;

    (void)status;
    (void)results;
    (void)count;
    gauge_add(s->moving, -1);
}

static enum store_status copy_part(struct store *s, const struct journal_place *place,
                                   enum journal_part part, struct span *copy_r)
{
    struct journal_pin *pin;
    struct span bytes;
    char *copy;
    enum store_status status = journal_pin(s->journal, place, part, true, &bytes, &pin);

    if (status != STORE_OK)
        return status;
    copy = xmalloc(bytes.len + 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.at, bytes.len);
    *copy_r = (struct span){copy, bytes.len};
    journal_unpin(pin);
    return STORE_OK;
}

/* The arguments as its delivery wrote them, also when it was moved before. */
static struct span delivery_args(struct span args)
{
    struct command_moved moved;

    return command_moved_read(args, &moved) ? moved.args : args;
}

static enum store_status move_message(struct store *s, store_message message,
                                      const struct journal_place *place, size_t *moved)
{
    struct span args = {0}, body = {0}, meta = {0};
    struct command_text text = {0};
    struct command_moved command;
    enum store_status status = copy_part(s, place, JOURNAL_ARGS, &args);

    if (status == STORE_OK)
        status = copy_part(s, place, JOURNAL_META, &meta);
    if (status == STORE_OK && !place->big_id)
        status = copy_part(s, place, JOURNAL_BODY, &body);
    if (status == STORE_OK) {
        command =
            (struct command_moved){message, place->segment, place->args_at, delivery_args(args)};
        command_moved_write(&text, &command);
        *moved += text.len + body.len + meta.len;
        gauge_add(s->moving, 1);
        store_space_submit(s, JOURNAL_MOVED, &text, body, meta, move_done, s);
    } else {
        free((char *)(uintptr_t)body.at);
        free((char *)(uintptr_t)meta.at);
    }
    free((char *)(uintptr_t)args.at);
    return status;
}

static void move_one(struct store *s, struct index_txn *txn, store_message message,
                     uint64_t segment, size_t *moved)
{
    struct index_body body;

    if (!index_body_get(txn, message, &body) || body.place.segment != segment)
        return;
    if (move_message(s, message, &body.place, moved) == STORE_OK)
        return;
    store_say(s, "store: message %016llx cannot be read: its segment %016llx stays",
              (unsigned long long)message, (unsigned long long)segment);
    map_put(s->uncompactable, map_key_u64(&segment), s);
}

/* First what was delivered into the segment, then what was moved into it. */
static void empty_segment(struct store *s, struct index_txn *txn, uint64_t segment)
{
    struct index_key from = key_body(segment << 32), note = key_segment(segment, 1);
    struct span key, value;
    size_t moved = 0;
    bool found = index_seek(txn, INDEX_BODY, key_span(&from), &key, &value);

    while (found && key.len == 8 && key_get64(key.at) >> 32 == segment &&
           moved < STORE_TURN_BYTES) {
        move_one(s, txn, key_get64(key.at), segment, &moved);
        found = index_next(txn, INDEX_BODY, &key, &value);
    }
    found = index_seek(txn, INDEX_SEG, key_span(&note), &key, &value);
    while (found && key.len == 16 && key_get64(key.at) == segment && moved < STORE_TURN_BYTES) {
        move_one(s, txn, key_get64(key.at + 8), segment, &moved);
        found = index_next(txn, INDEX_SEG, &key, &value);
    }
    if (moved == 0) /* nothing of what should live here was found: `store check` says why */
        map_put(s->uncompactable, map_key_u64(&segment), s);
}

static bool compact(struct store *s)
{
    struct store_view *v;
    uint64_t segment;

    if (store_view_open(s, &v) != STORE_OK)
        return false;
    segment = choose(s, v->txn);
    if (segment != 0)
        empty_segment(s, v->txn, segment);
    store_view_close(&v);
    return segment != 0;
}

/* One turn. The last one's work is waited for, so that nothing is moved twice. */
bool store_space_compact(void *store)
{
    struct store *s = store;

    if (gauge_get(s->moving) > 0)
        return !s->config.manual;
    return store_snapshot_turn(s) || compact(s);
}
