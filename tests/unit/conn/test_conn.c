/*
 * The connection, driven by a toy session over a socket pair, on both backends: cuts, answers that
 * come later, answers in parts, slow readers, early ends, time-outs, pokes and limits.
 */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/number.h"
#include "core/conn/conn.h"
#include "core/conn/conn_limits.h"
#include "core/io/reactor.h"
#include "core/work/inbox.h"
#include "core/work/job.h"
#include "core/work/usage.h"
#include "core/work/watch.h"

/* ---- a clock that can be put forward ---- */

static uint64_t ahead_ns;

static uint64_t fake_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + ahead_ns;
}

static int64_t fake_wall_us(void)
{
    return (int64_t)(fake_monotonic_ns() / 1000);
}

static const struct clock_source fake_clock = {fake_monotonic_ns, fake_wall_us};

/* ---- the toy: one command a line ---- */

struct toy_request {
    struct request base;
    char text[64];
    unsigned parts; /* `more` answers before the last */
};

struct toy {
    struct session base;
    unsigned commands, pokes;
    unsigned rooms; /* pieces still to be written */
    bool hung_up;
    enum session_end why;
};

struct world {
    struct reactor *reactor;
    struct conn_set *set;
    struct conn_service service;
    struct watch_board *board;
    int peer;         /* our end of the last connection */
    struct toy *toy;  /* the last session made; NULL after its end */
    struct job *away; /* a request that was asked and waits for us */
    struct toy_request *asked;
    unsigned asks, ended;
    enum session_end last_why;
    unsigned last_commands;
    bool on_the_spot;
    bool stopped;
    int failed; /* the error of a call of ours */
    unsigned gone;
};
static struct world w;

static void toy_start(struct session *s)
{
    chain_add(&s->out, SPAN("hello\n"));
}

static uint64_t argument(struct span line)
{
    const char *blank = memchr(line.at, ' ', line.len);
    uint64_t n = 0;

    assert_non_null(blank);
    assert_true(number_parse(span_after(line, (size_t)(blank + 1 - line.at)), UINT32_MAX, &n));
    return n;
}

static bool begins(struct span line, struct span with)
{
    return span_eq(span_first(line, with.len), with);
}

static void toy_ask(struct toy *t, struct span line, unsigned parts)
{
    struct toy_request *r = xcalloc(1, sizeof(*r));

    memcpy(r->text, line.at, line.len < 63 ? line.len : 63);
    r->parts = parts;
    t->base.request = &r->base;
    t->base.want = SESSION_WANT_REPLY;
}

static void toy_command(struct toy *t, struct span line)
{
    struct chain *out = &t->base.out;

    t->commands++;
    if (begins(line, SPAN("ask"))) {
        toy_ask(t, line, 0);
    } else if (begins(line, SPAN("more "))) {
        toy_ask(t, line, (unsigned)argument(line));
    } else if (begins(line, SPAN("big "))) {
        size_t len = (size_t)argument(line);
        memset(chain_reserve(out, len), 'b', len);
        chain_added(out, len);
    } else if (begins(line, SPAN("pour "))) {
        t->rooms = (unsigned)argument(line);
        t->base.more = true;
    } else if (begins(line, SPAN("bulk"))) {
        t->base.bulk = true;
    } else if (begins(line, SPAN("slow"))) {
        chain_add(out, SPAN("slow\n"));
        t->base.delay_ms = 1000;
    } else if (begins(line, SPAN("quit"))) {
        chain_add(out, SPAN("bye\n"));
        t->base.want = SESSION_WANT_CLOSE;
    } else {
        chain_add(out, line);
        chain_add_byte(out, '\n');
    }
}

static size_t toy_input(struct session *s, struct span bytes)
{
    const char *end = memchr(bytes.at, '\n', bytes.len);

    assert_int_equal(s->want, SESSION_WANT_INPUT);
    if (end == NULL)
        return 0;
    toy_command((struct toy *)s, span_first(bytes, (size_t)(end - bytes.at)));
    return (size_t)(end + 1 - bytes.at);
}

static void toy_reply(struct session *s, struct request *answered)
{
    struct toy_request *r = (struct toy_request *)answered;

    assert_false(answered->more);
    chain_addf(&s->out, "done %s\n", r->text);
    s->want = SESSION_WANT_INPUT;
    free(r);
}

static void toy_poke(struct session *s)
{
    assert_int_equal(s->want, SESSION_WANT_INPUT);
    ((struct toy *)s)->pokes++;
    chain_add(&s->out, SPAN("poked\n"));
}

