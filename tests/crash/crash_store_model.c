#include "tests/crash/crash_store_model.h"

#include <stdio.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "store/store.h"
#include "tests/support/sim_disk.h"

const char *const model_accounts[MODEL_ACCOUNTS] = {"anna@example.org", "ben@example.org",
                                                    "cleo@example.net"};
const char *const model_names[MODEL_NAMES] = {"INBOX", "Archive", "Lists/a b", "Spam",
                                              "Lists", "Old",     "Old/Lists", "Old/Lists/a b"};
const char *const model_keywords[MODEL_KEYWORDS] = {"$Label1", "$Work", "$Junk", "later",
                                                    "NonJunk"};

/* ---- states ---- */

static const struct model_entry *next_of(const struct model *m, unsigned mailbox, uint32_t *at)
{
    while (*at < m->count && m->entries[*at].mailbox != mailbox)
        ++*at;
    return *at < m->count ? &m->entries[(*at)++] : NULL;
}

static bool account_equal(const struct model *a, const struct model *b, unsigned account)
{
    const struct model_account *x = &a->accounts[account], *y = &b->accounts[account];

    return x->number == y->number && x->mailboxes == y->mailboxes &&
           model_wants_folders(a, account) == model_wants_folders(b, account);
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

static bool queue_equal(const struct model *a, const struct model *b)
{
    return a->queued_count == b->queued_count &&
           memcmp(a->queued, b->queued, a->queued_count * sizeof(a->queued[0])) == 0;
}

bool model_equal(const struct model *a, const struct model *b)
{
    if (a->account_count != b->account_count || a->count != b->count ||
        memcmp(a->subscribed, b->subscribed, sizeof(a->subscribed)) != 0 ||
        a->folders != b->folders ||
        memcmp(a->folder_uses, b->folder_uses, sizeof(a->folder_uses)) != 0 || !queue_equal(a, b))
        return false;
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        if (!account_equal(a, b, i))
            return false;
    }
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        if (!mailbox_equal(a, b, i))
            return false;
    }
    return true;
}

static size_t say_mailbox(const struct model_mailbox *b, char *text, size_t size)
{
    int len = snprintf(text, size, "number %u next %u recent %u age %u uses %llx modseq %llu",
                       b->number, b->uid_next, b->recent, b->age, (unsigned long long)b->uses,
                       (unsigned long long)b->modseq);

    return (size_t)len < size ? (size_t)len : size - 1;
}

static void mailbox_difference(const struct model *is, const struct model *should, unsigned mailbox,
                               char *text, size_t size)
{
    const struct model_entry *x, *y;
    uint32_t a = 0, b = 0;
    size_t len = (size_t)snprintf(text, size, "mailbox %u %s: ", mailbox / MODEL_NAMES,
                                  model_names[mailbox % MODEL_NAMES]);

    len += say_mailbox(&is->mailboxes[mailbox], text + len, size - len);
    len += (size_t)snprintf(text + len, size - len, ", should be ");
    len = len < size ? len : size - 1;
    len += say_mailbox(&should->mailboxes[mailbox], text + len, size - len);
    do {
        x = next_of(is, mailbox, &a);
        y = next_of(should, mailbox, &b);
    } while (x != NULL && y != NULL && memcmp(x, y, sizeof(*x)) == 0);
    (void)snprintf(text + len, size - len,
                   "; uid %u flags %x keywords %x message %u, should be %u %x %x %u",
                   x ? x->uid : 0, x ? x->flags : 0, x ? x->keywords : 0, x ? x->message : 0,
                   y ? y->uid : 0, y ? y->flags : 0, y ? y->keywords : 0, y ? y->message : 0);
}

static void queue_difference(const struct model *is, const struct model *should, char *text,
                             size_t size)
{
    uint32_t i = 0;
    const struct model_queued *x = is->queued, *y = should->queued;

    while (i < is->queued_count && i < should->queued_count && memcmp(x, y, sizeof(*x)) == 0) {
        i++;
        x++;
        y++;
    }
    (void)snprintf(text, size,
                   "queued %u of %u: message %u number %u tries %u marks %u code %u address %u hop "
                   "%u due %lld, should be of %u: %u %u %u %u %u %u %u %lld",
                   i, is->queued_count, x->message, x->number, x->tries, x->marks, x->code,
                   x->address, x->hop, (long long)x->due, should->queued_count, y->message,
                   y->number, y->tries, y->marks, y->code, y->address, y->hop, (long long)y->due);
}

