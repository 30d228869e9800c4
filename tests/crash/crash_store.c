/*
 * crash_store: power cuts of the whole store, log and index together, at every write and sync.
 *
 * A seeded load works on a store whose log lies on a simulated disk and whose index is real LMDB
 * with its writes watched (lmdb_power.h), both in one order of events. After each event a forked
 * child per variant lets the power go off: nothing, all, or any part of what was not synced is
 * there, pages old, new or torn; or the process is only killed; or the index is gone or an older
 * one besides. Then the store is opened for real and held against the model: it stands after a
 * change from the last acknowledged to the last submitted one, with the bytes, flags, UIDs,
 * UIDVALIDITY, modseqs and counters of that moment, the same in every image of that moment. It
 * works on for some changes, loses power again or closes, and is checked again, by store_check()
 * too.
 *
 * The controls must be found wrong, else this test is blind: a log that is not synced, changes that
 * are called acknowledged when they are submitted, and LMDB without its fdatasync.
 *
 *     crash_store [-i IMAGES] [-s SEED] [-j AT_ONCE] [-e EVENT -v VARIANT] [-c CONTROL]
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/random.h"
#include "tests/crash/crash_store_look.h"
#include "tests/crash/lmdb_power.h"

enum {
    IMAGES = 2500,         /* unless told; CRASH_IMAGES in the environment */
    OPERATIONS = 110,      /* of a run, each up to four changes */
    MORE_CHANGES = 20,     /* made on an image */
    CONTROL_IMAGES = 4000, /* in which a control must be found */
    CONTROL_COUNTED = 600, /* images of the control that is counted, not only found */
    CHANGES_MAX = 2048,    /* of a run */
    AT_ONCE_MAX = 8,
    CHILD_SECONDS = 60,
    EVERY = 4, /* variants that are not made of every event */
};

enum variant {
    V_LOST,
    V_KEPT,
    V_RANDOM,
    V_RANDOM_TOO,
    V_KILLED,      /* what is not synced is there, and still not synced */
    V_INDEX_GONE,  /* of every fourth event, at random: also the index was removed */
    V_INDEX_OLDER, /* or an older copy lies there */
    VARIANTS,
};
static const char *const variant_names[VARIANTS] = {
    "lost", "kept", "random", "random too", "killed", "index gone", "index older"};

enum control {
    C_NONE,
    C_LOG_SYNC,  /* the log is not synced */
    C_EARLY,     /* submitted is called acknowledged */
    C_LMDB_SYNC, /* LMDB's fdatasync does nothing */
    CONTROLS,
};
static const char *const control_names[CONTROLS] = {"none", "log without sync",
                                                    "acknowledged early", "LMDB without fdatasync"};

/* Between the run and its children. */
struct verdict {
    bool is_bad;
    unsigned rebuilt; /* times that the index was made again */
    char why[600];
};
struct shared {
    uint64_t hashes[CHANGES_MAX]; /* of all that a view shows after so many changes; 0: not seen */
    struct verdict verdicts[VARIANTS];
};

struct run {
    uint64_t seed, random;
    enum control control;
    struct sim_disk *disk;
    struct store_config config;
    char root[128], path[160];
    char *older; /* a copy of the index as it was */
    size_t older_len;
    struct load load;
    uint64_t event, images, bad, rebuilt, crashed;
    char said[300];
};

/* For jemalloc, where it is linked: memory is used again, not given back, because each page that is
 * new to a child costs a fault. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,tcache:true,dirty_decay_ms:-1,muzzy_decay_ms:-1";

static struct shared *shared;
static struct run run; /* large */
static unsigned at_once = 1;
static uint64_t images_max, only_event;
static int only_variant = -1;
static bool stops_at_bad = true;
static bool is_loud;
static volatile sig_atomic_t is_stopped; /* by a signal: what was found so far is told */

static void stop_soon(int number)
{
    is_stopped = number;
}

/* ---- time that the seed decides ---- */

static uint64_t ticks;

static uint64_t tick_ns(void)
{
    return (ticks += 250) * 1000;
}

static int64_t tick_us(void)
{
    return (int64_t)(ticks += 250) + INT64_C(1500000000000000);
}

