/*
 * run_transcript FILE...: replays conversations; the folder of a file says which protocol it is.
 * All of it runs on a stack of 64 KiB (HOSTILE X12): no peer chooses how deep we call.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "tests/hostile/small_stack.h"
#include "tests/session/transcript.h"

static const struct transcript_kind *const kinds[] = {
    &transcript_smtp, &transcript_lmtp, &transcript_imap, &transcript_pop3, &transcript_client,
};

/* The last folder of the path. */
static const struct transcript_kind *kind_of(const char *path)
{
    const char *name = strrchr(path, '/'), *folder = name;

    while (folder != NULL && folder > path && folder[-1] != '/')
        folder--;
    for (size_t i = 0; name != NULL && i < COUNT_OF(kinds); i++) {
        if (span_eq(span_str(kinds[i]->name), (struct span){folder, (size_t)(name - folder)}))
            return kinds[i];
    }
    return NULL;
}

struct run {
    int count;
    char **paths;
    unsigned passed, failed;
};

static void run_all(void *context)
{
    struct run *run = context;

    for (int i = 0; i < run->count; i++) {
        const struct transcript_kind *kind = kind_of(run->paths[i]);

        if (kind == NULL) {
            fprintf(stderr, "%s: which protocol is that?\n", run->paths[i]);
            run->failed++;
            continue;
        }
        transcript_run(run->paths[i], kind, &run->passed, &run->failed);
    }
}

int main(int argc, char **argv)
{
    struct run run = {.count = argc - 1, .paths = argv + 1};

    small_stack_run(run_all, &run);
    printf("%u passed, %u failed\n", run.passed, run.failed);
    return run.failed != 0;
}
