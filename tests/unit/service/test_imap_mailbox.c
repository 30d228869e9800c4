/* Mailbox commands of IMAP over a real store: what is listed, and who else gets to know. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/service/imap_world.h"

#include "core/base/clock.h"

#define HAS(text, part) assert_has((text), (part), __LINE__)
#define SAYS(text, all) assert_says((text), (all), __LINE__)

static void assert_has(const char *text, const char *part, int line)
{
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "line %d: \"%s\" is not in:\n%s\n", line, part, text);
        fail();
    }
}

static void assert_says(const char *text, const char *all, int line)
{
    if (strcmp(text, all) != 0) {
        fprintf(stderr, "line %d: not \"%s\" but:\n%s\n", line, all, text);
        fail();
    }
}

static int world_setup(void **state)
{
    struct imap_world *w = malloc(sizeof(*w));

    imap_world_open(w);
    *state = w;
    return 0;
}

static int world_teardown(void **state)
{
    imap_world_close(*state);
    free(*state);
    return 0;
}

static void login(struct imap_client *c, struct imap_world *w)
{
    imap_client_open(c, w);
    HAS(imap_client_say(c, "a LOGIN vagrant password\r\n"), "] Logged in\r\n");
}

/* All of these are OK. */
static void say_all(struct imap_client *c, const char *const *commands, size_t count)
{
    char line[300], ok[40];

    for (size_t i = 0; i < count; i++) {
        const char *heard;

        (void)snprintf(line, sizeof(line), "s%zu %s\r\n", i, commands[i]);
        (void)snprintf(ok, sizeof(ok), "s%zu OK ", i);
        heard = imap_client_say(c, line);
        if (strncmp(heard, ok, strlen(ok)) != 0) {
            fprintf(stderr, "%s%s", line, heard);
            fail();
        }
    }
}

/* ---- LIST and LSUB ---- */

static const char *const list_setup[] = {
    "CREATE foo/bar",   "CREATE foo/baz",    "CREATE \"Fruit/Apple Tart\"",
    "CREATE gone/sub",  "CREATE gone/lost",  "CREATE Sent (USE (\\Sent))",
    "SUBSCRIBE INBOX",  "SUBSCRIBE foo/bar", "SUBSCRIBE gone/lost",
    "SUBSCRIBE gone",   "SUBSCRIBE foo/baz", "UNSUBSCRIBE foo/baz",
    "DELETE gone/lost", "DELETE Fruit",
};

static const struct {
    const char *command, *expected; /* without the tagged answer */
} list_rows[] = {
    {"LIST \"\" *",                                                        "* LIST (\\Noselect \\HasChildren) \"/\" Fruit\r\n"
                    "* LIST (\\HasNoChildren) \"/\" \"Fruit/Apple Tart\"\r\n"
                    "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
                    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n"
                    "* LIST (\\HasChildren) \"/\" foo\r\n"
                    "* LIST (\\HasNoChildren) \"/\" foo/bar\r\n"
                    "* LIST (\\HasNoChildren) \"/\" foo/baz\r\n"
                    "* LIST (\\HasChildren) \"/\" gone\r\n"
                    "* LIST (\\HasNoChildren) \"/\" gone/sub\r\n"                                       },
    {"LIST \"\" %",                                                        "* LIST (\\Noselect \\HasChildren) \"/\" Fruit\r\n"
                    "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
                    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n"
                    "* LIST (\\HasChildren) \"/\" foo\r\n"
                    "* LIST (\\HasChildren) \"/\" gone\r\n"                                             },
    {"LIST foo/ %",                                                        "* LIST (\\HasNoChildren) \"/\" foo/bar\r\n"
                    "* LIST (\\HasNoChildren) \"/\" foo/baz\r\n"                                        },
    {"LIST (SPECIAL-USE) \"\" *",                                          "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n"},
    {"LIST (SPECIAL-USE) \"\" x/*",                                        ""                                              },
    {"LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE SUBSCRIBED)",
     "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n"                                                                      },
    {"LIST (SUBSCRIBED) \"\" *",
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\n"
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" foo/bar\r\n"
     "* LIST (\\Subscribed \\HasChildren) \"/\" gone\r\n"
     "* LIST (\\Subscribed \\NonExistent \\HasNoChildren) \"/\" gone/lost\r\n"                                             },
    {"LIST (SUBSCRIBED) \"\" %",                                           "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\n"
                                 "* LIST (\\Subscribed \\HasChildren) \"/\" gone\r\n"      },
    {"LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %",
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\n"
     "* LIST (\\HasChildren) \"/\" foo (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
     "* LIST (\\Subscribed \\HasChildren) \"/\" gone (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"                                 },
    {"LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) \"\" *",                ""                                              },
    {"LIST (REMOTE SUBSCRIBED) \"\" foo/*",
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" foo/bar\r\n"                                                             },
    {"LIST \"\" (INBOX foo/b%r \"Fruit/*\") RETURN (SUBSCRIBED CHILDREN)",
     "* LIST (\\HasNoChildren) \"/\" \"Fruit/Apple Tart\"\r\n"
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\n"
     "* LIST (\\Subscribed \\HasNoChildren) \"/\" foo/bar\r\n"                                                             },
    {"LIST () \"\" inbox",                                                 "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"      },
    {"LIST (SUBSCRIBED) \"\" \"\"",                                        ""                                              },
    {"LIST \"\" \"\"",                                                     "* LIST (\\Noselect) \"/\" \"\"\r\n"            },
    {"LSUB \"\" *",                                                        "* LSUB () \"/\" INBOX\r\n* LSUB () \"/\" foo/bar\r\n"
                    "* LSUB () \"/\" gone\r\n* LSUB () \"/\" gone/lost\r\n"                             },
    {"LSUB \"\" %",
     "* LSUB () \"/\" INBOX\r\n* LSUB (\\Noselect) \"/\" foo\r\n* LSUB () \"/\" gone\r\n"                                  },
    {"LSUB foo/ %",                                                        "* LSUB () \"/\" foo/bar\r\n"                   },
    {"LSUB \"\" inbox",                                                    "* LSUB () \"/\" INBOX\r\n"                     },
};

