/*
 * lookup_pattern: a file of patterns, regexp_table(5) and pcre_table(5):
 *
 *     /pattern/flags value      value for keys that match; $1, ${1}, $(1): a group, $$: a dollar
 *     !/pattern/flags value     value for keys that do not
 *     if /pattern/flags         the lines up to endif only for keys that match (if !/pattern/: not)
 *     endif
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/service/directory_file.h"
#include "core/service/lookup.h"
#include "core/service/lookup_private.h"

struct rule {
    bool is_if, is_negative;
    unsigned next; /* of an if: the rule behind its endif */
    struct lookup_regex *regex;
    char *value; /* of an if: NULL */
    size_t value_len;
};

struct lookup_pattern {
    struct rule *rules;
    unsigned count, room;
};

/* ---- what a value is made of ---- */

/* Takes "$1", "${1}", "$(1)" or "$$" at the cursor, which stands on the dollar. False when it is
 * none of them. *group_r is -1 for a dollar. */
static bool take_group(struct span *at, int *group_r)
{
    struct span rest = span_after(*at, 1);
    char closing = rest.len == 0 ? '\0' : rest.at[0] == '{' ? '}' : rest.at[0] == '(' ? ')' : '\0';
    uint64_t number = 0;
    size_t digits = 0;

    *group_r = -1;
    if (rest.len > 0 && rest.at[0] == '$') {
        *at = span_after(rest, 1);
        return true;
    }
    rest = span_after(rest, closing != '\0');
    while (digits < rest.len && rest.at[digits] >= '0' && rest.at[digits] <= '9')
        digits++;
    if (!number_parse(span_first(rest, digits), LOOKUP_GROUPS_MAX - 1, &number))
        return false;
    rest = span_after(rest, digits);
    if (closing != '\0' && (rest.len == 0 || rest.at[0] != closing))
        return false;
    *group_r = (int)number;
    *at = span_after(rest, closing != '\0');
    return true;
}

/* Does each dollar of the value name a group that the pattern has? */
static bool value_is_possible(struct span value, unsigned groups)
{
    int group;

    while (value.len > 0) {
        if (value.at[0] != '$')
            value = span_after(value, 1);
        else if (!take_group(&value, &group) || group > (int)groups)
            return false;
    }
    return true;
}

static bool value_fill(struct span text, const struct span *groups, struct chain *value)
{
    size_t before = value->len;

    while (text.len > 0) {
        const char *dollar = memchr(text.at, '$', text.len);
        struct span plain =
            span_first(text, dollar == NULL ? text.len : (size_t)(dollar - text.at));
        int group;

        chain_add(value, plain);
        text = span_after(text, plain.len);
        if (text.len > 0 && take_group(&text, &group))
            chain_add(value, group < 0 ? SPAN("$") : groups[group]);
        if (value->len - before > LOOKUP_VALUE_MAX)
            return false;
    }
    return true;
}

/* ---- reading ---- */

/* "[!]/pattern/flags" at the cursor: any byte that is no letter, digit or blank may be the slash.
 */
static struct lookup_regex *take_regex(bool is_pcre, struct lookup_loading *l, struct span *at,
                                       bool *negative_r)
{
    struct span pattern, flags;
    size_t len = 1;
    char slash;

    *negative_r = at->len > 0 && at->at[0] == '!';
    *at = span_after(*at, *negative_r);
    slash = at->len > 0 ? at->at[0] : '\0';
    while (len < at->len && at->at[len] != slash)
        len += at->at[len] == '\\' ? 2 : 1;
    if (slash == '\0' || slash == '\\' || (slash >= '0' && slash <= '9') ||
        ((slash | 0x20) >= 'a' && (slash | 0x20) <= 'z') || len >= at->len) {
        lookup_found(l, "no pattern between two slashes; write /pattern/ value");
        return NULL;
    }
    pattern = (struct span){at->at + 1, len - 1};
    *at = span_after(*at, len + 1);
    for (len = 0; len < at->len && at->at[len] != ' ' && at->at[len] != '\t'; len++)
        ;
    flags = span_first(*at, len);
    *at = directory_trim(span_after(*at, len));
    return lookup_regex_open(is_pcre, l, pattern, flags);
}

