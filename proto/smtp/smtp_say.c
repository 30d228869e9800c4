/* smtp_say: answers on their way out, what they do to the count of errors, and notes. */
#include <stddef.h>

#include "core/base/number.h"
#include "proto/smtp/smtp_private.h"

/* One line of an answer, cut at what RFC 5321 4.5.3.1.5 allows. */
struct smtp_line {
    size_t len;
    char text[SMTP_ANSWER_MAX + 2];
};

/* What a client said comes back to it: control characters must not. */
static void smtp_line_add(struct smtp_line *l, struct span text)
{
    for (size_t i = 0; i < text.len && l->len < SMTP_ANSWER_MAX; i++) {
        unsigned char c = (unsigned char)text.at[i];
        l->text[l->len++] = (char)(c < ' ' || c == 0x7f ? '?' : c);
    }
}

static void smtp_line_code(struct smtp_line *l, unsigned code, char separator)
{
    l->len = number_write(l->text, code);
    l->text[l->len++] = separator;
}

static void smtp_line_begin(struct smtp_line *l, unsigned code, const char *enhanced)
{
    smtp_line_code(l, code, ' ');
    if (enhanced[0] != '\0') {
        smtp_line_add(l, span_str(enhanced));
        smtp_line_add(l, SPAN(" "));
    }
}

/* An answer before the errors are counted is not delayed for its own sake; all later ones are. */
static void smtp_line_end(struct smtp_session *s, struct smtp_line *l, unsigned code)
{
    memcpy(l->text + l->len, "\r\n", 2);
    chain_add(&s->base.out, (struct span){l->text, l->len + 2});
    if (s->errors >= s->settings->smtpd_soft_error_limit)
        s->base.delay_ms = s->settings->smtpd_error_sleep_time_ms;
    if (code >= 400) {
        s->errors++;
        s->failed = true;
    }
    if (code == 421 || code == 521)
        smtp_close(s);
}

static unsigned smtp_line_fill(struct smtp_session *s, struct smtp_line *l, enum smtp_answer answer,
                               struct span what)
{
    const struct smtp_answer_row *row = smtp_answer_row(answer);
    const char *hole = strchr(row->text, '%');
    size_t before = hole == NULL ? strlen(row->text) : (size_t)(hole - row->text);

    if (hole != NULL && what.len == 0)
        what = span_str(s->settings->myhostname);
    smtp_line_begin(l, row->code, row->enhanced);
    smtp_line_add(l, (struct span){row->text, before});
    if (hole != NULL) {
        smtp_line_add(l, what);
        smtp_line_add(l, span_str(hole + 1));
    }
    return row->code;
}

void smtp_say_of(struct smtp_session *s, enum smtp_answer answer, struct span what)
{
    struct smtp_line l;
    unsigned code = smtp_line_fill(s, &l, answer, what);

    smtp_line_end(s, &l, code);
}

void smtp_say(struct smtp_session *s, enum smtp_answer answer)
{
    smtp_say_of(s, answer, (struct span){NULL, 0});
}

/* Two names in one answer, as Postfix words it. */
void smtp_say_crowded(struct smtp_session *s)
{
    struct chain what = {0};

    chain_addf(&what, "%s Error: too many connections from %s", s->settings->myhostname,
               s->client_address);
    smtp_say_of(s, SMTP_CROWDED, chain_flat(&what));
    chain_free(&what);
}

void smtp_say_lines(struct smtp_session *s, struct span first, const char *const *rest,
                    unsigned count)
{
    struct smtp_line l;

    smtp_line_code(&l, 250, count > 0 ? '-' : ' ');
    smtp_line_add(&l, first);
    smtp_line_end(s, &l, 250);
    for (unsigned i = 0; i < count; i++) {
        smtp_line_code(&l, 250, i + 1 < count ? '-' : ' ');
        smtp_line_add(&l, span_str(rest[i]));
        smtp_line_end(s, &l, 250);
    }
}

static void smtp_line_verdict(struct smtp_line *l, const struct smtp_verdict *verdict,
                              struct span address)
{
    smtp_line_begin(l, verdict->code, verdict->enhanced);
    if (verdict->names_address) {
        smtp_line_add(l, SPAN("<"));
        smtp_line_add(l, address);
        smtp_line_add(l, SPAN(">: "));
    }
    smtp_line_add(l, span_str(verdict->text));
}

static struct smtp_note smtp_note_new(struct smtp_session *s, enum smtp_note_kind kind)
{
    return (struct smtp_note){
        .kind = kind,
        .client_name = s->client.name,
        .client_address = s->client_address,
        .command = s->command,
        .protocol = s->host->is_lmtp ? "LMTP"
                    : s->is_esmtp    ? "ESMTP"
                                     : "SMTP",
        .helo = s->helo,
        .tls = s->tls,
        .mail = s->mail,
        .now_us = s->base.now_us,
    };
}

void smtp_note(struct smtp_session *s, enum smtp_note_kind kind, struct span data)
{
    struct smtp_note note = smtp_note_new(s, kind);

    note.data = data;
    s->host->note(s->host, &note);
}

void smtp_note_auth(struct smtp_session *s, const struct auth_request *r, const char *why)
{
    struct smtp_note note = smtp_note_new(s, SMTP_NOTE_AUTH_FAILED);

    note.data = span_str(why);
    note.method = r->mechanism;
    note.user = span_str(r->tried);
    s->host->note(s->host, &note);
}

static void smtp_note_reject(struct smtp_session *s, const struct smtp_line *l,
                             const struct smtp_mailbox *from, const struct smtp_mailbox *to)
{
    struct smtp_note note = smtp_note_new(s, SMTP_NOTE_REJECT);

    note.reply = (struct span){l->text, l->len};
    note.has_from = from != NULL;
    note.has_to = to != NULL;
    if (from != NULL)
        note.from = from->given;
    if (to != NULL)
        note.to = to->given;
    s->host->note(s->host, &note);
}

void smtp_reject(struct smtp_session *s, enum smtp_answer answer, const struct smtp_mailbox *to)
{
    struct smtp_line l;
    unsigned code = smtp_line_fill(s, &l, answer, (struct span){NULL, 0});

    smtp_note_reject(s, &l, s->mail == NULL ? NULL : s->mail->sender, to);
    smtp_line_end(s, &l, code);
}

void smtp_reject_verdict(struct smtp_session *s, const struct smtp_verdict *verdict,
                         const struct smtp_mailbox *from, const struct smtp_mailbox *to)
{
    struct smtp_line l;
    const struct smtp_mailbox *about = to != NULL ? to : from;

    smtp_line_verdict(&l, verdict, about == NULL ? (struct span){NULL, 0} : about->given);
    smtp_note_reject(s, &l, from, to);
    smtp_line_end(s, &l, verdict->code);
}
