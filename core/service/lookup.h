#ifndef CORE_SERVICE_LOOKUP_H
#define CORE_SERVICE_LOOKUP_H

/*
 * lookup: Postfix's lookup tables (DATABASE_README), "type:name": what people write into text files
 * to say where mail goes and what it becomes.
 *
 *   hash: lmdb: texthash: btree: cdb: dbm:  the text file of that name, `key value` a line, read as
 *                 postmap(1) would read it; no compiled file is looked for
 *   regexp: pcre: the text file of that name, regexp_table(5), pcre_table(5)
 *   inline:       { key = value, { key = text with commas } }
 *   static:       this value for every key
 * A name without a type is a hash: file.
 *
 * A table is all in memory and never changes; look-ups are for any thread. Opening reads files.
 * Whoever owns a list refreshes it on one thread while nobody looks up.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct lookup;
struct lookup_list;

enum {
    LOOKUP_KEY_MAX = 512,         /* bytes of a key; longer ones are in no table */
    LOOKUP_VALUE_MAX = 64 * 1024, /* bytes of a value, with what $1 adds */
    LOOKUP_RULES_MAX = 10000,     /* lines of a regexp: or pcre: file */
    LOOKUP_NESTING_MAX = 32,      /* of its if ... endif */
    LOOKUP_MATCH_STEPS = 100000,  /* of one pcre: match; then it is no match, and a warning */
    LOOKUP_FINDINGS_MAX = 50,
};

/* NULL with a line "file:line: what is wrong; what to do" for each finding appended to `why`. */
MUST_USE struct lookup *lookup_open(const char *spec, struct chain *why);
void lookup_close(struct lookup **lookup);

/* The value of `key` as it is (hash: tables fold ASCII case, as Postfix does), appended to `value`.
 */
MUST_USE bool lookup_get(const struct lookup *lookup, struct span key, struct chain *value);

/* Patterns and static: are asked for whole addresses and names only, never for parts of them. */
bool lookup_takes_parts(const struct lookup *lookup);

/* ---- several tables, the first that has the key wins ---- */

MUST_USE struct lookup_list *lookup_list_open(const char *const *specs, unsigned count,
                                              struct chain *why);
void lookup_list_close(struct lookup_list **list);

/* Reads again the files that changed. One that is wrong now stays as it was and `why` gets its
 * lines. True when one is new. One stat() a file. */
MUST_USE bool lookup_list_refresh(struct lookup_list *list, struct chain *why);

MUST_USE bool lookup_list_get(const struct lookup_list *list, struct span key, struct chain *value);

/* The same for one part of a key: tables that take only whole ones are passed over. */
MUST_USE bool lookup_list_part(const struct lookup_list *list, struct span key,
                               struct chain *value);

/* ---- an address in the order in which Postfix's manuals list what is tried ---- */

enum lookup_order {
    LOOKUP_DOMAIN = 1 << 0,    /* domain, behind user@domain */
    LOOKUP_PARENTS = 1 << 1,   /* .domain above, behind domain (transport(5), access(5)) */
    LOOKUP_USER = 1 << 2,      /* user, for domains that are ours (virtual(5), canonical(5)) */
    LOOKUP_AT_DOMAIN = 1 << 3, /* @domain, last */
    LOOKUP_DEFAULT = 1 << 4,   /* "*", last (transport(5)) */
};

/* user+detail@domain, user@domain, then as `order` says. `address` is as an envelope has it;
 * delimiter "" cuts nothing off. *detail_r (may be NULL) becomes what was cut off, delimiter
 * included, when the entry without it matched: canonical(5) and virtual(5) add it to the value. */
MUST_USE bool lookup_list_address(const struct lookup_list *list, struct span address,
                                  const char *delimiter, unsigned order, struct chain *value,
                                  struct span *detail_r);

/* A domain, then the domains above it as ".parent". */
MUST_USE bool lookup_list_domain(const struct lookup_list *list, struct span domain,
                                 struct chain *value);

#endif
