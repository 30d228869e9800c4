#include "proto/smtp/dsn.h"

#include "proto/text/date.h"
#include "proto/text/scan.h"
#include "proto/text/xtext.h"

enum {
    DSN_COLUMN_MAX = 79, /* of text for people */
    DSN_WORD_MAX = 900,  /* bytes without a blank that stay in one line */
};

/* What is said for each kind. Those who read bounces by program look for the subjects. */
static const struct {
    const char *subject, *message, *header; /* Content-Description: of what is returned */
    const char *text;
} kinds[] = {
    [DSN_FAILED] = {"Undelivered Mail Returned to Sender", "Undelivered Message",
                    "Undelivered Message Headers",                                                   "Your message could not be delivered to one or more recipients.\r\n"
                    "Why, is said below; the message itself, or its header, is attached.\r\n"},
    [DSN_DELAYED] = {"Delayed Mail (still being retried)",  "Delayed Message",
                    "Delayed Message Headers",                                                       "THIS IS A WARNING ONLY. YOU DO NOT NEED TO SEND YOUR MESSAGE AGAIN.\r\n"
                     "\r\n"
                     "Your message could not be delivered to one or more recipients yet.\r\n"
                     "Delivery will be tried again for some time.\r\n"                           },
    [DSN_DELIVERED] = {"Successful Mail Delivery Report",     "Message",             "Message Headers",
                    "Your message was delivered as told below. If it was relayed to a host\r\n"
                       "that gives no reports, you will hear no more about it.\r\n"                                                            },
};

static enum dsn_action kind_of(const struct dsn *d)
{
    enum dsn_action action = d->count == 0 ? DSN_FAILED : d->recipients[0].action;

    return action > DSN_DELIVERED ? DSN_DELIVERED : action;
}

bool dsn_is_wanted(enum dsn_action action, unsigned notify, struct span sender)
{
    if (sender.len == 0 || (notify & SMTP_NOTIFY_NEVER))
        return false;
    switch (action) {
    case DSN_FAILED:
        return notify == 0 || (notify & SMTP_NOTIFY_FAILURE);
    case DSN_DELAYED:
        return notify == 0 || (notify & SMTP_NOTIFY_DELAY);
    case DSN_DELIVERED:
    case DSN_RELAYED:
    case DSN_EXPANDED:
        break;
    }
    return notify & SMTP_NOTIFY_SUCCESS;
}

bool dsn_needs_utf8(const struct dsn *d)
{
    bool needs = !scan_is_ascii(d->to) || !scan_is_ascii(d->sender);

    for (size_t i = 0; i < d->count; i++)
        needs |= !scan_is_ascii(d->recipients[i].address);
    return needs || d->is_utf8;
}

/* ---- pieces ---- */

static void say(struct chain *out, const char *text)
{
    chain_add(out, span_str(text));
}

/* What came from elsewhere: no byte of it may end a line. */
static void say_safe(struct chain *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        chain_add_byte(out, c < ' ' || c == 0x7f ? '?' : text.at[i]);
    }
}

static void say_date(struct chain *out, int64_t at_us)
{
    char *text = chain_reserve(out, DATE_TEXT_MAX);

    chain_added(out, date_write(text, (struct date){at_us / 1000000, 0}));
}

/* Words of `text` in lines of DSN_COLUMN_MAX, of which `column` is used; the lines that follow are
 * indented. */
static void say_wrapped(struct chain *out, struct span text, size_t column)
{
    struct span word;

    for (scan_blanks(&text); scan_word(&text, &word); scan_blanks(&text)) {
        if (column > 4 && column + 1 + word.len > DSN_COLUMN_MAX) {
            say(out, "\r\n    ");
            column = 4;
        } else if (column > 0) {
            chain_add_byte(out, ' ');
            column++;
        }
        for (; word.len > DSN_WORD_MAX; word = span_after(word, DSN_WORD_MAX)) {
            say_safe(out, span_first(word, DSN_WORD_MAX));
            say(out, "\r\n    ");
        }
        say_safe(out, word);
        column += word.len;
    }
    say(out, "\r\n");
}

