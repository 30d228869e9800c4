/* lookup_regex: one compiled pattern, POSIX's (regexp_table(5)) or Perl's (pcre_table(5)). */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/lookup.h"
#include "core/service/lookup_private.h"

enum {
    WORDS_SIZE = 200,
};

struct lookup_regex {
    pcre2_code *perl; /* NULL: posix holds it */
    pcre2_match_context *limits;
    regex_t posix;
};

/* Each letter turns its flag over; case is ignored until "i" says that it counts. */
static bool posix_flags(struct span letters, int *flags_r)
{
    *flags_r = REG_EXTENDED | REG_ICASE;
    for (size_t i = 0; i < letters.len; i++) {
        if (letters.at[i] == 'i')
            *flags_r ^= REG_ICASE;
        else if (letters.at[i] == 'm')
            *flags_r ^= REG_NEWLINE;
        else if (letters.at[i] == 'x')
            *flags_r ^= REG_EXTENDED;
        else
            return false;
    }
    return true;
}

static bool perl_flags(struct span letters, uint32_t *flags_r)
{
    static const struct {
        char letter;
        uint32_t flag;
    } rows[] = {
        {'i', PCRE2_CASELESS      },
        {'m', PCRE2_MULTILINE     },
        {'s', PCRE2_DOTALL        },
        {'x', PCRE2_EXTENDED      },
        {'A', PCRE2_ANCHORED      },
        {'E', PCRE2_DOLLAR_ENDONLY},
        {'U', PCRE2_UNGREEDY      },
        {'X', 0                   },
    };

    *flags_r = PCRE2_CASELESS | PCRE2_DOTALL;
    for (size_t i = 0; i < letters.len; i++) {
        size_t row = 0;
        while (row < COUNT_OF(rows) && rows[row].letter != letters.at[i])
            row++;
        if (row == COUNT_OF(rows))
            return false;
        *flags_r ^= rows[row].flag;
    }
    return true;
}

static bool perl_open(struct lookup_regex *r, struct span pattern, struct span letters, char *words)
{
    uint32_t flags;
    int error = 0;
    PCRE2_SIZE place = 0;

    if (!perl_flags(letters, &flags)) {
        (void)snprintf(words, WORDS_SIZE, "an unknown flag");
        return false;
    }
    r->perl = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, flags, &error, &place, NULL);
    if (r->perl == NULL) {
        PCRE2_UCHAR text[WORDS_SIZE / 2];
        pcre2_get_error_message(error, text, sizeof(text));
        (void)snprintf(words, WORDS_SIZE, "%s at offset %zu", (const char *)text, place);
        return false;
    }
    r->limits = pcre2_match_context_create(NULL);
    if (r->limits == NULL)
        abort(); /* as xmalloc() does */
    pcre2_set_match_limit(r->limits, LOOKUP_MATCH_STEPS);
    pcre2_set_depth_limit(r->limits, LOOKUP_MATCH_STEPS);
    return true;
}

static bool posix_open(struct lookup_regex *r, struct span pattern, struct span letters,
                       char *words)
{
    char *text = xcalloc(1, pattern.len + 1);
    int flags, error;

    if (!posix_flags(letters, &flags)) {
        (void)snprintf(words, WORDS_SIZE, "an unknown flag");
        free(text);
        return false;
    }
    memcpy(text, pattern.at, pattern.len);
    error = regcomp(&r->posix, text, flags);
    if (error != 0)
        (void)regerror(error, &r->posix, words, WORDS_SIZE);
    free(text);
    return error == 0;
}

struct lookup_regex *lookup_regex_open(bool is_pcre, struct lookup_loading *l, struct span pattern,
                                       struct span flags)
{
    struct lookup_regex *r = xcalloc(1, sizeof(*r));
    char words[WORDS_SIZE];

    if (is_pcre ? perl_open(r, pattern, flags, words) : posix_open(r, pattern, flags, words))
        return r;
    lookup_found(l, "the pattern cannot be read: %s", words);
    free(r);
    return NULL;
}

void lookup_regex_close(struct lookup_regex **regex)
{
    struct lookup_regex *r = *regex;

    *regex = NULL;
    if (r == NULL)
        return;
    if (r->perl == NULL)
        regfree(&r->posix);
    pcre2_code_free(r->perl);
    pcre2_match_context_free(r->limits);
    free(r);
}

unsigned lookup_regex_groups(const struct lookup_regex *r)
{
    uint32_t count = 0;

    if (r->perl == NULL)
        return (unsigned)r->posix.re_nsub;
    (void)pcre2_pattern_info(r->perl, PCRE2_INFO_CAPTURECOUNT, &count);
    return count;
}

static bool perl_match(const struct lookup_regex *r, struct span key, struct span *groups_r)
{
    pcre2_match_data *found = pcre2_match_data_create(LOOKUP_GROUPS_MAX, NULL);
    int count;

    if (found == NULL)
        abort(); /* as xmalloc() does */
    count = pcre2_match(r->perl, (PCRE2_SPTR)key.at, key.len, 0, 0, found, r->limits);
    /* 0: more groups than places; PCRE2_ERROR_MATCHLIMIT and others: no match. */
    for (int i = 0; i < (count == 0 ? LOOKUP_GROUPS_MAX : count); i++) {
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(found) + 2 * (size_t)i;
        if (ends[0] != PCRE2_UNSET && ends[0] <= ends[1])
            groups_r[i] = (struct span){key.at + ends[0], ends[1] - ends[0]};
    }
    pcre2_match_data_free(found);
    return count >= 0;
}

static bool posix_match(const struct lookup_regex *r, struct span key, struct span *groups_r)
{
    regmatch_t found[LOOKUP_GROUPS_MAX];
    char text[LOOKUP_KEY_MAX + 1];

    memcpy(text, key.at, key.len);
    text[key.len] = '\0';
    if (regexec(&r->posix, text, LOOKUP_GROUPS_MAX, found, 0) != 0)
        return false;
    for (unsigned i = 0; i < LOOKUP_GROUPS_MAX; i++) {
        if (found[i].rm_so >= 0)
            groups_r[i] =
                (struct span){key.at + found[i].rm_so, (size_t)(found[i].rm_eo - found[i].rm_so)};
    }
    return true;
}

bool lookup_regex_match(const struct lookup_regex *r, struct span key, struct span *groups_r)
{
    if (key.len == 0)
        key.at = "";
    for (unsigned i = 0; i < LOOKUP_GROUPS_MAX; i++)
        groups_r[i] = (struct span){key.at, 0};
    if (key.len > LOOKUP_KEY_MAX || memchr(key.at, '\0', key.len) != NULL)
        return false;
    return r->perl != NULL ? perl_match(r, key, groups_r) : posix_match(r, key, groups_r);
}
