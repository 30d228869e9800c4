/*
 * All sequences of IMAP commands: of every command that there is up to a length of 2, of those that
 * change the state up to 3, each begun in four states, against a small model: OK, NO or BAD, which
 * state follows, and whether the service is asked (HOSTILE I43 and section 11).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_private.h"

/* Where a session is. */
enum place {
    FRESH = 1 << 0,
    IN = 1 << 1,
    RW = 1 << 2, /* SELECTed */
    RO = 1 << 3, /* EXAMINEd */
    GONE = 1 << 4,
    STAYS = 0,
    SELECTED = RW | RO,
    INSIDE = IN | SELECTED,
    ANYWHERE = FRESH | INSIDE,
};

static const struct row {
    const char *verb;
    const char *text;
    unsigned ok;   /* places where it is OK */
    unsigned no;   /* where it is NO; in all others BAD */
    unsigned asks; /* where the service is asked */
    enum place to; /* after OK; STAYS */
    bool moves;    /* may change the place */
} rows[] = {
    {"CAPABILITY",   "CAPABILITY",                                  ANYWHERE, 0,        0,        STAYS, false},
    {"NOOP",         "NOOP",                                        ANYWHERE, 0,        SELECTED, STAYS, false},
    {"LOGOUT",       "LOGOUT",                                      ANYWHERE, 0,        0,        GONE,  true },
    {"ID",           "ID NIL",                                      ANYWHERE, 0,        0,        STAYS, false},
    {"LOGIN",        "LOGIN vagrant password",                      FRESH,    0,        FRESH,    IN,    true },
    {"LOGIN",        "LOGIN vagrant wrong",                         0,        FRESH,    FRESH,    STAYS, true },
    {"AUTHENTICATE", "AUTHENTICATE PLAIN AHZhZ3JhbnQAcGFzc3dvcmQ=", FRESH,    0,        FRESH,    IN,    true },
    {"SELECT",       "SELECT INBOX",                                INSIDE,   0,        INSIDE,   RW,    true },
    {"SELECT",       "SELECT gone",                                 0,        INSIDE,   INSIDE,   IN,    true },
    {"EXAMINE",      "EXAMINE INBOX",                               INSIDE,   0,        INSIDE,   RO,    true },
    {"STATUS",       "STATUS INBOX (UNSEEN)",                       INSIDE,   0,        INSIDE,   STAYS, false},
    {"LIST",         "LIST \"\" *",                                 INSIDE,   0,        INSIDE,   STAYS, false},
    {"LSUB",         "LSUB \"\" *",                                 INSIDE,   0,        INSIDE,   STAYS, false},
    {"CREATE",       "CREATE new",                                  INSIDE,   0,        INSIDE,   STAYS, true },
    {"CREATE",       "CREATE gone",                                 0,        INSIDE,   INSIDE,   STAYS, false},
    {"DELETE",       "DELETE new",                                  INSIDE,   0,        INSIDE,   STAYS, true },
    {"RENAME",       "RENAME new newer",                            INSIDE,   0,        INSIDE,   STAYS, true },
    {"SUBSCRIBE",    "SUBSCRIBE new",                               INSIDE,   0,        INSIDE,   STAYS, false},
    {"UNSUBSCRIBE",  "UNSUBSCRIBE new",                             INSIDE,   0,        INSIDE,   STAYS, false},
    {"ENABLE",       "ENABLE CONDSTORE",                            INSIDE,   0,        0,        STAYS, false},
    {"NAMESPACE",    "NAMESPACE",                                   INSIDE,   0,        0,        STAYS, false},
    {"IDLE",         "IDLE\r\nDONE",                                INSIDE,   0,        SELECTED, STAYS, true },
    {"CHECK",        "CHECK",                                       SELECTED, 0,        SELECTED, STAYS, false},
    {"CLOSE",        "CLOSE",                                       SELECTED, 0,        RW,       IN,    true },
    {"UNSELECT",     "UNSELECT",                                    SELECTED, 0,        0,        IN,    true },
    {"EXPUNGE",      "EXPUNGE",                                     RW,       RO,       RW,       STAYS, true },
    {"EXPUNGE",      "UID EXPUNGE 7",                               RW,       RO,       RW,       STAYS, false},
    {"STARTTLS",     "STARTTLS",                                    0,        0,        0,        STAYS, false},
    {"COPY",         "COPY 1 INBOX",                                SELECTED, 0,        SELECTED, STAYS, true },
    {"COPY",         "UID COPY 7 gone",                             0,        SELECTED, SELECTED, STAYS, false},
    {"MOVE",         "MOVE 1 INBOX",                                RW,       RO,       RW,       STAYS, true },
    {"MOVE",         "UID MOVE 7 gone",                             0,        SELECTED, RW,       STAYS, false},
    {"APPEND",       "APPEND INBOX {1+}\r\nx",                      INSIDE,   0,        INSIDE,   STAYS, true },
    {"SEARCH",       "SEARCH ALL",                                  SELECTED, 0,        SELECTED, STAYS, false},
    {"SEARCH",       "UID SEARCH 1:*",                              SELECTED, 0,        SELECTED, STAYS, false},
    {"FETCH",        "FETCH 1 FLAGS",                               SELECTED, 0,        SELECTED, STAYS, false},
    {"FETCH",        "UID FETCH 7 BODY[]",                          SELECTED, 0,        SELECTED, STAYS, false},
    {"STORE",        "STORE 1 FLAGS ()",                            RW,       RO,       RW,       STAYS, true },
    {"STORE",        "UID STORE 9 FLAGS ()",                        RW,       RO,       RW,       STAYS, false},
    {"",             "UID NOOP",                                    0,        0,        0,        STAYS, false},
    {"",             "JUNK",                                        0,        0,        0,        STAYS, true },
};

