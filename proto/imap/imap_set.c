#include "proto/imap/imap_set.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

enum {
    SET_STAR = 0, /* stands for "*", which no number can be */
};

static bool set_number(struct span *at, uint32_t *number_r)
{
    if (scan_byte(at, '*')) {
        *number_r = SET_STAR;
        return true;
    }
    return imap_token_number(at, number_r) && *number_r != 0;
}

static bool set_element(struct span *at, uint32_t *a_r, uint32_t *b_r)
{
    if (!set_number(at, a_r))
        return false;
    *b_r = *a_r;
    return !scan_byte(at, ':') || set_number(at, b_r);
}

/* An element as a range of numbers; false when it means nothing, because there is no last one. */
static bool set_range(uint32_t a, uint32_t b, uint32_t last, struct imap_range *range_r)
{
    if (last == 0 && (a == SET_STAR || b == SET_STAR))
        return false;
    a = a == SET_STAR ? last : a;
    b = b == SET_STAR ? last : b;
    *range_r = a <= b ? (struct imap_range){a, b} : (struct imap_range){b, a};
    return true;
}

static int range_compare(const void *a, const void *b)
{
    const struct imap_range *left = a, *right = b;

    return (left->from > right->from) - (left->from < right->from);
}

static void ranges_tidy(struct imap_ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count == 0)
        return;
    qsort(ranges->at, ranges->count, sizeof(*ranges->at), range_compare);
    for (size_t i = 1; i < ranges->count; i++) {
        struct imap_range *last = &ranges->at[kept], next = ranges->at[i];

        if (last->to == UINT32_MAX || next.from <= last->to + 1)
            last->to = next.to > last->to ? next.to : last->to;
        else
            ranges->at[++kept] = next;
    }
    ranges->count = kept + 1;
    ranges->at = xrealloc(ranges->at, ranges->count * sizeof(*ranges->at));
}

static void ranges_add(struct imap_ranges *ranges, struct imap_range range)
{
    struct imap_range *last = ranges->count == 0 ? NULL : &ranges->at[ranges->count - 1];

    if (last != NULL && last->from <= range.from && range.to <= last->to)
        return;
    /* Room doubles whenever the count has reached a power of two. */
    if ((ranges->count & (ranges->count - 1)) == 0)
        ranges->at = xrealloc(ranges->at, (ranges->count * 2 + 1) * sizeof(*ranges->at));
    ranges->at[ranges->count++] = range;
}

/* Sequence numbers to UIDs; false when there is no such message. `open` ends in "*". */
static bool range_to_uids(const struct imap_view *view, bool open, struct imap_range *range)
{
    uint32_t count = imap_view_count(view);

    if (range->to > count) {
        if (!open)
            return false;
        /* "9:*" of five messages is their last. */
        *range = (struct imap_range){count, count};
    }
    *range = (struct imap_range){imap_view_uid(view, range->from), imap_view_uid(view, range->to)};
    return true;
}

enum imap_set_result imap_set_parse(struct span *at, const struct imap_view *view, bool by_uid,
                                    struct imap_ranges *uids_r)
{
    uint32_t last = by_uid ? imap_view_last_uid(view) : imap_view_count(view);
    struct imap_ranges found = {NULL, 0};
    enum imap_set_result result = IMAP_SET_OK;
    uint32_t a, b;

    do {
        struct imap_range range;

        if (!set_element(at, &a, &b)) {
            free(found.at);
            return IMAP_SET_SYNTAX;
        }
        if (!set_range(a, b, last, &range))
            continue;
        if (by_uid || range_to_uids(view, a == SET_STAR || b == SET_STAR, &range))
            ranges_add(&found, range);
        else
            result = IMAP_SET_NO_SUCH;
    } while (scan_byte(at, ','));
    if (result != IMAP_SET_OK) {
        free(found.at);
        return result;
    }
    ranges_tidy(&found);
    *uids_r = found;
    return IMAP_SET_OK;
}

bool imap_ranges_hold(const struct imap_ranges *ranges, uint32_t number)
{
    size_t low = 0, high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->at[middle].to < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && ranges->at[low].from <= number;
}
