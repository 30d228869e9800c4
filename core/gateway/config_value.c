#include "core/gateway/config_value.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"

struct unit {
    const char *name;
    uint64_t times;
};

static const struct unit size_units[] = {
    {"g", 1024ULL * 1024 * 1024},
    {"m", 1024ULL * 1024       },
    {"k", 1024                 },
    {"",  1                    },
};

static const struct unit time_units[] = {
    {"w",  7 * 24 * 3600 * 1000ULL},
    {"d",  24 * 3600 * 1000ULL    },
    {"h",  3600 * 1000ULL         },
    {"m",  60 * 1000ULL           },
    {"s",  1000ULL                },
    {"ms", 1                      },
};

/* ---- numbers ---- */

static bool with_unit(struct span text, const struct unit *units, size_t count, uint64_t without,
                      uint64_t *number_r)
{
    size_t digits = 0;
    struct span unit;
    uint64_t number;

    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    unit = span_after(text, digits);
    if (!number_parse(span_first(text, digits), UINT64_MAX, &number))
        return false;
    if (unit.len == 0)
        return !__builtin_mul_overflow(number, without, number_r);
    for (size_t i = 0; i < count; i++)
        if (span_eq_nocase(unit, span_str(units[i].name)))
            return !__builtin_mul_overflow(number, units[i].times, number_r);
    return false;
}

static bool number_of(const struct config_option *option, struct span text, uint64_t *number_r)
{
    switch (option->type) {
    case CONFIG_SIZE:
        return with_unit(text, size_units, COUNT_OF(size_units), 1, number_r);
    case CONFIG_TIME:
        return with_unit(text, time_units, COUNT_OF(time_units), 1000, number_r);
    default:
        return number_parse(text, UINT64_MAX, number_r);
    }
}

static void show_number(const struct config_option *option, uint64_t number, struct chain *out)
{
    const struct unit *u = option->type == CONFIG_TIME ? time_units : size_units;

    if (option->type == CONFIG_INTEGER || number == 0) {
        chain_add_number(out, number);
        return;
    }
    while (number % u->times != 0)
        u++;
    chain_add_number(out, number / u->times);
    chain_add(out, span_str(u->name));
}

static void show_words(const char *words, struct chain *out)
{
    for (const char *w = words; *w; w++) {
        if (*w == ' ')
            chain_add(out, SPAN(", "));
        else
            chain_add_byte(out, *w);
    }
}

void config_value_range(const struct config_option *option, struct chain *out)
{
    switch (option->type) {
    case CONFIG_BOOL:
        chain_add(out, SPAN("yes or no"));
        return;
    case CONFIG_ENUM:
        chain_add(out, SPAN("one of "));
        show_words(option->unit, out);
        return;
    case CONFIG_INTEGER:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        chain_add(out, option->type == CONFIG_TIME   ? SPAN("a time from ")
                       : option->type == CONFIG_SIZE ? SPAN("bytes from ")
                                                     : SPAN("a number from "));
        show_number(option, option->least, out);
        chain_add(out, SPAN(" to "));
        show_number(option, option->most, out);
        return;
    case CONFIG_STRING:
        chain_addf(out, "%u to %u printable ASCII characters", (unsigned)option->least,
                   (unsigned)option->most);
        return;
    case CONFIG_PATH:
        chain_add(out, SPAN("a path"));
        return;
    case CONFIG_LIST:
    case CONFIG_PATHS:
    case CONFIG_MAPS:
        chain_add(out, SPAN("a list, divided by commas and blanks"));
        return;
    }
}

/* ---- words ---- */

static bool bool_of(struct span text, bool *bool_r)
{
    *bool_r = span_eq_nocase(text, SPAN("yes")) || span_eq_nocase(text, SPAN("true"));
    return *bool_r || span_eq_nocase(text, SPAN("no")) || span_eq_nocase(text, SPAN("false"));
}

static bool enum_of(const char *words, struct span text, int *index_r)
{
    int index = 0;

    while (*words) {
        size_t len = strcspn(words, " ");
        if (span_eq_nocase((struct span){words, len}, text)) {
            *index_r = index;
            return true;
        }
        words += len + (words[len] == ' ');
        index++;
    }
    return false;
}

static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] >= 0x7f)
            return false;
    return true;
}

