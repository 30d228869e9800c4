#include "proto/pop3/pop3_private.h"
#include "proto/text/scan.h"

/* An answer that shows what was sent, when that can be shown. */
static void bad_arg(struct pop3_session *s, const char *what, struct span arg)
{
    struct chain text = {0};

    chain_add(&text, span_str(what));
    if (arg.len > 0 && scan_is_printable(arg) && scan_is_ascii(arg)) {
        chain_add(&text, SPAN(": "));
        chain_add(&text, arg);
    }
    pop3_bad(s, chain_flat(&text));
    chain_free(&text);
}

static void bad_number(struct pop3_session *s, uint64_t number)
{
    struct chain text = {0};

    chain_addf(&text, "There's no message %llu.", (unsigned long long)number);
    pop3_bad(s, chain_flat(&text));
    chain_free(&text);
}

bool pop3_number_arg(struct pop3_session *s, struct span *at, bool more, uint32_t *number_r)
{
    struct span arg = *at;
    uint64_t number;

    if (arg.len == 0 || arg.at[0] < '0' || arg.at[0] > '9') {
        bad_arg(s, "Invalid message number", arg);
    } else if (!scan_number(at, UINT32_MAX, &number)) {
        bad_arg(s, "Message number too large", arg);
    } else if (more ? !scan_byte(at, ' ') : (scan_blanks(at), !scan_end(at))) {
        bad_arg(s, "Noise after message number", *at);
    } else if (number == 0 || number > pop3_maildrop_count(&s->drop)) {
        bad_number(s, number);
    } else if (pop3_marks_has(&s->drop.deleted, (uint32_t)number)) {
        pop3_bad(s, SPAN("Message is deleted."));
    } else {
        scan_blanks(at);
        *number_r = (uint32_t)number;
        return true;
    }
    return false;
}

/* ---- STAT ---- */

void pop3_stat_cmd(struct pop3_session *s, struct span args)
{
    struct pop3_stat_request *r = pop3_request_new(REQUEST_POP3_STAT, sizeof(*r));

    (void)args;
    pop3_ask(s, &r->pop3);
}

void pop3_stat_answered(struct pop3_session *s, struct request *answered)
{
    const struct pop3_stat_request *r = (const struct pop3_stat_request *)answered;

    if (answered->status != REQUEST_OK) {
        pop3_trouble(s, answered->status);
        return;
    }
    chain_addf(&s->base.out, "+OK %u %llu\r\n", r->messages, (unsigned long long)r->octets);
    pop3_done(s);
}

/* ---- LIST and UIDL ---- */

static void list_ask(struct pop3_session *s, struct span args, bool by_uid)
{
    struct pop3_list_request *r;
    uint32_t number = 0;

    scan_blanks(&args);
    if (!scan_end(&args) && !pop3_number_arg(s, &args, false, &number))
        return;
    r = pop3_request_new(REQUEST_POP3_LIST, sizeof(*r));
    r->by_uid = by_uid;
    r->number = number;
    pop3_ask(s, &r->pop3);
}

void pop3_list_cmd(struct pop3_session *s, struct span args)
{
    list_ask(s, args, false);
}

void pop3_uidl_cmd(struct pop3_session *s, struct span args)
{
    list_ask(s, args, true);
}

void pop3_list_answered(struct pop3_session *s, struct request *answered)
{
    const struct pop3_list_request *r = (const struct pop3_list_request *)answered;

    if (answered->status == REQUEST_OK)
        pop3_done(s);
    else if (r->pop3.has_begun)
        pop3_close(s, "Storage error in a listing");
    else
        pop3_trouble(s, answered->status);
}

/* ---- marks ---- */

void pop3_dele_cmd(struct pop3_session *s, struct span args)
{
    uint32_t number;

    if (!pop3_number_arg(s, &args, false, &number))
        return;
    pop3_marks_set(&s->drop.deleted, &s->drop, number);
    pop3_ok(s, SPAN("Marked to be deleted."));
}

/* As the POP3 of Dovecot has it, what was read is forgotten as well. */
void pop3_rset_cmd(struct pop3_session *s, struct span args)
{
    (void)args;
    pop3_marks_clear(&s->drop.deleted);
    pop3_marks_clear(&s->drop.seen);
    pop3_ok(s, SPAN(""));
}
