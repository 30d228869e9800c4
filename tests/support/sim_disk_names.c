/* The names on a simulated disk, and which of their changes are durable. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "tests/support/sim_disk_private.h"

void sim_path_clean(const char *path, char clean_r[SIM_PATH_SIZE])
{
    size_t len = 0;

    while (*path != '\0') {
        size_t part = strcspn(path, "/");

        if (part == 2 && strncmp(path, "..", 2) == 0) {
            while (len > 0 && clean_r[--len] != '/')
                ;
        } else if (part > 0 && !(part == 1 && *path == '.')) {
            ensure(len + part + 2 < SIM_PATH_SIZE);
            clean_r[len++] = '/';
            memcpy(clean_r + len, path, part);
            len += part;
        }
        path += part;
        path += strspn(path, "/");
    }
    clean_r[len] = '\0';
}

void sim_path_parent(const char *path, char parent_r[SIM_PATH_SIZE])
{
    size_t len = strlen(path);

    while (len > 0 && path[--len] != '/')
        ;
    memcpy(parent_r, path, len);
    parent_r[len] = '\0';
}

struct sim_entry *sim_names_find(const struct sim_names *n, const char *path)
{
    uint32_t hash = crc32c(0, path, strlen(path));

    for (size_t i = 0; i < n->count; i++) {
        if (n->at[i].hash == hash && strcmp(n->at[i].path, path) == 0)
            return &n->at[i];
    }
    return NULL;
}

uint32_t sim_path_hash(const char *path)
{
    return crc32c(0, path, strlen(path));
}

static uint32_t parent_hash(const char *path)
{
    const char *slash = strrchr(path, '/');

    return crc32c(0, path, slash != NULL ? (size_t)(slash - path) : 0);
}

void sim_names_add(struct sim_names *n, const char *path, struct sim_inode *inode)
{
    if (n->count == n->size) {
        n->size = n->size == 0 ? 512 : n->size * 2;
        n->at = xrealloc(n->at, n->size * sizeof(*n->at));
    }
    n->at[n->count++] =
        (struct sim_entry){xstrdup(path), sim_path_hash(path), parent_hash(path), inode};
}

void sim_names_put(struct sim_names *n, const char *path, struct sim_inode *inode)
{
    struct sim_entry *e = sim_names_find(n, path);

    if (e != NULL)
        e->inode = inode;
    else
        sim_names_add(n, path, inode);
}

void sim_names_remove(struct sim_names *n, const char *path)
{
    struct sim_entry *e = sim_names_find(n, path);

    if (e == NULL)
        return;
    free(e->path);
    *e = n->at[--n->count];
}

void sim_names_free(struct sim_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->at[i].path);
    free(n->at);
    *n = (struct sim_names){0};
}

struct sim_inode *sim_find(const struct sim_disk *d, const char *path)
{
    struct sim_entry *e = sim_names_find(&d->live, path);

    return e != NULL ? e->inode : NULL;
}

static bool path_move(char **path, const char *from, const char *to)
{
    size_t len = strlen(from), size;
    char *moved;

    if (*path == NULL || strncmp(*path, from, len) != 0 ||
        ((*path)[len] != '/' && (*path)[len] != '\0'))
        return false;
    size = strlen(to) + strlen(*path) - len + 1;
    moved = xmalloc(size);
    (void)snprintf(moved, size, "%s%s", to, *path + len);
    free(*path);
    *path = moved;
    return true;
}

void sim_names_move(struct sim_names *n, const char *from, const char *to)
{
    for (size_t i = 0; i < n->count; i++) {
        struct sim_entry *e = &n->at[i];

        if (path_move(&e->path, from, to)) {
            e->hash = sim_path_hash(e->path);
            e->parent_hash = parent_hash(e->path);
        }
    }
}

void sim_operation_move(struct sim_operation *o, const char *from, const char *to)
{
    (void)path_move(&o->dir, from, to);
    (void)path_move(&o->path, from, to);
    (void)path_move(&o->to, from, to);
}

static void names_remove_below(struct sim_names *n, const char *dir)
{
    size_t len = strlen(dir);

    for (size_t i = n->count; i-- > 0;) {
        if (strncmp(n->at[i].path, dir, len) == 0 && n->at[i].path[len] == '/') {
            free(n->at[i].path);
            n->at[i] = n->at[--n->count];
        }
    }
}

void sim_operation_apply(struct sim_names *n, const struct sim_operation *o)
{
    if (o->kind == SIM_LINK) {
        sim_names_put(n, o->path, o->inode);
    } else if (o->kind == SIM_UNLINK) {
        sim_names_remove(n, o->path);
    } else {
        sim_names_remove(n, o->path);
        if (o->inode->is_dir) {
            names_remove_below(n, o->to);
            sim_names_move(n, o->path, o->to);
        }
        sim_names_put(n, o->to, o->inode);
    }
}

void sim_operation_free(struct sim_operation *o)
{
    free(o->dir);
    free(o->path);
    free(o->to);
}

void sim_change_name(struct sim_disk *d, enum sim_operation_kind kind, const char *path,
                     const char *to, struct sim_inode *inode)
{
    char dir[SIM_PATH_SIZE];
    struct sim_operation o = {.kind = kind, .inode = inode};

    sim_path_parent(path, dir);
    o.dir = xstrdup(dir);
    o.path = xstrdup(path);
    o.to = to != NULL ? xstrdup(to) : NULL;
    sim_operation_apply(&d->live, &o);
    /* What waits inside a directory that is renamed waits inside it still. */
    for (size_t i = 0; kind == SIM_RENAME && inode->is_dir && i < d->pending_count; i++) {
        if (strcmp(d->pending[i].path, path) != 0)
            sim_operation_move(&d->pending[i], path, to);
    }
    if (d->pending_count == d->pending_size) {
        d->pending_size = d->pending_size == 0 ? 64 : d->pending_size * 2;
        d->pending = xrealloc(d->pending, d->pending_size * sizeof(*d->pending));
    }
    d->pending[d->pending_count++] = o;
}

void sim_sync_names(struct sim_disk *d, const char *dir)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->pending_count; i++) {
        struct sim_operation *o = &d->pending[i];

        if (strcmp(o->dir, dir) == 0) {
            sim_operation_apply(&d->durable, o);
            sim_operation_free(o);
        } else {
            d->pending[kept++] = *o;
        }
    }
    d->pending_count = kept;
}
