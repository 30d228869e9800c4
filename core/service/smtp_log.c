#include "core/service/smtp_log.h"

#include "core/base/log.h"
#include "core/base/number.h"

enum {
    SMTP_LOG_DATA_MAX = 100, /* bytes shown of what a client sent out of turn */
};

static const struct log_shape shape_connect = {"smtpd", "connect",
                                               "connect from {client}[{address}]", LOG_INFO, true};
static const struct log_shape shape_tls = {
    "smtpd", "tls",
    "{trust} TLS connection established from {client}[{address}]: {version} with cipher {cipher} "
    "({bits}/{bits} bits)",
    LOG_INFO};
static const struct log_shape shape_tls_failed = {
    "smtpd", "tls_failed", "SSL_accept error from {client}[{address}]: {why}", LOG_INFO, true};
static const struct log_shape shape_client = {
    "smtpd", "client",
    "{qid}: client={client}[{address}](?, sasl_method={sasl_method})(?, "
    "sasl_username={sasl_username})"
    "(?, sasl_sender={sasl_sender})",
    LOG_INFO};
static const struct log_shape shape_auth_failed = {
    "smtpd", "auth_failed",
    "warning: {client}[{address}]: SASL {sasl_method} authentication failed: {reason}"
    "(?, sasl_username={sasl_username})",
    LOG_WARNING, true};
static const struct log_shape shape_reject = {
    "smtpd", "reject",
    "{qid}: reject: {command} from {client}[{address}]: {reply};(? from=<{from}>)(? to=<{to}>) "
    "proto={protocol}(? helo=<{helo}>)",
    LOG_INFO, true};
static const struct log_shape shape_pipelining = {
    "smtpd", "pipelining",
    "improper command pipelining after {command} from {client}[{address}](?: {data})", LOG_INFO,
    true};
static const struct log_shape shape_not_smtp = {
    "smtpd", "non_smtp", "warning: non-SMTP command from {client}[{address}]: {data}", LOG_WARNING,
    true};
static const struct log_shape shape_lost = {
    "smtpd", "lost", "lost connection after {command}(? ({bytes} bytes)) from {client}[{address}]",
    LOG_INFO, true};
static const struct log_shape shape_timeout = {
    "smtpd", "timeout", "timeout after {command}(? ({bytes} bytes)) from {client}[{address}]",
    LOG_INFO, true};
static const struct log_shape shape_errors = {
    "smtpd", "errors", "too many errors after {command} from {client}[{address}]", LOG_INFO, true};
static const struct log_shape shape_overloaded = {
    "smtpd", "overloaded", "warning: overloaded: no service for {client}[{address}]", LOG_WARNING,
    true};
static const struct log_shape shape_rate = {
    "smtpd", "rate",
    "warning: {what} rate limit exceeded: {count} from {client}[{address}] for service smtp",
    LOG_WARNING, true};
static const struct log_shape shape_disconnect = {
    "smtpd", "disconnect", "disconnect from {client}[{address}] {statistics}", LOG_INFO, true};
static const struct log_shape shape_message_id = {"cleanup", "message_id",
                                                  "{qid}: message-id={message_id}", LOG_INFO};
static const struct log_shape shape_queued = {
    "qmgr", "queued", "{qid}: from=<{from}>, size={size}, nrcpt={nrcpt} (queue active)", LOG_INFO};
static const struct log_shape shape_delivered = {
    "local", "delivered",
    "{qid}: to=<{to}>(?, orig_to=<{orig_to}>), relay=local, delay={delay}, delays={delays}, "
    "dsn=2.0.0, status=sent (delivered to mailbox)",
    LOG_INFO};
static const struct log_shape shape_removed = {"qmgr", "removed", "{qid}: removed", LOG_INFO};

#define FACT_CLIENT(note)                                                                          \
    LOG_TEXT("client", span_str((note)->client_name)),                                             \
        LOG_TEXT("address", span_str((note)->client_address))

static struct span queue_id_of(const struct smtp_note *note)
{
    return note->mail == NULL || note->mail->queue_id[0] == '\0' ? SPAN("NOQUEUE")
                                                                 : span_str(note->mail->queue_id);
}

