#include "tests/session/smtp_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/number.h"

static struct smtp_world *world_of(const struct smtp_host *h)
{
    return CONTAINER_OF((struct smtp_host *)(uintptr_t)h, struct smtp_world, host);
}

static const struct smtp_settings *world_settings(const struct smtp_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &world_of(h)->settings;
}

static void world_settings_done(const struct smtp_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static void world_client(const struct smtp_host *h, const struct smtp_settings *settings,
                         const char *address, struct smtp_client *client_r)
{
    struct smtp_world *w = world_of(h);

    (void)settings;
    *client_r = (struct smtp_client){.is_ours = w->is_ours && strcmp(address, "unknown") != 0,
                                     .may_xclient = w->may_xclient};
    snprintf(client_r->name, sizeof(client_r->name), "%s",
             strcmp(address, "127.0.0.1") == 0 ? "localhost" : "unknown");
}

static bool is_word(struct span s, const char *word)
{
    return span_eq_nocase(s, span_str(word));
}

static struct smtp_verdict world_mail(const struct smtp_host *h,
                                      const struct smtp_store_request *mail)
{
    struct smtp_world *w = world_of(h);

    if (w->mail_verdict.code != 0)
        return w->mail_verdict;
    if (is_word(mail->sender->local, "full"))
        return (struct smtp_verdict){452, false, "4.3.1", "Insufficient system storage"};
    if (is_word(mail->sender->local, "no"))
        return (struct smtp_verdict){550, true, "5.7.1", "Sender address rejected: Access denied"};
    return SMTP_VERDICT_OK;
}

static struct smtp_verdict world_rcpt(const struct smtp_host *h,
                                      const struct smtp_store_request *mail,
                                      const struct smtp_mailbox *recipient)
{
    static const char *const users[] = {"vagrant", "ann", "bob", "postmaster"};
    struct smtp_world *w = world_of(h);

    if (w->rcpt_verdict.code != 0)
        return w->rcpt_verdict;
    if (recipient->domain.len > 0 && !is_word(recipient->domain, "mailserver.local") &&
        smtp_store_request_may_relay(mail))
        return (struct smtp_verdict){451, true, "4.3.0", "Mail for other domains waits"};
    if (recipient->domain.len > 0 && !is_word(recipient->domain, "mailserver.local"))
        return (struct smtp_verdict){554, true, "5.7.1", "Relay access denied"};
    if (is_word(recipient->local, "later"))
        return (struct smtp_verdict){451, true, "4.3.0", "Temporary lookup failure"};
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        if (is_word(recipient->local, users[i]))
            return SMTP_VERDICT_OK;
    }
    return (struct smtp_verdict){
        550, true, "5.1.1", "Recipient address rejected: User unknown in local recipient table"};
}

static void world_queue_id(const struct smtp_host *h, const struct smtp_settings *settings,
                           int64_t now_us, char id[SMTP_QUEUE_ID_MAX])
{
    (void)settings;
    (void)now_us;
    snprintf(id, SMTP_QUEUE_ID_MAX, "1D7FE400A4C%X", 9 + world_of(h)->queued++ % 7);
}

static unsigned world_rate(const struct smtp_host *h, const char *address, enum smtp_rate what)
{
    struct smtp_world *w = world_of(h);
    unsigned count = ++w->counts[what];

    (void)address;
    return w->rate_max != 0 && count > w->rate_max ? count : 0;
}

