#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_set.h"
#include "proto/imap/imap_token.h"
#include "proto/text/date.h"
#include "proto/text/scan.h"

/* What stands behind a key. */
enum search_arg {
    SEARCH_NO_ARG,
    SEARCH_TEXT_ARG,   /* astring */
    SEARCH_HEADER_ARG, /* the same; the key itself names the field */
    SEARCH_FIELD_ARG,  /* two astrings: field and text */
    SEARCH_KEYWORD_ARG,
    SEARCH_DATE_ARG,
    SEARCH_NUMBER_ARG,
    SEARCH_UIDS_ARG,
    SEARCH_KEY_ARG,  /* another key */
    SEARCH_KEYS_ARG, /* two other keys */
};

/* RFC 3501 6.4.4. `without`: the same with NOT in front. */
static const struct search_key {
    const char *word;
    enum imap_search_op op;
    enum search_arg arg;
    unsigned flag;
    bool without;
} search_keys[] = {
    {"ALL",        IMAP_SEARCH_ALL,        SEARCH_NO_ARG,      0,             false},
    {"ANSWERED",   IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_ANSWERED, false},
    {"BCC",        IMAP_SEARCH_HEADER,     SEARCH_HEADER_ARG,  0,             false},
    {"BEFORE",     IMAP_SEARCH_BEFORE,     SEARCH_DATE_ARG,    0,             false},
    {"BODY",       IMAP_SEARCH_BODY,       SEARCH_TEXT_ARG,    0,             false},
    {"CC",         IMAP_SEARCH_HEADER,     SEARCH_HEADER_ARG,  0,             false},
    {"DELETED",    IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_DELETED,  false},
    {"DRAFT",      IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_DRAFT,    false},
    {"FLAGGED",    IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_FLAGGED,  false},
    {"FROM",       IMAP_SEARCH_HEADER,     SEARCH_HEADER_ARG,  0,             false},
    {"HEADER",     IMAP_SEARCH_HEADER,     SEARCH_FIELD_ARG,   0,             false},
    {"KEYWORD",    IMAP_SEARCH_KEYWORD,    SEARCH_KEYWORD_ARG, 0,             false},
    {"LARGER",     IMAP_SEARCH_LARGER,     SEARCH_NUMBER_ARG,  0,             false},
    {"NEW",        IMAP_SEARCH_AND,        SEARCH_NO_ARG,      IMAP_SEEN,     false},
    {"NOT",        IMAP_SEARCH_NOT,        SEARCH_KEY_ARG,     0,             false},
    {"OLD",        IMAP_SEARCH_RECENT,     SEARCH_NO_ARG,      0,             true },
    {"ON",         IMAP_SEARCH_ON,         SEARCH_DATE_ARG,    0,             false},
    {"OR",         IMAP_SEARCH_OR,         SEARCH_KEYS_ARG,    0,             false},
    {"RECENT",     IMAP_SEARCH_RECENT,     SEARCH_NO_ARG,      0,             false},
    {"SEEN",       IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_SEEN,     false},
    {"SENTBEFORE", IMAP_SEARCH_SENTBEFORE, SEARCH_DATE_ARG,    0,             false},
    {"SENTON",     IMAP_SEARCH_SENTON,     SEARCH_DATE_ARG,    0,             false},
    {"SENTSINCE",  IMAP_SEARCH_SENTSINCE,  SEARCH_DATE_ARG,    0,             false},
    {"SINCE",      IMAP_SEARCH_SINCE,      SEARCH_DATE_ARG,    0,             false},
    {"SMALLER",    IMAP_SEARCH_SMALLER,    SEARCH_NUMBER_ARG,  0,             false},
    {"SUBJECT",    IMAP_SEARCH_HEADER,     SEARCH_HEADER_ARG,  0,             false},
    {"TEXT",       IMAP_SEARCH_TEXT,       SEARCH_TEXT_ARG,    0,             false},
    {"TO",         IMAP_SEARCH_HEADER,     SEARCH_HEADER_ARG,  0,             false},
    {"UID",        IMAP_SEARCH_UIDS,       SEARCH_UIDS_ARG,    0,             false},
    {"UNANSWERED", IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_ANSWERED, true },
    {"UNDELETED",  IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_DELETED,  true },
    {"UNDRAFT",    IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_DRAFT,    true },
    {"UNFLAGGED",  IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_FLAGGED,  true },
    {"UNKEYWORD",  IMAP_SEARCH_KEYWORD,    SEARCH_KEYWORD_ARG, 0,             true },
    {"UNSEEN",     IMAP_SEARCH_FLAG,       SEARCH_NO_ARG,      IMAP_SEEN,     true },
};

