/* The directory: what addresses come to, and the exact line said about each mistake in a file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/service/directory.h"

static char directory[] = "/tmp/ringpost-directory-XXXXXX";
static char users_path[128], aliases_path[128], virtual_path[128];

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static const char *const domains[] = {"mailserver.local", "localhost", "hosted.example"};

static struct directory *load(const char *users, const char *aliases, const char *virtual,
                              const char *catch_all, struct chain *why)
{
    const char *const alias_paths[] = {aliases_path};
    const char *const virtual_paths[] = {virtual_path};

    write_file(users_path, users);
    write_file(aliases_path, aliases);
    write_file(virtual_path, virtual);
    return directory_load(&(struct directory_config){.users_path = users_path,
                                                     .alias_paths = alias_paths,
                                                     .alias_count = 1,
                                                     .virtual_paths = virtual_paths,
                                                     .virtual_count = 1,
                                                     .domains = domains,
                                                     .domain_count = 3,
                                                     .mailbox_domain_count = 1,
                                                     .recipient_delimiter = "+",
                                                     .catch_all = catch_all},
                          why);
}

static const char users_file[] = "# accounts\n"
                                 "vagrant@mailserver.local:{PLAIN}secret\n"
                                 "Bob:{PLAIN}b:1000:1000::/home/bob::\n"
                                 "jane@mailserver.local:{PLAIN}j\n"
                                 "\n"
                                 "info@hosted.example:{PLAIN}i\n"
                                 "bob@hosted.example:{PLAIN}h\n"
                                 "a+b@mailserver.local:{PLAIN}x\n";

static const char aliases_file[] = "# local names\n"
                                   "root: bob\n"
                                   "team: bob, jane,\n"
                                   "   vagrant # not a comment\n"
                                   "staff: bob, jane,\n"
                                   "  vagrant@mailserver.local\n"
                                   "JANE: jane, bob\n"
                                   "ping: pong\n"
                                   "pong: ping\n"
                                   "out: someone@elsewhere.example\n"
                                   "both: bob, someone@elsewhere.example\n"
                                   "\"two words\": bob\n"
                                   "quoted: \"bob\"@mailserver.local\n"
                                   "mine: \\jane\n"
                                   "tagged: bob+lists\n"
                                   "ghost: nobody-here\n"
                                   "halfghost: nobody-here, bob\n"
                                   "team+leads: jane\n";

static const char virtual_file[] = "sales@hosted.example  info@hosted.example, bob\n"
                                   "sales+east@hosted.example jane\n"
                                   "boss  bob\n"
                                   "keep@hosted.example keep@hosted.example, jane\n"
                                   "alias.example anything\n"
                                   "someone@alias.example jane\n"
                                   "@alias.example bob\n"
                                   "away@hosted.example away@elsewhere.example\n"
                                   "@moved.example @hosted.example\n"
                                   "moved.example x\n"
                                   "x@not-ours.example bob\n";

/* Targets as "account" or "account/detail", in order, and "+n" for others. */
static void show(const struct directory *d, const char *address, char *text, size_t size)
{
    static const char *const answers[] = {"", "unknown", "not ours", "broken"};
    struct directory_target targets[8];
    struct span whole = span_str(address);
    const char *at = strrchr(address, '@');
    struct span local = at ? span_first(whole, (size_t)(at - address)) : whole;
    struct span domain = at ? span_after(whole, local.len + 1) : SPAN("");
    unsigned count, others;
    enum directory_answer answer = directory_resolve(d, local, domain, targets, 8, &count, &others);
    size_t len = (size_t)snprintf(text, size, "%s", answers[answer]);

    for (unsigned i = 0; i < count; i++) {
        const struct directory_target *t = &targets[i];

        if (t->is_elsewhere)
            continue;
        len += (size_t)snprintf(text + len, size - len, "%s%.*s%s%.*s", len > 0 ? " " : "",
                                (int)t->account.len, t->account.at, t->detail.len > 0 ? "/" : "",
                                (int)t->detail.len, t->detail.at);
    }
    if (others > 0)
        snprintf(text + len, size - len, "%s+%u", len > 0 ? " " : "", others);
}

