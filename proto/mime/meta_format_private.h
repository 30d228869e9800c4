#ifndef PROTO_MIME_META_FORMAT_PRIVATE_H
#define PROTO_MIME_META_FORMAT_PRIVATE_H

/*
 * The bytes of a META. All numbers are little-endian.
 *
 *   head     META_HEAD_SIZE bytes, at the offsets below
 *   parts    part_count records of META_RECORD_SIZE bytes, the tree in pre-order
 *   texts    envelope, bodystructure, preview, body: their lengths are in the head
 *   fields   for each: u16 length of the name, u32 length of the field, the field
 *
 * Change META_VERSION with anything here: readers then build the META again from the body.
 */

enum {
    META_MAGIC = 0x4d52, /* "RM" */

    META_AT_MAGIC = 0,   /* u16 */
    META_AT_VERSION = 2, /* u8 */
    META_AT_FLAGS = 3,   /* u8: enum meta_flag */
    META_AT_SIZE = 4,    /* of the body that it was made from */
    META_AT_HEADER_LEN = 8,
    META_AT_LINES = 12,
    META_AT_SENT = 16, /* i64 */
    META_AT_ZONE = 24, /* i16, then two bytes 0 */
    META_AT_PARTS = 28,
    META_AT_ENVELOPE = 32, /* lengths from here on */
    META_AT_BODYSTRUCTURE = 36,
    META_AT_PREVIEW = 40,
    META_AT_BODY = 44,
    META_AT_FIELDS = 48,
    META_HEAD_SIZE = 52,

    META_RECORD_TYPE = 0,     /* u8 */
    META_RECORD_ENCODING = 1, /* u8, then two bytes 0 */
    META_RECORD_HEADER = 4,
    META_RECORD_BODY = 8, /* where the header ends as well */
    META_RECORD_BODY_LEN = 12,
    META_RECORD_LINES = 16,
    META_RECORD_DECODED = 20,
    META_RECORD_CHILDREN = 24,
    META_RECORD_NEXT = 28,
    META_RECORD_SIZE = 32,

    META_FIELD_HEAD_SIZE = 6,
};

enum meta_flag {
    META_HAS_ATTACHMENT = 1,
    META_FIELDS_NOISE = 2, /* fields or lines are not cached because nobody asks for them */
    META_FIELDS_CUT = 4,   /* fields are not cached because of a limit */
};

#endif
