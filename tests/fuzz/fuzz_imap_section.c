/* fuzz_imap_section: a section, a line feed, and a message that it is looked for in. */
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_section.h"
#include "proto/mime/meta.h"
#include "tests/fuzz/fuzz.h"

static void section_look(const struct imap_section *section, struct span message)
{
    struct chain meta = {0}, out = {0};
    struct meta opened;
    struct imap_section_place place;

    meta_build(message, &meta);
    ensure(meta_open(chain_flat(&meta), &opened));
    place = imap_section_find(section, &opened, (uint32_t)message.len);
    if (place.exists) {
        ensure(place.at <= message.len);
        ensure(place.len <= message.len - place.at);
        if (section->name_count > 0)
            imap_section_choose(section, span_first(span_after(message, place.at), place.len),
                                &out);
        ensure(out.len <= place.len);
    }
    chain_free(&out);
    chain_free(&meta);
}

/* What is written can be read, and means the same. */
static void section_again(const struct imap_section *section)
{
    struct chain text = {0}, again = {0};
    struct imap_section read;
    struct span at;

    imap_section_write_name(section, &text);
    at = span_after(chain_flat(&text), 4);
    /* "<3>" of an answer is no "<3.5>". */
    if (!section->is_partial && memchr(at.at, '{', at.len) == NULL) {
        ensure(imap_section_parse(&at, &read));
        ensure(at.len == 0);
        imap_section_write_name(&read, &again);
        ensure(again.len == text.len);
        imap_section_free(&read);
    }
    chain_free(&text);
    chain_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *line = size == 0 ? NULL : memchr(data, '\n', size);
    struct imap_section section;
    struct span at, message;
    char *copy;

    if (line == NULL || size > 65536)
        return 0;
    message = (struct span){line + 1, size - (size_t)(line + 1 - (const char *)data)};
    copy = xmalloc(size);
    memcpy(copy, data, size);
    at = (struct span){copy, size - message.len - 1};
    if (imap_section_parse(&at, &section)) {
        section_look(&section, message);
        section_again(&section);
        imap_section_free(&section);
    }
    free(copy);
    return 0;
}
