/* smtp_tls_cmd: STARTTLS (RFC 3207) and what it does to a session. */
#include <stddef.h>

#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"

bool smtp_tls_is_possible(const struct smtp_session *s)
{
    return s->settings->smtpd_tls_security_level != SMTP_TLS_NONE && !s->host->is_lmtp &&
           s->peer.can_tls && s->tls == NULL;
}

/* Why there is no TLS for this client now. */
static enum smtp_answer smtp_tls_refusal(const struct smtp_session *s)
{
    if (s->tls != NULL)
        return SMTP_TLS_TWICE;
    if (s->login != NULL)
        return SMTP_AUTH_TWICE;
    if (smtp_offers(s) & SMTP_EXT_STARTTLS)
        return SMTP_ANSWER_NONE;
    if (s->settings->smtpd_tls_security_level == SMTP_TLS_NONE || s->host->is_lmtp ||
        smtp_tls_is_possible(s))
        return SMTP_UNIMPLEMENTED;
    return SMTP_NO_TLS;
}

void smtp_starttls_cmd(struct smtp_session *s, struct span args)
{
    enum smtp_answer refusal = smtp_tls_refusal(s);

    if (!scan_end(&args)) {
        smtp_say(s, SMTP_SYNTAX_STARTTLS);
    } else if (refusal != SMTP_ANSWER_NONE) {
        smtp_say(s, refusal);
    } else {
        smtp_say(s, SMTP_GO_TLS);
        s->base.want = SESSION_WANT_TLS;
    }
}

/* Before the greeting, or in the middle: then nothing that was said in the clear counts any more
 * (RFC 3207 4.2). */
void smtp_tls_started(struct session *base, const struct session_tls *tls)
{
    struct smtp_session *s = CONTAINER_OF(base, struct smtp_session, base);

    s->base.want = SESSION_WANT_INPUT;
    s->tls = tls;
    smtp_mail_drop(s);
    smtp_login_drop(s);
    s->helo[0] = '\0';
    s->is_esmtp = false;
    smtp_state_set(s, SMTP_NEW);
    smtp_connected(s);
    if (s->settings->smtpd_tls_log)
        smtp_note(s, SMTP_NOTE_TLS, (struct span){NULL, 0});
}
