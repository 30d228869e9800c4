#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/tls/tls_private.h"

/* The names of RFC 7301's registry; it has none for SMTP, where this one is in use. */
static const char *alpn[TLS_PROTOCOLS][2] = {
    [TLS_SMTP] = {"smtp", NULL},
    [TLS_IMAP] = {"imap", NULL},
    [TLS_POP3] = {"pop3", NULL},
};

static const int authmodes[] = {
    [TLS_CLIENT_NEVER] = MBEDTLS_SSL_VERIFY_NONE,
    [TLS_CLIENT_ASK] = MBEDTLS_SSL_VERIFY_OPTIONAL,
    [TLS_CLIENT_REQUIRE] = MBEDTLS_SSL_VERIFY_REQUIRED,
};

void tls_begin(void)
{
    tls_mbed_begin();
}

/* ---- which certificate ---- */

/* The client says for which host it came. A name that no certificate has gets the first one: old
 * clients send what the user typed, and the certificate will tell them. */
static int choose(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
    struct tls_lane *lane = context;
    char host[TLS_NAME_MAX + 1];

    if (!tls_hello_name((struct span){(const char *)name, len}, host))
        return 0;
    /* Tickets were judged by the name that we read ourselves; it must be the same. */
    if (lane->current->hello == NULL || strcmp(lane->current->hello->server_name, host) != 0)
        return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
    for (unsigned i = 0; i < lane->context->count; i++) {
        struct tls_chain *c = &lane->chains[i];
        if (tls_chain_is_for(&c->certificates, host) &&
            mbedtls_ssl_set_hs_own_cert(ssl, &c->certificates, &c->key) != 0)
            return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    return 0;
}

/* The first certificate, and those with another kind of key that stand right behind it: ECDSA and
 * RSA for the same host. */
static int set_default(const struct tls_lane *lane, mbedtls_ssl_config *config)
{
    int error = 0;

    for (unsigned i = 0; error == 0 && i < lane->context->count; i++) {
        if (i > 0 &&
            mbedtls_pk_get_type(&lane->chains[i].key) == mbedtls_pk_get_type(&lane->chains[0].key))
            break;
        error =
            mbedtls_ssl_conf_own_cert(config, &lane->chains[i].certificates, &lane->chains[i].key);
    }
    return error;
}

/* ---- lanes ---- */

static bool config_open(struct tls_lane *lane, enum tls_protocol protocol,
                        const struct tls_config *config, struct chain *why)
{
    mbedtls_ssl_config *c = &lane->configs[protocol];
    int error = mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);

    if (error == 0)
        error = mbedtls_ssl_conf_alpn_protocols(c, alpn[protocol]);
    if (error == 0)
        error = set_default(lane, c);
    if (error != 0) {
        chain_addf(why, "TLS can't be set up (-0x%04x); there is not enough memory\n",
                   (unsigned)-error);
        return false;
    }
    tls_mbed_rules(c, config->only_13);
    mbedtls_ssl_conf_authmode(c, authmodes[config->client[protocol]]);
    mbedtls_ssl_conf_sni(c, choose, lane);
    tls_binding_prepare(lane, c);
    mbedtls_ssl_conf_session_tickets_cb(c, tls_ticket_write, tls_ticket_parse, lane);
    if (config->ca_file[0] != '\0')
        mbedtls_ssl_conf_ca_chain(c, &lane->authorities, NULL);
    return true;
}

void tls_lane_init(struct tls_context *context, struct tls_lane *lane)
{
    pthread_mutex_init(&lane->lock, NULL);
    lane->context = context;
    lane->chains = xcalloc(context->count + 1, sizeof(*lane->chains));
    mbedtls_x509_crt_init(&lane->authorities);
    for (unsigned i = 0; i < context->count; i++) {
        mbedtls_x509_crt_init(&lane->chains[i].certificates);
        mbedtls_pk_init(&lane->chains[i].key);
        lane->chains[i].path = context->paths[i];
    }
    for (unsigned p = 0; p < TLS_PROTOCOLS; p++)
        mbedtls_ssl_config_init(&lane->configs[p]);
}

