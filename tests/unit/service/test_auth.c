/* Passwords: each scheme, the memory of successful logins, names that nobody has, SASL PLAIN. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/service/auth.h"
#include "core/service/auth_cache.h"
#include "core/service/auth_hash.h"
#include "core/service/auth_penalty.h"
#include "core/service/directory.h"
#include "core/service/service_settings.h"
#include "core/work/shared.h"
#include "proto/sasl/sasl.h"

/* ---- hashes ---- */

#define SHA512                                                                                     \
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI"                       \
    "68u4OTLiBFdcbYEdFCoEOfaS35inz1"

static const struct {
    const char *field, *password;
    enum auth_hash_answer answer;
} hash_rows[] = {
    {"{PLAIN}secret",                                                           "secret",       AUTH_HASH_MATCH    },
    {"{plain}secret",                                                           "Secret",       AUTH_HASH_DIFFERENT},
    {"{CLEARTEXT}secret",                                                       "secret",       AUTH_HASH_MATCH    },
    {"{CLEARTEXT}secret",                                                       "secre",        AUTH_HASH_DIFFERENT},
    {"{CLEARTEXT}secret",                                                       "secrets",      AUTH_HASH_DIFFERENT},
    {"{PLAIN}",                                                                 "",             AUTH_HASH_DIFFERENT},
    {"{SHA512-CRYPT}" SHA512,                                                   "Hello world!", AUTH_HASH_MATCH    },
    {SHA512,                                                                    "Hello world!", AUTH_HASH_MATCH    },
    {"{sha512-crypt}" SHA512,                                                   "Hello world",  AUTH_HASH_DIFFERENT},
    {"{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!",
     AUTH_HASH_MATCH                                                                                               },
    {"{MD5-CRYPT}$1$salt$wa8aFuC3rkp5bjoBIGTc41",                               "Hello world!", AUTH_HASH_MATCH    },
    {"{BLF-CRYPT}$2b$05$abcdefghijklmnopqrstuu7nFISH/8YdwlXD3lw69A4iBUf6fvWAW", "Hello world!",
     AUTH_HASH_MATCH                                                                                               },
    {"{CRYPT}$y$j75$saltsalt$TRSW./kpdC7DlmOOUm047MJ/Td/rj6zGcFJ.nSn.LW4",      "Hello world!",
     AUTH_HASH_MATCH                                                                                               },
    {"{CRYPT}$y$j75$saltsalt$TRSW./kpdC7DlmOOUm047MJ/Td/rj6zGcFJ.nSn.LW4",      "hello world!",
     AUTH_HASH_DIFFERENT                                                                                           },
    {"{SHA256-CRYPT}$6$saltstring$x",                                           "x",            AUTH_HASH_BROKEN   },
    {"{BLF-CRYPT}$2b$05$abcdefghijklmnopqrstuuDGbHkZ3WlrwDyoCbe3iJUAQ6s/hBTOa", "wrong",
     AUTH_HASH_DIFFERENT                                                                                           },
    {"{CRYPT}$y$j9T$",                                                          "x",            AUTH_HASH_DIFFERENT},
    {"{CRYPT}*",                                                                "*",            AUTH_HASH_BROKEN   },
    {"{CRYPT}!",                                                                "!",            AUTH_HASH_BROKEN   },
    {"{CRYPT}",                                                                 "",             AUTH_HASH_BROKEN   },
    {"",                                                                        "",             AUTH_HASH_BROKEN   },
    {"{CRYPT}$nothing$x",                                                       "x",            AUTH_HASH_BROKEN   },
    {"{SSHA512}abc",                                                            "x",            AUTH_HASH_BROKEN   },
    {"{ARGON2ID}$argon2id$v=19$x",                                              "x",            AUTH_HASH_BROKEN   },
    {"{CRAM-MD5}abc",                                                           "x",            AUTH_HASH_UNKNOWN  },
    {"{PLAIN",                                                                  "x",            AUTH_HASH_UNKNOWN  },
};

static void test_hashes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hash_rows); i++) {
        enum auth_hash_answer answer =
            auth_hash_check(span_str(hash_rows[i].field), span_str(hash_rows[i].password));
        if (answer != hash_rows[i].answer)
            fail_msg("row %zu (%s): %d", i, hash_rows[i].field, answer);
    }
}

