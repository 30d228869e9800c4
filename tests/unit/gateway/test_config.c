/* The configuration: what files and overrides mean, and the exact line said about each mistake. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/number.h"
#include "core/gateway/config.h"

static char directory[] = "/tmp/ringpost-config-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Loads the text as file "c"; NULL overrides are none. What was said is in *said_r, without the
 * directory's name in front of each line. */
static struct config *load(const char *text, const char *override, char **said_r)
{
    struct chain why = {0};
    struct config *c;
    struct span said;
    size_t skip = strlen(directory) + 1;
    char *to;

    write_file(path_of("c"), text, strlen(text));
    c = config_load(path_of("c"), &override, override != NULL, &why);
    said = chain_flat(&why);
    to = *said_r = calloc(1, said.len + 1);
    for (size_t i = 0; i < said.len;) {
        if (said.len - i > skip && memcmp(said.at + i, directory, skip - 1) == 0)
            i += skip;
        else
            *to++ = said.at[i++];
    }
    chain_free(&why);
    return c;
}

static void expect_shown(const struct config *c, const char *name, const char *expected)
{
    struct chain out = {0};
    struct span text;

    config_text(c, config_option_find(name, strlen(name)), true, &out);
    text = chain_flat(&out);
    if (!span_eq(text, span_str(expected)))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, (int)text.len, text.at ? text.at : "",
                 expected);
    chain_free(&out);
}

/* ---- what is understood ---- */

static const struct {
    const char *title, *file, *override, *name, *shown;
} good_rows[] = {
    {"plain",                     "myhostname = mail.example.org\n",                                  NULL,            "myhostname",    "mail.example.org"    },
    {"no blanks",                 "mail_name=Hello\n",                                                NULL,            "mail_name",     "Hello"               },
    {"last line without end",     "mail_name = Hello",                                                NULL,            "mail_name",     "Hello"               },
    {"CRLF",                      "mail_name = Hello\r\n",                                            NULL,            "mail_name",     "Hello"               },
    {"the last one wins",         "mail_name = A\nmail_name = B\n",                                   NULL,            "mail_name",     "B"                   },
    {"an override wins",          "mail_name = A\n",                                                  "mail_name = C", "mail_name",     "C"                   },
    {"comments",                  "# x = y\n; z\nmail_name = A ; more\n",                             NULL,            "mail_name",     "A"                   },
    {"hash inside a value",       "mail_name = A #1\n",                                               NULL,            "mail_name",     "A #1"                },
    {"continued",                 "mynetworks = 10.0.0.0/8\n  192.168.0.0/16\n\t[::1]/128\n",         NULL,            "mynetworks",
     "10.0.0.0/8 192.168.0.0/16 [::1]/128"                                                                                                                    },
    {"continued over comments",   "mynetworks = 10.0.0.0/8\n# why\n\n 127.0.0.1\n",                   NULL,
     "mynetworks",                                                                                                                      "10.0.0.0/8 127.0.0.1"},
    {"continued from nothing",    "mynetworks =\n 127.0.0.1\n",                                       NULL,            "mynetworks",    "127.0.0.1"           },
    {"reference",                 "myhostname = a.b.c\n",                                             NULL,            "smtpd_banner",  "a.b.c ESMTP Ringpost"},
    {"reference in braces",       "myhostname = a.b.c\nsmtpd_banner = ${myhostname}x $(mail_name)\n",
     NULL,                                                                                                             "smtpd_banner",  "a.b.cx Ringpost"     },
    {"domain from host",          "myhostname = a.b.c\n",                                             NULL,            "mydomain",      "b.c"                 },
    {"domain of a short host",    "myhostname = a\n",                                                 NULL,            "mydomain",      "a"                   },
    {"default with references",   "myhostname = a.b.c\n",                                             NULL,            "mydestination",
     "a.b.c, localhost.b.c, localhost"                                                                                                                        },
    {"dollar",                    "mail_name = US$$\n",                                               NULL,            "mail_name",     "US$"                 },
    {"reference to a later line", "mail_name = $mydomain\nmydomain = x.y\n",                          NULL,            "mail_name",
     "x.y"                                                                                                                                                    },
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_rows); i++) {
        char *said;
        struct config *c = load(good_rows[i].file, good_rows[i].override, &said);
        if (!c)
            fail_msg("%s: %s", good_rows[i].title, said);
        expect_shown(c, good_rows[i].name, good_rows[i].shown);
        config_free(&c);
        free(said);
    }
}

/* ---- numbers ---- */

