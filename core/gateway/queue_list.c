/* queue_list: the queue as it is listed: our own way, one recipient a line, or all that is known of
 * a message; as JSON; and as Postfix's postqueue shows it. */

#include "core/gateway/queue_run_private.h"
#include "core/gateway/queue_text.h"

/* ---- words ---- */

static const char *state_word(unsigned state)
{
    if ((state & QUEUE_IS_ACTIVE) != 0)
        return "active";
    return (state & QUEUE_IS_DEFERRED) != 0 ? "deferred" : "hold";
}

/* Postfix shows the null sender by the name that its notifications have. */
static struct span sender_of(const struct store_queue_envelope *e)
{
    return e->sender.len > 0 ? e->sender : SPAN("MAILER-DAEMON");
}

static void add_time(struct chain *out, const char *format, int64_t us)
{
    char text[QUEUE_TIME_MAX];

    chain_add(out, queue_text_time(us, format, text));
}

/* ---- one recipient a line ---- */

static void text_part(struct queue_run *run, const struct queue_part *part)
{
    const struct store_queue_envelope *e = part->envelope;
    struct chain *out = run->out;

    for (size_t i = 0; i < part->count; i++) {
        const struct store_queue_recipient *r = &part->rows[i];

        queue_text_add(out, e->queue_id);
        chain_addf(out, " %8u ", e->size);
        add_time(out, "%Y-%m-%d %H:%M:%S", e->arrival_us);
        chain_addf(out, " %-8s <", state_word(queue_match_state(r, run->now_us)));
        queue_text_add(out, e->sender);
        chain_add(out, SPAN("> <"));
        queue_text_add(out, r->address);
        chain_add(out, SPAN(">"));
        if (r->status.len > 0) {
            chain_add(out, SPAN(" ("));
            queue_text_add(out, r->status);
            chain_add_byte(out, ')');
        }
        chain_add_byte(out, '\n');
    }
}

const struct queue_use queue_use_text = {.part = text_part};

/* ---- all that is known ---- */

static void show_text(struct chain *out, const char *name, struct span text)
{
    if (text.len == 0)
        return;
    chain_add(out, span_str(name));
    queue_text_add(out, text);
    chain_add_byte(out, '\n');
}

static void show_time(struct chain *out, const char *name, int64_t us)
{
    if (us == 0)
        return;
    chain_add(out, span_str(name));
    add_time(out, "%Y-%m-%d %H:%M:%S %z", us);
    chain_add_byte(out, '\n');
}

static void show_begin(struct queue_run *run, const struct queue_part *part)
{
    static const char *const bodies[] = {"", "7BIT", "8BITMIME", "BINARYMIME"};
    const struct store_queue_envelope *e = part->envelope;
    struct chain *out = run->out;

    if (run->messages > 1)
        chain_add_byte(out, '\n');
    show_text(out, "message:    ", e->queue_id);
    chain_add(out, SPAN("sender:     <"));
    queue_text_add(out, e->sender);
    chain_addf(out, ">\nsize:       %u\n", e->size);
    show_time(out, "arrival:    ", e->arrival_us);
    show_text(out, "client:     ", e->client);
    show_text(out, "login:      ", e->login);
    show_text(out, "auth:       ", e->auth);
    show_text(out, "envid:      ", e->envid);
    show_text(out, "ret:        ",
              e->ret == 0   ? SPAN("")
              : e->ret == 1 ? SPAN("FULL")
                            : SPAN("HDRS"));
    show_text(out, "body:       ", span_str(e->body < COUNT_OF(bodies) ? bodies[e->body] : ""));
    show_text(out, "verp:       ", e->verp);
    if (e->priority != 0)
        chain_addf(out, "priority:   %d\n", e->priority);
    if ((e->flags & (STORE_QUEUE_UTF8 | STORE_QUEUE_REQUIRETLS)) != 0)
        chain_addf(out, "needs:     %s%s\n", (e->flags & STORE_QUEUE_UTF8) != 0 ? " SMTPUTF8" : "",
                   (e->flags & STORE_QUEUE_REQUIRETLS) != 0 ? " REQUIRETLS" : "");
    show_time(out, "deliver-by: ", e->deliver_by_us);
    show_time(out, "hold-until: ", e->hold_until_us);
    chain_addf(out, "recipients: %u at first\n", e->recipients);
}

