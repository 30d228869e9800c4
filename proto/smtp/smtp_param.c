#include "proto/smtp/smtp_param.h"

#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_settings.h"
#include "proto/smtp/smtp_verp.h"
#include "proto/text/date.h"
#include "proto/text/scan.h"
#include "proto/text/xtext.h"

/* Each parser gets what stands behind "="; false: it cannot be that. */
static bool smtp_param_size(struct span value, struct smtp_params *p)
{
    return number_parse(value, INT64_MAX, &p->size);
}

static bool smtp_param_body(struct span value, struct smtp_params *p)
{
    if (span_eq_nocase(value, SPAN("7BIT")))
        p->encoding = SMTP_BODY_7BIT;
    else if (span_eq_nocase(value, SPAN("8BITMIME")))
        p->encoding = SMTP_BODY_8BITMIME;
    else
        return false;
    return true;
}

static bool smtp_param_binary(struct span value, struct smtp_params *p)
{
    if (!span_eq_nocase(value, SPAN("BINARYMIME")))
        return false;
    p->encoding = SMTP_BODY_BINARYMIME;
    return true;
}

static bool smtp_param_utf8(struct span value, struct smtp_params *p)
{
    p->is_utf8 = true;
    return value.len == 0;
}

static bool smtp_param_ret(struct span value, struct smtp_params *p)
{
    if (span_eq_nocase(value, SPAN("FULL")))
        p->ret = SMTP_RET_FULL;
    else if (span_eq_nocase(value, SPAN("HDRS")))
        p->ret = SMTP_RET_HDRS;
    else
        return false;
    return true;
}

static bool smtp_param_envid(struct span value, struct smtp_params *p)
{
    return xtext_decode(value, p->envid, sizeof(p->envid), &p->envid_len) && p->envid_len > 0;
}

/* RFC 4954 5: <>, or an address in xtext. */
static bool smtp_param_auth(struct span value, struct smtp_params *p)
{
    if (span_eq(value, SPAN("<>")))
        return true;
    return xtext_decode(value, p->sasl_sender, sizeof(p->sasl_sender), &p->sasl_sender_len) &&
           p->sasl_sender_len > 0;
}

static bool smtp_param_requiretls(struct span value, struct smtp_params *p)
{
    p->requires_tls = true;
    return value.len == 0;
}

/* RFC 6710 3. */
static bool smtp_param_priority(struct span value, struct smtp_params *p)
{
    bool is_negative = scan_byte(&value, '-');
    uint64_t number;

    if (!number_parse(value, 9, &number) || value.len != 1)
        return false;
    p->has_priority = true;
    p->priority = is_negative ? -(int)number : (int)number;
    return true;
}

/* RFC 2852 4: seconds, maybe gone by already in mode N. */
static bool smtp_param_by(struct span value, struct smtp_params *p)
{
    bool is_negative = scan_byte(&value, '-');
    uint64_t number;

    if (!is_negative)
        (void)scan_byte(&value, '+');
    if (!scan_number(&value, 999999999, &number) || !scan_byte(&value, ';'))
        return false;
    p->has_by = true;
    p->by_s = is_negative ? -(int64_t)number : (int64_t)number;
    p->by_returns = scan_nocase(&value, SPAN("R"));
    if (!p->by_returns && !scan_nocase(&value, SPAN("N")))
        return false;
    p->by_traces = scan_nocase(&value, SPAN("T"));
    return scan_end(&value) && (!p->by_returns || p->by_s > 0);
}

/* RFC 4865 4. */
static bool smtp_param_holdfor(struct span value, struct smtp_params *p)
{
    uint64_t number;

    if (!number_parse(value, 999999999, &number) || number == 0 || p->hold_until_s != 0)
        return false;
    p->hold_for_s = (int64_t)number;
    return true;
}

/* Digits of a fixed count, then `stop`. */
static bool smtp_param_digits(struct span *at, size_t count, char stop, unsigned *number_r)
{
    uint64_t number;

    if (at->len <= count || !number_parse(span_first(*at, count), 9999, &number) ||
        at->at[count] != stop)
        return false;
    *number_r = (unsigned)number;
    *at = span_after(*at, count + 1);
    return true;
}

