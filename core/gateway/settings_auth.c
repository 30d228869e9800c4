#include "core/gateway/settings_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/alloc.h"
#include "core/base/network.h"
#include "core/gateway/settings.h"
#include "core/service/auth_hash.h"
#include "core/service/auth_jwt.h"

enum {
    MECHANISMS_SIZE = 256, /* bytes: all names with blanks between them */
};

struct settings_auth {
    struct auth_settings auth;
    struct auth_jwt_keys *keys;
    char clear[MECHANISMS_SIZE], tls[MECHANISMS_SIZE];
    struct network *trusted;
};

/* ---- what can work ---- */

static bool serves_all(const struct directory *d, enum auth_scram_hash hash)
{
    struct span account, field;
    unsigned i = 0;

    while (directory_user_at(d, i, &account, &field)) {
        if (!auth_hash_serves_scram(field, hash))
            return false;
        i++;
    }
    return i > 0;
}

static bool serves_always(const struct config *c, const struct directory *d)
{
    (void)c;
    (void)d;
    return true;
}

static bool serves_sha256(const struct config *c, const struct directory *d)
{
    (void)c;
    return serves_all(d, AUTH_SCRAM_SHA256);
}

static bool serves_sha1(const struct config *c, const struct directory *d)
{
    (void)c;
    return serves_all(d, AUTH_SCRAM_SHA1);
}

static bool serves_tokens(const struct config *c, const struct directory *d)
{
    (void)d;
    return c->oauth2_introspection_url[0] != '\0' || c->oauth2_key_files.count > 0;
}

static const struct mechanism {
    const char *name;
    bool shows_password; /* to whoever listens */
    bool (*serves)(const struct config *c, const struct directory *d);
} mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", false, serves_sha256},
    {"SCRAM-SHA-1-PLUS",   false, serves_sha1  },
    {"SCRAM-SHA-256",      false, serves_sha256},
    {"SCRAM-SHA-1",        false, serves_sha1  },
    {"PLAIN",              true,  serves_always},
    {"LOGIN",              true,  serves_always},
    {"OAUTHBEARER",        true,  serves_tokens},
    {"XOAUTH2",            true,  serves_tokens},
    {"EXTERNAL",           false, serves_always},
};

static const struct mechanism *mechanism_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        if (strcasecmp(mechanisms[i].name, name) == 0)
            return &mechanisms[i];
    return NULL;
}

bool settings_mechanism_is_known(const char *name)
{
    return mechanism_find(name) != NULL;
}

const char *settings_mechanisms_known(void)
{
    return "scram-sha-256-plus, scram-sha-1-plus, scram-sha-256, scram-sha-1, plain, login, "
           "oauthbearer, xoauth2, external";
}

static void add_word(char list[MECHANISMS_SIZE], const char *word)
{
    size_t len = strlen(list);

    (void)snprintf(list + len, MECHANISMS_SIZE - len, "%s%s", len > 0 ? " " : "", word);
}

static void add_mechanism(struct settings_auth *s, const struct mechanism *m, bool in_clear,
                          bool allow_clear)
{
    add_word(s->tls, m->name);
    if (in_clear && (allow_clear || !m->shows_password))
        add_word(s->clear, m->name);
}

/* ---- tokens ---- */

static struct auth_words words_of(const struct config_list *list)
{
    return (struct auth_words){(const char *const *)list->at, list->count};
}

static struct auth_oauth_settings oauth_of(const struct config *c, const struct auth_jwt_keys *keys)
{
    return (struct auth_oauth_settings){
        .keys = keys,
        .url = c->oauth2_introspection_url,
        .sends_bearer = c->oauth2_introspection_mode == CONFIG_INTROSPECTION_AUTH,
        .client_id = c->oauth2_client_id,
        .client_secret = c->oauth2_client_secret,
        .timeout_ms = (uint32_t)c->oauth2_timeout,
        .username_attribute = c->oauth2_username_attribute,
        .active_attribute = c->oauth2_active_attribute,
        .active_value = c->oauth2_active_value,
        .scopes = words_of(&c->oauth2_scope),
        .issuers = words_of(&c->oauth2_issuers),
        .audiences = words_of(&c->oauth2_audiences),
        .configuration_url = c->oauth2_openid_configuration_url,
    };
}

/* The files were found good when the configuration was checked; one that went since is no key. */
static struct auth_jwt_keys *keys_of(const struct config *c)
{
    const struct config_list *files = &c->oauth2_key_files;
    struct chain why = {0};
    struct auth_jwt_keys *keys = NULL;

    if (files->count > 0)
        keys = auth_jwt_keys_load((const char *const *)files->at, files->count, &why);
    chain_free(&why);
    return keys;
}

/* ---- all of it ---- */

struct settings_auth *settings_auth_new(const struct config *c, const struct directory *directory)
{
    struct settings_auth *s = xcalloc(1, sizeof(*s));
    unsigned trusted_count = settings_networks(&c->login_trusted_networks, &s->trusted);
    bool in_clear = c->ssl != CONFIG_SSL_REQUIRED,
         allow_clear = in_clear && !c->disable_plaintext_auth;
    unsigned taken = 0;

    for (unsigned i = 0; i < c->auth_mechanisms.count; i++) {
        const struct mechanism *m = mechanism_find(c->auth_mechanisms.at[i]);
        unsigned bit = m ? 1u << (m - mechanisms) : 0;
        if (m && !(taken & bit) && m->serves(c, directory))
            add_mechanism(s, m, in_clear, allow_clear);
        taken |= bit;
    }
    s->keys = keys_of(c);
    s->auth = (struct auth_settings){
        .sasl = {s->clear, s->tls, allow_clear, s->trusted, trusted_count,
                 (uint32_t)c->smtpd_sasl_response_limit},
        .queue_limit = (uint32_t)c->auth_queue_limit,
        .failure_delay_ms = (uint32_t)c->auth_failure_delay,
        .failure_delay_max_ms = (uint32_t)c->auth_failure_delay_max,
        .failure_decay_ms = (uint32_t)c->auth_failure_decay,
        .failure_limit = (uint32_t)c->auth_failure_limit,
        .failure_window_ms = (uint32_t)c->auth_failure_window,
        .block_ms = (uint32_t)c->auth_block_time,
        .oauth = oauth_of(c, s->keys),
    };
    return s;
}

void settings_auth_free(struct settings_auth **settings)
{
    struct settings_auth *s = *settings;

    *settings = NULL;
    auth_jwt_keys_free(&s->keys);
    free(s->trusted);
    free(s);
}

const struct auth_settings *settings_auth_get(const struct settings_auth *settings)
{
    return &settings->auth;
}
