#include "core/conn/conn_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/base/number.h"
#include "core/conn/conn_private.h"

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- version 1: PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n ---- */

static struct span word(struct span *line)
{
    const char *blank = memchr(line->at, ' ', line->len);
    struct span w = span_first(*line, blank == NULL ? line->len : (size_t)(blank - line->at));

    *line = span_after(*line, w.len + 1);
    return w;
}

static bool take_address(struct span *line, int family, char text_r[46])
{
    struct span w = word(line);
    unsigned char bytes[16];

    if (w.len == 0 || w.len >= 46)
        return false;
    memcpy(text_r, w.at, w.len);
    text_r[w.len] = '\0';
    return inet_pton(family, text_r, bytes) == 1;
}

static bool take_port(struct span *line, uint16_t *port_r)
{
    uint64_t port;

    if (!number_parse(word(line), UINT16_MAX, &port))
        return false;
    *port_r = (uint16_t)port;
    return true;
}

static enum conn_proxy_status parse_text(struct span bytes, struct session_peer *peer,
                                         size_t *len_r)
{
    struct span line = span_first(bytes, CONN_PROXY_TEXT_MAX);
    const char *end = memchr(line.at, '\n', line.len);
    struct span family;

    if (end == NULL)
        return bytes.len < CONN_PROXY_TEXT_MAX ? CONN_PROXY_PART : CONN_PROXY_BAD;
    if (end == line.at || end[-1] != '\r')
        return CONN_PROXY_BAD;
    *len_r = (size_t)(end + 1 - line.at);
    line.len = *len_r - 2;
    word(&line);
    family = word(&line);
    if (span_eq(family, SPAN("UNKNOWN")))
        return CONN_PROXY_SELF;
    int number = span_eq(family, SPAN("TCP4")) ? AF_INET : AF_INET6;
    if (number == AF_INET6 && !span_eq(family, SPAN("TCP6")))
        return CONN_PROXY_BAD;
    return take_address(&line, number, peer->address) &&
                   take_address(&line, number, peer->local_address) &&
                   take_port(&line, &peer->port) && take_port(&line, &peer->local_port) &&
                   line.len == 0
               ? CONN_PROXY_DONE
               : CONN_PROXY_BAD;
}

/* ---- version 2: signature, version and command, family, length, addresses, extensions ---- */

static uint16_t big16(const char *at)
{
    return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

static enum conn_proxy_status take_block(const char *at, int family, size_t size,
                                         struct session_peer *peer)
{
    if (inet_ntop(family, at, peer->address, sizeof(peer->address)) == NULL ||
        inet_ntop(family, at + size, peer->local_address, sizeof(peer->local_address)) == NULL)
        return CONN_PROXY_BAD;
    peer->port = big16(at + 2 * size);
    peer->local_port = big16(at + 2 * size + 2);
    return CONN_PROXY_DONE;
}

static enum conn_proxy_status parse_block(struct span bytes, struct session_peer *peer,
                                          size_t *len_r)
{
    size_t len;

    if (bytes.len < 16)
        return CONN_PROXY_PART;
    len = big16(bytes.at + 14);
    if (16 + len > CONN_PROXY_BLOCK_MAX)
        return CONN_PROXY_BAD;
    if (bytes.len < 16 + len)
        return CONN_PROXY_PART;
    *len_r = 16 + len;
    if (bytes.at[12] == 0x20)
        return CONN_PROXY_SELF;
    if (bytes.at[12] != 0x21)
        return CONN_PROXY_BAD;
    if (bytes.at[13] == 0x11 && len >= 12)
        return take_block(bytes.at + 16, AF_INET, 4, peer);
    if (bytes.at[13] == 0x21 && len >= 36)
        return take_block(bytes.at + 16, AF_INET6, 16, peer);
    return CONN_PROXY_BAD;
}

enum conn_proxy_status conn_proxy_parse(struct span bytes, struct session_peer *peer_r,
                                        size_t *len_r)
{
    struct span text = SPAN("PROXY ");
    struct span block = {signature, sizeof(signature)};

    if (span_eq(span_first(bytes, text.len), span_first(text, bytes.len)))
        return bytes.len < text.len ? CONN_PROXY_PART : parse_text(bytes, peer_r, len_r);
    if (span_eq(span_first(bytes, block.len), span_first(block, bytes.len)))
        return bytes.len < block.len ? CONN_PROXY_PART : parse_block(bytes, peer_r, len_r);
    return CONN_PROXY_BAD;
}

bool conn_proxy_take(struct conn *c)
{
    struct session_peer peer = {0};
    size_t len = 0;
    enum conn_proxy_status status = conn_proxy_parse(conn_input(c), &peer, &len);

    if (status == CONN_PROXY_PART)
        return false;
    if (status == CONN_PROXY_BAD ||
        (status == CONN_PROXY_SELF && !conn_peer_find(c->set, c->fd, &peer))) {
        conn_cut(c, SESSION_PEER_CLOSED);
        return true;
    }
    conn_eaten(c, len);
    conn_begin(c, &peer);
    return true;
}
