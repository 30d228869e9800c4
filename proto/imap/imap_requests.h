#ifndef PROTO_IMAP_IMAP_REQUESTS_H
#define PROTO_IMAP_IMAP_REQUESTS_H

/*
 * What an IMAP session asks for, typed: one struct for each REQUEST_IMAP_* kind.
 *
 * Spans point into the command that the session keeps until the answer is back, so a run may use
 * them but not keep them. Ranges and arrays belong to the request. What stands under "place" is the
 * run's, zero when the request is new: a run that stops with base.more finds there where it was.
 * A run writes untagged responses to base.out; the session says the tagged one.
 */

#include "core/base/attr.h"
#include "proto/imap/imap_range.h"
#include "proto/imap/imap_section.h"
#include "proto/imap/imap_settings.h"
#include "proto/imap/imap_view.h"
#include "proto/request.h"

enum {
    IMAP_NAME_MAX = 1024, /* bytes of a mailbox name in UTF-8 */
    IMAP_FLAGS_COUNT = 5, /* system flags that are stored */
};

/* Bits of the system flags, the same as in the store. */
enum imap_flag {
    IMAP_ANSWERED = 1 << 0,
    IMAP_FLAGGED = 1 << 1,
    IMAP_DELETED = 1 << 2,
    IMAP_SEEN = 1 << 3,
    IMAP_DRAFT = 1 << 4,
};

/* Who is logged in. The session's; a run may fill in `id`. */
struct imap_account {
    struct span name; /* user@domain */
    uint32_t id;      /* 0: not looked up yet */
};

/* The beginning of all requests here. */
struct imap_request {
    struct request base;
    const struct imap_settings *settings;
    struct imap_account *account;
    struct imap_view *view; /* of the selected mailbox; NULL in STATUS and LIST */
    bool may_expunge;       /* EXPUNGE responses may come before the tagged answer */
    bool expunge_issued;    /* out: asked for messages that are gone, which the client can't know */
    uint64_t out_bytes;     /* out: bytes written in all */
    uint32_t expunged;      /* out: EXPUNGE responses */

    /* place */
    void *job; /* of an answer that comes later */
    unsigned phase;
    bool change_failed;
    bool gives_folders;     /* the change at hand is not the command's own */
    uint64_t change_modseq; /* of the mailbox after the request's last change; 0: none yet */
    uint32_t change_uid, change_uid_validity; /* of the first message that it brought */
    struct imap_ranges changed;               /* what was copied; owned */
    enum request_status change_status;
    bool is_syncing;
    uint32_t sync_uid;    /* flags were told below it */
    uint64_t sync_modseq; /* what the sync that is under way will have told */
};

struct imap_select_request {
    struct imap_request imap; /* imap.view is new and empty: the run fills it */
    char name[IMAP_NAME_MAX]; /* UTF-8, no NUL behind it */
    uint32_t name_len;
    bool read_only;
};

enum imap_status_item {
    IMAP_STATUS_MESSAGES = 1 << 0,
    IMAP_STATUS_RECENT = 1 << 1,
    IMAP_STATUS_UIDNEXT = 1 << 2,
    IMAP_STATUS_UIDVALIDITY = 1 << 3,
    IMAP_STATUS_UNSEEN = 1 << 4,
};
struct imap_status_request {
    struct imap_request imap;
    char name[IMAP_NAME_MAX];
    uint32_t name_len;
    unsigned items;
};

/* What mailboxes are for (RFC 6154), the same as in the store. */
enum imap_use {
    IMAP_USE_ARCHIVE = 1 << 0,
    IMAP_USE_DRAFTS = 1 << 1,
    IMAP_USE_JUNK = 1 << 2,
    IMAP_USE_SENT = 1 << 3,
    IMAP_USE_TRASH = 1 << 4,
};

enum imap_list_option {
    IMAP_LIST_LSUB = 1 << 0, /* as LSUB does it, RFC 3501 6.3.9 */
    /* select (RFC 5258 3.1, RFC 6154) */
    IMAP_LIST_SUBSCRIBED = 1 << 1,
    IMAP_LIST_SPECIAL_USE = 1 << 2,
    IMAP_LIST_RECURSIVE = 1 << 3,
    /* return; what mailboxes are for and whether they have children is always told */
    IMAP_LIST_SHOW_SUBSCRIBED = 1 << 4,
};
struct imap_match;
struct imap_list_request {
    struct imap_request imap;
    struct imap_match *match;
    unsigned options; /* enum imap_list_option */

    /* place */
    char after[IMAP_NAME_MAX];
    uint32_t after_len;
};

enum imap_mailbox_what {
    IMAP_MAILBOX_CREATE,
    IMAP_MAILBOX_DELETE,
    IMAP_MAILBOX_RENAME,
    IMAP_MAILBOX_SUBSCRIBE,
    IMAP_MAILBOX_UNSUBSCRIBE,
};
struct imap_mailbox_request {
    struct imap_request imap;
    enum imap_mailbox_what what;
    char name[IMAP_NAME_MAX];
    uint32_t name_len;
    char to[IMAP_NAME_MAX]; /* RENAME */
    uint32_t to_len;
    unsigned uses;         /* CREATE: enum imap_use */
    bool deleted_selected; /* out: the selected mailbox is no more */
};

