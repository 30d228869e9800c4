#include "core/service/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/service/directory_file.h"
#include "core/service/lookup_private.h"

enum kind {
    KIND_TEXT,
    KIND_REGEXP,
    KIND_PCRE,
    KIND_INLINE,
    KIND_STATIC,
};

static const struct {
    const char *type;
    enum kind kind;
} types[] = {
    {"hash",     KIND_TEXT  },
    {"lmdb",     KIND_TEXT  },
    {"texthash", KIND_TEXT  },
    {"btree",    KIND_TEXT  },
    {"cdb",      KIND_TEXT  },
    {"dbm",      KIND_TEXT  },
    {"regexp",   KIND_REGEXP},
    {"pcre",     KIND_PCRE  },
    {"inline",   KIND_INLINE},
    {"static",   KIND_STATIC},
};

struct lookup {
    enum kind kind;
    char *spec;       /* as it was given */
    const char *name; /* behind its type; into spec */
    struct stat file; /* when it was read */
    struct map *entries;
    struct lookup_pattern *pattern;
};

void lookup_found(struct lookup_loading *l, const char *format, ...)
{
    char text[512];
    va_list parts;

    if (++l->findings > LOOKUP_FINDINGS_MAX)
        return;
    va_start(parts, format);
    vsnprintf(text, sizeof(text), format, parts);
    va_end(parts);
    if (l->line > 0)
        chain_addf(l->why, "%s:%u: %s\n", l->path, l->line, text);
    else
        chain_addf(l->why, "%s: %s\n", l->path, text);
}

/* ---- one table ---- */

static bool find_type(struct lookup *lookup)
{
    const char *colon = strchr(lookup->spec, ':');
    struct span type;

    lookup->name = lookup->spec;
    if (colon == NULL || lookup->spec[0] == '/')
        return true;
    type = (struct span){lookup->spec, (size_t)(colon - lookup->spec)};
    lookup->name = colon + 1;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        lookup->kind = types[i].kind;
        if (span_eq(type, span_str(types[i].type)))
            return true;
    }
    return false;
}

static bool is_file(const struct lookup *lookup)
{
    return lookup->kind != KIND_STATIC && lookup->kind != KIND_INLINE;
}

static void load_file(struct lookup *lookup, struct lookup_loading *l)
{
    struct span text;

    /* The look before the reading: what changes in between is seen by the next refresh. */
    if (stat(lookup->name, &lookup->file) != 0)
        lookup->file = (struct stat){0};
    if (!directory_file_read(lookup->name, DIRECTORY_FILE_MAX, &text, l->why)) {
        l->findings++;
        return;
    }
    if (lookup->kind == KIND_TEXT)
        lookup_text_load(lookup->entries, l, text);
    else
        lookup->pattern = lookup_pattern_load(lookup->kind == KIND_PCRE, l, text);
    free((void *)(uintptr_t)text.at);
}

struct lookup *lookup_open(const char *spec, struct chain *why)
{
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    struct lookup_loading l = {.why = why};

    lookup->spec = xstrdup(spec);
    lookup->entries = map_new();
    l.path = lookup->spec;
    if (!find_type(lookup)) {
        lookup_found(&l, "there are no tables of this type; hash, regexp, pcre, inline and static "
                         "are known");
    } else if (is_file(lookup)) {
        l.path = lookup->name;
        load_file(lookup, &l);
    } else if (lookup->kind == KIND_INLINE) {
        lookup_inline_load(lookup->entries, &l, span_str(lookup->name));
    }
    if (l.findings > 0)
        lookup_close(&lookup);
    return lookup;
}

void lookup_close(struct lookup **lookup)
{
    struct lookup *l = *lookup;

    *lookup = NULL;
    if (l == NULL)
        return;
    lookup_text_free(&l->entries);
    lookup_pattern_free(&l->pattern);
    free(l->spec);
    free(l);
}

bool lookup_get(const struct lookup *l, struct span key, struct chain *value)
{
    if (key.len == 0 || key.len > LOOKUP_KEY_MAX)
        return false;
    if (l->kind == KIND_STATIC) {
        chain_add(value, span_str(l->name));
        return true;
    }
    return l->pattern != NULL ? lookup_pattern_get(l->pattern, key, value)
                              : lookup_text_get(l->entries, key, value);
}

bool lookup_takes_parts(const struct lookup *l)
{
    return l->kind == KIND_TEXT || l->kind == KIND_INLINE;
}

/* ---- several ---- */

struct lookup_list {
    unsigned count;
    struct lookup *tables[];
};

struct lookup_list *lookup_list_open(const char *const *specs, unsigned count, struct chain *why)
{
    struct lookup_list *list = xcalloc(1, sizeof(*list) + count * sizeof(struct lookup *));
    bool all = true;

    list->count = count;
    for (unsigned i = 0; i < count; i++) {
        list->tables[i] = lookup_open(specs[i], why);
        all = all && list->tables[i] != NULL;
    }
    if (!all)
        lookup_list_close(&list);
    return list;
}

void lookup_list_close(struct lookup_list **list)
{
    struct lookup_list *l = *list;

    *list = NULL;
    if (l == NULL)
        return;
    for (unsigned i = 0; i < l->count; i++)
        lookup_close(&l->tables[i]);
    free(l);
}

static bool has_changed(const struct lookup *l)
{
    struct stat now;

    return is_file(l) && stat(l->name, &now) == 0 &&
           (now.st_ino != l->file.st_ino || now.st_dev != l->file.st_dev ||
            now.st_size != l->file.st_size || now.st_mtim.tv_sec != l->file.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != l->file.st_mtim.tv_nsec);
}

bool lookup_list_refresh(struct lookup_list *list, struct chain *why)
{
    bool changed = false;

    for (unsigned i = 0; i < list->count; i++) {
        struct lookup *old = list->tables[i], *next;

        if (!has_changed(old))
            continue;
        next = lookup_open(old->spec, why);
        if (next == NULL) {
            (void)stat(old->name, &old->file); /* its mistakes are told once for each change */
            continue;
        }
        lookup_close(&list->tables[i]);
        list->tables[i] = next;
        changed = true;
    }
    return changed;
}

static bool get(const struct lookup_list *list, struct span key, bool is_part, struct chain *value)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (is_part && !lookup_takes_parts(list->tables[i]))
            continue;
        if (lookup_get(list->tables[i], key, value))
            return true;
    }
    return false;
}

bool lookup_list_get(const struct lookup_list *list, struct span key, struct chain *value)
{
    return get(list, key, false, value);
}

bool lookup_list_part(const struct lookup_list *list, struct span key, struct chain *value)
{
    return get(list, key, true, value);
}
