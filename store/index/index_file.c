#include "store/index/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/number.h"

/* LMDB's header page (data version 1, machines of 64 bits): its page header, then this. */
enum {
    HEADER_MAGIC_AT = 16,
    HEADER_VERSION_AT = 20,
    HEADER_PAGE_SIZE_AT = 40,
    HEADER_LEN = 152,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 65536,
};
#define HEADER_MAGIC   UINT32_C(0xbeefc0de)
#define HEADER_VERSION UINT32_C(1)

/* The seal: "RPSEAL01", size u64, crc32c of the file u32, crc32c of these 20 bytes u32. */
enum {
    SEAL_LEN = 24,
    CHUNK = 1 << 20,
    PATH_SIZE = 4096 + 16,
};
/* A larger file is not sealed: neither a stop nor a start should take seconds. */
#define SEALED_BYTES_MAX ((uint64_t)4 << 30)

static const char seal_magic[8] = {'R', 'P', 'S', 'E', 'A', 'L', '0', '1'};

static int open_in(const char *directory, const char *name, int flags)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/%s", directory, name);

    ensure(len > 0 && (size_t)len < sizeof(path));
    return open(path, flags | O_CLOEXEC, 0600);
}

/* ---- headers ---- */

static bool header_at(int file, uint64_t at, uint32_t *page_size_r)
{
    char header[HEADER_LEN];

    if (pread(file, header, sizeof(header), (off_t)at) != (ssize_t)sizeof(header) ||
        number_get32(header + HEADER_MAGIC_AT) != HEADER_MAGIC ||
        number_get32(header + HEADER_VERSION_AT) != HEADER_VERSION)
        return false;
    *page_size_r = number_get32(header + HEADER_PAGE_SIZE_AT);
    return *page_size_r >= PAGE_SIZE_MIN && *page_size_r <= PAGE_SIZE_MAX &&
           (*page_size_r & (*page_size_r - 1)) == 0;
}

enum store_status index_file_headers(const char *directory)
{
    int file = open_in(directory, "data.mdb", O_RDONLY);
    uint32_t first, second;
    bool is_good;

    if (file < 0)
        return errno == ENOENT ? STORE_NOT_FOUND : STORE_IO;
    is_good = header_at(file, 0, &first) && header_at(file, first, &second) && first == second;
    close(file);
    return is_good ? STORE_OK : STORE_CORRUPT;
}

/* ---- the seal ---- */

/* Size and checksum of the data file, as a seal has them. */
static bool seal_of(const char *directory, char seal_r[SEAL_LEN])
{
    int file = open_in(directory, "data.mdb", O_RDONLY);
    char *chunk = xmalloc(CHUNK);
    struct stat info = {0};
    uint64_t size = 0;
    uint32_t crc = 0;
    ssize_t len = -1;

    if (file >= 0 && fstat(file, &info) == 0 && (uint64_t)info.st_size <= SEALED_BYTES_MAX) {
        while ((len = pread(file, chunk, CHUNK, (off_t)size)) > 0) {
            crc = crc32c(crc, chunk, (size_t)len);
            size += (uint64_t)len;
        }
    }
    if (file >= 0)
        close(file);
    free(chunk);
    memcpy(seal_r, seal_magic, sizeof(seal_magic));
    number_put64(seal_r + 8, size);
    number_put32(seal_r + 16, crc);
    number_put32(seal_r + 20, crc32c(0, seal_r, SEAL_LEN - 4));
    return len == 0;
}

enum store_status index_file_sealed(const char *directory)
{
    int file = open_in(directory, "SEAL", O_RDONLY);
    char seal[SEAL_LEN], is[SEAL_LEN];
    ssize_t len = -1;

    if (file >= 0) {
        len = pread(file, seal, sizeof(seal), 0);
        close(file);
    }
    /* Half a seal is what a power cut left of one: the index was closed before. */
    if (len != SEAL_LEN || number_get32(seal + 20) != crc32c(0, seal, SEAL_LEN - 4))
        return STORE_OK;
    return seal_of(directory, is) && memcmp(seal, is, SEAL_LEN) == 0 ? STORE_OK : STORE_CORRUPT;
}

static bool sync_directory(const char *directory)
{
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = file >= 0 && fsync(file) == 0;

    if (file >= 0)
        close(file);
    return is_synced;
}

enum store_status index_file_unseal(const char *directory)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/SEAL", directory);

    ensure(len > 0 && (size_t)len < sizeof(path));
    if (unlink(path) != 0)
        return errno == ENOENT ? STORE_OK : STORE_IO;
    /* A seal that came back after a power cut would not fit what was written since. */
    return sync_directory(directory) ? STORE_OK : STORE_IO;
}

void index_file_seal(const char *directory)
{
    char seal[SEAL_LEN];
    int file;

    if (!seal_of(directory, seal))
        return;
    file = open_in(directory, "SEAL", O_WRONLY | O_CREAT | O_TRUNC);
    if (file < 0)
        return;
    if (pwrite(file, seal, SEAL_LEN, 0) != SEAL_LEN || fdatasync(file) != 0)
        (void)!ftruncate(file, 0);
    close(file);
    (void)sync_directory(directory);
}
