/* fuzz_imap_search: the keys of a SEARCH in a mailbox of seven messages. First byte: how the bytes
 * are cut. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_imap_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 1 && size <= 16384)
        fuzz_imap_play(SPAN("a LOGIN vagrant password\r\nb SELECT INBOX\r\nc UID SEARCH "),
                       (struct span){(const char *)data + 1, size - 1}, 1u + data[0] % 16);
    return 0;
}