/* `why` gets a line for each file, so all are looked at. */
static bool lane_load(struct tls_lane *lane, const struct tls_config *config, struct chain *why)
{
    bool good = true;

    for (unsigned i = 0; i < lane->context->count; i++)
        good = tls_chain_load(&lane->chains[i], &config->files[i], why) && good;
    if (config->ca_file[0] != '\0')
        good = tls_chain_load_authorities(&lane->authorities, config->ca_file, why) && good;
    for (unsigned p = 0; good && p < TLS_PROTOCOLS; p++)
        good = config_open(lane, (enum tls_protocol)p, config, why);
    return good;
}

static void lane_close(struct tls_lane *lane)
{
    for (unsigned p = 0; p < TLS_PROTOCOLS; p++)
        mbedtls_ssl_config_free(&lane->configs[p]);
    for (unsigned i = 0; i < lane->context->count; i++)
        tls_chain_free(&lane->chains[i]);
    free(lane->chains);
    mbedtls_x509_crt_free(&lane->authorities);
    pthread_mutex_destroy(&lane->lock);
}

/* ---- open and close ---- */

static bool rules_are_possible(const struct tls_config *config, struct chain *why)
{
    if (config->file_count == 0 || config->file_count > TLS_CHAIN_FILES_MAX) {
        chain_addf(why, "TLS has %u certificates; it can have 1 to %u\n", config->file_count,
                   (unsigned)TLS_CHAIN_FILES_MAX);
        return false;
    }
    if (config->only_13 && !tls_mbed_has_13()) {
        chain_addf(why, "TLS 1.3 is not in this mbedtls; write smtpd_tls_protocols = >=TLSv1.2\n");
        return false;
    }
    for (unsigned p = 0; p < TLS_PROTOCOLS; p++) {
        if (config->client[p] == TLS_CLIENT_REQUIRE && config->ca_file[0] == '\0') {
            chain_addf(why, "client certificates are required, but nobody vouches for them; "
                            "name the authorities in smtpd_tls_CAfile\n");
            return false;
        }
    }
    return true;
}

struct tls_context *tls_context_open(const struct tls_config *config, struct chain *why)
{
    struct tls_context *c;
    bool good = true;

    if (!rules_are_possible(config, why))
        return NULL;
    c = xcalloc(1, sizeof(*c));
    c->count = config->file_count;
    c->lane_count = config->lanes == 0 ? 1 : config->lanes;
    c->paths = xcalloc(c->count, sizeof(*c->paths));
    for (unsigned i = 0; i < c->count; i++)
        c->paths[i] = xstrdup(config->files[i].chain);
    c->tickets = tls_tickets_open();
    c->lanes = xcalloc(c->lane_count, sizeof(*c->lanes));
    for (unsigned i = 0; i < c->lane_count; i++)
        tls_lane_init(c, &c->lanes[i]);
    for (unsigned i = 0; good && i < c->lane_count; i++)
        good = lane_load(&c->lanes[i], config, why);
    if (!good)
        tls_context_close(&c);
    return c;
}

void tls_context_close(struct tls_context **context)
{
    struct tls_context *c = *context;

    for (unsigned i = 0; i < c->lane_count; i++)
        lane_close(&c->lanes[i]);
    for (unsigned i = 0; i < c->count; i++)
        free(c->paths[i]);
    free(c->paths);
    free(c->lanes);
    if (c->tickets != NULL)
        tls_tickets_close(&c->tickets);
    free(c);
    *context = NULL;
}

void tls_context_warn(const struct tls_context *context, int64_t now_s, struct chain *why)
{
    for (unsigned i = 0; i < context->count; i++)
        tls_chain_warn(&context->lanes[0].chains[i], now_s, why);
}
