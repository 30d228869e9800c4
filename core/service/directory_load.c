/* directory_load: the files that people write -> the snapshot. */

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/directory.h"
#include "core/service/directory_file.h"
#include "core/service/directory_private.h"

struct loading {
    struct directory *d;
    struct chain *why;
    const char *path; /* the file in hand; lives as long as the directory */
    unsigned line;
    unsigned findings;
};

#define TEXT(span) (int)(span).len, (span).len > 0 ? (span).at : ""

static void found(struct loading *l, const char *format, ...) PRINTF_LIKE(2, 3);
static void found(struct loading *l, const char *format, ...)
{
    char text[512];
    va_list parts;

    if (++l->findings > DIRECTORY_FINDINGS_MAX)
        return;
    va_start(parts, format);
    vsnprintf(text, sizeof(text), format, parts);
    va_end(parts);
    if (l->line > 0)
        chain_addf(l->why, "%s:%u: %s\n", l->path, l->line, text);
    else
        chain_addf(l->why, "%s: %s\n", l->path, text);
}

static bool is_clean(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return false;
    return true;
}

/* ---- addresses as they are written ---- */

/* The last "@" outside quotes. */
static const char *find_at(struct span text)
{
    const char *at = NULL;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        else if (text.at[i] == '\\' && quoted)
            i++;
        else if (text.at[i] == '@' && !quoted)
            at = text.at + i;
    }
    return at;
}

/* An address as it is written: local and domain, unquoted into `to` (room for text.len bytes).
 * False when it can't be one. */
static bool address_parse(struct span text, char *to, struct directory_address *address_r)
{
    const char *at;
    struct span local;

    *address_r = (struct directory_address){0};
    if (text.len > 1 && text.at[0] == '\\') {
        address_r->is_final = true;
        text = span_after(text, 1);
    }
    if (text.len > 2 && text.at[0] == '<' && text.at[text.len - 1] == '>')
        text = (struct span){text.at + 1, text.len - 2};
    if (text.len == 0 || text.len > DIRECTORY_ADDRESS_MAX || !is_clean(text))
        return false;
    at = find_at(text);
    local = at ? span_first(text, (size_t)(at - text.at)) : text;
    if (!directory_unquote(local, to, &address_r->local))
        return false;
    if (!at)
        return address_r->local.len > 0;
    address_r->domain = (struct span){to + address_r->local.len, text.len - local.len - 1};
    memcpy(to + address_r->local.len, at + 1, address_r->domain.len);
    return address_r->domain.len > 0;
}

/* ---- users ---- */

static struct directory_user *user_new(struct span account, struct span password, unsigned line)
{
    struct directory_user *user = xmalloc(sizeof(*user) + account.len + password.len);

    memcpy(user->bytes, account.at, account.len);
    if (password.len > 0)
        memcpy(user->bytes + account.len, password.at, password.len);
    user->account = (struct span){user->bytes, account.len};
    user->password = (struct span){user->bytes + account.len, password.len};
    user->line = line;
    return user;
}

static void user_add(struct loading *l, struct span account, struct span password)
{
    struct directory *d = l->d;
    struct directory_user *old = map_get(d->users, account);

    if (old) {
        found(l, "%.*s is there a second time; take this line or line %u out", TEXT(account),
              old->line);
        return;
    }
    if (d->user_count == d->user_room) {
        d->user_room = d->user_room ? d->user_room * 2 : 64;
        d->user_order = xrealloc(d->user_order, d->user_room * sizeof(struct directory_user *));
    }
    d->user_order[d->user_count] = user_new(account, password, l->line);
    map_put(d->users, account, d->user_order[d->user_count]);
    d->user_count++;
}

static bool name_is_possible(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] <= ' ' || name.at[i] == 0x7f || name.at[i] == '"')
            return false;
    return name.len > 0;
}

/* user@domain:password:uid:gid:(gecos):home:(shell):extra_fields; what stands behind the password
 * has no meaning here. */
