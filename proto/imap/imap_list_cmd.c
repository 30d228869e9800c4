#include "proto/imap/imap_match.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"
#include "proto/text/utf7.h"

/* LIST as it was (RFC 3501 6.3.8), as RFC 5258 and 6154 extend it, and LSUB. */

/* What stands in parentheses in front, and behind RETURN. What is always told counts as well. */
static const struct list_word {
    const char *word;
    unsigned options;
} list_selections[] =
    {
        {"SUBSCRIBED",     IMAP_LIST_SUBSCRIBED | IMAP_LIST_SHOW_SUBSCRIBED},
        {"SPECIAL-USE",    IMAP_LIST_SPECIAL_USE                           },
        {"RECURSIVEMATCH", IMAP_LIST_RECURSIVE                             },
        {"REMOTE",         0                                               },
},
  list_returns[] = {
      {"SUBSCRIBED", IMAP_LIST_SHOW_SUBSCRIBED},
      {"CHILDREN", 0},
      {"SPECIAL-USE", 0},
};

/* "(WORD WORD ...)" or "()". */
static bool list_words(struct span *at, const struct list_word *words, size_t count,
                       unsigned *options)
{
    if (!scan_byte(at, '('))
        return false;
    if (scan_byte(at, ')'))
        return true;
    do {
        size_t i = 0;

        while (i < count && !imap_token_word(at, words[i].word))
            i++;
        if (i == count)
            return false;
        *options |= words[i].options;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

/* RECURSIVEMATCH alone would ask for the parents of everything (RFC 5258 3.1: BAD). */
static bool list_select(struct span *at, unsigned *options, bool *is_extended)
{
    *is_extended = at->len > 0 && at->at[0] == '(';
    if (!*is_extended)
        return true;
    return list_words(at, list_selections, COUNT_OF(list_selections), options) &&
           ((*options & IMAP_LIST_RECURSIVE) == 0 ||
            (*options & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE)) != 0) &&
           imap_token_space(at);
}

static bool list_return(struct span *at, unsigned *options, bool *is_extended)
{
    if (scan_end(at))
        return true;
    *is_extended = true;
    return imap_token_space(at) && imap_token_word(at, "RETURN") && imap_token_space(at) &&
           list_words(at, list_returns, COUNT_OF(list_returns), options) && scan_end(at);
}

/* What the client wrote is modified UTF-7, in which the wildcards are themselves. */
static bool list_add(struct imap_match *match, struct span reference, struct span pattern)
{
    struct buffer joined = {0};
    bool good = utf7_decode(reference, &joined) && utf7_decode(pattern, &joined) &&
                imap_match_add(match, buffer_since(&joined, 0));

    buffer_free(&joined);
    return good;
}

/* One pattern, or some in parentheses. *good_r false: one of them is none, or they are too long
 * together. An empty one of an extended LIST matches nothing. */
static bool list_patterns(struct span *at, struct span reference, struct imap_match *match,
                          bool *is_single_empty_r, bool *good_r)
{
    bool is_list = scan_byte(at, '(');
    struct span pattern;

    *good_r = true;
    *is_single_empty_r = false;
    do {
        if (!imap_token_list_mailbox(at, &pattern))
            return false;
        *is_single_empty_r = !is_list && pattern.len == 0;
        if (pattern.len > 0)
            *good_r = *good_r && list_add(match, reference, pattern);
    } while (is_list && scan_byte(at, ' '));
    return !is_list || scan_byte(at, ')');
}

static void list_ask(struct imap_session *s, struct imap_match **match, unsigned options)
{
    struct imap_list_request *r = imap_request_new(REQUEST_IMAP_LIST, sizeof(*r));

    r->match = *match;
    *match = NULL;
    r->options = options;
    imap_ask(s, &r->imap);
}

void imap_list_cmd(struct imap_session *s, struct span args)
{
    struct imap_match *match = imap_match_new();
    unsigned options = 0;
    bool is_extended, is_empty, has_list, good;
    struct span reference;

    if (!imap_token_space(&args) || !list_select(&args, &options, &is_extended) ||
        !imap_token_astring(&args, &reference) || !imap_token_space(&args)) {
        imap_bad(s, NULL);
        goto out;
    }
    has_list = args.len > 0 && args.at[0] == '(';
    if (!list_patterns(&args, reference, match, &is_empty, &good) ||
        !list_return(&args, &options, &is_extended)) {
        imap_bad(s, NULL);
    } else if (!good) {
        imap_no(s, SPAN("[CANNOT] Invalid mailbox name."));
    } else if (is_empty && !is_extended && !has_list) { /* RFC 3501: asks for the delimiter */
        chain_add(&s->base.out, SPAN("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        imap_ok(s);
    } else {
        list_ask(s, &match, options);
    }
out:
    imap_match_free(&match);
}

void imap_lsub_cmd(struct imap_session *s, struct span args)
{
    struct imap_match *match = imap_match_new();
    struct span reference, pattern;

    if (!imap_token_space(&args) || !imap_token_astring(&args, &reference) ||
        !imap_token_space(&args) || !imap_token_list_mailbox(&args, &pattern) || !scan_end(&args))
        imap_bad(s, NULL);
    else if (!list_add(match, reference, pattern))
        imap_no(s, SPAN("[CANNOT] Invalid mailbox name."));
    else
        list_ask(s, &match, IMAP_LIST_LSUB);
    imap_match_free(&match);
}

void imap_namespace_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    chain_add(&s->base.out, SPAN("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
    imap_ok(s);
}
