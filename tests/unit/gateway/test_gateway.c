/*
 * The whole gateway by hand, on one thread: a mail comes in over a unix socket and is read back,
 * settings are reloaded, and it stops while a peer is connected.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/gateway/gateway.h"

static char folder[64], reply[65536];
static struct gateway *gateway;

static void path_in(char path[128], const char *name)
{
    (void)snprintf(path, 128, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    path_in(path, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct config *load(void)
{
    struct chain why = {0};
    char path[128];
    struct config *config;

    path_in(path, "ringpost.conf");
    config = config_load(path, NULL, 0, &why);
    assert_non_null(config);
    chain_free(&why);
    return config;
}

static void steps(unsigned count)
{
    while (count-- > 0) {
        assert_true(gateway_step(gateway, GATEWAY_TURN, 0, clock_monotonic_ns()));
        (void)gateway_step(gateway, GATEWAY_WORK, 0, 0);
        (void)gateway_step(gateway, GATEWAY_STORE, 0, 0);
    }
}

static int connect_to(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char path[128];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    path_in(path, name);
    memcpy(a.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Says `text`, and goes on until the answers hold `want`. */
static void talk(int fd, const char *text, const char *want)
{
    size_t len = 0;

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    reply[0] = '\0';
    for (unsigned i = 0; i < 500 && strstr(reply, want) == NULL; i++) {
        ssize_t n;
        steps(1);
        n = read(fd, reply + len, sizeof(reply) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        reply[len] = '\0';
    }
    if (strstr(reply, want) == NULL)
        fail_msg("no \"%s\" in \"%s\"", want, reply);
}

static int setup(void **state)
{
    struct chain why = {0};
    struct gateway_options options = {.manual = true};
    char settings[512];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ringpost-gateway-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_file("users", "ann@example.com:{PLAIN}secret:::::\n");
    (void)snprintf(settings, sizeof(settings),
                   "myhostname = example.com\nio = epoll\nsmtp_listen = unix:%s/smtp.sock\n"
                   "imap_listen = unix:%s/imap.sock\npop3_listen =\npop3s_listen =\n"
                   "submission_listen =\nsubmissions_listen =\nimaps_listen =\n"
                   "mail_store_directory = store\n"
                   "users_file = users\n",
                   folder, folder);
    write_file("ringpost.conf", settings);
    options.config = load();
    gateway = gateway_open(&options, &why);
    if (gateway == NULL)
        fail_msg("%s", chain_flat(&why).at);
    chain_free(&why);
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    gateway_close(&gateway);
    assert_null(gateway);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void send_mail(const char *recipient, const char *want)
{
    char rcpt[128];
    int fd = connect_to("smtp.sock");

    talk(fd, "", "220 ");
    talk(fd, "EHLO client.example\r\n", "250 ");
    talk(fd, "MAIL FROM:<bob@example.org>\r\n", "250 ");
    (void)snprintf(rcpt, sizeof(rcpt), "RCPT TO:<%s>\r\n", recipient);
    talk(fd, rcpt, want);
    if (want[0] == '2') {
        talk(fd, "DATA\r\n", "354 ");
        talk(fd, "Subject: by hand\r\n\r\n..dot\r\n.\r\n", "250 2.0.0");
    }
    talk(fd, "QUIT\r\n", "221 ");
    close(fd);
    steps(5);
}

static void a_mail_goes_through(void **state)
{
    int fd;

    (void)state;
    send_mail("ann@example.com", "250 ");
    fd = connect_to("imap.sock");
    talk(fd, "", "* OK");
    talk(fd, "a LOGIN ann@example.com secret\r\n", "a OK");
    talk(fd, "b SELECT INBOX\r\n", "b OK");
    assert_non_null(strstr(reply, "* 1 EXISTS"));
    talk(fd, "c FETCH 1 BODY[TEXT]\r\n", "c OK");
    assert_non_null(strstr(reply, "{6}\r\n.dot\r\n"));
    talk(fd, "d IDLE\r\n", "+ ");
    send_mail("ann@example.com", "250 ");
    talk(fd, "", "* 2 EXISTS");
    close(fd); /* and goes without a word */
    steps(5);
}

static void a_reload_brings_new_users(void **state)
{
    struct chain why = {0};
    struct config *config;

    (void)state;
    send_mail("ben@example.com", "550 ");
    write_file("users", "ben@example.com:{PLAIN}secret:::::\n");
    config = load();
    assert_true(gateway_reload(gateway, &config, &why));
    assert_null(config);
    send_mail("ben@example.com", "250 ");
    write_file("users", "not a user\n");
    config = load();
    assert_false(gateway_reload(gateway, &config, &why));
    assert_null(config);
    assert_true(why.len > 0);
    chain_free(&why);
    send_mail("ben@example.com", "250 ");
}

static void it_stops_under_a_peer(void **state)
{
    int fd = connect_to("smtp.sock");

    (void)state;
    talk(fd, "", "220 ");
    gateway_close(&gateway);
    assert_true(read(fd, reply, sizeof(reply)) > 4);
    assert_memory_equal(reply, "421 ", 4);
    assert_int_equal(read(fd, reply, sizeof(reply)), 0);
    close(fd);
}

static int teardown_closed(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mail_goes_through, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_brings_new_users, setup, teardown),
        cmocka_unit_test_setup_teardown(it_stops_under_a_peer, setup, teardown_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
