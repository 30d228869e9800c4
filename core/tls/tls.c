#include "core/tls/tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/tls/tls_private.h"

enum {
    RECORD_TYPE_LEAST = 20, /* change_cipher_spec, alert, handshake, application_data */
    RECORD_TYPE_MOST = 23,
    WHY_SIZE = 160,
    PAGE_SIZE = 4096,
};

/* ---- the two queues, as the library sees them ---- */

/* First what was kept, then what has just come. */
static int receive(void *context, unsigned char *at, size_t size)
{
    struct tls *t = context;
    size_t len = t->held == NULL ? 0 : t->held->len;

    if (len > 0) {
        len = len < t->whole ? len : t->whole;
        len = len < size ? len : size;
        if (len == 0)
            return MBEDTLS_ERR_SSL_WANT_READ;
        t->whole -= len;
        chain_copy(t->held, 0, (char *)at, len);
        chain_drop(t->held, len);
        return (int)len;
    }
    if (t->bytes == NULL || t->bytes->len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    len = t->bytes->len < size ? t->bytes->len : size;
    memcpy(at, t->bytes->at, len);
    *t->bytes = span_after(*t->bytes, len);
    return (int)len;
}

static int send_out(void *context, const unsigned char *at, size_t size)
{
    struct tls *t = context;

    chain_add(t->out, (struct span){(const char *)at, size});
    return (int)size;
}

/* ---- open and free ---- */

struct tls *tls_open(struct tls_context *context, const char *service, enum tls_protocol protocol)
{
    struct tls *t = xcalloc(1, sizeof(*t));
    unsigned number = atomic_fetch_add_explicit(&context->next, 1, memory_order_relaxed);

    t->lane = &context->lanes[number % context->lane_count];
    t->service = service;
    t->protocol = protocol;
    mbedtls_ssl_init(&t->ssl);
    if (mbedtls_ssl_setup(&t->ssl, &t->lane->configs[protocol]) != 0) {
        tls_free(&t);
        return NULL;
    }
    mbedtls_ssl_set_bio(&t->ssl, t, send_out, receive, NULL);
    return t;
}

struct tls *tls_dial(struct tls_context *context, const struct tls_target *target)
{
    struct tls *t = tls_open(context, "", TLS_SMTP);

    if (t == NULL)
        return NULL;
    t->target = target;
    if (mbedtls_ssl_set_hostname(&t->ssl, target->name[0] != '\0' ? target->name : NULL) != 0)
        tls_free(&t);
    return t;
}

void tls_free(struct tls **tls)
{
    struct tls *t = *tls;

    mbedtls_ssl_free(&t->ssl);
    tls_binding_wipe(t);
    free(t->hello);
    free(t->why);
    free(t);
    *tls = NULL;
}

/* ---- failing ---- */

const char *tls_why(const struct tls *t)
{
    return t->why == NULL ? "" : t->why;
}

/* The library sends most alerts itself; a peer that gets none is told at least that it is over. */
static enum tls_status failed(struct tls *t, int error, size_t said)
{
    if (!t->is_failed) {
        t->is_failed = true;
        t->why = xcalloc(1, WHY_SIZE);
        mbedtls_strerror(error, t->why, WHY_SIZE);
        if (t->out->len == said && error != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
            (void)mbedtls_ssl_send_alert_message(&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                 MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    }
    return TLS_FAILED;
}

/* ---- the handshake ---- */

/* How long the record at `from` is with its header; 0: it is not whole, or can't be one. */
static size_t record_len(const struct chain *in, size_t from, bool *possible_r)
{
    unsigned char head[TLS_RECORD_HEADER];
    size_t len;

    *possible_r = true;
    if (in->len - from < sizeof(head))
        return 0;
    chain_copy(in, from, (char *)head, sizeof(head));
    len = (size_t)head[3] << 8 | head[4];
    *possible_r =
        head[0] >= RECORD_TYPE_LEAST && head[0] <= RECORD_TYPE_MOST && len <= TLS_RECORD_SEALED_MAX;
    len += sizeof(head);
    return *possible_r && in->len - from >= len ? len : 0;
}

bool tls_has_record(const struct chain *in)
{
    bool possible;

    return record_len(in, 0, &possible) > 0 || !possible;
}

/* What the library may have now: whole records only, so that `in` always begins with one. */
static size_t whole_records(const struct chain *in)
{
    size_t whole = 0, len;
    bool possible;

    while ((len = record_len(in, whole, &possible)) > 0)
        whole += len;
    return possible ? whole : in->len;
}

static void read_hello(struct tls *t, const struct chain *in)
{
    bool possible;
    size_t len = record_len(in, 0, &possible);
    char *record;

    if (len == 0)
        return;
    t->has_hello = true;
    record = xmalloc(len);
    chain_copy(in, 0, record, len);
    t->hello = xcalloc(1, sizeof(*t->hello));
    if (!tls_hello_read((struct span){record, len}, t->hello)) {
        free(t->hello);
        t->hello = NULL;
    }
    free(record);
}

enum tls_status tls_handshake(struct tls *t, struct chain *in, struct chain *out)
{
    size_t said = out->len;
    int error;

    ensure(!t->is_done);
    if (t->is_failed)
        return TLS_FAILED;
    t->held = in;
    t->whole = whole_records(in);
    t->out = out;
    if (!t->has_hello && t->target == NULL)
        read_hello(t, in);
    pthread_mutex_lock(&t->lane->lock);
    t->lane->current = t;
    error = mbedtls_ssl_handshake(&t->ssl);
    t->lane->current = NULL;
    pthread_mutex_unlock(&t->lane->lock);
    t->held = NULL;
    if (error == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_WANTS;
    if (error != 0)
        return failed(t, error, said);
    t->is_done = true;
    return TLS_OK;
}

void tls_settle(struct tls *t, struct tls_facts *facts_r)
{
    const mbedtls_x509_crt *client = mbedtls_ssl_get_peer_cert(&t->ssl);

    ensure(t->is_done);
    *facts_r = (struct tls_facts){
        .version = mbedtls_ssl_get_version(&t->ssl),
        .is_resumed = t->is_resumed,
    };
    facts_r->cipher = tls_mbed_cipher(mbedtls_ssl_get_ciphersuite(&t->ssl), &facts_r->bits);
    if (t->hello != NULL)
        memcpy(facts_r->server_name, t->hello->server_name, sizeof(facts_r->server_name));
    if (t->target != NULL)
        facts_r->trust = tls_dial_trust(t);
    else if (client != NULL && mbedtls_ssl_get_verify_result(&t->ssl) == 0)
        (void)tls_client_address(client, facts_r->client_name, sizeof(facts_r->client_name));
    tls_binding_take(t, facts_r);
    free(t->hello);
    t->hello = NULL;
}

/* ---- reading and writing ---- */

/* The last word of the library. */
static int read_some(struct tls *t, char *at, size_t size, size_t *len_r)
{
    int len;

    do {
        len = mbedtls_ssl_read(&t->ssl, (unsigned char *)at + *len_r, size - *len_r);
        if (len > 0)
            *len_r += (size_t)len;
    } while (len > 0 && *len_r < size);
    return len;
}

enum tls_status tls_read(struct tls *t, struct chain *held, struct span *bytes, char *at,
                         size_t size, size_t *len_r, struct chain *out)
{
    size_t said = out->len;
    int len;

    ensure(t->is_done && size >= TLS_RECORD_MAX);
    *len_r = 0;
    if (t->is_failed)
        return TLS_FAILED;
    t->held = held;
    t->whole = held->len;
    t->bytes = bytes;
    t->out = out;
    len = t->end != 0 ? t->end : read_some(t, at, size, len_r);
    t->held = NULL;
    t->bytes = NULL;
    /* The library answers here only what it refuses, like a renegotiation: once is enough. */
    if (out->len != said && (len > 0 || len == MBEDTLS_ERR_SSL_WANT_READ))
        return failed(t, MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, said);
    if (len <= 0 && len != MBEDTLS_ERR_SSL_WANT_READ)
        t->end = len == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : len;
    if (*len_r > 0)
        return TLS_OK;
    if (len == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_WANTS;
    if (t->end == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return TLS_ENDED;
    return failed(t, t->end, said);
}

enum tls_status tls_write(struct tls *t, struct chain *plain, size_t max, struct chain *out)
{
    char gathered[TLS_RECORD_MAX];
    size_t said = out->len;

    ensure(t->is_done);
    if (t->is_failed)
        return TLS_FAILED;
    t->out = out;
    max = max < plain->len ? max : plain->len;
    while (max > 0) {
        size_t len = max < TLS_RECORD_MAX ? max : TLS_RECORD_MAX;
        struct span bytes = span_first(chain_first(plain), len);
        int done;

        if (bytes.len < len) { /* small pieces become one record */
            chain_copy(plain, 0, gathered, len);
            bytes = (struct span){gathered, len};
        }
        done = mbedtls_ssl_write(&t->ssl, (const unsigned char *)bytes.at, bytes.len);
        if (done <= 0)
            return failed(t, done, said);
        chain_drop(plain, (size_t)done); /* TLS 1.3 takes some bytes less at once */
        max -= (size_t)done;
    }
    return TLS_OK;
}

void tls_close(struct tls *t, struct chain *out)
{
    t->out = out;
    if (t->is_done && !t->is_failed)
        (void)mbedtls_ssl_close_notify(&t->ssl);
}

/* ---- resting ---- */

/* The front of a buffer holds the record counter; whole pages behind it can go. */
static void give_back(struct tls_mbed_buffer buffer)
{
    uintptr_t from = ((uintptr_t)buffer.at + 64 + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    uintptr_t to = ((uintptr_t)buffer.at + buffer.size) / PAGE_SIZE * PAGE_SIZE;

    if (to > from)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void tls_rest(struct tls *t)
{
    struct tls_mbed_buffer buffers[2];

    if (!t->is_done || !tls_mbed_buffers(&t->ssl, buffers))
        return;
    give_back(buffers[0]);
    give_back(buffers[1]);
}
