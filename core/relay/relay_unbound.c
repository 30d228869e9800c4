#include "core/relay/relay_unbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/network.h"
#include "core/relay/relay_route.h"

enum {
    TIMEOUT_MS = 20000,
    WAITING_MAX = 500, /* what is written to libunbound's pipe for them fits into it */
    WHY_SIZE = 200,
    CLASS_IN = 1,
    RCODE_OK = 0,
    RCODE_NO_NAME = 3,
};

struct question {
    struct list link;
    struct relay_unbound *unbound;
    int id;
    uint64_t deadline;
    relay_dns_fn done;
    void *context;
};

struct relay_unbound {
    struct ub_ctx *library;
    struct relay_dns_source source;
    struct list waiting; /* in the order of their deadlines, as each waits as long */
    unsigned waiting_count, waiting_max;
    uint64_t timeout_ns;
};

/* ---- asking ---- */

static void fail(relay_dns_fn done, void *context, const char *why)
{
    struct relay_dns_answer answer = {.status = RELAY_DNS_FAILED, .canonical = "", .why = why};

    done(context, &answer);
}

static enum relay_dns_status status_of(const struct ub_result *result)
{
    if (result->bogus)
        return RELAY_DNS_FAILED;
    if (result->havedata)
        return RELAY_DNS_OK;
    return result->nxdomain || result->rcode == RCODE_NO_NAME ? RELAY_DNS_NO_NAME
           : result->rcode == RCODE_OK                        ? RELAY_DNS_EMPTY
                                                              : RELAY_DNS_FAILED;
}

static void say_why(const struct ub_result *result, char why[WHY_SIZE])
{
    if (result->bogus)
        (void)snprintf(why, WHY_SIZE, "DNSSEC validation failure (%s)",
                       result->why_bogus != NULL ? result->why_bogus : "bogus");
    else
        (void)snprintf(why, WHY_SIZE, "the name servers cannot answer (rcode %d)", result->rcode);
}

static void hand_over(const struct question *q, const struct ub_result *result)
{
    char why[WHY_SIZE] = "", canonical[RELAY_NAME_MAX + 2] = "";
    struct relay_dns_answer answer = {
        .status = status_of(result),
        .is_secure = result->secure != 0,
        .ttl_s = result->ttl > 0 ? (uint32_t)result->ttl : 0,
        .canonical = canonical,
        .why = why,
    };

    if (answer.status == RELAY_DNS_FAILED)
        say_why(result, why);
    if (result->canonname != NULL && strcasecmp(result->canonname, result->qname) != 0) {
        size_t len = (size_t)snprintf(canonical, sizeof(canonical), "%s", result->canonname);
        if (len > 0 && len < sizeof(canonical) && canonical[len - 1] == '.')
            canonical[len - 1] = '\0';
    }
    while (answer.status == RELAY_DNS_OK && answer.count < RELAY_DNS_RECORDS_MAX &&
           result->data[answer.count] != NULL) {
        answer.records[answer.count] =
            (struct span){result->data[answer.count], (size_t)result->len[answer.count]};
        answer.count++;
    }
    q->done(q->context, &answer);
}

static void forget(struct question *q)
{
    list_remove(&q->link);
    q->unbound->waiting_count--;
}

/* libunbound's callback, from ub_process(). */
static void came(void *context, int error, struct ub_result *result)
{
    struct question *q = context;

    forget(q);
    if (error != 0 || result == NULL)
        fail(q->done, q->context, ub_strerror(error));
    else
        hand_over(q, result);
    ub_resolve_free(result);
    free(q);
}

static void ask(void *self, const char *name, enum relay_dns_type type, relay_dns_fn done,
                void *context)
{
    struct relay_unbound *u = self;
    struct question *q;
    int error;

    if (u->waiting_count >= u->waiting_max) {
        fail(done, context, "too many questions wait for name servers");
        return;
    }
    q = xcalloc(1, sizeof(*q));
    *q = (struct question){.unbound = u,
                           .deadline = clock_monotonic_ns() + u->timeout_ns,
                           .done = done,
                           .context = context};
    list_add_tail(&u->waiting, &q->link);
    u->waiting_count++;
    error = ub_resolve_async(u->library, name, (int)type, CLASS_IN, q, came, &q->id);
    if (error == 0)
        return;
    forget(q);
    free(q);
    fail(done, context, ub_strerror(error));
}

/* ---- its turn ---- */

uint64_t relay_unbound_deadline(const struct relay_unbound *u)
{
    const struct question *first;

    if (u->waiting_count == 0)
        return UINT64_MAX;
    first = CONTAINER_OF(u->waiting.next, struct question, link);
    return first->deadline; /* NOLINT(clang-analyzer-unix.Malloc): who is freed was forgotten */
}

