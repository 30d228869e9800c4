/* cmd_postfix: the queue under the names of Postfix's commands, with their options and their
 * output, for the scripts and the fingers that know them. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/gateway/cmd.h"
#include "core/gateway/queue_request.h"

enum {
    POSTFIX_USAGE = 64, /* EX_USAGE of sysexits(3) */
    PATH_SIZE = 1024,
};

struct postfix {
    const char *name;
    const char *place; /* of -c; NULL: not given */
    struct config *config;
    bool unix_lines; /* of what is printed */
};

static int usage(const struct postfix *p, const char *text)
{
    fprintf(stderr, "%s: fatal: usage: %s %s\n", p->name, p->name, text);
    return POSTFIX_USAGE;
}

/* Postfix's -c is a directory; a file is one of ours. */
static bool open_config(struct postfix *p)
{
    struct cmd_options o = {.path = CMD_CONFIG_PATH};
    char path[PATH_SIZE];
    struct stat st;

    if (p->place != NULL)
        o.path = p->place;
    if (p->place != NULL && stat(p->place, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)snprintf(path, sizeof(path), "%s/ringpost.conf", p->place);
        o.path = path;
    }
    p->config = cmd_config(&o);
    return p->config != NULL;
}

static int ask(struct postfix *p, struct chain *request)
{
    int code = CMD_FAILED;

    if (p->config != NULL || open_config(p))
        code = cmd_queue_ask(p->name, p->config, request, p->unix_lines);
    chain_free(request);
    return code;
}

static bool is_value(const char *text)
{
    return text[0] != '\0' && strchr(text, '\n') == NULL;
}

/* ---- postqueue, mailq ---- */

static int list(struct postfix *p, const char *format)
{
    struct chain request = {0};

    cmd_queue_add(&request, "act", "list");
    cmd_queue_add(&request, "format", format);
    return ask(p, &request);
}

/* Those who wait for their time are due now, of one message, of one domain, or all. */
static int flush(struct postfix *p, const char *name, const char *value)
{
    struct chain request = {0};

    cmd_queue_add(&request, "act", "retry");
    cmd_queue_add(&request, "format", "quiet");
    cmd_queue_add(&request, "deferred", "");
    if (name != NULL)
        cmd_queue_add(&request, name, value);
    return ask(p, &request);
}

static int postqueue(struct postfix *p, int argc, char **argv)
{
    static const char text[] = "[-c config_dir] [-v] -f | -i queue_id | -j | -p | -s site";
    const char *value = "";
    int letter, act = 0;

    while ((letter = getopt(argc, argv, "c:fi:jps:v")) != -1) {
        if (letter == 'c')
            p->place = optarg;
        else if (letter == '?' || (letter != 'v' && act != 0))
            return usage(p, text);
        else if (letter != 'v')
            act = letter;
        if (letter == 'i' || letter == 's')
            value = optarg;
    }
    if (optind < argc || ((act == 'i' || act == 's') && !is_value(value)))
        return usage(p, text);
    switch (act) {
    case 'p':
        return list(p, "mailq");
    case 'j':
        return list(p, "mailq-json");
    case 'f':
        return flush(p, NULL, "");
    case 'i':
        return flush(p, "id", value);
    case 's':
        return flush(p, "to-domain", value);
    default:
        return usage(p, text);
    }
}

static int mailq(struct postfix *p, int argc, char **argv)
{
    int letter;

    while ((letter = getopt(argc, argv, "C:c:v")) != -1) {
        if (letter == '?')
            return usage(p, "[-C config_dir] [-v]");
        if (letter != 'v')
            p->place = optarg;
    }
    return list(p, "mailq");
}

/* ---- postsuper ---- */

