#include "tests/unit/service/imap_response.h"

#include <string.h>

#include "core/base/attr.h"
#include "proto/text/scan.h"

enum {
    RESPONSE_DEPTH_MAX = 1000,
};

static bool is_atom(char c)
{
    return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

static bool take_atom(struct span *at, struct span *atom_r)
{
    size_t len = 0;

    while (len < at->len && is_atom(at->at[len]))
        len++;
    *atom_r = span_first(*at, len);
    *at = span_after(*at, len);
    return len > 0;
}

static bool take_number(struct span *at, uint64_t *number_r)
{
    size_t len = 0;
    uint64_t number = 0;

    while (len < at->len && at->at[len] >= '0' && at->at[len] <= '9' && len < 19)
        number = number * 10 + (uint64_t)(at->at[len++] - '0');
    if (len == 0 || (len > 1 && at->at[0] == '0'))
        return false;
    *number_r = number;
    *at = span_after(*at, len);
    return true;
}

static bool take_string(struct span *at)
{
    uint64_t len;

    if (scan_byte(at, '"')) {
        while (at->len > 0 && at->at[0] != '"') {
            char c = at->at[0];

            if (c == '\r' || c == '\n' || c == '\0' || (unsigned char)c >= 0x80)
                return false;
            if (c == '\\') {
                if (at->len < 2 || (at->at[1] != '"' && at->at[1] != '\\'))
                    return false;
                *at = span_after(*at, 1);
            }
            *at = span_after(*at, 1);
        }
        return scan_byte(at, '"');
    }
    if (!scan_byte(at, '{') || !take_number(at, &len) || !scan_byte(at, '}') ||
        !scan_byte(at, '\r') || !scan_byte(at, '\n') || at->len < len)
        return false;
    *at = span_after(*at, len);
    return true;
}

static bool take_scalar(struct span *at)
{
    struct span atom;

    if (at->len > 0 && (at->at[0] == '"' || at->at[0] == '{'))
        return take_string(at);
    if (scan_byte(at, '\\'))
        return scan_byte(at, '*') || take_atom(at, &atom);
    return take_atom(at, &atom);
}

/* A number, string, NIL, flag, or a list of values; lists may stand side by side (addresses, parts
 * of a multipart). */
static bool take_value(struct span *at)
{
    unsigned depth = 0;

    for (;;) {
        if (scan_byte(at, '(')) {
            if (++depth > RESPONSE_DEPTH_MAX)
                return false;
            if (!scan_byte(at, ')'))
                continue;
            depth--;
        } else if (!take_scalar(at)) {
            return false;
        }
        while (depth > 0 && scan_byte(at, ')'))
            depth--;
        if (depth == 0)
            return true;
        if (!scan_byte(at, ' ') && (at->len == 0 || at->at[0] != '('))
            return false;
    }
}

static bool take_section(struct span *at)
{
    uint64_t number;
    struct span word;

    if (!scan_byte(at, '['))
        return true;
    while (take_number(at, &number) && scan_byte(at, '.'))
        continue;
    if (take_atom(at, &word) && scan_byte(at, ' ') && !take_value(at))
        return false;
    if (!scan_byte(at, ']'))
        return false;
    return !scan_byte(at, '<') || (take_number(at, &number) && scan_byte(at, '>'));
}

static bool take_fetch(struct span *at)
{
    struct span name;

    if (!scan_byte(at, '('))
        return false;
    do {
        size_t len = 0;

        /* The atom of a name with a section ends at its bracket. */
        while (len < at->len && is_atom(at->at[len]) && at->at[len] != '[')
            len++;
        name = span_first(*at, len);
        *at = span_after(*at, len);
        if (name.len == 0 || !take_section(at) || !scan_byte(at, ' ') || !take_value(at))
            return false;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

/* "[CODE text] some text": text is never empty and has no 8-bit. */
static bool take_text(struct span *at)
{
    size_t len = 0;

    while (len < at->len && at->at[len] != '\r' && at->at[len] != '\n')
        if ((unsigned char)at->at[len++] >= 0x80)
            return false;
    if (len == 0)
        return false;
    if (at->at[0] == '[') {
        const char *end = memchr(at->at, ']', len);

        if (end == NULL || (size_t)(end - at->at) + 2 >= len || end[1] != ' ')
            return false;
    }
    *at = span_after(*at, len);
    return true;
}

static bool take_values(struct span *at)
{
    while (scan_byte(at, ' ')) {
        if (!take_value(at))
            return false;
    }
    return true;
}

static const char *read_numbered(struct span *at, uint64_t number, struct imap_client_view *view)
{
    if (!scan_byte(at, ' '))
        return "a blank behind the number";
    if (scan_nocase(at, SPAN("EXISTS"))) {
        if (number < view->exists && view->is_selected)
            return "EXISTS below what was told";
        view->exists = (uint32_t)number;
    } else if (scan_nocase(at, SPAN("RECENT"))) {
        if (number > view->exists)
            return "more RECENT than EXISTS";
    } else if (scan_nocase(at, SPAN("EXPUNGE"))) {
        if (number == 0 || number > view->exists)
            return "EXPUNGE of a number that no message has";
        view->exists--;
        view->expunged++;
    } else if (scan_nocase(at, SPAN("FETCH "))) {
        if (number == 0 || number > view->exists)
            return "FETCH of a number that no message has";
        view->fetched++;
        return take_fetch(at) ? NULL : "a FETCH response";
    } else {
        return "an untagged response with a number";
    }
    return NULL;
}

static const char *read_untagged(struct span *at, struct imap_client_view *view)
{
    static const char *const states[] = {"OK ", "NO ", "BAD ", "BYE "};
    static const char *const data[] = {"CAPABILITY", "FLAGS",     "LIST", "STATUS", "SEARCH",
                                       "ID",         "NAMESPACE", "LSUB", "ENABLED"};
    uint64_t number;

    if (take_number(at, &number))
        return read_numbered(at, number, view);
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (scan_nocase(at, span_str(states[i])))
            return take_text(at) ? NULL : "text behind a status";
    }
    for (size_t i = 0; i < COUNT_OF(data); i++) {
        if (scan_nocase(at, span_str(data[i])))
            return take_values(at) ? NULL : "the values of a response";
    }
    return "an untagged response that we know";
}

static const char *read_tagged(struct span *at)
{
    size_t len = 0;

    /* As atoms, but ']' may be in a tag. */
    while (len < at->len && (is_atom(at->at[len]) || at->at[len] == ']') && at->at[len] != '+')
        len++;
    *at = span_after(*at, len);
    if (len == 0 || !scan_byte(at, ' '))
        return "a tag";
    if (!scan_nocase(at, SPAN("OK ")) && !scan_nocase(at, SPAN("NO ")) &&
        !scan_nocase(at, SPAN("BAD ")))
        return "a status behind the tag";
    return take_text(at) ? NULL : "text behind a status";
}

bool imap_response_read(struct span bytes, struct imap_client_view *view, const char **why_r,
                        struct span *at_r)
{
    while (bytes.len > 0) {
        *at_r = bytes;
        *why_r = NULL;
        if (scan_byte(&bytes, '+')) {
            if (!scan_byte(&bytes, ' '))
                *why_r = "a blank behind '+'";
            while (bytes.len > 0 && bytes.at[0] != '\r')
                bytes = span_after(bytes, 1);
        } else if (scan_nocase(&bytes, SPAN("* "))) {
            *why_r = read_untagged(&bytes, view);
        } else {
            *why_r = read_tagged(&bytes);
        }
        if (*why_r == NULL && (!scan_byte(&bytes, '\r') || !scan_byte(&bytes, '\n')))
            *why_r = "CRLF";
        if (*why_r != NULL)
            return false;
    }
    return true;
}
