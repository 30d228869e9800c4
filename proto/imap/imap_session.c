#include "proto/imap/imap_session.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/alloc_size.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"

static struct imap_session *imap_of(struct session *s)
{
    return (struct imap_session *)s;
}

/* ---- answers ---- */

static void imap_say(struct imap_session *s, struct span text)
{
    chain_add(&s->base.out, text);
}

static void imap_append_drop(struct imap_session *s)
{
    struct request *r = s->append.request != NULL ? &s->append.request->imap.base : NULL;

    imap_request_free(&r);
    s->append.request = NULL;
}

static void command_end(struct imap_session *s)
{
    if (s->command.verb != NULL && s->command.verb->states == IMAP_FRESH)
        explicit_bzero(s->command.text, s->command.len); /* there is a password in it */
    free(s->command.text);
    imap_append_drop(s);
    s->command = (struct imap_command){0};
    s->mode = IMAP_MODE_COMMAND;
}

static void imap_answer(struct imap_session *s, struct span word, struct span text)
{
    imap_say(s, s->command.tag.len > 0 ? s->command.tag : SPAN("*"));
    imap_say(s, word);
    imap_say(s, text);
    imap_say(s, SPAN("\r\n"));
}

void imap_ok_text(struct imap_session *s, struct span text)
{
    imap_answer(s, SPAN(" OK "), text);
    s->bad_commands = 0;
    command_end(s);
}

void imap_ok(struct imap_session *s)
{
    struct chain text = {0};

    chain_add(&text, span_str(s->command.verb->done));
    chain_add(&text, SPAN(" completed."));
    imap_ok_text(s, chain_flat(&text));
    chain_free(&text);
}

void imap_no(struct imap_session *s, struct span text)
{
    imap_answer(s, SPAN(" NO "), text);
    s->bad_commands = 0;
    command_end(s);
}

/* A peer that says nothing but nonsense is not worth a connection. */
static void imap_count_bad(struct imap_session *s)
{
    const struct imap_settings *settings = imap_settings_of(s);
    unsigned max =
        s->state == IMAP_FRESH ? settings->login_bad_command_max : settings->bad_command_max;

    if (++s->bad_commands < max)
        return;
    imap_say(s, SPAN("* BYE Too many invalid IMAP commands.\r\n"));
    imap_close(s, "Too many invalid commands");
}

void imap_bad(struct imap_session *s, const char *why)
{
    struct chain text = {0};

    chain_add(&text, SPAN("Error in IMAP command"));
    if (s->command.verb != NULL) {
        chain_add(&text, s->command.by_uid ? SPAN(" UID ") : SPAN(" "));
        chain_add(&text, span_str(s->command.verb->name));
    }
    chain_add(&text, SPAN(": "));
    chain_add(&text, span_str(why != NULL ? why : "Invalid arguments."));
    imap_answer(s, SPAN(" BAD "), chain_flat(&text));
    chain_free(&text);
    command_end(s);
    imap_count_bad(s);
}

/* What to say when a run could not do what was asked. */
static const struct {
    enum request_status status;
    const char *text;
} imap_refusals[] = {
    {REQUEST_REFUSED,   "[CANNOT] This can't be done."                              },
    {REQUEST_NOT_FOUND, "[NONEXISTENT] Mailbox doesn't exist."                      },
    {REQUEST_EXISTS,    "[ALREADYEXISTS] Mailbox already exists."                   },
    {REQUEST_GONE,      "[EXPUNGEISSUED] Some of the messages no longer exist."     },
    {REQUEST_TRY_LATER, "[UNAVAILABLE] Please try again later."                     },
    {REQUEST_FULL,      "[LIMIT] There is no room for this."                        },
    {REQUEST_DAMAGED,   "[SERVERBUG] Stored data is damaged; the operator was told."},
};

void imap_finish_status(struct imap_session *s, struct request *r)
{
    for (size_t i = 0; i < COUNT_OF(imap_refusals); i++) {
        if (imap_refusals[i].status == r->status) {
            imap_no(s, span_str(imap_refusals[i].text));
            return;
        }
    }
    ensure(r->status == REQUEST_OK);
    if (((struct imap_request *)r)->expunge_issued)
        imap_ok_text(s, SPAN("[EXPUNGEISSUED] Some messages were already expunged."));
    else
        imap_ok(s);
}

/* ---- requests ---- */

static void session_ask(struct imap_session *s, struct request *r)
{
    ensure(s->away == NULL);
    r->status = REQUEST_OPEN;
    r->session = &s->base;
    s->away = r;
    s->base.request = r;
    s->base.want = SESSION_WANT_REPLY;
}

