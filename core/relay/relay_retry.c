#include "core/relay/relay_retry.h"

int64_t relay_retry_due(const struct relay_settings *settings, uint32_t tries, int64_t now_us,
                        uint64_t dice)
{
    int64_t wait_us = settings->minimal_backoff_us;

    while (tries-- > 0 && wait_us < settings->maximal_backoff_us)
        wait_us *= 2;
    if (wait_us > settings->maximal_backoff_us)
        wait_us = settings->maximal_backoff_us;
    return now_us + wait_us + (int64_t)(dice % (uint64_t)(wait_us / 8 + 1));
}

bool relay_retry_is_over(const struct relay_settings *settings, int64_t arrival_us, bool is_bounce,
                         int64_t now_us)
{
    int64_t life_us =
        is_bounce ? settings->bounce_queue_lifetime_us : settings->maximal_queue_lifetime_us;

    return now_us - arrival_us >= life_us;
}