/* 64 KiB of 'r'. */
static void toy_room(struct session *s)
{
    struct toy *t = (struct toy *)s;

    assert_true(s->more && s->want == SESSION_WANT_INPUT);
    memset(chain_reserve(&s->out, 65536), 'r', 65536);
    chain_added(&s->out, 65536);
    t->rooms--;
    s->more = t->rooms > 0;
}

static void toy_hangup(struct session *s, enum session_end why)
{
    struct toy *t = (struct toy *)s;

    assert_false(t->hung_up);
    t->hung_up = true;
    t->why = why;
    chain_addf(&s->out, "hangup %d\n", (int)why);
    s->want = SESSION_WANT_CLOSE;
}

static void toy_end(struct session *s)
{
    struct toy *t = (struct toy *)s;

    w.ended++;
    w.last_why = t->why;
    w.last_commands = t->commands;
    if (w.toy == t)
        w.toy = NULL;
    free(s->request);
    chain_free(&s->out);
    free(t);
}

static const struct session_ops toy_ops = {
    .name = "toy",
    .start = toy_start,
    .input = toy_input,
    .reply = toy_reply,
    .poke = toy_poke,
    .room = toy_room,
    .hangup = toy_hangup,
    .end = toy_end,
};

static struct session *toy_new(void *context, const struct session_peer *peer)
{
    struct toy *t = xcalloc(1, sizeof(*t));

    assert_ptr_equal(context, &w);
    assert_true(peer->connection > 0);
    t->base.ops = &toy_ops;
    t->base.idle_ms = 60000;
    w.toy = t;
    return &t->base;
}

/* One answer or part of one: 64 KiB of 'm' for a part. */
static void answer(struct toy_request *r)
{
    r->base.status = REQUEST_OK;
    if (r->parts == 0)
        return;
    memset(chain_reserve(&r->base.out, 65536), 'm', 65536);
    chain_added(&r->base.out, 65536);
    r->parts--;
    r->base.more = r->parts > 0;
}

static bool toy_service_ask(void *context, struct request *request, struct job *job)
{
    struct toy_request *r = (struct toy_request *)request;

    assert_ptr_equal(context, &w);
    assert_null(w.away);
    assert_non_null(request->watch);
    w.asks++;
    w.asked = r;
    if (w.on_the_spot) {
        answer(r);
        return true;
    }
    w.away = job;
    return false;
}

/* The worker's part: answers what is away and sends it home. */
static void answer_away(void)
{
    struct job *job = w.away;

    assert_non_null(job);
    w.away = NULL;
    answer(w.asked);
    inbox_post(job->inbox, job);
}

/* ---- driving ---- */

static void turns(unsigned count)
{
    while (count-- > 0)
        reactor_turn(w.reactor, clock_monotonic_ns());
}

static void later(uint64_t ms)
{
    ahead_ns += ms * 1000000;
    turns(4);
}

static void connect_peer(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w.peer = fds[1];
    conn_open(w.set, &w.service, fds[0]);
    turns(2);
}

static void say(const char *text)
{
    assert_int_equal(write(w.peer, text, strlen(text)), (ssize_t)strlen(text));
    turns(4);
}

static void expect(const char *text)
{
    char got[4096];
    size_t want = strlen(text), have = 0;

    for (unsigned i = 0; i < 50 && have < want; i++) {
        ssize_t n = read(w.peer, got + have, want - have);
        if (n > 0)
            have += (size_t)n;
        turns(1);
    }
    got[have] = '\0';
    assert_string_equal(got, text);
}

static void expect_end(void)
{
    char byte;

    for (unsigned i = 0; i < 10; i++)
        turns(1);
    assert_int_equal(read(w.peer, &byte, 1), 0);
}

/* Reads and counts until the peer has `len` bytes of `byte`. */
static size_t read_bytes(char byte, size_t len)
{
    static char got[65536];
    size_t have = 0;

    for (unsigned idle = 0; have < len && idle < 200;) {
        size_t room = len - have < sizeof(got) ? len - have : sizeof(got);
        ssize_t n = read(w.peer, got, room);
        if (n > 0) {
            for (ssize_t i = 0; i < n; i++)
                assert_int_equal(got[i], byte);
            have += (size_t)n;
            idle = 0;
        } else {
            idle++;
        }
        turns(1);
        if (w.away != NULL)
            answer_away();
    }
    return have;
}

