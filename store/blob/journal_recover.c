/*
 * Walking the log, and finding its end after a stop.
 *
 * The log ends at the first batch that is not whole. Since one batch is in flight at a time, a
 * power cut leaves nothing valid behind that place: a later batch that is valid, a segment that
 * begins with a later one, or an index that knows a later one, is damage.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/blob/journal_private.h"
#include "store/blob/journal_space.h"

struct walk {
    struct journal *j;
    unsigned index; /* of the segment in j->used; used_count when there is none */
    uint32_t at;
    struct journal_mark mark; /* up to here the log was walked */
    uint64_t skip_to_seq;     /* batches up to this one are known already: not applied */
    uint64_t stop_at_seq;     /* the last batch to walk; 0: to the end */
    bool gaps;                /* segments may be missing: they were recycled */
    bool quiet;
    bool was_damaged;
    enum journal_depth depth;
    journal_apply_fn *apply;
    void *context;
    uint64_t last_segment; /* where the last batch lies, for writing it again */
    uint32_t last_at, last_len;
};

static struct journal_segment *segment_of(const struct walk *w)
{
    return w->j->used[w->index];
}

/* Goes to the beginning of a segment. */
static void walk_enter(struct walk *w, unsigned index)
{
    struct journal_segment *s;

    w->index = index;
    w->at = JOURNAL_ALIGN;
    if (index >= w->j->used_count)
        return;
    s = segment_of(w);
    w->mark.lsn = s->number << 32 | JOURNAL_ALIGN;
    if (!s->is_damaged) {
        w->mark.seq = s->header.first_seq - 1;
        w->mark.hcrc = s->header.prev_hcrc;
    }
}

static bool chains(const struct walk *w, const struct journal_batch_header *h)
{
    return h->seq == w->mark.seq + 1 && h->prev_hcrc == w->mark.hcrc;
}

/* The next place from `at` on where a batch with a number above the mark begins; the segment's
 * size when there is none. */
static uint32_t find_later(const struct walk *w, uint32_t at, uint64_t above)
{
    struct journal_segment *s = segment_of(w);
    struct journal_batch_header header;
    uint32_t hcrc;

    for (; at < s->size; at += JOURNAL_ALIGN) {
        if (journal_batch_at(s, at, &header, &hcrc) && header.seq > above)
            return at;
    }
    return s->size;
}

static enum store_status walk_batch(struct walk *w, const struct journal_batch_header *header,
                                    uint32_t hcrc)
{
    struct journal_segment *s = segment_of(w);
    struct journal_batch batch = {.seq = header->seq, .time_us = header->time_us};
    enum store_status status = STORE_OK;

    w->last_segment = s->number;
    w->last_at = w->at;
    w->last_len = header->len;
    w->mark = (struct journal_mark){s->number << 32 | (w->at + header->len), header->seq, hcrc};
    if (w->apply != NULL && header->count > 0 && header->seq > w->skip_to_seq) {
        batch.count = header->count;
        batch.end = w->mark;
        batch.records = xcalloc(header->count, sizeof(*batch.records));
        if (!journal_batch_is_whole(s, w->at, header, JOURNAL_FRAMES, batch.records))
            status = STORE_CORRUPT; /* it was whole a moment ago: the disk changes its mind */
        else
            status = w->apply(w->context, &batch);
        free(batch.records);
    }
    w->at += header->len;
    return status;
}

/* Steps over one whole batch that goes on where the mark is; false when there is none. */
static bool walk_step(struct walk *w, enum store_status *status_r)
{
    struct journal_batch_header header;
    uint32_t hcrc;

    if (w->at >= segment_of(w)->size || !journal_batch_at(segment_of(w), w->at, &header, &hcrc) ||
        !chains(w, &header) ||
        !journal_batch_is_whole(segment_of(w), w->at, &header, w->depth, NULL))
        return false;
    *status_r = walk_batch(w, &header, hcrc);
    return true;
}

/* Finds the next batch in this segment that can be read, and goes there. */
static bool resume_here(struct walk *w)
{
    struct journal_segment *s = segment_of(w);
    struct journal_batch_header header;
    uint32_t at, hcrc;

    for (at = w->at; (at = find_later(w, at, w->mark.seq)) < s->size; at += JOURNAL_ALIGN) {
        if (journal_batch_at(s, at, &header, &hcrc) &&
            journal_batch_is_whole(s, at, &header, w->depth, NULL)) {
            w->at = at;
            w->mark.seq = header.seq - 1;
            w->mark.hcrc = header.prev_hcrc;
            return true;
        }
    }
    return false;
}

