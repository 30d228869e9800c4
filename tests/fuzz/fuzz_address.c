/* fuzz_address: any bytes as an address; what is one means the same when it is written and read. */

#include "core/base/ensure.h"
#include "proto/text/address.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned all = ADDRESS_MAY_BE_EMPTY | ADDRESS_MAY_BE_UTF8 | ADDRESS_LONG_LOCAL;
    struct span bytes = {(const char *)data, size}, at = bytes, inside;
    char text[ADDRESS_TEXT_MAX];
    struct address a, b;

    if (address_path(&at, false, &inside))
        ensure(inside.len <= bytes.len && at.len < bytes.len);
    if (address_parse(bytes, all, &a) != ADDRESS_OK)
        return 0;
    ensure(address_parse((struct span){text, address_write(&a, text)}, all, &b) == ADDRESS_OK);
    ensure(span_eq(address_local(&a), address_local(&b)));
    ensure(span_eq(address_domain(&a), address_domain(&b)));
    return 0;
}
