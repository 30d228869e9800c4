#include "tests/unit/relay/dns_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/ensure.h"
#include "core/base/network.h"
#include "proto/text/scan.h"

struct reply {
    struct relay_dns_answer answer;
    char canonical[RELAY_NAME_MAX + 1];
    char bytes[8192];
    size_t used;
};

static const char *type_name(enum relay_dns_type type)
{
    return type == RELAY_DNS_A      ? "A"
           : type == RELAY_DNS_AAAA ? "AAAA"
           : type == RELAY_DNS_MX   ? "MX"
           : type == RELAY_DNS_TLSA ? "TLSA"
                                    : "TXT";
}

static void put(struct reply *r, const void *bytes, size_t len)
{
    struct span *record = &r->answer.records[r->answer.count];

    ensure(r->used + len <= sizeof(r->bytes));
    memcpy(r->bytes + r->used, bytes, len);
    if (record->at == NULL)
        record->at = r->bytes + r->used;
    record->len += len;
    r->used += len;
}

static void put_name(struct reply *r, struct span name)
{
    struct span label;

    while (name.len > 0 && !span_eq(name, SPAN("."))) {
        const char *dot = memchr(name.at, '.', name.len);
        char len;

        label = span_first(name, dot == NULL ? name.len : (size_t)(dot - name.at));
        len = (char)label.len;
        put(r, &len, 1);
        put(r, label.at, label.len);
        name = span_after(name, label.len + (dot != NULL));
    }
    put(r, "", 1);
}

static void put_record(struct reply *r, enum relay_dns_type type, struct span value)
{
    unsigned char address[NETWORK_ADDRESS_LEN];
    uint64_t preference;

    if (type == RELAY_DNS_MX) {
        ensure(scan_number(&value, 65535, &preference));
        put(r, (char[]){(char)(preference >> 8), (char)preference}, 2);
        scan_blanks(&value);
        put_name(r, value);
    } else if (type == RELAY_DNS_TLSA) {
        for (; value.len >= 2; value = span_after(value, 2)) {
            char hex[3] = {value.at[0], value.at[1], '\0'};
            char byte = (char)strtoul(hex, NULL, 16);
            put(r, &byte, 1);
        }
    } else {
        ensure(network_address(value, address));
        if (type == RELAY_DNS_A)
            put(r, address + 12, 4);
        else
            put(r, address, sizeof(address));
    }
    r->answer.count++;
}

/* One line of the zone that begins with the name asked for. */
static void take_line(struct reply *r, enum relay_dns_type type, struct span rest, bool *follow,
                      char *name)
{
    struct span word = {0};

    scan_blanks(&rest);
    (void)scan_word(&rest, &word);
    scan_blanks(&rest);
    if (span_eq(word, SPAN("CNAME"))) {
        *follow = true;
        snprintf(name, RELAY_NAME_MAX + 1, "%.*s", (int)rest.len, rest.at);
        snprintf(r->canonical, sizeof(r->canonical), "%s", name);
    } else if (span_eq(word, SPAN("FAIL"))) {
        if (rest.len == 0 || span_eq(rest, span_str(type_name(type))))
            r->answer.status = RELAY_DNS_FAILED;
    } else if (span_eq(word, span_str(type_name(type)))) {
        put_record(r, type, rest);
    }
}

static void look_up(struct reply *r, const char *zone, enum relay_dns_type type, char *name)
{
    struct span rest = span_str(zone);
    bool follow = false;

    while (rest.len > 0 && !follow) {
        const char *end = memchr(rest.at, '\n', rest.len);
        struct span line = span_first(rest, end == NULL ? rest.len : (size_t)(end - rest.at)),
                    owner;
        bool insecure = line.len > 0 && line.at[0] == '!';

        rest = span_after(rest, line.len + 1);
        line = span_after(line, insecure);
        if (!scan_word(&line, &owner) || !span_eq(owner, span_str(name)))
            continue;
        if (r->answer.status == RELAY_DNS_NO_NAME)
            r->answer.status = RELAY_DNS_EMPTY;
        if (insecure)
            r->answer.is_secure = false;
        take_line(r, type, line, &follow, name);
    }
    if (follow)
        look_up(r, zone, type, name);
}

static void answer(struct dns_table *t, const char *asked, enum relay_dns_type type,
                   relay_dns_fn done, void *context)
{
    struct reply r = {
        .answer = {.status = RELAY_DNS_NO_NAME, .is_secure = true, .ttl_s = 60}
    };
    char name[RELAY_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%s", asked);
    look_up(&r, t->zone, type, name);
    if (r.answer.status == RELAY_DNS_EMPTY && r.answer.count > 0)
        r.answer.status = RELAY_DNS_OK;
    if (r.answer.status == RELAY_DNS_FAILED)
        r.answer.is_secure = false;
    r.answer.canonical = r.canonical;
    r.answer.why = r.answer.status == RELAY_DNS_FAILED ? "told to fail" : "";
    done(context, &r.answer);
}

static void ask(void *self, const char *name, enum relay_dns_type type, relay_dns_fn done,
                void *context)
{
    struct dns_table *t = self;

    t->asked++;
    if (!t->deferred) {
        answer(t, name, type, done, context);
        return;
    }
    ensure(t->waiting < 64);
    snprintf(t->queue[t->waiting].name, sizeof(t->queue[0].name), "%s", name);
    t->queue[t->waiting].type = type;
    t->queue[t->waiting].done = done;
    t->queue[t->waiting++].context = context;
}

bool dns_table_answer(struct dns_table *t)
{
    char name[RELAY_NAME_MAX + 1];
    unsigned last = t->waiting - 1;

    if (t->waiting == 0)
        return false;
    t->waiting--;
    memcpy(name, t->queue[last].name, sizeof(name));
    answer(t, name, t->queue[last].type, t->queue[last].done, t->queue[last].context);
    return true;
}

void dns_table_open(struct dns_table *t, const char *zone)
{
    memset(t, 0, sizeof(*t));
    t->zone = zone;
    t->source = (struct relay_dns_source){.ask = ask, .self = t};
}