/* Made by Dovecot of "Hello world!". */
static const char *const dovecot_fields[] = {
    "{SSHA}K35gaB/2mxbKC0EErvxC3KGlmcdTr9rW",
    "{SSHA256}67ZggeXmzl2vA5I/1FeK7DCenXwiwgcLPP1AEp8Xts7AlJ8n",
    "{SSHA512}/rsnJMarV7CQoYZLWAA4cdrskMDDwdWnrnzlXoTJZvoaKWSX9yQHZRWFAnhPmatEaC7Jxa0"
    "imtj3mJcdiJ+5GIQY0F4=",
    "{SMD5}i+z0Ztva1/Y0aZdsumPLRxW+2mU=",
    "{SHA}00hq6RNueFa8QiEjhep5cJRHWAI=",
    "{SHA256}wFNeS+K3n/2TKRMFQ2v4iTFOSj+uwF7P/Lt98xrZ5Ro=",
    "{SHA512}9s3ioPgZMUzd5V/CJ9jX2uPSjMVWIioKitZtkcytSq1glPUXohgjYMmqz2o9wyMWLLb9jN/+"
    "2w/gOPVehf+1tg==",
    "{PLAIN-MD5}86fb269d190d2c85f6e0468ceca42a20",
    "{LDAP-MD5}hvsmnRkNLIX24EaM7KQqIA==",
    "{MD5}$1$ITD2d1uK$5OYbu4xak24flgEqfzBVF/",
    "{SHA256.HEX}c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a",
    "{SSHA.HEX}454e60404a7f476bff804367bdc52ca35be4da5b7db88843",
    "{PBKDF2}$1$VIIqCCF0DEDp6thZ$5000$2e10469c6746f4d7fab994f418f12d830b77c69e",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$e8ZpeYzNcPZ+YidTMerIkw$9fYOoTk9S4q8qm7ZAN"
    "aTA7Foy4QxdvTovI0mZwai5GA",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$MrRMTUgi1a4NtImYZHe1ag$xh/7xQP0phmuY7gn"
    "c4e/VJ5FaQGbTvpqLT4BgXMhM0k",
    "{SCRAM-SHA-1}4096,U+HqOjLQHKJKjHkpxJnfRw==,eW/lAF1jf8zLDW9x3azqD219cPc=,6960/sw0"
    "tPTId97vWysGCeQIxSw=",
    "{SCRAM-SHA-256}4096,uWpuY0jjg5sSVQBFNuccaQ==,AuIclT/IvrTRaaXG+GbLfGOsVWN8qh91r3g"
    "zaA2ANhI=,Nip9YH4kM43nh/zj3QsqZi94Hz1Obm1CPVKdYNScvvQ=",
    "{SHA512-CRYPT}$6$hJF3L34g8sJthsx5$IQdRE/JmkXVd5FUqWYW/7Ly.k31JliCa4qMZd8jPK/j2TX"
    "to31d55GPDydJ4iRdCeV5oyB0UYDNErFgWfOK0s.",
    "{BLF-CRYPT}$2y$05$iJjG3ZxTCw0i9i6PUE32Vu6syVa7WM6OktHOSs35M/sWivCLLapai",
    "{MD5-CRYPT}$1$s6EFEBdV$MO5wCEoQRVApjVz8ocYAm0",
};

static void test_dovecot_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dovecot_fields); i++) {
        struct span field = span_str(dovecot_fields[i]);
        if (auth_hash_look(field) != AUTH_HASH_MATCH ||
            auth_hash_check(field, SPAN("Hello world!")) != AUTH_HASH_MATCH ||
            auth_hash_check(field, SPAN("Hello world")) != AUTH_HASH_DIFFERENT ||
            auth_hash_check(span_first(field, field.len - 3), SPAN("Hello world!")) ==
                AUTH_HASH_MATCH)
            fail_msg("%s", dovecot_fields[i]);
    }
}

