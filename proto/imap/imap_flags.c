#include "proto/imap/imap_flags.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/imap/imap_requests.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

static const struct {
    struct span word;
    unsigned flag;
} flag_words[IMAP_FLAGS_COUNT] = {
    {{"\\Answered", 9}, IMAP_ANSWERED},
    {{"\\Flagged", 8},  IMAP_FLAGGED },
    {{"\\Deleted", 8},  IMAP_DELETED },
    {{"\\Seen", 5},     IMAP_SEEN    },
    {{"\\Draft", 6},    IMAP_DRAFT   },
};

unsigned imap_flag_find(struct span word)
{
    for (size_t i = 0; i < COUNT_OF(flag_words); i++) {
        if (span_eq_nocase(word, span_after(flag_words[i].word, 1)))
            return flag_words[i].flag;
    }
    return 0;
}

static bool keyword_is_listed(const struct imap_flag_list *list, struct span keyword)
{
    for (unsigned i = 0; i < list->keyword_count; i++) {
        if (span_eq_nocase(list->keywords[i], keyword))
            return true;
    }
    return false;
}

static enum imap_flags_result flag_take(struct span *at, unsigned keyword_max,
                                        unsigned keyword_size, struct imap_flag_list *list)
{
    struct span word;
    unsigned flag;

    if (imap_token_system_flag(at, &word)) {
        flag = imap_flag_find(word);
        list->flags |= flag;
        return flag != 0 ? IMAP_FLAGS_OK : IMAP_FLAGS_SYNTAX;
    }
    if (!imap_token_atom(at, &word))
        return IMAP_FLAGS_SYNTAX;
    if (word.len > keyword_size)
        return IMAP_FLAGS_TOO_LONG;
    if (keyword_is_listed(list, word))
        return IMAP_FLAGS_OK;
    if (list->keyword_count == keyword_max)
        return IMAP_FLAGS_TOO_MANY;
    list->keywords[list->keyword_count++] = word;
    return IMAP_FLAGS_OK;
}

enum imap_flags_result imap_flags_parse(struct span *at, unsigned keyword_max,
                                        unsigned keyword_size, struct imap_flag_list *list_r)
{
    bool in_list = scan_byte(at, '(');
    enum imap_flags_result result = IMAP_FLAGS_OK;
    struct imap_flag_list list = {0};

    list.keywords = xcalloc(keyword_max + 1, sizeof(*list.keywords));
    if (!in_list || !scan_byte(at, ')')) {
        do {
            result = flag_take(at, keyword_max, keyword_size, &list);
        } while (result == IMAP_FLAGS_OK && scan_byte(at, ' '));
        if (result == IMAP_FLAGS_OK && in_list && !scan_byte(at, ')'))
            result = IMAP_FLAGS_SYNTAX;
    }
    if (result != IMAP_FLAGS_OK) {
        free(list.keywords);
        return result;
    }
    *list_r = list;
    return IMAP_FLAGS_OK;
}

/* The words with a blank between them; returns whether there were any. */
static bool flags_write_words(struct chain *out, unsigned flags, uint64_t keywords,
                              const struct imap_keywords *names)
{
    bool any = false;

    for (size_t i = 0; i < COUNT_OF(flag_words); i++) {
        if ((flags & flag_words[i].flag) == 0)
            continue;
        if (any)
            chain_add_byte(out, ' ');
        chain_add(out, flag_words[i].word);
        any = true;
    }
    for (; keywords != 0; keywords &= keywords - 1) {
        struct span name = names->name[__builtin_ctzll(keywords)];

        if (name.len == 0)
            continue;
        if (any)
            chain_add_byte(out, ' ');
        chain_add(out, name);
        any = true;
    }
    return any;
}

void imap_flags_write(struct chain *out, unsigned flags, bool is_recent, uint64_t keywords,
                      const struct imap_keywords *names)
{
    chain_add_byte(out, '(');
    bool any = flags_write_words(out, flags, keywords, names);

    if (is_recent)
        chain_add(out, any ? SPAN(" \\Recent") : SPAN("\\Recent"));
    chain_add_byte(out, ')');
}

void imap_flags_write_mailbox(struct chain *out, uint64_t keywords,
                              const struct imap_keywords *names, bool read_only)
{
    const unsigned all = IMAP_ANSWERED | IMAP_FLAGGED | IMAP_DELETED | IMAP_SEEN | IMAP_DRAFT;

    chain_add(out, SPAN("* FLAGS ("));
    flags_write_words(out, all, keywords, names);
    if (read_only) {
        chain_add(out, SPAN(")\r\n* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n"));
        return;
    }
    chain_add(out, SPAN(")\r\n* OK [PERMANENTFLAGS ("));
    flags_write_words(out, all, keywords, names);
    chain_add(out, SPAN(" \\*)] Flags permitted.\r\n"));
}