void imap_ask(struct imap_session *s, struct imap_request *r)
{
    r->settings = imap_settings_of(s);
    r->account = &s->account;
    r->base.owner = s->base.user;
    if (r->view == NULL)
        r->view = s->view;
    if (s->command.verb != NULL)
        r->may_expunge = s->command.by_uid || (s->command.verb->flags & IMAP_VERB_MAY_EXPUNGE) != 0;
    session_ask(s, &r->base);
}

void imap_drop(struct imap_request *r)
{
    struct request *base = &r->base;

    imap_request_free(&base);
}

void imap_ask_auth(struct imap_session *s, struct auth_request *r)
{
    session_ask(s, &r->base);
}

/* How long the peer may be silent yet: before login the time runs from the greeting. */
static int64_t imap_left_ms(const struct imap_session *s)
{
    const struct imap_settings *settings = imap_settings_of(s);

    if (s->state == IMAP_FRESH)
        return settings->login_ms - (s->base.now_us - s->started_us) / 1000;
    return settings->idle_ms - (s->base.now_us - s->heard_us) / 1000;
}

static bool imap_keeps_alive(const struct imap_session *s)
{
    return s->mode == IMAP_MODE_IDLE && imap_settings_of(s)->notify_ms > 0;
}

static void imap_set_patience(struct imap_session *s)
{
    int64_t left_ms = imap_left_ms(s);

    s->base.is_engaged = s->state != IMAP_FRESH;
    if (imap_keeps_alive(s) && left_ms > imap_settings_of(s)->notify_ms)
        left_ms = imap_settings_of(s)->notify_ms;
    s->base.idle_ms = left_ms < 1 ? 1 : (uint32_t)left_ms;
}

static void imap_reply(struct session *base, struct request *r)
{
    struct imap_session *s = imap_of(base);
    bool stays = r->kind == REQUEST_IMAP_APPEND; /* it is needed until its command ends */

    ensure(r == s->away);
    s->away = NULL;
    s->base.want = SESSION_WANT_INPUT;
    if (r->kind == REQUEST_AUTH) {
        imap_auth_answered(s, r);
        imap_set_patience(s); /* somebody who is let in has more time */
        return;
    }
    s->out_bytes += ((struct imap_request *)r)->out_bytes;
    s->expunged += ((struct imap_request *)r)->expunged;
    if (r->status == REQUEST_DELETED)
        imap_bye_deleted(s);
    else if (s->command.verb->answered != NULL)
        s->command.verb->answered(s, r);
    else
        imap_finish_status(s, r);
    if (!stays)
        imap_request_free(&r);
}

/* ---- commands ---- */

/* Why the verb is not allowed now. */
static const char *imap_state_complaint(const struct imap_session *s)
{
    if (s->state == IMAP_FRESH)
        return "Please log in first.";
    if (s->command.verb->states == IMAP_FRESH)
        return "You are logged in already.";
    return "No mailbox is selected.";
}

static void imap_run_verb(struct imap_session *s, struct span rest)
{
    struct span name;

    if (!imap_token_atom(&rest, &name)) {
        imap_bad(s, "No command was given.");
        return;
    }
    if (span_eq_nocase(name, SPAN("UID"))) {
        s->command.by_uid = imap_token_space(&rest) && imap_token_atom(&rest, &name);
        s->command.verb = s->command.by_uid ? imap_verb_find(name) : NULL;
        if (s->command.verb != NULL && (s->command.verb->flags & IMAP_VERB_UID) == 0)
            s->command.verb = NULL;
    } else {
        s->command.verb = imap_verb_find(name);
    }
    if (s->command.verb == NULL) {
        imap_answer(s, SPAN(" BAD "), SPAN("Unknown command"));
        command_end(s);
        imap_count_bad(s);
    } else if ((s->command.verb->states & s->state) == 0) {
        imap_bad(s, imap_state_complaint(s));
    } else {
        s->command.verb->run(s, rest);
    }
}

static void imap_run_command(struct imap_session *s)
{
    struct span rest, tag;

    s->command.text = imap_reader_take(&s->reader, &s->command.len);
    rest = (struct span){s->command.text, s->command.len};
    if (!imap_token_tag(&rest, &tag) || !imap_token_space(&rest)) {
        imap_bad(s, "Invalid tag.");
        return;
    }
    if (tag.len <= IMAP_TAG_MAX)
        s->command.tag = tag;
    if (s->command.tag.len == 0)
        imap_bad(s, "The tag is too long.");
    else
        imap_run_verb(s, rest);
}

