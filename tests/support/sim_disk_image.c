/* What is left after a power cut or a kill. */

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "tests/support/sim_disk_private.h"

/* Whatever names of a file were on their way, it has one: nobody makes links, and a rename never
 * leaves both. */
static void apply_alone(struct sim_names *names, const struct sim_operation *o)
{
    const char *name = o->kind == SIM_RENAME ? o->to : o->path;

    sim_operation_apply(names, o);
    for (size_t i = names->count; o->kind != SIM_UNLINK && i > 0; i--) {
        if (names->at[i - 1].inode == o->inode && strcmp(names->at[i - 1].path, name) != 0)
            sim_names_remove(names, names->at[i - 1].path);
    }
}

/* The names that survive. Shuffled, because nothing orders them but a sync. */
static void choose_names(const struct sim_disk *d, enum sim_cut cut, uint64_t *random,
                         struct sim_names *chosen_r)
{
    struct sim_operation *order = xcalloc(d->pending_count + 1, sizeof(*order));
    bool shuffle = cut == SIM_CUT_RANDOM && sim_one_in(random, 2);

    for (size_t i = 0; i < d->durable.count; i++)
        sim_names_add(chosen_r, d->durable.at[i].path, d->durable.at[i].inode);
    for (size_t i = 0; i < d->pending_count; i++)
        order[i] = d->pending[i];
    for (size_t i = d->pending_count; shuffle && i > 1; i--) {
        size_t other = sim_random(random) % i;
        struct sim_operation swap = order[i - 1];

        order[i - 1] = order[other];
        order[other] = swap;
    }
    for (size_t i = 0; i < d->pending_count && cut != SIM_CUT_ALL_LOST; i++) {
        if (cut == SIM_CUT_ALL_KEPT || sim_one_in(random, 2))
            apply_alone(chosen_r, &order[i]);
    }
    free(order);
}

/* What has no directory to be in is gone. */
static void drop_lost(const char *root, struct sim_names *names)
{
    char parent[SIM_PATH_SIZE];
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; i < names->count; i++) {
            sim_path_parent(names->at[i].path, parent);
            if (strcmp(names->at[i].path, root) != 0 && sim_names_find(names, parent) == NULL) {
                sim_names_remove(names, names->at[i].path);
                again = true;
            }
        }
    }
}

static void inode_fill(struct sim_inode *to, const struct sim_inode *from, enum sim_cut cut,
                       uint64_t *random)
{
    size_t size = cut == SIM_CUT_ALL_KEPT                            ? from->size
                  : cut == SIM_CUT_ALL_LOST || sim_one_in(random, 2) ? from->durable_size
                                                                     : from->size;

    sim_inode_grow(to, size);
    for (size_t at = 0; at < size; at += SIM_PAGE) {
        const struct sim_page *p = at < from->room ? from->pages[at / SIM_PAGE] : NULL;
        char page[SIM_PAGE] = {0};

        if (p != NULL)
            sim_page_choose(p, cut, random, page);
        else if (at < from->room)
            memcpy(page, from->live + at, SIM_PAGE);
        memcpy(to->live + at, page, size - at < SIM_PAGE ? size - at : SIM_PAGE);
    }
    to->durable_size = size;
}

static void inode_clone(struct sim_inode *to, const struct sim_inode *from)
{
    sim_inode_grow(to, from->size);
    if (from->size > 0)
        memcpy(to->live, from->live, from->size);
    to->durable_size = from->durable_size;
    for (size_t n = 0; n < from->room / SIM_PAGE && n < to->room / SIM_PAGE; n++) {
        const struct sim_page *p = from->pages[n];

        if (p == NULL)
            continue;
        to->pages[n] = xcalloc(1, sizeof(struct sim_page));
        to->pages[n]->durable = sim_page_copy(p->durable);
        to->pages[n]->count = p->count;
        for (unsigned i = 0; i < p->count; i++)
            to->pages[n]->versions[i] = sim_page_copy(p->versions[i]);
    }
}

static void forget_copies(const struct sim_disk *d)
{
    for (size_t i = 0; i < d->inode_count; i++)
        d->inodes[i]->copy = NULL;
}