enum {
    ROWS = COUNT_OF(rows),
    LENGTH = 3,
    STARTS = 4
};

/* What is said before a sequence begins. */
static const struct {
    enum place place;
    const char *before;
} starts[STARTS] = {
    {FRESH, ""                                               },
    {IN,    "a LOGIN vagrant password\r\n"                   },
    {RW,    "a LOGIN vagrant password\r\nb SELECT INBOX\r\n" },
    {RO,    "a LOGIN vagrant password\r\nb EXAMINE INBOX\r\n"},
};

/* ---- the model ---- */

struct model {
    enum place place;
    unsigned bad; /* in a row */
    unsigned asked;
};

static const char *model_step(struct model *m, const struct row *row)
{
    const struct imap_settings settings = IMAP_SETTINGS_DEFAULT;

    if (row->asks & m->place)
        m->asked++;
    if (row->ok & m->place) {
        m->bad = 0;
        if (row->to != STAYS)
            m->place = row->to;
        return "OK";
    }
    if (row->no & m->place) {
        m->bad = 0;
        if (row->to != STAYS) /* a mailbox is left before the next is looked for */
            m->place = row->to;
        return "NO";
    }
    m->bad += strstr(row->text, "\r\nDONE") == NULL
                  ? 1
                  : 2; /* a DONE without IDLE is no command either */
    if (m->bad >= (m->place == FRESH ? settings.login_bad_command_max : settings.bad_command_max))
        m->place = GONE;
    return "BAD";
}

/* ---- the session ---- */

struct real {
    struct imap_host host;
    struct imap_settings settings;
    struct session *session;
    unsigned asked;
};

static const struct imap_settings *real_settings(const struct imap_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &CONTAINER_OF(h, const struct real, host)->settings;
}

