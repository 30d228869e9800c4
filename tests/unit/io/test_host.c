/* Socket addresses from text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/io/host.h"

static void text_rows(void **state UNUSED)
{
    static const struct {
        const char *text;
        int family; /* 0: refused */
    } rows[] = {
        {"192.0.2.1",        AF_INET },
        {"::1",              AF_INET6},
        {"[::1]",            AF_INET6},
        {"::ffff:127.0.0.1", AF_INET6},
        {"[2001:DB8::0:1]",  AF_INET6},
        {"[192.0.2.1]",      0       },
        {"localhost",        0       },
        {"1.2.3",            0       },
        {"1.2.3.4.5",        0       },
        {"",                 0       },
        {"[]",               0       },
        {"[",                0       },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_storage a;
        socklen_t size;
        bool good = host_parse(span_str(rows[i].text), 25, &a, &size);

        assert_int_equal(good, rows[i].family != 0);
        if (!good)
            continue;
        assert_int_equal(a.ss_family, rows[i].family);
        assert_int_equal(host_port(&a), 25);
    }
    assert_int_equal(host_port(&(struct sockaddr_storage){.ss_family = AF_UNIX}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
