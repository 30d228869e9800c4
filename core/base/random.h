#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

/* random: bytes from the kernel, or from a seed in tests and the simulator. Any thread. */

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *at, size_t size); /* fit for keys */
uint64_t random_u64(void);

/* From now on all of the above is a sequence that `seed` decides, and so is the hash key. One
 * thread only, before anything was hashed. */
void random_seed(uint64_t seed);

/* Two numbers that stay the same as long as the process runs: the key of its hash tables. */
const uint64_t *random_hash_key(void);

#endif
