/* What of a message leaves, for RETR and TOP, in every cut of its blocks. */
#include <stdio.h>

#include "core/base/attr.h"
#include "proto/pop3/pop3_stuff.h"

struct row {
    const char *name;
    struct span text;
    uint64_t lines;
    bool no_nuls, adds_end_of_header;
    struct span wanted;
};

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct row rows[] = {
    {"a plain one",          BYTES("A: b\r\n\r\nc\r\n"),           POP3_ALL_LINES, false, false,
     BYTES("A: b\r\n\r\nc\r\n.\r\n")                                                                                                 },
    {"empty",                BYTES(""),                            POP3_ALL_LINES, false, false, BYTES(".\r\n")                      },
    {"a dot",                BYTES("."),                           POP3_ALL_LINES, false, false, BYTES("..\r\n.\r\n")                },
    {"dots",                 BYTES(".\r\n..\r\n\r\n.x.\r\n"),      POP3_ALL_LINES, false, false,
     BYTES("..\r\n...\r\n\r\n..x.\r\n.\r\n")                                                                                         },
    {"dots in lines",        BYTES("a.b.\r\nc..\r\n"),             POP3_ALL_LINES, false, false,
     BYTES("a.b.\r\nc..\r\n.\r\n")                                                                                                   },
    {"no end",               BYTES("a\r\n\r\nb"),                  POP3_ALL_LINES, false, false, BYTES("a\r\n\r\nb\r\n.\r\n")        },
    {"half an end",          BYTES("a\r\n\r\nb\r"),                POP3_ALL_LINES, false, false,
     BYTES("a\r\n\r\nb\r\r\n.\r\n")                                                                                                  },
    {"a bare LF at the end", BYTES("a\r\n\r\nb\n"),                POP3_ALL_LINES, false, false,
     BYTES("a\r\n\r\nb\n\r\n.\r\n")                                                                                                  },
    {"a bare LF and a dot",  BYTES("a\n.\nb\r\n"),                 POP3_ALL_LINES, false, false,
     BYTES("a\n..\nb\r\n.\r\n")                                                                                                      },
    {"NUL as it is",         BYTES("a\0b\r\n"),                    POP3_ALL_LINES, false, false, BYTES("a\0b\r\n.\r\n")              },
    {"NUL shown",            BYTES("\0a\0\0b\r\n.\0\r\n"),         POP3_ALL_LINES, true,  false,
     BYTES("\200a\200\200b\r\n..\200\r\n.\r\n")                                                                                      },
    {"a header without end", BYTES("A: b\r\n"),                    POP3_ALL_LINES, false, true,
     BYTES("A: b\r\n\r\n.\r\n")                                                                                                      },
    {"the same, no CRLF",    BYTES("A: b"),                        POP3_ALL_LINES, false, true,  BYTES("A: b\r\n\r\n.\r\n")          },
    {"a header with one",    BYTES("A: b\r\n\r\n"),                POP3_ALL_LINES, false, true,
     BYTES("A: b\r\n\r\n.\r\n")                                                                                                      },
    {"TOP 0",                BYTES("A: b\r\n\r\nc\r\nd\r\n"),      0,              false, false, BYTES("A: b\r\n\r\n.\r\n")          },
    {"TOP 1",                BYTES("A: b\r\n\r\nc\r\nd\r\n"),      1,              false, false, BYTES("A: b\r\n\r\nc\r\n.\r\n")     },
    {"TOP 2",                BYTES("A: b\r\n\r\nc\r\nd\r\n"),      2,              false, false,
     BYTES("A: b\r\n\r\nc\r\nd\r\n.\r\n")                                                                                            },
    {"TOP 9",                BYTES("A: b\r\n\r\nc\r\nd"),          9,              false, false, BYTES("A: b\r\n\r\nc\r\nd\r\n.\r\n")},
    {"TOP of empty lines",   BYTES("A: b\r\n\r\n\r\n\r\n."),       2,              false, false,
     BYTES("A: b\r\n\r\n\r\n\r\n.\r\n")                                                                                              },
    {"TOP 0, no body",       BYTES("A: b\r\nC: d\r\n"),            0,              false, false, BYTES("A: b\r\nC: d\r\n.\r\n")      },
    {"TOP 0, no header",     BYTES("\r\na\r\n"),                   0,              false, false, BYTES("\r\n.\r\n")                  },
    {"TOP 1, a blank line",  BYTES("A: b\r\n \r\nc\r\n\r\nd\r\n"), 0,              false, false,
     BYTES("A: b\r\n \r\nc\r\n\r\n.\r\n")                                                                                            },
    {"TOP 0, bare LFs",      BYTES("A: b\n\nc\n"),                 0,              false, false, BYTES("A: b\n\n\r\n.\r\n")          },
    {"TOP 1, dots",          BYTES("\r\n.\r\n.\r\n"),              1,              false, false, BYTES("\r\n..\r\n.\r\n")            },
};

static void add_block(struct pop3_stuff *s, struct span block, struct chain *out)
{
    struct span piece;
    bool dot;

    block = pop3_stuff_want(s, block);
    while (pop3_stuff_next(s, &block, &piece, &dot)) {
        if (dot)
            chain_add_byte(out, '.');
        if (pop3_stuff_must_copy(s, piece))
            pop3_stuff_copy(s, piece, out);
        else
            chain_add(out, piece);
    }
}

static bool run(const struct row *row, size_t cut, size_t step)
{
    struct pop3_stuff s = pop3_stuff_begin(row->lines, row->no_nuls);
    struct span rest = row->text;
    struct chain out = {0};
    bool same;

    if (cut > 0)
        add_block(&s, span_first(rest, cut), &out);
    rest = span_after(rest, cut);
    while (rest.len > 0) {
        add_block(&s, span_first(rest, step), &out);
        rest = span_after(rest, step);
    }
    pop3_stuff_end(&s, row->adds_end_of_header, &out);
    same = span_eq(chain_flat(&out), row->wanted);
    if (!same)
        printf("%s, cut %zu, step %zu: %.*s\n", row->name, cut, step, (int)chain_flat(&out).len,
               chain_flat(&out).at);
    chain_free(&out);
    return same;
}

int main(void)
{
    unsigned passed = 0, failed = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool same = true;

        for (size_t cut = 0; cut <= rows[i].text.len; cut++)
            same &= run(&rows[i], cut, 1000);
        for (size_t step = 1; step <= 5; step++)
            same &= run(&rows[i], 0, step);
        same ? passed++ : failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