static void test_made_fields(void **state)
{
    static const char *const schemes[] = {"",         "crypt",         "BLF-CRYPT",
                                          "ARGON2ID", "SCRAM-SHA-256", "SCRAM-SHA-1"};
    char field[AUTH_HASH_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        assert_int_equal(auth_hash_make(span_str(schemes[i]), SPAN("pass word"), field),
                         AUTH_HASH_MATCH);
        assert_int_equal(auth_hash_check(span_str(field), SPAN("pass word")), AUTH_HASH_MATCH);
        assert_int_equal(auth_hash_check(span_str(field), SPAN("password")), AUTH_HASH_DIFFERENT);
    }
    assert_int_equal(auth_hash_make(SPAN("SSHA"), SPAN("x"), field), AUTH_HASH_UNKNOWN);
    assert_int_equal(auth_hash_make(SPAN("ARGON2I"), SPAN("x"), field), AUTH_HASH_BROKEN);
    assert_int_equal(auth_hash_make(SPAN("NONE"), SPAN("x"), field), AUTH_HASH_UNKNOWN);
}

static void test_hash_odd_passwords(void **state)
{
    char field[AUTH_HASH_MAX], long_password[600];

    (void)state;
    memset(long_password, 'x', sizeof(long_password));
    assert_int_equal(auth_hash_make(SPAN(""), SPAN("correct horse"), field), AUTH_HASH_MATCH);
    assert_memory_equal(field, "{CRYPT}$y$", 10);
    assert_int_equal(auth_hash_check(span_str(field), SPAN("correct horse")), AUTH_HASH_MATCH);
    assert_int_equal(auth_hash_check(span_str(field), SPAN("correct horse\0x")),
                     AUTH_HASH_DIFFERENT);
    assert_int_equal(auth_hash_check(span_str(field), (struct span){long_password, 600}),
                     AUTH_HASH_DIFFERENT);
    assert_int_equal(auth_hash_look(span_str(field)), AUTH_HASH_MATCH);
    assert_int_equal(auth_hash_make(SPAN(""), SPAN(""), field), AUTH_HASH_BROKEN);
    assert_int_equal(auth_hash_make(SPAN(""), SPAN("a\0b"), field), AUTH_HASH_BROKEN);
    assert_int_equal(auth_hash_make(SPAN(""), (struct span){long_password, 600}, field),
                     AUTH_HASH_BROKEN);
}

/* ---- the memory of logins ---- */

static void test_cache(void **state)
{
    struct auth_cache *c = auth_cache_open(8, 1000);
    unsigned char digest[AUTH_DIGEST_SIZE] = {0};

    (void)state;
    assert_false(auth_cache_has(c, digest, 1));
    auth_cache_add(c, digest, 1);
    assert_true(auth_cache_has(c, digest, 1));
    assert_true(auth_cache_has(c, digest, 1000000000));
    assert_false(auth_cache_has(c, digest, 1000000001));
    for (unsigned i = 1; i <= 100; i++) { /* others come: the oldest goes */
        digest[31] = (unsigned char)i;
        auth_cache_add(c, digest, 1 + i);
        assert_true(auth_cache_has(c, digest, 1 + i));
    }
    digest[31] = 0;
    assert_false(auth_cache_has(c, digest, 200));
    auth_cache_close(&c);

    c = auth_cache_open(0, 1000);
    auth_cache_add(c, digest, 1);
    assert_false(auth_cache_has(c, digest, 1));
    auth_cache_close(&c);
}

/* ---- who failed ---- */

static void test_penalty(void **state)
{
    static const struct auth_settings set = {.failure_delay_ms = 2000,
                                             .failure_delay_max_ms = 15000,
                                             .failure_decay_ms = 3600000,
                                             .failure_limit = 5,
                                             .failure_window_ms = 600000,
                                             .block_ms = 600000};
    static const uint32_t delays[] = {2000, 4000, 8000, 15000, 15000};
    struct auth_penalty *p = auth_penalty_open();
    struct auth_penalty_try try = {.address = "2001:db8::1", .name = SPAN("ann@example.com")};
    struct auth_penalty_outcome outcome;
    uint64_t now_ns = 3600 * UINT64_C(1000000000) * 2;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(delays); i++) {
        assert_false(auth_penalty_is_blocked(p, "2001:db8::2", now_ns));
        outcome = auth_penalty_failed(p, &set, &try, now_ns);
        assert_int_equal(outcome.delay_ms, delays[i]);
        assert_int_equal(outcome.blocks, i == 4);
    }
    assert_true(auth_penalty_is_blocked(p, "2001:db8::2", now_ns)); /* the same /64 */
    assert_false(auth_penalty_is_blocked(p, "2001:db8:0:1::1", now_ns));
    assert_false(auth_penalty_is_blocked(p, "2001:db8::1", now_ns + 601 * UINT64_C(1000000000)));

    /* The name's delay follows it to another address, until it succeeds or an hour has passed. */
    try.address = "192.0.2.1";
    assert_int_equal(auth_penalty_failed(p, &set, &try, now_ns).delay_ms, 15000);
    auth_penalty_succeeded(p, SPAN("Ann@example.com"));
    try.address = "192.0.2.2";
    assert_int_equal(auth_penalty_failed(p, &set, &try, now_ns).delay_ms, 2000);
    now_ns += 3601 * UINT64_C(1000000000);
    assert_int_equal(auth_penalty_failed(p, &set, &try, now_ns).delay_ms, 2000);

    /* A forgotten phone with an old password blocks nobody. */
    try.address = "192.0.2.3";
    try.secret = 77;
    for (unsigned i = 0; i < 50; i++)
        assert_false(auth_penalty_failed(p, &set, &try, now_ns).blocks);

    /* Nor does a webmail server. */
    try.address = "192.0.2.4";
    try.is_trusted = true;
    try.secret = 0;
    for (unsigned i = 0; i < 50; i++)
        assert_false(auth_penalty_failed(p, &set, &try, now_ns).blocks);
    auth_penalty_close(&p);
}

