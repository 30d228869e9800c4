/* fuzz_config: any bytes as ringpost.conf: a configuration, or at least one line of why not. */

#include "core/base/ensure.h"
#include "core/gateway/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain why = {0};
    struct config *config;

    if (size > 65536)
        return 0;
    config = config_load(fuzz_file(0, (struct span){(const char *)data, size}), NULL, 0, &why);
    ensure((config == NULL) == (why.len > 0));
    if (config != NULL)
        config_free(&config);
    chain_free(&why);
    return 0;
}
