#include "core/base/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"

/* Sizes of blocks with their heads: the more a chain holds, the larger the next block, so that a
 * short answer costs little and a long body few blocks. */
enum {
    BLOCK_SMALL = 512,
    BLOCK_MIDDLE = 4096,
    BLOCK_LARGE = 14336,      /* the largest of jemalloc's small sizes */
    CHAIN_FORMAT_GUESS = 256, /* most formatted text is shorter */
};

/* A block may be empty: room that was reserved and not used. */
struct chain_block {
    struct chain_block *next;
    const char *at; /* the first byte that was not dropped */
    size_t len;
    size_t size; /* bytes at `bytes`; 0 when the bytes are lent */
    void (*release)(void *context);
    void *context;
    char bytes[];
};

static char *block_end(struct chain_block *b)
{
    return b->bytes + (b->at - b->bytes) + b->len;
}

static size_t block_room(struct chain_block *b)
{
    return b->size == 0 ? 0 : (size_t)(b->bytes + b->size - block_end(b));
}

static void block_free(struct chain_block *b)
{
    if (b->release != NULL)
        b->release(b->context);
    free(b);
}

static void block_append(struct chain *c, struct chain_block *b)
{
    b->next = NULL;
    if (c->last == NULL)
        c->first = b;
    else
        c->last->next = b;
    c->last = b;
    c->held += sizeof(*b) + b->size;
    c->len += b->len;
}

static struct chain_block *block_unlink_first(struct chain *c)
{
    struct chain_block *b = c->first;

    c->first = b->next;
    if (c->first == NULL)
        c->last = NULL;
    c->held -= sizeof(*b) + b->size;
    c->len -= b->len;
    return b;
}

/* The size of a chain's next block when `want` bytes must fit in one. Blocks grow while nothing but
 * owned bytes is added; between lent ones there are only a few. */
static size_t block_size_next(const struct chain *c, size_t want)
{
    size_t with_head = want + sizeof(struct chain_block);
    size_t last = c->last == NULL || c->last->size == 0 ? 0 : c->last->size + sizeof(*c->last);

    if (last == 0 && with_head <= BLOCK_SMALL)
        return BLOCK_SMALL;
    if (last <= BLOCK_SMALL && with_head <= BLOCK_MIDDLE)
        return BLOCK_MIDDLE;
    return with_head <= BLOCK_LARGE ? BLOCK_LARGE : with_head;
}

static struct chain_block *block_add(struct chain *c, size_t want)
{
    size_t size = block_size_next(c, want);
    struct chain_block *b = xmalloc(size);

    *b = (struct chain_block){.at = b->bytes, .size = size - sizeof(*b)};
    block_append(c, b);
    return b;
}

char *chain_reserve(struct chain *c, size_t size)
{
    if (c->last == NULL || c->last->size == 0 || block_room(c->last) < size)
        block_add(c, size);
    return block_end(c->last);
}

void chain_added(struct chain *c, size_t len)
{
    ensure(c->last != NULL && len <= block_room(c->last));
    c->last->len += len;
    c->len += len;
}

void chain_add(struct chain *c, struct span bytes)
{
    while (bytes.len > 0) {
        size_t room = c->last == NULL ? 0 : block_room(c->last);
        size_t len;

        if (room == 0) {
            size_t most = BLOCK_LARGE - sizeof(struct chain_block);

            room = block_room(block_add(c, bytes.len < most ? bytes.len : most));
        }
        len = bytes.len < room ? bytes.len : room;
        memcpy(block_end(c->last), bytes.at, len);
        chain_added(c, len);
        bytes = span_after(bytes, len);
    }
}

void chain_add_byte(struct chain *c, char byte)
{
    *chain_reserve(c, 1) = byte;
    chain_added(c, 1);
}

void chain_add_number(struct chain *c, uint64_t number)
{
    char digits[NUMBER_TEXT_MAX];

    chain_add(c, (struct span){digits, number_write(digits, number)});
}

void chain_addf(struct chain *c, const char *format, ...)
{
    char *at = chain_reserve(c, CHAIN_FORMAT_GUESS);
    va_list values;
    int len;

    va_start(values, format);
    len = vsnprintf(at, CHAIN_FORMAT_GUESS, format, values);
    va_end(values);
    ensure(len >= 0);
    if (len >= CHAIN_FORMAT_GUESS) {
        at = chain_reserve(c, (size_t)len + 1);
        va_start(values, format);
        ensure(vsnprintf(at, (size_t)len + 1, format, values) == len);
        va_end(values);
    }
    chain_added(c, (size_t)len);
}

void chain_lend(struct chain *c, struct span bytes, void (*release)(void *context), void *context)
{
    struct chain_block *b = xmalloc(sizeof(*b));

    *b = (struct chain_block){
        .at = bytes.at, .len = bytes.len, .release = release, .context = context};
    block_append(c, b);
}

void chain_move(struct chain *to, struct chain *from)
{
    ensure(to != from);
    if (from->first == NULL)
        return;
    if (to->last == NULL) {
        *to = *from;
    } else {
        to->last->next = from->first;
        to->last = from->last;
        to->len += from->len;
        to->held += from->held;
    }
    *from = (struct chain){0};
}

void chain_move_first(struct chain *to, struct chain *from, size_t len)
{
    ensure(to != from && len <= from->len);
    while (len > 0 && from->first->len <= len) {
        struct chain_block *b = block_unlink_first(from);

        len -= b->len;
        block_append(to, b);
    }
    if (len > 0) {
        chain_add(to, (struct span){from->first->at, len});
        chain_drop(from, len);
    }
}

void chain_drop(struct chain *c, size_t len)
{
    ensure(len <= c->len);
    while (len > 0) {
        struct chain_block *b = c->first;
        size_t part = len < b->len ? len : b->len;

        b->at += part;
        b->len -= part;
        c->len -= part;
        len -= part;
        if (b->len == 0)
            block_free(block_unlink_first(c));
    }
}

struct span chain_first(const struct chain *c)
{
    for (struct chain_block *b = c->first; b != NULL; b = b->next) {
        if (b->len > 0)
            return (struct span){b->at, b->len};
    }
    return (struct span){"", 0};
}

struct span chain_flat(struct chain *c)
{
    struct span first = chain_first(c);
    struct chain flat = {0};
    size_t len = c->len;

    if (first.len == len)
        return first;
    chain_copy(c, 0, chain_reserve(&flat, len), len);
    chain_added(&flat, len);
    chain_free(c);
    *c = flat;
    return chain_first(c);
}

unsigned chain_iovecs(const struct chain *c, struct iovec *parts, unsigned max, size_t *len_r)
{
    unsigned count = 0;
    size_t len = 0;

    for (struct chain_block *b = c->first; b != NULL && count < max; b = b->next) {
        if (b->len == 0)
            continue;
        /* An iovec has no const, though what is sent from it is only read. */
        parts[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)b->at, .iov_len = b->len};
        len += b->len;
    }
    if (len_r != NULL)
        *len_r = len;
    return count;
}

void chain_copy(const struct chain *c, size_t from, char *to, size_t len)
{
    ensure(from <= c->len && len <= c->len - from);
    for (struct chain_block *b = c->first; len > 0; b = b->next) {
        size_t part;

        if (from >= b->len) {
            from -= b->len;
            continue;
        }
        part = b->len - from < len ? b->len - from : len;
        memcpy(to, b->at + from, part);
        to += part;
        len -= part;
        from = 0;
    }
}

void chain_free(struct chain *c)
{
    while (c->first != NULL)
        block_free(block_unlink_first(c));
}
