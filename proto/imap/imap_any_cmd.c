#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

void imap_capability_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    chain_add(&s->base.out, SPAN("* "));
    imap_capability_write(s, &s->base.out);
    chain_add(&s->base.out, SPAN("\r\n"));
    imap_ok(s);
}

/* NOOP and CHECK: the moment to tell what is new. */
void imap_noop_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args))
        imap_bad(s, NULL);
    else if (s->state == IMAP_SELECTED)
        imap_sync_ask(s);
    else
        imap_ok(s);
}

void imap_logout_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    chain_add(&s->base.out, SPAN("* BYE Logging out\r\n"));
    imap_ok(s);
    imap_close(s, s->state == IMAP_FRESH ? "Aborted login by logging out" : "Logged out");
}

/* RFC 5161. Nothing that we have needs it; clients wait for the answer all the same. */
void imap_enable_cmd(struct imap_session *s, struct span args)
{
    struct span capability;

    do {
        if (!imap_token_space(&args) || !imap_token_atom(&args, &capability)) {
            imap_bad(s, NULL);
            return;
        }
    } while (!scan_end(&args));
    chain_add(&s->base.out, SPAN("* ENABLED\r\n"));
    imap_ok(s);
}

static bool id_text_is_plain(struct span text)
{
    return memchr(text.at, '\r', text.len) == NULL && memchr(text.at, '\n', text.len) == NULL;
}

/* RFC 2971 3.3: the bounds are the RFC's own. */
static bool id_pair(struct span *at)
{
    struct span field, value;

    return imap_token_string(at, &field) && field.len <= IMAP_ID_FIELD_MAX &&
           id_text_is_plain(field) && imap_token_space(at) && imap_token_nstring(at, &value) &&
           value.len <= IMAP_ID_VALUE_MAX && (value.at == NULL || id_text_is_plain(value));
}

static bool id_params(struct span *at)
{
    unsigned pairs = 0;

    if (imap_token_word(at, "NIL"))
        return true;
    if (!scan_byte(at, '('))
        return false;
    if (scan_byte(at, ')'))
        return true;
    do {
        if (++pairs > IMAP_ID_PAIRS_MAX || !id_pair(at))
            return false;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

void imap_id_cmd(struct imap_session *s, struct span args)
{
    if (!imap_token_space(&args) || !id_params(&args) || !scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    chain_add(&s->base.out, SPAN("* ID (\"name\" \"Ringpost\")\r\n"));
    imap_ok(s);
}