/* ---- requests ---- */

static char users_path[] = "/tmp/ringpost-auth-XXXXXX";

struct fixture {
    struct service service;
    char said[512];
};

static void keep_said(void *context, struct span line)
{
    struct fixture *f = context;
    snprintf(f->said, sizeof(f->said), "%.*s", (int)line.len, line.at);
}

static void free_directory(void *item)
{
    struct directory *d = item;
    directory_free(&d);
}

static void keep_item(void *item)
{
    (void)item;
}

static struct directory *load(void)
{
    const char *const domains[] = {"mailserver.local"};
    struct chain why = {0};
    struct directory *d = directory_load(&(struct directory_config){.users_path = users_path,
                                                                    .domains = domains,
                                                                    .domain_count = 1,
                                                                    .recipient_delimiter = "+",
                                                                    .catch_all = ""},
                                         &why);
    if (!d)
        fail_msg("%.*s", (int)why.len, chain_flat(&why).at);
    return d;
}

static void write_users(const char *slow)
{
    FILE *f = fopen(users_path, "w");

    assert_non_null(f);
    fprintf(f, "slow:%s\nplain:{PLAIN}secret\nodd:{CRAM-MD5}abc\nbroken:{CRYPT}$zz$\n", slow);
    assert_int_equal(fclose(f), 0);
}

/* Without delays: these tests fail a lot. */
static struct service_settings settings = {
    .mail_max_userip_connections = 2,
    .auth = {.sasl = {"SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN",
                      "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN EXTERNAL", true, NULL, 0},
             .queue_limit = 64,
             .failure_decay_ms = 1000,
             .failure_limit = 1000000,
             .failure_window_ms = 1000,
             .block_ms = 1000},
};

static int set_up(void **state)
{
    static struct fixture f;
    char field[AUTH_HASH_MAX];
    int fd = mkstemp(users_path);

    if (fd < 0 || close(fd) != 0 ||
        auth_hash_make(SPAN(""), SPAN("tortoise"), field) != AUTH_HASH_MATCH)
        return -1;
    write_users(field);
    f.service.directory = shared_open(load(), free_directory);
    f.service.settings = shared_open(&settings, keep_item);
    f.service.auth = auth_open(&(struct auth_config){.cache_size = 1000, .cache_ms = 60000});
    log_capture(keep_said, &f);
    *state = &f;
    return f.service.auth ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    log_capture(NULL, NULL);
    auth_close(&f->service.auth);
    shared_close(&f->service.directory);
    shared_close(&f->service.settings);
    return unlink(users_path);
}

static enum request_status login(struct fixture *f, struct span user, struct span password,
                                 char *account_r)
{
    struct auth_request *r = auth_request_new();
    enum request_status status;

    chain_add(&r->user, user);
    chain_add(&r->password, password);
    memcpy(r->protocol, "smtp", 5);
    assert_int_equal(auth_run(&f->service, &r->base, NULL), SERVICE_ANSWERED);
    status = r->base.status;
    snprintf(account_r, AUTH_NAME_MAX + 1, "%s", r->account);
    auth_request_free(&r);
    return status;
}

