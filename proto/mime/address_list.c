#include "proto/mime/address_list.h"

#include "proto/mime/header_param.h"

/* An address in the making. The words before '<', '@', ',' or ':' are gathered in scratch with one
 * blank between them; only what follows says whether they are a name or a local part. Scratch has
 * room for all before the first byte is written, so its bytes stay where they are. */
struct making {
    struct buffer *text;
    size_t words, last_word; /* where in `text` all words, and the last of them, begin */
    bool quoted;             /* one of the words was quoted */
    struct span comment;
};

struct address_list address_list(struct span value, struct buffer *scratch)
{
    scratch->len = 0;
    /* Words take at most their own length and a blank each; comments theirs. */
    buffer_room(scratch, value.len * 3 + 64);
    return (struct address_list){.rest = value, .scratch = scratch};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
    return is_space(c) || memchr("()<>[]:;@\\,\"", c, 12) != NULL;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static void put(struct buffer *b, char c)
{
    b->at[b->len++] = c;
}

/* ---- the pieces */

/* The text inside quotes or brackets up to `close`, unescaped, without line ends. */
static void put_quoted(struct buffer *text, struct span *at, char close)
{
    size_t i = 1;

    for (; i < at->len && at->at[i] != close; i++) {
        if (at->at[i] == '\\' && i + 1 < at->len)
            i++;
        if (at->at[i] != '\r' && at->at[i] != '\n')
            put(text, at->at[i]);
    }
    *at = span_after(*at, i + 1);
}

/* A comment's text, the nested ones with their parentheses, trimmed. */
static struct span put_comment(struct buffer *text, struct span *at)
{
    size_t from = text->len, i = 1;
    unsigned depth = 1;

    for (; i < at->len; i++) {
        char c = at->at[i];

        depth += c == '(';
        depth -= c == ')';
        if (depth == 0)
            break;
        if (c == '\\' && i + 1 < at->len)
            c = at->at[++i];
        if (c != '\r' && c != '\n' && !(text->len == from && is_space(c)))
            put(text, c);
    }
    *at = span_after(*at, i + 1);
    while (text->len > from && is_space(text->at[text->len - 1]))
        text->len--;
    return buffer_since(text, from);
}

/* Passes blanks and comments. The first comment that says anything is kept: its bytes must not come
 * between the words, so it is only marked here and unescaped when the words are done. */
static void skip_blank(struct span *at, struct span *comment)
{
    while (at->len > 0 && (is_space(at->at[0]) || at->at[0] == '(')) {
        struct span from = *at;
        size_t i = 1;

        if (is_space(at->at[0])) {
            *at = span_after(*at, 1);
            continue;
        }
        for (unsigned depth = 1; i < from.len && depth > 0; i++) {
            depth += from.at[i] == '(';
            depth -= from.at[i] == ')';
            i += from.at[i] == '\\';
        }
        *at = span_after(from, i);
        if (comment->at == NULL)
            *comment = span_first(from, i);
    }
}

static void put_atom(struct buffer *text, struct span *at)
{
    size_t i = 0;

    while (i < at->len && !is_special(at->at[i]))
        put(text, at->at[i++]);
    *at = span_after(*at, i == 0 ? 1 : i); /* a stray special is passed over */
}

/* ---- words */

static void add_word(struct making *m, struct span *at)
{
    bool quoted = at->at[0] == '"';

    if (m->text->len > m->words)
        put(m->text, ' ');
    m->last_word = m->text->len;
    m->quoted |= quoted;
    if (quoted)
        put_quoted(m->text, at, '"');
    else
        put_atom(m->text, at);
}

/* "john . doe" was one local part once: when all blanks stand beside dots, they go. */
static bool join_dots(struct making *m)
{
    char *text = m->text->at + m->words, *to = text;
    size_t len = m->text->len - m->words;

    if (m->quoted)
        return false;
    for (size_t i = 1; i + 1 < len; i++) {
        if (text[i] == ' ' && text[i - 1] != '.' && text[i + 1] != '.')
            return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ')
            *to++ = text[i];
    }
    m->text->len = (size_t)(to - m->text->at);
    m->last_word = m->words;
    return true;
}

static struct span words_of(const struct making *m)
{
    return buffer_since(m->text, m->words);
}

static void put_atom_or_literal(struct buffer *text, struct span *at)
{
    if (at->at[0] != '[') {
        put_atom(text, at);
        return;
    }
    put(text, '[');
    put_quoted(text, at, ']');
    put(text, ']');
}

/* Atoms, quoted strings and literals joined, up to a byte of `stop`. */
static struct span take_joined(struct making *m, struct span *at, const char *stop)
{
    size_t from = m->text->len;

    for (skip_blank(at, &m->comment); at->len > 0 && !is_one_of(at->at[0], stop);
         skip_blank(at, &m->comment)) {
        if (at->at[0] == '"')
            put_quoted(m->text, at, '"');
        else
            put_atom_or_literal(m->text, at);
    }
    return buffer_since(m->text, from);
}

/* A host outside angle brackets. Blanks end it, but for those that were once allowed beside dots:
 * so a comma that was forgotten does little harm. */
static struct span take_bare_host(struct making *m, struct span *at)
{
    size_t from = m->text->len;

