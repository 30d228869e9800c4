#include "tests/crash/crash_store_image.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "tests/crash/crash_store_look.h"
#include "tests/crash/lmdb_power.h"

enum {
    MORE_CHANGES = 20, /* made on an image */
};

struct run crash_run;
struct shared *crash_shared;
struct verdict *crash_verdict;
bool crash_is_loud;

/* ---- opening ---- */

void crash_say(void *context, const char *text)
{
    struct run *r = context;

    if (crash_is_loud)
        printf("    %s\n", text);
    if (crash_verdict != NULL && strstr(text, "making the index again") != NULL)
        crash_verdict->rebuilt++;
    else
        (void)snprintf(r->said, sizeof(r->said), "%s", text);
}

void crash_bad(const char *what, const char *why)
{
    struct run *r = &crash_run;

    if (crash_verdict == NULL) {
        printf("seed %llu: %s: %s; %s\n", (unsigned long long)r->seed, what, why, r->said);
        exit(2);
    }
    if (!crash_verdict->is_bad)
        (void)snprintf(crash_verdict->why, sizeof(crash_verdict->why), "%s: %s; last said: %s",
                       what, why, r->said);
    crash_verdict->is_bad = true;
}

bool crash_open(struct run *r)
{
    enum store_status status;

    r->config.path = r->path;
    r->config.disk = sim_disk_table(r->disk);
    status = store_open(&r->config, &r->load.store);
    if (status == STORE_OK)
        return true;
    r->load.store = NULL;
    crash_bad("the store does not open", store_status_text(status));
    return false;
}

void crash_close(struct run *r)
{
    store_close(&r->load.store);
}

/* Looks, and compares with the state after `change`; NULL says nothing about which. */
static bool look(struct run *r, struct model *m, uint64_t *hash)
{
    char why[300];

    if (r->load.why[0] != '\0')
        crash_bad("an answer", r->load.why);
    if (store_look(r->load.store, &r->load, m, hash, why, sizeof(why)))
        return r->load.why[0] == '\0';
    crash_bad("the store shows", why);
    return false;
}

bool crash_look_for(struct run *r, const char *when, uint32_t change, uint64_t *hash_r)
{
    static struct model m;
    char why[300];

    if (!look(r, &m, hash_r))
        return false;
    if (model_equal(&m, load_state(&r->load, change)))
        return true;
    model_difference(&m, load_state(&r->load, change), why, sizeof(why));
    crash_bad(when, why);
    return false;
}

/* ---- the load ---- */

void crash_drain(struct run *r)
{
    while (store_step(r->load.store, (unsigned)load_random(&r->load, 3)))
        continue;
}

static void steps(struct run *r)
{
    switch (load_random(&r->load, 4)) {
    case 0:
        crash_drain(r);
        break;
    case 1:
        break;
    default:
        for (uint64_t n = load_random(&r->load, 4); n > 0; n--)
            (void)store_step(r->load.store, (unsigned)load_random(&r->load, 3));
        break;
    }
    if (r->load.submitted - r->load.acked > LOAD_WAITING_MAX / 2)
        crash_drain(r);
}

void crash_changes(struct run *r)
{
    for (uint64_t n = 1 + load_random(&r->load, 4); n > 0; n--)
        load_change(&r->load);
    steps(r);
}

/* ---- an image ---- */

uint64_t crash_event_random(const struct run *r, unsigned variant)
{
    uint64_t state = r->seed * 1000003 + r->event * 16 + variant;

    return sim_random(&state);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void crash_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The file as it was before, durable, and no seal that would tell. */
static void index_put_older(struct run *r)
{
    char path[200];
    const struct disk *d = sim_disk_table(r->disk);
    struct iovec part = {r->older, r->older_len};
    int file;

    (void)snprintf(path, sizeof(path), "%s/idx/data.mdb", r->path);
    if (r->older == NULL || d->size(d, path) < 0)
        return;
    file = d->open(d, path, O_RDWR, 0600);
    ensure(file >= 0 && d->truncate(d, file, 0) == 0);
    ensure(d->pwritev(d, file, &part, 1, 0) == (ssize_t)r->older_len && d->sync_all(d, file) == 0);
    d->close(d, file);
    (void)snprintf(path, sizeof(path), "%s/idx/SEAL", r->path);
    (void)d->unlink(d, path);
    (void)snprintf(path, sizeof(path), "%s/idx/BAD", r->path);
    (void)d->unlink(d, path);
    sim_disk_cut(r->disk, SIM_CUT_ALL_KEPT, 1);
}

static void index_remove(struct run *r)
{
    static const char *const names[] = {"data.mdb", "SEAL", "BAD"};
    const struct disk *d = sim_disk_table(r->disk);
    char path[200];

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/idx/%s", r->path, names[i]);
        (void)d->unlink(d, path);
    }
    sim_disk_cut(r->disk, SIM_CUT_ALL_KEPT, 1);
}

