/* All the names that an account has in a view, mailboxes and subscriptions, side by side. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "store/store_private.h"

int store_name_order(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < common; i++) {
        unsigned char x = (unsigned char)a.at[i], y = (unsigned char)b.at[i];

        if (x != y)
            return x == '/' ? -1 : y == '/' ? 1 : x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Names are gathered with their offset in the text, which moves as it grows. */
struct gathering {
    struct store_listings *l;
    size_t size, text_len, text_size;
};

static void gather(struct gathering *g, const struct store_listing *listing)
{
    struct store_listings *l = g->l;

    if (l->count == g->size) {
        g->size = g->size ? g->size * 2 : 32;
        l->at = xrealloc(l->at, g->size * sizeof(*l->at));
    }
    if (g->text_size - g->text_len < listing->name.len) {
        g->text_size = (g->text_len + listing->name.len) * 2;
        l->text = xrealloc(l->text, g->text_size);
    }
    memcpy(l->text + g->text_len, listing->name.at, listing->name.len);
    l->at[l->count] = *listing;
    l->at[l->count++].name.at = NULL;
    g->text_len += listing->name.len;
}

static void gather_mailboxes(struct gathering *g, struct store_view *v, store_account account)
{
    struct index_mailbox m = {.name_len = 0};
    char after[STORE_MAILBOX_NAME_MAX];

    do {
        size_t len = m.name_len;

        memcpy(after, m.name, len);
        if (!index_mailbox_next(v->txn, account, (struct span){after, len}, &m))
            return;
        gather(g, &(struct store_listing){
                      .name = {m.name, m.name_len},
                        .exists = true, .uses = m.uses
        });
    } while (g->l->count <= STORE_MAILBOXES_MAX);
}

static void gather_subscriptions(struct gathering *g, struct store_view *v, store_account account)
{
    char after[STORE_MAILBOX_NAME_MAX];
    struct span name = {after, 0};
    size_t before = g->l->count;

    while (g->l->count - before <= STORE_MAILBOXES_MAX &&
           index_subscription_next(v->txn, account, name, &name)) {
        gather(g, &(struct store_listing){.name = name, .is_subscribed = true});
        memcpy(after, name.at, name.len);
        name.at = after;
    }
}

static int listing_order(const void *a, const void *b)
{
    const struct store_listing *x = a, *y = b;

    return store_name_order(x->name, y->name);
}

/* What stands there twice, as a mailbox and as a subscription, is one. */
static void listings_join(struct store_listings *l)
{
    size_t kept = 0;

    qsort(l->at, l->count, sizeof(*l->at), listing_order);
    for (size_t i = 1; i < l->count; i++) {
        struct store_listing *last = &l->at[kept];

        if (!span_eq(last->name, l->at[i].name)) {
            l->at[++kept] = l->at[i];
            continue;
        }
        last->exists |= l->at[i].exists;
        last->is_subscribed |= l->at[i].is_subscribed;
        last->uses |= l->at[i].uses;
    }
    l->count = kept + 1;
}

enum store_status store_listings(struct store_view *v, store_account account,
                                 struct store_listings *listings_r)
{
    struct gathering g = {.l = listings_r};
    size_t text = 0;

    *listings_r = (struct store_listings){0};
    gather_mailboxes(&g, v, account);
    gather_subscriptions(&g, v, account);
    for (size_t i = 0; i < listings_r->count; i++) {
        listings_r->at[i].name.at = listings_r->text + text;
        text += listings_r->at[i].name.len;
    }
    if (listings_r->count > 0)
        listings_join(listings_r);
    return index_status(v->txn);
}

void store_listings_free(struct store_listings *l)
{
    free(l->at);
    free(l->text);
    *l = (struct store_listings){0};
}