static const struct {
    const char *user, *password;
    enum request_status status;
    const char *account;
} login_rows[] = {
    {"slow",                  "tortoise", REQUEST_OK,        "slow@mailserver.local" },
    {"SLOW@mailserver.local", "tortoise", REQUEST_OK,        "slow@mailserver.local" },
    {"slow",                  "hare",     REQUEST_REFUSED,   ""                      },
    {"slow",                  "",         REQUEST_REFUSED,   ""                      },
    {"plain",                 "secret",   REQUEST_OK,        "plain@mailserver.local"},
    {"plain",                 "tortoise", REQUEST_REFUSED,   ""                      },
    {"nobody",                "tortoise", REQUEST_REFUSED,   ""                      },
    {"nobody",                "secret",   REQUEST_REFUSED,   ""                      },
    {"",                      "",         REQUEST_REFUSED,   ""                      },
    {"odd",                   "x",        REQUEST_TRY_LATER, ""                      },
    {"broken",                "x",        REQUEST_TRY_LATER, ""                      },
    {"slow+x",                "tortoise", REQUEST_REFUSED,   ""                      },
};

static void test_login(void **state)
{
    struct fixture *f = *state;
    char account[AUTH_NAME_MAX + 1];

    for (size_t i = 0; i < COUNT_OF(login_rows); i++) {
        enum request_status status =
            login(f, span_str(login_rows[i].user), span_str(login_rows[i].password), account);
        if (status != login_rows[i].status || strcmp(account, login_rows[i].account) != 0)
            fail_msg("%s/%s: %d %s", login_rows[i].user, login_rows[i].password, status, account);
    }
    assert_int_equal(login(f, SPAN("plain"), SPAN("secret\0"), account), REQUEST_REFUSED);
    assert_int_equal(login(f, SPAN("plain\0"), SPAN("secret"), account), REQUEST_REFUSED);
}

