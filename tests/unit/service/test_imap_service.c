#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

#define HAS(text, part)   assert_has((text), (part), __LINE__)
#define SAYS(text, all)   assert_says((text), (all), __LINE__)
#define LACKS(text, part) assert_lacks((text), (part), __LINE__)

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

static void assert_lacks(const char *text, const char *part, int line)
{
    if (strstr(text, part) != NULL) {
        fprintf(stderr, "line %d: \"%s\" is in:\n%s\n", line, part, text);
        fail();
    }
}

static const char seed_body[] =
    "Received: from mailserver.local (gateway [10.0.2.2])\r\n"
    "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
    "\tfor <vagrant@mailserver.local>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
    "Subject: hello\r\n\r\nGreetings\r\n";

static const char multipart_body[] =
    "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Date: Tue, 14 Jul 2020 12:00:00 +0200\r\nMessage-ID: <1@example.com>\r\n"
    "MIME-Version: 1.0\r\nX-Rare: yes\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "preamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst part\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nX-In: 1\r\n\r\ninner text\r\n"
    "--b--\r\n";

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

static void imap_seed_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    assert_int_equal(imap_world_deliver(w, "INBOX", SPAN(seed_body)), 1);
    imap_client_open(&c, w);
    heard = imap_client_say(&c, "a login vagrant password\r\n");
    HAS(heard, "a OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID IDLE MULTIAPPEND NAMESPACE UNSELECT "
               "CHILDREN LIST-EXTENDED SPECIAL-USE CREATE-SPECIAL-USE ENABLE UIDPLUS MOVE] "
               "Logged in\r\n");
    assert_int_equal(c.session->idle_ms, w->settings.idle_ms);
    heard = imap_client_say(&c, "b select inbox\r\n");
    HAS(heard, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
               "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
               "Flags permitted.\r\n"
               "* 1 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 1] First unseen.\r\n"
               "* OK [UIDVALIDITY ");
    HAS(heard, "] UIDs valid\r\n* OK [UIDNEXT 2] Predicted next UID\r\n"
               "b OK [READ-WRITE] Select completed.\r\n");
    heard = imap_client_say(&c, "b UID SEARCH *\r\n");
    SAYS(heard, "* SEARCH 1\r\nb OK Search completed.\r\n");
    heard = imap_client_say(&c, "a UID FETCH 1 (BODY.PEEK[1.MIME])\r\n");
    SAYS(heard, "* 1 FETCH (UID 1 BODY[1.MIME] {321}\r\n"
                "Return-Path: <username@example.com>\r\n"
                "X-Original-To: vagrant@mailserver.local\r\n"
                "Delivered-To: vagrant@mailserver.local\r\n"
                "Received: from mailserver.local (gateway [10.0.2.2])\r\n"
                "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
                "\tfor <vagrant@mailserver.local>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
                "Subject: hello\r\n\r\n)\r\na OK Fetch completed.\r\n");
    heard = imap_client_say(&c, "c LOGOUT\r\n");
    HAS(heard, "* BYE Logging out\r\nc OK Logout completed.\r\n");
    imap_client_close(&c);
}

