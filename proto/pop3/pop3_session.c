#include "proto/pop3/pop3_session.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/alloc_size.h"
#include "core/base/ensure.h"
#include "proto/pop3/pop3_private.h"
#include "proto/sasl/sasl.h"

static struct pop3_session *pop3_of(struct session *s)
{
    return (struct pop3_session *)s;
}

/* ---- answers ---- */

void pop3_add(struct pop3_session *s, struct span text)
{
    chain_add(&s->base.out, text);
}

void pop3_done(struct pop3_session *s)
{
    s->bad_commands = 0;
}

void pop3_ok(struct pop3_session *s, struct span text)
{
    pop3_add(s, SPAN("+OK"));
    if (text.len > 0) {
        pop3_add(s, SPAN(" "));
        pop3_add(s, text);
    }
    pop3_add(s, SPAN("\r\n"));
    pop3_done(s);
}

void pop3_err(struct pop3_session *s, struct span text)
{
    pop3_add(s, SPAN("-ERR "));
    pop3_add(s, text);
    pop3_add(s, SPAN("\r\n"));
}

/* A peer that says nothing but nonsense is not worth a connection. */
void pop3_bad(struct pop3_session *s, struct span text)
{
    unsigned max = s->state == POP3_AUTHORIZATION ? s->settings->login_bad_command_max
                                                  : s->settings->bad_command_max;

    pop3_err(s, text);
    if (++s->bad_commands < max)
        return;
    pop3_err(s, SPAN("Too many bad commands."));
    pop3_close(s, "Too many bad commands");
}

/* What to say when a run could not do what was asked (RFC 3206). */
static const struct {
    enum request_status status;
    const char *text;
} pop3_troubles[] = {
    {REQUEST_REFUSED,   "[SYS/PERM] This can't be done."                           },
    {REQUEST_NOT_FOUND, "[SYS/PERM] The message has been expunged."                },
    {REQUEST_DELETED,   "[SYS/PERM] INBOX has been renamed, please log in again."  },
    {REQUEST_TRY_LATER, "[SYS/TEMP] Please try again later."                       },
    {REQUEST_FULL,      "[SYS/TEMP] There is no room for this now."                },
    {REQUEST_DAMAGED,   "[SYS/PERM] Stored data is damaged; the operator was told."},
};

void pop3_trouble(struct pop3_session *s, enum request_status status)
{
    for (size_t i = 0; i < COUNT_OF(pop3_troubles); i++) {
        if (pop3_troubles[i].status == status) {
            pop3_err(s, span_str(pop3_troubles[i].text));
            return;
        }
    }
    ensure(false);
}

/* ---- requests ---- */

static void session_ask(struct pop3_session *s, struct request *r)
{
    ensure(s->away == NULL);
    r->status = REQUEST_OPEN;
    r->session = &s->base;
    s->away = r;
    s->base.request = r;
    s->base.want = SESSION_WANT_REPLY;
}

void pop3_ask(struct pop3_session *s, struct pop3_request *r)
{
    r->settings = s->settings;
    r->account = span_str(s->account);
    r->base.owner = s->base.user;
    r->drop = &s->drop;
    session_ask(s, &r->base);
}

void pop3_ask_auth(struct pop3_session *s, struct auth_request *r)
{
    session_ask(s, &r->base);
}

/* How long the peer may take now: before login the time runs from the greeting. */
static void pop3_set_patience(struct pop3_session *s)
{
    int64_t left_ms;

    s->base.is_engaged = s->state != POP3_AUTHORIZATION;
    if (s->base.is_engaged) {
        s->base.idle_ms = s->settings->idle_ms;
        return;
    }
    left_ms = s->settings->login_ms - (s->base.now_us - s->started_us) / 1000;
    s->base.idle_ms = left_ms < 1 ? 1 : (uint32_t)left_ms;
}

/* The maildrop gets its numbers before the first command that needs them. */
static void pop3_number_ask(struct pop3_session *s, struct span args)
{
    struct pop3_number_request *r = pop3_request_new(REQUEST_POP3_NUMBER, sizeof(*r));

    chain_add(&s->waiting, args);
    pop3_ask(s, &r->pop3);
}

static void pop3_number_answered(struct pop3_session *s, const struct request *r)
{
    if (s->drop.has_numbers)
        s->verb->run(s, chain_flat(&s->waiting));
    else
        pop3_trouble(s, r->status != REQUEST_OK ? r->status : REQUEST_TRY_LATER);
    chain_free(&s->waiting);
}

