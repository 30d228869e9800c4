#ifndef CORE_GATEWAY_CONFIG_PARSE_H
#define CORE_GATEWAY_CONFIG_PARSE_H

/*
 * config_parse: the text of a configuration file -> names and values, by libinih.
 *
 * As in Postfix's main.cf: "name = value" without section headers, "#" begins a comment at the
 * start of a line, a line that begins with a blank continues the one before. A ";" behind a blank
 * ends the value. What the values mean is config_value.h's.
 */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct config_entry {
    char *name, *value;
    unsigned line; /* where it begins */
};

struct config_entries {
    struct config_entry *at;
    unsigned count, room;
};

/* False with lines "path:line: what is wrong; what to do" in `why`;
 * what was understood is in the entries all the same, so that more can be said about the file. */
MUST_USE bool config_parse_file(const char *path, struct config_entries *entries,
                                struct chain *why);
void config_parse_free(struct config_entries *entries);

#endif
