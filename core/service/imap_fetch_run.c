
#include "core/service/imap_message.h"
#include "core/service/imap_run.h"
#include "proto/imap/imap_fetch_write.h"

/* What step of the request it is. */
enum fetch_phase {
    FETCH_MESSAGES,
    FETCH_SYNC
};

static struct imap_fetch_request *fetch_of(struct imap_run *run)
{
    return (struct imap_fetch_request *)run->request;
}

/* Does any item need more than the index entry and the message as a whole? */
static bool fetch_needs_meta(const struct imap_fetch_request *r)
{
    bool needs = false;

    for (unsigned i = 0; i < r->want_count && !needs; i++)
        needs = r->wants[i].item >= IMAP_FETCH_ENVELOPE && r->wants[i].item < IMAP_FETCH_SECTION;
    for (unsigned i = 0; i < r->section_count && !needs; i++)
        needs = r->sections[i].kind != IMAP_SECTION_ALL || r->sections[i].depth > 0;
    return needs;
}

static void fetch_section(struct imap_run *run, struct imap_message *m,
                          const struct imap_section *section, struct imap_fetch_writer *w)
{
    struct imap_fetch_request *r = fetch_of(run);

    if (section->kind == IMAP_SECTION_ALL || section->kind == IMAP_SECTION_TEXT)
        r->bodies++;
    else
        r->headers++;
    /* The bytes can be damaged where the index is not: the answer says NIL, and the end says NO. */
    if (!imap_message_section(m, section, w))
        r->is_damaged = true;
}

static void fetch_want_write(struct imap_run *run, struct imap_message *m,
                             const struct imap_fetch_want *want, struct imap_fetch_writer *w)
{
    const struct store_entry *entry = m->entry;

    switch (want->item) {
    case IMAP_FETCH_UID:
        imap_fetch_write_uid(w, entry->uid);
        break;
    case IMAP_FETCH_FLAGS:
        imap_fetch_write_flags(w, entry->flags, imap_view_is_recent(run->request->view, entry->uid),
                               entry->keywords, imap_run_names(run, entry->keywords));
        break;
    case IMAP_FETCH_INTERNALDATE:
        imap_fetch_write_internaldate(w, entry->received_us, entry->zone_minutes);
        break;
    case IMAP_FETCH_SIZE:
        imap_fetch_write_size(w, entry->size);
        break;
    case IMAP_FETCH_ENVELOPE:
        imap_fetch_write_ready(w, SPAN("ENVELOPE"), m->meta.envelope);
        break;
    case IMAP_FETCH_BODY:
        imap_fetch_write_ready(w, SPAN("BODY"), m->meta.body);
        break;
    case IMAP_FETCH_BODYSTRUCTURE:
        imap_fetch_write_ready(w, SPAN("BODYSTRUCTURE"), m->meta.bodystructure);
        break;
    case IMAP_FETCH_SECTION:
        fetch_section(run, m, &fetch_of(run)->sections[want->section], w);
        break;
    }
}

/* The whole response for one message, or none of it. */
static void fetch_message(struct imap_run *run, const struct store_entry *entry, uint32_t seq)
{
    struct imap_fetch_request *r = fetch_of(run);
    struct imap_message m = imap_message_of(run->view, entry);
    struct imap_fetch_writer w;

    if (fetch_needs_meta(r) && !imap_message_open(&m)) {
        r->is_damaged = true;
        imap_message_close(&m);
        return;
    }
    w = imap_fetch_write_begin(run->out, seq);
    for (unsigned i = 0; i < r->want_count; i++)
        fetch_want_write(run, &m, &r->wants[i], &w);
    /* RFC 3501 6.4.5: \Seen that this command set is part of its answer. */
    if (!r->wants_flags && r->sets_seen && entry->modseq == r->imap.change_modseq)
        imap_fetch_write_flags(&w, entry->flags,
                               imap_view_is_recent(run->request->view, entry->uid), entry->keywords,
                               imap_run_names(run, entry->keywords));
    imap_fetch_write_end(&w);
    imap_message_close(&m);
}

/* How many of the entries go out together, when \Seen must be set before: about one output, so
 * that a connection that breaks leaves little marked that was never read. What was marked before
 * goes first. */
