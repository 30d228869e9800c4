#include "proto/smtp/smtp_body.h"

enum {
    SMTP_BODY_CRS_MAX = 256, /* CRs in a row that wait for what follows them */
};

void smtp_body_begin(struct smtp_body *b, enum smtp_body_form form, uint64_t size_max,
                     struct smtp_body_facts *facts, struct chain *out)
{
    *b = (struct smtp_body){
        .facts = facts,
        .out = out,
        .size_max = size_max,
        .form = form,
        .after_crlf = true,
        .in_header = true,
    };
}

void smtp_body_drop(struct smtp_body *b)
{
    chain_free(&b->held);
}

/* Eight bytes at a time: this looks at each byte of each body. */
static bool smtp_body_has_8bit(struct span bytes)
{
    uint64_t all = 0, word;
    size_t i = 0;

    for (; i + sizeof(word) <= bytes.len; i += sizeof(word)) {
        memcpy(&word, bytes.at + i, sizeof(word));
        all |= word;
    }
    for (; i < bytes.len; i++)
        all |= (unsigned char)bytes.at[i];
    return (all & 0x8080808080808080) != 0;
}

static void smtp_body_store(struct smtp_body *b, struct span bytes)
{
    struct smtp_body_facts *facts = b->facts;

    facts->bytes += bytes.len;
    if (!facts->has_8bit)
        facts->has_8bit = smtp_body_has_8bit(bytes);
    if (!facts->has_nul)
        facts->has_nul = bytes.len > 0 && memchr(bytes.at, '\0', bytes.len) != NULL;
    if (facts->bytes <= b->size_max)
        chain_add(b->out, bytes);
    else
        chain_free(b->out);
}

/* Decoded bytes; a binary body was stored as it came, its lines are only looked at. */
static void smtp_body_emit(struct smtp_body *b, struct span bytes)
{
    if (b->form != SMTP_BODY_BINARY)
        smtp_body_store(b, bytes);
}

/* Decides about the header line in `held`, and lets it go. */
static void smtp_body_header_line(struct smtp_body *b)
{
    struct span line = chain_flat(&b->held);

    switch (smtp_header_take(&b->header, line, b->facts)) {
    case SMTP_HEADER_GOES_ON:
        break;
    case SMTP_HEADER_ENDS:
        b->in_header = false;
        break;
    case SMTP_HEADER_MAILBOX:
        smtp_body_emit(b, SPAN("X-Mailbox-Line: "));
        break;
    case SMTP_HEADER_ENDED:
        smtp_body_emit(b, SPAN("\r\n"));
        b->in_header = false;
        break;
    }
    smtp_body_emit(b, line);
    chain_free(&b->held);
}

/* Bytes of a line. Of a header line the first ones are held until it can be decided about. */
static void smtp_body_text(struct smtp_body *b, struct span text)
{
    if (b->in_header && !b->line_known) {
        size_t room = SMTP_HEADER_LINE_MAX - b->held.len;

        chain_add(&b->held, span_first(text, room));
        text = span_after(text, room);
        if (b->held.len < SMTP_HEADER_LINE_MAX)
            return;
        smtp_body_header_line(b);
        b->line_known = true;
    }
    if (text.len > 0)
        smtp_body_emit(b, text);
}

static void smtp_body_line_end(struct smtp_body *b, bool is_crlf)
{
    if (b->in_header && !b->line_known)
        smtp_body_header_line(b);
    b->line_known = false;
    smtp_body_emit(b, SPAN("\r\n"));
    b->place = SMTP_AT_LINE_START;
    b->after_crlf = is_crlf;
    if (!is_crlf)
        b->facts->has_bare_lf = true;
}

static void smtp_body_stray_crs(struct smtp_body *b)
{
    if (b->crs > 0)
        b->facts->has_stray_cr = true;
    for (; b->crs > 0; b->crs--)
        smtp_body_text(b, SPAN(" "));
}

/* A run of CRs is not kept for ever: in the middle of a long one they are known to be stray. */
static void smtp_body_cr(struct smtp_body *b)
{
    if (b->crs == SMTP_BODY_CRS_MAX)
        smtp_body_stray_crs(b);
    b->crs++;
}

