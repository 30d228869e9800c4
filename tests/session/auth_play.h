#ifndef TESTS_SESSION_AUTH_PLAY_H
#define TESTS_SESSION_AUTH_PLAY_H

/*
 * auth_play: logins in transcripts. The user vagrant has the password "password".
 *
 * W: what becomes of a request: ok (by what the client said: PLAIN, or user and password), later,
 * refused, delayed (refused after 2 s), unknown (no such mechanism); or "challenge TEXT", which
 * goes to the client in base64, and after which the next response is asked about; "done" is ok
 * whatever was said. The setting mechanisms is what is offered (with _ for blanks), clear=no takes
 * passwords and those with passwords away from who has no TLS.
 */

#include <stdbool.h>

#include "proto/sasl/auth_request.h"
#include "proto/sasl/sasl_settings.h"

void auth_play(struct request *request, struct span how);

/* False when it does not know the name. */
bool auth_play_set(struct sasl_settings *set, struct span name, struct span value);

#endif
