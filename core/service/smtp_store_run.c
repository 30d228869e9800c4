#include "core/service/smtp_store.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/service_settings.h"
#include "core/service/smtp_queue.h"
#include "core/service/smtp_targets.h"
#include "core/work/inbox.h"
#include "proto/mime/meta.h"
#include "proto/smtp/smtp_requests.h"
#include "proto/smtp/smtp_trace.h"

/* What the service has of a message: request->draft. */
struct smtp_draft {
    struct service *service;
    struct store_draft *bytes; /* NULL once the change has it */
    struct smtp_store_request *mail;
    struct job *home; /* whom the answer of the store goes to */
    struct job drop;
};

static const struct smtp_verdict verdict_loop = {554, true, "5.4.6", "Mail forwarding loop"};
static const struct smtp_verdict verdict_too_many = {452, false, "4.5.3",
                                                     "Error: too many recipients"};

static struct smtp_store_request *mail_of(struct request *r)
{
    return CONTAINER_OF(r, struct smtp_store_request, base);
}

static enum request_status status_of(enum store_status status)
{
    switch (status) {
    case STORE_OK:
        return REQUEST_OK;
    case STORE_FULL:
    case STORE_OVER_QUOTA:
        return REQUEST_FULL;
    default:
        return REQUEST_TRY_LATER;
    }
}

/* ---- the draft ---- */

static void draft_drop_run(struct job *job)
{
    struct smtp_draft *d = CONTAINER_OF(job, struct smtp_draft, drop);

    if (d->bytes != NULL)
        store_draft_drop(&d->bytes);
    free(d);
}

/* request->drop. Called on a reactor, where no file may be removed: a worker does it. */
static void draft_drop(void **draft)
{
    struct smtp_draft *d = *draft;

    *draft = NULL;
    d->drop.run = draft_drop_run;
    worker_pool_submit(d->service->workers, &d->drop, WORK_LATER);
}

static enum store_status draft_add_chain(struct smtp_draft *d, struct chain *bytes)
{
    enum store_status status = STORE_OK;

    while (bytes->len > 0 && status == STORE_OK) {
        struct span first = chain_first(bytes);

        status = store_draft_add(d->bytes, first);
        chain_drop(bytes, first.len);
    }
    return status;
}

/* Our Received: field comes first. */
static enum store_status draft_add_trace(struct smtp_draft *d,
                                         const struct smtp_store_request *mail)
{
    struct shared_item *item = shared_take(d->service->settings);
    const struct service_settings *settings = shared_get(item);
    struct chain trace = {0};
    enum store_status status;

    smtp_trace_received(mail, span_str(settings->smtp.myhostname),
                        span_str(settings->smtp.mail_name), &trace);
    shared_give(&item);
    status = draft_add_chain(d, &trace);
    chain_free(&trace);
    return status;
}

static enum store_status draft_open(struct service *s, struct smtp_store_request *mail)
{
    struct smtp_draft *d = xcalloc(1, sizeof(*d));
    enum store_status status;

    d->service = s;
    d->mail = mail;
    status = store_draft_open(s->store, &d->bytes);
    if (status != STORE_OK) {
        free(d);
        return status;
    }
    mail->draft = d;
    mail->drop = draft_drop;
    return draft_add_trace(d, mail);
}

/* Of a long message only the end is in memory. */
static size_t draft_held(const struct smtp_draft *d)
{
    uint32_t size = store_draft_size(d->bytes);

    return sizeof(*d) + (size <= STORE_BIG_BYTES ? size : STORE_BIG_BYTES);
}

/* Takes what the request carries of the body. */
static enum store_status draft_take(struct service *s, struct smtp_store_request *mail)
{
    enum store_status status = STORE_OK;

    if (mail->draft == NULL)
        status = draft_open(s, mail);
    if (status == STORE_OK)
        status = draft_add_chain(mail->draft, &mail->body);
    chain_free(&mail->body);
    mail->base.held = status == STORE_OK ? draft_held(mail->draft) : 0;
    return status;
}

enum service_outcome smtp_body_run(struct service *s, struct request *r, struct job *job)
{
    (void)job;
    r->status = status_of(draft_take(s, mail_of(r)));
    return SERVICE_ANSWERED;
}

/* ---- who gets it ---- */

/* Was it delivered to this account before? (RFC 5321 6.3; the field is the local loop check.) */
static bool has_looped(struct smtp_store_request *mail, struct span account)
{
    struct span known = chain_flat(&mail->facts.delivered_to);

    while (known.len > 0) {
        struct span one = {known.at, strnlen(known.at, known.len)};

        if (span_eq_nocase(one, account))
            return true;
        known = span_after(known, one.len + 1);
    }
    return false;
}

/* The same recipient, named before; NULL when this is the first time. */
static const struct smtp_recipient *named_before(const struct smtp_store_request *mail,
                                                 unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (span_eq(mail->recipients[i]->address.given, mail->recipients[index]->address.given))
            return mail->recipients[i];
    }
    return NULL;
}

/* All that one change is made of, while it is made. */
struct delivery {
    struct service *service;
    struct smtp_store_request *mail;
    struct store_change *change;
    unsigned message; /* the mail's number in the change */
    unsigned count;   /* mailboxes so far */
    struct smtp_queue others;
    const struct service_settings *settings;
};

