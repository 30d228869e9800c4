#ifndef PROTO_POP3_POP3_SESSION_H
#define PROTO_POP3_POP3_SESSION_H

/*
 * pop3_session: the server's side of a POP3 conversation (RFC 1939 with 2449, 2595, 3206, 5034 and
 * 6856), as a struct session.
 *
 * The maildrop is INBOX. One session at a time has it: the session takes its lock at login and
 * gives it back before it says its last word. What the session was given at login keeps its numbers
 * to the end; messages that IMAP clients remove meanwhile are left out as if they were marked as
 * deleted. What is marked here is removed by QUIT and by nothing else.
 */

#include "core/base/attr.h"
#include "proto/pop3/pop3_maildrop.h"
#include "proto/pop3/pop3_settings.h"
#include "proto/session.h"

enum pop3_lock {
    POP3_LOCK_TAKEN,
    POP3_LOCK_HELD,     /* by another session */
    POP3_LOCK_TOO_SOON, /* after the last login (login_delay_s) */
};

/* Something that belongs into a log, told at once. Spans live during the call and may hold any
 * bytes that a peer sends. */
enum pop3_note_kind {
    POP3_NOTE_LOGIN,         /* user, method */
    POP3_NOTE_LOGIN_ENDED,   /* the end of a session that never logged in */
    POP3_NOTE_SESSION_ENDED, /* the end of one that did */
};
struct pop3_note {
    enum pop3_note_kind kind;
    const struct session_peer *peer;
    const struct session_tls *tls; /* NULL: in the clear */
    struct span user;              /* the account; in LOGIN_ENDED the name that was tried last */
    const char *method;            /* "PLAIN"; in LOGIN_ENDED "" when none was tried */
    const char *reason;            /* of an end: "Logged out", "Connection closed", ... */
    unsigned attempts;             /* logins that failed */
    int64_t duration_s;            /* since the greeting */
    uint64_t top_count, top_bytes, retr_count, retr_bytes;
    uint32_t deleted, messages; /* removed, of so many at the login */
    uint64_t octets;            /* of all messages at the login */
};

/*
 * What the session asks on its own (the reactor's) thread: none of these blocks. One host serves
 * any number of sessions of its listener and outlives them all.
 */
struct pop3_host {
    /* The settings as they are now. The session hands `hold` back when it ends. */
    const struct pop3_settings *(*settings)(const struct pop3_host *h, void **hold_r);
    void (*settings_done)(const struct pop3_host *h, void *hold);

    /* The lock of an account's maildrop; unlock() follows each that was taken. */
    enum pop3_lock (*lock)(const struct pop3_host *h, const struct pop3_settings *settings,
                           struct span account);
    void (*unlock)(const struct pop3_host *h, const struct pop3_settings *settings,
                   struct span account);

    /* A session ends without QUIT: the messages in drop->seen were read all the same. */
    void (*seen)(const struct pop3_host *h, const struct pop3_maildrop *drop);

    void (*note)(const struct pop3_host *h, const struct pop3_note *note);
};

/* Both stay the caller's; `peer` is copied. Free with session->ops->end(); that also frees a
 * request that came home and was not handed to reply(). */
MUST_USE struct session *pop3_session_new(const struct pop3_host *host,
                                          const struct session_peer *peer);

#endif
