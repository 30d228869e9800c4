/* smtp_data_cmd: DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030 2), and the end of a message. */
#include <stddef.h>

#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"

static void smtp_body_start(struct smtp_session *s, bool chunked)
{
    enum smtp_body_form form = !chunked                                    ? SMTP_BODY_DOTTED
                               : s->mail->encoding == SMTP_BODY_BINARYMIME ? SMTP_BODY_BINARY
                                                                           : SMTP_BODY_TEXT;

    s->is_chunked = chunked;
    s->trouble = SMTP_ANSWER_NONE;
    s->chunk_total = 0;
    smtp_body_begin(&s->body, form, s->settings->message_size_limit, &s->mail->facts,
                    &s->mail->body);
}

void smtp_data_cmd(struct smtp_session *s, struct span args)
{
    if (!scan_end(&args)) {
        smtp_say(s, SMTP_SYNTAX_DATA);
        return;
    }
    if (s->mail->encoding == SMTP_BODY_BINARYMIME) { /* RFC 3030 3 */
        smtp_say(s, SMTP_NEED_BDAT);
        return;
    }
    smtp_body_start(s, false);
    s->reading = SMTP_READS_DATA;
    s->base.bulk = true;
    smtp_say(s, SMTP_GO_DATA);
}

/* What the service has of this message is of no use any more. */
static void smtp_body_give_up(struct smtp_session *s, enum smtp_answer trouble)
{
    s->trouble = trouble;
    chain_free(&s->mail->body);
    if (s->mail->draft != NULL)
        s->mail->drop(&s->mail->draft);
}

/* Decodes bytes and hands out a block when it is full. */
static size_t smtp_body_eat(struct smtp_session *s, struct span bytes, bool *end_r)
{
    size_t eaten = smtp_body_input(&s->body, span_first(bytes, SMTP_BODY_BLOCK), end_r);

    if (s->trouble == SMTP_ANSWER_NONE && smtp_body_is_too_big(&s->body))
        smtp_body_give_up(s, SMTP_TOO_BIG);
    if (s->trouble != SMTP_ANSWER_NONE)
        chain_free(&s->mail->body);
    return eaten;
}

static void smtp_request_open(struct smtp_session *s, enum request_kind kind)
{
    s->mail->base.kind = kind;
    s->mail->base.status = REQUEST_OPEN;
    s->mail->is_complete = kind == REQUEST_SMTP_STORE;
    s->base.request = &s->mail->base;
    s->base.want = SESSION_WANT_REPLY;
    s->mail = NULL;
}

static void smtp_body_maybe_send(struct smtp_session *s)
{
    if (s->mail->body.len >= SMTP_BODY_BLOCK)
        smtp_request_open(s, REQUEST_SMTP_BODY);
}

/* What is wrong with the message as a whole, now that all of it was seen. */
static enum smtp_answer smtp_body_trouble(const struct smtp_session *s)
{
    const struct smtp_body_facts *facts = &s->mail->facts;

    if (s->trouble != SMTP_ANSWER_NONE)
        return s->trouble;
    if (facts->bytes > s->settings->message_size_limit)
        return SMTP_TOO_BIG;
    if (facts->received_count >= s->settings->hopcount_limit)
        return SMTP_TOO_MANY_HOPS;
    if (facts->has_nul && s->mail->encoding != SMTP_BODY_BINARYMIME)
        return SMTP_HAS_NUL;
    if (facts->has_bare_lf && s->mail->encoding != SMTP_BODY_BINARYMIME &&
        s->settings->smtpd_forbid_bare_newline == SMTP_BARE_REJECT)
        return s->settings->smtpd_forbid_bare_newline_reject_code == 521 ? SMTP_BARE_LF_BYE
                                                                         : SMTP_BARE_LF;
    return SMTP_ANSWER_NONE;
}

/* In LMTP each accepted recipient gets an answer (RFC 2033 4.2). */
static unsigned smtp_answers_due(const struct smtp_store_request *mail)
{
    return mail->is_lmtp ? mail->recipient_count : 1;
}

static void smtp_message_complete(struct smtp_session *s)
{
    enum smtp_answer trouble;

    smtp_body_end(&s->body);
    s->reading = SMTP_READS_COMMANDS;
    s->base.bulk = false;
    s->mail->body_us = s->base.now_us;
    trouble = smtp_body_trouble(s);
    if (trouble == SMTP_ANSWER_NONE) {
        smtp_state_set(s, SMTP_READY);
        smtp_request_open(s, REQUEST_SMTP_STORE);
        return;
    }
    s->command = "END-OF-MESSAGE";
    for (unsigned i = 0; i < smtp_answers_due(s->mail); i++)
        smtp_reject(s, trouble, NULL);
    smtp_mail_drop(s);
}

