/*
 * tls_ticket: sessions that clients keep for us (RFC 5077, RFC 8446 4.6.1), sealed so that nobody
 * else can read or make one. A ticket is only good where it was given: for the same listener, the
 * same server name and, in TLS 1.2, with the same extended master secret or none (RFC 7627 5.3).
 * Its key is used for an hour and known for another one, then it is gone, and with it what was
 * recorded.
 *
 *     key name 8 | issued 8 | nonce 12 | kind 1 | the session, sealed | tag 16
 */

#include <stdlib.h>
#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/platform_util.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "core/tls/tls_private.h"

enum {
    NAME_LEN = 8,
    ISSUED_LEN = 8,
    NONCE_LEN = 12,
    TAG_LEN = 16,
    KIND_AT = NAME_LEN + ISSUED_LEN + NONCE_LEN,
    HEAD_LEN = KIND_AT + 1,
    KEY_LEN = 32,
    PLACE_MAX = HEAD_LEN + 64 + TLS_NAME_MAX + 8,
};

enum ticket_kind {
    TICKET_12,
    TICKET_12_EMS,
    TICKET_13,
};

struct ticket_key {
    unsigned char name[NAME_LEN], key[KEY_LEN];
    uint64_t since_s; /* 0: none */
};

struct tls_tickets {
    pthread_mutex_t lock; /* held for a copy of a key */
    struct ticket_key now, before;
};

static uint64_t now_s(void)
{
    return clock_monotonic_ns() / 1000000000 + 1;
}

struct tls_tickets *tls_tickets_open(void)
{
    struct tls_tickets *t = xcalloc(1, sizeof(*t));

    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void tls_tickets_close(struct tls_tickets **tickets)
{
    pthread_mutex_destroy(&(*tickets)->lock);
    mbedtls_platform_zeroize(*tickets, sizeof(**tickets));
    free(*tickets);
    *tickets = NULL;
}

/* ---- keys ---- */

static void rotate(struct tls_tickets *t, uint64_t at_s)
{
    if (t->now.since_s != 0 && at_s - t->now.since_s < TLS_TICKET_KEY_S)
        return;
    t->before = t->now;
    if (at_s - t->before.since_s >= 2 * (uint64_t)TLS_TICKET_KEY_S)
        mbedtls_platform_zeroize(&t->before, sizeof(t->before));
    random_bytes(t->now.name, NAME_LEN);
    random_bytes(t->now.key, KEY_LEN);
    t->now.since_s = at_s;
}

static void key_now(struct tls_tickets *t, uint64_t at_s, struct ticket_key *key_r)
{
    pthread_mutex_lock(&t->lock);
    rotate(t, at_s);
    *key_r = t->now;
    pthread_mutex_unlock(&t->lock);
}

static bool key_named(struct tls_tickets *t, uint64_t at_s, const unsigned char *name,
                      struct ticket_key *key_r)
{
    bool found = true;