/* RFC 3339 in UTC, as RFC 4865 wants it: 2020-07-15T16:31:24Z. */
static bool smtp_param_holduntil(struct span value, struct smtp_params *p)
{
    unsigned year, month, day, hour, minute, second;

    if (!smtp_param_digits(&value, 4, '-', &year) || !smtp_param_digits(&value, 2, '-', &month) ||
        !smtp_param_digits(&value, 2, 'T', &day) || !smtp_param_digits(&value, 2, ':', &hour) ||
        !smtp_param_digits(&value, 2, ':', &minute) ||
        !smtp_param_digits(&value, 2, 'Z', &second) || value.len > 0)
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > date_month_days((int)year, month) || hour > 23 || minute > 59 || second > 60 ||
        p->hold_for_s != 0)
        return false;
    p->hold_until_s = date_day((int)year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return p->hold_until_s > 0;
}

static bool smtp_param_xverp(struct span value, struct smtp_params *p)
{
    struct span delimiters = value.len == 0 ? SPAN(SMTP_VERP_DELIMITERS) : value;

    if (!smtp_verp_delimiters(delimiters))
        return false;
    memcpy(p->verp, delimiters.at, 2);
    return true;
}

static bool smtp_param_notify(struct span value, struct smtp_params *p)
{
    static const struct {
        const char *word;
        enum smtp_notify notify;
    } words[] = {
        {"NEVER",   SMTP_NOTIFY_NEVER  },
        {"SUCCESS", SMTP_NOTIFY_SUCCESS},
        {"FAILURE", SMTP_NOTIFY_FAILURE},
        {"DELAY",   SMTP_NOTIFY_DELAY  },
    };

    do {
        const char *comma = value.len == 0 ? NULL : memchr(value.at, ',', value.len);
        struct span word =
            span_first(value, comma == NULL ? value.len : (size_t)(comma - value.at));
        size_t i = 0;

        while (i < COUNT_OF(words) && !span_eq_nocase(word, span_str(words[i].word)))
            i++;
        if (i == COUNT_OF(words))
            return false;
        p->notify |= words[i].notify;
        value = span_after(value, word.len);
    } while (scan_byte(&value, ','));
    return !(p->notify & SMTP_NOTIFY_NEVER) || p->notify == SMTP_NOTIFY_NEVER;
}

/* RFC 3461 4.2: addr-type ";" xtext; with SMTPUTF8 also RFC 6533's forms, which we take as xtext
 * too. */
static bool smtp_param_orcpt(struct span value, struct smtp_params *p)
{
    struct span type;
    size_t len;

    if (!scan_until(&value, ';', 64, &type) || !scan_byte(&value, ';') ||
        !scan_is_printable(type) || !scan_is_ascii(type))
        return false;
    memcpy(p->orcpt, type.at, type.len);
    p->orcpt[type.len] = ';';
    if (!xtext_decode(value, p->orcpt + type.len + 1, sizeof(p->orcpt) - type.len - 1, &len) ||
        len == 0)
        return false;
    p->orcpt_len = type.len + 1 + len;
    return true;
}

