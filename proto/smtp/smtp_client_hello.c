/* smtp_client_hello: the greeting, who we are, what the host offers, and TLS (RFC 5321 4.1.1.1, RFC
 * 3207). What was heard before TLS is forgotten with it. */
#include "core/base/attr.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_client_private.h"
#include "proto/text/scan.h"

/* "AUTH PLAIN LOGIN", also as "AUTH=PLAIN LOGIN" of servers before RFC 2554. */
static void keyword_auth(struct smtp_client_session *s, struct span words)
{
    struct span word;

    for (;;) {
        scan_blanks(&words);
        if (!scan_word(&words, &word))
            return;
        if (span_eq_nocase(word, SPAN("PLAIN")))
            s->mechanisms |= SMTP_CLIENT_PLAIN;
        else if (span_eq_nocase(word, SPAN("LOGIN")))
            s->mechanisms |= SMTP_CLIENT_LOGIN;
    }
}

void smtp_client_keyword(struct smtp_client_session *s, struct span words, bool is_first)
{
    struct span word, rest = words;
    unsigned extension;

    scan_blanks(&rest);
    if (!scan_word(&rest, &word)) /* smtp-sink's last line has no keyword */
        return;
    if (is_first) {
        s->is_ourselves = span_eq_nocase(word, span_str(s->settings->myhostname));
        return;
    }
    if (word.len > 5 && span_eq_nocase(span_first(word, 5), SPAN("AUTH=")))
        rest = span_after(words, (size_t)(word.at - words.at) + 5);
    extension = rest.at < word.at + word.len ? SMTP_EXT_AUTH : smtp_settings_extension(word);
    extension &= ~s->settings->discard_ehlo_keywords;
    s->offers |= extension;
    if (extension == SMTP_EXT_AUTH)
        keyword_auth(s, rest);
    scan_blanks(&rest);
    if (extension == SMTP_EXT_SIZE && !number_parse(rest, INT64_MAX, &s->size_max))
        s->size_max = 0;
    if (extension == SMTP_EXT_DELIVERBY && !number_parse(rest, 999999999, &s->by_min_s))
        s->by_min_s = 0;
}

static void hello_say(struct smtp_client_session *s, const char *verb)
{
    chain_add(&s->base.out, span_str(verb));
    chain_add(&s->base.out, span_str(s->settings->helo_name));
    chain_add(&s->base.out, SPAN("\r\n"));
}

void smtp_client_hello(struct smtp_client_session *s)
{
    s->offers = s->mechanisms = 0;
    s->size_max = s->by_min_s = 0;
    if (s->settings->never_send_ehlo && !s->target->is_lmtp) {
        s->state = SMTP_CLIENT_HELO;
        hello_say(s, "HELO ");
        return;
    }
    s->state = SMTP_CLIENT_EHLO;
    hello_say(s, s->target->is_lmtp ? "LHLO " : "EHLO ");
}

static void refuse_said(struct smtp_client_session *s, const char *command)
{
    struct smtp_client_result why = smtp_client_said(s, SMTP_CLIENT_OF_HOST, command);

    smtp_client_refuse(s, &why);
}

static void refuse_judged(struct smtp_client_session *s, const char *status, const char *reason)
{
    struct smtp_client_result why =
        smtp_client_judged(s, SMTP_CLIENT_OF_HOST, status, reason, SPAN(""));

    smtp_client_refuse(s, &why);
}

void smtp_client_greeted(struct smtp_client_session *s)
{
    if (s->reply.code / 100 != 2)
        refuse_said(s, NULL);
    else
        smtp_client_hello(s);
}

/* Who we are is known: is the way safe enough now? */
static void hello_done(struct smtp_client_session *s)
{
    enum smtp_client_tls level = s->target->tls;
    bool offered = s->offers & SMTP_EXT_STARTTLS;

    if (s->is_ourselves) {
        refuse_judged(s, "5.4.6", "mail for %s loops back to myself");
    } else if (s->is_tls || level == SMTP_CLIENT_TLS_NONE) {
        smtp_client_auth(s);
    } else if (offered && s->peer.can_tls && !s->tls_refused) {
        s->state = SMTP_CLIENT_STARTTLS;
        smtp_client_command(s, "STARTTLS");
    } else if (level == SMTP_CLIENT_TLS_MAY) {
        smtp_client_auth(s);
    } else if (!offered) {
        refuse_judged(s, "4.7.4", "TLS is required, but was not offered by host %s");
    } else {
        refuse_judged(s, "4.7.5", "TLS is required, but our TLS engine is unavailable");
    }
}

void smtp_client_ehlo_answered(struct smtp_client_session *s)
{
    if (s->reply.code / 100 == 2) {
        hello_done(s);
    } else if (s->reply.code / 100 == 5 && !s->target->is_lmtp) {
        s->offers = s->mechanisms = 0;
        s->state = SMTP_CLIENT_HELO;
        hello_say(s, "HELO ");
    } else {
        refuse_said(s, s->target->is_lmtp ? "LHLO command" : "EHLO command");
    }
}

void smtp_client_helo_answered(struct smtp_client_session *s)
{
    s->offers = s->mechanisms = 0;
    if (s->reply.code / 100 == 2)
        hello_done(s);
    else
        refuse_said(s, "HELO command");
}

void smtp_client_starttls_answered(struct smtp_client_session *s)
{
    struct smtp_client_result why;

    if (s->reply.code / 100 == 2) {
        s->state = SMTP_CLIENT_SHAKING;
        s->base.want = SESSION_WANT_TLS;
        return;
    }
    s->tls_refused = true;
    if (s->target->tls == SMTP_CLIENT_TLS_MAY) {
        smtp_client_auth(s);
        return;
    }
    why = smtp_client_said(s, SMTP_CLIENT_OF_HOST, "STARTTLS command");
    why.outcome = SMTP_CLIENT_DEFERRED;
    memcpy(why.status, "4.7.4", sizeof("4.7.4"));
    smtp_client_refuse(s, &why);
}
