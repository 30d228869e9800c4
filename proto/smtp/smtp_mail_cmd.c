/* smtp_mail_cmd: MAIL, RCPT, RSET: the envelope (RFC 5321 4.1.1.2, 4.1.1.3, 4.1.1.5). */
#include <stddef.h>

#include "core/base/alloc.h"
#include "proto/smtp/smtp_param.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/address.h"
#include "proto/text/scan.h"

/* "FROM:<a@b>" and what stands behind it; blanks before the path where the settings allow. */
static bool smtp_path(struct smtp_session *s, struct span *args, struct span tag,
                      struct span *inside_r, enum smtp_answer syntax, enum smtp_answer bad)
{
    bool strict = s->settings->strict_rfc821_envelopes;

    if (!scan_nocase(args, tag)) {
        smtp_say(s, syntax);
        return false;
    }
    if (!strict)
        scan_blanks(args);
    if (scan_end(args)) {
        smtp_say(s, syntax);
        return false;
    }
    if (!address_path(args, strict, inside_r)) {
        smtp_say(s, bad);
        return false;
    }
    return true;
}

static bool smtp_address(struct smtp_session *s, struct span inside, unsigned flags, bool utf8,
                         enum smtp_answer bad, struct address *address_r)
{
    enum address_status status =
        address_parse(inside, flags | (utf8 ? ADDRESS_MAY_BE_UTF8 : 0u), address_r);

    if (status == ADDRESS_BAD)
        smtp_say(s, bad);
    else if (status == ADDRESS_NEEDS_UTF8)
        smtp_say(s, SMTP_NEED_SMTPUTF8);
    return status == ADDRESS_OK;
}

static bool smtp_params(struct smtp_session *s, struct span args, enum smtp_param_of command,
                        struct smtp_params *params)
{
    struct span word;
    enum smtp_answer answer = smtp_params_parse(args, command, smtp_offers(s), params, &word);

    if (answer != SMTP_ANSWER_NONE)
        smtp_say_of(s, answer, word);
    return answer == SMTP_ANSWER_NONE;
}

/* RFC 3848, RFC 6531 3.7.3: S for TLS, A for AUTH. Without EHLO there is neither. */
static const char *smtp_protocol(const struct smtp_session *s, bool utf8)
{
    static const char *const names[3][4] = {
        {"ESMTP",    "ESMTPS",    "ESMTPA",    "ESMTPSA"   },
        {"UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"},
        {"LMTP",     "LMTPS",     "LMTPA",     "LMTPSA"    },
    };
    unsigned kind = (s->tls != NULL ? 1u : 0u) + (s->login != NULL ? 2u : 0u);

    if (s->host->is_lmtp)
        return utf8 ? "UTF8LMTP" : names[2][kind];
    if (utf8)
        return names[1][kind];
    return s->is_esmtp ? names[0][kind] : "SMTP";
}

/* Wall clock from what was said in seconds; a mail is not held for longer than the settings say. */
static void smtp_mail_times(struct smtp_store_request *mail, const struct smtp_params *params)
{
    const int64_t second = 1000000;

    if (params->has_by)
        mail->by_us = mail->mail_us + params->by_s * second;
    mail->by_returns = params->by_returns;
    mail->by_traces = params->by_traces;
    if (params->hold_until_s != 0)
        mail->hold_until_us = params->hold_until_s * second;
    else if (params->hold_for_s != 0)
        mail->hold_until_us = mail->mail_us + params->hold_for_s * second;
}

/* Are the times that were said such as we offer? (RFC 2852 4, RFC 4865 4) */
static bool smtp_mail_in_time(struct smtp_session *s, const struct smtp_params *params)
{
    int64_t hold_s = params->hold_until_s != 0 ? params->hold_until_s - s->base.now_us / 1000000
                                               : params->hold_for_s;

    if (params->by_returns && params->by_s < (int64_t)s->settings->deliverby_min_s)
        smtp_say(s, SMTP_BAD_BY);
    else if (hold_s > (int64_t)s->settings->futurerelease_max_s)
        smtp_say(s, SMTP_BAD_HOLD);
    else
        return true;
    return false;
}

static struct smtp_store_request *smtp_mail_new(struct smtp_session *s,
                                                const struct smtp_params *params,
                                                const struct address *sender)
{
    struct smtp_store_request *mail = smtp_store_request_new();

    mail->base.session = &s->base;
    mail->base.connection = s->peer.connection;
    memcpy(mail->client_name, s->client.name, sizeof(mail->client_name));
    memcpy(mail->client_address, s->client_address, sizeof(mail->client_address));
    memcpy(mail->helo, s->helo, sizeof(mail->helo));
    mail->client_is_ours = s->client.is_ours;
    mail->tls = s->settings->smtpd_tls_received_header ? s->tls : NULL;
    mail->login = s->login;
    mail->shows_login = s->settings->smtpd_sasl_authenticated_header;
    if (s->login != NULL && params->sasl_sender_len > 0) {
        mail->sasl_sender = xcalloc(1, params->sasl_sender_len + 1);
        memcpy(mail->sasl_sender, params->sasl_sender, params->sasl_sender_len);
    }
    mail->is_lmtp = s->host->is_lmtp;
    mail->protocol = smtp_protocol(s, params->is_utf8);
    mail->mail_us = s->base.now_us;
    mail->sender = smtp_mailbox_new(sender);
    mail->declared_size = params->size;
    mail->encoding = params->encoding;
    mail->ret = params->ret;
    mail->is_utf8 = params->is_utf8;
    memcpy(mail->envid, params->envid, params->envid_len);
    mail->requires_tls = params->requires_tls;
    mail->has_priority = params->has_priority;
    mail->priority = params->priority;
    memcpy(mail->verp, params->verp, sizeof(mail->verp));
    smtp_mail_times(mail, params);
    return mail;
}

