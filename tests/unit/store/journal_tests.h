#ifndef TESTS_UNIT_STORE_JOURNAL_TESTS_H
#define TESTS_UNIT_STORE_JOURNAL_TESTS_H

/* journal_tests: a log on a simulated disk, with records made from a number. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "store/blob/journal.h"
#include "tests/support/sim_disk.h"

enum {
    LOG_SEGMENT_SIZE = 1 << 20,
    LOG_SAID_SIZE = 4096,
    LOG_BODY_MAX = 300000,
};
#define LOG_PATH  "/sim/store"
#define LOG_FIRST LOG_PATH "/seg/0000000000000001.log"

struct log { /* one log under test */
    struct sim_disk *disk;
    struct journal *journal;
    bool salvage, read_only;
    char said[LOG_SAID_SIZE];
    /* what recovery showed */
    uint64_t ids[1000];
    unsigned count;
    bool wrong;
    struct journal_mark end;
};

static inline void log_said(void *context, const char *text)
{
    struct log *l = context;
    size_t len = strlen(l->said);

    (void)snprintf(l->said + len, sizeof(l->said) - len, "%s\n", text);
}

/* Args hold the number; the body is `len` bytes of it. */
static inline struct journal_record log_record(uint64_t id, size_t len)
{
    static char body[LOG_BODY_MAX], args[8], meta[40];
    struct journal_record r = {.type = JOURNAL_DELIVER};

    ensure(len <= sizeof(body));
    number_put64(args, id);
    memset(body, (int)('a' + id % 26), len);
    memset(meta, (int)('A' + id % 26), sizeof(meta));
    r.args = (struct span){args, sizeof(args)};
    r.body = (struct span){body, len};
    r.meta = (struct span){meta, 1 + id % sizeof(meta)};
    r.body_crc = crc32c(0, r.body.at, r.body.len);
    r.meta_crc = crc32c(0, r.meta.at, r.meta.len);
    return r;
}

static inline enum store_status log_see(void *context, const struct journal_batch *batch)
{
    struct log *l = context;

    for (unsigned i = 0; i < batch->count; i++) {
        uint64_t id = number_get64(batch->records[i].args.at);
        struct journal_record right = log_record(id, batch->records[i].body.len);

        l->wrong |= !span_eq(right.meta, batch->records[i].meta) ||
                    !span_eq(right.body, batch->records[i].body);
        ensure(l->count < COUNT_OF(l->ids));
        l->ids[l->count++] = id;
    }
    l->end = batch->end;
    return STORE_OK;
}

static inline enum store_status log_open(struct log *l, struct journal_mark from)
{
    struct journal_config config = {.path = LOG_PATH,
                                    .disk = sim_disk_table(l->disk),
                                    .segment_size = LOG_SEGMENT_SIZE,
                                    .salvage = l->salvage,
                                    .read_only = l->read_only,
                                    .say = log_said,
                                    .context = l};
    enum store_status status = journal_open(&config, &l->journal);

    l->count = 0;
    l->end = from;
    if (status == STORE_OK)
        status = journal_recover(l->journal, from, log_see, l);
    return status;
}

static inline struct log *log_new(void)
{
    struct log *l = xcalloc(1, sizeof(*l));

    random_seed(1);
    l->disk = sim_disk_new("/sim", 1);
    return l;
}

static inline void log_free(struct log *l)
{
    journal_close(&l->journal);
    sim_disk_free(&l->disk);
    free(l);
}

/* One batch of one record; makes a segment when none is ready. */
static inline struct journal_batch log_append(struct log *l, uint64_t id, size_t len)
{
    static struct journal_record record;
    struct journal_batch batch;
    enum store_status status;

    record = log_record(id, len);
    status = journal_append(l->journal, &record, 1, 1, &batch);
    if (status == STORE_FULL) {
        assert_true(journal_prepare(l->journal));
        status = journal_append(l->journal, &record, 1, 1, &batch);
    }
    assert_int_equal(status, STORE_OK);
    return batch;
}

/* The next start of a process, on what the last one left. */
static inline enum store_status log_again(struct log *l, struct journal_mark from)
{
    journal_close(&l->journal);
    return log_open(l, from);
}

/* The numbers from..to, each once and in order, and nothing wrong with them. */
static inline bool log_saw(const struct log *l, uint64_t from, uint64_t to)
{
    if (l->wrong || l->count != to + 1 - from)
        return false;
    for (unsigned i = 0; i < l->count; i++) {
        if (l->ids[i] != from + i)
            return false;
    }
    return true;
}

#endif
