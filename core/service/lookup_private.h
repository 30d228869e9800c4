#ifndef CORE_SERVICE_LOOKUP_PRIVATE_H
#define CORE_SERVICE_LOOKUP_PRIVATE_H

/* lookup_private: what a table is made of, between lookup.c and the kinds of tables. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/map.h"
#include "core/base/span.h"

/* Where a file is read, and what was found wrong with it. */
struct lookup_loading {
    const char *path;
    unsigned line; /* 0: the file as a whole */
    unsigned findings;
    struct chain *why;
};
void lookup_found(struct lookup_loading *l, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- keys and values ---- */

struct lookup_value {
    size_t len;
    char bytes[];
};

/* Folded key -> struct lookup_value. Findings for what is wrong. */
void lookup_text_load(struct map *entries, struct lookup_loading *l, struct span text);
void lookup_inline_load(struct map *entries, struct lookup_loading *l, struct span text);
void lookup_text_free(struct map **entries);
MUST_USE bool lookup_text_get(const struct map *entries, struct span key, struct chain *value);

/* ---- patterns ---- */

struct lookup_pattern; /* the rules of one file */

MUST_USE struct lookup_pattern *lookup_pattern_load(bool is_pcre, struct lookup_loading *l,
                                                    struct span text);
void lookup_pattern_free(struct lookup_pattern **pattern);
MUST_USE bool lookup_pattern_get(const struct lookup_pattern *pattern, struct span key,
                                 struct chain *value);

/* One compiled pattern, POSIX's or Perl's. */
struct lookup_regex;
enum {
    LOOKUP_GROUPS_MAX = 32, /* $0 to $31 */
};
/* NULL with a finding. `pattern` without its delimiters; `flags` as written behind it. */
MUST_USE struct lookup_regex *lookup_regex_open(bool is_pcre, struct lookup_loading *l,
                                                struct span pattern, struct span flags);
void lookup_regex_close(struct lookup_regex **regex);
unsigned lookup_regex_groups(const struct lookup_regex *regex); /* in parentheses */
/* groups_r (LOOKUP_GROUPS_MAX) are spans of `key`; absent ones are empty. */
MUST_USE bool lookup_regex_match(const struct lookup_regex *regex, struct span key,
                                 struct span *groups_r);

#endif
