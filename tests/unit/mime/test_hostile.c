/*
 * What a stranger's message may cost (HOSTILE M01 to M17): limits hold, the work grows no faster
 * than the message, and the stack not at all. This program and proto/mime are compiled to count
 * their steps (count_steps.h).
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/mime/rfc2047.h"
#include "proto/mime/search_text.h"
#include "proto/text/charset.h"
#include "tests/unit/mime/built_meta.h"
#include "tests/unit/mime/count_steps.h"

enum {
    /* A basic block is a few instructions: G3 of HOSTILE, 50 ns/byte, is far more than this. */
    STEPS_PER_BYTE_MAX = 60,
    STEPS_ONCE = 20000,
#if defined(__SANITIZE_ADDRESS__)
    STACK_SIZE = 512 * 1024, /* the sanitizer's frames are larger */
#else
    STACK_SIZE = 128 * 1024,
#endif
};

static void repeat(struct buffer *b, const char *text, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        buffer_add(b, span_str(text));
}

/* ---- messages of `n` of something */

static void nested_multiparts(struct buffer *b, unsigned n)
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
    repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", n);
}

static void nested_messages(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: message/rfc822\r\n\r\n", n);
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
    nested_multiparts(b, META_DEPTH_MAX - 1);
    repeat(b, "\r\n", 1);
    repeat(b, "--b1x\r\n--b\r\n--\r\n--b99--x\r\n", n);
}

static void siblings(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    repeat(b, "--x\r\n\r\ny\r\n", n);
}

static void siblings_that_are_messages(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: multipart/digest; boundary=x\r\n\r\n", 1);
    repeat(b, "--x\r\n\r\nFrom: a@b\r\n\r\n", n);
}

static void reopened_parts(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    repeat(b, "--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n", n);
}

static void parameters(struct buffer *b, unsigned n)
{
    char text[64];

    repeat(b, "Content-Type: application/x", 1);
    for (unsigned i = n; i > 0; i--) {
        snprintf(text, sizeof(text), ";\r\n name*%u*=a", i - 1);
        buffer_add(b, span_str(text));
    }
    repeat(b, "\r\n\r\n", 1);
}

static void parts_with_parameters(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    for (unsigned i = 0; i < n; i++) {
        repeat(b, "--x\r\n", 1);
        parameters(b, 130);
    }
}

static void encoded_words(struct buffer *b, unsigned n)
{
    repeat(b, "Subject: ", 1);
    repeat(b, "=?utf-8?q?=?=?bogus?b?==?=?= \r\n =?x", n);
    repeat(b, "\r\n\r\n", 1);
}

static void open_comments(struct buffer *b, unsigned n)
{
    repeat(b, "From: ", 1);
    repeat(b, "(", n);
    repeat(b, "\r\nContent-Type: ", 1);
    repeat(b, "(", n);
    repeat(b, "\r\nDate: ", 1);
    repeat(b, "(", n);
    repeat(b, "\r\n\r\n", 1);
}

static void odd_groups(struct buffer *b, unsigned n)
{
    repeat(b, "To: ", 1);
    repeat(b, "a:b,c;;:<@x,\"", n);
    repeat(b, "\r\n\r\n", 1);
}

static void colons(struct buffer *b, unsigned n)
{
    repeat(b, "To: ", 1);
    repeat(b, "a b c:", n);
    repeat(b, "\r\n\r\n", 1);
}

static void open_quote(struct buffer *b, unsigned n)
{
    repeat(b, "From: \"", 1);
    repeat(b, "x\\", n);
    repeat(b, "\r\n\r\n", 1);
}

static void addresses(struct buffer *b, unsigned n)
{
    repeat(b, "To: a@b", 1);
    repeat(b, ",\r\n a@b", n);
    repeat(b, "\r\n\r\n", 1);
}

static void address_fields(struct buffer *b, unsigned n)
{
    repeat(b, "To: a@b\r\n", n);
    repeat(b, "\r\n", 1);
}

