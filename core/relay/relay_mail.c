#include "core/relay/relay_mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"

/* Appends a text to the mail's; it stays where it is. */
static struct span keep(struct relay_mail *m, struct span text)
{
    struct span kept = {"", 0};

    if (text.len > 0) {
        char *at = chain_reserve(&m->texts, text.len);
        memcpy(at, text.at, text.len);
        chain_added(&m->texts, text.len);
        kept = (struct span){at, text.len};
    }
    return kept;
}

static void fill_envelope(struct relay_mail *m)
{
    const struct store_queue_envelope *e = &m->message->envelope;
    struct smtp_client_mail *c = m->client;

    c->sender = e->sender;
    c->envid = e->envid;
    c->ret = (enum smtp_ret)e->ret;
    c->encoding = (enum smtp_encoding)e->body;
    c->is_utf8 = (e->flags & STORE_QUEUE_UTF8) != 0;
    c->requires_tls = (e->flags & STORE_QUEUE_REQUIRETLS) != 0;
    c->has_priority = e->priority != 0;
    c->priority = e->priority; /* NOLINT(bugprone-signed-char-misuse): -9 to 9 */
    c->by = (struct smtp_client_by){
        .until_us = e->deliver_by_us,
        .returns = (e->flags & STORE_QUEUE_BY_RETURN) != 0,
        .traces = (e->flags & STORE_QUEUE_BY_TRACE) != 0,
    };
}

static void fill_recipient(struct relay_mail *m, unsigned index, struct relay_entry *entry,
                           const struct store_queue_recipient *stored)
{
    struct smtp_client_recipient *r = &m->client->recipients[index];

    r->address = keep(m, stored->address);
    r->orcpt = keep(m, stored->orcpt);
    r->notify = stored->notify;
    r->number = stored->number;
    m->recipients[index] = (struct relay_mail_recipient){
        .entry = entry,
        .original = keep(m, stored->original),
        .tries = stored->tries,
        .is_expired = (stored->marks & STORE_QUEUE_EXPIRED) != 0,
    };
}

struct relay_mail *relay_mail_new(struct relay_active *active, struct store_view *view,
                                  struct relay_hop_queue *hop, struct relay_entry *const *entries,
                                  unsigned count)
{
    struct relay_mail *m = xcalloc(1, sizeof(*m));
    unsigned filled = 0;

    list_init(&m->node);
    m->hop = hop;
    hop->away++;
    m->message = entries[0]->message;
    m->client = smtp_client_mail_new(count);
    m->client->context = m;
    m->recipients = xcalloc(count, sizeof(*m->recipients));
    for (unsigned i = 0; i < count; i++) {
        struct store_queue_recipient stored;
        struct relay_entry *entry = entries[i];

        if (store_queue_recipient(view, m->message->id, entry->number, &stored) == STORE_OK &&
            (stored.marks & STORE_QUEUE_HELD) == 0)
            fill_recipient(m, filled++, entry, &stored);
        else
            relay_active_give(active, &entry);
    }
    m->client->recipient_count = filled;
    if (filled == 0) {
        m->message = NULL;
        relay_mail_free(&m);
        return NULL;
    }
    fill_envelope(m);
    return m;
}

enum store_status relay_mail_body(struct relay_mail *mail, struct store_view *view)
{
    uint32_t size;
    enum store_status status = store_message_size(view, mail->message->id, &size);

    if (status == STORE_OK)
        status = store_message_lend(view, mail->message->id, 0, size, &mail->client->body);
    if (status == STORE_OK)
        smtp_client_mail_scan(mail->client);
    return status;
}

void relay_mail_decide(struct relay_mail *mail, enum smtp_client_outcome outcome,
                       const char *status, const char *reason)
{
    for (unsigned i = 0; i < mail->client->recipient_count; i++) {
        struct smtp_client_result *r = &mail->client->recipients[i].result;

        free(r->reason);
        *r = (struct smtp_client_result){.outcome = outcome, .reason = xstrdup(reason)};
        (void)snprintf(r->status, sizeof(r->status), "%s", status);
    }
}

void relay_mail_free(struct relay_mail **mail)
{
    struct relay_mail *m = *mail;

    list_remove(&m->node);
    m->hop->away--;
    smtp_client_mail_free(&m->client);
    chain_free(&m->texts);
    free(m->recipients);
    free(m);
    *mail = NULL;
}