static char *copy_of(struct span text)
{
    char *copy = xmalloc(text.len + 1);

    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* ---- paths and lists ---- */

static void add_path(struct chain *out, const char *base, struct span path)
{
    if (path.len > 0 && path.at[0] != '/' && base[0] != '\0' && !span_eq(path, SPAN("-")) &&
        !span_eq(path, SPAN("syslog"))) {
        chain_add(out, span_str(base));
        chain_add(out, SPAN("/"));
    }
    chain_add(out, path);
}

static bool is_divider(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r';
}

/* The next item of a list; false at its end. What stands in braces is one item, as in
 * "inline:{ a = b, c = d }". */
static bool next_item(struct span *rest, struct span *item_r)
{
    size_t len = 0, depth = 0;

    while (rest->len > 0 && is_divider(rest->at[0]))
        *rest = span_after(*rest, 1);
    for (; len < rest->len && (depth > 0 || !is_divider(rest->at[len])); len++) {
        depth += rest->at[len] == '{';
        depth -= rest->at[len] == '}' && depth > 0;
    }
    *item_r = span_first(*rest, len);
    *rest = span_after(*rest, len);
    return len > 0;
}

/* Without the map type that Postfix's file names have in front. */
static struct span without_type(struct span item)
{
    static const char *const types[] = {"hash:", "lmdb:", "texthash:", "btree:", "cdb:", "dbm:"};

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct span type = span_str(types[i]);
        if (item.len > type.len && span_eq(span_first(item, type.len), type))
            return span_after(item, type.len);
    }
    return item;
}

/* Its type stays in front of it. What is no file has none to be completed. */
static void add_map(struct chain *out, const char *base, struct span item)
{
    const char *colon = memchr(item.at, ':', item.len), *slash = memchr(item.at, '/', item.len);

    if (colon != NULL && (slash == NULL || colon < slash)) {
        struct span type = span_first(item, (size_t)(colon + 1 - item.at));

        chain_add(out, type);
        item = span_after(item, type.len);
        if (span_eq(type, SPAN("static:")) || span_eq(type, SPAN("inline:")))
            base = "";
    }
    add_path(out, base, item);
}

static bool list_set(struct config_list *field, const struct config_option *option,
                     struct span text, const char *base, struct config_value *value,
                     struct chain *why)
{
    struct chain items = {0};
    struct span rest = text, item;
    unsigned count = 0;
    char *at;

    while (next_item(&rest, &item)) {
        if (option->type == CONFIG_PATHS) {
            item = without_type(item);
            if (memchr(item.at, ':', item.len)) {
                chain_addf(why, "\"%.*s\" is of a map type that is not read; use a text file",
                           (int)item.len, item.at);
                chain_free(&items);
                return false;
            }
            add_path(&items, base, item);
        } else if (option->type == CONFIG_MAPS) {
            add_map(&items, base, item);
        } else {
            chain_add(&items, item);
        }
        chain_add_byte(&items, '\0');
        count++;
    }
    value->text = copy_of(chain_flat(&items));
    value->items = xcalloc(count + 1, sizeof(*value->items));
    chain_free(&items);
    at = value->text;
    for (unsigned i = 0; i < count; i++, at += strlen(at) + 1)
        value->items[i] = at;
    *field = (struct config_list){value->items, count};
    return true;
}

static bool number_set(uint64_t *field, const struct config_option *option, struct span text)
{
    uint64_t number;

    if (!number_of(option, text, &number) || number < option->least || number > option->most)
        return false;
    *field = number;
    return true;
}

static bool string_set(const char **field, const struct config_option *option, struct span text,
                       struct config_value *value)
{
    if (text.len < option->least || text.len > option->most || !is_printable(text))
        return false;
    value->text = copy_of(text);
    *field = value->text;
    return true;
}

static void path_set(const char **field, struct span text, const char *base,
                     struct config_value *value)
{
    struct chain path = {0};

    add_path(&path, base, text);
    value->text = copy_of(chain_flat(&path));
    chain_free(&path);
    *field = value->text;
}

bool config_value_set(struct config *config, const struct config_option *option, struct span text,
                      const char *base, struct config_value *value, struct chain *why)
{
    void *field = (char *)config + option->offset;
    bool good = true;

    switch (option->type) {
    case CONFIG_STRING:
        good = string_set(field, option, text, value);
        break;
    case CONFIG_PATH:
        path_set(field, text, base, value);
        break;
    case CONFIG_LIST:
    case CONFIG_PATHS:
    case CONFIG_MAPS:
        return list_set(field, option, text, base, value, why);
    case CONFIG_BOOL:
        good = bool_of(text, field);
        break;
    case CONFIG_INTEGER:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        good = number_set(field, option, text);
        break;
    case CONFIG_ENUM:
        good = enum_of(option->unit, text, field);
        break;
    }
    if (!good) {
        chain_addf(why, "\"%.*s\" is not possible; write ", (int)text.len, text.at ? text.at : "");
        config_value_range(option, why);
    }
    return good;
}

void config_value_free(struct config_value *value)
{
    free(value->text);
    free(value->items);
    *value = (struct config_value){0};
}
