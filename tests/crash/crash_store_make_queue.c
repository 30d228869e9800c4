/* The queue: mail comes into it, is tried, held, sent elsewhere, and goes. */

#include "tests/crash/crash_store_queue.h"

#include <stdio.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/crash/crash_store_making.h"

enum {
    RECIPIENTS_MAX = 4,
    UPDATES_MAX = 3,
    TEXT_SIZE = 64,
};

/* ---- texts, made from numbers ---- */

static struct span text_of(const char *format, uint32_t a, uint32_t b, char text[TEXT_SIZE])
{
    int len = snprintf(text, TEXT_SIZE, format, a, b);

    return (struct span){text, (size_t)len};
}

static struct span address_of(uint32_t number, uint32_t address, char text[TEXT_SIZE])
{
    return text_of("r%u.%u@example.com", number, address, text);
}

static struct span hop_of(uint32_t hop, char text[TEXT_SIZE])
{
    return hop == 0 ? SPAN("") : text_of("[hop%u.example.com]:%u", hop, hop, text);
}

static struct span status_of(uint32_t code, char text[TEXT_SIZE])
{
    return code == 0 ? SPAN("") : text_of("host said: %u %u", code, code, text);
}

static struct store_queue_envelope envelope_of(uint32_t message, char texts[2][TEXT_SIZE])
{
    return (struct store_queue_envelope){
        .queue_id = text_of("Q%u.%u", message, 0, texts[0]),
        .sender = message % 7 == 0 ? SPAN("") : text_of("s%u.%u@example.org", message, 0, texts[1]),
        .arrival_us = message,
        .priority = (int8_t)(message % 19),
        .flags = message % (STORE_QUEUE_FLAGS_ALL + 1),
    };
}

/* ---- a store's row as the model has it ---- */

bool queue_message_is(const struct store_queue_message *m, uint32_t *message_r)
{
    const struct store_queue_envelope *e = &m->envelope;
    const char *dot = memchr(e->queue_id.at, '.', e->queue_id.len);
    char texts[2][TEXT_SIZE];
    struct store_queue_envelope right;
    uint64_t number;

    if (dot == NULL || dot == e->queue_id.at ||
        !number_parse((struct span){e->queue_id.at + 1, (size_t)(dot - e->queue_id.at) - 1},
                      LOAD_MESSAGES_MAX, &number))
        return false;
    *message_r = (uint32_t)number;
    right = envelope_of(*message_r, texts);
    return span_eq(right.queue_id, e->queue_id) && span_eq(right.sender, e->sender) &&
           right.arrival_us == e->arrival_us && right.priority == e->priority &&
           right.flags == e->flags;
}

/* Which of the texts that there can be it is. */
static uint32_t number_of(struct span text, struct span (*make)(uint32_t, char[TEXT_SIZE]),
                          uint32_t below)
{
    char right[TEXT_SIZE];

    for (uint32_t i = 0; i < below; i++) {
        if (span_eq(text, make(i, right)))
            return i;
    }
    return below;
}

bool queue_recipient_is(const struct store_queue_recipient *r, uint32_t message,
                        struct model_queued *q)
{
    char text[TEXT_SIZE], first[TEXT_SIZE];

    *q = (struct model_queued){
        .message = message,
        .number = r->number,
        .tries = r->tries,
        .marks = r->marks,
        .code = r->code,
        .hop = number_of(r->nexthop, hop_of, MODEL_HOPS),
        .due = r->due_us,
    };
    while (q->address < MODEL_HOPS && !span_eq(r->address, address_of(r->number, q->address, text)))
        q->address++;
    return q->address < MODEL_HOPS && q->hop < MODEL_HOPS &&
           span_eq(r->status, status_of(r->code, text)) &&
           span_eq(r->original, q->address == 0 ? SPAN("") : address_of(r->number, 0, first));
}

/* ---- making ---- */

static uint32_t next_due(struct making *g)
{
    return ++g->load->due;
}

void make_queued(struct making *g, unsigned record, uint32_t message)
{
    struct store_queue_recipient recipients[RECIPIENTS_MAX];
    char addresses[RECIPIENTS_MAX][TEXT_SIZE], texts[2][TEXT_SIZE];
    struct store_queue_envelope envelope = envelope_of(message, texts);
    uint32_t count = 1 + (uint32_t)load_random(g->load, RECIPIENTS_MAX);
    struct model *m = g->m;

    if (m->queued_count + count > MODEL_QUEUED_MAX)
        count = 1;
    ensure(m->queued_count + count <= MODEL_QUEUED_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct model_queued *q = &m->queued[m->queued_count++];
        *q = (struct model_queued){.message = message, .number = i, .due = next_due(g)};
        q->marks = load_random(g->load, 8) == 0 ? STORE_QUEUE_HELD : 0;
        recipients[i] = (struct store_queue_recipient){
            .address = address_of(i, 0, addresses[i]), .marks = q->marks, .due_us = q->due};
    }
    store_change_queue(g->change, record, &envelope, recipients, count);
    g->expected->queued[g->expected->count] = message;
    making_expect(g, 0);
}

