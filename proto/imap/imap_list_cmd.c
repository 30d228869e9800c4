#include "proto/imap/imap_match.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"
#include "proto/text/utf7.h"

/* "(SPECIAL-USE)": a client that never looked whether we have LIST-EXTENDED is told the truth, that
 * there are no such mailboxes, and lives on (RFC 6154 3). */
static bool list_selection(struct span *at, bool *none_matches_r)
{
    *none_matches_r = false;
    if (!scan_byte(at, '('))
        return true;
    if (imap_token_word(at, "SPECIAL-USE"))
        *none_matches_r = true;
    return scan_byte(at, ')') && imap_token_space(at);
}

/* What the client wrote is modified UTF-7, in which the wildcards are themselves. */
static struct imap_match *list_match(struct span reference, struct span pattern)
{
    struct buffer joined = {0};
    struct imap_match *match = NULL;

    if (utf7_decode(reference, &joined) && utf7_decode(pattern, &joined))
        match = imap_match_new(buffer_since(&joined, 0));
    buffer_free(&joined);
    return match;
}

void imap_list_cmd(struct imap_session *s, struct span args)
{
    struct imap_list_request *r;
    struct imap_match *match;
    struct span reference, pattern;
    bool none_matches;

    if (!imap_token_space(&args) || !list_selection(&args, &none_matches) ||
        !imap_token_astring(&args, &reference) || !imap_token_space(&args) ||
        !imap_token_list_mailbox(&args, &pattern) || !scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    if (pattern.len == 0) { /* RFC 3501 6.3.8: asks for the delimiter */
        chain_add(&s->base.out, SPAN("* LIST (\\Noselect) \"/\" \"\"\r\n"));
        imap_ok(s);
        return;
    }
    match = list_match(reference, pattern);
    if (match == NULL) {
        imap_no(s, SPAN("[CANNOT] Invalid mailbox name."));
        return;
    }
    r = imap_request_new(REQUEST_IMAP_LIST, sizeof(*r));
    r->match = match;
    r->none_matches = none_matches;
    imap_ask(s, &r->imap);
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
