/* fuzz_imap_set: a sequence set over a view with gaps. First byte: of UIDs or numbers. */
#include <stdlib.h>

#include "core/base/ensure.h"
#include "proto/imap/imap_set.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imap_view *view = imap_view_new(1);
    struct span at = {(const char *)data + 1, size - 1};
    struct imap_ranges uids = {NULL, 0};

    if (size > 0) {
        if (data[0] & 2)
            imap_view_append(view, (struct imap_range){1, 5});
        if (data[0] & 4)
            imap_view_append(view, (struct imap_range){100, 4294967295});
        if (imap_set_parse(&at, view, data[0] & 1, &uids) == IMAP_SET_OK) {
            for (size_t i = 0; i < uids.count; i++) {
                ensure(uids.at[i].from <= uids.at[i].to);
                ensure(i == 0 || uids.at[i - 1].to < uids.at[i].from - 1);
                ensure(imap_ranges_hold(&uids, uids.at[i].from));
                ensure(imap_ranges_hold(&uids, uids.at[i].to));
            }
            free(uids.at);
        }
    }
    imap_view_free(&view);
    return 0;
}
