#ifndef TESTS_SIM_SIM_IMAP_PARSE_H
#define TESTS_SIM_SIM_IMAP_PARSE_H

/* sim_imap_parse: what an IMAP server says, taken apart strictly: responses, FETCH items. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

/* The length of the first whole response with its literals and CRLF; 0: it is not whole yet. */
MUST_USE size_t imap_response_len(struct span heard);

/* Takes a number, or a word up to a blank or the end, and the blank behind it. */
MUST_USE bool imap_take_number(struct span *rest, uint32_t *number_r);
MUST_USE struct span imap_take_word(struct span *rest);

/* Takes a set of UIDs, "4:6,9", and the blank behind it; 0: it is none, or of more than `max`. */
MUST_USE size_t imap_take_uids(struct span *rest, uint32_t *uids_r, size_t max);

struct imap_items { /* of one FETCH response; what is absent was not said */
    bool has_flags, has_body, has_header;
    unsigned flags; /* enum model_flag */
    uint32_t uid, size;
    uint32_t body_from; /* of a part BODY[]<from> */
    bool body_is_part;
    struct span body;   /* BODY[] */
    struct span header; /* any BODY[HEADER...] */
    struct span text;   /* BODY[TEXT], absent at = NULL */
};
/* "(...)" to its end. False: no grammar of ours. */
MUST_USE bool imap_parse_items(struct span rest, struct imap_items *items_r);

#endif
