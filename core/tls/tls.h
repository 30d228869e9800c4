#ifndef CORE_TLS_TLS_H
#define CORE_TLS_TLS_H

/*
 * tls: both sides of TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) between two queues of bytes; no sockets.
 * The library is mbedtls; nothing outside of this folder knows it.
 *
 * A context is certificates, keys and rules, immutable: a reload makes another one, and connections
 * keep theirs until they end. One `struct tls` is one connection's end of TLS; one thread at a time
 * may hold it. Its handshake costs milliseconds and belongs on a worker; reading and writing cost
 * about 3 microseconds a kilobyte and may be done by a reactor.
 *
 * Renegotiation, compression, 0-RTT, RSA key exchange and everything that is not an AEAD cipher are
 * not there at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct tls;
struct tls_context;

enum {
    TLS_RECORD_MAX = 16384,        /* bytes of plain text in a record: RFC 8446 5.1 */
    TLS_RECORD_HEADER = 5,         /* bytes in front of a record */
    TLS_MEMORY = 48 * 1024,        /* bytes that a connection takes: 47 KiB with mbedtls 3.6 */
    TLS_RECORD_SEALED_MAX = 18432, /* bytes of a sealed one, behind its header: RFC 5246 6.2.3 */
    TLS_CHAIN_FILES_MAX = 1000,    /* certificates of one context */
    TLS_FILE_MAX = 1024 * 1024,    /* bytes of a file of certificates */
    TLS_TICKET_KEY_S = 3600,       /* a key for session tickets is used so long, and known twice */
    TLS_EXPIRY_WARN_DAYS = 14,
    TLS_EXPORTER_LEN = 32, /* bytes of tls-exporter: RFC 9266 2 */
    TLS_UNIQUE_LEN = 12,   /* bytes of tls-unique: the verify_data of RFC 5246 7.4.9 */
};

/* Which name of ALPN (RFC 7301) a client may ask for: "smtp", "imap", "pop3". One that offers only
 * others is refused; one that offers none is not asked. */
enum tls_protocol {
    TLS_SMTP,
    TLS_IMAP,
    TLS_POP3,
    TLS_PROTOCOLS,
};

enum tls_client_certificate {
    TLS_CLIENT_NEVER,
    TLS_CLIENT_ASK,     /* a client may come without one, or with one that nobody vouches for */
    TLS_CLIENT_REQUIRE, /* else there is no handshake */
};

/* A certificate with the chain up to its authority and its private key, PEM. */
struct tls_files {
    const char *chain;
    const char *key; /* "": in the same file */
};

struct tls_config {
    const struct tls_files *files; /* the first is for clients that name no host of ours */
    unsigned file_count;
    const char *ca_file; /* who vouches for clients' certificates; "": nobody */
    enum tls_client_certificate client[TLS_PROTOCOLS];
    bool only_13;   /* no TLS 1.2 */
    unsigned lanes; /* handshakes that can compute at the same time; 0: one */
};

/* Before the first context and before other threads: what the library wants to be done once. */
void tls_begin(void);

/* NULL with a line "file: what is wrong; what to do" for each finding appended to `why`. Reads
 * files, so not for reactors. */
MUST_USE struct tls_context *tls_context_open(const struct tls_config *config, struct chain *why);
void tls_context_close(struct tls_context **context); /* no connection may have it */

/* A context for connections that we open: `ca_file` and the files of `ca_path` vouch for servers;
 * both may be "", then nobody is trusted, which is no hindrance to encryption. Else as above. */
struct tls_client_config {
    const char *ca_file;
    const char *ca_path;
    bool only_13;
    unsigned lanes;
};
MUST_USE struct tls_context *tls_client_context_open(const struct tls_client_config *config,
                                                     struct chain *why);

/* Appends a line for each certificate that has expired, soon will, or is not valid yet. */
void tls_context_warn(const struct tls_context *context, int64_t now_s, struct chain *why);

/* ---- a connection ---- */

enum tls_status {
    TLS_OK,
    TLS_WANTS,  /* more bytes of the peer's */
    TLS_ENDED,  /* the peer said that it sends no more (close_notify) */
    TLS_FAILED, /* tls_why() says why; what is in `out` is the alert for the peer */
};

/* How well a server was known. A handshake succeeds in any case; tls_target.least is for whoever
 * asks tls_settle() to hold against what it says. */
