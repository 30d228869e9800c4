#include "tests/unit/imap/unit.h"

#include "proto/imap/imap_match.h"
#include "proto/imap/imap_settings.h"

/* The definition, in as few words as possible, and as slow as may be. */
static bool naive(const char *pattern, const char *name)
{
    if (*pattern == '\0')
        return *name == '\0';
    if (*pattern != '*' && *pattern != '%')
        return *pattern == *name && naive(pattern + 1, name + 1);
    for (;; name++) {
        if (naive(pattern + 1, name))
            return true;
        if (*name == '\0' || (*pattern == '%' && *name == '/'))
            return false;
    }
}

static bool match(const char *pattern, const char *name)
{
    struct imap_match *m = imap_match_new();
    bool found;

    assert_true(imap_match_add(m, span_str(pattern)));
    found = imap_match_name(m, span_str(name));
    imap_match_free(&m);
    return found;
}

static void match_is_as_defined(void **state)
{
    static const char in_pattern[] = "ab/*%*%", in_name[] = "ab/";
    uint64_t random = 2;

    (void)state;
    for (unsigned round = 0; round < 30000; round++) {
        char pattern[9] = "", name[9] = "";

        for (unsigned i = unit_random(&random) % 9; i > 0; i--)
            pattern[i - 1] = in_pattern[unit_random(&random) % 7];
        for (unsigned i = unit_random(&random) % 9; i > 0; i--)
            name[i - 1] = in_name[unit_random(&random) % 3];
        if (match(pattern, name) != naive(pattern, name)) {
            fprintf(stderr, "pattern %s, name %s\n", pattern, name);
            fail();
        }
    }
}

static void match_inbox_has_no_case(void **state)
{
    (void)state;
    assert_true(match("inbox", "INBOX"));
    assert_true(match("iN%", "INBOX"));
    assert_false(match("iN%", "INNER"));
    assert_false(match("inbox2", "INBOX"));
}

/* I12: a pattern that makes others try all ways of matching. */
static void match_long(void **state)
{
    char pattern[IMAP_PATTERN_MAX + 2], name[1025];
    struct imap_match *m;

    (void)state;
    memset(name, 'a', 1024);
    name[1024] = '\0';
    for (unsigned i = 0; i < 1000; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    strcpy(pattern + 1000, "*b");
    for (unsigned i = 0; i < 100; i++)
        assert_false(match(pattern, name));
    strcpy(pattern + 1000, "*");
    assert_true(match(pattern, name));
    memset(pattern, 'a', sizeof(pattern));
    m = imap_match_new();
    assert_false(imap_match_add(m, (struct span){pattern, IMAP_PATTERN_MAX}));
    assert_true(imap_match_add(m, (struct span){pattern, IMAP_PATTERN_MAX - 1}));
    assert_false(imap_match_add(m, SPAN("")));
    imap_match_free(&m);
}

/* Any of some patterns, each as if it were alone; many of them fill more than a word of bits. */
static void match_any_of_some(void **state)
{
    static const char in_pattern[] = "ab/*%*%", in_name[] = "ab/";
    uint64_t random = 3;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct imap_match *m = imap_match_new();
        char patterns[20][9] = {""}, name[9] = "";
        unsigned count = 1 + (unsigned)(unit_random(&random) % 20);
        bool expected = false;

        for (unsigned i = unit_random(&random) % 9; i > 0; i--)
            name[i - 1] = in_name[unit_random(&random) % 3];
        for (unsigned p = 0; p < count; p++) {
            for (unsigned i = unit_random(&random) % 9; i > 0; i--)
                patterns[p][i - 1] = in_pattern[unit_random(&random) % 7];
            assert_true(imap_match_add(m, span_str(patterns[p])));
            expected |= naive(patterns[p], name);
        }
        assert_int_equal(imap_match_name(m, span_str(name)), expected);
        imap_match_free(&m);
    }
}

static void match_levels(void **state)
{
    struct imap_match *m = imap_match_new();

    (void)state;
    assert_true(imap_match_add(m, SPAN("a/%")));
    assert_true(imap_match_add(m, SPAN("*d")));
    assert_true(imap_match_add(m, SPAN("inb%")));
    assert_int_equal(imap_match_levels(m, SPAN("a/b/c/d")), 2 | 8);
    assert_int_equal(imap_match_levels(m, SPAN("a")), 0);
    assert_int_equal(imap_match_levels(m, SPAN("d/d")), 1 | 2);
    assert_int_equal(imap_match_levels(m, SPAN("INBOX")), 1);
    assert_int_equal(imap_match_levels(m, SPAN("INBOX/x")), 0);
    imap_match_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_is_as_defined), cmocka_unit_test(match_inbox_has_no_case),
        cmocka_unit_test(match_long),          cmocka_unit_test(match_any_of_some),
        cmocka_unit_test(match_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
