#include "tests/unit/io/reactor_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/work/inbox.h"
#include "core/work/job.h"

enum {
    PATIENCE_S = 20,
    CROWD = 1000,
    LARGE_PART = 128 * 1024,
    LARGE_PARTS = 48,
    LARGE_LEN = LARGE_PART * LARGE_PARTS,
};

static const struct suite_net *net;
static struct reactor *r;

/* One end of a connection, and what became of its ops. */
struct end {
    struct io_op in, out;
    int fd;
    unsigned in_done, out_done;
    int in_result, out_result;
    size_t received;
    uint32_t sum; /* of the bytes received, by their place */
    char first[64];
};

struct host {
    struct io_op accept;
    int fd;
    struct sockaddr_storage address;
    socklen_t size;
    struct end *ends; /* accepted ones go here */
    unsigned accepted, errors, ended;
    int last;
};

static bool in_call; /* an arming call is running: no done() may come */

static uint32_t sum_add(uint32_t sum, size_t place, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum += (uint32_t)(unsigned char)bytes.at[i] * (uint32_t)((place + i) % 251 + 1);
    return sum;
}

static void in_done(struct io_op *op, int result, struct span data)
{
    struct end *e = CONTAINER_OF(op, struct end, in);

    assert_false(in_call);
    assert_false(op->armed);
    e->in_done++;
    e->in_result = result;
    if (result > 0) {
        assert_int_equal(data.len, result);
        if (e->received < sizeof(e->first))
            memcpy(e->first + e->received, data.at,
                   data.len < sizeof(e->first) - e->received ? data.len
                                                             : sizeof(e->first) - e->received);
        e->sum = sum_add(e->sum, e->received, data);
        e->received += data.len;
    }
}

static void out_done(struct io_op *op, int result, struct span data UNUSED)
{
    struct end *e = CONTAINER_OF(op, struct end, out);

    assert_false(in_call);
    assert_false(op->armed);
    e->out_done++;
    e->out_result = result;
}

static void accept_done(struct io_op *op, int result, struct span data UNUSED)
{
    struct host *h = CONTAINER_OF(op, struct host, accept);

    assert_false(in_call);
    h->last = result;
    if (!op->armed) {
        assert_true(result < 0);
        h->ended++;
    } else if (result < 0) {
        h->errors++;
    } else {
        h->ends[h->accepted++].fd = result;
    }
}

static void receive(struct end *e)
{
    in_call = true;
    reactor_receive(r, &e->in, e->fd, in_done);
    in_call = false;
}

static void send_parts(struct end *e, const struct iovec *parts, unsigned count)
{
    in_call = true;
    reactor_send(r, &e->out, e->fd, parts, count, out_done);
    in_call = false;
}

static void cancel(struct io_op *op)
{
    in_call = true;
    reactor_cancel(r, op);
    in_call = false;
}

static void turn_until(bool (*holds)(const void *what), const void *what)
{
    uint64_t end = clock_monotonic_ns() + PATIENCE_S * UINT64_C(1000000000);

    while (!holds(what)) {
        assert_true(clock_monotonic_ns() < end);
        reactor_turn(r, end);
    }
}

static bool op_is_over(const void *op)
{
    return !((const struct io_op *)op)->armed;
}

static void host_open(struct host *h, struct end *ends)
{
    *h = (struct host){.ends = ends};
    h->fd = net->listen(&h->address, &h->size);
    assert_true(h->fd >= 0);
    in_call = true;
    reactor_accept(r, &h->accept, h->fd, accept_done);
    in_call = false;
}

static void host_close(struct host *h)
{
    cancel(&h->accept);
    turn_until(op_is_over, &h->accept);
    assert_int_equal(h->ended, 1);
    assert_int_equal(h->last, -ECANCELED);
    reactor_close_fd(r, h->fd);
}

static void connect_start(struct end *e, const struct host *h)
{
    e->fd = net->socket();
    assert_true(e->fd >= 0);
    in_call = true;
    reactor_connect(r, &e->out, e->fd, (const struct sockaddr *)&h->address, h->size, out_done);
    in_call = false;
}

static bool has_accepted_one(const void *host)
{
    return ((const struct host *)host)->accepted == 1;
}

static void pair_open(struct host *h, struct end pair[2])
{
    memset(pair, 0, 2 * sizeof(*pair));
    host_open(h, &pair[1]);
    connect_start(&pair[0], h);
    turn_until(op_is_over, &pair[0].out);
    assert_int_equal(pair[0].out_result, 0);
    turn_until(has_accepted_one, h);
    pair[0].out_done = 0;
}

static void pair_close(struct host *h, struct end pair[2])
{
    for (unsigned i = 0; i < 2; i++) {
        if (pair[i].fd >= 0)
            reactor_close_fd(r, pair[i].fd);
    }
    host_close(h);
}