enum tls_trust {
    TLS_UNTRUSTED, /* encrypted; by whom is anybody's guess */
    TLS_TRUSTED,   /* an authority of ours vouches for the certificate, not for the name */
    TLS_VERIFIED,  /* and for the name that was dialled; or a pin fits, where there are any */
};

/* A TLSA record (RFC 6698 2.1). */
struct tls_pin {
    uint8_t usage;    /* 2: an authority, 3: the server's own; others never fit (RFC 7672 3.1.3) */
    uint8_t selector; /* 0: the certificate, 1: its public key */
    uint8_t matching; /* 0: all of it, 1: SHA-256, 2: SHA-512 */
    struct span data;
};
enum {
    TLS_PINS_MAX = 64,
    TLS_MATCH_MAX = 255, /* bytes of one name of `match`; longer ones match nothing */
};

/* Whom a client means. Stays the caller's, as long as the connection. */
struct tls_target {
    const char *name;           /* for SNI, lower case; "": none */
    const char *match;          /* names that its certificate may have, lower case, divided by
                                   blanks; ".example.com" is any below it; "": `name` only */
    const struct tls_pin *pins; /* when there are any, only they verify a server */
    unsigned pin_count;         /* at most TLS_PINS_MAX are looked at */
    enum tls_trust least;       /* less is not enough */
};

/* What a handshake settled. */
struct tls_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* OpenSSL's name of it, which logs show: "TLS_AES_128_GCM_SHA256" */
    uint16_t bits;       /* of its key */
    bool is_resumed;
    char server_name[256]; /* lower case; "": none, or none that is a host name */
    char client_name[321]; /* an address of the verified client certificate's; "": none */
    enum tls_trust trust;  /* of a server */

    /* What a login can be bound to (RFC 5056); wiped by whoever keeps it. */
    bool has_exporter, has_unique; /* not on TLS 1.2 without the extended master secret */
    unsigned char exporter[TLS_EXPORTER_LEN], unique[TLS_UNIQUE_LEN];
};

/* The client's end. The first tls_handshake() needs no bytes. Context of
 * tls_client_context_open(). */
MUST_USE struct tls *tls_dial(struct tls_context *context, const struct tls_target *target);

/* The context must outlive it. `service` names the listener, which session tickets are bound to,
 * and stays the caller's. NULL when memory is gone. */
MUST_USE struct tls *tls_open(struct tls_context *context, const char *service,
                              enum tls_protocol protocol);
void tls_free(struct tls **tls);

/* True when it makes sense to call tls_handshake(): a whole record is there, or something that can
 * not be one. */
MUST_USE bool tls_has_record(const struct chain *in);

/* As far as the bytes go: eats of `in`, writes to `out`. TLS_OK: done; what is left in `in` belongs
 * to tls_read(). May wait for another handshake of the same lane: for workers. */
MUST_USE enum tls_status tls_handshake(struct tls *t, struct chain *in, struct chain *out);

/* Once, after the handshake: what was settled. Frees what only the handshake needed. */
void tls_settle(struct tls *t, struct tls_facts *facts_r);

/* Opens what came: first what is in `held`, then `bytes`; both are left shorter. TLS_OK with
 * *len_r > 0 bytes at `at`, where at least TLS_RECORD_MAX must fit; then it may have more. */
MUST_USE enum tls_status tls_read(struct tls *t, struct chain *held, struct span *bytes, char *at,
                                  size_t size, size_t *len_r, struct chain *out);

/* Seals the first `max` bytes of `plain`, which drops them, or all there are. */
MUST_USE enum tls_status tls_write(struct tls *t, struct chain *plain, size_t max,
                                   struct chain *out);

/* Says close_notify. Nothing may be written after it. */
void tls_close(struct tls *t, struct chain *out);

/* The reason of TLS_FAILED: "SSL - ...", valid until tls_free(). */
MUST_USE const char *tls_why(const struct tls *t);

/* Gives the system what an idle connection does not need of its buffers. Costs some microseconds,
 * and the next record as much. */
void tls_rest(struct tls *t);

/* ---- a certificate of our own making ---- */

/* Writes a self-signed certificate (ECDSA, P-256, ten years from now_s) with its key to `path`,
 * mode 0600, all of it or nothing. False with one line in `why`. An existing file stays as it is
 * and is fine. */
MUST_USE bool tls_make_certificate(const char *path, const char *host, int64_t now_s,
                                   struct chain *why);

#endif
