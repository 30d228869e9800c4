#include "tests/sim/sim_imap_parse.h"

#include "core/base/number.h"
#include "tests/sim/sim_model.h"

/* "{n}" at the end of the line: the length of the literal behind it. */
static bool literal_at_end(struct span line, size_t *len_r)
{
    uint64_t number;
    size_t from = line.len;

    if (line.len < 3 || line.at[line.len - 1] != '}')
        return false;
    while (from > 0 && line.at[from - 1] != '{')
        from--;
    if (from == 0 ||
        !number_parse((struct span){line.at + from, line.len - 1 - from}, UINT32_MAX, &number))
        return false;
    *len_r = (size_t)number;
    return true;
}

size_t imap_response_len(struct span heard)
{
    size_t at = 0;

    for (;;) {
        struct span rest = span_after(heard, at);
        const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
        size_t len, literal;

        if (end == NULL)
            return 0;
        len = (size_t)(end - rest.at) + 1;
        at += len;
        if (len < 2 || rest.at[len - 2] != '\r' ||
            !literal_at_end(span_first(rest, len - 2), &literal))
            return at;
        if (literal > heard.len - at)
            return 0;
        at += literal;
    }
}

bool imap_take_number(struct span *rest, uint32_t *number_r)
{
    uint64_t number;
    size_t len = 0;

    while (len < rest->len && rest->at[len] >= '0' && rest->at[len] <= '9')
        len++;
    if (!number_parse(span_first(*rest, len), UINT32_MAX, &number))
        return false;
    *number_r = (uint32_t)number;
    *rest = span_after(*rest, len);
    if (rest->len > 0 && rest->at[0] == ' ')
        *rest = span_after(*rest, 1);
    return true;
}

struct span imap_take_word(struct span *rest)
{
    struct span word;
    size_t len = 0;

    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\r')
        len++;
    word = span_first(*rest, len);
    *rest = span_after(*rest, len);
    if (rest->len > 0 && rest->at[0] == ' ')
        *rest = span_after(*rest, 1);
    return word;
}

/* ---- values ---- */

static bool take_quoted(struct span *rest)
{
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->at[i] == '\\') {
            i++;
        } else if (rest->at[i] == '"') {
            *rest = span_after(*rest, i + 1);
            return true;
        } else if (rest->at[i] == '\r' || rest->at[i] == '\n') {
            return false;
        }
    }
    return false;
}

static bool take_literal(struct span *rest, struct span *value_r)
{
    const char *end = memchr(rest->at, '}', rest->len);
    uint64_t len;
    size_t head;

    if (end == NULL)
        return false;
    head = (size_t)(end - rest->at) + 3;
    if (!number_parse((struct span){rest->at + 1, head - 4}, rest->len, &len) ||
        head + len > rest->len)
        return false;
    *value_r = (struct span){rest->at + head, (size_t)len};
    *rest = span_after(*rest, head + (size_t)len);
    return true;
}

static void take_atom(struct span *rest)
{
    size_t len = 0;

    while (len < rest->len && strchr(" ()\r\n\"{", rest->at[len]) == NULL)
        len++;
    *rest = span_after(*rest, len);
}

/* A string (without its quotes), an atom, or a whole list. */
static bool take_value(struct span *rest, struct span *value_r)
{
    const char *begin = rest->at;
    unsigned depth = 0;

    do {
        size_t before = rest->len;
        char c = rest->len > 0 ? rest->at[0] : '\r';

        *value_r = (struct span){NULL, 0};
        if (c == '"') {
            if (!take_quoted(rest))
                return false;
            *value_r = (struct span){rest->at - (before - rest->len) + 1, before - rest->len - 2};
        } else if (c == '{') {
            if (!take_literal(rest, value_r))
                return false;
        } else if (c == '(' || c == ')' || (c == ' ' && depth > 0)) {
            depth += c == '(';
            if (c == ')' && depth-- == 0)
                return false;
            *rest = span_after(*rest, 1);
        } else {
            take_atom(rest);
        }
        if (rest->len == before)
            return false;
    } while (depth > 0);
    if (value_r->at == NULL || *begin == '(')
        *value_r = (struct span){begin, (size_t)(rest->at - begin)};
    return true;
}

