/* \Recent: which session saw a message first is known at once in memory, and by and by on disk. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "store/store_private.h"

struct store_recent {
    uint32_t uid;  /* all below were taken */
    unsigned away; /* changes on their way to the index */
};

struct recent_change {
    struct store *store;
    store_mailbox mailbox;
};

static struct store_recent *recent_find(struct store *s, store_mailbox mailbox)
{
    return map_get(s->recents, map_key_u64(&mailbox));
}

uint32_t store_recent_known(struct store *s, store_mailbox mailbox, uint32_t uid)
{
    struct store_recent *r;

    lock_take(s->lock);
    r = recent_find(s, mailbox);
    if (r && r->uid > uid)
        uid = r->uid;
    lock_give(s->lock);
    return uid;
}

/* Forgets what is in the index by now, when there is too much. With the lock. */
static void recents_trim(struct store *s)
{
    struct map *kept;
    struct span key;
    void *value;

    if (map_count(s->recents) < STORE_RECENTS_MAX)
        return;
    kept = map_new();
    for (size_t place = 0; map_next(s->recents, &place, &key, &value);) {
        struct store_recent *r = value;
        if (r->away > 0)
            map_put(kept, key, r);
        else
            free(r);
    }
    map_free(&s->recents);
    s->recents = kept;
}

static void recent_done(void *context, enum store_status status, const struct store_result *results,
                        size_t count)
{
    struct recent_change *change = context;
    struct store *s = change->store;
    struct store_recent *r;

    (void)status;
    (void)results;
    (void)count;
    lock_take(s->lock);
    r = recent_find(s, change->mailbox);
    if (r && r->away > 0)
        r->away--;
    lock_give(s->lock);
    free(change);
}

static void recent_submit(struct store *s, store_mailbox mailbox, uint32_t uid)
{
    struct store_change *c = store_change_new(s);
    struct recent_change *context = xmalloc(sizeof(*context));

    *context = (struct recent_change){s, mailbox};
    store_change_recent(c, mailbox, uid);
    store_submit(s, &c, STORE_ACK_NONE, recent_done, context);
}

uint32_t store_recent_take(struct store *s, const struct store_mailbox_info *info)
{
    struct store_recent *r;
    uint32_t from = info->recent_from_uid;
    bool is_news;

    lock_take(s->lock);
    r = recent_find(s, info->id);
    if (!r) {
        recents_trim(s);
        r = xcalloc(1, sizeof(*r));
        map_put(s->recents, map_key_u64(&info->id), r);
    }
    if (r->uid > from)
        from = r->uid;
    is_news = info->uid_next > from;
    if (is_news) {
        r->uid = info->uid_next;
        r->away++;
    }
    lock_give(s->lock);
    if (is_news)
        recent_submit(s, info->id, info->uid_next);
    return from;
}

void store_recents_free(struct store *s)
{
    struct span key;
    void *value;

    for (size_t place = 0; map_next(s->recents, &place, &key, &value);)
        free(value);
    map_free(&s->recents);
}
