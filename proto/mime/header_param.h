#ifndef PROTO_MIME_HEADER_PARAM_H
#define PROTO_MIME_HEADER_PARAM_H

/*
 * header_param: what the Content-* fields are made of: tokens, "type/subtype", and parameters
 * (RFC 2045 5.1), those cut in pieces by RFC 2231 put together again.
 *
 * Values keep their charset and percent-encoding: "name*0*=utf-8''a; name*1=b" becomes "name*" with
 * "utf-8''ab", which is what IMAP clients expect to decode themselves. Spans point into the field,
 * or into `scratch`, and are valid as long as both. Pure functions of any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/mime/meta.h"
#include "proto/text/buffer.h"

struct header_param {
    struct span name;  /* ends in '*' when the value is extended */
    struct span value; /* without quotes and line ends */
};

struct header_params {
    unsigned count;
    struct header_param list[META_PARAMS_MAX];
};

/* A token (RFC 2045 5.1): one or more bytes that are neither blank, control nor tspecials. */
MUST_USE bool header_token(struct span *at, struct span *token_r);

/* "type/subtype". False when it is not; *at is then anywhere. */
MUST_USE bool header_type(struct span *at, struct span *type_r, struct span *subtype_r);

/* The parameters after the first ';' of `text`, at most META_PARAMS_MAX of them. `scratch` is
 * added to; spans into it that the caller holds are invalid afterwards. */
void header_params(struct span text, struct buffer *scratch, struct header_params *params_r);
/* The same with at most `max` of them, which is no more than META_PARAMS_MAX. */
void header_params_within(struct span text, uint32_t max, struct buffer *scratch,
                          struct header_params *params_r);

/* The value of a parameter, plain or extended (then undecoded). at is NULL when there is none. */
struct span header_param(const struct header_params *params, struct span name);

#endif
