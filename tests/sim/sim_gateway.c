/*
 * sim_gateway: the whole gateway in one thread on a simulated network and disk, run after run, each
 * decided by its seed.
 *
 *     sim_gateway [-v] [FIRST [COUNT]]    runs of these seeds; -v: with all that is said and done
 *     sim_gateway -t [FIRST [COUNT]]      each twice: the same must happen
 *     sim_gateway -c [FIRST [COUNT]]      eight IMAP sessions in one mailbox, without trouble
 *     sim_gateway -n [FIRST [COUNT]]      the negative control: a log that does not sync must be
 *                                         found to lose mail within so many runs
 *
 * SIM_SEEDS is another COUNT for the first form, SIM_SECONDS a time in place of one. A run that
 * fails prints its seed, the step, and the last lines of its trace. Each run is a process of its
 * own, so that one that aborts is a finding as well, and nothing is left of it for the next one.
 */

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/sim/sim_game.h"

enum {
    SEEDS = 250,
    DIRECTORY_SIZE = 64,
    MOVED_BLOCKS = 500,
    FILES_OPEN = 16, /* while a tree is removed */
};

enum mode {
    MODE_RUN,
    MODE_TWICE,
    MODE_NEGATIVE,
    MODE_CROWD,
};

/* What a run's process tells. */
struct verdict {
    bool failed, lost_mail;
    uint64_t hash;
    struct run_counts counts;
};

static struct run the_run;
static char *moved[MOVED_BLOCKS]; /* move_memory() */

/* ---- one run, in its own process ---- */

/* NOLINTBEGIN(bugprone-signal-handler): by an abort() of this thread, so nothing is interrupted. */
static void on_abort(int number)
{
    (void)number;
    signal(SIGABRT, SIG_DFL);
    if (!the_run.quiet)
        run_print(&the_run);
    printf("ABORT seed %" PRIu64 " step %" PRIu64 "\n", the_run.seed, the_run.step);
    fflush(stdout);
    abort();
}
/* NOLINTEND(bugprone-signal-handler) */

/* Takes memory that nobody gives back, so that what comes later lies elsewhere than in the process
 * that ran this seed before: an order that hangs on addresses shows. */
static void move_memory(void)
{
    struct timespec now;
    uint64_t random;

    clock_gettime(CLOCK_MONOTONIC, &now);
    random = (uint64_t)now.tv_nsec;
    for (unsigned i = 0; i < MOVED_BLOCKS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        moved[i] = xmalloc(1 + (size_t)(random >> 52));
        moved[i][0] = 1;
    }
}

static struct verdict play(uint64_t seed, enum mode mode, bool verbose)
{
    struct verdict v;

    if (mode == MODE_TWICE)
        move_memory();
    run_begin(&the_run, seed);
    the_run.verbose = verbose;
    the_run.quiet = mode == MODE_NEGATIVE;
    signal(SIGABRT, on_abort);
    if (mode == MODE_CROWD)
        game_play_crowd(&the_run);
    else
        game_play(&the_run, mode == MODE_NEGATIVE);
    v = (struct verdict){.failed = the_run.failed,
                         .lost_mail = strncmp(the_run.why, "LOST", 4) == 0,
                         .hash = the_run.hash,
                         .counts = the_run.counts};
    return v;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* In memory where that is possible: the index syncs. */
static void make_directory(char path[DIRECTORY_SIZE])
{
    (void)snprintf(path, DIRECTORY_SIZE, "/dev/shm/ringpost-sim-XXXXXX");
    if (mkdtemp(path) != NULL)
        return;
    (void)snprintf(path, DIRECTORY_SIZE, "/tmp/ringpost-sim-XXXXXX");
    ensure(mkdtemp(path) != NULL);
}

static struct verdict run_seed(uint64_t seed, enum mode mode, bool verbose)
{
    struct verdict v = {.failed = true};
    char directory[DIRECTORY_SIZE];
    int ends[2], status;
    pid_t child;

