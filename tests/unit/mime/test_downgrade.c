/* 8-bit messages made into 7-bit ones: what changes, what does not, the same in any steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/mime/downgrade.h"
#include "proto/text/quoted_printable.h"

#define X70 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *name, *message, *wanted;
} rows[] = {
    {"ASCII stays",           "Subject: x\r\n\r\nhello = \r\n",                                            "Subject: x\r\n\r\nhello = \r\n"                                  },
    {"no MIME at all",        "Subject: x\r\n\r\n\xe9\r\n",
     "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
     "=E9\r\n"                                                                                                                                                               },
    {"no header",             "\r\n\xe9",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9"                                                                                           },
    {"the label is replaced",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8BIT\r\nSubject: x\r\n\r\na=\xe9 \r\n.\t",           "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\nSubject: x\r\n\r\n"
     "a=3D=E9=20\r\n.=09"                                                    },
    {"8bit in name only",     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\na = b\r\n",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\na = b\r\n"                                                                                                 },
    {"binary",                "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\rc\r\n",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=0Ab=0Dc\r\n"                                                                                 },
    {"base64 stays",          "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n\xe9\r\n",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n\xe9\r\n"                                                                                                },
    {"parts",
     "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
     "Content-Transfer-Encoding: 8bit\r\n\r\npre\r\n--b\r\n\r\nplain\r\n--b\r\n"
     "Content-Type: text/html\r\n\r\n<\xe9>\r\n--b\r\nContent-Type: message/rfc822\r\n"
     "Content-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\n\r\n\xe9\r\n--b--\r\npost\r\n",                "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
     "Content-Transfer-Encoding: 7bit\r\n\r\npre\r\n--b\r\n\r\nplain\r\n--b\r\n"
     "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<=E9>\r\n"
     "--b\r\nContent-Type: message/rfc822\r\n"
     "Content-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E9\r\n--b--\r\npost\r\n"},
    {"long lines are folded", "A: b\r\n\r\n" X70 "\xe9zzzz\r\n",
     "A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" X70
     "=E9zz=\r\nzz\r\n"                                                                                                                                                      },
};

static void played(const char *message, size_t step, struct chain *out)
{
    struct downgrade *d = downgrade_new(span_str(message));

    while (downgrade_write(d, out, step))
        continue;
    assert_false(downgrade_write(d, out, step));
    downgrade_free(&d);
}

static void every_row_comes_out_as_it_says(void **state UNUSED)
{
    static const size_t steps[] = {1, 2, 7, 100, 1 << 20};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(steps); k++) {
            struct chain out = {0};

            played(rows[i].message, steps[k], &out);
            if (!span_eq(chain_flat(&out), span_str(rows[i].wanted)))
                fail_msg("%s, step %zu:\n%.*s", rows[i].name, steps[k], (int)out.len,
                         chain_flat(&out).at);
            chain_free(&out);
        }
    }
}

/* All bytes, and lines of all lengths, come back by our own reader. */
static void what_is_encoded_reads_as_it_was(void **state UNUSED)
{
    static char text[8192], encoded[sizeof(text) * 4], back[sizeof(encoded) + 80];
    struct quoted_printable q = {0};
    unsigned column = 0;
    size_t from = 0, len = 0, got;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7 + i / 256);
    while (from < sizeof(text)) {
        size_t wrote, room = 8 + from % 50;

        from += quoted_printable_encode((struct span){text + from, sizeof(text) - from}, &column,
                                        encoded + len, room, &wrote);
        assert_true(wrote <= room);
        len += wrote;
    }
    got = quoted_printable_decode(&q, (struct span){encoded, len}, back);
    got += quoted_printable_end(&q, back + got);
    assert_false(q.broken);
    assert_int_equal(got, sizeof(text));
    assert_memory_equal(back, text, got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_out_as_it_says),
        cmocka_unit_test(what_is_encoded_reads_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