static void take_user(struct loading *l, struct span line)
{
    const char *colon = memchr(line.at, ':', line.len);
    struct span name = colon ? span_first(line, (size_t)(colon - line.at)) : line;
    struct span rest = span_after(line, name.len + 1), password = rest;
    const char *at = memrchr(name.at, '@', name.len);
    struct span local = at ? span_first(name, (size_t)(at - name.at)) : name;
    struct span domain = at ? span_after(name, local.len + 1) : span_str(l->d->first_domain);
    struct directory_key key, domain_key;

    if (!colon) {
        found(l, "no password field; write user@domain:{SCHEME}hash");
        return;
    }
    colon = rest.len > 0 ? memchr(rest.at, ':', rest.len) : NULL;
    if (colon)
        password = span_first(rest, (size_t)(colon - rest.at));
    if (!name_is_possible(local) || !directory_key(&key, local, true, domain)) {
        found(l, "\"%.*s\" can't be a user's name; write user@domain:{SCHEME}hash", TEXT(name));
        return;
    }
    if (!directory_key(&domain_key, domain, false, SPAN("")) ||
        !map_get(l->d->domains, (struct span){domain_key.bytes, domain_key.len})) {
        found(l, "the domain of %.*s is not ours; add it to virtual_mailbox_domains", TEXT(name));
        return;
    }
    user_add(l, (struct span){key.bytes, key.len}, password);
}

static void load_users(struct loading *l)
{
    struct directory_lines lines = {0};
    struct span text, line;

    if (!directory_file_read(l->path, DIRECTORY_FILE_MAX, &text, l->why)) {
        l->findings++;
        return;
    }
    lines.rest = text;
    while (directory_lines_next(&lines, &line)) {
        line = directory_trim(line);
        l->line = lines.line;
        if (line.len > 0 && line.at[0] != '#')
            take_user(l, line);
    }
    explicit_bzero((void *)(uintptr_t)text.at, text.len);
    free((void *)(uintptr_t)text.at);
}

/* ---- aliases and virtual ---- */

/* The next address of a list divided by commas outside quotes; false at its end. */
static bool next_address(struct span *rest, struct span *item_r)
{
    do {
        bool quoted = false;
        size_t len = 0;
        for (; len < rest->len && (quoted || rest->at[len] != ','); len++) {
            if (quoted && rest->at[len] == '\\' && len + 1 < rest->len)
                len++;
            else if (rest->at[len] == '"')
                quoted = !quoted;
        }
        *item_r = directory_trim(span_first(*rest, len));
        *rest = span_after(*rest, len + 1);
    } while (item_r->len == 0 && rest->len > 0);
    return item_r->len > 0;
}

/* What we do not do with mail: it would run or write as whoever we are. */
static bool is_refused(struct loading *l, struct span item)
{
    struct span inner = item.at[0] == '"' ? span_after(item, 1) : item;

    if (inner.len > 0 && inner.at[0] == '|')
        found(l, "\"%.*s\": commands are not run; fetch the mail by IMAP instead", TEXT(item));
    else if (inner.len > 0 && inner.at[0] == '/')
        found(l, "\"%.*s\": mail is not written to files; name an account", TEXT(item));
    else if (span_eq_nocase(span_first(inner, 9), SPAN(":include:")))
        found(l, "\"%.*s\": lists in files are not read; write the addresses here", TEXT(item));
    else
        return false;
    return true;
}

static struct directory_alias *alias_new(struct loading *l, struct span value)
{
    struct directory_alias *alias = xcalloc(1, sizeof(*alias));
    struct span rest = value, item;
    unsigned room = 0;
    size_t used = 0;

    alias->path = l->path;
    alias->line = l->line;
    alias->bytes = xmalloc(value.len + 1);
    while (next_address(&rest, &item)) {
        struct directory_address address;
        if (is_refused(l, item))
            continue;
        if (!address_parse(item, alias->bytes + used, &address)) {
            found(l, "\"%.*s\" is not an address; write user or user@domain", TEXT(item));
            continue;
        }
        used += address.local.len + address.domain.len;
        if (alias->count == room) {
            room = room ? room * 2 : 4;
            alias->targets = xrealloc(alias->targets, room * sizeof(*alias->targets));
        }
        alias->targets[alias->count++] = address;
    }
    if (alias->count > DIRECTORY_TARGETS_MAX)
        found(l, "more than %d addresses; divide them", DIRECTORY_TARGETS_MAX);
    return alias;
}

static void alias_add(struct loading *l, struct map *map, struct span name, struct span value)
{
    struct directory_key key;
    struct directory_alias *old, *alias;

    if (!directory_key(&key, name, false, SPAN(""))) {
        found(l, "a name of more than %d bytes; shorten it", DIRECTORY_ADDRESS_MAX);
        return;
    }
    old = map_get(map, (struct span){key.bytes, key.len});
    if (old) {
        found(l, "%.*s is there a second time; take this line or %s:%u out", TEXT(name), old->path,
              old->line);
        return;
    }
    alias = alias_new(l, value);
    map_put(map, (struct span){key.bytes, key.len}, alias);
}

