#ifndef CORE_GATEWAY_FOLDERS_H
#define CORE_GATEWAY_FOLDERS_H

/*
 * folders: the mailboxes that come with an account (mail_default_mailboxes), as the store has them.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/gateway/config.h"
#include "store/store.h"

/* One word of the option: "Name" or "Name=Use", Use as in RFC 6154 without its backslash. The name
 * points into the text. False when it is neither. */
MUST_USE bool folder_parse(const char *text, struct store_folder *folder_r);

/* Tells the store which there are, when it has others. Waits; not with a manual store. */
MUST_USE enum store_status folders_set(struct store *s, const struct config_list *list);

#endif