    make_directory(directory);
    ensure(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    ensure(child >= 0);
    if (child == 0) {
        ensure(chdir(directory) == 0);
        v = play(seed, mode, verbose);
        ensure(write(ends[1], &v, sizeof(v)) == sizeof(v));
        exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &v, sizeof(v)) != sizeof(v))
        v = (struct verdict){.failed = true};
    close(ends[0]);
    ensure(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("seed %" PRIu64 ": its process ended with status %#x\n", seed, (unsigned)status);
        v.failed = true;
    }
    (void)nftw(directory, remove_one, FILES_OPEN, FTW_DEPTH | FTW_PHYS);
    return v;
}

/* ---- twice ---- */

static bool is_same_twice(uint64_t seed, const struct verdict *v)
{
    uint64_t other = run_seed(seed, MODE_TWICE, false).hash;

    if (other != v->hash)
        printf("DIFFERENT seed %" PRIu64 ": %016" PRIx64 ", then %016" PRIx64 "\n", seed, v->hash,
               other);
    return other == v->hash;
}

/* ---- all of them ---- */

static void add_counts(struct run_counts *sum, const struct run_counts *more)
{
    const uint64_t *from = (const uint64_t *)more;
    uint64_t *to = (uint64_t *)sum;

    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
        to[i] += from[i];
}

static void print_counts(const struct run_counts *n)
{
    printf("%" PRIu64 " runs, %" PRIu64 " steps, %" PRIu64 " simulated s\n", n->runs, n->steps,
           n->simulated_s);
    printf("mail: %" PRIu64 " made, %" PRIu64 " copies acknowledged, %" PRIu64 " refused\n",
           n->mails, n->acked, n->refused);
    printf("imap: %" PRIu64 " commands, %" PRIu64 " changes of flags, %" PRIu64
           " expunged, %" PRIu64 " bodies compared\n",
           n->commands, n->flags, n->expunged, n->fetched);
    printf("more: %" PRIu64 " messages copied or moved, %" PRIu64 " POP3 sessions, %" PRIu64
           " changes of folders\n",
           n->copied, n->pop3_sessions, n->folder_changes);
    printf("trouble: %" PRIu64 " power cuts, %" PRIu64 " kills, %" PRIu64 " stops, %" PRIu64
           " lost indexes, %" PRIu64 " full disks, %" PRIu64 " jumps of the clock, %" PRIu64
           " hang-ups, %" PRIu64 " resets\n",
           n->cuts, n->kills, n->stops, n->lost_indexes, n->full_disks, n->jumps, n->cut_off,
           n->resets);
}

static int run_all(uint64_t first, uint64_t count, uint64_t seconds, enum mode mode, bool verbose)
{
    time_t end = time(NULL) + (time_t)seconds;
    struct run_counts sum = {0};
    struct chain failures = {0};
    unsigned failed = 0;

    for (uint64_t i = 0; seconds > 0 ? time(NULL) < end : i < count; i++) {
        struct verdict v = run_seed(first + i, mode, verbose);

        add_counts(&sum, &v.counts);
        sum.runs = i + 1; /* one that aborted has no counts */
        if (mode == MODE_NEGATIVE && v.lost_mail) {
            printf("without syncs mail is lost: seed %" PRIu64 "\n1 passed, 0 failed\n", first + i);
            return 0;
        }
        if (mode == MODE_TWICE && !v.failed)
            v.failed = !is_same_twice(first + i, &v);
        if (v.failed && mode != MODE_NEGATIVE) {
            failed++;
            chain_addf(&failures, " %" PRIu64, first + i);
        }
    }
    print_counts(&sum);
    if (failed > 0)
        printf("failed seeds:%.*s\n", (int)failures.len, chain_flat(&failures).at);
    chain_free(&failures);
    if (mode == MODE_NEGATIVE) {
        printf("without syncs nothing was lost: this test is blind\n0 passed, 1 failed\n");
        return 1;
    }
    printf("%" PRIu64 " passed, %u failed\n", sum.runs - failed, failed);
    return failed > 0;
}

static uint64_t number_of(const char *text, uint64_t otherwise)
{
    uint64_t number;

    return text != NULL && number_parse(span_str(text), UINT64_MAX, &number) ? number : otherwise;
}

int main(int argc, char **argv)
{
    enum mode mode = MODE_RUN;
    bool verbose = false;
    uint64_t first, count;
    int option;

    while ((option = getopt(argc, argv, "vtnc")) != -1) {
        if (option == '?')
            return 2;
        verbose |= option == 'v';
        mode = option == 't'   ? MODE_TWICE
               : option == 'n' ? MODE_NEGATIVE
               : option == 'c' ? MODE_CROWD
                               : mode;
    }
    first = number_of(optind < argc ? argv[optind] : NULL, 1);
    count = number_of(optind + 1 < argc ? argv[optind + 1] : NULL, SEEDS);
    if (mode == MODE_RUN)
        count = number_of(getenv("SIM_SEEDS"), count);
    return run_all(first, count, mode == MODE_RUN ? number_of(getenv("SIM_SECONDS"), 0) : 0, mode,
                   verbose);
}
