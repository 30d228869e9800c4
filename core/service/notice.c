#include "core/service/notice.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/service/service_settings.h"
#include "core/service/smtp_log.h"
#include "core/service/smtp_targets.h"
#include "proto/mime/meta.h"
#include "proto/smtp/smtp_trace.h"
#include "proto/text/address.h"

static const struct log_shape shape_queued = {
    "qmgr", "queued", "{qid}: from=<>, size={size}, nrcpt=1 (queue active)", LOG_INFO};
static const struct log_shape shape_delivered = {
    "local", "delivered",
    "{qid}: to=<{to}>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to "
    "mailbox)",
    LOG_INFO};
static const struct log_shape shape_removed = {"qmgr", "removed", "{qid}: removed", LOG_INFO};

static bool draft_fill(struct store_draft *draft, struct chain *text)
{
    enum store_status status = STORE_OK;

    while (text->len > 0 && status == STORE_OK) {
        struct span first = chain_first(text);

        status = store_draft_add(draft, first);
        chain_drop(text, first.len);
    }
    return status == STORE_OK;
}

/* The message's number in the change; false when it cannot be written. */
static bool add_message(struct service *s, struct store_change *change, struct chain *text,
                        unsigned *message_r)
{
    struct store_draft *draft;
    struct chain meta = {0};
    struct span bytes;

    if (store_draft_open(s->store, &draft) != STORE_OK)
        return false;
    if (!draft_fill(draft, text) || store_draft_bytes(draft, &bytes) != STORE_OK) {
        store_draft_drop(&draft);
        return false;
    }
    meta_build(bytes, &meta);
    *message_r = store_change_message(change, &draft, chain_flat(&meta));
    chain_free(&meta);
    return true;
}

static void deliver(const struct notice *n, struct store_change *change, unsigned message,
                    const struct service_settings *settings, const struct directory_target *target)
{
    struct chain header = {0};

    smtp_trace_delivery(SPAN(""), n->recipient, target->account, &header);
    store_change_deliver(change, message,
                         &(struct store_delivery){
                             .account = target->account,
                             .mailbox = target->detail.len > 0 ? target->detail : SPAN("INBOX"),
                             .missing = settings->lda_mailbox_autocreate ? STORE_MISSING_CREATE
                                                                         : STORE_MISSING_TO_INBOX,
                             .header = chain_flat(&header),
                             .received_us = n->now_us,
                         });
    chain_free(&header);
    if (!n->is_again)
        LOG(&shape_delivered, LOG_TEXT("qid", span_str(n->queue_id)),
            LOG_TEXT("to", target->account));
}

static void queue(const struct notice *n, struct store_change *change, unsigned message,
                  const struct smtp_queue *others)
{
    store_change_queue(change, message,
                       &(struct store_queue_envelope){
                           .queue_id = span_str(n->queue_id),
                           .client = SPAN("local"),
                           .arrival_us = n->now_us,
                           .body = SMTP_BODY_8BITMIME,
                           .flags = n->is_utf8 ? STORE_QUEUE_UTF8 : 0,
                       },
                       others->recipients, others->count);
}

static void add_targets(const struct notice *n, struct store_change *change, unsigned message,
                        const struct service_settings *settings,
                        const struct smtp_recipient *recipient, const struct smtp_targets *targets)
{
    struct smtp_queue others = {0};

    for (unsigned i = 0; i < targets->count; i++) {
        const struct directory_target *t = &targets->at[i];

        if (t->is_elsewhere)
            smtp_queue_add_alias(&others, recipient, t->account, t->detail);
        else
            deliver(n, change, message, settings, t);
    }
    if (targets->is_remote)
        smtp_queue_add(&others, recipient);
    if (others.count > 0)
        queue(n, change, message, &others);
    else if (!n->is_again)
        LOG(&shape_removed, LOG_TEXT("qid", span_str(n->queue_id)));
    smtp_queue_free(&others);
}

static bool add_to(struct service *s, struct store_change *change, const struct notice *n,
                   struct chain *text, const struct service_settings *settings,
                   const struct smtp_recipient *recipient, const struct smtp_targets *targets)
{
    size_t size = text->len;
    unsigned message;

    if (targets->verdict.code != 250 || !add_message(s, change, text, &message))
        return false;
    if (!n->is_again)
        LOG(&shape_queued, LOG_TEXT("qid", span_str(n->queue_id)), LOG_NUMBER("size", size));
    add_targets(n, change, message, settings, recipient, targets);
    return true;
}

bool notice_add(struct service *s, struct store_change *change, const struct notice *n,
                struct chain *text)
{
    struct smtp_recipient recipient = {.address.given = n->recipient};
    struct shared_item *directory, *settings;
    struct smtp_targets targets;
    struct address address;
    bool added = false;

    if (address_parse(n->recipient, ADDRESS_MAY_BE_UTF8 | ADDRESS_LONG_LOCAL, &address) ==
        ADDRESS_OK) {
        recipient.address.local = address_local(&address);
        recipient.address.domain = address_domain(&address);
        directory = shared_take(s->directory);
        settings = shared_take(s->settings);
        smtp_targets_find(&targets, shared_get(directory), shared_get(settings), &recipient.address,
                          true);
        added = add_to(s, change, n, text, shared_get(settings), &recipient, &targets);
        smtp_targets_free(&targets);
        shared_give(&settings);
        shared_give(&directory);
    }
    chain_free(text);
    return added;
}
