/* Changing the users file: what stays, what changes, what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/gateway/cmd_user_file.h"

static char directory[] = "/tmp/ringpost-users-XXXXXX";
static char path[128], lock_path[128], link_path[128];

static const struct {
    const char *title, *before, *account;
    enum cmd_user_change change;
    const char *after, *said; /* said: NULL when it is done */
} rows[] = {
    {"first",                               "",                                  "a@x.y", CMD_USER_ADD,      "a@x.y:{NEW}\n",                    NULL                   },
    {"one more",                            "# c\n\nb:{OLD}:1:\n",               "a@x.y", CMD_USER_ADD,      "# c\n\nb:{OLD}:1:\na@x.y:{NEW}\n",
     NULL                                                                                                                                                               },
    {"last line without end",               "b:{OLD}",                           "a@x.y", CMD_USER_ADD,      "b:{OLD}\na@x.y:{NEW}\n",           NULL                   },
    {"there already",                       "A@X.y:{OLD}\n",                     "a@x.y", CMD_USER_ADD,      "A@X.y:{OLD}\n",
     "a@x.y is there already; `ringpost user passwd` changes a password\n"                                                                                              },
    {"there by its short name",             "A:{OLD}\n",                         "a@x.y", CMD_USER_ADD,      "A:{OLD}\n",
     "a@x.y is there already; `ringpost user passwd` changes a password\n"                                                                                              },
    {"short names are of the first domain", "a:{OLD}\n",                         "a@z.y", CMD_USER_ADD,
     "a:{OLD}\na@z.y:{NEW}\n",                                                                                                                   NULL                   },
    {"a comment is no account",             "#a@x.y:{OLD}\n",                    "a@x.y", CMD_USER_ADD,
     "#a@x.y:{OLD}\na@x.y:{NEW}\n",                                                                                                              NULL                   },
    {"password",                            "b:{OLD}\na:{OLD}\n#end\n",          "a@x.y", CMD_USER_PASSWORD,
     "b:{OLD}\na@x.y:{NEW}\n#end\n",                                                                                                             NULL                   },
    {"what stands behind stays",            "a@x.y:{OLD}:1:2::/home/a::\n",      "a@x.y", CMD_USER_PASSWORD,
     "a@x.y:{NEW}:1:2::/home/a::\n",                                                                                                             NULL                   },
    {"delete",                              "b:{OLD}\na@x.y:{OLD}:1\nc:{OLD}\n", "a@x.y", CMD_USER_DELETE,   "b:{OLD}\nc:{OLD}\n",
     NULL                                                                                                                                                               },
    {"delete the only one",                 "a:{OLD}\n",                         "a@x.y", CMD_USER_DELETE,   "",                                 NULL                   },
    {"delete nobody",                       "ab@x.y:{OLD}\n",                    "a@x.y", CMD_USER_DELETE,   "ab@x.y:{OLD}\n",
     "there is no a@x.y in "                                                                                                                                            },
    {"password of nobody",                  "",                                  "a@x.y", CMD_USER_PASSWORD, "",                                 "there is no a@x.y in "},
};

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void expect_file(const char *title, const char *expected)
{
    char text[512];
    FILE *f = fopen(path, "r");
    size_t len;

    assert_non_null(f);
    len = fread(text, 1, sizeof(text) - 1, f);
    text[len] = '\0';
    fclose(f);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: the file is\n%s", title, text);
}

static bool edit(const char *at, const char *account, enum cmd_user_change change,
                 struct chain *why)
{
    return cmd_user_file_edit(&(struct cmd_user_edit){.path = at,
                                                      .first_domain = "x.y",
                                                      .account = span_str(account),
                                                      .change = change,
                                                      .field = SPAN("{NEW}")},
                              why);
}

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain why = {0};
        bool good;
        write_file(rows[i].before);
        good = edit(path, rows[i].account, rows[i].change, &why);
        chain_add(&why, SPAN("\0"));
        if (good != !rows[i].said || (rows[i].said && !strstr(chain_flat(&why).at, rows[i].said)))
            fail_msg("%s: %s", rows[i].title, chain_flat(&why).at);
        chain_free(&why);
        expect_file(rows[i].title, rows[i].after);
    }
}

static void test_new_file_is_private(void **state)
{
    struct chain why = {0};
    struct stat st;

    (void)state;
    unlink(path);
    assert_false(edit(path, "a@x.y", CMD_USER_PASSWORD, &why));
    chain_free(&why);
    assert_true(edit(path, "a@x.y", CMD_USER_ADD, &why));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(edit(path, "b@x.y", CMD_USER_ADD, &why));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void test_link_stays(void **state)
{
    struct chain why = {0};
    struct stat st;

    (void)state;
    write_file("");
    assert_int_equal(symlink(path, link_path), 0);
    assert_true(edit(link_path, "a@x.y", CMD_USER_ADD, &why));
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect_file("behind a link", "a@x.y:{NEW}\n");
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/users", directory);
    snprintf(lock_path, sizeof(lock_path), "%s/users.lock", directory);
    snprintf(link_path, sizeof(link_path), "%s/link", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(lock_path);
    unlink(link_path);
    return rmdir(directory); /* fails when an edit left a file beside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_new_file_is_private),
        cmocka_unit_test(test_link_stays),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
