#include "store/index/index_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/index/index_file.h"

enum {
    MISSING_PAGES_MAX = 65536, /* given back at the end of the file, and so never written */
};

static const char *const table_names[INDEX_TABLES] = {
    [INDEX_META] = "meta",   [INDEX_ACCT] = "acct",     [INDEX_KW] = "kw",
    [INDEX_MBOX] = "mbox",   [INDEX_NAME] = "name",     [INDEX_MSG] = "msg",
    [INDEX_VAN] = "van",     [INDEX_CHG] = "chg",       [INDEX_BODY] = "body",
    [INDEX_SEG] = "seg",     [INDEX_SUB] = "sub",       [INDEX_DEAD] = "dead",
    [INDEX_Q_MSG] = "q_msg", [INDEX_Q_RCPT] = "q_rcpt", [INDEX_Q_DUE] = "q_due",
};

struct index {
    MDB_env *env;
    MDB_dbi tables[INDEX_TABLES];
    bool is_missing[INDEX_TABLES]; /* read_only: an older program made the file */
    struct index_config config;
    char *path, *bad_path; /* bad_path: of the note that condemns it */
    bool is_usable;        /* it was opened whole */
    uint32_t page_size;
};

/* Where LMDB's mapping lies, for a handler of signals: see index_condemn_at(). Written while one
 * thread opens or closes. */
static uintptr_t mapped_from, mapped_to;
static char mapped_bad_path[4096 + 16];

struct index_txn {
    struct index *index;
    MDB_txn *txn;
    MDB_cursor *cursors[INDEX_TABLES];
    bool is_fresh[INDEX_TABLES]; /* the cursor belongs to the current life of a read transaction */
    bool is_write;
    enum store_status status;
    /* Writing: the highest key of a table, so that rows behind it are appended (full pages instead
     * of halves, no search). */
    bool has_last[INDEX_TABLES];
    unsigned last_len[INDEX_TABLES];
    char last[INDEX_TABLES][INDEX_KEY_MAX];
};

static enum store_status status_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STORE_OK;
    case MDB_NOTFOUND:
    case ENOENT:
        return STORE_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case MDB_READERS_FULL:
    case MDB_MAP_FULL:
        return STORE_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
    case MDB_INCOMPATIBLE:
        return STORE_CORRUPT;
    default:
        return STORE_IO;
    }
}

static void say(const struct index *index, const char *what, int rc)
{
    char line[256];

    if (!index->config.say)
        return;
    snprintf(line, sizeof(line), "index: %s: %s", what, mdb_strerror(rc));
    index->config.say(index->config.context, line);
}

static enum store_status failed(struct index_txn *t, const char *what, int rc)
{
    if (t->status == STORE_OK) {
        t->status = status_of(rc);
        if (t->status == STORE_NOT_FOUND)
            t->status = STORE_CORRUPT;
        if (t->status == STORE_CORRUPT)
            index_condemn(t->index);
        say(t->index, what, rc);
    }
    return t->status;
}

/* ---- the environment ---- */

static char *path_in(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = xmalloc(size);

    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* Only calls that a handler of signals may make. */
static void condemn(const char *bad_path)
{
    int file = open(bad_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (file >= 0)
        close(file);
}

void index_condemn(const struct index *index)
{
    condemn(index->bad_path);
}

void index_condemn_at(const void *address)
{
    if ((uintptr_t)address >= mapped_from && (uintptr_t)address < mapped_to)
        condemn(mapped_bad_path);
}

static uintptr_t hex_take(const char **at)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit;
    uintptr_t number = 0;

    for (; **at != '\0' && (digit = strchr(digits, **at)) != NULL; ++*at)
        number = number << 4 | (uintptr_t)(digit - digits);
    return number;
}

/* One line of /proc/self/maps, "from-to ... path": whether it is the mapping of `path`. */
static bool maps_line_is(const char *line, const char *path, uintptr_t *from_r, uintptr_t *to_r)
{
    const char *at = strchr(line, '/');
    size_t len = strlen(path);

    if (!at || strncmp(at, path, len) != 0 || at[len] != '\n')
        return false;
    *from_r = hex_take(&line);
    if (*line++ != '-')
        return false;
    *to_r = hex_take(&line);
    return true;
}

/* LMDB does not tell where its mapping lies, but the kernel does. */
static void remember_mapping(const struct index *index)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128], real[PATH_MAX];
    char *path = path_in(index->path, "data.mdb");

    mapped_to = 0;
    while (maps && realpath(path, real) && fgets(line, sizeof(line), maps)) {
        if (maps_line_is(line, real, &mapped_from, &mapped_to)) {
            snprintf(mapped_bad_path, sizeof(mapped_bad_path), "%s", index->bad_path);
            break;
        }
    }
    if (maps)
        fclose(maps);
    free(path);
}