    pthread_mutex_lock(&t->lock);
    rotate(t, at_s);
    if (memcmp(t->now.name, name, NAME_LEN) == 0)
        *key_r = t->now;
    else if (t->before.since_s != 0 && memcmp(t->before.name, name, NAME_LEN) == 0)
        *key_r = t->before;
    else
        found = false;
    pthread_mutex_unlock(&t->lock);
    return found;
}

/* ---- where a ticket is good: what is authenticated with it ---- */

static size_t put_text(unsigned char *at, const char *text, size_t max)
{
    size_t len = strnlen(text, max);

    memcpy(at, text, len);
    at[len] = 0;
    return len + 1;
}

static size_t place_of(const struct tls *t, const unsigned char *head, unsigned char *at)
{
    size_t len = HEAD_LEN;

    memcpy(at, head, HEAD_LEN);
    at[len++] = (unsigned char)t->protocol;
    len += put_text(at + len, t->service, 63);
    len += put_text(at + len, t->hello->server_name, TLS_NAME_MAX);
    return len;
}

static int seal(const struct ticket_key *key, const struct tls *t, unsigned char *head,
                unsigned char *body, size_t len)
{
    unsigned char place[PLACE_MAX];
    mbedtls_chachapoly_context c;
    int error;

    mbedtls_chachapoly_init(&c);
    error = mbedtls_chachapoly_setkey(&c, key->key);
    if (error == 0)
        error =
            mbedtls_chachapoly_encrypt_and_tag(&c, len, head + NAME_LEN + ISSUED_LEN, place,
                                               place_of(t, head, place), body, body, body + len);
    mbedtls_chachapoly_free(&c);
    return error;
}

static int unseal(const struct ticket_key *key, const struct tls *t, const unsigned char *head,
                  unsigned char *body, size_t len)
{
    unsigned char place[PLACE_MAX];
    mbedtls_chachapoly_context c;
    int error;

    mbedtls_chachapoly_init(&c);
    error = mbedtls_chachapoly_setkey(&c, key->key);
    if (error == 0)
        error = mbedtls_chachapoly_auth_decrypt(&c, len, head + NAME_LEN + ISSUED_LEN, place,
                                                place_of(t, head, place), body + len, body, body);
    mbedtls_chachapoly_free(&c);
    return error;
}

/* Might a client that offers this use a ticket of that kind? Another one gets a full handshake. */
static bool kind_fits(const struct tls_hello *hello, unsigned char kind)
{
    if (kind == TICKET_13)
        return hello->has_13;
    return kind == (hello->has_ems ? TICKET_12_EMS : TICKET_12);
}

/* ---- what the library calls ---- */

int tls_ticket_write(void *context, const mbedtls_ssl_session *session, unsigned char *start,
                     const unsigned char *end, size_t *len_r, uint32_t *lifetime_r)
{
    const struct tls_lane *lane = context;
    const struct tls *t = lane->current;
    unsigned char *body = start + HEAD_LEN;
    uint64_t at_s = now_s();
    struct ticket_key key;
    size_t len;
    int error;

    if (t->hello == NULL || end - start < HEAD_LEN + TAG_LEN)
        return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    error = mbedtls_ssl_session_save(session, body, (size_t)(end - body) - TAG_LEN, &len);
    if (error != 0)
        return error;
    key_now(lane->context->tickets, at_s, &key);
    memcpy(start, key.name, NAME_LEN);
    number_put64(start + NAME_LEN, at_s);
    random_bytes(start + NAME_LEN + ISSUED_LEN, NONCE_LEN);
    start[KIND_AT] = TICKET_12;
    if (strcmp(mbedtls_ssl_get_version(&t->ssl), "TLSv1.3") == 0)
        start[KIND_AT] = TICKET_13;
    else if (t->hello->has_ems)
        start[KIND_AT] = TICKET_12_EMS;
    error = seal(&key, t, start, body, len);
    mbedtls_platform_zeroize(&key, sizeof(key));
    *len_r = HEAD_LEN + len + TAG_LEN;
    *lifetime_r = TLS_TICKET_KEY_S;
    return error;
}

int tls_ticket_parse(void *context, mbedtls_ssl_session *session, unsigned char *at, size_t size)
{
    const struct tls_lane *lane = context;
    struct tls *t = lane->current;
    uint64_t at_s = now_s();
    struct ticket_key key;
    size_t len;
    int error;

    if (t->hello == NULL || size < HEAD_LEN + TAG_LEN || !kind_fits(t->hello, at[KIND_AT]) ||
        !key_named(lane->context->tickets, at_s, at, &key))
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    len = size - HEAD_LEN - TAG_LEN;
    error = unseal(&key, t, at, at + HEAD_LEN, len);
    mbedtls_platform_zeroize(&key, sizeof(key));
    if (error != 0)
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    if (at_s - number_get64(at + NAME_LEN) >= TLS_TICKET_KEY_S)
        return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    error = mbedtls_ssl_session_load(session, at + HEAD_LEN, len);
    t->is_resumed = error == 0;
    return error == 0 ? 0 : MBEDTLS_ERR_SSL_INVALID_MAC;
}
