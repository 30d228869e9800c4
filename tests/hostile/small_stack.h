#ifndef TESTS_HOSTILE_SMALL_STACK_H
#define TESTS_HOSTILE_SMALL_STACK_H

/*
 * small_stack: runs a function on a thread with a stack of 64 KiB, half of a worker's (HOSTILE
 * X12): whoever calls himself as deep as a peer asks for does not come back from it. With a
 * sanitizer, whose frames are larger, it is 512 KiB.
 */

/* Comes back when run(context) did. Aborts when there is no such thread to be had. */
void small_stack_run(void (*run)(void *context), void *context);

#endif