static void pop3_reply(struct session *base, struct request *r)
{
    struct pop3_session *s = pop3_of(base);
    bool is_auth = r->kind == REQUEST_AUTH;

    ensure(r == s->away);
    s->away = NULL;
    s->base.want = SESSION_WANT_INPUT;
    if (r->kind == REQUEST_POP3_NUMBER)
        pop3_number_answered(s, r);
    else
        s->verb->answered(s, r);
    if (!is_auth)
        pop3_request_free(&r);
    pop3_set_patience(s); /* somebody who is let in has more time */
}

/* ---- commands ---- */

/* No byte of a command may end it before its end for somebody: a log, a library. */
static bool pop3_line_is_text(struct span line)
{
    return memchr(line.at, '\0', line.len) == NULL && memchr(line.at, '\r', line.len) == NULL;
}

static void pop3_command(struct pop3_session *s, struct span line)
{
    const char *blank = memchr(line.at, ' ', line.len);
    struct span name = span_first(line, blank == NULL ? line.len : (size_t)(blank - line.at));
    const struct pop3_verb *verb = pop3_verb_find(name);

    if (!pop3_line_is_text(line)) {
        pop3_bad(s, SPAN("Invalid characters in the command."));
    } else if (verb == NULL) {
        pop3_bad(s, SPAN("Unknown command."));
    } else if ((verb->states & s->state) == 0) {
        pop3_bad(s, s->state == POP3_AUTHORIZATION ? SPAN("Please log in first.")
                                                   : SPAN("You are logged in already."));
    } else {
        s->verb = verb;
        line = span_after(line, name.len + 1);
        if ((verb->flags & POP3_VERB_NUMBERS) != 0 && !s->drop.has_numbers)
            pop3_number_ask(s, line);
        else
            verb->run(s, line);
    }
}

/* The longest line that is taken now. What AUTH carries may be longer than commands are (RFC 5034
 * 4). */
static size_t pop3_line_max(const struct pop3_session *s, struct span bytes)
{
    if (s->in_sasl || span_eq_nocase(span_first(bytes, 5), SPAN("AUTH ")))
        return s->settings->command_size + sasl_response_max(&s->settings->sasl);
    return s->settings->command_size;
}

static void pop3_line(struct pop3_session *s, struct span line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (s->in_sasl)
        pop3_auth_line(s, line);
    else
        pop3_command(s, line);
}

static size_t pop3_input(struct session *base, struct span bytes)
{
    struct pop3_session *s = pop3_of(base);
    size_t max = pop3_line_max(s, bytes), eaten = 0;
    const char *lf = memchr(bytes.at, '\n', bytes.len < max ? bytes.len : max);

    if (lf != NULL) {
        eaten = (size_t)(lf - bytes.at) + 1;
        pop3_line(s, span_first(bytes, eaten - 1));
    } else if (bytes.len >= max) {
        eaten = bytes.len;
        pop3_err(s, SPAN("Input line too long, aborting."));
        pop3_close(s, "Input line too long");
    }
    if (eaten > 0) /* else the time that it has for this line runs already */
        pop3_set_patience(s);
    return eaten;
}

/* ---- beginning and end ---- */

static void pop3_start(struct session *base)
{
    struct pop3_session *s = pop3_of(base);

    s->started_us = base->now_us;
    pop3_ok(s, span_str(s->settings->greeting));
    pop3_set_patience(s);
}

static void pop3_tls_started(struct session *base, const struct session_tls *tls)
{
    struct pop3_session *s = pop3_of(base);

    /* RFC 2595 4: what was said in the clear is forgotten. */
    free(s->user);
    s->user = NULL;
    s->is_utf8 = false;
    s->tls = tls;
    s->base.want = SESSION_WANT_INPUT;
}

void pop3_leave(struct pop3_session *s)
{
    if (s->has_lock)
        s->host->unlock(s->host, s->settings, span_str(s->account));
    s->has_lock = false;
    pop3_maildrop_free(&s->drop);
    free(s->account);
    s->account = NULL;
    s->state = POP3_AUTHORIZATION;
}

