#include "proto/smtp/smtp_trace.h"

#include "proto/session.h"
#include "proto/text/date.h"

/* Appends `text` with whatever could end a comment, an address or a line shown as "?". */
static void smtp_trace_clean(struct span text, struct chain *out)
{
    char *at = chain_reserve(out, text.len + 1);

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        at[i] = c > ' ' && c < 0x7f && strchr("<>()\\\";@", c) == NULL ? c : '?';
    }
    chain_added(out, text.len);
}

/* "[10.0.2.2]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static void smtp_trace_address(const char *address, struct chain *out)
{
    chain_add(out, SPAN("["));
    if (strchr(address, ':') != NULL)
        chain_add(out, SPAN("IPv6:"));
    chain_add(out, span_str(address));
    chain_add(out, SPAN("]"));
}

/* "(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits))" */
static void smtp_trace_tls(const struct session_tls *tls, struct chain *out)
{
    chain_add(out, SPAN("(using "));
    chain_add(out, span_str(tls->version));
    chain_add(out, SPAN(" with cipher "));
    chain_add(out, span_str(tls->cipher));
    chain_add(out, SPAN(" ("));
    chain_add_number(out, tls->bits);
    chain_add(out, SPAN("/"));
    chain_add_number(out, tls->bits);
    chain_add(out, SPAN(" bits))\r\n\t"));
}

/* An address of ours: "@" is what it should have. */
static void smtp_trace_login(const char *name, struct chain *out)
{
    const char *at = strrchr(name, '@');
    struct span local = at == NULL ? span_str(name) : (struct span){name, (size_t)(at - name)};

    smtp_trace_clean(local, out);
    if (at == NULL)
        return;
    chain_add(out, SPAN("@"));
    smtp_trace_clean(span_str(at + 1), out);
}

static void smtp_trace_date(int64_t us, struct chain *out)
{
    struct date date = {us / 1000000 - (us % 1000000 < 0), 0};

    chain_added(out, date_write(chain_reserve(out, DATE_TEXT_MAX), date));
}

void smtp_trace_received(const struct smtp_store_request *mail, struct span myhostname,
                         struct span mail_name, struct chain *out)
{
    const char *helo = mail->helo[0] != '\0' ? mail->helo : mail->client_name;

    chain_add(out, SPAN("Received: from "));
    smtp_trace_clean(span_str(helo), out);
    chain_add(out, SPAN(" ("));
    smtp_trace_clean(span_str(mail->client_name), out);
    chain_add(out, SPAN(" "));
    smtp_trace_address(mail->client_address, out);
    chain_add(out, SPAN(")\r\n\t"));
    if (mail->tls != NULL)
        smtp_trace_tls(mail->tls, out);
    if (mail->shows_login && mail->login != NULL) {
        chain_add(out, SPAN("(Authenticated sender: "));
        smtp_trace_login(mail->login->name, out);
        chain_add(out, SPAN(")\r\n\t"));
    }
    chain_add(out, SPAN("by "));
    chain_add(out, myhostname);
    chain_add(out, SPAN(" ("));
    chain_add(out, mail_name);
    chain_add(out, SPAN(") with "));
    chain_add(out, span_str(mail->protocol));
    chain_add(out, SPAN(" id "));
    chain_add(out, span_str(mail->queue_id));
    if (mail->recipient_count == 1) {
        chain_add(out, SPAN("\r\n\tfor <"));
        chain_add(out, mail->recipients[0]->address.given);
        chain_add(out, SPAN(">; "));
    } else {
        chain_add(out, SPAN(";\r\n\t"));
    }
    smtp_trace_date(mail->mail_us, out);
    chain_add(out, SPAN("\r\n"));
}

void smtp_trace_delivery(struct span sender, struct span recipient, struct span delivered_to,
                         struct chain *out)
{
    chain_add(out, SPAN("Return-Path: <"));
    chain_add(out, sender);
    chain_add(out, SPAN(">\r\nX-Original-To: "));
    chain_add(out, recipient);
    chain_add(out, SPAN("\r\nDelivered-To: "));
    chain_add(out, delivered_to);
    chain_add(out, SPAN("\r\n"));
}
