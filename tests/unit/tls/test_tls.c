#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <mbedtls/oid.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/tls/tls_hello.h"
#include "core/tls/tls_mbed.h"
#include "tests/unit/tls/tls_peer.h"

enum {
    WANT_READ = MBEDTLS_ERR_SSL_WANT_READ,
    READ_SIZE = TLS_RECORD_MAX,
    DAY_S = 24 * 3600,
};

static const char *pem_a, *pem_b, *pem_client;
static char scratch[READ_SIZE];

static struct tls_context *context_of(enum tls_client_certificate client)
{
    struct tls_files files[] = {
        {pem_a, ""},
        {pem_b, ""},
    };
    struct tls_config config = {
        .files = files,
        .file_count = 2,
        .ca_file = client == TLS_CLIENT_NEVER ? "" : pem_client,
        .client = {client, client, client},
        .lanes = 2,
    };
    struct chain why = {0};
    struct tls_context *c = tls_context_open(&config, &why);

    assert_non_null(c);
    assert_int_equal(why.len, 0);
    return c;
}

/* ---- both ends ---- */

struct pair {
    struct tls *server;
    struct tls_peer client;
    struct chain in, out; /* the server's */
    struct tls_facts facts;
};

static void pair_open(struct pair *p, struct tls_context *c, const char *service,
                      enum tls_protocol protocol)
{
    *p = (struct pair){0};
    p->server = tls_open(c, service, protocol);
    assert_non_null(p->server);
    tls_peer_open(&p->client);
}

static void pair_close(struct pair *p)
{
    tls_free(&p->server);
    tls_peer_close(&p->client);
    chain_free(&p->in);
    chain_free(&p->out);
}

/* Bytes of the client's reach the server in pieces of `step`. */
static enum tls_status shake_server(struct pair *p, size_t step)
{
    enum tls_status status = TLS_WANTS;

    while (status == TLS_WANTS && p->client.out.len > 0) {
        chain_move_first(&p->in, &p->client.out,
                         step < p->client.out.len ? step : p->client.out.len);
        if (tls_has_record(&p->in))
            status = tls_handshake(p->server, &p->in, &p->out);
    }
    return status;
}

static enum tls_status shake(struct pair *p, size_t step, int *client_r)
{
    enum tls_status status = TLS_WANTS;

    do {
        *client_r = tls_peer_shake(&p->client);
        if (p->client.out.len == 0 && status == TLS_WANTS)
            return status;
        if (status == TLS_WANTS)
            status = shake_server(p, step);
        chain_move(&p->client.in, &p->out);
    } while (*client_r == WANT_READ && p->client.in.len > 0);
    if (status == TLS_OK)
        tls_settle(p->server, &p->facts);
    return status;
}

static void shake_well(struct pair *p)
{
    int client;

    assert_int_equal(shake(p, SIZE_MAX, &client), TLS_OK);
    assert_int_equal(client, 0);
}

/* ---- handshakes ---- */

static void handshake_in_any_pieces(void **state)
{
    static const size_t steps[] = {1, 2, 3, 5, 6, 7, 64, 200, 1000, SIZE_MAX};
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct pair p;
        int client;
        pair_open(&p, c, "smtp", TLS_SMTP);
        tls_peer_begin(&p.client, "b.example.org");
        assert_int_equal(shake(&p, steps[i], &client), TLS_OK);
        assert_int_equal(client, 0);
        assert_string_equal(p.facts.server_name, "b.example.org");
        assert_string_equal(p.facts.client_name, "");
        assert_int_equal(p.facts.bits, 256);
        assert_false(p.facts.is_resumed);
        pair_close(&p);
    }
    tls_context_close(&c);
}

static void facts_are_openssls_words(void **state)
{
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);
    struct pair p;

    (void)state;
    pair_open(&p, c, "smtp", TLS_SMTP);
    tls_peer_begin(&p.client, "a.example.org");
    shake_well(&p);
    if (tls_mbed_has_13()) {
        assert_string_equal(p.facts.version, "TLSv1.3");
    } else {
        assert_string_equal(p.facts.version, "TLSv1.2");
        assert_string_equal(p.facts.cipher, "ECDHE-ECDSA-CHACHA20-POLY1305");
    }
    pair_close(&p);
    tls_context_close(&c);
}

