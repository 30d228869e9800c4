#ifndef TESTS_UNIT_MIME_IMAP_GRAMMAR_H
#define TESTS_UNIT_MIME_IMAP_GRAMMAR_H

/*
 * imap_grammar: RFC 3501 section 9, read strictly and by other code than what writes it. Says
 * whether a text is exactly one `envelope` or `body`. For tests and fuzzers.
 */

#include <stdbool.h>

#include "core/base/span.h"

bool grammar_is_envelope(struct span text);

/* `full`: with all of the extension data that we always send; else with none. */
bool grammar_is_body(struct span text, bool full);

#endif
