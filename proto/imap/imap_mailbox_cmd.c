/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7, RFC 6154 3). */

#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

static struct imap_mailbox_request *mailbox_new(enum imap_mailbox_what what)
{
    struct imap_mailbox_request *r = imap_request_new(REQUEST_IMAP_MAILBOX, sizeof(*r));

    r->what = what;
    return r;
}

/* A command that has a name and nothing else. */
static void name_cmd(struct imap_session *s, struct span args, enum imap_mailbox_what what)
{
    struct imap_mailbox_request *r = mailbox_new(what);

    if (imap_mailbox_arg(s, &args, r->name, &r->name_len)) {
        if (scan_end(&args)) {
            imap_ask(s, &r->imap);
            return;
        }
        imap_bad(s, NULL);
    }
    imap_drop(&r->imap);
}

/* ---- CREATE ---- */

static const struct {
    const char *word;
    enum imap_use use;
} use_words[] = {
    {"Archive", IMAP_USE_ARCHIVE},
    {"Drafts",  IMAP_USE_DRAFTS },
    {"Junk",    IMAP_USE_JUNK   },
    {"Sent",    IMAP_USE_SENT   },
    {"Trash",   IMAP_USE_TRASH  },
};

/* *known_r false: one of them no mailbox can have: \All and \Flagged would be views of others. */
static bool create_uses(struct span *at, unsigned *uses_r, bool *known_r)
{
    struct span word;

    if (!scan_byte(at, '('))
        return false;
    do {
        size_t i = 0;

        if (!imap_token_system_flag(at, &word))
            return false;
        while (i < COUNT_OF(use_words) && !span_eq_nocase(word, span_str(use_words[i].word)))
            i++;
        *known_r &= i < COUNT_OF(use_words);
        *uses_r |= i < COUNT_OF(use_words) ? (unsigned)use_words[i].use : 0;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

/* " (USE (\Drafts \Sent))", or nothing. */
static bool create_params(struct span *at, unsigned *uses_r, bool *known_r)
{
    *known_r = true;
    if (scan_end(at))
        return true;
    return imap_token_space(at) && scan_byte(at, '(') && imap_token_word(at, "USE") &&
           imap_token_space(at) && create_uses(at, uses_r, known_r) && scan_byte(at, ')') &&
           scan_end(at);
}

/* A '/' at the end says that there will be mailboxes below it, which there may be anyway. */
static bool create_name(struct imap_session *s, struct span *at, struct imap_mailbox_request *r)
{
    struct span text;

    if (!imap_token_space(at) || !imap_token_astring(at, &text)) {
        imap_bad(s, NULL);
        return false;
    }
    if (text.len > 1 && text.at[text.len - 1] == '/')
        text.len--;
    if (imap_name_read(imap_settings_of(s), text, r->name, &r->name_len))
        return true;
    imap_no(s, SPAN("[CANNOT] Invalid mailbox name."));
    return false;
}

void imap_create_cmd(struct imap_session *s, struct span args)
{
    struct imap_mailbox_request *r = mailbox_new(IMAP_MAILBOX_CREATE);
    bool known;

    if (create_name(s, &args, r)) {
        if (!create_params(&args, &r->uses, &known)) {
            imap_bad(s, NULL);
        } else if (!known) {
            imap_no(s, SPAN("[USEATTR] No mailbox can have this special use."));
        } else {
            imap_ask(s, &r->imap);
            return;
        }
    }
    imap_drop(&r->imap);
}

/* ---- the others ---- */

void imap_delete_cmd(struct imap_session *s, struct span args)
{
    name_cmd(s, args, IMAP_MAILBOX_DELETE);
}

void imap_subscribe_cmd(struct imap_session *s, struct span args)
{
    name_cmd(s, args, IMAP_MAILBOX_SUBSCRIBE);
}

void imap_unsubscribe_cmd(struct imap_session *s, struct span args)
{
    name_cmd(s, args, IMAP_MAILBOX_UNSUBSCRIBE);
}

void imap_rename_cmd(struct imap_session *s, struct span args)
{
    struct imap_mailbox_request *r = mailbox_new(IMAP_MAILBOX_RENAME);

    if (imap_mailbox_arg(s, &args, r->name, &r->name_len) &&
        imap_mailbox_arg(s, &args, r->to, &r->to_len)) {
        if (scan_end(&args)) {
            imap_ask(s, &r->imap);
            return;
        }
        imap_bad(s, NULL);
    }
    imap_drop(&r->imap);
}

/* ---- answers ---- */

/* Why the store would not (REQUEST_REFUSED). */
static struct span refusal(const struct imap_mailbox_request *r)
{
    if (r->what == IMAP_MAILBOX_RENAME)
        return SPAN("[CANNOT] A mailbox can't be renamed to this.");
    if (r->what != IMAP_MAILBOX_DELETE)
        return SPAN("[CANNOT] Invalid mailbox name.");
    if (span_eq((struct span){r->name, r->name_len}, SPAN("INBOX")))
        return SPAN("[CANNOT] INBOX can't be deleted.");
    return SPAN("[HASCHILDREN] Mailbox has children, delete them first.");
}

void imap_mailbox_answered(struct imap_session *s, struct request *answered)
{
    struct imap_mailbox_request *r = (struct imap_mailbox_request *)answered;

    if (answered->status == REQUEST_REFUSED)
        imap_no(s, refusal(r));
    else if (answered->status == REQUEST_FULL && r->what != IMAP_MAILBOX_DELETE)
        imap_no(s, SPAN("[LIMIT] There is no room for more mailboxes."));
    else
        imap_finish_status(s, answered);
    if (r->deleted_selected)
        imap_bye_deleted(s);
}