/* LMDB ends the process after this. */
static void assertion_failed(MDB_env *env, const char *text)
{
    const struct index *index = mdb_env_get_userctx(env);

    index_condemn(index);
    if (index->config.say)
        index->config.say(index->config.context, text);
}

static int open_tables(struct index *index)
{
    MDB_txn *txn;
    unsigned flags = index->config.read_only ? 0 : MDB_CREATE;
    int rc = mdb_txn_begin(index->env, NULL, index->config.read_only ? MDB_RDONLY : 0, &txn);

    for (unsigned i = 0; rc == 0 && i < INDEX_TABLES; i++) {
        rc = mdb_dbi_open(txn, table_names[i], flags, &index->tables[i]);
        index->is_missing[i] = rc == MDB_NOTFOUND && i > INDEX_SEG;
        if (index->is_missing[i])
            rc = 0;
        if (rc != 0)
            mdb_txn_abort(txn);
    }
    return rc != 0 ? rc : mdb_txn_commit(txn);
}

/* A file that was cut short would end us by a signal where it is read behind its end. Made as long
 * as it says that it is, the missing pages are zeros, which LMDB calls corrupt. A short file can
 * also be in order: pages at its end that were given back are never written. */
static int lengthen(struct index *index)
{
    MDB_envinfo info;
    MDB_stat env;
    struct stat file;
    off_t len;
    int fd, rc = mdb_env_get_fd(index->env, &fd);

    if (rc == 0)
        rc = mdb_env_info(index->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(index->env, &env);
    if (rc != 0)
        return rc;
    if (fstat(fd, &file) != 0)
        return errno;
    if (info.me_last_pgno > (uint64_t)file.st_size / env.ms_psize + MISSING_PAGES_MAX)
        return MDB_CORRUPTED;
    len = (off_t)(info.me_last_pgno + 1) * env.ms_psize;
    return file.st_size >= len || ftruncate(fd, len) == 0 ? 0 : errno;
}

static int open_env(struct index *index)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    MDB_stat stat;
    int dead;
    int rc = mdb_env_create(&index->env);

    if (rc != 0)
        return rc;
    if (index->config.read_only)
        flags |= MDB_RDONLY | MDB_NOLOCK;
    mdb_env_set_userctx(index->env, index);
    mdb_env_set_assert(index->env, assertion_failed);
    rc = mdb_env_set_mapsize(index->env, index->config.map_size);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(index->env, index->config.readers);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(index->env, INDEX_TABLES);
    if (rc == 0)
        rc = mdb_env_open(index->env, index->path, flags, 0600);
    if (rc == 0 && !index->config.read_only)
        rc = mdb_reader_check(index->env, &dead);
    if (rc == 0 && !index->config.read_only)
        rc = lengthen(index);
    if (rc == 0)
        rc = open_tables(index);
    if (rc == 0 && mdb_env_stat(index->env, &stat) == 0)
        index->page_size = stat.ms_psize;
    return rc;
}

/* Whether what lies there may be given to LMDB. STORE_NOT_FOUND: there is nothing yet. */
static enum store_status look_at_file(const struct index *index)
{
    enum store_status status =
        access(index->bad_path, F_OK) == 0 ? STORE_CORRUPT : index_file_headers(index->path);

    if (status == STORE_OK)
        status = index_file_sealed(index->path);
    if (status == STORE_CORRUPT)
        say(index, "is not as it was left", MDB_CORRUPTED);
    if (status == STORE_OK && !index->config.read_only)
        status = index_file_unseal(index->path);
    return status;
}

static enum store_status start(struct index *index)
{
    enum store_status status = look_at_file(index);
    int rc;

