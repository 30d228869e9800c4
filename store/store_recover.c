/*
 * Recovery: the index is opened beside the log, made again from the log when it is not there or
 * not to be trusted, and brought up to the log's end.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "store/store_private.h"

enum {
    BAD_MAX = 3, /* damaged indexes kept aside: each takes the room of one */
};

static void path_of(const struct store *s, const char *name, char path_r[STORE_PATH_MAX])
{
    int len = snprintf(path_r, STORE_PATH_MAX, "%s/%s", s->path, name);

    ensure(len > 0 && len < STORE_PATH_MAX);
}

static enum store_status open_at(struct store *s, const char *name)
{
    char path[STORE_PATH_MAX];
    struct index_config config = {
        .path = path,
        .map_size = s->config.map_size,
        .readers = STORE_READERS_MAX,
        .read_only = s->config.read_only_check,
        .say = s->config.say,
        .context = s->config.context,
    };

    path_of(s, name, path);
    return index_open(&config, &s->index);
}

/* Whether it is this log's, and where it stands. */
static enum store_status identify(struct store *s, struct journal_mark *mark_r)
{
    struct index_txn *txn;
    enum store_status status = index_read_begin(s->index, &txn);

    if (status != STORE_OK)
        return status;
    status = index_identify(txn, journal_store_id(s->journal));
    if (status == STORE_OK) {
        *mark_r = index_mark(txn);
        status = index_status(txn);
    }
    index_read_end(&txn);
    return status;
}

/* ---- directories ---- */

static bool is_there(const struct store *s, const char *name)
{
    char path[STORE_PATH_MAX];

    path_of(s, name, path);
    return access(path, F_OK) == 0;
}