/* The queues that are directories there are states here. False: there is no such queue. */
static bool add_queue(struct chain *request, const char *name, bool *any)
{
    static const struct {
        const char *name, *state;
    } queues[] = {
        {"active",   "active"  },
        {"incoming", "active"  },
        {"deferred", "deferred"},
        {"hold",     "held"    },
        {"maildrop", NULL      },
        {"corrupt",  NULL      },
        {"bounce",   NULL      },
        {"defer",    NULL      },
        {"trace",    NULL      },
        {"flush",    NULL      },
    };

    for (size_t i = 0; i < COUNT_OF(queues); i++) {
        if (strcmp(name, queues[i].name) != 0)
            continue;
        if (queues[i].state != NULL)
            cmd_queue_add(request, queues[i].state, "");
        *any = *any || queues[i].state != NULL;
        return true;
    }
    return false;
}

/* Without a name: all. Of queues that are always empty here nothing is found. */
static bool add_queues(struct chain *request, int count, char **names)
{
    bool any = count == 0;

    for (int i = 0; i < count; i++) {
        if (!add_queue(request, names[i], &any))
            return false;
    }
    if (!any)
        cmd_queue_add(request, "id", "-");
    return true;
}

struct deed {
    char letter;
    const char *act;
};
static const struct deed deeds[] = {
    {'d', "delete" },
    {'h', "hold"   },
    {'H', "release"},
    {'r', "requeue"},
    {'e', "expire" },
};

/* What one letter is for: ids of the command line, of standard input, or all. */
struct wish {
    struct chain ids; /* lines of a request */
    size_t count;
    bool all, input;
};

static int do_wish(struct postfix *p, const struct deed *deed, struct wish *w, int queue_count,
                   char **queues)
{
    struct chain request = {0};

    if (w->count == 0 && !w->all)
        return CMD_OK;
    cmd_queue_add(&request, "act", deed->act);
    cmd_queue_add(&request, "format", "postsuper");
    if (w->all)
        cmd_queue_add(&request, "all", "");
    else
        chain_move(&request, &w->ids);
    chain_free(&w->ids);
    w->count = 0;
    if (!add_queues(&request, queue_count, queues)) {
        chain_free(&request);
        return usage(p, "... [queues]");
    }
    return ask(p, &request);
}

/* More ids than one request has are several. */
static int add_input(struct postfix *p, const struct deed *deed, struct wish *w, int queue_count,
                     char **queues)
{
    char *line = NULL;
    size_t size = 0;
    int code = CMD_OK;

    while (code == CMD_OK && getline(&line, &size, stdin) > 0) {
        line[strcspn(line, " \t\r\n")] = '\0';
        if (line[0] == '\0')
            continue;
        cmd_queue_add(&w->ids, "id", line);
        if (++w->count == QUEUE_IDS_MAX)
            code = do_wish(p, deed, w, queue_count, queues);
    }
    free(line);
    return code;
}

static void wish_add(struct wish *w, const char *id)
{
    if (strcmp(id, "ALL") == 0) {
        w->all = true;
    } else if (strcmp(id, "-") == 0) {
        w->input = true;
    } else if (is_value(id)) {
        cmd_queue_add(&w->ids, "id", id);
        w->count++;
    }
}

/* -s, -S and -p look after files that are none here. */
static bool read_wishes(struct postfix *p, int argc, char **argv, struct wish *wishes)
{
    int letter;

    while ((letter = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) != -1) {
        if (letter == '?')
            return false;
        if (letter == 'c')
            p->place = optarg;
        for (size_t i = 0; i < COUNT_OF(deeds); i++) {
            if (deeds[i].letter == letter || (letter == 'f' && strchr("eH", deeds[i].letter)))
                wish_add(&wishes[i], optarg);
        }
    }
    return true;
}

static int postsuper(struct postfix *p, int argc, char **argv)
{
    struct wish wishes[COUNT_OF(deeds)] = {0};
    int code = CMD_OK;

    if (!read_wishes(p, argc, argv, wishes))
        code = usage(p, "[-c config_dir] [-d|-e|-f|-h|-H|-r queue_id|ALL|-]... [-psSv] [queues]");
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        if (code == CMD_OK && wishes[i].input)
            code = add_input(p, &deeds[i], &wishes[i], argc - optind, argv + optind);
        if (code == CMD_OK)
            code = do_wish(p, &deeds[i], &wishes[i], argc - optind, argv + optind);
        chain_free(&wishes[i].ids);
    }
    return code;
}

