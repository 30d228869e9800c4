/* imap_copy_cmd: COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), with COPYUID (RFC 4315 3). */

#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_private.h"
#include "proto/text/scan.h"

static void copy_ask(struct imap_session *s, struct span args, bool is_move)
{
    struct imap_copy_request *r = imap_request_new(REQUEST_IMAP_COPY, sizeof(*r));

    r->is_move = is_move;
    r->is_exact = !s->command.by_uid;
    if (imap_set_arg(s, &args, &r->uids) && imap_mailbox_arg(s, &args, r->name, &r->name_len)) {
        if (!scan_end(&args)) {
            imap_bad(s, NULL);
        } else if (is_move && s->view->read_only) {
            imap_no(s, SPAN("[CANNOT] The mailbox is read-only."));
        } else {
            imap_ask(s, &r->imap);
            return;
        }
    }
    imap_drop(&r->imap);
}

void imap_copy_cmd(struct imap_session *s, struct span args)
{
    copy_ask(s, args, false);
}

void imap_move_cmd(struct imap_session *s, struct span args)
{
    copy_ask(s, args, true);
}

void imap_copy_answered(struct imap_session *s, struct request *answered)
{
    const struct imap_copy_request *r = (const struct imap_copy_request *)answered;
    struct chain text = {0};

    if (answered->status == REQUEST_NOT_FOUND) {
        imap_no(s, SPAN("[TRYCREATE] Mailbox doesn't exist."));
    } else if (answered->status != REQUEST_OK || r->is_move || r->imap.changed.count == 0) {
        imap_finish_status(s, answered); /* a MOVE has told its COPYUID by now */
    } else {
        imap_write_copyuid(&text, r->imap.change_uid_validity, &r->imap.changed,
                           r->imap.change_uid);
        chain_add(&text, SPAN(" Copy completed."));
        imap_ok_text(s, chain_flat(&text));
        chain_free(&text);
    }
}
