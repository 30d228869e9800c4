#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/log_render.h"
#include "core/base/thread.h"

static char line[LOG_LINE_MAX + 1];

static void keep(void *context UNUSED, struct span bytes)
{
    memcpy(line, bytes.at, bytes.len);
    line[bytes.len] = '\0';
}

static const struct log_shape queued = {
    "qmgr", "queued", "{qid}: from=<{from}>, size={size}(?, nrcpt={nrcpt} (queue active))",
    LOG_INFO};
static const struct log_shape login = {"imap-login", "login", "Login: user=<{user}>(?, rip={rip})",
                                       LOG_INFO};

static void text_of_facts(void **state UNUSED)
{
    log_capture(keep, NULL);
    LOG(&queued, LOG_TEXT("qid", SPAN("3F2")), LOG_TEXT("from", SPAN("a@b.example")),
        LOG_NUMBER("size", 214), LOG_NUMBER("nrcpt", 1));
    assert_string_equal(line, "3F2: from=<a@b.example>, size=214, nrcpt=1 (queue active)");
    LOG(&queued, LOG_NUMBER("size", -5), LOG_TEXT("qid", SPAN("3F2")), LOG_TEXT("from", SPAN("")));
    assert_string_equal(line, "3F2: from=<>, size=-5");
    LOG(&login, LOG_TEXT("user", SPAN("u")), LOG_TEXT_IF("rip", SPAN("")));
    assert_string_equal(line, "Login: user=<u>");
    log_say(LOG_WARNING, "master", "%d of %s", 3, "them");
    assert_string_equal(line, "warning: 3 of them");
    log_say(LOG_INFO, "master", "started");
    assert_string_equal(line, "started");
    log_capture(NULL, NULL);
}

static void hidden_bytes(void **state UNUSED)
{
    static const struct {
        const char *from, *shown;
    } rows[] = {
        {"a\r\nb\t",         "a\\x0d\\x0ab\\x09"   },
        {"caf\xc3\xa9",      "caf\xc3\xa9"         },
        {"\xff\xc3",         "\\xff\\xc3"          },
        {"\xc0\xaf",         "\\xc0\\xaf"          },
        {"\xed\xa0\x80",     "\\xed\\xa0\\x80"     },
        {"\xc2\x85",         "\\xc2\\x85"          },
        {"\xf0\x9f\x93\xac", "\xf0\x9f\x93\xac"    },
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xe2\x82",         "\\xe2\\x82"          },
        {"\x7f{from}",       "\\x7f{from}"         },
    };
    static const struct log_shape shape = {"smtpd", "x", "{v}", LOG_INFO};

    log_capture(keep, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        LOG(&shape, LOG_TEXT("v", span_str(rows[i].from)));
        assert_string_equal(line, rows[i].shown);
    }
    log_capture(NULL, NULL);
}

static size_t render(struct log_render how, const struct log_shape *shape,
                     const struct log_fact *facts, unsigned count)
{
    size_t len = log_render_line(&how, INT64_C(1763854548123456), shape, facts, count, line);

    line[len] = '\0';
    return len;
}

static void fronts(void **state UNUSED)
{
    struct log_render how = {LOG_FRONT_FILE, false, SPAN("mx"), SPAN("postfix"), SPAN("77")};
    const struct log_fact user[] = {LOG_TEXT("user", SPAN("u"))};
    const struct log_fact facts[] = {LOG_TEXT("qid", SPAN("3F2")), LOG_NUMBER("size", 9),
                                     LOG_TEXT("from", SPAN("q\"\\\n"))};

    setenv("TZ", "UTC", 1);
    (void)render(how, &login, user, 1);
    assert_string_equal(line, "Nov 22 23:35:48 mx dovecot: imap-login: Login: user=<u>");
    (void)render(how, &queued, facts, 3);
    assert_string_equal(line,
                        "Nov 22 23:35:48 mx postfix/qmgr[77]: 3F2: from=<q\"\\\\x0a>, size=9");
    how.front = LOG_FRONT_SYSLOG;
    (void)render(how, &queued, facts, 3);
    assert_string_equal(line,
                        "<22>Nov 22 23:35:48 postfix/qmgr[77]: 3F2: from=<q\"\\\\x0a>, size=9");
    how.front = LOG_FRONT_FILE;
    how.json = true;
    (void)render(how, &queued, facts, 3);
    assert_string_equal(line, "{\"time\":\"2025-11-22T23:35:48.123456Z\",\"daemon\":\"qmgr\","
                              "\"event\":\"queued\",\"qid\":\"3F2\",\"size\":9,"
                              "\"from\":\"q\\\"\\\\\\\\x0a\"}");
}

