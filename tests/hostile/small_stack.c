#include "tests/hostile/small_stack.h"

#include <pthread.h>

#include "core/base/ensure.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#endif

enum {
#if defined(IS_SANITIZED)
    STACK_SIZE = 512 * 1024,
#else
    STACK_SIZE = 64 * 1024,
#endif
};

struct call {
    void (*run)(void *context);
    void *context;
};

static void *thread_run(void *context)
{
    struct call *call = context;

    call->run(call->context);
    return NULL;
}

void small_stack_run(void (*run)(void *context), void *context)
{
    struct call call = {run, context};
    pthread_attr_t attributes;
    pthread_t thread;

    ensure(pthread_attr_init(&attributes) == 0);
    ensure(pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0);
    ensure(pthread_create(&thread, &attributes, thread_run, &call) == 0);
    ensure(pthread_join(thread, NULL) == 0);
    ensure(pthread_attr_destroy(&attributes) == 0);
}
