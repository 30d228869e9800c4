#include "proto/smtp/smtp_reply.h"

#include "proto/text/scan.h"

void smtp_reply_begin(struct smtp_reply *r)
{
    r->code = 0;
    r->status[0] = '\0';
    r->lines = 0;
    r->bytes = r->text_len = 0;
}

static bool is_digit(char c, char from, char to)
{
    return c >= from && c <= to;
}

/* RFC 5321 4.2.1: which digits there are. Three digits, then a blank, a hyphen or nothing. */
static bool reply_code(struct span line, unsigned *code_r, bool *more_r)
{
    if (line.len < 3 || !is_digit(line.at[0], '2', '5') || !is_digit(line.at[1], '0', '9') ||
        !is_digit(line.at[2], '0', '9'))
        return false;
    if (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-')
        return false;
    *code_r = (unsigned)(line.at[0] - '0') * 100 + (unsigned)(line.at[1] - '0') * 10 +
              (unsigned)(line.at[2] - '0');
    *more_r = line.len > 3 && line.at[3] == '-';
    return true;
}

/* One to three digits behind a dot. */
static bool status_number(struct span *at)
{
    unsigned digits = 0;

    if (!scan_byte(at, '.'))
        return false;
    while (at->len > 0 && is_digit(at->at[0], '0', '9')) {
        *at = span_after(*at, 1);
        digits++;
    }
    return digits >= 1 && digits <= 3;
}

bool smtp_status_parse(struct span text, char class, char status_r[SMTP_STATUS_MAX])
{
    struct span at = text;
    size_t len;

    if (!scan_byte(&at, class) || !status_number(&at) || !status_number(&at) ||
        (at.len > 0 && at.at[0] != ' ' && at.at[0] != '\t'))
        return false;
    len = text.len - at.len;
    memcpy(status_r, text.at, len);
    status_r[len] = '\0';
    return true;
}

size_t smtp_reply_show(struct span text, char *to, size_t size)
{
    size_t len = text.len < size ? text.len : size;

    for (size_t i = 0; i < len; i++)
        to[i] = is_digit(text.at[i], ' ', '~') ? text.at[i] : '?';
    return len;
}

static void reply_keep(struct smtp_reply *r, struct span line)
{
    if (r->text_len > 0 && r->text_len < sizeof(r->text))
        r->text[r->text_len++] = ' ';
    r->text_len += smtp_reply_show(line, r->text + r->text_len, sizeof(r->text) - r->text_len);
}

struct span smtp_reply_words(struct span line)
{
    return span_after(line, 4);
}

enum smtp_reply_status smtp_reply_line(struct smtp_reply *r, struct span line)
{
    unsigned code;
    bool more;

    r->lines++;
    r->bytes += line.len + 2;
    if (line.len + 2 > SMTP_REPLY_LINE_MAX || r->lines > SMTP_REPLY_LINES_MAX ||
        r->bytes > SMTP_REPLY_BYTES_MAX)
        return SMTP_REPLY_LONG;
    if (!reply_code(line, &code, &more) || (r->code != 0 && r->code != code)) {
        r->text_len = 0;
        reply_keep(r, line);
        return SMTP_REPLY_BAD;
    }
    r->code = code;
    reply_keep(r, line);
    if (r->status[0] == '\0' && !smtp_status_parse(smtp_reply_words(line), line.at[0], r->status))
        r->status[0] = '\0';
    return more ? SMTP_REPLY_MORE : SMTP_REPLY_DONE;
}
