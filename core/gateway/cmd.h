#ifndef CORE_GATEWAY_CMD_H
#define CORE_GATEWAY_CMD_H

/*
 * cmd: the verbs of the command line besides `serve`, and what all verbs share: -c FILE and
 * -o NAME=VALUE, messages on standard error, exit codes.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/gateway/config.h"

enum cmd_exit {
    CMD_OK = 0,
    CMD_FAILED = 1, /* what was asked for could not be done, or a check found something */
    CMD_USAGE = 2,  /* the command line is wrong */
};

#define CMD_CONFIG_PATH "/etc/ringpost/ringpost.conf"
#define CMD_VERSION     "0.1.0"

/* Runs the verb argv[1] with all that follows. False when it is none of these; *exit_r is the exit
 * code otherwise. */
MUST_USE bool cmd_run(int argc, char **argv, int *exit_r);

/* By the name that we were called with: postqueue, mailq, postsuper, postcat, qshape, with
 * Postfix's options and output. False when it is none of these. */
MUST_USE bool cmd_postfix_run(int argc, char **argv, int *exit_r);

/* What is said to an unknown verb, or to none: the exit code. */
int cmd_usage(int argc, char **argv);

/* ---- for each verb ---- */

enum {
    CMD_OVERRIDES_MAX = 128, /* -o on one command line */
};

struct cmd_options {
    const char *verb;
    const char *path; /* -c */
    const char *overrides[CMD_OVERRIDES_MAX];
    unsigned override_count;
    const char *flags; /* one-letter flags that the verb takes besides -c and -o: "nd" */
    unsigned given;    /* bit n: flags[n] was given */
    char value_letter; /* an option of the verb with a value behind it: 's'; 0: none */
    const char *value; /* its value; NULL: not given */
    char **words;      /* what is left: argv from here on */
    int word_count;
};

/* Reads argv from behind the verb. False when it is wrong, and said so. o->verb, o->flags and
 * o->value_letter are the caller's; the rest must be zero. "--" ends the options; a flag that is a
 * word ("--stdin") is left among the words. */
MUST_USE bool cmd_options_read(struct cmd_options *o, int argc, char **argv);

MUST_USE bool cmd_flag(const struct cmd_options *o, char flag);

/* The configuration, or NULL: then all that is wrong with it was said. */
MUST_USE struct config *cmd_config(const struct cmd_options *o);

/* "ringpost VERB: ..." on standard error. */
void cmd_say(const char *verb, const char *format, ...) PRINTF_LIKE(2, 3);

/* Asks the server, or the store itself when no server has it open, and prints the answer; returns
 * the exit code. `request` is the text of a queue_request, and is emptied. Messages begin with
 * `name`. With `unix_lines` a message's CRLF is printed as LF. */
int cmd_queue_ask(const char *name, const struct config *config, struct chain *request,
                  bool unix_lines);

/* Appends a line of a queue_request; a name and a value that have no line ends. */
void cmd_queue_add(struct chain *request, const char *name, const char *value);

/* The verbs: argv from behind the verb; they return the exit code. */
int cmd_check(int argc, char **argv);
int cmd_client_config(int argc, char **argv);
int cmd_config_run(int argc, char **argv);
int cmd_queue(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_user(int argc, char **argv);

#endif