/* Two rows of one name are alternatives, one parameter. */
static const struct smtp_param_row {
    const char *name;
    enum smtp_param_of command;
    unsigned extension;
    bool (*parse)(struct span value, struct smtp_params *p);
    enum smtp_answer bad;
} smtp_param_rows[] = {
    {"SIZE",        SMTP_PARAM_MAIL, SMTP_EXT_SIZE,          smtp_param_size,       SMTP_BAD_SIZE    },
    {"BODY",        SMTP_PARAM_MAIL, SMTP_EXT_8BITMIME,      smtp_param_body,       SMTP_UNSUPPORTED },
    {"BODY",        SMTP_PARAM_MAIL, SMTP_EXT_BINARYMIME,    smtp_param_binary,     SMTP_UNSUPPORTED },
    {"SMTPUTF8",    SMTP_PARAM_MAIL, SMTP_EXT_SMTPUTF8,      smtp_param_utf8,       SMTP_UNSUPPORTED },
    {"RET",         SMTP_PARAM_MAIL, SMTP_EXT_DSN,           smtp_param_ret,        SMTP_BAD_RET     },
    {"ENVID",       SMTP_PARAM_MAIL, SMTP_EXT_DSN,           smtp_param_envid,      SMTP_BAD_ENVID   },
    {"AUTH",        SMTP_PARAM_MAIL, ~0u,                    smtp_param_auth,       SMTP_BAD_AUTH    },
    {"REQUIRETLS",  SMTP_PARAM_MAIL, SMTP_EXT_REQUIRETLS,    smtp_param_requiretls, SMTP_UNSUPPORTED },
    {"MT-PRIORITY", SMTP_PARAM_MAIL, SMTP_EXT_MT_PRIORITY,   smtp_param_priority,   SMTP_BAD_PRIORITY},
    {"BY",          SMTP_PARAM_MAIL, SMTP_EXT_DELIVERBY,     smtp_param_by,         SMTP_BAD_BY      },
    {"HOLDFOR",     SMTP_PARAM_MAIL, SMTP_EXT_FUTURERELEASE, smtp_param_holdfor,    SMTP_BAD_HOLD    },
    {"HOLDUNTIL",   SMTP_PARAM_MAIL, SMTP_EXT_FUTURERELEASE, smtp_param_holduntil,  SMTP_BAD_HOLD    },
    {"XVERP",       SMTP_PARAM_MAIL, SMTP_EXT_XVERP,         smtp_param_xverp,      SMTP_BAD_VERP    },
    {"NOTIFY",      SMTP_PARAM_RCPT, SMTP_EXT_DSN,           smtp_param_notify,     SMTP_BAD_NOTIFY  },
    {"ORCPT",       SMTP_PARAM_RCPT, SMTP_EXT_DSN,           smtp_param_orcpt,      SMTP_BAD_ORCPT   },
};

static unsigned smtp_param_bit(struct span name)
{
    size_t i = 0;

    while (!span_eq_nocase(name, span_str(smtp_param_rows[i].name)))
        i++;
    return 1u << i;
}

static enum smtp_answer smtp_param_one(struct span word, enum smtp_param_of command,
                                       unsigned offers, struct smtp_params *p, unsigned *seen)
{
    const char *equals = memchr(word.at, '=', word.len);
    struct span name = span_first(word, equals == NULL ? word.len : (size_t)(equals - word.at));
    struct span value = span_after(word, equals == NULL ? word.len : name.len + 1);
    enum smtp_answer answer = SMTP_UNSUPPORTED;

    for (size_t i = 0; i < COUNT_OF(smtp_param_rows); i++) {
        const struct smtp_param_row *row = &smtp_param_rows[i];

        if (row->command != command || !(row->extension & offers) ||
            !span_eq_nocase(name, span_str(row->name)))
            continue;
        if (*seen & smtp_param_bit(name))
            return SMTP_TWICE;
        if (row->parse(value, p)) {
            *seen |= smtp_param_bit(name);
            return row->parse == smtp_param_auth && !(offers & SMTP_EXT_AUTH) ? SMTP_AUTH_DISABLED
                                                                              : SMTP_ANSWER_NONE;
        }
        answer = row->bad;
    }
    return answer;
}

enum smtp_answer smtp_params_parse(struct span args, enum smtp_param_of command, unsigned offers,
                                   struct smtp_params *params_r, struct span *word_r)
{
    unsigned seen = 0;

    params_r->size = 0;
    params_r->encoding = SMTP_BODY_UNSAID;
    params_r->ret = SMTP_RET_UNSAID;
    params_r->notify = 0;
    params_r->is_utf8 = params_r->requires_tls = params_r->has_priority = false;
    params_r->has_by = params_r->by_returns = params_r->by_traces = false;
    params_r->priority = 0;
    params_r->by_s = params_r->hold_for_s = params_r->hold_until_s = 0;
    params_r->verp[0] = params_r->verp[1] = '\0';
    params_r->envid_len = params_r->orcpt_len = params_r->sasl_sender_len = 0;
    for (;;) {
        enum smtp_answer answer;

        scan_blanks(&args);
        if (!scan_word(&args, word_r))
            return SMTP_ANSWER_NONE;
        answer = smtp_param_one(*word_r, command, offers, params_r, &seen);
        if (answer != SMTP_ANSWER_NONE)
            return answer;
    }
}