/* A command up to a message, which is eaten by the command itself, or by nobody. */
static void imap_run_append(struct imap_session *s)
{
    s->append = (struct imap_appending){
        .is_announced = true, .left = s->reader.announced, .comes = s->reader.comes_unasked};
    imap_run_command(s);
    if (s->append.is_announced) /* it never came so far */
        imap_append_given_up(s);
}

/* A command that never became whole. */
static void imap_reader_bad(struct imap_session *s, enum imap_read what)
{
    s->command.tag = imap_reader_tag(&s->reader);
    if (what == IMAP_READ_BARE_LF) {
        imap_bad(s, "Lines end in CR and LF.");
    } else if (what == IMAP_READ_LISTS) {
        imap_bad(s, "Too many lists inside each other.");
    } else {
        imap_bad(s, "Too long.");
        if (what == IMAP_READ_FLOOD && s->base.want != SESSION_WANT_CLOSE) {
            imap_say(s, SPAN("* BYE Literal too long.\r\n"));
            imap_close(s, "Literal too long");
        }
    }
}

static size_t imap_command_input(struct imap_session *s, struct span bytes)
{
    const struct imap_settings *settings = imap_settings_of(s);
    bool fresh = s->state == IMAP_FRESH;
    struct imap_reader_limits limits = {
        .command_size = fresh ? settings->login_command_size : settings->command_size,
        .literal_plus_size = settings->literal_plus_size,
        .open_lists = fresh ? settings->login_nesting_max : settings->nesting_max,
        .is_message = fresh ? NULL : imap_append_is_message,
    };
    enum imap_read what;
    size_t eaten = imap_reader_input(&s->reader, &limits, bytes, &what);

    if (what == IMAP_READ_COMMAND) {
        imap_run_command(s);
    } else if (what == IMAP_READ_MESSAGE) {
        imap_run_append(s);
    } else if (what == IMAP_READ_LITERAL) {
        imap_say(s, SPAN("+ OK\r\n"));
    } else if (what != IMAP_READ_NOTHING) {
        imap_reader_bad(s, what);
    }
    return eaten;
}

static size_t imap_input(struct session *base, struct span bytes)
{
    struct imap_session *s = imap_of(base);
    size_t before = base->out.len, eaten;

    if (s->mode == IMAP_MODE_SASL)
        eaten = imap_auth_line(s, bytes);
    else if (s->mode == IMAP_MODE_IDLE)
        eaten = imap_idle_line(s, bytes);
    else if (s->mode == IMAP_MODE_APPEND)
        eaten = imap_append_input(s, bytes);
    else
        eaten = imap_command_input(s, bytes);
    /* A command was given up in the middle: the reader begins to pass over its rest. */
    if (eaten == 0 && s->reader.skips && base->want == SESSION_WANT_INPUT)
        eaten = imap_command_input(s, bytes);
    s->in_bytes += eaten;
    s->out_bytes += base->out.len - before;
    base->bulk = s->append.left > 0 && s->append.comes;
    if (eaten == 0)
        return 0; /* the time that it has for this runs already */
    s->heard_us = base->now_us;
    imap_set_patience(s);
    return eaten;
}

/* ---- beginning and end ---- */

static void imap_start(struct session *base)
{
    struct imap_session *s = imap_of(base);

    s->started_us = base->now_us;
    imap_say(s, SPAN("* OK ["));
    imap_capability_write(s, &base->out);
    imap_say(s, SPAN("] "));
    imap_say(s, span_str(imap_settings_of(s)->greeting));
    imap_say(s, SPAN("\r\n"));
    s->out_bytes = base->out.len;
    s->heard_us = base->now_us;
    imap_set_patience(s);
}

void imap_unselect(struct imap_session *s)
{
    imap_view_free(&s->view);
    if (s->state == IMAP_SELECTED)
        s->state = IMAP_LOGGED_IN;
}

/* Whoever deleted it, we or another session: the client knows numbers that mean nothing now. */
void imap_bye_deleted(struct imap_session *s)
{
    imap_say(s, SPAN("* BYE Selected mailbox was deleted, have to disconnect.\r\n"));
    imap_close(s, "Selected mailbox was deleted");
}

void imap_close(struct imap_session *s, const char *reason)
{
    bool fresh = s->state == IMAP_FRESH;
    struct imap_note note = {
        .kind = fresh ? IMAP_NOTE_LOGIN_ENDED : IMAP_NOTE_SESSION_ENDED,
        .peer = &s->peer,
        .tls = s->tls,
        .user = fresh ? span_str(s->tried != NULL ? s->tried : "") : s->account.name,
        .method = s->method,
        .reason = reason,
        .attempts = s->failed_logins,
        .duration_s = (s->base.now_us - s->started_us) / 1000000,
        .in_bytes = s->in_bytes,
        .out_bytes = s->out_bytes,
        .expunged = s->expunged,
        .fetched_headers = s->headers,
        .fetched_bodies = s->bodies,
    };

    s->host->note(s->host, &note);
    s->base.want = SESSION_WANT_CLOSE;
}