static void test_said(void **state)
{
    struct fixture *f = *state;
    char account[AUTH_NAME_MAX + 1];

    login(f, SPAN("odd"), SPAN("x"), account);
    assert_non_null(strstr(f->said, "the password of odd@mailserver.local has a scheme that is not "
                                    "checked here; use one of CRYPT, "));
    login(f, SPAN("broken"), SPAN("x"), account);
    assert_non_null(strstr(f->said, "the password of broken@mailserver.local is not a hash of its "
                                    "scheme; set it with ringpost user passwd"));
    assert_null(strstr(f->said, "zz"));
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The second login is quick, also of another spelling; a new password in the file ends the first.
 */
static void test_remembered(void **state)
{
    struct fixture *f = *state;
    char account[AUTH_NAME_MAX + 1], field[AUTH_HASH_MAX];
    double start;

    assert_int_equal(login(f, SPAN("slow"), SPAN("tortoise"), account), REQUEST_OK);
    start = seconds();
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(login(f, SPAN("Slow"), SPAN("tortoise"), account), REQUEST_OK);
    print_message("a remembered login takes %.1f us\n", (seconds() - start) * 1e3);
    assert_true(seconds() - start < 4); /* 1,000 hashes would be some forty seconds */
    assert_int_equal(login(f, SPAN("slow"), SPAN("tortoisf"), account), REQUEST_REFUSED);
    assert_int_equal(login(f, SPAN("plain"), SPAN("tortoise"), account), REQUEST_REFUSED);

    assert_int_equal(auth_hash_make(SPAN(""), SPAN("achilles"), field), AUTH_HASH_MATCH);
    write_users(field);
    shared_swap(f->service.directory, load());
    assert_int_equal(login(f, SPAN("slow"), SPAN("tortoise"), account), REQUEST_REFUSED);
    assert_int_equal(login(f, SPAN("slow"), SPAN("achilles"), account), REQUEST_OK);
    assert_int_equal(auth_hash_make(SPAN(""), SPAN("tortoise"), field), AUTH_HASH_MATCH);
    write_users(field);
    shared_swap(f->service.directory, load());
}

/* Nobody's name costs a hash of a kind that somebody has. */
static void test_unknown_time(void **state)
{
    struct fixture *f = *state;
    char account[AUTH_NAME_MAX + 1];
    double known = 0, unknown = 0, start;

    for (unsigned i = 0; i < 3; i++) {
        start = seconds();
        login(f, SPAN("slow"), SPAN("wrong"), account);
        known += seconds() - start;
    }
    for (unsigned i = 0; i < 16; i++) { /* a quarter of the names falls on "slow" */
        char name[16];
        int len = snprintf(name, sizeof(name), "nobody%u", i);
        start = seconds();
        login(f, (struct span){name, (size_t)len}, SPAN("wrong"), account);
        if (seconds() - start > unknown)
            unknown = seconds() - start;
    }
    assert_true(unknown > known / 3 / 4);
}

/* ---- PLAIN ---- */

static const struct {
    const char *title;
    struct span response;
    enum request_status status;
    const char *account;
} plain_rows[] = {
    {"right",                  {"\0plain\0secret", 13},       REQUEST_OK,        "plain@mailserver.local"},
    {"slow hash",              {"\0slow\0tortoise", 14},      REQUEST_OK,        "slow@mailserver.local" },
    {"wrong",                  {"\0plain\0secreT", 13},       REQUEST_REFUSED,   ""                      },
    {"unknown",                {"\0nobody\0x", 9},            REQUEST_REFUSED,   ""                      },
    {"oneself in other words",
     {"Plain@mailserver.local\0plain\0secret", 35},
     REQUEST_OK,                                                                 "plain@mailserver.local"},
    {"somebody else",          {"slow\0plain\0secret", 17},   REQUEST_REFUSED,   ""                      },
    {"nobody else",            {"nobody\0plain\0secret", 19}, REQUEST_REFUSED,   ""                      },
    {"a third NUL",            {"\0plain\0secret\0", 14},     REQUEST_REFUSED,   ""                      },
    {"one NUL",                {"plain\0secret", 12},         REQUEST_REFUSED,   ""                      },
    {"no NUL",                 {"plain", 5},                  REQUEST_REFUSED,   ""                      },
    {"only NULs",              {"\0\0", 2},                   REQUEST_REFUSED,   ""                      },
    {"no password",            {"\0plain\0", 7},              REQUEST_REFUSED,   ""                      },
    {"trouble",                {"\0odd\0x", 6},               REQUEST_TRY_LATER, ""                      },
};

static void test_plain(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(plain_rows); i++) {
        for (unsigned initial = 0; initial < 2; initial++) {
            struct auth_request *r = auth_request_new();
            assert_true(sasl_mechanism(r, SPAN("plain")));
            memcpy(r->protocol, "smtp", 5);
            if (!initial) {
                auth_run(&f->service, &r->base, NULL);
                assert_int_equal(r->base.status, REQUEST_CONTINUE);
                assert_int_equal(r->challenge.len, 0);
            }
            chain_add(&r->response, plain_rows[i].response);
            r->has_response = true;
            auth_run(&f->service, &r->base, NULL);
            if (r->base.status != plain_rows[i].status ||
                strcmp(r->account, plain_rows[i].account) != 0)
                fail_msg("%s: %d %s", plain_rows[i].title, r->base.status, r->account);
            auth_request_free(&r);
        }
    }
}

static void test_exchange_ends(void **state)
{
    struct fixture *f = *state;
    struct auth_request *r = auth_request_new();

    /* Freed in the middle: nothing leaks (the sanitizers look). */
    assert_true(sasl_mechanism(r, SPAN("PLAIN")));
    auth_run(&f->service, &r->base, NULL);
    assert_int_equal(r->base.status, REQUEST_CONTINUE);
    auth_request_free(&r);

    r = auth_request_new();
    assert_true(sasl_mechanism(r, SPAN("CRAM-MD5")));
    auth_run(&f->service, &r->base, NULL);
    assert_int_equal(r->base.status, REQUEST_NOT_FOUND);
    auth_request_free(&r);

    /* No response, twice: one is needed. */
    r = auth_request_new();
    assert_true(sasl_mechanism(r, SPAN("PLAIN")));
    auth_run(&f->service, &r->base, NULL);
    r->has_response = true;
    auth_run(&f->service, &r->base, NULL);
    assert_int_equal(r->base.status, REQUEST_REFUSED);
    auth_request_free(&r);
}

/* ---- sessions of one user from one address ---- */

