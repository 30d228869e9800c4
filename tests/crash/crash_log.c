/*
 * crash_log: the log and the committer on a simulated disk that loses power after every operation.
 *
 * A seeded run submits changes, commits, "applies" (a model stands for the index), makes and
 * recycles segments. After each disk operation an image of what a power cut could leave is
 * recovered and held against the oracle: everything acknowledged is there, in order and byte for
 * byte; of the batch in flight all or nothing; nothing else. Then the image is written to and cut
 * again. Without syncs the same runs must fail, else this test would be blind.
 *
 *     crash_log [RUNS [SEED]]
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "store/blob/journal.h"
#include "store/commit/commit.h"
#include "tests/support/sim_disk.h"

enum {
    RUNS = 10,
    STEPS = 90,                 /* of a run */
    AFTER_CUT_BATCHES = 4,      /* written to an image */
    RECORDS_MAX = 4096,         /* of a run */
    PENDING_BYTES_MAX = 600000, /* so that all that waits is one batch */
    BODY_MAX = 200000,
    SEGMENT_SIZE = 1 << 20,
    CONTROL_RUNS = 3,
};
static const char root[] = "/sim";
static const char path[] = "/sim/store";

struct sent {
    uint64_t id;
    uint64_t big_id;
    struct journal_place place; /* once durable */
    bool ends_change;
};

struct run {
    uint64_t seed, random;
    struct sim_disk *disk;
    struct journal *journal;
    struct committer *committer;
    struct sent sent[RECORDS_MAX];
    size_t submitted, acked, pushed;
    size_t pending_bytes;
    /* the model of the index: everything up to the mark is applied */
    struct journal_mark mark, pushed_mark;
    size_t applied;
    uint64_t dead_below; /* segments up to here may be recycled */
    bool without_sync;
    uint64_t images, violations;
    char why[200], said[200]; /* what went wrong; what the log said last */
};

static struct run *current; /* for done() and applier_push() */

/* ---- records made from a number ---- */

static size_t size_of(uint64_t id, unsigned what)
{
    uint64_t random = id * 4 + what;
    uint64_t n = sim_random(&random);

    if (what == 0)
        return 8 + n % 60; /* args */
    if (what == 1)
        return n % 4 == 0 ? 0 : n % 3000; /* META */
    return n % 16 == 0 ? (n >> 8) % BODY_MAX : n % 5 == 0 ? (n >> 8) % 300 : (n >> 8) % 9000;
}

static struct span bytes_of(uint64_t id, unsigned what)
{
    size_t len = size_of(id, what);
    char *at = xmalloc(len + 8);
    uint64_t random = id * 4 + what + 1000003;

    for (size_t i = 0; i < len; i += 8)
        number_put64(at + i, sim_random(&random));
    if (what == 0)
        number_put64(at, id);
    return (struct span){at, len};
}

static struct journal_record record_of(uint64_t id)
{
    struct journal_record r = {.type = JOURNAL_DELIVER,
                               .args = bytes_of(id, 0),
                               .meta = bytes_of(id, 1),
                               .body = bytes_of(id, 2)};

    r.meta_crc = crc32c(0, r.meta.at, r.meta.len);
    r.body_crc = crc32c(0, r.body.at, r.body.len);
    return r;
}

static void record_free(struct journal_record *r)
{
    free((void *)(uintptr_t)r->args.at);
    free((void *)(uintptr_t)r->meta.at);
    free((void *)(uintptr_t)r->body.at);
}

/* ---- what stands for store_change.c and the applier ---- */

void store_change_end(struct store_change *change, enum store_status status)
{
    ensure(status == STORE_OK);
    for (unsigned i = 0; i < change->count; i++)
        record_free(&change->records[i]);
    free(change->records);
    free(change);
}

void applier_push(struct applier *a, const struct journal_batch *batch, struct store_change *list)
{
    struct run *r = current;

    (void)a;
    while (list != NULL) {
        struct store_change *next = list->next;

        for (unsigned i = 0; i < list->count; i++)
            journal_record_place(&list->records[i], &r->sent[r->pushed++].place);
        store_change_end(list, STORE_OK);
        list = next;
    }
    r->pushed_mark = batch->end;
}

static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    struct run *r = current;

    (void)context;
    (void)results;
    (void)count;
    ensure(status == STORE_OK);
    do
        r->acked++;
    while (!r->sent[r->acked - 1].ends_change);
}

/* ---- the oracle ---- */