static const struct {
    const char *command, *expected;
} fetch_rows[] = {
    {"FETCH 1 RFC822.SIZE",                                                                    "* 1 FETCH (RFC822.SIZE 332)\r\n"                           },
    {"FETCH 1 (UID INTERNALDATE)",
     "* 1 FETCH (UID 1 INTERNALDATE \"15-Jul-2020 16:31:24 +0000\")\r\n"                                                                                   },
    {"FETCH 1:2 UID",                                                                          "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n"                },
    {"FETCH 2,1,1:* UID",                                                                      "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n"                },
    {"FETCH * UID",                                                                            "* 2 FETCH (UID 2)\r\n"                                     },
    {"FETCH 9:* UID",                                                                          "* 2 FETCH (UID 2)\r\n"                                     },
    {"UID FETCH 9:* UID",                                                                      "* 2 FETCH (UID 2)\r\n"                                     },
    {"UID FETCH 5 FLAGS",                                                                      "x OK"                                                      },
    {"FETCH 3 UID",                                                                            "x BAD Error in IMAP command FETCH: Invalid messageset.\r\n"},
    {"FETCH 1 BODY.PEEK[TEXT]",                                                                "* 1 FETCH (BODY[TEXT] {11}\r\nGreetings\r\n)\r\n"          },
    {"FETCH 1 BODY.PEEK[1]",                                                                   "* 1 FETCH (BODY[1] {11}\r\nGreetings\r\n)\r\n"             },
    {"FETCH 1 BODY.PEEK[]<0.11>",                                                              "* 1 FETCH (BODY[]<0> {11}\r\nReturn-Path)\r\n"             },
    {"FETCH 1 BODY.PEEK[]<30.20>",                                                             "* 1 FETCH (BODY[]<30> {20}\r\n.com>\r\nX-Original-To)\r\n" },
    {"FETCH 1 BODY.PEEK[]<119.10>",                                                            "* 1 FETCH (BODY[]<119> {10}\r\neceived: f)\r\n"            },
    {"FETCH 1 BODY.PEEK[]<330.100>",                                                           "* 1 FETCH (BODY[]<330> {2}\r\n\r\n)\r\n"                   },
    {"FETCH 1 BODY.PEEK[]<4294967295.4294967295>",                                             "* 1 FETCH (BODY[]<4294967295> {0}\r\n)\r\n"                },
    {"FETCH 1 BODY.PEEK[]<0.0>",                                                               "x BAD"                                                     },
    {"FETCH 1 BODY.PEEK[]<-1.1>",                                                              "x BAD"                                                     },
    {"FETCH 1 BODY.PEEK[0]",                                                                   "BODY[0] NIL"                                               },
    {"FETCH 1 BODY.PEEK[1.HEADER]",                                                            "* 1 FETCH (BODY[1.HEADER] NIL)\r\n"                        },
    {"FETCH 1 BODY.PEEK[1.1]",                                                                 "* 1 FETCH (BODY[1.1] NIL)\r\n"                             },
    {"FETCH 1 BODY.PEEK[2]",                                                                   "* 1 FETCH (BODY[2] NIL)\r\n"                               },
    {"FETCH 1 BODY.PEEK[4294967296]",                                                          "x BAD"                                                     },
    {"FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]",
     "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: hello\r\n\r\n)\r\n"                                                                        },
    {"FETCH 1 BODY.PEEK[HEADER.FIELDS (Return-Path subject)]",
     "{55}\r\nReturn-Path: <username@example.com>\r\nSubject: hello\r\n\r\n)\r\n"                                                                          },
    {"FETCH 1 BODY.PEEK[HEADER.FIELDS (None)]",
     "* 1 FETCH (BODY[HEADER.FIELDS (NONE)] {2}\r\n\r\n)\r\n"                                                                                              },
    {"FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Received Return-Path X-Original-To Delivered-To)]",
     "{18}\r\nSubject: hello\r\n\r\n)\r\n"                                                                                                                 },
    {"FETCH 2 BODY.PEEK[HEADER.FIELDS (X-Rare From)]",
     "{44}\r\nFrom: Ann <ann@example.com>\r\nX-Rare: yes\r\n\r\n)\r\n"                                                                                     },
    {"FETCH 2 BODY.PEEK[1]",                                                                   "* 2 FETCH (BODY[1] {10}\r\nfirst part)\r\n"                },
    {"FETCH 2 BODY.PEEK[1.MIME]",
     "* 2 FETCH (BODY[1.MIME] {43}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n)\r\n"                                                                },
    {"FETCH 2 BODY.PEEK[2.HEADER]",
     "* 2 FETCH (BODY[2.HEADER] {27}\r\nSubject: inner\r\nX-In: 1\r\n\r\n)\r\n"                                                                            },
    {"FETCH 2 BODY.PEEK[2.TEXT]",                                                              "* 2 FETCH (BODY[2.TEXT] {10}\r\ninner text)\r\n"           },
    {"FETCH 2 BODY.PEEK[2.1]",                                                                 "* 2 FETCH (BODY[2.1] {10}\r\ninner text)\r\n"              },
    {"FETCH 2 BODY.PEEK[2.HEADER.FIELDS (X-In)]",                                              "{11}\r\nX-In: 1\r\n\r\n)\r\n"                              },
    {"FETCH 2 BODY.PEEK[MIME]",                                                                "x BAD"                                                     },
    {"FETCH 1 RFC822.HEADER",                                                                  "* 1 FETCH (RFC822.HEADER {321}\r\nReturn-Path:"            },
    {"FETCH 2 ENVELOPE",                                                                       "* 2 FETCH (ENVELOPE (\"Tue, 14 Jul 2020 12:00:00 +0200\" "
                         "\"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\" ((\"Ann\" NIL \"ann\" \"example.com\"))"                                 },
    {"FETCH 1 BODY",                                                                           "* 1 FETCH (BODY (\"text\" \"plain\" "                      },
    {"FETCH 2 BODYSTRUCTURE",                                                                  "* 2 FETCH (BODYSTRUCTURE (("                               },
    {"FETCH 1 FAST",                                                                           "* 1 FETCH (FLAGS (\\Recent) INTERNALDATE \"15-Jul-2020 16:31:24 +0000\" "
                     "RFC822.SIZE 332)\r\n"                                                                                            },
    {"FETCH 1 FULL",                                                                           "RFC822.SIZE 332 ENVELOPE ("                                },
    {"FETCH 1 ALL",                                                                            "RFC822.SIZE 332 ENVELOPE ("                                },
    {"FETCH 1 (FLAGS FLAGS UID)",                                                              "* 1 FETCH (FLAGS (\\Recent) UID 1)\r\n"                    },
    {"FETCH 1 ()",                                                                             "x BAD"                                                     },
    {"FETCH 1 NONSENSE",                                                                       "x BAD"                                                     },
    {"FETCH 0 UID",                                                                            "x BAD"                                                     },
    {"FETCH 1:0 UID",                                                                          "x BAD"                                                     },
    {"FETCH 4294967296 UID",                                                                   "x BAD"                                                     },
    {"UID FETCH *:4294967295 UID",                                                             "* 2 FETCH (UID 2)\r\n"                                     },
    {"UID FETCH 1,1,1,1,2 UID",                                                                "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n"                },
};

