#include "proto/text/address.h"

#include "proto/text/ip.h"
#include "proto/text/scan.h"

/* RFC 5322 3.2.3, and a dot, and what RFC 6531 3.3 adds. */
static bool address_is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || (c != '\0' && strchr(".!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Length of what `at` begins with up to `stop` outside of quotes, or to the end. */
static size_t address_outside_quotes(struct span at, const char *stop)
{
    bool quoted = false;
    size_t i;

    for (i = 0; i < at.len; i++) {
        if (at.at[i] == '\\' && i + 1 < at.len)
            i++;
        else if (at.at[i] == '"')
            quoted = !quoted;
        else if (!quoted && at.at[i] != '\0' && strchr(stop, at.at[i]) != NULL)
            break;
    }
    return i;
}

bool address_path(struct span *at, bool strict, struct span *inside_r)
{
    struct span path = *at;
    bool has_brackets = scan_byte(&path, '<');
    size_t len = address_outside_quotes(path, has_brackets ? ">" : " \t<>");

    if (!has_brackets && (strict || len == 0))
        return false;
    *inside_r = span_first(path, len);
    path = span_after(path, len);
    if (has_brackets && !scan_byte(&path, '>'))
        return false;
    if (path.len > 0 && path.at[0] != ' ' && path.at[0] != '\t')
        return false;
    *at = path;
    return true;
}

bool address_is_hostname(struct span text, bool may_be_utf8)
{
    size_t label = 0;

    if (text.len == 0 || text.len > ADDRESS_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';

        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!plain && !((unsigned char)c >= 0x80 && may_be_utf8)) {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return label > 0;
}

static bool address_is_dcontent(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '!' || text.at[i] > '~' || strchr("[\\]", text.at[i]) != NULL)
            return false;
    }
    return text.len > 0;
}

bool address_is_literal(struct span text)
{
    struct span tag;
    struct ip ip;

    if (text.len > ADDRESS_DOMAIN_MAX || !scan_byte(&text, '[') || text.len == 0 ||
        text.at[text.len - 1] != ']')
        return false;
    text.len--;
    if (ip_parse_v4(text, &ip))
        return true;
    if (scan_nocase(&text, SPAN("IPv6:")))
        return ip_parse_v6(text, &ip);
    return scan_until(&text, ':', 63, &tag) && scan_byte(&text, ':') &&
           address_is_hostname(tag, false) && memchr(tag.at, '.', tag.len) == NULL &&
           address_is_dcontent(text);
}

/* "@a,@b:" in front of the mailbox (RFC 5321 4.1.2, A-d-l): read and forgotten. */
static bool address_skip_route(struct span *at)
{
    struct span route, host;

    if (at->len == 0 || at->at[0] != '@')
        return true;
    if (!scan_until(at, ':', ADDRESS_PATH_MAX, &route) || !scan_byte(at, ':'))
        return false;
    while (scan_byte(&route, '@')) {
        if (!scan_until(&route, ',', ADDRESS_DOMAIN_MAX, &host)) {
            host = route;
            route = span_after(route, route.len);
        }
        if (!address_is_hostname(host, true))
            return false;
        if (route.len > 0 && !(scan_byte(&route, ',') && route.len > 0))
            return false;
    }
    return scan_end(&route);
}

static bool address_local_add(struct address *a, size_t max, char byte)
{
    if (a->local_len == max)
        return false;
    a->local[a->local_len++] = byte;
    return true;
}

/* RFC 5321 4.1.2 Quoted-string; the cursor is behind the first quote. */
static bool address_take_quoted(struct span *at, size_t max, struct address *a)
{
    while (!scan_byte(at, '"')) {
        scan_byte(at, '\\');
        if (at->len == 0 || !scan_is_printable(span_first(*at, 1)) ||
            !address_local_add(a, max, at->at[0]))
            return false;
        *at = span_after(*at, 1);
    }
    return true;
}

/* Atoms, dots and quoted strings in any row: "a.b", "\"a b\"", a."b c". */
static bool address_take_local(struct span *at, size_t max, struct address *a)
{
    while (at->len > 0 && at->at[0] != '@') {
        char c = at->at[0];

        if (scan_byte(at, '"')) {
            if (!address_take_quoted(at, max, a))
                return false;
            continue;
        }
        if (scan_byte(at, '\\')) { /* obsolete, but unambiguous: RFC 821's quoted pair */
            if (at->len == 0 || !scan_is_printable(span_first(*at, 1)))
                return false;
            c = at->at[0];
        } else if (!address_is_atext(c)) {
            return false;
        }
        if (!address_local_add(a, max, c))
            return false;
        *at = span_after(*at, 1);
    }
    return a->local_len > 0;
}

static bool address_take_domain(struct span domain, struct address *a)
{
    a->is_literal = domain.len > 0 && domain.at[0] == '[';
    if (!a->is_literal && domain.len > 1 && domain.at[domain.len - 1] == '.')
        domain.len--;
    if (a->is_literal ? !address_is_literal(domain) : !address_is_hostname(domain, true))
        return false;
    memcpy(a->domain, domain.at, domain.len);
    a->domain_len = domain.len;
    return true;
}

enum address_status address_parse(struct span inside, unsigned flags, struct address *address_r)
{
    size_t local_max = flags & ADDRESS_LONG_LOCAL ? ADDRESS_PATH_MAX : ADDRESS_LOCAL_MAX;

    /* Its arrays need no zeroing: this runs for each recipient. */
    address_r->local_len = address_r->domain_len = 0;
    address_r->is_literal = false;
    address_r->is_utf8 = !scan_is_ascii(inside);
    if (inside.len == 0)
        return flags & ADDRESS_MAY_BE_EMPTY ? ADDRESS_OK : ADDRESS_BAD;
    if (address_r->is_utf8 && !scan_is_utf8(inside))
        return ADDRESS_BAD;
    if (!address_skip_route(&inside) || !address_take_local(&inside, local_max, address_r))
        return ADDRESS_BAD;
    if (scan_byte(&inside, '@') && !address_take_domain(inside, address_r))
        return ADDRESS_BAD;
    return address_r->is_utf8 && !(flags & ADDRESS_MAY_BE_UTF8) ? ADDRESS_NEEDS_UTF8 : ADDRESS_OK;
}

static bool address_needs_quotes(struct span local)
{
    bool after_dot = true;

    for (size_t i = 0; i < local.len; i++) {
        if (!address_is_atext(local.at[i]))
            return true;
        if (local.at[i] == '.' && after_dot)
            return true;
        after_dot = local.at[i] == '.';
    }
    return after_dot;
}

size_t address_write(const struct address *address, char *text)
{
    struct span local = address_local(address);
    bool quoted = local.len > 0 && address_needs_quotes(local);
    size_t len = 0;

    if (quoted)
        text[len++] = '"';
    for (size_t i = 0; i < local.len; i++) {
        if (quoted && (local.at[i] == '"' || local.at[i] == '\\'))
            text[len++] = '\\';
        text[len++] = local.at[i];
    }
    if (quoted)
        text[len++] = '"';
    if (address->domain_len > 0) {
        text[len++] = '@';
        memcpy(text + len, address->domain, address->domain_len);
        len += address->domain_len;
    }
    return len;
}
