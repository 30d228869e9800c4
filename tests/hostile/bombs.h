#ifndef TESTS_HOSTILE_BOMBS_H
#define TESTS_HOSTILE_BOMBS_H

/*
 * bombs: messages of `n` of something, each for a row of the list of hostile inputs. What is small
 * to send and dear to parse for a program that trusts it.
 */

#include "proto/text/buffer.h"

struct bomb {
    const char *row; /* "M01" */
    const char *name;
    void (*make)(struct buffer *message, unsigned n);
    unsigned n; /* how many the row asks for */
};
extern const struct bomb bombs[]; /* the last has no make */

/* Those that tests of limits choose the size of. */
void bomb_nested_multiparts(struct buffer *b, unsigned n);
void bomb_nested_messages(struct buffer *b, unsigned n);
void bomb_siblings(struct buffer *b, unsigned n);
void bomb_siblings_that_are_messages(struct buffer *b, unsigned n);
void bomb_parameters(struct buffer *b, unsigned n);
void bomb_addresses(struct buffer *b, unsigned n);
void bomb_address_fields(struct buffer *b, unsigned n);
void bomb_folded_lines(struct buffer *b, unsigned n);

void bomb_repeat(struct buffer *b, const char *text, unsigned times);

#endif