static void folded_lines(struct buffer *b, unsigned n)
{
    repeat(b, "Subject:\r\n", 1);
    repeat(b, " x\r\n", n);
    repeat(b, "\r\n", 1);
}

static void colonless_lines(struct buffer *b, unsigned n)
{
    repeat(b, "x\n:\n", n);
    repeat(b, "\n", 1);
}

static void long_name(struct buffer *b, unsigned n)
{
    repeat(b, "x", n);
    repeat(b, ": y\r\n\r\n", 1);
}

static void bare_cr(struct buffer *b, unsigned n)
{
    repeat(b, "a\rb\r", n);
}

static void empty_lines(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n", 1);
    repeat(b, "\n", n);
}

static void base64_garbage(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Transfer-Encoding: base64\r\n\r\n", 1);
    repeat(b, "=A!", n);
}

static void quoted_garbage(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Transfer-Encoding: quoted-printable\r\n\r\n", 1);
    repeat(b, "= \t= =\r=F ", n);
}

static void html_tags(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: text/html\r\n\r\n", 1);
    repeat(b, "<a<!--&x<", n);
}

static void combining_marks(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: text/plain; charset=utf-8\r\n\r\na", 1);
    repeat(b, "\xcc\x81", n);
}

static void illegal_shifts(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", 1);
    repeat(b, "\x1b$B\x80\x1b(Z\x1b", n);
}

static void illegal_utf7(struct buffer *b, unsigned n)
{
    repeat(b, "Content-Type: text/plain; charset=utf-7\r\n\r\n", 1);
    repeat(b, "+AB-\xff+2AA-+", n);
}

static const struct {
    const char *name;
    void (*make)(struct buffer *b, unsigned n);
    unsigned n;
} bombs[] = {
    {"M01 nested multiparts",     nested_multiparts,             10000  },
    {"M01 one boundary",          nested_with_the_same_boundary, 10000  },
    {"M02 nested messages",       nested_messages,               10000  },
    {"M02 both",                  nested_both,                   10000  },
    {"M01 near delimiters",       near_delimiters_deep_down,     50000  },
    {"M03 siblings",              siblings,                      100000 },
    {"M03 siblings, messages",    siblings_that_are_messages,    100000 },
    {"M03 reopened",              reopened_parts,                30000  },
    {"M05 parameters",            parameters,                    100000 },
    {"M05 parts with parameters", parts_with_parameters,         1000   },
    {"M06 encoded words",         encoded_words,                 100000 },
    {"M07 comments",              open_comments,                 100000 },
    {"M07 groups",                odd_groups,                    100000 },
    {"M07 colons",                colons,                        100000 },
    {"M07 quote",                 open_quote,                    500000 },
    {"M13 addresses",             addresses,                     100000 },
    {"M13 address fields",        address_fields,                100000 },
    {"S36 folded lines",          folded_lines,                  300000 },
    {"S38 colonless lines",       colonless_lines,               300000 },
    {"M14 long name",             long_name,                     1 << 20},
    {"M15 bare CR",               bare_cr,                       300000 },
    {"empty lines",               empty_lines,                   500000 },
    {"M09 base64",                base64_garbage,                300000 },
    {"M09 quoted-printable",      quoted_garbage,                100000 },
    {"HTML",                      html_tags,                     100000 },
    {"M12 combining marks",       combining_marks,               1000000},
    {"M17 ISO-2022-JP",           illegal_shifts,                100000 },
    {"M17 UTF-7",                 illegal_utf7,                  100000 },
};

/* ---- what each must cost at most */

static void check_steps(const char *name, const char *what, uint64_t steps, size_t len)
{
    if (getenv("SHOW_STEPS") != NULL)
        printf("%-28s %-10s %6.1f\n", name, what, (double)steps / (double)len);
    if (steps > STEPS_ONCE + STEPS_PER_BYTE_MAX * (uint64_t)len)
        fail_msg("%s: %s takes %.1f steps for each of %zu bytes", name, what,
                 (double)steps / (double)len, len);
}

