/*
 * Bodies as SMTP carries them: each row whole, in two pieces cut at every place, and byte by byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/attr.h"
#include "proto/smtp/smtp_body.h"

#define H "A: b\r\n\r\n"
#define T(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* What was found: L a line that ended in LF alone, C a stray CR, R a repaired header, 8 and 0. */
static const struct {
    const char *name;
    enum smtp_body_form form;
    struct text {
        const char *at;
        size_t len;
    } in;
    long left; /* bytes behind the end of data; -1: the end did not come */
    struct text out;
    const char *found;
    const char *message_id;
    unsigned received;
} rows[] = {
    {"plain",         SMTP_BODY_DOTTED, T(H "x\r\n.\r\nQUIT"),                                            4,  T(H "x\r\n"),                                                "",   "",      0},
    {"empty",         SMTP_BODY_DOTTED, T(".\r\n"),                                                       0,  T(""),                                                       "",   "",      0},
    {"stuffed",       SMTP_BODY_DOTTED, T(H "..\r\n..a\r\n.b\r\n.\r\n"),                                  0,  T(H ".\r\n.a\r\nb\r\n"),                                     "",
     "",                                                                                                                                                                                  0},
    {"S01 LF.LF",     SMTP_BODY_DOTTED, T(H "a\n.\nb\r\n.\r\n"),                                          0,  T(H "a\r\n.\r\nb\r\n"),                                      "L",  "",      0},
    {"S02 LF.CRLF",   SMTP_BODY_DOTTED, T(H "a\n.\r\nb\r\n.\r\n"),                                        0,  T(H "a\r\n.\r\nb\r\n"),                                      "L",  "",
     0                                                                                                                                                                                     },
    {"S03 CRLF.LF",   SMTP_BODY_DOTTED, T(H "a\r\n.\nb\r\n.\r\n"),                                        0,  T(H "a\r\n.\r\nb\r\n"),                                      "L",  "",
     0                                                                                                                                                                                     },
    {"S04 CR.CR",     SMTP_BODY_DOTTED, T(H "a\r.\rb\r\n.\r\n"),                                          0,  T(H "a . b\r\n"),                                            "C",  "",      0},
    {"S05 CR.CRLF",   SMTP_BODY_DOTTED, T(H "a\r.\r\nb\r\n.\r\n"),                                        0,  T(H "a .\r\nb\r\n"),                                         "C",  "",
     0                                                                                                                                                                                     },
    {"S05 CRLF.CR",   SMTP_BODY_DOTTED, T(H "a\r\n.\rb\r\n.\r\n"),                                        0,  T(H "a\r\n b\r\n"),                                          "C",  "",      0},
    {"S05 CR.LF",     SMTP_BODY_DOTTED, T(H "a\r.\nb\r\n.\r\n"),                                          0,  T(H "a .\r\nb\r\n"),                                         "LC", "",      0},
    {"S05 LF.CR",     SMTP_BODY_DOTTED, T(H "a\n.\rb\r\n.\r\n"),                                          0,  T(H "a\r\n b\r\n"),                                          "LC", "",      0},
    {"CRLF.CRCRLF",   SMTP_BODY_DOTTED, T(H "a\r\n.\r\r\n.\r\n"),                                         0,  T(H "a\r\n\r\n"),                                            "C",  "",      0},
    {"CRCRLF.CRLF",   SMTP_BODY_DOTTED, T(H "a\r\r\n.\r\nb"),                                             1,  T(H "a\r\n"),                                                "C",  "",      0},
    {"LF, then end",  SMTP_BODY_DOTTED, T(H "a\n\r\n.\r\n"),                                              0,  T(H "a\r\n\r\n"),                                            "L",  "",      0},
    {"lone LF dots",  SMTP_BODY_DOTTED, T(".\n.\n.\r\n"),                                                 -1, T("\r\n.\r\n.\r\n.\r\n"),                                    "LR", "",      0},
    {"S06 NUL dot",   SMTP_BODY_DOTTED, T(H "\0.\r\n.\0\r\n.\r\n"),                                       0,  T(H "\0.\r\n\0\r\n"),                                        "0",  "",
     0                                                                                                                                                                                     },
    {"8 bits",        SMTP_BODY_DOTTED, T(H "\xc3\xbc\r\n.\r\n"),                                         0,  T(H "\xc3\xbc\r\n"),                                         "8",  "",      0},
    {"no header",     SMTP_BODY_DOTTED, T("\r\nx\r\n.\r\n"),                                              0,  T("\r\nx\r\n"),                                              "",   "",      0},
    {"no colon",      SMTP_BODY_DOTTED, T("A: b\r\nx\r\n.\r\n"),                                          0,  T(H "x\r\n"),                                                "R",  "",      0},
    {"header only",   SMTP_BODY_DOTTED, T("A: b\r\n.\r\n"),                                               0,  T("A: b\r\n"),                                               "",   "",      0},
    {"mbox",          SMTP_BODY_DOTTED, T("From a\r\n" H ".\r\n"),                                        0,  T("X-Mailbox-Line: From a\r\n" H),                           "",
     "",                                                                                                                                                                                  0},
    {"mbox again",    SMTP_BODY_DOTTED, T("A: b\r\nFrom a\r\n.\r\n"),                                     0,  T(H "From a\r\n"),                                           "R",  "",
     0                                                                                                                                                                                     },
    {"message id",    SMTP_BODY_DOTTED, T("message-id : <a@b> x\r\n\r\n.\r\n"),                           0,
     T("message-id : <a@b> x\r\n\r\n"),                                                                                                                                    "",   "<a@b>", 0},
    {"folded id",     SMTP_BODY_DOTTED, T("Message-ID:\r\n\t<a@b>\r\nMessage-ID: <c>\r\n.\r\n"),          0,
     T("Message-ID:\r\n\t<a@b>\r\nMessage-ID: <c>\r\n"),                                                                                                                   "",   "<a@b>", 0},
    {"received",      SMTP_BODY_DOTTED, T("Received: a\r\n b\r\nRECEIVED:c\r\n\r\nReceived: d\r\n.\r\n"),
     0,                                                                                                       T("Received: a\r\n b\r\nRECEIVED:c\r\n\r\nReceived: d\r\n"), "",   "",      2},
    {"text: no dots", SMTP_BODY_TEXT,   T(H "..\r\n.\r\nx"),                                              -1, T(H "..\r\n.\r\nx\r\n"),                                     "",   "",      0},
    {"text: LF",      SMTP_BODY_TEXT,   T("A: b\n\nx\ny"),                                                -1, T(H "x\r\ny\r\n"),                                           "L",  "",      0},
    {"text: CR last", SMTP_BODY_TEXT,   T(H "x\r"),                                                       -1, T(H "x\r\n"),                                                "",   "",      0},
    {"text: header",  SMTP_BODY_TEXT,   T("A: b"),                                                        -1, T("A: b\r\n"),                                               "",   "",      0},
    {"text: nothing", SMTP_BODY_TEXT,   T(""),                                                            -1, T(""),                                                       "",   "",      0},
    {"binary",        SMTP_BODY_BINARY, T("Received: x\n\r\n.\r\n\0\r\n\n\r"),                            -1,
     T("Received: x\n\r\n.\r\n\0\r\n\n\r"),                                                                                                                                "L0", "",      1},
    {"binary header", SMTP_BODY_BINARY, T("garbage"),                                                     -1, T("garbage"),                                                "R",  "",      0},
};

