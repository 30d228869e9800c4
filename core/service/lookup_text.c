/* lookup_text: tables of keys and values, from a file's lines or from the configuration itself. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/directory_file.h"
#include "core/service/lookup.h"
#include "core/service/lookup_private.h"

#define TEXT(span) (int)(span).len, (span).len > 0 ? (span).at : ""

static bool fold(struct span key, char folded[LOOKUP_KEY_MAX], struct span *folded_r)
{
    if (key.len > LOOKUP_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        folded[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    *folded_r = (struct span){folded, key.len};
    return true;
}

static void entry_add(struct map *entries, struct lookup_loading *l, struct span key,
                      struct span value)
{
    char bytes[LOOKUP_KEY_MAX];
    struct span folded;
    struct lookup_value *entry;

    if (key.len == 0 || !fold(key, bytes, &folded) || value.len > LOOKUP_VALUE_MAX) {
        lookup_found(l, "a key of 1 to %d bytes and a value of up to %d is possible; shorten it",
                     LOOKUP_KEY_MAX, LOOKUP_VALUE_MAX);
        return;
    }
    if (map_get(entries, folded) != NULL) {
        lookup_found(l, "%.*s is there a second time; take one of them out", TEXT(key));
        return;
    }
    entry = xmalloc(sizeof(*entry) + value.len);
    entry->len = value.len;
    if (value.len > 0)
        memcpy(entry->bytes, value.at, value.len);
    map_put(entries, folded, entry);
}

void lookup_text_load(struct map *entries, struct lookup_loading *l, struct span text)
{
    struct directory_lines lines = {.rest = text};
    struct span line, key, value;

    while (directory_lines_logical(&lines, &line)) {
        char plain[LOOKUP_KEY_MAX];

        l->line = lines.line;
        directory_entry(line, &key, &value);
        if (key.len > sizeof(plain) || !directory_unquote(key, plain, &key))
            lookup_found(l, "a key that is too long, or whose quote is not closed");
        else if (value.len == 0)
            lookup_found(l, "%.*s has no value; write %.*s value", TEXT(key), TEXT(key));
        else
            entry_add(entries, l, key, value);
    }
    directory_lines_end(&lines);
}

/* The next part of a list divided by commas or blanks; one in braces is taken whole, without them.
 * False at the end, or with a finding where a brace is not closed. */
static bool next_part(struct lookup_loading *l, struct span *rest, struct span *part_r)
{
    const char *end;
    size_t len = 0;

    while (rest->len > 0 && memchr(", \t\r\n", rest->at[0], 5) != NULL)
        *rest = span_after(*rest, 1);
    if (rest->len == 0)
        return false;
    if (rest->at[0] == '{') {
        end = memchr(rest->at, '}', rest->len);
        if (end == NULL) {
            lookup_found(l, "a \"{\" without its \"}\"");
            return false;
        }
        len = (size_t)(end - rest->at);
        *part_r = directory_trim((struct span){rest->at + 1, len - 1});
        *rest = span_after(*rest, len + 1);
        return true;
    }
    while (len < rest->len && rest->at[len] != ',')
        len++;
    *part_r = directory_trim(span_first(*rest, len));
    *rest = span_after(*rest, len);
    return true;
}

/* "{ key = value, { key = value, with commas } }" */
void lookup_inline_load(struct map *entries, struct lookup_loading *l, struct span text)
{
    struct span rest = directory_trim(text), part;

    if (rest.len < 2 || rest.at[0] != '{' || rest.at[rest.len - 1] != '}') {
        lookup_found(l, "write { key = value, ... }");
        return;
    }
    rest = (struct span){rest.at + 1, rest.len - 2};
    while (next_part(l, &rest, &part)) {
        const char *is = part.len == 0 ? NULL : memchr(part.at, '=', part.len);
        if (is == NULL) {
            lookup_found(l, "\"%.*s\" has no \"=\"; write key = value", TEXT(part));
            continue;
        }
        entry_add(entries, l, directory_trim(span_first(part, (size_t)(is - part.at))),
                  directory_trim(span_after(part, (size_t)(is - part.at) + 1)));
    }
}

void lookup_text_free(struct map **entries)
{
    size_t place = 0;
    struct span key;
    void *value;

    if (*entries == NULL)
        return;
    while (map_next(*entries, &place, &key, &value))
        free(value);
    map_free(entries);
}

bool lookup_text_get(const struct map *entries, struct span key, struct chain *value)
{
    char bytes[LOOKUP_KEY_MAX];
    struct span folded;
    const struct lookup_value *entry;

    if (!fold(key, bytes, &folded) || (entry = map_get(entries, folded)) == NULL)
        return false;
    chain_add(value, (struct span){entry->bytes, entry->len});
    return true;
}