size_t imap_take_uids(struct span *rest, uint32_t *uids_r, size_t max)
{
    uint32_t from, to;
    size_t count = 0;

    while (imap_take_number(rest, &from)) {
        to = from;
        if (rest->len > 0 && rest->at[0] == ':') {
            *rest = span_after(*rest, 1);
            if (!imap_take_number(rest, &to))
                return 0;
        }
        if (to < from || to - from >= max - count)
            return 0;
        for (uint32_t uid = from; uid <= to; uid++)
            uids_r[count++] = uid;
        if (rest->len == 0 || rest->at[0] != ',')
            break;
        *rest = span_after(*rest, 1);
    }
    return count;
}

/* ---- FETCH ---- */

static bool parse_flags(struct span list, unsigned *flags_r)
{
    struct span rest = span_first(span_after(list, 1), list.len - 2);

    *flags_r = 0;
    if (list.len < 2 || list.at[0] != '(')
        return false;
    while (rest.len > 0) {
        struct span word = imap_take_word(&rest);
        bool known = span_eq(word, SPAN("\\Recent"));

        for (unsigned i = 0; i < MODEL_FLAGS; i++) {
            if (!span_eq(word, span_str(model_flag_names[i])))
                continue;
            if ((*flags_r & 1u << i) != 0)
                return false;
            *flags_r |= 1u << i;
            known = true;
        }
        if (!known)
            return false;
    }
    return true;
}

/* "BODY[HEADER.FIELDS (X-SIM)]<0>": up to a blank outside of the brackets. */
static struct span take_name(struct span *rest)
{
    struct span name;
    size_t len = 0;
    bool inside = false;

    while (len < rest->len && (inside || (rest->at[len] != ' ' && rest->at[len] != '\r'))) {
        inside = rest->at[len] == '[' || (inside && rest->at[len] != ']');
        len++;
    }
    name = span_first(*rest, len);
    *rest = span_after(*rest, len);
    return name;
}

static bool parse_item(struct span name, struct span value, struct imap_items *items)
{
    static const struct span whole = {"BODY[]", 6}, header = {"BODY[HEADER", 11};

    if (span_eq(name, SPAN("UID")))
        return imap_take_number(&value, &items->uid) && value.len == 0 && items->uid > 0;
    if (span_eq(name, SPAN("RFC822.SIZE")))
        return imap_take_number(&value, &items->size) && value.len == 0;
    if (span_eq(name, SPAN("FLAGS"))) {
        items->has_flags = true;
        return parse_flags(value, &items->flags);
    }
    if (span_eq(name, SPAN("BODY[TEXT]"))) {
        items->text = value;
    } else if (span_eq(span_first(name, header.len), header)) {
        items->has_header = true;
        items->header = value;
    } else if (span_eq(span_first(name, whole.len), whole)) {
        struct span from = span_after(name, whole.len);
        items->has_body = true;
        items->body = value;
        items->body_is_part = from.len > 0;
        if (from.len > 0) {
            from = span_after(from, 1);
            return imap_take_number(&from, &items->body_from) && span_eq(from, SPAN(">"));
        }
    }
    return true;
}

bool imap_parse_items(struct span rest, struct imap_items *items_r)
{
    *items_r = (struct imap_items){0};
    if (rest.len == 0 || rest.at[0] != '(')
        return false;
    do {
        struct span name, value;

        rest = span_after(rest, 1);
        name = take_name(&rest);
        if (rest.len < 2 || rest.at[0] != ' ')
            return false;
        rest = span_after(rest, 1);
        if (!take_value(&rest, &value) || !parse_item(name, value, items_r))
            return false;
    } while (rest.len > 0 && rest.at[0] == ' ');
    return span_eq(rest, SPAN(")\r\n"));
}
