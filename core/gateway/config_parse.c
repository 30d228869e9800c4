#include "core/gateway/config_parse.h"

#include <ini.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/gateway/config.h"
#include "core/service/directory_file.h"

/* The library has a line buffer of a fixed size (200 bytes in Debian's build) and would cut what is
 * longer without a word. So it is fed pieces that fit: a long line is cut at a blank, and what
 * follows goes in as continuation lines, which is the same to it. Only a word that does not fit is
 * an error, with its line. */
struct reading {
    const char *shown;
    struct chain *why;
    struct config_entries *entries;
    struct directory_lines lines;
    struct span rest; /* of the line in hand */
    bool in_line;     /* there is a rest */
    bool continues;   /* the piece handed out last continues an entry */
    bool failed;
    unsigned *piece_lines; /* the line that each piece is from: the library counts pieces */
    unsigned pieces, room;
};

static void complain(struct reading *r, unsigned line, const char *text)
{
    chain_addf(r->why, "%s:%u: %s\n", r->shown, line, text);
    r->failed = true;
}

/* Without a comment: a line that begins with one, or what stands behind a blank and ";". */
static struct span without_comment(struct span line)
{
    struct span text = directory_trim(line);

    if (text.len > 0 && (text.at[0] == '#' || text.at[0] == ';'))
        return (struct span){line.at, 0};
    for (size_t i = 1; i < line.len; i++)
        if (line.at[i] == ';' && (line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
            return span_first(line, i);
    return line;
}

static bool begins_blank(struct span s)
{
    return s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t');
}

/* How much of the rest fits into `room` bytes, ending before a blank; 0 when its first word is
 * longer. */
static size_t fitting(struct span rest, size_t room)
{
    if (rest.len <= room)
        return rest.len;
    for (size_t i = room; i > 0; i--)
        if (rest.at[i] == ' ' || rest.at[i] == '\t')
            return i;
    return 0;
}

static void note_piece(struct reading *r)
{
    if (r->pieces == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->piece_lines = xrealloc(r->piece_lines, r->room * sizeof(*r->piece_lines));
    }
    r->piece_lines[r->pieces++] = r->lines.line;
}

/* An ini_reader: the next piece as a line, or NULL at the end. */
static char *next_piece(char *at, int size, void *stream)
{
    struct reading *r = stream;
    size_t room, len;
    bool first = !r->in_line;

    if (first) {
        struct span line;
        if (!directory_lines_next(&r->lines, &line))
            return NULL;
        line = without_comment(line);
        r->continues = begins_blank(line);
        r->rest = directory_trim(line);
    } else {
        r->continues = true;
    }
    ensure(size > 8);
    room = (size_t)size - 4; /* a blank in front, "\n" and NUL behind */
    len = fitting(r->rest, room);
    if (len == 0 && r->rest.len > 0) {
        complain(r, r->lines.line, "a word is too long; divide it by blanks, or shorten it");
        r->rest.len = 0;
    }
    at[0] = ' ';
    memcpy(at + r->continues, r->rest.at, len);
    memcpy(at + r->continues + len, "\n", 2);
    r->rest = directory_trim(span_after(r->rest, len));
    r->in_line = r->rest.len > 0;
    note_piece(r);
    return at;
}

static void entry_extend(struct config_entry *entry, const char *more)
{
    size_t old = strlen(entry->value), added = strlen(more);

    if (added == 0)
        return;
    entry->value = xrealloc(entry->value, old + 1 + added + 1);
    if (old > 0)
        entry->value[old++] = ' ';
    memcpy(entry->value + old, more, added + 1);
}

static void entry_add(struct reading *r, const char *name, const char *value)
{
    struct config_entries *e = r->entries;

    if (e->count == e->room) {
        e->room = e->room ? e->room * 2 : 32;
        e->at = xrealloc(e->at, e->room * sizeof(*e->at));
    }
    e->at[e->count++] = (struct config_entry){xstrdup(name), xstrdup(value), r->lines.line};
}

/* An ini_handler: 1 is "go on". */
static int take(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;

    if (section[0] != '\0')
        complain(r, r->lines.line, "an option under a [section]; take the section's line out");
    else if (r->continues && r->entries->count > 0)
        entry_extend(&r->entries->at[r->entries->count - 1], value);
    else if (name[0] == '\0')
        complain(r, r->lines.line, "no name in front of \"=\"; write name = value");
    else
        entry_add(r, name, value);
    return 1;
}

static bool parse_text(const char *shown, struct span text, struct config_entries *entries,
                       struct chain *why)
{
    struct reading r = {.shown = shown, .why = why, .entries = entries, .lines = {.rest = text}};
    int bad = ini_parse_stream(next_piece, &r, take, &r);

    if (bad > 0 && (unsigned)bad <= r.pieces)
        complain(&r, r.piece_lines[bad - 1],
                 "neither an option nor a comment; write name = value, or # in front");
    free(r.piece_lines);
    return !r.failed;
}

bool config_parse_file(const char *path, struct config_entries *entries, struct chain *why)
{
    struct span text;
    bool good;

    if (!directory_file_read(path, CONFIG_FILE_MAX, &text, why))
        return false;
    good = parse_text(path, text, entries, why);
    free((void *)(uintptr_t)text.at);
    return good;
}

void config_parse_free(struct config_entries *entries)
{
    for (unsigned i = 0; i < entries->count; i++) {
        free(entries->at[i].name);
        free(entries->at[i].value);
    }
    free(entries->at);
    *entries = (struct config_entries){0};
}
