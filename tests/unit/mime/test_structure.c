#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/mime/built_meta.h"
#include "tests/unit/mime/imap_grammar.h"
#include "tests/unit/mime/transcript.h"

/* The folder of the transcripts, from the build. */
#ifndef TEST_FOLDER
#define TEST_FOLDER "tests/unit/mime"
#endif

static void check(struct span got, const struct transcript_row *row)
{
    if (!span_eq(got, row->expected))
        fail_msg("%.*s:\n got      %.*s\n expected %.*s", (int)row->name.len, row->name.at,
                 (int)got.len, got.at, (int)row->expected.len, row->expected.at);
}

static void bodystructures(void **state)
{
    struct transcript t;
    struct transcript_row row;
    unsigned rows = 0;

    (void)state;
    transcript_open(&t, TEST_FOLDER "/structure.txt");
    for (; transcript_next(&t, &row); rows++) {
        struct built_meta b;

        built_meta_open(&b, row.message);
        check(b.meta.bodystructure, &row);
        built_meta_close(&b);
    }
    assert_true(rows >= 38);
    transcript_close(&t);
}

static void envelopes(void **state)
{
    struct transcript t;
    struct transcript_row row;
    unsigned rows = 0;

    (void)state;
    transcript_open(&t, TEST_FOLDER "/envelope.txt");
    for (; transcript_next(&t, &row); rows++) {
        struct built_meta b;

        built_meta_open(&b, row.message);
        check(b.meta.envelope, &row);
        built_meta_close(&b);
    }
    assert_true(rows >= 21);
    transcript_close(&t);
}

/* BODY is BODYSTRUCTURE without its extension data. */
static void bodies(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open(&b, SPAN("Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n"
                             "Content-Type: message/rfc822\nContent-Disposition: attachment\n\n"
                             "Subject: s\n\nx\n--a\nContent-Type: a/b; c=d\nContent-MD5: x\n\n"
                             "--a--\n"));
    assert_true(span_eq(
        b.meta.body, SPAN("((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)"
                          "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15"
                          " (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL)"
                          " (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 2)"
                          "(\"a\" \"b\" (\"c\" \"d\") NIL NIL \"7bit\" 0) \"mixed\")")));
    built_meta_close(&b);
}

/* A NUL can be in no string of IMAP's. */
static void nuls_become_0x80(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open(&b, (struct span){"Subject: a\0b\n\n", 14});
    assert_true(span_eq(b.meta.envelope, SPAN("(NIL {3}\r\na\x80"
                                              "b NIL NIL NIL NIL NIL NIL NIL NIL)")));
    built_meta_close(&b);
}

static void lf_only(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open_raw(&b, SPAN("Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n"
                                 "--a\n\none\ntwo\n--a--\n"));
    assert_true(span_eq(b.meta.body, SPAN("((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL"
                                          " \"7bit\" 7 1) \"mixed\")")));
    built_meta_close(&b);
}

/* The checker itself must refuse what clients choke on. */
static void the_grammar_is_strict(void **state)
{
    static const char *const wrong[] = {
        "",
        "()",
        "((\"X-ZIP\" \"x\"",
        "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1)",
        "(\"text\" \"plain\" () NIL NIL \"7bit\" 1 1)",
        "(\"text\" NIL NIL NIL NIL \"7bit\" 1 1)",
        "(\"text\" \"plain\" NIL NIL NIL NIL 1 1)",
        "(\"text\" \"plain\" (\"a\") NIL NIL \"7bit\" 1 1)",
        "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1) ",
        "(\"text\" \"pl\xc3\xa4in\" NIL NIL NIL \"7bit\" 1 1)",
        "( \"mixed\")",
        "(NIL \"mixed\")",
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 1 1)",
        "(\"multipart\" \"mixed\" NIL NIL NIL \"7bit\" 1)",
        "((\"a\" \"b\" NIL NIL NIL \"7bit\" 1) (\"a\" \"b\" NIL NIL NIL \"7bit\" 1) \"mixed\")",
    };
    static const char *const wrong_envelopes[] = {
        "(NIL NIL () NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL ((NIL NIL \"g\" NIL)) NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL ((NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(grammar_is_body(span_str(wrong[i]), false));
    for (size_t i = 0; i < COUNT_OF(wrong_envelopes); i++)
        assert_false(grammar_is_envelope(span_str(wrong_envelopes[i])));
    assert_true(grammar_is_body(SPAN("(\"a\" \"b\" NIL NIL NIL \"7bit\" 1)"), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodystructures), cmocka_unit_test(envelopes),
        cmocka_unit_test(bodies),         cmocka_unit_test(nuls_become_0x80),
        cmocka_unit_test(lf_only),        cmocka_unit_test(the_grammar_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
