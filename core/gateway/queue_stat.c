/* queue_stat: how many wait for which domain, and for how long: Postfix's qshape, and the same as
 * JSON. Domains are counted apart up to a bound, so that names that somebody made up cost no more
 * memory than that. */

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/map.h"
#include "core/gateway/queue_run_private.h"
#include "core/gateway/queue_text.h"

enum {
    DOMAINS_MAX = 50000,
    DOMAIN_MAX = 255,    /* bytes; what is longer is cut */
    NAME_WIDTH_MIN = 18, /* columns for a name, however little room there is */
    HEAD_MAX = 24,
};

struct domain {
    char name[DOMAIN_MAX + 2];
    size_t len;
    uint64_t subdomains;                    /* of a parent, that were counted */
    uint64_t counts[1 + QUEUE_BUCKETS_MAX]; /* all, then by age */
};

struct queue_counts {
    struct map *domains;
    struct domain total, others; /* past DOMAINS_MAX */
};

static void name_set(struct domain *d, struct span name)
{
    d->len = span_first(name, DOMAIN_MAX + 1).len;
    memcpy(d->name, name.at, d->len);
}

static struct queue_counts *counts_of(struct queue_run *run)
{
    if (run->counts == NULL) {
        run->counts = xcalloc(1, sizeof(*run->counts));
        run->counts->domains = map_new();
        name_set(&run->counts->total, SPAN("TOTAL"));
        name_set(&run->counts->others, SPAN("(others)"));
    }
    return run->counts;
}

void queue_stat_free(struct queue_counts **counts)
{
    struct queue_counts *c = *counts;
    size_t place = 0;
    struct span key;
    void *value;

    if (c == NULL)
        return;
    while (map_next(c->domains, &place, &key, &value))
        free(value);
    map_free(&c->domains);
    free(c);
    *counts = NULL;
}

/* ---- counting ---- */

/* Each age is twice as far as the one before it, or a step farther; the last has no end. */
static unsigned bucket_of(const struct queue_request *q, int64_t age_us)
{
    int64_t tick_us = (int64_t)q->tick_minutes * 60 * 1000000, until_us = tick_us;
    unsigned bucket = 1;

    while (bucket < q->buckets && age_us >= until_us) {
        until_us += q->is_linear ? tick_us : until_us;
        bucket++;
    }
    return bucket;
}

static struct domain *domain_of(struct queue_counts *c, struct span name)
{
    struct domain *d = map_get(c->domains, name);

    if (d != NULL)
        return d;
    if (map_count(c->domains) >= DOMAINS_MAX)
        return &c->others;
    d = xcalloc(1, sizeof(*d));
    name_set(d, name);
    (void)map_put(c->domains, name, d);
    return d;
}

/* "b.example.com" and ".b.example.com" are in ".example.com"; a top level is not counted. */
static bool to_parent(char *name, size_t *len)
{
    size_t from = *len > 0 && name[0] == '.' ? 1 : 0;
    const char *dot = memchr(name + from, '.', *len - from);

    if (dot == NULL || dot == name + from)
        return false;
    from = (size_t)(dot - name);
    if (memchr(name + from + 1, '.', *len - from - 1) == NULL)
        return false;
    memmove(name, name + from, *len - from);
    *len -= from;
    return true;
}

static void count_domain(struct queue_run *run, struct span domain, unsigned bucket)
{
    struct queue_counts *c = counts_of(run);
    char name[DOMAIN_MAX + 1];
    size_t len = span_first(domain, DOMAIN_MAX).len;
    bool is_new = false;

    for (size_t i = 0; i < len; i++)
        name[i] =
            domain.at[i] >= 'A' && domain.at[i] <= 'Z' ? (char)(domain.at[i] | 0x20) : domain.at[i];
    c->total.counts[0]++;
    c->total.counts[bucket]++;
    do {
        struct domain *d = domain_of(c, (struct span){name, len});

        d->subdomains += is_new;
        is_new = d->counts[0]++ == 0;
        d->counts[bucket]++;
    } while (run->request->parents && to_parent(name, &len));
}

static void count_address(struct queue_run *run, struct span address, unsigned bucket)
{
    struct span domain = queue_text_domain(address);

    if (address.len == 0)
        domain = SPAN("MAILER-DAEMON");
    else if (domain.len == 0)
        domain = address;
    count_domain(run, domain, bucket);
}

static void stat_begin(struct queue_run *run, const struct queue_part *part)
{
    if (run->request->by_sender)
        count_address(run, part->envelope->sender,
                      bucket_of(run->request, run->now_us - part->envelope->arrival_us));
}

static void stat_part(struct queue_run *run, const struct queue_part *part)
{
    unsigned bucket = bucket_of(run->request, run->now_us - part->envelope->arrival_us);

    for (size_t i = 0; i < part->count && !run->request->by_sender; i++)
        count_address(run, part->rows[i].address, bucket);
}

/* ---- showing ---- */

static int by_count(const void *a, const void *b)
{
    const struct domain *x = *(const struct domain *const *)a,
                        *y = *(const struct domain *const *)b;

    if (x->counts[0] != y->counts[0])
        return x->counts[0] > y->counts[0] ? -1 : 1;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->name, y->name, x->len);
}

