/* The process dies at any moment: what was acknowledged is there, and all that is there is whole.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_support.h"

enum {
    ROUNDS = 8,
    ACKS = 150, /* before the kill, and some more */
};

static void tell(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    const int *pipe_end = context;

    (void)results;
    (void)count;
    if (status != STORE_OK || write(*pipe_end, "x", 1) != 1)
        _exit(1);
}

/* Delivers for ever; each acknowledgement is a byte in the pipe. Expunges now and then. */
static void child(struct test_store *t, int pipe_end)
{
    if (store_open(&t->config, &t->store) != STORE_OK)
        _exit(2);
    for (unsigned i = 0;; i++) {
        struct store_delivery d = {.account = SPAN("ann@example.org"), .mailbox = SPAN("INBOX")};
        struct store_change *c = store_change_new(t->store);
        struct store_draft *draft;
        if (store_draft_open(t->store, &draft) != STORE_OK)
            _exit(3);
        for (unsigned k = 0; k < (i % 50 == 7 ? 60000u : i % 90); k++) {
            if (store_draft_add(draft, SPAN("some bytes\r\n")) != STORE_OK)
                _exit(4);
        }
        d.flags = i % 3 ? 0 : STORE_DELETED;
        store_change_deliver(c, store_change_message(c, &draft, SPAN("meta")), &d);
        store_submit(t->store, &c, STORE_ACK_DURABLE, tell, &pipe_end);
        if (i % 40 == 39) {
            c = store_change_new(t->store);
            store_change_expunge(c, (store_mailbox)1 << 32 | 1, NULL, 0);
            (void)!store_submit_wait(t->store, &c, NULL, 0);
        }
    }
}

static unsigned acks_until_killed(struct test_store *t, unsigned acks)
{
    unsigned seen = 0;
    char bytes[4096];
    ssize_t got;
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(t, ends[1]);
    }
    close(ends[1]);
    while ((got = read(ends[0], bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR)) {
        seen += got > 0 ? (unsigned)got : 0;
        if (seen >= acks)
            kill(pid, SIGKILL);
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &(int){0}, 0), pid);
    return seen;
}

static void test_killed(void **state)
{
    struct test_store t;
    unsigned acked = 0;
    char *dump;

    (void)state;
    test_store_make(&t);
    t.config.snapshot_bytes = 2 << 20;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct store_mailbox_info info;
        unsigned seen = acks_until_killed(&t, ACKS + round * 37);
        assert_true(seen >= ACKS);
        acked += seen;
        test_store_open(&t);
        info = test_info(&t, "ann@example.org", "INBOX");
        assert_true(info.uid_next > acked);
        acked = info.uid_next - 1; /* with those that were durable and not told */
        dump = test_dump(&t);      /* reads every byte of every message */
        free(dump);
        test_store_close(&t);
        test_check(&t);
    }
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
