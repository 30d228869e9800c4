#ifndef CORE_SERVICE_SMTP_TARGETS_H
#define CORE_SERVICE_SMTP_TARGETS_H

/*
 * smtp_targets: where a recipient's mail goes: accounts, and others; or why it goes nowhere. Asked
 * when the recipient is named and again when its mail is stored. Any thread.
 */

#include "core/service/directory.h"
#include "proto/smtp/smtp_requests.h"

enum {
    SMTP_TARGETS_FEW = 16,
};

struct service_settings;

struct smtp_targets {
    struct smtp_verdict verdict; /* 250: there are targets */
    bool is_remote;              /* it is the recipient himself, who is not ours */
    struct directory_target *at;
    unsigned count;
    struct directory_target few[SMTP_TARGETS_FEW];
};

/* `may_relay`: the client may send mail to others through us. Valid as long as the directory and
 * the recipient are. */
void smtp_targets_find(struct smtp_targets *t, const struct directory *d,
                       const struct service_settings *settings,
                       const struct smtp_mailbox *recipient, bool may_relay);
void smtp_targets_free(struct smtp_targets *t);

#endif
