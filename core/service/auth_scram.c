/*
 * auth_scram: what the SCRAM mechanisms (RFC 5802, 7677) need to know of a user.
 *
 * Salt and iterations are said to anybody who names a user, before he shows anything. So a name
 * that nobody has, or whose field serves no SCRAM, gets a salt too, always the same one, and what
 * it costs to check is what a look-alike's costs.
 */

#include <gsasl.h>
#include <stdio.h>

#include "core/base/random.h"
#include "core/service/auth_digest.h"
#include "core/service/auth_exchange.h"
#include "proto/session.h"
#include "proto/text/base64.h"

enum {
    SALT_LEN = 16, /* bytes of a made-up salt */
};

static enum auth_scram_hash hash_of(const struct auth_request *r)
{
    return strncmp(r->mechanism, "SCRAM-SHA-256", 13) == 0 ? AUTH_SCRAM_SHA256 : AUTH_SCRAM_SHA1;
}

static void made_up_salt(const struct auth *a, struct span name, size_t len, char salt[128])
{
    const struct span parts[] = {SPAN("scram salt"), name};
    unsigned char digest[AUTH_DIGEST_SIZE];

    auth_keyed(a, parts, COUNT_OF(parts), digest);
    len = base64_encode((struct span){(const char *)digest, len}, salt);
    salt[len] = '\0';
}

static void made_up_key(enum auth_scram_hash hash, char key[64])
{
    char bytes[32];
    size_t len = hash == AUTH_SCRAM_SHA1 ? 20 : 32;

    random_bytes(bytes, sizeof(bytes));
    len = base64_encode((struct span){bytes, len}, key);
    key[len] = '\0';
}

/* Keys that no password has, in the look of those of `like`. */
static void make_up(const struct auth *a, struct span name, enum auth_scram_hash hash,
                    struct auth_scram *like)
{
    size_t salt_len = SALT_LEN;

    if (like->password[0] != '\0' || like->rounds == 0) {
        like->rounds = AUTH_SCRAM_ROUNDS_PLAIN;
        made_up_key(hash, like->password);
    } else {
        made_up_key(hash, like->stored_key);
        made_up_key(hash, like->server_key);
        salt_len = base64_decoded_max(strlen(like->salt));
        salt_len -= salt_len > 0 && strchr(like->salt, '=') != NULL;
        salt_len -= salt_len > 0 && strstr(like->salt, "==") != NULL;
    }
    made_up_salt(a, name, salt_len < AUTH_DIGEST_SIZE ? salt_len : SALT_LEN, like->salt);
}

static void find_secrets(struct auth_exchange *x, struct span name, struct auth_scram *scram_r)
{
    const struct directory *d = x->step->directory;
    enum auth_scram_hash hash = hash_of(x->step->request);
    struct span account, field;

    if (directory_login(d, name, &account, &field) &&
        auth_hash_scram_secrets(field, hash, scram_r)) {
        if (scram_r->salt[0] == '\0')
            made_up_salt(x->step->auth, account, SALT_LEN, scram_r->salt);
        return;
    }
    *scram_r = (struct auth_scram){0};
    if (auth_stand_in(d, name, &field) && !auth_hash_scram_secrets(field, hash, scram_r))
        *scram_r = (struct auth_scram){0};
    make_up(x->step->auth, name, hash, scram_r);
}

static bool give_secrets(struct auth_exchange *x, Gsasl_session *library)
{
    const char *name = gsasl_property_fast(library, GSASL_AUTHID);
    struct auth_scram scram;
    char rounds[16];
    bool good;

    auth_request_tried(x->step->request, span_str(name ? name : ""));
    find_secrets(x, span_str(name ? name : ""), &scram);
    (void)snprintf(rounds, sizeof(rounds), "%u", scram.rounds);
    good = gsasl_property_set(library, GSASL_SCRAM_ITER, rounds) == GSASL_OK &&
           gsasl_property_set(library, GSASL_SCRAM_SALT, scram.salt) == GSASL_OK;
    if (good && scram.password[0] != '\0')
        good = gsasl_property_set(library, GSASL_PASSWORD, scram.password) == GSASL_OK;
    else if (good)
        good = gsasl_property_set(library, GSASL_SCRAM_STOREDKEY, scram.stored_key) == GSASL_OK &&
               gsasl_property_set(library, GSASL_SCRAM_SERVERKEY, scram.server_key) == GSASL_OK;
    explicit_bzero(&scram, sizeof(scram));
    return good;
}

/* ---- the connection that the login is bound to ---- */

/* Was the form with a binding open to the client? One that could have used it and says that we do
 * not offer it (the flag "y") was shown another offer by somebody in between: RFC 5802 6. */
static bool offers_plus(const struct auth_exchange *x)
{
    const struct auth_request *r = x->step->request;
    struct sasl_client client = {r->remote_address, "", r->tls};
    struct span plus =
        hash_of(r) == AUTH_SCRAM_SHA1 ? SPAN("SCRAM-SHA-1-PLUS") : SPAN("SCRAM-SHA-256-PLUS");

    return r->tls != NULL && sasl_offers(&x->step->settings->sasl, client, plus);
}

static bool give_binding(struct auth_exchange *x, Gsasl_session *library, Gsasl_property property)
{
    const struct session_tls *tls = x->step->request->tls;
    bool is_unique = property == GSASL_CB_TLS_UNIQUE;
    struct span bytes;
    char text[64];

    if (!offers_plus(x) || !(is_unique ? tls->has_unique : tls->has_exporter))
        return false;
    bytes = is_unique ? (struct span){(const char *)tls->unique, sizeof(tls->unique)}
                      : (struct span){(const char *)tls->exporter, sizeof(tls->exporter)};
    text[base64_encode(bytes, text)] = '\0';
    return gsasl_property_set(library, property, text) == GSASL_OK;
}

int auth_scram_property(struct auth_exchange *x, void *library, int property)
{
    bool is_given = false;

    if (property == GSASL_SCRAM_ITER)
        is_given = give_secrets(x, library);
    else if (property == GSASL_CB_TLS_EXPORTER || property == GSASL_CB_TLS_UNIQUE)
        is_given = give_binding(x, library, (Gsasl_property)property);
    return is_given ? GSASL_OK : GSASL_NO_CALLBACK;
}
