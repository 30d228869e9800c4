#ifndef CORE_CONN_CONN_PROXY_H
#define CORE_CONN_CONN_PROXY_H

/*
 * conn_proxy: the first words of a load balancer, which say for whom it speaks (the PROXY protocol
 * of HAProxy, versions 1 and 2). Only read on listeners that are for proxies alone: anybody else
 * could claim any address.
 */

#include "proto/session.h"

struct conn;

enum conn_proxy_status {
    CONN_PROXY_PART, /* not all of it is here */
    CONN_PROXY_DONE, /* peer_r is filled in (connection is not) */
    CONN_PROXY_SELF, /* the proxy speaks for itself: a health check */
    CONN_PROXY_BAD,
};

enum {
    CONN_PROXY_TEXT_MAX = 107,  /* version 1: the longest line with its CRLF */
    CONN_PROXY_BLOCK_MAX = 536, /* version 2: we read no longer header */
};

/* How many bytes the header takes is in *len_r, for DONE and SELF. */
MUST_USE enum conn_proxy_status conn_proxy_parse(struct span bytes, struct session_peer *peer_r,
                                                 size_t *len_r);

/* Starts the connection's session when the header is there; false while it is not. */
bool conn_proxy_take(struct conn *c);

#endif
