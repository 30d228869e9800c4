#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/imap/imap_utf7.h"
#include "proto/text/imap_string.h"

/* A level is a key of the store, never a path. Those that would read as paths elsewhere are refused
 * all the same, as are wildcards, which LIST could not name. */
static bool level_is_valid(const struct imap_settings *settings, struct span level)
{
    return level.len > 0 && level.len <= settings->name_level_size && !span_eq(level, SPAN(".")) &&
           !span_eq(level, SPAN("..")) && memchr(level.at, '*', level.len) == NULL &&
           memchr(level.at, '%', level.len) == NULL;
}

static bool name_is_valid(const struct imap_settings *settings, struct span name)
{
    unsigned levels = 0;

    for (;;) {
        const char *slash = name.len == 0 ? NULL : memchr(name.at, '/', name.len);
        struct span level = slash == NULL ? name : span_first(name, (size_t)(slash - name.at));

        if (!level_is_valid(settings, level) || ++levels > settings->name_depth_max)
            return false;
        if (slash == NULL)
            return true;
        name = span_after(name, level.len + 1);
    }
}

bool imap_name_read(const struct imap_settings *settings, struct span text, char *name_r,
                    uint32_t *len_r)
{
    size_t size = settings->name_size < IMAP_NAME_MAX ? settings->name_size : IMAP_NAME_MAX, len;

    if (!imap_utf7_decode(text, name_r, size, &len) ||
        !name_is_valid(settings, (struct span){name_r, len}))
        return false;
    /* INBOX has no case, as the first level of a name neither (RFC 3501 5.1). */
    if (len >= 5 && strncasecmp(name_r, "INBOX", 5) == 0 && (len == 5 || name_r[5] == '/'))
        memcpy(name_r, "INBOX", 5);
    *len_r = (uint32_t)len;
    return true;
}

void imap_write_mailbox(struct chain *out, struct span name)
{
    struct chain text = {0};
    struct span wire;

    imap_utf7_encode(name, &text);
    wire = chain_flat(&text);
    if (imap_text_is_atom(wire) && !span_eq_nocase(wire, SPAN("NIL")))
        chain_add(out, wire);
    else
        imap_string_write(out, wire);
    chain_free(&text);
}
