#include "proto/pop3/pop3_private.h"
#include "proto/text/scan.h"

static void retr_ask(struct pop3_session *s, uint32_t number, uint64_t lines)
{
    struct pop3_retr_request *r = pop3_request_new(REQUEST_POP3_RETR, sizeof(*r));

    r->number = number;
    r->lines = lines;
    r->is_utf8 = s->is_utf8;
    pop3_ask(s, &r->pop3);
}

void pop3_retr_cmd(struct pop3_session *s, struct span args)
{
    uint32_t number;

    if (pop3_number_arg(s, &args, false, &number))
        retr_ask(s, number, POP3_ALL_LINES);
}

void pop3_top_cmd(struct pop3_session *s, struct span args)
{
    uint32_t number;
    uint64_t lines;

    if (!pop3_number_arg(s, &args, true, &number))
        return;
    /* No message has as many lines as do not fit the number. */
    if (!scan_number(&args, POP3_ALL_LINES - 1, &lines) || (scan_blanks(&args), !scan_end(&args)))
        pop3_bad(s, SPAN("Invalid number of lines."));
    else
        retr_ask(s, number, lines);
}

static void retr_count(struct pop3_session *s, const struct pop3_retr_request *r)
{
    if (r->lines != POP3_ALL_LINES) {
        s->top_count++;
        s->top_bytes += r->bytes;
        return;
    }
    s->retr_count++;
    s->retr_bytes += r->bytes;
    if (!r->is_seen && !s->settings->no_flag_updates)
        pop3_marks_set(&s->drop.seen, &s->drop, r->number);
}

static void retr_gone(struct pop3_session *s, uint32_t number)
{
    struct chain text = {0};

    chain_addf(&text, "[SYS/PERM] Message %u has been expunged.", number);
    pop3_err(s, chain_flat(&text));
    chain_free(&text);
}

void pop3_retr_answered(struct pop3_session *s, struct request *answered)
{
    const struct pop3_retr_request *r = (const struct pop3_retr_request *)answered;

    if (answered->status == REQUEST_OK) {
        retr_count(s, r);
        pop3_done(s);
    } else if (r->pop3.has_begun) {
        /* Half of the message is out, and nothing that could be said would not be a part of it. */
        pop3_close(s, "Storage error in a message");
    } else if (answered->status == REQUEST_NOT_FOUND) {
        retr_gone(s, r->number);
    } else {
        pop3_trouble(s, answered->status);
    }
}
