#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "store/store_private.h"

/* A parked view, or a new one. It is in the list of open ones before it begins to read, so that
 * what it may see is not taken away (store_space.c). */
static struct store_view *view_take(struct store *s)
{
    struct store_view *v = NULL;

    lock_take(s->lock);
    if (!list_is_empty(&s->parked)) {
        v = CONTAINER_OF(s->parked.next, struct store_view, node);
        list_remove(&v->node);
        s->parked_count--;
    } else {
        v = xcalloc(1, sizeof(*v));
        v->store = s;
        list_init(&v->node);
    }
    v->seq = applier_applied_seq(s->applier);
    v->opened_ns = clock_monotonic_ns();
    v->is_told = false;
    list_add_tail(&s->views, &v->node);
    lock_give(s->lock);
    return v;
}

static void view_free(struct store_view *v)
{
    if (v->txn)
        index_read_end(&v->txn);
    free(v->pins);
    free(v);
}

/* Back onto the shelf, or away when there are enough. */
static void view_give(struct store_view *v)
{
    struct store *s = v->store;
    bool is_kept;

    lock_take(s->lock);
    list_remove(&v->node);
    is_kept = v->txn && s->parked_count < STORE_PARKED_MAX;
    if (is_kept) {
        list_add_tail(&s->parked, &v->node);
        s->parked_count++;
    }
    lock_give(s->lock);
    if (!is_kept)
        view_free(v);
}

enum store_status store_view_open(struct store *s, struct store_view **view_r)
{
    struct store_view *v;
    enum store_status status;

    if (s->committer)
        applier_wait(s->applier, committer_durable_seq(s->committer));
    v = view_take(s);
    status = v->txn ? index_read_renew(v->txn) : index_read_begin(s->index, &v->txn);
    if (status != STORE_OK) {
        if (v->txn)
            index_read_end(&v->txn);
        view_give(v);
        return status;
    }
    *view_r = v;
    return STORE_OK;
}

static void since_forget(struct store_view *v)
{
    free(v->since);
    v->since = NULL;
    v->since_count = 0;
    v->since_mailbox = 0;
    v->since_known = false;
}

void store_view_close(struct store_view **view)
{
    struct store_view *v = *view;

    index_read_park(v->txn);
    for (size_t i = 0; i < v->pin_count; i++)
        journal_unpin(v->pins[i]);
    v->pin_count = 0;
    since_forget(v);
    view_give(v);
    *view = NULL;
}

void store_view_keep(struct store_view *v, struct journal_pin *pin)
{
    if (v->pin_count == v->pin_size) {
        v->pin_size = v->pin_size ? v->pin_size * 2 : 16;
        v->pins = xrealloc(v->pins, v->pin_size * sizeof(struct journal_pin *));
    }
    v->pins[v->pin_count++] = pin;
}

enum store_status store_view_missing(const struct store_view *v)
{
    enum store_status status = index_status(v->txn);

    return status == STORE_OK ? STORE_NOT_FOUND : status;
}

uint64_t store_views_oldest(struct store *s)
{
    uint64_t oldest = UINT64_MAX;

    lock_take(s->lock);
    list_each (node, &s->views) {
        const struct store_view *v = CONTAINER_OF(node, struct store_view, node);
        if (v->seq < oldest)
            oldest = v->seq;
    }
    lock_give(s->lock);
    return oldest;
}

void store_views_watch(struct store *s)
{
    uint64_t now = clock_monotonic_ns();
    unsigned late = 0;

    lock_take(s->lock);
    list_each (node, &s->views) {
        struct store_view *v = CONTAINER_OF(node, struct store_view, node);
        if (!v->is_told && v->opened_ns + STORE_VIEW_S_MAX * UINT64_C(1000000000) < now) {
            v->is_told = true;
            late++;
        }
    }
    lock_give(s->lock);
    if (late > 0)
        store_say(s, "store: %u views are open for more than %d seconds", late, STORE_VIEW_S_MAX);
}
