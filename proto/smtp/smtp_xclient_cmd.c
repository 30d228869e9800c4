/* smtp_xclient_cmd: XCLIENT: a proxy or a test says for whom it speaks. Only for clients that the
 * settings name. */
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"
#include "proto/text/xtext.h"

/* What a whole command says, before any of it counts. */
struct smtp_xclient {
    bool has_address, has_name, has_helo, has_proto;
    bool has_login;
    bool is_esmtp;
    char address[IP_TEXT_MAX];
    char name[SMTP_NAME_MAX];
    char helo[SMTP_NAME_MAX];
    char login[SMTP_NAME_MAX];
};

static bool smtp_xclient_is_absent(struct span value)
{
    return span_eq_nocase(value, SPAN("[UNAVAILABLE]")) ||
           span_eq_nocase(value, SPAN("[TEMPUNAVAIL]"));
}

static bool smtp_xclient_text(struct span value, char text[SMTP_NAME_MAX])
{
    size_t len;

    if (!xtext_decode(value, text, SMTP_NAME_MAX - 1, &len) || len == 0)
        return false;
    text[len] = '\0';
    return true;
}

static bool smtp_xclient_name(struct span value, struct smtp_xclient *x)
{
    x->has_name = true;
    if (smtp_xclient_is_absent(value)) {
        memcpy(x->name, "unknown", sizeof("unknown"));
        return true;
    }
    return smtp_xclient_text(value, x->name);
}

/* A client whose address the proxy does not know is in no network, so that it has none of the trust
 * that the proxy itself has; Postfix calls it unknown too. */
static bool smtp_xclient_addr(struct span value, struct smtp_xclient *x)
{
    struct ip ip;

    x->has_address = true;
    if (smtp_xclient_is_absent(value)) {
        memcpy(x->address, "unknown", sizeof("unknown"));
        return true;
    }
    if (scan_nocase(&value, SPAN("IPV6:")) ? !ip_parse_v6(value, &ip) : !ip_parse(value, &ip))
        return false;
    ip_write(&ip, x->address);
    return true;
}

static bool smtp_xclient_helo(struct span value, struct smtp_xclient *x)
{
    x->has_helo = true;
    if (smtp_xclient_is_absent(value)) {
        x->helo[0] = '\0';
        return true;
    }
    return smtp_xclient_text(value, x->helo);
}

static bool smtp_xclient_proto(struct span value, struct smtp_xclient *x)
{
    x->has_proto = true;
    x->is_esmtp = span_eq_nocase(value, SPAN("ESMTP"));
    return x->is_esmtp || span_eq_nocase(value, SPAN("SMTP"));
}

/* Who logged in at the proxy; absent: nobody did. */
static bool smtp_xclient_login(struct span value, struct smtp_xclient *x)
{
    x->has_login = !smtp_xclient_is_absent(value);
    return !x->has_login || smtp_xclient_text(value, x->login);
}

static bool smtp_xclient_port(struct span value, struct smtp_xclient *x)
{
    uint64_t port;

    (void)x;
    return smtp_xclient_is_absent(value) || number_parse(value, UINT16_MAX, &port);
}

/* Taken note of by nobody yet, but well-formed. */
static bool smtp_xclient_other(struct span value, struct smtp_xclient *x)
{
    char text[SMTP_NAME_MAX];

    (void)x;
    return smtp_xclient_is_absent(value) || smtp_xclient_text(value, text);
}

static const struct {
    const char *name;
    bool (*take)(struct span value, struct smtp_xclient *x);
} smtp_xclient_rows[] = {
    {"NAME",         smtp_xclient_name },
    {"REVERSE_NAME", smtp_xclient_other},
    {"ADDR",         smtp_xclient_addr },
    {"PORT",         smtp_xclient_port },
    {"HELO",         smtp_xclient_helo },
    {"PROTO",        smtp_xclient_proto},
    {"LOGIN",        smtp_xclient_login},
    {"DESTADDR",     smtp_xclient_other},
    {"DESTPORT",     smtp_xclient_port },
};

/* One attribute=value; what is wrong with it else. */
static enum smtp_answer smtp_xclient_take(struct span word, struct smtp_xclient *x,
                                          struct span *name_r)
{
    if (!scan_until(&word, '=', 32, name_r) || !scan_byte(&word, '='))
        return SMTP_SYNTAX_XCLIENT;
    for (size_t i = 0; i < COUNT_OF(smtp_xclient_rows); i++) {
        if (span_eq_nocase(*name_r, span_str(smtp_xclient_rows[i].name)))
            return smtp_xclient_rows[i].take(word, x) ? SMTP_ANSWER_NONE : SMTP_BAD_XCLIENT;
    }
    return SMTP_SYNTAX_XCLIENT;
}

/* The conversation begins anew, as if the client itself had connected. */
static void smtp_xclient_apply(struct smtp_session *s, const struct smtp_xclient *x)
{
    if (x->has_address)
        smtp_client_set(s, x->address);
    if (x->has_name)
        memcpy(s->client.name, x->name, sizeof(s->client.name));
    s->helo[0] = '\0';
    if (x->has_helo)
        memcpy(s->helo, x->helo, sizeof(s->helo));
    s->is_esmtp = x->has_proto && x->is_esmtp;
    smtp_login_drop(s);
    if (x->has_login)
        smtp_login_set(s, "XCLIENT", span_str(x->login));
    smtp_state_set(s, SMTP_NEW);
    smtp_note(s, SMTP_NOTE_CONNECT, (struct span){NULL, 0});
    smtp_greet(s);
}

void smtp_xclient_cmd(struct smtp_session *s, struct span args)
{
    struct smtp_xclient x = {0};
    struct span word, name = {NULL, 0};
    unsigned count = 0;

    if (!s->client.may_xclient) {
        smtp_say(s, SMTP_NOT_AUTHORIZED);
        return;
    }
    for (; scan_word(&args, &word); count++) {
        enum smtp_answer answer = smtp_xclient_take(word, &x, &name);

        if (answer != SMTP_ANSWER_NONE) {
            smtp_say_of(s, answer, name);
            return;
        }
        scan_blanks(&args);
    }
    if (count == 0)
        smtp_say(s, SMTP_SYNTAX_XCLIENT);
    else
        smtp_xclient_apply(s, &x);
}