static void imap_fetch_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;

    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_world_deliver(w, "INBOX", SPAN(multipart_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    for (size_t i = 0; i < COUNT_OF(fetch_rows); i++) {
        char line[512];
        const char *heard;

        snprintf(line, sizeof(line), "x %s\r\n", fetch_rows[i].command);
        heard = imap_client_say(&c, line);
        if (strstr(heard, fetch_rows[i].expected) == NULL)
            fprintf(stderr, "%s", line);
        HAS(heard, fetch_rows[i].expected);
    }
    imap_client_close(&c);
}

static void imap_seen_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    for (unsigned i = 0; i < 3; i++)
        imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_client_open(&other, w);
    imap_client_login(&other);
    imap_client_open(&c, w);
    imap_client_login(&c);
    heard = imap_client_say(&c, "x FETCH 2 BODY[TEXT]\r\n");
    SAYS(heard, "* 2 FETCH (BODY[TEXT] {11}\r\nGreetings\r\n FLAGS (\\Seen))\r\n"
                "x OK Fetch completed.\r\n");
    heard = imap_client_say(&c, "x FETCH 2 BODY[TEXT]\r\n");
    SAYS(heard, "* 2 FETCH (BODY[TEXT] {11}\r\nGreetings\r\n)\r\n"
                "x OK Fetch completed.\r\n");
    heard = imap_client_say(&c, "x FETCH 1:3 RFC822.TEXT\r\n");
    HAS(heard, "* 1 FETCH (RFC822.TEXT {11}\r\nGreetings\r\n FLAGS (\\Seen))\r\n* 2 FETCH ");
    heard = imap_client_say(&other, "x NOOP\r\n");
    SAYS(heard, "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n"
                "* 2 FETCH (FLAGS (\\Seen \\Recent))\r\n"
                "* 3 FETCH (FLAGS (\\Seen \\Recent))\r\nx OK NOOP completed.\r\n");
    imap_client_say(&c, "x STORE 1 FLAGS ()\r\n");
    imap_client_say(&c, "x EXAMINE INBOX\r\n");
    heard = imap_client_say(&c, "x FETCH 1 (FLAGS BODY[TEXT])\r\n");
    HAS(heard, "* 1 FETCH (FLAGS () BODY[TEXT] {11}\r\n");
    heard = imap_client_say(&c, "x STORE 1 +FLAGS (\\Seen)\r\n");
    HAS(heard, "x NO ");
    imap_client_close(&c);
    imap_client_close(&other);
}