size_t smtp_data_input(struct smtp_session *s, struct span bytes)
{
    bool end;
    size_t eaten = smtp_body_eat(s, bytes, &end);

    if (end)
        smtp_message_complete(s);
    else
        smtp_body_maybe_send(s);
    return eaten;
}

/* ---- BDAT ---- */

static bool smtp_bdat_parse(struct span args, uint64_t *size_r, bool *last_r)
{
    struct span at = args;

    *last_r = false;
    if (!scan_number(&at, INT64_MAX, size_r))
        return false;
    if (scan_end(&at))
        return true;
    *last_r = true;
    if (at.at[0] != ' ' && at.at[0] != '\t')
        return false;
    scan_blanks(&at);
    return scan_nocase(&at, SPAN("LAST")) && scan_end(&at);
}

/* "1432 bytes queued as 1D7FE400A4C9", the longest. */
enum {
    SMTP_CHUNK_TEXT_MAX = NUMBER_TEXT_MAX + 6 + 11 + SMTP_QUEUE_ID_MAX,
};

static struct span smtp_chunk_text(char text[SMTP_CHUNK_TEXT_MAX], uint64_t bytes,
                                   const char *queue_id)
{
    size_t len = number_write(text, bytes);

    memcpy(text + len, " bytes", 6);
    len += 6;
    if (queue_id != NULL) {
        memcpy(text + len, " queued as ", 11);
        len += 11;
        memcpy(text + len, queue_id, strlen(queue_id));
        len += strlen(queue_id);
    }
    return (struct span){text, len};
}

/* Why the chunk that is announced can't be taken; its bytes come all the same. */
static enum smtp_answer smtp_chunk_refusal(const struct smtp_session *s, uint64_t size, bool last)
{
    enum smtp_answer refusal = smtp_verb_refusal(s, s->verb);

    if (refusal != SMTP_ANSWER_NONE)
        return refusal;
    if (s->state == SMTP_CHUNKS && s->trouble != SMTP_ANSWER_NONE)
        return SMTP_CHUNK_DROPPED;
    if (size == 0 && !last)
        return SMTP_NULL_CHUNK;
    if (size > s->settings->message_size_limit ||
        (s->state == SMTP_CHUNKS && s->chunk_total > s->settings->message_size_limit - size))
        return SMTP_TOO_BIG;
    return SMTP_ANSWER_NONE;
}

/* The refused chunk is over: now the client may know. Inside a transaction nothing but RSET or the
 * last chunk helps it any more. */
static void smtp_chunk_refused(struct smtp_session *s)
{
    char text[SMTP_CHUNK_TEXT_MAX];
    bool in_transaction = s->state == SMTP_RCPT || s->state == SMTP_CHUNKS;

    s->reading = SMTP_READS_COMMANDS;
    s->base.bulk = false;
    if (s->chunk_answer == SMTP_CHUNK_DROPPED)
        smtp_say_of(s, s->chunk_answer, (struct span){text, number_write(text, s->chunk_size)});
    else
        smtp_reject(s, s->chunk_answer, NULL);
    if (!in_transaction)
        return;
    if (s->state == SMTP_RCPT)
        smtp_body_start(s, true);
    if (s->trouble == SMTP_ANSWER_NONE)
        smtp_body_give_up(s, s->chunk_answer);
    smtp_state_set(s, SMTP_CHUNKS);
    if (s->chunk_last)
        smtp_mail_drop(s);
}

static void smtp_chunk_begin_refused(struct smtp_session *s, enum smtp_answer refusal)
{
    s->chunk_answer = refusal;
    if (s->chunk_size > SMTP_SKIP_CHUNK_MAX) {
        smtp_reject(s, refusal, NULL);
        smtp_close(s);
        return;
    }
    s->reading = SMTP_READS_CHUNK_REFUSED;
    s->base.bulk = true;
    if (s->chunk_left == 0)
        smtp_chunk_refused(s);
}