static struct log_fact text_when(const char *name, bool known, struct span text)
{
    struct log_fact fact = LOG_TEXT(name, text);

    if (!known)
        fact.kind = LOG_IS_ABSENT;
    return fact;
}

static void log_client(const struct smtp_note *note)
{
    const struct smtp_login *login = note->mail->login;
    const char *sender = note->mail->sasl_sender;

    LOG(&shape_client, LOG_TEXT("qid", queue_id_of(note)), FACT_CLIENT(note),
        LOG_TEXT_IF("sasl_method", span_str(login != NULL ? login->method : "")),
        LOG_TEXT_IF("sasl_username", span_str(login != NULL ? login->name : "")),
        LOG_TEXT_IF("sasl_sender", span_str(sender != NULL ? sender : "")));
}

static void log_reject(const struct smtp_note *note)
{
    LOG(&shape_reject, LOG_TEXT("qid", queue_id_of(note)),
        LOG_TEXT("command", span_str(note->command)), FACT_CLIENT(note),
        LOG_TEXT("reply", note->reply), text_when("from", note->has_from, note->from),
        text_when("to", note->has_to, note->to), LOG_TEXT("protocol", span_str(note->protocol)),
        LOG_TEXT_IF("helo", span_str(note->helo)));
}

/* An end, after a command; how many bytes of a body had come when it was in one. */
static void log_end(const struct log_shape *shape, const struct smtp_note *note)
{
    LOG(shape, LOG_TEXT("command", span_str(note->command)), LOG_TEXT_IF("bytes", note->data),
        FACT_CLIENT(note));
}

/* Postfix's words for what its anvil counts. */
static const char *rate_name(const char *command)
{
    if (strcmp(command, "MAIL") == 0)
        return "Message delivery request";
    return strcmp(command, "RCPT") == 0 ? "Recipient address" : "AUTH command";
}

static void log_rate(const struct smtp_note *note)
{
    LOG(&shape_rate, LOG_TEXT("what", span_str(rate_name(note->command))),
        LOG_TEXT("count", note->data), FACT_CLIENT(note));
}

static void log_foreign(const struct log_shape *shape, const struct smtp_note *note)
{
    LOG(shape, LOG_TEXT("command", span_str(note->command)), FACT_CLIENT(note),
        LOG_TEXT_IF("data", span_first(note->data, SMTP_LOG_DATA_MAX)));
}

/* Postfix's words: trusted is whose certificate was verified. */
static void log_tls(const struct smtp_note *note)
{
    const struct session_tls *tls = note->tls;

    LOG(&shape_tls, LOG_TEXT("trust", tls->client_name[0] ? SPAN("Trusted") : SPAN("Anonymous")),
        FACT_CLIENT(note), LOG_TEXT("version", span_str(tls->version)),
        LOG_TEXT("cipher", span_str(tls->cipher)), LOG_NUMBER("bits", tls->bits));
}

/* ---- a mail's way through the queue ---- */

static size_t write_hundredths(int64_t hundredths, char *text)
{
    size_t len = number_write(text, (uint64_t)hundredths / 100);
    unsigned rest = (unsigned)(hundredths % 100);

    if (rest == 0)
        return len;
    text[len++] = '.';
    text[len++] = (char)('0' + rest / 10);
    if (rest % 10 != 0)
        text[len++] = (char)('0' + rest % 10);
    return len;
}

size_t smtp_log_delay(int64_t us, char text[SMTP_LOG_DELAY_MAX])
{
    int64_t hundredths = us <= 0 ? 0 : us / 10000 + (us % 10000 >= 5000);
    size_t len;

    if (hundredths >= 1000)
        hundredths = (us / 1000000 + (us % 1000000 >= 500000)) * 100;
    else if (hundredths >= 100)
        hundredths = (us / 100000 + (us % 100000 >= 50000)) * 10;
    len = write_hundredths(hundredths, text);
    text[len] = '\0';
    return len;
}

