#include "proto/pop3/pop3_private.h"
#include "proto/text/scan.h"

/* ---- CAPA ---- */

/* Only what works entirely may stand here: clients build on it. The same before and after login,
 * as RFC 2449 6 wants it. */
static void capa_write(struct pop3_session *s)
{
    struct chain *out = &s->base.out, mechanisms = {0};

    chain_add(out, SPAN("CAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n"
                        "EXPIRE NEVER\r\n"));
    if (s->settings->login_delay_s > 0)
        chain_addf(out, "LOGIN-DELAY %u\r\n", s->settings->login_delay_s);
    if (s->settings->offers_tls && s->peer.can_tls && s->tls == NULL)
        chain_add(out, SPAN("STLS\r\n"));
    if (pop3_auth_allows_clear(s))
        chain_add(out, SPAN("USER\r\n"));
    if (pop3_auth_write(s, SPAN(" "), &mechanisms) > 0) {
        chain_add(out, SPAN("SASL"));
        chain_move(out, &mechanisms);
        chain_add(out, SPAN("\r\n"));
    }
    chain_add(out, SPAN("UTF8 USER\r\nLANG\r\nIMPLEMENTATION Ringpost\r\n"));
}

void pop3_capa_cmd(struct pop3_session *s, struct span args)
{
    (void)args;
    pop3_ok(s, SPAN(""));
    capa_write(s);
    pop3_add(s, SPAN(".\r\n"));
}

/* ---- UTF8 (RFC 6856 2) ----
 *
 * Messages with 8-bit headers leave as they lie for a client that said UTF8, and as surrogates for
 * all others. The sizes of LIST and RETR are those of what lies (RFC 6858 4): to tell the others
 * every header would have to be read. Should STLS follow, it is forgotten with all that was said in
 * the clear; to refuse TLS, as RFC 6856 2.1 would allow, serves nobody. */

void pop3_utf8_cmd(struct pop3_session *s, struct span args)
{
    if (!scan_end(&args)) {
        pop3_bad(s, SPAN("UTF8 has no arguments."));
    } else {
        s->is_utf8 = true;
        pop3_ok(s, SPAN("UTF8 enabled."));
    }
}

/* ---- LANG (RFC 6856 3) ---- */

/* Is this language range one that our answers are in? English, and the default that RFC 2277 4.5
 * wants to be English as well. */
static bool lang_is_known(struct span range)
{
    return span_eq(range, SPAN("*")) || span_eq_nocase(range, SPAN("i-default")) ||
           span_eq_nocase(range, SPAN("en")) || span_eq_nocase(span_first(range, 3), SPAN("en-"));
}

void pop3_lang_cmd(struct pop3_session *s, struct span args)
{
    if (scan_end(&args)) {
        pop3_ok(s, SPAN("Language listing follows:"));
        pop3_add(s, SPAN("en English\r\ni-default Default language\r\n.\r\n"));
    } else if (!lang_is_known(args)) {
        pop3_bad(s, SPAN("There are no answers in this language."));
    } else if (span_eq_nocase(args, SPAN("i-default"))) {
        pop3_ok(s, SPAN("i-default Answers are in English."));
    } else {
        pop3_ok(s, SPAN("en Answers are in English."));
    }
}

/* ---- the rest ---- */

void pop3_stls_cmd(struct pop3_session *s, struct span args)
{
    if (!scan_end(&args)) {
        pop3_bad(s, SPAN("STLS has no arguments."));
    } else if (s->tls != NULL) {
        pop3_bad(s, SPAN("TLS is already active."));
    } else if (!s->settings->offers_tls || !s->peer.can_tls) {
        pop3_bad(s, SPAN("TLS support isn't enabled."));
    } else {
        pop3_ok(s, SPAN("Begin TLS negotiation now."));
        s->base.want = SESSION_WANT_TLS;
    }
}

void pop3_noop_cmd(struct pop3_session *s, struct span args)
{
    (void)args;
    pop3_ok(s, SPAN(""));
}

static void quit_finish(struct pop3_session *s, struct span text)
{
    /* The next session of this user may begin as soon as the client has read this. */
    pop3_ok(s, text);
    pop3_close(s, "Logged out");
}

void pop3_quit_cmd(struct pop3_session *s, struct span args)
{
    (void)args;
    if (s->state == POP3_AUTHORIZATION) {
        quit_finish(s, SPAN("Logging out"));
    } else if (s->drop.deleted.count == 0 && s->drop.seen.count == 0) {
        quit_finish(s, SPAN("Logging out."));
    } else {
        struct pop3_quit_request *r = pop3_request_new(REQUEST_POP3_QUIT, sizeof(*r));

        pop3_ask(s, &r->pop3);
    }
}

void pop3_quit_answered(struct pop3_session *s, struct request *r)
{
    if (r->status != REQUEST_OK) {
        bool is_lost = r->status == REQUEST_DELETED;

        pop3_err(s, is_lost ? SPAN("[SYS/PERM] INBOX has been renamed, no message was removed.")
                            : SPAN("[SYS/TEMP] Some deleted messages not removed."));
        pop3_close(s, is_lost ? "Mailbox was renamed" : "Storage error during logout");
        return;
    }
    pop3_marks_clear(&s->drop.seen);
    s->removed = s->drop.deleted.count;
    quit_finish(s, s->removed > 0 ? SPAN("Logging out, messages deleted.") : SPAN("Logging out."));
}
