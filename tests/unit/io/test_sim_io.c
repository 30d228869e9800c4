#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/chain.h"
#include "core/base/crc32c.h"
#include "tests/support/sim_io.h"
#include "tests/unit/io/reactor_suite.h"

enum {
    PORT = 2525,
    SEEDS = 30,
};

static struct sim *sim;
static uint64_t seed = 1;
static uint16_t port;

static struct reactor *suite_reactor_open(void)
{
    struct reactor *r = NULL;

    sim = sim_open(seed, NULL);
    return reactor_open_with(&backend_sim, NULL, &r) == 0 ? r : NULL;
}

static void suite_reactor_close(struct reactor **r)
{
    reactor_close(r);
    sim_close(&sim);
}

static int suite_listen(struct sockaddr_storage *address_r, socklen_t *size_r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(++port)};

    *address_r = (struct sockaddr_storage){0};
    memcpy(address_r, &a, sizeof(a));
    *size_r = sizeof(a);
    return sim_listen(sim, port);
}

static int suite_socket(void)
{
    return sim_socket(sim);
}

/* A server that answers each byte by the same in upper case, and closes at the end of the stream.
 */
struct echo {
    struct io_op in, out;
    struct reactor *r;
    struct chain waiting;
    struct iovec part;
    char sending[4096];
    bool over;
};

static struct io_op accept_op;
static unsigned echoes_open, accept_errors;

static void echo_close_if_over(struct echo *e)
{
    if (!e->over || e->in.armed || e->out.armed || e->waiting.len > 0)
        return;
    reactor_close_fd(e->r, e->in.fd);
    free(e);
    echoes_open--;
}

static void echo_sent(struct io_op *op, int result, struct span data);

static void echo_send(struct echo *e)
{
    size_t len = e->waiting.len < sizeof(e->sending) ? e->waiting.len : sizeof(e->sending);

    if (e->out.armed || len == 0)
        return;
    chain_copy(&e->waiting, 0, e->sending, len);
    chain_drop(&e->waiting, len);
    e->part = (struct iovec){e->sending, len};
    reactor_send(e->r, &e->out, e->in.fd, &e->part, 1, echo_sent);
}

static void echo_sent(struct io_op *op, int result, struct span data UNUSED)
{
    struct echo *e = CONTAINER_OF(op, struct echo, out);

    if (result < 0) {
        e->over = true;
        chain_free(&e->waiting);
        reactor_cancel(e->r, &e->in);
    }
    echo_send(e);
    echo_close_if_over(e);
}

static void echo_received(struct io_op *op, int result, struct span data)
{
    struct echo *e = CONTAINER_OF(op, struct echo, in);

    if (result <= 0 || e->over) {
        e->over = true;
        echo_close_if_over(e);
        return;
    }
    for (size_t i = 0; i < data.len; i++)
        chain_add_byte(&e->waiting, (char)(data.at[i] - 32));
    echo_send(e);
    reactor_receive(e->r, &e->in, op->fd, echo_received);
}

static struct reactor *echo_reactor;

static void echo_accepted(struct io_op *op UNUSED, int result, struct span data UNUSED)
{
    struct echo *e;

    if (result < 0) {
        accept_errors++;
        return;
    }
    e = calloc(1, sizeof(*e));
    assert_non_null(e);
    e->r = echo_reactor;
    echoes_open++;
    reactor_receive(e->r, &e->in, result, echo_received);
}

static void echo_open(uint64_t with_seed, const struct sim_habits *habits, int *listening_r)
{
    sim = sim_open(with_seed, habits);
    assert_int_equal(reactor_open_with(&backend_sim, NULL, &echo_reactor), 0);
    *listening_r = sim_listen(sim, PORT);
    reactor_accept(echo_reactor, &accept_op, *listening_r, echo_accepted);
}

static void echo_close(int listening)
{
    for (unsigned i = 0; i < 100000 && echoes_open > 0; i++)
        reactor_turn(echo_reactor, UINT64_MAX);
    assert_int_equal(echoes_open, 0);
    reactor_cancel(echo_reactor, &accept_op);
    while (accept_op.armed)
        reactor_turn(echo_reactor, UINT64_MAX);
    reactor_close_fd(echo_reactor, listening);
    reactor_close(&echo_reactor);
    sim_close(&sim);
}

