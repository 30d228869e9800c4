#ifndef CORE_RELAY_RELAY_ATTEMPT_H
#define CORE_RELAY_RELAY_ATTEMPT_H

/*
 * relay_attempt: one connection to one host of a site, from when it is wanted until it is gone. It
 * asks for mails when it is ready for them (REQUEST_RELAY_NEXT); without work it is parked for some
 * time. The relay's thread calls these; between them it lives on a reactor.
 */

#include "core/relay/relay_private.h"

struct relay_attempt {
    struct relay *relay;
    struct relay_site *site;
    struct list node;   /* in the relay's parked ones, */
    struct list parked; /* and in the site's */
    unsigned target;    /* of site->answer when it began */
    bool in_clear;      /* TLS failed before */
    bool is_ready;      /* it asked for mails */
    unsigned away;      /* mails that it has */
    unsigned answered;  /* mails that a host said something about */
    int64_t begun_us, ready_us, parked_us;
    char name[RELAY_NAME_MAX + 80]; /* name[address]:port, for logs */

    /* what the connection works with: not changed once it began */
    struct conn_service service;
    struct conn_set *conns;
    struct sockaddr_storage to;
    struct tls_target tls;
    struct tls_pin pins[RELAY_TLSA_PER_HOST_MAX];
    unsigned char digests[RELAY_TLSA_PER_HOST_MAX][RELAY_TLSA_DIGEST_MAX];
    struct smtp_client_target client;
    struct smtp_client_host host;
    struct relay_target hop; /* texts of the above */

    struct job dial, next, gone;         /* to the reactor; from it */
    struct smtp_client_request *request; /* while it waits for mails */
    struct job *asked;

    /* the reactor's, until it is gone */
    int error; /* of connect() */
    bool tls_failed, had_trouble;
    enum smtp_client_outcome outcome;
    char status[SMTP_STATUS_MAX];
    char reason[RELAY_REASON_MAX];
};

/* To target `target` of the site. */
void relay_attempt_begin(struct relay *r, struct relay_site *site, unsigned target, bool in_clear);

/* A parked one gets what there is now; nothing: it says goodbye. */
void relay_attempt_resume(struct relay_attempt *attempt);

#endif