static void list_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    char line[300], expected[2000];

    login(&c, w);
    say_all(&c, list_setup, COUNT_OF(list_setup));
    for (size_t i = 0; i < COUNT_OF(list_rows); i++) {
        bool is_lsub = strncmp(list_rows[i].command, "LSUB", 4) == 0;

        (void)snprintf(line, sizeof(line), "x %s\r\n", list_rows[i].command);
        (void)snprintf(expected, sizeof(expected), "%sx OK %s completed.\r\n",
                       list_rows[i].expected, is_lsub ? "Lsub" : "List");
        SAYS(imap_client_say(&c, line), expected);
    }
    imap_client_close(&c);
}

/* In steps as small as they can be, it is the same. */
static void list_steps_test(void **state)
{
    struct imap_world *w = *state;

    w->settings.output_size = 1;
    list_test(state);
    assert_true(w->slowest_steps > 5);
}

/* I12: 10,000 mailboxes of 200 letters, and patterns that make others try all ways. */
static void list_many_test(void **state)
{
    struct imap_world *w = *state;
    struct store_change *change = NULL;
    char name[220], line[1200];
    struct imap_client c;
    uint64_t began, took;
    size_t len = 0;

    login(&c, w);
    SAYS(imap_client_say(&c, "x LIST \"\" *\r\n"),
         "* LIST (\\HasNoChildren) \"/\" INBOX\r\nx OK List completed.\r\n");
    for (unsigned i = 0; i < STORE_MAILBOXES_MAX - 1; i++) {
        if (change == NULL)
            change = store_change_new(w->store.store);
        memset(name, 'a', 200);
        (void)snprintf(name + 200, sizeof(name) - 200, "%u", i);
        store_change_mailbox_create(change, 1, span_str(name), 0);
        if (i % 1000 == 999 || i + 2 == STORE_MAILBOXES_MAX)
            (void)test_submit(&w->store, &change);
    }
    HAS(imap_client_say(&c, "x CREATE one-more\r\n"), "x NO [LIMIT] ");
    began = clock_monotonic_ns();
    SAYS(imap_client_say(&c, "x LIST \"\" \"*a*a*a*a*a*a*a*a*a*b\"\r\n"),
         "x OK List completed.\r\n");
    len = (size_t)snprintf(line, sizeof(line), "x LIST \"\" \"");
    for (unsigned i = 0; i < 200; i++)
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%%/");
    (void)snprintf(line + len, sizeof(line) - len, "\"\r\n");
    SAYS(imap_client_say(&c, line), "x OK List completed.\r\n");
    took = clock_monotonic_ns() - began;
    print_message("two lists of %u mailboxes: %u ms\n", STORE_MAILBOXES_MAX,
                  (unsigned)(took / 1000000));
    HAS(imap_client_say(&c, "x LIST \"\" *\r\n"), "x OK List completed.\r\n");
    imap_client_close(&c);
}

