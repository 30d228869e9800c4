#ifndef PROTO_IMAP_IMAP_SETTINGS_H
#define PROTO_IMAP_IMAP_SETTINGS_H

/*
 * imap_settings: what an operator may choose about IMAP, one snapshot of it. The letters in
 * brackets are the limits of HOSTILE.md 1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/sasl/sasl_settings.h"

struct imap_settings {
    struct sasl_settings sasl;   /* ways to log in */
    const char *greeting;        /* text behind the capabilities of the first line */
    bool offers_tls;             /* where the connection can do it */
    uint32_t login_ms;           /* from the greeting to a login, in all (L2) */
    uint32_t idle_ms;            /* silence of a client that is logged in */
    uint32_t notify_ms;          /* between words that keep a connection in IDLE alive; 0: none */
    uint32_t login_command_size; /* bytes of a command with its literals before login (L4) */
    uint32_t login_nesting_max;  /* parentheses inside each other before login (L4) */
    uint32_t login_bad_command_max; /* BAD answers in a row before login (L4) */
    uint32_t command_size;          /* bytes of a command after login, at most 65,536 (L5) */
    uint64_t message_size_limit;    /* bytes of a message in APPEND (L7) */
    uint32_t bad_command_max;       /* BAD answers in a row after login (L5) */
    uint32_t nesting_max;           /* parentheses inside each other (L5) */
    uint32_t literal_plus_size;     /* bytes of a literal that nobody asked for (L6) */
    uint32_t output_size;           /* bytes that a run gathers before they are sent (L13) */
    uint32_t name_size;             /* bytes of a mailbox name (L15) */
    uint32_t name_level_size;       /* bytes of one level of it (L15) */
    uint32_t name_depth_max;        /* levels (L15) */
    uint32_t mailbox_max;           /* mailboxes of an account (L15) */
    uint32_t keyword_max;           /* keywords in one STORE (L16) */
    uint32_t keyword_size;          /* bytes of a keyword (L16) */
    uint32_t search_key_max;        /* keys of one SEARCH (L17) */
    uint32_t search_depth_max;      /* NOT, OR and parentheses inside each other (L17) */
    uint32_t search_slice_ms;       /* a search lets others run after this time (L17) */
};

#define IMAP_SETTINGS_DEFAULT                                                                      \
    {                                                                                              \
        .sasl = {"PLAIN", "PLAIN", true, NULL, 0}, .greeting = "Ringpost ready.",                  \
        .offers_tls = true, .login_ms = 60 * 1000, .idle_ms = 30 * 60 * 1000,                      \
        .notify_ms = 2 * 60 * 1000, .message_size_limit = 10240000, .login_command_size = 8192,    \
        .login_nesting_max = 1, .login_bad_command_max = 3, .literal_plus_size = 4096,             \
        .command_size = 65536, .bad_command_max = 20, .nesting_max = 32,                           \
        .output_size = 256 * 1024, .name_size = 1024, .name_level_size = 255,                      \
        .name_depth_max = 32, .mailbox_max = 10000, .keyword_max = 64, .keyword_size = 50,         \
        .search_key_max = 256, .search_depth_max = 32, .search_slice_ms = 50,                      \
    }

/* What these bytes can't be set to more than. */
enum {
    IMAP_APPEND_BLOCK = 65536,       /* bytes of a message after which a request goes out */
    IMAP_APPEND_SKIP_MAX = 1 << 30,  /* bytes of a refused message that came unasked */
    IMAP_APPEND_MESSAGES_MAX = 1024, /* in one APPEND (RFC 3502) */
    IMAP_APPEND_TOTAL_MAX = 1 << 28, /* bytes of several messages in one APPEND */
    IMAP_TAG_MAX = 128,              /* bytes; longer ones are not repeated */
    IMAP_SECTIONS_MAX = 64,          /* sections in one FETCH */
    IMAP_SECTION_NAMES_MAX = 256,    /* field names in one section */
    IMAP_SECTION_DEPTH_MAX = 100,    /* numbers in one section, as deep as MIME is parsed (L10) */
    IMAP_ID_PAIRS_MAX = 30,          /* RFC 2971 3.3 */
    IMAP_ID_FIELD_MAX = 30,          /* bytes of a field's name, same section */
    IMAP_ID_VALUE_MAX = 1024,        /* bytes of a value, same section */
    IMAP_PATTERN_MAX = 1088,         /* bytes of a LIST's patterns: a name and its wildcards */
};

#endif
