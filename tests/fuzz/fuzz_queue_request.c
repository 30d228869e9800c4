/* fuzz_queue_request: any bytes as a request for the queue: what is taken is within its bounds, and
 * a change is never for everybody unless that was said. */

#include "core/base/ensure.h"
#include "core/base/map.h"
#include "core/gateway/queue_request.h"
#include "core/gateway/queue_text.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct queue_request *q)
{
    ensure(q->act < QUEUE_ACTS && q->format < QUEUE_FORMATS);
    ensure(q->buckets >= 1 && q->buckets <= QUEUE_BUCKETS_MAX && q->tick_minutes >= 1);
    ensure(q->from.len <= QUEUE_VALUE_MAX && q->reason.len <= QUEUE_VALUE_MAX);
    ensure((q->states & ~(unsigned)QUEUE_STATES_ALL) == 0);
    ensure(q->ids == NULL || (map_count(q->ids) >= 1 && map_count(q->ids) <= QUEUE_IDS_MAX));
    if (queue_request_changes(q))
        ensure(q->all || q->ids != NULL || q->has_from || q->to.len > 0 || q->to_domain.len > 0 ||
               q->reason.len > 0 || q->age_s > 0 || q->young_s > 0 || q->states != 0);
}

/* A JSON string ends where it should: no quote, backslash or control in it goes unescaped. */
static void check_json(struct span text)
{
    struct chain out = {0};
    struct span json;
    size_t i = 1;

    queue_text_add_json(&out, text);
    json = chain_flat(&out);
    ensure(json.len >= 2 && json.at[0] == '"' && json.at[json.len - 1] == '"');
    while (i < json.len - 1) {
        ensure((unsigned char)json.at[i] >= 0x20 && json.at[i] != '"');
        i += json.at[i] == '\\' ? 2 : 1;
    }
    ensure(i == json.len - 1);
    chain_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct queue_request q;
    struct chain why = {0};

    queue_request_init(&q);
    if (queue_request_read(&q, text, &why))
        check(&q);
    else
        ensure(why.len > 0);
    queue_request_end(&q);
    chain_free(&why);
    check_json(text);
    return 0;
}
