#include "proto/sasl/sasl_bearer.h"

#include <string.h>

#include "proto/text/scan.h"

static const char separator = 1;

static bool take_user(struct span name, struct sasl_bearer *b)
{
    if (name.len > AUTH_NAME_MAX || !scan_is_printable(name) || !scan_is_utf8(name))
        return false;
    if (name.len > 0)
        memcpy(b->user, name.at, name.len);
    b->user[name.len] = '\0';
    return true;
}

/* A saslname of RFC 5801 4: "=2C" is a comma and "=3D" an equals sign. */
static bool take_saslname(struct span text, struct sasl_bearer *b)
{
    char name[AUTH_NAME_MAX];
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        struct span code = span_first(span_after(text, i), 3);
        if (len == sizeof(name))
            return false;
        name[len++] = text.at[i];
        if (text.at[i] != '=')
            continue;
        if (!span_eq(code, SPAN("=2C")) && !span_eq(code, SPAN("=3D")))
            return false;
        name[len - 1] = code.at[1] == '2' ? ',' : '=';
        i += 2;
    }
    return take_user((struct span){name, len}, b);
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (c == '\0' || (!is_letter && !(c >= '0' && c <= '9') && !strchr("-._~+/=", c)))
            return false;
    }
    return text.len > 0;
}

/* "Bearer", blanks, the token; there may be nothing at all. */
static bool take_auth(struct span value, struct sasl_bearer *b)
{
    if (value.len == 0)
        return true;
    if (b->token.len > 0 || !scan_nocase(&value, SPAN("Bearer ")))
        return false;
    scan_blanks(&value);
    b->token = value;
    return is_token(value);
}

static bool take_pair(struct span pair, bool is_xoauth2, struct sasl_bearer *b)
{
    struct span key;

    if (!scan_until(&pair, '=', pair.len, &key))
        return false;
    pair = span_after(pair, 1);
    if (span_eq_nocase(key, SPAN("auth")))
        return take_auth(pair, b);
    if (is_xoauth2 && span_eq_nocase(key, SPAN("user")))
        return take_user(pair, b);
    return true; /* host, port and what else there will be */
}

/* "n,a=name," or "y,,": channel binding is not for these mechanisms. */
static bool take_header(struct span *at, struct sasl_bearer *b)
{
    struct span name = {0};

    if ((!scan_byte(at, 'n') && !scan_byte(at, 'y')) || !scan_byte(at, ','))
        return false;
    if (scan_nocase(at, SPAN("a=")) &&
        (!scan_until(at, ',', at->len, &name) || !take_saslname(name, b)))
        return false;
    return scan_byte(at, ',') && scan_byte(at, separator);
}

bool sasl_bearer_parse(struct span at, bool is_xoauth2, struct sasl_bearer *b_r)
{
    struct span pair;

    *b_r = (struct sasl_bearer){0};
    if (!is_xoauth2 && !take_header(&at, b_r))
        return false;
    while (scan_until(&at, separator, at.len, &pair)) {
        at = span_after(at, 1);
        if (!take_pair(pair, is_xoauth2, b_r))
            return false;
    }
    return scan_byte(&at, separator) && scan_end(&at);
}
