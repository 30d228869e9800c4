/* Mail: delivered, flagged, copied, gone. */

#include <stdlib.h>
#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "tests/crash/crash_store_making.h"

enum {
    RANGES_MAX = 8,
    PIECE = 64 << 10, /* handed to a draft at once */
};

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
    if (load_random(g->load, 20) == 0)
        ensure(store_draft_spill(draft) == STORE_OK);
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
                       enum store_missing missing)
{
    struct model *m = g->m;
    struct span keywords[MODEL_KEYWORDS];
    char header[128];
    struct store_delivery d = {
        .account = span_str(model_accounts[mailbox / MODEL_NAMES]),
        .mailbox = span_str(model_names[mailbox % MODEL_NAMES]),
        .missing = missing,
        .header = {header, message_header(message, mailbox, header)},
        .keywords = keywords,
        .received_us = (int64_t)message * 1000000,
        .zone_minutes = (int16_t)(message % 120),
    };
    struct model_entry *e = &m->entries[m->count++];

    model_account_make(m, mailbox / MODEL_NAMES);
    if (m->mailboxes[mailbox].number == 0 && missing == STORE_MISSING_CREATE)
        model_mailbox_make(m, mailbox);
    else if (m->mailboxes[mailbox].number == 0)
        mailbox -= mailbox % MODEL_NAMES;
    making_touch(g, mailbox);
    *e = (struct model_entry){
        .uid = m->mailboxes[mailbox].uid_next++, .message = message, .mailbox = mailbox};
    d.keyword_count = keywords_choose(g->load, keywords, &e->keywords);
    if (load_random(g->load, 3) == 0)
        e->flags = d.flags = (uint32_t)load_random(g->load, STORE_FLAGS_ALL + 1);
    store_change_deliver(g->change, number, &d);
    making_expect(g, e->uid);
}

void make_delivery(struct making *g)
{
    unsigned recipients = 1 + (unsigned)load_random(g->load, 3), number;
    unsigned first = (unsigned)load_random(g->load, MODEL_MAILBOXES);

    if (g->m->count + recipients > MODEL_ENTRIES_MAX || g->load->message + 1 >= LOAD_MESSAGES_MAX)
        return;
    number = message_add(g, ++g->load->message);
    for (unsigned i = 0; i < recipients; i++)
        deliver_to(g, number, g->load->message, (first + i * 5) % MODEL_MAILBOXES,
                   load_random(g->load, 4) == 0 ? STORE_MISSING_CREATE : STORE_MISSING_TO_INBOX);
    if (making_may_queue(g) && load_random(g->load, 6) == 0)
        make_queued(g, number, g->load->message);
}

/* For nobody here. */
void make_relayed(struct making *g)
{
    if (!making_may_queue(g) || g->load->message + 1 >= LOAD_MESSAGES_MAX)
        return;
    g->load->message++;
    make_queued(g, message_add(g, g->load->message), g->load->message);
}

void make_append(struct making *g)
{
    unsigned mailbox;

    if (!making_mailbox(g, &mailbox) || g->m->count == MODEL_ENTRIES_MAX ||
        g->load->message + 1 >= LOAD_MESSAGES_MAX)
        return;
    deliver_to(g, message_add(g, g->load->message + 1), g->load->message + 1, mailbox,
               STORE_MISSING_REFUSE);
    g->load->message++;
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

/* What alters nothing is not submitted: it would make two equal states. */
void make_flags(struct making *g)
{
    struct store_range ranges[RANGES_MAX];
    struct span keywords[MODEL_KEYWORDS];
    struct store_flag_change f = {
        .uids = ranges, .keywords = keywords, .unchanged_since = UINT64_MAX};
    unsigned mailbox;
    uint32_t bits;
    bool alters = false;

    if (!making_mailbox(g, &mailbox))
        return;
    f.mailbox = making_id(g->m, mailbox);
    f.count = ranges_choose(g->load, g->m->mailboxes[mailbox].uid_next, ranges);
    f.mode = (enum store_flag_mode)load_random(g->load, 3);
    f.flags = (uint32_t)load_random(g->load, STORE_FLAGS_ALL + 1);
    f.keyword_count = keywords_choose(g->load, keywords, &bits);
    if (load_random(g->load, 3) == 0) /* which holds for all of them */
        f.unchanged_since = g->m->mailboxes[mailbox].modseq;
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
    making_touch(g, mailbox);
    store_change_flags(g->change, &f);
    making_expect(g, 0);
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
    making_touch(g, mailbox);
    store_change_expunge(g->change, making_id(m, mailbox), ranges, count);
    making_expect(g, 0);
}

void make_expunge(struct making *g)
{
    struct store_range ranges[RANGES_MAX];
    unsigned mailbox;
    size_t count;

    if (!making_mailbox(g, &mailbox))
        return;
    count = ranges_choose(g->load, g->m->mailboxes[mailbox].uid_next, ranges);
    expunge(g, mailbox, ranges, load_random(g->load, 2) == 0 ? count : 0);
}

/* Most of a mailbox goes: flagged and expunged in one change, both or nothing. */
void make_purge(struct making *g)
{
    struct store_range all = {1, UINT32_MAX};
    unsigned mailbox;
    bool alters = false;

    if (!making_mailbox(g, &mailbox))
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
        making_touch(g, mailbox);
        store_change_flags(g->change,
                           &(struct store_flag_change){.mailbox = making_id(g->m, mailbox),
                                                       .uids = &all,
                                                       .count = 1,
                                                       .mode = STORE_FLAGS_ADD,
                                                       .flags = STORE_DELETED,
                                                       .unchanged_since = UINT64_MAX});
        making_expect(g, 0);
    }
    memset(g->touched, 0, sizeof(g->touched));
    expunge(g, mailbox, NULL, 0);
}

void make_recent(struct making *g)
{
    unsigned mailbox;

    if (!making_mailbox(g, &mailbox) ||
        g->m->mailboxes[mailbox].recent == g->m->mailboxes[mailbox].uid_next)
        return;
    g->m->mailboxes[mailbox].recent = g->m->mailboxes[mailbox].uid_next;
    store_change_recent(g->change, making_id(g->m, mailbox), g->m->mailboxes[mailbox].uid_next);
    making_expect(g, 0);
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

void make_copy(struct making *g, bool is_move)
{
    struct store_range ranges[RANGES_MAX];
    struct store_copy c = {.uids = ranges, .is_move = is_move};
    unsigned from, to;
    uint32_t uid;

    if (!making_mailbox(g, &from))
        return;
    to = from - from % MODEL_NAMES + (unsigned)load_random(g->load, MODEL_NAMES);
    if (load_state(g->load, g->load->submitted)->mailboxes[to].number == 0)
        return;
    c.from = making_id(g->m, from);
    c.to = making_id(g->m, to);
    c.count = ranges_choose(g->load, g->m->mailboxes[from].uid_next, ranges);
    uid = g->m->mailboxes[to].uid_next;
    if (c.count == 0 || !copy_entries(g->m, &c, from, to, &c.messages))
        return;
    c.is_exact = !g->alters && load_random(g->load, 2) == 0;
    making_touch(g, to);
    if (is_move)
        making_touch(g, from);
    store_change_copy(g->change, &c);
    making_expect(g, uid);
}