static void smtp_chunk_done(struct smtp_session *s)
{
    char text[SMTP_CHUNK_TEXT_MAX];

    if (s->chunk_last) {
        smtp_message_complete(s);
        return;
    }
    s->reading = SMTP_READS_COMMANDS;
    s->base.bulk = false;
    if (s->trouble != SMTP_ANSWER_NONE)
        smtp_say(s, s->trouble);
    else
        smtp_say_of(s, SMTP_OK_BYTES, smtp_chunk_text(text, s->chunk_size, NULL));
}

void smtp_bdat_cmd(struct smtp_session *s, struct span args)
{
    enum smtp_answer refusal;

    if (!smtp_bdat_parse(args, &s->chunk_size, &s->chunk_last)) {
        smtp_say(s, SMTP_SYNTAX_BDAT); /* nobody knows where the next command begins: 521 */
        return;
    }
    s->chunk_left = s->chunk_size;
    refusal = smtp_chunk_refusal(s, s->chunk_size, s->chunk_last);
    if (refusal != SMTP_ANSWER_NONE) {
        smtp_chunk_begin_refused(s, refusal);
        return;
    }
    if (s->state == SMTP_RCPT)
        smtp_body_start(s, true);
    smtp_state_set(s, SMTP_CHUNKS);
    s->chunk_total += s->chunk_size;
    s->reading = SMTP_READS_CHUNK;
    s->base.bulk = true;
    if (s->chunk_left == 0)
        smtp_chunk_done(s);
}

size_t smtp_chunk_input(struct smtp_session *s, struct span bytes)
{
    bool end;
    size_t eaten = smtp_body_eat(s, span_first(bytes, s->chunk_left), &end);

    s->chunk_left -= eaten;
    smtp_body_maybe_send(s);
    if (s->chunk_left == 0 && s->mail != NULL)
        smtp_chunk_done(s);
    return eaten;
}

size_t smtp_chunk_skip(struct smtp_session *s, struct span bytes)
{
    size_t len = span_first(bytes, s->chunk_left).len;

    s->chunk_left -= len;
    if (s->chunk_left == 0)
        smtp_chunk_refused(s);
    return len;
}

/* ---- answers of the service ---- */

static enum smtp_answer smtp_answer_of(enum request_status status)
{
    return status == REQUEST_FULL ? SMTP_DISK_FULL : SMTP_QUEUE_ERROR;
}

/* A block of the body was taken, or could not be. */
void smtp_body_reply(struct smtp_session *s, struct smtp_store_request *answered)
{
    s->mail = answered;
    s->base.want = SESSION_WANT_INPUT;
    if (answered->base.status != REQUEST_OK)
        smtp_body_give_up(s, smtp_answer_of(answered->base.status));
    if (s->reading == SMTP_READS_CHUNK && s->chunk_left == 0)
        smtp_chunk_done(s);
}

static void smtp_say_stored(struct smtp_session *s, const struct smtp_store_request *mail)
{
    char text[SMTP_CHUNK_TEXT_MAX];

    if (s->is_chunked)
        smtp_say_of(s, SMTP_OK_BYTES, smtp_chunk_text(text, s->chunk_total, mail->queue_id));
    else
        smtp_say_of(s, SMTP_QUEUED, span_str(mail->queue_id));
}

/* One answer: of the message, or in LMTP of one of its recipients. */
static void smtp_say_result(struct smtp_session *s, const struct smtp_store_request *mail,
                            const struct smtp_recipient *rcpt)
{
    const struct smtp_verdict *verdict = &mail->verdict;

    if (mail->is_lmtp && rcpt->verdict.code != 0)
        verdict = &rcpt->verdict;
    if (verdict->code != 0 && verdict->code != 250)
        smtp_reject_verdict(s, verdict, mail->sender, &rcpt->address);
    else if (mail->base.status == REQUEST_OK)
        smtp_say_stored(s, mail);
    else
        smtp_say(s, smtp_answer_of(mail->base.status));
}

void smtp_store_reply(struct smtp_session *s, struct smtp_store_request *answered)
{
    ensure(answered->recipient_count > 0);
    s->command = "END-OF-MESSAGE";
    s->base.want = SESSION_WANT_INPUT;
    s->mail = answered;
    if (answered->base.status == REQUEST_OK) {
        s->errors = s->junk = 0;
        smtp_note(s, SMTP_NOTE_STORED, (struct span){NULL, 0});
    }
    for (unsigned i = 0; i < smtp_answers_due(answered); i++)
        smtp_say_result(s, answered, answered->recipients[i]);
    smtp_mail_drop(s);
}
