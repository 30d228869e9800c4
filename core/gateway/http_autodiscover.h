#ifndef CORE_GATEWAY_HTTP_AUTODISCOVER_H
#define CORE_GATEWAY_HTTP_AUTODISCOVER_H

/*
 * http_autodiscover: what an Outlook asks for in the body of its POST (MS-OXDSCLI), which is XML of
 * a stranger's. Two elements with text in them are all that is wanted, so they are looked for, and
 * no tree is made: nothing nests, nothing is expanded but XML's own five entities. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    HTTP_AUTODISCOVER_TEXT_MAX = 320, /* bytes of an element's text: user@domain, or a schema */
};

/* The text of the first element of that name, whatever its prefix and attributes, without blanks
 * around it, ended by a NUL. False when there is none, or it is no plain text of that size. */
MUST_USE bool http_autodiscover_text(struct span body, struct span element,
                                     char text_r[HTTP_AUTODISCOVER_TEXT_MAX]);

#endif
