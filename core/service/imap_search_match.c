#include "core/service/imap_search_match.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/service/imap_message.h"
#include "proto/imap/imap_set.h"
#include "proto/mime/header.h"
#include "proto/mime/search_text.h"
#include "proto/text/date.h"

enum search_value {
    SEARCH_NO,
    SEARCH_YES,
    SEARCH_UNKNOWN
};

struct imap_searcher {
    struct imap_run *run;
    struct imap_search_request *request;
    enum search_value *values, *stack; /* one for each node */
};

/* ---- the program ---- */

static bool op_has_operands(enum imap_search_op op)
{
    return op <= IMAP_SEARCH_NOT;
}

static enum search_value search_combine(enum imap_search_op op, const enum search_value *operands,
                                        unsigned count)
{
    /* For AND one NO decides, for OR one YES. */
    enum search_value decisive = op == IMAP_SEARCH_OR ? SEARCH_YES : SEARCH_NO;
    enum search_value result = op == IMAP_SEARCH_OR ? SEARCH_NO : SEARCH_YES;

    if (op == IMAP_SEARCH_NOT)
        return operands[0] == SEARCH_UNKNOWN ? SEARCH_UNKNOWN
               : operands[0] == SEARCH_NO    ? SEARCH_YES
                                             : SEARCH_NO;
    for (unsigned i = 0; i < count; i++) {
        if (operands[i] == decisive)
            return decisive;
        if (operands[i] == SEARCH_UNKNOWN)
            result = SEARCH_UNKNOWN;
    }
    return result;
}

/* From the last node to the first, as operands stand behind what they belong to. */
static enum search_value search_evaluate(const struct imap_searcher *s)
{
    unsigned top = s->request->node_count; /* the stack grows down */

    for (unsigned i = s->request->node_count; i > 0; i--) {
        const struct imap_search_node *node = &s->request->nodes[i - 1];
        enum search_value value = s->values[i - 1];

        if (op_has_operands(node->op)) {
            value = search_combine(node->op, s->stack + top, node->count);
            top += node->count;
        }
        ensure(top > 0);
        s->stack[--top] = value;
    }
    return s->stack[top];
}

/* ---- what the index entry knows ---- */

static bool search_entry(const struct imap_searcher *s, const struct imap_search_node *node,
                         const struct store_entry *entry)
{
    int64_t second = entry->received_us / 1000000 - (entry->received_us % 1000000 < 0);
    int64_t day = date_local_day((struct date){second, entry->zone_minutes});

    switch (node->op) {
    case IMAP_SEARCH_ALL:
        return true;
    case IMAP_SEARCH_UIDS:
        return imap_ranges_hold(&node->uids, entry->uid);
    case IMAP_SEARCH_FLAG:
        return (entry->flags & node->number) != 0;
    case IMAP_SEARCH_RECENT:
        return imap_view_is_recent(s->request->imap.view, entry->uid);
    case IMAP_SEARCH_KEYWORD:
        return (entry->keywords & node->number) != 0;
    case IMAP_SEARCH_BEFORE:
        return day < (int64_t)node->number;
    case IMAP_SEARCH_ON:
        return day == (int64_t)node->number;
    case IMAP_SEARCH_SINCE:
        return day >= (int64_t)node->number;
    case IMAP_SEARCH_LARGER:
        return entry->size > node->number;
    case IMAP_SEARCH_SMALLER:
        return entry->size < node->number;
    default: /* not a key that the entry knows */
        ensure(node == NULL);
        return false;
    }
}

/* ---- what the message knows ---- */

static void needle_free(void *needle)
{
    search_text_close(needle);
    free(needle);
}

/* The key's text, made ready once for all messages. */
static struct search_text *search_needle(struct imap_searcher *s, struct imap_search_node *node)
{
    if (node->needle == NULL) {
        node->needle = xcalloc(1, sizeof(struct search_text));
        search_text_open(node->needle, node->text);
        s->request->free_needle = needle_free;
    }
    return node->needle;
}

/* "HEADER X-Spam """ asks whether there is such a field at all (RFC 3501 6.4.4). */
static bool search_fields(struct imap_searcher *s, struct imap_search_node *node, struct span block)
{
    struct header_walk walk = header_walk(block);
    struct header_field field;

    while (header_next(&walk, &field)) {
        if (span_eq_nocase(field.name, node->field) &&
            (node->text.len == 0 || search_text_value(search_needle(s, node), field.value)))
            return true;
    }
    return false;
}

static bool search_header(struct imap_searcher *s, struct imap_search_node *node,
                          const struct imap_message *m)
{
    struct span name, field;
    size_t place = 0;

    if (search_fields(s, node, imap_message_delivery(m)))
        return true;
    if (!meta_field_known(&m->meta, node->field))
        return search_fields(s, node, imap_message_header(m));
    while (meta_field_next(&m->meta, &place, &name, &field)) {
        if (span_eq_nocase(name, node->field) && search_fields(s, node, field))
            return true;
    }
    return false;
}

static bool search_sent(const struct imap_search_node *node, const struct imap_message *m)
{
    int64_t day, wanted = (int64_t)node->number;

    if (m->meta.sent_s == INT64_MIN)
        return false;
    day = date_local_day((struct date){m->meta.sent_s, m->meta.sent_zone});
    if (node->op == IMAP_SEARCH_SENTON)
        return day == wanted;
    return node->op == IMAP_SEARCH_SENTBEFORE ? day < wanted : day >= wanted;
}

