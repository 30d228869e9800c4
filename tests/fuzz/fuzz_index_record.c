/* fuzz_index_record: any bytes as a value of the index: refused, or a record that means the same
 * when it is written and read again. First byte: 'q' the queue's, 'c' those of its
 * commands, else which of the other tables. */
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/commit/command_queue.h"
#include "store/index/index_queue.h"
#include "store/index/index_record.h"
#include "tests/fuzz/fuzz.h"

static char
    written[RECORD_MAILBOX_MAX > RECORD_ACCOUNT_MAX ? RECORD_MAILBOX_MAX : RECORD_ACCOUNT_MAX];

static struct span record(size_t len)
{
    ensure(len <= sizeof(written));
    return (struct span){written, len};
}

static void check_names(struct span value, bool is_mailbox)
{
    static struct index_account account, account_again;
    static struct index_mailbox mailbox, mailbox_again;

    if (is_mailbox && record_mailbox_read(value, &mailbox)) {
        ensure(mailbox.name_len <= STORE_MAILBOX_NAME_MAX);
        ensure(
            record_mailbox_read(record(record_mailbox_write(written, &mailbox)), &mailbox_again));
        ensure(mailbox.uid_next == mailbox_again.uid_next);
        ensure(memcmp(mailbox.name, mailbox_again.name, mailbox.name_len) == 0);
    }
    if (!is_mailbox && record_account_read(value, &account)) {
        ensure(account.name_len <= STORE_ACCOUNT_NAME_MAX);
        ensure(
            record_account_read(record(record_account_write(written, &account)), &account_again));
        ensure(memcmp(account.name, account_again.name, account.name_len) == 0);
    }
}

static void check_fixed(struct span value)
{
    struct store_entry entry, entry_again;
    struct index_body body, body_again;
    struct journal_mark mark, mark_again;

    if (record_message_read(value, &entry)) {
        ensure(record_message_read(record(record_message_write(written, &entry)), &entry_again));
        ensure(entry.message == entry_again.message && entry.flags == entry_again.flags);
    }
    if (record_body_read(value, &body)) {
        ensure(record_body_read(record(record_body_write(written, &body)), &body_again));
        ensure(body.references == body_again.references);
        (void)record_body_bytes(&body);
    }
    if (record_mark_read(value, &mark))
        ensure(record_mark_read(record(record_mark_write(written, &mark)), &mark_again));
}

static void check_queue(struct span value)
{
    static char first[RECORD_QUEUE_MAX], second[RECORD_QUEUE_MAX];
    struct store_queue_envelope envelope;
    struct store_queue_recipient recipient;
    struct store_queue_update update;
    size_t len;

    if (record_envelope_read(value, &envelope)) {
        len = record_envelope_write(first, &envelope);
        ensure(record_envelope_read((struct span){first, len}, &envelope));
        ensure(record_envelope_write(second, &envelope) == len && memcmp(first, second, len) == 0);
    }
    if (record_recipient_read(value, &recipient)) {
        len = record_recipient_write(first, &recipient);
        ensure(record_recipient_read((struct span){first, len}, &recipient));
        ensure(record_recipient_write(second, &recipient) == len &&
               memcmp(first, second, len) == 0);
    }
    if (record_update_read(value, &update)) {
        len = record_update_write(first, &update);
        ensure(record_update_read((struct span){first, len}, &update));
        ensure(record_update_write(second, &update) == len && memcmp(first, second, len) == 0);
    }
}

/* The arguments of commands of the queue: a part of a delivery, and states. */
static void check_queue_command(struct span value)
{
    struct store_queue_envelope envelope;
    struct store_queue_recipient recipient;
    struct command_queue_state state;
    struct store_queue_update update;
    struct span part, recipients;
    uint32_t count = 0;

    if (command_deliver_queue(value, &part) || (part = value).len > 0) {
        if (command_queue_read(part, &envelope, &recipients)) {
            while (command_queue_next(&recipients, &recipient))
                count++;
            ensure(count == envelope.recipients && count > 0);
        }
    }
    if (command_queue_state_read(value, &state)) {
        for (count = 0; command_queue_update_next(&state.updates, &update);)
            count++;
        ensure(count == state.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value;

    if (size == 0)
        return 0;
    value = xmalloc(size);
    memcpy(value, data + 1, size - 1);
    switch (data[0]) {
    case 'q':
        check_queue((struct span){value, size - 1});
        break;
    case 'c':
        check_queue_command((struct span){value, size - 1});
        break;
    default:
        if (data[0] % 3 == 2)
            check_fixed((struct span){value, size - 1});
        else
            check_names((struct span){value, size - 1}, data[0] % 3 == 1);
    }
    free(value);
    return 0;
}
