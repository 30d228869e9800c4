#include "tests/session/client_world.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/text/quoted_printable.h"
#include "proto/text/scan.h"

static void world_done(const struct smtp_client_host *h, struct smtp_client_mail *mail);
static void world_ended(const struct smtp_client_host *h, const struct smtp_client_end *end);

void client_world_init(struct client_world *w, struct chain *notes)
{
    *w = (struct client_world){.settings = smtp_client_settings_default, .notes = notes};
    w->settings.helo_name = "gate.example";
    w->target.name = "mx.test";
    w->target.address = "192.0.2.1";
    w->host = (struct smtp_client_host){w, world_done, world_ended};
    w->peer.can_tls = true;
    chain_add(&w->body, SPAN("Subject: x\r\n\r\nhello\r\n"));
}

static const char *text_of(struct client_world *w, struct span value)
{
    char *text = xcalloc(1, value.len + 1);

    ensure(w->text_count < COUNT_OF(w->texts));
    if (value.len > 0)
        memcpy(text, value.at, value.len);
    w->texts[w->text_count++] = text;
    return text;
}

static void body_set(struct client_world *w, struct span value)
{
    chain_free(&w->body);
    while (value.len > 0) {
        static const char from[] = "rn\\0", to[] = "\r\n\\";
        const char *known;

        if (value.at[0] != '\\' || value.len < 2) {
            chain_add_byte(&w->body, value.at[0]);
            value = span_after(value, 1);
            continue;
        }
        if (value.at[1] == 'x' && value.len >= 4) {
            chain_add_byte(&w->body, (char)(quoted_printable_hex(value.at[2]) << 4 |
                                            quoted_printable_hex(value.at[3])));
            value = span_after(value, 4);
            continue;
        }
        known = strchr(from, value.at[1]);
        ensure(known != NULL);
        chain_add_byte(&w->body, to[known - from]);
        value = span_after(value, 2);
    }
}

static void body_pad(struct client_world *w, struct span value)
{
    uint64_t len;

    ensure(number_parse(value, 100000000, &len));
    for (; len > 0; len -= len < 64 ? len : 64)
        chain_add(&w->body,
                  SPAN("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"));
}

/* ---- mails ---- */

static bool word_is(struct span *word, const char *name)
{
    return scan_nocase(word, span_str(name));
}

static void notify_set(struct smtp_client_mail *m, struct span words)
{
    static const struct {
        const char *word;
        unsigned bit;
    } bits[] = {
        {"never",   SMTP_NOTIFY_NEVER  },
        {"success", SMTP_NOTIFY_SUCCESS},
        {"failure", SMTP_NOTIFY_FAILURE},
        {"delay",   SMTP_NOTIFY_DELAY  },
    };

    do {
        for (size_t i = 0; i < COUNT_OF(bits); i++) {
            if (!scan_nocase(&words, span_str(bits[i].word)))
                continue;
            for (unsigned r = 0; r < m->recipient_count; r++)
                m->recipients[r].notify |= bits[i].bit;
        }
    } while (scan_byte(&words, ','));
}

static void word_set(struct smtp_client_mail *m, struct span word)
{
    uint64_t number;

    if (word_is(&word, "8bit")) {
        m->has_8bit = true;
    } else if (word_is(&word, "binary")) {
        m->encoding = SMTP_BODY_BINARYMIME;
    } else if (word_is(&word, "utf8-header")) {
        m->has_utf8_header = true;
    } else if (word_is(&word, "utf8")) {
        m->is_utf8 = true;
    } else if (word_is(&word, "requiretls")) {
        m->requires_tls = true;
    } else if (word_is(&word, "priority=")) {
        m->has_priority = true;
        m->priority = scan_byte(&word, '-') ? -1 : 1;
        ensure(number_parse(word, 9, &number));
        m->priority *= (int)number;
    } else if (word_is(&word, "by=")) {
        ensure(scan_number(&word, 100000, &number));
        m->by.until_us = 1594830684000000 + (int64_t)number * 1000000;
        m->by.returns = word_is(&word, ";R");
        word_is(&word, ";N");
        m->by.traces = word_is(&word, "T");
    } else if (word_is(&word, "ret=")) {
        m->ret = span_eq(word, SPAN("full")) ? SMTP_RET_FULL : SMTP_RET_HDRS;
    } else if (word_is(&word, "envid=")) {
        m->envid = word;
    } else if (word_is(&word, "notify=")) {
        notify_set(m, word);
    } else if (word_is(&word, "orcpt=")) {
        m->recipients[0].orcpt = word;
    } else {
        abort();
    }
}

