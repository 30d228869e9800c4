/* fuzz_tls_hello: any bytes as the first record of a TLS client. */
#include "core/base/ensure.h"
#include "core/tls/tls_hello.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_hello hello;
    char again[TLS_NAME_MAX + 1];

    if (!tls_hello_read((struct span){(const char *)data, size}, &hello))
        return 0;
    ensure(size > 5);
    ensure(memchr(hello.server_name, '\0', sizeof(hello.server_name)) != NULL);
    if (hello.server_name[0] == '\0')
        return 0;
    ensure(tls_hello_name(span_str(hello.server_name), again));
    ensure(strcmp(again, hello.server_name) == 0);
    return 0;
}