static const struct {
    const char *address, *expected;
} rows[] = {
  /* accounts */
    {"vagrant@mailserver.local",      "vagrant@mailserver.local"                          },
    {"VAGRANT@MailServer.LOCAL",      "vagrant@mailserver.local"                          },
    {"vagrant",                       "vagrant@mailserver.local"                          },
    {"bob",                           "bob@mailserver.local"                              },
    {"bob@localhost",                 "bob@mailserver.local"                              },
    {"bob@hosted.example",            "bob@hosted.example"                                },
    {"jane@hosted.example",           "unknown"                                           },
    {"nobody@mailserver.local",       "unknown"                                           },
    {"nobody@elsewhere.example",      "not ours"                                          },
    {"@mailserver.local",             "unknown"                                           },
 /* details */
    {"bob+Lists@mailserver.local",    "bob@mailserver.local/Lists"                        },
    {"bob+a+b@mailserver.local",      "bob@mailserver.local/a+b"                          },
    {"bob+@mailserver.local",         "bob@mailserver.local"                              },
    {"+bob@mailserver.local",         "unknown"                                           },
    {"a+b@mailserver.local",          "a+b@mailserver.local"                              },
    {"nobody+x@mailserver.local",     "unknown"                                           },
 /* aliases */
    {"root@mailserver.local",         "bob@mailserver.local"                              },
    {"Root@localhost",                "bob@mailserver.local"                              },
    {"root@hosted.example",           "unknown"                                           },
    {"staff@mailserver.local",
     "bob@mailserver.local jane@mailserver.local vagrant@mailserver.local"                },
    {"jane@mailserver.local",         "jane@mailserver.local bob@mailserver.local"        },
    {"ping@mailserver.local",         "broken"                                            },
    {"out@mailserver.local",          "+1"                                                },
    {"both@mailserver.local",         "bob@mailserver.local +1"                           },
    {"two words@mailserver.local",    "bob@mailserver.local"                              },
    {"quoted@mailserver.local",       "bob@mailserver.local"                              },
    {"mine@mailserver.local",         "jane@mailserver.local"                             },
    {"tagged@mailserver.local",       "bob@mailserver.local/lists"                        },
    {"tagged+x@mailserver.local",     "bob@mailserver.local/lists"                        },
    {"root+x@mailserver.local",       "bob@mailserver.local"                              },
    {"team+leads@mailserver.local",   "jane@mailserver.local bob@mailserver.local"        },
    {"ghost@mailserver.local",        "unknown"                                           },
    {"halfghost@mailserver.local",    "bob@mailserver.local"                              },
 /* virtual */
    {"sales@hosted.example",          "info@hosted.example bob@mailserver.local"          },
    {"sales+west@hosted.example",     "info@hosted.example/west bob@mailserver.local/west"},
    {"sales+east@hosted.example",     "jane@mailserver.local bob@mailserver.local"        },
    {"boss@mailserver.local",         "bob@mailserver.local"                              },
    {"boss@hosted.example",           "unknown"                                           },
    {"keep@hosted.example",           "jane@mailserver.local bob@mailserver.local"        },
    {"someone@alias.example",         "jane@mailserver.local bob@mailserver.local"        },
    {"anyone@alias.example",          "bob@mailserver.local"                              },
    {"away@hosted.example",           "+1"                                                },
    {"info@moved.example",            "info@hosted.example"                               },
    {"x@not-ours.example",            "not ours"                                          },
 /* postmaster */
    {"postmaster@mailserver.local",   "vagrant@mailserver.local"                          },
    {"Postmaster@hosted.example",     "vagrant@mailserver.local"                          },
    {"PostMaster",                    "vagrant@mailserver.local"                          },
    {"postmaster+x@mailserver.local", "vagrant@mailserver.local"                          },
};

static void test_resolve(void **state)
{
    struct chain why = {0};
    char good_aliases[sizeof(aliases_file)];
    struct directory *d;

    (void)state;
    memcpy(good_aliases, aliases_file, sizeof(aliases_file));
    memcpy(strstr(good_aliases, " # not a comment"), "                ", 16);
    d = load(users_file, good_aliases, virtual_file, "", &why);
    if (!d)
        fail_msg("%.*s", (int)why.len, chain_flat(&why).at);
    assert_int_equal(directory_user_count(d), 6);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char shown[512];
        show(d, rows[i].address, shown, sizeof(shown));
        if (strcmp(shown, rows[i].expected) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].address, shown, rows[i].expected);
    }
    directory_free(&d);
}

