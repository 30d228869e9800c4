#include "tests/sim/sim_world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "store/store.h"
#include "tests/sim/sim_folders.h"
#include "tests/sim/sim_model.h"
#include "tests/support/sim_io.h"

enum {
    WORLD_PATH_MAX = 512,
    WORLD_MAP_SIZE = 64 << 20,
    WORLD_SEGMENT_SIZE = 1 << 20,
};

/* ---- real files ---- */

struct index_file {
    struct index_file *next;
    char path[WORLD_PATH_MAX];
    size_t len;
    char bytes[];
};
struct index_copy {
    struct index_file *files;
};

static void each_file(const char *directory, void (*each)(void *context, const char *path),
                      void *context)
{
    DIR *d = opendir(directory);
    const struct dirent *entry;
    char path[WORLD_PATH_MAX];

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        ensure(snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < WORLD_PATH_MAX);
        each(context, path);
    }
    if (d != NULL)
        closedir(d);
}

/* The lock file is memory of processes that are gone. */
static void copy_file(void *context, const char *path)
{
    struct index_copy *copy = context;
    struct index_file *file;
    struct stat info;
    FILE *f;

    if (strstr(path, "lock.mdb") != NULL)
        return;
    ensure(stat(path, &info) == 0);
    file = xmalloc(sizeof(*file) + (size_t)info.st_size);
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    file->len = (size_t)info.st_size;
    f = fopen(path, "rb");
    ensure(f != NULL && fread(file->bytes, 1, file->len, f) == file->len);
    fclose(f);
    file->next = copy->files;
    copy->files = file;
}

static void copy_directory(void *context, const char *path)
{
    each_file(path, copy_file, context);
}

static struct index_copy *copy_take(void)
{
    struct index_copy *copy = xcalloc(1, sizeof(*copy));

    each_file(WORLD_STORE, copy_directory, copy);
    return copy;
}

static void copy_free(struct index_copy **copy)
{
    while (*copy != NULL && (*copy)->files != NULL) {
        struct index_file *file = (*copy)->files;
        (*copy)->files = file->next;
        free(file);
    }
    free(*copy);
    *copy = NULL;
}

static void remove_file(void *context, const char *path)
{
    (void)context;
    ensure(unlink(path) == 0);
}

static void remove_directory(void *context, const char *path)
{
    each_file(path, remove_file, context);
    ensure(rmdir(path) == 0);
}

static void copy_restore(const struct index_copy *copy)
{
    each_file(WORLD_STORE, remove_directory, NULL);
    for (const struct index_file *file = copy->files; file != NULL; file = file->next) {
        char directory[WORLD_PATH_MAX];
        FILE *f;

        (void)snprintf(directory, sizeof(directory), "%s", file->path);
        *strrchr(directory, '/') = '\0';
        ensure(mkdir(directory, 0700) == 0 || errno == EEXIST);
        f = fopen(file->path, "wb");
        ensure(f != NULL && fwrite(file->bytes, 1, file->len, f) == file->len && fclose(f) == 0);
    }
}

/* ---- cuts ---- */

static void cut(struct world *w, const char *when)
{
    struct run *r = w->run;
    enum sim_cut how = (enum sim_cut)run_dice(r, 3);
    uint64_t seed = run_dice(r, UINT64_MAX);

    w->cut_at = 0;
    w->cut_is_kill = !w->without_sync && run_one_in(r, 6);
    run_trace(r, "%s after operation %llu (%s)", w->cut_is_kill ? "KILL" : "POWER CUT",
              (unsigned long long)sim_disk_operations(w->disk), when);
    r->counts.cuts += !w->cut_is_kill;
    r->counts.kills += w->cut_is_kill;
    w->image =
        w->cut_is_kill ? sim_disk_after_kill(w->disk) : sim_disk_after_cut(w->disk, how, seed);
    w->image_index = copy_take();
}

static void after_operation(void *context, const char *what)
{
    struct world *w = context;

    if (w->image != NULL)
        return;
    if (w->meanwhile != NULL)
        w->meanwhile(w->context);
    if (w->cut_at != 0 && sim_disk_operations(w->disk) >= w->cut_at &&
        (!w->cut_in_write || strcmp(what, "write") == 0))
        cut(w, what);
}

void world_cut_soon(struct world *w, uint64_t operations)
{
    w->cut_at = sim_disk_operations(w->disk) + 1 + run_dice(w->run, operations);
    w->cut_in_write = run_one_in(w->run, 2);
}

void world_cut_now(struct world *w, const char *when)
{
    if (w->image == NULL)
        cut(w, when);
}

bool world_was_cut(const struct world *w)
{
    return w->image != NULL;
}

void world_keep_index(struct world *w)
{
    copy_free(&w->old_index);
    w->old_index = copy_take();
}

/* ---- lives ---- */