void model_difference(const struct model *is, const struct model *should, char *text, size_t size)
{
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        if (is->subscribed[i] != should->subscribed[i]) {
            (void)snprintf(text, size, "subscription of %u to %s is %d", i / MODEL_NAMES,
                           model_names[i % MODEL_NAMES], is->subscribed[i]);
            return;
        }
        if (!mailbox_equal(is, should, i)) {
            mailbox_difference(is, should, i, text, size);
            return;
        }
    }
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        if (!account_equal(is, should, i)) {
            (void)snprintf(text, size,
                           "account %u: number %u mailboxes %u wants %d, should be %u %u %d", i,
                           is->accounts[i].number, is->accounts[i].mailboxes,
                           model_wants_folders(is, i), should->accounts[i].number,
                           should->accounts[i].mailboxes, model_wants_folders(should, i));
            return;
        }
    }
    if (queue_equal(is, should))
        (void)snprintf(text, size, "%u messages and folders %x, should be %u, %x", is->count,
                       is->folders, should->count, should->folders);
    else
        queue_difference(is, should, text, size);
}

/* ---- what commands do ---- */

static const char *name_of(unsigned mailbox)
{
    return model_names[mailbox % MODEL_NAMES];
}

/* The mailbox of the same account with the name of these two parts; MODEL_MAILBOXES: none. */
static unsigned mailbox_named(unsigned mailbox, const char *first, size_t first_len,
                              const char *rest)
{
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        if (strncmp(model_names[i], first, first_len) == 0 &&
            strcmp(model_names[i] + first_len, rest) == 0)
            return mailbox - mailbox % MODEL_NAMES + i;
    }
    return MODEL_MAILBOXES;
}

unsigned model_above(unsigned mailbox)
{
    const char *name = name_of(mailbox), *slash = strrchr(name, '/');
    unsigned above;

    if (slash == NULL)
        return mailbox;
    above = mailbox_named(mailbox, name, (size_t)(slash - name), "");
    ensure(above != MODEL_MAILBOXES);
    return above;
}

bool model_is_below(unsigned mailbox, unsigned above)
{
    size_t len = strlen(name_of(above));

    return mailbox / MODEL_NAMES == above / MODEL_NAMES &&
           strncmp(name_of(mailbox), name_of(above), len) == 0 &&
           (name_of(mailbox)[len] == '\0' || name_of(mailbox)[len] == '/');
}

void model_ages_rank(struct model *m, unsigned account)
{
    struct model_mailbox *all = &m->mailboxes[(size_t)account * MODEL_NAMES];
    uint32_t ranks[MODEL_NAMES] = {0};

    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        for (unsigned k = 0; k < MODEL_NAMES && all[i].number != 0; k++)
            ranks[i] += all[k].number != 0 && all[k].age <= all[i].age;
    }
    for (unsigned i = 0; i < MODEL_NAMES; i++)
        all[i].age = ranks[i];
}

void model_mailbox_make(struct model *m, unsigned mailbox)
{
    struct model_account *a = &m->accounts[mailbox / MODEL_NAMES];

    ensure(m->mailboxes[mailbox].number == 0);
    m->mailboxes[mailbox] = (struct model_mailbox){
        .number = ++a->made, .uid_next = 1, .recent = 1, .age = UINT32_MAX, .modseq = ++a->modseq};
    a->mailboxes++;
    model_ages_rank(m, mailbox / MODEL_NAMES);
}

void model_account_make(struct model *m, unsigned account)
{
    if (m->accounts[account].number != 0)
        return;
    m->accounts[account].number = ++m->account_count;
    model_mailbox_make(m, account * MODEL_NAMES);
    if (model_wants_folders(m, account))
        model_folders_give(m, account);
}

bool model_wants_folders(const struct model *m, unsigned account)
{
    return m->accounts[account].number != 0 && !m->accounts[account].has_folders && m->folders != 0;
}

