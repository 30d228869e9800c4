#ifndef TESTS_UNIT_MIME_BUILT_META_H
#define TESTS_UNIT_MIME_BUILT_META_H

/* built_meta: a message written with LF in a test, sent with CRLF, and its META, opened. */

#include "proto/mime/meta.h"
#include "proto/text/buffer.h"

struct built_meta {
    struct buffer message;
    struct chain bytes;
    struct meta meta;
};

/* Fails the test when the META does not open or its texts are not grammatical. */
void built_meta_open(struct built_meta *b, struct span message_with_lf);
void built_meta_open_raw(struct built_meta *b, struct span message); /* as it is */
void built_meta_close(struct built_meta *b);

#endif
