#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/imap_string.h"
#include "proto/text/utf7.h"

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
    uint32_t size = settings->name_size < IMAP_NAME_MAX ? settings->name_size : IMAP_NAME_MAX;
    struct buffer name = {0};
    bool valid = utf7_decode(text, &name) && name.len <= size &&
                 name_is_valid(settings, buffer_since(&name, 0));

    if (valid) {
        *len_r = (uint32_t)name.len;
        memcpy(name_r, name.at, name.len);
        /* INBOX has no case, as the first level of a name neither (RFC 3501 5.1). */
        if (name.len >= 5 && strncasecmp(name_r, "INBOX", 5) == 0 &&
            (name.len == 5 || name_r[5] == '/'))
            memcpy(name_r, "INBOX", 5);
    }
    buffer_free(&name);
    return valid;
}

void imap_write_mailbox(struct chain *out, struct span name)
{
    struct buffer text = {0};
    struct span wire = name;

    /* The store's names are UTF-8; one that is not would be shown as it is. */
    if (utf7_encode(name, &text))
        wire = buffer_since(&text, 0);
    if (imap_text_is_atom(wire) && !span_eq_nocase(wire, SPAN("NIL")))
        chain_add(out, wire);
    else
        imap_string_write(out, wire);
    buffer_free(&text);
}
