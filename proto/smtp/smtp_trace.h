#ifndef PROTO_SMTP_SMTP_TRACE_H
#define PROTO_SMTP_SMTP_TRACE_H

/*
 * smtp_trace: what we write in front of a message: the Received: field (RFC 5321 4.4) and the
 * fields of a delivery.
 */

#include "core/base/chain.h"
#include "proto/smtp/smtp_requests.h"

/* Appends the Received: field of three lines, CRLF ended. */
void smtp_trace_received(const struct smtp_store_request *mail, struct span myhostname,
                         struct span mail_name, struct chain *out);

/* Appends Return-Path:, X-Original-To: and Delivered-To:, CRLF ended. */
void smtp_trace_delivery(struct span sender, struct span recipient, struct span delivered_to,
                         struct chain *out);

#endif