    for (skip_blank(at, &m->comment); at->len > 0; skip_blank(at, &m->comment)) {
        bool starts = m->text->len == from;

        if (is_one_of(at->at[0], ",;:<@\"") ||
            (!starts && at->at[0] != '.' && m->text->at[m->text->len - 1] != '.'))
            break;
        put_atom_or_literal(m->text, at);
    }
    return buffer_since(m->text, from);
}

/* ---- the forms of an address */

/* "@a,@b:" before the mailbox in angle brackets. */
static struct span take_route(struct making *m, struct span *at)
{
    size_t from = m->text->len;
    struct span start = *at;

    if (at->len == 0 || at->at[0] != '@')
        return (struct span){0};
    for (; at->len > 0 && at->at[0] != ':' && at->at[0] != '>'; *at = span_after(*at, 1)) {
        if (!is_space(at->at[0]))
            put(m->text, at->at[0]);
    }
    if (at->len == 0 || at->at[0] == '>') { /* "<@host>": no route, a mailbox without a name */
        m->text->len = from;
        *at = start;
        return (struct span){0};
    }
    *at = span_after(*at, 1);
    return buffer_since(m->text, from);
}

/* After '<'. The words before it are the name. */
static void take_angle(struct making *m, struct span *at, struct address *a)
{
    struct span words = words_of(m);

    *at = span_after(*at, 1);
    if (words.len > 0)
        a->name = words;
    skip_blank(at, &m->comment);
    a->route = take_route(m, at);
    a->mailbox = take_joined(m, at, "@>,;<");
    if (at->len > 0 && at->at[0] == '@') {
        *at = span_after(*at, 1);
        a->host = take_joined(m, at, "@>,;<");
    }
    while (at->len > 0 && (at->at[0] == '>' || at->at[0] == '@'))
        *at = span_after(*at, 1);
}

/* After the words, at '@'. The last word is the local part; words before it can only be a name. */
static void take_plain(struct making *m, struct span *at, struct address *a)
{
    if (join_dots(m) || m->last_word == m->words) {
        a->mailbox = words_of(m);
    } else {
        a->mailbox = buffer_since(m->text, m->last_word);
        a->name = span_first(words_of(m), m->last_word - m->words - 1);
    }
    *at = span_after(*at, 1);
    a->host = take_bare_host(m, at);
    while (at->len > 0 && at->at[0] == '@')
        *at = span_after(*at, 1);
}

static void take_comment_as_name(struct making *m, struct address *a)
{
    struct span comment = m->comment, name;

    if (a->name.at != NULL || comment.at == NULL)
        return;
    name = put_comment(m->text, &comment);
    if (name.len > 0)
        a->name = name;
}

/* A mailbox, or the start of a group. False when there was nothing but blanks and stray bytes. */
static bool take_address(struct address_list *list, struct address *a)
{
    struct making m = {list->scratch, list->scratch->len, list->scratch->len, false, {0}};
    struct span *at = &list->rest;

    *a = (struct address){
        .kind = ADDRESS_MAILBOX, .mailbox = {"", 0},
             .host = {"", 0}
    };
    for (skip_blank(at, &m.comment); at->len > 0 && !is_one_of(at->at[0], "<@,;:");
         skip_blank(at, &m.comment))
        add_word(&m, at);
    if (at->len > 0 && at->at[0] == '<') {
        take_angle(&m, at, a);
    } else if (at->len > 0 && at->at[0] == '@') {
        take_plain(&m, at, a);
    } else {
        a->mailbox = words_of(&m);
    }
    skip_blank(at, &m.comment);
    if (a->mailbox.len == 0 && a->host.len == 0 && a->name.at == NULL)
        return false;
    take_comment_as_name(&m, a);
    return true;
}

static bool end_group(struct address_list *list, struct address *a)
{
    bool was_in_group = list->in_group;

    list->in_group = false;
    *a = (struct address){.kind = ADDRESS_GROUP_END};
    return was_in_group;
}

/* At the ':' behind a group's name, which begins at `start`. Groups do not nest: an open one is
 * ended first, and the name is read again. */
static void start_group(struct address_list *list, struct span start, struct address *a)
{
    if (list->in_group) {
        list->rest = start;
        (void)end_group(list, a);
        return;
    }
    list->rest = span_after(list->rest, 1);
    list->in_group = true;
    a->kind = ADDRESS_GROUP;
    a->name = (struct span){0};
}

bool address_list_next(struct address_list *list, struct address *a)
{
    struct span *at = &list->rest;

    while (at->len > 0) {
        struct span start = *at;
        bool found;

        list->scratch->len = 0;
        found = take_address(list, a);
        if (at->len > 0 && at->at[0] == ':' && a->host.len == 0) {
            start_group(list, start, a);
            return true;
        }
        if (found)
            return true;
        if (at->len > 0 && at->at[0] == ';' && end_group(list, a)) {
            *at = span_after(*at, 1);
            return true;
        }
        *at = span_after(*at, 1); /* a comma, or a stray byte */
    }
    return end_group(list, a);
}
