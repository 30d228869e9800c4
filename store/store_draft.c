/* A message on its way in: in memory, and in a file of its own when it grows large. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "store/store_private.h"

enum {
    DRAFT_FIRST = 16 << 10, /* bytes of memory to begin with */
};

struct store_draft {
    struct store *store;
    char *at; /* NULL once it is a file */
    uint32_t len, size;
    uint32_t crc;
    struct journal_big *big;
};

enum store_status store_draft_open(struct store *s, struct store_draft **draft_r)
{
    *draft_r = xcalloc(1, sizeof(**draft_r));
    (*draft_r)->store = s;
    return STORE_OK;
}

static void memory_free(struct store_draft *d)
{
    gauge_add(d->store->draft_bytes, -(int64_t)d->size);
    free(d->at);
    d->at = NULL;
    d->size = 0;
}

enum store_status store_draft_spill(struct store_draft *d)
{
    enum store_status status;

    if (d->big)
        return STORE_OK;
    status = journal_big_open(d->store->journal, &d->big);
    if (status == STORE_OK && d->len > 0)
        status = journal_big_add(d->big, (struct span){d->at, d->len});
    if (status == STORE_OK)
        memory_free(d);
    else if (d->big)
        journal_big_close(&d->big);
    return status;
}

/* Whether a draft of this length still belongs into memory. */
static bool fits_memory(const struct store_draft *d, size_t len)
{
    return len <= STORE_DRAFT_SPILL ||
           (len <= STORE_BIG_BYTES && gauge_get(d->store->draft_bytes) < STORE_DRAFT_MEMORY);
}

static void memory_grow(struct store_draft *d, uint32_t len)
{
    uint32_t size = d->size ? d->size : DRAFT_FIRST;

    while (size < len)
        size *= 2;
    if (size == d->size)
        return;
    gauge_add(d->store->draft_bytes, (int64_t)size - d->size);
    d->at = xrealloc(d->at, size);
    d->size = size;
}

enum store_status store_draft_add(struct store_draft *d, struct span bytes)
{
    enum store_status status = STORE_OK;

    if (bytes.len == 0)
        return STORE_OK;
    if (bytes.len > UINT32_MAX / 2 - d->len)
        return STORE_INVALID;
    if (!d->big && !fits_memory(d, d->len + bytes.len))
        status = store_draft_spill(d);
    if (status == STORE_OK && d->big)
        status = journal_big_add(d->big, bytes);
    if (status != STORE_OK)
        return status;
    if (!d->big) {
        memory_grow(d, d->len + (uint32_t)bytes.len);
        memcpy(d->at + d->len, bytes.at, bytes.len);
        d->crc = crc32c(d->crc, bytes.at, bytes.len);
    }
    d->len += (uint32_t)bytes.len;
    return STORE_OK;
}

uint32_t store_draft_size(const struct store_draft *d)
{
    return d->len;
}

enum store_status store_draft_bytes(struct store_draft *d, struct span *bytes_r)
{
    if (d->big)
        return journal_big_bytes(d->big, bytes_r);
    *bytes_r = d->len ? (struct span){d->at, d->len} : SPAN("");
    return STORE_OK;
}

enum store_status store_draft_finish(struct store_draft *d, struct journal_record *record)
{
    enum store_status status;
    uint32_t len;

    if (!d->big) {
        record->body = (struct span){d->at, d->len};
        record->body_crc = d->crc;
        return STORE_OK;
    }
    status = journal_big_finish(d->big, &record->big_id, &len, &record->body_crc);
    if (status != STORE_OK)
        return status;
    ensure(len == d->len);
    record->is_big = true;
    record->body = (struct span){NULL, len};
    return STORE_OK;
}

void store_draft_drop(struct store_draft **draft)
{
    struct store_draft *d = *draft;

    if (d->big)
        journal_big_close(&d->big);
    memory_free(d);
    free(d);
    *draft = NULL;
}
