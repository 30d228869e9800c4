/* smtp_client_auth: logging in to a smarthost (RFC 4954, RFC 4616). Failing is the host's failure,
 * and never for good: somebody may be changing the password just now. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/sasl/sasl.h"
#include "proto/smtp/smtp_client_private.h"
#include "proto/text/base64.h"

/* Appends the bytes in base64 and a line end. What holds a password is overwritten but for `out`
 * itself. */
static void auth_say(struct smtp_client_session *s, struct span bytes)
{
    char *text = chain_reserve(&s->base.out, base64_encoded_len(bytes.len) + 2);
    size_t len = base64_encode(bytes, text);

    memcpy(text + len, "\r\n", 2);
    chain_added(&s->base.out, len + 2);
}

static void auth_plain(struct smtp_client_session *s)
{
    struct chain secret = {0};

    chain_add_byte(&secret, '\0');
    chain_add(&secret, span_str(s->target->user));
    chain_add_byte(&secret, '\0');
    chain_add(&secret, span_str(s->target->password));
    chain_add(&s->base.out, SPAN("AUTH PLAIN "));
    auth_say(s, chain_flat(&secret));
    sasl_wipe(&secret);
}

static void auth_failed(struct smtp_client_session *s, struct smtp_client_result *why)
{
    why->outcome = SMTP_CLIENT_DEFERRED;
    why->status[0] = '4';
    smtp_client_refuse(s, why);
}

void smtp_client_auth(struct smtp_client_session *s)
{
    struct smtp_client_result why;

    if (s->target->user == NULL || !(s->offers & SMTP_EXT_AUTH)) {
        smtp_client_ready(s);
        return;
    }
    s->auth_step = 0;
    s->state = SMTP_CLIENT_AUTH;
    if (s->mechanisms == 0 || (!s->is_tls && !s->target->may_login_clear)) {
        why = smtp_client_judged(s, SMTP_CLIENT_OF_HOST, "4.7.0",
                                 "SASL authentication failed; server %s offered no compatible "
                                 "authentication mechanisms for this type of connection security",
                                 SPAN(""));
        auth_failed(s, &why);
    } else if (s->mechanisms & SMTP_CLIENT_PLAIN) {
        auth_plain(s);
    } else {
        smtp_client_command(s, "AUTH LOGIN");
    }
}

/* LOGIN asks for the name, then for the password. */
static void auth_continue(struct smtp_client_session *s)
{
    if (!(s->mechanisms & SMTP_CLIENT_PLAIN) && s->auth_step < 2) {
        auth_say(s, span_str(s->auth_step++ == 0 ? s->target->user : s->target->password));
        return;
    }
    smtp_client_command(s, "*");
    s->auth_step = 3;
}

void smtp_client_auth_answered(struct smtp_client_session *s)
{
    struct smtp_client_result why;

    if (s->reply.code / 100 == 2 && s->auth_step < 3) {
        s->is_logged_in = true;
        smtp_client_ready(s);
    } else if (s->reply.code == 334 && s->auth_step < 3) {
        auth_continue(s);
    } else {
        why = smtp_client_judged(
            s, SMTP_CLIENT_OF_HOST, s->reply.status[0] == '\0' ? "4.7.8" : s->reply.status,
            "SASL authentication failed; server %s said: ", smtp_reply_text(&s->reply));
        why.code = s->reply.code;
        auth_failed(s, &why);
    }
}