static void violated(struct run *r, const char *why, uint64_t number)
{
    if (r->violations++ == 0)
        (void)snprintf(r->why, sizeof(r->why), "%s (%llu) after %llu operations", why,
                       (unsigned long long)number,
                       (unsigned long long)sim_disk_operations(r->disk));
}

struct seen {
    struct run *run;
    size_t next; /* index in sent[] that comes now */
    struct journal_mark end;
    uint64_t extra_next; /* ids written to the image afterwards */
    bool wrong;
};

enum {
    EXTRA_FIRST = 1 << 30
};

static bool record_is(const struct journal_record *r, uint64_t id, uint64_t big_id)
{
    struct journal_record right = record_of(id);
    bool is = span_eq(r->args, right.args) && span_eq(r->meta, right.meta) &&
              r->body_crc == right.body_crc && r->body.len == right.body.len &&
              r->is_big == (big_id != 0) && r->big_id == big_id &&
              (r->is_big || span_eq(r->body, right.body));

    record_free(&right);
    return is;
}

static enum store_status see_batch(void *context, const struct journal_batch *batch)
{
    struct seen *s = context;
    struct run *r = s->run;

    for (unsigned i = 0; i < batch->count; i++) {
        const struct journal_record *record = &batch->records[i];
        uint64_t id = record->args.len >= 8 ? number_get64(record->args.at) : 0;

        if (id >= EXTRA_FIRST) {
            s->wrong |= id != s->extra_next++ || !record_is(record, id, 0);
        } else {
            s->wrong |= s->next >= r->submitted || s->extra_next != EXTRA_FIRST ||
                        !record_is(record, r->sent[s->next].id, r->sent[s->next].big_id);
            s->next++;
        }
    }
    s->end = batch->end;
    return STORE_OK;
}

static void say(void *context, const char *text)
{
    struct run *r = context;

    if (r->violations == 0)
        (void)snprintf(r->said, sizeof(r->said), "%s", text);
}

static struct journal *open_image(struct run *r, struct sim_disk *image, struct seen *s)
{
    struct journal_config config = {.path = path,
                                    .disk = sim_disk_table(image),
                                    .segment_size = SEGMENT_SIZE,
                                    .say = say,
                                    .context = r};
    struct journal *journal;
    enum store_status status;

    *s = (struct seen){.run = r, .next = r->applied, .end = r->mark, .extra_next = EXTRA_FIRST};
    status = journal_open(&config, &journal);
    if (status != STORE_OK) {
        violated(r, "the image does not open", status);
        return NULL;
    }
    status = journal_recover(journal, r->mark, see_batch, s);
    if (status != STORE_OK) {
        violated(r, "recovery refuses", status);
        journal_close(&journal);
        return NULL;
    }
    return journal;
}

static void check_pins(struct run *r, struct journal *journal, size_t count)
{
    for (size_t i = r->applied > 20 ? r->applied - 20 : 0; i < count && i < r->pushed; i++) {
        struct journal_record right = record_of(r->sent[i].id);
        struct journal_pin *pin;
        struct span bytes;

        if (r->sent[i].place.segment > r->dead_below) {
            if (journal_pin(journal, &r->sent[i].place, JOURNAL_BODY, true, &bytes, &pin) !=
                STORE_OK) {
                if (right.body.len > 0 || r->sent[i].big_id == 0)
                    violated(r, "an acknowledged body can't be read", r->sent[i].id);
            } else {
                if (!span_eq(bytes, right.body))
                    violated(r, "an acknowledged body is another", r->sent[i].id);
                journal_unpin(pin);
            }
        }
        record_free(&right);
    }
}

/* All acknowledged, then all or nothing of the batch in flight. */
static bool check_seen(struct run *r, const struct seen *s)
{
    uint64_t before = r->violations;

    if (s->wrong)
        violated(r, "a record is not the one that was sent", s->next);
    if (s->next < r->acked)
        violated(r, "acknowledged records are lost", r->acked - s->next);
    if (s->next != r->acked && s->next != r->submitted)
        violated(r, "half a batch is visible", s->next);
    return r->violations == before;
}

static bool append_more(struct journal *journal, unsigned batches, uint64_t *id)
{
    for (unsigned i = 0; i < batches; i++) {
        struct journal_record record = record_of(*id);
        struct journal_batch batch;
        enum store_status status = journal_append(journal, &record, 1, 1, &batch);

        if (status == STORE_FULL && journal_prepare(journal))
            status = journal_append(journal, &record, 1, 1, &batch);
        record_free(&record);
        if (status != STORE_OK)
            return false;
        ++*id;
    }
    return true;
}