/* Removes a directory of plain files. */
static void remove_directory(const struct store *s, const char *name)
{
    char path[STORE_PATH_MAX], file[STORE_PATH_MAX + 256];
    struct dirent *entry;
    DIR *directory;

    path_of(s, name, path);
    directory = opendir(path);
    while (directory && (entry = readdir(directory))) {
        int len = snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(file))
            unlink(file);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

static enum store_status rename_in(const struct store *s, const char *from, const char *to)
{
    char from_path[STORE_PATH_MAX], to_path[STORE_PATH_MAX];

    path_of(s, from, from_path);
    path_of(s, to, to_path);
    return rename(from_path, to_path) == 0 ? STORE_OK : STORE_IO;
}

static enum store_status sync_directory(const struct store *s)
{
    int file = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = file < 0 ? -1 : fsync(file);

    if (file >= 0)
        close(file);
    return rc == 0 ? STORE_OK : STORE_IO;
}

static enum store_status set_aside(struct store *s)
{
    char name[32];

    for (unsigned i = 1; i <= BAD_MAX; i++) {
        snprintf(name, sizeof(name), "idx.bad-%u", i);
        if (!is_there(s, name)) {
            store_say(s, "store: the index that was there is kept as %s", name);
            return rename_in(s, "idx", name);
        }
    }
    remove_directory(s, "idx");
    return STORE_OK;
}

/* ---- rebuild ---- */

/* The new index is whole before it takes its name. */
static enum store_status put_in_place(struct store *s)
{
    enum store_status status = is_there(s, "idx") ? set_aside(s) : STORE_OK;

    if (status == STORE_OK)
        status = rename_in(s, "idx.new", "idx");
    if (status == STORE_OK)
        status = sync_directory(s);
    return status == STORE_OK ? open_at(s, "idx") : status;
}

static enum store_status make_index(struct store *s, const struct store_snapshot_found *found)
{
    enum store_status status;

    remove_directory(s, "idx.new");
    status = open_at(s, "idx.new");
    if (status == STORE_OK) {
        status = store_snapshot_load(s, s->index, found);
        index_close(&s->index);
    }
    return status == STORE_OK ? put_in_place(s) : status;
}

/* Without a snapshot all commands since the beginning are needed. */
static bool can_rebuild(struct store *s, const struct store_snapshot_found *found)
{
    if (found->is_there || found->last_seq == 0 || found->first_seq == 1)
        return true;
    store_say(s, "store: the log has no snapshot of the index and no longer its beginning");
    return s->config.salvage;
}

/* `old`: where the index that is there stands, the zero mark when nobody knows. */
static enum store_status rebuild(struct store *s, struct journal_mark old)
{
    struct store_snapshot_found found;
    enum store_status status = store_snapshot_find(s, &found);

    if (status != STORE_OK)
        return status;
    if (found.last_seq < old.seq) {
        store_say(s, "store: the index knows batch %llu, the log ends at %llu: the log is damaged",
                  (unsigned long long)old.seq, (unsigned long long)found.last_seq);
        return s->config.salvage ? open_at(s, "idx") : STORE_CORRUPT;
    }
    if (!can_rebuild(s, &found))
        return STORE_CORRUPT;
    if (found.last_seq > 0)
        store_say(s, "store: making the index again from %s",
                  found.is_there ? "the newest snapshot in the log" : "the beginning of the log");
    return make_index(s, &found);
}

/* An index in which nothing was applied yet is good for a log that is there from its beginning. */
static bool is_beginning(struct store *s)
{
    struct store_snapshot_found found;

    return store_snapshot_find(s, &found) == STORE_OK && !found.is_there && found.first_seq <= 1;
}

/* An index from before the newest snapshot (a restored copy) is no good when segments behind it
 * were recycled since. A gap behind the newest snapshot is damage, which the replay will tell. */
static bool is_outlived(struct store *s, struct journal_mark mark)
{
    struct store_snapshot_found found;

    return !journal_is_unbroken(s->journal, mark) && store_snapshot_find(s, &found) == STORE_OK &&
           found.is_there && found.mark.seq > mark.seq;
}

static bool can_go_on(struct store *s, struct journal_mark mark)
{
    if (mark.seq == 0)
        return is_beginning(s);
    return journal_has(s->journal, mark) && !is_outlived(s, mark);
}

/* What is written from now on older programs cannot read. */
static enum store_status upgrade(struct store *s)
{
    struct index_txn *txn;
    enum store_status status;

    if (s->config.read_only_check)
        return STORE_OK;
    status = index_write_begin(s->index, &txn);
    if (status != STORE_OK)
        return status;
    if (!index_is_older(txn)) {
        index_abort(&txn);
        return STORE_OK;
    }
    index_identify_write(txn, journal_store_id(s->journal));
    return index_commit(&txn);
}

enum store_status store_recover_index(struct store *s)
{
    struct journal_mark mark = {0};
    enum store_status status = STORE_NOT_FOUND;

    if (is_there(s, "idx/data.mdb"))
        status = open_at(s, "idx");
    if (status == STORE_OK)
        status = identify(s, &mark);
    if (status == STORE_OK && can_go_on(s, mark))
        return upgrade(s);
    if (s->index)
        index_close(&s->index);
    if (s->config.read_only_check)
        return status == STORE_OK ? STORE_CORRUPT : status;
    if (status == STORE_OK || status == STORE_NOT_FOUND || status == STORE_CORRUPT)
        return rebuild(s, mark);
    return status;
}

/* ---- replay ---- */

static enum store_status replay_batch(void *context, const struct journal_batch *batch)
{
    struct store *s = context;
    enum store_status status = applier_replay(s->applier, batch);

    if (status == STORE_CORRUPT) {
        index_condemn(s->index);
        s->is_condemned = true;
    }
    return status;
}

enum store_status store_recover_replay(struct store *s)
{
    enum store_status status =
        journal_recover(s->journal, applier_mark(s->applier), replay_batch, s);

    return status == STORE_OK ? applier_replay_end(s->applier) : status;
}
