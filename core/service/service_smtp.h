#ifndef CORE_SERVICE_SERVICE_SMTP_H
#define CORE_SERVICE_SERVICE_SMTP_H

/*
 * service_smtp: what SMTP sessions ask on their own thread: settings, who may send to whom, names
 * of mails, and the log. One host for each listener; any number of reactors share it.
 */

#include "core/service/service.h"
#include "proto/smtp/smtp_session.h"

MUST_USE struct smtp_host *service_smtp_open(struct service *service, bool is_lmtp);
void service_smtp_close(struct smtp_host **host); /* no session may be left */

#endif
