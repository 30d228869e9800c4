/*
 * The DNS by libunbound, against a name server of this test on loopback that answers as the first
 * label of a name says: rightly, not at all, with another id, with a name that leads in a circle
 * (R08, R09, R10, R12).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/relay/relay_mx.h"
#include "core/relay/relay_unbound.h"

enum {
    HEADER_LEN = 12,
    PACKET_MAX = 4096,
};

/* ---- the name server ---- */

static int udp, tcp, stopper[2];
static char server_text[40];
static pthread_t server_thread;

static bool is_label(const unsigned char *query, const char *label)
{
    size_t len = strlen(label);

    return query[HEADER_LEN] == len && memcmp(query + HEADER_LEN + 1, label, len) == 0;
}

/* Header and question as they came, flags set; returns where records begin. */
static size_t begin(const unsigned char *query, size_t len, unsigned char *out, unsigned rcode,
                    unsigned records)
{
    size_t at = HEADER_LEN;

    while (at < len && query[at] != 0)
        at += query[at] + 1u;
    at += 5; /* the root, type, class */
    memcpy(out, query, at);
    out[2] = 0x81; /* an answer, recursion wanted */
    out[3] = (unsigned char)(0x80 | rcode);
    memset(out + 4, 0, 8);
    out[5] = 1;
    out[7] = (unsigned char)records;
    return at;
}

static size_t record(unsigned char *out, size_t at, unsigned type, const char *data, size_t len)
{
    const unsigned char head[] = {0xc0, HEADER_LEN, 0, (unsigned char)type, 0, 1, 0, 0,
                                  0,    60,         0, (unsigned char)len};

    memcpy(out + at, head, sizeof(head));
    memcpy(out + at + sizeof(head), data, len);
    return at + sizeof(head) + len;
}

/* 0: say nothing. */
static size_t reply_to(const unsigned char *query, size_t len, bool is_tcp, unsigned char *out)
{
    unsigned type = 0;
    size_t at = begin(query, len, out, 0, 1);

    type = query[at - 3];
    if (is_label(query, "quiet"))
        return 0;
    if (is_label(query, "nx"))
        return begin(query, len, out, 3, 0);
    if (is_label(query, "fail"))
        return begin(query, len, out, 2, 0);
    if (is_label(query, "mx") && type == RELAY_DNS_MX)
        return record(out, at, type, "\0\012\002a1\007example\0", 14);
    if (is_label(query, "circle") && type == RELAY_DNS_MX) {
        /* The name of the exchanger is a pointer to itself. */
        const char loop[] = {0, 10, (char)0xc0, (char)(at + 12 + 2)};
        return record(out, at, type, loop, sizeof(loop));
    }
    if (is_label(query, "short") && type == RELAY_DNS_MX)
        return record(out, at, type, "\0", 1);
    if (is_label(query, "wrong")) {
        out[0] ^= 0xff;
        return record(out, at, type, "\300\0\002\1", 4);
    }
    if (is_label(query, "long") && type == RELAY_DNS_A && !is_tcp) {
        at = begin(query, len, out, 0, 0);
        out[2] |= 2; /* truncated: ask by TCP */
        return at;
    }
    if (type == RELAY_DNS_A)
        return record(out, at, type, "\300\0\002\1", 4);
    return begin(query, len, out, 0, 0);
}

