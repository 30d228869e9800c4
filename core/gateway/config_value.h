#ifndef CORE_GATEWAY_CONFIG_VALUE_H
#define CORE_GATEWAY_CONFIG_VALUE_H

/* config_value: one option's text -> the field of struct config, by the row of the table. */

#include "core/base/chain.h"
#include "core/gateway/config.h"

/* What the value's memory is, to be freed with config_value_free(). */
struct config_value {
    char *text;         /* a string, or the items of a list with NULs between */
    const char **items; /* a list */
};

/* Sets the option's field from the expanded text. False with what is wrong and what to do, without
 * place and end of line, in `why`. `base` is the directory that paths are relative to. */
MUST_USE bool config_value_set(struct config *config, const struct config_option *option,
                               struct span text, const char *base, struct config_value *value,
                               struct chain *why);
void config_value_free(struct config_value *value);

/* Appends what may stand there: "a number from 1 to 20", "yes or no", ... */
void config_value_range(const struct config_option *option, struct chain *out);

#endif
