/* queue_match: whether a message or a recipient is one that was asked for. */

#include "core/base/map.h"
#include "core/gateway/queue_run_private.h"
#include "core/gateway/queue_text.h"

unsigned queue_match_state(const struct store_queue_recipient *r, int64_t now_us)
{
    if ((r->marks & STORE_QUEUE_HELD) != 0)
        return QUEUE_IS_HELD;
    return r->due_us <= now_us ? QUEUE_IS_ACTIVE : QUEUE_IS_DEFERRED;
}

/* "example.com" is that domain, ".example.com" what is below it. */
static bool is_in_domain(struct span domain, struct span wanted)
{
    if (wanted.len > 0 && wanted.at[0] == '.')
        return domain.len > wanted.len &&
               span_eq_nocase(span_after(domain, domain.len - wanted.len), wanted);
    return span_eq_nocase(domain, wanted);
}

static bool is_address(struct span address, struct span wanted)
{
    if (wanted.len > 0 && wanted.at[0] == '@')
        return is_in_domain(queue_text_domain(address), span_after(wanted, 1));
    return span_eq_nocase(address, wanted);
}

static bool has_part(struct span text, struct span part)
{
    while (text.len >= part.len) {
        if (span_eq_nocase(span_first(text, part.len), part))
            return true;
        text = span_after(text, 1);
    }
    return false;
}

bool queue_match_id(const struct queue_request *q, struct span queue_id)
{
    return q->ids == NULL || map_get(q->ids, queue_id) != NULL;
}

bool queue_match_envelope(const struct queue_request *q, const struct store_queue_envelope *e,
                          int64_t now_us)
{
    int64_t age_s = (now_us - e->arrival_us) / 1000000;

    if (q->has_from && !is_address(e->sender, q->from))
        return false;
    if (q->age_s > 0 && age_s < (int64_t)q->age_s)
        return false;
    return q->young_s == 0 || age_s <= (int64_t)q->young_s;
}

bool queue_match_recipient(const struct queue_request *q, const struct store_queue_recipient *r,
                           int64_t now_us)
{
    if (q->states != 0 && (q->states & queue_match_state(r, now_us)) == 0)
        return false;
    if (q->to.len > 0 && !is_address(r->address, q->to))
        return false;
    if (q->to_domain.len > 0 && !is_in_domain(queue_text_domain(r->address), q->to_domain))
        return false;
    return q->reason.len == 0 || has_part(r->status, q->reason);
}