static void real_settings_done(const struct imap_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static void real_note(const struct imap_host *h, const struct imap_note *note)
{
    (void)h;
    (void)note;
}

static void real_answer(struct real *r)
{
    struct request *request = session_take_request(r->session);

    r->asked++;
    request->status = REQUEST_OK;
    if (request->kind == REQUEST_AUTH) {
        struct auth_request *auth = (struct auth_request *)request;

        if (span_eq(chain_flat(&auth->password), SPAN("wrong")))
            request->status = REQUEST_REFUSED;
        memcpy(auth->account, "vagrant", 8);
    } else if (request->kind == REQUEST_IMAP_COPY) {
        if (((struct imap_copy_request *)request)->name_len == 4)
            request->status = REQUEST_NOT_FOUND;
    } else if (request->kind == REQUEST_IMAP_SELECT) {
        struct imap_select_request *select = (struct imap_select_request *)request;

        if (select->name_len == 4)
            request->status = REQUEST_NOT_FOUND;
        imap_view_append(select->imap.view, (struct imap_range){7, 7});
        select->imap.view->read_only = select->read_only;
    } else if (request->kind == REQUEST_IMAP_MAILBOX) {
        if (((struct imap_mailbox_request *)request)->name_len == 4)
            request->status = REQUEST_NOT_FOUND;
    }
    r->session->ops->reply(r->session, request);
}

static void real_say(struct real *r, struct span bytes)
{
    struct session *s = r->session;

    while (bytes.len > 0 && s->want == SESSION_WANT_INPUT) {
        size_t eaten = session_feed(s, bytes);

        ensure(eaten > 0);
        bytes = span_after(bytes, eaten);
        while (s->want == SESSION_WANT_REPLY)
            real_answer(r);
    }
}

/* The word of the tagged answer to a command with the tag "x". */
static void real_step(struct real *r, const char *text, char word[4])
{
    char line[200];
    struct span out;
    int len = snprintf(line, sizeof(line), "x %s\r\n", text);

    word[0] = '\0';
    real_say(r, (struct span){line, (size_t)len});
    out = chain_flat(&r->session->out);
    for (size_t i = 0; i + 5 < out.len; i++) {
        if ((i == 0 || out.at[i - 1] == '\n') && out.at[i] == 'x' && out.at[i + 1] == ' ')
            snprintf(word, 4, "%.*s", out.at[i + 2] == 'B' ? 3 : 2, out.at + i + 2);
    }
    chain_drop(&r->session->out, r->session->out.len);
}

static enum place real_place(const struct real *r)
{
    const struct imap_session *s = (const struct imap_session *)r->session;

    if (s->base.want == SESSION_WANT_CLOSE)
        return GONE;
    if (s->state == IMAP_SELECTED)
        return s->view->read_only ? RO : RW;
    return s->state == IMAP_FRESH ? FRESH : IN;
}

static void real_open(struct real *r, const char *before)
{
    static const struct session_peer peer = {.connection = 1, .address = "10.0.2.2"};

    *r = (struct real){.settings = IMAP_SETTINGS_DEFAULT};
    r->host = (struct imap_host){real_settings, real_settings_done, real_note};
    r->session = imap_session_new(&r->host, &peer);
    r->session->ops->start(r->session);
    real_say(r, span_str(before));
    chain_drop(&r->session->out, r->session->out.len);
    r->asked = 0;
}

/* ---- both ---- */

static bool play(unsigned start, const unsigned *sequence, unsigned count)
{
    struct model m = {.place = starts[start].place};
    struct real r;
    bool same = true;

    real_open(&r, starts[start].before);
    for (unsigned i = 0; i < count && same && m.place != GONE; i++) {
        const struct row *row = &rows[sequence[i]];
        const char *wanted = model_step(&m, row);
        char got[4];

        real_step(&r, row->text, got);
        same = strcmp(got, wanted) == 0 && real_place(&r) == m.place && r.asked == m.asked;
        if (same)
            continue;
        printf("%s", starts[start].before);
        for (unsigned said = 0; said <= i; said++)
            printf("x %s\n", rows[sequence[said]].text);
        printf("got %s, wanted %s; place %u, wanted %u; asked %u times, wanted %u\n", got, wanted,
               (unsigned)real_place(&r), (unsigned)m.place, r.asked, m.asked);
    }
    if (real_place(&r) != GONE)
        r.session->ops->hangup(r.session, SESSION_PEER_CLOSED);
    r.session->ops->end(r.session);
    return same;
}

/* A command that has no row yet is BAD where its verb says that it may not be. */
static bool verb_is_kept_out(const struct imap_verb *verb, unsigned start)
{
    static const unsigned states[STARTS] = {IMAP_FRESH, IMAP_LOGGED_IN, IMAP_SELECTED,
                                            IMAP_SELECTED};
    struct real r;
    char got[4];
    bool is_bad;

    real_open(&r, starts[start].before);
    real_step(&r, verb->name, got);
    is_bad = strcmp(got, "BAD") == 0;
    if (real_place(&r) != GONE)
        r.session->ops->hangup(r.session, SESSION_PEER_CLOSED);
    r.session->ops->end(r.session);
    if (is_bad || (verb->states & states[start]))
        return true;
    printf("%s is %s after %s\n", verb->name, got, starts[start].before);
    return false;
}

int main(void)
{
    unsigned passed = 0, failed = 0, sequence[LENGTH];
    const struct imap_verb *verb;

    for (unsigned n = 0; n < STARTS * ROWS * ROWS && failed < 10; n++) {
        sequence[0] = n / STARTS / ROWS;
        sequence[1] = n / STARTS % ROWS;
        play(n % STARTS, sequence, 2) ? passed++ : failed++;
    }
    for (unsigned n = 0; n < STARTS * ROWS * ROWS * ROWS && failed < 10; n++) {
        sequence[0] = n / STARTS / ROWS / ROWS;
        sequence[1] = n / STARTS / ROWS % ROWS;
        sequence[2] = n / STARTS % ROWS;
        if (rows[sequence[0]].moves && rows[sequence[1]].moves && rows[sequence[2]].moves)
            play(n % STARTS, sequence, 3) ? passed++ : failed++;
    }
    for (unsigned i = 0; (verb = imap_verb_at(i)) != NULL; i++) {
        for (unsigned start = 0; start < STARTS; start++)
            verb_is_kept_out(verb, start) ? passed++ : failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