struct result {
    struct smtp_body_facts facts;
    struct chain out;
    long left;
};

static struct span span_of(const struct text *text)
{
    return (struct span){text->at, text->len};
}

/* Feeds up to the cut, then in pieces of `step` bytes. */
static void play(size_t row, size_t cut, size_t step, struct result *r)
{
    struct smtp_body b;
    struct span at = span_of(&rows[row].in);
    bool end = false;

    *r = (struct result){.left = -1};
    smtp_body_begin(&b, rows[row].form, 1000, &r->facts, &r->out);
    while (at.len > 0 && !end) {
        size_t done = rows[row].in.len - at.len;
        struct span piece = span_first(at, done < cut ? cut - done : step);
        size_t eaten = smtp_body_input(&b, piece, &end);

        if (!end && eaten != piece.len)
            abort();
        at = span_after(at, eaten);
    }
    if (end)
        r->left = (long)at.len;
    smtp_body_end(&b);
}

static bool is_found(size_t row, char what, bool found)
{
    return (strchr(rows[row].found, what) != NULL) == found;
}

static bool is_right(size_t row, struct result *r)
{
    const struct smtp_body_facts *f = &r->facts;

    return span_eq(chain_flat(&r->out), span_of(&rows[row].out)) && r->left == rows[row].left &&
           f->bytes == rows[row].out.len && strcmp(f->message_id, rows[row].message_id) == 0 &&
           f->received_count == rows[row].received && is_found(row, 'L', f->has_bare_lf) &&
           is_found(row, 'C', f->has_stray_cr) && is_found(row, 'R', f->header_repaired) &&
           is_found(row, '8', f->has_8bit) && is_found(row, '0', f->has_nul);
}

