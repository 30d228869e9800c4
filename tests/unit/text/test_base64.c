#include "proto/text/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    struct span bytes, text;
} pairs[] = {
    {{"", 0},         {"", 0}        },
    {{"f", 1},        {"Zg==", 4}    },
    {{"fo", 2},       {"Zm8=", 4}    },
    {{"foo", 3},      {"Zm9v", 4}    },
    {{"foob", 4},     {"Zm9vYg==", 8}},
    {{"fooba", 5},    {"Zm9vYmE=", 8}},
    {{"foobar", 6},   {"Zm9vYmFy", 8}},
    {{"\0\xff\0", 3}, {"AP8A", 4}    },
    {{"\xfb\xff", 2}, {"+/8=", 4}    },
};

static void encodes_and_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        char out[64];
        size_t len = base64_encode(pairs[i].bytes, out);

        assert_int_equal(len, base64_encoded_len(pairs[i].bytes.len));
        assert_true(span_eq((struct span){out, len}, pairs[i].text));
        assert_true(base64_decode(pairs[i].text, out, &len));
        assert_true(span_eq((struct span){out, len}, pairs[i].bytes));
    }
}

static void refuses_what_is_not_canonical(void **state)
{
    static const char *const texts[] = {
        "Z",      "Zg",   "Zg=",  "Zh==",     "Zm9=",     "====", "Zg==Zg==", "Zm 9v",
        "Zm9v\n", "=Zg=", "Z===", "Zm9vYg=v", "Zm9v====", "Zm9-", "Zg=\0",    "\xc3\xa4zz",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char out[64];
        size_t len;

        assert_false(base64_decode(span_str(texts[i]), out, &len));
    }
}

static void body_in_any_cuts(void **state)
{
    static const struct {
        const char *text, *bytes;
        bool whole;
    } rows[] = {
        {"Zm9v\r\nYmFy\r\n", "foobar",  true },
        {"Zm\r\n9vYm Fy",    "foobar",  true },
        {"Zm9vYg==\r\n",     "foob",    true },
        {"Zm9vYg==Zm9v",     "foobfoo", false},
        {"Zm9vYg==\r\nZm8=", "foobfo",  false},
        {"Zm9vYg",           "foo",     false},
        {"Zm9v!YmFy",        "foobar",  false},
        {"Zm9v=",            "foo",     false},
        {"",                 "",        true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span text = span_str(rows[i].text);

        for (size_t cut = 0; cut <= text.len; cut++) {
            struct base64_body b = {0};
            char out[64];
            size_t len = base64_body_decode(&b, span_first(text, cut), out);

            len += base64_body_decode(&b, span_after(text, cut), out + len);
            assert_int_equal(base64_body_end(&b), rows[i].whole);
            assert_true(span_eq((struct span){out, len}, span_str(rows[i].bytes)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes),
        cmocka_unit_test(refuses_what_is_not_canonical),
        cmocka_unit_test(body_in_any_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