static bool peer_sees(struct tls_peer *p, const char *name)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&p->ssl);

    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next) {
        if (s->buf.len == strlen(name) && memcmp(s->buf.p, name, s->buf.len) == 0)
            return true;
    }
    return false;
}

static void certificate_by_name(void **state)
{
    static const struct {
        const char *asked, *got;
    } rows[] = {
        {"a.example.org",        "a.example.org"     },
        {"b.example.org",        "b.example.org"     },
        {"B.Example.ORG",        "b.example.org"     },
        {"x.wild.example.org",   "*.wild.example.org"},
        {"y.x.wild.example.org", "a.example.org"     },
        {"wild.example.org",     "a.example.org"     },
        {"nobody.example.net",   "a.example.org"     },
        {"b.example.org\\",      "a.example.org"     },
        {"..",                   "a.example.org"     },
    };
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        pair_open(&p, c, "smtp", TLS_SMTP);
        tls_peer_begin(&p.client, rows[i].asked);
        shake_well(&p);
        assert_true(peer_sees(&p.client, rows[i].got));
        pair_close(&p);
    }
    tls_context_close(&c);
}

static void alpn_when_offered(void **state)
{
    static const struct {
        const char *offered;
        enum tls_status status;
    } rows[] = {
        {"imap", TLS_OK    },
        {"pop3", TLS_FAILED},
        {"h2",   TLS_FAILED},
    };
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        int client;
        pair_open(&p, c, "imaps", TLS_IMAP);
        tls_peer_offer(&p.client, rows[i].offered);
        tls_peer_begin(&p.client, "a.example.org");
        assert_int_equal(shake(&p, SIZE_MAX, &client), rows[i].status);
        if (rows[i].status == TLS_FAILED)
            assert_int_equal(client, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
        pair_close(&p);
    }
    tls_context_close(&c);
}

static void client_certificate(void **state)
{
    static const struct {
        enum tls_client_certificate rule;
        int shown; /* 0 none, 1 a good one, 2 one that nobody vouches for */
        enum tls_status status;
        const char *name;
    } rows[] = {
        {TLS_CLIENT_NEVER,   1, TLS_OK,     ""               },
        {TLS_CLIENT_ASK,     0, TLS_OK,     ""               },
        {TLS_CLIENT_ASK,     1, TLS_OK,     "ann@example.org"},
        {TLS_CLIENT_ASK,     2, TLS_OK,     ""               },
        {TLS_CLIENT_REQUIRE, 0, TLS_FAILED, ""               },
        {TLS_CLIENT_REQUIRE, 1, TLS_OK,     "ann@example.org"},
        {TLS_CLIENT_REQUIRE, 2, TLS_FAILED, ""               },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *c = context_of(rows[i].rule);
        struct pair p;
        int client;
        pair_open(&p, c, "smtp", TLS_SMTP);
        if (rows[i].shown > 0)
            tls_peer_show(&p.client, rows[i].shown == 1 ? pem_client : pem_b);
        tls_peer_begin(&p.client, "a.example.org");
        assert_int_equal(shake(&p, SIZE_MAX, &client), rows[i].status);
        if (rows[i].status == TLS_OK)
            assert_string_equal(p.facts.client_name, rows[i].name);
        pair_close(&p);
        tls_context_close(&c);
    }
}

/* ---- tickets ---- */

static uint64_t clock_s;

static uint64_t stopped_clock_ns(void)
{
    return clock_s * 1000000000;
}

