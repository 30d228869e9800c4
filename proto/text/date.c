#include "proto/text/date.h"

#include "core/base/ensure.h"
#include "proto/text/scan.h"

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

enum {
    DAY_S = 24 * 60 * 60,
    ERA_DAYS = 146097, /* 400 years */
};

/* ---- the calendar */

/* Counted in years that begin in March, so that the leap day is the last of its year. */
int64_t date_day(int year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - 719468;
}

void date_civil(int64_t day, int *year_r, unsigned *month_r, unsigned *day_r)
{
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t doe = z - era * ERA_DAYS;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / (ERA_DAYS - 1)) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t march_month = (5 * doy + 2) / 153;

    *day_r = (unsigned)(doy - (153 * march_month + 2) / 5 + 1);
    *month_r = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year_r = (int)(yoe + era * 400 + (*month_r <= 2));
}

unsigned date_month_days(int year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    ensure(month >= 1 && month <= 12);
    return days[month - 1] + (unsigned)(month == 2 && leap);
}

static int64_t day_of(int64_t s)
{
    return (s >= 0 ? s : s - (DAY_S - 1)) / DAY_S;
}

int64_t date_local_day(struct date date)
{
    return day_of(date.s + (int64_t)date.zone * 60);
}

static bool day_exists(unsigned year, unsigned month, unsigned day)
{
    return year <= DATE_YEAR_MAX && month >= 1 && month <= 12 && day >= 1 &&
           day <= date_month_days((int)year, month);
}

/* ---- steps of both grammars */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* `least` to `most` digits; more digits than that are no match. */
static bool digits(struct span *at, unsigned least, unsigned most, unsigned *number_r,
                   unsigned *len_r)
{
    unsigned number = 0, len = 0;

    while (len < at->len && is_digit(at->at[len])) {
        if (len == most)
            return false;
        number = number * 10 + (unsigned)(at->at[len++] - '0');
    }
    if (len < least)
        return false;
    *number_r = number;
    if (len_r != NULL)
        *len_r = len;
    *at = span_after(*at, len);
    return true;
}

static bool byte(struct span *at, char c)
{
    if (at->len == 0 || at->at[0] != c)
        return false;
    *at = span_after(*at, 1);
    return true;
}

static bool month_name(struct span *at, unsigned *month_r)
{
    for (unsigned i = 0; i < 12; i++) {
        if (at->len >= 3 && span_eq_nocase(span_first(*at, 3), span_str(months[i]))) {
            *at = span_after(*at, 3);
            *month_r = i + 1;
            return true;
        }
    }
    return false;
}

/* ---- RFC 5322 */

static void skip_alpha(struct span *at)
{
    while (at->len > 0 && is_alpha(at->at[0]))
        *at = span_after(*at, 1);
}

/* "15 Jul 2020", also "15-Jul-20" as old programs wrote it. */
static bool parse_day(struct span *at, int64_t *day_r)
{
    unsigned year, month, day, len;

    scan_cfws(at);
    if (at->len > 0 && is_alpha(at->at[0])) {
        skip_alpha(at);
        scan_cfws(at);
        (void)byte(at, ',');
        scan_cfws(at);
    }
    if (!digits(at, 1, 2, &day, NULL))
        return false;
    (void)byte(at, '-');
    scan_cfws(at);
    if (!month_name(at, &month))
        return false;
    skip_alpha(at);
    (void)byte(at, '-');
    scan_cfws(at);
    if (!digits(at, 2, 4, &year, &len))
        return false;
    if (len == 2)
        year += year < 50 ? 2000 : 1900;
    else if (len == 3)
        year += 1900;
    if (year < 1900 || !day_exists(year, month, day))
        return false;
    *day_r = date_day((int)year, month, day);
    return true;
}

/* "16:31" or "16:31:24", blanks around the colons; the leap second is taken as it is. */
static bool parse_time(struct span *at, unsigned *s_r)
{
    unsigned hour, minute, second = 0;

    scan_cfws(at);
    if (!digits(at, 1, 2, &hour, NULL))
        return false;
    scan_cfws(at);
    if (!byte(at, ':'))
        return false;
    scan_cfws(at);
    if (!digits(at, 1, 2, &minute, NULL))
        return false;
    scan_cfws(at);
    if (byte(at, ':')) {
        scan_cfws(at);
        if (!digits(at, 1, 2, &second, NULL))
            return false;
    }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *s_r = hour * 3600 + minute * 60 + second;
    return true;
}

/* RFC 5322 4.3: other names, and the military letters, say nothing and mean UTC. */
static int named_zone(struct span name)
{
    static const struct {
        char name[4];
        int hours;
    } zones[] = {
        {"EST", -5},
        {"EDT", -4},
        {"CST", -6},
        {"CDT", -5},
        {"MST", -7},
        {"MDT", -6},
        {"PST", -8},
        {"PDT", -7},
    };

    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        if (span_eq_nocase(name, span_str(zones[i].name)))
            return zones[i].hours * 60;
    }
    return 0;
}

/* "+0130" in minutes; false leaves the cursor alone. */
static bool numeric_zone(struct span *at, int *minutes_r)
{
    struct span start = *at;
    int sign = byte(at, '-') ? -1 : 1;
    unsigned hhmm;

    if ((sign > 0 && !byte(at, '+')) || !digits(at, 4, 4, &hhmm, NULL) || hhmm / 100 > 23 ||
        hhmm % 100 > 59) {
        *at = start;
        return false;
    }
    *minutes_r = sign * (int)(hhmm / 100 * 60 + hhmm % 100);
    return true;
}