static bool wanted(void *context, uint64_t id)
{
    const struct run *r = context;

    for (size_t i = 0; i < r->submitted; i++) {
        if (r->sent[i].big_id == id)
            return true;
    }
    return false;
}

/* Recovers the image; writes to it; cuts it again, hard; recovers once more. */
static void check_image(struct run *r, struct sim_disk *image, uint64_t seed)
{
    struct seen first, second;
    struct journal *journal = open_image(r, image, &first);
    struct sim_disk *again;
    uint64_t id = EXTRA_FIRST;

    r->images++;
    if (journal == NULL)
        return;
    if (check_seen(r, &first)) {
        journal_big_sweep(journal, wanted, r);
        check_pins(r, journal, r->acked);
        if (!append_more(journal, (unsigned)(seed % (AFTER_CUT_BATCHES + 1)), &id))
            violated(r, "the image can't be written to", 0);
    }
    again = sim_disk_after_cut(image, SIM_CUT_ALL_LOST, seed);
    journal_close(&journal);
    if (!r->without_sync && r->violations == 0 &&
        (journal = open_image(r, again, &second)) != NULL) {
        if (second.wrong || second.next != first.next || second.extra_next != id)
            violated(r, "the second recovery finds something else", second.next);
        journal_close(&journal);
    }
    sim_disk_free(&again);
}

/* A kill leaves what is not synced, readable. Recovery takes it, the index stores how far it got,
 * more is written, and then the power goes: nothing of all that may be lost. */
static void check_kill(struct run *r, uint64_t seed)
{
    struct sim_disk *image = sim_disk_after_kill(r->disk), *cut;
    struct journal_mark mark = r->mark;
    size_t applied = r->applied;
    uint64_t id = EXTRA_FIRST;
    struct seen s;
    struct journal *journal = open_image(r, image, &s);

    if (journal != NULL && check_seen(r, &s)) {
        r->mark = s.end;
        r->applied = s.next;
        if (!append_more(journal, (unsigned)(seed >> 32) % AFTER_CUT_BATCHES, &id))
            violated(r, "the disk can't be written to after a kill", 0);
        cut = sim_disk_after_cut(image, SIM_CUT_RANDOM, seed);
        journal_close(&journal);
        journal = open_image(r, cut, &s);
        if (journal != NULL && (s.wrong || s.next != r->applied || s.extra_next != id))
            violated(r, "after a kill and a cut something is lost", s.next);
        journal_close(&journal);
        sim_disk_free(&cut);
        r->mark = mark;
        r->applied = applied;
    }
    journal_close(&journal);
    sim_disk_free(&image);
}

static void after_operation(void *context, const char *what)
{
    struct run *r = context;
    uint64_t seed = sim_random(&r->random);
    enum sim_cut cut = seed % 8 == 0   ? SIM_CUT_ALL_LOST
                       : seed % 8 == 1 ? SIM_CUT_ALL_KEPT
                                       : SIM_CUT_RANDOM;
    struct sim_disk *image;

    if (r->violations > 0 || (strcmp(what, "make_dir") == 0 && seed % 16 != 0))
        return; /* there are hundreds of directories */
    image = sim_disk_after_cut(r->disk, cut, seed);
    check_image(r, image, seed >> 8);
    sim_disk_free(&image);
    if (seed % 5 == 0 && r->violations == 0 && !r->without_sync)
        check_kill(r, seed);
}

/* ---- a run ---- */

static void make_big(struct run *r, struct journal_record *record, struct sent *sent)
{
    struct journal_big *big;
    uint32_t len, crc;

    ensure(journal_big_open(r->journal, &big) == STORE_OK);
    ensure(journal_big_add(big, record->body) == STORE_OK);
    ensure(journal_big_finish(big, &sent->big_id, &len, &crc) == STORE_OK);
    ensure(len == record->body.len && crc == record->body_crc);
    journal_big_close(&big);
    record->is_big = true;
    record->big_id = sent->big_id;
}