static void show_notify(struct chain *out, unsigned notify)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    const char *separator = "";

    if (notify == 0)
        return;
    chain_add(out, SPAN("  notify:   "));
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((notify & 1U << i) == 0)
            continue;
        chain_addf(out, "%s%s", separator, words[i]);
        separator = ",";
    }
    chain_add_byte(out, '\n');
}

static void show_part(struct queue_run *run, const struct queue_part *part)
{
    struct chain *out = run->out;

    for (size_t i = 0; i < part->count; i++) {
        const struct store_queue_recipient *r = &part->rows[i];

        chain_add(out, SPAN("recipient:  <"));
        queue_text_add(out, r->address);
        chain_addf(out, ">\n  state:    %s%s\n", state_word(queue_match_state(r, run->now_us)),
                   (r->marks & STORE_QUEUE_EXPIRED) != 0 ? ", to be returned" : "");
        show_text(out, "  original: ", r->original);
        show_text(out, "  orcpt:    ", r->orcpt);
        show_notify(out, r->notify);
        show_text(out, "  nexthop:  ", r->nexthop);
        show_time(out, "  due:      ", r->due_us);
        if (r->tries > 0)
            chain_addf(out, "  tries:    %u\n", r->tries);
        show_time(out, "  tried:    ", r->tried_us);
        show_text(out, "  host:     ", r->host);
        show_text(out, "  dsn:      ", r->dsn);
        show_text(out, "  reason:   ", r->status);
    }
}

const struct queue_use queue_use_show = {.begin = show_begin, .part = show_part};

/* ---- JSON ---- */

static void json_text(struct chain *out, const char *name, struct span text)
{
    chain_addf(out, "\"%s\": ", name);
    queue_text_add_json(out, text);
    chain_add(out, SPAN(", "));
}

static void json_begin(struct queue_run *run, const struct queue_part *part)
{
    const struct store_queue_envelope *e = part->envelope;
    struct chain *out = run->out;

    chain_add_byte(out, '{');
    json_text(out, "queue_id", e->queue_id);
    json_text(out, "sender", e->sender);
    json_text(out, "client", e->client);
    json_text(out, "login", e->login);
    json_text(out, "envid", e->envid);
    chain_addf(out,
               "\"size\": %u, \"arrival_us\": %lld, \"priority\": %d, \"smtputf8\": %s, "
               "\"requiretls\": %s, \"recipients_at_first\": %u, \"recipients\": [",
               e->size, (long long)e->arrival_us, e->priority,
               (e->flags & STORE_QUEUE_UTF8) != 0 ? "true" : "false",
               (e->flags & STORE_QUEUE_REQUIRETLS) != 0 ? "true" : "false", e->recipients);
    run->has_row = false;
}

static void json_comma(struct queue_run *run)
{
    if (run->has_row)
        chain_add(run->out, SPAN(", "));
    run->has_row = true;
}

static void json_part(struct queue_run *run, const struct queue_part *part)
{
    struct chain *out = run->out;

    for (size_t i = 0; i < part->count; i++) {
        const struct store_queue_recipient *r = &part->rows[i];

        json_comma(run);
        chain_add_byte(out, '{');
        json_text(out, "address", r->address);
        json_text(out, "original", r->original);
        json_text(out, "state", span_str(state_word(queue_match_state(r, run->now_us))));
        json_text(out, "nexthop", r->nexthop);
        json_text(out, "host", r->host);
        json_text(out, "dsn", r->dsn);
        json_text(out, "reason", r->status);
        chain_addf(out,
                   "\"number\": %u, \"code\": %u, \"tries\": %u, \"tried_us\": %lld, "
                   "\"due_us\": %lld, \"expired\": %s}",
                   r->number, r->code, r->tries, (long long)r->tried_us, (long long)r->due_us,
                   (r->marks & STORE_QUEUE_EXPIRED) != 0 ? "true" : "false");
    }
}

static void json_end(struct queue_run *run)
{
    chain_add(run->out, SPAN("]}\n"));
}

