#ifndef PROTO_IMAP_IMAP_TOKEN_H
#define PROTO_IMAP_IMAP_TOKEN_H

/*
 * imap_token: the steps that IMAP's grammar is made of (RFC 3501 section 9), over one complete
 * command with its literals in it. As in scan.h: on a match the cursor moves past it, else it stays
 * and the step says false.
 *
 * Quoted strings are unescaped where they stand, so the cursor must run over bytes that may be
 * changed, and a quoted string can be read once.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

bool imap_token_space(struct span *at); /* exactly one */
bool imap_token_tag(struct span *at, struct span *tag_r);
bool imap_token_atom(struct span *at, struct span *atom_r);

/* A number of 32 bits; more than that, and a second number's worth of digits, is no match. */
bool imap_token_number(struct span *at, uint32_t *number_r);

bool imap_token_string(struct span *at, struct span *string_r);  /* quoted or literal */
bool imap_token_astring(struct span *at, struct span *string_r); /* or an atom, with ']' */
bool imap_token_nstring(struct span *at, struct span *string_r); /* or NIL: string_r->at NULL */

/* An astring, or the wildcards and anything an atom has, as LIST takes it. */
bool imap_token_list_mailbox(struct span *at, struct span *pattern_r);

/* \Word */
bool imap_token_system_flag(struct span *at, struct span *word_r);

/* The word given, in any case, as a whole: what follows it is no part of an atom. */
bool imap_token_word(struct span *at, const char *word);

bool imap_char_is_atom(char c);
MUST_USE bool imap_text_is_atom(struct span text); /* could be sent as an atom */

#endif
