/* pop3_list_run: LIST and UIDL, by what the index knows of each message. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/pop3_run.h"
#include "proto/pop3/pop3_write.h"

enum {
    LIST_ENTRIES = 256, /* read at a time */
};

static struct pop3_list_request *list_of(struct pop3_run *run)
{
    return (struct pop3_list_request *)run->request;
}

static void list_write(struct pop3_run *run, uint32_t number, const struct store_entry *entry)
{
    if (list_of(run)->by_uid)
        pop3_write_uidl(run->out, number, entry->uid, run->request->drop->uids->uid_validity);
    else
        pop3_write_size(run->out, number, entry->size);
}

static enum pop3_next list_one(struct pop3_run *run)
{
    struct store_entry entry;
    enum store_status status = pop3_run_entry(run, list_of(run)->number, &entry);

    if (status == STORE_OK) {
        pop3_write_ok(run->out);
        list_write(run, list_of(run)->number, &entry);
    }
    return pop3_run_fail(run, status);
}

static void list_begin(struct pop3_run *run)
{
    const struct pop3_maildrop *drop = run->request->drop;

    if (list_of(run)->by_uid)
        pop3_write_uidl_begin(run->out);
    else
        pop3_write_list_begin(run->out, pop3_maildrop_count(drop) - drop->deleted.count);
    run->request->has_begun = true;
    list_of(run)->next = 1;
}

/* What came after the login has no number. */
static void list_entries(struct pop3_run *run, const struct store_entry *entries, size_t count)
{
    const struct pop3_maildrop *drop = run->request->drop;

    for (size_t i = 0; i < count && entries[i].uid < drop->uids->uid_next; i++) {
        uint32_t number = imap_view_seq(drop->uids, entries[i].uid);

        if (number != 0 && !pop3_marks_has(&drop->deleted, number))
            list_write(run, number, &entries[i]);
    }
}

/* The first number behind what was read. */
static uint32_t list_next(const struct pop3_maildrop *drop, const struct store_entry *last)
{
    if (last->uid >= drop->uids->uid_next)
        return pop3_maildrop_count(drop) + 1;
    return imap_view_count_in(drop->uids, (struct imap_range){1, last->uid}) + 1;
}

static enum pop3_next list_all(struct pop3_run *run, struct store_entry *entries)
{
    const struct pop3_maildrop *drop = run->request->drop;
    struct pop3_list_request *r = list_of(run);

    if (!run->request->has_begun)
        list_begin(run);
    while (r->next <= pop3_maildrop_count(drop)) {
        size_t count;
        enum store_status status =
            store_entries(run->view, drop->uids->mailbox, imap_view_uid(drop->uids, r->next),
                          entries, LIST_ENTRIES, &count);

        if (status != STORE_OK)
            return pop3_run_fail(run, status);
        if (count == 0)
            break;
        list_entries(run, entries, count);
        r->next = list_next(drop, &entries[count - 1]);
        if (pop3_run_is_full(run))
            return POP3_NEXT_MORE;
    }
    pop3_write_list_end(run->out);
    return POP3_NEXT_DONE;
}

static enum pop3_next list_step(struct pop3_run *run)
{
    struct store_entry *entries;
    enum pop3_next next;

    if (list_of(run)->number != 0)
        return list_one(run);
    entries = xmalloc(LIST_ENTRIES * sizeof(*entries));
    next = list_all(run, entries);
    free(entries);
    return next;
}

enum service_outcome pop3_list_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, list_step);
}