static void test_sessions(void **state)
{
    struct fixture *f = *state;
    struct auth *a = f->service.auth;
    struct auth_seat *first = auth_session_seat(a, SPAN("plain@mailserver.local"), "10.0.0.1", 2);
    struct auth_seat *second = auth_session_seat(a, SPAN("plain@mailserver.local"), "10.0.0.1", 2);
    struct auth_seat *elsewhere =
        auth_session_seat(a, SPAN("plain@mailserver.local"), "10.0.0.2", 2);
    struct auth_seat *other = auth_session_seat(a, SPAN("slow@mailserver.local"), "10.0.0.1", 2);
    struct auth_request *r;

    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(elsewhere);
    assert_non_null(other);
    assert_null(auth_session_seat(a, SPAN("plain@mailserver.local"), "10.0.0.1", 2));
    for (unsigned round = 0; round < 3; round++) {
        r = auth_request_new();
        chain_add(&r->user, SPAN("plain"));
        chain_add(&r->password, SPAN("secret"));
        memcpy(r->protocol, "imap", 5);
        r->wants_seat = true;
        memcpy(r->remote_address, "10.0.0.1", 9);
        auth_run(&f->service, &r->base, NULL);
        assert_int_equal(r->base.status, round == 0 ? REQUEST_TRY_LATER : REQUEST_OK);
        assert_true((r->seat == NULL) == (round == 0));
        auth_request_free(&r); /* gives the seat back, so that the next round has one */
        if (round == 0)
            assert_non_null(strstr(f->said, "(mail_max_userip_connections=2): "
                                            "user=<plain@mailserver.local>, rip=10.0.0.1"));
        auth_seat_leave(&first);
    }
    auth_seat_leave(&second);
    auth_seat_leave(&elsewhere);
    auth_seat_leave(&other);
}

/* ---- framing ---- */

static void test_framing(void **state)
{
    struct auth_request *r = auth_request_new();
    struct chain out = {0};
    static char too_long[AUTH_RESPONSE_MAX + 4];

    (void)state;
    assert_false(sasl_mechanism(r, SPAN("")));
    assert_false(sasl_mechanism(r, SPAN("PLA IN")));
    assert_false(sasl_mechanism(r, SPAN("ABCDEFGHIJKLMNOPQRSTU")));
    assert_true(sasl_mechanism(r, SPAN("scram-sha-256")));
    assert_string_equal(r->mechanism, "SCRAM-SHA-256");

    assert_int_equal(sasl_initial(r, SPAN("=")), SASL_OK);
    assert_true(r->has_response);
    assert_int_equal(r->response.len, 0);
    assert_int_equal(sasl_initial(r, SPAN("AGFiYw==")), SASL_OK);
    assert_true(span_eq(chain_flat(&r->response), SPAN("\0abc")));
    assert_int_equal(sasl_response(r, SPAN("eA==")), SASL_OK);
    assert_true(span_eq(chain_flat(&r->response), SPAN("x")));
    assert_int_equal(sasl_response(r, SPAN("*")), SASL_CANCELLED);
    assert_int_equal(sasl_response(r, SPAN("=")), SASL_BAD);
    assert_int_equal(sasl_response(r, SPAN("eA=")), SASL_BAD);
    assert_int_equal(sasl_response(r, SPAN("e A=")), SASL_BAD);
    memset(too_long, 'A', sizeof(too_long));
    assert_int_equal(sasl_response(r, (struct span){too_long, sizeof(too_long)}), SASL_TOO_LONG);
    assert_int_equal(sasl_response(r, (struct span){too_long, AUTH_RESPONSE_MAX}), SASL_OK);

    sasl_challenge(r, &out);
    assert_int_equal(out.len, 0);
    chain_add(&r->challenge, SPAN("hello"));
    sasl_challenge(r, &out);
    assert_true(span_eq(chain_flat(&out), SPAN("aGVsbG8=")));
    assert_int_equal(r->challenge.len, 0);
    chain_free(&out);
    auth_request_free(&r);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),         cmocka_unit_test(test_hash_odd_passwords),
        cmocka_unit_test(test_dovecot_fields), cmocka_unit_test(test_made_fields),
        cmocka_unit_test(test_cache),          cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_login),          cmocka_unit_test(test_said),
        cmocka_unit_test(test_remembered),     cmocka_unit_test(test_unknown_time),
        cmocka_unit_test(test_plain),          cmocka_unit_test(test_exchange_ends),
        cmocka_unit_test(test_framing),        cmocka_unit_test(test_sessions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