static void world_open(const char *backend)
{
    char why[200];

    memset(&w, 0, sizeof(w));
    clock_replace(&fake_clock);
    assert_int_equal(reactor_open(backend, &reactor_config_default, &w.reactor, why, sizeof(why)),
                     0);
    w.board = watch_board_open();
    w.set = conn_set_open(w.reactor, 0, 1);
    w.service = (struct conn_service){
        .name = "toy", .context = &w, .session_new = toy_new, .ask = toy_service_ask};
}

static void set_stopped(void *context)
{
    assert_ptr_equal(context, &w);
    assert_false(w.stopped);
    w.stopped = true;
}

static void world_close(void)
{
    if (w.peer > 0)
        close(w.peer);
    turns(4);
    if (!w.stopped)
        conn_set_stop(w.set, 1000, set_stopped, &w);
    turns(10);
    later(1100);
    turns(10);
    assert_true(w.stopped);
    assert_int_equal(conn_set_count(w.set), 0);
    conn_set_close(&w.set);
    watch_board_close(&w.board);
    reactor_close(&w.reactor);
    clock_replace(NULL);
}

/* ---- what must hold ---- */

static void split_reads_join(void)
{
    connect_peer();
    expect("hello\n");
    say("on");
    say("e\ntw");
    say("o\n");
    say("three\nfour\nfi");
    say("ve\n");
    expect("one\ntwo\nthree\nfour\nfive\n");
    say("quit\nnever seen\n");
    expect("bye\n");
    expect_end();
    close(w.peer);
    w.peer = 0;
    turns(5);
    assert_int_equal(w.ended, 1);
    assert_int_equal(conn_set_count(w.set), 0);
}

static void a_request_freezes_the_session(void)
{
    connect_peer();
    expect("hello\n");
    say("ask a\nnext\nask b\nlast\n");
    assert_int_equal(w.asks, 1);
    answer_away();
    expect("done ask a\nnext\n");
    assert_int_equal(w.asks, 2);
    answer_away();
    expect("done ask b\nlast\n");
}

static void answers_on_the_spot_do_not_recurse(void)
{
    enum {
        COUNT = 20000
    };
    static char burst[COUNT * 4];
    size_t sent = 0;

    w.on_the_spot = true;
    connect_peer();
    expect("hello\n");
    for (unsigned i = 0; i < COUNT; i++)
        memcpy(burst + 4 * i, "ask\n", 4);
    for (size_t read_len = 0; read_len < COUNT * strlen("done ask\n");) {
        char got[65536];
        ssize_t n = sent < sizeof(burst) ? write(w.peer, burst + sent, sizeof(burst) - sent) : 0;
        sent += n > 0 ? (size_t)n : 0;
        turns(1);
        n = read(w.peer, got, sizeof(got));
        read_len += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(w.asks, COUNT);
}

static void one_peer_does_not_take_the_whole_turn(void)
{
    char burst[8000];
    unsigned before;

    memset(burst, '\n', sizeof(burst));
    connect_peer();
    expect("hello\n");
    assert_int_equal(write(w.peer, burst, sizeof(burst)), sizeof(burst));
    before = w.toy->commands;
    for (unsigned i = 0; i < 20 && w.toy->commands == before; i++)
        reactor_turn(w.reactor, clock_monotonic_ns());
    assert_in_range(w.toy->commands, 1, 2 * CONN_TURN_STEPS_MAX);
    turns(60);
    assert_int_equal(w.toy->commands, sizeof(burst));
}

static void answers_in_parts_keep_their_order(void)
{
    connect_peer();
    expect("hello\n");
    say("more 64\nask end\n");
    answer_away();
    assert_int_equal(read_bytes('m', 64 * 65536), 64 * 65536);
    expect("done more 64\n");
    turns(2);
    if (w.away != NULL)
        answer_away(); /* if read_bytes() did not */
    expect("done ask end\n");
    assert_int_equal(w.asks, 65);
}

static void a_slow_reader_holds_a_bound(void)
{
    unsigned asks;

    connect_peer();
    expect("hello\n");
    say("more 1000\n");
    for (unsigned i = 0; i < 200; i++) {
        if (w.away != NULL)
            answer_away();
        turns(2);
    }
    asks = w.asks;
    assert_in_range(asks, 1, 20); /* some hundred KiB, and what the socket took */
    assert_int_equal(read_bytes('m', 1000 * 65536), 1000 * 65536);
    expect("done more 1000\n");
}

static void commands_wait_while_answers_are_not_read(void)
{
    connect_peer();
    expect("hello\n");
    for (unsigned i = 0; i < 40; i++)
        say("big 60000\n");
    assert_in_range(w.toy->commands, 4, 20);
    assert_int_equal(read_bytes('b', 40 * 60000), 40 * 60000);
    assert_int_equal(w.toy->commands, 40);
}

static void bytes_ahead_are_bounded(void)
{
    char block[4096];
    size_t taken = 0;

    memset(block, 'x', sizeof(block));
    block[sizeof(block) - 1] = '\n';
    connect_peer();
    expect("hello\n");
    say("ask\n");
    for (unsigned i = 0; i < 1000; i++) {
        ssize_t n = write(w.peer, block, sizeof(block));
        if (n > 0)
            taken += (size_t)n;
        turns(1);
    }
    assert_in_range(taken, CONN_AHEAD_MAX, 1024 * 1024); /* the rest is the socket's own */
    answer_away();
    expect("done ask\n");
}

static void a_peer_that_goes_lets_its_request_finish(void)
{
    connect_peer();
    expect("hello\n");
    say("ask\n");
    close(w.peer);
    w.peer = 0;
    turns(10);
    assert_int_equal(w.ended, 0);
    answer_away();
    turns(10);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.last_why, SESSION_PEER_CLOSED);
}

