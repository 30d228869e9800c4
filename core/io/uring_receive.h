#ifndef CORE_IO_URING_RECEIVE_H
#define CORE_IO_URING_RECEIVE_H

/*
 * uring_receive: blocks of memory that the kernel picks from when bytes arrive, so that a thousand
 * waiting connections hold none. The reactor's thread.
 */

#include <liburing.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct uring_receive {
    struct io_uring_buf_ring *ring;
    char *blocks;
    unsigned short group;       /* the kernel's name for it, another for each */
    unsigned count, block_size; /* count is a power of two */
};

/* 0 or -errno; on failure there is nothing to close. */
MUST_USE int uring_receive_open(struct uring_receive *u, struct io_uring *ring,
                                unsigned short group, unsigned count, unsigned block_size);
void uring_receive_close(struct uring_receive *u); /* after the ring */

/* The bytes of a completion, valid until the block is given back. */
struct span uring_receive_bytes(const struct uring_receive *u, const struct io_uring_cqe *cqe);
void uring_receive_give(struct uring_receive *u, unsigned block);

#endif
