#include "tests/session/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"

enum {
    TURNS_MAX = 512,
    ANSWERS_MAX = 256,
    CUTS_MAX = 3000, /* plays with one cut; of a longer conversation not every byte is a cut */
};

/* The client's bytes client[from .. next turn's from) come, then the server has said server[0 ..
 * said). */
struct turn {
    size_t from, said;
    bool is_pause; /* nothing comes for as long as the session waits */
};

struct script {
    char *text; /* the file; settings and answers point into it */
    struct transcript_setting settings[TRANSCRIPT_SETTINGS_MAX];
    unsigned setting_count;
    struct span answers[ANSWERS_MAX];
    unsigned answer_count;
    struct turn turns[TURNS_MAX];
    unsigned turn_count;
    struct chain client, server, bodies, notes;
    struct span end;
    bool turns_only;
};

static char *file_read(const char *path)
{
    FILE *in = fopen(path, "rb");
    size_t size = 1 << 20, len;
    char *text = xmalloc(size);

    if (in == NULL) {
        perror(path);
        exit(2);
    }
    len = fread(text, 1, size - 1, in);
    text[len] = '\0';
    fclose(in);
    return text;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' ? (c | 0x20) - 'a' + 10 : 0;
}

/* One escape or byte of `at`; what it stands for goes to `out`. */
static struct span unescape_one(struct span at, struct chain *out)
{
    static const char from[] = "rnt\\0", to[] = "\r\n\t\\";
    const char *known;

    if (at.at[0] != '\\' || at.len < 2) {
        chain_add_byte(out, at.at[0]);
        return span_after(at, 1);
    }
    if (at.at[1] == 'x' && at.len >= 4) {
        chain_add_byte(out, (char)(hex(at.at[2]) << 4 | hex(at.at[3])));
        return span_after(at, 4);
    }
    known = memchr(from, at.at[1], sizeof(from) - 1);
    if (known == NULL) {
        fprintf(stderr, "unknown escape \\%c\n", at.at[1]);
        exit(2);
    }
    chain_add_byte(out, to[known - from]);
    return span_after(at, 2);
}

static void unescape(struct span at, struct chain *out)
{
    while (at.len > 0) {
        struct chain piece = {0};
        unsigned long count;
        char *end;

        if (at.len < 2 || at.at[0] != '\\' || at.at[1] != '{') {
            at = unescape_one(at, out);
            continue;
        }
        count = strtoul(at.at + 2, &end, 10);
        at = span_after(at, (size_t)(end + 1 - at.at));
        while (at.len > 0 && at.at[0] != '}')
            at = unescape_one(at, &piece);
        at = span_after(at, 1);
        while (count-- > 0)
            chain_add(out, chain_flat(&piece));
        chain_free(&piece);
    }
}

static void script_setting(struct script *s, struct span text)
{
    const char *equals = memchr(text.at, '=', text.len);
    size_t len = equals == NULL ? text.len : (size_t)(equals - text.at);

    s->settings[s->setting_count++] =
        (struct transcript_setting){span_first(text, len), span_after(text, len + 1)};
}

static void script_client(struct script *s, bool *in_turn)
{
    if (*in_turn)
        return;
    s->turns[s->turn_count++] = (struct turn){s->client.len, 0, false};
    *in_turn = true;
}

static void script_pause(struct script *s, bool *in_turn)
{
    s->turns[s->turn_count++] = (struct turn){s->client.len, 0, true};
    s->turns_only = true;
    *in_turn = false;
}

static void script_line(struct script *s, char kind, struct span text, bool *in_turn)
{
    switch (kind) {
    case 'X':
        script_setting(s, text);
        break;
    case 'M':
        s->turns_only = true;
        break;
    case 'C':
        script_client(s, in_turn);
        chain_add(&s->client, text);
        chain_add(&s->client, SPAN("\r\n"));
        break;
    case 'R':
        script_client(s, in_turn);
        unescape(text, &s->client);
        break;
    case 'P':
        script_pause(s, in_turn);
        break;
    case 'S':
        chain_add(&s->server, text);
        chain_add(&s->server, SPAN("\r\n"));
        *in_turn = false;
        break;
    case 'W':
        s->answers[s->answer_count++] = text;
        break;
    case 'B':
        unescape(text, &s->bodies);
        chain_add(&s->bodies, SPAN("\r\n"));
        break;
    case 'L':
        chain_add(&s->notes, text);
        chain_add(&s->notes, SPAN("\n"));
        break;
    case 'E':
        s->end = text;
        break;
    default:
        fprintf(stderr, "unknown line: %c: %.*s\n", kind, (int)text.len, text.at);
        exit(2);
    }
    if (s->turn_count > 0)
        s->turns[s->turn_count - 1].said = s->server.len;
}

