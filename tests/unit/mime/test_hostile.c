/*
 * What a stranger's message may cost (HOSTILE M01 to M17): limits hold, the work grows no faster
 * than the message, and the stack not at all. This program and proto/mime are compiled to count
 * their steps (count_steps.h).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/mime/rfc2047.h"
#include "proto/mime/search_text.h"
#include "proto/text/charset.h"
#include "tests/hostile/bombs.h"
#include "tests/hostile/small_stack.h"
#include "tests/unit/mime/built_meta.h"
#include "tests/unit/mime/count_steps.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_CHECKS 1
#endif
#endif
#if !defined(WITH_CHECKS)
#define WITH_CHECKS 0
#endif

enum {
    /* A basic block is a few instructions: G3 of HOSTILE, 50 ns/byte, is far more than this. A
     * sanitizer's checks are blocks too. */
    STEPS_PER_BYTE_MAX = WITH_CHECKS ? 120 : 60,
    STEPS_ONCE = 20000,
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

static void run_bombs(void *context)
{
    (void)context;
    for (size_t i = 0; bombs[i].make != NULL; i++) {
        struct buffer message = {0};

        bombs[i].make(&message, bombs[i].n);
        build_and_search(bombs[i].name, buffer_since(&message, 0));
        buffer_free(&message);
    }
}

static void work_grows_with_the_message_only(void **state)
{
    (void)state;
    run_bombs(NULL);
}

static void a_small_stack_is_enough(void **state)
{
    (void)state;
    small_stack_run(run_bombs, NULL);
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
    void (*const makers[])(struct buffer *, unsigned) = {bomb_nested_multiparts,
                                                         bomb_nested_messages};

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
    open_bomb(&b, bomb_siblings, META_PARTS_MAX - 1);
    assert_int_equal(b.meta.part_count, META_PARTS_MAX);
    built_meta_close(&b);
    open_bomb(&b, bomb_siblings, 100000);
    assert_int_equal(b.meta.part_count, META_PARTS_MAX);
    built_meta_close(&b);
    open_bomb(&b, bomb_siblings_that_are_messages, 100000);
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
    open_bomb(&b, bomb_addresses, 100000);
    assert_int_equal(count_of(b.meta.envelope, "(NIL NIL \"a\" \"b\")"), META_ADDRESSES_MAX);
    assert_true(b.meta.envelope.len < 1 << 20);
    built_meta_close(&b);
    open_bomb(&b, bomb_address_fields, 100000);
    assert_int_equal(count_of(b.meta.envelope, "(NIL NIL \"a\" \"b\")"), META_ADDRESSES_MAX);
    built_meta_close(&b);
}

static void parameters_are_limited(void **state)
{
    struct built_meta b;

    (void)state;
    open_bomb(&b, bomb_parameters, 2);
    assert_int_equal(count_of(b.meta.body, "(\"name*\" \"aa\")"), 1);
    built_meta_close(&b);
    open_bomb(&b, bomb_parameters, 100000);
    assert_int_equal(count_of(b.meta.body, "\"name*"), META_PARAMS_MAX);
    built_meta_close(&b);
}

static void fields_are_limited(void **state)
{
    struct built_meta b;
    struct buffer message = {0};

    (void)state;
    open_bomb(&b, bomb_address_fields, 100000);
    assert_true(b.meta.fields_cut);
    assert_false(meta_field_known(&b.meta, SPAN("Subject")));
    assert_true(b.meta.fields.len <= META_CACHE_MAX);
    built_meta_close(&b);
    open_bomb(&b, bomb_folded_lines, 300000);
    assert_true(b.meta.fields_cut);
    built_meta_close(&b);
    bomb_repeat(&message, "X: y\r\n", META_FIELDS_MAX);
    bomb_repeat(&message, "Subject: too late\r\n\r\n", 1);
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

        bomb_repeat(&message, "Content-Type: multipart/mixed; boundary=", 1);
        bomb_repeat(&message, "x", len);
        bomb_repeat(&message, "\r\n\r\n--", 1);
        bomb_repeat(&message, "x", len);
        bomb_repeat(&message, "\r\n\r\ny\r\n", 1);
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
    bomb_repeat(&message, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    for (unsigned i = 0; i < 100; i++) {
        bomb_repeat(&message, "--x\r\nContent-Description: ", 1);
        bomb_repeat(&message, "0123456789", 5000);
        bomb_repeat(&message, "\r\n\r\n", 1);
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
