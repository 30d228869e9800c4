/* queue_cat: a queued message's bytes, as they are in the store, or with its envelope as postcat
 * shows them. Nothing is copied: they are lent from the log. */

#include "core/gateway/queue_run_private.h"
#include "core/gateway/queue_text.h"

/* The header's length, with the empty line behind it. */
static uint32_t header_len(struct span bytes)
{
    const char *end = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);

    return (uint32_t)(end != NULL ? (size_t)(end - bytes.at) + 4 : bytes.len);
}

static void lend(struct queue_run *run, bool header, bool body)
{
    uint32_t from = 0, to = 0;
    struct span bytes;
    enum store_status status = store_message_size(run->view, run->last, &to);

    if (status == STORE_OK && header != body)
        status = store_message_bytes(run->view, run->last, 0, to, &bytes);
    if (status == STORE_OK && !header)
        from = header_len(bytes);
    if (status == STORE_OK && !body)
        to = header_len(bytes);
    if (status == STORE_OK && to > from)
        status = store_message_lend(run->view, run->last, from, to - from, run->out);
    if (status == STORE_NOT_FOUND)
        chain_add(run->say, SPAN("the message was delivered or deleted just now\n"));
    else if (status != STORE_OK)
        queue_run_fail(run, "the message can't be read", status);
}

static void nothing(struct queue_run *run, const struct queue_part *part)
{
    (void)run;
    (void)part;
}

static void cat_end(struct queue_run *run)
{
    lend(run, true, true);
}

static void not_found(struct queue_run *run)
{
    const struct queue_request *q = run->request;

    if (run->messages > 0)
        return;
    if (q->format == QUEUE_POSTCAT)
        chain_add(run->say, SPAN("the message is not in the queue\n"));
    run->has_failed = true;
}

const struct queue_use queue_use_cat = {.part = nothing, .end = cat_end, .finish = not_found};

/* ---- postcat ---- */

static bool wants_all(const struct queue_request *q)
{
    return !q->wants_envelope && !q->wants_header && !q->wants_body;
}

static bool wants_envelope(const struct queue_request *q)
{
    return q->wants_envelope || wants_all(q);
}

/* Titles are only shown where parts follow one another. */
static void title(struct queue_run *run, const char *what, struct span id)
{
    chain_addf(run->out, "*** %s ", what);
    queue_text_add(run->out, id);
    chain_add(run->out, SPAN(" ***\n"));
}

static void line(struct queue_run *run, const char *name, struct span text)
{
    chain_addf(run->out, "%s: ", name);
    queue_text_add(run->out, text);
    chain_add_byte(run->out, '\n');
}

static void postcat_begin(struct queue_run *run, const struct queue_part *part)
{
    const struct store_queue_envelope *e = part->envelope;
    char time[QUEUE_TIME_MAX];

    run->reason_len = span_first(e->queue_id, sizeof(run->reason)).len;
    memcpy(run->reason, e->queue_id.at, run->reason_len);
    if (!wants_envelope(run->request))
        return;
    title(run, "ENVELOPE RECORDS", e->queue_id);
    chain_addf(run->out, "message_size: %15u %15u %15u %15u %15u %15u\n", e->size, 0U,
               e->recipients, 0U, e->size, (e->flags & STORE_QUEUE_UTF8) != 0 ? 1U : 0U);
    line(run, "message_arrival_time", queue_text_time(e->arrival_us, "%a %b %e %H:%M:%S %Y", time));
    line(run, "sender", e->sender);
    if (e->client.len > 0)
        line(run, "named_attribute: log_client_name", e->client);
    if (e->login.len > 0)
        line(run, "named_attribute: sasl_username", e->login);
    if (e->envid.len > 0)
        line(run, "dsn_envelope_id", e->envid);
}

static void postcat_part(struct queue_run *run, const struct queue_part *part)
{
    if (!wants_envelope(run->request))
        return;
    for (size_t i = 0; i < part->count; i++) {
        const struct store_queue_recipient *r = &part->rows[i];

        if (r->orcpt.len > 0)
            line(run, "dsn_orig_rcpt", r->orcpt);
        line(run, "original_recipient", r->original.len > 0 ? r->original : r->address);
        line(run, "recipient", r->address);
    }
}

static void postcat_end(struct queue_run *run)
{
    const struct queue_request *q = run->request;
    struct span id = {run->reason, run->reason_len};

    if (wants_all(q)) {
        title(run, "MESSAGE CONTENTS", id);
        lend(run, true, true);
        title(run, "HEADER EXTRACTED", id);
    } else if (q->wants_header || q->wants_body) {
        lend(run, q->wants_header, q->wants_body);
    }
    if (wants_envelope(q))
        title(run, "MESSAGE FILE END", id);
}

const struct queue_use queue_use_postcat = {
    .begin = postcat_begin, .part = postcat_part, .end = postcat_end, .finish = not_found};