/* The disk becomes what is left of it, under a root of its own, with the index in real files. */
static void lose_power(struct run *r, enum variant variant, uint64_t seed, const char *root)
{
    enum sim_cut cut = variant == V_LOST   ? SIM_CUT_ALL_LOST
                       : variant == V_KEPT ? SIM_CUT_ALL_KEPT
                                           : SIM_CUT_RANDOM;

    lmdb_power_watch(NULL, NULL);
    if (variant == V_KILLED)
        sim_disk_kill(r->disk);
    else
        sim_disk_cut(r->disk, cut, seed);
    if (variant == V_INDEX_GONE)
        index_remove(r);
    else if (variant == V_INDEX_OLDER)
        index_put_older(r);
    crash_remove_tree(root);
    ensure(mkdir(root, 0700) == 0);
    sim_disk_move(r->disk, root);
    (void)snprintf(r->root, sizeof(r->root), "%s", root);
    (void)snprintf(r->path, sizeof(r->path), "%s/store", root);
    lmdb_power_place(r->disk, root);
    lmdb_power_watch(r->disk, root);
}

/* Which change the image stands after. What a view shows after it is the same in all images. */
static bool find_state(struct run *r, uint32_t *change_r)
{
    static struct model m;
    struct load *l = &r->load;
    uint64_t hash;
    char why[300];

    if (!look(r, &m, &hash))
        return false;
    for (uint32_t k = l->acked; k <= l->submitted; k++) {
        if (!model_equal(&m, load_state(l, k)))
            continue;
        ensure(k < CRASH_CHANGES_MAX);
        if (crash_shared->hashes[k] == 0)
            crash_shared->hashes[k] = hash;
        if (crash_shared->hashes[k] != hash)
            crash_bad("another UIDVALIDITY, modseq or number than before", "");
        *change_r = k;
        return crash_shared->hashes[k] == hash;
    }
    model_difference(&m, load_state(l, l->acked), why, sizeof(why));
    crash_bad("not what was acknowledged", why);
    return false;
}

static void work_on(struct run *r)
{
    uint32_t until = r->load.submitted + MORE_CHANGES;

    for (unsigned tries = 0; r->load.submitted < until && tries < 5 * MORE_CHANGES; tries++)
        crash_changes(r);
    crash_drain(r);
}

/* All that deleted mailboxes held was released. */
static void check_purged(const struct run *r, const struct store_check_report *report)
{
    const struct model *m = load_state(&r->load, r->load.submitted);
    uint32_t mailboxes = 0, queued = 0;
    char text[140];

    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++)
        mailboxes += m->accounts[i].mailboxes;
    for (uint32_t i = 0; i < m->queued_count; i++)
        queued += i == 0 || m->queued[i].message != m->queued[i - 1].message;
    (void)snprintf(text, sizeof(text),
                   "%llu entries in %llu mailboxes, %llu queued, should be %u in %u, %u",
                   (unsigned long long)report->entries, (unsigned long long)report->mailboxes,
                   (unsigned long long)report->queued, m->count, mailboxes, queued);
    if (report->entries != m->count || report->mailboxes != mailboxes || report->queued != queued)
        crash_bad("store_check", text);
}

static void check_clean(struct run *r)
{
    struct store_check_report report;
    enum store_status status = store_check(&r->config, &report);
    char text[200];

    if (status != STORE_OK) {
        crash_bad("store_check", store_status_text(status));
        return;
    }
    (void)snprintf(text, sizeof(text), "%llu damaged, %llu missing, %llu orphaned, %llu miscounted",
                   (unsigned long long)report.damaged, (unsigned long long)report.missing,
                   (unsigned long long)report.orphaned, (unsigned long long)report.miscounted);
    if (report.damaged + report.missing + report.orphaned + report.miscounted > 0)
        crash_bad("store_check", text);
    else
        check_purged(r, &report);
}

/* Power again, while the store is open and all is acknowledged. */
static bool second_cut(struct run *r, uint64_t seed, uint64_t hash)
{
    char root[128];
    uint64_t again;

    (void)snprintf(root, sizeof(root), "%.100s-again", r->root);
    lose_power(r, seed % 2 == 0 ? V_LOST : V_RANDOM, seed, root);
    if (!crash_open(r) || !crash_look_for(r, "after a second cut", r->load.submitted, &again))
        return false;
    if (again != hash)
        crash_bad("after a second cut", "another UIDVALIDITY, modseq or number");
    return again == hash;
}

void crash_check_image(struct run *r, enum variant variant)
{
    uint64_t seed = crash_event_random(r, variant), hash;
    struct load *l = &r->load;
    char root[128], first[128];
    uint32_t change;

    (void)snprintf(root, sizeof(root), "%.100s-%u", r->root, (unsigned)variant);
    (void)snprintf(first, sizeof(first), "%s", root);
    lose_power(r, variant, seed, root);
    r->said[0] = '\0';
    if (crash_open(r) && find_state(r, &change)) {
        l->submitted = l->acked = change;
        l->random = seed;
        l->acks_early = false;
        l->message = LOAD_SMALL_FROM;
        work_on(r);
        if (l->acked != l->submitted)
            crash_bad("after working on", "not all was acknowledged");
        else if (crash_look_for(r, "after working on", l->submitted, &hash) &&
                 (seed % 3 != 0 || second_cut(r, seed >> 8, hash))) {
            crash_drain(r);
            crash_close(r);
            if (seed % 2 == 0)
                check_clean(r);
        }
    }
    lmdb_power_watch(NULL, NULL);
    crash_remove_tree(first);
    crash_remove_tree(r->root);
}
