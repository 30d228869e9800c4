#ifndef TESTS_UNIT_MIME_TRANSCRIPT_H
#define TESTS_UNIT_MIME_TRANSCRIPT_H

/* transcript: the rows of structure.txt and envelope.txt. */

#include <stdbool.h>

#include "core/base/span.h"
#include "proto/text/buffer.h"

struct transcript {
    struct buffer file;
    struct span rest;
    struct buffer expected;
};

struct transcript_row {
    struct span name, message; /* with LF */
    struct span expected;      /* with CRLF */
};

/* Fails the test when the file cannot be read. */
void transcript_open(struct transcript *t, const char *path);
bool transcript_next(struct transcript *t, struct transcript_row *row_r);
void transcript_close(struct transcript *t);

#endif