static const struct {
    const char *override;
    uint64_t size_limit, timeout_ms, hops;
} number_rows[] = {
    {"message_size_limit=20m",       20971520,   300000,  50 },
    {"message_size_limit=2048K",     2097152,    300000,  50 },
    {"message_size_limit=1g",        1073741824, 300000,  50 },
    {"message_size_limit=157286400", 157286400,  300000,  50 },
    {"smtpd_timeout=10",             10240000,   10000,   50 },
    {"smtpd_timeout=1500ms",         10240000,   1500,    50 },
    {"smtpd_timeout=5m",             10240000,   300000,  50 },
    {"smtpd_timeout=1h",             10240000,   3600000, 50 },
    {"hopcount_limit=100",           10240000,   300000,  100},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(number_rows); i++) {
        char *said;
        struct config *c = load("", number_rows[i].override, &said);
        assert_non_null(c);
        assert_int_equal(c->message_size_limit, number_rows[i].size_limit);
        assert_int_equal(c->smtpd_timeout, number_rows[i].timeout_ms);
        assert_int_equal(c->hopcount_limit, number_rows[i].hops);
        config_free(&c);
        free(said);
    }
}

static void test_typed(void **state)
{
    char *said;
    struct config *c = load("smtp_listen = 127.0.0.1:25, [::1]:25\n"
                            "  unix:/run/smtp\n"
                            "imap_listen =\n"
                            "io = epoll\n"
                            "log_format = JSON\n"
                            "disable_vrfy_command = yes\n"
                            "users_file = etc/users\n"
                            "maillog_file = syslog\n"
                            "alias_maps = hash:/etc/aliases, more\n"
                            "debug_clock = 2020-07-15T16:31:24.5Z\n"
                            "workers = 3\n",
                            NULL, &said);
    (void)state;
    if (!c)
        fail_msg("%s", said);
    assert_int_equal(c->smtp_listen.count, 3);
    assert_string_equal(c->smtp_listen.at[0], "127.0.0.1:25");
    assert_string_equal(c->smtp_listen.at[2], "unix:/run/smtp");
    assert_int_equal(c->imap_listen.count, 0);
    assert_int_equal(c->io, CONFIG_IO_EPOLL);
    assert_int_equal(c->log_format, CONFIG_LOG_JSON);
    assert_true(c->disable_vrfy_command);
    assert_string_equal(c->users_file, path_of("etc/users"));
    assert_string_equal(c->maillog_file, "syslog");
    assert_int_equal(c->alias_maps.count, 2);
    assert_string_equal(c->alias_maps.at[0], "/etc/aliases");
    assert_string_equal(c->alias_maps.at[1], path_of("more"));
    assert_int_equal(c->debug_clock_us, INT64_C(1594830684500000));
    assert_int_equal(c->workers, 3);
    assert_true(c->reactors >= 1);
    assert_true(config_given(c, config_option_find("io", 2)));
    assert_false(config_given(c, config_option_find("reactors", 8)));
    config_free(&c);
    free(said);
}

/* ---- what is said about mistakes ---- */

