#ifndef CORE_SERVICE_DIRECTORY_FILE_H
#define CORE_SERVICE_DIRECTORY_FILE_H

/*
 * directory_file: a whole text file in memory, and its lines. For the files that people write:
 * configuration, users, aliases. Blocks on the disk, so never on a reactor.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

enum {
    DIRECTORY_FILE_MAX = 256 * 1024 * 1024, /* bytes: some two million users */
};

/* The file's bytes, to be freed with free(text.at). False with one line in `why` when it can't be
 * read, is longer than `max`, or holds NUL bytes. */
MUST_USE bool directory_file_read(const char *path, size_t max, struct span *text_r,
                                  struct chain *why);

/* A walk over the lines of a text, and over logical lines: with continuations (lines that begin
 * with a blank) joined, comments and empty lines passed over, as Postfix reads its files. */
struct directory_lines {
    struct span rest;
    unsigned line;       /* number of the line that was given last, from 1 */
    unsigned skip;       /* lines that the last logical line has behind its first */
    struct chain joined; /* holds a logical line of more than one line */
};

/* The next line without its end (LF or CRLF); valid as long as the text. */
MUST_USE bool directory_lines_next(struct directory_lines *l, struct span *line_r);

/* The next logical line, without blanks at its ends; valid until the next call. `line` is the
 * number of its first line. Free with directory_lines_end(). */
MUST_USE bool directory_lines_logical(struct directory_lines *l, struct span *line_r);
void directory_lines_end(struct directory_lines *l);

/* Without the blanks at both ends. */
MUST_USE struct span directory_trim(struct span s);

/* A line of Postfix's tables, `key value`, in its halves: the key as written, up to the first blank
 * outside quotes; the value trimmed, maybe empty. */
void directory_entry(struct span line, struct span *key_r, struct span *value_r);

/* Without quotes and the backslashes inside them, written to `to` (room for text.len bytes). False
 * when a quote is not closed. */
MUST_USE bool directory_unquote(struct span text, char *to, struct span *plain_r);

#endif
