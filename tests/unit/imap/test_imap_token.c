#include "tests/unit/imap/unit.h"

#include "core/base/chain.h"
#include "proto/imap/imap_flags.h"
#include "proto/imap/imap_requests.h"
#include "proto/imap/imap_section.h"
#include "proto/imap/imap_token.h"

/* What a step takes from the front of `text`; NULL when it takes nothing. The rest must be `rest`.
 */
static const struct {
    bool (*step)(struct span *at, struct span *taken_r);
    const char *text, *taken, *rest;
} rows[] = {
    {imap_token_atom,         "abc def",           "abc",     " def"},
    {imap_token_atom,         "a]b",               "a",       "]b"  },
    {imap_token_atom,         "(a",                NULL,      "(a"  },
    {imap_token_atom,         "",                  NULL,      ""    },
    {imap_token_atom,         "\x7f",              NULL,      "\x7f"},
    {imap_token_tag,          "a+b",               "a",       "+b"  },
    {imap_token_tag,          "+",                 NULL,      "+"   },
    {imap_token_tag,          "a]1 x",             "a]1",     " x"  },
    {imap_token_astring,      "a]b c",             "a]b",     " c"  },
    {imap_token_astring,      "\"\" c",            "",        " c"  },
    {imap_token_astring,      "\"a\\\"b\\\\c\"x",  "a\"b\\c", "x"   },
    {imap_token_astring,      "{3}\r\nabcd",       "abc",     "d"   },
    {imap_token_astring,      "{3+}\r\nabc",       "abc",     ""    },
    {imap_token_astring,      "{0}\r\n",           "",        ""    },
    {imap_token_string,       "abc",               NULL,      "abc" },
    {imap_token_string,       "\"abc",             NULL,      NULL  },
    {imap_token_string,       "\"a\\b\"",          NULL,      NULL  },
    {imap_token_string,       "\"a\rb\"",          NULL,      NULL  },
    {imap_token_string,       "\"a\\",             NULL,      NULL  },
    {imap_token_string,       "{4}\r\nabc",        NULL,      NULL  },
    {imap_token_string,       "{4294967296}\r\na", NULL,      NULL  },
    {imap_token_list_mailbox, "a*%b c",            "a*%b",    " c"  },
    {imap_token_list_mailbox, "\"*\"",             "*",       ""    },
    {imap_token_system_flag,  "\\Seen x",          "Seen",    " x"  },
    {imap_token_system_flag,  "\\ x",              NULL,      "\\ x"},
    {imap_token_nstring,      "\"NIL\"",           "NIL",     ""    },
};

static void token_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = strdup(rows[i].text); /* quoted strings are unescaped where they stand */
        struct span at = span_str(text), taken = {NULL, 0};
        bool found = rows[i].step(&at, &taken);

        if (found != (rows[i].taken != NULL) ||
            (found && !span_eq(taken, span_str(rows[i].taken))) ||
            (rows[i].rest != NULL && !span_eq(at, span_str(rows[i].rest)))) {
            fprintf(stderr, "row %zu: %s\n", i, rows[i].text);
            fail();
        }
        free(text);
    }
}

static void token_words(void **state)
{
    struct span at = SPAN("nil)"), string = {"", 0};
    uint32_t number;

    (void)state;
    assert_true(imap_token_nstring(&at, &string));
    assert_null(string.at);
    at = SPAN("FLAGSX");
    assert_false(imap_token_word(&at, "FLAGS"));
    at = SPAN("flags.silent");
    assert_false(imap_token_word(&at, "FLAGS"));
    assert_true(imap_token_word(&at, "FLAGS.SILENT"));
    at = SPAN("4294967295x");
    assert_true(imap_token_number(&at, &number));
    assert_int_equal(number, UINT32_MAX);
    at = SPAN("4294967296");
    assert_false(imap_token_number(&at, &number));
    assert_int_equal(at.len, 10);
}

