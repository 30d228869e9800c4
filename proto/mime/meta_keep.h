#ifndef PROTO_MIME_META_KEEP_H
#define PROTO_MIME_META_KEEP_H

/* meta_keep: which header fields are cached in a META. All but trace, signatures and X- fields, of
 * which only those stay that mail programs are known to ask for. A change needs a new META_VERSION,
 * for the absence of a field is read from here too. */

#include <stdbool.h>

#include "core/base/span.h"

bool meta_keeps(struct span name);

#endif
