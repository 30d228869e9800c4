/* imap_tls_cmd: STARTTLS (RFC 3501 6.2.1). */
#include "proto/imap/imap_private.h"
#include "proto/text/scan.h"

bool imap_tls_is_possible(const struct imap_session *s)
{
    return s->settings->offers_tls && s->peer.can_tls && s->tls == NULL;
}

void imap_starttls_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
    } else if (s->tls != NULL) {
        imap_bad(s, "TLS is already active.");
    } else if (!imap_tls_is_possible(s)) {
        imap_bad(s, "TLS support isn't enabled.");
    } else {
        imap_ok_text(s, SPAN("Begin TLS negotiation now."));
        s->base.want = SESSION_WANT_TLS;
    }
}

/* Nothing is left of what was said in the clear but the time since the greeting and the count of
 * logins that failed. */
void imap_tls_started(struct session *base, const struct session_tls *tls)
{
    struct imap_session *s = (struct imap_session *)base;

    s->base.want = SESSION_WANT_INPUT;
    s->tls = tls;
}
