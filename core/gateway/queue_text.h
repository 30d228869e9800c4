#ifndef CORE_GATEWAY_QUEUE_TEXT_H
#define CORE_GATEWAY_QUEUE_TEXT_H

/* queue_text: strangers' texts and times, as they are shown to operators. Any thread. */

#include <stdint.h>

#include "core/base/chain.h"

enum {
    QUEUE_TIME_MAX = 40,
};

/* Appends it with '?' for what would move a terminal's cursor. */
void queue_text_add(struct chain *out, struct span text);

/* Appends it as a JSON string, with its quotes. Bytes that are not UTF-8 are shown as U+FFFD. */
void queue_text_add_json(struct chain *out, struct span text);

/* Local time by strftime's `format`. Valid as long as `text`. */
struct span queue_text_time(int64_t us, const char *format, char text[QUEUE_TIME_MAX]);

/* What is behind the last '@', without dots at its ends; an address without one has "". */
struct span queue_text_domain(struct span address);

#endif
