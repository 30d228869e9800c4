/* Lookup tables: rows of what each kind answers, the order of an address, mistakes with their line,
 * and files that change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/service/lookup.h"

static char directory[] = "/tmp/ringpost-lookup-XXXXXX";
static char path[128];

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static struct lookup_list *open_spec(const char *type, const char *text)
{
    char spec[512];
    const char *specs[] = {spec};
    struct chain why = {0};
    struct lookup_list *list;

    write_file(text);
    if (type[0] == '/')
        snprintf(spec, sizeof(spec), "%s", path);
    else
        snprintf(spec, sizeof(spec), "%s:%s", type, path);
    list = lookup_list_open(specs, 1, &why);
    if (list == NULL)
        fail_msg("%.*s", (int)why.len, chain_flat(&why).at);
    assert_int_equal(why.len, 0);
    return list;
}

static void expect_get(const struct lookup_list *list, const char *key, const char *expected)
{
    struct chain value = {0};
    bool found = lookup_list_get(list, span_str(key), &value);

    if (found != (expected != NULL) || (found && !span_eq(chain_flat(&value), span_str(expected))))
        fail_msg("%s: \"%.*s\", not \"%s\"", key, (int)value.len,
                 value.len > 0 ? chain_flat(&value).at : "", expected ? expected : "(none)");
    chain_free(&value);
}

static const char text_file[] = "# where mail goes\n"
                                "example.com   smtp:[mx.example.com]:587\n"
                                "Mixed.Example\tlmtp:unix:/run/lmtp\n"
                                "long.example  one,\n"
                                "\n"
                                "# a comment inside\n"
                                "     two\n"
                                "\"two words\"@x.example  quoted\n"
                                "*  smtp:\n";

static void text(void **state)
{
    static const char *const types[] = {"hash", "lmdb", "texthash", "/"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct lookup_list *list = open_spec(types[i], text_file);
        expect_get(list, "example.com", "smtp:[mx.example.com]:587");
        expect_get(list, "EXAMPLE.com", "smtp:[mx.example.com]:587");
        expect_get(list, "mixed.example", "lmtp:unix:/run/lmtp");
        expect_get(list, "long.example", "one, two");
        expect_get(list, "two words@x.example", "quoted");
        expect_get(list, "*", "smtp:");
        expect_get(list, "other.example", NULL);
        expect_get(list, "", NULL);
        lookup_list_close(&list);
    }
}

static const char regexp_file[] = "/^friend@(.*)$/ smtp:[$1]\n"
                                  "!/@/ error:no domain\n"
                                  "if /@lists\\.example$/\n"
                                  "/^(.*)-request@(.*)$/  to ${1} at $(2) for $$1\n"
                                  "if !/^keep/\n"
                                  "/^drop/  discard:\n"
                                  "endif\n"
                                  "endif\n"
                                  "/CASE@x/i  counted\n"
                                  "|a/b@|  slashes\n"
                                  "/x\\/y@/  escaped\n";

static void patterns(void **state)
{
    static const char *const types[] = {"regexp", "pcre"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct lookup_list *list = open_spec(types[i], regexp_file);
        expect_get(list, "Friend@mx.example", "smtp:[mx.example]");
        expect_get(list, "nothing", "error:no domain");
        expect_get(list, "news-request@lists.example", "to news at lists.example for $1");
        expect_get(list, "news-request@other.example", NULL);
        expect_get(list, "drop@lists.example", "discard:");
        expect_get(list, "keep-drop@lists.example", NULL);
        expect_get(list, "drop@other.example", NULL);
        expect_get(list, "CASE@x", "counted");
        expect_get(list, "case@x", NULL);
        expect_get(list, "a/b@c", "slashes");
        expect_get(list, "x/y@c", "escaped");
        lookup_list_close(&list);
    }
}

/* (a+)+$ over many a's would run for ages; the bound makes it no match. */
static void endless(void **state)
{
    struct lookup_list *list = open_spec("pcre", "/^(a+)+$/ all\n");

    (void)state;
    expect_get(list, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", NULL);
    expect_get(list, "aaaa", "all");
    lookup_list_close(&list);
}

static void in_the_spec(void **state)
{
    static const char *const specs[] = {"inline:{ a.example = smtp:[a], { b.example = one, two } }",
                                        "static:everything"};
    struct chain why = {0}, value = {0};
    struct lookup_list *list = lookup_list_open(specs, 2, &why);

    (void)state;
    assert_non_null(list);
    expect_get(list, "A.example", "smtp:[a]");
    expect_get(list, "b.example", "one, two");
    expect_get(list, "c.example", "everything");
    assert_false(lookup_list_part(list, SPAN("c.example"), &value));
    lookup_list_close(&list);
}

static void order(void **state)
{
    static const struct {
        const char *address;
        unsigned order;
        const char *expected, *detail;
    } rows[] = {
        {"u+d@example.com",      0,                              "full",      ""  },
        {"u+e@example.com",      0,                              "plain",     "+e"},
        {"u@example.com",        0,                              "plain",     ""  },
        {"v@example.com",        0,                              NULL,        ""  },
        {"v@example.com",        LOOKUP_DOMAIN,                  "domain",    ""  },
        {"v@example.com",        LOOKUP_AT_DOMAIN,               "at domain", ""  },
        {"v@sub.example.com",    LOOKUP_DOMAIN,                  NULL,        ""  },
        {"v@sub.example.com",    LOOKUP_DOMAIN | LOOKUP_PARENTS, "parent",    ""  },
        {"v@a.sub.example.com",  LOOKUP_DOMAIN | LOOKUP_PARENTS, "parent",    ""  },
        {"v@other.example",      LOOKUP_DOMAIN | LOOKUP_PARENTS, NULL,        ""  },
        {"v@other.example",      LOOKUP_DOMAIN | LOOKUP_DEFAULT, "star",      ""  },
        {"name@other.example",   LOOKUP_USER,                    "by name",   ""  },
        {"name+x@other.example", LOOKUP_USER,                    "by name",   "+x"},
        {"+u@example.com",       0,                              NULL,        ""  },
        {"name",                 0,                              "by name",   ""  },
    };
    struct lookup_list *list = open_spec("hash", "u+d@example.com full\n"
                                                 "u@example.com plain\n"
                                                 "example.com domain\n"
                                                 "@example.com at domain\n"
                                                 ".example.com parent\n"
                                                 "name by name\n"
                                                 "* star\n");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain value = {0};
        struct span detail;
        bool found = lookup_list_address(list, span_str(rows[i].address), "+", rows[i].order,
                                         &value, &detail);
        if (found != (rows[i].expected != NULL) ||
            (found && !span_eq(chain_flat(&value), span_str(rows[i].expected))) ||
            !span_eq(detail, span_str(rows[i].detail)))
            fail_msg("row %zu: %s", i, rows[i].address);
        chain_free(&value);
    }
    lookup_list_close(&list);
}

