#include "core/base/ensure.h"
#include "core/service/imap_run.h"
#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_match.h"

enum {
    LIST_AT_ONCE = 1000, /* mailboxes looked at in a step */
};

static bool is_below(struct span name, struct span above)
{
    return name.len > above.len && name.at[above.len] == '/' &&
           span_eq(span_first(name, above.len), above);
}

static void list_write(struct imap_run *run, const char *flags, struct span name)
{
    chain_addf(run->out, "* LIST (%s) \"/\" ", flags);
    imap_write_mailbox(run->out, name);
    chain_add(run->out, SPAN("\r\n"));
}

/* Levels above `name` that are no mailboxes themselves: named once, in front of the first mailbox
 * below them. `before` is the mailbox in front of `name`, which sorts behind all levels above it
 * that exist. */
static void list_levels_above(struct imap_run *run, const struct imap_match *match,
                              struct span before, struct span name)
{
    for (size_t i = 1; i < name.len; i++) {
        struct span level = span_first(name, i);

        if (name.at[i] != '/' || span_eq(before, level) || is_below(before, level))
            continue;
        if (imap_match_name(match, level))
            list_write(run, "\\Noselect \\HasChildren", level);
    }
}

static enum imap_next list_step(struct imap_run *run)
{
    struct imap_list_request *r = (struct imap_list_request *)run->request;
    store_account account = run->request->account->id;
    /* Two by turns: whether a mailbox has children is known when the next one is. */
    struct store_mailbox_info infos[2];
    struct span before = {r->after, r->after_len}, name;
    enum store_status status, next_status;

    if (r->none_matches)
        return IMAP_NEXT_DONE;
    status = store_mailbox_next(run->view, account, before, &infos[0]);
    for (unsigned i = 0; status == STORE_OK; i++) {
        const struct store_mailbox_info *info = &infos[i % 2];
        struct store_mailbox_info *next = &infos[(i + 1) % 2];
        bool has_children;

        name = (struct span){info->name, info->name_len};
        next_status = store_mailbox_next(run->view, account, name, next);
        has_children =
            next_status == STORE_OK && is_below((struct span){next->name, next->name_len}, name);
        list_levels_above(run, r->match, (struct span){r->after, r->after_len}, name);
        if (imap_match_name(r->match, name))
            list_write(run, has_children ? "\\HasChildren" : "\\HasNoChildren", name);
        ensure(name.len <= sizeof(r->after));
        memcpy(r->after, name.at, name.len);
        r->after_len = (uint32_t)name.len;
        status = next_status;
        if (status == STORE_OK && (imap_run_is_full(run) || i == LIST_AT_ONCE))
            return IMAP_NEXT_MORE;
    }
    return imap_run_fail(run, status == STORE_NOT_FOUND ? STORE_OK : status);
}

enum service_outcome imap_list_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, list_step);
}