static void say_boundary(const struct dsn *d, struct chain *out)
{
    say_safe(out, d->own_queue_id);
    chain_addf(out, ".%lld/%s", (long long)(d->now_us / 1000000), d->myhostname);
}

static void part_begin(const struct dsn *d, struct chain *out, const char *description,
                       const char *type)
{
    say(out, "\r\n--");
    say_boundary(d, out);
    chain_addf(out, "\r\nContent-Description: %s\r\nContent-Type: %s\r\n", description, type);
    if (d->has_8bit || dsn_needs_utf8(d))
        say(out, "Content-Transfer-Encoding: 8bit\r\n");
    say(out, "\r\n");
}

/* ---- header ---- */

/* "20200715163124", of which Message-IDs are made. */
static void say_stamp(struct chain *out, int64_t at_us)
{
    int64_t second = at_us / 1000000, day = second / 86400;
    unsigned month, date, rest = (unsigned)(second % 86400);
    int year;

    date_civil(day, &year, &month, &date);
    chain_addf(out, "%04d%02u%02u%02u%02u%02u", year, month, date, rest / 3600, rest / 60 % 60,
               rest % 60);
}

static void say_header(const struct dsn *d, struct chain *out)
{
    chain_addf(out, "Received: by %s (%s)\r\n\tid ", d->myhostname, d->mail_name);
    say_safe(out, d->own_queue_id);
    say(out, "; ");
    say_date(out, d->now_us);
    say(out, "\r\nDate: ");
    say_date(out, d->now_us);
    chain_addf(out, "\r\nFrom: MAILER-DAEMON@%s (Mail Delivery System)\r\nSubject: %s%s\r\nTo: ",
               d->myhostname, d->is_copy ? "Postmaster Copy: " : "", kinds[kind_of(d)].subject);
    say_safe(out, d->to);
    say(out, "\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
             "Content-Type: multipart/report; report-type=");
    say(out, dsn_needs_utf8(d) ? "global-delivery-status" : "delivery-status");
    say(out, ";\r\n\tboundary=\"");
    say_boundary(d, out);
    say(out, "\"\r\n");
    if (d->has_8bit || dsn_needs_utf8(d))
        say(out, "Content-Transfer-Encoding: 8bit\r\n");
    say(out, "Message-Id: <");
    say_stamp(out, d->now_us);
    chain_add_byte(out, '.');
    say_safe(out, d->own_queue_id);
    chain_addf(out, "@%s>\r\n\r\nThis is a MIME-encapsulated message.\r\n", d->myhostname);
}

/* ---- for people ---- */

static void say_recipient(const struct dsn_recipient *r, struct chain *out)
{
    size_t from = out->len;

    say(out, "\r\n<");
    say_safe(out, r->address);
    chain_add_byte(out, '>');
    if (r->original.len > 0 && !span_eq(r->original, r->address)) {
        say(out, " (expanded from <");
        say_safe(out, r->original);
        say(out, ">)");
    }
    chain_add_byte(out, ':');
    say_wrapped(out, r->reason, out->len - from - 2);
}