static void a_peer_that_goes_ends_an_answer_in_parts(void)
{
    connect_peer();
    expect("hello\n");
    say("more 1000\n");
    for (unsigned i = 0; i < 30; i++) {
        if (w.away != NULL)
            answer_away();
        turns(2);
    }
    close(w.peer);
    w.peer = 0;
    turns(10);
    if (w.away != NULL)
        answer_away();
    turns(10);
    assert_int_equal(w.ended, 1);
    assert_in_range(w.asks, 1, 30);
}

static void half_closed_peers_get_their_answers(void)
{
    connect_peer();
    assert_int_equal(write(w.peer, "one\nask\ntwo\nthr", 15), 15);
    assert_int_equal(shutdown(w.peer, SHUT_WR), 0);
    turns(6);
    answer_away();
    expect("hello\none\ndone ask\ntwo\nhangup 0\n");
    expect_end();
    turns(5);
    assert_int_equal(w.ended, 1);
}

static void silence_is_told_and_ended(void)
{
    connect_peer();
    expect("hello\n");
    later(59000);
    assert_int_equal(w.ended, 0);
    say("still here\n");
    expect("still here\n");
    later(59000);
    say("half a li");
    later(1500); /* a record in parts is one record */
    expect("hangup 1\n");
    expect_end();
    later(2500); /* our peer does not close: we do */
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.last_why, SESSION_TIMED_OUT);
}

static void a_request_away_has_no_time_limit(void)
{
    connect_peer();
    expect("hello\n");
    say("ask\n");
    later(600000);
    assert_int_equal(w.ended, 0);
    answer_away();
    expect("done ask\n");
}

static void answers_can_be_delayed(void)
{
    char byte;

    connect_peer();
    expect("hello\n");
    say("slow\nnext\nquit\n");
    later(900);
    assert_int_equal(read(w.peer, &byte, 1), -1);
    later(300);
    expect("slow\nnext\nbye\n");
}

static void a_body_must_come_fast_enough(void)
{
    char line[5001];

    memset(line, 'x', sizeof(line));
    line[4999] = '\n';
    line[5000] = '\0';
    connect_peer();
    expect("hello\n");
    say("bulk\n");
    for (unsigned i = 0; i < 3; i++) {
        say(line);
        later(10200);
        assert_int_equal(w.ended, 0);
        assert_false(w.toy->hung_up);
        assert_int_equal(read_bytes('x', 4999), 4999);
        expect("\n");
    }
    say("too little\n");
    later(10200);
    expect("too little\nhangup 1\n");
}

static void a_reader_that_stalls_is_cut_off(void)
{
    connect_peer();
    say("big 500000\n");
    later(299000);
    assert_int_equal(w.ended, 0);
    later(1500);
    turns(5);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.last_why, SESSION_TIMED_OUT);
}

static void an_endless_command_is_not_kept(void)
{
    char block[4096];

    memset(block, 'x', sizeof(block));
    connect_peer();
    expect("hello\n");
    for (unsigned i = 0; i < 40 && w.toy != NULL && !w.toy->hung_up; i++) {
        assert_true(write(w.peer, block, sizeof(block)) > 0);
        turns(3);
    }
    expect("hangup 3\n");
}

