#include "store/index/index_name.h"

#include <stdint.h>

/* Length of the UTF-8 character at `at`, 0 when it is none: overlong, a surrogate, past U+10FFFF.
 */
static size_t character_len(const unsigned char *at, size_t left)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80       ? 1
                 : at[0] >> 5 == 6  ? 2
                 : at[0] >> 4 == 14 ? 3
                 : at[0] >> 3 == 30 ? 4
                                    : 0;
    uint32_t c;

    if (len <= 1)
        return len;
    if (len > left)
        return 0;
    c = at[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        c = c << 6 | (at[i] & 0x3F);
    }
    return c < lowest[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? 0 : len;
}

/* UTF-8 without C0, DEL and C1 control characters. */
static bool is_text(struct span s)
{
    const unsigned char *at = (const unsigned char *)s.at;

    for (size_t i = 0, len; i < s.len; i += len) {
        len = character_len(at + i, s.len - i);
        if (len == 0 || at[i] < 0x20 || at[i] == 0x7F || (at[i] == 0xC2 && at[i + 1] < 0xA0))
            return false;
    }
    return true;
}

static bool are_levels(struct span s)
{
    size_t level = 0;
    unsigned count = 1;

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '/') {
            if (++level > NAME_LEVEL_MAX)
                return false;
            continue;
        }
        if (level == 0 || ++count > NAME_LEVELS_MAX)
            return false;
        level = 0;
    }
    return level > 0;
}

bool name_mailbox(struct span name, char *room, struct span *normal_r)
{
    if (name.len == 0 || name.len > STORE_MAILBOX_NAME_MAX || !is_text(name) || !are_levels(name))
        return false;
    memcpy(room, name.at, name.len);
    if (name.len >= 5 && strncasecmp(room, "inbox", 5) == 0 && (name.len == 5 || room[5] == '/'))
        memcpy(room, "INBOX", 5);
    *normal_r = (struct span){room, name.len};
    return true;
}

bool name_is_below(struct span name, struct span above)
{
    return name.len > above.len && name.at[above.len] == '/' &&
           span_eq(span_first(name, above.len), above);
}

struct span name_above(struct span name)
{
    const char *slash = memrchr(name.at, '/', name.len);

    return span_first(name, slash == NULL ? 0 : (size_t)(slash - name.at));
}

bool name_account(struct span name)
{
    return name.len > 0 && name.len <= STORE_ACCOUNT_NAME_MAX && is_text(name);
}

bool name_keyword(struct span name)
{
    if (name.len == 0 || name.len > STORE_KEYWORD_LEN_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c <= 0x20 || c >= 0x7F || memchr("(){%*\"\\]", c, 8))
            return false;
    }
    return true;
}