static void write_users(void)
{
    FILE *f = fopen(WORLD_ROOT "/users", "w");

    ensure(f != NULL);
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++)
        fprintf(f, "%s@sim.example:{PLAIN}%s-secret:::::\n", model_account_names[i],
                model_account_names[i]);
    fprintf(f, FOLDERS_ACCOUNT "@sim.example:{PLAIN}" FOLDERS_ACCOUNT "-secret:::::\n");
    ensure(fclose(f) == 0);
}

static void heard_log(void *context, struct span line)
{
    run_trace_log(context, line);
}

void world_begin(struct world *w, struct run *run, bool without_sync)
{
    *w = (struct world){.run = run, .without_sync = without_sync};
    w->disk = sim_disk_new(WORLD_ROOT, run_dice(run, UINT64_MAX));
    sim_disk_hook(w->disk, after_operation, w);
    ensure(mkdir(WORLD_STORE, 0700) == 0);
    write_users();
    log_capture(heard_log, run);
}

void world_end(struct world *w)
{
    log_capture(NULL, NULL);
    copy_free(&w->image_index);
    copy_free(&w->old_index);
    sim_disk_free(&w->image);
    sim_disk_free(&w->disk);
    each_file(WORLD_STORE, remove_directory, NULL);
    ensure(rmdir(WORLD_STORE) == 0 && unlink(WORLD_ROOT "/users") == 0);
}

static struct config *make_config(void)
{
    static const char *const settings[] = {
        "myhostname=sim.example",
        "mydestination=sim.example",
        "smtp_listen=127.0.0.1:25",
        "lmtp_listen=127.0.0.1:24",
        "imap_listen=127.0.0.1:143",
        "pop3_listen=127.0.0.1:110",
        "submission_listen=",
        "submissions_listen=",
        "imaps_listen=",
        "pop3s_listen=",
        "mail_store_directory=" WORLD_STORE, /* NOLINT: two parts of one word */
        "users_file=" WORLD_ROOT "/users",
        "store_segment_size=1m",
        "store_map_size=64m",
        "store_free_min=1m",
        "lda_mailbox_autocreate=yes",
        "login_trusted_networks=0.0.0.0/0",
        "smtpd_client_connection_count_limit=1000",
        "mail_max_userip_connections=1000",
        "imap_search_slice_time=1ms",
    };
    struct chain why = {0};
    struct config *config = config_load(NULL, settings, COUNT_OF(settings), &why);

    if (config == NULL)
        printf("%.*s\n", (int)why.len, chain_flat(&why).at);
    ensure(config != NULL);
    chain_free(&why);
    return config;
}

static int listen_at(void *context, const char *service, const struct config_place *place)
{
    const struct world *w = context;

    (void)service;
    return sim_listen(w->run->sim, place->port);
}

void world_start(struct world *w)
{
    struct gateway_options options = {.config = make_config(),
                                      .manual = true,
                                      .backend = &backend_sim,
                                      .disk = sim_disk_table(w->disk),
                                      .without_sync = w->without_sync,
                                      .listen = listen_at,
                                      .context = w};
    struct chain why = {0};

    run_trace(w->run, "the gateway starts");
    w->gateway = gateway_open(&options, &why);
    if (w->gateway == NULL)
        run_violated(w->run, "LOST: it does not start: %.*s", (int)why.len, chain_flat(&why).at);
    chain_free(&why);
}

/* Which index the next life finds. An older one, or none, is as good only while the log still has
 * all that it needs for them (its first batches, or a snapshot): it says so itself. */
static void choose_index(struct world *w)
{
    struct run *r = w->run;
    struct index_copy none = {0};
    const struct index_copy *chosen = w->image_index;

    if (!w->cut_is_kill && w->old_index != NULL && run_one_in(r, 3))
        chosen = w->old_index;
    else if (!w->cut_is_kill && run_one_in(r, 5))
        chosen = &none;
    copy_restore(chosen);
    if (chosen != w->image_index) {
        r->counts.lost_indexes++;
        run_trace(r, "the index is %s", chosen == &none ? "gone" : "an older one");
    }
    copy_free(&w->image_index);
    copy_free(&w->old_index);
}

void world_stop(struct world *w)
{
    if (w->gateway != NULL)
        gateway_close(&w->gateway);
    w->cut_at = 0;
    model_everybody_left(w->run->model);
    if (w->image == NULL)
        return;
    sim_disk_free(&w->disk);
    w->disk = w->image;
    w->image = NULL;
    sim_disk_hook(w->disk, after_operation, w);
    choose_index(w);
}

static void store_says(void *context, const char *text)
{
    run_trace_log(context, span_str(text));
}

struct store_config world_store_config(struct world *w)
{
    return (struct store_config){.path = WORLD_STORE,
                                 .disk = sim_disk_table(w->disk),
                                 .map_size = WORLD_MAP_SIZE,
                                 .segment_size = WORLD_SEGMENT_SIZE,
                                 .manual = true,
                                 .without_sync = w->without_sync,
                                 .say = store_says,
                                 .context = w->run};
}
