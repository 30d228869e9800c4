#include "tests/crash/crash_store_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/support/sim_disk.h"

const char *const model_accounts[MODEL_ACCOUNTS] = {"anna@example.org", "ben@example.org",
                                                    "cleo@example.net"};
const char *const model_names[MODEL_NAMES] = {"INBOX", "Archive", "a b", "Spam"};
const char *const model_keywords[MODEL_KEYWORDS] = {"$Label1", "$Work", "$Junk", "later",
                                                    "NonJunk"};

enum {
    RANGES_MAX = 8,
    PIECE = 64 << 10, /* handed to a draft at once */
};

/* ---- states ---- */

static const struct model_entry *next_of(const struct model *m, unsigned mailbox, uint32_t *at)
{
    while (*at < m->count && m->entries[*at].mailbox != mailbox)
        ++*at;
    return *at < m->count ? &m->entries[(*at)++] : NULL;
}

static bool mailbox_equal(const struct model *a, const struct model *b, unsigned mailbox)
{
    const struct model_entry *x, *y;
    uint32_t i = 0, k = 0;

    if (memcmp(&a->mailboxes[mailbox], &b->mailboxes[mailbox], sizeof(a->mailboxes[0])) != 0)
        return false;
    do {
        x = next_of(a, mailbox, &i);
        y = next_of(b, mailbox, &k);
    } while (x != NULL && y != NULL && memcmp(x, y, sizeof(*x)) == 0);
    return x == NULL && y == NULL;
}

bool model_equal(const struct model *a, const struct model *b)
{
    if (a->account_count != b->account_count || a->count != b->count ||
        memcmp(a->accounts, b->accounts, sizeof(a->accounts)) != 0)
        return false;
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        if (!mailbox_equal(a, b, i))
            return false;
    }
    return true;
}

void model_difference(const struct model *is, const struct model *should, char *text, size_t size)
{
    const struct model_entry *x, *y;

    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        if (memcmp(&is->accounts[i], &should->accounts[i], sizeof(is->accounts[i])) != 0) {
            (void)snprintf(text, size,
                           "account %u: number %u mailboxes %u modseq %llu, "
                           "should be %u %u %llu",
                           i, is->accounts[i].number, is->accounts[i].mailboxes,
                           (unsigned long long)is->accounts[i].modseq, should->accounts[i].number,
                           should->accounts[i].mailboxes,
                           (unsigned long long)should->accounts[i].modseq);
            return;
        }
    }
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        uint32_t a = 0, b = 0;
        if (mailbox_equal(is, should, i))
            continue;
        do {
            x = next_of(is, i, &a);
            y = next_of(should, i, &b);
        } while (x != NULL && y != NULL && memcmp(x, y, sizeof(*x)) == 0);
        (void)snprintf(text, size,
                       "mailbox %u: number %u next %u recent %u, should be %u %u %u; "
                       "uid %u flags %x keywords %x message %u, should be %u %x %x %u",
                       i, is->mailboxes[i].number, is->mailboxes[i].uid_next,
                       is->mailboxes[i].recent, should->mailboxes[i].number,
                       should->mailboxes[i].uid_next, should->mailboxes[i].recent, x ? x->uid : 0,
                       x ? x->flags : 0, x ? x->keywords : 0, x ? x->message : 0, y ? y->uid : 0,
                       y ? y->flags : 0, y ? y->keywords : 0, y ? y->message : 0);
        return;
    }
    (void)snprintf(text, size, "%u messages, should be %u", is->count, should->count);
}

/* ---- messages ---- */

static uint64_t random_of(uint32_t message, unsigned what)
{
    uint64_t state = (uint64_t)message * 8 + what;

    return sim_random(&state);
}

uint32_t message_size(uint32_t message)
{
    uint64_t n = random_of(message, 0);

    if (message >= LOAD_SMALL_FROM && random_of(message, 1) % 64 != 0)
        return 8 + (uint32_t)(n % 2000);
    switch (random_of(message, 1) % 40) {
    case 0:
        return STORE_BIG_BYTES + 1 + (uint32_t)(n % 100000); /* a file of its own */
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        return 60000 + (uint32_t)(n % 300000);
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
        return 8 + (uint32_t)(n % 40000);
    default:
        return 8 + (uint32_t)(n % 3000);
    }
}

static char *bytes_of(uint32_t message, unsigned what, size_t len)
{
    char *bytes = xmalloc(len + 8);
    uint64_t state = (uint64_t)message << 8 | what;

    for (size_t i = 0; i < len; i += 8)
        number_put64(bytes + i, sim_random(&state));
    number_put64(bytes, message);
    return bytes;
}