/* Part of a line without an LF; its CRs wait for what follows them. */
static void smtp_body_part(struct smtp_body *b, struct span part)
{
    while (part.len > 0) {
        const char *cr = memchr(part.at, '\r', part.len);
        size_t len = cr == NULL ? part.len : (size_t)(cr - part.at);

        if (len > 0) {
            smtp_body_stray_crs(b);
            smtp_body_text(b, span_first(part, len));
        }
        if (cr != NULL) {
            smtp_body_cr(b);
            len++;
        }
        part = span_after(part, len);
    }
}

/* In a line: eats up to its LF, or all. */
static size_t smtp_body_in_line(struct smtp_body *b, struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);
    size_t len = lf == NULL ? bytes.len : (size_t)(lf - bytes.at);
    bool is_crlf;

    smtp_body_part(b, span_first(bytes, len));
    if (lf == NULL)
        return len;
    is_crlf = b->crs > 0;
    if (b->crs > 1)
        b->facts->has_stray_cr = true;
    b->crs = 0;
    smtp_body_line_end(b, is_crlf);
    return len + 1;
}

/* How many bytes are whole lines that need nothing done: the way of nearly all of a body. */
static size_t smtp_body_clean(const struct smtp_body *b, struct span bytes)
{
    const char *at = bytes.at, *end = bytes.at + bytes.len;

    while (at < end && !(b->form == SMTP_BODY_DOTTED && *at == '.')) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *cr = lf == NULL ? NULL : memchr(at, '\r', (size_t)(lf - at));

        if (cr == NULL || cr != lf - 1)
            break;
        at = lf + 1;
    }
    return (size_t)(at - bytes.at);
}

static size_t smtp_body_line_start(struct smtp_body *b, struct span bytes)
{
    size_t clean;

    if (b->form == SMTP_BODY_DOTTED && bytes.at[0] == '.') {
        b->place = SMTP_AT_DOT;
        return 1;
    }
    clean = b->in_header ? 0 : smtp_body_clean(b, bytes);
    if (clean > 0) {
        smtp_body_emit(b, span_first(bytes, clean));
        b->after_crlf = true;
        return clean;
    }
    b->place = SMTP_IN_LINE;
    return 0;
}

/* A line of a dot alone that is not the end of data: it is a line. */
static void smtp_body_lone_dot(struct smtp_body *b, bool is_crlf)
{
    smtp_body_text(b, SPAN("."));
    smtp_body_line_end(b, is_crlf);
}

static size_t smtp_body_after_dot(struct smtp_body *b, char byte)
{
    if (byte == '\r') {
        b->place = SMTP_AT_DOT_CR;
        return 1;
    }
    if (byte == '\n') {
        smtp_body_lone_dot(b, false);
        return 1;
    }
    b->place = SMTP_IN_LINE; /* the dot was stuffed */
    return 0;
}

static size_t smtp_body_after_dot_cr(struct smtp_body *b, char byte, bool *end_r)
{
    if (byte == '\n' && b->after_crlf) {
        b->place = SMTP_AT_LINE_START;
        *end_r = true;
        return 1;
    }
    if (byte == '\n') {
        smtp_body_lone_dot(b, true);
        return 1;
    }
    b->crs = 1;
    b->place = SMTP_IN_LINE;
    return 0;
}

size_t smtp_body_input(struct smtp_body *b, struct span bytes, bool *end_r)
{
    struct span at = bytes;

    *end_r = false;
    if (b->form == SMTP_BODY_BINARY) {
        smtp_body_store(b, bytes);
        if (!b->in_header)
            return bytes.len;
    }
    while (at.len > 0 && !*end_r) {
        size_t eaten = 0;

        switch (b->place) {
        case SMTP_AT_LINE_START:
            eaten = smtp_body_line_start(b, at);
            break;
        case SMTP_AT_DOT:
            eaten = smtp_body_after_dot(b, at.at[0]);
            break;
        case SMTP_AT_DOT_CR:
            eaten = smtp_body_after_dot_cr(b, at.at[0], end_r);
            break;
        case SMTP_IN_LINE:
            eaten = smtp_body_in_line(b, at);
            break;
        }
        at = span_after(at, eaten);
    }
    return bytes.len - at.len;
}

void smtp_body_end(struct smtp_body *b)
{
    if (b->place == SMTP_IN_LINE && (b->form != SMTP_BODY_BINARY || b->in_header)) {
        b->crs = 0;
        smtp_body_line_end(b, true);
    }
    smtp_body_drop(b);
}