static const struct {
    const char *text;
    enum imap_flags_result result;
    unsigned flags, keywords;
} flag_rows[] = {
    {"()",                 IMAP_FLAGS_OK,       0,                        0},
    {"(\\Seen \\DELETED)", IMAP_FLAGS_OK,       IMAP_SEEN | IMAP_DELETED, 0},
    {"\\Seen a b",         IMAP_FLAGS_OK,       IMAP_SEEN,                2},
    {"(a A b a)",          IMAP_FLAGS_OK,       0,                        2},
    {"(a b c)",            IMAP_FLAGS_TOO_MANY, 0,                        0},
    {"(abcdef)",           IMAP_FLAGS_TOO_LONG, 0,                        0},
    {"(\\Recent)",         IMAP_FLAGS_SYNTAX,   0,                        0},
    {"(\\*)",              IMAP_FLAGS_SYNTAX,   0,                        0},
    {"(a",                 IMAP_FLAGS_SYNTAX,   0,                        0},
    {"",                   IMAP_FLAGS_SYNTAX,   0,                        0},
    {"( a)",               IMAP_FLAGS_SYNTAX,   0,                        0},
};

static void flag_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(flag_rows); i++) {
        struct span at = span_str(flag_rows[i].text);
        struct imap_flag_list list = {0};

        assert_int_equal(imap_flags_parse(&at, 2, 5, &list), flag_rows[i].result);
        if (flag_rows[i].result != IMAP_FLAGS_OK)
            continue;
        assert_int_equal(at.len, 0);
        assert_int_equal(list.flags, flag_rows[i].flags);
        assert_int_equal(list.keyword_count, flag_rows[i].keywords);
        free(list.keywords);
    }
}

static void flags_are_written(void **state)
{
    struct imap_keywords names = {
        .name = {[0] = SPAN("$Junk"), [63] = SPAN("z")}
    };
    struct chain out = {0};

    (void)state;
    imap_flags_write(&out, IMAP_SEEN | IMAP_ANSWERED, true, UINT64_C(1) << 63 | 1, &names);
    imap_flags_write(&out, 0, false, 0, &names);
    imap_flags_write(&out, 0, true, 2, &names); /* a keyword without a name is left out */
    assert_true(
        span_eq(chain_flat(&out), SPAN("(\\Answered \\Seen $Junk z \\Recent)()(\\Recent)")));
    chain_free(&out);
}

/* Sections: as written back; NULL when they are none. */
static const struct {
    const char *text, *name;
} section_rows[] = {
    {"[]",                            "BODY[]"                           },
    {"[1]",                           "BODY[1]"                          },
    {"[1.2.3]",                       "BODY[1.2.3]"                      },
    {"[text]<5.6>",                   "BODY[TEXT]<5>"                    },
    {"[1.mime]",                      "BODY[1.MIME]"                     },
    {"[header]",                      "BODY[HEADER]"                     },
    {"[3.HEADER.FIELDS (a \"b\")]",   "BODY[3.HEADER.FIELDS (A B)]"      },
    {"[HEADER.FIELDS.NOT (\"a(b\")]", "BODY[HEADER.FIELDS.NOT (\"A(B\")]"},
    {"[0]",                           "BODY[0]"                          },
    {"[1.]",                          NULL                               },
    {"[.1]",                          NULL                               },
    {"[1 ]",                          NULL                               },
    {"[MIME]",                        NULL                               },
    {"[1.NONSENSE]",                  NULL                               },
    {"[HEADER.FIELDS]",               NULL                               },
    {"[HEADER.FIELDS ()]",            NULL                               },
    {"[HEADER.FIELDS (a:)]",          NULL                               },
    {"[TEXT",                         NULL                               },
    {"[]<1>",                         NULL                               },
    {"[]<1.0>",                       NULL                               },
    {"[]<4294967296.1>",              NULL                               },
    {"[4294967296]",                  NULL                               },
};

static void section_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(section_rows); i++) {
        char *text = strdup(section_rows[i].text);
        struct span at = span_str(text);
        struct imap_section section;
        struct chain out = {0};
        bool found = imap_section_parse(&at, &section);

        if (found) {
            imap_section_write_name(&section, &out);
            imap_section_free(&section);
        }
        if (found != (section_rows[i].name != NULL) ||
            (found && !span_eq(chain_flat(&out), span_str(section_rows[i].name)))) {
            fprintf(stderr, "%s\n", section_rows[i].text);
            fail();
        }
        chain_free(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_rows),    cmocka_unit_test(token_words),
        cmocka_unit_test(flag_table),    cmocka_unit_test(flags_are_written),
        cmocka_unit_test(section_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
