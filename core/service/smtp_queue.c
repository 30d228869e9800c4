#include "core/service/smtp_queue.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/text/address.h"

static struct store_queue_recipient *place(struct smtp_queue *q)
{
    if (q->count == q->size) {
        q->size = q->size == 0 ? 8 : 2 * q->size;
        q->recipients = xrealloc(q->recipients, q->size * sizeof(*q->recipients));
    }
    q->recipients[q->count] = (struct store_queue_recipient){0};
    return &q->recipients[q->count++];
}

void smtp_queue_add(struct smtp_queue *q, const struct smtp_recipient *rcpt)
{
    struct store_queue_recipient *r = place(q);

    r->address = rcpt->address.given;
    r->orcpt = rcpt->orcpt;
    r->notify = rcpt->notify;
}

/* Quoted again where it must be. */
static struct span written(struct smtp_queue *q, struct span local, struct span domain)
{
    struct address a = {0};
    char *text = chain_reserve(&q->texts, ADDRESS_TEXT_MAX);
    size_t len;

    local = span_first(local, sizeof(a.local));
    domain = span_first(domain, sizeof(a.domain));
    memcpy(a.local, local.at, local.len);
    memcpy(a.domain, domain.at, domain.len);
    a.local_len = local.len;
    a.domain_len = domain.len;
    len = address_write(&a, text);
    chain_added(&q->texts, len);
    return (struct span){text, len};
}

void smtp_queue_add_alias(struct smtp_queue *q, const struct smtp_recipient *rcpt,
                          struct span local, struct span domain)
{
    struct store_queue_recipient *r = place(q);

    r->address = written(q, local, domain);
    r->original = rcpt->address.given;
    r->orcpt = rcpt->orcpt;
    r->notify = rcpt->notify;
}

/* As in Received: fields. */
static void write_client(const struct smtp_store_request *mail, struct chain *out)
{
    chain_addf(out, "%s[%s]", mail->client_name, mail->client_address);
}

void smtp_queue_fill(const struct smtp_queue *q, const struct smtp_store_request *mail,
                     struct store_change *change, unsigned message)
{
    struct chain client = {0};
    unsigned flags = 0;

    if (q->count == 0)
        return;
    if (mail->is_utf8)
        flags |= STORE_QUEUE_UTF8;
    if (mail->requires_tls)
        flags |= STORE_QUEUE_REQUIRETLS;
    if (mail->by_returns)
        flags |= STORE_QUEUE_BY_RETURN;
    if (mail->by_traces)
        flags |= STORE_QUEUE_BY_TRACE;
    for (unsigned i = 0; i < q->count; i++)
        q->recipients[i].due_us = mail->hold_until_us;
    write_client(mail, &client);
    store_change_queue(change, message,
                       &(struct store_queue_envelope){
                           .queue_id = span_str(mail->queue_id),
                           .sender = mail->sender->given,
                           .envid = span_str(mail->envid),
                           .client = chain_flat(&client),
                           .login = span_str(mail->login != NULL ? mail->login->name : ""),
                           .auth = span_str(mail->sasl_sender != NULL ? mail->sasl_sender : ""),
                           .arrival_us = mail->mail_us,
                           .ret = (uint8_t)mail->ret,
                           .body = (uint8_t)mail->encoding,
                           .deliver_by_us = mail->by_us,
                           .hold_until_us = mail->hold_until_us,
                           .priority = (int8_t)mail->priority,
                           .verp = {mail->verp, mail->verp[0] != '\0' ? sizeof(mail->verp) : 0},
                           .flags = flags,
    },
                       q->recipients, q->count);
    chain_free(&client);
}

void smtp_queue_free(struct smtp_queue *q)
{
    free(q->recipients);
    chain_free(&q->texts);
    *q = (struct smtp_queue){0};
}
