#include "core/relay/relay_log.h"

#include "core/base/log.h"
#include "core/service/smtp_log.h"

static const struct log_shape shape_active = {
    "qmgr", "queued", "{qid}: from=<{from}>, size={size}, nrcpt={nrcpt} (queue active)", LOG_INFO};
static const struct log_shape shape_removed = {"qmgr", "removed", "{qid}: removed", LOG_INFO};
static const struct log_shape shape_expired = {
    "qmgr", "expired", "{qid}: from=<{from}>, status=expired, returned to sender", LOG_INFO};
static const struct log_shape shape_smtp = {
    "smtp", "outcome",
    "{qid}: to=<{to}>(?, orig_to=<{orig_to}>), relay={relay}, delay={delay}, delays={delays}, "
    "dsn={dsn}, status={status} ({reason})",
    LOG_INFO};
static const struct log_shape shape_lmtp = {
    "lmtp", "outcome",
    "{qid}: to=<{to}>(?, orig_to=<{orig_to}>), relay={relay}, delay={delay}, delays={delays}, "
    "dsn={dsn}, status={status} ({reason})",
    LOG_INFO};
static const struct log_shape shape_error = {
    "error", "outcome",
    "{qid}: to=<{to}>(?, orig_to=<{orig_to}>), relay={relay}, delay={delay}, delays={delays}, "
    "dsn={dsn}, status={status} ({reason})",
    LOG_INFO};
static const struct log_shape shape_discard = {
    "discard", "outcome",
    "{qid}: to=<{to}>(?, orig_to=<{orig_to}>), relay={relay}, delay={delay}, delays={delays}, "
    "dsn={dsn}, status={status} ({reason})",
    LOG_INFO};
static const struct log_shape shape_bounce = {
    "bounce", "bounce", "{qid}: sender {what} notification: {new_qid}", LOG_INFO};

void relay_log_active(const struct relay_message *m)
{
    LOG(&shape_active, LOG_TEXT("qid", m->envelope.queue_id), LOG_TEXT("from", m->envelope.sender),
        LOG_NUMBER("size", m->envelope.size), LOG_NUMBER("nrcpt", m->envelope.recipients));
}

void relay_log_removed(const struct relay_message *m)
{
    LOG(&shape_removed, LOG_TEXT("qid", m->envelope.queue_id));
}

void relay_log_expired(const struct relay_message *m)
{
    LOG(&shape_expired, LOG_TEXT("qid", m->envelope.queue_id),
        LOG_TEXT("from", m->envelope.sender));
}

void relay_log_bounce(const struct relay_message *m, const char *what, struct span id)
{
    LOG(&shape_bounce, LOG_TEXT("qid", m->envelope.queue_id), LOG_TEXT("what", span_str(what)),
        LOG_TEXT("new_qid", id));
}

static const struct log_shape *shape_of(const struct relay_mail *mail)
{
    switch (mail->hop->route.transport) {
    case RELAY_BY_LMTP:
        return &shape_lmtp;
    case RELAY_BY_ERROR:
    case RELAY_BY_RETRY:
        return &shape_error;
    case RELAY_BY_DISCARD:
        return &shape_discard;
    case RELAY_BY_SMTP:
        break;
    }
    return &shape_smtp;
}

static const char *status_of(enum smtp_client_outcome outcome)
{
    if (outcome == SMTP_CLIENT_DELIVERED)
        return "sent";
    return outcome == SMTP_CLIENT_FAILED ? "bounced" : "deferred";
}

static size_t add(char *text, size_t len, int64_t us)
{
    if (len > 0)
        text[len++] = '/';
    return len + smtp_log_delay(us, text + len);
}

/* Before the queue, in it, connecting, sending. A mail that found a connection did not connect. */
static struct span delays_of(const struct relay_mail *mail, int64_t begun_us, int64_t ready_us,
                             char text[4 * SMTP_LOG_DELAY_MAX])
{
    const struct relay_message *m = mail->message;
    int64_t given_us = mail->given_us > 0 ? mail->given_us : mail->done_us;
    bool connects = begun_us > 0 && ready_us >= given_us && begun_us >= m->taken_us;
    int64_t tried_us = connects ? begun_us : given_us;
    int64_t sent_us = connects ? ready_us : given_us;
    size_t len = add(text, 0, m->taken_us - m->envelope.arrival_us);

    len = add(text, len, tried_us - m->taken_us);
    len = add(text, len, sent_us - tried_us);
    len = add(text, len, mail->done_us - sent_us);
    return (struct span){text, len};
}

void relay_log_outcome(const struct relay_mail *mail, unsigned index, const char *relay,
                       int64_t begun_us, int64_t ready_us)
{
    const struct smtp_client_recipient *r = &mail->client->recipients[index];
    const struct store_queue_envelope *e = &mail->message->envelope;
    char total[SMTP_LOG_DELAY_MAX], parts[4 * SMTP_LOG_DELAY_MAX];
    struct span delay = {total, smtp_log_delay(mail->done_us - e->arrival_us, total)};

    LOG(shape_of(mail), LOG_TEXT("qid", e->queue_id), LOG_TEXT("to", r->address),
        LOG_TEXT_IF("orig_to", mail->recipients[index].original),
        LOG_TEXT("relay", span_str(relay)), LOG_TEXT("delay", delay),
        LOG_TEXT("delays", delays_of(mail, begun_us, ready_us, parts)),
        LOG_TEXT("dsn", span_str(r->result.status)),
        LOG_TEXT("status", span_str(status_of(r->result.outcome))),
        LOG_TEXT("reason", span_str(r->result.reason != NULL ? r->result.reason : "")));
}