static void receive_until(struct end *e, size_t len)
{
    while (e->received < len) {
        receive(e);
        turn_until(op_is_over, &e->in);
        assert_true(e->in_result > 0);
    }
}

static void echoes(void **state UNUSED)
{
    struct host h;
    struct end pair[2];
    struct iovec parts[3] = {
        {(char[]){"one "}, 4},
        {(char[]){""},     0},
        {(char[]){"two"},  3}
    };

    pair_open(&h, pair);
    for (unsigned round = 0; round < 50; round++) {
        pair[0].received = pair[1].received = 0;
        send_parts(&pair[0], parts, 3);
        receive_until(&pair[1], 7);
        turn_until(op_is_over, &pair[0].out);
        assert_int_equal(pair[0].out_result, 7);
        assert_memory_equal(pair[1].first, "one two", 7);
        send_parts(&pair[1], &parts[2], 1);
        receive_until(&pair[0], 3);
        turn_until(op_is_over, &pair[1].out);
        assert_memory_equal(pair[0].first, "two", 3);
    }
    assert_int_equal(pair[0].out_done, 50);
    send_parts(&pair[0], parts, 0);
    turn_until(op_is_over, &pair[0].out);
    assert_int_equal(pair[0].out_result, 0);
    pair_close(&h, pair);
}

static void addresses(void **state UNUSED)
{
    struct host h;
    struct end pair[2];
    struct sockaddr_storage here, there;

    pair_open(&h, pair);
    assert_int_equal(reactor_address(r, pair[0].fd, false, &here), 0);
    assert_int_equal(reactor_address(r, pair[1].fd, true, &there), 0);
    assert_int_equal(here.ss_family, AF_INET);
    assert_memory_equal(&here, &there, sizeof(struct sockaddr));
    pair_close(&h, pair);
}

static struct iovec large_parts[LARGE_PARTS];

static uint32_t large_fill(char *bytes)
{
    for (size_t i = 0; i < LARGE_LEN; i++)
        bytes[i] = (char)(i * 2654435761U >> 11);
    for (unsigned i = 0; i < LARGE_PARTS; i++)
        large_parts[i] = (struct iovec){bytes + (size_t)i * LARGE_PART, LARGE_PART};
    return sum_add(0, 0, (struct span){bytes, LARGE_LEN});
}

static void large_sends_arrive_whole(void **state UNUSED)
{
    char *bytes = xmalloc(LARGE_LEN);
    uint32_t sum = large_fill(bytes);
    struct host h;
    struct end pair[2];

    pair_open(&h, pair);
    send_parts(&pair[0], large_parts, LARGE_PARTS);
    for (unsigned i = 0; i < 5; i++) /* nobody reads yet */
        reactor_turn(r, clock_monotonic_ns() + 1000000);
    assert_true(pair[0].out.armed);
    receive_until(&pair[1], LARGE_LEN);
    turn_until(op_is_over, &pair[0].out);
    assert_int_equal(pair[0].out_result, LARGE_LEN);
    assert_int_equal(pair[1].received, LARGE_LEN);
    assert_int_equal(pair[1].sum, sum);
    pair_close(&h, pair);
    free(bytes);
}

static void end_of_stream_comes_after_the_bytes(void **state UNUSED)
{
    struct host h;
    struct end pair[2];
    struct iovec part = {(char[]){"last words"}, 10};

    pair_open(&h, pair);
    send_parts(&pair[0], &part, 1);
    turn_until(op_is_over, &pair[0].out);
    reactor_shutdown(r, pair[0].fd, SHUT_WR);
    receive_until(&pair[1], 10);
    receive(&pair[1]);
    turn_until(op_is_over, &pair[1].in);
    assert_int_equal(pair[1].in_result, 0);
    receive(&pair[1]); /* and again */
    turn_until(op_is_over, &pair[1].in);
    assert_int_equal(pair[1].in_result, 0);

    send_parts(&pair[1], &part, 1); /* the other direction is still open */
    receive_until(&pair[0], 10);
    turn_until(op_is_over, &pair[1].out);
    pair_close(&h, pair);
}

static void receive_wakes_at_the_end(void **state UNUSED)
{
    struct host h;
    struct end pair[2];

    pair_open(&h, pair);
    receive(&pair[1]);
    reactor_turn(r, clock_monotonic_ns() + 1000000);
    reactor_close_fd(r, pair[0].fd);
    pair[0].fd = -1;
    turn_until(op_is_over, &pair[1].in);
    assert_int_equal(pair[1].in_result, 0);
    pair_close(&h, pair);
}