const struct queue_use queue_use_json = {.begin = json_begin, .part = json_part, .end = json_end};

/* ---- postqueue -p ---- */

/* Ids of ours are longer than Postfix's short ones, so this is its form for long ones. */
static void mailq_begin(struct queue_run *run, const struct queue_part *part)
{
    const struct store_queue_envelope *e = part->envelope;
    struct chain *out = run->out, name = {0};
    struct span text;

    if (run->messages == 1)
        chain_addf(out, "%-17s %8s %-19s %s\n", "----Queue ID-----", "--Size--",
                   "---Arrival Time----", "--Sender/Recipient------");
    else
        chain_add_byte(out, '\n');
    queue_text_add(&name, e->queue_id);
    if ((part->states & QUEUE_IS_ACTIVE) != 0)
        chain_add_byte(&name, '*');
    else if (part->states == QUEUE_IS_HELD)
        chain_add_byte(&name, '!');
    if (part->is_expired)
        chain_add_byte(&name, '#');
    text = chain_flat(&name);
    chain_addf(out, "%-17.*s %8u ", (int)text.len, text.at, e->size);
    chain_free(&name);
    add_time(out, "%a %b %e %H:%M:%S ", e->arrival_us);
    queue_text_add(out, sender_of(e));
    chain_add_byte(out, '\n');
    run->reason_len = 0;
}

/* A reason is said once for those who have it one after the other. */
static void mailq_reason(struct queue_run *run, const struct store_queue_recipient *r)
{
    struct span text = r->status.len > 0 ? r->status : SPAN("reason unavailable");

    if (span_eq(r->status, (struct span){run->reason, run->reason_len}))
        return;
    run->reason_len = span_first(r->status, sizeof(run->reason)).len;
    if (run->reason_len > 0)
        memcpy(run->reason, r->status.at, run->reason_len);
    chain_addf(run->out, "%*s(", text.len < 76 ? 76 - (int)text.len : 0, "");
    queue_text_add(run->out, text);
    chain_add(run->out, SPAN(")\n"));
}

static void mailq_part(struct queue_run *run, const struct queue_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        mailq_reason(run, &part->rows[i]);
        chain_addf(run->out, "%47s", "");
        queue_text_add(run->out, part->rows[i].address);
        chain_add_byte(run->out, '\n');
    }
}

static void mailq_finish(struct queue_run *run)
{
    if (run->messages == 0)
        chain_add(run->out, SPAN("Mail queue is empty\n"));
    else
        chain_addf(run->out, "\n-- %llu Kbytes in %llu Request%s.\n",
                   (unsigned long long)run->bytes / 1024, (unsigned long long)run->messages,
                   run->messages == 1 ? "" : "s");
}

const struct queue_use queue_use_mailq = {
    .begin = mailq_begin, .part = mailq_part, .finish = mailq_finish};

/* ---- postqueue -j ---- */

static void mailq_json_begin(struct queue_run *run, const struct queue_part *part)
{
    const struct store_queue_envelope *e = part->envelope;
    struct chain *out = run->out;

    chain_add_byte(out, '{');
    json_text(out, "queue_name", span_str(state_word(part->states)));
    json_text(out, "queue_id", e->queue_id);
    chain_addf(out, "\"arrival_time\": %lld, \"message_size\": %u, \"forced_expire\": %s, ",
               (long long)(e->arrival_us / 1000000), e->size, part->is_expired ? "true" : "false");
    json_text(out, "sender", sender_of(e));
    chain_add(out, SPAN("\"recipients\": ["));
    run->has_row = false;
}

static void mailq_json_part(struct queue_run *run, const struct queue_part *part)
{
    struct chain *out = run->out;

    for (size_t i = 0; i < part->count; i++) {
        json_comma(run);
        chain_add(out, SPAN("{\"address\": "));
        queue_text_add_json(out, part->rows[i].address);
        if (part->rows[i].status.len > 0) {
            chain_add(out, SPAN(", \"delay_reason\": "));
            queue_text_add_json(out, part->rows[i].status);
        }
        chain_add_byte(out, '}');
    }
}

const struct queue_use queue_use_mailq_json = {
    .begin = mailq_json_begin, .part = mailq_json_part, .end = json_end};