static void pokes_arrive_and_wait_for_requests(void)
{
    connect_peer();
    expect("hello\n");
    say("ask a\n");
    watch_set(w.board, w.asked->base.watch, 7); /* what a run does */
    watch_publish(w.board, 7);
    turns(3);
    assert_int_equal(w.toy->pokes, 0);
    answer_away();
    expect("done ask a\npoked\n");
    watch_publish(w.board, 8);
    watch_publish(w.board, 7);
    expect("poked\n");
    turns(5);
    assert_int_equal(w.toy->pokes, 2);
    watch_publish(w.board, 7); /* on its way while the connection ends */
    close(w.peer);
    w.peer = 0;
    turns(10);
    assert_int_equal(w.ended, 1);
}

static void too_many_are_told_to_come_back(void)
{
    struct usage *usage = usage_open(10, 1000000000);
    struct conn_limits_config config = {.usage = usage, .client_max = 2};
    struct conn_limits *limits = conn_limits_open(&config);
    int first, second;

    w.service.limits = limits;
    connect_peer();
    first = w.peer;
    connect_peer();
    second = w.peer;
    assert_int_equal(usage_total(usage), 2);
    connect_peer();
    expect("hangup 4\n");
    expect_end();
    close(w.peer);
    close(first);
    turns(10);
    assert_int_equal(usage_total(usage), 1);
    connect_peer();
    expect("hello\n");
    close(w.peer);
    close(second);
    w.peer = 0;
    turns(10);
    assert_int_equal(usage_total(usage), 0);
    conn_limits_close(&limits);
    usage_close(&usage);
}

static void a_proxy_speaks_for_its_client(void)
{
    static const struct network all = {{0}, 0};

    w.service.proxies = &all;
    w.service.proxy_count = 1;
    connect_peer();
    say("PROXY TCP4 192.0.2.1 192.");
    assert_null(w.toy);
    say("0.2.2 1000 25\r\nfirst\n");
    expect("hello\nfirst\n");
    close(w.peer);
    connect_peer();
    say("EHLO liar\n");
    expect_end();
    assert_int_equal(w.ended, 1);
    connect_peer();
    later(5200);
    expect_end();
}

static void stopping_waits_for_requests(void)
{
    int idle;

    connect_peer();
    expect("hello\n");
    idle = w.peer;
    connect_peer();
    expect("hello\n");
    say("ask\nafter\n");
    conn_set_stop(w.set, 5000, set_stopped, &w);
    turns(5);
    close(idle);
    turns(5);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.last_why, SESSION_SHUTDOWN);
    assert_false(w.stopped);
    answer_away();
    expect("done ask\nhangup 2\n");
    expect_end();
    close(w.peer);
    w.peer = 0;
    turns(10);
    assert_true(w.stopped);
}

static void stopping_ends_in_time(void)
{
    connect_peer();
    say("big 2000000\n"); /* and nobody reads it */
    conn_set_stop(w.set, 5000, set_stopped, &w);
    turns(5);
    assert_false(w.stopped);
    later(5200);
    turns(10);
    assert_true(w.stopped);
}

/* ---- every test on every backend ---- */

/* What is written by itself waits for the peer, and commands go on meanwhile. */
static void a_session_writes_as_there_is_room(void)
{
    connect_peer();
    expect("hello\n");
    say("pour 64\n");
    turns(20);
    assert_in_range(w.toy->rooms, 54, 63);
    say("one\n");
    assert_int_equal(w.toy->commands, 2);
    for (size_t had = 0, lines = 0; had < 64 * 65536 || lines < 1; turns(1)) {
        static char got[65536];
        ssize_t n = read(w.peer, got, sizeof(got));

        for (ssize_t i = 0; i < n; i++) {
            had += got[i] == 'r';
            lines += got[i] == '\n';
        }
    }
    assert_int_equal(w.toy->rooms, 0);
}

/* ---- calls of our own ---- */

static void toy_failed(void *context, int error)
{
    assert_ptr_equal(context, &w);
    w.failed = error;
}

static void toy_gone(void *context)
{
    assert_ptr_equal(context, &w);
    w.gone++;
}

/* A socket that listens on loopback; its address. */
static int listener(struct sockaddr_storage *at_r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(*at_r);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)at_r, &size), 0);
    return fd;
}

static void dial(const struct sockaddr_storage *to, uint32_t connect_ms)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    w.service.failed = toy_failed;
    w.service.gone = toy_gone;
    conn_dial(w.set, &w.service, fd, to, connect_ms);
    turns(10);
}

