#include "proto/imap/imap_token.h"

#include "core/base/number.h"
#include "proto/text/scan.h"

bool imap_char_is_atom(char c)
{
    unsigned char u = (unsigned char)c;

    return u > 0x20 && u < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

static bool char_is_astring(char c)
{
    return imap_char_is_atom(c) || c == ']';
}

static bool char_is_list(char c)
{
    return char_is_astring(c) || c == '%' || c == '*';
}

static bool char_is_tag(char c)
{
    return char_is_astring(c) && c != '+';
}

static bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One or more characters of a class. */
static bool token_of(struct span *at, bool (*belongs)(char c), struct span *taken_r)
{
    size_t len = 0;

    while (len < at->len && belongs(at->at[len]))
        len++;
    if (len == 0)
        return false;
    *taken_r = span_first(*at, len);
    *at = span_after(*at, len);
    return true;
}

bool imap_text_is_atom(struct span text)
{
    struct span atom;

    return token_of(&text, imap_char_is_atom, &atom) && text.len == 0;
}

bool imap_token_space(struct span *at)
{
    return scan_byte(at, ' ');
}

bool imap_token_tag(struct span *at, struct span *tag_r)
{
    return token_of(at, char_is_tag, tag_r);
}

bool imap_token_atom(struct span *at, struct span *atom_r)
{
    return token_of(at, imap_char_is_atom, atom_r);
}

bool imap_token_number(struct span *at, uint32_t *number_r)
{
    struct span rest = *at, digits;
    uint64_t number;

    if (!token_of(&rest, char_is_digit, &digits) || !number_parse(digits, UINT32_MAX, &number))
        return false;
    *number_r = (uint32_t)number;
    *at = rest;
    return true;
}

/* Unescapes in place, which only shortens: the cursor's bytes are the command's own. */
static bool token_quoted(struct span *at, struct span *string_r)
{
    char *bytes = (char *)at->at;
    size_t from = 1, to = 0;

    if (at->len == 0 || bytes[0] != '"')
        return false;
    for (; from < at->len && bytes[from] != '"'; from++)
        from += bytes[from] == '\\'; /* first only look: a string that does not end stays whole */
    if (from >= at->len)
        return false;
    for (size_t i = 1; i < from; i++) {
        char c = bytes[i];

        if (c == '\0' || c == '\r' || c == '\n')
            return false;
        if (c == '\\') {
            c = bytes[++i];
            if (c != '"' && c != '\\')
                return false;
        }
        bytes[++to] = c;
    }
    *string_r = (struct span){bytes + 1, to};
    *at = span_after(*at, from + 1);
    return true;
}

/* The reader has checked and gathered it: here is only found again what it is made of. */
static bool token_literal(struct span *at, struct span *string_r)
{
    struct span rest = *at;
    uint32_t len;

    if (!scan_byte(&rest, '{') || !imap_token_number(&rest, &len))
        return false;
    scan_byte(&rest, '+');
    if (!scan_byte(&rest, '}') || !scan_byte(&rest, '\r') || !scan_byte(&rest, '\n') ||
        rest.len < len || (len > 0 && memchr(rest.at, '\0', len) != NULL))
        return false;
    *string_r = span_first(rest, len);
    *at = span_after(rest, len);
    return true;
}

bool imap_token_string(struct span *at, struct span *string_r)
{
    return token_quoted(at, string_r) || token_literal(at, string_r);
}

bool imap_token_astring(struct span *at, struct span *string_r)
{
    return token_of(at, char_is_astring, string_r) || imap_token_string(at, string_r);
}

bool imap_token_nstring(struct span *at, struct span *string_r)
{
    if (imap_token_word(at, "NIL")) {
        *string_r = (struct span){NULL, 0};
        return true;
    }
    return imap_token_string(at, string_r);
}

bool imap_token_list_mailbox(struct span *at, struct span *pattern_r)
{
    return token_of(at, char_is_list, pattern_r) || imap_token_string(at, pattern_r);
}

bool imap_token_system_flag(struct span *at, struct span *word_r)
{
    struct span rest = *at;

    if (!scan_byte(&rest, '\\') || !imap_token_atom(&rest, word_r))
        return false;
    *at = rest;
    return true;
}

bool imap_token_word(struct span *at, const char *word)
{
    struct span rest = *at;

    if (!scan_nocase(&rest, span_str(word)) || (rest.len > 0 && imap_char_is_atom(rest.at[0])))
        return false;
    *at = rest;
    return true;
}