/* ---- making, deleting, renaming ---- */

static void create_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;

    login(&c, w);
    SAYS(imap_client_say(&c, "x CREATE a/b/\r\n"), "x OK Create completed.\r\n");
    SAYS(imap_client_say(&c, "x LIST \"\" a*\r\n"),
         "* LIST (\\HasChildren) \"/\" a\r\n* LIST (\\HasNoChildren) \"/\" a/b\r\n"
         "x OK List completed.\r\n");
    SAYS(imap_client_say(&c, "x CREATE a\r\n"), "x NO [ALREADYEXISTS] Mailbox already exists.\r\n");
    SAYS(imap_client_say(&c, "x CREATE iNboX\r\n"),
         "x NO [ALREADYEXISTS] Mailbox already exists.\r\n");
    SAYS(imap_client_say(&c, "x DELETE Inbox\r\n"), "x NO [CANNOT] INBOX can't be deleted.\r\n");
    SAYS(imap_client_say(&c, "x DELETE a\r\ny DELETE a\r\nz SELECT a\r\n"),
         "x OK Delete completed.\r\n"
         "y NO [HASCHILDREN] Mailbox has children, delete them first.\r\n"
         "z NO [NONEXISTENT] Mailbox doesn't exist.\r\n");
    SAYS(imap_client_say(&c, "x RENAME a b\r\ny RENAME a c\r\nz RENAME b/b INBOX\r\n"),
         "x OK Rename completed.\r\ny NO [NONEXISTENT] Mailbox doesn't exist.\r\n"
         "z NO [ALREADYEXISTS] Mailbox already exists.\r\n");
    SAYS(imap_client_say(&c, "x SUBSCRIBE nope\r\ny UNSUBSCRIBE nope\r\n"),
         "x NO [NONEXISTENT] Mailbox doesn't exist.\r\ny OK Unsubscribe completed.\r\n");
    imap_client_close(&c);
}

/* I30: a session whose mailbox is deleted hears BYE at its next command, or in IDLE at once, and
 * never meets the new mailbox of the same name. */
static void deleted_test(void **state)
{
    static const char *const commands[] = {"FETCH 1:* FLAGS",
                                           "STORE 1 +FLAGS (\\Seen)",
                                           "NOOP",
                                           "EXPUNGE",
                                           "SEARCH ALL",
                                           "CLOSE",
                                           "LIST \"\" *",
                                           "CHECK"};
    static const char bye[] = "* BYE Selected mailbox was deleted, have to disconnect.\r\n";
    struct imap_world *w = *state;
    struct imap_client c, other;
    char line[80];

    login(&c, w);
    imap_client_say(&c, "x CREATE x\r\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        imap_world_deliver(w, "x", SPAN("Subject: a\r\n\r\nb\r\n"));
        login(&other, w);
        HAS(imap_client_say(&other, "y SELECT x\r\n"), "y OK ");
        HAS(imap_client_say(&c, "x DELETE x\r\ny CREATE x\r\n"), "y OK ");
        (void)snprintf(line, sizeof(line), "z %s\r\n", commands[i]);
        SAYS(imap_client_say(&other, line), bye);
        assert_int_equal(other.session->want, SESSION_WANT_CLOSE);
        imap_client_close(&other);
    }
    login(&other, w);
    HAS(imap_client_say(&other, "y SELECT x\r\ni IDLE\r\n"), "+ idling\r\n");
    HAS(imap_client_say(&c, "x DELETE x\r\n"), "x OK ");
    SAYS(imap_client_wait(&other), bye);
    imap_client_close(&other);
    /* One's own. */
    HAS(imap_client_say(&c, "x CREATE x\r\ny SELECT x\r\n"), "y OK ");
    SAYS(imap_client_say(&c, "x DELETE x\r\n"),
         "x OK Delete completed.\r\n"
         "* BYE Selected mailbox was deleted, have to disconnect.\r\n");
    imap_client_close(&c);
}

