#include "core/service/auth_claims.h"

#include <jansson.h>
#include <string.h>

#include "proto/text/scan.h"

/* ---- JSON ---- */

/* The library follows what lies in each other by calling itself, so the depth is looked at first.
 */
static bool is_shallow(struct span json)
{
    bool in_string = false;
    unsigned depth = 0;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.at[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && depth > 0 && (c == '}' || c == ']'))
            depth--;
        if (depth > AUTH_CLAIMS_DEPTH_MAX)
            return false;
    }
    return true;
}

/* An object, to be given back with json_decref(); NULL when the text is none. */
static json_t *object_of(struct span json)
{
    json_t *object;

    if (json.len == 0 || json.len > AUTH_CLAIMS_MAX || !is_shallow(json))
        return NULL;
    object = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static struct span text_of(const json_t *value)
{
    return json_is_string(value)
               ? (struct span){json_string_value(value), json_string_length(value)}
               : (struct span){0};
}

bool auth_claims_text(struct span json, const char *name, char *at, size_t size)
{
    json_t *object = object_of(json);
    const json_t *value = json_object_get(object, name);
    struct span text = text_of(value);
    bool good = json_is_string(value) && text.len < size;

    if (good)
        memcpy(at, text.at, text.len + 1);
    json_decref(object);
    return good;
}

bool auth_claims_has(struct span json, const char *name)
{
    json_t *object = object_of(json);
    bool has = json_object_get(object, name) != NULL;

    json_decref(object);
    return has;
}

/* ---- claims ---- */

/* Seconds since 1970 (NumericDate, RFC 7519 2); false when it is not there, or can't be a time. */
static bool time_of(const json_t *object, const char *name, int64_t *at_r)
{
    const json_t *value = json_object_get(object, name);
    double seconds = json_number_value(value);

    if (!json_is_number(value) || !(seconds >= 0 && seconds < 1e15))
        return false;
    *at_r = (int64_t)seconds;
    return true;
}

static bool is_one_of(const struct auth_words *words, struct span text)
{
    for (unsigned i = 0; i < words->count; i++)
        if (span_eq(span_str(words->at[i]), text))
            return true;
    return false;
}

/* A text, or a list of texts of which one is enough. */
static bool names_one_of(const json_t *value, const struct auth_words *words)
{
    if (!json_is_array(value))
        return json_is_string(value) && is_one_of(words, text_of(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        if (is_one_of(words, text_of(json_array_get(value, i))))
            return true;
    return false;
}

static bool has_word(struct span list, const char *wanted)
{
    struct span word;

    scan_blanks(&list);
    while (scan_word(&list, &word)) {
        if (span_eq(word, span_str(wanted)))
            return true;
        scan_blanks(&list);
    }
    return false;
}

static bool has_scopes(const struct auth_oauth_settings *set, const json_t *object)
{
    struct span list = text_of(json_object_get(object, "scope"));

    for (unsigned i = 0; i < set->scopes.count; i++)
        if (!has_word(list, set->scopes.at[i]))
            return false;
    return true;
}

static bool is_active(const struct auth_oauth_settings *set, const json_t *object)
{
    const json_t *value = json_object_get(object, set->active_attribute);
    struct span wanted = span_str(set->active_value);

    if (set->active_attribute[0] == '\0')
        return true;
    if (json_is_boolean(value))
        return span_eq(wanted, json_is_true(value) ? SPAN("true") : SPAN("false"));
    return json_is_string(value) && span_eq(wanted, text_of(value));
}

/* NULL when the token is good now. */
static const char *wrong_time(const json_t *object, bool is_own, int64_t now_s,
                              struct auth_claims *c)
{
    int64_t from_s;

    c->until_s = INT64_MAX;
    if (!time_of(object, "exp", &c->until_s) && (is_own || json_object_get(object, "exp") != NULL))
        return "it does not say when it ends";
    if (c->until_s != INT64_MAX && now_s - AUTH_CLAIMS_SKEW_S >= c->until_s)
        return "it has expired";
    if (json_object_get(object, "nbf") == NULL)
        return NULL;
    return time_of(object, "nbf", &from_s) && now_s + AUTH_CLAIMS_SKEW_S >= from_s
               ? NULL
               : "it is not good yet";
}

/* Who is asked is the issuer and knows for whom; when he says it, it must be right. */
static const char *wrong_party(const struct auth_oauth_settings *set, const json_t *object,
                               bool is_own)
{
    const json_t *issuer = json_object_get(object, "iss"), *to = json_object_get(object, "aud");

    if (set->issuers.count > 0 && (is_own || issuer) && !names_one_of(issuer, &set->issuers))
        return "its issuer is not one of oauth2_issuers";
    if (set->audiences.count > 0 && (is_own || to) && !names_one_of(to, &set->audiences))
        return "it is not for one of oauth2_audiences";
    return NULL;
}

static const char *take_name(const struct auth_oauth_settings *set, const json_t *object,
                             struct auth_claims *c)
{
    struct span name = text_of(json_object_get(object, set->username_attribute));

    if (name.len == 0 || name.len > AUTH_NAME_MAX || !scan_is_printable(name))
        return "it names no user by oauth2_username_attribute";
    memcpy(c->name, name.at, name.len);
    c->name[name.len] = '\0';
    return NULL;
}

static enum auth_claims_answer check(const struct auth_oauth_settings *set, const json_t *object,
                                     bool is_own, int64_t now_s, struct auth_claims *c)
{
    if (!is_own && !is_active(set, object)) {
        c->why = "it is not active";
        return AUTH_CLAIMS_BAD;
    }
    c->why = wrong_time(object, is_own, now_s, c);
    if (!c->why)
        c->why = wrong_party(set, object, is_own);
    if (!c->why)
        c->why = take_name(set, object, c);
    if (c->why)
        return AUTH_CLAIMS_BAD;
    if (has_scopes(set, object))
        return AUTH_CLAIMS_GOOD;
    c->why = "it has not all of oauth2_scope";
    return AUTH_CLAIMS_SCOPE;
}

enum auth_claims_answer auth_claims_check(const struct auth_oauth_settings *set, struct span json,
                                          bool is_own, int64_t now_s, struct auth_claims *c_r)
{
    json_t *object = object_of(json);
    enum auth_claims_answer answer;

    *c_r = (struct auth_claims){.why = "it is no object of JSON"};
    if (!object)
        return AUTH_CLAIMS_BROKEN;
    answer = check(set, object, is_own, now_s, c_r);
    json_decref(object);
    return answer;
}
