#include "core/base/log_render.h"

#include <string.h>
#include <time.h>

#include "core/base/number.h"

enum {
    SYSLOG_FACILITY_MAIL = 2 << 3,
    TIME_TEXT_LEN = 15, /* Nov 22 23:35:48 */
    TIME_JSON_LEN = 20, /* 2025-11-22T23:35:48. */
    NUMBER_ROOM = NUMBER_TEXT_MAX + 1,
    JSON_END_ROOM = 2,   /* a quote and a brace */
    JSON_NAME_EXTRA = 6, /* ,"name":"" */
};

static const unsigned char syslog_severity[] = {
    [LOG_DEBUG] = 7, [LOG_INFO] = 6, [LOG_WARNING] = 4, [LOG_ERROR] = 3, [LOG_FATAL] = 2};

/* Where the line grows. What does not fit is left out, and nothing comes after it. */
struct line {
    char *at, *end;
};

static void put(struct line *l, struct span bytes)
{
    size_t room = (size_t)(l->end - l->at);

    if (bytes.len > room) {
        l->end = l->at;
        return;
    }
    if (bytes.len > 0)
        memcpy(l->at, bytes.at, bytes.len);
    l->at += bytes.len;
}

static void put_number(struct line *l, int64_t number)
{
    char text[NUMBER_ROOM];
    size_t len = 0;
    uint64_t size = (uint64_t)number;

    if (number < 0) {
        text[len++] = '-';
        size = 0 - size;
    }
    len += number_write(text + len, size);
    put(l, (struct span){text, len});
}