/* ---- opening ---- */

static struct verdict *verdict; /* of the child at hand; NULL in the run itself */

static void say(void *context, const char *text)
{
    struct run *r = context;

    if (is_loud)
        printf("    %s\n", text);
    if (verdict != NULL && strstr(text, "making the index again") != NULL)
        verdict->rebuilt++;
    else
        (void)snprintf(r->said, sizeof(r->said), "%s", text);
}

static void bad(const char *what, const char *why)
{
    struct run *r = &run;

    if (verdict == NULL) {
        printf("seed %llu: %s: %s; %s\n", (unsigned long long)r->seed, what, why, r->said);
        exit(2);
    }
    if (!verdict->is_bad)
        (void)snprintf(verdict->why, sizeof(verdict->why), "%s: %s; last said: %s", what, why,
                       r->said);
    verdict->is_bad = true;
}

static bool open_store(struct run *r)
{
    enum store_status status;

    r->config.path = r->path;
    r->config.disk = sim_disk_table(r->disk);
    status = store_open(&r->config, &r->load.store);
    if (status == STORE_OK)
        return true;
    r->load.store = NULL;
    bad("the store does not open", store_status_text(status));
    return false;
}

static void close_store(struct run *r)
{
    store_close(&r->load.store);
}

/* Looks, and compares with the state after `change`; NULL says nothing about which. */
static bool look(struct run *r, struct model *m, uint64_t *hash)
{
    char why[300];

    if (r->load.why[0] != '\0')
        bad("an answer", r->load.why);
    if (store_look(r->load.store, &r->load, m, hash, why, sizeof(why)))
        return r->load.why[0] == '\0';
    bad("the store shows", why);
    return false;
}

static bool look_for(struct run *r, const char *when, uint32_t change, uint64_t *hash_r)
{
    static struct model m;
    char why[300];

    if (!look(r, &m, hash_r))
        return false;
    if (model_equal(&m, load_state(&r->load, change)))
        return true;
    model_difference(&m, load_state(&r->load, change), why, sizeof(why));
    bad(when, why);
    return false;
}

/* ---- the load ---- */

static void drain(struct run *r)
{
    while (store_step(r->load.store, (unsigned)load_random(&r->load, 3)))
        continue;
}

static void steps(struct run *r)
{
    switch (load_random(&r->load, 4)) {
    case 0:
        drain(r);
        break;
    case 1:
        break;
    default:
        for (uint64_t n = load_random(&r->load, 4); n > 0; n--)
            (void)store_step(r->load.store, (unsigned)load_random(&r->load, 3));
        break;
    }
    if (r->load.submitted - r->load.acked > LOAD_WAITING_MAX / 2)
        drain(r);
}

static void changes(struct run *r)
{
    for (uint64_t n = 1 + load_random(&r->load, 4); n > 0; n--)
        load_change(&r->load);
    steps(r);
}

/* ---- an image ---- */

static uint64_t image_seed(const struct run *r, unsigned variant)
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

static void remove_tree(const char *path)
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
    remove_tree(root);
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
        ensure(k < CHANGES_MAX);
        if (shared->hashes[k] == 0)
            shared->hashes[k] = hash;
        if (shared->hashes[k] != hash)
            bad("another UIDVALIDITY, modseq or number than before", "");
        *change_r = k;
        return shared->hashes[k] == hash;
    }
    model_difference(&m, load_state(l, l->acked), why, sizeof(why));
    bad("not what was acknowledged", why);
    return false;
}

static void work_on(struct run *r)
{
    uint32_t until = r->load.submitted + MORE_CHANGES;

    for (unsigned tries = 0; r->load.submitted < until && tries < 5 * MORE_CHANGES; tries++)
        changes(r);
    drain(r);
}

static void check_clean(struct run *r)
{
    struct store_check_report report;
    enum store_status status = store_check(&r->config, &report);
    char text[200];

    if (status != STORE_OK) {
        bad("store_check", store_status_text(status));
        return;
    }
    (void)snprintf(text, sizeof(text), "%llu damaged, %llu missing, %llu orphaned, %llu miscounted",
                   (unsigned long long)report.damaged, (unsigned long long)report.missing,
                   (unsigned long long)report.orphaned, (unsigned long long)report.miscounted);
    if (report.damaged + report.missing + report.orphaned + report.miscounted > 0)
        bad("store_check", text);
}

