#include "tests/unit/imap/unit.h"

#include "proto/imap/imap_set.h"

/* The view: UIDs 10 to 12, 20, 30 to 31: six messages. */
static struct imap_view *view_make(bool empty)
{
    struct imap_view *v = imap_view_new(1);

    if (!empty) {
        imap_view_append(v, (struct imap_range){10, 12});
        imap_view_append(v, (struct imap_range){20, 20});
        imap_view_append(v, (struct imap_range){30, 31});
    }
    return v;
}

static const struct {
    const char *set;
    bool by_uid, empty;
    const char *uids; /* NULL: a syntax error; "?": no such message */
} rows[] = {
    {"1",                     false, false, "10:10"                },
    {"*",                     false, false, "31:31"                },
    {"1:*",                   false, false, "10:31"                },
    {"*:1",                   false, false, "10:31"                },
    {"4:3",                   false, false, "12:20"                },
    {"6,1,2",                 false, false, "10:11,31:31"          },
    {"1,1,1",                 false, false, "10:10"                },
    {"7",                     false, false, "?"                    },
    {"1,7",                   false, false, "?"                    },
    {"7:*",                   false, false, "31:31"                },
    {"*:*",                   false, false, "31:31"                },
    {"5",                     true,  false, "5:5"                  },
    {"*",                     true,  false, "31:31"                },
    {"40:*",                  true,  false, "31:40"                },
    {"4294967295",            true,  false, "4294967295:4294967295"},
    {"4294967295,4294967294", true,  false, "4294967294:4294967295"},
    {"5:1,2:9,30",            true,  false, "1:9,30:30"            },
    {"1:3,4:5",               true,  false, "1:5"                  },
    {"*",                     true,  true,  ""                     },
    {"*",                     false, true,  ""                     },
    {"1:*",                   false, true,  ""                     },
    {"5:*,7",                 true,  true,  "7:7"                  },
    {"1",                     false, true,  "?"                    },
    {"0",                     true,  false, NULL                   },
    {"1:0",                   true,  false, NULL                   },
    {"4294967296",            true,  false, NULL                   },
    {"99999999999999999999",  true,  false, NULL                   },
    {"1,",                    true,  false, NULL                   },
    {",1",                    true,  false, NULL                   },
    {"1:",                    true,  false, NULL                   },
    {"1::2",                  true,  false, NULL                   },
    {"",                      true,  false, NULL                   },
    {"-1",                    true,  false, NULL                   },
};

static void set_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct imap_view *v = view_make(rows[i].empty);
        struct span at = span_str(rows[i].set);
        struct imap_ranges uids = {NULL, 0};
        enum imap_set_result result = imap_set_parse(&at, v, rows[i].by_uid, &uids);
        char text[128] = "";

        if (result == IMAP_SET_NO_SUCH)
            strcpy(text, "?");
        for (size_t n = 0; n < uids.count; n++)
            snprintf(text + strlen(text), 40, "%s%u:%u", n > 0 ? "," : "", uids.at[n].from,
                     uids.at[n].to);
        if ((result == IMAP_SET_SYNTAX) != (rows[i].uids == NULL) ||
            (rows[i].uids != NULL && strcmp(text, rows[i].uids) != 0)) {
            fprintf(stderr, "%s: %s\n", rows[i].set, text);
            fail();
        }
        free(uids.at);
        imap_view_free(&v);
    }
}

static void ranges_hold(void **state)
{
    struct imap_range at[] = {
        {2, 4         },
        {7, 7         },
        {9, UINT32_MAX}
    };
    struct imap_ranges ranges = {at, COUNT_OF(at)}, none = {NULL, 0};

    (void)state;
    for (uint32_t n = 0; n < 12; n++)
        assert_int_equal(imap_ranges_hold(&ranges, n), (n >= 2 && n <= 4) || n == 7 || n >= 9);
    assert_true(imap_ranges_hold(&ranges, UINT32_MAX));
    assert_false(imap_ranges_hold(&none, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_rows),
        cmocka_unit_test(ranges_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
