#ifndef PROTO_MIME_STRUCTURE_H
#define PROTO_MIME_STRUCTURE_H

/*
 * structure: a tree of parts as IMAP's BODY and BODYSTRUCTURE (RFC 3501 7.4.2).
 *
 * Always grammatical, whatever the message is: what the tree could not take apart is shown as a
 * text or as octets, never as a multipart without parts. Names and values keep the sender's case.
 * The two texts differ only by the extension data, so they are written together. Any thread.
 */

#include "core/base/span.h"
#include "proto/mime/part.h"
#include "proto/text/buffer.h"

/* Appends BODY to `body` and BODYSTRUCTURE to `full`. `message` is what the tree was built from;
 * `addresses_left` as for envelope_write(). */
void structure_write(const struct part_tree *tree, struct span message, unsigned *addresses_left,
                     struct buffer *scratch, struct buffer *body, struct buffer *full);

#endif