static const struct {
    const char *type, *text, *expected;
} mistakes[] = {
    {"hash",   "a b\nalone\n",    ":2: alone has no value; write alone value\n"                },
    {"hash",   "a b\n\nA c\n",    ":3: A is there a second time; take one of them out\n"       },
    {"hash",   "\"a b\n",         ":1: a key that is too long, or whose quote is not closed\n" },
    {"regexp", "/a/ b\nno\n",     ":2: no pattern between two slashes; write /pattern/ value\n"},
    {"regexp", "/(a/ b\n",        ":1: the pattern cannot be read: Unmatched ( or \\(\n"       },
    {"pcre",   "/(a/ b\n",
     ":1: the pattern cannot be read: missing closing parenthesis at offset 2\n"               },
    {"regexp", "/a/q b\n",        ":1: the pattern cannot be read: an unknown flag\n"          },
    {"regexp", "/(a)/ $2\n",
     ":1: a \"$\" that names no group of the pattern; write $$ for a dollar\n"                 },
    {"regexp", "!/(a)/ $1\n",
     ":1: a \"$\" that names no group of the pattern; write $$ for a dollar\n"                 },
    {"pcre",   "/a/\n",           ":1: a pattern without a value; write /pattern/ value\n"     },
    {"pcre",   "if /a/\n/b/ c\n", ":2: an if without its endif\n"                              },
    {"pcre",   "endif\n",         ":1: endif without its if\n"                                 },
};

static void told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        char spec[256], expected[400];
        struct chain why = {0};
        struct lookup *lookup;

        write_file(mistakes[i].text);
        snprintf(spec, sizeof(spec), "%s:%s", mistakes[i].type, path);
        snprintf(expected, sizeof(expected), "%s%s", path, mistakes[i].expected);
        lookup = lookup_open(spec, &why);
        assert_null(lookup);
        if (!span_eq(chain_flat(&why), span_str(expected)))
            fail_msg("\"%.*s\", not \"%s\"", (int)why.len, chain_flat(&why).at, expected);
        chain_free(&why);
    }
}

static void refused(void **state)
{
    static const char *const specs[] = {"ldap:x", "inline:a = b", "inline:{ a }", "inline:{ {a=b }",
                                        "hash:/nonexistent/x"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        struct chain why = {0};
        struct lookup *lookup = lookup_open(specs[i], &why);
        if (lookup != NULL || why.len == 0)
            fail_msg("%s was taken", specs[i]);
        chain_free(&why);
    }
}

static void changes(void **state)
{
    struct lookup_list *list = open_spec("hash", "a first\n");
    struct chain why = {0};

    (void)state;
    assert_false(lookup_list_refresh(list, &why));
    write_file("a second\n");
    assert_true(lookup_list_refresh(list, &why));
    expect_get(list, "a", "second");
    write_file("broken\n");
    assert_false(lookup_list_refresh(list, &why));
    assert_true(why.len > 0);
    expect_get(list, "a", "second");
    chain_free(&why);
    assert_false(lookup_list_refresh(list, &why)); /* told once */
    assert_int_equal(why.len, 0);
    write_file("a third and last\n");
    assert_true(lookup_list_refresh(list, &why));
    expect_get(list, "a", "third and last");
    unlink(path);
    assert_false(lookup_list_refresh(list, &why));
    expect_get(list, "a", "third and last");
    lookup_list_close(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),    cmocka_unit_test(patterns),    cmocka_unit_test(endless),
        cmocka_unit_test(order),   cmocka_unit_test(in_the_spec), cmocka_unit_test(told),
        cmocka_unit_test(refused), cmocka_unit_test(changes),
    };
    int failed;

    if (mkdtemp(directory) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/table", directory);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(directory);
    return failed;
}
