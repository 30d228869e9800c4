/* relay_bounce: tells a sender what became of recipients. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/relay/relay_attempt.h"
#include "core/relay/relay_log.h"
#include "core/service/notice.h"
#include "core/service/queue_id.h"
#include "proto/smtp/dsn.h"

static struct dsn_recipient recipient_of(const struct relay_mail *mail, unsigned index,
                                         enum dsn_action action)
{
    const struct smtp_client_recipient *r = &mail->client->recipients[index];

    return (struct dsn_recipient){
        .address = r->address,
        .original = mail->recipients[index].original,
        .orcpt = r->orcpt,
        .action = action,
        .status = span_str(r->result.status),
        .reason = span_str(r->result.reason != NULL ? r->result.reason : ""),
        .remote = span_str(mail->attempt != NULL ? mail->attempt->hop.host : ""),
        .reply = r->result.reply,
        .attempt_us = mail->done_us,
    };
}

/* The message as it is, or nothing when it cannot be read: the sender is told in any case. */
static void lend_message(struct relay *r, const struct relay_mail *mail, struct chain *message)
{
    struct store_view *view = relay_view(r);
    uint32_t size;

    if (view == NULL || store_message_size(view, mail->message->id, &size) != STORE_OK ||
        store_message_lend(view, mail->message->id, 0, size, message) != STORE_OK)
        chain_free(message);
}

static bool has_8bit(struct chain *message)
{
    struct smtp_client_mail *mail = smtp_client_mail_new(0);
    bool found;

    chain_move(&mail->body, message);
    smtp_client_mail_scan(mail);
    found = mail->has_8bit;
    chain_move(message, &mail->body);
    smtp_client_mail_free(&mail);
    return found;
}

static void tell(struct relay *r, struct store_change *change, const struct relay_mail *mail,
                 const struct dsn_recipient *recipients, size_t count, const char *what)
{
    const struct store_queue_envelope *e = &mail->message->envelope;
    struct chain message = {0}, text = {0};
    char id[SMTP_QUEUE_ID_MAX];
    struct dsn dsn = {
        .myhostname = r->settings->myhostname,
        .mail_name = r->settings->mail_name,
        .queue_id = e->queue_id,
        .to = e->sender,
        .sender = e->sender,
        .envid = e->envid,
        .ret = (enum smtp_ret)e->ret,
        .arrival_us = e->arrival_us,
        .now_us = r->now_us,
        .is_utf8 = (e->flags & STORE_QUEUE_UTF8) != 0,
        .return_max = r->settings->bounce_size_limit,
        .recipients = recipients,
        .count = count,
    };

    queue_id_next(r->now_us, id);
    dsn.own_queue_id = span_str(id);
    lend_message(r, mail, &message);
    dsn.has_8bit = has_8bit(&message);
    dsn_write(&dsn, &message, &text);
    chain_free(&message);
    if (!mail->is_logged)
        relay_log_bounce(mail->message, what, span_str(id));
    if (notice_add(r->config.service, change,
                   &(struct notice){.recipient = e->sender,
                                    .queue_id = id,
                                    .now_us = r->now_us,
                                    .is_utf8 = dsn_needs_utf8(&dsn),
                                    .is_again = mail->is_logged},
                   &text))
        return;
    if (!mail->is_logged)
        log_say(LOG_WARNING, "bounce", "%.*s: undeliverable notification for <%.*s>",
                (int)e->queue_id.len, e->queue_id.at, (int)e->sender.len, e->sender.at);
}

void relay_bounce_add(struct relay *r, struct store_change *change, const struct relay_mail *mail,
                      const unsigned *told, unsigned count, enum dsn_action action)
{
    struct dsn_recipient *recipients = xcalloc(count + 1, sizeof(*recipients));
    size_t wanted = 0;

    for (unsigned i = 0; i < count; i++) {
        if (relay_bounce_is_wanted(mail, told[i], action))
            recipients[wanted++] = recipient_of(mail, told[i], action);
    }
    if (wanted > 0)
        tell(r, change, mail, recipients, wanted,
             action == DSN_FAILED ? "non-delivery" : "delivery status");
    free(recipients);
}

bool relay_bounce_is_wanted(const struct relay_mail *mail, unsigned index, enum dsn_action action)
{
    return dsn_is_wanted(action, mail->client->recipients[index].notify,
                         mail->message->envelope.sender);
}
