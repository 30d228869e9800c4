/* Many at once: deliveries, flags, expunges and views. Run it under TSan. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_support.h"

enum {
    SENDERS = 3,
    READERS = 2,
    ROUNDS = 300,
    ACCOUNTS = 4,
};

struct scene {
    struct test_store t;
    atomic_uint durable[ACCOUNTS]; /* deliveries acknowledged */
    atomic_uint away, touched, failed;
    atomic_bool stop;
};

static bool is_watched(void *context)
{
    (void)context;
    return true;
}

static void touched(void *context, store_mailbox mailbox)
{
    struct scene *s = CONTAINER_OF(context, struct scene, t);

    (void)mailbox;
    atomic_fetch_add(&s->touched, 1);
}

struct note {
    struct scene *scene;
    unsigned account;
};

static void delivered(void *context, enum store_status status, const struct store_result *results,
                      size_t count)
{
    struct note *note = context;

    (void)results;
    (void)count;
    atomic_fetch_add(
        status == STORE_OK ? &note->scene->durable[note->account] : &note->scene->failed, 1);
    atomic_fetch_sub(&note->scene->away, 1);
    free(note);
}

static void *sender(void *context)
{
    struct scene *s = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct note *note = malloc(sizeof(*note));
        char name[32];
        struct store_delivery d = {.mailbox = SPAN("INBOX"), .header = SPAN("X: y\r\n")};
        struct store_change *c = store_change_new(s->t.store);
        struct store_draft *draft;
        if (store_draft_open(s->t.store, &draft) != STORE_OK ||
            store_draft_add(draft, SPAN("some text")) != STORE_OK)
            abort();
        *note = (struct note){s, i % ACCOUNTS};
        snprintf(name, sizeof(name), "user%u@example.org", i % ACCOUNTS);
        d.account = span_str(name);
        store_change_deliver(c, store_change_message(c, &draft, SPAN("m")), &d);
        while (atomic_load(&s->away) > 64)
            usleep(50);
        atomic_fetch_add(&s->away, 1);
        store_submit(s->t.store, &c, STORE_ACK_DURABLE, delivered, note);
    }
    return NULL;
}

static void *flagger(void *context)
{
    struct scene *s = context;

    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        struct store_change *c = store_change_new(s->t.store);
        struct store_range range = {1 + i % 50, 3 + i % 70};
        store_mailbox mailbox = (store_mailbox)(1 + i % ACCOUNTS) << 32 | 1;
        if (i % 3 == 0)
            store_change_expunge(c, mailbox, NULL, 0);
        else if (range.from <= range.to)
            store_change_flags(
                c, &(struct store_flag_change){.mailbox = mailbox,
                                               .uids = &range,
                                               .count = 1,
                                               .flags = i % 3 == 1 ? STORE_DELETED : STORE_SEEN,
                                               .unchanged_since = UINT64_MAX});
        (void)!store_submit_wait(s->t.store, &c, NULL, 0); /* the mailbox may not be there yet */
    }
    return NULL;
}

/* What was acknowledged before the view was opened is there: UIDNEXT tells. */
static void *reader(void *context)
{
    struct scene *s = context;
    struct store_entry entries[64];
    struct store_mailbox_info info;
    struct store_view *v;
    struct span bytes;
    size_t count;

    while (!atomic_load(&s->stop)) {
        unsigned sum = 0, wanted = 0;
        for (unsigned a = 0; a < ACCOUNTS; a++)
            wanted += atomic_load(&s->durable[a]);
        if (store_view_open(s->t.store, &v) != STORE_OK)
            abort();
        for (unsigned a = 1; a <= ACCOUNTS; a++) {
            store_mailbox id = (store_mailbox)a << 32 | 1;
            if (store_mailbox_get(v, id, &info) != STORE_OK)
                continue;
            sum += info.uid_next - 1;
            store_recent_take(s->t.store, &info);
            if (store_entries(v, id, info.uid_next > 20 ? info.uid_next - 20 : 1, entries, 64,
                              &count) != STORE_OK)
                abort();
            for (size_t k = 0; k < count; k++) {
                if (store_message_bytes(v, entries[k].message, 0, 100, &bytes) != STORE_OK ||
                    !span_eq(bytes, SPAN("some text")))
                    atomic_fetch_add(&s->failed, 1);
            }
        }
        if (sum < wanted)
            atomic_fetch_add(&s->failed, 1);
        store_view_close(&v);
    }
    return NULL;
}

static void test_all_at_once(void **state)
{
    static struct scene s;
    pthread_t senders[SENDERS], others[READERS + 1];
    struct store_mailbox_info info;
    unsigned sum = 0;

    (void)state;
    test_store_make(&s.t);
    s.t.config.touched = touched;
    s.t.config.is_watched = is_watched;
    s.t.config.snapshot_bytes = 1 << 20;
    test_store_open(&s.t);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_create(&senders[i], NULL, sender, &s);
    for (unsigned i = 0; i <= READERS; i++)
        pthread_create(&others[i], NULL, i < READERS ? reader : flagger, &s);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    while (atomic_load(&s.away) > 0)
        usleep(100);
    atomic_store(&s.stop, true);
    for (unsigned i = 0; i <= READERS; i++)
        pthread_join(others[i], NULL);
    assert_int_equal(atomic_load(&s.failed), 0);
    assert_true(atomic_load(&s.touched) > 0);
    for (unsigned a = 0; a < ACCOUNTS; a++) {
        char name[32];
        snprintf(name, sizeof(name), "user%u@example.org", a);
        info = test_info(&s.t, name, "INBOX");
        sum += info.uid_next - 1;
    }
    assert_int_equal(sum, SENDERS * ROUNDS);
    test_store_close(&s.t);
    test_check(&s.t);
    test_store_remove(&s.t);
}

/* Nobody waits and nobody watches: it is applied all the same, soon. */
static void test_gathered(void **state)
{
    static struct scene s;
    struct note *note = malloc(sizeof(*note));
    struct store_delivery d = {.account = SPAN("ann@example.org"), .mailbox = SPAN("INBOX")};
    struct store_draft *draft;
    struct store_change *c;

    (void)state;
    test_store_make(&s.t);
    s.t.config.touched = touched;
    s.t.config.is_watched = is_watched;
    test_store_open(&s.t);
    *note = (struct note){&s, 0};
    atomic_store(&s.away, 1);
    c = store_change_new(s.t.store);
    draft = test_draft(&s.t, "text", 1);
    store_change_deliver(c, store_change_message(c, &draft, SPAN("")), &d);
    store_submit(s.t.store, &c, STORE_ACK_DURABLE, delivered, note);
    for (unsigned i = 0; i < 5000 && atomic_load(&s.touched) == 0; i++)
        usleep(1000);
    assert_true(atomic_load(&s.touched) > 0);
    assert_int_equal(atomic_load(&s.away), 0);
    test_store_remove(&s.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_gathered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