static void build_and_search(const char *name, struct span message)
{
    struct search_text search;
    struct built_meta b;
    uint64_t from = count_steps, built;

    built_meta_open_raw(&b, message);
    built = count_steps - from;
    check_steps(name, "meta_build", built, message.len);
    assert_in_range(b.meta.part_count, 1, META_PARTS_MAX);
    assert_true(b.meta.envelope.len < 8 << 20);
    assert_true(b.meta.body.len + b.meta.bodystructure.len <= META_STRUCTURE_MAX);
    search_text_open(&search, SPAN("needle that is not there"));
    from = count_steps;
    assert_false(search_text_header(&search, span_first(message, b.meta.header_len)));
    assert_false(search_text_body(&search, &b.meta, message));
    check_steps(name, "search", count_steps - from, message.len);
    assert_true(search.window.size + search.decoded.size < 8 << 20);
    search_text_close(&search);
    built_meta_close(&b);
}

static void *run_bombs(void *context)
{
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        struct buffer message = {0};

        bombs[i].make(&message, bombs[i].n);
        build_and_search(bombs[i].name, buffer_since(&message, 0));
        buffer_free(&message);
    }
    return context;
}

static void work_grows_with_the_message_only(void **state)
{
    (void)state;
    run_bombs(NULL);
}

static void a_small_stack_is_enough(void **state)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run_bombs, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

/* ---- limits */

static void open_bomb(struct built_meta *b, void (*make)(struct buffer *, unsigned), unsigned n)
{
    struct buffer message = {0};

    make(&message, n);
    built_meta_open_raw(b, buffer_since(&message, 0));
    buffer_free(&message);
}

static void depth_is_limited(void **state)
{
    const struct span octets = SPAN("(\"application\" \"octet-stream\" NIL");
    void (*const makers[])(struct buffer *, unsigned) = {nested_multiparts, nested_messages};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        struct built_meta b;

        open_bomb(&b, makers[i], META_DEPTH_MAX);
        assert_int_equal(b.meta.part_count, META_DEPTH_MAX + 1);
        assert_null(memmem(b.meta.body.at, b.meta.body.len, octets.at, octets.len));
        built_meta_close(&b);
        open_bomb(&b, makers[i], META_DEPTH_MAX + 1);
        assert_int_equal(b.meta.part_count, META_DEPTH_MAX + 1);
        assert_non_null(memmem(b.meta.body.at, b.meta.body.len, octets.at, octets.len));
        built_meta_close(&b);
    }
}

static void parts_are_limited(void **state)
{
    struct built_meta b;

    (void)state;
    open_bomb(&b, siblings, META_PARTS_MAX - 1);
    assert_int_equal(b.meta.part_count, META_PARTS_MAX);
    built_meta_close(&b);
    open_bomb(&b, siblings, 100000);
    assert_int_equal(b.meta.part_count, META_PARTS_MAX);
    built_meta_close(&b);
    open_bomb(&b, siblings_that_are_messages, 100000);
    assert_int_equal(b.meta.part_count, META_PARTS_MAX);
    built_meta_close(&b);
}

static unsigned count_of(struct span text, const char *what)
{
    unsigned count = 0;

    for (struct span found = span_str(what); text.len > 0; count++) {
        const char *at = memmem(text.at, text.len, found.at, found.len);

        if (at == NULL)
            break;
        text = span_after(text, (size_t)(at - text.at) + found.len);
    }
    return count;
}

static void addresses_are_limited(void **state)
{
    struct built_meta b;

    (void)state;
    open_bomb(&b, addresses, 100000);
    assert_int_equal(count_of(b.meta.envelope, "(NIL NIL \"a\" \"b\")"), META_ADDRESSES_MAX);
    assert_true(b.meta.envelope.len < 1 << 20);
    built_meta_close(&b);
    open_bomb(&b, address_fields, 100000);
    assert_int_equal(count_of(b.meta.envelope, "(NIL NIL \"a\" \"b\")"), META_ADDRESSES_MAX);
    built_meta_close(&b);
}

