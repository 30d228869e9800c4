#include "proto/imap/imap_reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/imap/imap_token.h"

enum {
    READER_TAIL_MAX = 32, /* bytes at the end of a line that may announce a literal */
};

/* What the end of a line announces. */
enum announced {
    ANNOUNCED_NOTHING,
    ANNOUNCED_LITERAL,
    ANNOUNCED_UNASKED
};

/* "{123}" or "{123+}" at the end of a line (without its line end), which begins at *at_r. A number
 * too big for anything is UINT64_MAX; so is one whose beginning is further back than is looked, for
 * what is passed over is not kept. */
static enum announced line_announces(struct span whole, uint64_t *len_r, size_t *at_r)
{
    struct span line =
        span_after(whole, whole.len > READER_TAIL_MAX ? whole.len - READER_TAIL_MAX : 0);
    enum announced what = ANNOUNCED_LITERAL;
    size_t end = line.len, at;

    if (end < 3 || line.at[--end] != '}')
        return ANNOUNCED_NOTHING;
    if (line.at[end - 1] == '+') {
        what = ANNOUNCED_UNASKED;
        end--;
    }
    for (at = end; at > 0 && line.at[at - 1] >= '0' && line.at[at - 1] <= '9'; at--)
        continue;
    *at_r = whole.len - line.len + (at > 0 ? at - 1 : 0);
    if (at == 0 && line.len < whole.len) {
        *len_r = UINT64_MAX;
        return what;
    }
    if (at == end || at == 0 || line.at[at - 1] != '{')
        return ANNOUNCED_NOTHING;
    if (!number_parse((struct span){line.at + at, end - at}, UINT64_MAX - 1, len_r))
        *len_r = UINT64_MAX;
    return what;
}

static void reader_add(struct imap_reader *r, struct span bytes)
{
    size_t needed = r->len + bytes.len;

    if (needed > r->size) {
        r->size = (uint32_t)(needed > 128 ? needed + needed / 4 : 128);
        r->text = xrealloc(r->text, r->size);
    }
    if (bytes.len > 0)
        memcpy(r->text + r->len, bytes.at, bytes.len);
    r->len = (uint32_t)needed;
}

static void reader_reset(struct imap_reader *r)
{
    free(r->text);
    *r = (struct imap_reader){0};
}

void imap_reader_free(struct imap_reader *r)
{
    reader_reset(r);
}

/* Gives up the command at hand, but for its tag, and passes over the rest of it. */
static void reader_give_up(struct imap_reader *r, struct span offered)
{
    struct span text = r->len > 0 ? (struct span){r->text, r->len} : offered, tag;
    struct imap_reader next = {.skips = true};

    if (imap_token_tag(&text, &tag) && tag.len <= sizeof(next.tag) && text.len > 0 &&
        text.at[0] == ' ') {
        memcpy(next.tag, tag.at, tag.len);
        next.tag_len = (uint8_t)tag.len;
    }
    reader_reset(r);
    *r = next;
}

struct span imap_reader_tag(const struct imap_reader *r)
{
    return (struct span){r->tag, r->tag_len};
}

/* Counts parentheses outside of quoted strings in line bytes not yet looked at. True when too many
 * are open; bytes up to `upto` are looked at then or else. */
static bool reader_counts_lists(struct imap_reader *r, struct span bytes, size_t upto,
                                unsigned open_max)
{
    for (; r->scanned < upto; r->scanned++) {
        char c = bytes.at[r->scanned];

        if (r->in_quotes) {
            r->in_quotes = r->is_escaped || c != '"';
            r->is_escaped = !r->is_escaped && c == '\\';
        } else if (c == '"') {
            r->in_quotes = true;
        } else if (c == '(' && ++r->open_lists > open_max) {
            return true;
        } else if (c == ')' && r->open_lists > 0) {
            r->open_lists--;
        }
    }
    return false;
}

/* Passes over a command up to the end of its last line, with the literals that come unasked. */
static size_t reader_skip(struct imap_reader *r, const struct imap_reader_limits *limits,
                          struct span bytes, enum imap_read *what_r)
{
    const char *lf;
    struct span line;
    uint64_t announced;
    size_t len, at;

