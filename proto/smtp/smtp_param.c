#include "proto/smtp/smtp_param.h"

#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/number.h"
#include "proto/smtp/smtp_settings.h"
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
    {"SIZE",     SMTP_PARAM_MAIL, SMTP_EXT_SIZE,       smtp_param_size,   SMTP_BAD_SIZE   },
    {"BODY",     SMTP_PARAM_MAIL, SMTP_EXT_8BITMIME,   smtp_param_body,   SMTP_UNSUPPORTED},
    {"BODY",     SMTP_PARAM_MAIL, SMTP_EXT_BINARYMIME, smtp_param_binary, SMTP_UNSUPPORTED},
    {"SMTPUTF8", SMTP_PARAM_MAIL, SMTP_EXT_SMTPUTF8,   smtp_param_utf8,   SMTP_UNSUPPORTED},
    {"RET",      SMTP_PARAM_MAIL, SMTP_EXT_DSN,        smtp_param_ret,    SMTP_BAD_RET    },
    {"ENVID",    SMTP_PARAM_MAIL, SMTP_EXT_DSN,        smtp_param_envid,  SMTP_BAD_ENVID  },
    {"AUTH",     SMTP_PARAM_MAIL, ~0u,                 smtp_param_auth,   SMTP_BAD_AUTH   },
    {"NOTIFY",   SMTP_PARAM_RCPT, SMTP_EXT_DSN,        smtp_param_notify, SMTP_BAD_NOTIFY },
    {"ORCPT",    SMTP_PARAM_RCPT, SMTP_EXT_DSN,        smtp_param_orcpt,  SMTP_BAD_ORCPT  },
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
    params_r->is_utf8 = false;
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
