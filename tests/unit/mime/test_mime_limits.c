/* Each of struct mime_limits at one less, at it, and one more (HOSTILE L8 to L10). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/mime/meta.h"
#include "proto/text/buffer.h"
#include "tests/hostile/bombs.h"

/* A message with `n` of something, and how much of it a META knows. */
struct row {
    const char *name;
    size_t limit; /* offsetof() in struct mime_limits */
    uint32_t max; /* what the limit is set to */
    void (*make)(struct buffer *message, unsigned n);
    unsigned (*seen)(const struct meta *m);
};

static unsigned parts(const struct meta *m)
{
    return m->part_count - 1; /* but for the message itself */
}

static unsigned found(struct span text, struct span what)
{
    unsigned count = 0;

    for (size_t at = 0; at + what.len <= text.len; at++)
        count += memcmp(text.at + at, what.at, what.len) == 0;
    return count;
}

static unsigned parameters(const struct meta *m)
{
    return found(m->bodystructure, SPAN("\"value\""));
}

static unsigned addresses(const struct meta *m)
{
    return found(m->envelope, SPAN("(NIL NIL \"a\" \"b\")"));
}

static unsigned subject(const struct meta *m)
{
    return found(m->envelope, SPAN("xend\""));
}

static void parts_in_parts(struct buffer *message, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        bomb_repeat(message, "Content-Type: message/rfc822\r\n\r\n", 1);
    bomb_repeat(message, "Subject: inside\r\n\r\ntext\r\n", 1);
}

static void siblings(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "Content-Type: multipart/mixed; boundary=x\r\n\r\n", 1);
    bomb_repeat(message, "--x\r\n\r\ntext\r\n", n);
    bomb_repeat(message, "--x--\r\n", 1);
}

static void many_parameters(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "Content-Type: text/plain", 1);
    for (unsigned i = 0; i < n; i++) {
        bomb_repeat(message, "; ", 1);
        bomb_repeat(message, "p", i + 1);
        bomb_repeat(message, "=value", 1);
    }
    bomb_repeat(message, "\r\n\r\ntext\r\n", 1);
}

static void long_boundary(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "Content-Type: multipart/mixed; boundary=", 1);
    bomb_repeat(message, "x", n);
    for (unsigned i = 0; i < n; i++) {
        bomb_repeat(message, "\r\n\r\n--", 1);
        bomb_repeat(message, "x", n);
    }
    bomb_repeat(message, "\r\n\r\ntext\r\n", 1);
}

static void long_subject(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "Subject: ", 1);
    bomb_repeat(message, "x", n - 12);
    bomb_repeat(message, "end\r\n\r\ntext\r\n", 1); /* the field has n bytes */
}

static void late_subject(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "X: y\r\n", n - 1);
    bomb_repeat(message, "Subject: xend\r\n\r\ntext\r\n", 1);
}

static void many_addresses(struct buffer *message, unsigned n)
{
    bomb_repeat(message, "To: a@b", 1);
    bomb_repeat(message, ", a@b", n - 1);
    bomb_repeat(message, "\r\n\r\ntext\r\n", 1);
}

#define LIMIT(name) #name, offsetof(struct mime_limits, name)

/* What is seen of n: all of it up to the limit, then nothing, or no more than the limit. */
static const struct {
    struct row row;
    bool keeps; /* past the limit what it allows is seen, else nothing is */
    bool whole; /* one thing is seen or not, not n of them */
} rows[] = {
    {{LIMIT(mime_nesting_limit), 7, parts_in_parts, parts},       true,  false},
    {{LIMIT(mime_part_limit), 9, siblings, parts},                true,  false},
    {{LIMIT(mime_param_limit), 5, many_parameters, parameters},   true,  false},
    {{LIMIT(mime_boundary_limit), 6, long_boundary, parts},       false, false},
    {{LIMIT(header_block_limit), 500, long_subject, subject},     false, true },
    {{LIMIT(header_size_limit), 500, long_subject, subject},      false, true },
    {{LIMIT(header_count_limit), 12, late_subject, subject},      false, true },
    {{LIMIT(header_address_limit), 3, many_addresses, addresses}, true,  false},
};

static unsigned seen_of(const struct row *row, unsigned n)
{
    struct mime_limits limits = mime_limits_most;
    struct buffer message = {0};
    struct chain bytes = {0};
    struct meta meta;
    unsigned seen;

    memcpy((char *)&limits + row->limit, &row->max, sizeof(row->max));
    row->make(&message, n);
    meta_build_within(buffer_since(&message, 0), &limits, &bytes);
    assert_true(meta_open(chain_flat(&bytes), &meta));
    seen = row->seen(&meta);
    chain_free(&bytes);
    buffer_free(&message);
    return seen;
}

static void each_limit_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i].row;
        /* The message itself is a part too. */
        unsigned at = row->max - (row->limit == offsetof(struct mime_limits, mime_part_limit));

        print_message("%s\n", row->name);
        assert_int_equal(seen_of(row, at - 1), rows[i].whole ? 1 : at - 1);
        assert_int_equal(seen_of(row, at), rows[i].whole ? 1 : at);
        assert_int_equal(seen_of(row, at + 1), rows[i].keeps ? at : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_limit_holds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
