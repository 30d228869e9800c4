#include "proto/text/ip.h"

#include "core/base/number.h"
#include "proto/text/scan.h"

enum {
    IP_GROUPS = 8, /* 16-bit groups of an IPv6 address */
};

static bool ip_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int ip_hex(char c)
{
    if (ip_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eats one to three digits that say 0 to 255, without a leading zero. */
static bool ip_octet(struct span *at, uint8_t *octet_r)
{
    size_t len = 0;
    uint64_t n;

    while (len < at->len && len < 4 && ip_is_digit(at->at[len]))
        len++;
    if (len == 0 || len > 3 || (len > 1 && at->at[0] == '0') ||
        !number_parse(span_first(*at, len), 255, &n))
        return false;
    *octet_r = (uint8_t)n;
    *at = span_after(*at, len);
    return true;
}

bool ip_parse_v4(struct span text, struct ip *ip_r)
{
    *ip_r = (struct ip){0};
    for (unsigned i = 0; i < 4; i++) {
        if ((i > 0 && !scan_byte(&text, '.')) || !ip_octet(&text, &ip_r->bytes[i]))
            return false;
    }
    return scan_end(&text);
}

/* Eats one to four hex digits. */
static bool ip_group(struct span *at, unsigned *group_r)
{
    size_t len = 0;

    *group_r = 0;
    while (len < at->len && len < 5 && ip_hex(at->at[len]) >= 0) {
        *group_r = *group_r << 4 | (unsigned)ip_hex(at->at[len]);
        len++;
    }
    if (len == 0 || len > 4)
        return false;
    *at = span_after(*at, len);
    return true;
}

/* The groups up to the end or to "::"; the last two may be an IPv4 address. */
static bool ip_groups(struct span *at, unsigned groups[IP_GROUPS], unsigned *count_r)
{
    struct ip v4;

    for (*count_r = 0; at->len > 0;) {
        if (*count_r <= IP_GROUPS - 2 && ip_parse_v4(*at, &v4)) {
            groups[(*count_r)++] = (unsigned)(v4.bytes[0] << 8 | v4.bytes[1]);
            groups[(*count_r)++] = (unsigned)(v4.bytes[2] << 8 | v4.bytes[3]);
            *at = span_after(*at, at->len);
            return true;
        }
        if (*count_r == IP_GROUPS || !ip_group(at, &groups[*count_r]))
            return false;
        ++*count_r;
        if (at->len == 0 || (at->len >= 2 && at->at[0] == ':' && at->at[1] == ':'))
            return true;
        if (!scan_byte(at, ':') || at->len == 0)
            return false;
    }
    return true;
}

bool ip_parse_v6(struct span text, struct ip *ip_r)
{
    unsigned front[IP_GROUPS], back[IP_GROUPS], front_count = 0, back_count = 0;
    bool has_gap = false;

    if (text.len < 2 || text.len >= IP_TEXT_MAX)
        return false;
    if (!(text.at[0] == ':' && text.at[1] == ':') && !ip_groups(&text, front, &front_count))
        return false;
    if (text.len >= 2) {
        has_gap = true;
        text = span_after(text, 2);
        if (!ip_groups(&text, back, &back_count))
            return false;
    }
    if (text.len > 0 || front_count + back_count > IP_GROUPS ||
        has_gap == (front_count + back_count == IP_GROUPS))
        return false;
    *ip_r = (struct ip){.is_v6 = true};
    for (unsigned i = 0; i < front_count; i++) {
        ip_r->bytes[2 * i] = (uint8_t)(front[i] >> 8);
        ip_r->bytes[2 * i + 1] = (uint8_t)front[i];
    }
    for (unsigned i = 0; i < back_count; i++) {
        unsigned to = IP_GROUPS - back_count + i;
        ip_r->bytes[2 * to] = (uint8_t)(back[i] >> 8);
        ip_r->bytes[2 * to + 1] = (uint8_t)back[i];
    }
    return true;
}

bool ip_parse(struct span text, struct ip *ip_r)
{
    return ip_parse_v4(text, ip_r) || ip_parse_v6(text, ip_r);
}

static char *ip_write_v4(char *at, const uint8_t bytes[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at += number_write(at, bytes[i]);
    }
    return at;
}

/* The first longest run of two or more zero groups: what "::" stands for (RFC 5952 4.2). */
static void ip_gap(const unsigned groups[IP_GROUPS], unsigned *from_r, unsigned *len_r)
{
    *from_r = IP_GROUPS;
    *len_r = 1;
    for (unsigned i = 0; i < IP_GROUPS; i++) {
        unsigned len = 0;

        while (i + len < IP_GROUPS && groups[i + len] == 0)
            len++;
        if (len > *len_r) {
            *from_r = i;
            *len_r = len;
        }
    }
}

static char *ip_write_group(char *at, unsigned group)
{
    bool begun = false;

    for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        unsigned digit = group >> shift & 0xf;

        if (digit != 0 || begun || shift == 0) {
            *at++ = "0123456789abcdef"[digit];
            begun = true;
        }
    }
    return at;
}

void ip_write(const struct ip *ip, char text[IP_TEXT_MAX])
{
    unsigned groups[IP_GROUPS], gap_from, gap_len;
    char *at = text;

    if (!ip->is_v6) {
        *ip_write_v4(at, ip->bytes) = '\0';
        return;
    }
    for (unsigned i = 0; i < IP_GROUPS; i++)
        groups[i] = (unsigned)(ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
    ip_gap(groups, &gap_from, &gap_len);
    for (unsigned i = 0; i < IP_GROUPS; i++) {
        if (i == gap_from) {
            *at++ = ':';
            *at++ = ':';
            i += gap_len - 1;
            continue;
        }
        if (i > 0 && at[-1] != ':')
            *at++ = ':';
        at = ip_write_group(at, groups[i]);
    }
    *at = '\0';
}
