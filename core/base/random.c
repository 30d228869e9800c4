#include "core/base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/ensure.h"

static bool seeded;
static uint64_t state[4];
static uint64_t hash_key[2];

/* Spreads one seed over a whole state (splitmix64): the state must not be all zero bits. */
static uint64_t seed_next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

/* xoshiro256**: good enough for schedules, never for keys. */
static uint64_t sequence_next(void)
{
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

static void kernel_bytes(char *at, size_t size)
{
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        ensure(got >= 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

static void sequence_bytes(char *at, size_t size)
{
    while (size > 0) {
        uint64_t next = sequence_next();
        size_t len = size < sizeof(next) ? size : sizeof(next);

        memcpy(at, &next, len);
        at += len;
        size -= len;
    }
}

void random_bytes(void *at, size_t size)
{
    if (seeded)
        sequence_bytes(at, size);
    else
        kernel_bytes(at, size);
}

uint64_t random_u64(void)
{
    uint64_t number;

    random_bytes(&number, sizeof(number));
    return number;
}

void random_seed(uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        state[i] = seed_next(&seed);
    for (unsigned i = 0; i < 2; i++)
        hash_key[i] = seed_next(&seed);
    seeded = true;
}

/* Before main(), so that no thread can see half a key and no lock is needed. */
__attribute__((constructor)) static void hash_key_make(void)
{
    kernel_bytes((char *)hash_key, sizeof(hash_key));
}

const uint64_t *random_hash_key(void)
{
    return hash_key;
}