void relay_unbound_turn(struct relay_unbound *u, uint64_t now_ns)
{
    (void)ub_process(u->library);
    while (relay_unbound_deadline(u) <= now_ns) {
        struct question *q = CONTAINER_OF(u->waiting.next, struct question, link);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed was forgotten */
        (void)ub_cancel(u->library, q->id);
        forget(q);
        fail(q->done, q->context, "no answer from the name servers in time");
        free(q);
    }
}

int relay_unbound_fd(const struct relay_unbound *u)
{
    return ub_fd(u->library);
}

unsigned relay_unbound_waiting(const struct relay_unbound *u)
{
    return u->waiting_count;
}

const struct relay_dns_source *relay_unbound_source(struct relay_unbound *u)
{
    return &u->source;
}

/* ---- opening ---- */

/* "address:port" as people write it becomes "address@port", as the library wants it. */
static bool add_server(struct relay_unbound *u, const char *text)
{
    struct relay_hop hop;
    struct span s = span_str(text);
    char server[80];

    /* A bare IPv6 address has colons of its own. */
    if (network_address(s, hop.address))
        return ub_ctx_set_fwd(u->library, text) == 0;
    if (!relay_hop_parse(RELAY_BY_LMTP, s, &hop) || hop.kind != RELAY_HOP_ADDRESS)
        return false;
    (void)snprintf(server, sizeof(server), "%.*s@%u", (int)hop.name.len, hop.name.at,
                   hop.has_port ? hop.port : 53u);
    return ub_ctx_set_fwd(u->library, server) == 0;
}

static bool set_options(struct ub_ctx *library)
{
    static const struct {
        const char *option, *value;
    } rows[] = {
        {"do-not-query-localhost:", "no" }, /* resolv.conf may name a server of this host */
        {"msg-cache-size:",         "4m" },
        {"rrset-cache-size:",       "8m" },
        {"key-cache-size:",         "1m" },
        {"neg-cache-size:",         "1m" },
        {"cache-max-negative-ttl:", "900"},
        {"infra-host-ttl:",         "60" },
        {"use-syslog:",             "no" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (ub_ctx_set_option(library, rows[i].option, rows[i].value) != 0)
            return false;
    ub_ctx_debugout(library, NULL); /* it would write to stderr */
    return ub_ctx_async(library, 1) == 0;
}

static bool set_servers(struct relay_unbound *u, const struct relay_unbound_config *config,
                        struct chain *why)
{
    for (unsigned i = 0; i < config->server_count; i++) {
        if (add_server(u, config->servers[i]))
            continue;
        chain_addf(why, "dns_servers: \"%s\" is no name server; write address or address:port\n",
                   config->servers[i]);
        return false;
    }
    if (config->server_count > 0 || config->resolv_conf[0] == '\0' ||
        ub_ctx_resolvconf(u->library, config->resolv_conf) == 0)
        return true;
    chain_addf(why, "%s: cannot be read; make it readable, or name dns_servers\n",
               config->resolv_conf);
    return false;
}

/* The last step reads the trust anchor now instead of with the first question. */
static bool set_anchor(struct relay_unbound *u, const char *path, struct chain *why)
{
    if ((path[0] == '\0' || ub_ctx_add_ta_file(u->library, path) == 0) &&
        ub_ctx_data_remove(u->library, "nothing.invalid.") == 0)
        return true;
    chain_addf(
        why, "%s: no trust anchor that can be read; install dns-root-data, or name another file\n",
        path);
    return false;
}

struct relay_unbound *relay_unbound_open(const struct relay_unbound_config *config,
                                         struct chain *why)
{
    struct relay_unbound *u = xcalloc(1, sizeof(*u));

    list_init(&u->waiting);
    u->source = (struct relay_dns_source){.ask = ask, .self = u};
    u->timeout_ns =
        (uint64_t)(config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_MS) * 1000 * 1000;
    u->waiting_max = config->waiting_max > 0 ? config->waiting_max : WAITING_MAX;
    u->library = ub_ctx_create();
    if (u->library == NULL || !set_options(u->library)) {
        chain_add(why, SPAN("the DNS library does not start\n"));
        relay_unbound_close(&u);
    } else if (!set_servers(u, config, why) || !set_anchor(u, config->trust_anchor, why)) {
        relay_unbound_close(&u);
    }
    return u;
}

void relay_unbound_close(struct relay_unbound **unbound)
{
    struct relay_unbound *u = *unbound;

    *unbound = NULL;
    if (u == NULL)
        return;
    if (u->library != NULL)
        ub_ctx_delete(u->library); /* ends its thread */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed was forgotten */
    while (u->waiting_count > 0) {
        struct question *q = CONTAINER_OF(u->waiting.next, struct question, link);
        forget(q); /* NOLINT(clang-analyzer-unix.Malloc) */
        free(q);
    }
    free(u);
}
