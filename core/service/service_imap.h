#ifndef CORE_SERVICE_SERVICE_IMAP_H
#define CORE_SERVICE_SERVICE_IMAP_H

/*
 * service_imap: what IMAP sessions ask on their own thread: settings and the log. One host for any
 * number of listeners and reactors.
 */

#include "core/service/service.h"
#include "proto/imap/imap_session.h"

MUST_USE struct imap_host *service_imap_open(struct service *service);
void service_imap_close(struct imap_host **host); /* no session may be left */

#endif
