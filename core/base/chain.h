#ifndef CORE_BASE_CHAIN_H
#define CORE_BASE_CHAIN_H

/*
 * chain: bytes owned by one holder at a time, as a list of blocks.
 *
 * Moving a chain moves the blocks, never the bytes. A block either owns its bytes or lends them
 * from somewhere else (a mapped segment) until it is freed. The zero value is an empty chain. One
 * thread at a time; a chain may change threads together with what owns it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct chain_block;

struct chain {
    struct chain_block *first, *last;
    size_t len;  /* bytes in the chain */
    size_t held; /* bytes of memory that its blocks own: what a budget is charged */
};

/* Appends a copy of the bytes. */
void chain_add(struct chain *c, struct span bytes);
void chain_add_byte(struct chain *c, char byte);
void chain_add_number(struct chain *c, uint64_t number); /* in decimal */
void chain_addf(struct chain *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends bytes that stay where they are. release(context) is called once, on the thread that
 * frees the last of them; until then they must stay valid. release may be NULL. */
void chain_lend(struct chain *c, struct span bytes, void (*release)(void *context), void *context);

/* Room for `size` bytes at the end, contiguous; chain_added() says how many were written. */
MUST_USE char *chain_reserve(struct chain *c, size_t size);
void chain_added(struct chain *c, size_t len);

/* Appends all of `from` to `to`; `from` becomes empty. */
void chain_move(struct chain *to, struct chain *from);

/* Appends the first `len` bytes of `from` to `to`. A block cut in two is copied, a lent one too. */
void chain_move_first(struct chain *to, struct chain *from, size_t len);

/* Drops the first `len` bytes (len <= c->len). */
void chain_drop(struct chain *c, size_t len);

/* The first run of contiguous bytes; empty only for an empty chain. */
struct span chain_first(const struct chain *c);

/* Makes the chain one block and returns its bytes, valid until the chain changes. Copies only when
 * there is more than one block. */
struct span chain_flat(struct chain *c);

/* Fills up to `max` iovecs from the front; returns how many. Total bytes in *len_r if not NULL. */
unsigned chain_iovecs(const struct chain *c, struct iovec *parts, unsigned max, size_t *len_r);

/* Copies `len` bytes at offset `from` to `to`; both must lie inside the chain. */
void chain_copy(const struct chain *c, size_t from, char *to, size_t len);

void chain_free(struct chain *c); /* c becomes empty */

#endif