/* Before the queue / in it / connecting / storing. We have no queue to wait in. */
static struct span delays_of(const struct smtp_note *note, char text[4 * SMTP_LOG_DELAY_MAX])
{
    size_t len = smtp_log_delay(note->mail->body_us - note->mail->mail_us, text);

    memcpy(text + len, "/0/0/", 5);
    len += 5;
    len += smtp_log_delay(note->now_us - note->mail->body_us, text + len);
    return (struct span){text, len};
}

static void log_delivered(const struct smtp_note *note, struct smtp_recipient *rcpt)
{
    char delay[SMTP_LOG_DELAY_MAX], delays[4 * SMTP_LOG_DELAY_MAX];
    struct span total = {delay, smtp_log_delay(note->now_us - note->mail->mail_us, delay)};
    struct span parts = delays_of(note, delays), targets = chain_flat(&rcpt->targets);

    while (targets.len > 0) {
        struct span to = {targets.at, strnlen(targets.at, targets.len)};
        bool same = span_eq_nocase(to, rcpt->address.given);

        LOG(&shape_delivered, LOG_TEXT("qid", queue_id_of(note)), LOG_TEXT("to", to),
            text_when("orig_to", !same, rcpt->address.given), LOG_TEXT("delay", total),
            LOG_TEXT("delays", parts));
        targets = span_after(targets, to.len + 1);
    }
}

static void log_stored(const struct smtp_note *note)
{
    const struct smtp_store_request *mail = note->mail;
    struct span id = queue_id_of(note), message_id = span_str(mail->facts.message_id);

    LOG(&shape_message_id, LOG_TEXT("qid", id),
        LOG_TEXT("message_id", message_id.len > 0 ? message_id : SPAN("<>")));
    LOG(&shape_queued, LOG_TEXT("qid", id), LOG_TEXT("from", mail->sender->given),
        LOG_NUMBER("size", mail->stored_bytes), LOG_NUMBER("nrcpt", mail->recipient_count));
    for (unsigned i = 0; i < mail->recipient_count; i++)
        log_delivered(note, mail->recipients[i]);
    if (mail->queued_count == 0)
        LOG(&shape_removed, LOG_TEXT("qid", id));
}

void smtp_log_note(const struct smtp_note *note)
{
    switch (note->kind) {
    case SMTP_NOTE_CONNECT:
        LOG(&shape_connect, FACT_CLIENT(note));
        break;
    case SMTP_NOTE_TLS:
        log_tls(note);
        break;
    case SMTP_NOTE_TLS_FAILED:
        LOG(&shape_tls_failed, FACT_CLIENT(note), LOG_TEXT("why", note->data));
        break;
    case SMTP_NOTE_CLIENT:
        log_client(note);
        break;
    case SMTP_NOTE_REJECT:
        log_reject(note);
        break;
    case SMTP_NOTE_STORED:
        log_stored(note);
        break;
    case SMTP_NOTE_AUTH_FAILED:
        LOG(&shape_auth_failed, FACT_CLIENT(note), LOG_TEXT("sasl_method", span_str(note->method)),
            LOG_TEXT("reason", note->data), LOG_TEXT_IF("sasl_username", note->user));
        break;
    case SMTP_NOTE_PIPELINING:
        log_foreign(&shape_pipelining, note);
        break;
    case SMTP_NOTE_NOT_SMTP:
        log_foreign(&shape_not_smtp, note);
        break;
    case SMTP_NOTE_LOST:
        log_end(&shape_lost, note);
        break;
    case SMTP_NOTE_TIMEOUT:
        log_end(&shape_timeout, note);
        break;
    case SMTP_NOTE_ERRORS:
        log_end(&shape_errors, note);
        break;
    case SMTP_NOTE_OVERLOADED:
        log_end(&shape_overloaded, note);
        break;
    case SMTP_NOTE_CROWDED:
        break; /* the connection said it, with the count */
    case SMTP_NOTE_RATE:
        log_rate(note);
        break;
    case SMTP_NOTE_SHUTDOWN:
        break; /* the gateway says that it stops */
    case SMTP_NOTE_DISCONNECT:
        LOG(&shape_disconnect, FACT_CLIENT(note), LOG_TEXT("statistics", note->data));
        break;
    }
}
