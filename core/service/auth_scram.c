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

int auth_scram_property(struct auth_exchange *x, void *library, int property)
{
    return property == GSASL_SCRAM_ITER && give_secrets(x, library) ? GSASL_OK : GSASL_NO_CALLBACK;
}
