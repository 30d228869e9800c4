#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/service/auth_claims.h"
#include "core/service/auth_jwt.h"
#include "proto/sasl/sasl_bearer.h"

enum {
    NOW_S = 1000000
};

/* ---- what clients say ---- */

static void responses(void **state)
{
    static const struct {
        const char *text;
        bool is_xoauth2, good;
        const char *user, *token;
    } rows[] = {
        {"n,a=ann@x.org,\1host=h\1port=993\1auth=Bearer abc\1\1", false, true,  "ann@x.org", "abc"     },
        {"n,,\1auth=Bearer abc\1\1",                              false, true,  "",          "abc"     },
        {"y,,\1auth=bearer  a-._~+/=\1\1",                        false, true,  "",          "a-._~+/="},
        {"n,a=a=2Cb=3Dc,\1auth=Bearer x\1\1",                     false, true,  "a,b=c",     "x"       },
        {"n,,\1\1",                                               false, true,  "",          ""        },
        {"n,,\1auth=\1\1",                                        false, true,  "",          ""        },
        {"user=ann\1auth=Bearer x\1\1",                           true,  true,  "ann",       "x"       },
        {"n,a=a=2cb,\1auth=Bearer x\1\1",                         false, false, "",          ""        },
        {"n,a=,\1auth=Bearer x\1\1",                              false, false, "",          ""        },
        {"p=tls-exporter,,\1auth=Bearer x\1\1",                   false, false, "",          ""        },
        {"n,,\1auth=Basic x\1\1",                                 false, false, "",          ""        },
        {"n,,\1auth=Bearer x y\1\1",                              false, false, "",          ""        },
        {"n,,\1auth=Bearer x\r\nX: y\1\1",                        false, false, "",          ""        },
        {"n,,\1auth=Bearer x\1auth=Bearer y\1\1",                 false, false, "",          ""        },
        {"n,,\1auth=Bearer x\1",                                  false, false, "",          ""        },
        {"n,,\1auth=Bearer x\1\1\1",                              false, false, "",          ""        },
        {"n,,\1=x\1\1",                                           false, false, "",          ""        },
        {"user=ann\1auth=Bearer x\1\1",                           false, false, "",          ""        },
        {"user=a\tn\1auth=Bearer x\1\1",                          true,  false, "",          ""        },
        {"",                                                      true,  false, "",          ""        },
    };
    struct sasl_bearer b;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool good = sasl_bearer_parse(span_str(rows[i].text), rows[i].is_xoauth2, &b);
        if (good != rows[i].good)
            print_message("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(good, rows[i].good);
        if (!good)
            continue;
        assert_string_equal(b.user, rows[i].user);
        assert_true(span_eq(b.token, span_str(rows[i].token)));
    }
}

/* ---- what is said of tokens ---- */

