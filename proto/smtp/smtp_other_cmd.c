/* smtp_other_cmd: NOOP, VRFY, ETRN, HELP, QUIT, and what we know but do not do. */
#include <stddef.h>

#include "proto/smtp/smtp_private.h"
#include "proto/text/address.h"
#include "proto/text/scan.h"

void smtp_noop_cmd(struct smtp_session *s, struct span args)
{
    (void)args;
    smtp_say(s, SMTP_OK);
}

/* RFC 5321 3.5.3: we do not tell who exists; 252 says that mail for it would be looked at. */
void smtp_vrfy_cmd(struct smtp_session *s, struct span args)
{
    struct address address;
    struct span inside, at = args, word;
    size_t shown;
    bool utf8 = false;

    if (s->settings->disable_vrfy_command) {
        smtp_say(s, SMTP_VRFY_OFF);
        return;
    }
    if (scan_end(&at)) {
        smtp_say(s, SMTP_SYNTAX_VRFY);
        return;
    }
    if (!address_path(&at, false, &inside)) {
        smtp_say(s, SMTP_BAD_RCPT);
        return;
    }
    shown = args.len - at.len;
    scan_blanks(&at);
    if (scan_word(&at, &word))
        utf8 = span_eq_nocase(word, SPAN("SMTPUTF8")) && (smtp_offers(s) & SMTP_EXT_SMTPUTF8);
    switch (address_parse(inside, utf8 ? ADDRESS_MAY_BE_UTF8 : 0, &address)) {
    case ADDRESS_OK:
        smtp_say_of(s, SMTP_CANNOT_VRFY, span_first(args, shown));
        break;
    case ADDRESS_BAD:
        smtp_say(s, SMTP_BAD_RCPT);
        break;
    case ADDRESS_NEEDS_UTF8:
        smtp_say(s, SMTP_NEED_SMTPUTF8);
        break;
    }
}

/* RFC 1985: "start the queue of that domain". There is no queue to start. */
void smtp_etrn_cmd(struct smtp_session *s, struct span args)
{
    struct span domain, at = args;

    if (!scan_word(&at, &domain) || !scan_end(&at)) {
        smtp_say(s, SMTP_SYNTAX_ETRN);
        return;
    }
    at = domain;
    if (!scan_byte(&at, '@'))
        scan_byte(&at, '#');
    if (!address_is_hostname(at, false) && !address_is_literal(at)) {
        smtp_say(s, SMTP_BAD_ETRN);
        return;
    }
    smtp_say_of(s, SMTP_NO_ETRN, domain);
}

void smtp_help_cmd(struct smtp_session *s, struct span args)
{
    (void)args;
    smtp_say(s, SMTP_HELP);
}

void smtp_quit_cmd(struct smtp_session *s, struct span args)
{
    if (!scan_end(&args)) {
        smtp_say(s, SMTP_SYNTAX_QUIT);
        return;
    }
    smtp_say(s, SMTP_BYE);
    smtp_close(s);
}

void smtp_unimplemented_cmd(struct smtp_session *s, struct span args)
{
    (void)args;
    smtp_say(s, SMTP_UNIMPLEMENTED);
}