static bool check(size_t row, size_t cut, size_t step)
{
    struct result r;
    bool right;

    play(row, cut, step, &r);
    right = is_right(row, &r);
    if (!right)
        printf("%s, cut %zu, step %zu: left %ld, %zu bytes: %.*s\n", rows[row].name, cut, step,
               r.left, r.out.len, (int)r.out.len, chain_flat(&r.out).at);
    chain_free(&r.out);
    chain_free(&r.facts.delivered_to);
    return right;
}

/* A body that is too big is counted and not kept. */
static bool check_too_big(void)
{
    struct smtp_body b;
    struct smtp_body_facts facts = {0};
    struct chain out = {0};
    bool end, right = true;

    smtp_body_begin(&b, SMTP_BODY_DOTTED, 100, &facts, &out);
    for (int i = 0; i < 1000; i++) {
        struct span line = SPAN("0123456789\r\n");

        right &= smtp_body_input(&b, line, &end) == line.len && out.len <= 100;
    }
    right &= smtp_body_is_too_big(&b) && out.len == 0 && facts.bytes >= 12000;
    smtp_body_end(&b);
    chain_free(&out);
    return right;
}

/* An endless run of CRs costs no memory, and is not put off for ever. */
static bool check_crs(void)
{
    struct smtp_body b;
    struct smtp_body_facts facts = {0};
    struct chain out = {0};
    bool end, right = true;
    char crs[1000];

    memset(crs, '\r', sizeof(crs));
    smtp_body_begin(&b, SMTP_BODY_DOTTED, 1000000, &facts, &out);
    right &= smtp_body_input(&b, SPAN("\r\n"), &end) == 2;
    for (int i = 0; i < 100; i++)
        right &= smtp_body_input(&b, (struct span){crs, sizeof(crs)}, &end) == sizeof(crs);
    right &= smtp_body_input(&b, SPAN("\n.\r\n"), &end) == 4 && end;
    right &= facts.bytes > 99000 && facts.bytes < 100010;
    smtp_body_end(&b);
    chain_free(&out);
    return right;
}

int main(void)
{
    unsigned passed = 0, failed = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool right = check(i, 0, SIZE_MAX) && check(i, 0, 1);

        for (size_t cut = 1; cut < rows[i].in.len && right; cut++)
            right = check(i, cut, SIZE_MAX);
        right ? passed++ : failed++;
    }
    check_too_big() ? passed++ : failed++;
    check_crs() ? passed++ : failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