char *message_bytes(uint32_t message, size_t *len_r)
{
    *len_r = message_size(message);
    return bytes_of(message, 1, *len_r);
}

char *message_meta(uint32_t message, size_t *len_r)
{
    *len_r = 8 + random_of(message, 2) % 1200;
    return bytes_of(message, 2, *len_r);
}

size_t message_header(uint32_t message, unsigned mailbox, char header_r[128])
{
    int len = snprintf(header_r, 128, "Return-Path: <%u@example.com>\r\nDelivered-To: %s\r\n",
                       message, model_accounts[mailbox / MODEL_NAMES]);

    return (size_t)len;
}

/* ---- making changes ---- */

uint64_t load_random(struct load *l, uint64_t below)
{
    return sim_random(&l->random) % below;
}

const struct model *load_state(const struct load *l, uint32_t change)
{
    ensure(change <= l->submitted && change + LOAD_STATES > l->submitted);
    return &l->states[change % LOAD_STATES];
}

/* A change being made: on the model's next state and on the store's. */
struct making {
    struct load *load;
    struct model *m;
    struct store_change *change;
    struct expected *expected;
    bool touched[MODEL_ACCOUNTS]; /* by the command at hand */
    bool alters;
};

static void expect(struct making *g, uint32_t uid)
{
    ensure(g->expected->count < LOAD_RESULTS_MAX);
    g->expected->uids[g->expected->count++] = uid;
    g->alters = true;
}

static void touch(struct making *g, unsigned account)
{
    if (!g->touched[account])
        g->m->accounts[account].modseq++;
    g->touched[account] = true;
}

static void model_mailbox_make(struct model *m, unsigned mailbox)
{
    unsigned account = mailbox / MODEL_NAMES;

    m->mailboxes[mailbox].number = ++m->accounts[account].mailboxes;
    m->mailboxes[mailbox].uid_next = m->mailboxes[mailbox].recent = 1;
    m->accounts[account].modseq++;
}

static void model_account_make(struct model *m, unsigned account)
{
    if (m->accounts[account].number != 0)
        return;
    m->accounts[account].number = ++m->account_count;
    model_mailbox_make(m, account * MODEL_NAMES);
}

static store_mailbox mailbox_id(const struct model *m, unsigned mailbox)
{
    return (store_mailbox)m->accounts[mailbox / MODEL_NAMES].number << 32 |
           m->mailboxes[mailbox].number;
}

static unsigned keywords_choose(struct load *l, struct span names_r[MODEL_KEYWORDS],
                                uint32_t *bits_r)
{
    unsigned count = 0;

    *bits_r = 0;
    for (unsigned i = 0; i < MODEL_KEYWORDS; i++) {
        if (load_random(l, 6) == 0) {
            names_r[count++] = span_str(model_keywords[i]);
            *bits_r |= 1U << i;
        }
    }
    return count;
}

static unsigned message_add(struct making *g, uint32_t message)
{
    struct store_draft *draft;
    size_t len, meta_len;
    char *bytes = message_bytes(message, &len), *meta = message_meta(message, &meta_len);
    unsigned number;

    ensure(message < LOAD_MESSAGES_MAX);
    g->load->crc[message] = crc32c(0, bytes, len);
    ensure(store_draft_open(g->load->store, &draft) == STORE_OK);
    for (size_t at = 0; at < len; at += PIECE) {
        size_t some = len - at < PIECE ? len - at : PIECE;
        ensure(store_draft_add(draft, (struct span){bytes + at, some}) == STORE_OK);
    }
    number = store_change_message(g->change, &draft, (struct span){meta, meta_len});
    free(bytes);
    free(meta);
    return number;
}