static void a_call_is_taken(void)
{
    struct sockaddr_storage at;
    int fd = listener(&at);

    dial(&at, 0);
    w.peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(w.peer >= 0);
    expect("hello\n");
    say("one\n");
    expect("one\n");
    say("quit\n");
    expect("bye\n");
    assert_int_equal(w.gone, 0);
    close(w.peer);
    w.peer = 0;
    turns(10);
    assert_int_equal(w.ended, 1);
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.failed, 0);
    close(fd);
}

static void a_call_is_refused(void)
{
    struct sockaddr_storage at;

    close(listener(&at));
    dial(&at, 0);
    assert_int_equal(w.failed, -ECONNREFUSED);
    assert_int_equal(w.gone, 1);
    assert_null(w.toy);
}

/* Nobody accepts, and the queue of those who wait is full. */
static void a_call_is_given_up(void)
{
    struct sockaddr_storage at;
    int fd = listener(&at), others[32];

    assert_int_equal(listen(fd, 0), 0);
    for (unsigned i = 0; i < COUNT_OF(others); i++) {
        others[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(others[i], (struct sockaddr *)&at, sizeof(struct sockaddr_in));
    }
    dial(&at, 500);
    assert_int_equal(w.gone, 0);
    later(700);
    turns(10);
    assert_int_equal(w.failed, -ETIMEDOUT);
    assert_int_equal(w.gone, 1);
    for (unsigned i = 0; i < COUNT_OF(others); i++)
        close(others[i]);
    close(fd);
}

static void nobody_calls_when_we_stop(void)
{
    struct sockaddr_storage at;
    int fd = listener(&at);

    conn_set_stop(w.set, 1000, set_stopped, &w);
    dial(&at, 0);
    assert_int_equal(w.failed, -ECANCELED);
    assert_int_equal(w.gone, 1);
    close(fd);
}

static int setup(void **state)
{
    world_open(*state);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close();
    return 0;
}

#define ROW(function)                                                                              \
    static void test_##function(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        function();                                                                                \
    }

#define ROWS(X)                                                                                    \
    X(split_reads_join)                                                                            \
    X(a_request_freezes_the_session)                                                               \
    X(answers_on_the_spot_do_not_recurse)                                                          \
    X(one_peer_does_not_take_the_whole_turn)                                                       \
    X(answers_in_parts_keep_their_order)                                                           \
    X(a_slow_reader_holds_a_bound)                                                                 \
    X(commands_wait_while_answers_are_not_read)                                                    \
    X(bytes_ahead_are_bounded)                                                                     \
    X(a_peer_that_goes_lets_its_request_finish)                                                    \
    X(a_peer_that_goes_ends_an_answer_in_parts)                                                    \
    X(half_closed_peers_get_their_answers)                                                         \
    X(silence_is_told_and_ended)                                                                   \
    X(a_request_away_has_no_time_limit)                                                            \
    X(answers_can_be_delayed)                                                                      \
    X(a_body_must_come_fast_enough)                                                                \
    X(a_reader_that_stalls_is_cut_off)                                                             \
    X(an_endless_command_is_not_kept)                                                              \
    X(pokes_arrive_and_wait_for_requests)                                                          \
    X(too_many_are_told_to_come_back)                                                              \
    X(a_proxy_speaks_for_its_client)                                                               \
    X(a_session_writes_as_there_is_room)                                                           \
    X(a_call_is_taken)                                                                             \
    X(a_call_is_refused)                                                                           \
    X(a_call_is_given_up)                                                                          \
    X(nobody_calls_when_we_stop)                                                                   \
    X(stopping_waits_for_requests)                                                                 \
    X(stopping_ends_in_time)

ROWS(ROW)

#define EPOLL(function)                                                                            \
    {"epoll: " #function, test_##function, setup, teardown, (void *)(uintptr_t) "epoll"},
#define URING(function)                                                                            \
    {"uring: " #function, test_##function, setup, teardown, (void *)(uintptr_t) "uring"},

int main(void)
{
    const struct CMUnitTest on_epoll[] = {ROWS(EPOLL)};
    const struct CMUnitTest on_uring[] = {ROWS(URING)};
    char why[200];
    int failed = cmocka_run_group_tests_name("epoll", on_epoll, NULL, NULL);

    if (reactor_uring_works(why, sizeof(why)))
        failed += cmocka_run_group_tests_name("uring", on_uring, NULL, NULL);
    else
        print_message("io_uring is not tested: %s\n", why);
    return failed;
}
