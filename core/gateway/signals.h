#ifndef CORE_GATEWAY_SIGNALS_H
#define CORE_GATEWAY_SIGNALS_H

/*
 * signals: what an operator asks of the running process. They are blocked in all threads, and the
 * main thread waits for them, so that no code of ours runs inside a signal handler; but one: a
 * crash inside the index leaves a note for the next start (store_crashed_at()).
 */

#include <stdint.h>

enum signals_request {
    SIGNALS_STOP,   /* TERM, INT */
    SIGNALS_RELOAD, /* HUP: settings, users and aliases again; the log file is opened anew */
    SIGNALS_REOPEN, /* USR1: the log file only */
    SIGNALS_TELL,   /* USR2: a line with what is held in memory */
    SIGNALS_NONE,   /* the time is over */
};

/* Before the first thread starts. A write to a closed socket is an error code from now on. */
void signals_take(void);

/* Main thread: waits for the next one, at most until then (of the monotonic clock; UINT64_MAX:
 * for ever). */
enum signals_request signals_wait(uint64_t until_ns);

/* Ends the process when it is still here after so many seconds. */
void signals_stop_within(unsigned seconds);

#endif