static void deliver_one(struct delivery *d, struct smtp_recipient *rcpt,
                        const struct directory_target *target)
{
    struct span shown = rcpt->address.domain.len > 0 ? rcpt->address.given : target->account;
    struct chain header = {0};

    smtp_trace_delivery(d->mail->sender->given, shown, target->account, &header);
    store_change_deliver(d->change, d->message,
                         &(struct store_delivery){
                             .account = target->account,
                             .mailbox = target->detail.len > 0 ? target->detail : SPAN("INBOX"),
                             .missing = d->settings->lda_mailbox_autocreate
                                            ? STORE_MISSING_CREATE
                                            : STORE_MISSING_TO_INBOX,
                             .header = chain_flat(&header),
                             .received_us = d->mail->body_us,
                         });
    chain_free(&header);
    chain_add(&rcpt->targets, target->account);
    chain_add_byte(&rcpt->targets, '\0');
    d->count++;
}

static void deliver_target(struct delivery *d, struct smtp_recipient *rcpt,
                           const struct directory_target *target)
{
    if (target->is_elsewhere)
        smtp_queue_add_alias(&d->others, rcpt, target->account, target->detail);
    else
        deliver_one(d, rcpt, target);
}

static void deliver_recipient(struct delivery *d, const struct directory *directory,
                              struct smtp_recipient *rcpt)
{
    struct smtp_targets targets;

    smtp_targets_find(&targets, directory, d->settings, &rcpt->address,
                      smtp_store_request_may_relay(d->mail));
    rcpt->verdict = targets.verdict;
    for (unsigned i = 0; i < targets.count && rcpt->verdict.code == 250; i++) {
        if (!targets.at[i].is_elsewhere && has_looped(d->mail, targets.at[i].account))
            rcpt->verdict = verdict_loop;
    }
    if (rcpt->verdict.code == 250 &&
        d->count + d->others.count + targets.count > SMTP_DELIVERIES_MAX)
        rcpt->verdict = verdict_too_many;
    for (unsigned i = 0; i < targets.count && rcpt->verdict.code == 250; i++)
        deliver_target(d, rcpt, &targets.at[i]);
    if (rcpt->verdict.code == 250 && targets.is_remote)
        smtp_queue_add(&d->others, rcpt);
    smtp_targets_free(&targets);
}

/* False: the message is refused, and mail->verdict (or that of each recipient) says why. */
static bool deliver_all(struct delivery *d, const struct directory *directory)
{
    struct smtp_store_request *mail = d->mail;

    for (unsigned i = 0; i < mail->recipient_count; i++) {
        struct smtp_recipient *rcpt = mail->recipients[i];
        const struct smtp_recipient *first = named_before(mail, i);

        if (first != NULL) { /* one copy, and one verdict */
            rcpt->verdict = first->verdict;
            continue;
        }
        deliver_recipient(d, directory, rcpt);
        if (rcpt->verdict.code != 250 && !mail->is_lmtp) {
            mail->verdict = rcpt->verdict;
            return false;
        }
    }
    return d->count + d->others.count > 0;
}

/* ---- into the store ---- */

/* The store's word: on its commit thread. */
static void stored(void *context, enum store_status status, const struct store_result *results,
                   size_t count)
{
    struct smtp_draft *d = context;
    struct job *home = d->home;

    (void)results;
    (void)count;
    d->mail->draft = NULL;
    d->mail->base.status = status_of(status);
    if (status == STORE_OK && d->mail->queued_count > 0 && d->service->queued != NULL)
        d->service->queued(d->service->queued_context);
    free(d);
    inbox_post(home->inbox, home);
}

static enum store_status change_fill(struct delivery *d)
{
    struct mime_limits limits = service_mime_limits(d->service);
    struct smtp_draft *draft = d->mail->draft;
    struct chain meta = {0};
    struct span body;
    enum store_status status = store_draft_bytes(draft->bytes, &body);

    if (status != STORE_OK)
        return status;
    d->mail->stored_bytes = body.len;
    meta_build_within(body, &limits, &meta);
    d->message = store_change_message(d->change, &draft->bytes, chain_flat(&meta));
    chain_free(&meta);
    return STORE_OK;
}

/* Everything is prepared before the directory is asked, so that one snapshot decides. */
static bool change_deliver(struct service *s, struct delivery *d)
{
    struct shared_item *directory = shared_take(s->directory);
    struct shared_item *settings = shared_take(s->settings);
    bool accepted;

    d->settings = shared_get(settings);
    accepted = deliver_all(d, shared_get(directory));
    if (accepted)
        smtp_queue_fill(&d->others, d->mail, d->change, d->message);
    d->mail->queued_count = d->others.count;
    smtp_queue_free(&d->others);
    shared_give(&settings);
    shared_give(&directory);
    return accepted;
}

enum service_outcome smtp_store_run(struct service *s, struct request *r, struct job *job)
{
    struct delivery d = {.service = s, .mail = mail_of(r)};
    struct smtp_draft *draft;

    r->status = status_of(draft_take(s, d.mail));
    if (r->status != REQUEST_OK)
        return SERVICE_ANSWERED;
    d.change = store_change_new(s->store);
    r->status = status_of(change_fill(&d));
    if (r->status == REQUEST_OK && !change_deliver(s, &d))
        r->status = REQUEST_REFUSED;
    if (r->status != REQUEST_OK) {
        store_change_drop(&d.change);
        return SERVICE_ANSWERED;
    }
    draft = d.mail->draft;
    draft->home = job;
    r->status = REQUEST_OPEN;
    store_submit(s->store, &d.change, STORE_ACK_DURABLE, stored, draft);
    return SERVICE_LATER;
}

enum service_where smtp_store_where(const struct request *r)
{
    const struct smtp_store_request *mail = CONTAINER_OF(r, const struct smtp_store_request, base);
    bool here = mail->draft == NULL && mail->body.len <= SMTP_STORE_HERE_BYTES &&
                mail->recipient_count <= SMTP_STORE_HERE_RCPTS;

    return here ? SERVICE_ON_REACTOR : SERVICE_ON_WORKER;
}
