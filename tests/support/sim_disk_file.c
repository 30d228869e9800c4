/* The files of a simulated disk: pages with what is durable of them and what was written since. */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "tests/support/sim_disk_private.h"

enum {
    SECTOR = 512,
    TORN_ONE_IN = 3,
    SPARES_MAX = 32,
};

/* Bytes of files come from the kernel: zeros that take no memory until they are written. Images are
 * made and forgotten by the thousand, so some are kept, as zeros again. */
static struct {
    char *at;
    size_t room;
} spares[SPARES_MAX];

static char *spare_take(size_t room)
{
    for (unsigned i = 0; i < SPARES_MAX; i++) {
        if (spares[i].at != NULL && spares[i].room == room) {
            char *at = spares[i].at;
            spares[i].at = NULL;
            return at;
        }
    }
    return NULL;
}

static void live_free(char *live, size_t room, size_t used)
{
    for (unsigned i = 0; i < SPARES_MAX && room > 0; i++) {
        if (spares[i].at == NULL) {
            memset(live, 0, (used + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE);
            spares[i].at = live;
            spares[i].room = room;
            return;
        }
    }
    if (room > 0)
        ensure(munmap(live, room) == 0);
}

static char *live_grow(char *old, size_t old_size, size_t size)
{
    void *at = old_size == 0 ? spare_take(size) : NULL;

    if (at != NULL)
        return at;
    at = old_size == 0
             ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
             : mremap(old, old_size, size, MREMAP_MAYMOVE);
    ensure(at != MAP_FAILED);
#ifdef MADV_POPULATE_READ /* for those who fork: their children need not */
    (void)madvise((char *)at + old_size, size - old_size, MADV_POPULATE_READ);
#endif
    return at;
}

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

/* Most pages are zeros that are written once, so that a later write has its blocks: all share one.
 */
static char zeros[SIM_PAGE];

static bool is_zero(const char *at, size_t len)
{
    return len == 0 || (at[0] == 0 && memcmp(at, at + 1, len - 1) == 0);
}

char *sim_page_copy(const char *bytes)
{
    char *copy;

    if (is_zero(bytes, SIM_PAGE))
        return zeros;
    copy = xmalloc(SIM_PAGE);
    memcpy(copy, bytes, SIM_PAGE);
    return copy;
}

static void page_release(char *bytes)
{
    if (bytes != zeros)
        free(bytes);
}

char *sim_page_own(char **bytes)
{
    if (*bytes == zeros)
        *bytes = xcalloc(1, SIM_PAGE);
    return *bytes;
}

static void page_free(struct sim_page *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->count; i++)
        page_release(p->versions[i]);
    page_release(p->durable);
    free(p);
}

void sim_inode_free(struct sim_inode *inode)
{
    for (size_t i = 0; i < inode->room / SIM_PAGE; i++)
        page_free(inode->pages[i]);
    free(inode->pages);
    live_free(inode->live, inode->room, inode->size);
    free(inode);
}

void sim_inode_grow(struct sim_inode *inode, size_t size)
{
    size_t room = inode->room;

    if (size > room) {
        ensure(inode->maps == 0);
        while (room < size)
            room = room == 0 ? (size_t)16 * SIM_PAGE : room * 2;
        inode->live = live_grow(inode->live, inode->room, room);
        inode->pages = xrealloc(inode->pages, room / SIM_PAGE * sizeof(struct sim_page *));
        memset(&inode->pages[inode->room / SIM_PAGE], 0,
               (room - inode->room) / SIM_PAGE * sizeof(struct sim_page *));
        inode->room = room;
    }
    if (size > inode->size)
        inode->size = size;
}

/* Before the first change since the last sync: what the disk has. */
static struct sim_page *page_dirty(struct sim_inode *inode, size_t number, bool is_zeros)
{
    struct sim_page *p = inode->pages[number];

    if (p == NULL) {
        p = inode->pages[number] = xcalloc(1, sizeof(*p));
        p->durable = is_zeros ? zeros : sim_page_copy(inode->live + number * SIM_PAGE);
    }
    return p;
}