static void imap_store_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;
    char line[4096];

    for (unsigned i = 0; i < 3; i++)
        imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_open(&other, w);
    imap_client_login(&other);
    heard = imap_client_say(&c, "x STORE 1:2 +FLAGS (\\Flagged $Junk)\r\n");
    HAS(heard, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n");
    HAS(heard, "$Junk \\*)] Flags permitted.\r\n* 1 FETCH (FLAGS (\\Flagged $Junk \\Recent))\r\n"
               "* 2 FETCH (FLAGS (\\Flagged $Junk \\Recent))\r\nx OK Store completed.\r\n");
    heard = imap_client_say(&c, "x UID STORE 3 FLAGS \\Seen\r\n");
    SAYS(heard, "* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))\r\nx OK Store completed.\r\n");
    heard = imap_client_say(&c, "x STORE 3 -FLAGS.SILENT (\\Seen)\r\n");
    SAYS(heard, "x OK Store completed.\r\n");
    heard = imap_client_say(&c, "x STORE 1 -FLAGS ($junk)\r\n");
    SAYS(heard, "* 1 FETCH (FLAGS (\\Flagged \\Recent))\r\nx OK Store completed.\r\n");
    heard = imap_client_say(&c, "x STORE 1 FLAGS (\\Recent)\r\n");
    HAS(heard, "x BAD");
    heard = imap_client_say(&c, "x STORE 1 FLAGS (\\Foo)\r\n");
    HAS(heard, "x BAD");
    heard =
        imap_client_say(&c, "x STORE 1 FLAGS (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)"
                            "\r\n");
    HAS(heard, "x NO [LIMIT]");
    heard = imap_client_say(&c, "x UID STORE 77 +FLAGS (\\Deleted)\r\n");
    SAYS(heard, "x OK Store completed.\r\n");
    /* Keywords up to the limit of an account, then one more. */
    strcpy(line, "x STORE 1 +FLAGS.SILENT (");
    for (unsigned i = 1; i < 64; i++)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), "%sk%u", i > 1 ? " " : "", i);
    strcat(line, ")\r\n");
    heard = imap_client_say(&c, line);
    HAS(heard, "x OK Store completed.");
    heard = imap_client_say(&c, "x STORE 1 +FLAGS (k64)\r\n");
    HAS(heard, "x NO [LIMIT]");
    heard = imap_client_say(&c, "x STORE 1 FLAGS (k1)\r\n");
    HAS(heard, "* 1 FETCH (FLAGS (k1 \\Recent))\r\nx OK");
    heard = imap_client_say(&other, "x NOOP\r\n");
    HAS(heard, "* 1 FETCH (FLAGS (k1))\r\n* 2 FETCH (FLAGS (\\Flagged $Junk))\r\n"
               "* 3 FETCH (FLAGS ())\r\nx OK");
    HAS(heard, "* FLAGS (");
    imap_client_close(&c);
    imap_client_close(&other);
}

