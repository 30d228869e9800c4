#ifndef CORE_GATEWAY_CONFIG_PATHS_H
#define CORE_GATEWAY_CONFIG_PATHS_H

/* config_paths: the files that the configuration names. Any thread. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/gateway/config.h"

/* Calls found() for each file that is read at a start and at a reload: the configuration itself
 * (`option` is NULL), users, aliases, and all else whose option is of a path; not the store, not
 * the log. */
void config_paths_each(const struct config *config,
                       void (*found)(void *context, const struct config_option *option,
                                     const char *path),
                       void *context);

/* Not one of the words that stand in place of a path ("-", "syslog", none). */
MUST_USE bool config_paths_is_file(const char *path);

/* The directory that a path is in; to be freed. */
MUST_USE char *config_paths_parent(const char *path);

#endif
