/* The header of a proxy, at every cut: part until the last byte, then what the row says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conn/conn_proxy.h"

/* A constant initialiser, which SPAN() is not. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define BLOCK "\r\n\r\n\0\r\nQUIT\n"

static const struct row {
    const char *name;
    struct span bytes;
    enum conn_proxy_status status;
    const char *address, *local;
    uint16_t port, local_port;
} rows[] = {
    {"v4 text",                    BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n"),            CONN_PROXY_DONE, "192.0.2.1",
     "192.0.2.2",                                                                                                                                56324, 25   },
    {"v6 text",                    BYTES("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"),                 CONN_PROXY_DONE, "2001:db8::1",
     "::1",                                                                                                                                      1,     65535},
    {"unknown",                    BYTES("PROXY UNKNOWN ff:: ::1 1 2\r\n"),                         CONN_PROXY_SELF, NULL,          NULL,        0,     0    },
    {"v4 block",                   BYTES(BLOCK "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\xdc\x04\0\x19"), CONN_PROXY_DONE,
     "192.0.2.1",                                                                                                                   "192.0.2.2", 56324, 25   },
    {"v6 block with an extension",
     BYTES(BLOCK "\x21\x21\0\x27\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2\4\0\0"),
     CONN_PROXY_DONE,                                                                                                "2001:db8::1", "::1",       1,     2    },
    {"local block",                BYTES(BLOCK "\x20\0\0\0"),                                       CONN_PROXY_SELF, NULL,          NULL,        0,     0    },
};

static const struct row bad[] = {
    {"a client",                 BYTES("EHLO x\r\n"),                                 CONN_PROXY_BAD, NULL, NULL, 0, 0},
    {"bare LF",                  BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"),       CONN_PROXY_BAD, NULL, NULL, 0, 0},
    {"a word more",              BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),   CONN_PROXY_BAD, NULL, NULL,
     0,                                                                                                              0},
    {"a port too big",           BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), CONN_PROXY_BAD, NULL,
     NULL,                                                                                                        0, 0},
    {"the wrong family",         BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"),                 CONN_PROXY_BAD, NULL, NULL, 0, 0},
    {"no family",                BYTES("PROXY \r\n"),                                 CONN_PROXY_BAD, NULL, NULL, 0, 0},
    {"endless",
     BYTES("PROXY TCP4 111111111111111111111111111111111111111111111111111111111111111111111111"
           "11111111111111111111111111111111111111"),
     CONN_PROXY_BAD,                                                                                  NULL, NULL, 0, 0},
    {"a length that lies",       BYTES(BLOCK "\x21\x11\xff\xff"),                     CONN_PROXY_BAD, NULL, NULL, 0, 0},
    {"too short for its family", BYTES(BLOCK "\x21\x21\0\x04zzzz"),                   CONN_PROXY_BAD, NULL, NULL, 0,
     0                                                                                                                },
    {"version 3",                BYTES(BLOCK "\x31\x11\0\0"),                         CONN_PROXY_BAD, NULL, NULL, 0, 0},
};

static void headers_are_read_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        struct session_peer peer = {0};
        size_t len = 0;

        print_message("%s\n", r->name);
        for (size_t cut = 0; cut < r->bytes.len; cut++)
            assert_int_equal(conn_proxy_parse(span_first(r->bytes, cut), &peer, &len),
                             CONN_PROXY_PART);
        assert_int_equal(conn_proxy_parse(r->bytes, &peer, &len), r->status);
        assert_int_equal(len, r->bytes.len);
        if (r->status != CONN_PROXY_DONE)
            continue;
        assert_string_equal(peer.address, r->address);
        assert_string_equal(peer.local_address, r->local);
        assert_int_equal(peer.port, r->port);
        assert_int_equal(peer.local_port, r->local_port);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct session_peer peer = {0};
        size_t len = 0;

        print_message("%s\n", bad[i].name);
        assert_int_equal(conn_proxy_parse(bad[i].bytes, &peer, &len), CONN_PROXY_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_at_every_cut),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