static void deliver_to(struct making *g, unsigned number, uint32_t message, unsigned mailbox,
                       bool create)
{
    struct model *m = g->m;
    struct span keywords[MODEL_KEYWORDS];
    char header[128];
    struct store_delivery d = {
        .account = span_str(model_accounts[mailbox / MODEL_NAMES]),
        .mailbox = span_str(model_names[mailbox % MODEL_NAMES]),
        .missing = create ? STORE_MISSING_CREATE : STORE_MISSING_TO_INBOX,
        .header = {header, message_header(message, mailbox, header)},
        .keywords = keywords,
        .received_us = (int64_t)message * 1000000,
        .zone_minutes = (int16_t)(message % 120),
    };
    struct model_entry *e = &m->entries[m->count++];

    model_account_make(m, mailbox / MODEL_NAMES);
    if (m->mailboxes[mailbox].number == 0 && create)
        model_mailbox_make(m, mailbox);
    else if (m->mailboxes[mailbox].number == 0)
        mailbox -= mailbox % MODEL_NAMES;
    touch(g, mailbox / MODEL_NAMES);
    *e = (struct model_entry){
        .uid = m->mailboxes[mailbox].uid_next++, .message = message, .mailbox = mailbox};
    d.keyword_count = keywords_choose(g->load, keywords, &e->keywords);
    if (load_random(g->load, 3) == 0)
        e->flags = d.flags = (uint32_t)load_random(g->load, STORE_FLAGS_ALL + 1);
    store_change_deliver(g->change, number, &d);
    expect(g, e->uid);
}

static void make_delivery(struct making *g)
{
    unsigned recipients = 1 + (unsigned)load_random(g->load, 3), number;
    unsigned first = (unsigned)load_random(g->load, MODEL_MAILBOXES);

    if (g->m->count + recipients > MODEL_ENTRIES_MAX || g->load->message + 1 >= LOAD_MESSAGES_MAX)
        return;
    number = message_add(g, ++g->load->message);
    for (unsigned i = 0; i < recipients; i++)
        deliver_to(g, number, g->load->message, (first + i * 5) % MODEL_MAILBOXES,
                   load_random(g->load, 3) != 0);
}

/* Some ranges of UIDs of a mailbox; what is not there may be among them. */
static size_t ranges_choose(struct load *l, uint32_t uid_next, struct store_range *ranges_r)
{
    uint32_t at = 1 + (uint32_t)load_random(l, uid_next);
    size_t count = 0, max = 1 + load_random(l, RANGES_MAX);

    while (count < max && at < uid_next) {
        uint32_t to = at + (uint32_t)load_random(l, 4);
        ranges_r[count++] = (struct store_range){at, to};
        at = to + 2 + (uint32_t)load_random(l, 4);
    }
    return count;
}

static bool is_in(const struct store_range *ranges, size_t count, uint32_t uid)
{
    for (size_t i = 0; i < count; i++) {
        if (uid >= ranges[i].from && uid <= ranges[i].to)
            return true;
    }
    return false;
}

static uint32_t mode_apply(enum store_flag_mode mode, uint32_t old, uint32_t bits)
{
    return mode == STORE_FLAGS_ADD ? old | bits : mode == STORE_FLAGS_REMOVE ? old & ~bits : bits;
}

/* One that was there before the change: a change is judged before any of it happens. */
static bool mailbox_choose(struct making *g, unsigned *mailbox_r)
{
    *mailbox_r = (unsigned)load_random(g->load, MODEL_MAILBOXES);
    return load_state(g->load, g->load->submitted)->mailboxes[*mailbox_r].number != 0;
}

/* What alters nothing is not submitted: it would make two equal states. */
static void make_flags(struct making *g)
{
    struct store_range ranges[RANGES_MAX];
    struct span keywords[MODEL_KEYWORDS];
    struct store_flag_change f = {
        .uids = ranges, .keywords = keywords, .unchanged_since = UINT64_MAX};
    unsigned mailbox;
    uint32_t bits;
    bool alters = false;

    if (!mailbox_choose(g, &mailbox))
        return;
    f.mailbox = mailbox_id(g->m, mailbox);
    f.count = ranges_choose(g->load, g->m->mailboxes[mailbox].uid_next, ranges);
    f.mode = (enum store_flag_mode)load_random(g->load, 3);
    f.flags = (uint32_t)load_random(g->load, STORE_FLAGS_ALL + 1);
    f.keyword_count = keywords_choose(g->load, keywords, &bits);
    for (uint32_t i = 0; i < g->m->count; i++) {
        struct model_entry *e = &g->m->entries[i];
        uint32_t flags = mode_apply(f.mode, e->flags, f.flags);
        uint32_t words = mode_apply(f.mode, e->keywords, bits);
        if (e->mailbox != mailbox || !is_in(ranges, f.count, e->uid))
            continue;
        alters = alters || flags != e->flags || words != e->keywords;
        e->flags = flags;
        e->keywords = words;
    }
    if (!alters)
        return;
    touch(g, mailbox / MODEL_NAMES);
    store_change_flags(g->change, &f);
    expect(g, 0);
}

