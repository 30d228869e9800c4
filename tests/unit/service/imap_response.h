#ifndef TESTS_UNIT_SERVICE_IMAP_RESPONSE_H
#define TESTS_UNIT_SERVICE_IMAP_RESPONSE_H

/*
 * imap_response: what a strict client makes of a server's bytes (RFC 3501 section 9): every line is
 * one of the responses that we send, with one blank where the grammar has one, strings are well
 * formed, literals have their length, and numbers are of messages that the client was told of.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

struct imap_client_view { /* what the client knows of its mailbox */
    bool is_selected;
    uint32_t exists, expunged, fetched;
};

/* Reads all of `bytes`, whole responses. On an error *why_r says what, and where the bytes stand.
 */
bool imap_response_read(struct span bytes, struct imap_client_view *view, const char **why_r,
                        struct span *at_r);

#endif
