#ifndef PROTO_MIME_MIME_LIMITS_H
#define PROTO_MIME_MIME_LIMITS_H

/*
 * mime_limits: how much of a message is understood when it comes in. What is past a limit is stored
 * and delivered all the same; it is only not taken apart. None can be more than the constants of
 * meta.h, which are what holds where nobody says otherwise. The names are Postfix's options.
 */

#include <stdint.h>

struct mime_limits {
    uint32_t mime_nesting_limit;   /* parts in parts, at most META_DEPTH_MAX (HOSTILE L10) */
    uint32_t mime_part_limit;      /* at most META_PARTS_MAX */
    uint32_t mime_param_limit;     /* of one field, at most META_PARAMS_MAX */
    uint32_t mime_boundary_limit;  /* bytes, at most META_BOUNDARY_MAX */
    uint32_t header_block_limit;   /* bytes, at most META_HEADER_MAX (L8) */
    uint32_t header_size_limit;    /* bytes of one field, at most META_FIELD_MAX */
    uint32_t header_count_limit;   /* fields, at most META_FIELDS_MAX (L9) */
    uint32_t header_address_limit; /* addresses of a message, at most META_ADDRESSES_MAX */
};

/* The constants of meta.h. */
extern const struct mime_limits mime_limits_most;

#endif
