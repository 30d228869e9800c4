#ifndef PROTO_MIME_PREVIEW_H
#define PROTO_MIME_PREVIEW_H

/*
 * preview: the first words of a message, for lists of messages (RFC 8970).
 *
 * The first META_PREVIEW_MAX characters of the first text part that is no attachment, as UTF-8,
 * blanks folded, HTML without its tags. Empty when there is none. Only the first
 * PREVIEW_INPUT_MAX bytes of the part are read. Any thread.
 */

#include "core/base/span.h"
#include "proto/mime/part.h"
#include "proto/text/buffer.h"

enum {
    PREVIEW_INPUT_MAX = 32 * 1024, /* HTML mail may begin with that much style */
};

/* Appends the preview to `out`; `scratch` is used from its start. */
void preview_write(const struct part_tree *tree, struct span message, struct buffer *scratch,
                   struct buffer *out);

#endif