/* Three clients talk; returns a sum over what each saw and when, to compare two runs. */
static uint32_t three_clients(uint64_t with_seed, const struct sim_habits *habits)
{
    static const char letters[] = "ABCDEFGHIJ";
    struct sim_client *clients[3];
    uint32_t trace = 0;
    size_t got[3] = {0};
    int listening;

    echo_open(with_seed, habits, &listening);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = sim_client_open(sim, PORT, i == 1 ? "198.51.100.7" : NULL);
        assert_non_null(clients[i]);
        for (unsigned k = 0; k < 100; k++)
            sim_client_write(clients[i], SPAN("abcdefghij"));
        if (i == 0)
            sim_client_shut(clients[i]);
    }
    while (got[0] < 1000 || got[1] < 1000 || got[2] < 1000) {
        reactor_turn(echo_reactor, UINT64_MAX);
        for (unsigned i = 0; i < 3; i++) {
            struct span bytes = sim_client_bytes(clients[i]);

            uint64_t what = bytes.len * 3 + i;

            for (size_t k = 0; k < bytes.len; k++)
                assert_int_equal(bytes.at[k], letters[(got[i] + k) % 10]);
            trace = crc32c(trace, &what, sizeof(what));
            got[i] += bytes.len;
            sim_client_take(clients[i], bytes.len);
        }
    }
    while (!sim_client_ended(clients[0]))
        reactor_turn(echo_reactor, UINT64_MAX);
    for (unsigned i = 0; i < 3; i++)
        sim_client_close(&clients[i]);
    trace = crc32c(trace, &(uint64_t){reactor_now_ns(echo_reactor)}, sizeof(uint64_t));
    echo_close(listening);
    return trace;
}

static void a_seed_is_a_run(void **state UNUSED)
{
    uint32_t first = three_clients(1, NULL);

    assert_int_equal(three_clients(1, NULL), first);
    assert_int_not_equal(three_clients(2, NULL), first);
    for (uint64_t s = 3; s < SEEDS; s++)
        (void)three_clients(s, NULL);
}

static void habits_decide(void **state UNUSED)
{
    static const struct sim_habits plain = {.batch_max = 1, .room_bytes = 1 << 20};
    static const struct sim_habits narrow = {.batch_max = 3,
                                             .cut_percent = 90,
                                             .delay_us_max = 10,
                                             .room_bytes = 7,
                                             .accept_fails_percent = 50};

    (void)three_clients(1, &plain);
    accept_errors = 0;
    for (uint64_t s = 1; s < 10; s++)
        (void)three_clients(s, &narrow);
    assert_true(accept_errors > 0);
}

/* Whatever breaks, the server sees an end and closes. */
static void broken_connections_end(void **state UNUSED)
{
    static const struct sim_habits breaking = {.batch_max = 8,
                                               .cut_percent = 50,
                                               .delay_us_max = 100,
                                               .room_bytes = 500,
                                               .resets_per_million = 20000};
    unsigned resets = 0;

    for (uint64_t s = 1; s < SEEDS; s++) {
        struct sim_client *c;
        int listening;

        echo_open(s, &breaking, &listening);
        c = sim_client_open(sim, PORT, NULL);
        for (unsigned i = 0; i < 200; i++) {
            sim_client_write(c, SPAN("hello"));
            reactor_turn(echo_reactor, UINT64_MAX);
        }
        resets += sim_client_was_reset(c);
        if (s % 3 == 0)
            sim_client_reset(c);
        sim_client_close(&c);
        echo_close(listening);
    }
    assert_true(resets > 0);
}

static void nobody_at_the_port(void **state UNUSED)
{
    sim = sim_open(1, NULL);
    assert_null(sim_client_open(sim, PORT, NULL));
    assert_true(sim_is_idle(sim));
    sim_close(&sim);
}

int main(void)
{
    const struct suite_net net = {"sim", suite_reactor_open, suite_reactor_close, suite_listen,
                                  suite_socket};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_is_a_run),
        cmocka_unit_test(habits_decide),
        cmocka_unit_test(broken_connections_end),
        cmocka_unit_test(nobody_at_the_port),
    };
    int failed = 0;

    for (seed = 1; seed <= 3; seed++)
        failed += reactor_suite_run(&net);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
