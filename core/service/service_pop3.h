#ifndef CORE_SERVICE_SERVICE_POP3_H
#define CORE_SERVICE_SERVICE_POP3_H

/*
 * service_pop3: what POP3 sessions ask on their own thread: settings, the locks of maildrops, and
 * the log. One host for any number of listeners and reactors: they share the locks.
 */

#include "core/service/service.h"
#include "proto/pop3/pop3_session.h"

MUST_USE struct pop3_host *service_pop3_open(struct service *service);
void service_pop3_close(struct pop3_host **host); /* no session may be left */

#endif
