#include "core/gateway/cmd_user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/service/directory_file.h"

#define TEXT(span) (int)(span).len, (span).len > 0 ? (span).at : ""

/* ---- the text ---- */

/* Does the line's name mean this account? */
static bool is_line_of(const struct cmd_user_edit *e, struct span line)
{
    const char *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;
    struct span name = span_first(line, colon ? (size_t)(colon - line.at) : 0);
    struct span account = e->account;
    const char *at = memchr(account.at, '@', account.len);
    size_t local_len = (size_t)(at - account.at);

    if (!colon || name.len == 0 || line.at[0] == '#')
        return false;
    if (memchr(name.at, '@', name.len))
        return span_eq_nocase(name, account);
    return span_eq_nocase(name, span_first(account, local_len)) &&
           span_eq_nocase(span_after(account, local_len + 1), span_str(e->first_domain));
}

/* Name and field, then what the old line had behind its field. */
static void add_line(const struct cmd_user_edit *e, struct span old, struct chain *out)
{
    const char *colon;
    struct span rest = {0};

    chain_add(out, e->account);
    chain_add(out, SPAN(":"));
    chain_add(out, e->field);
    if (old.len > 0) {
        colon = memchr(old.at, ':', old.len);
        rest = span_after(old, (size_t)(colon - old.at) + 1);
        colon = rest.len > 0 ? memchr(rest.at, ':', rest.len) : NULL;
        if (colon)
            chain_add(out, span_after(rest, (size_t)(colon - rest.at)));
    }
    chain_add(out, SPAN("\n"));
}

/* The text with the change made. */
static bool change_text(const struct cmd_user_edit *e, struct span text, struct chain *out,
                        struct chain *why)
{
    struct directory_lines lines = {.rest = text};
    struct span line;
    unsigned found = 0;

    while (directory_lines_next(&lines, &line)) {
        if (!is_line_of(e, directory_trim(line))) {
            chain_add(out, line);
            chain_add(out, SPAN("\n"));
            continue;
        }
        found++;
        if (e->change == CMD_USER_PASSWORD && found == 1)
            add_line(e, directory_trim(line), out);
    }
    if (e->change == CMD_USER_ADD && found > 0) {
        chain_addf(why, "%.*s is there already; `ringpost user passwd` changes a password\n",
                   TEXT(e->account));
        return false;
    }
    if (e->change != CMD_USER_ADD && found == 0) {
        chain_addf(why, "there is no %.*s in %s\n", TEXT(e->account), e->path);
        return false;
    }
    if (e->change == CMD_USER_ADD)
        add_line(e, (struct span){0}, out);
    return true;
}

/* ---- the file ---- */

static bool trouble(struct chain *why, const char *path, const char *doing)
{
    chain_addf(why, "%s: %s (%s)\n", path, doing, strerror(errno));
    return false;
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        bytes = span_after(bytes, (size_t)wrote);
    }
    return true;
}

static bool sync_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = xstrdup(slash ? path : ".");
    bool good;
    int fd;

    if (slash)
        directory[slash == path ? 1 : slash - path] = '\0';
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(directory);
    return good;
}

/* Owner and mode of the old file; a new one is its maker's, and its group may read it. */
static bool keep_owner(const struct cmd_user_edit *edit, int fd)
{
    struct stat st;

    if (stat(edit->path, &st) != 0)
        return errno == ENOENT && (!edit->for_group || (fchown(fd, (uid_t)-1, edit->group) == 0 &&
                                                        fchmod(fd, 0640) == 0));
    if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(fd, st.st_uid, st.st_gid) != 0)
        return false;
    return fchmod(fd, st.st_mode & 07777) == 0;
}

/* Written beside, made durable, then renamed: a crash leaves the old file or the new one. */
static bool replace_file(const struct cmd_user_edit *edit, struct span text, struct chain *why)
{
    const char *path = edit->path;
    size_t size = strlen(path) + sizeof(".XXXXXX");
    char *beside = xmalloc(size);
    bool good = false;
    int fd;

    snprintf(beside, size, "%s.XXXXXX", path);
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        good = trouble(why, path, "no file can be made beside it");
        goto out;
    }
    if (!keep_owner(edit, fd) || !write_all(fd, text) || fsync(fd) != 0)
        good = trouble(why, beside, "can't be written");
    else if (rename(beside, path) != 0)
        good = trouble(why, path, "can't be replaced");
    else if (!sync_directory_of(path))
        good = trouble(why, path, "its directory can't be synced");
    else
        good = true;
    close(fd);
    if (!good)
        unlink(beside);
out:
    free(beside);
    return good;
}

/* An open lock, or -1. */
static int lock_open(const char *path, struct chain *why)
{
    size_t size = strlen(path) + sizeof(".lock");
    char *lock = xmalloc(size);
    int fd;

    snprintf(lock, size, "%s.lock", path);
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        trouble(why, lock, "can't be locked");
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(lock);
    return fd;
}

static bool edit_locked(const struct cmd_user_edit *edit, struct chain *why)
{
    struct span text = {0};
    struct chain changed = {0};
    bool good = false;

    if ((edit->change == CMD_USER_ADD && access(edit->path, F_OK) != 0 && errno == ENOENT) ||
        directory_file_read(edit->path, DIRECTORY_FILE_MAX, &text, why))
        good =
            change_text(edit, text, &changed, why) && replace_file(edit, chain_flat(&changed), why);
    chain_free(&changed);
    free((void *)(uintptr_t)text.at);
    return good;
}

bool cmd_user_file_edit(const struct cmd_user_edit *edit, struct chain *why)
{
    struct cmd_user_edit real = *edit;
    char *path = realpath(edit->path, NULL); /* behind links, or they would be replaced */
    bool good = false;
    int lock;

    if (path)
        real.path = path;
    lock = lock_open(real.path, why);
    if (lock >= 0) {
        good = edit_locked(&real, why);
        close(lock);
    }
    free(path);
    return good;
}
