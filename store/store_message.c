/* The bytes of a message in a view. */

#include "store/store_private.h"

enum {
    LEND_MIN = 16 * 1024, /* bytes; measured: below it copying is faster */
};

/* Pins a part. A body is checked on its first read since the start, META each time (it is small).
 */
static enum store_status part_pin(struct store_view *v, store_message message,
                                  const struct journal_place *place, enum journal_part part,
                                  struct span *bytes_r, struct journal_pin **pin_r)
{
    struct store *s = v->store;
    bool is_body = part == JOURNAL_BODY;
    bool check = part == JOURNAL_META || (is_body && !verified_has(s->verified, message));
    enum store_status status = journal_pin(s->journal, place, part, check, bytes_r, pin_r);

    if (status == STORE_OK && is_body && check)
        verified_add(s->verified, message);
    if (status == STORE_CORRUPT)
        store_say(s, "store: message %016llx is damaged: its checksum is wrong",
                  (unsigned long long)message);
    return status;
}

static enum store_status part_keep(struct store_view *v, store_message message,
                                   enum journal_part part, struct span *bytes_r)
{
    struct journal_pin *pin;
    struct index_body body;
    enum store_status status;

    if (!index_body_get(v->txn, message, &body))
        return store_view_missing(v);
    status = part_pin(v, message, &body.place, part, bytes_r, &pin);
    if (status == STORE_OK)
        store_view_keep(v, pin);
    return status;
}

/* The piece of the whole that was asked for, as far as it goes. */
static bool cut(struct span *bytes, uint32_t from, uint32_t len)
{
    if (from > bytes->len)
        return false;
    *bytes = span_first(span_after(*bytes, from), len);
    return true;
}

enum store_status store_message_size(struct store_view *v, store_message message, uint32_t *size_r)
{
    struct index_body body;

    if (!index_body_get(v->txn, message, &body))
        return store_view_missing(v);
    *size_r = body.place.body_len;
    return STORE_OK;
}

enum store_status store_message_bytes(struct store_view *v, store_message message, uint32_t from,
                                      uint32_t len, struct span *bytes_r)
{
    enum store_status status = part_keep(v, message, JOURNAL_BODY, bytes_r);

    if (status == STORE_OK && !cut(bytes_r, from, len))
        status = STORE_NOT_FOUND;
    return status;
}

enum store_status store_message_meta(struct store_view *v, store_message message,
                                     struct span *meta_r)
{
    return part_keep(v, message, JOURNAL_META, meta_r);
}

enum store_status store_entry_header(struct store_view *v, const struct store_entry *entry,
                                     struct span *bytes_r)
{
    struct command_target target;
    struct span args = {0}, targets;
    enum store_status status;
    unsigned count;

    *bytes_r = SPAN("");
    if (entry->header_len == 0)
        return STORE_OK;
    status = part_keep(v, entry->message, JOURNAL_ARGS, &args);
    if (status != STORE_OK)
        return status;
    if (!command_deliver_read(args, &count, &targets) || entry->target >= count)
        return STORE_CORRUPT;
    for (unsigned i = 0; i <= entry->target; i++) {
        if (!command_target_next(&targets, &target))
            return STORE_CORRUPT;
    }
    if (target.header.len != entry->header_len)
        return STORE_CORRUPT;
    *bytes_r = target.header;
    return STORE_OK;
}

/* A reactor sends these bytes later and must not wait for the disk: what is not in memory is read
 * now, into memory of its own. So is what is short: a copy costs less than a block that lends. */
enum store_status store_message_lend(struct store_view *v, store_message message, uint32_t from,
                                     uint32_t len, struct chain *out)
{
    struct journal_pin *pin;
    struct index_body body;
    struct span bytes;
    enum store_status status;

    if (!index_body_get(v->txn, message, &body))
        return store_view_missing(v);
    status = part_pin(v, message, &body.place, JOURNAL_BODY, &bytes, &pin);
    if (status != STORE_OK)
        return status;
    if (!cut(&bytes, from, len)) {
        journal_unpin(pin);
        return STORE_NOT_FOUND;
    }
    if (bytes.len > LEND_MIN && journal_is_resident(bytes)) {
        chain_lend(out, bytes, journal_unpin, pin);
        return STORE_OK;
    }
    chain_add(out, bytes);
    journal_unpin(pin);
    return STORE_OK;
}