/* A command on its way to nodes in prefix order. Each level is a node whose operands are being
 * read: a list (until its end), NOT (one) or OR (two). */
struct search_parse {
    const struct imap_view *view;
    const struct imap_settings *settings;
    struct imap_search_request *request;
    struct search_level {
        unsigned node;
        unsigned left; /* operands still to come; 0: a list, which ends by itself */
    } * levels;
    unsigned depth;
    enum imap_set_result set_result;
};

/* One more node; NULL past the bound. */
static struct imap_search_node *search_node(struct search_parse *p, enum imap_search_op op)
{
    struct imap_search_request *r = p->request;

    if (r->node_count == p->settings->search_key_max)
        return NULL;
    r->nodes[r->node_count] = (struct imap_search_node){.op = op};
    return &r->nodes[r->node_count++];
}

static bool search_open(struct search_parse *p, enum imap_search_op op, unsigned operands)
{
    struct imap_search_node *node = search_node(p, op);

    if (node == NULL || p->depth == p->settings->search_depth_max)
        return false;
    node->count = operands;
    p->levels[p->depth++] = (struct search_level){p->request->node_count - 1, operands};
    return true;
}

/* An operand is whole: so may be the NOT and OR that waited for it. */
static void search_operand_done(struct search_parse *p)
{
    while (p->depth > 0) {
        struct search_level *level = &p->levels[p->depth - 1];

        if (level->left == 0) {
            p->request->nodes[level->node].count++;
            return;
        }
        if (--level->left > 0)
            return;
        p->depth--;
    }
}

/* A date with or without quotes. */
static bool search_date(struct span *at, uint64_t *day_r)
{
    struct span text;
    int64_t day;

    if (!imap_token_astring(at, &text) || !date_parse_imap_day(text, &day))
        return false;
    *day_r = (uint64_t)day;
    return true;
}

static bool search_set(struct search_parse *p, struct span *at, bool by_uid,
                       struct imap_search_node *node)
{
    p->set_result = imap_set_parse(at, p->view, by_uid, &node->uids);
    return p->set_result == IMAP_SET_OK;
}

static bool search_arg(struct search_parse *p, struct span *at, const struct search_key *key,
                       struct imap_search_node *node)
{
    uint32_t number;

    if (key->arg != SEARCH_NO_ARG && !imap_token_space(at))
        return false;
    switch (key->arg) {
    case SEARCH_TEXT_ARG:
        return imap_token_astring(at, &node->text);
    case SEARCH_HEADER_ARG:
        node->field = span_str(key->word);
        return imap_token_astring(at, &node->text);
    case SEARCH_FIELD_ARG:
        return imap_token_astring(at, &node->field) && imap_token_space(at) &&
               imap_token_astring(at, &node->text);
    case SEARCH_KEYWORD_ARG:
        return imap_token_atom(at, &node->text);
    case SEARCH_DATE_ARG:
        return search_date(at, &node->number);
    case SEARCH_NUMBER_ARG:
        if (!imap_token_number(at, &number))
            return false;
        node->number = number;
        return true;
    case SEARCH_UIDS_ARG:
        return search_set(p, at, true, node);
    default:
        node->number = key->flag;
        return true;
    }
}

/* NEW is (RECENT UNSEEN). */
static bool search_new(struct search_parse *p)
{
    struct imap_search_node *both = search_node(p, IMAP_SEARCH_AND);
    struct imap_search_node *not_seen, *seen;

    if (both == NULL || search_node(p, IMAP_SEARCH_RECENT) == NULL)
        return false;
    both->count = 2;
    not_seen = search_node(p, IMAP_SEARCH_NOT);
    seen = not_seen == NULL ? NULL : search_node(p, IMAP_SEARCH_FLAG);
    if (seen == NULL)
        return false;
    not_seen->count = 1;
    seen->number = IMAP_SEEN;
    search_operand_done(p);
    return true;
}