static void ticket_only_where_it_was_given(void **state)
{
    static const struct {
        const char *service, *name;
        enum tls_protocol protocol;
        unsigned later_s;
        bool resumed;
    } rows[] = {
        {"imaps", "a.example.org", TLS_IMAP, 0,    true },
        {"imaps", "a.example.org", TLS_IMAP, 1800, true },
        {"imap",  "a.example.org", TLS_IMAP, 0,    false},
        {"imaps", "b.example.org", TLS_IMAP, 0,    false},
        {"imaps", "a.example.org", TLS_SMTP, 0,    false},
        {"imaps", "a.example.org", TLS_IMAP, 3700, false},
        {"imaps", "a.example.org", TLS_IMAP, 9000, false},
    };
    static const struct clock_source stopped = {.monotonic_ns = stopped_clock_ns};

    (void)state;
    clock_replace(&stopped);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *c = context_of(TLS_CLIENT_NEVER);
        struct pair first, second;
        clock_s = 1000;
        pair_open(&first, c, "imaps", TLS_IMAP);
        tls_peer_only_12(&first.client);
        tls_peer_begin(&first.client, "a.example.org");
        shake_well(&first);
        tls_peer_keep(&first.client);
        clock_s += rows[i].later_s;
        pair_open(&second, c, rows[i].service, rows[i].protocol);
        tls_peer_only_12(&second.client);
        tls_peer_resume(&second.client, &first.client);
        tls_peer_begin(&second.client, rows[i].name);
        shake_well(&second);
        assert_int_equal(second.facts.is_resumed, rows[i].resumed);
        pair_close(&first);
        pair_close(&second);
        tls_context_close(&c);
    }
    clock_replace(NULL);
}

/* ---- bytes ---- */

static void fill(char *at, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(i * 31 + seed);
}

/* What the client writes, in records of its own choice, comes out as it went in, at any cut. */
static void bytes_in(struct pair *p, size_t len, size_t cut)
{
    char *text = xmalloc(len), *got = xmalloc(len + READ_SIZE);
    struct chain none = {0};
    size_t have = 0, part;

    fill(text, len, (unsigned)cut);
    for (size_t done = 0; done < len;) {
        int n = mbedtls_ssl_write(&p->client.ssl, (unsigned char *)text + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    while (p->client.out.len > 0) {
        char piece[512];
        size_t size = cut < p->client.out.len ? cut : p->client.out.len;
        struct span bytes = {piece, size};
        enum tls_status status;
        chain_copy(&p->client.out, 0, piece, size);
        chain_drop(&p->client.out, size);
        while ((status = tls_read(p->server, &none, &bytes, scratch, READ_SIZE, &part, &p->out)) ==
               TLS_OK) {
            memcpy(got + have, scratch, part);
            have += part;
        }
        assert_int_equal(status, TLS_WANTS);
        assert_int_equal(bytes.len, 0);
    }
    assert_int_equal(have, len);
    assert_memory_equal(got, text, len);
    free(text);
    free(got);
}

static void bytes_out(struct pair *p, size_t len, size_t block)
{
    char *text = xmalloc(len), *got = xmalloc(len + 1);
    struct chain plain = {0};
    size_t have = 0;

    fill(text, len, (unsigned)block);
    for (size_t at = 0; at < len; at += block)
        chain_lend(&plain, span_first((struct span){text + at, len - at}, block), NULL, NULL);
    while (plain.len > 0)
        assert_int_equal(tls_write(p->server, &plain, 50000, &p->out), TLS_OK);
    chain_move(&p->client.in, &p->out);
    while (have < len) {
        int n = mbedtls_ssl_read(&p->client.ssl, (unsigned char *)got + have, len - have);
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_memory_equal(got, text, len);
    free(text);
    free(got);
}

static void bytes_both_ways(void **state)
{
    static const size_t lens[] = {1, 100, 16383, 16384, 16385, 100000};
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);
    struct pair p;

    (void)state;
    pair_open(&p, c, "smtp", TLS_SMTP);
    tls_peer_begin(&p.client, "a.example.org");
    shake_well(&p);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        bytes_in(&p, lens[i], 1);
        bytes_in(&p, lens[i], 512);
        bytes_out(&p, lens[i], 7);
        bytes_out(&p, lens[i], 40000);
        tls_rest(p.server);
    }
    pair_close(&p);
    tls_context_close(&c);
}

static enum tls_status feed(struct pair *p, struct chain *from, size_t *len_r)
{
    struct chain none = {0};
    struct span bytes = chain_flat(from);
    enum tls_status status = tls_read(p->server, &none, &bytes, scratch, READ_SIZE, len_r, &p->out);

    chain_free(from);
    return status;
}

/* Data and the end in one segment: first the data, then the end, and nothing after it. */
static void end_comes_after_the_data(void **state)
{
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);
    struct pair p;
    size_t len;

    (void)state;
    pair_open(&p, c, "smtp", TLS_SMTP);
    tls_peer_begin(&p.client, "a.example.org");
    shake_well(&p);
    assert_int_equal(mbedtls_ssl_write(&p.client.ssl, (const unsigned char *)"QUIT", 4), 4);
    assert_int_equal(mbedtls_ssl_close_notify(&p.client.ssl), 0);
    assert_int_equal(feed(&p, &p.client.out, &len), TLS_OK);
    assert_int_equal(len, 4);
    chain_add(&p.client.out, SPAN("clear text"));
    assert_int_equal(feed(&p, &p.client.out, &len), TLS_ENDED);
    assert_int_equal(feed(&p, &p.client.out, &len), TLS_ENDED);
    tls_close(p.server, &p.out);
    assert_true(p.out.len > 0);
    pair_close(&p);
    tls_context_close(&c);
}

