#ifndef CORE_BASE_ALLOC_REST_H
#define CORE_BASE_ALLOC_REST_H

/*
 * alloc_rest: gives back to the system what has been free for ALLOC_REST_MS. Without being asked
 * the allocator does so only where a thread goes on allocating. Any thread; takes microseconds, and
 * more when there is much.
 */

enum {
    ALLOC_REST_MS = 2000,
};

void alloc_rest(void);

#endif