static void imap_expunge_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    for (unsigned i = 0; i < 6; i++)
        imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_open(&other, w);
    imap_client_login(&other);
    heard = imap_client_say(&c, "x STORE 1,3:4 +FLAGS.SILENT (\\Deleted)\r\ny EXPUNGE\r\n");
    SAYS(heard, "x OK Store completed.\r\n* 4 EXPUNGE\r\n* 3 EXPUNGE\r\n"
                "* 1 EXPUNGE\r\n* 3 RECENT\r\ny OK Expunge completed.\r\n");
    heard = imap_client_say(&c, "x FETCH 1:* UID\r\n");
    SAYS(heard, "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 5)\r\n* 3 FETCH (UID 6)\r\n"
                "x OK Fetch completed.\r\n");
    /* The other one was not told: numbers stay, and what is gone is left out. */
    heard = imap_client_say(&other, "x FETCH 1:* UID\r\n");
    SAYS(heard, "* 2 FETCH (UID 2)\r\n* 5 FETCH (UID 5)\r\n* 6 FETCH (UID 6)\r\n"
                "x OK [EXPUNGEISSUED] Some messages were already expunged.\r\n");
    heard = imap_client_say(&other, "x STORE 1 +FLAGS (\\Seen)\r\n");
    LACKS(heard, "EXPUNGE\r\n");
    heard = imap_client_say(&other, "x SEARCH ALL\r\n");
    SAYS(heard, "* SEARCH 2 5 6\r\nx OK Search completed.\r\n");
    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    heard = imap_client_say(&other, "x NOOP\r\n");
    SAYS(heard, "* 4 EXPUNGE\r\n* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 4 EXISTS\r\n"
                "* 1 RECENT\r\nx OK NOOP completed.\r\n");
    heard = imap_client_say(&c, "x NOOP\r\n");
    HAS(heard, "* 4 EXISTS\r\n");
    heard =
        imap_client_say(&c, "x STORE 1:* +FLAGS.SILENT \\Deleted\r\ny CLOSE\r\nz FETCH 1 UID\r\n");
    HAS(heard, "y OK Close completed.\r\nz BAD ");
    LACKS(heard, "EXPUNGE\r\n");
    c.view = (struct imap_client_view){0};
    heard = imap_client_say(&c, "x SELECT INBOX\r\n");
    HAS(heard, "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY");
    heard = imap_client_say(&c, "x UID SEARCH *\r\n");
    SAYS(heard, "* SEARCH\r\nx OK Search completed.\r\n");
    heard = imap_client_say(&c, "x FETCH 1:* FLAGS\r\n");
    SAYS(heard, "x OK Fetch completed.\r\n");
    heard = imap_client_say(&c, "x UID FETCH 5:* FLAGS\r\n");
    SAYS(heard, "x OK Fetch completed.\r\n");
    imap_client_close(&c);
    imap_client_close(&other);
}