    if (r->literal_left > 0) {
        len = bytes.len < r->literal_left ? bytes.len : r->literal_left;
        r->literal_left -= (uint32_t)len;
        return len;
    }
    lf = memchr(bytes.at, '\n', bytes.len);
    if (lf == NULL) /* the end of what is here may announce a literal: it, one byte more, a CR */
        return bytes.len > READER_TAIL_MAX + 2 ? bytes.len - READER_TAIL_MAX - 2 : 0;
    len = (size_t)(lf - bytes.at);
    line = span_first(bytes, len > 0 && bytes.at[len - 1] == '\r' ? len - 1 : len);
    if (line_announces(line, &announced, &at) != ANNOUNCED_UNASKED)
        reader_reset(r);
    else if (announced > limits->literal_plus_size && announced > r->skip_size)
        *what_r = IMAP_READ_FLOOD;
    else
        r->literal_left = (uint32_t)announced;
    return len + 1;
}

/* Is what the line announces behind this a message? Then the command so far is kept. */
static bool reader_takes_message(struct imap_reader *r, const struct imap_reader_limits *limits,
                                 struct span line)
{
    uint32_t len = r->len;

    if (limits->is_message == NULL)
        return false;
    reader_add(r, line);
    if (limits->is_message((struct span){r->text, r->len}))
        return true;
    r->len = len;
    return false;
}

/* A line is whole: the last of a command, or a literal follows. */
static enum imap_read reader_line(struct imap_reader *r, const struct imap_reader_limits *limits,
                                  struct span line)
{
    uint64_t literal = 0;
    size_t at;
    enum announced announced = line_announces(line, &literal, &at);

    if (announced == ANNOUNCED_NOTHING) {
        reader_add(r, line);
        return IMAP_READ_COMMAND;
    }
    if (reader_takes_message(r, limits, span_first(line, at))) {
        r->announced = literal;
        r->comes_unasked = announced == ANNOUNCED_UNASKED;
        return IMAP_READ_MESSAGE;
    }
    if (literal > limits->command_size || r->len + line.len + 2 + literal > limits->command_size ||
        (announced == ANNOUNCED_UNASKED && literal > limits->literal_plus_size)) {
        reader_give_up(r, line);
        if (announced == ANNOUNCED_LITERAL) /* nobody sends it: the command ends here */
            r->skips = false;
        return announced == ANNOUNCED_LITERAL ? IMAP_READ_TOO_LONG : IMAP_READ_FLOOD;
    }
    reader_add(r, line);
    reader_add(r, SPAN("\r\n"));
    r->literal_left = (uint32_t)literal;
    return announced == ANNOUNCED_LITERAL ? IMAP_READ_LITERAL : IMAP_READ_NOTHING;
}

size_t imap_reader_input(struct imap_reader *r, const struct imap_reader_limits *limits,
                         struct span bytes, enum imap_read *what_r)
{
    size_t room, seen, len;
    const char *lf;

    *what_r = IMAP_READ_NOTHING;
    if (r->skips)
        return reader_skip(r, limits, bytes, what_r);
    r->tag_len = 0;
    if (r->literal_left > 0) {
        len = bytes.len < r->literal_left ? bytes.len : r->literal_left;
        reader_add(r, span_first(bytes, len));
        r->literal_left -= (uint32_t)len;
        return len;
    }
    ensure(r->len <= limits->command_size);
    room = limits->command_size - r->len;
    seen = bytes.len < room ? bytes.len : room;
    lf = seen == 0 ? NULL : memchr(bytes.at, '\n', seen);
    if (lf != NULL)
        seen = (size_t)(lf - bytes.at);
    if (limits->open_lists > 0 && reader_counts_lists(r, bytes, seen, limits->open_lists)) {
        reader_give_up(r, bytes);
        *what_r = IMAP_READ_LISTS;
        return 0;
    }
    if (lf == NULL) {
        if (seen < room)
            return 0;
        reader_give_up(r, bytes);
        *what_r = IMAP_READ_TOO_LONG;
        return 0;
    }
    r->scanned = 0;
    if (seen == 0 || bytes.at[seen - 1] != '\r') {
        reader_give_up(r, bytes);
        r->skips = false;
        *what_r = IMAP_READ_BARE_LF;
        return seen + 1;
    }
    *what_r = reader_line(r, limits, span_first(bytes, seen - 1));
    return seen + 1;
}

void imap_reader_skip(struct imap_reader *r, uint32_t len, uint32_t literal_size)
{
    reader_reset(r);
    r->skips = true;
    r->skip_size = literal_size;
    r->literal_left = len;
}

char *imap_reader_take(struct imap_reader *r, uint32_t *len_r)
{
    char *text = r->text != NULL ? r->text : xcalloc(1, 1);

    ensure(r->literal_left == 0);
    *len_r = r->len;
    r->text = NULL;
    *r = (struct imap_reader){.announced = r->announced, .comes_unasked = r->comes_unasked};
    return text;
}
