#ifndef CORE_SERVICE_IMAP_MESSAGE_H
#define CORE_SERVICE_IMAP_MESSAGE_H

/*
 * imap_message: one message of a mailbox as IMAP shows it: the delivery header of its recipient,
 * then the body, with what is known of it from META. Within one step of a run.
 */

#include "core/base/chain.h"
#include "proto/imap/imap_fetch_write.h"
#include "proto/imap/imap_section.h"
#include "proto/mime/meta.h"
#include "store/store.h"

struct imap_message {
    struct store_view *view;
    const struct store_entry *entry;

    uint32_t body_len;

    struct meta meta;     /* after imap_message_open() */
    struct chain rebuilt; /* a META that was not stored, or not in our version */
};

struct imap_message imap_message_of(struct store_view *view, const struct store_entry *entry);

/* Opens the META, without which only BODY[] as a whole is known. False when what is stored can't be
 * read. Close it either way. */
MUST_USE bool imap_message_open(struct imap_message *m);
void imap_message_close(struct imap_message *m);

/* The delivery header; the header of the body; both empty when they can't be read. */
struct span imap_message_delivery(const struct imap_message *m);
struct span imap_message_header(const struct imap_message *m);

/* Writes a section's item. False when its bytes are damaged; then it was answered with NIL. */
bool imap_message_section(struct imap_message *m, const struct imap_section *section,
                          struct imap_fetch_writer *w);

#endif