/* Whatever the length of the fact, a line never exceeds its bound and JSON stays closed. */
static void long_lines_are_cut(void **state UNUSED)
{
    static char text[3 * LOG_LINE_MAX];
    struct log_render how = {LOG_FRONT_NONE, false, SPAN("mx"), SPAN("postfix"), SPAN("77")};
    static const struct log_shape shape = {"smtpd", "x", "{v} and {n}", LOG_INFO};

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "a\"\xc3\xa9\n"[i % 5];
    for (size_t len = 0; len < sizeof(text); len += 7) {
        const struct log_fact facts[] = {LOG_TEXT("v", ((struct span){text, len})),
                                         LOG_TEXT("w", SPAN("more")), LOG_NUMBER("n", -12345)};

        how.json = false;
        assert_true(render(how, &shape, facts, 3) <= LOG_LINE_MAX);
        how.json = true;
        assert_true(render(how, &shape, facts, 3) <= LOG_LINE_MAX);
        assert_int_equal(line[strlen(line) - 1], '}');
    }
}

static void say_lines(void *context)
{
    for (unsigned i = 0; i < 2000; i++)
        log_say(LOG_INFO, context, "line %u", i);
}

static void all_lines_reach_the_file(void **state UNUSED)
{
    char path[] = "/tmp/test_log_XXXXXX", moved[64], why[100] = "", text[200];
    static char imap[] = "imap", smtpd[] = "smtpd";
    struct log_config config = {path, "postfix", "mx", false, true, LOG_INFO};
    struct thread *threads[3];
    unsigned lines = 0;

    close(mkstemp(path));
    (void)snprintf(moved, sizeof(moved), "%s.1", path);
    assert_true(log_open(&config, why, sizeof(why)));
    log_say(LOG_DEBUG, "smtpd", "not seen");
    log_say(LOG_INFO, "smtpd", "first");
    log_flush();
    usleep(50 * 1000); /* the writer's nap is 5 ms */
    assert_int_equal(rename(path, moved), 0);
    log_reopen();
    for (unsigned i = 0; i < 3; i++)
        threads[i] = thread_start("sayer", say_lines, i == 0 ? imap : smtpd);
    for (unsigned i = 0; i < 3; i++)
        thread_join(&threads[i]);
    log_close();
    for (unsigned i = 0; i < 2; i++) {
        FILE *f = fopen(i == 0 ? moved : path, "r");

        assert_non_null(f);
        while (fgets(text, sizeof(text), f) != NULL) {
            assert_non_null(strstr(text, " mx "));
            lines++;
        }
        assert_int_equal(fclose(f), 0);
        assert_int_equal(lines, i == 0 ? 1 : 6001);
    }
    unlink(path);
    unlink(moved);
}

static void bad_path_says_why(void **state UNUSED)
{
    char why[100] = "";
    struct log_config config = {"/nonexistent/log", "postfix", "mx", false, true, LOG_INFO};

    assert_false(log_open(&config, why, sizeof(why)));
    assert_non_null(strstr(why, "/nonexistent/log"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_facts),
        cmocka_unit_test(hidden_bytes),
        cmocka_unit_test(fronts),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(all_lines_reach_the_file),
        cmocka_unit_test(bad_path_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
