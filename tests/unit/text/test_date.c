#include "proto/text/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int64_t s;
    int16_t zone;
} valid[] = {
    {"Wed, 15 Jul 2020 16:31:24 +0000 (UTC)",                  1594830684,   0    },
    {"15 Jul 2020 16:31:24 +0000",                             1594830684,   0    },
    {"Wed, 15 Jul 2020 18:31:24 +0200",                        1594830684,   120  },
    {"Wed, 15 Jul 2020 12:31:24 EDT",                          1594830684,   -240 },
    {"Wed, 15 Jul 2020 16:31:24 GMT",                          1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31:24 -0000",                        1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31:24",                              1594830684,   0    },
    {"(a (b) \\) c) Wed\r\n , 15 (x) Jul 2020 16 : 31 : 24 Z", 1594830684,   0    },
    {"Wed, 15 Jul 20 16:31:24 UT",                             1594830684,   0    },
    {"Wed, 15 Jul 120 16:31:24 UT",                            1594830684,   0    },
    {"15-Jul-2020 16:31:24 +0000",                             1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31 +0000",                           1594830660,   0    },
    {"Wed, 15 July 2020 16:31:24 +0000",                       1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31:24 +9999",                        1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31:24 +01000",                       1594830684,   0    },
    {"Wed, 15 Jul 2020 16:31:24 K",                            1594830684,   0    },
    {"Wed, 15 Jul 2020 25:31:24 +0100",                        1594771200,   0    },
    {"Wed, 15 Jul 2020 nonsense",                              1594771200,   0    },
    {"1 Jan 70 00:00:00 +0000",                                0,            0    },
    {"31 Dec 1969 23:59:59 +0000",                             -1,           0    },
    {"29 Feb 2000 00:00:00 +0000",                             951782400,    0    },
    {"31 Dec 2016 23:59:60 +0000",                             1483228800,   0    },
    {"31 Dec 9999 23:59:59 -2359",                             253402387139, -1439},
};

static void mail_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        struct date date;

        assert_true(date_parse(span_str(valid[i].text), &date));
        assert_int_equal(date.s, valid[i].s);
        assert_int_equal(date.zone, valid[i].zone);
    }
}

static void what_is_no_mail_date(void **state)
{
    static const char *const texts[] = {
        "",
        "Wed",
        "Wed, ",
        "31 Feb 2020 00:00:00 +0000",
        "29 Feb 2100 00:00:00 +0000",
        "0 Jan 2020 00:00:00 +0000",
        "32 Jan 2020 00:00:00 +0000",
        "1 Xyz 2020 00:00:00 +0000",
        "1 13 2020 00:00:00 +0000",
        "1 Jan 1899 00:00:00 +0000",
        "1 Jan 1000000000000000000 00:00:00 +0000",
        "99999999999999999999 Jan 2020",
        "1 Jan 1",
        "(((((",
        "\xff\xfe",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct date date;

        assert_false(date_parse(span_str(texts[i]), &date));
    }
}

static void deep_comments_end(void **state)
{
    enum {
        SIZE = 200000
    };
    char *text = malloc(SIZE);
    struct date date;

    (void)state;
    assert_non_null(text);
    memset(text, '(', SIZE);
    assert_false(date_parse((struct span){text, SIZE}, &date));
    memset(text + SIZE / 2, ')', SIZE / 2);
    assert_false(date_parse((struct span){text, SIZE}, &date));
    free(text);
}

static void imap_dates(void **state)
{
    static const char *const wrong[] = {
        "5-Jul-2020 16:31:24 +0000",  "15-Jul-2020 16:31:24",        "15-Jul-20 16:31:24 +0000",
        "15-Jul-2020 16:31:24 +0060", "15-Jul-2020 16:31:24 +2400",  "15-Jul-2020 16:31:24 +000",
        "15-Jul-2020 24:31:24 +0000", "31-Jun-2020 16:31:24 +0000",  "15-Jul-2020 16:31:24 +0000 ",
        "15-Jul-2020 1:31:24 +0000",  "  5-Jul-2020 16:31:24 +0000", " 15-Jul-2020 16:31:24 +0000",
        "15-Jul-2020 16:31:24 UTC",   "-1-Jul-2020 16:31:24 +0000",  "",
    };
    struct date date;

    (void)state;
    assert_true(date_parse_imap(SPAN("15-jul-2020 18:31:24 +0200"), &date));
    assert_int_equal(date.s, 1594830684);
    assert_int_equal(date.zone, 120);
    assert_true(date_parse_imap(SPAN(" 5-Jul-2020 16:31:24 -0130"), &date));
    assert_int_equal(date.zone, -90);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(date_parse_imap(span_str(wrong[i]), &date));
}

static void imap_days(void **state)
{
    int64_t day;

    (void)state;
    assert_true(date_parse_imap_day(SPAN("5-Jul-2020"), &day));
    assert_int_equal(day, 18448);
    assert_true(date_parse_imap_day(SPAN("05-Jul-2020"), &day));
    assert_int_equal(day, 18448);
    assert_false(date_parse_imap_day(SPAN("31-Feb-2020"), &day));
    assert_false(date_parse_imap_day(SPAN("5-Jul-2020x"), &day));
    assert_false(date_parse_imap_day(SPAN("5-Jul-20201"), &day));
}

static void writes(void **state)
{
    char text[DATE_TEXT_MAX];
    size_t len = date_write(text, (struct date){1594830684, 0});

    (void)state;
    assert_true(span_eq((struct span){text, len}, SPAN("Wed, 15 Jul 2020 16:31:24 +0000 (UTC)")));
    len = date_write(text, (struct date){1594830684, -90});
    assert_true(span_eq((struct span){text, len}, SPAN("Wed, 15 Jul 2020 15:01:24 -0130")));
    len = date_write_imap(text, (struct date){1594830684, 0});
    assert_true(span_eq((struct span){text, len}, SPAN("15-Jul-2020 16:31:24 +0000")));
    len = date_write_imap(text, (struct date){-1, 0});
    assert_true(span_eq((struct span){text, len}, SPAN("31-Dec-1969 23:59:59 +0000")));
    len = date_write_imap(text, (struct date){1593561600 + 4 * 86400, 60});
    assert_true(span_eq((struct span){text, len}, SPAN(" 5-Jul-2020 01:00:00 +0100")));
    for (int i = 0; i < 2; i++) {
        len = date_write(text, (struct date){i ? INT64_MAX : INT64_MIN, INT16_MIN});
        assert_true(len < DATE_TEXT_MAX);
    }
}

static void every_day_there_and_back(void **state)
{
    int64_t expected = date_day(0, 1, 1);

    (void)state;
    for (int year = 0; year <= DATE_YEAR_MAX; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= date_month_days(year, month); day++, expected++) {
                unsigned m, d;
                int y;

                if (date_day(year, month, day) != expected)
                    fail_msg("%d-%u-%u", year, month, day);
                date_civil(expected, &y, &m, &d);
                if (y != year || m != month || d != day)
                    fail_msg("%d-%u-%u back", year, month, day);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_dates),
        cmocka_unit_test(what_is_no_mail_date),
        cmocka_unit_test(deep_comments_end),
        cmocka_unit_test(imap_dates),
        cmocka_unit_test(imap_days),
        cmocka_unit_test(writes),
        cmocka_unit_test(every_day_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
