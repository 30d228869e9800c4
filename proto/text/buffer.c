#include "proto/text/buffer.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"

enum {
    BUFFER_FIRST = 1024,
};

char *buffer_grow(struct buffer *b, size_t size)
{
    size_t grown = b->size == 0 ? BUFFER_FIRST : b->size;

    ensure(size <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    while (grown - b->len < size)
        grown *= 2;
    b->at = xrealloc(b->at, grown);
    b->size = grown;
    return b->at + b->len;
}

void buffer_add_number(struct buffer *b, size_t number)
{
    b->len += number_write(buffer_room(b, NUMBER_TEXT_MAX), number);
}

void buffer_free(struct buffer *b)
{
    free(b->at);
    *b = (struct buffer){0};
}
