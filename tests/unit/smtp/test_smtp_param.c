/* Parameters of MAIL and RCPT: what they say, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/smtp/smtp_param.h"
#include "proto/smtp/smtp_settings.h"

#define E100                                                                                       \
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"                                           \
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

static const struct {
    enum smtp_param_of command;
    const char *text;
    enum smtp_answer answer;
} rows[] = {
    {SMTP_PARAM_MAIL, "",                                          SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "  SIZE=0\t BODY=7BIT ",                     SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "size=9223372036854775807",                  SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "SIZE=9223372036854775808",                  SMTP_BAD_SIZE    },
    {SMTP_PARAM_MAIL, "SIZE=18446744073709551616",                 SMTP_BAD_SIZE    },
    {SMTP_PARAM_MAIL, "SIZE=-1",                                   SMTP_BAD_SIZE    },
    {SMTP_PARAM_MAIL, "SIZE=0x1",                                  SMTP_BAD_SIZE    },
    {SMTP_PARAM_MAIL, "SIZE",                                      SMTP_BAD_SIZE    },
    {SMTP_PARAM_MAIL, "SIZE=1 SIZE=1",                             SMTP_TWICE       },
    {SMTP_PARAM_MAIL, "BODY=BINARYMIME",                           SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "BODY=BINARYMIME BODY=8BITMIME",             SMTP_TWICE       },
    {SMTP_PARAM_MAIL, "BODY=16BIT",                                SMTP_UNSUPPORTED },
    {SMTP_PARAM_MAIL, "SMTPUTF8",                                  SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "SMTPUTF8=1",                                SMTP_UNSUPPORTED },
    {SMTP_PARAM_MAIL, "RET=FULL ENVID=a+2Bb",                      SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "RET=",                                      SMTP_BAD_RET     },
    {SMTP_PARAM_MAIL, "ENVID=" E100,                               SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "ENVID=" E100 "e",                           SMTP_BAD_ENVID   },
    {SMTP_PARAM_MAIL, "ENVID=a+0D",                                SMTP_BAD_ENVID   },
    {SMTP_PARAM_MAIL, "AUTH=<>",                                   SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "AUTH=ann+40example.com",                    SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "AUTH=",                                     SMTP_BAD_AUTH    },
    {SMTP_PARAM_MAIL, "AUTH=a+0Ab",                                SMTP_BAD_AUTH    },
    {SMTP_PARAM_MAIL, "NOTIFY=NEVER",                              SMTP_UNSUPPORTED },
    {SMTP_PARAM_MAIL, "=1",                                        SMTP_UNSUPPORTED },
    {SMTP_PARAM_RCPT, "NOTIFY=SUCCESS,failure,DELAY",              SMTP_ANSWER_NONE },
    {SMTP_PARAM_RCPT, "NOTIFY=NEVER",                              SMTP_ANSWER_NONE },
    {SMTP_PARAM_RCPT, "NOTIFY=SUCCESS,NEVER",                      SMTP_BAD_NOTIFY  },
    {SMTP_PARAM_RCPT, "NOTIFY=SUCCESS,",                           SMTP_BAD_NOTIFY  },
    {SMTP_PARAM_RCPT, "NOTIFY=,SUCCESS",                           SMTP_BAD_NOTIFY  },
    {SMTP_PARAM_RCPT, "NOTIFY",                                    SMTP_BAD_NOTIFY  },
    {SMTP_PARAM_RCPT, "ORCPT=rfc822;a@b",                          SMTP_ANSWER_NONE },
    {SMTP_PARAM_RCPT, "ORCPT=rfc822;",                             SMTP_BAD_ORCPT   },
    {SMTP_PARAM_RCPT, "ORCPT=;a@b",                                SMTP_BAD_ORCPT   },
    {SMTP_PARAM_RCPT, "ORCPT=rfc822;a+0Ab",                        SMTP_BAD_ORCPT   },
    {SMTP_PARAM_RCPT, "ORCPT=a@b",                                 SMTP_BAD_ORCPT   },
    {SMTP_PARAM_MAIL, "REQUIRETLS MT-PRIORITY=-9 BY=-1;NT XVERP",  SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "REQUIRETLS=1",                              SMTP_UNSUPPORTED },
    {SMTP_PARAM_MAIL, "MT-PRIORITY=10",                            SMTP_BAD_PRIORITY},
    {SMTP_PARAM_MAIL, "MT-PRIORITY=-",                             SMTP_BAD_PRIORITY},
    {SMTP_PARAM_MAIL, "MT-PRIORITY=+1",                            SMTP_BAD_PRIORITY},
    {SMTP_PARAM_MAIL, "BY=120;R",                                  SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "BY=+120;rt",                                SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "BY=0;R",                                    SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "BY=-5;R",                                   SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "BY=5",                                      SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "BY=5;X",                                    SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "BY=5;RTx",                                  SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "BY=1000000000;R",                           SMTP_BAD_BY      },
    {SMTP_PARAM_MAIL, "HOLDFOR=60",                                SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "HOLDFOR=0",                                 SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDFOR=-1",                                SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDUNTIL=2020-07-15T16:31:24Z",            SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "HOLDUNTIL=2020-02-30T16:31:24Z",            SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDUNTIL=2020-07-15T16:31:24",             SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDUNTIL=2020-07-15T16:31:24Zx",           SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDUNTIL=1969-07-15T16:31:24Z",            SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "HOLDFOR=60 HOLDUNTIL=2020-07-15T16:31:24Z", SMTP_BAD_HOLD    },
    {SMTP_PARAM_MAIL, "XVERP=-=",                                  SMTP_ANSWER_NONE },
    {SMTP_PARAM_MAIL, "XVERP=x",                                   SMTP_BAD_VERP    },
    {SMTP_PARAM_MAIL, "XVERP=@=",                                  SMTP_BAD_VERP    },
    {SMTP_PARAM_RCPT, "SIZE=1",                                    SMTP_UNSUPPORTED },
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct smtp_params p;
        struct span word;
        enum smtp_answer answer =
            smtp_params_parse(span_str(rows[i].text), rows[i].command, ~0u, &p, &word);

        if (answer != rows[i].answer)
            printf("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(answer, rows[i].answer);
    }
}

static void test_values(void **state)
{
    struct smtp_params p;
    struct span word;

    (void)state;
    assert_int_equal(
        smtp_params_parse(SPAN("SIZE=12 BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb"),
                          SMTP_PARAM_MAIL, ~0u, &p, &word),
        SMTP_ANSWER_NONE);
    assert_int_equal(p.size, 12);
    assert_int_equal(p.encoding, SMTP_BODY_BINARYMIME);
    assert_int_equal(p.ret, SMTP_RET_HDRS);
    assert_true(p.is_utf8);
    assert_true(span_eq((struct span){p.envid, p.envid_len}, SPAN("a+b")));
    assert_int_equal(smtp_params_parse(SPAN("NOTIFY=DELAY,SUCCESS ORCPT=rfc822;x+3Dy@z"),
                                       SMTP_PARAM_RCPT, ~0u, &p, &word),
                     SMTP_ANSWER_NONE);
    assert_int_equal(p.notify, SMTP_NOTIFY_DELAY | SMTP_NOTIFY_SUCCESS);
    assert_true(span_eq((struct span){p.orcpt, p.orcpt_len}, SPAN("rfc822;x=y@z")));
}

/* What is not offered is not there. */
static void test_offers(void **state)
{
    static const struct {
        const char *text;
        unsigned offers;
        enum smtp_answer answer;
    } offers[] = {
        {"SIZE=1",          ~(unsigned)SMTP_EXT_SIZE,       SMTP_UNSUPPORTED},
        {"BODY=BINARYMIME", ~(unsigned)SMTP_EXT_BINARYMIME, SMTP_UNSUPPORTED},
        {"BODY=8BITMIME",   ~(unsigned)SMTP_EXT_BINARYMIME, SMTP_ANSWER_NONE},
        {"RET=FULL",        ~(unsigned)SMTP_EXT_DSN,        SMTP_UNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(offers); i++) {
        struct smtp_params p;
        struct span word;

        assert_int_equal(smtp_params_parse(span_str(offers[i].text), SMTP_PARAM_MAIL,
                                           offers[i].offers, &p, &word),
                         offers[i].answer);
        if (offers[i].answer != SMTP_ANSWER_NONE)
            assert_true(span_eq(word, span_str(offers[i].text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_offers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