/* All with STORE_DELETED, or those of some ranges. */
static void expunge(struct making *g, unsigned mailbox, const struct store_range *ranges,
                    size_t count)
{
    struct model *m = g->m;
    uint32_t kept = 0, before = m->count;

    for (uint32_t i = 0; i < before; i++) {
        const struct model_entry *e = &m->entries[i];
        if (e->mailbox != mailbox || (e->flags & STORE_DELETED) == 0 ||
            (count > 0 && !is_in(ranges, count, e->uid)))
            m->entries[kept++] = *e;
    }
    m->count = kept;
    if (kept == before)
        return;
    touch(g, mailbox / MODEL_NAMES);
    store_change_expunge(g->change, mailbox_id(m, mailbox), ranges, count);
    expect(g, 0);
}

static void make_expunge(struct making *g)
{
    struct store_range ranges[RANGES_MAX];
    unsigned mailbox;
    size_t count;

    if (!mailbox_choose(g, &mailbox))
        return;
    count = ranges_choose(g->load, g->m->mailboxes[mailbox].uid_next, ranges);
    expunge(g, mailbox, ranges, load_random(g->load, 2) == 0 ? count : 0);
}

/* Most of a mailbox goes: flagged and expunged in one change, both or nothing. */
static void make_purge(struct making *g)
{
    struct store_range all = {1, UINT32_MAX};
    unsigned mailbox;
    bool alters = false;

    if (!mailbox_choose(g, &mailbox))
        return;
    all.to = g->m->mailboxes[mailbox].uid_next;
    if (all.to > 3)
        all.to -= (uint32_t)load_random(g->load, 3);
    for (uint32_t i = 0; i < g->m->count; i++) {
        struct model_entry *e = &g->m->entries[i];
        if (e->mailbox != mailbox || e->uid > all.to)
            continue;
        alters = alters || (e->flags & STORE_DELETED) == 0;
        e->flags |= STORE_DELETED;
    }
    if (alters) {
        touch(g, mailbox / MODEL_NAMES);
        store_change_flags(g->change,
                           &(struct store_flag_change){.mailbox = mailbox_id(g->m, mailbox),
                                                       .uids = &all,
                                                       .count = 1,
                                                       .mode = STORE_FLAGS_ADD,
                                                       .flags = STORE_DELETED,
                                                       .unchanged_since = UINT64_MAX});
        expect(g, 0);
    }
    memset(g->touched, 0, sizeof(g->touched));
    expunge(g, mailbox, NULL, 0);
}

static void make_mailbox(struct making *g)
{
    unsigned mailbox = (unsigned)load_random(g->load, MODEL_MAILBOXES);
    unsigned account = mailbox / MODEL_NAMES;

    if (load_state(g->load, g->load->submitted)->accounts[account].number == 0 ||
        g->m->mailboxes[mailbox].number != 0)
        return;
    store_change_mailbox_create(g->change, g->m->accounts[account].number,
                                span_str(model_names[mailbox % MODEL_NAMES]), 0);
    model_mailbox_make(g->m, mailbox);
    expect(g, 0);
}

static void make_account(struct making *g)
{
    unsigned account = (unsigned)load_random(g->load, MODEL_ACCOUNTS);

    if (g->m->accounts[account].number != 0)
        return;
    store_change_account(g->change, span_str(model_accounts[account]));
    model_account_make(g->m, account);
    expect(g, 0);
}

static void make_recent(struct making *g)
{
    unsigned mailbox;

    if (!mailbox_choose(g, &mailbox) ||
        g->m->mailboxes[mailbox].recent == g->m->mailboxes[mailbox].uid_next)
        return;
    g->m->mailboxes[mailbox].recent = g->m->mailboxes[mailbox].uid_next;
    store_change_recent(g->change, mailbox_id(g->m, mailbox), g->m->mailboxes[mailbox].uid_next);
    expect(g, 0);
}

/* The model's side of a copy or move; false when it would alter nothing or be too much. */
static bool copy_entries(struct model *m, const struct store_copy *c, unsigned from, unsigned to,
                         uint32_t *copied_r)
{
    uint32_t kept = 0, added = 0, before = m->count, uid_next = m->mailboxes[from].uid_next;
    struct model_entry copies[MODEL_ENTRIES_MAX];

    for (uint32_t i = 0; i < before; i++) {
        const struct model_entry *e = &m->entries[i];
        if (e->mailbox == from && e->uid < uid_next && is_in(c->uids, c->count, e->uid))
            copies[added++] = *e;
    }
    *copied_r = added;
    if (added == 0 || before + added > MODEL_ENTRIES_MAX)
        return false;
    for (uint32_t i = 0; i < before; i++) {
        const struct model_entry *e = &m->entries[i];
        if (!c->is_move || e->mailbox != from || !is_in(c->uids, c->count, e->uid))
            m->entries[kept++] = *e;
    }
    for (uint32_t i = 0; i < added; i++) {
        copies[i].mailbox = to;
        copies[i].uid = m->mailboxes[to].uid_next++;
        m->entries[kept++] = copies[i];
    }
    m->count = kept;
    return true;
}

