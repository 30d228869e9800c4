#include "core/service/directory.h"

#include <stdlib.h>

#include "core/service/directory_private.h"

char directory_domain_is_local, directory_domain_is_virtual;

/* ---- keys ---- */

static bool key_add(struct directory_key *key, struct span bytes)
{
    if (bytes.len > sizeof(key->bytes) - key->len)
        return false;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        key->bytes[key->len++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    return true;
}

bool directory_key(struct directory_key *key, struct span local, bool at, struct span domain)
{
    key->len = 0;
    return key_add(key, local) && (!at || key_add(key, SPAN("@"))) && key_add(key, domain);
}

static void *find(const struct map *map, struct span local, bool at, struct span domain)
{
    struct directory_key key;

    if (map_count(map) == 0 || !directory_key(&key, local, at, domain))
        return NULL;
    return map_get(map, (struct span){key.bytes, key.len});
}

static const void *domain_kind(const struct directory *d, struct span domain)
{
    return find(d->domains, domain, false, SPAN(""));
}

static bool is_ours(const struct directory *d, struct span domain)
{
    if (domain_kind(d, domain))
        return true;
    return domain.len > 0 && memchr(domain.at, '.', domain.len) &&
           find(d->virtuals, domain, false, SPAN(""));
}

/* The name in front of the first delimiter; *detail_r what stands behind it. All of it when there
 * is none, or nothing in front of it. */
static struct span without_detail(const struct directory *d, struct span local,
                                  struct span *detail_r)
{
    *detail_r = (struct span){local.at + local.len, 0};
    for (size_t i = 1; i < local.len; i++) {
        if (local.at[i] != '\0' && strchr(d->delimiter, local.at[i])) {
            *detail_r = span_after(local, i + 1);
            return span_first(local, i);
        }
    }
    return local;
}

/* ---- one address ---- */

struct walk {
    const struct directory *d;
    struct directory_target *targets;
    unsigned max, count, others, steps;
    bool is_too_much; /* too deep, too many: nothing is delivered */
    bool has_looped;
    const struct directory_alias *path[DIRECTORY_ALIAS_DEPTH_MAX];
    unsigned depth;
};

struct address {
    struct span local, domain;
    struct span base, own_detail; /* local, divided */
    struct span detail;           /* handed on by an alias; used when local has none of its own */
    bool is_final;
};

static void walk_address(struct walk *w, struct span local, struct span domain, struct span detail,
                         bool is_final);

static bool is_on_path(const struct walk *w, const struct directory_alias *alias)
{
    for (unsigned i = 0; i < w->depth; i++)
        if (w->path[i] == alias)
            return true;
    return false;
}

/* Looks up what an alias names. False when it is being looked up already: the name stands for
 * itself then. */
static bool walk_alias(struct walk *w, const struct directory_alias *alias, const struct address *a,
                       struct span detail)
{
    if (is_on_path(w, alias)) {
        w->has_looped = true;
        return false;
    }
    if (w->depth == DIRECTORY_ALIAS_DEPTH_MAX) {
        w->is_too_much = true;
        return true;
    }
    w->path[w->depth++] = alias;
    for (unsigned i = 0; i < alias->count && !w->is_too_much; i++) {
        const struct directory_address *to = &alias->targets[i];
        bool same_name = to->local.len == 0;
        walk_address(w, same_name ? a->local : to->local, to->domain, same_name ? SPAN("") : detail,
                     to->is_final);
    }
    w->depth--;
    return true;
}

static bool has_place(struct walk *w)
{
    if (w->count == w->max || w->count == DIRECTORY_TARGETS_MAX)
        w->is_too_much = true;
    return !w->is_too_much;
}

static void walk_user(struct walk *w, const struct directory_user *user, struct span detail)
{
    for (unsigned i = 0; i < w->count; i++)
        if (w->targets[i].account.at == user->account.at && span_eq(w->targets[i].detail, detail))
            return;
    if (has_place(w))
        w->targets[w->count++] = (struct directory_target){user->account, detail, false};
}

/* The address that was asked for is not in the directory's memory, and no target. */
static void walk_elsewhere(struct walk *w, const struct address *a)
{
    if (w->depth == 0)
        return;
    for (unsigned i = 0; i < w->count; i++)
        if (w->targets[i].is_elsewhere && span_eq(w->targets[i].account, a->local) &&
            span_eq_nocase(w->targets[i].detail, a->domain))
            return;
    if (!has_place(w))
        return;
    w->targets[w->count++] = (struct directory_target){a->local, a->domain, true};
    w->others++;
}

/* Step 1. */
static bool try_virtual(struct walk *w, const struct address *a, bool is_local)
{
    const struct map *m = w->d->virtuals;
    const struct directory_alias *alias;

    alias = find(m, a->local, true, a->domain);
    if (!alias && is_local)
        alias = find(m, a->local, false, SPAN(""));
    if (alias)
        return walk_alias(w, alias, a, a->own_detail.len > 0 ? SPAN("") : a->detail);
    if (a->own_detail.len == 0)
        return false;
    alias = find(m, a->base, true, a->domain);
    if (!alias && is_local)
        alias = find(m, a->base, false, SPAN(""));
    return alias && walk_alias(w, alias, a, a->own_detail);
}

/* Step 2. */
static bool try_aliases(struct walk *w, const struct address *a)
{
    const struct directory_alias *alias = find(w->d->aliases, a->local, false, SPAN(""));

    if (!alias && a->base.len < a->local.len)
        alias = find(w->d->aliases, a->base, false, SPAN(""));
    return alias && walk_alias(w, alias, a, SPAN(""));
}

static const struct directory_user *find_user(const struct directory *d, struct span local,
                                              struct span domain, bool is_local)
{
    const struct directory_user *user = find(d->users, local, true, domain);

    if (!user && is_local)
        user = find(d->users, local, true, span_str(d->first_domain));
    return user;
}

/* Step 3. */
static bool try_users(struct walk *w, const struct address *a, bool is_local)
{
    const struct directory_user *user = find_user(w->d, a->local, a->domain, is_local);

    if (user) {
        walk_user(w, user, a->detail);
        return true;
    }
    if (a->base.len == a->local.len)
        return false;
    user = find_user(w->d, a->base, a->domain, is_local);
    if (user)
        walk_user(w, user, a->own_detail);
    return user != NULL;
}

/* Steps 4 and 5. */
static bool try_last(struct walk *w, const struct address *a)
{
    const struct directory *d = w->d;
    const struct directory_alias *alias;

    if (span_eq_nocase(a->base, SPAN("postmaster")) && d->user_count > 0) {
        walk_user(w, d->user_order[0], SPAN(""));
        return true;
    }
    if (a->is_final)
        return false;
    alias = find(d->virtuals, SPAN(""), true, a->domain);
    if (alias && walk_alias(w, alias, a, SPAN("")))
        return true;
    return d->catch_all && walk_alias(w, d->catch_all, a, SPAN(""));
}

static void walk_address(struct walk *w, struct span local, struct span domain, struct span detail,
                         bool is_final)
{
    struct address a = {.local = local, .domain = domain, .detail = detail, .is_final = is_final};
    const void *kind;
    bool is_local;

    if (++w->steps > DIRECTORY_STEPS_MAX) {
        w->is_too_much = true;
        return;
    }
    if (domain.len == 0)
        a.domain = span_str(w->d->first_domain);
    a.base = without_detail(w->d, local, &a.own_detail);
    kind = domain_kind(w->d, a.domain);
    is_local = kind == &directory_domain_is_local;
    if (!is_final && try_virtual(w, &a, is_local))
        return;
    if (!kind && !is_ours(w->d, a.domain)) {
        walk_elsewhere(w, &a);
        return;
    }
    if (is_local && !is_final && try_aliases(w, &a))
        return;
    if (!try_users(w, &a, is_local))
        (void)try_last(w, &a);
}

/* ---- the interface ---- */

enum directory_answer directory_resolve(const struct directory *d, struct span local,
                                        struct span domain, struct directory_target *targets_r,
                                        unsigned max, unsigned *count_r, unsigned *others_r)
{
    struct walk w = {.d = d, .targets = targets_r, .max = max};

    walk_address(&w, local, domain, SPAN(""), false);
    *count_r = *others_r = 0;
    if (w.is_too_much)
        return DIRECTORY_ALIAS_BROKEN;
    if (domain.len > 0 && !is_ours(d, domain))
        return DIRECTORY_NOT_OURS;
    if (w.count == 0)
        return w.has_looped ? DIRECTORY_ALIAS_BROKEN : DIRECTORY_UNKNOWN;
    *count_r = w.count;
    *others_r = w.others;
    return DIRECTORY_LOCAL;
}

/* A domain alone in virtual ("example.org  anything") is ours as well, as in virtual(5). */
bool directory_login(const struct directory *d, struct span name, struct span *account_r,
                     struct span *password_r)
{
    const char *at = name.len > 0 ? memrchr(name.at, '@', name.len) : NULL;
    struct span local = at ? span_first(name, (size_t)(at - name.at)) : name;
    struct span domain = at ? span_after(name, local.len + 1) : span_str(d->first_domain);
    const struct directory_user *user =
        find_user(d, local, domain, domain_kind(d, domain) == &directory_domain_is_local);

    if (!user)
        return false;
    *account_r = user->account;
    *password_r = user->password;
    return true;
}

bool directory_user_at(const struct directory *d, unsigned index, struct span *account_r,
                       struct span *password_r)
{
    if (index >= d->user_count)
        return false;
    *account_r = d->user_order[index]->account;
    *password_r = d->user_order[index]->password;
    return true;
}

unsigned directory_user_count(const struct directory *d)
{
    return d->user_count;
}

static void alias_free(struct directory_alias *alias)
{
    if (!alias)
        return;
    free(alias->targets);
    free(alias->bytes);
    free(alias);
}

static void free_aliases(struct map **map)
{
    size_t place = 0;
    struct span key;
    void *alias;

    while (map_next(*map, &place, &key, &alias))
        alias_free(alias);
    map_free(map);
}

void directory_free(struct directory **directory)
{
    struct directory *d = *directory;

    *directory = NULL;
    if (!d)
        return;
    free_aliases(&d->aliases);
    free_aliases(&d->virtuals);
    map_free(&d->domains);
    map_free(&d->users);
    for (unsigned i = 0; i < d->user_count; i++)
        free(d->user_order[i]);
    for (unsigned i = 0; i < d->path_count; i++)
        free(d->paths[i]);
    free(d->paths);
    free(d->user_order);
    free(d->first_domain);
    free(d->delimiter);
    alias_free(d->catch_all);
    free(d);
}