static const struct {
    const char *keys, *expected;
} search_rows[] = {
    {"ALL",                                        "* SEARCH 1 2\r\n"                  },
    {"1",                                          "* SEARCH 1\r\n"                    },
    {"2:*",                                        "* SEARCH 2\r\n"                    },
    {"UID 1:1",                                    "* SEARCH 1\r\n"                    },
    {"NOT 1",                                      "* SEARCH 2\r\n"                    },
    {"OR 1 2",                                     "* SEARCH 1 2\r\n"                  },
    {"1 2",                                        "* SEARCH\r\n"                      },
    {"(1) (NOT (2))",                              "* SEARCH 1\r\n"                    },
    {"SEEN",                                       "* SEARCH 2\r\n"                    },
    {"UNSEEN",                                     "* SEARCH 1\r\n"                    },
    {"NEW",                                        "* SEARCH 1\r\n"                    },
    {"OLD",                                        "* SEARCH\r\n"                      },
    {"RECENT",                                     "* SEARCH 1 2\r\n"                  },
    {"KEYWORD $Junk",                              "* SEARCH 2\r\n"                    },
    {"UNKEYWORD $junk",                            "* SEARCH 1\r\n"                    },
    {"KEYWORD nothing",                            "* SEARCH\r\n"                      },
    {"DELETED",                                    "* SEARCH\r\n"                      },
    {"UNDELETED UNDRAFT UNFLAGGED UNANSWERED",     "* SEARCH 1 2\r\n"                  },
    {"LARGER 400",                                 "* SEARCH 2\r\n"                    },
    {"SMALLER 400",                                "* SEARCH 1\r\n"                    },
    {"ON 15-Jul-2020",                             "* SEARCH 1 2\r\n"                  },
    {"SINCE \"15-Jul-2020\"",                      "* SEARCH 1 2\r\n"                  },
    {"BEFORE 15-Jul-2020",                         "* SEARCH\r\n"                      },
    {"BEFORE 16-Jul-2020",                         "* SEARCH 1 2\r\n"                  },
    {"SENTON 14-Jul-2020",                         "* SEARCH 2\r\n"                    },
    {"SENTSINCE 14-Jul-2020",                      "* SEARCH 2\r\n"                    },
    {"SENTBEFORE 14-Jul-2020",                     "* SEARCH\r\n"                      },
    {"SUBJECT hello",                              "* SEARCH 1\r\n"                    },
    {"SUBJECT HELL",                               "* SEARCH 1\r\n"                    },
    {"SUBJECT gr\xc3\xbc\xc3\x9f",                 "x BAD"                             },
    {"CHARSET UTF-8 SUBJECT \"\xc3\xbc\xc3\x9f\"", "* SEARCH 2\r\n"                    },
    {"CHARSET KOI8-R SUBJECT x",                   "x NO [BADCHARSET (US-ASCII UTF-8)]"},
    {"FROM ann",                                   "* SEARCH 2\r\n"                    },
    {"TO bob",                                     "* SEARCH 2\r\n"                    },
    {"CC bob",                                     "* SEARCH\r\n"                      },
    {"HEADER X-Rare \"\"",                         "* SEARCH 2\r\n"                    },
    {"HEADER X-Rare no",                           "* SEARCH\r\n"                      },
    {"HEADER Return-Path username",                "* SEARCH 1 2\r\n"                  },
    {"HEADER Message-ID 1@example",                "* SEARCH 2\r\n"                    },
    {"BODY greet",                                 "* SEARCH 1\r\n"                    },
    {"BODY \"FIRST part\"",                        "* SEARCH 2\r\n"                    },
    {"BODY hello",                                 "* SEARCH\r\n"                      },
    {"TEXT hello",                                 "* SEARCH 1\r\n"                    },
    {"TEXT inner",                                 "* SEARCH 2\r\n"                    },
    {"OR TEXT greet BODY first",                   "* SEARCH 1 2\r\n"                  },
    {"NOT TEXT greet",                             "* SEARCH 2\r\n"                    },
    {"SEEN TEXT greet",                            "* SEARCH\r\n"                      },
    {"NOT",                                        "x BAD"                             },
    {"OR 1",                                       "x BAD"                             },
    {"(1",                                         "x BAD"                             },
    {"1)",                                         "x BAD"                             },
    {"()",                                         "x BAD"                             },
    {"NONSENSE",                                   "x BAD"                             },
    {"BEFORE 32-Jul-2020",                         "x BAD"                             },
    {"0",                                          "x BAD"                             },
    {"3",                                          "x BAD"                             },
    {"BODY {5+}\r\ngreet UNSEEN",                  "* SEARCH 1\r\n"                    },
};

