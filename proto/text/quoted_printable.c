#include "proto/text/quoted_printable.h"

int quoted_printable_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Passes on what was held. */
static size_t release(struct quoted_printable *q, char *out)
{
    size_t len = q->held_len;

    memcpy(out, q->held, len);
    q->held_len = 0;
    q->state = QUOTED_TEXT;
    return len;
}

static void drop(struct quoted_printable *q)
{
    q->held_len = 0;
    q->state = QUOTED_TEXT;
}

static void hold(struct quoted_printable *q, char c, enum quoted_printable_state state)
{
    q->held[q->held_len++] = c;
    q->state = state;
}

static bool has_room(const struct quoted_printable *q)
{
    return q->held_len < QUOTED_PRINTABLE_HELD_MAX;
}

/* What was held was no escape after all. */
static size_t give_up(struct quoted_printable *q, char *out)
{
    q->broken = true;
    return release(q, out);
}

/* One byte while something is held. *taken_r is false when the byte is still to be looked at. */
static size_t step_held(struct quoted_printable *q, char c, char *out, bool *taken_r)
{
    *taken_r = true;
    if (q->state == QUOTED_BLANKS && is_blank(c) && has_room(q)) {
        hold(q, c, QUOTED_BLANKS);
        return 0;
    }
    if (q->state == QUOTED_ESCAPE && quoted_printable_hex(c) >= 0) {
        hold(q, c, QUOTED_HEX);
        return 0;
    }
    if (q->state == QUOTED_HEX && quoted_printable_hex(c) >= 0) {
        out[0] = (char)((unsigned)quoted_printable_hex(q->held[1]) << 4 |
                        (unsigned)quoted_printable_hex(c));
        drop(q);
        return 1;
    }
    if (q->state == QUOTED_ESCAPE || q->state == QUOTED_SOFT) {
        if (c == '\n') {
            drop(q);
            return 0;
        }
        if ((is_blank(c) || c == '\r') && has_room(q)) {
            hold(q, c, QUOTED_SOFT);
            return 0;
        }
    }
    *taken_r = false;
    if (q->state != QUOTED_BLANKS)
        return give_up(q, out);
    if (c == '\r' || c == '\n') {
        drop(q);
        return 0;
    }
    return release(q, out);
}

size_t quoted_printable_decode(struct quoted_printable *q, struct span text, char *out)
{
    char *to = out;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool taken = false;

        if (q->state != QUOTED_TEXT)
            to += step_held(q, c, to, &taken);
        if (taken)
            continue;
        if (c == '=' || is_blank(c))
            hold(q, c, c == '=' ? QUOTED_ESCAPE : QUOTED_BLANKS);
        else
            *to++ = c;
    }
    return (size_t)(to - out);
}

/* A '=' as the last thing is a soft break whose line end went to a boundary. Blanks at the end go.
 */
size_t quoted_printable_end(struct quoted_printable *q, char *out)
{
    if (q->state == QUOTED_HEX)
        return give_up(q, out);
    drop(q);
    return 0;
}

/* Does a line end here, or all of the text? */
static bool at_line_end(struct span text)
{
    return text.len == 0 || (text.len >= 2 && text.at[0] == '\r' && text.at[1] == '\n');
}

static bool must_escape(struct span text)
{
    char c = text.at[0];

    if (c == ' ' || c == '\t')
        return at_line_end(span_after(text, 1));
    return c < '!' || c > '~' || c == '=';
}

size_t quoted_printable_encode(struct span text, unsigned *column, char *out, size_t size,
                               size_t *len_r)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = 0, len = 0;

    while (at < text.len && size - len >= QUOTED_PRINTABLE_STEP_MAX) {
        struct span rest = span_after(text, at);
        bool is_escaped = must_escape(rest);
        unsigned width = is_escaped ? 3 : 1;

        if (at_line_end(rest)) {
            memcpy(out + len, "\r\n", 2);
            len += 2;
            at += 2;
            *column = 0;
            continue;
        }
        /* One column is kept for the "=" of a soft line break, wherever the line ends. */
        if (*column + width > QUOTED_PRINTABLE_LINE_MAX - 1u) {
            memcpy(out + len, "=\r\n", 3);
            len += 3;
            *column = 0;
        }
        if (is_escaped) {
            out[len++] = '=';
            out[len++] = digits[(unsigned char)rest.at[0] >> 4];
            out[len++] = digits[(unsigned char)rest.at[0] & 15];
        } else {
            out[len++] = rest.at[0];
        }
        *column += width;
        at++;
    }
    *len_r = len;
    return at;
}
