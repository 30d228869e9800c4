/*
 * Writing one batch: laid out in one go, written with as few calls as the vector allows, synced.
 * Small parts are copied into `staging`; bodies go to the disk from where they are.
 */

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "store/blob/journal_private.h"

enum {
    COPY_LEN_MAX = 1024, /* bytes that are copied rather than given their own place in the vector */
    PARTS_PER_RECORD = 4, /* at most: what is staged, META, staged, body */
};

struct layout {
    struct iovec *parts;
    size_t count;
    char *at, *part_from; /* in the staging: next byte, first byte not yet in `parts` */
    uint32_t place;       /* offset in the batch */
    uint32_t crc;         /* of what is neither body nor META */
};

size_t journal_batch_max(const struct journal *j)
{
    return j->segment_size - JOURNAL_ALIGN - JOURNAL_BATCH_HEADER_LEN;
}

/* ---- laying out ---- */

/* The staging must not move while the batch is laid out. */
static void make_room(struct journal *j, const struct journal_record *records, unsigned count)
{
    size_t staged = JOURNAL_BATCH_HEADER_LEN + JOURNAL_ALIGN;
    size_t parts = (size_t)count * PARTS_PER_RECORD + 2;

    for (unsigned i = 0; i < count; i++) {
        staged += JOURNAL_RECORD_HEADER_LEN + 3 * JOURNAL_RECORD_ALIGN + records[i].args.len +
                  2 * COPY_LEN_MAX;
    }
    if (staged > j->staging_size) {
        free(j->staging);
        j->staging_size = staged + staged / 2;
        j->staging = xmalloc(j->staging_size);
    }
    if (parts > j->parts_size) {
        free(j->parts);
        j->parts_size = parts + parts / 2;
        j->parts = xmalloc(j->parts_size * sizeof(*j->parts));
    }
}

static void part_end(struct layout *l)
{
    if (l->at == l->part_from)
        return;
    l->parts[l->count++] =
        (struct iovec){.iov_base = l->part_from, .iov_len = (size_t)(l->at - l->part_from)};
    l->part_from = l->at;
}

/* Bytes with their own checksum. */
static void lay_payload(struct layout *l, struct span bytes)
{
    if (bytes.len <= COPY_LEN_MAX) {
        if (bytes.len > 0)
            memcpy(l->at, bytes.at, bytes.len);
        l->at += bytes.len;
    } else {
        part_end(l);
        l->parts[l->count++] =
            (struct iovec){.iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.len};
    }
    l->place += (uint32_t)bytes.len;
}

static void lay_zeros(struct layout *l, unsigned align)
{
    size_t len = journal_aligned(l->place, align) - l->place;

    memset(l->at, 0, len);
    l->crc = crc32c(l->crc, l->at, len);
    l->at += len;
    l->place += (uint32_t)len;
}

static void lay_record(struct layout *l, struct journal_record *r, uint64_t base)
{
    size_t len = JOURNAL_RECORD_HEADER_LEN + r->args.len;

    r->lsn = base + l->place;
    journal_record_header_write(l->at, r);
    if (r->args.len > 0)
        memcpy(l->at + JOURNAL_RECORD_HEADER_LEN, r->args.at, r->args.len);
    l->crc = crc32c(l->crc, l->at, len);
    l->at += len;
    l->place += (uint32_t)len;
    lay_zeros(l, JOURNAL_RECORD_ALIGN);
    lay_payload(l, r->meta);
    lay_zeros(l, JOURNAL_RECORD_ALIGN);
    if (!r->is_big) {
        lay_payload(l, r->body);
        lay_zeros(l, JOURNAL_RECORD_ALIGN);
    }
}

/* Returns the next link of the hash chain. */
static uint32_t lay_batch(struct journal *j, struct layout *l, struct journal_record *records,
                          unsigned count, int64_t time_us)
{
    struct journal_batch_header header = {
        .segment = j->active->number,
        .seq = j->end.seq + 1,
        .prev_hcrc = j->end.hcrc,
        .count = count,
        .time_us = time_us,
    };

    *l = (struct layout){
        .parts = j->parts,
        .at = j->staging + JOURNAL_BATCH_HEADER_LEN,
        .part_from = j->staging,
        .place = JOURNAL_BATCH_HEADER_LEN,
    };
    for (unsigned i = 0; i < count; i++)
        lay_record(l, &records[i], header.segment << 32 | j->active_at);
    lay_zeros(l, JOURNAL_ALIGN);
    part_end(l);
    ensure((size_t)(l->at - j->staging) <= j->staging_size);
    ensure(l->count <= j->parts_size);
    header.len = l->place;
    header.own_crc = l->crc;
    return journal_batch_header_write(j->staging, &header, j->active->seed);
}

/* ---- writing ---- */

/* The commit point. After an error the kernel may call pages clean that never reached the disk, so
 * there is no second try. */
static void write_and_sync(struct journal *j, struct layout *l)
{
    uint64_t begin, now;
    int error = journal_write(j->disk, j->active->file, l->parts, l->count, j->active_at);

    if (error != 0)
        journal_fail(j, "writing the log", error);
    begin = clock_monotonic_ns();
    if (!j->config.without_sync)
        error = j->disk->sync_data(j->disk, j->active->file);
    if (error != 0)
        journal_fail(j, "syncing the log", error);
    now = clock_monotonic_ns();
    atomic_fetch_add_explicit(&j->syncs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&j->sync_ns, now - begin, memory_order_relaxed);
    atomic_fetch_add_explicit(&j->bytes_written, l->place, memory_order_relaxed);
}

enum store_status journal_append(struct journal *j, struct journal_record *records, unsigned count,
                                 int64_t time_us, struct journal_batch *batch_r)
{
    uint64_t len = JOURNAL_BATCH_HEADER_LEN;
    struct layout layout;
    enum store_status status;
    uint32_t hcrc;

    ensure(j->is_recovered && !j->config.read_only);
    for (unsigned i = 0; i < count; i++)
        len += journal_record_size(&records[i]);
    if (len > journal_batch_max(j) + JOURNAL_BATCH_HEADER_LEN)
        return STORE_INVALID;
    len = journal_aligned(len, JOURNAL_ALIGN);
    if (j->active == NULL || len > j->active->size - j->active_at) {
        status = journal_segment_roll(j);
        if (status != STORE_OK)
            return status;
    }

    make_room(j, records, count);
    hcrc = lay_batch(j, &layout, records, count, time_us);
    ensure(layout.place == len);
    write_and_sync(j, &layout);

    j->active_at += layout.place;
    j->end.lsn = j->active->number << 32 | j->active_at;
    j->end.seq++;
    j->end.hcrc = hcrc;
    *batch_r = (struct journal_batch){
        .seq = j->end.seq,
        .time_us = time_us,
        .records = records,
        .count = count,
        .end = j->end,
    };
    return STORE_OK;
}
