/* smtp_limit: what a client may do now, which is less while the gateway is short of something, and
 * what its session costs. */
#include <stddef.h>

#include "core/base/alloc_size.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_private.h"

/* Who is one of ours, or in the middle of a mail, keeps the ordinary limits. */
static bool smtp_limit_is_pressed(const struct smtp_session *s)
{
    return s->base.stress >= SESSION_PRESSED && !s->client.is_ours && !s->base.is_engaged;
}

static uint32_t less_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

unsigned smtp_limit_errors(const struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;

    return smtp_limit_is_pressed(s)
               ? less_of(set->smtpd_hard_error_limit, set->smtpd_stress_hard_error_limit)
               : set->smtpd_hard_error_limit;
}

unsigned smtp_limit_junk(const struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;

    return smtp_limit_is_pressed(s)
               ? less_of(set->smtpd_junk_command_limit, set->smtpd_stress_junk_command_limit)
               : set->smtpd_junk_command_limit;
}

void smtp_limit_set(struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;

    s->base.is_engaged = s->mail != NULL || s->login != NULL || s->base.want == SESSION_WANT_REPLY;
    s->base.idle_ms = smtp_limit_is_pressed(s)
                          ? less_of(set->smtpd_timeout_ms, set->smtpd_stress_timeout_ms)
                          : set->smtpd_timeout_ms;
}

bool smtp_limit_rate(struct smtp_session *s, enum smtp_rate what)
{
    static const enum smtp_answer answers[] = {
        [SMTP_RATE_MAIL] = SMTP_MAIL_RATE,
        [SMTP_RATE_RCPT] = SMTP_RCPT_RATE,
        [SMTP_RATE_AUTH] = SMTP_AUTH_RATE,
    };
    char text[NUMBER_TEXT_MAX];
    unsigned count = s->host->rate == NULL ? 0 : s->host->rate(s->host, s->client_address, what);

    if (count == 0)
        return true;
    smtp_note(s, SMTP_NOTE_RATE, (struct span){text, number_write(text, count)});
    smtp_say_of(s, answers[what], span_str(s->client_address));
    return false;
}

/* The mail is counted while it is here; what is away is the request's (request.held). */
size_t smtp_limit_held(const struct session *base)
{
    const struct smtp_session *s = CONTAINER_OF(base, const struct smtp_session, base);
    size_t held = alloc_size(sizeof(*s)) + s->body.held.held;

    if (s->mail != NULL)
        held += smtp_store_request_held(s->mail);
    else if (base->request != NULL && base->request->kind != REQUEST_AUTH)
        held += smtp_store_request_held(
            CONTAINER_OF(base->request, const struct smtp_store_request, base));
    if (s->login != NULL)
        held += alloc_size(sizeof(*s->login));
    if (s->auth != NULL)
        held += auth_request_held(s->auth);
    return held;
}