bool making_may_queue(const struct making *g)
{
    return g->m->queued_count < MODEL_QUEUED_MAX;
}

static void start_again(struct model_queued *q, const struct model_queued *to)
{
    *q = (struct model_queued){.message = q->message,
                               .number = q->number,
                               .address = q->address,
                               .marks = q->marks & STORE_QUEUE_HELD,
                               .hop = to->hop,
                               .due = to->due};
}

/* The model's side; `to` has what the update says. */
static void alter(struct model_queued *q, enum store_queue_what what, const struct model_queued *to)
{
    switch (what) {
    case STORE_QUEUE_LATER:
        q->tries++;
        q->code = to->code;
        q->due = to->due;
        break;
    case STORE_QUEUE_HOLD:
        q->marks |= STORE_QUEUE_HELD;
        break;
    case STORE_QUEUE_RELEASE:
        q->marks &= ~(uint32_t)STORE_QUEUE_HELD;
        q->due = to->due;
        break;
    case STORE_QUEUE_EXPIRE:
        q->marks |= STORE_QUEUE_EXPIRED;
        q->due = to->due;
        break;
    case STORE_QUEUE_RETRY:
        q->due = to->due;
        break;
    case STORE_QUEUE_WARN:
        q->marks |= STORE_QUEUE_WARNED;
        break;
    case STORE_QUEUE_REDIRECT:
        start_again(q, to);
        q->address = to->address;
        break;
    case STORE_QUEUE_REQUEUE:
        start_again(q, to);
        break;
    case STORE_QUEUE_DONE:
    case STORE_QUEUE_WHATS:
        break;
    }
}

/* False when there is no such recipient. */
static bool apply(struct model *m, uint32_t message, uint32_t number, enum store_queue_what what,
                  const struct model_queued *to)
{
    for (uint32_t i = 0; i < m->queued_count; i++) {
        struct model_queued *q = &m->queued[i];
        if (q->message != message || q->number != number)
            continue;
        alter(q, what, to);
        if (what == STORE_QUEUE_DONE) {
            m->queued_count--;
            memmove(q, q + 1, (m->queued_count - i) * sizeof(*q));
        }
        return true;
    }
    return false;
}

static bool has(const struct model *m, uint32_t message)
{
    for (uint32_t i = 0; i < m->queued_count; i++) {
        if (m->queued[i].message == message)
            return true;
    }
    return false;
}

/* A message that was there before the change and whose id an answer told. */
static uint32_t message_choose(struct making *g)
{
    const struct model *before = making_before(g);
    uint32_t message;

    if (before->queued_count == 0)
        return 0;
    message = before->queued[load_random(g->load, before->queued_count)].message;
    return g->load->ids[message] != 0 && has(g->m, message) ? message : 0;
}

void make_queue_state(struct making *g)
{
    struct store_queue_update updates[UPDATES_MAX];
    char texts[UPDATES_MAX][3][TEXT_SIZE];
    uint32_t message = message_choose(g), gone = 0;
    size_t count = 1 + load_random(g->load, UPDATES_MAX);
    struct model before = *g->m;

    if (message == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct model_queued to = {.code = 400 + (uint32_t)load_random(g->load, 100),
                                        .hop = (uint32_t)load_random(g->load, MODEL_HOPS),
                                        .address =
                                            1 + (uint32_t)load_random(g->load, MODEL_HOPS - 1),
                                        .due = next_due(g)};
        struct store_queue_update *u = &updates[i];
        *u = (struct store_queue_update){
            .number = (uint32_t)load_random(g->load, RECIPIENTS_MAX),
            .what = load_random(g->load, 2) == 0
                        ? STORE_QUEUE_DONE
                        : (enum store_queue_what)load_random(g->load, STORE_QUEUE_WHATS),
            .due_us = to.due,
            .code = (uint16_t)to.code,
            .status = status_of(to.code, texts[i][0]),
            .nexthop = hop_of(to.hop, texts[i][1]),
        };
        u->address = address_of(u->number, to.address, texts[i][2]);
        gone += !apply(g->m, message, u->number, u->what, &to);
    }
    if (before.queued_count == g->m->queued_count &&
        memcmp(before.queued, g->m->queued, sizeof(before.queued)) == 0)
        return;
    store_change_queue_state(g->change, g->load->ids[message], updates, count,
                             !g->alters && gone == 0 && load_random(g->load, 2) == 0);
    g->expected->is_over[g->expected->count] = !has(g->m, message);
    making_expect(g, 0);
}
