#include "core/base/clock.h"
#include "core/service/imap_run.h"
#include "core/service/imap_search_match.h"
#include "proto/session.h"

enum {
    SEARCH_STRESS_PART = 4
};

enum search_phase {
    SEARCH_MESSAGES,
    SEARCH_SYNC
};

static struct imap_search_request *search_of(struct imap_run *run)
{
    return (struct imap_search_request *)run->request;
}

static void search_hit(struct imap_run *run, uint32_t uid, uint32_t seq)
{
    chain_add_byte(run->out, ' ');
    chain_add_number(run->out, search_of(run)->by_uid ? uid : seq);
}

/* Some entries; false when the time or the room of this step is used up. */
static bool search_batch(struct imap_run *run, struct imap_searcher *searcher, size_t count,
                         uint64_t until_ns)
{
    struct imap_search_request *r = search_of(run);

    for (size_t i = 0; i < count; i++) {
        const struct store_entry *entry = &run->entries[i];
        uint32_t seq = imap_view_seq(r->imap.view, entry->uid);

        r->uid = entry->uid + 1;
        if (seq != 0 && imap_search_match(searcher, entry, &r->is_damaged))
            search_hit(run, entry->uid, seq);
        if (imap_run_is_full(run) || clock_monotonic_ns() > until_ns)
            return false;
    }
    return true;
}

/* Others have their turn sooner while the gateway is short of something. */
static uint64_t slice_ns(const struct imap_search_request *r)
{
    uint64_t ns = (uint64_t)r->imap.settings->search_slice_ms * 1000000;

    return r->imap.base.session->stress > SESSION_AT_EASE ? ns / SEARCH_STRESS_PART : ns;
}

/* The answer is one line, however many steps it takes to write it. */
static enum imap_next search_messages(struct imap_run *run)
{
    struct imap_search_request *r = search_of(run);
    struct imap_range bounds = imap_search_bounds(r);
    uint64_t until_ns = clock_monotonic_ns() + slice_ns(r);
    struct imap_searcher *searcher = imap_searcher_new(run, r);
    bool has_time = true;
    size_t count = 0;

    if (!r->has_begun)
        chain_add(run->out, SPAN("* SEARCH"));
    r->has_begun = true;
    if (r->uid < bounds.from)
        r->uid = bounds.from;
    do {
        run->status = imap_run_status(imap_run_entries(run, r->uid, bounds.to, &count));
        has_time = search_batch(run, searcher, count, until_ns);
    } while (count == IMAP_ENTRIES && has_time && r->uid != 0);
    imap_searcher_free(&searcher);
    if (!has_time && r->uid != 0)
        return IMAP_NEXT_MORE;
    chain_add(run->out, SPAN("\r\n"));
    return IMAP_NEXT_DONE;
}

static enum imap_next search_step(struct imap_run *run)
{
    struct imap_search_request *r = search_of(run);
    enum imap_next next;

    if (r->imap.phase == SEARCH_MESSAGES) {
        next = search_messages(run);
        if (next != IMAP_NEXT_DONE || run->status != REQUEST_OK)
            return next;
        r->imap.phase = SEARCH_SYNC;
    }
    next = imap_sync_step(run);
    if (next == IMAP_NEXT_DONE && run->status == REQUEST_OK && r->is_damaged)
        run->status = REQUEST_DAMAGED;
    return next;
}

enum service_outcome imap_search_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, search_step);
}
