/* fuzz_date: any bytes as a date; what is one is the same after writing and reading. */

#include "core/base/ensure.h"
#include "proto/text/date.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct date date, again;
    char written[DATE_TEXT_MAX];
    int64_t day, same;

    if (date_parse(text, &date)) {
        ensure(date.zone >= -DATE_ZONE_MAX && date.zone <= DATE_ZONE_MAX);
        ensure(date_parse((struct span){written, date_write(written, date)}, &again));
        ensure(date.s == again.s || date_local_day(date) >= date_day(9999, 12, 31));
    }
    if (date_parse_imap(text, &date)) {
        size_t len = date_write_imap(written, date);

        ensure(len == 26 && date_parse_imap((struct span){written, len}, &again));
        ensure((date.s == again.s && date.zone == again.zone) ||
               date.s < date_day(0, 1, 2) * 86400 || date.s > date_day(9999, 12, 31) * 86400);
    }
    if (date_parse_imap_day(text, &day)) {
        size_t blank;

        (void)date_write_imap(written, (struct date){day * 86400, 0});
        blank = written[0] == ' ';
        ensure(date_parse_imap_day((struct span){written + blank, 11 - blank}, &same));
        ensure(day == same);
    }
    return 0;
}