/* A sender without a domain is one of ours. (A recipient's is for the host to say.) */
static void smtp_add_origin(struct address *sender, const char *myorigin)
{
    struct span domain = span_first(span_str(myorigin), sizeof(sender->domain));

    if (sender->local_len == 0 || sender->domain_len > 0)
        return;
    memcpy(sender->domain, domain.at, domain.len);
    sender->domain_len = domain.len;
}

void smtp_mail_cmd(struct smtp_session *s, struct span args)
{
    struct smtp_params params;
    struct address sender;
    struct smtp_verdict verdict;
    struct span inside;

    if (!smtp_path(s, &args, SPAN("FROM:"), &inside, SMTP_SYNTAX_MAIL, SMTP_BAD_SENDER) ||
        !smtp_params(s, args, SMTP_PARAM_MAIL, &params) ||
        !smtp_address(s, inside, ADDRESS_MAY_BE_EMPTY | ADDRESS_LONG_LOCAL, params.is_utf8,
                      SMTP_BAD_SENDER, &sender))
        return;
    if (!smtp_mail_in_time(s, &params) || !smtp_limit_rate(s, SMTP_RATE_MAIL))
        return;
    if (s->base.stress >= SESSION_SHORT) {
        smtp_reject(s, SMTP_SHORT, NULL);
        s->errors--; /* it is our trouble, not the client's */
        return;
    }
    smtp_add_origin(&sender, s->settings->myorigin);
    if (params.size > s->settings->message_size_limit) {
        smtp_reject(s, SMTP_TOO_BIG, NULL);
        return;
    }
    s->mail = smtp_mail_new(s, &params, &sender);
    verdict = s->host->mail(s->host, s->mail);
    if (verdict.code != 250) {
        smtp_reject_verdict(s, &verdict, s->mail->sender, NULL);
        smtp_mail_drop(s);
        return;
    }
    s->overshoot = 0;
    smtp_state_set(s, SMTP_MAIL);
    smtp_say(s, SMTP_OK_MAIL);
}

/* RFC 5321 4.5.3.1.10: 452, and the client sends the rest in another transaction. Some of those
 * are to be expected of a client that pipelines, and are no errors. */
static void smtp_rcpt_too_many(struct smtp_session *s)
{
    smtp_say(s, SMTP_TOO_MANY_RCPTS);
    if (s->overshoot++ < s->settings->smtpd_recipient_overshoot_limit)
        s->errors--;
}

static void smtp_rcpt_accepted(struct smtp_session *s)
{
    if (s->mail->queue_id[0] == '\0') {
        s->host->queue_id(s->host, s->settings, s->base.now_us, s->mail->queue_id);
        smtp_note(s, SMTP_NOTE_CLIENT, (struct span){NULL, 0});
    }
    smtp_state_set(s, SMTP_RCPT);
    smtp_say(s, SMTP_OK_RCPT);
}

void smtp_rcpt_cmd(struct smtp_session *s, struct span args)
{
    struct smtp_params params;
    struct address address;
    struct smtp_recipient *rcpt;
    struct smtp_verdict verdict;
    struct span inside;

    if (!smtp_path(s, &args, SPAN("TO:"), &inside, SMTP_SYNTAX_RCPT, SMTP_BAD_RCPT) ||
        !smtp_params(s, args, SMTP_PARAM_RCPT, &params) ||
        !smtp_address(s, inside, 0, s->mail->is_utf8, SMTP_BAD_RCPT, &address))
        return;
    if (s->mail->recipient_count >= s->settings->smtpd_recipient_limit) {
        smtp_rcpt_too_many(s);
        return;
    }
    if (!smtp_limit_rate(s, SMTP_RATE_RCPT))
        return;
    rcpt = smtp_store_request_add(s->mail, &address, (struct span){params.orcpt, params.orcpt_len});
    rcpt->notify = params.notify;
    verdict = s->host->rcpt(s->host, s->mail, &rcpt->address);
    if (verdict.code == 250) {
        smtp_rcpt_accepted(s);
        return;
    }
    smtp_reject_verdict(s, &verdict, s->mail->sender, &rcpt->address);
    smtp_store_request_pop(s->mail);
    if (s->state == SMTP_MAIL)
        smtp_state_set(s, SMTP_REFUSED);
}

void smtp_rset_cmd(struct smtp_session *s, struct span args)
{
    if (!scan_end(&args)) {
        smtp_say(s, SMTP_SYNTAX_RSET);
        return;
    }
    smtp_mail_drop(s);
    smtp_say(s, SMTP_OK);
}
