/* What is asked of the queue, and what is answered from a store: whatever page it falls on. */

#include "tests/unit/store/store_support.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway/queue_request.h"
#include "core/gateway/queue_run.h"
#include "core/gateway/queue_text.h"
#include "store/store_queue.h"

/* ---- requests ---- */

static const struct {
    const char *text;
    bool good;
} requests[] = {
    {"",                                            true },
    {"\n",                                          true },
    {"act list\n\n",                                true },
    {"act list",                                    true },
    {"act\n\n",                                     false},
    {"act lists\n\n",                               false},
    {"list\n\n",                                    false},
    {"act delete\n\n",                              false},
    {"act delete\nall\n\n",                         true },
    {"act delete\nall yes\n\n",                     false},
    {"act delete\nid A\nid B\n\n",                  true },
    {"act delete\nid \n\n",                         false},
    {"act hold\nfrom <>\n\n",                       true },
    {"act hold\nfrom\n\n",                          true },
    {"act hold\nto <>\n\n",                         false},
    {"act hold\nheld\n\n",                          true },
    {"act show\n\n",                                false},
    {"act redirect\nall\n\n",                       false},
    {"act redirect\nall\naddress a\n\n",            false},
    {"act redirect\nall\naddress <a@b>\n\n",        true },
    {"act list\nage 1w\n\n",                        true },
    {"act list\nage w\n\n",                         false},
    {"act list\nage 1y\n\n",                        false},
    {"act list\nage -1\n\n",                        false},
    {"act list\nage 99999999999999999999w\n\n",     false},
    {"act list\nlimit 18446744073709551615\n\n",    true },
    {"act list\nlimit 18446744073709551616\n\n",    false},
    {"act stat\nbuckets 0\n\n",                     false},
    {"act stat\nbuckets 30\n\n",                    true },
    {"act stat\nbuckets 31\n\n",                    false},
    {"act stat\ntick 0\n\n",                        false},
    {"act list\nformat xml\n\n",                    false},
    {"act list\n\nwhat is behind it is not read\n", true },
};

static void requests_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct queue_request q;
        struct chain why = {0};

        queue_request_init(&q);
        if (queue_request_read(&q, span_str(requests[i].text), &why) != requests[i].good)
            fail_msg("%s", requests[i].text);
        assert_int_equal(why.len > 0, !requests[i].good);
        queue_request_end(&q);
        chain_free(&why);
    }
}

static const struct {
    const char *bytes, *json, *shown;
} texts[] = {
    {"plain",              "\"plain\"",                    "plain"             },
    {"a\"b\\c",            "\"a\\\"b\\\\c\"",              "a\"b\\c"           },
    {"\x1b[2J\x7f\t",      "\"\\u001b[2J\\u007f\\u0009\"", "?[2J??"            },
    {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"",       "gr\xc3\xbc\xc3\x9f"},
    {"\xff\xc3",           "\"\\ufffd\\ufffd\"",           "\xff\xc3"          },
    {"\xed\xa0\x80",       "\"\\ufffd\\ufffd\\ufffd\"",    "\xed\xa0\x80"      },
    {"",                   "\"\"",                         ""                  },
};

static void strangers_texts_are_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct chain json = {0}, shown = {0};

        queue_text_add_json(&json, span_str(texts[i].bytes));
        queue_text_add(&shown, span_str(texts[i].bytes));
        assert_true(span_eq(chain_flat(&json), span_str(texts[i].json)));
        assert_true(span_eq(chain_flat(&shown), span_str(texts[i].shown)));
        chain_free(&json);
        chain_free(&shown);
    }
}

/* ---- runs ---- */

enum {
    MESSAGES = 3,
    RECIPIENTS = 600, /* of each: more than a page has */
};

static void queue_one(struct test_store *t, unsigned number)
{
    static struct store_queue_recipient recipients[RECIPIENTS];
    static char addresses[RECIPIENTS][40];
    struct store_change *change = store_change_new(t->store);
    struct store_draft *draft = test_draft(t, "Subject: x\r\n\r\nbody\r\n", 1);
    unsigned message = store_change_message(change, &draft, SPAN(""));
    char id[16];

    (void)snprintf(id, sizeof(id), "ID%u", number);
    for (unsigned i = 0; i < RECIPIENTS; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "u%u@d%u.example.com", i, i % 7);
        recipients[i] = (struct store_queue_recipient){.address = span_str(addresses[i]),
                                                       .due_us = INT64_MAX / 2};
    }
    store_change_queue(change, message,
                       &(struct store_queue_envelope){.queue_id = span_str(id),
                                                      .sender = SPAN("s@example.org"),
                                                      .arrival_us = 1700000000000000},
                       recipients, RECIPIENTS);
    assert_int_equal(test_submit_status(t, &change, NULL, 0), STORE_OK);
}