static void page_written(struct sim_inode *inode, size_t number, bool is_zeros)
{
    struct sim_page *p = inode->pages[number];

    if (p->count == SIM_VERSIONS_MAX) {
        page_release(p->versions[0]);
        memmove(&p->versions[0], &p->versions[1], (SIM_VERSIONS_MAX - 1) * sizeof(char *));
        p->count--;
    }
    p->versions[p->count++] = is_zeros ? zeros : sim_page_copy(inode->live + number * SIM_PAGE);
}

void sim_inode_write(struct sim_inode *inode, uint64_t at, struct span bytes)
{
    /* Zeros behind the end are there already; looking at the pages would only make memory of them.
     */
    bool is_zeros = at >= inode->size && inode->size % SIM_PAGE == 0 && at % SIM_PAGE == 0 &&
                    is_zero(bytes.at, bytes.len);

    if (bytes.len == 0)
        return;
    sim_inode_grow(inode, at + bytes.len);
    for (size_t n = at / SIM_PAGE; n <= (at + bytes.len - 1) / SIM_PAGE; n++)
        (void)page_dirty(inode, n, is_zeros);
    if (!is_zeros)
        memcpy(inode->live + at, bytes.at, bytes.len);
    for (size_t n = at / SIM_PAGE; n <= (at + bytes.len - 1) / SIM_PAGE; n++)
        page_written(inode, n, is_zeros);
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
            memcpy(sim_page_own(&p->durable), chosen, SIM_PAGE);
            for (unsigned i = 0; i < p->count; i++)
                page_release(p->versions[i]);
            p->count = 0;
        } else {
            page_free(p);
            inode->pages[n] = NULL;
        }
    }
    if (!fails)
        inode->durable_size = inode->size;
}

/* These bytes are on the disk, whatever becomes of the rest of their pages. */
void sim_inode_sync_range(struct sim_inode *inode, uint64_t at, size_t len)
{
    for (size_t n = at / SIM_PAGE; len > 0 && n <= (at + len - 1) / SIM_PAGE; n++) {
        struct sim_page *p = inode->pages[n];
        size_t from = n * SIM_PAGE < at ? at - n * SIM_PAGE : 0;
        size_t to = at + len < (n + 1) * SIM_PAGE ? at + len - n * SIM_PAGE : SIM_PAGE;

        if (p == NULL)
            continue;
        memcpy(sim_page_own(&p->durable) + from, inode->live + n * SIM_PAGE + from, to - from);
        for (unsigned i = 0; i < p->count; i++)
            memcpy(sim_page_own(&p->versions[i]) + from, inode->live + n * SIM_PAGE + from,
                   to - from);
    }
    if (inode->durable_size < at + len)
        inode->durable_size = at + len;
}

/* All that it could hold, and what it does hold. */
static bool page_is_zeros(const struct sim_page *p)
{
    bool is = p->durable == zeros && p->count > 0;

    for (unsigned i = 0; i < p->count; i++)
        is = is && p->versions[i] == zeros;
    return is;
}

void sim_inode_cut(struct sim_inode *inode, enum sim_cut cut, uint64_t *random)
{
    size_t size = cut == SIM_CUT_ALL_KEPT                            ? inode->size
                  : cut == SIM_CUT_ALL_LOST || sim_one_in(random, 2) ? inode->durable_size
                                                                     : inode->size;

    for (size_t n = 0; n < inode->room / SIM_PAGE; n++) {
        if (inode->pages[n] == NULL)
            continue;
        if (!page_is_zeros(inode->pages[n]))
            sim_page_choose(inode->pages[n], cut, random, inode->live + n * SIM_PAGE);
        page_free(inode->pages[n]);
        inode->pages[n] = NULL;
    }
    if (size < inode->size) /* what lies behind was zero, but for the pages of before */
        memset(inode->live + size, 0, (inode->size + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE - size);
    inode->size = inode->durable_size = size;
    inode->maps = 0;
    inode->is_locked = false;
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