static const struct {
    const char *words, *reason;
} imap_ends[] = {
    [SESSION_PEER_CLOSED] = {"",                                                                   "Connection closed"   },
    [SESSION_TIMED_OUT] = {"* BYE Disconnected for inactivity.\r\n",                             "Inactivity"          },
    [SESSION_SHUTDOWN] = {"* BYE Server shutting down.\r\n",                                    "Server shutting down"},
    [SESSION_OVERLOADED] = {"* BYE [UNAVAILABLE] The server is overloaded, try again later.\r\n",
                             "Server overloaded"                                                                         },
    [SESSION_CROWDED] = {"* BYE [UNAVAILABLE] Too many connections, try again later.\r\n",
                             "Too many connections"                                                                      },
};

static void imap_hangup(struct session *base, enum session_end why)
{
    struct imap_session *s = imap_of(base);
    struct chain reason = {0};

    imap_say(s, span_str(imap_ends[why].words));
    chain_add(&reason, span_str(imap_ends[why].reason));
    if (base->trouble != NULL)
        chain_addf(&reason, ": TLS: %s", base->trouble);
    chain_add_byte(&reason, '\0');
    imap_close(s, chain_flat(&reason).at);
    chain_free(&reason);
}

/* In IDLE a word now and then keeps routers and firewalls from forgetting the connection. */
static void imap_idle(struct session *base)
{
    struct imap_session *s = imap_of(base);

    if (!imap_keeps_alive(s) || imap_left_ms(s) <= 0) {
        imap_hangup(base, SESSION_TIMED_OUT);
        return;
    }
    imap_say(s, SPAN("* OK Still here\r\n"));
    s->out_bytes += sizeof("* OK Still here\r\n") - 1;
    imap_set_patience(s);
}

static void imap_poke(struct session *base)
{
    struct imap_session *s = imap_of(base);

    /* Outside of IDLE the next command tells the same. */
    if (s->mode == IMAP_MODE_IDLE && s->state == IMAP_SELECTED)
        imap_sync_ask(s);
}

static void imap_end(struct session *base)
{
    struct imap_session *s = imap_of(base);

    if (s->away != NULL && s->away->kind == REQUEST_AUTH)
        s->auth = (struct auth_request *)s->away;
    else
        imap_request_free(&s->away);
    if (s->auth != NULL)
        auth_request_free(&s->auth);
    imap_append_drop(s);
    auth_seat_leave(&s->seat);
    imap_view_free(&s->view);
    imap_reader_free(&s->reader);
    chain_free(&base->out);
    free((char *)s->account.name.at);
    free(s->command.text);
    free(s->tried);
    s->host->settings_done(s->host, s->settings_hold);
    free(s);
}

/* While a command is answered its parts belong to it; what a run keeps is the request's. */
static size_t imap_held(const struct session *base)
{
    const struct imap_session *s = (const struct imap_session *)base;
    size_t held = alloc_size(sizeof(*s)) + alloc_size(s->reader.size) + s->command.len;

    if (s->account.name.len > 0)
        held += alloc_size(s->account.name.len + 1);
    if (s->tried != NULL)
        held += alloc_size(strlen(s->tried) + 1);
    if (s->auth != NULL)
        held += auth_request_held(s->auth);

    if (s->view != NULL)
        held += imap_view_held(s->view);
    if (s->append.request != NULL)
        held += s->append.request->body.held;
    return held;
}

static const struct session_ops imap_session_ops = {
    .name = "imap",
    .start = imap_start,
    .input = imap_input,
    .reply = imap_reply,
    .idle = imap_idle,
    .poke = imap_poke,
    .tls_started = imap_tls_started,
    .hangup = imap_hangup,
    .held = imap_held,
    .end = imap_end,
};

struct session *imap_session_new(const struct imap_host *host, const struct session_peer *peer)
{
    struct imap_session *s = xcalloc(1, sizeof(*s));

    s->base.ops = &imap_session_ops;
    s->base.want = SESSION_WANT_INPUT;
    s->host = host;
    s->settings = host->settings(host, &s->settings_hold);
    s->base.idle_ms = s->settings->login_ms;
    s->peer = *peer;
    s->state = IMAP_FRESH;
    return &s->base;
}
