/*
 * config: from entries to the struct. Values may name others ($myhostname), so each is expanded
 * when all texts are known; then its type and bounds are looked at; then what only makes sense
 * together (config_check.c). All findings are said, not only the first.
 */

#include "core/gateway/config.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/span.h"
#include "core/gateway/config_check.h"
#include "core/gateway/config_parse.h"
#include "core/gateway/config_value.h"

struct config_text {
    char *given;   /* as written; NULL: the default holds */
    unsigned line; /* of the file; 0: -o */
    struct config_value value;
};

/* ---- where things are written ---- */

static unsigned index_of(const struct config_option *option)
{
    return (unsigned)(option - config_options);
}

static const char *text_of(const struct config *c, const struct config_option *option)
{
    const struct config_text *t = &c->texts[index_of(option)];
    return t->given ? t->given : option->fallback;
}

static void say_place(const struct config *c, const struct config_option *option, struct chain *why)
{
    const struct config_text *t = &c->texts[index_of(option)];

    if (t->given && t->line > 0)
        chain_addf(why, "%s:%u: ", c->path, t->line);
    else if (t->given)
        chain_add(why, SPAN("-o: "));
    else
        chain_addf(why, "%s: ", c->path ? c->path : "(no file)");
}

/* The directory of the configuration file, "" for the working directory. */
static char *base_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    char *base = xstrdup(slash ? path : "");

    if (slash)
        base[slash == path ? 1 : slash - path] = '\0';
    return base;
}

/* ---- $name ---- */

static bool expand(const struct config *c, const struct config_option *option, unsigned depth,
                   struct chain *out, struct chain *why);

static void add_system_host(struct chain *out)
{
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        memcpy(host, "localhost", sizeof("localhost"));
    chain_add(out, span_str(host));
    if (!strchr(host, '.'))
        chain_add(out, SPAN(".localdomain"));
}

/* myhostname without its first part, when that leaves a domain. */
static bool add_own_domain(const struct config *c, unsigned depth, struct chain *out,
                           struct chain *why)
{
    struct chain host = {0};
    struct span name;
    const char *dot;
    bool good = expand(c, config_option_find("myhostname", 10), depth + 1, &host, why);

    name = chain_flat(&host);
    dot = name.len > 0 ? memchr(name.at, '.', name.len) : NULL;
    if (dot && dot + 1 < name.at + name.len)
        name = span_after(name, (size_t)(dot - name.at) + 1);
    chain_add(out, name);
    chain_free(&host);
    return good;
}

/* Takes the name behind a "$" off the front of the text: name, {name} or (name). */
static struct span cut_name(struct span *rest)
{
    char close = rest->len == 0 ? '\0' : rest->at[0] == '{' ? '}' : rest->at[0] == '(' ? ')' : '\0';
    struct span name = close ? span_after(*rest, 1) : *rest;
    size_t len = 0;

    while (len < name.len && (isalnum((unsigned char)name.at[len]) || name.at[len] == '_'))
        len++;
    name.len = len;
    *rest = span_after(*rest, len + (close ? 1 : 0));
    if (close && (rest->len == 0 || rest->at[0] != close))
        return (struct span){name.at, 0};
    *rest = span_after(*rest, close ? 1 : 0);
    return name;
}

static bool expand_name(const struct config *c, struct span name, unsigned depth, struct chain *out,
                        struct chain *why)
{
    const struct config_option *named = config_option_find(name.at, name.len);

    if (!named) { /* said once, about the option in whose own text it stands */
        if (depth == 0)
            chain_addf(why, "\"$%.*s\" names no option; write $$ for a dollar sign", (int)name.len,
                       name.at);
        return false;
    }
    if (depth >= CONFIG_DEPTH_MAX) {
        chain_addf(why, "\"$%s\" leads back to itself; write the value instead", named->name);
        return false;
    }
    return expand(c, named, depth + 1, out, why);
}

static bool expand_text(const struct config *c, const struct config_option *option, unsigned depth,
                        struct chain *out, struct chain *why)
{
    struct span rest = span_str(text_of(c, option));

    while (rest.len > 0) {
        const char *dollar = memchr(rest.at, '$', rest.len);
        size_t plain = dollar ? (size_t)(dollar - rest.at) : rest.len;
        chain_add(out, span_first(rest, plain));
        rest = span_after(rest, plain + (dollar != NULL));
        if (dollar && rest.len > 0 && rest.at[0] == '$') {
            chain_add_byte(out, '$');
            rest = span_after(rest, 1);
        } else if (dollar && !expand_name(c, cut_name(&rest), depth, out, why)) {
            return false;
        }
        if (out->len > CONFIG_VALUE_MAX) {
            chain_addf(why, "longer than %u bytes; shorten it", (unsigned)CONFIG_VALUE_MAX);
            return false;
        }
    }
    return true;
}

static bool expand(const struct config *c, const struct config_option *option, unsigned depth,
                   struct chain *out, struct chain *why)
{
    if (text_of(c, option)[0] == '\0' && option->offset == offsetof(struct config, myhostname)) {
        add_system_host(out);
        return true;
    }
    if (text_of(c, option)[0] == '\0' && option->offset == offsetof(struct config, mydomain))
        return add_own_domain(c, depth, out, why);
    return expand_text(c, option, depth, out, why);
}

