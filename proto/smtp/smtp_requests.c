#include "proto/smtp/smtp_requests.h"

#include <stddef.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/text/address.h"

struct smtp_store_request *smtp_store_request_new(void)
{
    struct smtp_store_request *r = xcalloc(1, sizeof(*r));

    r->protocol = "SMTP";
    return r;
}

/* Puts the address and its text behind each other at `at`; returns the end. */
static char *smtp_mailbox_fill(struct smtp_mailbox *m, const struct address *address, char *at)
{
    struct span local = address_local(address), domain = address_domain(address);

    m->given = (struct span){at, address_write(address, at)};
    at += m->given.len;
    m->local = (struct span){at, local.len};
    memcpy(at, local.at, local.len);
    at += local.len;
    m->domain = (struct span){at, domain.len};
    memcpy(at, domain.at, domain.len);
    return at + domain.len;
}

/* Each byte of a local part can need a backslash, and two quotes are around it. */
static size_t smtp_mailbox_room(const struct address *a)
{
    return (2 * a->local_len + 2 + 1 + a->domain_len) + a->local_len + a->domain_len;
}

struct smtp_mailbox *smtp_mailbox_new(const struct address *address)
{
    struct smtp_mailbox *m = xmalloc(sizeof(*m) + smtp_mailbox_room(address));

    smtp_mailbox_fill(m, address, (char *)(m + 1));
    return m;
}

struct smtp_recipient *smtp_store_request_add(struct smtp_store_request *request,
                                              const struct address *address, struct span orcpt)
{
    size_t size = sizeof(struct smtp_recipient) + smtp_mailbox_room(address) + orcpt.len;
    struct smtp_recipient *r = xmalloc(size);
    char *end;

    *r = (struct smtp_recipient){.bytes_size = size};
    request->recipient_bytes += size;
    end = smtp_mailbox_fill(&r->address, address, r->bytes);
    if (orcpt.len > 0)
        memcpy(end, orcpt.at, orcpt.len);
    r->orcpt = (struct span){end, orcpt.len};
    if (request->recipient_count == request->recipient_size) {
        request->recipient_size = request->recipient_size == 0 ? 1 : 2 * request->recipient_size;
        request->recipients = xrealloc(request->recipients,
                                       request->recipient_size * sizeof(struct smtp_recipient *));
    }
    request->recipients[request->recipient_count++] = r;
    return r;
}

void smtp_store_request_pop(struct smtp_store_request *request)
{
    struct smtp_recipient *r;

    ensure(request->recipient_count > 0);
    r = request->recipients[--request->recipient_count];
    request->recipient_bytes -= r->bytes_size;
    chain_free(&r->targets);
    free(r);
}

bool smtp_store_request_may_relay(const struct smtp_store_request *request)
{
    return request->client_is_ours || request->login != NULL;
}

void smtp_store_request_free(struct smtp_store_request **request)
{
    struct smtp_store_request *r = *request;

    *request = NULL;
    if (r == NULL)
        return;
    if (r->draft != NULL)
        r->drop(&r->draft);
    while (r->recipient_count > 0)
        smtp_store_request_pop(r);
    free(r->recipients);
    free(r->sender);
    free(r->sasl_sender);
    chain_free(&r->body);
    chain_free(&r->facts.delivered_to);
    chain_free(&r->base.out);
    free(r);
}

size_t smtp_store_request_held(const struct smtp_store_request *r)
{
    return sizeof(*r) + r->base.held + r->recipient_bytes +
           r->recipient_size * sizeof(struct smtp_recipient *) + r->body.held +
           r->facts.delivered_to.held + (r->sender == NULL ? 0 : sizeof(*r->sender));
}