static void sending_to_the_gone_fails(void **state UNUSED)
{
    struct host h;
    struct end pair[2];
    struct iovec part = {(char[]){"hello?"}, 6};

    pair_open(&h, pair);
    reactor_close_fd(r, pair[0].fd);
    pair[0].fd = -1;
    for (unsigned i = 0; i < 10 && pair[1].out_result >= 0; i++) {
        send_parts(&pair[1], &part, 1);
        turn_until(op_is_over, &pair[1].out);
        reactor_turn(r, clock_monotonic_ns() + 5000000);
    }
    assert_true(pair[1].out_result == -EPIPE || pair[1].out_result == -ECONNRESET);
    pair_close(&h, pair);
}

static void nobody_listens(void **state UNUSED)
{
    struct host h;
    struct end e = {0};

    host_open(&h, NULL);
    host_close(&h);
    connect_start(&e, &h);
    turn_until(op_is_over, &e.out);
    assert_int_equal(e.out_result, -ECONNREFUSED);
    reactor_close_fd(r, e.fd);
}

static void cancels_end_each_op_once(void **state UNUSED)
{
    char *bytes = xmalloc(LARGE_LEN);
    struct host h;
    struct end pair[2];

    (void)large_fill(bytes);
    pair_open(&h, pair);
    receive(&pair[0]); /* cancelled before a turn */
    cancel(&pair[0].in);
    cancel(&pair[0].in);
    turn_until(op_is_over, &pair[0].in);
    assert_int_equal(pair[0].in_result, -ECANCELED);

    receive(&pair[0]); /* and when it waits; both directions at once */
    send_parts(&pair[0], large_parts, LARGE_PARTS);
    for (unsigned i = 0; i < 5; i++)
        reactor_turn(r, clock_monotonic_ns() + 1000000);
    cancel(&pair[0].in);
    cancel(&pair[0].out);
    cancel(&pair[0].out);
    turn_until(op_is_over, &pair[0].in);
    turn_until(op_is_over, &pair[0].out);
    assert_int_equal(pair[0].in_result, -ECANCELED);
    assert_int_equal(pair[0].out_result, -ECANCELED);
    for (unsigned i = 0; i < 5; i++)
        reactor_turn(r, clock_monotonic_ns() + 1000000);
    assert_int_equal(pair[0].in_done, 2);
    assert_int_equal(pair[0].out_done, 1);
    cancel(&pair[0].in); /* of what is not armed: nothing happens */
    pair_close(&h, pair);
    free(bytes);
}

static void cancel_after_the_bytes_came(void **state UNUSED)
{
    struct host h;
    struct end pair[2];
    struct iovec part = {(char[]){"x"}, 1};

    pair_open(&h, pair);
    receive(&pair[1]);
    send_parts(&pair[0], &part, 1);
    turn_until(op_is_over, &pair[0].out);
    cancel(&pair[1].in);
    turn_until(op_is_over, &pair[1].in);
    assert_true(pair[1].in_result == 1 || pair[1].in_result == -ECANCELED);
    if (pair[1].in_result == -ECANCELED)
        receive_until(&pair[1], 1); /* the byte was not lost */
    assert_int_equal(pair[1].received, 1);
    pair_close(&h, pair);
}

/* What conn does to end: shut down, cancel all, wait for each last done(), close. */
static void closing_sequence(void **state UNUSED)
{
    char *bytes = xmalloc(LARGE_LEN);
    struct host h;
    struct end pair[2];

    (void)large_fill(bytes);
    for (unsigned turns = 0; turns < 4; turns++) {
        pair_open(&h, pair);
        receive(&pair[1]);
        send_parts(&pair[1], large_parts, LARGE_PARTS);
        for (unsigned i = 0; i < turns; i++)
            reactor_turn(r, clock_monotonic_ns() + 1000000);
        reactor_shutdown(r, pair[1].fd, SHUT_RDWR);
        cancel(&pair[1].in);
        cancel(&pair[1].out);
        turn_until(op_is_over, &pair[1].in);
        turn_until(op_is_over, &pair[1].out);
        assert_true(pair[1].in_result <= 0);
        assert_true(pair[1].out_result < 0);
        assert_int_equal(pair[1].in_done, 1);
        assert_int_equal(pair[1].out_done, 1);
        reactor_close_fd(r, pair[1].fd);
        pair[1].fd = -1;
        do { /* the other side sees the end, after what had arrived */
            receive(&pair[0]);
            turn_until(op_is_over, &pair[0].in);
        } while (pair[0].in_result > 0);
        assert_true(pair[0].in_result == 0 || pair[0].in_result == -ECONNRESET);
        pair_close(&h, pair);
    }
    free(bytes);
}

static bool crowd_is_in(const void *host)
{
    return ((const struct host *)host)->accepted == CROWD;
}