static struct smtp_client_mail *mail_new(struct client_world *w, struct span value)
{
    struct span sender = {"", 0}, word, all;
    struct smtp_client_mail *m;
    unsigned count = 1, i = 0;

    if (!scan_byte(&value, ' '))
        ensure(scan_word(&value, &sender));
    scan_blanks(&value);
    ensure(scan_word(&value, &all));
    for (size_t at = 0; at < all.len; at++)
        count += all.at[at] == ',';
    m = smtp_client_mail_new(count);
    m->sender = sender;
    for (; i < count; i++, scan_byte(&all, ','))
        ensure(scan_until(&all, ',', 1000, &m->recipients[i].address) || i + 1 == count);
    m->recipients[count - 1].address = all;
    while (scan_blanks(&value), scan_word(&value, &word))
        word_set(m, word);
    chain_add(&m->body, chain_flat(&w->body));
    ensure(w->given_count < CLIENT_WORLD_MAILS_MAX);
    w->given[w->given_count++] = m;
    return m;
}

static void mail_first(struct client_world *w, struct smtp_client_mail *m)
{
    struct smtp_client_mail **at = &w->first;

    while (*at != NULL)
        at = &(*at)->next;
    *at = m;
}

/* ---- settings ---- */

static enum smtp_client_tls tls_of(struct span value)
{
    static const char *const words[] = {"none", "may", "encrypt", "verify"};

    for (unsigned i = 0; i < COUNT_OF(words); i++) {
        if (span_eq(value, span_str(words[i])))
            return (enum smtp_client_tls)i;
    }
    abort();
}

void client_world_set(struct client_world *w, struct span name, struct span value)
{
    uint64_t number;

    if (span_eq(name, SPAN("mail"))) {
        mail_first(w, mail_new(w, value));
    } else if (span_eq(name, SPAN("later"))) {
        w->later[w->later_count++] = mail_new(w, value);
    } else if (span_eq(name, SPAN("body"))) {
        body_set(w, value);
    } else if (span_eq(name, SPAN("pad"))) {
        body_pad(w, value);
    } else if (span_eq(name, SPAN("tls"))) {
        w->target.tls = tls_of(value);
    } else if (span_eq(name, SPAN("lmtp"))) {
        w->target.is_lmtp = true;
    } else if (span_eq(name, SPAN("user"))) {
        w->target.user = text_of(w, value);
    } else if (span_eq(name, SPAN("password"))) {
        w->target.password = text_of(w, value);
    } else if (span_eq(name, SPAN("clear-login"))) {
        w->target.may_login_clear = true;
    } else if (span_eq(name, SPAN("discard"))) {
        w->settings.discard_ehlo_keywords |= smtp_settings_extension(value);
    } else if (span_eq(name, SPAN("no-ahead"))) {
        w->settings.pipelines_mails = false;
    } else if (span_eq(name, SPAN("no-chunking"))) {
        w->settings.skips_chunking = true;
    } else if (span_eq(name, SPAN("no-ehlo"))) {
        w->settings.never_send_ehlo = true;
    } else if (span_eq(name, SPAN("name"))) {
        w->settings.myhostname = text_of(w, value);
    } else if (span_eq(name, SPAN("line"))) {
        ensure(number_parse(value, 100000, &number));
        w->settings.line_length_limit = (uint32_t)number;
    } else {
        abort();
    }
}

struct session *client_world_session(struct client_world *w)
{
    struct smtp_client_mail *mails = w->first;