static size_t seen_batch(const struct store_entry *entries, size_t count, uint32_t seen_to)
{
    bool was_marked = entries[0].uid <= seen_to;
    uint64_t bytes = 0;
    size_t n = 0;

    for (; n < count && (entries[n].uid <= seen_to) == was_marked; n++) {
        bytes += entries[n].size;
        if (n > 0 && bytes > IMAP_LENT_MAX)
            break;
    }
    return n;
}

/* A change that marks those of the entries that are not \Seen; NULL when all are. */
static struct store_change *seen_change(struct imap_run *run, size_t count)
{
    struct store_range unseen[IMAP_ENTRIES];
    struct store_flag_change flags = {.mailbox = run->request->view->mailbox,
                                      .uids = unseen,
                                      .mode = STORE_FLAGS_ADD,
                                      .flags = STORE_SEEN,
                                      .unchanged_since = UINT64_MAX};
    struct store_change *change;

    for (size_t i = 0; i < count; i++) {
        uint32_t uid = run->entries[i].uid;

        if ((run->entries[i].flags & STORE_SEEN) == 0 &&
            imap_view_seq(run->request->view, uid) != 0)
            unseen[flags.count++] = (struct store_range){uid, uid};
    }
    if (flags.count == 0)
        return NULL;
    change = store_change_new(run->service->store);
    store_change_flags(change, &flags);
    return change;
}

/* Some entries of the range that the place is in. */
static enum imap_next fetch_batch(struct imap_run *run, size_t count)
{
    struct imap_fetch_request *r = fetch_of(run);

    if (r->sets_seen) {
        count = seen_batch(run->entries, count, r->seen_to);
        if (run->entries[count - 1].uid > r->seen_to) {
            r->seen_to = run->entries[count - 1].uid;
            run->change = seen_change(run, count);
            if (run->change != NULL)
                return IMAP_NEXT_CHANGE;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t seq = imap_view_seq(r->imap.view, run->entries[i].uid);

        r->uid = run->entries[i].uid + 1;
        if (seq == 0)
            continue;
        r->answered++;
        fetch_message(run, &run->entries[i], seq);
        if (imap_run_is_full(run))
            break;
    }
    return IMAP_NEXT_DONE;
}

static void fetch_range_next(struct imap_fetch_request *r)
{
    r->wanted += imap_view_count_in(r->imap.view, r->uids.at[r->range]);
    r->range++;
    r->uid = 0;
}

static enum imap_next fetch_messages(struct imap_run *run)
{
    struct imap_fetch_request *r = fetch_of(run);

    while (r->range < r->uids.count) {
        const struct imap_range *range = &r->uids.at[r->range];
        enum imap_next next;
        enum store_status status;
        size_t count;

        if (r->uid < range->from)
            r->uid = range->from;
        status = imap_run_entries(run, r->uid, range->to, &count);
        if (status != STORE_OK)
            return imap_run_fail(run, status);
        if (count == 0) {
            fetch_range_next(r);
            continue;
        }
        next = fetch_batch(run, count);
        if (next != IMAP_NEXT_DONE)
            return next;
        if (r->uid > range->to || r->uid == 0)
            fetch_range_next(r);
        if (imap_run_is_full(run))
            return IMAP_NEXT_MORE;
    }
    r->imap.expunge_issued = r->answered < r->wanted;
    return IMAP_NEXT_DONE;
}

/* Names of keywords come before the first message that has them. */
static enum store_status fetch_keywords(struct imap_run *run)
{
    struct store_mailbox_info info;
    enum store_status status = store_mailbox_get(run->view, run->request->view->mailbox, &info);

    if (status == STORE_OK)
        imap_sync_keywords(run, info.keywords);
    return status;
}

static enum imap_next fetch_step(struct imap_run *run)
{
    struct imap_fetch_request *r = fetch_of(run);
    enum imap_next next;

    if (r->imap.phase == FETCH_MESSAGES) {
        enum store_status status = fetch_keywords(run);

        if (status != STORE_OK)
            return imap_run_fail(run, status);
        imap_run_own_change(run);
        next = fetch_messages(run);
        if (next != IMAP_NEXT_DONE || run->status != REQUEST_OK)
            return next;
        r->imap.phase = FETCH_SYNC;
    }
    next = imap_sync_step(run);
    if (next == IMAP_NEXT_DONE && run->status == REQUEST_OK && r->is_damaged)
        run->status = REQUEST_DAMAGED;
    return next;
}

enum service_outcome imap_fetch_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, fetch_step);
}