/* Goes on where the log can be read again, and says what is missing. */
static void walk_salvage(struct walk *w)
{
    uint64_t number = segment_of(w)->number, last = w->mark.seq;
    uint32_t from = w->at;

    if (!resume_here(w))
        walk_enter(w, w->index + 1);
    if (!w->quiet && w->mark.seq > last) {
        journal_say(w->j,
                    "store: salvage: segment %016" PRIx64 " from byte %u on: batches %" PRIu64
                    " to %" PRIu64 " are lost",
                    number, from, last + 1, w->mark.seq);
    }
}

/* At a place where no batch goes on: the end of the log, of a segment, or damage? */
enum walk_turn {
    WALK_END,
    WALK_ON,
    WALK_DAMAGE
};

static enum walk_turn walk_turn(struct walk *w)
{
    struct journal_segment *s = segment_of(w), *next;
    bool later_here = find_later(w, w->at, w->mark.seq + 1) < s->size;

    if (w->index + 1 == w->j->used_count)
        return later_here ? WALK_DAMAGE : WALK_END;
    next = w->j->used[w->index + 1];
    if (next->is_damaged || later_here)
        return WALK_DAMAGE;
    if (next->header.first_seq == w->mark.seq + 1 && next->header.prev_hcrc == w->mark.hcrc) {
        w->index++;
        w->at = JOURNAL_ALIGN;
        return WALK_ON;
    }
    if (!w->gaps || next->number == s->number + 1 || next->header.first_seq <= w->mark.seq + 1)
        return WALK_DAMAGE;
    walk_enter(w, w->index + 1);
    return WALK_ON;
}

static enum store_status walk_run(struct walk *w)
{
    enum store_status status = STORE_OK;

    while (w->index < w->j->used_count && status == STORE_OK) {
        if (w->stop_at_seq != 0 && w->mark.seq >= w->stop_at_seq)
            return STORE_OK;
        if (journal_segment_bytes(segment_of(w)) == NULL)
            return STORE_IO;
        if (walk_step(w, &status))
            continue;
        switch (walk_turn(w)) {
        case WALK_END:
            return STORE_OK;
        case WALK_ON:
            break;
        case WALK_DAMAGE:
            w->was_damaged = true;
            if (!w->quiet) {
                journal_say(w->j,
                            "store: the log is damaged: segment %016" PRIx64
                            " byte %u should hold batch %" PRIu64,
                            atomic_load(&segment_of(w)->number), w->at, w->mark.seq + 1);
            }
            if (!w->j->config.salvage)
                return STORE_CORRUPT;
            walk_salvage(w);
            break;
        }
    }
    return status;
}

/* ---- marks ---- */

/* Looks for the batch that ends at the mark. What lies before it is applied already: damage there
 * is for `store check` to tell, and does not keep the log from going on. */
static bool mark_is_in(struct walk *w, struct journal_mark mark)
{
    struct journal_segment *s = segment_of(w);
    uint32_t at = JOURNAL_ALIGN, end = (uint32_t)mark.lsn, hcrc;
    struct journal_batch_header header;

    while (at < end && at < s->size) {
        bool is_batch = journal_batch_at(s, at, &header, &hcrc);

        if (is_batch && at + header.len == end)
            return header.seq == mark.seq && hcrc == mark.hcrc &&
                   journal_batch_is_whole(s, at, &header, JOURNAL_FRAMES, NULL);
        at += is_batch ? header.len : JOURNAL_ALIGN;
    }
    return false;
}

/* Puts the walk behind the mark; false when the log does not go on from it. */
static bool walk_to_mark(struct walk *w, struct journal_mark mark)
{
    uint64_t number = mark.lsn >> 32;
    struct journal_segment *s;

    walk_enter(w, 0);
    if (mark.seq == 0) {
        /* A new index beside an old log is a rebuild, and starts with the oldest that is there. */
        w->gaps = true;
        return true;
    }
    while (w->index < w->j->used_count && segment_of(w)->number < number)
        walk_enter(w, w->index + 1);
    if (w->index == w->j->used_count)
        return false;
    s = segment_of(w);
    w->mark = mark;
    if (s->number == number) {
        w->at = (uint32_t)mark.lsn;
        return mark_is_in(w, mark);
    }
    return !s->is_damaged && s->header.first_seq == mark.seq + 1 &&
           s->header.prev_hcrc == mark.hcrc;
}

bool journal_has(struct journal *j, struct journal_mark from)
{
    struct walk w = {.j = j};

    return walk_to_mark(&w, from);
}

bool journal_is_unbroken(struct journal *j, struct journal_mark from)
{
    uint64_t last = from.lsn >> 32;

    for (unsigned i = 0; i < j->used_count; i++) {
        uint64_t number = j->used[i]->number;
        if (number > last && number != ++last)
            return false;
    }
    return true;
}

