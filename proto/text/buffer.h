#ifndef PROTO_TEXT_BUFFER_H
#define PROTO_TEXT_BUFFER_H

/*
 * buffer: bytes that grow in one piece, for text that is made step by step and read as a whole.
 *
 * The zero value is empty. Spans into it are valid until it grows or is freed. How far it may grow
 * is bounded by what the caller puts in. One thread at a time.
 */

#include <stddef.h>

#include "core/base/span.h"

struct buffer {
    char *at;
    size_t len, size;
};

/* The part of buffer_room() that is rarely needed. */
char *buffer_grow(struct buffer *b, size_t size);

/* Makes room for `size` more bytes and returns where they go; add what was written to `len`. */
static inline char *buffer_room(struct buffer *b, size_t size)
{
    return b->size - b->len >= size && b->at != NULL ? b->at + b->len : buffer_grow(b, size);
}

static inline void buffer_add(struct buffer *b, struct span bytes)
{
    if (bytes.len == 0)
        return;
    memcpy(buffer_room(b, bytes.len), bytes.at, bytes.len);
    b->len += bytes.len;
}

static inline void buffer_add_byte(struct buffer *b, char byte)
{
    *buffer_room(b, 1) = byte;
    b->len++;
}

void buffer_add_number(struct buffer *b, size_t number); /* in decimal */
void buffer_free(struct buffer *b);                      /* b becomes empty */

/* What was added since the buffer was `from` bytes long. */
static inline struct span buffer_since(const struct buffer *b, size_t from)
{
    return (struct span){b->at == NULL ? "" : b->at + from, b->len - from};
}

#endif
