#include "core/gateway/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: main's */
    const char *usage, *what;
} verbs[] = {
    {"serve",         NULL,              "[-c FILE] [-o NAME=VALUE]...",                                 "take and hand out mail until SIGTERM"     },
    {"check",         cmd_check,         "[-c FILE] [-o NAME=VALUE]...",                                 "look at all files and say what is wrong"  },
    {"config",        cmd_config_run,    "[-c FILE] [-n | -d] [-x] [-h] [NAME...]",                      "show settings"                            },
    {"user",          cmd_user,          "[-c FILE] list | {add|passwd|del} [-s SCHEME] [--stdin] NAME",
     "manage accounts"                                                                                                                              },
    {"queue",         cmd_queue,         "[-c FILE] ACT [--to-domain DOMAIN]... [ID...]",
     "look at mail that waits, and change it"                                                                                                       },
    {"store",         cmd_store,         "[-c FILE] check | stat",                                       "look at the store while nothing serves it"},
    {"client-config", cmd_client_config, "[-c FILE] [--format FORMAT] USER@DOMAIN",
     "what a mail program must be told"                                                                                                             },
    {"version",       cmd_version,       "",                                                             "show the version"                         },
    {"help",          cmd_help,          "",                                                             "show this"                                },
};

static void print_verbs(FILE *to)
{
    fprintf(to, "Usage: ringpost VERB ...\n\n");
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        fprintf(to, "  %-13s %-61s %s\n", verbs[i].name, verbs[i].usage, verbs[i].what);
    fprintf(to, "\nThe configuration is %s unless -c names another; see ringpost(8).\n",
            CMD_CONFIG_PATH);
}

static int cmd_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_verbs(stdout);
    return CMD_OK;
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("ringpost %s\n", CMD_VERSION);
    return CMD_OK;
}

bool cmd_run(int argc, char **argv, int *exit_r)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0 && verbs[i].run) {
            *exit_r = verbs[i].run(argc - 2, argv + 2);
            return true;
        }
    }
    return false;
}

int cmd_usage(int argc, char **argv)
{
    if (argc > 1)
        fprintf(stderr, "ringpost: there is no verb \"%s\"\n\n", argv[1]);
    else
        fprintf(stderr, "ringpost: a verb is missing\n\n");
    print_verbs(stderr);
    return CMD_USAGE;
}

/* ---- what all verbs share ---- */

void cmd_say(const char *verb, const char *format, ...)
{
    va_list parts;

    fprintf(stderr, "ringpost %s: ", verb);
    va_start(parts, format);
    vfprintf(stderr, format, parts);
    va_end(parts);
    fputc('\n', stderr);
}

/* The value of -c or -o: behind the letter, or the next word. */
static const char *value_of(const char *word, int argc, char **argv, int *i)
{
    if (word[2] != '\0')
        return word + 2;
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool take_option(struct cmd_options *o, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    const char *flag = word[2] == '\0' ? strchr(o->flags, word[1]) : NULL;
    const char *value;

    if (flag) {
        o->given |= 1U << (flag - o->flags);
        return true;
    }
    if (word[1] != 'c' && word[1] != 'o' && (o->value_letter == 0 || word[1] != o->value_letter)) {
        cmd_say(o->verb, "%s is no option of this verb; `ringpost help` lists them", word);
        return false;
    }
    value = value_of(word, argc, argv, i);
    if (!value) {
        cmd_say(o->verb, "-%c wants %s behind it", word[1],
                word[1] == 'c'   ? "a file"
                : word[1] == 'o' ? "name=value"
                                 : "a value");
        return false;
    }
    if (word[1] == o->value_letter) {
        o->value = value;
        return true;
    }
    if (word[1] == 'c') {
        o->path = value;
        return true;
    }
    if (o->override_count == CMD_OVERRIDES_MAX) {
        cmd_say(o->verb, "more than %d -o; write them into the file", CMD_OVERRIDES_MAX);
        return false;
    }
    o->overrides[o->override_count++] = value;
    return true;
}

bool cmd_options_read(struct cmd_options *o, int argc, char **argv)
{
    int words = 0;
    bool options = true;

    o->path = CMD_CONFIG_PATH;
    o->words = argv; /* words move to the front of it */
    for (int i = 0; i < argc; i++) {
        bool is_option = options && argv[i][0] == '-' && argv[i][1] != '\0' && argv[i][1] != '-';
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (!is_option)
            argv[words++] = argv[i];
        else if (!take_option(o, argc, argv, &i))
            return false;
    }
    o->word_count = words;
    return true;
}

bool cmd_flag(const struct cmd_options *o, char flag)
{
    const char *at = strchr(o->flags, flag);
    return at && (o->given & 1U << (at - o->flags));
}

struct config *cmd_config(const struct cmd_options *o)
{
    struct chain why = {0};
    struct config *c = config_load(o->path, o->overrides, o->override_count, &why);
    struct span text = chain_flat(&why);

    if (text.len > 0)
        fwrite(text.at, 1, text.len, stderr);
    chain_free(&why);
    return c;
}
