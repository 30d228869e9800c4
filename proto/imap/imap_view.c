#include "proto/imap/imap_view.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"

struct imap_view *imap_view_new(uint64_t mailbox)
{
    struct imap_view *v = xcalloc(1, sizeof(*v));

    v->mailbox = mailbox;
    v->uid_next = 1;
    return v;
}

void imap_view_free(struct imap_view **view)
{
    if (*view == NULL)
        return;
    free((*view)->runs);
    free((*view)->recent);
    free(*view);
    *view = NULL;
}

static const struct imap_view_run *imap_view_last(const struct imap_view *v)
{
    return v->run_count == 0 ? NULL : &v->runs[v->run_count - 1];
}

static uint32_t run_len(const struct imap_view_run *run)
{
    return run->to - run->from + 1;
}

size_t imap_view_held(const struct imap_view *v)
{
    return sizeof(*v) + v->run_size * sizeof(*v->runs) + v->recent_count * sizeof(*v->recent);
}

uint32_t imap_view_count(const struct imap_view *v)
{
    const struct imap_view_run *last = imap_view_last(v);

    return last == NULL ? 0 : last->before + run_len(last);
}

uint32_t imap_view_last_uid(const struct imap_view *v)
{
    const struct imap_view_run *last = imap_view_last(v);

    return last == NULL ? 0 : last->to;
}

/* The first run that ends at or behind `uid`; run_count when there is none. */
static uint32_t imap_view_find(const struct imap_view *v, uint32_t uid)
{
    uint32_t low = 0, high = v->run_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (v->runs[middle].to < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t imap_view_uid(const struct imap_view *v, uint32_t seq)
{
    uint32_t low = 0, high = v->run_count;

    ensure(seq >= 1);
    ensure(seq <= imap_view_count(v));
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (v->runs[middle].before < seq)
            low = middle;
        else
            high = middle;
    }
    return v->runs[low].from + (seq - v->runs[low].before - 1);
}

uint32_t imap_view_seq(const struct imap_view *v, uint32_t uid)
{
    uint32_t at = imap_view_find(v, uid);

    if (at == v->run_count || v->runs[at].from > uid)
        return 0;
    return v->runs[at].before + (uid - v->runs[at].from) + 1;
}

/* How many known UIDs are at or below `uid`. */
static uint32_t imap_view_rank(const struct imap_view *v, uint32_t uid)
{
    uint32_t at = imap_view_find(v, uid);

    if (at == v->run_count)
        return imap_view_count(v);
    if (v->runs[at].from > uid)
        return v->runs[at].before;
    return v->runs[at].before + (uid - v->runs[at].from) + 1;
}

uint32_t imap_view_count_in(const struct imap_view *v, struct imap_range uids)
{
    return imap_view_rank(v, uids.to) - (uids.from == 0 ? 0 : imap_view_rank(v, uids.from - 1));
}

void imap_view_append(struct imap_view *v, struct imap_range uids)
{
    uint32_t count = imap_view_count(v);

    ensure(uids.from <= uids.to);
    ensure(uids.from > imap_view_last_uid(v));
    if (count > 0 && v->runs[v->run_count - 1].to == uids.from - 1) {
        v->runs[v->run_count - 1].to = uids.to;
        return;
    }
    if (v->run_count == v->run_size) {
        v->run_size += v->run_size / 2 + 1;
        v->runs = xrealloc(v->runs, v->run_size * sizeof(*v->runs));
    }
    v->runs[v->run_count++] = (struct imap_view_run){uids.from, uids.to, count};
}

/* What is left of the runs when `uids` go: one pass over both, into a new list of runs. */
void imap_view_remove(struct imap_view *v, const struct imap_range *uids, size_t count)
{
    struct imap_view left = {0};
    size_t next = 0;

    for (uint32_t i = 0; i < v->run_count; i++) {
        struct imap_view_run run = v->runs[i];
        bool is_gone = false;

        while (next < count && uids[next].to < run.from)
            next++;
        for (; next < count && uids[next].from <= run.to; next++) {
            if (uids[next].from > run.from)
                imap_view_append(&left, (struct imap_range){run.from, uids[next].from - 1});
            is_gone = uids[next].to >= run.to;
            if (is_gone)
                break;
            run.from = uids[next].to + 1;
        }
        if (!is_gone)
            imap_view_append(&left, (struct imap_range){run.from, run.to});
    }
    free(v->runs);
    v->runs = left.runs;
    v->run_count = left.run_count;
    v->run_size = left.run_size;
}

void imap_view_recent_add(struct imap_view *v, struct imap_range uids)
{
    ensure(uids.from <= uids.to);
    if (v->recent_count > 0 && v->recent[v->recent_count - 1].to + 1 == uids.from) {
        v->recent[v->recent_count - 1].to = uids.to;
        return;
    }
    ensure(v->recent_count == 0 || v->recent[v->recent_count - 1].to < uids.from);
    if (v->recent_count == IMAP_RECENT_RUNS_MAX) {
        memmove(v->recent, v->recent + 1, (IMAP_RECENT_RUNS_MAX - 1) * sizeof(*v->recent));
        v->recent_count--;
    }
    v->recent = xrealloc(v->recent, (v->recent_count + 1) * sizeof(*v->recent));
    v->recent[v->recent_count++] = uids;
}

bool imap_view_is_recent(const struct imap_view *v, uint32_t uid)
{
    for (uint32_t i = v->recent_count; i > 0 && v->recent[i - 1].to >= uid; i--) {
        if (v->recent[i - 1].from <= uid)
            return true;
    }
    return false;
}

uint32_t imap_view_recent_count(const struct imap_view *v)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->recent_count; i++)
        count += imap_view_count_in(v, v->recent[i]);
    return count;
}
