/* fuzz_downgrade: any bytes as a message: it comes out the same in small steps as in large ones, in
 * bounded length, and a message of ASCII without labels as it was. First byte: the step. */
#include "core/base/ensure.h"
#include "proto/mime/downgrade.h"
#include "tests/fuzz/fuzz.h"

static void play(struct span message, size_t step, struct chain *out)
{
    struct downgrade *d = downgrade_new(message);

    while (downgrade_write(d, out, step))
        continue;
    downgrade_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain whole = {0}, steps = {0};
    struct span message = {(const char *)data + 1, size - 1};

    if (size < 1 || size > 65536)
        return 0;
    play(message, 1 << 20, &whole);
    play(message, 1u + data[0], &steps);
    ensure(span_eq(chain_flat(&whole), chain_flat(&steps)));
    ensure(whole.len <= message.len * 60 + 200); /* a label for each part at most */
    chain_free(&whole);
    chain_free(&steps);
    return 0;
}
