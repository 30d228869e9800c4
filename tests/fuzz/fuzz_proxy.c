/* fuzz_proxy: any bytes as a load balancer's first words. */
#include "core/base/ensure.h"
#include "core/conn/conn_proxy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_peer peer = {0};
    size_t len = 0;

    switch (conn_proxy_parse((struct span){(const char *)data, size}, &peer, &len)) {
    case CONN_PROXY_DONE:
        ensure(memchr(peer.address, '\0', sizeof(peer.address)) != NULL);
        ensure(memchr(peer.local_address, '\0', sizeof(peer.local_address)) != NULL);
        ensure(len <= size);
        break;
    case CONN_PROXY_SELF:
        ensure(len <= size);
        break;
    case CONN_PROXY_PART:
        ensure(size < CONN_PROXY_BLOCK_MAX);
        break;
    case CONN_PROXY_BAD:
        break;
    }
    return 0;
}