static void claims(void **state)
{
    static const char *const scopes[] = {"imap", "smtp"}, *const issuers[] = {"us"},
                             *const audiences[] = {"mail"};
    static const struct auth_oauth_settings set = {
        .username_attribute = "email",
        .active_attribute = "active",
        .active_value = "true",
        .scopes = {scopes,    2},
        .issuers = {issuers,   1},
        .audiences = {audiences, 1}
    };
#define OWN "\"email\":\"ann\",\"iss\":\"us\",\"aud\":[\"x\",\"mail\"],\"scope\":\"smtp  a imap\""
    static const struct {
        const char *json;
        bool is_own;
        enum auth_claims_answer answer;
    } rows[] = {
  /* clang-format off */
        {"{" OWN ",\"exp\":1000001}",                             true,  AUTH_CLAIMS_GOOD  },
        {"{" OWN ",\"exp\":999971}",                              true,  AUTH_CLAIMS_GOOD  },
        {"{" OWN ",\"exp\":999970}",                              true,  AUTH_CLAIMS_BAD   },
        {"{" OWN "}",                                             true,  AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"exp\":\"2000000\"}",                         true,  AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"exp\":1e300}",                               true,  AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"exp\":2e6,\"nbf\":1000030}",                 true,  AUTH_CLAIMS_GOOD  },
        {"{" OWN ",\"exp\":2e6,\"nbf\":1000031}",                 true,  AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"exp\":2e6,\"nbf\":null}",                    true,  AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"exp\":2e6,\"exp\":3e6}",                     true,  AUTH_CLAIMS_BROKEN},
        {"{\"email\":\"ann\",\"aud\":\"mail\",\"iss\":\"us\",\"exp\":2e6,\"scope\":\"imap\"}", true,
         AUTH_CLAIMS_SCOPE},
        {"{\"email\":\"ann\",\"aud\":\"other\",\"iss\":\"us\",\"exp\":2e6,\"scope\":\"imap smtp\"}",
         true, AUTH_CLAIMS_BAD},
        {"{\"email\":\"ann\",\"aud\":\"mail\",\"exp\":2e6,\"scope\":\"imap smtp\"}", true,
         AUTH_CLAIMS_BAD},
        {"{\"email\":\"a\\nb\",\"aud\":\"mail\",\"iss\":\"us\",\"exp\":2e6}", true, AUTH_CLAIMS_BAD},
        {"{\"email\":1,\"aud\":\"mail\",\"iss\":\"us\",\"exp\":2e6}", true, AUTH_CLAIMS_BAD},
        {"{" OWN ",\"active\":true}",                             false, AUTH_CLAIMS_GOOD  },
        {"{" OWN ",\"active\":\"true\"}",                         false, AUTH_CLAIMS_GOOD  },
        {"{" OWN ",\"active\":1}",                                false, AUTH_CLAIMS_BAD   },
        {"{" OWN "}",                                             false, AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"active\":true,\"exp\":5}",                   false, AUTH_CLAIMS_BAD   },
        {"{" OWN ",\"active\":true,\"exp\":\"never\"}",           false, AUTH_CLAIMS_BAD   },
        {"{\"email\":\"ann\",\"scope\":\"imap smtp\",\"active\":true}", false, AUTH_CLAIMS_GOOD},
        {"{\"email\":\"ann\",\"iss\":\"x\",\"scope\":\"imap smtp\",\"active\":true}", false,
         AUTH_CLAIMS_BAD},
        {"[1]",                                                   false, AUTH_CLAIMS_BROKEN},
        {"",                                                      false, AUTH_CLAIMS_BROKEN},
        {"{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}",         false, AUTH_CLAIMS_BROKEN},
  /* clang-format on */
    };
    struct auth_claims c;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum auth_claims_answer answer =
            auth_claims_check(&set, span_str(rows[i].json), rows[i].is_own, NOW_S, &c);
        if (answer != rows[i].answer)
            print_message("row %zu: %s: %s\n", i, rows[i].json, c.why ? c.why : "good");
        assert_int_equal(answer, rows[i].answer);
        if (answer == AUTH_CLAIMS_GOOD)
            assert_string_equal(c.name, "ann");
    }
}

/* ---- keys ---- */

static struct auth_jwt_keys *load(const char *text, struct chain *why)
{
    char path[] = "/tmp/ringpost-key-XXXXXX";
    const char *paths[] = {path};
    int fd = mkstemp(path);
    struct auth_jwt_keys *keys;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    keys = auth_jwt_keys_load(paths, 1, why);
    unlink(path);
    return keys;
}

/* Signed by Python's hmac. */
static void signatures(void **state)
{
    static const struct {
        const char *token;
        bool good;
    } rows[] = {
  /* {"alg":"HS256"}.{"email":"ann","exp":2000000} */
        {"eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0."
         "QTXlSTCKyL2p5JQSi1tVTphEa3cmJKuB7fcBjOgttTE",              true },
        {"eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0."
         "QTXlSTCKyL2p5JQSi1tVTphEa3cmJKuB7fcBjOgttTE=",             false},
        {"eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMX0."
         "QTXlSTCKyL2p5JQSi1tVTphEa3cmJKuB7fcBjOgttTE",              false},
 /* {"alg":"none"} */
        {"eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0.",      false},
        {"eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0."
         "QTXlSTCKyL2p5JQSi1tVTphEa3cmJKuB7fcBjOgttTE",              false},
        {"eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0.",     false},
        {"eyJhbGciOiJIUzI1NiJ9..QTXlSTCKyL2p5JQSi1tVTphEa3cmJKuB7fcBjOgttTE", false},
        {"..",                                                                false},
        {"",                                                                  false},
    };
    struct chain why = {0}, payload = {0};
    struct auth_jwt_keys *keys = load("0123456789abcdef0123456789abcdef\n", &why);

    (void)state;
    assert_non_null(keys);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (auth_jwt_open(keys, span_str(rows[i].token), &payload) != rows[i].good)
            fail_msg("row %zu: %s", i, rows[i].token);
        if (rows[i].good)
            assert_true(span_eq(chain_flat(&payload), SPAN("{\"email\":\"ann\",\"exp\":2000000}")));
        chain_free(&payload);
    }
    auth_jwt_keys_free(&keys);
}