enum store_status journal_walk(struct journal *j, journal_apply_fn *apply, void *context)
{
    struct walk w = {.j = j, .gaps = true, .depth = JOURNAL_ALL, .apply = apply};

    w.context = context;
    walk_enter(&w, 0);
    return walk_run(&w);
}

/* ---- going on ---- */

/* If the process ended because a sync failed, the kernel holds pages that it takes for clean and
 * that never reached the disk. Only the last batch and the header of its segment can be such, so
 * they are written once more. */
static int write_again(struct journal *j, const struct walk *w)
{
    struct journal_segment *s = j->active;
    struct iovec part;
    char *copy;
    int error = journal_segment_open(s);

    if (error == 0)
        error = journal_segment_write_header(s);
    if (error != 0 || w->last_segment != s->number || w->last_len == 0)
        return error;
    copy = xmalloc(w->last_len);
    memcpy(copy, journal_segment_bytes(s) + w->last_at, w->last_len);
    part = (struct iovec){.iov_base = copy, .iov_len = w->last_len};
    error = journal_write(j->disk, s->file, &part, 1, w->last_at);
    if (error == 0 && !j->config.without_sync)
        error = j->disk->sync_data(j->disk, s->file);
    free(copy);
    return error;
}

/* New segments get numbers behind all that is known; the spare ones up to there are in the way. */
static void leave_behind(struct journal *j, uint64_t number)
{
    char path[JOURNAL_PATH_SIZE];
    struct journal_segment *s;

    while ((s = j->ready) != NULL && s->number <= number && !j->config.read_only) {
        j->ready = s->next;
        j->ready_count--;
        journal_segment_path(j, s->number, path);
        (void)j->disk->unlink(j->disk, path);
        journal_segment_drop(j, s);
    }
    if (j->segment_next <= number)
        j->segment_next = number + 1;
}

/* After damage the next batch begins a segment of its own, so that the hole is behind it. */
static enum store_status go_on(struct journal *j, const struct walk *w)
{
    struct journal_segment *last = j->used_count > 0 ? j->used[j->used_count - 1] : NULL;
    enum store_status status = STORE_OK;

    j->end = w->mark;
    for (unsigned i = 0; i + 1 < j->used_count; i++)
        j->used[i]->last_seq = j->used[i + 1]->header.first_seq - 1;
    if (last != NULL && !w->was_damaged) {
        ensure(w->index + 1 == j->used_count);
        j->active = last;
        j->active_at = w->at;
        atomic_store(&j->active_number, last->number);
        if (!j->config.read_only)
            status = journal_status(write_again(j, w));
    } else if (last != NULL) {
        last->last_seq = j->end.seq;
    }
    j->is_recovered = true;
    if (status == STORE_OK && !j->config.read_only && j->ready_count == 0 && !journal_prepare(j) &&
        last == NULL)
        status = STORE_FULL;
    return status;
}

static enum store_status find_start(struct journal *j, struct journal_mark from, struct walk *w)
{
    *w = (struct walk){.j = j, .depth = JOURNAL_ALL};
    if (walk_to_mark(w, from))
        return STORE_OK;
    journal_say(j,
                "store: the index knows batch %" PRIu64 " in segment %016" PRIx64
                ", which the log has not: the log is damaged",
                from.seq, from.lsn >> 32);
    if (!j->config.salvage)
        return STORE_CORRUPT;
    w->gaps = true;
    w->was_damaged = true;
    w->skip_to_seq = from.seq;
    walk_enter(w, 0);
    return STORE_OK;
}

/* Twice over the same ground: first to find the end and any damage, so that the index gets nothing
 * of a log that is refused, then to apply. */
enum store_status journal_recover(struct journal *j, struct journal_mark from,
                                  journal_apply_fn *apply, void *context)
{
    struct walk start, end;
    enum store_status status;

    ensure(!j->is_recovered);
    status = find_start(j, from, &start);
    end = start;
    if (status == STORE_OK)
        status = walk_run(&end);
    if (status != STORE_OK)
        return status;
    start.stop_at_seq = end.mark.seq;
    if (end.mark.seq < from.seq) /* salvage: the index is ahead of what is left of the log */
        end.mark = from;
    leave_behind(j, end.mark.lsn >> 32);
    status = go_on(j, &end);

    if (start.stop_at_seq == start.mark.seq)
        return status;
    start.apply = apply;
    start.context = context;
    start.depth = end.was_damaged ? JOURNAL_ALL : JOURNAL_FRAMES; /* all was looked at just now */
    start.quiet = true;
    return status != STORE_OK ? status : walk_run(&start);
}
