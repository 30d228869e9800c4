/* Who waits where, how many connections a site gets, and when a recipient is tried again. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/relay/relay_active.h"
#include "core/relay/relay_retry.h"
#include "core/relay/relay_site.h"

enum {
    SECOND = 1000000
};

static const struct relay_settings settings = {
    .minimal_backoff_us = 300 * SECOND,
    .maximal_backoff_us = 4000ll * SECOND,
    .maximal_queue_lifetime_us = 1000ll * SECOND,
    .bounce_queue_lifetime_us = 10 * SECOND,
    .initial_destination_concurrency = 2,
    .destination_concurrency_limit = 4,
};

static void waits_double_and_end(void **state)
{
    (void)state;
    assert_int_equal(relay_retry_due(&settings, 0, 5, 0), 5 + 300ll * SECOND);
    assert_int_equal(relay_retry_due(&settings, 1, 5, 0), 5 + 600ll * SECOND);
    assert_int_equal(relay_retry_due(&settings, 3, 5, 0), 5 + 2400ll * SECOND);
    assert_int_equal(relay_retry_due(&settings, 4, 5, 0), 5 + 4000ll * SECOND);
    assert_int_equal(relay_retry_due(&settings, UINT32_MAX, 5, 0), 5 + 4000ll * SECOND);
    for (uint64_t dice = 0; dice < 1000; dice++) {
        int64_t due_us = relay_retry_due(&settings, 0, 0, dice * UINT64_C(0x9e3779b97f4a7c15));
        assert_in_range(due_us, 300ll * SECOND, 300ll * SECOND * 9 / 8);
    }
}

static void mail_grows_old(void **state)
{
    (void)state;
    assert_false(relay_retry_is_over(&settings, 0, false, 999ll * SECOND));
    assert_true(relay_retry_is_over(&settings, 0, false, 1000ll * SECOND));
    assert_true(relay_retry_is_over(&settings, 0, true, 10ll * SECOND));
    assert_false(relay_retry_is_over(&settings, 2000ll * SECOND, false, 5)); /* a clock set back */
}

static struct relay_message *message(struct relay_active *a, store_queue_id id)
{
    struct store_queue_envelope e = {.queue_id = SPAN("ABC"), .sender = SPAN("ann@example.com")};

    return relay_active_add(a, id, &e, 1, 0);
}

static void each_recipient_is_here_once(void **state)
{
    struct relay_active *a = relay_active_new();
    struct relay_message *m = message(a, 7);
    struct relay_entry *first = relay_active_take(a, m, 0), *far = relay_active_take(a, m, 19999);

    (void)state;
    assert_non_null(first);
    assert_non_null(far);
    assert_null(relay_active_take(a, m, 0));
    assert_null(relay_active_take(a, m, 19999));
    assert_int_equal(relay_active_count(a), 2);
    assert_true(span_eq(m->envelope.sender, SPAN("ann@example.com")));
    relay_active_give(a, &first);
    first = relay_active_take(a, m, 0);
    assert_non_null(first);
    relay_active_give(a, &first);
    assert_ptr_equal(relay_active_find(a, 7), m);
    relay_active_give(a, &far);
    assert_null(relay_active_find(a, 7));
    relay_active_free(&a);
}

static struct relay_hop_queue *hop(struct relay_sites *s, const char *name, const char *site,
                                   unsigned targets)
{
    static struct relay_answer answer;
    static struct relay_target hosts[4];
    struct relay_route route = {.transport = RELAY_BY_SMTP};
    struct relay_hop_queue *h;

    memcpy(route.nexthop, name, strlen(name) + 1);
    h = relay_sites_hop(s, &route);
    assert_ptr_equal(relay_sites_hop(s, &route), h);
    if (site != NULL) {
        memset(&answer, 0, sizeof(answer));
        memcpy(answer.site, site, strlen(site) + 1);
        answer.targets = hosts;
        answer.count = targets;
        relay_sites_resolved(s, h, &answer);
    }
    return h;
}

