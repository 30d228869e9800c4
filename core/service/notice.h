#ifndef CORE_SERVICE_NOTICE_H
#define CORE_SERVICE_NOTICE_H

/*
 * notice: a message of our own making on its way to somebody, here or elsewhere: into the change
 * that it belongs to, so that it is sent exactly when that happens. Not on a reactor.
 */

#include "core/service/service.h"
#include "core/service/smtp_queue.h"

struct notice {
    struct span recipient; /* without brackets; the sender is <> */
    const char *queue_id;
    int64_t now_us;
    bool is_utf8;  /* it needs SMTPUTF8 */
    bool is_again; /* it was logged before */
};

/* Takes the text, header and body. False: it goes nowhere, the recipient is ours and unknown, say,
 * or it cannot be written; the change is as it was. */
MUST_USE bool notice_add(struct service *s, struct store_change *change,
                         const struct notice *notice, struct chain *text);

#endif
