#include "core/relay/relay_tls_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/service/directory_file.h"
#include "core/service/lookup.h"

struct relay_tls_rules {
    enum relay_tls_level level;
    char *verify_match, *secure_match;
    struct lookup_list *policies;
};

static const char *const level_names[] = {
    [RELAY_TLS_NONE] = "none",           [RELAY_TLS_MAY] = "may",
    [RELAY_TLS_ENCRYPT] = "encrypt",     [RELAY_TLS_DANE] = "dane",
    [RELAY_TLS_DANE_ONLY] = "dane-only", [RELAY_TLS_VERIFY] = "verify",
    [RELAY_TLS_SECURE] = "secure",
};

const char *relay_tls_level_name(enum relay_tls_level level)
{
    ensure(level < COUNT_OF(level_names));
    return level_names[level];
}

static bool level_find(struct span name, enum relay_tls_level *level_r)
{
    for (unsigned i = 0; i < COUNT_OF(level_names); i++) {
        if (span_eq_nocase(name, span_str(level_names[i]))) {
            *level_r = (enum relay_tls_level)i;
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

/* Takes a name of a list divided by blanks, commas or colons. */
static bool next_name(struct span *rest, struct span *name_r)
{
    size_t len = 0;

    while (rest->len > 0 && memchr(" \t,:", rest->at[0], 4) != NULL)
        *rest = span_after(*rest, 1);
    while (len < rest->len && memchr(" \t,:", rest->at[len], 4) == NULL)
        len++;
    *name_r = span_first(*rest, len);
    *rest = span_after(*rest, len);
    return len > 0;
}

static bool match_add(char match[RELAY_TLS_MATCH_MAX + 1], const char *dot, struct span name)
{
    size_t len = strlen(match), room = RELAY_TLS_MATCH_MAX - len;

    if (name.len + 2 > room)
        return false;
    (void)snprintf(match + len, room + 1, "%s%s%.*s", len > 0 ? " " : "", dot, (int)name.len,
                   name.at);
    return true;
}

void relay_tls_match(const struct relay_tls_rule *rule, struct span domain, struct span host,
                     char match_r[RELAY_TLS_MATCH_MAX + 1])
{
    struct span rest = span_str(rule->match), name;

    /* A name that has no room is one name less that a certificate may have: never less safe. */
    match_r[0] = '\0';
    while (next_name(&rest, &name)) {
        if (span_eq_nocase(name, SPAN("nexthop")))
            (void)!match_add(match_r, "", domain);
        else if (span_eq_nocase(name, SPAN("dot-nexthop")))
            (void)!match_add(match_r, ".", domain);
        else if (span_eq_nocase(name, SPAN("hostname")))
            (void)!match_add(match_r, "", host);
        else
            (void)!match_add(match_r, "", name);
    }
}

/* ---- opening ---- */

struct relay_tls_rules *relay_tls_rules_open(const struct relay_tls_config *config,
                                             struct chain *why)
{
    struct relay_tls_rules *rules = xcalloc(1, sizeof(*rules));
    bool right = config->level[0] == '\0' || level_find(span_str(config->level), &rules->level);

    if (!right)
        chain_addf(why,
                   "smtp_tls_security_level: \"%s\" is no level; write none, may, encrypt, dane, "
                   "dane-only, verify or secure\n",
                   config->level);
    rules->verify_match = xstrdup(config->verify_match);
    rules->secure_match = xstrdup(config->secure_match);
    rules->policies = lookup_list_open(config->policy_maps, config->policy_count, why);
    if (!right || rules->policies == NULL)
        relay_tls_rules_close(&rules);
    return rules;
}

void relay_tls_rules_close(struct relay_tls_rules **rules)
{
    struct relay_tls_rules *r = *rules;

    *rules = NULL;
    if (r == NULL)
        return;
    lookup_list_close(&r->policies);
    free(r->verify_match);
    free(r->secure_match);
    free(r);
}

bool relay_tls_rules_refresh(struct relay_tls_rules *rules, struct chain *why)
{
    return lookup_list_refresh(rules->policies, why);
}

/* ---- finding ---- */

/* We speak TLS 1.2 and 1.3 only: what just shuts older ones out is kept anyway. */
static bool protocols_are_met(struct span list)
{
    static const char *const met[] = {"!SSLv2",  "!SSLv3",    "!TLSv1",    "!TLSv1.1",
                                      ">=TLSv1", ">=TLSv1.1", ">=TLSv1.2", ">=SSLv3"};
    struct span name;

    while (next_name(&list, &name)) {
        size_t i = 0;
        while (i < COUNT_OF(met) && !span_eq_nocase(name, span_str(met[i])))
            i++;
        if (i == COUNT_OF(met))
            return false;
    }
    return true;
}

static bool take_attribute(struct span text, struct relay_tls_rule *rule, bool *has_match,
                           struct chain *why)
{
    const char *is = text.len == 0 ? NULL : memchr(text.at, '=', text.len);
    struct span name = span_first(text, is == NULL ? text.len : (size_t)(is - text.at));
    struct span value = span_after(text, name.len + 1), part;

    if (is != NULL && span_eq_nocase(name, SPAN("match"))) {
        if (!*has_match)
            rule->match[0] = '\0';
        *has_match = true;
        while (next_name(&value, &part)) {
            if (match_add(rule->match, "", part))
                continue;
            chain_addf(why, "more than %d bytes of names", RELAY_TLS_MATCH_MAX);
            return false;
        }
        return true;
    }
    if (is != NULL && span_eq_nocase(name, SPAN("ciphers")))
        return true; /* each of ours is "high" */
    if (is != NULL && span_eq_nocase(name, SPAN("protocols")) && protocols_are_met(value))
        return true;
    chain_addf(why, "\"%.*s\" cannot be kept", (int)text.len, text.at);
    return false;
}

static void set_level(const struct relay_tls_rules *rules, enum relay_tls_level level,
                      struct relay_tls_rule *rule)
{
    rule->level = level;
    (void)snprintf(rule->match, sizeof(rule->match), "%s",
                   level == RELAY_TLS_SECURE   ? rules->secure_match
                   : level == RELAY_TLS_VERIFY ? rules->verify_match
                                               : "");
}

/* "level name=value name=value" */
static bool rule_parse(const struct relay_tls_rules *rules, struct span text,
                       struct relay_tls_rule *rule, struct chain *why)
{
    bool has_match = false, is_first = true;

    for (struct span rest = directory_trim(text); rest.len > 0; is_first = false) {
        enum relay_tls_level level;
        size_t len = 0;
        struct span word;

        while (len < rest.len && rest.at[len] != ' ' && rest.at[len] != '\t')
            len++;
        word = span_first(rest, len);
        rest = directory_trim(span_after(rest, len));
        if (!is_first) {
            if (!take_attribute(word, rule, &has_match, why))
                return false;
        } else if (level_find(word, &level)) {
            set_level(rules, level, rule);
        } else {
            chain_addf(why, "\"%.*s\" is no level", (int)word.len, word.at);
            return false;
        }
    }
    return !is_first;
}

bool relay_tls_rule_find(const struct relay_tls_rules *rules, struct span nexthop,
                         struct span domain, struct relay_tls_rule *rule_r, struct chain *why)
{
    struct chain value = {0}, reason = {0};
    bool right = true;

    *rule_r = (struct relay_tls_rule){.level = RELAY_TLS_MAY};
    if (rules == NULL)
        return true;
    set_level(rules, rules->level, rule_r);
    if (lookup_list_get(rules->policies, nexthop, &value) ||
        lookup_list_domain(rules->policies, domain, &value)) {
        right = rule_parse(rules, chain_flat(&value), rule_r, &reason);
        if (!right) {
            chain_addf(why, "smtp_tls_policy_maps, %.*s: ", (int)nexthop.len, nexthop.at);
            chain_move(why, &reason);
        }
    }
    chain_free(&value);
    return right;
}