static bool search_text(struct imap_searcher *s, struct imap_search_node *node,
                        const struct imap_message *m, bool *is_damaged)
{
    struct search_text *needle = search_needle(s, node);
    struct span body;

    if (node->op == IMAP_SEARCH_TEXT && (search_text_header(needle, imap_message_delivery(m)) ||
                                         search_text_header(needle, imap_message_header(m))))
        return true;
    if (store_message_bytes(m->view, m->entry->message, 0, m->body_len, &body) != STORE_OK) {
        *is_damaged = true;
        return false;
    }
    return search_text_body(needle, &m->meta, body);
}

static bool search_message(struct imap_searcher *s, struct imap_search_node *node,
                           const struct imap_message *m, bool *is_damaged)
{
    switch (node->op) {
    case IMAP_SEARCH_SENTBEFORE:
    case IMAP_SEARCH_SENTON:
    case IMAP_SEARCH_SENTSINCE:
        return search_sent(node, m);
    case IMAP_SEARCH_HEADER:
        return search_header(s, node, m);
    default:
        return search_text(s, node, m, is_damaged);
    }
}

/* ---- one message ---- */

/* Keys from `first` to `last` of the enum, one by one, until the whole is decided. */
static enum search_value search_read(struct imap_searcher *s, const struct imap_message *m,
                                     enum imap_search_op first, enum imap_search_op last,
                                     bool *is_damaged)
{
    enum search_value result = SEARCH_UNKNOWN;

    for (unsigned i = 0; i < s->request->node_count && result == SEARCH_UNKNOWN; i++) {
        struct imap_search_node *node = &s->request->nodes[i];

        if (node->op < first || node->op > last)
            continue;
        s->values[i] = search_message(s, node, m, is_damaged) ? SEARCH_YES : SEARCH_NO;
        result = search_evaluate(s);
    }
    return result;
}

bool imap_search_match(struct imap_searcher *s, const struct store_entry *entry, bool *is_damaged)
{
    struct imap_message m = imap_message_of(s->run->view, entry);
    enum search_value result;

    for (unsigned i = 0; i < s->request->node_count; i++) {
        const struct imap_search_node *node = &s->request->nodes[i];

        s->values[i] = SEARCH_UNKNOWN;
        if (!op_has_operands(node->op) && node->op <= IMAP_SEARCH_SMALLER)
            s->values[i] = search_entry(s, node, entry) ? SEARCH_YES : SEARCH_NO;
    }
    result = search_evaluate(s);
    if (result != SEARCH_UNKNOWN)
        return result == SEARCH_YES;
    if (imap_message_open(&m)) {
        result = search_read(s, &m, IMAP_SEARCH_SENTBEFORE, IMAP_SEARCH_HEADER, is_damaged);
        if (result == SEARCH_UNKNOWN)
            result = search_read(s, &m, IMAP_SEARCH_BODY, IMAP_SEARCH_TEXT, is_damaged);
    } else {
        *is_damaged = true;
    }
    imap_message_close(&m);
    return result == SEARCH_YES;
}

struct imap_searcher *imap_searcher_new(struct imap_run *run, struct imap_search_request *request)
{
    struct imap_searcher *s = xcalloc(1, sizeof(*s));

    s->run = run;
    s->request = request;
    s->values = xcalloc(request->node_count, sizeof(*s->values));
    s->stack = xcalloc(request->node_count, sizeof(*s->stack));
    for (unsigned i = 0; i < request->node_count; i++) {
        struct imap_search_node *node = &request->nodes[i];
        unsigned number;

        if (node->op != IMAP_SEARCH_KEYWORD)
            continue;
        node->number = 0;
        if (store_keyword_find(run->view, request->imap.account->id, node->text, &number) ==
            STORE_OK)
            node->number = UINT64_C(1) << number;
    }
    return s;
}

void imap_searcher_free(struct imap_searcher **searcher)
{
    free((*searcher)->values);
    free((*searcher)->stack);
    free(*searcher);
    *searcher = NULL;
}

/* The node behind the operands of node i. */
static unsigned search_node_end(const struct imap_search_request *r, unsigned i)
{
    for (uint64_t left = 1; left > 0; i++)
        left += (op_has_operands(r->nodes[i].op) ? r->nodes[i].count : 0) - UINT64_C(1);
    return i;
}

struct imap_range imap_search_bounds(const struct imap_search_request *r)
{
    struct imap_range bounds = {1, UINT32_MAX};

    /* Node 0 is the list of all keys. */
    for (unsigned i = 1; i < r->node_count; i = search_node_end(r, i)) {
        const struct imap_ranges *uids = &r->nodes[i].uids;

        if (r->nodes[i].op != IMAP_SEARCH_UIDS)
            continue;
        if (uids->count == 0)
            return (struct imap_range){1, 0};
        if (uids->at[0].from > bounds.from)
            bounds.from = uids->at[0].from;
        if (uids->at[uids->count - 1].to < bounds.to)
            bounds.to = uids->at[uids->count - 1].to;
    }
    return bounds;
}
