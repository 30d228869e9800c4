/* What is found in an Outlook's request, and which page answers what. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/gateway/http_autodiscover.h"
#include "core/gateway/http_pages.h"

static const struct {
    const char *body, *text; /* NULL: none */
} bodies[] = {
    {"<E>a@b</E>",                               "a@b"   },
    {"<x:E y='1'>\n a@b\t</x:E>",                "a@b"   },
    {"<E />no<E>yes</E>",                        "yes"   },
    {"<E/>no",                                   NULL    },
    {"<EE>no</EE><E>yes</E>",                    "yes"   },
    {"<!-- <E>no</E> --><E>yes</E>",             "yes"   },
    {"<!-- <E>no</E>",                           NULL    },
    {"<!DOCTYPE x [<!ENTITY E 'y'>]><E>&E;</E>", NULL    },
    {"<E>&lt;&amp;&gt;&quot;&apos;</E>",         "<&>\"'"},
    {"<E>&amp</E>",                              NULL    },
    {"<E>&#65;</E>",                             NULL    },
    {"<E></E>",                                  NULL    },
    {"<E>",                                      NULL    },
    {"<E",                                       NULL    },
    {"<",                                        NULL    },
    {"<>a",                                      NULL    },
    {"< E>a",                                    NULL    },
    {"<:E>a",                                    "a"     },
    {"",                                         NULL    },
    {"<E><F>x</F></E>",                          NULL    },
};

static void finds_an_element(void **state)
{
    char text[HTTP_AUTODISCOVER_TEXT_MAX], body[2 * HTTP_AUTODISCOVER_TEXT_MAX] = "<E>";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        bool found = http_autodiscover_text(span_str(bodies[i].body), SPAN("E"), text);
        assert_int_equal(found, bodies[i].text != NULL);
        if (found)
            assert_string_equal(text, bodies[i].text);
    }
    memset(body + 3, 'a', HTTP_AUTODISCOVER_TEXT_MAX);
    assert_true(http_autodiscover_text((struct span){body, HTTP_AUTODISCOVER_TEXT_MAX + 2},
                                       SPAN("E"), text));
    assert_int_equal(strlen(text), HTTP_AUTODISCOVER_TEXT_MAX - 1);
    assert_false(http_autodiscover_text((struct span){body, HTTP_AUTODISCOVER_TEXT_MAX + 3},
                                        SPAN("E"), text));
    assert_false(http_autodiscover_text((struct span){"<E>\0</E>", 8}, SPAN("E"), text));
}

static const struct {
    const char *method, *path;
    unsigned status;
} ways[] = {
    {"GET",    "/metrics",                                     200},
    {"HEAD",   "/metrics",                                     200},
    {"POST",   "/metrics",                                     405},
    {"DELETE", "/metrics",                                     405},
    {"get",    "/metrics",                                     405},
    {"GET",    "/metrics/",                                    404},
    {"GET",    "/",                                            404},
    {"GET",    "",                                             404},
    {"GET",    "/autodiscover/autodiscover.xml",               405},
    {"POST",   "/AutoDiscover/AutoDiscover.xml",               200},
    {"GET",    "/autodiscover/autodiscover.json/v1.0/a@b.c",   200},
    {"GET",    "/autodiscover/autodiscover.jsonx",             404},
    {"GET",    "/mail/config-v1.1.xml",                        400},
    {"GET",    "/.well-known/autoconfig/mail/config-v1.1.xml", 400},
    {"GET",    "/.well-known/mta-sts.txt",                     404},
    {"GET",    "/mail.mobileconfig",                           400},
};

static void no_figures(void *context, bool openmetrics, struct chain *out)
{
    (void)context, (void)openmetrics;
    chain_add(out, SPAN("# EOF\n"));
}

static void each_page_has_its_methods(void **state)
{
    struct chain why = {0};
    struct config *config = config_load(NULL, NULL, 0, &why);
    const struct http_pages pages = {config, no_figures, NULL};

    (void)state;
    assert_non_null(config);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct http_request request = {.method = span_str(ways[i].method),
                                       .path = span_str(ways[i].path),
                                       .host = SPAN("h.example"),
                                       .protocol = SPAN("autodiscoverv1"),
                                       .may_watch = true};
        struct http_answer answer = {0};

        http_pages_answer(&pages, &request, &answer);
        assert_int_equal(answer.status, ways[i].status);
        assert_int_equal(answer.allow != NULL, answer.status == 405);
        assert_non_null(answer.type);
        assert_true(answer.body.len > 0);
        chain_free(&answer.body);
    }
    config_free(&config);
    chain_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_an_element),
        cmocka_unit_test(each_page_has_its_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