static void script_read(struct script *s, const char *path, const struct transcript_kind *kind)
{
    bool in_turn = false;
    char *at;

    *s = (struct script){.text = file_read(path)};
    for (at = s->text; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        char letter = at[0];

        if (kind->speaks_first && (letter == 'C' || letter == 'S'))
            letter = letter == 'C' ? 'S' : 'C';
        if (len >= 2 && at[1] == ':')
            script_line(s, letter,
                        span_after((struct span){at, len}, len > 2 && at[2] == ' ' ? 3 : 2),
                        &in_turn);
        at += len + (at[len] != '\0');
    }
}

static void script_free(struct script *s)
{
    chain_free(&s->client);
    chain_free(&s->server);
    chain_free(&s->bodies);
    chain_free(&s->notes);
    free(s->text);
}

/* ---- one play ---- */

struct play {
    struct script *script;
    const struct transcript_kind *kind;
    void *world;
    struct session *session;
    struct chain kept, said, bodies, notes;
    unsigned answered;
    int64_t paused_us;
    bool drops; /* the rest of the turn: it came in the clear, and TLS has begun */
};

static int64_t play_now_us(void)
{
    return 1594830684000000; /* Wed, 15 Jul 2020 16:31:24 +0000 */
}

static void play_answer(struct play *p)
{
    struct session *s = p->session;
    struct request *r = session_take_request(s);
    struct span how = {NULL, 0};

    if (p->answered < p->script->answer_count)
        how = p->script->answers[p->answered++];
    do {
        r->more = false;
        p->kind->answer(p->world, r, how, &p->bodies);
        chain_move(&s->out, &r->out);
    } while (r->more);
    s->ops->reply(s, r);
}

/* The session gets its TLS as soon as its answer has left. */
static void play_tls(struct play *p)
{
    static const struct session_tls tls = {
        .version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256", .bits = 128};

    chain_free(&p->kept);
    p->drops = true;
    p->session->ops->tls_started(p->session, &tls);
}

/* What core/conn does with a socket, done with a string. */
static void play_feed(struct play *p, struct span bytes)
{
    struct session *s = p->session;
    size_t eaten = 1;

    s->now_us = play_now_us() + p->paused_us;
    if (!p->drops)
        chain_add(&p->kept, bytes);
    while (s->want == SESSION_WANT_REPLY || s->want == SESSION_WANT_TLS ||
           (s->want == SESSION_WANT_INPUT && (s->more || (eaten > 0 && p->kept.len > 0)))) {
        if (s->want == SESSION_WANT_INPUT && s->more) {
            s->ops->room(s);
            continue;
        }
        if (s->want == SESSION_WANT_TLS) {
            play_tls(p);
            continue;
        }
        if (s->want == SESSION_WANT_REPLY) {
            play_answer(p);
            eaten = 1;
            continue;
        }
        eaten = session_feed(s, chain_flat(&p->kept));
        chain_drop(&p->kept, eaten);
    }
    s->delay_ms = 0;
    chain_move(&p->said, &s->out);
}

static void play_pause(struct play *p)
{
    struct session *s = p->session;

    p->paused_us += (int64_t)s->idle_ms * 1000;
    s->now_us = play_now_us() + p->paused_us;
    if (s->ops->idle != NULL)
        s->ops->idle(s);
    else
        s->ops->hangup(s, SESSION_TIMED_OUT);
    chain_move(&p->said, &s->out);
}

static bool play_same(const char *what, struct chain *got, struct chain *wanted, size_t len)
{
    struct span a = chain_flat(got), b = span_first(chain_flat(wanted), len);

    if (span_eq(a, b))
        return true;
    fprintf(stderr, "%s: got %zu bytes\n%.*s\nwanted %zu bytes\n%.*s\n", what, a.len, (int)a.len,
            a.at == NULL ? "" : a.at, b.len, (int)b.len, b.at == NULL ? "" : b.at);
    return false;
}

static void play_end(struct play *p)
{
    static const struct {
        const char *word;
        enum session_end why;
    } ends[] = {
        {"peer",       SESSION_PEER_CLOSED},
        {"timeout",    SESSION_TIMED_OUT  },
        {"shutdown",   SESSION_SHUTDOWN   },
        {"overloaded", SESSION_OVERLOADED },
        {"crowded",    SESSION_CROWDED    },
    };

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (span_eq(p->script->end, span_str(ends[i].word)))
            p->session->ops->hangup(p->session, ends[i].why);
    }
    chain_move(&p->said, &p->session->out);
}

