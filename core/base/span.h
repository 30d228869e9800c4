#ifndef CORE_BASE_SPAN_H
#define CORE_BASE_SPAN_H

/*
 * span: a borrowed run of bytes.
 *
 * Not NUL-terminated, never owned, never freed. A span is valid as long as the memory it points
 * into; each function that hands one out says how long that is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_str(const char *text)
{
    return (struct span){text, strlen(text)};
}

static inline struct span span_first(struct span s, size_t len)
{
    return (struct span){s.at, len < s.len ? len : s.len};
}

static inline struct span span_after(struct span s, size_t len)
{
    size_t skipped = len < s.len ? len : s.len;

    /* An absent span has no pointer to count from. */
    return skipped == 0 ? s : (struct span){s.at + skipped, s.len - skipped};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII case only: what the mail protocols mean by case-insensitive. */
static inline bool span_eq_nocase(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

#endif
