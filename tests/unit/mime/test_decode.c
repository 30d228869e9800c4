#include "proto/mime/decode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    enum meta_encoding encoding;
    bool whole;
    const char *body, *plain;
} rows[] = {
    {META_7BIT,             true,  "as it is =41",                     "as it is =41"            },
    {META_BINARY,           true,  "x\r\n",                            "x\r\n"                   },
    {META_ENCODING_UNKNOWN, false, "x=41",                             "x=41"                    },
    {META_BASE64,           true,  "Zm9v\r\nYmFy\r\n",                 "foobar"                  },
    {META_BASE64,           true,  "",                                 ""                        },
    {META_BASE64,           false, "Zm9vY",                            "foo"                     },
    {META_BASE64,           false, "not base64!",                      "\x9e\x8b\x5b\x6a\xc7\xba"},
    {META_QUOTED_PRINTABLE, true,  "a=3D=e4b",
     "a=\xe4"
     "b"                                                                                         },
    {META_QUOTED_PRINTABLE, true,  "soft=\r\nly and=  \t\r\n so=\non", "softly and soon"         },
    {META_QUOTED_PRINTABLE, true,  "blanks  \t\r\nat the end \nx ",    "blanks\r\nat the end\nx" },
    {META_QUOTED_PRINTABLE, true,  "kept=20\r\n",                      "kept \r\n"               },
    {META_QUOTED_PRINTABLE, true,  "end=",                             "end"                     },
    {META_QUOTED_PRINTABLE, false, "end=4",                            "end=4"                   },
    {META_QUOTED_PRINTABLE, false, "=zz =4x = a =\rb==41",             "=zz =4x = a =\rb=A"      },
};

/* All of the body in two cuts, at each place. */
static void decodes_in_any_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span body = span_str(rows[i].body), plain = span_str(rows[i].plain);

        for (size_t cut = 0; cut <= body.len; cut++) {
            struct decode d = decode_start(rows[i].encoding);
            char out[256 + 3 * DECODE_EXTRA];
            size_t len = decode_step(&d, span_first(body, cut), out);
            bool whole;

            len += decode_step(&d, span_after(body, cut), out + len);
            len += decode_end(&d, out + len, &whole);
            assert_int_equal(whole, rows[i].whole);
            if (!span_eq((struct span){out, len}, plain))
                fail_msg("%s cut at %zu: %.*s", rows[i].body, cut, (int)len, out);
        }
        assert_int_equal(decode_len(rows[i].encoding, body),
                         rows[i].whole ? plain.len : UINT32_MAX);
    }
}

/* A run of blanks longer than any line has is not held for ever. */
static void long_blanks_are_passed_on(void **state)
{
    struct decode d = decode_start(META_QUOTED_PRINTABLE);
    char blanks[500], out[500 + DECODE_EXTRA];
    size_t len;

    (void)state;
    memset(blanks, ' ', sizeof(blanks));
    len = decode_step(&d, (struct span){blanks, sizeof(blanks)}, out);
    assert_true(len >= sizeof(blanks) - QUOTED_PRINTABLE_HELD_MAX && len <= sizeof(blanks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_in_any_cuts),
        cmocka_unit_test(long_blanks_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
