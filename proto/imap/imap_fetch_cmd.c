
#include "core/base/alloc.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_set.h"
#include "proto/imap/imap_token.h"
#include "proto/text/scan.h"

enum {
    FETCH_WANTS_MAX = IMAP_SECTIONS_MAX + IMAP_FETCH_SECTION,
};

/* Items without a section. */
static const struct {
    const char *word;
    enum imap_fetch_item item;
} fetch_words[] = {
    {"UID",           IMAP_FETCH_UID          },
    {"FLAGS",         IMAP_FETCH_FLAGS        },
    {"INTERNALDATE",  IMAP_FETCH_INTERNALDATE },
    {"RFC822.SIZE",   IMAP_FETCH_SIZE         },
    {"ENVELOPE",      IMAP_FETCH_ENVELOPE     },
    {"BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE},
};

/* Older names of sections (RFC 3501 6.4.5). */
static const struct {
    const char *word;
    enum imap_section_kind kind;
    bool peek;
} fetch_old[] = {
    {"RFC822.HEADER", IMAP_SECTION_HEADER, true },
    {"RFC822.TEXT",   IMAP_SECTION_TEXT,   false},
    {"RFC822",        IMAP_SECTION_ALL,    false},
};

static const struct {
    const char *word;
    enum imap_fetch_item items[5];
    unsigned count;
} fetch_macros[] = {
    {"ALL",  {IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE}, 4},
    {"FAST", {IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE},                      3},
    {"FULL",
     {IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE,
      IMAP_FETCH_BODY},
     5                                                                                           },
};

/* An item is answered once, however often it is asked for. */
static void fetch_want(struct imap_fetch_request *r, enum imap_fetch_item item)
{
    for (unsigned i = 0; i < r->want_count; i++) {
        if (r->wants[i].item == item)
            return;
    }
    if (item == IMAP_FETCH_FLAGS)
        r->wants_flags = true;
    r->wants[r->want_count++] = (struct imap_fetch_want){item, 0};
}

static bool fetch_want_section(struct imap_fetch_request *r, struct imap_section *section)
{
    if (r->section_count == IMAP_SECTIONS_MAX) {
        imap_section_free(section);
        return false;
    }
    r->sections = xrealloc(r->sections, (r->section_count + 1) * sizeof(*r->sections));
    r->sections[r->section_count] = *section;
    r->wants[r->want_count++] =
        (struct imap_fetch_want){IMAP_FETCH_SECTION, (uint16_t)r->section_count};
    r->section_count++;
    if (!section->peek)
        r->sets_seen = true;
    return true;
}

/* "BODY", "BODY[...]" and "BODY.PEEK[...]". */
static bool fetch_body(struct span *at, struct imap_fetch_request *r)
{
    struct imap_section section;
    struct span rest = *at;
    bool peek = false;

    if (!scan_nocase(&rest, SPAN("BODY")))
        return false;
    peek = scan_nocase(&rest, SPAN(".PEEK"));
    if (!peek && (rest.len == 0 || rest.at[0] != '[')) {
        if (rest.len > 0 && imap_char_is_atom(rest.at[0]))
            return false;
        *at = rest;
        fetch_want(r, IMAP_FETCH_BODY);
        return true;
    }
    if (!imap_section_parse(&rest, &section))
        return false;
    *at = rest;
    section.peek = peek;
    return fetch_want_section(r, &section);
}

static bool fetch_item(struct span *at, struct imap_fetch_request *r)
{
    for (size_t i = 0; i < COUNT_OF(fetch_words); i++) {
        if (imap_token_word(at, fetch_words[i].word)) {
            fetch_want(r, fetch_words[i].item);
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(fetch_old); i++) {
        struct imap_section section = {
            .kind = fetch_old[i].kind, .label = fetch_old[i].word, .peek = fetch_old[i].peek};

        if (imap_token_word(at, fetch_old[i].word))
            return fetch_want_section(r, &section);
    }
    return fetch_body(at, r);
}

static bool fetch_items(struct span *at, struct imap_fetch_request *r)
{
    for (size_t i = 0; i < COUNT_OF(fetch_macros); i++) {
        if (!imap_token_word(at, fetch_macros[i].word))
            continue;
        for (unsigned item = 0; item < fetch_macros[i].count; item++)
            fetch_want(r, fetch_macros[i].items[item]);
        return true;
    }
    if (!scan_byte(at, '('))
        return fetch_item(at, r);
    do {
        if (!fetch_item(at, r))
            return false;
    } while (scan_byte(at, ' '));
    return scan_byte(at, ')');
}

bool imap_set_arg(struct imap_session *s, struct span *at, struct imap_ranges *uids_r)
{
    enum imap_set_result result = !imap_token_space(at)
                                      ? IMAP_SET_SYNTAX
                                      : imap_set_parse(at, s->view, s->command.by_uid, uids_r);

    if (result == IMAP_SET_OK)
        return true;
    imap_bad(s, result == IMAP_SET_SYNTAX ? NULL : "Invalid messageset.");
    return false;
}

void imap_fetch_cmd(struct imap_session *s, struct span args)
{
    struct imap_fetch_request *r = imap_request_new(REQUEST_IMAP_FETCH, sizeof(*r));

    if (!imap_set_arg(s, &args, &r->uids)) {
        imap_drop(&r->imap);
        return;
    }
    r->wants = xcalloc(FETCH_WANTS_MAX, sizeof(*r->wants));
    if (s->command.by_uid)
        fetch_want(r, IMAP_FETCH_UID);
    if (!imap_token_space(&args) || !fetch_items(&args, r) || !scan_end(&args)) {
        imap_drop(&r->imap);
        imap_bad(s, NULL);
        return;
    }
    if (s->view->read_only)
        r->sets_seen = false;
    imap_ask(s, &r->imap);
}

void imap_fetch_answered(struct imap_session *s, struct request *answered)
{
    const struct imap_fetch_request *r = (const struct imap_fetch_request *)answered;

    s->headers += r->headers;
    s->bodies += r->bodies;
    imap_finish_status(s, answered);
}
