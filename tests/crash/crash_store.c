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
 *     crash_store [-i IMAGES] [-s SEED] [-n ONE_IN] [-j AT_ONCE] [-e EVENT -v VARIANT] [-c CONTROL]
 */

#include <errno.h>
#include <fcntl.h>
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
#include "tests/crash/crash_store_image.h"
#include "tests/crash/lmdb_power.h"

enum {
    IMAGES = 2500,         /* unless told; CRASH_IMAGES in the environment */
    OPERATIONS = 110,      /* of a run, each up to four changes */
    CONTROL_IMAGES = 4000, /* in which a control must be found */
    CONTROL_COUNTED = 600, /* images of the control that is counted, not only found */
    AT_ONCE_MAX = 8,
    CHILD_SECONDS = 60,
    EVERY = 4,  /* variants that are not made of every event */
    ONE_IN = 4, /* events that are cut at, unless told: more seeds are run to their end */
};

static const char *const variant_names[VARIANTS] = {
    "lost", "kept", "random", "random too", "killed", "index gone", "index older"};
static const char *const control_names[CONTROLS] = {"none", "log without sync",
                                                    "acknowledged early", "LMDB without fdatasync"};

/* For jemalloc, where it is linked: memory is used again, not given back, because each page that is
 * new to a child costs a fault. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,tcache:true,dirty_decay_ms:-1,muzzy_decay_ms:-1";

static unsigned at_once = 1, one_in = ONE_IN;
static uint64_t images_max, only_event;
static int only_variant = -1;
static bool stops_at_bad = true;
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

/* ---- children ---- */

struct child {
    pid_t pid;
    unsigned variant;
};

static void child_wait(struct run *r, struct child *c)
{
    struct verdict *v = &crash_shared->verdicts[c->variant];
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
        crash_remove_tree(root);
        (void)snprintf(root, sizeof(root), "%.100s-%u-again", r->root, c->variant);
        crash_remove_tree(root);
    }
    r->images++;
    r->rebuilt += v->rebuilt > 0;
    if (!v->is_bad)
        return;
    r->bad++;
    if (r->control == C_NONE)
        printf("bad: crash_store -s %llu -e %llu -v %u (%s): %s\n", (unsigned long long)r->seed,
               (unsigned long long)r->event, c->variant, variant_names[c->variant], v->why);
    else if (crash_is_loud)
        printf("  %s: %s\n", variant_names[c->variant], v->why);
}

static pid_t child_start(struct run *r, unsigned variant)
{
    pid_t pid;
    int nowhere;

    crash_shared->verdicts[variant] = (struct verdict){0};
    (void)fflush(NULL);
    pid = fork();
    ensure(pid >= 0);
    if (pid > 0)
        return pid;
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    alarm(CHILD_SECONDS);
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!crash_is_loud && r->control != C_NONE)
        (void)dup2(nowhere, STDERR_FILENO);
    crash_verdict = &crash_shared->verdicts[variant];
    crash_check_image(r, variant);
    _exit(crash_verdict->is_bad);
}

static void only_one(struct run *r)
{
    static struct verdict mine;

    crash_verdict = &mine;
    crash_is_loud = true;
    crash_check_image(r, (enum variant)only_variant);
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
    uint64_t random = crash_event_random(r, VARIANTS);

    r->event++;
    if (only_variant >= 0) {
        if (r->event == only_event)
            only_one(r);
        return;
    }
    if (r->control == C_NONE && (random >> 56) % one_in != 0)
        return;
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
    crash_close(r);
    if (!crash_open(r))
        exit(2);
}

static void operation(struct run *r)
{
    uint64_t hash;

    crash_changes(r);
    switch (load_random(&r->load, 30)) {
    case 0:
        reopen(r);
        break;
    case 1:
        crash_drain(r);
        (void)crash_look_for(r, "the run itself", r->load.submitted, &hash);
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
    memset(crash_shared, 0, sizeof(*crash_shared));
    ticks = 0;
    random_seed(seed);
    (void)snprintf(r->root, sizeof(r->root), "%s/ringpost-crash-%d",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    (void)snprintf(r->path, sizeof(r->path), "%s/store", r->root);
    crash_remove_tree(r->root);
    ensure(mkdir(r->root, 0700) == 0 && mkdir(r->path, 0700) == 0);
    r->disk = sim_disk_new(r->root, seed);
    r->config = (struct store_config){
        .map_size = UINT64_C(1) << 30,
        .segment_size = 1 << 20,
        .snapshot_bytes = 200 << 10,
        .purge_messages = 3, /* deleted mailboxes go in several slices */
        .manual = true,
        .without_sync = control == C_LOG_SYNC,
        .say = crash_say,
        .context = r,
    };
    r->load.random = seed;
    r->load.acks_early = control == C_EARLY;
    lmdb_power_ignore_sync(control == C_LMDB_SYNC);
    lmdb_power_watch(r->disk, r->root);
}

static void run_once(uint64_t seed, enum control control)
{
    struct run *r = &crash_run;

    run_begin(r, seed, control);
    sim_disk_set_short_writes(r->disk, 10);
    sim_disk_hook(r->disk, cut_here, r);
    if (!crash_open(r))
        exit(2);
    for (unsigned i = 0; i < OPERATIONS && !is_enough(r); i++)
        operation(r);
    if (is_enough(r))
        sim_disk_hook(r->disk, NULL, NULL);
    crash_close(r);
    sim_disk_hook(r->disk, NULL, NULL);
    if (r->load.why[0] != '\0')
        crash_bad("an answer", r->load.why);
    lmdb_power_watch(NULL, NULL);
    crash_remove_tree(r->root);
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
        done += crash_run.images;
        wrong += crash_run.bad;
        rebuilt += crash_run.rebuilt;
        if (crash_is_loud || images > 10 * IMAGES)
            printf("seed %llu: %llu events, %u changes, %llu images, %llu bad\n",
                   (unsigned long long)crash_run.seed, (unsigned long long)crash_run.event,
                   crash_run.load.submitted, (unsigned long long)crash_run.images,
                   (unsigned long long)crash_run.bad);
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
        done += crash_run.images;
        wrong += crash_run.bad;
        rebuilt += crash_run.rebuilt;
        crashed += crash_run.crashed;
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

    while ((option = getopt(count, words, "i:s:e:v:j:c:ln:")) != -1) {
        if (option == 'i')
            images = strtoull(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'e')
            only_event = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            only_variant = (int)strtol(optarg, NULL, 10) % VARIANTS;
        else if (option == 'n')
            one_in = 1 + ((unsigned)strtoul(optarg, NULL, 10) - 1) % 256;
        else if (option == 'j')
            at_once = (unsigned)strtoul(optarg, NULL, 10) % (AT_ONCE_MAX + 1);
        else if (option == 'c')
            only_control = (enum control)(strtoul(optarg, NULL, 10) % CONTROLS);
        else if (option == 'l')
            crash_is_loud = true;
        else
            return 2;
    }
    crash_shared = mmap(NULL, sizeof(*crash_shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ensure(crash_shared != MAP_FAILED);
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
