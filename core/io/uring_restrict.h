#ifndef CORE_IO_URING_RESTRICT_H
#define CORE_IO_URING_RESTRICT_H

/*
 * uring_restrict: a ring that can do no more than move bytes of sockets (HOSTILE.md section 9).
 *
 * Whoever gets hold of a ring's memory can ask the kernel for anything the ring may do, past every
 * filter of system calls. So a ring is made disabled, is told once what it may be asked for, and is
 * enabled then; the kernel answers everything else, and every later registration, with EACCES. It
 * holds for the ring's life. The reactor's thread.
 */

#include <liburing.h>
#include <stdbool.h>

#include "core/base/attr.h"

/* Restricts and enables a ring that was made with IORING_SETUP_R_DISABLED; all registrations come
 * before. `connects`: it may open connections too. 0 or -errno: then the ring cannot be used. */
MUST_USE int uring_restrict(struct io_uring *ring, bool connects);

#endif