static void pop3_note_end(struct pop3_session *s, const char *reason)
{
    bool fresh = s->state == POP3_AUTHORIZATION;
    struct pop3_note note = {
        .kind = fresh ? POP3_NOTE_LOGIN_ENDED : POP3_NOTE_SESSION_ENDED,
        .peer = &s->peer,
        .tls = s->tls,
        .user = fresh ? span_str(s->tried != NULL ? s->tried : "") : span_str(s->account),
        .method = s->method,
        .reason = reason,
        .attempts = s->failed_logins,
        .duration_s = (s->base.now_us - s->started_us) / 1000000,
        .top_count = s->top_count,
        .top_bytes = s->top_bytes,
        .retr_count = s->retr_count,
        .retr_bytes = s->retr_bytes,
        .deleted = s->removed,
        .messages = s->drop.messages,
        .octets = s->drop.octets,
    };

    s->host->note(s->host, &note);
}

void pop3_close(struct pop3_session *s, const char *reason)
{
    if (s->drop.seen.count > 0)
        s->host->seen(s->host, &s->drop);
    pop3_note_end(s, reason);
    pop3_leave(s);
    s->base.want = SESSION_WANT_CLOSE;
}

static const struct {
    const char *words, *reason;
} pop3_ends[] = {
    [SESSION_PEER_CLOSED] = {"",                                                               "Connection closed"   },
    [SESSION_TIMED_OUT] = {"-ERR Disconnected for inactivity.\r\n",                          "Inactivity"          },
    [SESSION_SHUTDOWN] = {"-ERR [SYS/TEMP] Server shutting down.\r\n",                      "Server shutting down"},
    [SESSION_OVERLOADED] = {"-ERR [SYS/TEMP] The server is overloaded, try again later.\r\n",
                             "Server overloaded"                                                                     },
    [SESSION_CROWDED] = {"-ERR [SYS/TEMP] Too many connections, try again later.\r\n",
                             "Too many connections"                                                                  },
};

static void pop3_hangup(struct session *base, enum session_end why)
{
    struct pop3_session *s = pop3_of(base);
    struct chain reason = {0};

    pop3_add(s, span_str(pop3_ends[why].words));
    chain_add(&reason, span_str(pop3_ends[why].reason));
    if (base->trouble != NULL)
        chain_addf(&reason, ": TLS: %s", base->trouble);
    chain_add_byte(&reason, '\0');
    pop3_close(s, chain_flat(&reason).at);
    chain_free(&reason);
}

static void pop3_end(struct session *base)
{
    struct pop3_session *s = pop3_of(base);

    if (s->away != NULL && s->away->kind == REQUEST_AUTH)
        s->auth = (struct auth_request *)s->away;
    else
        pop3_request_free(&s->away);
    pop3_auth_drop(s);
    pop3_leave(s);
    chain_free(&s->waiting);
    chain_free(&base->out);
    free(s->user);
    free(s->tried);
    s->host->settings_done(s->host, s->settings_hold);
    free(s);
}

/* While a request is away the maildrop belongs to it. */
static size_t pop3_held(const struct session *base)
{
    const struct pop3_session *s = (const struct pop3_session *)base;

    size_t held = alloc_size(sizeof(*s)) + s->waiting.held;

    if (s->away == NULL)
        held += pop3_maildrop_held(&s->drop);
    if (s->auth != NULL)
        held += auth_request_held(s->auth);
    held += s->user == NULL ? 0 : alloc_size(strlen(s->user) + 1);
    held += s->account == NULL ? 0 : alloc_size(strlen(s->account) + 1);
    return held + (s->tried == NULL ? 0 : alloc_size(strlen(s->tried) + 1));
}

static const struct session_ops pop3_session_ops = {
    .name = "pop3",
    .start = pop3_start,
    .input = pop3_input,
    .reply = pop3_reply,
    .tls_started = pop3_tls_started,
    .hangup = pop3_hangup,
    .held = pop3_held,
    .end = pop3_end,
};

struct session *pop3_session_new(const struct pop3_host *host, const struct session_peer *peer)
{
    struct pop3_session *s = xcalloc(1, sizeof(*s));

    s->base.ops = &pop3_session_ops;
    s->base.want = SESSION_WANT_INPUT;
    s->host = host;
    s->settings = host->settings(host, &s->settings_hold);
    s->base.idle_ms = s->settings->login_ms;
    s->peer = *peer;
    s->state = POP3_AUTHORIZATION;
    return &s->base;
}