struct sim_disk *sim_disk_after_cut(const struct sim_disk *d, enum sim_cut cut, uint64_t seed)
{
    struct sim_disk *image = sim_disk_bare(d->root, seed);
    struct sim_names chosen = {0};

    choose_names(d, cut, &image->random, &chosen);
    drop_lost(d->root, &chosen);
    forget_copies(d);
    for (size_t i = 0; i < chosen.count; i++) {
        struct sim_inode *from = chosen.at[i].inode;

        if (from->copy == NULL) {
            from->copy = sim_inode_new(image, from->is_dir);
            inode_fill(from->copy, from, cut, &image->random);
        }
        sim_names_add(&image->live, chosen.at[i].path, from->copy);
        sim_names_add(&image->durable, chosen.at[i].path, from->copy);
    }
    sim_names_free(&chosen);
    return image;
}

static struct sim_inode *clone_of(struct sim_disk *image, struct sim_inode *from)
{
    if (from->copy == NULL) {
        from->copy = sim_inode_new(image, from->is_dir);
        inode_clone(from->copy, from);
    }
    return from->copy;
}

struct sim_disk *sim_disk_after_kill(const struct sim_disk *d)
{
    struct sim_disk *image = sim_disk_bare(d->root, d->random);

    forget_copies(d);
    for (size_t i = 0; i < d->live.count; i++)
        sim_names_add(&image->live, d->live.at[i].path, clone_of(image, d->live.at[i].inode));
    for (size_t i = 0; i < d->durable.count; i++)
        sim_names_add(&image->durable, d->durable.at[i].path,
                      clone_of(image, d->durable.at[i].inode));
    image->pending_size = d->pending_count + 1;
    image->pending = xcalloc(image->pending_size, sizeof(*image->pending));
    for (size_t i = 0; i < d->pending_count; i++) {
        const struct sim_operation *o = &d->pending[i];

        image->pending[image->pending_count++] =
            (struct sim_operation){.kind = o->kind,
                                   .dir = xstrdup(o->dir),
                                   .path = xstrdup(o->path),
                                   .to = o->to != NULL ? xstrdup(o->to) : NULL,
                                   .inode = clone_of(image, o->inode)};
    }
    return image;
}

/* ---- the same in place ---- */

static void close_all(struct sim_disk *d)
{
    for (size_t i = 0; i < d->handle_count; i++)
        d->handles[i].inode = NULL;
    for (size_t i = 0; i < d->inode_count; i++) {
        d->inodes[i]->maps = 0;
        d->inodes[i]->is_locked = false;
    }
    sim_disk_hook(d, NULL, NULL);
    d->in_hook = false;
    memset(d->fail_at, 0, sizeof(d->fail_at));
    d->capacity = d->short_writes = 0;
}

void sim_disk_kill(struct sim_disk *d)
{
    close_all(d);
}

static void cut_names(struct sim_disk *d, enum sim_cut cut)
{
    struct sim_names chosen = {0};

    choose_names(d, cut, &d->random, &chosen);
    drop_lost(d->root, &chosen);
    sim_names_free(&d->live);
    sim_names_free(&d->durable);
    for (size_t i = 0; i < chosen.count; i++)
        sim_names_add(&d->durable, chosen.at[i].path, chosen.at[i].inode);
    d->live = chosen;
    for (size_t i = 0; i < d->pending_count; i++)
        sim_operation_free(&d->pending[i]);
    d->pending_count = 0;
}

void sim_disk_cut(struct sim_disk *d, enum sim_cut cut, uint64_t seed)
{
    close_all(d);
    d->random = seed;
    if (d->pending_count > 0) /* else all names are durable */
        cut_names(d, cut);
    for (size_t i = 0; i < d->inode_count; i++)
        sim_inode_cut(d->inodes[i], cut, &d->random);
}

void sim_disk_move(struct sim_disk *d, const char *root)
{
    char clean[SIM_PATH_SIZE];
    char *old = d->root;

    sim_path_clean(root, clean);
    sim_names_move(&d->live, old, clean);
    sim_names_move(&d->durable, old, clean);
    for (size_t i = 0; i < d->pending_count; i++)
        sim_operation_move(&d->pending[i], old, clean);
    d->root = xstrdup(clean);
    free(old);
}
