/* fuzz_imap_preauth: a stranger who was not let in yet. First byte: how the bytes are cut. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_imap_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 1 && size <= 32768)
        fuzz_imap_play(SPAN(""), (struct span){(const char *)data + 1, size - 1},
                       1u + data[0] % 16);
    return 0;
}