    if (status != STORE_OK && (status != STORE_NOT_FOUND || index->config.read_only))
        return status;
    rc = open_env(index);
    if (rc != 0 && rc != ENOENT)
        say(index, "cannot be opened", rc);
    return status_of(rc);
}

enum store_status index_open(const struct index_config *config, struct index **index_r)
{
    struct index *index;
    enum store_status status;

    if (!config->read_only && mkdir(config->path, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC ? STORE_FULL : STORE_IO;
    index = xcalloc(1, sizeof(*index));
    index->config = *config;
    index->path = xstrdup(config->path);
    index->bad_path = path_in(config->path, "BAD");
    status = start(index);
    if (status != STORE_OK) {
        index_close(&index);
        return status;
    }
    index->is_usable = true;
    remember_mapping(index);
    *index_r = index;
    return STORE_OK;
}

void index_close(struct index **index)
{
    struct index *x = *index;

    mapped_to = 0;
    if (x->env)
        mdb_env_close(x->env);
    if (x->is_usable && !x->config.read_only)
        index_file_seal(x->path);
    free(x->bad_path);
    free(x->path);
    free(x);
    *index = NULL;
}

uint64_t index_bytes(const struct index *index)
{
    MDB_envinfo info;

    if (mdb_env_info(index->env, &info) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * index->page_size;
}

/* ---- transactions ---- */

static enum store_status txn_begin(struct index *index, bool is_write, struct index_txn **txn_r)
{
    struct index_txn *t = xcalloc(1, sizeof(*t));
    int rc = mdb_txn_begin(index->env, NULL, is_write ? 0 : MDB_RDONLY, &t->txn);

    if (rc != 0) {
        say(index, "no transaction", rc);
        free(t);
        return status_of(rc);
    }
    t->index = index;
    t->is_write = is_write;
    *txn_r = t;
    return STORE_OK;
}

/* Cursors of a write transaction are closed before it ends (LMDB frees what they point at). */
static void cursors_close(struct index_txn *t)
{
    for (unsigned i = 0; i < INDEX_TABLES; i++) {
        if (t->cursors[i])
            mdb_cursor_close(t->cursors[i]);
        t->cursors[i] = NULL;
    }
}

enum store_status index_write_begin(struct index *index, struct index_txn **txn_r)
{
    return txn_begin(index, true, txn_r);
}

enum store_status index_commit(struct index_txn **txn)
{
    struct index_txn *t = *txn;
    int rc;

    ensure(t->is_write);
    if (t->status != STORE_OK) {
        enum store_status status = t->status;
        index_abort(txn);
        return status;
    }
    cursors_close(t);
    rc = mdb_txn_commit(t->txn);
    if (rc != 0)
        say(t->index, "cannot be written", rc);
    free(t);
    *txn = NULL;
    return status_of(rc);
}

void index_abort(struct index_txn **txn)
{
    cursors_close(*txn);
    mdb_txn_abort((*txn)->txn);
    free(*txn);
    *txn = NULL;
}

enum store_status index_read_begin(struct index *index, struct index_txn **txn_r)
{
    return txn_begin(index, false, txn_r);
}

void index_read_park(struct index_txn *t)
{
    ensure(!t->is_write);
    mdb_txn_reset(t->txn);
    for (unsigned i = 0; i < INDEX_TABLES; i++)
        t->is_fresh[i] = false;
    t->status = STORE_OK;
}

enum store_status index_read_renew(struct index_txn *t)
{
    int rc = mdb_txn_renew(t->txn);

    return rc == 0 ? STORE_OK : failed(t, "transaction cannot be renewed", rc);
}

void index_read_end(struct index_txn **txn)
{
    index_abort(txn);
}

enum store_status index_status(const struct index_txn *t)
{
    return t->status;
}

void index_damaged(struct index_txn *t, const char *what)
{
    failed(t, what, MDB_CORRUPTED);
}

/* ---- rows ---- */

static MDB_val val_of(struct span s)
{
    return (MDB_val){s.len, (void *)(uintptr_t)s.at};
}

static struct span span_of(MDB_val v)
{
    return (struct span){v.mv_data, v.mv_size};
}

bool index_get(struct index_txn *t, enum index_table table, struct span key, struct span *value_r)
{
    MDB_val k = val_of(key), v;
    int rc = t->status == STORE_OK && !t->index->is_missing[table]
                 ? mdb_get(t->txn, t->index->tables[table], &k, &v)
                 : MDB_NOTFOUND;

    if (rc == 0)
        *value_r = span_of(v);
    else if (rc != MDB_NOTFOUND)
        failed(t, "cannot be read", rc);
    return rc == 0;
}

static MDB_cursor *cursor_of(struct index_txn *t, enum index_table table)
{
    int rc = 0;

    if (!t->cursors[table])
        rc = mdb_cursor_open(t->txn, t->index->tables[table], &t->cursors[table]);
    else if (!t->is_write && !t->is_fresh[table])
        rc = mdb_cursor_renew(t->txn, t->cursors[table]);
    if (rc != 0) {
        failed(t, "no cursor", rc);
        return NULL;
    }
    t->is_fresh[table] = true;
    return t->cursors[table];
}

static bool cursor_get(struct index_txn *t, enum index_table table, MDB_cursor_op op, MDB_val *k,
                       MDB_val *v)
{
    bool is_there = t->status == STORE_OK && !t->index->is_missing[table];
    MDB_cursor *cursor = is_there ? cursor_of(t, table) : NULL;
    int rc = cursor ? mdb_cursor_get(cursor, k, v, op) : MDB_NOTFOUND;

    if (rc != 0 && rc != MDB_NOTFOUND)
        failed(t, "cannot be read", rc);
    return rc == 0;
}

bool index_seek(struct index_txn *t, enum index_table table, struct span key, struct span *key_r,
                struct span *value_r)
{
    MDB_val k = val_of(key.len ? key : (struct span){"", 1}), v; /* LMDB knows no empty key */

    if (!cursor_get(t, table, MDB_SET_RANGE, &k, &v))
        return false;
    *key_r = span_of(k);
    *value_r = span_of(v);
    return true;
}

bool index_next(struct index_txn *t, enum index_table table, struct span *key_r,
                struct span *value_r)
{
    MDB_val k, v;

    if (!cursor_get(t, table, MDB_NEXT, &k, &v))
        return false;
    *key_r = span_of(k);
    *value_r = span_of(v);
    return true;
}

static void last_remember(struct index_txn *t, enum index_table table, struct span key)
{
    ensure(key.len <= INDEX_KEY_MAX);
    memcpy(t->last[table], key.at, key.len);
    t->last_len[table] = (unsigned)key.len;
    t->has_last[table] = true;
}

/* True when `key` lies behind every key of the table. */
static bool is_behind_last(struct index_txn *t, enum index_table table, struct span key)
{
    MDB_val k, v;
    size_t common;
    int order;

    if (!t->has_last[table]) {
        if (cursor_get(t, table, MDB_LAST, &k, &v))
            last_remember(t, table, span_of(k));
        else
            last_remember(t, table, SPAN(""));
    }
    common = key.len < t->last_len[table] ? key.len : t->last_len[table];
    order = memcmp(key.at, t->last[table], common);
    return order > 0 || (order == 0 && key.len > t->last_len[table]);
}

void index_put(struct index_txn *t, enum index_table table, struct span key, struct span value)
{
    MDB_val k = val_of(key), v = val_of(value);
    bool append;
    int rc;

    ensure(t->is_write);
    if (t->status != STORE_OK)
        return;
    append = is_behind_last(t, table, key);
    rc = mdb_put(t->txn, t->index->tables[table], &k, &v, append ? MDB_APPEND : 0);
    if (rc != 0)
        failed(t, "cannot be written", rc);
    else if (append)
        last_remember(t, table, key);
}

uint64_t index_rows(struct index_txn *t, enum index_table table)
{
    MDB_stat stat;

    if (t->status != STORE_OK || t->index->is_missing[table] ||
        mdb_stat(t->txn, t->index->tables[table], &stat) != 0)
        return 0;
    return stat.ms_entries;
}

void index_delete(struct index_txn *t, enum index_table table, struct span key)
{
    MDB_val k = val_of(key);
    int rc;

    ensure(t->is_write);
    if (t->status != STORE_OK)
        return;
    rc = mdb_del(t->txn, t->index->tables[table], &k, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        failed(t, "cannot be written", rc);
    /* The highest row may be gone; a key that is too high only costs a search, so it stays. */
}
