#include "proto/pop3/pop3_stuff.h"

#include <string.h>

static const char nul_shown = (char)0x80;

struct pop3_stuff pop3_stuff_begin(uint64_t lines, bool no_nuls)
{
    return (struct pop3_stuff){
        .lines = lines, .no_nuls = no_nuls, .last = {'\r', '\n'}
    };
}

/* Is the line that ends at block.at[lf] empty? It may have begun in the block before. */
static bool line_is_empty(const struct pop3_stuff *s, struct span block, size_t from, size_t lf)
{
    size_t len = lf - from;

    if (from > 0)
        return len == 0 || (len == 1 && block.at[from] == '\r');
    if (len == 0)
        return s->last[1] == '\n' || (s->last[1] == '\r' && s->last[0] == '\n');
    return len == 1 && block.at[0] == '\r' && s->last[1] == '\n';
}

/* One more line is out. */
static void line_passed(struct pop3_stuff *s, bool is_empty)
{
    if (s->in_body)
        s->lines--;
    else
        s->in_body = is_empty;
    s->is_cut = s->in_body && s->lines == 0;
}

struct span pop3_stuff_want(struct pop3_stuff *s, struct span block)
{
    size_t from = 0;

    while (!s->is_cut && from < block.len && (!s->in_body || s->lines != POP3_ALL_LINES)) {
        const char *lf = memchr(block.at + from, '\n', block.len - from);
        size_t at;

        if (lf == NULL)
            return block;
        at = (size_t)(lf - block.at);
        line_passed(s, !s->in_body && line_is_empty(s, block, from, at));
        from = at + 1;
    }
    return s->is_cut ? span_first(block, from) : block;
}

/* The first dot of the block that begins a line, but not its first byte; block.len: none. */
static size_t dot_find(struct span block)
{
    const char *at = block.at + 1, *end = block.at + block.len;

    while (at < end && (at = memchr(at, '.', (size_t)(end - at))) != NULL) {
        if (at[-1] == '\n')
            return (size_t)(at - block.at);
        at++;
    }
    return block.len;
}

bool pop3_stuff_next(struct pop3_stuff *s, struct span *block, struct span *piece_r, bool *dot_r)
{
    size_t len;

    if (block->len == 0)
        return false;
    len = dot_find(*block);
    *dot_r = s->last[1] == '\n' && block->at[0] == '.';
    *piece_r = span_first(*block, len);
    s->last[0] = len >= 2 ? block->at[len - 2] : s->last[1];
    s->last[1] = block->at[len - 1];
    *block = span_after(*block, len);
    return true;
}

bool pop3_stuff_must_copy(const struct pop3_stuff *s, struct span piece)
{
    return s->no_nuls && memchr(piece.at, '\0', piece.len) != NULL;
}

void pop3_stuff_copy(const struct pop3_stuff *s, struct span piece, struct chain *out)
{
    while (piece.len > 0) {
        const char *nul = s->no_nuls ? memchr(piece.at, '\0', piece.len) : NULL;
        size_t len = nul == NULL ? piece.len : (size_t)(nul - piece.at);

        chain_add(out, span_first(piece, len));
        if (nul != NULL)
            chain_add_byte(out, nul_shown);
        piece = span_after(piece, len + (nul != NULL));
    }
}

void pop3_stuff_end(struct pop3_stuff *s, bool adds_end_of_header, struct chain *out)
{
    if (s->last[0] != '\r' || s->last[1] != '\n')
        chain_add(out, SPAN("\r\n"));
    if (adds_end_of_header && !s->in_body)
        chain_add(out, SPAN("\r\n"));
    chain_add(out, SPAN(".\r\n"));
}
