#ifndef CORE_BASE_NUMBER_H
#define CORE_BASE_NUMBER_H

/* number: decimal text in and out, checked. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    NUMBER_TEXT_MAX = 20, /* digits of UINT64_MAX */
};

/* The whole of `text` as a decimal number of at most `max`. False on anything else: no digits, a
 * sign, a blank, a digit too many. */
MUST_USE bool number_parse(struct span text, uint64_t max, uint64_t *number_r);

/* Writes the digits of `number` to `at` (room for NUMBER_TEXT_MAX); returns how many. No NUL. */
size_t number_write(char *at, uint64_t number);

/* Like number_write() with upper-case hex digits, padded with zeros to at least `width` (<= 16). */
size_t number_write_hex(char *at, uint64_t number, unsigned width);

static inline uint16_t number_get16(const void *at);
static inline uint32_t number_get32(const void *at);
static inline uint64_t number_get64(const void *at);

/* Little-endian numbers at any address: the byte order of the disk formats. */
static inline uint16_t number_get16(const void *at)
{
    const unsigned char *b = at;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t number_get32(const void *at)
{
    const unsigned char *b = at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t number_get64(const void *at)
{
    return (uint64_t)number_get32(at) | (uint64_t)number_get32((const char *)at + 4) << 32;
}

static inline void number_put16(void *at, uint16_t n)
{
    unsigned char *b = at;
    b[0] = (unsigned char)n;
    b[1] = (unsigned char)(n >> 8);
}

static inline void number_put32(void *at, uint32_t n)
{
    number_put16(at, (uint16_t)n);
    number_put16((char *)at + 2, (uint16_t)(n >> 16));
}

static inline void number_put64(void *at, uint64_t n)
{
    number_put32(at, (uint32_t)n);
    number_put32((char *)at + 4, (uint32_t)(n >> 32));
}

#endif
