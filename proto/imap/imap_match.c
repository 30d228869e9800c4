#include "proto/imap/imap_match.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_settings.h"

enum {
    MATCH_WORDS = (IMAP_PATTERN_MAX + 63) / 64,
    MATCH_LEVELS = 32,
};

/* Bit n of a set of places: what stands in front of place n has matched. Each pattern has a place
 * in front of each of its characters and one at its end; a pattern's places follow the end of the
 * one before. */
struct imap_match {
    unsigned words;                /* that the patterns need */
    unsigned places;               /* of all patterns */
    uint64_t begin[MATCH_WORDS];   /* here a pattern begins */
    uint64_t end[MATCH_WORDS];     /* here one ends */
    uint64_t any[MATCH_WORDS];     /* there stands a wildcard */
    uint64_t deep[MATCH_WORDS];    /* and it is '*' */
    uint64_t is[256][MATCH_WORDS]; /* there stands this byte */
    char pattern[IMAP_PATTERN_MAX];
};

static bool is_wild(char c)
{
    return c == '*' || c == '%';
}

struct imap_match *imap_match_new(void)
{
    struct imap_match *m = xcalloc(1, sizeof(*m));

    m->words = 1;
    return m;
}

void imap_match_free(struct imap_match **match)
{
    free(*match);
    *match = NULL;
}

/* Wildcards that touch each other are one, and it is '*' when one of them is. */
static unsigned match_shorten(char *to, struct span pattern)
{
    unsigned len = 0;

    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.at[i];

        if (is_wild(c) && len > 0 && is_wild(to[len - 1])) {
            if (c == '*')
                to[len - 1] = '*';
        } else {
            to[len++] = c;
        }
    }
    return len;
}

static void match_set(uint64_t *set, unsigned place)
{
    set[place / 64] |= UINT64_C(1) << (place % 64);
}

bool imap_match_add(struct imap_match *m, struct span pattern)
{
    char *to = m->pattern + m->places;
    unsigned len;

    if (pattern.len >= IMAP_PATTERN_MAX - m->places)
        return false;
    len = match_shorten(to, pattern);
    match_set(m->begin, m->places);
    for (unsigned i = 0; i < len; i++) {
        unsigned place = m->places + i;

        match_set(is_wild(to[i]) ? m->any : m->is[(unsigned char)to[i]], place);
        if (to[i] == '*')
            match_set(m->deep, place);
    }
    match_set(m->end, m->places + len);
    m->places += len + 1;
    m->words = (m->places + 63) / 64;
    ensure(m->words <= MATCH_WORDS);
    return true;
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

static bool match_is_at_end(const struct imap_match *m, const uint64_t *places)
{
    uint64_t ends = 0;

    for (unsigned w = 0; w < m->words; w++)
        ends |= places[w] & m->end[w];
    return ends != 0;
}

/* Whether the name matches; in *levels_r which of the levels above it do. */
static bool match_run(const struct imap_match *m, struct span name, uint32_t *levels_r,
                      unsigned *level_r)
{
    uint64_t places[MATCH_WORDS];

    *levels_r = 0;
    *level_r = 0;
    memcpy(places, m->begin, sizeof(places));
    match_pass(m, places);
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '/' && *level_r < MATCH_LEVELS - 1)
            *levels_r |= (uint32_t)match_is_at_end(m, places) << (*level_r)++;
        match_step(m, places, (unsigned char)name.at[i]);
    }
    return match_is_at_end(m, places);
}

static char match_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The patterns with their letters in upper case, for "inbox" and "InB%". */
static bool match_inbox(const struct imap_match *m)
{
    struct imap_match *upper = imap_match_new();
    char text[IMAP_PATTERN_MAX];
    unsigned from = 0, level;
    uint32_t levels;
    bool found = true;

    for (unsigned i = 0; i < m->places && found; i++) {
        text[i] = match_upper(m->pattern[i]);
        if ((m->end[i / 64] >> (i % 64) & 1) == 0)
            continue;
        found = imap_match_add(upper, (struct span){text + from, i - from});
        from = i + 1;
    }
    found = found && match_run(upper, SPAN("INBOX"), &levels, &level);
    imap_match_free(&upper);
    return found;
}

bool imap_match_name(const struct imap_match *m, struct span name)
{
    uint32_t levels;
    unsigned level;

    return match_run(m, name, &levels, &level) ||
           (span_eq_nocase(name, SPAN("INBOX")) && match_inbox(m));
}

uint32_t imap_match_levels(const struct imap_match *m, struct span name)
{
    uint32_t levels;
    unsigned level;
    bool found = match_run(m, name, &levels, &level) ||
                 (span_eq_nocase(name, SPAN("INBOX")) && match_inbox(m));

    return levels | (uint32_t)found << level;
}
