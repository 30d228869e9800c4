/* smtp_hello_cmd: HELO, EHLO, LHLO (RFC 5321 4.1.1.1, RFC 2033 4.1). */
#include <stddef.h>

#include "core/base/number.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/date.h"
#include "proto/text/scan.h"

enum {
    SMTP_OFFER_MAX = 64, /* bytes of a line of the answer to EHLO */
    SMTP_OFFERS_MAX = 20,
};

/* Keeps the name as the client said it; whoever writes it somewhere cleans it. */
static bool smtp_hello(struct smtp_session *s, struct span args, enum smtp_answer syntax)
{
    struct span name;

    if (!scan_word(&args, &name)) {
        smtp_say(s, syntax);
        return false;
    }
    name = span_first(name, sizeof(s->helo) - 1);
    memcpy(s->helo, name.at, name.len);
    s->helo[name.len] = '\0';
    smtp_mail_drop(s);
    smtp_state_set(s, SMTP_READY);
    return true;
}

void smtp_helo_cmd(struct smtp_session *s, struct span args)
{
    if (!smtp_hello(s, args, SMTP_SYNTAX_HELO))
        return;
    s->is_esmtp = false;
    smtp_say_lines(s, span_str(s->settings->myhostname), NULL, 0);
}

static void smtp_offer_number(char *at, const char *word, uint64_t number)
{
    size_t len = strlen(word);

    memcpy(at, word, len);
    len += number_write(at + len, number);
    at[len] = '\0';
}

/* "AUTH PLAIN LOGIN", and the same as clients before RFC 2554 want it; "" for neither. */
static void smtp_offer_auth(const struct smtp_session *s, char auth[SMTP_ANSWER_MAX],
                            char broken[SMTP_ANSWER_MAX])
{
    struct chain list = {0};
    struct span words;

    auth[0] = broken[0] = '\0';
    if (smtp_auth_write(s, &list)) {
        words = span_first(chain_flat(&list), SMTP_ANSWER_MAX - sizeof("AUTH"));
        memcpy(auth, "AUTH", 4);
        memcpy(auth + 4, words.at, words.len);
        auth[4 + words.len] = '\0';
        if (s->settings->broken_sasl_auth_clients) {
            memcpy(broken, auth, 5 + words.len);
            broken[4] = '=';
        }
    }
    chain_free(&list);
}

/* RFC 4865 3: the longest time, and the latest moment. */
static void smtp_offer_release(const struct smtp_session *s, char *at)
{
    int64_t until_s = s->base.now_us / 1000000 + s->settings->futurerelease_max_s;
    unsigned month, day, rest = (unsigned)(until_s % 86400);
    struct chain text = {0};
    struct span line;
    int year;

    date_civil(until_s / 86400, &year, &month, &day);
    chain_addf(&text, "FUTURERELEASE %u %04d-%02u-%02uT%02u:%02u:%02uZ",
               s->settings->futurerelease_max_s, year, month, day, rest / 3600, rest / 60 % 60,
               rest % 60);
    line = span_first(chain_flat(&text), SMTP_OFFER_MAX - 1);
    memcpy(at, line.at, line.len);
    at[line.len] = '\0';
    chain_free(&text);
}

/* The extensions in Postfix's order, which old clients' parsers have seen, then those it lacks. */
static void smtp_offer(struct smtp_session *s)
{
    char size[SMTP_OFFER_MAX], limits[SMTP_OFFER_MAX];
    char deliverby[SMTP_OFFER_MAX], release[SMTP_OFFER_MAX];
    char auth[SMTP_ANSWER_MAX], broken_auth[SMTP_ANSWER_MAX];
    const struct {
        unsigned extension;
        const char *line;
    } all[SMTP_OFFERS_MAX] = {
        {SMTP_EXT_PIPELINING,          "PIPELINING"                              },
        {SMTP_EXT_SIZE,                size                                      },
        {SMTP_EXT_VRFY,                "VRFY"                                    },
        {SMTP_EXT_ETRN,                "ETRN"                                    },
        {SMTP_EXT_STARTTLS,            "STARTTLS"                                },
        {SMTP_EXT_AUTH,                auth                                      },
        {SMTP_EXT_AUTH,                broken_auth                               },
        {SMTP_EXT_XCLIENT,
         "XCLIENT NAME ADDR PORT PROTO HELO REVERSE_NAME LOGIN DESTADDR DESTPORT"},
        {SMTP_EXT_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES"                     },
        {SMTP_EXT_8BITMIME,            "8BITMIME"                                },
        {SMTP_EXT_DSN,                 "DSN"                                     },
        {SMTP_EXT_SMTPUTF8,            "SMTPUTF8"                                },
        {SMTP_EXT_CHUNKING,            "CHUNKING"                                },
        {SMTP_EXT_BINARYMIME,          "BINARYMIME"                              },
        {SMTP_EXT_LIMITS,              limits                                    },
        {SMTP_EXT_REQUIRETLS,          "REQUIRETLS"                              },
        {SMTP_EXT_MT_PRIORITY,         "MT-PRIORITY"                             },
        {SMTP_EXT_DELIVERBY,           deliverby                                 },
        {SMTP_EXT_FUTURERELEASE,       release                                   },
        {SMTP_EXT_XVERP,               "XVERP"                                   },
    };
    const char *lines[SMTP_OFFERS_MAX];
    unsigned offered = smtp_offers(s), count = 0;

    smtp_offer_number(size, "SIZE ", s->settings->message_size_limit);
    smtp_offer_auth(s, auth, broken_auth);
    smtp_offer_number(limits, "LIMITS RCPTMAX=", s->settings->smtpd_recipient_limit);
    smtp_offer_number(deliverby, "DELIVERBY ", s->settings->deliverby_min_s);
    smtp_offer_release(s, release);
    for (size_t i = 0; i < SMTP_OFFERS_MAX; i++) {
        if ((offered & all[i].extension) && all[i].line[0] != '\0')
            lines[count++] = all[i].line;
    }
    smtp_say_lines(s, span_str(s->settings->myhostname), lines, count);
}

void smtp_ehlo_cmd(struct smtp_session *s, struct span args)
{
    if (!smtp_hello(s, args, SMTP_SYNTAX_EHLO))
        return;
    s->is_esmtp = true;
    smtp_offer(s);
}

void smtp_lhlo_cmd(struct smtp_session *s, struct span args)
{
    if (!smtp_hello(s, args, SMTP_SYNTAX_LHLO))
        return;
    s->is_esmtp = true;
    smtp_offer(s);
}
