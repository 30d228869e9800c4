
#include "proto/imap/imap_flags.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

/* "+FLAGS.SILENT" */
static bool store_item(struct span *at, struct imap_store_request *r)
{
    r->mode = scan_byte(at, '+')   ? IMAP_STORE_ADD
              : scan_byte(at, '-') ? IMAP_STORE_REMOVE
                                   : IMAP_STORE_SET;
    r->silent = imap_token_word(at, "FLAGS.SILENT");
    return r->silent || imap_token_word(at, "FLAGS");
}

static bool store_args(struct imap_session *s, struct span *at, struct imap_store_request *r)
{
    const struct imap_settings *settings = imap_settings_of(s);
    enum imap_flags_result result = IMAP_FLAGS_SYNTAX;
    struct imap_flag_list list = {0};

    if (!imap_set_arg(s, at, &r->uids))
        return false;
    if (imap_token_space(at) && store_item(at, r) && imap_token_space(at))
        result = imap_flags_parse(at, settings->keyword_max, settings->keyword_size, &list);
    r->flags = list.flags;
    r->keywords = list.keywords;
    r->keyword_count = list.keyword_count;
    if (result == IMAP_FLAGS_OK && scan_end(at))
        return true;
    if (result == IMAP_FLAGS_TOO_LONG)
        imap_no(s, SPAN("[LIMIT] Keyword is too long."));
    else if (result == IMAP_FLAGS_TOO_MANY)
        imap_no(s, SPAN("[LIMIT] Too many keywords."));
    else
        imap_bad(s, NULL);
    return false;
}

void imap_store_cmd(struct imap_session *s, struct span args)
{
    struct imap_store_request *r = imap_request_new(REQUEST_IMAP_STORE, sizeof(*r));

    if (!store_args(s, &args, r)) {
        imap_drop(&r->imap);
        return;
    }
    if (s->view->read_only) {
        imap_drop(&r->imap);
        imap_no(s, SPAN("[CANNOT] The mailbox is read-only."));
        return;
    }
    r->says_uid = s->command.by_uid;
    imap_ask(s, &r->imap);
}