/* aliases(5): "name: value, value", the name quoted when it must be. */
static void take_alias(struct loading *l, struct span line)
{
    bool quoted = false;
    size_t len = 0;
    char plain[DIRECTORY_ADDRESS_MAX];
    struct span name, value;

    for (; len < line.len && (quoted || line.at[len] != ':'); len++)
        quoted ^= line.at[len] == '"';
    name = directory_trim(span_first(line, len));
    value = directory_trim(span_after(line, len + 1));
    if (len == line.len || name.len == 0) {
        found(l, "no alias; write name: user, user@domain");
        return;
    }
    if (name.len > sizeof(plain) || !directory_unquote(name, plain, &name) || find_at(name)) {
        found(l,
              "\"%.*s\" is not a local name; an alias with a domain belongs into "
              "virtual_alias_maps",
              TEXT(name));
        return;
    }
    if (value.len == 0)
        found(l, "%.*s names nobody; write name: user, user@domain", TEXT(name));
    else
        alias_add(l, l->d->aliases, name, value);
}

/* virtual(5): "pattern value, value". */
static void take_virtual(struct loading *l, struct span line)
{
    char plain[DIRECTORY_ADDRESS_MAX];
    struct span name, value;

    directory_entry(line, &name, &value);
    if (name.len > sizeof(plain) || !directory_unquote(name, plain, &name))
        found(l, "\"%.*s\" can't be an address; write user@domain, user or @domain", TEXT(name));
    else if (value.len == 0)
        found(l, "%.*s names nobody; write %.*s user@domain", TEXT(name), TEXT(name));
    else
        alias_add(l, l->d->virtuals, name, value);
}

static void load_map(struct loading *l, void (*take)(struct loading *l, struct span line))
{
    struct directory_lines lines = {0};
    struct span text, line;

    if (!directory_file_read(l->path, DIRECTORY_FILE_MAX, &text, l->why)) {
        l->findings++;
        return;
    }
    lines.rest = text;
    while (directory_lines_logical(&lines, &line)) {
        l->line = lines.line;
        take(l, line);
    }
    directory_lines_end(&lines);
    free((void *)(uintptr_t)text.at);
}

/* ---- all of it ---- */

static const char *keep_path(struct directory *d, const char *path)
{
    d->paths = xrealloc(d->paths, (d->path_count + 1) * sizeof(char *));
    return d->paths[d->path_count++] = xstrdup(path);
}

static void load_domains(struct directory *d, const struct directory_config *config)
{
    for (unsigned i = 0; i < config->domain_count; i++) {
        bool is_local = i < config->domain_count - config->mailbox_domain_count;
        struct directory_key key;
        struct span folded;
        if (!directory_key(&key, span_str(config->domains[i]), false, SPAN("")))
            continue;
        folded = (struct span){key.bytes, key.len};
        if (!map_get(d->domains, folded))
            map_put(d->domains, folded,
                    is_local ? &directory_domain_is_local : &directory_domain_is_virtual);
        if (!d->first_domain) {
            d->first_domain = xcalloc(1, key.len + 1);
            memcpy(d->first_domain, key.bytes, key.len);
        }
    }
    if (!d->first_domain)
        d->first_domain = xstrdup("localhost");
}

struct directory *directory_load(const struct directory_config *config, struct chain *why)
{
    struct directory *d = xcalloc(1, sizeof(*d));
    struct loading l = {.d = d, .why = why};

    d->domains = map_new();
    d->users = map_new();
    d->aliases = map_new();
    d->virtuals = map_new();
    d->delimiter = xstrdup(config->recipient_delimiter);
    load_domains(d, config);
    l.path = keep_path(d, config->users_path);
    load_users(&l);
    for (unsigned i = 0; i < config->alias_count; i++) {
        l.path = keep_path(d, config->alias_paths[i]);
        load_map(&l, take_alias);
    }
    for (unsigned i = 0; i < config->virtual_count; i++) {
        l.path = keep_path(d, config->virtual_paths[i]);
        load_map(&l, take_virtual);
    }
    if (config->catch_all[0] != '\0') {
        l.path = "luser_relay";
        l.line = 0;
        d->catch_all = alias_new(&l, span_str(config->catch_all));
    }
    if (l.findings > 0)
        directory_free(&d);
    return d;
}