static void spoilt_record_fails(void **state)
{
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);
    struct pair p;
    struct chain spoilt = {0};
    struct span bytes;
    size_t len;
    char *at;

    (void)state;
    pair_open(&p, c, "smtp", TLS_SMTP);
    tls_peer_begin(&p.client, "a.example.org");
    shake_well(&p);
    assert_int_equal(mbedtls_ssl_write(&p.client.ssl, (const unsigned char *)"QUIT", 4), 4);
    bytes = chain_flat(&p.client.out);
    at = chain_reserve(&spoilt, bytes.len);
    memcpy(at, bytes.at, bytes.len);
    at[bytes.len - 1] ^= 1;
    chain_added(&spoilt, bytes.len);
    assert_int_equal(feed(&p, &spoilt, &len), TLS_FAILED);
    assert_true(p.out.len > 0);
    assert_true(strlen(tls_why(p.server)) > 0);
    assert_int_equal(feed(&p, &p.client.out, &len), TLS_FAILED);
    pair_close(&p);
    tls_context_close(&c);
}

/* ---- nonsense ---- */

static void garbage_is_refused(void **state)
{
    static const struct {
        const char *name;
        struct span bytes;
        bool may_wait;
    } rows[] = {
        {"HTTP",             {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},            false},
        {"SMTP",             {"EHLO client.example.com\r\n", 25},                  false},
        {"SSLv2",            {"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11}, false},
        {"record too long",  {"\x16\x03\x01\xff\xff", 5},                          false},
        {"empty record",     {"\x16\x03\x01\x00\x00", 5},                          false},
        {"application data", {"\x17\x03\x03\x00\x01x", 6},                         false},
        {"an alert",         {"\x15\x03\x01\x00\x02\x02\x28", 7},                  false},
        {"half a hello",     {"\x16\x03\x01\x00\x04\x01\x00\xff\xff", 9},          true },
    };
    struct tls_context *c = context_of(TLS_CLIENT_NEVER);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        enum tls_status status;
        pair_open(&p, c, "smtp", TLS_SMTP);
        chain_add(&p.in, rows[i].bytes);
        assert_true(tls_has_record(&p.in));
        status = tls_handshake(p.server, &p.in, &p.out);
        if (rows[i].may_wait && status == TLS_WANTS)
            status = TLS_FAILED; /* newer libraries put a message of many records together */
        else
            assert_int_equal(tls_handshake(p.server, &p.in, &p.out), TLS_FAILED);
        if (status != TLS_FAILED)
            fail_msg("%s: %d", rows[i].name, (int)status);
        pair_close(&p);
    }
    tls_context_close(&c);
}

static void hello_is_read(void **state)
{
    static const char good[] = "\x16\x03\x01\x00\x48\x01\x00\x00\x44\x03\x03"
                               "0123456789abcdef0123456789abcdef"
                               "\x00\x00\x02\xcc\xa9\x01\x00\x00\x19"
                               "\x00\x17\x00\x00\x00\x00\x00\x11\x00\x0f\x00\x00\x0c"
                               "Mx.Example.C";
    struct span record = {good, sizeof(good) - 1};
    struct tls_hello hello;

    (void)state;
    assert_true(tls_hello_read(record, &hello));
    assert_string_equal(hello.server_name, "mx.example.c");
    assert_true(hello.has_ems);
    for (size_t len = 0; len < record.len; len++)
        assert_false(tls_hello_read(span_first(record, len), &hello));
}

static void host_names(void **state)
{
    static const struct {
        struct span name;
        const char *is;
    } rows[] = {
        {{"Mail.Example.org", 16}, "mail.example.org"},
        {{"a", 1},                 "a"               },
        {{"xn--mller-kva.de", 16}, "xn--mller-kva.de"},
        {{"", 0},                  ""                },
        {{".a", 2},                ""                },
        {{"a..b", 4},              ""                },
        {{"a\0b", 3},              ""                },
        {{"a b", 3},               ""                },
        {{"a\\", 2},               ""                },
        {{"a/b", 3},               ""                },
    };
    char long_name[300], name[TLS_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(tls_hello_name(rows[i].name, name), rows[i].is[0] != '\0');
        assert_string_equal(name, rows[i].is);
    }
    memset(long_name, 'a', sizeof(long_name));
    assert_true(tls_hello_name((struct span){long_name, TLS_NAME_MAX}, name));
    assert_false(tls_hello_name((struct span){long_name, TLS_NAME_MAX + 1}, name));
}

/* ---- files ---- */

static void files_that_are_wrong(void **state)
{
    const char *text = tls_peer_path("text.pem");
    const struct {
        struct tls_files files;
        const char *why;
    } rows[] = {
        {{"/nonexistent/a.pem", ""}, "/nonexistent/a.pem: can't be read"},
        {{text, ""},                 "no certificate in PEM format"     },
        {{pem_a, text},              "no private key in PEM format"     },
        {{pem_a, pem_b},             "the key is not that of"           },
        {{"/", ""},                  "not a file of certificates"       },
    };
    FILE *f = fopen(text, "we");

    (void)state;
    assert_non_null(f);
    fputs("no PEM here\n", f);
    fclose(f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain why = {0};
        struct tls_config config = {.files = &rows[i].files, .file_count = 1, .ca_file = ""};
        assert_null(tls_context_open(&config, &why));
        chain_add_byte(&why, '\0');
        if (strstr(chain_flat(&why).at, rows[i].why) == NULL)
            fail_msg("%s is not in: %s", rows[i].why, chain_flat(&why).at);
        chain_free(&why);
    }
}

static void certificate_of_our_own(void **state)
{
    const char *path = tls_peer_path("own.pem");
    int64_t now_s = clock_wall_us() / 1000000;
    struct tls_files files = {path, ""};
    struct tls_config config = {.files = &files, .file_count = 1, .ca_file = ""};
    struct chain why = {0};
    struct tls_context *c;
    struct pair p;

    (void)state;
    assert_true(tls_make_certificate(path, "mail.example.org", now_s, &why));
    assert_true(tls_make_certificate(path, "other.example.org", now_s, &why));
    c = tls_context_open(&config, &why);
    assert_non_null(c);
    tls_context_warn(c, now_s, &why);
    assert_int_equal(why.len, 0);
    tls_context_warn(c, now_s + (10 * 365 - 5) * (int64_t)DAY_S, &why);
    assert_true(why.len > 0);
    pair_open(&p, c, "smtp", TLS_SMTP);
    tls_peer_begin(&p.client, "localhost");
    shake_well(&p);
    assert_true(peer_sees(&p.client, "mail.example.org"));
    assert_true(peer_sees(&p.client, "localhost"));
    pair_close(&p);
    tls_context_close(&c);
    chain_free(&why);
    assert_false(tls_make_certificate("/nonexistent/x.pem", "a", now_s, &why));
    assert_true(why.len > 0);
    chain_free(&why);
}

/* ---- our own calls ---- */

/* Both ends are ours; what the client says about the server. */
static enum tls_trust dial(const char *ca_file, const struct tls_target *target)
{
    struct tls_context *servers = context_of(TLS_CLIENT_NEVER), *clients;
    struct tls *server = tls_open(servers, "smtp", TLS_SMTP), *client;
    struct chain to_server = {0}, to_client = {0}, why = {0}, plain = {0};
    enum tls_status status = TLS_WANTS, served = TLS_WANTS;
    struct tls_facts facts;
    struct span none = SPAN("");
    size_t len;

    clients = tls_client_context_open(
        &(struct tls_client_config){.ca_file = ca_file, .ca_path = ""}, &why);
    assert_non_null(clients);
    client = tls_dial(clients, target);
    for (unsigned i = 0; i < 10 && (status == TLS_WANTS || served == TLS_WANTS); i++) {
        if (status == TLS_WANTS)
            status = tls_handshake(client, &to_client, &to_server);
        if (served == TLS_WANTS)
            served = tls_handshake(server, &to_server, &to_client);
    }
    assert_int_equal(status, TLS_OK);
    assert_int_equal(served, TLS_OK);
    tls_settle(client, &facts);
    assert_int_equal(facts.bits, 256);
    chain_add(&plain, SPAN("EHLO us\r\n"));
    assert_int_equal(tls_write(client, &plain, SIZE_MAX, &to_server), TLS_OK);
    assert_int_equal(
        tls_read(server, &to_server, &none, scratch, sizeof(scratch), &len, &to_client), TLS_OK);
    assert_int_equal(len, 9);
    chain_free(&to_server);
    chain_free(&to_client);
    tls_free(&client);
    tls_free(&server);
    tls_context_close(&clients);
    tls_context_close(&servers);
    return facts.trust;
}

static void servers_are_known_by_name(void **state)
{
    (void)state;
    assert_int_equal(dial("", &(struct tls_target){"a.example.org", "", NULL, 0}), TLS_UNTRUSTED);
    assert_int_equal(dial(pem_a, &(struct tls_target){"a.example.org", "", NULL, 0}), TLS_VERIFIED);
    assert_int_equal(dial(pem_a, &(struct tls_target){"x.example.net", "", NULL, 0}), TLS_TRUSTED);
    assert_int_equal(
        dial(pem_a, &(struct tls_target){"x.example.net", "y.net .example.org", NULL, 0}),
        TLS_VERIFIED);
    assert_int_equal(dial(pem_b, &(struct tls_target){"a.example.org", "", NULL, 0}),
                     TLS_UNTRUSTED);
    assert_int_equal(dial("", &(struct tls_target){"", "", NULL, 0}), TLS_UNTRUSTED);
}

static void servers_are_known_by_pins(void **state)
{
    mbedtls_x509_crt crt;
    struct tls_pin pins[2] = {
        {.usage = 3, .selector = 1, .matching = 1, .data = SPAN("no such")}
    };
    struct tls_target target = {"elsewhere.example.net", "", pins, 1};

    (void)state;
    mbedtls_x509_crt_init(&crt);
    assert_int_equal(mbedtls_x509_crt_parse_file(&crt, pem_a), 0);
    assert_int_equal(dial(pem_a, &target), TLS_UNTRUSTED);
    pins[1] = (struct tls_pin){
        3, 1, 0, {(const char *)crt.pk_raw.p, crt.pk_raw.len}
    };
    target.pin_count = 2;
    assert_int_equal(dial("", &target), TLS_VERIFIED);
    pins[1] = (struct tls_pin){
        3, 0, 0, {(const char *)crt.raw.p, crt.raw.len}
    };
    assert_int_equal(dial("", &target), TLS_VERIFIED);
    pins[1].usage = 1; /* of no use in mail */
    assert_int_equal(dial("", &target), TLS_UNTRUSTED);
    pins[1].usage = 2; /* its name must fit then */
    assert_int_equal(dial("", &target), TLS_UNTRUSTED);
    mbedtls_x509_crt_free(&crt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_in_any_pieces),
        cmocka_unit_test(servers_are_known_by_name),
        cmocka_unit_test(servers_are_known_by_pins),
        cmocka_unit_test(facts_are_openssls_words),
        cmocka_unit_test(certificate_by_name),
        cmocka_unit_test(alpn_when_offered),
        cmocka_unit_test(client_certificate),
        cmocka_unit_test(ticket_only_where_it_was_given),
        cmocka_unit_test(bytes_both_ways),
        cmocka_unit_test(end_comes_after_the_data),
        cmocka_unit_test(spoilt_record_fails),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(hello_is_read),
        cmocka_unit_test(host_names),
        cmocka_unit_test(files_that_are_wrong),
        cmocka_unit_test(certificate_of_our_own),
    };

    tls_begin();
    pem_a = tls_peer_path("a.pem");
    pem_b = tls_peer_path("b.pem");
    pem_client = tls_peer_path("client.pem");
    tls_peer_make(pem_a, "a.example.org localhost", NULL);
    tls_peer_make(pem_b, "b.example.org *.wild.example.org", NULL);
    tls_peer_make(pem_client, "", "ann@example.org");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
