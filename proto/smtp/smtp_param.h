#ifndef PROTO_SMTP_SMTP_PARAM_H
#define PROTO_SMTP_SMTP_PARAM_H

/*
 * smtp_param: the parameters of MAIL and RCPT (RFC 5321 4.1.1.11): SIZE, BODY, SMTPUTF8, RET,
 * ENVID, AUTH, NOTIFY, ORCPT. One table; each may be given once.
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
