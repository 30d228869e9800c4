/* run_transcript FILE...: replays conversations; the folder of a file says which protocol it is. */
#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "tests/session/transcript.h"

static const struct transcript_kind *const kinds[] = {
    &transcript_smtp,
    &transcript_lmtp,
    &transcript_imap,
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

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;

    for (int i = 1; i < argc; i++) {
        const struct transcript_kind *kind = kind_of(argv[i]);

        if (kind == NULL) {
            fprintf(stderr, "%s: which protocol is that?\n", argv[i]);
            return 2;
        }
        transcript_run(argv[i], kind, &passed, &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