static const char *const note_names[] = {
    [SMTP_NOTE_CONNECT] = "connect",
    [SMTP_NOTE_CLIENT] = "client",
    [SMTP_NOTE_REJECT] = "reject",
    [SMTP_NOTE_STORED] = "stored",
    [SMTP_NOTE_AUTH_FAILED] = "auth-failed",
    [SMTP_NOTE_PIPELINING] = "early",
    [SMTP_NOTE_TLS] = "tls",
    [SMTP_NOTE_TLS_FAILED] = "tls-failed",
    [SMTP_NOTE_NOT_SMTP] = "foreign",
    [SMTP_NOTE_LOST] = "lost",
    [SMTP_NOTE_TIMEOUT] = "timeout",
    [SMTP_NOTE_ERRORS] = "errors",
    [SMTP_NOTE_SHUTDOWN] = "shutdown",
    [SMTP_NOTE_OVERLOADED] = "overloaded",
    [SMTP_NOTE_CROWDED] = "crowded",
    [SMTP_NOTE_RATE] = "rate",
    [SMTP_NOTE_DISCONNECT] = "disconnect",
};

static void world_note(const struct smtp_host *h, const struct smtp_note *note)
{
    struct chain *out = world_of(h)->notes;

    if (out == NULL)
        return;
    chain_addf(out, "%s %s[%s] after %s", note_names[note->kind], note->client_name,
               note->client_address, note->command);
    if (note->mail != NULL && note->mail->queue_id[0] != '\0')
        chain_addf(out, " id=%s", note->mail->queue_id);
    if (note->kind == SMTP_NOTE_STORED)
        chain_addf(out, " from=<%.*s> size=%llu nrcpt=%u message-id=%s",
                   (int)note->mail->sender->given.len, note->mail->sender->given.at,
                   (unsigned long long)note->mail->facts.bytes, note->mail->recipient_count,
                   note->mail->facts.message_id);
    if (note->kind == SMTP_NOTE_REJECT) {
        chain_addf(out, ": %.*s;", (int)note->reply.len, note->reply.at);
        if (note->has_from)
            chain_addf(out, " from=<%.*s>", (int)note->from.len, note->from.at);
        if (note->has_to)
            chain_addf(out, " to=<%.*s>", (int)note->to.len, note->to.at);
        chain_addf(out, " proto=%s helo=<%s>", note->protocol, note->helo);
    }
    if (note->mail != NULL && note->mail->login != NULL)
        chain_addf(out, " as=%s/%s", note->mail->login->method, note->mail->login->name);
    if (note->mail != NULL && note->mail->sasl_sender != NULL)
        chain_addf(out, " sasl_sender=%s", note->mail->sasl_sender);
    if (note->kind == SMTP_NOTE_AUTH_FAILED)
        chain_addf(out, " method=%s user=<%.*s>", note->method, (int)note->user.len, note->user.at);
    if (note->data.len > 0)
        chain_addf(out, ": %.*s", (int)note->data.len, note->data.at);
    chain_add(out, SPAN("\n"));
}

void smtp_world_init(struct smtp_world *w, bool is_lmtp, struct chain *notes)
{
    *w = (struct smtp_world){.notes = notes, .settings = smtp_settings_default};
    w->settings.myhostname = "mailserver.local";
    w->settings.mail_name = "Postfix";
    w->settings.smtpd_forbid_unauth_pipelining = false;
    w->settings.smtpd_discard_ehlo_keywords = 0;
    w->host = (struct smtp_host){
        .is_lmtp = is_lmtp,
        .settings = world_settings,
        .settings_done = world_settings_done,
        .client = world_client,
        .mail = world_mail,
        .rcpt = world_rcpt,
        .queue_id = world_queue_id,
        .rate = world_rate,
        .note = world_note,
    };
}

struct session *smtp_world_session(struct smtp_world *w)
{
    struct session_peer peer = {
        .connection = 1, .address = "10.0.2.2", .port = 40000, .can_tls = w->can_tls};

    struct session *s = smtp_session_new(&w->host, &peer);

    s->stress = w->stress;
    return s;
}

/* ---- settings by name ---- */

