#ifndef PROTO_TEXT_DATE_H
#define PROTO_TEXT_DATE_H

/*
 * date: the dates of mail, read and written by counting days, without libc's clock or zones.
 *
 * A moment is seconds since 1970-01-01 00:00 UTC. Years are 0 to 9999, the calendar is Gregorian
 * throughout. Pure functions of any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    DATE_YEAR_MAX = 9999,
    DATE_ZONE_MAX = 24 * 60 - 1, /* minutes east or west of UTC */
    DATE_TEXT_MAX = 40,          /* room for any text written here */
};

struct date {
    int64_t s;    /* UTC */
    int16_t zone; /* minutes east of UTC in which it was written */
};

/* RFC 5322 date-time with the obsolete forms: names of zones, years of two and three digits,
 * comments anywhere, no weekday, no seconds. As RFC 5256 2.2 has it, a zone that is wrong or absent
 * means UTC, a time that is wrong or absent means 00:00:00. False when the day is no day (31 Feb)
 * or the year is before 1900 or past DATE_YEAR_MAX. */
MUST_USE bool date_parse(struct span text, struct date *date_r);

/* IMAP's date-time without its quotes, strictly: "15-Jul-2020 16:31:24 +0000", " 5-Jul-2020 …". */
MUST_USE bool date_parse_imap(struct span text, struct date *date_r);

/* IMAP's search date without quotes: "5-Jul-2020". The day is counted from 1970-01-01. */
MUST_USE bool date_parse_imap_day(struct span text, int64_t *day_r);

/* Each writes to `at` (room for DATE_TEXT_MAX) and returns the length; no NUL. A moment outside the
 * years is written as the nearest one inside. */
size_t date_write(char *at, struct date date);      /* "Wed, 15 Jul 2020 16:31:24 +0000 (UTC)" */
size_t date_write_imap(char *at, struct date date); /* "15-Jul-2020 16:31:24 +0000" */

/* Days since 1970-01-01 of a day that exists (month and day from 1), and back. */
int64_t date_day(int year, unsigned month, unsigned day);
void date_civil(int64_t day, int *year_r, unsigned *month_r, unsigned *day_r);
unsigned date_month_days(int year, unsigned month);

/* The day in its own zone, as SENTON and SORT want it. Rounds down, before 1970 too. */
int64_t date_local_day(struct date date);

#endif
