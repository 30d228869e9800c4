#ifndef CORE_BASE_CRC32C_H
#define CORE_BASE_CRC32C_H

/*
 * crc32c: the Castagnoli checksum (RFC 3720 B.4), by the processor's instruction where it has one
 * (SSE4.2, ARMv8), else by table. crc32c(0, "123456789") is 0xE3069283. Chain calls by handing the
 * last result in as `crc`. Any thread.
 */

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