static bool set_number(struct smtp_world *w, struct span name, uint64_t n)
{
    struct smtp_settings *s = &w->settings;
    const struct {
        const char *name;
        uint32_t *at;
    } numbers[] = {
        {"stress",                                &w->stress                               },
        {"rate",                                  &w->rate_max                             },
        {"line_length_limit",                     &s->line_length_limit                    },
        {"hopcount_limit",                        &s->hopcount_limit                       },
        {"smtpd_recipient_limit",                 &s->smtpd_recipient_limit                },
        {"smtpd_recipient_overshoot_limit",       &s->smtpd_recipient_overshoot_limit      },
        {"smtpd_soft_error_limit",                &s->smtpd_soft_error_limit               },
        {"smtpd_hard_error_limit",                &s->smtpd_hard_error_limit               },
        {"smtpd_junk_command_limit",              &s->smtpd_junk_command_limit             },
        {"smtpd_forbid_bare_newline_reject_code", &s->smtpd_forbid_bare_newline_reject_code},
    };

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (is_word(name, numbers[i].name)) {
            *numbers[i].at = (uint32_t)n;
            return true;
        }
    }
    if (!is_word(name, "message_size_limit"))
        return false;
    s->message_size_limit = n;
    return true;
}

static bool set_bool(struct smtp_world *w, struct span name, bool yes)
{
    struct smtp_settings *s = &w->settings;
    const struct {
        const char *name;
        bool *at;
    } bools[] = {
        {"smtpd_helo_required",            &s->smtpd_helo_required           },
        {"disable_vrfy_command",           &s->disable_vrfy_command          },
        {"strict_rfc821_envelopes",        &s->strict_rfc821_envelopes       },
        {"smtputf8_enable",                &s->smtputf8_enable               },
        {"smtpd_forbid_unauth_pipelining", &s->smtpd_forbid_unauth_pipelining},
        {"smtpd_sasl_auth_enable",         &s->smtpd_sasl_auth_enable        },
        {"smtpd_tls_auth_only",            &s->smtpd_tls_auth_only           },
        {"broken_sasl_auth_clients",       &s->broken_sasl_auth_clients      },
        {"submission",                     &w->host.is_submission            },
        {"xclient",                        &w->may_xclient                   },
        {"ours",                           &w->is_ours                       },
        {"can_tls",                        &w->can_tls                       },
        {"offers_requiretls",              &w->settings.offers_requiretls    },
        {"offers_mt_priority",             &w->settings.offers_mt_priority   },
        {"offers_deliverby",               &w->settings.offers_deliverby     },
        {"offers_futurerelease",           &w->settings.offers_futurerelease },
        {"offers_xverp",                   &w->settings.offers_xverp         },
    };

    for (size_t i = 0; i < COUNT_OF(bools); i++) {
        if (is_word(name, bools[i].name)) {
            *bools[i].at = yes;
            return true;
        }
    }
    return false;
}

static void set_text(char at[64], const char **field, struct span value)
{
    snprintf(at, 64, "%.*s", (int)value.len, value.at);
    *field = at;
}

bool smtp_world_set(struct smtp_world *w, struct span name, struct span value)
{
    uint64_t n;

    if (is_word(name, "mail_name"))
        set_text(w->mail_name, &w->settings.mail_name, value);
    else if (is_word(name, "myhostname"))
        set_text(w->myhostname, &w->settings.myhostname, value);
    else if (is_word(name, "smtpd_banner"))
        set_text(w->banner, &w->settings.smtpd_banner, value);
    else if (is_word(name, "discard"))
        w->settings.smtpd_discard_ehlo_keywords |= smtp_settings_extension(value);
    else if (is_word(name, "smtpd_tls_security_level"))
        w->settings.smtpd_tls_security_level =
            is_word(value, "encrypt") ? SMTP_TLS_ENCRYPT : SMTP_TLS_MAY;
    else if (is_word(name, "smtpd_forbid_bare_newline"))
        w->settings.smtpd_forbid_bare_newline =
            is_word(value, "reject") ? SMTP_BARE_REJECT : SMTP_BARE_NORMALIZE;
    else if (number_parse(value, UINT64_MAX, &n))
        return set_number(w, name, n);
    else
        return set_bool(w, name, is_word(value, "yes"));
    return true;
}
