#include <stdlib.h>

#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

bool imap_mailbox_arg(struct imap_session *s, struct span *at, char *name_r, uint32_t *len_r)
{
    struct span text;

    if (!imap_token_space(at) || !imap_token_astring(at, &text)) {
        imap_bad(s, NULL);
        return false;
    }
    if (!imap_name_read(imap_settings_of(s), text, name_r, len_r)) {
        imap_no(s, SPAN("[CANNOT] Invalid mailbox name."));
        return false;
    }
    return true;
}

static void select_ask(struct imap_session *s, struct span args, bool read_only)
{
    struct imap_select_request *r = imap_request_new(REQUEST_IMAP_SELECT, sizeof(*r));

    r->read_only = read_only;
    if (imap_mailbox_arg(s, &args, r->name, &r->name_len)) {
        if (scan_end(&args)) {
            /* Whether it succeeds or not, the old mailbox is deselected (RFC 3501 6.3.1). */
            imap_unselect(s);
            r->imap.view = imap_view_new(0);
            imap_ask(s, &r->imap);
            return;
        }
        imap_bad(s, NULL);
    }
    imap_drop(&r->imap);
}

void imap_select_cmd(struct imap_session *s, struct span args)
{
    select_ask(s, args, false);
}

void imap_examine_cmd(struct imap_session *s, struct span args)
{
    select_ask(s, args, true);
}

void imap_select_answered(struct imap_session *s, struct request *answered)
{
    struct imap_select_request *r = (struct imap_select_request *)answered;

    if (answered->status != REQUEST_OK) {
        imap_finish_status(s, answered);
        return;
    }
    s->view = r->imap.view;
    r->imap.view = NULL;
    s->state = IMAP_SELECTED;
    imap_ok_text(s, r->read_only ? SPAN("[READ-ONLY] Examine completed.")
                                 : SPAN("[READ-WRITE] Select completed."));
}

static const struct {
    const char *word;
    enum imap_status_item item;
} status_words[] = {
    {"MESSAGES",    IMAP_STATUS_MESSAGES   },
    {"RECENT",      IMAP_STATUS_RECENT     },
    {"UIDNEXT",     IMAP_STATUS_UIDNEXT    },
    {"UIDVALIDITY", IMAP_STATUS_UIDVALIDITY},
    {"UNSEEN",      IMAP_STATUS_UNSEEN     },
};

static bool status_items(struct span *at, unsigned *items_r)
{
    *items_r = 0;
    if (!imap_token_space(at) || !scan_byte(at, '('))
        return false;
    do {
        size_t i = 0;

        while (i < COUNT_OF(status_words) && !imap_token_word(at, status_words[i].word))
            i++;
        if (i == COUNT_OF(status_words))
            return false;
        *items_r |= status_words[i].item;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

void imap_status_cmd(struct imap_session *s, struct span args)
{
    struct imap_status_request *r = imap_request_new(REQUEST_IMAP_STATUS, sizeof(*r));

    if (imap_mailbox_arg(s, &args, r->name, &r->name_len)) {
        if (status_items(&args, &r->items) && scan_end(&args)) {
            imap_ask(s, &r->imap);
            return;
        }
        imap_bad(s, NULL);
    }
    imap_drop(&r->imap);
}

static void expunge_ask(struct imap_session *s, struct imap_ranges uids)
{
    struct imap_expunge_request *r = imap_request_new(REQUEST_IMAP_EXPUNGE, sizeof(*r));

    r->is_some = s->command.by_uid;
    r->uids = uids;
    imap_ask(s, &r->imap);
}

void imap_close_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
    } else if (s->view->read_only) {
        imap_unselect(s);
        imap_ok(s);
    } else {
        expunge_ask(s, (struct imap_ranges){NULL, 0});
    }
}

void imap_close_answered(struct imap_session *s, struct request *r)
{
    imap_unselect(s);
    imap_finish_status(s, r);
}

void imap_unselect_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    imap_unselect(s);
    imap_ok(s);
}

/* EXPUNGE, and UID EXPUNGE of some messages (RFC 4315 2.1). */
void imap_expunge_cmd(struct imap_session *s, struct span args)
{
    struct imap_ranges uids = {NULL, 0};

    if (s->command.by_uid && !imap_set_arg(s, &args, &uids))
        return;
    if (scan_end(&args) && !s->view->read_only) {
        expunge_ask(s, uids);
        return;
    }
    free(uids.at);
    if (!scan_end(&args))
        imap_bad(s, NULL);
    else
        imap_no(s, SPAN("[CANNOT] The mailbox is read-only."));
}
