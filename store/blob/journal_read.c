/* One batch: is it there, is it whole, what are its records. And pins: bytes for readers. */

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/crc32c.h"
#include "store/blob/journal_private.h"

/* A cursor over the records of a batch. */
struct frames {
    const char *at; /* the batch */
    uint32_t len, place;
    uint32_t crc; /* of what is neither body nor META so far */
    enum journal_depth depth;
};

bool journal_batch_at(struct journal_segment *segment, uint32_t at,
                      struct journal_batch_header *header_r, uint32_t *hcrc_r)
{
    const char *bytes = journal_segment_bytes(segment);

    return bytes != NULL && at <= segment->size - JOURNAL_ALIGN &&
           journal_batch_header_read(bytes + at, segment->seed, header_r, hcrc_r) &&
           header_r->segment == segment->number && header_r->len >= JOURNAL_ALIGN &&
           header_r->len % JOURNAL_ALIGN == 0 && header_r->len <= segment->size - at;
}

/* The next `len` bytes and the zeros behind them, `own` when they belong to the batch's checksum.
 */
static bool frames_take(struct frames *f, uint32_t len, bool own, struct span *bytes_r)
{
    uint64_t padded = journal_aligned(len, JOURNAL_RECORD_ALIGN);
    const char *from = f->at + f->place;

    if (padded > f->len - f->place)
        return false;
    *bytes_r = (struct span){from, len};
    f->crc = own ? crc32c(f->crc, from, padded) : crc32c(f->crc, from + len, padded - len);
    f->place += (uint32_t)padded;
    return true;
}

static bool frames_take_record(struct frames *f, uint64_t lsn, struct journal_record *r)
{
    struct span header;

    if (!frames_take(f, JOURNAL_RECORD_HEADER_LEN, true, &header) ||
        !journal_record_header_read(header.at, r) || r->lsn != lsn)
        return false;
    if (!frames_take(f, (uint32_t)r->args.len, true, &r->args) ||
        !frames_take(f, (uint32_t)r->meta.len, false, &r->meta))
        return false;
    if (!r->is_big && !frames_take(f, (uint32_t)r->body.len, false, &r->body))
        return false;
    if (f->depth == JOURNAL_FRAMES)
        return true;
    return crc32c(0, r->meta.at, r->meta.len) == r->meta_crc &&
           (r->is_big || crc32c(0, r->body.at, r->body.len) == r->body_crc);
}

bool journal_batch_is_whole(struct journal_segment *segment, uint32_t at,
                            const struct journal_batch_header *header, enum journal_depth depth,
                            struct journal_record *records_r)
{
    const char *bytes = journal_segment_bytes(segment);
    struct frames f = {.depth = depth};
    uint64_t base = segment->number << 32 | at;
    struct journal_record unkept;

    if (bytes == NULL)
        return false;
    f.at = bytes + at;
    f.len = header->len;
    f.place = JOURNAL_BATCH_HEADER_LEN;
    for (uint32_t i = 0; i < header->count; i++) {
        if (!frames_take_record(&f, base + f.place, records_r != NULL ? &records_r[i] : &unkept))
            return false;
    }
    if (f.len - f.place >= JOURNAL_ALIGN)
        return false;
    return crc32c(f.crc, f.at + f.place, f.len - f.place) == header->own_crc;
}

/* ---- places and pins ---- */

size_t journal_record_size(const struct journal_record *r)
{
    return JOURNAL_RECORD_HEADER_LEN + journal_aligned(r->args.len, JOURNAL_RECORD_ALIGN) +
           journal_aligned(r->meta.len, JOURNAL_RECORD_ALIGN) +
           (r->is_big ? 0 : journal_aligned(r->body.len, JOURNAL_RECORD_ALIGN));
}

void journal_record_place(const struct journal_record *r, struct journal_place *place_r)
{
    uint32_t args_at = (uint32_t)r->lsn + JOURNAL_RECORD_HEADER_LEN;
    uint32_t meta_at = args_at + (uint32_t)journal_aligned(r->args.len, JOURNAL_RECORD_ALIGN);
    uint32_t body_at = meta_at + (uint32_t)journal_aligned(r->meta.len, JOURNAL_RECORD_ALIGN);

    *place_r = (struct journal_place){
        .segment = r->lsn >> 32,
        .big_id = r->is_big ? r->big_id : 0,
        .body_at = r->is_big ? 0 : body_at,
        .body_len = (uint32_t)r->body.len,
        .args_at = args_at,
        .args_len = (uint32_t)r->args.len,
        .meta_at = meta_at,
        .meta_len = (uint32_t)r->meta.len,
        .body_crc = r->body_crc,
        .meta_crc = r->meta_crc,
    };
}

static enum store_status pin_segment(struct journal *j, uint64_t number, uint32_t at, uint32_t len,
                                     struct span *bytes_r, struct journal_pin **pin_r)
{
    struct journal_segment *s = journal_segment_find(j, number);
    enum store_status status = STORE_NOT_FOUND;
    const char *bytes;

    if (s == NULL)
        return STORE_NOT_FOUND;
    atomic_fetch_add(&s->pins, 1);
    if (atomic_load(&s->number) != number)
        goto fail;
    status = STORE_CORRUPT;
    if (at > s->size || len > s->size - at)
        goto fail;
    status = STORE_IO;
    bytes = journal_segment_bytes(s);
    if (bytes == NULL)
        goto fail;
    *bytes_r = (struct span){bytes + at, len};
    *pin_r = &s->pin;
    return STORE_OK;
fail:
    atomic_fetch_sub(&s->pins, 1);
    return status;
}

enum store_status journal_pin(struct journal *j, const struct journal_place *place,
                              enum journal_part part, bool check, struct span *bytes_r,
                              struct journal_pin **pin_r)
{
    const uint32_t at[] = {place->args_at, place->body_at, place->meta_at};
    const uint32_t len[] = {place->args_len, place->body_len, place->meta_len};
    const uint32_t crc[] = {0, place->body_crc, place->meta_crc};
    bool is_big = part == JOURNAL_BODY && place->big_id != 0;
    enum store_status status;

    status = is_big ? journal_big_pin(j, place->big_id, place->body_len, bytes_r, pin_r)
                    : pin_segment(j, place->segment, at[part], len[part], bytes_r, pin_r);
    if (status != STORE_OK || !check || part == JOURNAL_ARGS)
        return status;
    if (crc32c(0, bytes_r->at, bytes_r->len) == crc[part])
        return STORE_OK;
    journal_unpin(*pin_r);
    *pin_r = NULL;
    return STORE_CORRUPT;
}

void journal_unpin(void *context)
{
    struct journal_pin *pin = context;

    if (pin->is_big)
        journal_big_unpin(pin);
    else
        atomic_fetch_sub(&((struct journal_segment *)(void *)pin)->pins, 1);
}

bool journal_is_resident(struct span bytes)
{
    enum {
        PAGES_AT_ONCE = 256
    };
    unsigned char is_there[PAGES_AT_ONCE];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = (uintptr_t)bytes.at & ~(page - 1), end = (uintptr_t)bytes.at + bytes.len;

    while (at < end) {
        uintptr_t count = (end - at + page - 1) / page;

        if (count > PAGES_AT_ONCE)
            count = PAGES_AT_ONCE;
        if (mincore((void *)at, count * page, is_there) != 0)
            return false;
        for (uintptr_t i = 0; i < count; i++) {
            if ((is_there[i] & 1) == 0)
                return false;
        }
        at += count * page;
    }
    return true;
}
