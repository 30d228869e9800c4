#include "core/base/crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

/*
 * The instruction has a latency of three cycles and a rate of one a cycle, so three streams side by
 * side run at full speed. Their results are joined by a table that says what a checksum becomes
 * when STREAM_LEN zero bytes follow: the checksum is linear, so that is an exclusive or of its
 * bytes' shares.
 */
enum {
    STREAM_LEN = 1024,
};
static const uint32_t POLYNOMIAL = UINT32_C(0x82F63B78); /* reflected */

static uint32_t slice[8][256]; /* slice[n][b]: the byte b, followed by n zero bytes */
static uint32_t after_stream[4][256];
static uint32_t (*update)(uint32_t crc, const unsigned char *at, size_t len);

static uint64_t load64(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint32_t table_step8(uint32_t crc, uint64_t word)
{
    uint32_t low = (uint32_t)word ^ crc, high = (uint32_t)(word >> 32);

    return slice[7][low & 255] ^ slice[6][low >> 8 & 255] ^ slice[5][low >> 16 & 255] ^
           slice[4][low >> 24] ^ slice[3][high & 255] ^ slice[2][high >> 8 & 255] ^
           slice[1][high >> 16 & 255] ^ slice[0][high >> 24];
}

static uint32_t table_update(uint32_t crc, const unsigned char *at, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; len >= 8; at += 8, len -= 8)
        crc = table_step8(crc, load64(at));
#endif
    for (; len > 0; at++, len--)
        crc = slice[0][(crc ^ *at) & 255] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__ARM_FEATURE_CRC32))

#if defined(__x86_64__)
#define CRC_TARGET   __attribute__((target("sse4.2")))
#define CRC8(crc, n) ((uint32_t)_mm_crc32_u64((crc), (n)))
#define CRC1(crc, n) _mm_crc32_u8((crc), (n))
#else
#define CRC_TARGET
#define CRC8(crc, n) __crc32cd((crc), (n))
#define CRC1(crc, n) __crc32cb((crc), (n))
#endif

static uint32_t shifted(uint32_t crc)
{
    return after_stream[0][crc & 255] ^ after_stream[1][crc >> 8 & 255] ^
           after_stream[2][crc >> 16 & 255] ^ after_stream[3][crc >> 24];
}

CRC_TARGET static uint32_t streams_update(uint32_t crc, const unsigned char *at)
{
    uint32_t second = 0, third = 0;

    for (size_t i = 0; i < STREAM_LEN; i += 8) {
        crc = CRC8(crc, load64(at + i));
        second = CRC8(second, load64(at + STREAM_LEN + i));
        third = CRC8(third, load64(at + 2 * STREAM_LEN + i));
    }
    return shifted(shifted(crc) ^ second) ^ third;
}

CRC_TARGET static uint32_t hardware_update(uint32_t crc, const unsigned char *at, size_t len)
{
    for (; len >= 3 * STREAM_LEN; at += 3 * STREAM_LEN, len -= 3 * STREAM_LEN)
        crc = streams_update(crc, at);
    for (; len >= 8; at += 8, len -= 8)
        crc = CRC8(crc, load64(at));
    for (; len > 0; at++, len--)
        crc = CRC1(crc, *at);
    return crc;
}

static void after_stream_fill(void)
{
    static const unsigned char zeros[STREAM_LEN];

    for (unsigned byte = 0; byte < 4; byte++) {
        for (uint32_t value = 0; value < 256; value++)
            after_stream[byte][value] = table_update(value << (8 * byte), zeros, sizeof(zeros));
    }
}
#endif

static void slice_fill(void)
{
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        slice[0][value] = crc;
    }
    for (unsigned n = 1; n < 8; n++) {
        for (unsigned value = 0; value < 256; value++)
            slice[n][value] = slice[0][slice[n - 1][value] & 255] ^ slice[n - 1][value] >> 8;
    }
}

/* Before main(), so that no thread can see half a table and no lock is needed. */
__attribute__((constructor)) static void tables_make(void)
{
    slice_fill();
    update = table_update;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) {
        after_stream_fill();
        update = hardware_update;
    }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
    after_stream_fill();
    update = hardware_update;
#endif
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return ~update(~crc, bytes, len);
}