/* Nobody's sites are forgotten one by one, but not the one that a hop comes back to. */
static void idle_sites_are_bounded(void **state)
{
    struct relay_sites *s = relay_sites_new(&settings);
    struct relay_hop_queue *h = hop(s, "a.example", "first", 1);
    char name[32];

    (void)state;
    for (unsigned i = 0; i <= RELAY_SITE_IDLE_MAX; i++) {
        snprintf(name, sizeof(name), "mx%u", i);
        hop(s, "a.example", i == RELAY_SITE_IDLE_MAX ? "first" : name, 1);
    }
    assert_string_equal(h->site->name, "first");
    assert_int_equal(h->site->hop_count, 1);
    relay_sites_free(&s);
}

static void recipients_of_a_message_go_together(void **state)
{
    struct relay_active *a = relay_active_new();
    struct relay_sites *s = relay_sites_new(&settings);
    struct relay_hop_queue *one = hop(s, "a.example", NULL, 0), *two = hop(s, "b.example", NULL, 0);
    struct relay_entry *got[10];
    struct relay_site *site;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        relay_site_add(s, one,
                       relay_active_take(a, i == 0 ? message(a, 1) : relay_active_find(a, 1), i),
                       false);
    relay_site_add(s, one, relay_active_take(a, message(a, 2), 0), false);
    relay_site_add(s, two, relay_active_take(a, message(a, 3), 0), false);
    hop(s, "a.example", "mx", 1); /* both have the same exchangers */
    hop(s, "b.example", "mx", 1);
    site = one->site;
    assert_ptr_equal(two->site, site);
    assert_int_equal(site->waiting, 5);
    assert_int_equal(relay_site_next(s, site, got, 2), 2); /* a's turn */
    assert_int_equal(got[1]->number, 1);
    relay_active_give(a, &got[0]);
    relay_active_give(a, &got[1]);
    assert_int_equal(relay_site_next(s, site, got, 10), 1); /* b's */
    assert_int_equal(got[0]->message->id, 3);
    relay_active_give(a, &got[0]);
    assert_int_equal(relay_site_next(s, site, got, 10), 1);
    assert_int_equal(got[0]->number, 2);
    relay_site_add(s, one, got[0], true); /* back, before the others */
    assert_int_equal(relay_site_next(s, site, got, 10), 1);
    assert_int_equal(got[0]->number, 2);
    assert_int_equal(site->waiting, 1);
    relay_sites_empty(s, a);
    assert_int_equal(site->waiting, 0);
    relay_sites_free(&s);
    relay_active_give(a, &got[0]);
    relay_active_free(&a);
}

static void sites_grow_and_shrink(void **state)
{
    struct relay_active *a = relay_active_new();
    struct relay_sites *s = relay_sites_new(&settings);
    struct relay_hop_queue *h = hop(s, "a.example", "mx", 2);
    struct relay_site *site = h->site;
    struct relay_message *m = message(a, 1);

    (void)state;
    assert_false(relay_site_may_dial(site, 0)); /* nobody waits */
    for (unsigned i = 0; i < 20; i++)
        relay_site_add(s, h, relay_active_take(a, m, i), false);
    assert_true(relay_site_may_dial(site, 0)); /* one, to see who is there */
    site->attempts++;
    assert_false(relay_site_may_dial(site, 0));
    relay_site_answered(site);
    site->attempts = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(relay_site_may_dial(site, 0));
        site->attempts++;
    }
    assert_false(relay_site_may_dial(site, 0));
    for (unsigned i = 0; i < 100; i++)
        relay_site_succeeded(s, site);
    assert_true(relay_site_may_dial(site, 0));
    assert_int_equal((unsigned)site->window, 4); /* the limit */
    assert_true(relay_site_failed(s, site, 0));  /* others get through */
    assert_int_equal((unsigned)site->window, 3);
    site->attempts = 0;
    relay_site_succeeded(s, site);
    assert_true(relay_site_failed(s, site, 0)); /* there is another host */
    assert_int_equal(site->first, 0);
    assert_false(relay_site_failed(s, site, 0));
    assert_true(relay_site_is_dead(site, 299ll * SECOND));
    assert_false(relay_site_may_dial(site, 299ll * SECOND));
    assert_false(relay_site_is_dead(site, 300ll * SECOND));
    relay_sites_empty(s, a);
    relay_sites_free(&s);
    relay_active_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_and_end),
        cmocka_unit_test(mail_grows_old),
        cmocka_unit_test(each_recipient_is_here_once),
        cmocka_unit_test(idle_sites_are_bounded),
        cmocka_unit_test(recipients_of_a_message_go_together),
        cmocka_unit_test(sites_grow_and_shrink),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