/* Parents of few are left out. The caller frees the list. */
static const struct domain **sorted(struct queue_run *run, size_t *count_r)
{
    struct queue_counts *c = counts_of(run);
    const struct domain **list = xcalloc(map_count(c->domains) + 1, sizeof(*list));
    size_t count = 0, place = 0;
    struct span key;
    void *value;

    while (map_next(c->domains, &place, &key, &value)) {
        const struct domain *d = value;
        if (d->name[0] != '.' || d->subdomains >= run->request->parents_min)
            list[count++] = d;
    }
    if (c->others.counts[0] > 0)
        list[count++] = &c->others;
    qsort(list, count, sizeof(struct domain *), by_count);
    *count_r = count;
    return list;
}

/* What stands over a column: where its ages end, in minutes. */
static size_t head_write(const struct queue_request *q, unsigned bucket, char head[HEAD_MAX])
{
    uint64_t before = bucket - 1, minutes;

    if (bucket == 0)
        return (size_t)snprintf(head, HEAD_MAX, "T");
    if (bucket < q->buckets)
        before = bucket;
    minutes = q->is_linear  ? q->tick_minutes * before
              : before == 0 ? 0
                            : q->tick_minutes << (before - 1);
    return (size_t)snprintf(head, HEAD_MAX, "%llu%s", (unsigned long long)minutes,
                            bucket < q->buckets ? "" : "+");
}

struct table {
    int widths[1 + QUEUE_BUCKETS_MAX];
    int name_width;
};

static void table_measure(struct table *t, const struct queue_request *q,
                          const struct domain *total)
{
    char head[HEAD_MAX], count[HEAD_MAX];

    t->name_width = (int)q->width;
    for (unsigned i = 0; i <= q->buckets; i++) {
        int head_len = (int)head_write(q, i, head);
        int len = snprintf(count, sizeof(count), "%llu", (unsigned long long)total->counts[i]);
        int most = head_len > len ? head_len : len;

        t->widths[i] = most > 2 ? most + 1 : 3;
        t->name_width -= t->widths[i];
    }
    if (t->name_width < NAME_WIDTH_MIN)
        t->name_width = NAME_WIDTH_MIN;
}

static void add_name(struct chain *out, const struct table *t, struct span name)
{
    const char *cut = name.len > 0 && name.at[0] == '.' ? ".+" : "+";
    size_t width = (size_t)t->name_width;

    if (name.len > width) {
        chain_add(out, span_str(cut));
        queue_text_add(out, span_after(name, name.len - width + strlen(cut)));
        return;
    }
    chain_addf(out, "%*s", (int)(width - name.len), "");
    queue_text_add(out, name);
}

static void add_row(struct chain *out, const struct table *t, const struct queue_request *q,
                    const struct domain *d)
{
    add_name(out, t, (struct span){d->name, d->len});
    for (unsigned i = 0; i <= q->buckets; i++)
        chain_addf(out, "%*llu", t->widths[i], (unsigned long long)d->counts[i]);
    chain_add_byte(out, '\n');
}

static void stat_text(struct queue_run *run, const struct domain **list, size_t count)
{
    const struct queue_request *q = run->request;
    const struct domain *total = &counts_of(run)->total;
    struct table t;
    char head[HEAD_MAX];

    if (q->format == QUEUE_TEXT)
        chain_addf(run->out, "%llu messages, %llu recipients, %llu bytes\n",
                   (unsigned long long)run->messages, (unsigned long long)run->recipients,
                   (unsigned long long)run->bytes);
    table_measure(&t, q, total);
    add_name(run->out, &t, SPAN(""));
    for (unsigned i = 0; i <= q->buckets; i++) {
        (void)head_write(q, i, head);
        chain_addf(run->out, "%*s", t.widths[i], head);
    }
    chain_add_byte(run->out, '\n');
    add_row(run->out, &t, q, total);
    for (size_t i = 0; i < count && (q->top == 0 || i < q->top); i++)
        add_row(run->out, &t, q, list[i]);
}

static void json_row(struct queue_run *run, const struct domain *d)
{
    char head[HEAD_MAX];

    chain_add(run->out, SPAN("{\"domain\": "));
    queue_text_add_json(run->out, (struct span){d->name, d->len});
    chain_addf(run->out, ", \"count\": %llu, \"minutes\": {", (unsigned long long)d->counts[0]);
    for (unsigned i = 1; i <= run->request->buckets; i++) {
        (void)head_write(run->request, i, head);
        chain_addf(run->out, "%s\"%s\": %llu", i > 1 ? ", " : "", head,
                   (unsigned long long)d->counts[i]);
    }
    chain_add(run->out, SPAN("}}\n"));
}

static void stat_finish(struct queue_run *run)
{
    size_t count;
    const struct domain **list = sorted(run, &count);

    if (run->request->format == QUEUE_JSON) {
        for (size_t i = 0; i < count; i++)
            json_row(run, list[i]);
    } else {
        stat_text(run, list, count);
    }
    free(list);
}

const struct queue_use queue_use_stat = {
    .begin = stat_begin, .part = stat_part, .finish = stat_finish};
