#include "core/io/uring_receive.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "core/base/ensure.h"

static void *pages(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

static size_t ring_size(const struct uring_receive *u)
{
    return u->count * sizeof(struct io_uring_buf);
}

static size_t blocks_size(const struct uring_receive *u)
{
    return (size_t)u->count * u->block_size;
}

static char *block_at(const struct uring_receive *u, unsigned block)
{
    ensure(block < u->count);
    return u->blocks + (size_t)block * u->block_size;
}

int uring_receive_open(struct uring_receive *u, struct io_uring *ring, unsigned short group,
                       unsigned count, unsigned block_size)
{
    struct io_uring_buf_reg registration;
    int error = -ENOMEM;

    *u = (struct uring_receive){.group = group, .count = count, .block_size = block_size};
    u->ring = pages(ring_size(u));
    u->blocks = pages(blocks_size(u));
    if (u->ring == NULL || u->blocks == NULL)
        goto fail;
    registration = (struct io_uring_buf_reg){
        .ring_addr = (uintptr_t)u->ring, .ring_entries = count, .bgid = group};
    error = io_uring_register_buf_ring(ring, &registration, 0);
    if (error != 0)
        goto fail;
    io_uring_buf_ring_init(u->ring);
    for (unsigned block = 0; block < count; block++)
        uring_receive_give(u, block);
    return 0;
fail:
    uring_receive_close(u);
    return error;
}

void uring_receive_close(struct uring_receive *u)
{
    if (u->ring != NULL)
        munmap(u->ring, ring_size(u));
    if (u->blocks != NULL)
        munmap(u->blocks, blocks_size(u));
    *u = (struct uring_receive){0};
}

struct span uring_receive_bytes(const struct uring_receive *u, const struct io_uring_cqe *cqe)
{
    ensure(cqe->res >= 0 && (unsigned)cqe->res <= u->block_size);
    return (struct span){block_at(u, cqe->flags >> IORING_CQE_BUFFER_SHIFT), (size_t)cqe->res};
}

void uring_receive_give(struct uring_receive *u, unsigned block)
{
    io_uring_buf_ring_add(u->ring, block_at(u, block), u->block_size, (unsigned short)block,
                          io_uring_buf_ring_mask(u->count), 0);
    io_uring_buf_ring_advance(u->ring, 1);
}
