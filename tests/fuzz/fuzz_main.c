/* fuzz_main FILE...: runs a fuzz target over files; over its own few inputs when there are none. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "tests/fuzz/fuzz.h"

enum {
    FILE_MAX = 1 << 20,
};

static int run_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t *bytes;
    size_t len;

    if (in == NULL) {
        perror(path);
        return 0;
    }
    bytes = xmalloc(FILE_MAX);
    len = fread(bytes, 1, FILE_MAX, in);
    fclose(in);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    return 1;
}

int main(int argc, char **argv)
{
    int passed = 0;

    for (int i = 1; i < argc; i++)
        passed += run_file(argv[i]);
    printf("%d passed, %d failed\n", passed, argc - 1 - passed);
    return passed != argc - 1;
}