    w->first = NULL;
    return smtp_client_new(&w->settings, &w->target, &w->host, &w->peer, mails);
}

void client_world_answer(struct client_world *w, struct request *request)
{
    struct smtp_client_request *r = CONTAINER_OF(request, struct smtp_client_request, base);

    ensure(request->kind == REQUEST_RELAY_NEXT);
    ensure(r->host == &w->host);
    request->status = REQUEST_NOT_FOUND;
    if (w->later_given == w->later_count)
        return;
    request->status = REQUEST_OK;
    r->mails = w->later[w->later_given++];
}

/* ---- what comes back ---- */

static void check_result(const struct smtp_client_result *r)
{
    static const char classes[] = {' ', '2', '4', '5'};

    ensure(r->outcome != SMTP_CLIENT_UNTRIED || r->reason == NULL);
    if (r->outcome == SMTP_CLIENT_UNTRIED)
        return;
    ensure(r->status[0] == classes[r->outcome]);
    ensure(r->reason != NULL && strlen(r->reason) <= SMTP_CLIENT_REASON_MAX);
    ensure(scan_is_printable(span_str(r->reason)) && scan_is_ascii(span_str(r->reason)));
    ensure(!r->is_uncertain || r->outcome == SMTP_CLIENT_DEFERRED);
    ensure(r->reply.len == 0 || (r->reply.at >= r->reason && r->reply.len <= strlen(r->reason)));
}

static void note_result(struct client_world *w, const struct smtp_client_recipient *to)
{
    static const char *const outcomes[] = {"untried", "sent", "deferred", "bounced"};
    static const char *const blames[] = {"host", "message", "recipient"};
    const struct smtp_client_result *r = &to->result;

    chain_addf(w->notes, "to=<%.*s> %s", (int)to->address.len, to->address.at,
               outcomes[r->outcome]);
    if (r->outcome > SMTP_CLIENT_DELIVERED)
        chain_addf(w->notes, " by %s%s", blames[r->blame], r->is_uncertain ? ", uncertain" : "");
    if (r->is_relayed)
        chain_add(w->notes, SPAN(", relayed"));
    if (r->outcome != SMTP_CLIENT_UNTRIED)
        chain_addf(w->notes, " dsn=%s (%s)", r->status, r->reason);
    chain_add_byte(w->notes, '\n');
}

static void world_done(const struct smtp_client_host *h, struct smtp_client_mail *mail)
{
    struct client_world *w = h->context;
    unsigned at = 0;

    ensure(w->ended == 0);
    while (at < w->given_count && w->given[at] != mail)
        at++;
    ensure(at < w->given_count); /* ours, and not back before */
    w->given[at] = w->given[--w->given_count];
    for (unsigned i = 0; i < mail->recipient_count; i++) {
        check_result(&mail->recipients[i].result);
        w->delivered += mail->recipients[i].result.outcome == SMTP_CLIENT_DELIVERED;
        w->uncertain += mail->recipients[i].result.is_uncertain;
        if (w->notes != NULL)
            note_result(w, &mail->recipients[i]);
    }
    smtp_client_mail_free(&mail);
}

static void world_ended(const struct smtp_client_host *h, const struct smtp_client_end *end)
{
    struct client_world *w = h->context;

    ensure(w->ended++ == 0);
    if (w->notes == NULL)
        return;
    chain_addf(w->notes, "ended%s mails=%u%s%s%s\n", end->was_ready ? " ready" : "", end->mails,
               end->tls_failed ? " tls failed" : "", end->trouble != NULL ? " " : "",
               end->trouble != NULL ? end->trouble->status : "");
}

void client_world_close(struct client_world *w)
{
    ensure(w->ended == 1);
    for (; w->later_given < w->later_count; w->later_given++) { /* nobody asked for them */
        smtp_client_mail_free(&w->later[w->later_given]);
        w->given_count--;
    }
    ensure(w->given_count == 0);
    for (unsigned i = 0; i < w->text_count; i++)
        free(w->texts[i]);
    chain_free(&w->body);
}
