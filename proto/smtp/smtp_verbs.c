#include <stddef.h>

#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"

/* Short names for the table: what may stand in its columns. */
enum {
    MAY = SMTP_ANSWER_NONE,
    NESTED = SMTP_NESTED_MAIL,
    NO_MAIL = SMTP_NEED_MAIL,
    NO_RCPT = SMTP_NEED_RCPT,
    NO_VALID = SMTP_NO_VALID_RCPT,
    MAIL_CHUNK = SMTP_MAIL_AFTER_BDAT,
    RCPT_CHUNK = SMTP_RCPT_AFTER_BDAT,
    DATA_CHUNK = SMTP_DATA_AFTER_BDAT,
    IN_MAIL = SMTP_IN_TRANSACTION,
    ETRN_IN_MAIL = SMTP_ETRN_IN_TRANSACTION,

    LAST = SMTP_VERB_LAST,
    JUNK = SMTP_VERB_JUNK,
    HELO = SMTP_VERB_HELO,
    PAYLOAD = SMTP_VERB_PAYLOAD,
    IN_SMTP = SMTP_VERB_SMTP,
    IN_LMTP = SMTP_VERB_LMTP,
    CLEAR = SMTP_VERB_CLEAR,
};

/* The order is that of the statistics at the end of a connection. Which states a command is allowed
 * in, and what to say else: new, ready, mail, all refused, rcpt, chunks. */