/* Power again, while the store is open and all is acknowledged. */
static bool second_cut(struct run *r, uint64_t seed, uint64_t hash)
{
    char root[128];
    uint64_t again;

    (void)snprintf(root, sizeof(root), "%.100s-again", r->root);
    lose_power(r, seed % 2 == 0 ? V_LOST : V_RANDOM, seed, root);
    if (!open_store(r) || !look_for(r, "after a second cut", r->load.submitted, &again))
        return false;
    if (again != hash)
        bad("after a second cut", "another UIDVALIDITY, modseq or number");
    return again == hash;
}

static void check_image(struct run *r, enum variant variant)
{
    uint64_t seed = image_seed(r, variant), hash;
    struct load *l = &r->load;
    char root[128], first[128];
    uint32_t change;

    (void)snprintf(root, sizeof(root), "%.100s-%u", r->root, (unsigned)variant);
    (void)snprintf(first, sizeof(first), "%s", root);
    lose_power(r, variant, seed, root);
    r->said[0] = '\0';
    if (open_store(r) && find_state(r, &change)) {
        l->submitted = l->acked = change;
        l->random = seed;
        l->acks_early = false;
        l->message = LOAD_SMALL_FROM;
        work_on(r);
        if (l->acked != l->submitted)
            bad("after working on", "not all was acknowledged");
        else if (look_for(r, "after working on", l->submitted, &hash) &&
                 (seed % 3 != 0 || second_cut(r, seed >> 8, hash))) {
            close_store(r);
            if (seed % 2 == 0)
                check_clean(r);
        }
    }
    lmdb_power_watch(NULL, NULL);
    remove_tree(first);
    remove_tree(r->root);
}

/* ---- children ---- */

struct child {
    pid_t pid;
    unsigned variant;
};

static void child_wait(struct run *r, struct child *c)
{
    struct verdict *v = &shared->verdicts[c->variant];
    char root[128];
    int status;

    while (waitpid(c->pid, &status, 0) < 0)
        ensure(errno == EINTR);
    if (WIFSIGNALED(status)) {
        v->is_bad = true;
        r->crashed++;
        (void)snprintf(v->why, sizeof(v->why), "ended by signal %d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        v->is_bad = true;
        if (v->why[0] == '\0')
            (void)snprintf(v->why, sizeof(v->why), "ended with %d", WEXITSTATUS(status));
    }
    if (v->is_bad) { /* it may not have tidied up */
        (void)snprintf(root, sizeof(root), "%.100s-%u", r->root, c->variant);
        remove_tree(root);
        (void)snprintf(root, sizeof(root), "%.100s-%u-again", r->root, c->variant);
        remove_tree(root);
    }
    r->images++;
    r->rebuilt += v->rebuilt > 0;
    if (!v->is_bad)
        return;
    r->bad++;
    if (r->control == C_NONE)
        printf("bad: crash_store -s %llu -e %llu -v %u (%s): %s\n", (unsigned long long)r->seed,
               (unsigned long long)r->event, c->variant, variant_names[c->variant], v->why);
    else if (is_loud)
        printf("  %s: %s\n", variant_names[c->variant], v->why);
}

static pid_t child_start(struct run *r, unsigned variant)
{
    pid_t pid;
    int nowhere;

    shared->verdicts[variant] = (struct verdict){0};
    (void)fflush(NULL);
    pid = fork();
    ensure(pid >= 0);
    if (pid > 0)
        return pid;
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    alarm(CHILD_SECONDS);
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!is_loud && r->control != C_NONE)
        (void)dup2(nowhere, STDERR_FILENO);
    verdict = &shared->verdicts[variant];
    check_image(r, variant);
    _exit(verdict->is_bad);
}

