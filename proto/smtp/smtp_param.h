#ifndef PROTO_SMTP_SMTP_PARAM_H
#define PROTO_SMTP_SMTP_PARAM_H

/*
 * smtp_param: the parameters of MAIL and RCPT (RFC 5321 4.1.1.11): SIZE, BODY, SMTPUTF8, RET,
 * ENVID, AUTH, REQUIRETLS, MT-PRIORITY, BY, HOLDFOR, HOLDUNTIL, XVERP, NOTIFY, ORCPT. One table;
 * each may be given once.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"
#include "proto/smtp/smtp_answer.h"
#include "proto/smtp/smtp_requests.h"

enum smtp_param_of {
    SMTP_PARAM_MAIL = 1 << 0,
    SMTP_PARAM_RCPT = 1 << 1,
};

struct smtp_params {
    uint64_t size; /* 0: not said */
    enum smtp_encoding encoding;
    enum smtp_ret ret;
    unsigned notify; /* enum smtp_notify */
    bool is_utf8;
    bool requires_tls;
    bool has_priority;
    int priority; /* -9 to 9 */
    bool has_by, by_returns, by_traces;
    int64_t by_s;         /* from now; below 0: it should have been there */
    int64_t hold_for_s;   /* 0: not said */
    int64_t hold_until_s; /* since 1970; 0: not said */
    char verp[2];         /* delimiters; NUL: not said */
    size_t envid_len, orcpt_len, sasl_sender_len;
    char envid[SMTP_ENVID_MAX];
    char orcpt[SMTP_ORCPT_MAX];       /* "type;address", decoded */
    char sasl_sender[SMTP_ORCPT_MAX]; /* of AUTH=, decoded; nothing for AUTH=<> */
};

/* Reads all words of `args`. `offers` is what was offered (enum smtp_extension): the rest is not
 * supported. SMTP_ANSWER_NONE, or what to say, of the word *word_r. */
enum smtp_answer smtp_params_parse(struct span args, enum smtp_param_of command, unsigned offers,
                                   struct smtp_params *params_r, struct span *word_r);

#endif
