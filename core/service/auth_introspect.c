#include "core/service/auth_introspect.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/service/auth_claims.h"

enum {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_UNAUTHORIZED = 401,
};

bool auth_introspect_begin(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* A longer answer than anybody needs ends the transfer. */
static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
    struct chain *json = context;

    if (json->len + size * count > AUTH_CLAIMS_MAX)
        return 0;
    chain_add(json, (struct span){bytes, size * count});
    return size * count;
}

/* No other protocols, no redirects, which would carry the token to strangers, no proxy out of the
 * environment, no signals. */
static void set_rules(CURL *curl, const struct auth_oauth_settings *set, struct chain *json)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, set->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)set->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)set->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, json);
    if (set->client_id[0] != '\0' && !set->sends_bearer) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERNAME, set->client_id);
        (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, set->client_secret);
    }
}

/* "token=..." of RFC 7662 2.1; wiped by the caller. */
static char *form_of(struct span token)
{
    char *escaped = curl_easy_escape(NULL, token.at, (int)token.len);
    char *form = NULL;

    if (escaped) {
        struct chain text = {0};
        chain_addf(&text, "token=%s&token_type_hint=access_token", escaped);
        form = xcalloc(1, text.len + 1);
        chain_copy(&text, 0, form, text.len);
        chain_free(&text);
    }
    curl_free(escaped);
    return form;
}

static char *bearer_of(struct span token)
{
    static const char head[] = "Authorization: Bearer ";
    char *line = xcalloc(1, sizeof(head) + token.len);

    memcpy(line, head, sizeof(head) - 1);
    memcpy(line + sizeof(head) - 1, token.at, token.len);
    return line;
}

static enum auth_introspect_answer answer_of(const struct auth_oauth_settings *set, CURL *curl,
                                             CURLcode done, struct chain *why)
{
    long status = 0;

    if (done != CURLE_OK) {
        chain_add(why, span_str(done == CURLE_WRITE_ERROR ? "the answer is too long"
                                                          : curl_easy_strerror(done)));
        return AUTH_INTROSPECT_TROUBLE;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == HTTP_OK)
        return AUTH_INTROSPECT_TOLD;
    chain_addf(why, "the answer is HTTP status %ld", status);
    return set->sends_bearer && (status == HTTP_BAD_REQUEST || status == HTTP_UNAUTHORIZED)
               ? AUTH_INTROSPECT_REFUSED
               : AUTH_INTROSPECT_TROUBLE;
}

enum auth_introspect_answer auth_introspect(const struct auth_oauth_settings *set,
                                            struct span token, struct chain *json_r,
                                            struct chain *why_r)
{
    CURL *curl = curl_easy_init();
    char *secret = set->sends_bearer ? bearer_of(token) : form_of(token);
    struct curl_slist *lines = curl_slist_append(NULL, "Accept: application/json");
    enum auth_introspect_answer answer = AUTH_INTROSPECT_TROUBLE;

    if (curl && secret && lines) {
        set_rules(curl, set, json_r);
        if (set->sends_bearer)
            lines = curl_slist_append(lines, secret);
        else
            (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, secret);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
        answer = answer_of(set, curl, curl_easy_perform(curl), why_r);
    } else {
        chain_add(why_r, SPAN("not enough memory"));
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(lines);
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return answer;
}