static const struct {
    const char *file, *override, *said;
} bad_rows[] = {
    {"mail_name = x\nsmtpd_tiemout = 5\n",           NULL,
     "c:2: \"smtpd_tiemout\" is no option; did you mean smtpd_timeout?\n"                                                               },
    {"entirely_else = 5\n",                          NULL,
     "c:1: \"entirely_else\" is no option; `ringpost config` lists all\n"                                                               },
    {"\n\nwhat is this\n",                           NULL,
     "c:3: neither an option nor a comment; write name = value, or # in front\n"                                                        },
    {"[smtp]\nmail_name = x\n",                      NULL,
     "c:2: an option under a [section]; take the section's line out\n"                                                                  },
    {"= x\n",                                        NULL,         "c:1: no name in front of \"=\"; write name = value\n"               },
    {"# a\nhopcount_limit = many\n",                 NULL,
     "c:2: hopcount_limit: \"many\" is not possible; write a number from 1 to 1000\n"                                                   },
    {"hopcount_limit = 0\n",                         NULL,
     "c:1: hopcount_limit: \"0\" is not possible; write a number from 1 to 1000\n"                                                      },
    {"hopcount_limit = -1\n",                        NULL,
     "c:1: hopcount_limit: \"-1\" is not possible; write a number from 1 to 1000\n"                                                     },
    {"message_size_limit = 5 bananas\n",             NULL,
     "c:1: message_size_limit: \"5 bananas\" is not possible; write bytes from 1k to 1g\n"                                              },
    {"message_size_limit = 99999999999999999999g\n", NULL,
     "c:1: message_size_limit: \"99999999999999999999g\" is not possible; write bytes from 1k to "
     "1g\n"                                                                                                                             },
    {"smtpd_timeout = 2d\n",                         NULL,
     "c:1: smtpd_timeout: \"2d\" is not possible; write a time from 1s to 1h\n"                                                         },
    {"disable_vrfy_command = maybe\n",               NULL,
     "c:1: disable_vrfy_command: \"maybe\" is not possible; write yes or no\n"                                                          },
    {"io = kqueue\n",                                NULL,
     "c:1: io: \"kqueue\" is not possible; write one of auto, uring, epoll\n"                                                           },
    {"mail_name = $nothing\n",                       NULL,
     "c:1: mail_name: \"$nothing\" names no option; write $$ for a dollar sign\n"                                                       },
    {"mail_name = 5$\n",                             NULL,
     "c:1: mail_name: \"$\" names no option; write $$ for a dollar sign\n"                                                              },
    {"mynetworks = x:{ a = b, {c} d }\n",            NULL,
     "c:1: mynetworks: \"x:{ a = b, {c} d }\" is not a network; write it like 10.0.0.0/8 or "
     "[fd00::]/8\n"                                                                                                                     },
    {"mynetworks = 10.0.0.0/33\n",                   NULL,
     "c:1: mynetworks: \"10.0.0.0/33\" is not a network; write it like 10.0.0.0/8 or [fd00::]/8\n"                                      },
    {"smtp_listen = localhost:25\n",                 NULL,
     "c:1: smtp_listen: \"localhost:25\" is no place to listen; write address:port, [IPv6]:port, "
     "*:port or unix:path\n"                                                                                                            },
    {"alias_maps = ldap:x\n",                        NULL,
     "c:1: alias_maps: \"ldap:x\" is of a map type that is not read; use a text file\n"                                                 },
    {"store_segment_size = 1048577\n",               NULL,
     "c:1: store_segment_size: not a multiple of 4096; write one, like 64m\n"                                                           },
    {"recipient_delimiter = +x\n",                   NULL,
     "c:1: recipient_delimiter: \"x\" stands in names as well; use bytes like + or -\n"                                                 },
    {"debug_clock = yesterday\n",                    NULL,
     "c:1: debug_clock: \"yesterday\" is not a time; write it like 2020-07-15T16:31:24Z\n"                                              },
    {"myhostname = a_b..c\n",                        NULL,
     "c:1: myhostname: \"a_b..c\" is not a host name; write one like mail.example.org\n"
     "c: mydestination: \"a_b..c\" is not a domain; write one like example.org\n"
     "c: mydestination: \"localhost..c\" is not a domain; write one like example.org\n"
     "c: mydomain: \".c\" is not a domain; write one like example.org\n"                                                                },
    {"smtpd_banner = hello\nmyhostname = a.b\n",     NULL,
     "c:1: smtpd_banner: does not begin with the host's name; begin it with $myhostname\n"                                              },
    {"io = x\nlog_level = y\n",                      NULL,
     "c:1: io: \"x\" is not possible; write one of auto, uring, epoll\n"
     "c:2: log_level: \"y\" is not possible; write one of debug, info, warning, error\n"                                                },
    {"",                                             "mail_name",  "-o mail_name: no \"=\"; write -o name=value\n"                      },
    {"",                                             "mailname=x", "-o mailname=x: \"mailname\" is no option; did you mean mail_name?\n"},
    {"",                                             "io=x",       "-o: io: \"x\" is not possible; write one of auto, uring, epoll\n"   },
};

/* The order of findings about different options is not promised: lines are compared as a set. */
static bool same_lines(const char *a, const char *b)
{
    size_t a_len = strlen(a);

    if (a_len != strlen(b))
        return false;
    for (const char *line = a; *line; line = strchr(line, '\n') + 1) {
        char copy[512];
        snprintf(copy, sizeof(copy), "%.*s", (int)(strchr(line, '\n') - line) + 1, line);
        if (!strstr(b, copy))
            return false;
    }
    return true;
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++) {
        char *said;
        struct config *c = load(bad_rows[i].file, bad_rows[i].override, &said);
        assert_null(c);
        if (!same_lines(said, bad_rows[i].said))
            fail_msg("row %zu said:\n%s", i, said);
        free(said);
    }
}