static void only_one(struct run *r)
{
    static struct verdict mine;

    verdict = &mine;
    is_loud = true;
    check_image(r, (enum variant)only_variant);
    printf("event %llu, %s: %s\n", (unsigned long long)r->event, variant_names[only_variant],
           mine.is_bad ? mine.why : "good");
    exit(mine.is_bad);
}

static bool is_enough(const struct run *r)
{
    return is_stopped || r->images >= images_max || (r->bad > 0 && stops_at_bad);
}

/* Is called after each event of log or index. */
static void cut_here(void *context, const char *what)
{
    struct run *r = context;
    struct child children[AT_ONCE_MAX];
    unsigned count = 0;
    uint64_t random = image_seed(r, VARIANTS);

    r->event++;
    if (only_variant >= 0) {
        if (r->event == only_event)
            only_one(r);
        return;
    }
    if (strcmp(what, "make_dir") == 0 && random % 16 != 0)
        return; /* there are hundreds of directories */
    for (unsigned v = 0; v < VARIANTS && !is_enough(r); v++) {
        if (v > V_RANDOM && (random >> (8 * v)) % EVERY != 0)
            continue;
        children[count++] = (struct child){child_start(r, v), v};
        if (count == at_once) {
            child_wait(r, &children[0]);
            memmove(&children[0], &children[1], --count * sizeof(children[0]));
        }
    }
    for (unsigned i = 0; i < count; i++)
        child_wait(r, &children[i]);
}

/* ---- a run ---- */

static void index_copy(struct run *r)
{
    char path[200];
    const char *bytes;

    (void)snprintf(path, sizeof(path), "%s/idx/data.mdb", r->path);
    bytes = sim_disk_bytes(r->disk, path, &r->older_len);
    ensure(bytes != NULL && lmdb_power_is_true(r->disk, path));
    free(r->older);
    r->older = xmalloc(r->older_len + 1);
    memcpy(r->older, bytes, r->older_len);
}

static void reopen(struct run *r)
{
    close_store(r);
    if (!open_store(r))
        exit(2);
}

static void operation(struct run *r)
{
    uint64_t hash;

    changes(r);
    switch (load_random(&r->load, 30)) {
    case 0:
        reopen(r);
        break;
    case 1:
        drain(r);
        (void)look_for(r, "the run itself", r->load.submitted, &hash);
        index_copy(r);
        break;
    case 2:
    case 3:
        (void)store_step(r->load.store, 2);
        break;
    default:
        break;
    }
}

