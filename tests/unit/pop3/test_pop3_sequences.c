/*
 * All sequences of 14 kinds of command up to a length of 4, at a new connection and behind a login,
 * against a small model: what each is answered, and what became of the messages and of the lock
 * when the session ends (HOSTILE section 11).
 */
#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "tests/session/pop3_world.h"

enum kind {
    USER,
    PASS,
    BAD_PASS,
    CAPA,
    UTF8,
    STAT,
    LIST_1,
    RETR_1,
    TOP_2,
    DELE_1,
    DELE_2,
    RSET,
    QUIT,
    JUNK,
    KINDS
};

enum {
    LENGTH = 4,
    OCTETS_1 = 22, /* of the messages of pop3_world */
    OCTETS_2 = 29,
    OCTETS = 81,
};

static const char *const texts[KINDS] = {
    [USER] = "USER vagrant\r\n", [PASS] = "PASS password\r\n", [BAD_PASS] = "PASS wrong\r\n",
    [CAPA] = "CAPA\r\n",         [STAT] = "STAT\r\n",          [LIST_1] = "LIST 1\r\n",
    [RETR_1] = "RETR 1\r\n",     [TOP_2] = "TOP 2 0\r\n",      [DELE_1] = "DELE 1\r\n",
    [DELE_2] = "DELE 2\r\n",     [RSET] = "RSET\r\n",          [QUIT] = "QUIT\r\n",
    [JUNK] = "JUNK\r\n",         [UTF8] = "UTF8\r\n",
};

/* ---- the model ---- */

struct model {
    bool is_in, is_closed, has_user;
    bool deleted[2], read;    /* marks of the session */
    bool is_gone[2], is_seen; /* what the mailbox will have */
    bool is_utf8, was_utf8;   /* now; when a message was asked for last */
    unsigned bad;
    char answer[80];
};

static void model_bad(struct model *m, const char *answer)
{
    (void)snprintf(m->answer, sizeof(m->answer), "-ERR %s", answer);
    m->is_closed = ++m->bad == (m->is_in ? 20 : 3);
}

static void model_ok(struct model *m, const char *answer)
{
    (void)snprintf(m->answer, sizeof(m->answer), "+OK%s%s", answer[0] == '\0' ? "" : " ", answer);
    m->bad = 0;
}

static void model_login(struct model *m, bool is_right)
{
    if (!m->has_user) {
        model_bad(m, "No username given.");
    } else if (is_right) {
        m->is_in = true;
        model_ok(m, "Logged in.");
    } else {
        (void)snprintf(m->answer, sizeof(m->answer), "-ERR [AUTH] Authentication failed.");
    }
    m->has_user = false;
}

static void model_quit(struct model *m)
{
    bool removes = m->deleted[0] || m->deleted[1];

    model_ok(m, !m->is_in ? "Logging out"
                : removes ? "Logging out, messages deleted."
                          : "Logging out.");
    memcpy(m->is_gone, m->deleted, sizeof(m->is_gone));
    m->is_closed = true;
}

static void model_stat(struct model *m)
{
    int messages = 3, octets = OCTETS;

    if (m->deleted[0])
        messages--, octets -= OCTETS_1;
    if (m->deleted[1])
        messages--, octets -= OCTETS_2;
    (void)snprintf(m->answer, sizeof(m->answer), "+OK %d %d", messages, octets);
    m->bad = 0;
}

static void model_fresh(struct model *m, enum kind kind)
{
    if (kind == USER) {
        model_ok(m, "");
        m->has_user = true;
    } else if (kind == UTF8) {
        model_ok(m, "UTF8 enabled.");
        m->is_utf8 = true;
    } else if (kind == PASS || kind == BAD_PASS) {
        model_login(m, kind == PASS);
    } else {
        model_bad(m, "Please log in first.");
    }
}

static void model_in(struct model *m, enum kind kind)
{
    unsigned message = kind == TOP_2 || kind == DELE_2;
    bool names_one = kind >= LIST_1 && kind <= DELE_2;

    if (names_one && m->deleted[message]) {
        model_bad(m, "Message is deleted.");
    } else if (kind == STAT) {
        model_stat(m);
    } else if (kind == LIST_1) {
        model_ok(m, "1 22");
    } else if (kind == RETR_1) {
        m->read = true;
        m->was_utf8 = m->is_utf8;
        model_ok(m, "22 octets");
    } else if (kind == TOP_2) {
        m->was_utf8 = m->is_utf8;
        model_ok(m, "");
    } else if (kind == DELE_1 || kind == DELE_2) {
        m->deleted[message] = true;
        model_ok(m, "Marked to be deleted.");
    } else if (kind == RSET) {
        m->deleted[0] = m->deleted[1] = m->read = false;
        model_ok(m, "");
    } else {
        model_bad(m, "You are logged in already.");
    }
}

