/* fuzz_segment: any bytes as headers in a segment of the log and as the arguments of its records,
 * as a damaged disk may give them: refused, or read within their bounds. */
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/blob/journal_format.h"
#include "store/commit/command_args.h"
#include "tests/fuzz/fuzz.h"

static void check_keywords(struct span keywords, unsigned count)
{
    struct span name;

    while (command_keyword_next(&keywords, &name))
        ensure(count-- > 0 && name.len <= COMMAND_NAME_MAX);
}

static void check_ranges(struct span ranges, uint32_t count)
{
    struct store_range before = {0}, range;

    for (uint32_t i = 0; i < count; i++, before = range) {
        range = command_range(ranges, i);
        ensure(range.from <= range.to && (i == 0 || before.to < range.from));
    }
}

static void check_deliver(struct span args)
{
    struct command_target target;
    struct span targets;
    unsigned count;

    if (!command_deliver_read(args, &count, &targets))
        return;
    ensure(count <= COMMAND_TARGETS_MAX);
    for (; count > 0; count--) {
        ensure(command_target_next(&targets, &target));
        ensure(target.header.len <= COMMAND_HEADER_MAX);
        check_keywords(target.keywords, target.keyword_count);
    }
}

static void check_lists(struct span args)
{
    struct span rest, key, value;
    struct store_folder folder;

    if (command_folders_read(args, &rest)) {
        while (command_folder_next(&rest, &folder))
            continue;
    }
    for (rest = args; command_row_next(&rest, &key, &value);)
        ensure(key.len + value.len <= args.len);
}

static void check_args(struct span args)
{
    struct command_flags flags;
    struct command_expunge expunge;
    struct command_copy copy;
    struct command_mailbox mailbox;
    struct command_moved moved;
    struct command_snap snap;
    struct span name;
    store_mailbox id;
    uint32_t number;

    check_deliver(args);
    if (command_flags_read(args, &flags)) {
        check_ranges(flags.ranges, flags.count);
        check_keywords(flags.keywords, flags.keyword_count);
    }
    if (command_expunge_read(args, &expunge))
        check_ranges(expunge.ranges, expunge.count);
    if (command_copy_read(args, &copy))
        check_ranges(copy.ranges, copy.count);
    if (command_mailbox_read(args, &mailbox))
        ensure(mailbox.name.len <= args.len && mailbox.to.len <= args.len);
    if (command_moved_read(args, &moved))
        check_deliver(moved.args);
    if (command_account_read(args, &name))
        ensure(name.len <= args.len);
    (void)!command_snap_read(args, &snap);
    (void)!command_recent_read(args, &id, &number);
    (void)!command_purge_read(args, &id, &number);
    check_lists(args);
}

/* Checksums guard the headers: what came from a disk is tried as it is, and what it says again with
 * the right ones. */
static void check_headers(const char *page)
{
    static const unsigned char id[JOURNAL_ID_SIZE];
    struct journal_segment_header segment = {0};
    struct journal_batch_header batch = {0}, again;
    struct journal_record record;
    char written[JOURNAL_ALIGN];
    uint32_t hcrc;

    (void)!journal_segment_header_read(page, id, 1, &segment);
    journal_segment_header_write(written, &segment, id, 1);
    ensure(journal_segment_header_read(written, id, 1, &segment) == STORE_OK);
    (void)!journal_batch_header_read(page, journal_seed(id, 1), &batch, &hcrc);
    memcpy(&batch.prev_hcrc, page, sizeof(batch.prev_hcrc));
    memcpy(&batch.len, page + 4, sizeof(batch.len));
    hcrc = journal_batch_header_write(written, &batch, 7);
    if (journal_batch_header_read(written, 7, &again, &hcrc))
        ensure(again.len == batch.len && again.prev_hcrc == batch.prev_hcrc);
    if (journal_record_header_read(page, &record))
        ensure(record.args.at == NULL && record.body.at == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *page = xcalloc(1, JOURNAL_ALIGN), *args = xmalloc(size + 1);

    memcpy(page, data, size < JOURNAL_ALIGN ? size : JOURNAL_ALIGN);
    check_headers(page);
    memcpy(args, data, size);
    check_args((struct span){args, size});
    free(page);
    free(args);
    return 0;
}