static bool search_key_leaf(struct search_parse *p, struct span *at, const struct search_key *key)
{
    struct imap_search_node *node;

    if (key->without) {
        node = search_node(p, IMAP_SEARCH_NOT);
        if (node == NULL)
            return false;
        node->count = 1;
    }
    node = search_node(p, key->op);
    if (node == NULL || !search_arg(p, at, key, node))
        return false;
    search_operand_done(p);
    return true;
}

/* One key, or the beginning of one that has others inside; then more_r says that its first operand
 * must follow. */
static bool search_key(struct search_parse *p, struct span *at, bool *more_r)
{
    struct imap_search_node *node;

    *more_r = false;
    if (at->len > 0 && (at->at[0] == '*' || (at->at[0] >= '0' && at->at[0] <= '9'))) {
        node = search_node(p, IMAP_SEARCH_UIDS);
        if (node == NULL || !search_set(p, at, false, node))
            return false;
        search_operand_done(p);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(search_keys); i++) {
        const struct search_key *key = &search_keys[i];

        if (!imap_token_word(at, key->word))
            continue;
        if (key->op == IMAP_SEARCH_AND)
            return search_new(p);
        if (key->arg != SEARCH_KEY_ARG && key->arg != SEARCH_KEYS_ARG)
            return search_key_leaf(p, at, key);
        *more_r = true;
        return imap_token_space(at) && search_open(p, key->op, key->op == IMAP_SEARCH_OR ? 2 : 1);
    }
    return false;
}

static void search_close_lists(struct search_parse *p, struct span *at)
{
    while (p->depth > 1 && p->levels[p->depth - 1].left == 0 && scan_byte(at, ')')) {
        p->depth--;
        search_operand_done(p);
    }
}

/* The keys of the whole command; level 0 is the list that they all are. */
static bool search_all(struct search_parse *p, struct span *at)
{
    if (!search_open(p, IMAP_SEARCH_AND, 0))
        return false;
    for (;;) {
        bool more = true;

        if (scan_byte(at, '(')) {
            if (!search_open(p, IMAP_SEARCH_AND, 0))
                return false;
        } else if (!search_key(p, at, &more)) {
            return false;
        }
        if (more)
            continue;
        search_close_lists(p, at);
        if (scan_end(at))
            return p->depth == 1;
        if (!imap_token_space(at))
            return false;
    }
}

/* 1: a charset that we have, or none was named; 0: one that we have not; -1: no syntax. */
static int search_charset(struct span *at)
{
    struct span name;

    if (!imap_token_word(at, "CHARSET"))
        return 1;
    if (!imap_token_space(at) || !imap_token_astring(at, &name) || !imap_token_space(at))
        return -1;
    return span_eq_nocase(name, SPAN("UTF-8")) || span_eq_nocase(name, SPAN("US-ASCII"));
}

void imap_search_cmd(struct imap_session *s, struct span args)
{
    const struct imap_settings *settings = imap_settings_of(s);
    struct imap_search_request *r = imap_request_new(REQUEST_IMAP_SEARCH, sizeof(*r));
    struct search_parse p = {.view = s->view, .settings = settings, .request = r};
    int charset = imap_token_space(&args) ? search_charset(&args) : -1;
    bool parsed = false;

    if (charset > 0) {
        r->nodes = xcalloc(settings->search_key_max, sizeof(*r->nodes));
        p.levels = xcalloc(settings->search_depth_max, sizeof(*p.levels));
        parsed = search_all(&p, &args);
        free(p.levels);
    }
    if (parsed) {
        r->by_uid = s->command.by_uid;
        imap_ask(s, &r->imap);
        return;
    }
    imap_drop(&r->imap);
    if (charset == 0)
        imap_no(s, SPAN("[BADCHARSET (US-ASCII UTF-8)] Unknown charset."));
    else
        imap_bad(s, p.set_result == IMAP_SET_NO_SUCH ? "Invalid messageset." : NULL);
}
