#ifndef PROTO_MIME_HTML_TEXT_H
#define PROTO_MIME_HTML_TEXT_H

/*
 * html_text: what a reader sees of HTML, roughly: no tags, no comments, no scripts, styles or
 * titles; the common entities; a blank where a block begins. Takes the text in any cuts and cannot
 * fail. Any thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/base/span.h"

enum {
    HTML_TEXT_NAME_MAX = 12, /* of a tag or an entity; longer ones are none that matter */
};

enum html_text_state {
    HTML_TEXT_PLAIN,
    HTML_TEXT_TAG_NAME, /* behind '<' */
    HTML_TEXT_TAG,      /* behind the name, up to '>' */
    HTML_TEXT_COMMENT,
    HTML_TEXT_ENTITY, /* behind '&' */
};

/* The zero value is the start. */
struct html_text {
    enum html_text_state state;
    unsigned char name_len;
    unsigned char dashes;          /* at the end of a comment so far */
    const char *hidden;            /* the element whose content is not shown */
    char name[HTML_TEXT_NAME_MAX]; /* lower case */
};

/* One byte of UTF-8 in; writes 0 to HTML_TEXT_OUT_MAX bytes of UTF-8 to `out`, returns how many. */
enum {
    HTML_TEXT_OUT_MAX = HTML_TEXT_NAME_MAX + 2,
};
size_t html_text_step(struct html_text *h, char c, char *out);

#endif
