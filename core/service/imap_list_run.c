/*
 * LIST and LSUB. All names of the account are read and laid out as a tree each time that the run
 * has room for more output: a name's answer depends on what is below it.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/service/imap_run.h"
#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_match.h"

enum list_fact { /* of a name */
    FACT_EXISTS = 1 << 0,
    FACT_SUBSCRIBED = 1 << 1,
    FACT_MATCHES = 1 << 2,  /* the patterns */
    FACT_SELECTED = 1 << 3, /* by the selection options */
    FACT_HIDDEN = 1 << 4,   /* subscribed, and LSUB's pattern does not match it */
    FACT_BELOW = 8,         /* shift: the same of any name below it */
};

/* A name: a mailbox, a subscription, or a level above one. */
struct list_name {
    struct span name;
    uint32_t above; /* index + 1 of the nearest level above it; 0: none */
    uint16_t facts;
    uint16_t uses;
};

struct list_tree {
    struct list_name *at;
    size_t count, size;
    unsigned options;
};

static bool is_below(struct span name, struct span above)
{
    return name.len > above.len && name.at[above.len] == '/' &&
           span_eq(span_first(name, above.len), above);
}

/* ---- the tree ---- */

static struct list_name *tree_add(struct list_tree *t, struct span name, uint32_t above)
{
    if (t->count == t->size) {
        t->size = t->size > 0 ? t->size * 2 : 64;
        t->at = xrealloc(t->at, t->size * sizeof(*t->at));
    }
    t->at[t->count] = (struct list_name){.name = name, .above = above};
    return &t->at[t->count++];
}

/* The last name that was added, or the nearest of those above it, that is above this one. */
static uint32_t tree_above(const struct list_tree *t, struct span name)
{
    uint32_t above = (uint32_t)t->count;

    while (above > 0 && !is_below(name, t->at[above - 1].name))
        above = t->at[above - 1].above;
    return above;
}

static bool is_selected(unsigned options, const struct store_listing *l)
{
    if ((options & IMAP_LIST_SUBSCRIBED) != 0 && !l->is_subscribed)
        return false;
    return (options & IMAP_LIST_SPECIAL_USE) == 0 || (l->exists && l->uses != 0);
}

/* Adds a name behind those above it, the levels that are nothing themselves among them. */
static void tree_add_name(struct list_tree *t, const struct store_listing *l,
                          const struct imap_match *match)
{
    uint32_t levels = imap_match_levels(match, l->name), above = tree_above(t, l->name);
    size_t known = above > 0 ? t->at[above - 1].name.len + 1 : 0;
    struct list_name *n;
    unsigned level = 0;

    for (size_t i = 0; i < l->name.len; i++) {
        if (l->name.at[i] != '/')
            continue;
        if (i >= known) {
            n = tree_add(t, span_first(l->name, i), above);
            n->facts = (levels >> level & 1) != 0 ? FACT_MATCHES : 0;
            above = (uint32_t)t->count;
        }
        level++;
    }
    n = tree_add(t, l->name, above);
    n->uses = (uint16_t)l->uses;
    n->facts = (uint16_t)((l->exists ? FACT_EXISTS : 0) | (l->is_subscribed ? FACT_SUBSCRIBED : 0) |
                          ((levels >> level & 1) != 0 ? FACT_MATCHES : 0) |
                          (is_selected(t->options, l) ? FACT_SELECTED : 0));
    if (l->is_subscribed && (n->facts & FACT_MATCHES) == 0)
        n->facts |= FACT_HIDDEN;
}

/* Names stand behind those above them: from the end on, each tells its own. */
static void tree_tell_above(struct list_tree *t)
{
    for (size_t i = t->count; i-- > 0;) {
        const struct list_name *n = &t->at[i];
        unsigned facts = n->facts | n->facts >> FACT_BELOW;

        if (n->above > 0)
            t->at[n->above - 1].facts |= (uint16_t)((facts & 0xFF) << FACT_BELOW);
    }
}

/* ---- answers ---- */

static const struct {
    enum store_use use;
    const char *word;
} use_words[] = {
    {STORE_USE_ARCHIVE, "\\Archive"},
    {STORE_USE_DRAFTS,  "\\Drafts" },
    {STORE_USE_JUNK,    "\\Junk"   },
    {STORE_USE_SENT,    "\\Sent"   },
    {STORE_USE_TRASH,   "\\Trash"  },
};

static bool has_below(const struct list_name *n, unsigned facts)
{
    return (n->facts >> FACT_BELOW & facts) != 0;
}