static void imap_search_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;

    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_world_deliver(w, "INBOX", SPAN(multipart_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_say(&c, "x STORE 2 +FLAGS (\\Seen $Junk)\r\n");
    for (size_t i = 0; i < COUNT_OF(search_rows); i++) {
        char line[512];
        const char *heard;

        snprintf(line, sizeof(line), "x SEARCH %s\r\n", search_rows[i].keys);
        heard = imap_client_say(&c, line);
        if (strstr(heard, search_rows[i].expected) == NULL)
            fprintf(stderr, "%s", line);
        HAS(heard, search_rows[i].expected);
    }
    imap_client_close(&c);
}

static void imap_list_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    imap_client_open(&c, w);
    imap_client_say(&c, "a LOGIN vagrant password\r\n");
    /* The account is made by asking. */
    heard = imap_client_say(&c, "x LIST \"\" *\r\n");
    SAYS(heard, "* LIST (\\HasNoChildren) \"/\" INBOX\r\nx OK List completed.\r\n");
    imap_world_mailbox(w, "Entw\xc3\xbcrfe");
    imap_world_mailbox(w, "work/a b/deep");
    imap_world_mailbox(w, "INBOX/sub");
    heard = imap_client_say(&c, "x LIST \"\" *\r\n");
    HAS(heard, "* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe\r\n");
    HAS(heard, "* LIST (\\HasChildren) \"/\" INBOX\r\n");
    HAS(heard, "* LIST (\\HasNoChildren) \"/\" INBOX/sub\r\n");
    HAS(heard, "* LIST (\\HasNoChildren) \"/\" \"work/a b/deep\"\r\n");
    heard = imap_client_say(&c, "x LIST \"\" %\r\n");
    HAS(heard, "\"/\" INBOX\r\n");
    HAS(heard, "* LIST (\\HasChildren) \"/\" work\r\n");
    LACKS(heard, "deep");
    heard = imap_client_say(&c, "x LIST \"\" inb%\r\n");
    SAYS(heard, "* LIST (\\HasChildren) \"/\" INBOX\r\nx OK List completed.\r\n");
    heard = imap_client_say(&c, "x LIST work/ %\r\n");
    SAYS(heard, "* LIST (\\HasChildren) \"/\" \"work/a b\"\r\n"
                "x OK List completed.\r\n");
    heard = imap_client_say(&c, "x LIST \"\" Entw&APw-*\r\n");
    HAS(heard, "Entw&APw-rfe\r\n");
    heard = imap_client_say(&c, "x LIST \"\" \"\"\r\n");
    SAYS(heard, "* LIST (\\Noselect) \"/\" \"\"\r\nx OK List completed.\r\n");
    heard = imap_client_say(&c, "x LIST (SPECIAL-USE) \"\" \"p/*\"\r\n");
    SAYS(heard, "x OK List completed.\r\n");
    heard = imap_client_say(&c, "x NAMESPACE\r\n");
    SAYS(heard, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nx OK Namespace completed.\r\n");
    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    heard = imap_client_say(&c, "x STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN)\r\n");
    SAYS(heard, "* STATUS INBOX (MESSAGES 1 RECENT 1 UIDNEXT 2 UNSEEN 1)\r\n"
                "x OK Status completed.\r\n");
    heard = imap_client_say(&c, "x STATUS nowhere (MESSAGES)\r\ny SELECT nowhere\r\n");
    HAS(heard, "x NO [NONEXISTENT]");
    HAS(heard, "y NO [NONEXISTENT]");
    heard = imap_client_say(&c, "x SELECT ../../etc/passwd\r\ny SELECT a//b\r\nz SELECT &AAA-\r\n"
                                "x SELECT &AGE-\r\ny SELECT /etc\r\n");
    HAS(heard, "x NO [CANNOT] Invalid mailbox name.\r\ny NO [CANNOT] Invalid mailbox name.\r\n"
               "z NO [CANNOT] Invalid mailbox name.\r\nx NO [CANNOT] Invalid mailbox name.\r\n"
               "y NO [CANNOT] Invalid mailbox name.\r\n");
    imap_client_close(&c);
}

static void imap_idle_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_open(&other, w);
    imap_client_login(&other);
    heard = imap_client_say(&c, "i IDLE\r\n");
    SAYS(heard, "+ idling\r\n");
    imap_world_deliver(w, "INBOX", SPAN(seed_body));
    heard = imap_client_wait(&c);
    SAYS(heard, "* 2 EXISTS\r\n* 2 RECENT\r\n");
    imap_client_say(&other, "x STORE 1 +FLAGS (\\Deleted)\r\n");
    heard = imap_client_wait(&c);
    SAYS(heard, "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\n");
    imap_client_say(&other, "x EXPUNGE\r\n");
    heard = imap_client_wait(&c);
    SAYS(heard, "* 1 EXPUNGE\r\n* 1 RECENT\r\n");
    /* Commands behind DONE in the same packet run (T1). */
    heard = imap_client_say(&c, "DONE\r\nx UID SEARCH ALL\r\ny NOOP\r\n");
    SAYS(heard, "i OK Idle completed.\r\n* SEARCH 2\r\nx OK Search completed.\r\n"
                "y OK NOOP completed.\r\n");
    heard = imap_client_say(&c, "i IDLE\r\nx NOOP\r\n");
    SAYS(heard, "+ idling\r\ni BAD Error in IMAP command IDLE: Expected DONE.\r\n");
    heard = imap_client_say(&c, "DONE\r\n");
    HAS(heard, "* BAD ");
    imap_client_close(&c);
    imap_client_close(&other);
}