const struct smtp_verb smtp_verbs[SMTP_VERBS] = {
    {"HELO",     "helo",    smtp_helo_cmd,          JUNK | LAST | IN_SMTP,         {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"EHLO",     "ehlo",    smtp_ehlo_cmd,          JUNK | LAST | IN_SMTP | CLEAR, {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"LHLO",     "lhlo",    smtp_lhlo_cmd,          JUNK | LAST | IN_LMTP,         {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"XCLIENT",  "xclient", smtp_xclient_cmd,       0,                             {MAY, MAY, IN_MAIL, IN_MAIL, IN_MAIL, IN_MAIL}        },
    {"STARTTLS",
     "starttls",            smtp_starttls_cmd,
     LAST | CLEAR,
     {MAY, MAY, IN_MAIL, IN_MAIL, IN_MAIL, IN_MAIL}                                                                                      },
    {"AUTH",     "auth",    smtp_auth_cmd,          HELO,                          {MAY, MAY, IN_MAIL, IN_MAIL, IN_MAIL, IN_MAIL}        },
    {"MAIL",     "mail",    smtp_mail_cmd,          HELO,                          {MAY, MAY, NESTED, NESTED, NESTED, MAIL_CHUNK}        },
    {"RCPT",     "rcpt",    smtp_rcpt_cmd,          0,                             {NO_MAIL, NO_MAIL, MAY, MAY, MAY, RCPT_CHUNK}         },
    {"DATA",     "data",    smtp_data_cmd,          LAST,                          {NO_RCPT, NO_RCPT, NO_RCPT, NO_VALID, MAY, DATA_CHUNK}},
    {"BDAT",     "bdat",    smtp_bdat_cmd,          PAYLOAD,                       {NO_RCPT, NO_RCPT, NO_RCPT, NO_VALID, MAY, MAY}       },
    {"RSET",     "rset",    smtp_rset_cmd,          JUNK,                          {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"NOOP",     "noop",    smtp_noop_cmd,          JUNK | LAST | CLEAR,           {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"VRFY",     "vrfy",    smtp_vrfy_cmd,          JUNK | LAST | HELO,            {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"EXPN",     "expn",    smtp_unimplemented_cmd, JUNK | LAST,                   {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"ETRN",
     "etrn",                smtp_etrn_cmd,
     JUNK | LAST | HELO,
     {MAY, MAY, ETRN_IN_MAIL, ETRN_IN_MAIL, ETRN_IN_MAIL, ETRN_IN_MAIL}                                                                  },
    {"HELP",     "help",    smtp_help_cmd,          JUNK | LAST,                   {MAY, MAY, MAY, MAY, MAY, MAY}                        },
    {"QUIT",     "quit",    smtp_quit_cmd,          CLEAR,                         {MAY, MAY, MAY, MAY, MAY, MAY}                        },
};

static bool smtp_verb_known_here(const struct smtp_session *s, const struct smtp_verb *verb)
{
    return !(verb->flags & (s->host->is_lmtp ? SMTP_VERB_SMTP : SMTP_VERB_LMTP));
}

static const struct smtp_verb *smtp_verb_find(const struct smtp_session *s, struct span word)
{
    for (size_t i = 0; i < SMTP_VERBS; i++) {
        if (span_eq_nocase(word, span_str(smtp_verbs[i].name)))
            return smtp_verb_known_here(s, &smtp_verbs[i]) ? &smtp_verbs[i] : NULL;
    }
    return NULL;
}

enum smtp_answer smtp_verb_refusal(const struct smtp_session *s, const struct smtp_verb *verb)
{
    bool needs_tls =
        s->host->is_submission ||
        (s->settings->smtpd_tls_security_level == SMTP_TLS_ENCRYPT && !s->host->is_lmtp);

    if (needs_tls && s->tls == NULL && !(verb->flags & SMTP_VERB_CLEAR))
        return SMTP_NEED_TLS;
    if (s->state == SMTP_NEW && (verb->flags & SMTP_VERB_HELO)) {
        if (s->host->is_lmtp)
            return SMTP_NEED_LHLO;
        if (s->settings->smtpd_helo_required)
            return SMTP_NEED_HELO;
    }
    if (s->host->is_submission && s->login == NULL && verb->run == smtp_mail_cmd)
        return SMTP_NEED_AUTH;
    return verb->when[s->state];
}

/* A browser, or the header of a message: nobody who speaks SMTP. */
static bool smtp_is_foreign(const struct smtp_session *s, struct span line, struct span word)
{
    const struct smtp_words *forbidden = &s->settings->smtpd_forbidden_commands;
    struct span name;

    for (unsigned i = 0; i < forbidden->count; i++) {
        if (span_eq_nocase(word, span_str(forbidden->at[i])))
            return true;
    }
    return scan_until(&line, ':', 64, &name) && memchr(name.at, ' ', name.len) == NULL &&
           memchr(name.at, '<', name.len) == NULL && scan_is_printable(name);
}

static void smtp_unknown(struct smtp_session *s, struct span line, struct span word)
{
    s->command = "UNKNOWN";
    s->unknown.all++;
    if (!smtp_is_foreign(s, line, word)) {
        smtp_say(s, SMTP_UNKNOWN);
        return;
    }
    smtp_note(s, SMTP_NOTE_NOT_SMTP, line);
    smtp_say(s, SMTP_NOT_SMTP);
    smtp_close(s);
}

/* Bytes wait behind a command that ends a group: the client did not wait for our answer, so what
 * follows may be meant for somebody else (RFC 2920 3.1, HOSTILE S10). */
static bool smtp_out_of_step(struct smtp_session *s, const struct smtp_verb *verb,
                             struct span waits)
{
    const char *lf;

    if (waits.len == 0 || !(verb->flags & SMTP_VERB_LAST) ||
        !s->settings->smtpd_forbid_unauth_pipelining)
        return false;
    lf = memchr(waits.at, '\n', waits.len);
    waits.len = lf == NULL ? waits.len : (size_t)(lf - waits.at);
    if (waits.len > 0 && waits.at[waits.len - 1] == '\r')
        waits.len--;
    if (verb->run == smtp_data_cmd)
        waits.len = 0; /* the text of a message is not for the log, */
    if (span_eq_nocase(span_first(waits, 4), SPAN("AUTH")))
        waits.len = 4; /* nor is a password */
    smtp_note(s, SMTP_NOTE_PIPELINING, waits);
    smtp_say(s, SMTP_OUT_OF_STEP);
    smtp_close(s);
    return true;
}

static void smtp_verb_run(struct smtp_session *s, const struct smtp_verb *verb, struct span args)
{
    enum smtp_answer refusal = smtp_verb_refusal(s, verb);

    if ((verb->flags & SMTP_VERB_JUNK) && s->junk++ >= smtp_limit_junk(s))
        s->errors++;
    if (refusal == SMTP_ANSWER_NONE || (verb->flags & SMTP_VERB_PAYLOAD))
        verb->run(s, args);
    else
        smtp_say(s, refusal);
}

void smtp_command(struct smtp_session *s, struct span line, struct span waits)
{
    const struct smtp_verb *verb;
    struct smtp_count *count;
    struct span args = line, word;

    scan_blanks(&args);
    while (args.len > 0 && (args.at[args.len - 1] == ' ' || args.at[args.len - 1] == '\t'))
        args.len--;
    s->failed = false;
    if (!scan_word(&args, &word)) {
        smtp_say(s, SMTP_BAD_LINE);
        return;
    }
    verb = smtp_verb_find(s, word);
    if (verb == NULL) {
        smtp_unknown(s, line, word);
        return;
    }
    s->verb = verb;
    s->command = verb->name;
    count = &s->counts[verb - smtp_verbs];
    count->all++;
    if (smtp_out_of_step(s, verb, waits))
        return;
    scan_blanks(&args);
    smtp_verb_run(s, verb, args);
    if (!s->failed)
        count->ok++;
}
