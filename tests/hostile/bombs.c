#include "tests/hostile/bombs.h"

#include <stdio.h>

#include "proto/mime/meta.h"

void bomb_repeat(struct buffer *b, const char *text, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        buffer_add(b, span_str(text));
}

void bomb_nested_multiparts(struct buffer *b, unsigned n)
{
    char text[200];

    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n",
                 i, i);
        buffer_add(b, span_str(text));
    }
}

static void nested_with_the_same_boundary(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", n);
}

void bomb_nested_messages(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: message/rfc822\r\n\r\n", n);
}

static void nested_both(struct buffer *b, unsigned n)
{
    char text[200];

    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text),
                 "Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\n"
                 "Content-Type: multipart/digest; boundary=\"%u\"\r\n\r\n--%u\r\n\r\n",
                 i, i);
        buffer_add(b, span_str(text));
    }
}

/* The deepest nesting that is taken apart, then lines that all but match each boundary. */
static void near_delimiters_deep_down(struct buffer *b, unsigned n)
{
    bomb_nested_multiparts(b, META_DEPTH_MAX - 1);
    bomb_repeat(b, "\r\n", 1);
    bomb_repeat(b, "--b1x\r\n--b\r\n--\r\n--b99--x\r\n", n);
}

void bomb_siblings(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    bomb_repeat(b, "--x\r\n\r\ny\r\n", n);
}

void bomb_siblings_that_are_messages(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/digest; boundary=x\r\n\r\n", 1);
    bomb_repeat(b, "--x\r\n\r\nFrom: a@b\r\n\r\n", n);
}

static void reopened_parts(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    bomb_repeat(b, "--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n", n);
}

void bomb_parameters(struct buffer *b, unsigned n)
{
    char text[64];

    bomb_repeat(b, "Content-Type: application/x", 1);
    for (unsigned i = n; i > 0; i--) {
        snprintf(text, sizeof(text), ";\r\n name*%u*=a", i - 1);
        buffer_add(b, span_str(text));
    }
    bomb_repeat(b, "\r\n\r\n", 1);
}

static void parts_with_parameters(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    for (unsigned i = 0; i < n; i++) {
        bomb_repeat(b, "--x\r\n", 1);
        bomb_parameters(b, 130);
    }
}

static void encoded_words(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Subject: ", 1);
    bomb_repeat(b, "=?utf-8?q?=?=?bogus?b?==?=?= \r\n =?x", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

static void open_comments(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "From: ", 1);
    bomb_repeat(b, "(", n);
    bomb_repeat(b, "\r\nContent-Type: ", 1);
    bomb_repeat(b, "(", n);
    bomb_repeat(b, "\r\nDate: ", 1);
    bomb_repeat(b, "(", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

static void odd_groups(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "To: ", 1);
    bomb_repeat(b, "a:b,c;;:<@x,\"", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

static void colons(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "To: ", 1);
    bomb_repeat(b, "a b c:", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

static void open_quote(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "From: \"", 1);
    bomb_repeat(b, "x\\", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

void bomb_addresses(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "To: a@b", 1);
    bomb_repeat(b, ",\r\n a@b", n);
    bomb_repeat(b, "\r\n\r\n", 1);
}

void bomb_address_fields(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "To: a@b\r\n", n);
    bomb_repeat(b, "\r\n", 1);
}

void bomb_folded_lines(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Subject:\r\n", 1);
    bomb_repeat(b, " x\r\n", n);
    bomb_repeat(b, "\r\n", 1);
}

static void colonless_lines(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "x\n:\n", n);
    bomb_repeat(b, "\n", 1);
}

static void long_name(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "x", n);
    bomb_repeat(b, ": y\r\n\r\n", 1);
}

static void bare_cr(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "a\rb\r", n);
}

static void empty_lines(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n", 1);
    bomb_repeat(b, "\n", n);
}

static void base64_garbage(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Transfer-Encoding: base64\r\n\r\n", 1);
    bomb_repeat(b, "=A!", n);
}

static void quoted_garbage(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Transfer-Encoding: quoted-printable\r\n\r\n", 1);
    bomb_repeat(b, "= \t= =\r=F ", n);
}

static void html_tags(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: text/html\r\n\r\n", 1);
    bomb_repeat(b, "<a<!--&x<", n);
}

static void combining_marks(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: text/plain; charset=utf-8\r\n\r\na", 1);
    bomb_repeat(b, "\xcc\x81", n);
}

static void illegal_shifts(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", 1);
    bomb_repeat(b, "\x1b$B\x80\x1b(Z\x1b", n);
}

static void illegal_utf7(struct buffer *b, unsigned n)
{
    bomb_repeat(b, "Content-Type: text/plain; charset=utf-7\r\n\r\n", 1);
    bomb_repeat(b, "+AB-\xff+2AA-+", n);
}

const struct bomb bombs[] = {
    {"M01", "nested multiparts",          bomb_nested_multiparts,          10000  },
    {"M01", "one boundary",               nested_with_the_same_boundary,   10000  },
    {"M02", "nested messages",            bomb_nested_messages,            10000  },
    {"M02", "both",                       nested_both,                     10000  },
    {"M01", "near delimiters",            near_delimiters_deep_down,       50000  },
    {"M03", "siblings",                   bomb_siblings,                   100000 },
    {"M03", "siblings that are messages", bomb_siblings_that_are_messages, 100000 },
    {"M03", "reopened",                   reopened_parts,                  30000  },
    {"M05", "parameters",                 bomb_parameters,                 100000 },
    {"M05", "parts with parameters",      parts_with_parameters,           1000   },
    {"M06", "encoded words",              encoded_words,                   100000 },
    {"M07", "comments",                   open_comments,                   100000 },
    {"M07", "groups",                     odd_groups,                      100000 },
    {"M07", "colons",                     colons,                          100000 },
    {"M07", "quote",                      open_quote,                      500000 },
    {"M13", "addresses",                  bomb_addresses,                  100000 },
    {"M13", "address fields",             bomb_address_fields,             100000 },
    {"S36", "folded lines",               bomb_folded_lines,               300000 },
    {"S38", "colonless lines",            colonless_lines,                 300000 },
    {"M14", "long name",                  long_name,                       1 << 20},
    {"M15", "bare CR",                    bare_cr,                         300000 },
    {"M15", "empty lines",                empty_lines,                     500000 },
    {"M09", "base64",                     base64_garbage,                  300000 },
    {"M09", "quoted-printable",           quoted_garbage,                  100000 },
    {"M12", "HTML tags",                  html_tags,                       100000 },
    {"M12", "combining marks",            combining_marks,                 1000000},
    {"M17", "ISO-2022-JP",                illegal_shifts,                  100000 },
    {"M17", "UTF-7",                      illegal_utf7,                    100000 },
    {NULL,  NULL,                         NULL,                            0      },
};
