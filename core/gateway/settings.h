#ifndef CORE_GATEWAY_SETTINGS_H
#define CORE_GATEWAY_SETTINGS_H

/*
 * settings: struct config -> the snapshots that services and connections work with. Any thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/conn/conn_limits.h"
#include "core/gateway/config.h"
#include "core/service/directory.h"
#include "core/service/service_settings.h"

/* Takes the configuration (what of it can work depends on the directory's accounts): the snapshot's
 * texts are its texts, and it is freed with the snapshot. For shared_open() and shared_swap()
 * together with settings_free(). */
MUST_USE struct service_settings *settings_new(struct config **config,
                                               const struct directory *directory);
void settings_free(void *settings);

/* The configuration that a snapshot was made from; lives as long as the snapshot. */
MUST_USE const struct config *settings_config(const struct service_settings *settings);

/* The directory as configured; NULL with what is wrong in `why`. Reads files. */
MUST_USE struct directory *settings_directory(const struct config *config, struct chain *why);

/* The networks of a list that config_load() found good; *networks_r is to be freed with free(),
 * NULL for an empty list. Returns how many. */
unsigned settings_networks(const struct config_list *list, struct network **networks_r);

#endif
