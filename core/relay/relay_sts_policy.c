#include "core/relay/relay_sts_policy.h"

#include "core/base/number.h"
#include "proto/text/address.h"
#include "proto/text/scan.h"

enum {
    TXT_MAX = 512, /* bytes of a record that is looked at */
};

/* ---- the record: RFC 8461 3.1 ---- */

/* The strings of a TXT record as one. */
static bool join_strings(struct span rdata, char text[TXT_MAX], struct span *joined_r)
{
    size_t len = 0;

    while (rdata.len > 0) {
        size_t part = (unsigned char)rdata.at[0];
        rdata = span_after(rdata, 1);
        if (part > rdata.len || len + part > TXT_MAX)
            return false;
        if (part > 0)
            memcpy(text + len, rdata.at, part);
        len += part;
        rdata = span_after(rdata, part);
    }
    *joined_r = (struct span){text, len};
    return true;
}

static void trim(struct span *s)
{
    scan_blanks(s);
    while (s->len > 0 && (s->at[s->len - 1] == ' ' || s->at[s->len - 1] == '\t'))
        s->len--;
}

/* The next "name=value" or "name: value" of a list. */
static bool next_field(struct span *rest, char end, char is, struct span *name_r,
                       struct span *value_r)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->at, end, rest->len);
    struct span field = span_first(*rest, at == NULL ? rest->len : (size_t)(at - rest->at));

    if (rest->len == 0)
        return false;
    *rest = span_after(*rest, field.len + 1);
    if (end == '\n' && field.len > 0 && field.at[field.len - 1] == '\r')
        field.len--;
    at = field.len == 0 ? NULL : memchr(field.at, is, field.len);
    *name_r = span_first(field, at == NULL ? field.len : (size_t)(at - field.at));
    *value_r = span_after(field, name_r->len + 1);
    trim(name_r);
    trim(value_r);
    return true;
}

static bool is_id(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char low = (char)(value.at[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(value.at[i] >= '0' && value.at[i] <= '9'))
            return false;
    }
    return value.len > 0 && value.len <= RELAY_STS_ID_MAX;
}

bool relay_sts_txt_parse(struct span rdata, char id_r[RELAY_STS_ID_MAX + 1])
{
    char text[TXT_MAX];
    struct span rest, name, value;

    if (!join_strings(rdata, text, &rest) || !next_field(&rest, ';', '=', &name, &value) ||
        !span_eq(name, SPAN("v")) || !span_eq(value, SPAN("STSv1")))
        return false;
    while (next_field(&rest, ';', '=', &name, &value)) {
        if (!span_eq(name, SPAN("id")))
            continue;
        if (!is_id(value))
            return false;
        memcpy(id_r, value.at, value.len);
        id_r[value.len] = '\0';
        return true;
    }
    return false;
}

/* ---- the policy: RFC 8461 3.2 ---- */

static bool mode_find(struct span value, enum relay_sts_mode *mode_r)
{
    static const char *const names[] = {[RELAY_STS_NONE] = "none",
                                        [RELAY_STS_TESTING] = "testing",
                                        [RELAY_STS_ENFORCE] = "enforce"};

    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (span_eq(value, span_str(names[i]))) {
            *mode_r = (enum relay_sts_mode)i;
            return true;
        }
    }
    return false;
}

/* A pattern that is no name is left out: it could match nothing. */
static void add_mx(struct span value, struct relay_sts_policy *p)
{
    size_t len = strlen(p->mx);
    struct span host = span_eq(span_first(value, 2), SPAN("*.")) ? span_after(value, 2) : value;

    if (!address_is_hostname(host, false) || host.len > RELAY_NAME_MAX ||
        len + value.len + 2 > sizeof(p->mx))
        return;
    if (len > 0)
        p->mx[len++] = ' ';
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        p->mx[len++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    p->mx[len] = '\0';
}

bool relay_sts_policy_parse(struct span body, struct relay_sts_policy *p)
{
    bool has_version = false, has_mode = false, has_age = false;
    struct span rest = body, name, value;
    uint64_t age = 0;

    *p = (struct relay_sts_policy){0};
    if (body.len > RELAY_STS_POLICY_MAX)
        return false;
    while (next_field(&rest, '\n', ':', &name, &value)) {
        if (span_eq(name, SPAN("version")) && !has_version) {
            if (!span_eq(value, SPAN("STSv1")))
                return false;
            has_version = true;
        } else if (span_eq(name, SPAN("mode")) && !has_mode) {
            if (!mode_find(value, &p->mode))
                return false;
            has_mode = true;
        } else if (span_eq(name, SPAN("max_age")) && !has_age) {
            if (value.len > 10 || !number_parse(value, 9999999999, &age))
                return false;
            has_age = true;
        } else if (span_eq(name, SPAN("mx"))) {
            add_mx(value, p);
        }
    }
    p->max_age_s = (uint32_t)(age < RELAY_STS_AGE_MAX_S ? age : RELAY_STS_AGE_MAX_S);
    return has_version && has_mode && has_age && (p->mode == RELAY_STS_NONE || p->mx[0] != '\0');
}

bool relay_sts_policy_has(const char *mx, const char *host)
{
    struct span rest = span_str(mx), pattern, name = span_str(host);
    const char *dot = strchr(host, '.');

    while (scan_word(&rest, &pattern)) {
        scan_blanks(&rest);
        if (span_eq(pattern, name))
            return true;
        if (dot != NULL && pattern.at[0] == '*' && span_eq(span_after(pattern, 1), span_str(dot)))
            return true;
    }
    return false;
}