/* How many bytes of a character that is fit to be shown stand at the front; 0 when it is a control
 * character or not UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
static size_t shown_len(struct span text)
{
    const unsigned char *b = (const unsigned char *)text.at;
    static const struct {
        unsigned char first, last, second_least, second_most, len;
    } forms[] = {
        {0xC2, 0xC2, 0xA0, 0xBF, 2}, /* U+0080..U+009F are control characters */
        {0xC3, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    if (b[0] < 0x80)
        return b[0] >= 0x20 && b[0] != 0x7F;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (b[0] < forms[i].first || b[0] > forms[i].last || text.len < forms[i].len)
            continue;
        if (b[1] < forms[i].second_least || b[1] > forms[i].second_most)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++) {
            if ((b[k] & 0xC0) != 0x80)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

static void put_hidden(struct line *l, unsigned char byte, bool json)
{
    static const char digits[] = "0123456789abcdef";
    char text[] = {'\\', '\\', 'x', digits[byte >> 4], digits[byte & 15]};

    put(l, json ? (struct span){text, 5} : (struct span){text + 1, 4});
}

static bool is_plain(unsigned char byte, bool json)
{
    return byte >= 0x20 && byte < 0x7F && !(json && (byte == '"' || byte == '\\'));
}

/* The bytes as they may be shown. Nearly all are plain, so they are copied in runs. */
static void put_shown(struct line *l, struct span text, bool json)
{
    while (text.len > 0 && l->at < l->end) {
        size_t len = 0, most = (size_t)(l->end - l->at);

        while (len < text.len && len < most && is_plain((unsigned char)text.at[len], json))
            len++;
        if (len > 0) {
            put(l, (struct span){text.at, len});
        } else if (json && (text.at[0] == '"' || text.at[0] == '\\')) {
            put(l, (struct span){
                       (char[]){'\\', text.at[0]},
                       2
            });
            len = 1;
        } else if ((len = shown_len(text)) > 0) {
            put(l, (struct span){text.at, len});
        } else {
            put_hidden(l, (unsigned char)text.at[0], json);
            len = 1;
        }
        text = span_after(text, len);
    }
}

/* Both time texts, made once a second by each thread: localtime() costs more than a line. */
static struct span time_text(int64_t wall_us, bool json)
{
    static _Thread_local struct {
        bool made;
        int64_t second;
        char text[TIME_TEXT_LEN + 1], json[TIME_JSON_LEN + 1];
    } kept;
    time_t second = (time_t)(wall_us / 1000000);

    if (!kept.made || kept.second != second) {
        struct tm t;

        kept.text[0] = kept.json[0] = '\0';
        if (localtime_r(&second, &t) != NULL)
            (void)strftime(kept.text, sizeof(kept.text), "%b %e %H:%M:%S", &t);
        if (gmtime_r(&second, &t) != NULL)
            (void)strftime(kept.json, sizeof(kept.json), "%Y-%m-%dT%H:%M:%S.", &t);
        kept.second = second;
        kept.made = true;
    }
    return span_str(json ? kept.json : kept.text);
}

static bool is_dovecots(struct span daemon)
{
    return span_eq(span_first(daemon, 4), SPAN("imap")) ||
           span_eq(span_first(daemon, 4), SPAN("pop3"));
}

static void put_tag(struct line *l, const struct log_render *how, const struct log_shape *shape)
{
    struct span daemon = span_str(shape->daemon);

    if (is_dovecots(daemon)) {
        put(l, SPAN("dovecot: "));
        put(l, daemon);
        if (shape->text[0] != '(') /* "imap(user)<1><x>: ..." has the user in its tag */
            put(l, SPAN(": "));
        return;
    }
    put(l, how->syslog_name);
    put(l, SPAN("/"));
    put(l, daemon);
    put(l, SPAN("["));
    put(l, how->pid);
    put(l, SPAN("]: "));
}

static void put_front(struct line *l, const struct log_render *how, int64_t wall_us,
                      const struct log_shape *shape)
{
    if (how->front == LOG_FRONT_NONE)
        return;
    if (how->front == LOG_FRONT_SYSLOG) {
        put(l, SPAN("<"));
        put_number(l, SYSLOG_FACILITY_MAIL | syslog_severity[shape->level]);
        put(l, SPAN(">"));
    }
    put(l, time_text(wall_us, false));
    put(l, SPAN(" "));
    if (how->front == LOG_FRONT_FILE) {
        put(l, how->host);
        put(l, SPAN(" "));
    }
    put_tag(l, how, shape);
}

struct facts {
    const struct log_fact *first;
    unsigned count;
    unsigned next; /* facts mostly come in the order in which the text names them */
};

static const struct log_fact *fact_find(struct facts *facts, struct span name)
{
    for (unsigned i = 0; i < facts->count; i++) {
        unsigned index = (facts->next + i) % facts->count;
        const struct log_fact *f = &facts->first[index];

        if (strncmp(f->name, name.at, name.len) == 0 && f->name[name.len] == '\0') {
            facts->next = index + 1;
            return f->kind == LOG_IS_ABSENT ? NULL : f;
        }
    }
    return NULL;
}

/* The length of the name behind a brace; `text` begins after the brace. */
static struct span name_of(const char *text)
{
    return (struct span){text, strcspn(text, "}")};
}

static void put_fact(struct line *l, const struct log_fact *f)
{
    if (f == NULL)
        return;
    if (f->kind == LOG_IS_NUMBER)
        put_number(l, f->number);
    else
        put_shown(l, f->text, false);
}

/* The end of the group that begins after "(?", which is the place of its closing parenthesis.
 * *whole_r says whether all facts named in it are there. */
static const char *group_end(const char *text, struct facts *facts, bool *whole_r)
{
    unsigned depth = 1;

    *whole_r = true;
    for (; *text != '\0'; text++) {
        if (*text == '(')
            depth++;
        else if (*text == ')' && --depth == 0)
            break;
        else if (*text == '{' && fact_find(facts, name_of(text + 1)) == NULL)
            *whole_r = false;
    }
    return text;
}

/* Groups do not nest, so one remembered end is enough. */
static void put_text(struct line *l, const char *text, struct facts *facts)
{
    const char *end = NULL;

    while (*text != '\0') {
        size_t len = strcspn(text, "({)");
        bool whole;

        if (len > 0) {
            put(l, (struct span){text, len});
            text += len;
        } else if (*text == '{') {
            struct span name = name_of(text + 1);

            put_fact(l, fact_find(facts, name));
            text += 1 + name.len + (text[1 + name.len] == '}');
        } else if (text[0] == '(' && text[1] == '?' && end == NULL) {
            const char *close = group_end(text + 2, facts, &whole);

            if (whole)
                end = close;
            text = whole || *close == '\0' ? text + 2 : close + 1;
            if (!whole && *close == '\0')
                return;
        } else if (text == end) {
            end = NULL;
            text++;
        } else {
            put(l, (struct span){text++, 1});
        }
    }
}

static void put_json_name(struct line *l, struct span name)
{
    put(l, SPAN(",\""));
    put(l, name);
    put(l, SPAN("\":"));
}

/* A fact whose name or number would not fit is left out whole; a text may be cut. */
static void put_json_fact(struct line *l, const struct log_fact *f)
{
    struct span name = span_str(f->name);
    size_t need = name.len + JSON_NAME_EXTRA + (f->kind == LOG_IS_NUMBER ? NUMBER_ROOM : 0);

    if (f->kind == LOG_IS_ABSENT || (size_t)(l->end - l->at) < need)
        return;
    put_json_name(l, name);
    if (f->kind == LOG_IS_NUMBER) {
        put_number(l, f->number);
        return;
    }
    put(l, SPAN("\""));
    l->end--;
    {
        char *end = l->end;

        put_shown(l, f->text, true);
        l->end = end + 1;
    }
    put(l, SPAN("\""));
}

static void put_json(struct line *l, int64_t wall_us, const struct log_shape *shape,
                     const struct log_fact *facts, unsigned count)
{
    char micros[6];
    uint32_t rest = (uint32_t)(wall_us % 1000000);

    for (size_t i = sizeof(micros); i-- > 0; rest /= 10)
        micros[i] = (char)('0' + rest % 10);
    l->end -= JSON_END_ROOM;
    put(l, SPAN("{\"time\":\""));
    put(l, time_text(wall_us, true));
    put(l, (struct span){micros, sizeof(micros)});
    put(l, SPAN("Z\",\"daemon\":\""));
    put_shown(l, span_str(shape->daemon), true);
    put(l, SPAN("\",\"event\":\""));
    put_shown(l, span_str(shape->event), true);
    put(l, SPAN("\""));
    for (unsigned i = 0; i < count; i++)
        put_json_fact(l, &facts[i]);
    l->end = l->at + JSON_END_ROOM;
    put(l, SPAN("}"));
}

size_t log_render_line(const struct log_render *how, int64_t wall_us, const struct log_shape *shape,
                       const struct log_fact *facts, unsigned count, char *at)
{
    struct line line = {at, at + LOG_LINE_MAX};
    struct facts named = {facts, count, 0};

    if (!how->json || how->front == LOG_FRONT_SYSLOG)
        put_front(&line, how, wall_us, shape);
    if (how->json)
        put_json(&line, wall_us, shape, facts, count);
    else
        put_text(&line, shape->text, &named);
    return (size_t)(line.at - at);
}
