#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/map.h"
#include "core/base/number.h"

enum {
    KEYS = 5000,
};
static int values[KEYS];

static struct span key_of(unsigned n, char text[64])
{
    size_t len = number_write(text, n);

    for (size_t end = len + n % 20; len < end; len++)
        text[len] = 'x'; /* short keys and long ones */
    return (struct span){text, len};
}

static void puts_gets_removes(void **state UNUSED)
{
    struct map *m = map_new();
    char text[64];

    for (unsigned n = 0; n < KEYS; n++)
        assert_null(map_put(m, key_of(n, text), &values[n]));
    assert_int_equal(map_count(m), KEYS);
    assert_ptr_equal(map_put(m, key_of(3, text), &values[4]), &values[3]);
    assert_ptr_equal(map_put(m, key_of(3, text), &values[3]), &values[4]);
    for (unsigned n = 0; n < KEYS; n += 2)
        assert_ptr_equal(map_remove(m, key_of(n, text)), &values[n]);
    for (unsigned n = 0; n < KEYS; n++)
        assert_ptr_equal(map_get(m, key_of(n, text)), n % 2 == 0 ? NULL : &values[n]);
    assert_null(map_remove(m, SPAN("nobody")));
    assert_int_equal(map_count(m), KEYS / 2);
    map_free(&m);
    assert_null(m);
}

static void walks_each_once(void **state UNUSED)
{
    struct map *m = map_new();
    size_t place = 0, seen = 0;
    struct span key;
    void *value;

    for (uint64_t n = 0; n < 100; n++)
        (void)map_put(m, map_key_u64(&n), &values[n]);
    while (map_next(m, &place, &key, &value)) {
        assert_int_equal(key.len, 8);
        assert_ptr_equal(value, &values[number_get64(key.at)]);
        values[number_get64(key.at)]++;
        seen++;
    }
    assert_int_equal(seen, 100);
    for (unsigned n = 0; n < 100; n++)
        assert_int_equal(values[n], 1);
    map_free(&m);
}

static void empty_key_is_a_key(void **state UNUSED)
{
    struct map *m = map_new();

    assert_null(map_get(m, SPAN("")));
    (void)map_put(m, SPAN(""), &values[1]);
    assert_ptr_equal(map_get(m, SPAN("")), &values[1]);
    map_free(&m);
}

/* X09: 65,536 keys that are one for the usual hash without a secret ("Aa" and "BB" in all orders)
 * are spread over the table: of their hashes no byte is more often than by chance. */
static void chosen_keys_do_not_collide(void **state)
{
    unsigned counts[256] = {0};
    char key[32];

    (void)state;
    for (unsigned n = 0; n < 1 << 16; n++) {
        for (unsigned bit = 0; bit < 16; bit++)
            memcpy(key + 2 * bit, n >> bit & 1 ? "Aa" : "BB", 2);
        counts[map_hash((struct span){key, sizeof(key)}) & 255]++;
    }
    for (unsigned i = 0; i < 256; i++)
        assert_in_range(counts[i], 128, 512); /* 256, give or take 16 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_keys_do_not_collide),
        cmocka_unit_test(puts_gets_removes),
        cmocka_unit_test(walks_each_once),
        cmocka_unit_test(empty_key_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