/* ---- postcat ---- */

static int postcat(struct postfix *p, int argc, char **argv)
{
    static const char text[] = "[-c config_dir] [-behv] -q queue_id...";
    bool envelope = false, header = false, body = false, from_queue = false;
    int letter, code = CMD_OK;

    while ((letter = getopt(argc, argv, "bc:dehnoqv")) != -1) {
        if (letter == '?')
            return usage(p, text);
        if (letter == 'c')
            p->place = optarg;
        envelope = envelope || letter == 'e';
        header = header || letter == 'h';
        body = body || letter == 'b';
        from_queue = from_queue || letter == 'q';
    }
    if (!from_queue || optind == argc)
        return usage(p, text);
    p->unix_lines = true;
    for (int i = optind; i < argc && code == CMD_OK; i++) {
        struct chain request = {0};

        if (!is_value(argv[i]))
            return usage(p, text);
        cmd_queue_add(&request, "act", "cat");
        cmd_queue_add(&request, "format", "postcat");
        cmd_queue_add(&request, "id", argv[i]);
        if (envelope)
            cmd_queue_add(&request, "envelope", "");
        if (header)
            cmd_queue_add(&request, "header", "");
        if (body)
            cmd_queue_add(&request, "body", "");
        code = ask(p, &request);
    }
    return code;
}

/* ---- qshape ---- */

/* Names of the request's lines by letter; those without a value first. */
static const char *shape_field(int letter)
{
    static const struct {
        int letter;
        const char *name;
    } names[] = {
        {'s', "by-sender"  },
        {'p', "parents"    },
        {'l', "linear"     },
        {'m', "parents-min"},
        {'b', "buckets"    },
        {'t', "tick"       },
        {'w', "width"      },
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].letter == letter)
            return names[i].name;
    }
    return NULL;
}

/* To a terminal only the domains with the most are shown. */
static int qshape(struct postfix *p, int argc, char **argv)
{
    static const char text[] = "[-s] [-p] [-m min_subdomains] [-l] [-b bucket_count] "
                               "[-t bucket_time] [-w width] [-n top_domains] [queue_name...]";
    char active[] = "active", *usual[] = {active};
    struct chain request = {0};
    const char *top = "20";
    bool named;
    int letter;

    cmd_queue_add(&request, "act", "stat");
    cmd_queue_add(&request, "format", "qshape");
    while ((letter = getopt(argc, argv, "c:psw:b:t:m:n:N:l")) != -1) {
        const char *name = shape_field(letter);

        if (letter == 'c')
            p->place = optarg;
        if (letter == 'n')
            top = optarg;
        if (letter == '?' || (name != NULL && optarg != NULL && !is_value(optarg))) {
            chain_free(&request);
            return usage(p, text);
        }
        if (name != NULL)
            cmd_queue_add(&request, name, strchr("psl", letter) != NULL ? "" : optarg);
    }
    if (isatty(STDOUT_FILENO))
        cmd_queue_add(&request, "top", top);
    named = optind < argc;
    if (!add_queues(&request, named ? argc - optind : 1, named ? argv + optind : usual)) {
        chain_free(&request);
        return usage(p, text);
    }
    return ask(p, &request);
}

/* ---- names ---- */

bool cmd_postfix_run(int argc, char **argv, int *exit_r)
{
    static const struct {
        const char *name;
        int (*run)(struct postfix *p, int argc, char **argv);
    } commands[] = {
        {"postqueue", postqueue},
        {"mailq",     mailq    },
        {"postsuper", postsuper},
        {"postcat",   postcat  },
        {"qshape",    qshape   },
    };
    const char *path = argc > 0 ? argv[0] : "", *slash = strrchr(path, '/');
    struct postfix p = {.name = slash != NULL ? slash + 1 : path};

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(p.name, commands[i].name) != 0)
            continue;
        *exit_r = commands[i].run(&p, argc, argv);
        if (p.config != NULL)
            config_free(&p.config);
        return true;
    }
    return false;
}