/* ---- taking what was written ---- */

static void unknown(struct span name, struct chain *why)
{
    const struct config_option *like = config_option_like(name.at, name.len);

    chain_addf(why, "\"%.*s\" is no option; ", (int)name.len, name.at);
    if (like)
        chain_addf(why, "did you mean %s?\n", like->name);
    else
        chain_add(why, SPAN("`ringpost config` lists all\n"));
}

static void set_text(struct config *c, const struct config_option *option, struct span value,
                     unsigned line)
{
    struct config_text *t = &c->texts[index_of(option)];

    free(t->given);
    t->given = xmalloc(value.len + 1);
    if (value.len > 0)
        memcpy(t->given, value.at, value.len);
    t->given[value.len] = '\0';
    t->line = line;
}

static bool take_file(struct config *c, struct chain *why)
{
    struct config_entries entries = {0};
    bool good = config_parse_file(c->path, &entries, why);

    for (unsigned i = 0; i < entries.count; i++) {
        const struct config_entry *e = &entries.at[i];
        const struct config_option *option = config_option_find(e->name, strlen(e->name));
        if (option) {
            set_text(c, option, span_str(e->value), e->line);
            continue;
        }
        chain_addf(why, "%s:%u: ", c->path, e->line);
        unknown(span_str(e->name), why);
        good = false;
    }
    config_parse_free(&entries);
    return good;
}

static struct span trimmed(struct span s)
{
    while (s.len > 0 && isspace((unsigned char)s.at[0]))
        s = span_after(s, 1);
    while (s.len > 0 && isspace((unsigned char)s.at[s.len - 1]))
        s.len--;
    return s;
}

static bool take_override(struct config *c, const char *text, struct chain *why)
{
    const char *equals = strchr(text, '=');
    struct span name = trimmed((struct span){text, equals ? (size_t)(equals - text) : 0});
    const struct config_option *option = config_option_find(name.at, name.len);

    if (!equals) {
        chain_addf(why, "-o %s: no \"=\"; write -o name=value\n", text);
        return false;
    }
    if (!option) {
        chain_addf(why, "-o %s: ", text);
        unknown(name, why);
        return false;
    }
    set_text(c, option, trimmed(span_str(equals + 1)), 0);
    return true;
}

/* ---- values ---- */

static bool evaluate(struct config *c, const struct config_option *option, const char *base,
                     struct chain *why)
{
    struct chain text = {0}, finding = {0};
    bool good = expand(c, option, 0, &text, &finding) &&
                config_value_set(c, option, chain_flat(&text), base,
                                 &c->texts[index_of(option)].value, &finding);

    if (finding.len > 0) {
        say_place(c, option, why);
        chain_addf(why, "%s: ", option->name);
        chain_move(why, &finding);
        chain_add_byte(why, '\n');
    }
    chain_free(&text);
    chain_free(&finding);
    return good;
}

static unsigned processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void resolve_automatic(struct config *c)
{
    unsigned count = processors();

    if (c->reactors == 0)
        c->reactors = count > 1 ? count / 2 : 1;
    if (c->workers == 0)
        c->workers = count > 2 ? 2 * count : 4;
}

struct finding_context {
    struct config *config;
    struct chain *why;
};

static void say_finding(void *context, const char *name, const char *text)
{
    struct finding_context *f = context;
    const struct config_option *option = config_option_find(name, strlen(name));

    say_place(f->config, option, f->why);
    chain_addf(f->why, "%s: %s\n", name, text);
}

struct config *config_load(const char *path, const char *const *overrides, unsigned override_count,
                           struct chain *why)
{
    struct config *c = xcalloc(1, sizeof(*c));
    char *base = base_of(path);
    bool good = true;

    c->path = path ? xstrdup(path) : NULL;
    c->texts = xcalloc(config_option_count, sizeof(*c->texts));
    if (path)
        good = take_file(c, why);
    for (unsigned i = 0; i < override_count; i++)
        good = take_override(c, overrides[i], why) && good;
    for (unsigned i = 0; i < config_option_count; i++)
        good = evaluate(c, &config_options[i], base, why) && good;
    free(base);
    if (good) {
        struct finding_context f = {c, why};
        good = config_check(c, say_finding, &f) == 0;
    }
    if (!good) {
        config_free(&c);
        return NULL;
    }
    resolve_automatic(c);
    return c;
}

void config_free(struct config **config)
{
    struct config *c = *config;

    *config = NULL;
    if (!c)
        return;
    for (unsigned i = 0; i < config_option_count; i++) {
        free(c->texts[i].given);
        config_value_free(&c->texts[i].value);
    }
    free(c->texts);
    free(c->path);
    free(c);
}

bool config_given(const struct config *config, const struct config_option *option)
{
    return config->texts[index_of(option)].given != NULL;
}

void config_text(const struct config *config, const struct config_option *option, bool expanded,
                 struct chain *out)
{
    struct chain unsaid = {0}; /* it was expanded before, at config_load() */

    if (!expanded)
        chain_add(out, span_str(text_of(config, option)));
    else if (!expand(config, option, 0, out, &unsaid))
        chain_free(&unsaid);
}
