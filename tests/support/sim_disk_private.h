#ifndef TESTS_SUPPORT_SIM_DISK_PRIVATE_H
#define TESTS_SUPPORT_SIM_DISK_PRIVATE_H

/* sim_disk_private: what a simulated disk is made of, for its own files. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "tests/support/sim_disk.h"

enum {
    SIM_PAGE = 4096,
    SIM_VERSIONS_MAX = 6, /* of a page between two syncs; more: the oldest are forgotten */
    SIM_PATH_SIZE = 4096,
};

/* A page that is not as the disk has it. */
struct sim_page {
    char *durable;
    char *versions[SIM_VERSIONS_MAX]; /* written since the last sync; the last is what is seen now.
                                       * None: the kernel says it is clean, and lies. */
    unsigned count;
};

struct sim_inode {
    bool is_dir;
    bool is_locked;
    unsigned maps;
    char *live;
    size_t size, room, durable_size;
    struct sim_page **pages; /* one for each SIM_PAGE of `room`; NULL: clean */
    struct sim_inode *copy;  /* while an image is made */
};

struct sim_entry {
    char *path;
    uint32_t hash, parent_hash; /* of the path, of its directory's */
    struct sim_inode *inode;
};
struct sim_names {
    struct sim_entry *at;
    size_t count, size;
};

enum sim_operation_kind {
    SIM_LINK,
    SIM_UNLINK,
    SIM_RENAME
};
struct sim_operation { /* on names, not yet durable */
    enum sim_operation_kind kind;
    char *dir, *path, *to; /* to: of a rename */
    struct sim_inode *inode;
};

struct sim_handle {
    struct sim_inode *inode; /* NULL: closed */
    char *path;
    bool holds_lock;
};

struct sim_disk {
    struct disk table;
    char *root;
    uint64_t random;
    struct sim_inode **inodes;
    size_t inode_count, inode_size;
    struct sim_names live, durable;
    struct sim_operation *pending;
    size_t pending_count, pending_size;
    struct sim_handle *handles;
    size_t handle_count, handle_size;

    void (*after)(void *context, const char *what);
    void *context;
    bool in_hook;
    uint64_t operations;
    uint64_t fail_at[SIM_FAULT_KINDS];
    uint64_t capacity;
    unsigned short_writes;
};

bool sim_one_in(uint64_t *random, uint64_t n);

/* ---- sim_disk_names.c: paths, directories ---- */
/* Takes out "." and "..", doubled and trailing slashes. */
void sim_path_clean(const char *path, char clean_r[SIM_PATH_SIZE]);
uint32_t sim_path_hash(const char *path);
void sim_path_parent(const char *path, char parent_r[SIM_PATH_SIZE]);
struct sim_entry *sim_names_find(const struct sim_names *n, const char *path);
void sim_names_add(struct sim_names *n, const char *path, struct sim_inode *inode); /* a new one */
void sim_names_put(struct sim_names *n, const char *path, struct sim_inode *inode);
void sim_names_remove(struct sim_names *n, const char *path);
void sim_names_free(struct sim_names *n);
void sim_operation_apply(struct sim_names *n, const struct sim_operation *o);
void sim_operation_free(struct sim_operation *o);
/* What is called `from` or lies under it is called `to` or lies under that. */
void sim_names_move(struct sim_names *n, const char *from, const char *to);
void sim_operation_move(struct sim_operation *o, const char *from, const char *to);
struct sim_inode *sim_find(const struct sim_disk *d, const char *path);
void sim_change_name(struct sim_disk *d, enum sim_operation_kind kind, const char *path,
                     const char *to, struct sim_inode *inode);
void sim_sync_names(struct sim_disk *d, const char *dir);

/* ---- sim_disk_file.c: pages ---- */
struct sim_inode *sim_inode_new(struct sim_disk *d, bool is_dir);
void sim_inode_free(struct sim_inode *inode);
void sim_inode_grow(struct sim_inode *inode, size_t size);
void sim_inode_write(struct sim_inode *inode, uint64_t at, struct span bytes);
void sim_inode_sync(struct sim_inode *inode, bool fails, uint64_t *random);
MUST_USE char *sim_page_copy(const char *bytes);
char *sim_page_own(char **bytes); /* before it is changed: copies may share their bytes */
void sim_inode_sync_range(struct sim_inode *inode, uint64_t at, size_t len);
/* The file itself becomes what a cut leaves of it. */
void sim_inode_cut(struct sim_inode *inode, enum sim_cut cut, uint64_t *random);
/* What one page may hold after a cut. */
void sim_page_choose(const struct sim_page *p, enum sim_cut cut, uint64_t *random, char *to);
uint64_t sim_used_bytes(const struct sim_disk *d);
/* How many of `len` bytes at `at` there is room for. */
size_t sim_room_for(const struct sim_disk *d, const struct sim_inode *inode, uint64_t at,
                    size_t len);

/* ---- sim_disk.c ---- */
MUST_USE struct sim_disk *sim_disk_bare(const char *root, uint64_t seed);

#endif