/* One that is there keeps what it is for. */
void model_folders_give(struct model *m, unsigned account)
{
    m->accounts[account].has_folders = true;
    m->subscribed[account * MODEL_NAMES] = true;
    for (unsigned i = 1; i < MODEL_NAMES; i++) {
        unsigned mailbox = account * MODEL_NAMES + i;

        if ((m->folders & 1u << i) == 0)
            continue;
        if (m->mailboxes[mailbox].number == 0) {
            model_levels_make(m, mailbox);
            model_mailbox_make(m, mailbox);
        }
        if (m->mailboxes[mailbox].uses == 0)
            m->mailboxes[mailbox].uses = m->folder_uses[i];
        m->subscribed[mailbox] = true;
    }
}

/* From the top, as the store does it: so they get their numbers. */
void model_levels_make(struct model *m, unsigned mailbox)
{
    unsigned above = model_above(mailbox);

    if (above == mailbox)
        return;
    model_levels_make(m, above);
    if (m->mailboxes[above].number == 0)
        model_mailbox_make(m, above);
}

void model_mailbox_delete(struct model *m, unsigned mailbox)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < m->count; i++) {
        if (m->entries[i].mailbox != mailbox)
            m->entries[kept++] = m->entries[i];
    }
    m->count = kept;
    m->mailboxes[mailbox] = (struct model_mailbox){0};
    m->accounts[mailbox / MODEL_NAMES].mailboxes--;
    model_ages_rank(m, mailbox / MODEL_NAMES);
}

/* Where each mailbox goes; the number of those that move, 0 when it can't be. */
static unsigned plan_rename(const struct model *m, unsigned from, unsigned to,
                            unsigned goes[MODEL_MAILBOXES])
{
    unsigned count = 0;

    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        goes[i] = i;
        if (m->mailboxes[i].number == 0 || !model_is_below(i, from))
            continue;
        goes[i] =
            mailbox_named(i, name_of(to), strlen(name_of(to)), name_of(i) + strlen(name_of(from)));
        if (goes[i] == MODEL_MAILBOXES)
            return 0;
        count++;
    }
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        unsigned target = goes[i];
        if (target != i && m->mailboxes[target].number != 0 && !model_is_below(target, from))
            return 0;
    }
    return count;
}

bool model_rename(struct model *m, unsigned from, unsigned to)
{
    unsigned goes[MODEL_MAILBOXES];
    struct model_mailbox moved[MODEL_MAILBOXES] = {{0}};

    if (to % MODEL_NAMES == 0 || m->mailboxes[to].number != 0 || model_is_below(to, from) ||
        plan_rename(m, from, to, goes) == 0)
        return false;
    /* A level that this makes must not lie where one of those that move comes to. */
    model_levels_make(m, to);
    for (unsigned i = 0; i < MODEL_MAILBOXES; i++) {
        if (m->mailboxes[i].number != 0)
            moved[goes[i]] = m->mailboxes[i];
    }
    memcpy(m->mailboxes, moved, sizeof(moved));
    for (uint32_t i = 0; i < m->count; i++)
        m->entries[i].mailbox = goes[m->entries[i].mailbox];
    return true;
}

bool model_rename_inbox(struct model *m, unsigned inbox, unsigned to)
{
    struct model_account *a = &m->accounts[inbox / MODEL_NAMES];
    struct model_mailbox *old, *new;
    uint32_t age;

    if (to == inbox || m->mailboxes[to].number != 0)
        return false;
    model_levels_make(m, to);
    old = &m->mailboxes[to];
    new = &m->mailboxes[inbox];
    age = new->age;
    *old = *new;
    old->age = UINT32_MAX;
    *new = (struct model_mailbox){
        .number = ++a->made, .uid_next = old->uid_next, .recent = old->uid_next, .age = age};
    a->mailboxes++;
    a->modseq += 2; /* one that is made, and the change of both */
    old->modseq = new->modseq = a->modseq;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->entries[i].mailbox == inbox)
            m->entries[i].mailbox = to;
    }
    model_ages_rank(m, inbox / MODEL_NAMES);
    return true;
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

    return message % 5 == 0 ? 0 : (size_t)len;
}