static void write_attributes(struct chain *out, unsigned options, const struct list_name *n)
{
    bool exists = (n->facts & FACT_EXISTS) != 0, has_children = has_below(n, FACT_EXISTS);

    if ((options & IMAP_LIST_SHOW_SUBSCRIBED) != 0 && (n->facts & FACT_SUBSCRIBED) != 0)
        chain_add(out, SPAN("\\Subscribed "));
    if (!exists)
        chain_add(out, has_children ? SPAN("\\Noselect ") : SPAN("\\NonExistent "));
    chain_add(out, has_children ? SPAN("\\HasChildren") : SPAN("\\HasNoChildren"));
    for (size_t i = 0; i < COUNT_OF(use_words); i++) {
        if ((n->uses & (unsigned)use_words[i].use) != 0)
            chain_addf(out, " %s", use_words[i].word);
    }
}

/* Which of the selection options something below meets (RFC 5258 3.5). */
static void write_childinfo(struct chain *out, unsigned options)
{
    chain_add(out, SPAN(" (\"CHILDINFO\" ("));
    if ((options & IMAP_LIST_SUBSCRIBED) != 0)
        chain_add(out, SPAN("\"SUBSCRIBED\""));
    if ((options & IMAP_LIST_SUBSCRIBED) != 0 && (options & IMAP_LIST_SPECIAL_USE) != 0)
        chain_add_byte(out, ' ');
    if ((options & IMAP_LIST_SPECIAL_USE) != 0)
        chain_add(out, SPAN("\"SPECIAL-USE\""));
    chain_add(out, SPAN("))"));
}

static bool is_listed(unsigned options, const struct list_name *n)
{
    bool is_there = (n->facts & FACT_EXISTS) != 0 || has_below(n, FACT_EXISTS);

    if ((options & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE)) == 0)
        return is_there;
    return (n->facts & FACT_SELECTED) != 0 ||
           ((options & IMAP_LIST_RECURSIVE) != 0 && has_below(n, FACT_SELECTED));
}

static void write_list(struct chain *out, unsigned options, const struct list_name *n)
{
    if (!is_listed(options, n))
        return;
    chain_add(out, SPAN("* LIST ("));
    write_attributes(out, options, n);
    chain_add(out, SPAN(") \"/\" "));
    imap_write_mailbox(out, n->name);
    if ((options & IMAP_LIST_RECURSIVE) != 0 && has_below(n, FACT_SELECTED))
        write_childinfo(out, options);
    chain_add(out, SPAN("\r\n"));
}

/* RFC 3501 6.3.9: a level of which only what the pattern leaves out is subscribed is named too. */
static void write_lsub(struct chain *out, const struct list_name *n)
{
    bool is_subscribed = (n->facts & FACT_SUBSCRIBED) != 0;

    if (!is_subscribed && !has_below(n, FACT_HIDDEN))
        return;
    chain_add(out, is_subscribed ? SPAN("* LSUB () \"/\" ") : SPAN("* LSUB (\\Noselect) \"/\" "));
    imap_write_mailbox(out, n->name);
    chain_add(out, SPAN("\r\n"));
}

/* ---- the run ---- */

static enum store_status tree_read(struct imap_run *run, struct list_tree *t,
                                   struct store_listings *listings)
{
    const struct imap_list_request *r = (const struct imap_list_request *)run->request;
    enum store_status status = store_listings(run->view, run->request->account->id, listings);

    t->options = r->options;
    for (size_t i = 0; i < listings->count && status == STORE_OK; i++)
        tree_add_name(t, &listings->at[i], r->match);
    tree_tell_above(t);
    return status;
}

static bool write_name(struct imap_run *run, const struct list_name *n)
{
    struct imap_list_request *r = (struct imap_list_request *)run->request;
    struct span after = {r->after, r->after_len};

    if ((n->facts & FACT_MATCHES) == 0 || (after.len > 0 && store_name_order(n->name, after) <= 0))
        return true;
    if ((r->options & IMAP_LIST_LSUB) != 0)
        write_lsub(run->out, n);
    else
        write_list(run->out, r->options, n);
    ensure(n->name.len <= sizeof(r->after));
    memcpy(r->after, n->name.at, n->name.len);
    r->after_len = (uint32_t)n->name.len;
    return !imap_run_is_full(run);
}

static enum imap_next list_step(struct imap_run *run)
{
    struct list_tree tree = {0};
    struct store_listings listings;
    enum store_status status = tree_read(run, &tree, &listings);
    size_t i = 0;

    while (status == STORE_OK && i < tree.count && write_name(run, &tree.at[i]))
        i++;
    free(tree.at);
    store_listings_free(&listings);
    if (status != STORE_OK)
        return imap_run_fail(run, status);
    return i < tree.count ? IMAP_NEXT_MORE : IMAP_NEXT_DONE;
}

enum service_outcome imap_list_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, list_step);
}
