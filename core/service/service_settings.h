#ifndef CORE_SERVICE_SERVICE_SETTINGS_H
#define CORE_SERVICE_SERVICE_SETTINGS_H

/*
 * service_settings: what the operator decides about conversations and deliveries, one immutable
 * snapshot of it. Sessions and runs hold the snapshot that they began with (core/work/shared.h);
 * a reload puts the next one in its place. Made by core/gateway/settings.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/service/auth_settings.h"
#include "proto/imap/imap_settings.h"
#include "proto/mime/mime_limits.h"
#include "proto/pop3/pop3_settings.h"
#include "proto/smtp/smtp_settings.h"

struct service_settings {
    struct smtp_settings smtp;
    struct imap_settings imap;
    struct pop3_settings pop3;
    struct auth_settings auth;

    /* delivery */
    bool lda_mailbox_autocreate;    /* a detail's mailbox is made; else the mail goes to INBOX */
    uint64_t store_free_min;        /* bytes */
    const struct mime_limits *mime; /* what is understood of a message; NULL: all that can be */

    /* mail for others */
    bool relays;                     /* it is taken; else it is put off */
    struct smtp_words relay_domains; /* mail for these, and below them, is taken from anybody */

    /* what one client may do in a unit of time (0: any number), unless it is in these networks */
    uint32_t client_message_rate, client_recipient_rate, client_auth_rate;
    struct smtp_words client_exceptions;

    /* logins */
    uint32_t mail_max_userip_connections; /* of one user from one address */

    /* The wall clock of a replay in microseconds since 1970; 0: the real one. */
    int64_t debug_clock_us;
};

#endif