static void make_copy(struct making *g, bool is_move)
{
    struct store_range ranges[RANGES_MAX];
    struct store_copy c = {.uids = ranges, .is_move = is_move};
    unsigned from, to;
    uint32_t uid;

    if (!mailbox_choose(g, &from))
        return;
    to = from - from % MODEL_NAMES + (unsigned)load_random(g->load, MODEL_NAMES);
    if (load_state(g->load, g->load->submitted)->mailboxes[to].number == 0)
        return;
    c.from = mailbox_id(g->m, from);
    c.to = mailbox_id(g->m, to);
    c.count = ranges_choose(g->load, g->m->mailboxes[from].uid_next, ranges);
    uid = g->m->mailboxes[to].uid_next;
    if (c.count == 0 || !copy_entries(g->m, &c, from, to, &c.messages))
        return;
    touch(g, to / MODEL_NAMES);
    store_change_copy(g->change, &c);
    expect(g, uid);
}

static void make_command(struct making *g)
{
    uint64_t kind = load_random(g->load, 100);

    memset(g->touched, 0, sizeof(g->touched));
    if (kind < 44)
        make_delivery(g);
    else if (kind < 60)
        make_flags(g);
    else if (kind < 67)
        make_expunge(g);
    else if (kind < 76 || g->m->count > MODEL_ENTRIES_MAX / 4)
        make_purge(g);
    else if (kind < 81)
        make_mailbox(g);
    else if (kind < 85)
        make_account(g);
    else if (kind < 89)
        make_recent(g);
    else
        make_copy(g, kind >= 95);
}

/* ---- submitting ---- */

struct waiting {
    struct load *load;
    uint32_t change;
    enum store_ack ack;
};

static void wrong(struct load *l, const char *what, uint64_t a, uint64_t b)
{
    if (l->why[0] == '\0')
        (void)snprintf(l->why, sizeof(l->why), "change %u: %s (%llu, %llu)", l->acked, what,
                       (unsigned long long)a, (unsigned long long)b);
}

/* What is acknowledged out of turn would be an error of its own: the log has one order. */
static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    struct waiting *w = context;
    struct load *l = w->load;
    struct expected *e = &l->expected[w->change % LOAD_STATES];

    if (status != STORE_OK)
        wrong(l, "a change was refused", w->change, status);
    if (e->is_acked)
        wrong(l, "acknowledged twice", w->change, 0);
    e->is_acked = true;
    if (w->change > l->acked)
        l->acked = w->change;
    if (w->ack == STORE_ACK_APPLIED && status == STORE_OK) {
        if (count != e->count)
            wrong(l, "another number of results", count, e->count);
        for (size_t i = 0; i < count && i < e->count; i++) {
            if (results[i].status != STORE_OK || (e->uids[i] != 0 && results[i].uid != e->uids[i]))
                wrong(l, "another UID than foretold", results[i].uid, e->uids[i]);
        }
    }
    free(w);
}

void load_change(struct load *l)
{
    uint32_t change = l->submitted + 1;
    struct model *next = &l->states[change % LOAD_STATES];
    struct making g = {.load = l, .m = next, .expected = &l->expected[change % LOAD_STATES]};
    struct waiting *w;

    ensure(l->submitted - l->acked < LOAD_WAITING_MAX);
    *next = *load_state(l, l->submitted);
    *g.expected = (struct expected){0};
    g.change = store_change_new(l->store);
    do
        make_command(&g);
    while (load_random(l, 4) == 0 && g.expected->count + 4 < LOAD_RESULTS_MAX);
    if (!g.alters) {
        store_change_drop(&g.change);
        return;
    }
    l->submitted = change;
    w = xmalloc(sizeof(*w));
    *w = (struct waiting){l, change, (enum store_ack)load_random(l, 3)};
    store_submit(l->store, &g.change, w->ack, done, w);
    if (l->acks_early)
        l->acked = change;
}
