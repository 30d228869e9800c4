#ifndef CORE_TLS_TLS_HELLO_H
#define CORE_TLS_TLS_HELLO_H

/*
 * tls_hello: what we must know of a ClientHello (RFC 8446 4.1.2) before the library reads it: the
 * host that the client asks for, because a session ticket is only good for the same one and stands
 * in front of it as often as behind, and whether it offers the extended master secret or TLS 1.3.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    TLS_NAME_MAX = 255, /* bytes of a host name: RFC 1035 2.3.4 */
};

struct tls_hello {
    char server_name[TLS_NAME_MAX + 1]; /* lower case; "": none, or none that is a host name */
    bool has_ems;                       /* RFC 7627 */
    bool has_13;                        /* TLS 1.3 is among the versions */
};

/* From the first record of a connection. False when it is not one whole ClientHello. */
MUST_USE bool tls_hello_read(struct span record, struct tls_hello *hello_r);

/* Copies a host name in lower case; false and "" when it is none. */
bool tls_hello_name(struct span name, char name_r[TLS_NAME_MAX + 1]);

#endif