static struct rule *rule_add(struct lookup_pattern *p)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 16;
        p->rules = xrealloc(p->rules, p->room * sizeof(*p->rules));
    }
    p->rules[p->count] = (struct rule){0};
    return &p->rules[p->count++];
}

static void take_value(struct lookup_loading *l, struct rule *rule, struct span value)
{
    if (value.len == 0)
        lookup_found(l, "a pattern without a value; write /pattern/ value");
    else if (value.len > LOOKUP_VALUE_MAX)
        lookup_found(l, "a value of up to %d bytes is possible; shorten it", LOOKUP_VALUE_MAX);
    else if (!value_is_possible(value, rule->is_negative ? 0 : lookup_regex_groups(rule->regex)))
        lookup_found(l, "a \"$\" that names no group of the pattern; write $$ for a dollar");
    rule->value = xmalloc(value.len + 1);
    rule->value_len = value.len;
    memcpy(rule->value, value.at, value.len);
}

static bool is_word(struct span line, struct span word)
{
    return span_eq_nocase(span_first(line, word.len), word) &&
           (line.len == word.len || memchr(" \t!/", line.at[word.len], 4) != NULL);
}

struct reading {
    struct lookup_pattern *p;
    bool is_pcre;
    unsigned open[LOOKUP_NESTING_MAX], depth;
};

static void take_endif(struct reading *r, struct lookup_loading *l)
{
    if (r->depth == 0)
        lookup_found(l, "endif without its if");
    else
        r->p->rules[r->open[--r->depth]].next = r->p->count;
}

static void take_rule(struct reading *r, struct lookup_loading *l, struct span line)
{
    struct rule *rule;
    bool is_if = is_word(line, SPAN("if")), negative;
    struct lookup_regex *regex;

    if (is_if)
        line = directory_trim(span_after(line, 2));
    regex = take_regex(r->is_pcre, l, &line, &negative);
    if (regex == NULL)
        return;
    rule = rule_add(r->p);
    rule->regex = regex;
    rule->is_if = is_if;
    rule->is_negative = negative;
    if (!is_if)
        take_value(l, rule, line);
    else if (line.len > 0)
        lookup_found(l, "text behind an if's pattern; it belongs on a line of its own");
    else if (r->depth == LOOKUP_NESTING_MAX)
        lookup_found(l, "more than %d ifs in one another", LOOKUP_NESTING_MAX);
    else
        r->open[r->depth++] = r->p->count - 1;
}

struct lookup_pattern *lookup_pattern_load(bool is_pcre, struct lookup_loading *l, struct span text)
{
    struct reading r = {.p = xcalloc(1, sizeof(*r.p)), .is_pcre = is_pcre};
    struct directory_lines lines = {.rest = text};
    struct span line;

    while (directory_lines_logical(&lines, &line)) {
        l->line = lines.line;
        if (r.p->count == LOOKUP_RULES_MAX) {
            lookup_found(l, "more than %d rules; divide the file", LOOKUP_RULES_MAX);
            break;
        }
        if (is_word(line, SPAN("endif")))
            take_endif(&r, l);
        else
            take_rule(&r, l, line);
    }
    directory_lines_end(&lines);
    if (r.depth > 0)
        lookup_found(l, "an if without its endif");
    return r.p;
}

void lookup_pattern_free(struct lookup_pattern **pattern)
{
    struct lookup_pattern *p = *pattern;

    *pattern = NULL;
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->count; i++) {
        lookup_regex_close(&p->rules[i].regex);
        free(p->rules[i].value);
    }
    free(p->rules);
    free(p);
}

/* ---- asking ---- */

bool lookup_pattern_get(const struct lookup_pattern *p, struct span key, struct chain *value)
{
    struct span groups[LOOKUP_GROUPS_MAX];

    for (unsigned i = 0; i < p->count;) {
        const struct rule *rule = &p->rules[i];
        bool matches = lookup_regex_match(rule->regex, key, groups) != rule->is_negative;

        if (rule->is_if) {
            i = matches ? i + 1 : rule->next;
            continue;
        }
        if (matches)
            return value_fill((struct span){rule->value, rule->value_len}, groups, value);
        i++;
    }
    return false;
}
