#ifndef CORE_BASE_ATTR_H
#define CORE_BASE_ATTR_H

/* attr: what the compiler should check for us. */

#define MUST_USE                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((__format__(__printf__, text, first)))
#define NO_RETURN                __attribute__((noreturn))
#define UNUSED                   __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
