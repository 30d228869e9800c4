#ifndef CORE_BASE_ENSURE_H
#define CORE_BASE_ENSURE_H

/*
 * ensure: assertions that stay on.
 *
 * For our own mistakes only, never for a peer's input or the world's trouble. A false condition
 * prints where it was and aborts: a mail server that is wrong about itself must not go on writing.
 */

#include "core/base/attr.h"

#define ensure(condition)                                                                          \
    ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__, __func__))

NO_RETURN void ensure_failed(const char *condition, const char *file, int line, const char *func);

#endif
