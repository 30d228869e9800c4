#ifndef PROTO_POP3_POP3_SETTINGS_H
#define PROTO_POP3_POP3_SETTINGS_H

/*
 * pop3_settings: what an operator may choose about POP3, one snapshot of it. The letters in
 * brackets are the limits of HOSTILE.md 1.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/sasl/sasl_settings.h"

struct pop3_settings {
    const char *greeting; /* text of the first line */
    struct sasl_settings sasl;
    bool offers_tls;                /* STLS */
    uint32_t login_ms;              /* from the greeting to a login, in all (L2) */
    uint32_t idle_ms;               /* silence of a client that is logged in, RFC 1939 3 */
    uint32_t command_size;          /* bytes of a line, but of those of AUTH (L3) */
    uint32_t login_bad_command_max; /* errors in a row before login (L4) */
    uint32_t bad_command_max;       /* errors in a row after login (L5) */
    uint32_t output_size;           /* bytes that a run gathers before they are sent (L13) */
    uint32_t login_delay_s;         /* between two logins to one maildrop; 0: none (RFC 2449 6.5) */
    bool no_flag_updates;           /* RETR does not mark \Seen */
    bool no_nuls;                   /* NUL is sent as 0x80: outlook-no-nuls */
    bool adds_end_of_header;        /* a missing empty line is sent: oe-ns-eoh */
};

#define POP3_SETTINGS_DEFAULT                                                                      \
    {                                                                                              \
        .greeting = "Ringpost ready.", .sasl = {"PLAIN", "PLAIN", true}, .login_ms = 60 * 1000,    \
        .idle_ms = 10 * 60 * 1000, .command_size = 2048, .login_bad_command_max = 3,               \
        .bad_command_max = 20, .output_size = 256 * 1024,                                          \
    }

#endif