static void parameters_are_limited(void **state)
{
    struct built_meta b;

    (void)state;
    open_bomb(&b, parameters, 2);
    assert_int_equal(count_of(b.meta.body, "(\"name*\" \"aa\")"), 1);
    built_meta_close(&b);
    open_bomb(&b, parameters, 100000);
    assert_int_equal(count_of(b.meta.body, "\"name*"), META_PARAMS_MAX);
    built_meta_close(&b);
}

static void fields_are_limited(void **state)
{
    struct built_meta b;
    struct buffer message = {0};

    (void)state;
    open_bomb(&b, address_fields, 100000);
    assert_true(b.meta.fields_cut);
    assert_false(meta_field_known(&b.meta, SPAN("Subject")));
    assert_true(b.meta.fields.len <= META_CACHE_MAX);
    built_meta_close(&b);
    open_bomb(&b, folded_lines, 300000);
    assert_true(b.meta.fields_cut);
    built_meta_close(&b);
    repeat(&message, "X: y\r\n", META_FIELDS_MAX);
    repeat(&message, "Subject: too late\r\n\r\n", 1);
    built_meta_open_raw(&b, buffer_since(&message, 0));
    assert_true(span_eq(b.meta.envelope, SPAN("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")));
    built_meta_close(&b);
    buffer_free(&message);
}

/* A boundary past the limit is none, whatever is cut off. */
static void boundaries_are_limited(void **state)
{
    (void)state;
    for (unsigned len = META_BOUNDARY_MAX; len <= META_BOUNDARY_MAX + 1; len++) {
        struct buffer message = {0};
        struct built_meta b;

        repeat(&message, "Content-Type: multipart/mixed; boundary=", 1);
        repeat(&message, "x", len);
        repeat(&message, "\r\n\r\n--", 1);
        repeat(&message, "x", len);
        repeat(&message, "\r\n\r\ny\r\n", 1);
        built_meta_open_raw(&b, buffer_since(&message, 0));
        assert_int_equal(b.meta.part_count, len > META_BOUNDARY_MAX ? 1 : 2);
        built_meta_close(&b);
        buffer_free(&message);
    }
}

/* Descriptions that would fill memory become one lump. */
static void structure_is_limited(void **state)
{
    struct buffer message = {0};
    struct built_meta b;

    (void)state;
    repeat(&message, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    for (unsigned i = 0; i < 100; i++) {
        repeat(&message, "--x\r\nContent-Description: ", 1);
        repeat(&message, "0123456789", 5000);
        repeat(&message, "\r\n\r\n", 1);
    }
    built_meta_open_raw(&b, buffer_since(&message, 0));
    assert_int_equal(b.meta.part_count, 1);
    assert_true(b.meta.bodystructure.len < 100);
    built_meta_close(&b);
    buffer_free(&message);
}

static void bare_cr_is_no_line_end(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open_raw(&b, SPAN("a: b\rc: d\r\r"));
    assert_int_equal(b.meta.body_lines, 0);
    assert_int_equal(b.meta.header_len, 11);
    built_meta_close(&b);
    built_meta_open_raw(&b, SPAN("a: b\n\nx\ry\nz"));
    assert_int_equal(b.meta.body_lines, 1);
    assert_int_equal(b.meta.header_len, 6);
    built_meta_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_grows_with_the_message_only),
        cmocka_unit_test(a_small_stack_is_enough),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(parts_are_limited),
        cmocka_unit_test(addresses_are_limited),
        cmocka_unit_test(parameters_are_limited),
        cmocka_unit_test(fields_are_limited),
        cmocka_unit_test(boundaries_are_limited),
        cmocka_unit_test(structure_is_limited),
        cmocka_unit_test(bare_cr_is_no_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
