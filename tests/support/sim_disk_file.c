/* The files of a simulated disk: pages with what is durable of them and what was written since. */

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "tests/support/sim_disk_private.h"

enum {
    SECTOR = 512,
    TORN_ONE_IN = 3,
};

struct sim_inode *sim_inode_new(struct sim_disk *d, bool is_dir)
{
    struct sim_inode *inode = xcalloc(1, sizeof(*inode));

    inode->is_dir = is_dir;
    if (d->inode_count == d->inode_size) {
        d->inode_size = d->inode_size == 0 ? 64 : d->inode_size * 2;
        d->inodes = xrealloc(d->inodes, d->inode_size * sizeof(struct sim_inode *));
    }
    d->inodes[d->inode_count++] = inode;
    return inode;
}

static void page_free(struct sim_page *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->count; i++)
        free(p->versions[i]);
    free(p->durable);
    free(p);
}

void sim_inode_free(struct sim_inode *inode)
{
    for (size_t i = 0; i < inode->room / SIM_PAGE; i++)
        page_free(inode->pages[i]);
    free(inode->pages);
    free(inode->live);
    free(inode);
}

char *sim_page_copy(const char *bytes)
{
    char *copy = xmalloc(SIM_PAGE);

    memcpy(copy, bytes, SIM_PAGE);
    return copy;
}

void sim_inode_grow(struct sim_inode *inode, size_t size)
{
    size_t room = inode->room;

    if (size > room) {
        ensure(inode->maps == 0);
        while (room < size)
            room = room == 0 ? (size_t)16 * SIM_PAGE : room * 2;
        inode->live = xrealloc(inode->live, room);
        inode->pages = xrealloc(inode->pages, room / SIM_PAGE * sizeof(struct sim_page *));
        memset(inode->live + inode->room, 0, room - inode->room);
        memset(&inode->pages[inode->room / SIM_PAGE], 0,
               (room - inode->room) / SIM_PAGE * sizeof(struct sim_page *));
        inode->room = room;
    }
    if (size > inode->size)
        inode->size = size;
}

/* Before the first change since the last sync: what the disk has. */
static struct sim_page *page_dirty(struct sim_inode *inode, size_t number)
{
    struct sim_page *p = inode->pages[number];

    if (p == NULL) {
        p = inode->pages[number] = xcalloc(1, sizeof(*p));
        p->durable = sim_page_copy(inode->live + number * SIM_PAGE);
    }
    return p;
}

static void page_written(struct sim_inode *inode, size_t number)
{
    struct sim_page *p = inode->pages[number];

    if (p->count == SIM_VERSIONS_MAX) {
        free(p->versions[0]);
        memmove(&p->versions[0], &p->versions[1], (SIM_VERSIONS_MAX - 1) * sizeof(char *));
        p->count--;
    }
    p->versions[p->count++] = sim_page_copy(inode->live + number * SIM_PAGE);
}

void sim_inode_write(struct sim_inode *inode, uint64_t at, struct span bytes)
{
    if (bytes.len == 0)
        return;
    sim_inode_grow(inode, at + bytes.len);
    for (size_t n = at / SIM_PAGE; n <= (at + bytes.len - 1) / SIM_PAGE; n++)
        (void)page_dirty(inode, n);
    memcpy(inode->live + at, bytes.at, bytes.len);
    for (size_t n = at / SIM_PAGE; n <= (at + bytes.len - 1) / SIM_PAGE; n++)
        page_written(inode, n);
}

void sim_page_choose(const struct sim_page *p, enum sim_cut cut, uint64_t *random, char *to)
{
    const char *newer, *older;
    unsigned pick;

    if (p->count == 0 || cut == SIM_CUT_ALL_LOST) {
        memcpy(to, p->durable, SIM_PAGE);
        return;
    }
    pick = cut == SIM_CUT_ALL_KEPT ? p->count : (unsigned)(sim_random(random) % (p->count + 1));
    newer = pick == 0 ? p->durable : p->versions[pick - 1];
    memcpy(to, newer, SIM_PAGE);
    if (cut == SIM_CUT_RANDOM && sim_one_in(random, TORN_ONE_IN)) {
        size_t from = sim_random(random) % (SIM_PAGE / SECTOR) * SECTOR;
        size_t len = sim_random(random) % (SIM_PAGE / SECTOR) * SECTOR;

        older = pick <= 1 ? p->durable : p->versions[pick - 2];
        if (len > SIM_PAGE - from)
            len = SIM_PAGE - from;
        memcpy(to + from, older + from, len);
    }
}

void sim_inode_sync(struct sim_inode *inode, bool fails, uint64_t *random)
{
    char chosen[SIM_PAGE];

    for (size_t n = 0; n < inode->room / SIM_PAGE; n++) {
        struct sim_page *p = inode->pages[n];

        if (p == NULL || p->count == 0)
            continue;
        if (fails) {
            sim_page_choose(p, SIM_CUT_RANDOM, random, chosen);
            memcpy(p->durable, chosen, SIM_PAGE);
            for (unsigned i = 0; i < p->count; i++)
                free(p->versions[i]);
            p->count = 0;
        } else {
            page_free(p);
            inode->pages[n] = NULL;
        }
    }
    if (!fails)
        inode->durable_size = inode->size;
}

uint64_t sim_used_bytes(const struct sim_disk *d)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < d->live.count; i++)
        sum += d->live.at[i].inode->size;
    return sum;
}

size_t sim_room_for(const struct sim_disk *d, const struct sim_inode *inode, uint64_t at,
                    size_t len)
{
    uint64_t used, more = at + len > inode->size ? at + len - inode->size : 0;

    if (d->capacity == 0 || more == 0)
        return len;
    used = sim_used_bytes(d);
    if (used + more <= d->capacity)
        return len;
    more -= used >= d->capacity ? 0 : d->capacity - used;
    return more >= len ? 0 : len - (size_t)more;
}
