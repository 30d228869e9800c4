/* fuzz_lookup: the first byte says of which kind, then a table's text, a NUL, and a key: it is
 * answered, or at least one line says why there is no table. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/service/lookup.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

enum {
    INPUT_MAX = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"hash:", "pcre:", "inline:"};
    const uint8_t *nul;
    struct span text, key;
    struct chain spec = {0}, why = {0}, value = {0};
    struct lookup *lookup;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    nul = memchr(data + 1, '\0', size - 1);
    text = (struct span){(const char *)data + 1, nul == NULL ? size - 1 : (size_t)(nul - data) - 1};
    key = nul == NULL ? SPAN("user@example.com")
                      : (struct span){(const char *)nul + 1, size - text.len - 2};
    chain_add(&spec, span_str(types[data[0] % 3]));
    chain_add(&spec, data[0] % 3 == 2 ? text : span_str(fuzz_file(0, text)));
    chain_add_byte(&spec, '\0');
    lookup = lookup_open(chain_flat(&spec).at, &why);
    ensure((lookup != NULL) == (why.len == 0));
    if (lookup != NULL) {
        (void)!lookup_get(lookup, key, &value);
        ensure(value.len <= LOOKUP_VALUE_MAX + LOOKUP_KEY_MAX);
        lookup_close(&lookup);
    }
    chain_free(&value);
    chain_free(&why);
    chain_free(&spec);
    return 0;
}
