#ifndef TESTS_SESSION_TRANSCRIPT_H
#define TESTS_SESSION_TRANSCRIPT_H

/*
 * transcript: a conversation in a file, and a player that replays it against a session in many
 * cuts. TCP promises no boundaries, so the answers, the requests and the notes must be the same
 * each time.
 *
 *     # comment
 *     X: name=value   a setting, before the first C:
 *     M: turns        play in whole turns only (where pauses are the point, like pipelining, or
 *                     what comes behind STARTTLS in the clear, which is dropped)
 *     S: text         the server says this line
 *     C: text         the client says this line, ended by CRLF
 *     R: text         the client sends this and nothing more; \r \n \t \\ \0 \xHH, and \{N*text}
 *                     for N times text
 *     P:              nothing comes for as long as the session waits for it (whole turns only)
 *     W: how          how the next request is answered; the protocol's words
 *     B: text         a line that the requests' bodies must hold next (escapes as in R:)
 *     L: note         the next note for the log, as the protocol writes it
 *     E: peer         the conversation ends from outside: peer, timeout, shutdown, overloaded,
 *                     crowded
 *     E: closed       it was ended by the server
 *
 * In conversations of our client S: and R: are what its host says, and C: is what it says.
 *
 * C: and R: lines without an S: between them are one turn.
 */

#include <stdbool.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/session.h"

struct transcript_setting {
    struct span name, value;
};

enum {
    TRANSCRIPT_SETTINGS_MAX = 32,
};

/* What a protocol's tests bring. */
struct transcript_kind {
    const char *name;  /* the folder of its transcripts */
    bool speaks_first; /* the session is the client: C: and S: change places */

    /* A world with a session in it. Notes are written to `notes`, a line each ended by LF. */
    void *(*open)(const struct transcript_setting *settings, unsigned count, struct chain *notes,
                  struct session **session_r);

    /* Answers the request as the W: line says ("" when there is none left): sets its status. What
     * it carries that B: lines show is appended to `bodies`. */
    void (*answer)(void *world, struct request *request, struct span how, struct chain *bodies);

    void (*close)(void *world); /* the session has ended */
};

extern const struct transcript_kind transcript_smtp, transcript_lmtp, transcript_imap,
    transcript_pop3, transcript_client;

/* Plays the file in all cuts. Adds to the counts; says on stderr what differs. */
void transcript_run(const char *path, const struct transcript_kind *kind, unsigned *passed,
                    unsigned *failed);

#endif
