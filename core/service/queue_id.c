#include "core/service/queue_id.h"

#include <stdatomic.h>

#include "core/base/number.h"

enum {
    QUEUE_ID_DIGITS = 13,
};

static _Atomic uint64_t queue_id_last;

void queue_id_next(int64_t now_us, char id[SMTP_QUEUE_ID_MAX])
{
    uint64_t now = now_us < 0 ? 0 : (uint64_t)now_us;
    uint64_t last = atomic_load_explicit(&queue_id_last, memory_order_relaxed), next;

    do
        next = now > last ? now : last + 1;
    while (!atomic_compare_exchange_weak_explicit(&queue_id_last, &last, next, memory_order_relaxed,
                                                  memory_order_relaxed));
    id[number_write_hex(id, next, QUEUE_ID_DIGITS)] = '\0';
}