enum imap_fetch_item {
    IMAP_FETCH_UID,
    IMAP_FETCH_FLAGS,
    IMAP_FETCH_INTERNALDATE,
    IMAP_FETCH_SIZE,
    IMAP_FETCH_ENVELOPE,
    IMAP_FETCH_BODY,
    IMAP_FETCH_BODYSTRUCTURE,
    IMAP_FETCH_SECTION, /* BODY[...], BODY.PEEK[...], RFC822, RFC822.HEADER, RFC822.TEXT */
};
struct imap_fetch_request {
    struct imap_request imap;
    struct imap_ranges uids;
    struct imap_fetch_want { /* in the order of the command */
        enum imap_fetch_item item;
        uint16_t section; /* of IMAP_FETCH_SECTION: index into sections */
    } * wants;
    unsigned want_count;
    struct imap_section *sections;
    unsigned section_count;
    bool wants_flags;
    bool sets_seen;           /* never with a read-only view */
    uint64_t headers, bodies; /* out: messages of which they were sent */

    /* place */
    size_t range;              /* in uids */
    uint32_t uid;              /* next; 0: the range's first */
    uint32_t seen_to;          /* \Seen was set up to here, or it was tried */
    uint32_t wanted, answered; /* messages */
    bool is_damaged;           /* of some the bytes can't be read */
};

enum imap_store_mode {
    IMAP_STORE_ADD,
    IMAP_STORE_REMOVE,
    IMAP_STORE_SET
};
struct imap_store_request {
    struct imap_request imap;
    struct imap_ranges uids;
    enum imap_store_mode mode;
    bool silent, says_uid;
    unsigned flags; /* enum imap_flag */
    struct span *keywords;
    unsigned keyword_count;

    /* place */
    size_t range;
    uint32_t uid;
};

enum imap_search_op {
    /* of other nodes, which follow */
    IMAP_SEARCH_AND, /* count nodes */
    IMAP_SEARCH_OR,  /* two */
    IMAP_SEARCH_NOT, /* one */
    /* known from the index entry */
    IMAP_SEARCH_ALL,
    IMAP_SEARCH_UIDS, /* ranges */
    IMAP_SEARCH_FLAG, /* number: one enum imap_flag */
    IMAP_SEARCH_RECENT,
    IMAP_SEARCH_KEYWORD, /* text; number is its bit when the run has looked it up */
    IMAP_SEARCH_BEFORE,  /* number: days since 1970 */
    IMAP_SEARCH_ON,
    IMAP_SEARCH_SINCE,
    IMAP_SEARCH_LARGER, /* number: bytes */
    IMAP_SEARCH_SMALLER,
    /* known from what was parsed out of the message */
    IMAP_SEARCH_SENTBEFORE,
    IMAP_SEARCH_SENTON,
    IMAP_SEARCH_SENTSINCE,
    IMAP_SEARCH_HEADER, /* field, text */
    /* only the message itself knows */
    IMAP_SEARCH_BODY, /* text */
    IMAP_SEARCH_TEXT,
};
struct imap_search_node {
    enum imap_search_op op;
    uint32_t count;
    uint64_t number;
    struct span field, text;
    struct imap_ranges uids;
    void *needle; /* the run's, made of `text` when first needed; freed by free_needle */
};
struct imap_search_request {
    struct imap_request imap;
    struct imap_search_node *nodes; /* prefix order: a node, then its operands */
    unsigned node_count;
    bool by_uid; /* answer with UIDs, else with sequence numbers */
    void (*free_needle)(void *needle);

    /* place */
    uint32_t uid;
    bool has_begun, is_damaged;
};

struct imap_expunge_request {
    struct imap_request imap; /* may_expunge false: CLOSE, nothing is told */
    bool is_some;             /* only of these, which may be none */
    struct imap_ranges uids;
};

/* COPY and MOVE. The answer names what was copied and where it came to. */
struct imap_copy_request {
    struct imap_request imap;
    struct imap_ranges uids;
    char name[IMAP_NAME_MAX];
    uint32_t name_len;
    bool is_move;
    bool is_exact; /* all or none: by sequence numbers a client means all that it names */
};

struct imap_append_message {
    unsigned flags; /* enum imap_flag */
    struct span *keywords;
    unsigned keyword_count;
    int64_t received_us;
    int16_t zone_minutes;
    char *text; /* what the keywords point into, unless it is the command's own */
};
/* One request goes out several times: with bytes of the message at hand, then with its end. */
struct imap_append_request {
    struct imap_request imap;
    char name[IMAP_NAME_MAX];
    uint32_t name_len;
    struct imap_append_message *messages;
    unsigned message_count;
    struct chain body;          /* what the run did not take yet, */
    unsigned body_of;           /* of this message */
    bool is_complete;           /* all is here: it is to happen */
    uint32_t uid_validity, uid; /* out: of the first, the others follow it */

    /* the run's */
    bool is_checked; /* that there is such a mailbox, and room */
    void *drafts;
    void (*drop)(void **drafts); /* set with drafts; frees them without blocking */
};

struct imap_sync_request {
    struct imap_request imap;
};

/* A zeroed request of this kind and size. */
MUST_USE void *imap_request_new(enum request_kind kind, size_t size);
/* Frees one of any kind above with what it owns. */
void imap_request_free(struct request **request);

#endif
