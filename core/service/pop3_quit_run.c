/* pop3_quit_run: the UPDATE state (RFC 1939 6). What is removed is removed durably before the
 * answer, by a \Deleted of our own and an EXPUNGE of exactly these messages in one change: IMAP
 * clients beside us see none of it or all. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/pop3_run.h"

static size_t update_ranges(const struct pop3_marks *marks, const struct pop3_marks *but,
                            const struct pop3_maildrop *drop, uint32_t *number,
                            struct store_range *ranges)
{
    struct imap_range uids;
    size_t count = 0;

    while (count < STORE_RANGES_MAX && pop3_marks_next(marks, but, drop, number, &uids))
        ranges[count++] = (struct store_range){uids.from, uids.to};
    return count;
}

static void update_flags(struct store_change *change, const struct pop3_maildrop *drop,
                         const struct store_range *ranges, size_t count, uint32_t flags)
{
    const struct store_flag_change flag_change = {.mailbox = drop->uids->mailbox,
                                                  .uids = ranges,
                                                  .count = count,
                                                  .mode = STORE_FLAGS_ADD,
                                                  .flags = flags,
                                                  .unchanged_since = UINT64_MAX};

    store_change_flags(change, &flag_change);
}

struct store_change *pop3_update_change(struct store *store, const struct pop3_maildrop *drop,
                                        bool removes, uint32_t *deleted, uint32_t *seen)
{
    const struct pop3_marks *but = removes ? &drop->deleted : NULL;
    struct store_range *ranges = xmalloc(STORE_RANGES_MAX * sizeof(*ranges));
    struct store_change *change = store_change_new(store);
    size_t gone = removes ? update_ranges(&drop->deleted, NULL, drop, deleted, ranges) : 0, read;

    if (gone > 0) {
        update_flags(change, drop, ranges, gone, STORE_DELETED);
        store_change_expunge(change, drop->uids->mailbox, ranges, gone);
    }
    read = update_ranges(&drop->seen, but, drop, seen, ranges);
    if (read > 0)
        update_flags(change, drop, ranges, read, STORE_SEEN);
    free(ranges);
    if (gone == 0 && read == 0)
        store_change_drop(&change);
    return change;
}

static enum pop3_next quit_step(struct pop3_run *run)
{
    struct pop3_quit_request *r = (struct pop3_quit_request *)run->request;
    struct store_change *change;

    if (r->pop3.has_changed && r->pop3.change_status != REQUEST_OK) {
        run->status = r->pop3.change_status;
        return POP3_NEXT_DONE;
    }
    change = pop3_update_change(run->service->store, r->pop3.drop, true, &r->deleted, &r->seen);
    return change != NULL ? pop3_run_change(run, change, STORE_ACK_DURABLE) : POP3_NEXT_DONE;
}

enum service_outcome pop3_quit_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, quit_step);
}
