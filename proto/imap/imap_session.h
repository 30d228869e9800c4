#ifndef PROTO_IMAP_IMAP_SESSION_H
#define PROTO_IMAP_IMAP_SESSION_H

/*
 * imap_session: the server's side of an IMAP conversation (RFC 3501), as a struct session.
 *
 * One command at a time, in the order in which they came: a pipelined command is looked at when the
 * one before it is answered (RFC 3501 5.5). Between commands a session holds no buffers; a selected
 * mailbox costs twelve bytes for each run of UIDs.
 */

#include "core/base/attr.h"
#include "proto/imap/imap_settings.h"
#include "proto/session.h"

/* Something that belongs into a log, told at once. Spans live during the call and may hold any
 * bytes that a peer sends. */
enum imap_note_kind {
    IMAP_NOTE_LOGIN,         /* user, method */
    IMAP_NOTE_LOGIN_ENDED,   /* the end of a session that never logged in */
    IMAP_NOTE_SESSION_ENDED, /* the end of one that did */
};
struct imap_note {
    enum imap_note_kind kind;
    const struct session_peer *peer;
    const struct session_tls *tls; /* NULL: in the clear */
    struct span user;              /* the account; in LOGIN_ENDED the name that was tried last */
    const char *method;            /* "PLAIN"; in LOGIN_ENDED "" when none was tried */
    const char *reason;            /* of an end: "Logged out", "Connection closed", ... */
    unsigned attempts;             /* logins that failed */
    int64_t duration_s;            /* since the greeting */
    uint64_t in_bytes, out_bytes;
    uint64_t expunged, fetched_headers, fetched_bodies; /* messages */
};

/*
 * What the session asks on its own (the reactor's) thread: none of these blocks. One host serves
 * any number of sessions of its listener and outlives them all.
 */
struct imap_host {
    /* The settings as they are now. The session hands `hold` back when it ends. */
    const struct imap_settings *(*settings)(const struct imap_host *h, void **hold_r);
    void (*settings_done)(const struct imap_host *h, void *hold);

    void (*note)(const struct imap_host *h, const struct imap_note *note);
};

/* Both stay the caller's; `peer` is copied. Free with session->ops->end(); that also frees a
 * request that came home and was not handed to reply(). */
MUST_USE struct session *imap_session_new(const struct imap_host *host,
                                          const struct session_peer *peer);

#endif
