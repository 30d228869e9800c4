#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"

static unsigned released;

static void count_release(void *context UNUSED)
{
    released++;
}

static void expect_bytes(const struct chain *c, struct span bytes)
{
    char *copy = xmalloc(c->len);

    assert_int_equal(c->len, bytes.len);
    chain_copy(c, 0, copy, c->len);
    assert_memory_equal(copy, bytes.at, bytes.len);
    free(copy);
}

static void adds_and_drops(void **state UNUSED)
{
    struct chain c = {0};

    chain_add(&c, SPAN("hello "));
    chain_add_number(&c, 42);
    chain_add_byte(&c, ' ');
    chain_addf(&c, "%s-%d", "x", 7);
    expect_bytes(&c, SPAN("hello 42 x-7"));
    chain_drop(&c, 6);
    expect_bytes(&c, SPAN("42 x-7"));
    chain_drop(&c, 6);
    assert_int_equal(c.held, 0);
    assert_null(c.first);
    assert_int_equal(chain_first(&c).len, 0);
}

static void grows_in_few_blocks(void **state UNUSED)
{
    struct chain c = {0};
    static char bytes[100 * 1000];
    struct iovec parts[32];
    size_t len;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 31 >> 3);
    chain_add_byte(&c, bytes[0]);
    assert_int_equal(c.held, 512);
    for (size_t at = 1; at < sizeof(bytes);) {
        struct span next = span_first((struct span){bytes + at, sizeof(bytes) - at}, 1460);

        chain_add(&c, next);
        at += next.len;
    }
    expect_bytes(&c, (struct span){bytes, sizeof(bytes)});
    assert_in_range(chain_iovecs(&c, parts, 32, &len), 1, 9);
    assert_int_equal(len, sizeof(bytes));
    assert_int_equal(chain_iovecs(&c, parts, 2, &len), 2);
    assert_int_equal(len, parts[0].iov_len + parts[1].iov_len);
    assert_int_equal(chain_flat(&c).len, sizeof(bytes));
    assert_memory_equal(chain_first(&c).at, bytes, sizeof(bytes));
    chain_free(&c);
    assert_int_equal(c.held, 0);
}

static void long_format_is_whole(void **state UNUSED)
{
    struct chain c = {0};

    chain_addf(&c, "%0700d", 5);
    assert_int_equal(c.len, 700);
    assert_int_equal(chain_flat(&c).at[699], '5');
    chain_free(&c);
}

static void lent_bytes_are_released_once(void **state UNUSED)
{
    struct chain a = {0}, b = {0};

    released = 0;
    chain_add(&a, SPAN("own "));
    chain_lend(&a, SPAN("lent bytes"), count_release, NULL);
    chain_add(&a, SPAN(" own"));
    expect_bytes(&a, SPAN("own lent bytes own"));
    chain_move_first(&b, &a, 8);
    expect_bytes(&b, SPAN("own lent"));
    expect_bytes(&a, SPAN(" bytes own"));
    assert_int_equal(released, 0);
    chain_drop(&a, 6);
    assert_int_equal(released, 1);
    chain_free(&a);
    chain_free(&b);
    assert_int_equal(released, 1);
}

static void moves_whole_chains(void **state UNUSED)
{
    struct chain a = {0}, b = {0};

    chain_add(&a, SPAN("one "));
    assert_non_null(chain_reserve(&a, 5000)); /* leaves an empty block behind */
    chain_add(&b, SPAN("two"));
    chain_move(&a, &b);
    assert_null(b.first);
    assert_int_equal(b.held, 0);
    expect_bytes(&a, SPAN("one two"));
    chain_move(&b, &a);
    chain_move(&b, &a);
    chain_drop(&b, 4);
    assert_int_equal(chain_first(&b).len, 3);
    expect_bytes(&b, SPAN("two"));
    chain_free(&b);
}

/* Random steps against a plain array that does the same. */
static void agrees_with_an_array(void **state UNUSED)
{
    struct chain c = {0}, side = {0};
    static char model[1 << 16];
    size_t len = 0;
    unsigned seed = 7;

    for (unsigned step = 0; step < 20000; step++) {
        unsigned dice = (unsigned)rand_r(&seed) % 5;
        size_t n = (size_t)rand_r(&seed) % 3000;

        if (dice < 2 && len + n <= sizeof(model)) {
            char *at = chain_reserve(&c, n + 1);

            for (size_t i = 0; i < n; i++)
                at[i] = model[len + i] = (char)rand_r(&seed);
            chain_added(&c, n);
            len += n;
        } else if (dice == 2) {
            n = n < len ? n : len;
            chain_drop(&c, n);
            memmove(model, model + n, len - n);
            len -= n;
        } else if (dice == 3) {
            chain_move_first(&side, &c, n < len ? n : len);
            chain_move(&side, &c);
            chain_move(&c, &side);
        } else if (n < 300) {
            assert_int_equal(chain_flat(&c).len, len);
        }
        if (step % 16 == 0)
            expect_bytes(&c, (struct span){model, len});
    }
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_drops),       cmocka_unit_test(grows_in_few_blocks),
        cmocka_unit_test(long_format_is_whole), cmocka_unit_test(lent_bytes_are_released_once),
        cmocka_unit_test(moves_whole_chains),   cmocka_unit_test(agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