static void model_step(struct model *m, enum kind kind)
{
    m->answer[0] = '\0';
    if (m->is_closed)
        return;
    if (kind == CAPA)
        model_ok(m, "");
    else if (kind == QUIT)
        model_quit(m);
    else if (kind == JUNK)
        model_bad(m, "Unknown command.");
    else if (m->is_in)
        model_in(m, kind);
    else
        model_fresh(m, kind);
}

/* ---- the session ---- */

struct real {
    struct pop3_world world;
    struct session *session;
};

static void real_answer(struct real *r)
{
    struct request *request = session_take_request(r->session);

    do {
        pop3_world_answer(&r->world, request, REQUEST_OK);
        chain_move(&r->session->out, &request->out);
    } while (request->more);
    r->session->ops->reply(r->session, request);
}

/* The first line of the answer, without its end, in `out`. */
static struct span real_step(struct real *r, enum kind kind, struct chain *out)
{
    struct span bytes = span_str(texts[kind]), said;
    const char *end;

    while (r->session->want == SESSION_WANT_REPLY ||
           (r->session->want == SESSION_WANT_INPUT && bytes.len > 0)) {
        if (r->session->want == SESSION_WANT_REPLY)
            real_answer(r);
        else
            bytes = span_after(bytes, session_feed(r->session, bytes));
    }
    chain_free(out);
    chain_move(out, &r->session->out);
    said = chain_flat(out);
    end = said.len == 0 ? NULL : memchr(said.at, '\r', said.len);
    return end == NULL ? said : span_first(said, (size_t)(end - said.at));
}

static void real_open(struct real *r)
{
    pop3_world_init(&r->world, NULL);
    r->session = pop3_world_session(&r->world);
    r->session->ops->start(r->session);
    chain_free(&r->session->out);
}

/* ---- both ---- */

static bool same_end(const struct real *r, const struct model *m)
{
    return r->world.is_gone[0] == m->is_gone[0] && r->world.is_gone[1] == m->is_gone[1] &&
           !r->world.is_gone[2] && r->world.is_seen[0] == m->is_seen && !r->world.is_seen[1] &&
           !r->world.is_locked && r->world.was_utf8 == m->was_utf8;
}

static void show(const enum kind *sequence, unsigned count, bool is_in, const struct model *m)
{
    for (unsigned i = 0; i < count; i++)
        printf("%s", texts[sequence[i]]);
    printf("%s; wanted %s\n", is_in ? "behind a login" : "new", m->answer);
}

static bool play(const enum kind *sequence, bool is_in)
{
    struct model m = {0};
    struct chain out = {0};
    struct real r;
    bool same = true;

    real_open(&r);
    for (unsigned i = 0; is_in && i < 2; i++) {
        model_step(&m, i == 0 ? USER : PASS);
        (void)real_step(&r, i == 0 ? USER : PASS, &out);
    }
    for (unsigned i = 0; i < LENGTH && same; i++) {
        model_step(&m, sequence[i]);
        same = span_eq(real_step(&r, sequence[i], &out), span_str(m.answer)) &&
               (r.session->want == SESSION_WANT_CLOSE) == m.is_closed;
        if (!same)
            show(sequence, i + 1, is_in, &m);
    }
    if (r.session->want != SESSION_WANT_CLOSE)
        r.session->ops->hangup(r.session, SESSION_PEER_CLOSED);
    m.is_seen = m.read;
    if (same && !same_end(&r, &m)) {
        same = false;
        show(sequence, LENGTH, is_in, &m);
    }
    r.session->ops->end(r.session);
    chain_free(&out);
    return same;
}

int main(void)
{
    unsigned passed = 0, failed = 0;
    enum kind sequence[LENGTH];
    unsigned long all = 1;

    for (unsigned i = 0; i < LENGTH; i++)
        all *= KINDS;
    for (unsigned long n = 0; n < all && failed < 10; n++) {
        unsigned long rest = n;

        for (unsigned i = 0; i < LENGTH; i++, rest /= KINDS)
            sequence[i] = (enum kind)(rest % KINDS);
        play(sequence, false) ? passed++ : failed++;
        play(sequence, true) ? passed++ : failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