static int parse_zone(struct span *at)
{
    size_t len = 0;
    int minutes;

    scan_cfws(at);
    if (numeric_zone(at, &minutes))
        return minutes;
    while (len < at->len && is_alpha(at->at[len]))
        len++;
    return named_zone(span_first(*at, len));
}

bool date_parse(struct span text, struct date *date_r)
{
    unsigned time_s = 0;
    int64_t day;
    int zone = 0;

    if (!parse_day(&text, &day))
        return false;
    if (parse_time(&text, &time_s))
        zone = parse_zone(&text);
    *date_r = (struct date){day * DAY_S + time_s - zone * 60, (int16_t)zone};
    return true;
}

/* ---- IMAP */

static bool imap_day(struct span *at, unsigned digits_min, unsigned digits_max, int64_t *day_r)
{
    unsigned year, month, day;

    if (!digits(at, digits_min, digits_max, &day, NULL) || !byte(at, '-') ||
        !month_name(at, &month) || !byte(at, '-') || !digits(at, 4, 4, &year, NULL))
        return false;
    if (!day_exists(year, month, day))
        return false;
    *day_r = date_day((int)year, month, day);
    return true;
}

bool date_parse_imap_day(struct span text, int64_t *day_r)
{
    int64_t day;

    if (!imap_day(&text, 1, 2, &day) || text.len > 0)
        return false;
    *day_r = day;
    return true;
}

bool date_parse_imap(struct span text, struct date *date_r)
{
    unsigned width = byte(&text, ' ') ? 1 : 2;
    unsigned hour, minute, second;
    int64_t day;
    int zone;

    if (!imap_day(&text, width, width, &day) || !byte(&text, ' '))
        return false;
    if (!digits(&text, 2, 2, &hour, NULL) || !byte(&text, ':') ||
        !digits(&text, 2, 2, &minute, NULL) || !byte(&text, ':') ||
        !digits(&text, 2, 2, &second, NULL) || !byte(&text, ' '))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if (!numeric_zone(&text, &zone) || text.len > 0)
        return false;
    *date_r = (struct date){
        day * DAY_S + hour * 3600 + minute * 60 + second - zone * 60,
        (int16_t)zone,
    };
    return true;
}

/* ---- writing */

static char *put_number(char *at, unsigned number, unsigned width)
{
    for (unsigned i = width; i > 0; i--, number /= 10)
        at[i - 1] = (char)('0' + number % 10);
    return at + width;
}

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return at + len;
}

static char *put_clock(char *at, int64_t second_of_day, int zone)
{
    unsigned s = (unsigned)second_of_day;
    unsigned minutes = (unsigned)(zone < 0 ? -zone : zone);

    at = put_number(at, s / 3600, 2);
    *at++ = ':';
    at = put_number(at, s / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, s % 60, 2);
    *at++ = ' ';
    *at++ = zone < 0 ? '-' : '+';
    return put_number(at, minutes / 60 * 100 + minutes % 60, 4);
}

/* A moment that has a year of four digits and a zone of four. */
static struct date clamp(struct date date)
{
    int64_t first = date_day(0, 1, 2) * DAY_S, last = date_day(DATE_YEAR_MAX, 12, 31) * DAY_S;

    if (date.zone > DATE_ZONE_MAX || date.zone < -DATE_ZONE_MAX)
        date.zone = 0;
    if (date.s < first)
        date.s = first;
    if (date.s > last)
        date.s = last;
    return date;
}

size_t date_write(char *at, struct date date)
{
    struct date d = clamp(date);
    int64_t local = d.s + d.zone * 60, day = day_of(local);
    int64_t weekday = (day % 7 + 7 + 4) % 7; /* 1970-01-01 was a Thursday */
    unsigned month, month_day;
    char *to = at;
    int year;

    date_civil(day, &year, &month, &month_day);
    to = put_text(to, weekdays[weekday]);
    to = put_text(to, ", ");
    to = put_number(to, month_day, month_day < 10 ? 1 : 2);
    *to++ = ' ';
    to = put_text(to, months[month - 1]);
    *to++ = ' ';
    to = put_number(to, (unsigned)year, 4);
    *to++ = ' ';
    to = put_clock(to, local - day * DAY_S, d.zone);
    if (d.zone == 0)
        to = put_text(to, " (UTC)");
    return (size_t)(to - at);
}

static char *put_imap_day(char *to, int64_t day)
{
    unsigned month, month_day;
    int year;

    date_civil(day, &year, &month, &month_day);
    if (month_day < 10)
        *to++ = ' ';
    to = put_number(to, month_day, month_day < 10 ? 1 : 2);
    *to++ = '-';
    to = put_text(to, months[month - 1]);
    *to++ = '-';
    return put_number(to, (unsigned)year, 4);
}

size_t date_write_imap(char *at, struct date date)
{
    struct date d = clamp(date);
    int64_t local = d.s + d.zone * 60, day = day_of(local);
    char *to = put_imap_day(at, day);

    *to++ = ' ';
    return (size_t)(put_clock(to, local - day * DAY_S, d.zone) - at);
}