static void serve_udp(void)
{
    unsigned char query[PACKET_MAX], out[PACKET_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(udp, query, sizeof(query), 0, (struct sockaddr *)&from, &from_len);
    size_t answer = len > HEADER_LEN ? reply_to(query, (size_t)len, false, out) : 0;

    if (answer > 0)
        (void)!sendto(udp, out, answer, 0, (struct sockaddr *)&from, from_len);
}

static void serve_tcp(void)
{
    unsigned char query[PACKET_MAX], out[PACKET_MAX];
    int fd = accept(tcp, NULL, NULL);
    ssize_t len = read(fd, query, sizeof(query));
    size_t answer = len > HEADER_LEN + 2 ? reply_to(query + 2, (size_t)len - 2, true, out + 2) : 0;

    out[0] = (unsigned char)(answer >> 8);
    out[1] = (unsigned char)answer;
    if (answer > 0)
        (void)!write(fd, out, answer + 2);
    close(fd);
}

static void *serve(void *context)
{
    for (;;) {
        struct pollfd fds[] = {
            {udp,        POLLIN, 0},
            {tcp,        POLLIN, 0},
            {stopper[0], POLLIN, 0}
        };

        (void)poll(fds, COUNT_OF(fds), -1);
        if (fds[2].revents != 0)
            return context;
        if (fds[0].revents != 0)
            serve_udp();
        if (fds[1].revents != 0)
            serve_tcp();
    }
}

static int server_open(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    (void)state;
    for (unsigned tries = 0; tries < 20; tries++) {
        udp = socket(AF_INET, SOCK_DGRAM, 0);
        tcp = socket(AF_INET, SOCK_STREAM, 0);
        at.sin_port = 0;
        if (bind(udp, (struct sockaddr *)&at, sizeof(at)) != 0 ||
            getsockname(udp, (struct sockaddr *)&at, &len) != 0)
            return -1;
        if (bind(tcp, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(tcp, 10) == 0)
            break;
        close(udp);
        close(tcp);
    }
    snprintf(server_text, sizeof(server_text), "127.0.0.1:%u", ntohs(at.sin_port));
    return pipe(stopper) == 0 && pthread_create(&server_thread, NULL, serve, NULL) == 0 ? 0 : -1;
}

static int server_close(void **state)
{
    (void)state;
    close(stopper[1]);
    pthread_join(server_thread, NULL);
    close(stopper[0]);
    close(udp);
    close(tcp);
    return 0;
}

/* ---- asking ---- */

struct heard {
    unsigned times;
    char text[400];
};

static void hear(void *context, const struct relay_dns_answer *answer)
{
    static const char *const names[] = {"ok", "empty", "no name", "failed"};
    struct heard *h = context;
    struct relay_mx mx;

    h->times++;
    snprintf(h->text, sizeof(h->text), "%s %u", names[answer->status], answer->count);
    if (answer->count > 0 && relay_mx_parse(answer->records[0], &mx))
        snprintf(h->text, sizeof(h->text), "%u %s ttl=%d", mx.preference, mx.host,
                 answer->ttl_s > 0 && answer->ttl_s <= 60);
    assert_false(answer->is_secure);
}

static struct relay_unbound *unbound_open(unsigned timeout_ms, unsigned waiting_max)
{
    const char *const servers[] = {server_text};
    struct chain why = {0};
    struct relay_unbound *u =
        relay_unbound_open(&(struct relay_unbound_config){.servers = servers,
                                                          .server_count = 1,
                                                          .resolv_conf = "",
                                                          .trust_anchor = "",
                                                          .timeout_ms = timeout_ms,
                                                          .waiting_max = waiting_max},
                           &why);

    if (u == NULL)
        fail_msg("%.*s", (int)why.len, chain_flat(&why).at);
    return u;
}

static void ask(struct relay_unbound *u, const char *name, enum relay_dns_type type,
                struct heard *h)
{
    const struct relay_dns_source *source = relay_unbound_source(u);

    source->ask(source->self, name, type, hear, h);
}

static void wait_for(struct relay_unbound *u, const struct heard *h, unsigned times)
{
    while (h->times < times) {
        struct pollfd fd = {relay_unbound_fd(u), POLLIN, 0};
        uint64_t now = clock_monotonic_ns(), deadline = relay_unbound_deadline(u);

        assert_int_not_equal(deadline, UINT64_MAX);
        (void)poll(&fd, 1, deadline > now ? (int)((deadline - now) / 1000000) + 1 : 0);
        relay_unbound_turn(u, clock_monotonic_ns());
    }
}

static void answers(void **state)
{
    static const struct {
        const char *name;
        enum relay_dns_type type;
        const char *expected;
    } rows[] = {
        {"mx.example",     RELAY_DNS_MX,   "10 a1.example ttl=1"},
        {"a.example",      RELAY_DNS_A,    "ok 1"               },
        {"a.example",      RELAY_DNS_AAAA, "empty 0"            },
        {"nx.example",     RELAY_DNS_MX,   "no name 0"          },
        {"fail.example",   RELAY_DNS_MX,   "failed 0"           },
        {"circle.example", RELAY_DNS_MX,   "failed 0"           },
        {"long.example",   RELAY_DNS_A,    "ok 1"               },
    };
    struct relay_unbound *u = unbound_open(15000, 0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct heard h = {0};

        ask(u, rows[i].name, rows[i].type, &h);
        wait_for(u, &h, 1);
        if (strcmp(h.text, rows[i].expected) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, h.text);
    }
    assert_int_equal(relay_unbound_waiting(u), 0);
    relay_unbound_close(&u);
}

/* R12: who gets no answer fails after the time-out, and holds up nobody. */
static void silence(void **state)
{
    static const char *const names[] = {"quiet.example", "wrong.example", "short.example"};
    struct relay_unbound *u = unbound_open(700, 0);
    struct heard quiet = {0}, right = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        ask(u, names[i], RELAY_DNS_MX, &quiet);
    ask(u, "mx.example", RELAY_DNS_MX, &right);
    wait_for(u, &right, 1);
    assert_string_equal(right.text, "10 a1.example ttl=1");
    wait_for(u, &quiet, 3);
    assert_string_equal(quiet.text, "failed 0");
    assert_int_equal(relay_unbound_waiting(u), 0);
    relay_unbound_close(&u);
}

static void too_many(void **state)
{
    struct relay_unbound *u = unbound_open(20000, 2);
    struct heard waiting = {0}, refused = {0};

    (void)state;
    ask(u, "quiet1.example", RELAY_DNS_MX, &waiting);
    ask(u, "quiet.example", RELAY_DNS_MX, &waiting);
    ask(u, "quiet.example", RELAY_DNS_A, &refused);
    assert_int_equal(refused.times, 1);
    assert_string_equal(refused.text, "failed 0");
    relay_unbound_close(&u); /* what waits is not told */
    assert_true(waiting.times <= 1);
}

static void refused(void **state)
{
    static const struct {
        const char *server, *resolv_conf, *anchor, *said;
    } rows[] = {
        {"dns.example", "",                         "",                 "dns_servers: \"dns.example\" is no name server; "},
        {"",            "/nonexistent/resolv.conf", "",                 "/nonexistent/resolv.conf: cannot be read; "      },
        {"127.0.0.1",   "",                         "/nonexistent/key",
         "/nonexistent/key: no trust anchor that can be read; "                                                           },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const servers[] = {rows[i].server};
        struct chain why = {0};
        struct relay_unbound *u = relay_unbound_open(
            &(struct relay_unbound_config){.servers = servers,
                                           .server_count = rows[i].server[0] != '\0',
                                           .resolv_conf = rows[i].resolv_conf,
                                           .trust_anchor = rows[i].anchor},
            &why);
        assert_null(u);
        if (!span_eq(span_first(chain_flat(&why), strlen(rows[i].said)), span_str(rows[i].said)))
            fail_msg("row %zu: %.*s", i, (int)why.len, chain_flat(&why).at);
        chain_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(silence),
        cmocka_unit_test(too_many),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, server_open, server_close);
}