static void run_begin(struct run *r, uint64_t seed, enum control control)
{
    *r = (struct run){.seed = seed, .random = seed, .control = control};
    memset(shared, 0, sizeof(*shared));
    ticks = 0;
    random_seed(seed);
    (void)snprintf(r->root, sizeof(r->root), "%s/ringpost-crash-%d",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    (void)snprintf(r->path, sizeof(r->path), "%s/store", r->root);
    remove_tree(r->root);
    ensure(mkdir(r->root, 0700) == 0 && mkdir(r->path, 0700) == 0);
    r->disk = sim_disk_new(r->root, seed);
    r->config = (struct store_config){
        .map_size = UINT64_C(1) << 30,
        .segment_size = 1 << 20,
        .snapshot_bytes = 200 << 10,
        .manual = true,
        .without_sync = control == C_LOG_SYNC,
        .say = say,
        .context = r,
    };
    r->load.random = seed;
    r->load.acks_early = control == C_EARLY;
    lmdb_power_ignore_sync(control == C_LMDB_SYNC);
    lmdb_power_watch(r->disk, r->root);
}

static void run_once(uint64_t seed, enum control control)
{
    struct run *r = &run;

    run_begin(r, seed, control);
    sim_disk_set_short_writes(r->disk, 10);
    sim_disk_hook(r->disk, cut_here, r);
    if (!open_store(r))
        exit(2);
    for (unsigned i = 0; i < OPERATIONS && !is_enough(r); i++)
        operation(r);
    if (is_enough(r))
        sim_disk_hook(r->disk, NULL, NULL);
    close_store(r);
    sim_disk_hook(r->disk, NULL, NULL);
    if (r->load.why[0] != '\0')
        bad("an answer", r->load.why);
    lmdb_power_watch(NULL, NULL);
    remove_tree(r->root);
    free(r->older);
    sim_disk_free(&r->disk);
}

/* ---- the whole ---- */

static bool run_images(uint64_t seed, uint64_t images)
{
    uint64_t first = seed, done = 0, wrong = 0, rebuilt = 0;
    struct timespec begin, end;
    double seconds;

    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (; done < images && wrong == 0 && !is_stopped; seed++) {
        images_max = images - done;
        stops_at_bad = true;
        run_once(seed, C_NONE);
        done += run.images;
        wrong += run.bad;
        rebuilt += run.rebuilt;
        if (is_loud || images > 10 * IMAGES)
            printf("seed %llu: %llu events, %u changes, %llu images, %llu bad\n",
                   (unsigned long long)run.seed, (unsigned long long)run.event, run.load.submitted,
                   (unsigned long long)run.images, (unsigned long long)run.bad);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("seeds %llu to %llu: %llu images, %llu bad; in %llu the index was made again; %.0f/s\n",
           (unsigned long long)first, (unsigned long long)(seed - 1), (unsigned long long)done,
           (unsigned long long)wrong, (unsigned long long)rebuilt,
           (double)done / (seconds > 0 ? seconds : 1));
    return wrong == 0;
}

/* Of the last one so many images are looked at that its numbers say something, unless few are
 * wanted at all. */
static bool run_control(uint64_t seed, enum control control, uint64_t images)
{
    uint64_t done = 0, wrong = 0, rebuilt = 0, crashed = 0;
    bool counts = control == C_LMDB_SYNC && images >= CONTROL_COUNTED;
    uint64_t limit = counts ? CONTROL_COUNTED : CONTROL_IMAGES;

    for (; done < limit && (wrong == 0 || counts) && !is_stopped; seed++) {
        images_max = limit - done;
        stops_at_bad = !counts;
        run_once(seed, control);
        done += run.images;
        wrong += run.bad;
        rebuilt += run.rebuilt;
        crashed += run.crashed;
    }
    printf(
        "control, %s: %llu images, %llu bad (%llu by a signal), in %llu the index was made again "
        "by itself, the log made up for the rest: %s\n",
        control_names[control], (unsigned long long)done, (unsigned long long)wrong,
        (unsigned long long)crashed, (unsigned long long)rebuilt,
        wrong > 0    ? "found"
        : is_stopped ? "stopped"
                     : "NOT FOUND, this test is blind");
    return wrong > 0 || is_stopped;
}

int main(int count, char **words)
{
    static const struct clock_source clock = {.monotonic_ns = tick_ns, .wall_us = tick_us};
    const char *wanted = getenv("CRASH_IMAGES");
    uint64_t images = wanted != NULL ? strtoull(wanted, NULL, 10) : IMAGES, seed = 1;
    enum control only_control = C_NONE;
    unsigned passed = 0, failed = 0;
    int option;

    while ((option = getopt(count, words, "i:s:e:v:j:c:l")) != -1) {
        if (option == 'i')
            images = strtoull(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'e')
            only_event = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            only_variant = (int)strtol(optarg, NULL, 10) % VARIANTS;
        else if (option == 'j')
            at_once = (unsigned)strtoul(optarg, NULL, 10) % (AT_ONCE_MAX + 1);
        else if (option == 'c')
            only_control = (enum control)(strtoul(optarg, NULL, 10) % CONTROLS);
        else if (option == 'l')
            is_loud = true;
        else
            return 2;
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ensure(shared != MAP_FAILED);
    clock_replace(&clock);
    (void)signal(SIGINT, stop_soon);
    (void)signal(SIGTERM, stop_soon);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (only_variant >= 0) {
        images_max = UINT64_MAX;
        run_once(seed, only_control);
        printf("seed %llu has no event %llu\n", (unsigned long long)seed,
               (unsigned long long)only_event);
        return 2;
    }
    if (only_control == C_NONE)
        run_images(seed, images) ? passed++ : failed++;
    for (unsigned c = C_NONE + 1; c < CONTROLS; c++) {
        if (only_control == C_NONE || only_control == (enum control)c)
            run_control(seed, (enum control)c, images) ? passed++ : failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