static void test_catch_all(void **state)
{
    struct chain why = {0};
    struct directory *d = load(users_file, "", "", "jane+lost", &why);
    char shown[512];

    (void)state;
    assert_non_null(d);
    show(d, "nobody@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "jane@mailserver.local/lost");
    show(d, "bob@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "bob@mailserver.local");
    show(d, "nobody@elsewhere.example", shown, sizeof(shown));
    assert_string_equal(shown, "not ours");
    directory_free(&d);

    d = load(users_file, "", "", "gone", &why); /* names nobody: it ends */
    assert_non_null(d);
    show(d, "nobody@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "broken");
    directory_free(&d);
}

/* Names of names of names, sixteen wide and sixteen deep: it must end soon. */
static void test_bomb(void **state)
{
    static char aliases[65536];
    struct chain why = {0};
    struct directory *d;
    char shown[512];
    size_t len = 0;

    (void)state;
    for (unsigned deep = 0; deep < 15; deep++) {
        len += (size_t)snprintf(aliases + len, sizeof(aliases) - len, "n%u: ", deep);
        for (unsigned wide = 0; wide < 16; wide++)
            len +=
                (size_t)snprintf(aliases + len, sizeof(aliases) - len, "n%u+%u,", deep + 1, wide);
        len += (size_t)snprintf(aliases + len, sizeof(aliases) - len, "bob\n");
    }
    snprintf(aliases + len, sizeof(aliases) - len, "n15: bob\n");
    d = load(users_file, aliases, "", "", &why);
    assert_non_null(d);
    show(d, "n0@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "broken");
    directory_free(&d);

    len = 0;
    for (unsigned deep = 0; deep < 40; deep++)
        len += (size_t)snprintf(aliases + len, sizeof(aliases) - len, "n%u: n%u\n", deep, deep + 1);
    snprintf(aliases + len, sizeof(aliases) - len, "n40: bob\n");
    d = load(users_file, aliases, "", "", &why);
    assert_non_null(d);
    show(d, "n30@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "bob@mailserver.local");
    show(d, "n0@mailserver.local", shown, sizeof(shown));
    assert_string_equal(shown, "broken");
    directory_free(&d);
}

static void test_login(void **state)
{
    static const struct {
        const char *name, *account, *password;
    } logins[] = {
        {"vagrant",                  "vagrant@mailserver.local", "{PLAIN}secret"},
        {"Vagrant@MAILSERVER.local", "vagrant@mailserver.local", "{PLAIN}secret"},
        {"bob",                      "bob@mailserver.local",     "{PLAIN}b"     },
        {"bob@localhost",            "bob@mailserver.local",     "{PLAIN}b"     },
        {"bob@hosted.example",       "bob@hosted.example",       "{PLAIN}h"     },
        {"bob+x",                    NULL,                       NULL           },
        {"root",                     NULL,                       NULL           },
        {"",                         NULL,                       NULL           },
        {"@",                        NULL,                       NULL           },
        {"@mailserver.local",        NULL,                       NULL           },
        {"bob@elsewhere.example",    NULL,                       NULL           },
    };
    struct chain why = {0};
    struct directory *d = load(users_file, "root: bob\n", "", "", &why);

    (void)state;
    assert_non_null(d);
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        struct span account, password;
        bool known = directory_login(d, span_str(logins[i].name), &account, &password);
        if (known != (logins[i].account != NULL))
            fail_msg("%s", logins[i].name);
        if (known) {
            assert_true(span_eq(account, span_str(logins[i].account)));
            assert_true(span_eq(password, span_str(logins[i].password)));
        }
    }
    directory_free(&d);
}

/* ---- mistakes ---- */

static const struct {
    const char *users, *aliases, *virtual, *catch_all, *said;
} bad_rows[] = {
    {"a\n",                              "",                        "",                  "",   "users:1: no password field; write user@domain:{SCHEME}hash\n"          },
    {"\n#\na b:x\n",                     "",                        "",                  "",
     "users:3: \"a b\" can't be a user's name; write user@domain:{SCHEME}hash\n"                                                                                       },
    {":x\n",                             "",                        "",                  "",   "users:1: \"\" can't be a user's name; write user@domain:{SCHEME}hash\n"},
    {"a@b.c:x\n",                        "",                        "",                  "",
     "users:1: the domain of a@b.c is not ours; add it to virtual_mailbox_domains\n"                                                                                   },
    {"a:x\nb:x\nA@mailserver.local:y\n", "",                        "",                  "",
     "users:3: a@mailserver.local is there a second time; take this line or line 1 out\n"                                                                              },
    {"",                                 "a b\n",                   "",                  "",   "aliases:1: no alias; write name: user, user@domain\n"                  },
    {"",                                 "a:\n",                    "",                  "",   "aliases:1: a names nobody; write name: user, user@domain\n"            },
    {"",                                 "a@b.c: d\n",              "",                  "",
     "aliases:1: \"a@b.c\" is not a local name; an alias with a domain belongs into "
     "virtual_alias_maps\n"                                                                                                                                            },
    {"",                                 "a: b\n\nA:\n c\n",        "",                  "",
     "aliases:3: A is there a second time; take this line or aliases:1 out\n"                                                                                          },
    {"",                                 "a: |run it\n",            "",                  "",
     "aliases:1: \"|run it\": commands are not run; fetch the mail by IMAP instead\n"                                                                                  },
    {"",                                 "a: b, \"|run, it\"\n",    "",                  "",
     "aliases:1: \"\"|run, it\"\": commands are not run; fetch the mail by IMAP instead\n"                                                                             },
    {"",                                 "a: /dev/null\n",          "",                  "",
     "aliases:1: \"/dev/null\": mail is not written to files; name an account\n"                                                                                       },
    {"",                                 "a: :include:/etc/list\n", "",                  "",
     "aliases:1: \":include:/etc/list\": lists in files are not read; write the addresses here\n"                                                                      },
    {"",                                 "a: b@\n",                 "",                  "",   "aliases:1: \"b@\" is not an address; write user or user@domain\n"      },
    {"",                                 "a: \"b\n",                "",                  "",   "aliases:1: \"\"b\" is not an address; write user or user@domain\n"     },
    {"",                                 "",                        "a@b.c\n",           "",   "virtual:1: a@b.c names nobody; write a@b.c user@domain\n"              },
    {"",                                 "",                        "a@b.c x\n\n  y@\n", "",
     "virtual:1: \"x y@\" is not an address; write user or user@domain\n"                                                                                              },
    {"",                                 "",                        "",                  "x@", "luser_relay: \"x@\" is not an address; write user or user@domain\n"    },
};

/* What was said, without the directory's name. */
static char *said_of(struct chain *why)
{
    struct span text = chain_flat(why);
    char *said = calloc(1, text.len + 1), *to = said;
    size_t skip = strlen(directory);

    for (size_t i = 0; i < text.len;) {
        if (text.len - i > skip && memcmp(text.at + i, directory, skip) == 0)
            i += skip + 1;
        else
            *to++ = text.at[i++];
    }
    chain_free(why);
    return said;
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++) {
        struct chain why = {0};
        struct directory *d = load(bad_rows[i].users, bad_rows[i].aliases, bad_rows[i].virtual,
                                   bad_rows[i].catch_all ? bad_rows[i].catch_all : "", &why);
        char *said = said_of(&why);
        if (d || strcmp(said, bad_rows[i].said) != 0)
            fail_msg("row %zu said:\n%s", i, said);
        free(said);
    }
}

/* ---- many ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_many(void **state)
{
    enum {
        USERS = 100000,
        LOOKUPS = 200000
    };
    char *text = malloc(USERS * 64);
    struct chain why = {0};
    struct directory *d;
    size_t len = 0;
    double start, loaded, looked_up;

    (void)state;
    for (unsigned i = 0; i < USERS; i++)
        len += (size_t)snprintf(text + len, 64, "user%u@mailserver.local:{PLAIN}x\n", i);
    start = seconds();
    d = load(text, "root: user7\n", "", "", &why);
    loaded = seconds();
    assert_non_null(d);
    assert_int_equal(directory_user_count(d), USERS);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        char name[32];
        struct directory_target target;
        unsigned count, others;
        size_t name_len = (size_t)snprintf(name, sizeof(name), "user%u", i * 7919U % USERS);
        assert_int_equal(directory_resolve(d, (struct span){name, name_len},
                                           SPAN("mailserver.local"), &target, 1, &count, &others),
                         DIRECTORY_LOCAL);
    }
    looked_up = seconds();
    print_message("%d users in %.0f ms, a look-up in %.0f ns\n", USERS, (loaded - start) * 1e3,
                  (looked_up - loaded) / (double)LOOKUPS * 1e9);
    directory_free(&d);
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(users_path, sizeof(users_path), "%s/users", directory);
    snprintf(aliases_path, sizeof(aliases_path), "%s/aliases", directory);
    snprintf(virtual_path, sizeof(virtual_path), "%s/virtual", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(users_path);
    unlink(aliases_path);
    unlink(virtual_path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_catch_all),
        cmocka_unit_test(test_bomb),    cmocka_unit_test(test_login),
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