/* Of openssl genpkey, and what it signed. */
static const char rsa_key[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyz6Vd7/o322tRtlnzVKO\n"
                              "ZHav6Q/ZrWEJda6i8weoZfBedSBTZDDcAyxzy7vBemkBAstCjJLXgJnCUxIaq7PD\n"
                              "zbJsFJAe8RMJftPJxxdWh+V2mbaTbwQc8HqwAAVNaNCX1skIVcbzMQRezAhscd3f\n"
                              "xvl6+Wp8nuvNv0nPz4lFXsuTskTOubVckR8RYmmTXXHwmi7oPADmXIqltq/GJGVQ\n"
                              "Sr6GZw0OPptCQJk3ue1juvZz8kvToDRbqqFLzcl5QvVZXWr1vmU1dFswuy3zNqU+\n"
                              "2UkgFQyNe13Fw5lG3aNSr0a3AQU2Imz4tsJ/9havmvAH3+V9WMbIRvjs7SPmix3z\n"
                              "pQIDAQAB\n"
                              "-----END PUBLIC KEY-----\n";
static const char ec_key[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYYuJRZ558KCUP67eJEiv9clLZyNF\n"
                             "xuOF3UzNTJg1Hra7ZjeL0yCOIRxIgqHTaHVBz9FIkWRg9hreofw2iMRvnA==\n"
                             "-----END PUBLIC KEY-----\n";
static const char weak_key[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC/tLEWa6RILn80/2ZT9ab4JpYl\n"
                               "1IVRvIBMa47H58ZWZZ2yXxpr/Kg8HZ91HOsM4b/O+4QxVnhGIW5Mx1VE6CPc7ect\n"
                               "a7LQjUVDn+KqVxMRpqD8VLO0skhjXoqF0J49dGvoPD0PT+K2H6cPOeWP4t85kKey\n"
                               "5ojGKrJQ8lFowGaSxwIDAQAB\n"
                               "-----END PUBLIC KEY-----\n";
static const char rsa_token[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0.mixvkt9pO0Gboeo"
    "TBZo23k-4HAhDBdNwdtvAhZi44T213gge-ULYUXQZWPWteSJwTEteYpPjuOlhfnCiOdiiJW-8cpF"
    "2a6q1v2zcucMsOHjs2bppUJw54N4n8UG9t7fa7hT7AJHjTY6sMa8O5JAysSe6t3CJY0AFO2jql1w"
    "nhYyp9YvapL1X61uluXW3wBMkqgpnqttTcS_HApSuBKEIvaNGvLQ0atNXefbZBpQH8ipzuu0fGK0"
    "diap_PpBpyPtJwcKNpFz1GUYaMSHpTxefCcRh7st_1tHEFGtvUehkc6IEGWX2rhLWty2EL2TLHOg"
    "i76y0ZuJN7QmN28X4pMl8Gg";
static const char ec_token[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJlbWFpbCI6ImFubiIsImV4cCI6MjAwMDAwMH0.U6RdlUKNtTrXRqv"
    "Boj97hRB9Zx44Ax_DG_6Hl-2xB1N-vjFpAldUQ5Jd_5atiFS9p3FloNla4ByZRQDZQ6g7MQ";

static void public_keys(void **state)
{
    static const struct {
        const char *key, *token, *other;
    } rows[] = {
        {rsa_key, rsa_token, ec_token },
        {ec_key,  ec_token,  rsa_token},
    };
    struct chain why = {0}, payload = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct auth_jwt_keys *keys = load(rows[i].key, &why);
        size_t len = strlen(rows[i].token);
        assert_non_null(keys);
        assert_true(auth_jwt_open(keys, span_str(rows[i].token), &payload));
        assert_true(span_eq(chain_flat(&payload), SPAN("{\"email\":\"ann\",\"exp\":2000000}")));
        chain_free(&payload);
        assert_false(auth_jwt_open(keys, span_str(rows[i].other), &payload));
        for (size_t cut = 1; cut < len; cut++)
            assert_false(auth_jwt_open(keys, (struct span){rows[i].token, len - cut}, &payload));
        auth_jwt_keys_free(&keys);
    }
    assert_null(load(weak_key, &why));
    assert_true(why.len > 0);
    chain_free(&why);
}

static void keys_that_are_none(void **state)
{
    static const char *const rows[] = {
        "short secret\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain why = {0};
        assert_null(load(rows[i], &why));
        assert_true(why.len > 0);
        chain_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses),          cmocka_unit_test(claims),
        cmocka_unit_test(signatures),         cmocka_unit_test(public_keys),
        cmocka_unit_test(keys_that_are_none),
    };

    return cmocka_run_group_tests_name("auth_token", tests, NULL, NULL);
}