static void renamed_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    imap_world_deliver(w, "x", SPAN("Subject: a\r\n\r\nb\r\n"));
    login(&c, w);
    login(&other, w);
    HAS(imap_client_say(&other, "y SELECT x\r\n"), "* 1 EXISTS\r\n");
    HAS(imap_client_say(&c, "x RENAME x y\r\ny CREATE x\r\n"), "y OK ");
    /* It goes on in what it selected. */
    HAS(imap_client_say(&other, "z FETCH 1 UID\r\n"), "* 1 FETCH (UID 1)\r\nz OK ");
    imap_world_deliver(w, "y", SPAN("Subject: a\r\n\r\nb\r\n"));
    HAS(imap_client_say(&other, "z NOOP\r\n"), "* 2 EXISTS\r\n");
    imap_client_close(&other);

    for (unsigned i = 0; i < 3; i++)
        imap_world_deliver(w, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"));
    imap_client_open(&other, w);
    imap_client_login(&other);
    HAS(imap_client_say(&c, "x STATUS INBOX (UIDNEXT)\r\n"), "(UIDNEXT 4)");
    HAS(imap_client_say(&other, "i IDLE\r\n"), "+ idling\r\n");
    HAS(imap_client_say(&c, "x RENAME INBOX old\r\n"), "x OK ");
    SAYS(imap_client_wait(&other), "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 0 RECENT\r\n");
    imap_world_deliver(w, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"));
    SAYS(imap_client_wait(&other), "* 1 EXISTS\r\n* 1 RECENT\r\n");
    HAS(imap_client_say(&other, "DONE\r\nz FETCH 1 UID\r\n"), "* 1 FETCH (UID 4)\r\n");
    heard = imap_client_say(&c, "x STATUS INBOX (MESSAGES UIDNEXT)\r\n"
                                "y STATUS old (MESSAGES UIDNEXT)\r\n");
    HAS(heard, "INBOX (MESSAGES 1 UIDNEXT 5)");
    HAS(heard, "old (MESSAGES 3 UIDNEXT 4)");
    /* Between commands: numbers stay until it may be told. */
    HAS(imap_client_say(&c, "x RENAME INBOX older\r\n"), "x OK ");
    SAYS(imap_client_say(&other, "z FETCH 1 UID\r\n"),
         "z OK [EXPUNGEISSUED] Some messages were already expunged.\r\n");
    HAS(imap_client_say(&other, "z NOOP\r\n"), "* 1 EXPUNGE\r\n");
    imap_client_close(&other);
    imap_client_close(&c);
}

/* Mail for a folder that was deleted meanwhile. */
static void delivery_test(void **state)
{
    struct imap_world *w = *state;
    struct store_change *change;
    struct store_draft *draft;
    struct store_delivery delivery = {.account = SPAN("vagrant@mailserver.local"),
                                      .mailbox = SPAN("list"),
                                      .missing = STORE_MISSING_TO_INBOX};
    struct imap_client c;
    unsigned message;

    login(&c, w);
    HAS(imap_client_say(&c, "x CREATE list\r\ny DELETE list\r\n"), "y OK ");
    change = store_change_new(w->store.store);
    assert_int_equal(store_draft_open(w->store.store, &draft), STORE_OK);
    assert_int_equal(store_draft_add(draft, SPAN("Subject: a\r\n\r\nb\r\n")), STORE_OK);
    message = store_change_message(change, &draft, SPAN(""));
    store_change_deliver(change, message, &delivery);
    assert_int_equal(test_submit(&w->store, &change).uid, 1);
    HAS(imap_client_say(&c, "x STATUS INBOX (MESSAGES)\r\n"), "(MESSAGES 1)");
    imap_client_close(&c);
}

/* An account from before there were folders gets them at its next login. */
static void folders_test(void **state)
{
    static const struct store_folder folders[] = {
        {{"Drafts", 6},  STORE_USE_DRAFTS },
        {{"Archive", 7}, STORE_USE_ARCHIVE},
    };
    struct imap_world *w = *state;
    struct store_change *change;
    struct imap_client c;

    imap_world_deliver(w, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"));
    change = store_change_new(w->store.store);
    store_change_folders(change, folders, 2);
    (void)test_submit(&w->store, &change);
    login(&c, w);
    SAYS(imap_client_say(&c, "x LIST (SUBSCRIBED) \"\" *\r\n"),
         "* LIST (\\Subscribed \\HasNoChildren \\Archive) \"/\" Archive\r\n"
         "* LIST (\\Subscribed \\HasNoChildren \\Drafts) \"/\" Drafts\r\n"
         "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\nx OK List completed.\r\n");
    HAS(imap_client_say(&c, "x DELETE Archive\r\n"), "x OK ");
    imap_client_close(&c);
    login(&c, w);
    SAYS(imap_client_say(&c, "x LIST \"\" Arch*\r\n"), "x OK List completed.\r\n");
    imap_client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(list_steps_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(list_many_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(create_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(deleted_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(renamed_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(delivery_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(folders_test, world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
