#ifndef TESTS_UNIT_STORE_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_STORE_SUPPORT_H

/* store_support: what the store's tests have in common. Everything fails the test when it fails. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first. */
#include <cmocka.h>

#include "store/store.h"

struct test_store {
    char path[64];
    struct store_config config;
    struct store *store;
    unsigned said;
    char last_said[256];
    bool is_loud;
};

/* A directory of its own under /tmp; nothing is open yet. Small segments. */
void test_store_make(struct test_store *t);
void test_store_remove(struct test_store *t);
void test_store_open(struct test_store *t);
void test_store_close(struct test_store *t);
void test_store_reopen(struct test_store *t);
/* Removes a directory of files under the store's; false when there was none. */
bool test_store_remove_directory(struct test_store *t, const char *name);

/* A change that is applied when it comes back. */
struct store_result test_submit(struct test_store *t, struct store_change **change);
enum store_status test_submit_status(struct test_store *t, struct store_change **change,
                                     struct store_result *results, size_t max);

struct store_draft *test_draft(struct test_store *t, const char *text, size_t repeat);
/* Delivers `text` (repeated) to a mailbox, made when it is not there. */
struct store_result test_deliver(struct test_store *t, const char *account, const char *mailbox,
                                 const char *text, size_t repeat);
struct store_result test_flags(struct test_store *t, store_mailbox mailbox, uint32_t from,
                               uint32_t to, enum store_flag_mode mode, uint32_t flags);
struct store_result test_expunge(struct test_store *t, store_mailbox mailbox, uint32_t from,
                                 uint32_t to);

struct store_view *test_view(struct test_store *t);
struct store_mailbox_info test_info(struct test_store *t, const char *account, const char *mailbox);

/* All that views show, as text (malloc): to compare a store before and after. */
char *test_dump(struct test_store *t);

/* The store must be closed; asserts that store_check() finds nothing. */
void test_check(struct test_store *t);

#endif
