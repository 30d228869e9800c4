#include "proto/imap/imap_match.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_settings.h"

enum {
    MATCH_WORDS = (IMAP_PATTERN_MAX + 1 + 63) / 64,
};

/* Bit n of a set of places: the first n characters of the pattern have matched. */
struct imap_match {
    unsigned words;                /* that the pattern needs */
    unsigned length;               /* of the pattern, without wildcards that add nothing */
    uint64_t any[MATCH_WORDS];     /* there stands a wildcard */
    uint64_t deep[MATCH_WORDS];    /* and it is '*' */
    uint64_t is[256][MATCH_WORDS]; /* there stands this byte */
    char pattern[IMAP_PATTERN_MAX];
};

static bool is_wild(char c)
{
    return c == '*' || c == '%';
}

/* Wildcards that touch each other are one, and it is '*' when one of them is. */
static void match_pattern(struct imap_match *m, struct span pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.at[i];

        if (is_wild(c) && m->length > 0 && is_wild(m->pattern[m->length - 1])) {
            if (c == '*')
                m->pattern[m->length - 1] = '*';
        } else {
            m->pattern[m->length++] = c;
        }
    }
}

struct imap_match *imap_match_new(struct span pattern)
{
    struct imap_match *m;

    if (pattern.len > IMAP_PATTERN_MAX)
        return NULL;
    m = xcalloc(1, sizeof(*m));
    match_pattern(m, pattern);
    m->words = m->length / 64 + 1;
    ensure(m->words <= MATCH_WORDS);
    for (unsigned i = 0; i < m->length; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);

        if (is_wild(m->pattern[i]))
            m->any[i / 64] |= bit;
        else
            m->is[(unsigned char)m->pattern[i]][i / 64] |= bit;
        if (m->pattern[i] == '*')
            m->deep[i / 64] |= bit;
    }
    return m;
}

void imap_match_free(struct imap_match **match)
{
    free(*match);
    *match = NULL;
}

/* A place in front of a wildcard is also one behind it: the wildcard stands for nothing. */
static void match_pass(const struct imap_match *m, uint64_t *places)
{
    uint64_t carry = 0;

    for (unsigned w = 0; w < m->words; w++) {
        uint64_t wild = places[w] & m->any[w];

        places[w] |= wild << 1 | carry;
        carry = wild >> 63;
    }
}

static void match_step(const struct imap_match *m, uint64_t *places, unsigned char byte)
{
    const uint64_t *stay = byte == '/' ? m->deep : m->any;
    uint64_t carry = 0;

    for (unsigned w = 0; w < m->words; w++) {
        uint64_t moved = places[w] & m->is[byte][w];

        places[w] = moved << 1 | carry | (places[w] & stay[w]);
        carry = moved >> 63;
    }
    match_pass(m, places);
}

static bool match_bytes(const struct imap_match *m, struct span name)
{
    uint64_t places[MATCH_WORDS] = {1};

    match_pass(m, places);
    for (size_t i = 0; i < name.len; i++)
        match_step(m, places, (unsigned char)name.at[i]);
    return (places[m->length / 64] >> (m->length % 64) & 1) != 0;
}

/* The pattern with its first five letters in upper case, for "inbox" and "InB%". */
static struct imap_match *match_upper(const struct imap_match *m)
{
    char upper[IMAP_PATTERN_MAX];

    for (unsigned i = 0; i < m->length; i++) {
        char c = m->pattern[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return imap_match_new((struct span){upper, m->length});
}

bool imap_match_name(const struct imap_match *m, struct span name)
{
    bool found = match_bytes(m, name);

    if (!found && span_eq_nocase(name, SPAN("INBOX"))) {
        struct imap_match *upper = match_upper(m);

        found = match_bytes(upper, SPAN("INBOX"));
        imap_match_free(&upper);
    }
    return found;
}
