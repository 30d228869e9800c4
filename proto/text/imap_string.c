#include "proto/text/imap_string.h"

#include <stdbool.h>

#include "core/base/number.h"

enum byte_class {
    PLAIN,
    ESCAPED, /* fine in a quoted string behind a backslash */
    LITERAL, /* only fine in a literal */
};

static enum byte_class class_of(unsigned char c)
{
    if (c == '"' || c == '\\')
        return ESCAPED;
    return c == '\0' || c == '\r' || c == '\n' || c >= 0x80 ? LITERAL : PLAIN;
}

/* The quoted form; 0 when the bytes need a literal. */
static size_t put_quoted(char *at, struct span bytes)
{
    char *to = at;

    *to++ = '"';
    for (size_t i = 0; i < bytes.len; i++) {
        enum byte_class class = class_of((unsigned char)bytes.at[i]);

        if (class == LITERAL)
            return 0;
        if (class == ESCAPED)
            *to++ = '\\';
        *to++ = bytes.at[i];
    }
    *to++ = '"';
    return (size_t)(to - at);
}

static size_t put_literal(char *at, struct span bytes)
{
    char *to = at;

    *to++ = '{';
    to += number_write(to, bytes.len);
    memcpy(to, "}\r\n", 3);
    to += 3;
    for (size_t i = 0; i < bytes.len; i++)
        *to++ = bytes.at[i] == '\0' ? (char)0x80 : bytes.at[i];
    return (size_t)(to - at);
}

size_t imap_string_put(char *at, struct span bytes)
{
    size_t len = bytes.len <= IMAP_STRING_QUOTED_MAX ? put_quoted(at, bytes) : 0;

    return len > 0 ? len : put_literal(at, bytes);
}

void imap_string_write(struct chain *out, struct span bytes)
{
    char *at = chain_reserve(out, imap_string_max(bytes.len));

    chain_added(out, imap_string_put(at, bytes));
}