static void a_thousand_at_once(void **state UNUSED)
{
    struct end *clients = xcalloc(CROWD, sizeof(*clients));
    struct end *servers = xcalloc(CROWD, sizeof(*servers));
    struct iovec part = {(char[]){"me"}, 2};
    struct host h;

    host_open(&h, servers);
    for (unsigned i = 0; i < CROWD; i++) {
        connect_start(&clients[i], &h);
        if (i % 100 == 99)
            turn_until(op_is_over, &clients[i].out);
    }
    turn_until(crowd_is_in, &h);
    for (unsigned i = 0; i < CROWD; i++) {
        turn_until(op_is_over, &clients[i].out);
        assert_int_equal(clients[i].out_result, 0);
        receive(&servers[i]);
        send_parts(&clients[i], &part, 1);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        turn_until(op_is_over, &servers[i].in);
        receive_until(&servers[i], 2);
        turn_until(op_is_over, &clients[i].out);
        assert_int_equal(servers[i].received, 2);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        reactor_close_fd(r, clients[i].fd);
        reactor_close_fd(r, servers[i].fd);
    }
    host_close(&h);
    free(clients);
    free(servers);
}

struct alarm {
    struct timer timer;
    uint64_t came_ns;
    struct alarm *other; /* to be cancelled when this one comes */
    unsigned again;
};

static void alarm_due(struct timer *t)
{
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);

    a->came_ns = clock_monotonic_ns();
    assert_true(t->at_ns == 0);
    if (a->other != NULL)
        timer_cancel(&a->other->timer);
    if (a->again > 0) {
        a->again--;
        timer_set(r, t, 1, alarm_due);
    }
}

static bool alarm_is_over(const void *alarm)
{
    return ((const struct alarm *)alarm)->timer.at_ns == 0;
}

static void timers_come_in_time(void **state UNUSED)
{
    const uint64_t ms = 1000000;
    struct alarm alarms[6] = {0};
    uint64_t start;

    reactor_turn(r, 0);
    start = reactor_now_ns(r);
    timer_set(r, &alarms[0].timer, start + 150 * ms, alarm_due);
    timer_set(r, &alarms[1].timer, start + 5000 * ms, alarm_due);
    timer_set(r, &alarms[1].timer, start + 250 * ms, alarm_due); /* moved */
    timer_set(r, &alarms[2].timer, start + 50 * ms, alarm_due);
    timer_cancel(&alarms[2].timer);
    timer_cancel(&alarms[2].timer);
    timer_set(r, &alarms[3].timer, start + 150 * ms, alarm_due);
    timer_set(r, &alarms[4].timer, start + 150 * ms, alarm_due);
    alarms[3].other = &alarms[4];
    alarms[5].again = 1;
    timer_set(r, &alarms[5].timer, 1, alarm_due); /* long past */
    turn_until(alarm_is_over, &alarms[1]);
    assert_int_equal(alarms[5].again, 0);
    assert_true(alarms[0].came_ns >= start + 150 * ms);
    assert_true(alarms[0].came_ns <= start + 1150 * ms); /* 250 on an idle machine */
    assert_true(alarms[1].came_ns >= start + 250 * ms);
    assert_true(alarms[3].came_ns >= start + 150 * ms);
    assert_true(alarms[2].came_ns == 0 && alarms[4].came_ns == 0);
}

static void count_home(struct job *job)
{
    job->next = NULL;
    job->run = NULL;
}

static bool job_is_home(const void *job)
{
    return ((const struct job *)job)->run == NULL;
}

static void jobs_come_home(void **state UNUSED)
{
    struct job job = {.run = count_home, .home = count_home};

    inbox_post(reactor_inbox(r), &job);
    turn_until(job_is_home, &job);
    reactor_stop(r);
    reactor_run(r); /* returns at once */
}

static int suite_open(void **state UNUSED)
{
    r = net->open();
    return r == NULL;
}

static int suite_close(void **state UNUSED)
{
    net->close(&r);
    return 0;
}

int reactor_suite_run(const struct suite_net *which)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(large_sends_arrive_whole),
        cmocka_unit_test(end_of_stream_comes_after_the_bytes),
        cmocka_unit_test(receive_wakes_at_the_end),
        cmocka_unit_test(sending_to_the_gone_fails),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(cancels_end_each_op_once),
        cmocka_unit_test(cancel_after_the_bytes_came),
        cmocka_unit_test(closing_sequence),
        cmocka_unit_test(a_thousand_at_once),
        cmocka_unit_test(timers_come_in_time),
        cmocka_unit_test(jobs_come_home),
    };

    net = which;
    return cmocka_run_group_tests_name(net->name, tests, suite_open, suite_close);
}
