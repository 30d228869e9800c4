#include "core/io/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/base/number.h"

enum {
    HOST_BITS = 128,
    MAPPED_BITS = 96, /* of ::ffff:0:0/96, before an IPv4 address */
};

static const unsigned char MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};

/* The storage is what the kernel filled in for any family, so reading it as one of them is meant.
 */
static const struct sockaddr_in *as_ip4(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in *)a;
}

static const struct sockaddr_in6 *as_ip6(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in6 *)a;
}

static bool is_mapped(const unsigned char host[16])
{
    return memcmp(host, MAPPED, sizeof(MAPPED)) == 0;
}

void host_bytes(const struct sockaddr_storage *a, unsigned char host_r[16])
{
    memset(host_r, 0, 16);
    if (a->ss_family == AF_INET) {
        memcpy(host_r, MAPPED, sizeof(MAPPED));
        memcpy(host_r + sizeof(MAPPED), &as_ip4(a)->sin_addr, 4);
    } else if (a->ss_family == AF_INET6) {
        memcpy(host_r, &as_ip6(a)->sin6_addr, 16);
    }
}

static bool is_ip(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET || a->ss_family == AF_INET6;
}

size_t host_write(const struct sockaddr_storage *a, char at[HOST_TEXT_MAX])
{
    unsigned char host[16];
    const char *text = "local";

    host_bytes(a, host);
    if (is_ip(a) && is_mapped(host))
        text = inet_ntop(AF_INET, host + sizeof(MAPPED), at, HOST_TEXT_MAX);
    else if (is_ip(a))
        text = inet_ntop(AF_INET6, host, at, HOST_TEXT_MAX);
    if (text != at)
        (void)snprintf(at, HOST_TEXT_MAX, "%s", text == NULL ? "unknown" : text);
    return strlen(at);
}

uint16_t host_port(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohs(as_ip4(a)->sin_port);
    return a->ss_family == AF_INET6 ? ntohs(as_ip6(a)->sin6_port) : 0;
}

bool host_parse(struct span text, uint16_t port, struct sockaddr_storage *a_r, socklen_t *size_r)
{
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char copy[HOST_TEXT_MAX];
    bool bracketed = text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';

    if (bracketed)
        text = (struct span){text.at + 1, text.len - 2};
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *a_r = (struct sockaddr_storage){0};
    if (!bracketed && inet_pton(AF_INET, copy, &ip4.sin_addr) == 1) {
        memcpy(a_r, &ip4, sizeof(ip4));
        *size_r = sizeof(ip4);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &ip6.sin6_addr) == 1) {
        memcpy(a_r, &ip6, sizeof(ip6));
        *size_r = sizeof(ip6);
        return true;
    }
    return false;
}

bool host_is_loopback(const struct sockaddr_storage *a)
{
    static const unsigned char one[16] = {[15] = 1};
    unsigned char host[16];

    if (!is_ip(a))
        return a->ss_family == AF_UNIX;
    host_bytes(a, host);
    return is_mapped(host) ? host[12] == 127 : memcmp(host, one, sizeof(one)) == 0;
}

static bool bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned char mask = (unsigned char)(0xFF00 >> bits % 8);

    return memcmp(a, b, whole) == 0 && (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

/* True when all bits after the first `bits` are zero, so that the author meant this network. */
static bool host_bits_clear(const struct host_network *n)
{
    static const unsigned char zeros[16];
    unsigned char rest[16];

    memcpy(rest, n->host, sizeof(rest));
    memset(rest, 0, n->bits / 8);
    if (n->bits < HOST_BITS)
        rest[n->bits / 8] &= (unsigned char)(0xFF >> n->bits % 8);
    return memcmp(rest, zeros, sizeof(rest)) == 0;
}

static bool network_parse(struct span word, struct host_network *n_r)
{
    const char *slash = memchr(word.at, '/', word.len);
    size_t len = slash == NULL ? word.len : (size_t)(slash - word.at);
    struct sockaddr_storage a;
    socklen_t size;
    uint64_t bits, before;

    if (!host_parse(span_first(word, len), 0, &a, &size))
        return false;
    before = a.ss_family == AF_INET ? MAPPED_BITS : 0;
    bits = HOST_BITS - before;
    if (slash != NULL && !number_parse(span_after(word, len + 1), bits, &bits))
        return false;
    host_bytes(&a, n_r->host);
    n_r->bits = (unsigned)(before + bits);
    return host_bits_clear(n_r);
}

bool host_networks_parse(struct span text, struct host_networks *networks_r, char *why,
                         size_t why_size)
{
    networks_r->count = 0;
    while (text.len > 0) {
        struct span word = {text.at, 0};

        while (word.len < text.len && memchr(", \t\r\n", word.at[word.len], 5) == NULL)
            word.len++;
        text = span_after(text, word.len + 1);
        if (word.len == 0)
            continue;
        if (networks_r->count == HOST_NETWORKS_MAX) {
            (void)snprintf(why, why_size, "more than %d networks", HOST_NETWORKS_MAX);
            return false;
        }
        if (!network_parse(word, &networks_r->rows[networks_r->count])) {
            (void)snprintf(why, why_size, "\"%.*s\" is not a network like 10.0.0.0/8 or [::1]/128",
                           word.len < 60 ? (int)word.len : 60, word.at);
            return false;
        }
        networks_r->count++;
    }
    return true;
}

bool host_networks_have(const struct host_networks *networks, const struct sockaddr_storage *a)
{
    unsigned char host[16];

    if (!is_ip(a))
        return false;
    host_bytes(a, host);
    for (unsigned i = 0; i < networks->count; i++) {
        if (bits_equal(host, networks->rows[i].host, networks->rows[i].bits))
            return true;
    }
    return false;
}
