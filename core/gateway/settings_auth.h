#ifndef CORE_GATEWAY_SETTINGS_AUTH_H
#define CORE_GATEWAY_SETTINGS_AUTH_H

/* settings_auth: the part of the settings that is about logins. Any thread. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/gateway/config.h"
#include "core/service/auth_settings.h"
#include "core/service/directory.h"

struct settings_auth;

/* `config` must outlive it; what is offered depends on the accounts of the directory. */
MUST_USE struct settings_auth *settings_auth_new(const struct config *config,
                                                 const struct directory *directory);
void settings_auth_free(struct settings_auth **settings);

/* Its texts live as long as it does. */
MUST_USE const struct auth_settings *settings_auth_get(const struct settings_auth *settings);

/* May it stand in auth_mechanisms? And what may, for messages. */
MUST_USE bool settings_mechanism_is_known(const char *name);
const char *settings_mechanisms_known(void);

#endif