static void say_notification(const struct dsn *d, struct chain *out)
{
    part_begin(d, out, "Notification",
               dsn_needs_utf8(d) ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii");
    chain_addf(out, "This is the mail system at host %s.\r\n\r\n%s\r\n", d->myhostname,
               kinds[kind_of(d)].text);
    say(out, "For help, write to postmaster, and include this report.\r\n\r\n"
             "                   The mail system\r\n");
    for (size_t i = 0; i < d->count; i++)
        say_recipient(&d->recipients[i], out);
}

/* ---- for programs: RFC 3464 2.2, 2.3 ---- */

static void field_address(struct chain *out, const char *name, struct span address)
{
    chain_addf(out, "%s: %s; ", name, scan_is_ascii(address) ? "rfc822" : "utf-8");
    say_safe(out, address);
    say(out, "\r\n");
}

static void field_date(struct chain *out, const char *name, int64_t at_us)
{
    if (at_us == 0)
        return;
    chain_addf(out, "%s: ", name);
    say_date(out, at_us);
    say(out, "\r\n");
}

static void say_message_fields(const struct dsn *d, struct chain *out)
{
    chain_addf(out, "Reporting-MTA: dns; %s\r\n", d->myhostname);
    if (d->envid.len > 0) {
        say(out, "Original-Envelope-Id: ");
        say_safe(out, d->envid);
        say(out, "\r\n");
    }
    say(out, "X-Postfix-Queue-ID: ");
    say_safe(out, d->queue_id);
    say(out, "\r\n");
    field_address(out, "X-Postfix-Sender", d->sender);
    field_date(out, "Arrival-Date", d->arrival_us);
}

static void say_diagnostic(const struct dsn_recipient *r, struct chain *out)
{
    static const char smtp[] = "Diagnostic-Code: smtp;", ours[] = "Diagnostic-Code: X-Postfix;";

    if (r->remote.len > 0) {
        say(out, "Remote-MTA: dns; ");
        say_safe(out, r->remote);
        say(out, "\r\n");
    }
    if (r->reply.len > 0) {
        say(out, smtp);
        say_wrapped(out, r->reply, sizeof(smtp) - 1);
    } else if (r->reason.len > 0) {
        say(out, ours);
        say_wrapped(out, r->reason, sizeof(ours) - 1);
    }
}

static void say_recipient_fields(const struct dsn_recipient *r, struct chain *out)
{
    static const char *const actions[] = {"failed", "delayed", "delivered", "relayed", "expanded"};

    say(out, "\r\n");
    field_address(out, "Final-Recipient", r->address);
    if (r->orcpt.len > 0) {
        say(out, "Original-Recipient: ");
        say_safe(out, r->orcpt);
        say(out, "\r\n");
    } else if (r->original.len > 0 && !span_eq(r->original, r->address)) {
        field_address(out, "Original-Recipient", r->original);
    }
    chain_addf(out, "Action: %s\r\nStatus: ", actions[r->action]);
    say_safe(out, r->status);
    say(out, "\r\n");
    say_diagnostic(r, out);
    field_date(out, "Last-Attempt-Date", r->attempt_us);
    field_date(out, "Will-Retry-Until", r->retry_until_us);
}

static void say_report(const struct dsn *d, struct chain *out)
{
    part_begin(d, out, "Delivery report",
               dsn_needs_utf8(d) ? "message/global-delivery-status" : "message/delivery-status");
    say_message_fields(d, out);
    for (size_t i = 0; i < d->count; i++)
        say_recipient_fields(&d->recipients[i], out);
}

/* ---- what comes back ---- */

/* How many bytes the header has, with the end of its last line and without its blank line; of a
 * header that is cut, its whole lines. */
static size_t header_len(struct span text)
{
    const char *at = text.at, *end = text.at + text.len, *lf;

    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (lf == at || (lf == at + 1 && *at == '\r'))
            break;
        at = lf + 1;
    }
    return (size_t)(at - text.at);
}

static bool returns_all(const struct dsn *d, const struct chain *message, size_t max)
{
    return kind_of(d) == DSN_FAILED && !d->is_copy && d->ret != SMTP_RET_HDRS &&
           message->len <= max;
}

static void say_returned(const struct dsn *d, struct chain *message, struct chain *out)
{
    size_t max = d->return_max > 0 ? d->return_max : DSN_RETURN_MAX;
    bool utf8 = dsn_needs_utf8(d);
    struct chain head = {0};

    if (returns_all(d, message, max)) {
        part_begin(d, out, kinds[kind_of(d)].message, utf8 ? "message/global" : "message/rfc822");
        chain_move(out, message);
        return;
    }
    part_begin(d, out, kinds[kind_of(d)].header,
               utf8 ? "message/global-headers" : "text/rfc822-headers");
    chain_move_first(&head, message, message->len < max ? message->len : max);
    chain_add(out, span_first(chain_flat(&head), header_len(chain_flat(&head))));
    chain_free(&head);
    chain_free(message);
}

void dsn_write(const struct dsn *d, struct chain *message, struct chain *out)
{
    say_header(d, out);
    say_notification(d, out);
    say_report(d, out);
    say_returned(d, message, out);
    say(out, "\r\n--");
    say_boundary(d, out);
    say(out, "--\r\n");
}