static void play_open(struct play *p, struct script *script, const struct transcript_kind *kind)
{
    *p = (struct play){.script = script, .kind = kind};
    p->world = kind->open(script->settings, script->setting_count, &p->notes, &p->session);
    p->session->now_us = play_now_us();
    p->session->ops->start(p->session);
    chain_move(&p->said, &p->session->out);
}

/* Ends the play and compares. */
static bool play_close(struct play *p)
{
    bool same, closed = span_eq(p->script->end, SPAN("closed"));
    struct script *s = p->script;

    same = !closed || p->session->want == SESSION_WANT_CLOSE;
    if (!same)
        fprintf(stderr, "the session is still open\n");
    if (!closed && s->end.len > 0)
        play_end(p);
    p->session->ops->end(p->session);
    p->kind->close(p->world);
    same &= play_same("said", &p->said, &s->server, s->server.len);
    same &= s->bodies.len == 0 || play_same("bodies", &p->bodies, &s->bodies, s->bodies.len);
    same &= s->notes.len == 0 || play_same("notes", &p->notes, &s->notes, s->notes.len);
    chain_free(&p->kept);
    chain_free(&p->said);
    chain_free(&p->bodies);
    chain_free(&p->notes);
    return same;
}

/* The client waits for the answers to a turn before the next. `cut` is a place in its bytes where a
 * segment ends; `step` bytes to a segment when it is not 0. */
static bool play_turns(struct script *s, const struct transcript_kind *kind, size_t cut,
                       size_t step)
{
    struct play p;
    bool same = true;

    play_open(&p, s, kind);
    for (unsigned i = 0; i < s->turn_count && same; i++) {
        size_t from = s->turns[i].from;
        size_t to = i + 1 < s->turn_count ? s->turns[i + 1].from : s->client.len;

        if (s->turns[i].is_pause)
            play_pause(&p);
        p.drops = false;
        while (from < to) {
            size_t end = step > 0 && from + step < to ? from + step : to;

            if (from < cut && cut < end)
                end = cut;
            play_feed(&p, span_first(span_after(chain_flat(&s->client), from), end - from));
            from = end;
        }
        if (i + 1 < s->turn_count)
            same = play_same("turn", &p.said, &s->server, s->turns[i].said);
    }
    return play_close(&p) && same;
}

/* A client that sends all it has to say at once. */
static bool play_whole(struct script *s, const struct transcript_kind *kind)
{
    struct play p;

    play_open(&p, s, kind);
    play_feed(&p, chain_flat(&s->client));
    return play_close(&p);
}

void transcript_run(const char *path, const struct transcript_kind *kind, unsigned *passed,
                    unsigned *failed)
{
    struct script s;
    size_t step = 1, cut_step;
    bool same;

    script_read(&s, path, kind);
    cut_step = s.client.len / CUTS_MAX + 1;
    same = play_turns(&s, kind, 0, 0);
    if (!s.turns_only) {
        for (size_t cut = 1; cut < s.client.len && same; cut += cut_step) {
            same = play_turns(&s, kind, cut, 0);
            if (!same)
                fprintf(stderr, "cut at %zu\n", cut);
        }
        for (; step <= 7 && same; step++)
            same = play_turns(&s, kind, 0, step);
        same = same && play_whole(&s, kind);
    }
    if (!same)
        fprintf(stderr, "FAILED: %s\n", path);
    same ? ++*passed : ++*failed;
    script_free(&s);
}