/* All that is answered; to be freed. */
static bool answer(struct test_store *t, const char *text, struct chain *out)
{
    struct queue_request q;
    struct chain say = {0}, why = {0};
    struct queue_run *run;
    bool failed;

    queue_request_init(&q);
    assert_true(queue_request_read(&q, span_str(text), &why));
    run = queue_run_new(t->store, &q);
    while (queue_run_step(run, out, &say))
        ;
    failed = queue_run_failed(run);
    queue_run_free(&run);
    queue_request_end(&q);
    chain_free(&say);
    return !failed;
}

static size_t count_of(struct test_store *t, const char *text, const char *part)
{
    struct chain out = {0};
    struct span all;
    size_t count = 0;

    assert_true(answer(t, text, &out));
    all = chain_flat(&out);
    for (const char *at = all.at; all.len > 0 && (at = memmem(at, (size_t)(all.at + all.len - at),
                                                              part, strlen(part))) != NULL;
         at++)
        count++;
    chain_free(&out);
    return count;
}

static void answers(struct test_store *t, const char *text, const char *wanted)
{
    struct chain out = {0};
    struct span all;

    assert_true(answer(t, text, &out));
    all = chain_flat(&out);
    if (!span_eq(all, span_str(wanted)))
        fail_msg("%s: %.*s", text, (int)all.len, all.at);
    chain_free(&out);
}

static void pages_are_no_borders(void **state)
{
    struct test_store t = {0};

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < MESSAGES; i++)
        queue_one(&t, i);
    assert_int_equal(count_of(&t, "act list\n\n", "\n"), MESSAGES * RECIPIENTS);
    assert_int_equal(count_of(&t, "act list\nformat json\n\n", "\n"), MESSAGES);
    assert_int_equal(count_of(&t, "act list\nformat json\n\n", "{\"address\": \"u"),
                     MESSAGES * RECIPIENTS);
    assert_int_equal(count_of(&t, "act list\nformat mailq\n\n", "\nID"), MESSAGES);
    assert_int_equal(count_of(&t, "act list\nformat mailq\n\n", "Kbytes in 3 Requests."), 1);
    assert_int_equal(count_of(&t, "act list\nlimit 2\n\n", "\n"), 2 * RECIPIENTS);
    assert_int_equal(count_of(&t, "act list\nid ID1\n\n", "ID1 "), RECIPIENTS);
    assert_int_equal(count_of(&t, "act cat\nid ID1\n\n", "body\r\n"), 1);
    answers(&t, "act hold\nto-domain d3.example.com\n\n",
            "placed on hold: 3 messages, 258 recipients\n");
    answers(&t, "act hold\nall\n\n", "placed on hold: 3 messages, 1542 recipients\n");
    answers(&t, "act release\nto u1@d1.example.com\n\n",
            "released from hold: 3 messages, 3 recipients\n");
    assert_int_equal(count_of(&t, "act list\nheld\n\n", " hold "), MESSAGES * RECIPIENTS - 3);
    answers(&t, "act delete\nid ID2\nid ID0\n\n", "removed: 2 messages, 1200 recipients\n");
    answers(&t, "act delete\nall\n\n", "removed: 1 message, 600 recipients\n");
    answers(&t, "act list\nformat mailq\n\n", "Mail queue is empty\n");
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void an_id_that_is_not_there(void **state)
{
    struct test_store t = {0};
    struct chain out = {0};

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    queue_one(&t, 0);
    assert_false(answer(&t, "act delete\nid ID0\nid ID9\n\n", &out));
    assert_true(span_eq(chain_flat(&out), SPAN("removed: 1 message, 600 recipients\n")));
    chain_free(&out);
    assert_false(answer(&t, "act cat\nid ID0\n\n", &out));
    assert_int_equal(out.len, 0);
    test_store_close(&t);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read_or_refused),
        cmocka_unit_test(strangers_texts_are_harmless),
        cmocka_unit_test(pages_are_no_borders),
        cmocka_unit_test(an_id_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
