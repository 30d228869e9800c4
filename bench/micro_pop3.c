/*
 * micro_pop3: what a POP3 login costs, and a listing, beside the length of the maildrop.
 * Usage: micro_pop3 DIRECTORY [messages]. The directory is made new and stays for a look
 * afterwards.
 *
 * Three maildrops: one without gaps, one whose first messages were removed, and one with a gap
 * after every tenth message.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/number.h"
#include "core/service/service.h"
#include "proto/pop3/pop3_requests.h"

enum {
    AT_ONCE = 1000, /* deliveries in one change */
    TURNS = 7,
};

static const char *const accounts[] = {"whole@example.org", "younger@example.org",
                                       "sparse@example.org"};

static void said(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static void submit(struct store *store, struct store_change *change)
{
    if (store_submit_wait(store, &change, NULL, 0) != STORE_OK)
        abort();
}

static void fill(struct store *store, const char *account, unsigned messages)
{
    struct store_delivery d = {.account = span_str(account),
                               .mailbox = SPAN("INBOX"),
                               .header = SPAN("Delivered-To: me@example.org\r\n"),
                               .received_us = 1700000000000000};

    for (unsigned done = 0; done < messages; done += AT_ONCE) {
        struct store_change *change = store_change_new(store);
        struct store_draft *draft;
        unsigned message;

        if (store_draft_open(store, &draft) != STORE_OK ||
            store_draft_add(draft, SPAN("Subject: a message\r\n\r\nof two lines\r\n")) != STORE_OK)
            abort();
        message = store_change_message(change, &draft, SPAN("a small META"));
        for (unsigned i = 0; i < AT_ONCE; i++)
            store_change_deliver(change, message, &d);
        submit(store, change);
    }
}

static store_mailbox inbox_of(struct store *store, const char *account)
{
    struct store_mailbox_info info;
    struct store_view *view;
    store_account id;

    if (store_view_open(store, &view) != STORE_OK ||
        store_account_find(view, span_str(account), &id) != STORE_OK ||
        store_mailbox_find(view, id, SPAN("INBOX"), &info) != STORE_OK)
        abort();
    store_view_close(&view);
    return info.id;
}

static void remove_ranges(struct store *store, store_mailbox mailbox,
                          const struct store_range *ranges, size_t count)
{
    struct store_flag_change flags = {.mailbox = mailbox,
                                      .uids = ranges,
                                      .count = count,
                                      .mode = STORE_FLAGS_ADD,
                                      .flags = STORE_DELETED,
                                      .unchanged_since = UINT64_MAX};
    struct store_change *change = store_change_new(store);

    store_change_flags(change, &flags);
    store_change_expunge(change, mailbox, ranges, count);
    submit(store, change);
}

static void make_sparse(struct store *store, store_mailbox mailbox, unsigned messages)
{
    static struct store_range ranges[STORE_RANGES_MAX / 2];
    size_t count = 0;

    for (unsigned uid = 10; uid < messages; uid += 10) {
        ranges[count++] = (struct store_range){uid, uid};
        if (count == STORE_RANGES_MAX / 2 || uid + 10 >= messages) {
            remove_ranges(store, mailbox, ranges, count);
            count = 0;
        }
    }
}

static double milliseconds(uint64_t since_ns)
{
    return (double)(clock_monotonic_ns() - since_ns) / 1e6;
}

/* Runs a request to its end; what it writes goes nowhere. Returns the bytes of it. */
static size_t ask(struct service *s, struct pop3_request *r)
{
    size_t bytes = 0;

    do {
        if (service_table[r->base.kind].run(s, &r->base, NULL) != SERVICE_ANSWERED)
            abort();
        bytes += r->base.out.len;
        chain_free(&r->base.out);
    } while (r->base.more);
    if (r->base.status != REQUEST_OK)
        abort();
    return bytes;
}

static struct pop3_settings settings = POP3_SETTINGS_DEFAULT;

static double timed(struct service *s, const char *account, struct pop3_maildrop *drop,
                    enum request_kind kind, size_t size, size_t *bytes_r)
{
    struct pop3_request *r = pop3_request_new(kind, size);
    struct request *base = &r->base;
    uint64_t begin = clock_monotonic_ns();
    double ms;

    r->settings = &settings;
    r->account = span_str(account);
    r->drop = drop;
    *bytes_r = ask(s, r);
    ms = milliseconds(begin);
    pop3_request_free(&base);
    return ms;
}

static void row(struct service *s, const char *account)
{
    struct pop3_maildrop drop = {0};
    double login = 1e9, number = 1e9, stat = 1e9, list = 1e9;
    size_t bytes = 0, held = 0;
    uint32_t count = 0;

    for (unsigned i = 0; i < TURNS; i++) {
        double ms =
            timed(s, account, &drop, REQUEST_POP3_OPEN, sizeof(struct pop3_open_request), &bytes);
        login = ms < login ? ms : login;
        ms = timed(s, account, &drop, REQUEST_POP3_NUMBER, sizeof(struct pop3_number_request),
                   &bytes);
        number = ms < number ? ms : number;
        ms = timed(s, account, &drop, REQUEST_POP3_STAT, sizeof(struct pop3_stat_request), &bytes);
        stat = ms < stat ? ms : stat;
        ms = timed(s, account, &drop, REQUEST_POP3_LIST, sizeof(struct pop3_list_request), &bytes);
        list = ms < list ? ms : list;
        count = pop3_maildrop_count(&drop);
        held = pop3_maildrop_held(&drop);
        pop3_maildrop_free(&drop);
    }
    printf("%-20s %u messages  login %.3f ms  numbers %.3f ms  holds %zu bytes  STAT %.3f ms  LIST "
           "%.1f ms (%zu "
           "bytes)\n",
           account, count, login, number, held, stat, list, bytes);
}

int main(int argc, char **argv)
{
    struct store_config config = {.say = said};
    struct service service = {0};
    uint64_t messages = 1000000;
    char command[600];

    if (argc < 2 || (argc > 2 && !number_parse(span_str(argv[2]), UINT32_MAX, &messages))) {
        fprintf(stderr, "usage: micro_pop3 DIRECTORY [messages]\n");
        return 2;
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", argv[1]);
    config.path = argv[1];
    if (system(command) != 0 || store_open(&config, &service.store) != STORE_OK)
        abort();
    for (unsigned i = 0; i < 3; i++)
        fill(service.store, accounts[i], (unsigned)messages);
    remove_ranges(service.store, inbox_of(service.store, accounts[1]),
                  &(struct store_range){1, (uint32_t)messages / 10}, 1);
    make_sparse(service.store, inbox_of(service.store, accounts[2]), (unsigned)messages);
    for (unsigned i = 0; i < 3; i++)
        row(&service, accounts[i]);
    store_close(&service.store);
    return 0;
}
