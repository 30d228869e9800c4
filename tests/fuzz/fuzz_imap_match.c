/* fuzz_imap_match: a pattern and a name, divided by a line feed, against the plain definition. */
#include <string.h>

#include "core/base/ensure.h"
#include "proto/imap/imap_match.h"
#include "tests/fuzz/fuzz.h"

enum {
    PLAIN_MAX = 128
};

/* Row by row: does the pattern up to here match the name up to there? */
static bool plain_match(struct span pattern, struct span name)
{
    bool row[PLAIN_MAX + 1] = {true};

    for (size_t p = 0; p < pattern.len; p++) {
        char c = pattern.at[p];
        bool before = row[0], wild = c == '*' || c == '%';

        row[0] = row[0] && wild;
        for (size_t n = 0; n < name.len; n++) {
            bool here = wild ? row[n + 1] || (row[n] && (c == '*' || name.at[n] != '/'))
                             : before && c == name.at[n];

            before = row[n + 1];
            row[n + 1] = here;
        }
    }
    return row[name.len];
}

/* Each level above the name as if it were the name. */
static void check_levels(const struct imap_match *m, struct span name)
{
    uint32_t levels = imap_match_levels(m, name);
    unsigned level = 0;

    for (size_t i = 0; i < name.len && level < 31; i++) {
        struct span above = span_first(name, i);

        if (name.at[i] != '/')
            continue;
        if (!span_eq_nocase(above, SPAN("INBOX")))
            ensure((levels >> level & 1) == imap_match_name(m, above));
        level++;
    }
    ensure((levels >> level & 1) == imap_match_name(m, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *line = size == 0 ? NULL : memchr(data, '\n', size);
    struct span pattern, name;
    struct imap_match *m;
    bool found;

    if (line == NULL)
        return 0;
    pattern = (struct span){(const char *)data, (size_t)(line - (const char *)data)};
    name = (struct span){line + 1, size - pattern.len - 1};
    m = imap_match_new();
    if (!imap_match_add(m, pattern)) {
        imap_match_free(&m);
        return 0;
    }
    found = imap_match_name(m, name);
    if (name.len <= PLAIN_MAX && !span_eq_nocase(name, SPAN("INBOX")))
        ensure(found == plain_match(pattern, name));
    if (name.len <= PLAIN_MAX)
        check_levels(m, name);
    imap_match_free(&m);
    return 0;
}