/* Long answers go out in steps, and the steps are not to be seen. */
static void imap_steps_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    static char body[100000];
    const char *heard;

    w->settings.output_size = 2000;
    w->settings.search_slice_ms = 0;
    memset(body, 'x', sizeof(body));
    memcpy(body, "Subject: big\r\n\r\n", 16);
    for (unsigned i = 0; i < 600; i++)
        imap_world_deliver(w, "INBOX",
                           i % 50 == 0 ? (struct span){body, sizeof(body)} : SPAN(seed_body));
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_open(&other, w);
    imap_client_login(&other);
    c.view.fetched = 0;
    heard = imap_client_say(&c, "x FETCH 1:* (FLAGS ENVELOPE)\r\n");
    HAS(heard, "x OK Fetch completed.\r\n");
    assert_int_equal(c.view.fetched, 600);
    assert_true(w->slowest_steps > 10);
    imap_client_say(&c, "x FETCH 1:* BODY.PEEK[]\r\n");
    assert_int_equal(c.view.fetched, 1200);
    heard = imap_client_say(&c, "x FETCH 1:* BODY[]\r\n");
    HAS(heard, " FLAGS (\\Seen \\Recent))\r\nx OK Fetch completed.\r\n");
    assert_int_equal(c.view.fetched, 1800);
    heard = imap_client_say(&c, "x SEARCH SEEN TEXT greetings\r\n");
    HAS(heard, " 599 600\r\nx OK Search completed.\r\n");
    (void)imap_client_say(&other, "x NOOP\r\n");
    assert_int_equal(other.view.fetched, 600);
    (void)imap_client_say(&c, "x STORE 1:* +FLAGS (\\Deleted)\r\n");
    assert_int_equal(c.view.fetched, 2400);
    (void)imap_client_say(&c, "x EXPUNGE\r\n");
    assert_int_equal(c.view.exists, 0);
    assert_int_equal(c.view.expunged, 600);
    imap_client_say(&other, "x NOOP\r\n");
    assert_int_equal(other.view.exists, 0);
    imap_client_close(&c);
    imap_client_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(imap_seed_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_fetch_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_seen_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_store_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_expunge_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_search_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_list_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_idle_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(imap_steps_test, world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
