/* fuzz_header_param: any bytes as the value of a Content-* field: its parameters, those of RFC 2231
 * put together, are no longer than what they were made of, and can be asked for by name. */

#include "core/base/ensure.h"
#include "proto/mime/header_param.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size}, at = text, type, subtype;
    struct buffer scratch = {0};
    struct header_params params;
    size_t len = 0;

    if (header_type(&at, &type, &subtype))
        ensure(type.len > 0 && subtype.len > 0 && type.len + subtype.len < size);
    header_params(text, &scratch, &params);
    ensure(params.count <= META_PARAMS_MAX);
    for (unsigned i = 0; i < params.count; i++) {
        struct span name = params.list[i].name;

        ensure(name.len > 0);
        len += params.list[i].value.len;
        if (name.at[name.len - 1] == '*')
            name.len--;
        ensure(name.len == 0 || header_param(&params, name).at != NULL);
    }
    ensure(len <= 3 * size + 2 * META_PARAMS_MAX); /* "%0A", and "''" in front */
    buffer_free(&scratch);
    return 0;
}
