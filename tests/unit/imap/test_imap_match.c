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
    struct imap_match *m = imap_match_new(span_str(pattern));
    bool found = imap_match_name(m, span_str(name));

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
    assert_null(imap_match_new((struct span){pattern, IMAP_PATTERN_MAX + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_is_as_defined),
        cmocka_unit_test(match_inbox_has_no_case),
        cmocka_unit_test(match_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