static void test_long_lines(void **state)
{
    char file[8192] = "mail_name = A\nmynetworks =";
    size_t at = strlen(file);
    char *said;
    struct config *c;

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        at += (size_t)snprintf(file + at, sizeof(file) - at, " 10.0.%u.0/24", i % 256);
    snprintf(file + at, sizeof(file) - at, "\nhopcount_limit = 7\n");
    c = load(file, NULL, &said);
    if (!c)
        fail_msg("%s", said);
    assert_int_equal(c->mynetworks.count, 300);
    assert_string_equal(c->mynetworks.at[299], "10.0.43.0/24");
    assert_int_equal(c->hopcount_limit, 7);
    config_free(&c);
    free(said);

    memset(file, 'x', 4000);
    memcpy(file, "\nmail_name = ", 13);
    memcpy(file + 4000, "\nio = x\n", 9);
    c = load(file, NULL, &said);
    assert_null(c);
    assert_string_equal(said,
                        "c:2: a word is too long; divide it by blanks, or shorten it\n"
                        "c:2: mail_name: \"\" is not possible; write 1 to 100 printable ASCII "
                        "characters\n"
                        "c:3: io: \"x\" is not possible; write one of auto, uring, epoll\n");
    free(said);

    /* A long comment behind a value is no value. */
    memset(file, ' ', sizeof(file));
    memcpy(file, "mail_name = A ;", 15);
    for (size_t i = 16; i < 3000; i += 2)
        file[i] = 'c';
    memcpy(file + 3000, "\n#", 2);
    for (size_t i = 3003; i < 6000; i += 2)
        file[i] = 'c';
    file[6000] = '\0';
    c = load(file, NULL, &said);
    if (!c)
        fail_msg("%s", said);
    assert_string_equal(c->mail_name, "A");
    config_free(&c);
    free(said);
}

static void test_circle(void **state)
{
    char *said;
    struct config *c = load("mail_name = $syslog_name\nsyslog_name = $mail_name\n", NULL, &said);

    (void)state;
    assert_null(c);
    assert_non_null(strstr(said, "c:1: mail_name: \"$"));
    assert_non_null(strstr(said, "leads back to itself; write the value instead\n"));
    free(said);
}

static void test_files(void **state)
{
    struct chain why = {0};
    struct config *c;

    (void)state;
    c = config_load(path_of("missing"), NULL, 0, &why);
    assert_null(c);
    assert_non_null(strstr(chain_flat(&why).at, "missing: cannot be read (No such file or "
                                                "directory); make it, or name another file\n"));
    chain_free(&why);
    write_file(path_of("nul"), "mail_name = A\nio\0 = x\n", 22);
    assert_null(config_load(path_of("nul"), NULL, 0, &why));
    assert_non_null(strstr(chain_flat(&why).at, "nul:2: a NUL byte; this must be a text file\n"));
    chain_free(&why);
    c = config_load(NULL, NULL, 0, &why);
    assert_non_null(c);
    assert_string_equal(c->users_file, "users");
    assert_int_equal(why.len, 0);
    config_free(&c);
}

/* ---- the table ---- */

static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < config_option_count; i++) {
        const struct config_option *o = &config_options[i];
        assert_ptr_equal(config_option_find(o->name, strlen(o->name)), o);
        if (strlen(o->help) < 15 || o->help[strlen(o->help) - 1] != '.')
            fail_msg("%s: the help is not a sentence", o->name);
        if (o->type == CONFIG_INTEGER || o->type == CONFIG_SIZE || o->type == CONFIG_TIME)
            assert_true(o->least < o->most);
        if (o->type == CONFIG_STRING)
            assert_true(o->most > 0);
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(o->offset, config_options[j].offset);
    }
}

/* ---- addresses ---- */

static const struct {
    const char *text;
    bool good;
    const char *host, *path;
    unsigned port;
} place_rows[] = {
    {"127.0.0.1:25",    true,  "127.0.0.1", NULL,     25 },
    {"[::1]:143",       true,  "::1",       NULL,     143},
    {"*:25",            true,  "*",         NULL,     25 },
    {"127.0.0.1:0",     true,  "127.0.0.1", NULL,     0  },
    {"unix:/run/x",     true,  "",          "/run/x", 0  },
    {"unix:",           false, "",          NULL,     0  },
    {"127.0.0.1",       false, "",          NULL,     0  },
    {"127.0.0.1:",      false, "",          NULL,     0  },
    {"127.0.0.1:65536", false, "",          NULL,     0  },
    {"[*]:25",          false, "",          NULL,     0  },
    {"[1.2.3.4]:25",    false, "",          NULL,     0  },
    {"[::1]",           false, "",          NULL,     0  },
    {"::1:25",          false, "",          NULL,     0  },
    {"localhost:25",    false, "",          NULL,     0  },
    {":25",             false, "",          NULL,     0  },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(place_rows); i++) {
        struct config_place p;
        if (config_place_parse(place_rows[i].text, &p) != place_rows[i].good)
            fail_msg("%s", place_rows[i].text);
        if (!place_rows[i].good)
            continue;
        assert_string_equal(p.host, place_rows[i].host);
        assert_int_equal(p.port, place_rows[i].port);
        assert_int_equal(p.path == NULL, place_rows[i].path == NULL);
        if (p.path)
            assert_string_equal(p.path, place_rows[i].path);
    }
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path_of("c"));
    unlink(path_of("nul"));
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_typed),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_circle), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_table),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
