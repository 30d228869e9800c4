/* fuzz_autodiscover: any bytes as the body of an Outlook's POST: what is found is text that fits.
 */

#include "core/base/ensure.h"
#include "core/gateway/http_autodiscover.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    char text[HTTP_AUTODISCOVER_TEXT_MAX];

    if (http_autodiscover_text(body, SPAN("EMailAddress"), text)) {
        size_t len = strnlen(text, sizeof(text));

        ensure(len > 0 && len < sizeof(text));
        ensure(memmem(data, size, "EMailAddress", 12) != NULL);
        ensure(strchr(text, '<') == NULL || memmem(data, size, "&lt;", 4) != NULL);
    }
    return 0;
}
