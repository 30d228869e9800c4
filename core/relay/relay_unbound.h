#ifndef CORE_RELAY_RELAY_UNBOUND_H
#define CORE_RELAY_RELAY_UNBOUND_H

/*
 * relay_unbound: the DNS by libunbound: caching, validating, and waiting on a thread of its own, so
 * that the relay's thread never does. That thread starts with the first question.
 *
 * Opening reads resolv.conf and the trust anchor: before the confinement. From then on it needs
 * sockets (UDP and TCP to the name servers, also ones it listens on for nothing), a pipe, and no
 * files. All functions are for one thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/relay/relay_dns.h"

struct relay_unbound;

struct relay_unbound_config {
    const char *const *servers; /* "192.0.2.53", "127.0.0.1:5353", "[2001:db8::53]:53": who is
                                   asked. None: those of resolv_conf */
    unsigned server_count;
    const char *resolv_conf;  /* "/etc/resolv.conf"; "": the root's servers and down from there */
    const char *trust_anchor; /* a file of DNSKEY or DS records of the root; "": nothing is
                                 validated, nothing is secure */
    unsigned timeout_ms;      /* a question without an answer fails after it. 0: 20,000 */
    unsigned waiting_max;     /* questions that wait at the same time; more fail. 0: 500 */
};

/* NULL with a line of why not. */
MUST_USE struct relay_unbound *relay_unbound_open(const struct relay_unbound_config *config,
                                                  struct chain *why);
void relay_unbound_close(struct relay_unbound **unbound); /* those who wait are not called */

const struct relay_dns_source *relay_unbound_source(struct relay_unbound *unbound);

/* Poll it for reading; then, and when the deadline (monotonic ns; UINT64_MAX: none) has come, call
 * relay_unbound_turn(), which calls those who wait. */
int relay_unbound_fd(const struct relay_unbound *unbound);
uint64_t relay_unbound_deadline(const struct relay_unbound *unbound);
void relay_unbound_turn(struct relay_unbound *unbound, uint64_t now_ns);

unsigned relay_unbound_waiting(const struct relay_unbound *unbound);

#endif
