#ifndef TESTS_CRASH_CRASH_STORE_MODEL_H
#define TESTS_CRASH_CRASH_STORE_MODEL_H

/*
 * crash_store_model: what a store should hold, kept beside it by a few lines of other code.
 *
 * A `load` makes changes by a seed, hands them to the store and does them to the model; the state
 * after each of the last changes is kept, because after a power cut the store may stand after any
 * change from the last acknowledged one to the last submitted one. Each change alters something,
 * so no two of these states are equal. Numbers of accounts and mailboxes, UIDs and modseqs are
 * foretold, not learnt. One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum {
    MODEL_ACCOUNTS = 3,
    MODEL_NAMES = 4, /* of mailboxes; the first is INBOX */
    MODEL_MAILBOXES = MODEL_ACCOUNTS * MODEL_NAMES,
    MODEL_KEYWORDS = 5,
    MODEL_ENTRIES_MAX = 256,
    LOAD_STATES = 64, /* kept */
    LOAD_WAITING_MAX = LOAD_STATES - 8,
    LOAD_MESSAGES_MAX = 2048,
    LOAD_SMALL_FROM = 1536, /* messages with numbers from here on are short */
    LOAD_RESULTS_MAX = 16,  /* of a change */
};
extern const char *const model_accounts[MODEL_ACCOUNTS];
extern const char *const model_names[MODEL_NAMES];
extern const char *const model_keywords[MODEL_KEYWORDS];

struct model_entry {
    uint32_t uid, flags, keywords, message; /* keywords: by model_keywords */
    uint32_t mailbox;
};
struct model {
    struct {
        uint32_t number, mailboxes; /* number 0: not there */
        uint64_t modseq;
    } accounts[MODEL_ACCOUNTS];
    struct {
        uint32_t number, uid_next, recent;
    } mailboxes[MODEL_MAILBOXES];
    uint32_t account_count, count;
    struct model_entry entries[MODEL_ENTRIES_MAX]; /* of a mailbox in order of UIDs */
};
bool model_equal(const struct model *a, const struct model *b);
/* Says the first difference. */
void model_difference(const struct model *is, const struct model *should, char *text, size_t size);

/* Bytes of message, META and delivery header are made from its number. */
uint32_t message_size(uint32_t message);
/* From malloc. META is shorter. */
char *message_bytes(uint32_t message, size_t *len_r);
char *message_meta(uint32_t message, size_t *len_r);
size_t message_header(uint32_t message, unsigned mailbox, char header_r[128]);

struct expected {
    unsigned count;
    uint32_t uids[LOAD_RESULTS_MAX]; /* 0: not a delivery */
    bool is_acked;
};

struct load {
    uint64_t random;
    struct store *store;
    struct model states[LOAD_STATES]; /* [n % LOAD_STATES]: after n changes */
    struct expected expected[LOAD_STATES];
    uint32_t submitted, acked; /* changes */
    uint32_t message;          /* number of the last one */
    uint32_t crc[LOAD_MESSAGES_MAX];
    bool acks_early; /* the control: called acknowledged when submitted */
    char why[300];   /* what the store answered wrong, or "" */
};
const struct model *load_state(const struct load *l, uint32_t change);
/* Makes and submits one change. */
void load_change(struct load *l);
uint64_t load_random(struct load *l, uint64_t below);

#endif