static void submit(struct run *r)
{
    struct store_change *change = xcalloc(1, sizeof(*change));
    unsigned count = 1 + (unsigned)(sim_random(&r->random) % 3);
    size_t bytes = 0, at = r->submitted;

    change->records = xcalloc(count, sizeof(*change->records));
    for (unsigned i = 0; i < count; i++) {
        struct sent *sent = &r->sent[at + i];

        *sent = (struct sent){.id = at + i + 1, .ends_change = i + 1 == count};
        change->records[i] = record_of(sent->id);
        change->records[i].more = !sent->ends_change;
        if (change->records[i].body.len > 0 && sim_random(&r->random) % 20 == 0)
            make_big(r, &change->records[i], sent);
        bytes += journal_record_size(&change->records[i]);
    }
    change->count = count;
    change->ack = STORE_ACK_DURABLE;
    change->done = done;
    r->submitted += count;
    r->pending_bytes += bytes;
    committer_submit(r->committer, change);
}

static void find_dead(struct run *r)
{
    uint64_t active = journal_active_segment(r->journal);

    for (uint64_t s = 0; (s = journal_segment_next(r->journal, s)) != 0 && s + 1 < active;) {
        r->dead_below = s < r->mark.lsn >> 32 ? s : r->dead_below;
        if (s <= r->dead_below)
            journal_segment_dead(r->journal, s, r->mark);
    }
}

static void step(struct run *r)
{
    switch (sim_random(&r->random) % 12) {
    case 0:
        (void)journal_prepare(r->journal);
        break;
    case 1:
        find_dead(r);
        (void)journal_recycle(r->journal);
        break;
    case 2:
        committer_idle(r->committer);
        break;
    case 3:
    case 4: /* the index is committed up to here */
        r->mark = r->pushed_mark;
        r->applied = r->acked;
        break;
    default:
        for (uint64_t n = 1 + sim_random(&r->random) % 6;
             n > 0 && r->submitted + 8 < RECORDS_MAX && r->pending_bytes < PENDING_BYTES_MAX / 2;
             n--)
            submit(r);
        while (committer_step(r->committer))
            ;
        r->pending_bytes = 0;
        ensure(r->acked == r->submitted && r->pushed == r->acked);
        break;
    }
}

/* Returns how many images were wrong. */
static uint64_t run_once(uint64_t seed, bool without_sync, struct run *r)
{
    struct journal_config config = {.path = path, .segment_size = SEGMENT_SIZE};
    struct seen s;

    *r = (struct run){.seed = seed, .random = seed, .without_sync = without_sync};
    current = r;
    random_seed(seed);
    r->disk = sim_disk_new(root, seed);
    config.disk = sim_disk_table(r->disk);
    config.without_sync = without_sync;
    sim_disk_set_short_writes(r->disk, 10);
    sim_disk_hook(r->disk, after_operation, r);
    s = (struct seen){.run = r, .extra_next = EXTRA_FIRST};
    ensure(journal_open(&config, &r->journal) == STORE_OK);
    ensure(journal_recover(r->journal, r->mark, see_batch, &s) == STORE_OK);
    r->committer =
        committer_open(&(struct committer_config){.journal = r->journal, .manual = true});
    for (unsigned i = 0; i < STEPS && r->violations == 0; i++)
        step(r);
    sim_disk_hook(r->disk, NULL, NULL);
    committer_close(&r->committer);
    journal_close(&r->journal);
    sim_disk_free(&r->disk);
    return r->violations;
}

static volatile sig_atomic_t is_stopped; /* what was found so far is told */

static void stop_soon(int number)
{
    is_stopped = number;
}

int main(int count, char **words)
{
    unsigned long runs = count > 1 ? strtoul(words[1], NULL, 10) : RUNS;
    uint64_t seed = count > 2 ? strtoull(words[2], NULL, 10) : 1;
    static struct run run;
    unsigned passed = 0, failed = 0;
    uint64_t images = 0, found = 0;

    (void)signal(SIGINT, stop_soon);
    for (unsigned long i = 0; i < runs && !is_stopped; i++) {
        if (run_once(seed + i, false, &run) == 0) {
            passed++;
        } else {
            failed++;
            printf("seed %llu: %s; %s\n", (unsigned long long)(seed + i), run.why, run.said);
        }
        images += run.images;
    }
    for (unsigned i = 0; i < CONTROL_RUNS; i++)
        found += run_once(seed + i, true, &run) > 0;
    if (found == CONTROL_RUNS) {
        passed++;
    } else {
        failed++;
        printf("without syncs nothing was found wrong: this test is blind\n");
    }
    printf("%llu images of power cuts\n%u passed, %u failed\n", (unsigned long long)images, passed,
           failed);
    return failed > 0;
}
