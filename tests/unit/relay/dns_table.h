#ifndef TESTS_UNIT_RELAY_DNS_TABLE_H
#define TESTS_UNIT_RELAY_DNS_TABLE_H

/*
 * dns_table: a DNS source of lines, so that a test is a zone, a question and an answer:
 *     name MX 10 host | name MX 0 . | name A 192.0.2.1 | name AAAA 2001:db8::1 | name TLSA hex
 *     name CNAME host | name FAIL [type] | "!" in front of a line: not secure
 * A name that no line begins with is NXDOMAIN; all else is secure.
 */

#include <stdbool.h>

#include "core/relay/relay_dns.h"

struct dns_table {
    struct relay_dns_source source;
    const char *zone;
    bool deferred;  /* answers come from dns_table_answer() */
    unsigned asked; /* questions so far */
    unsigned waiting;
    struct {
        char name[RELAY_NAME_MAX + 1];
        enum relay_dns_type type;
        relay_dns_fn done;
        void *context;
    } queue[64];
};

void dns_table_open(struct dns_table *t, const char *zone);

/* Answers one that waits, the last that was asked first; false when none does. */
bool dns_table_answer(struct dns_table *t);

#endif
