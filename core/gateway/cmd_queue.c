/* cmd_queue: `ringpost queue`, and how all commands for the queue get their answers: from the
 * server, or from the store when no server has it open. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/confine/privilege.h"
#include "core/gateway/cmd.h"
#include "core/gateway/control_client.h"
#include "core/gateway/queue_run.h"
#include "store/store.h"

enum {
    WHY_SIZE = 200,
    WORD_MAX = 64, /* bytes of a name behind "--" */
};

struct printing {
    const char *name;
    bool mid_line;             /* on standard error */
    bool unix_lines, after_cr; /* a CR is printed when no LF comes behind it */
};

/* ---- printing ---- */

static bool print_bytes(struct span bytes)
{
    return bytes.len == 0 || fwrite(bytes.at, 1, bytes.len, stdout) == bytes.len;
}

static bool print_out(void *context, struct span bytes)
{
    struct printing *p = context;

    if (!p->unix_lines)
        return print_bytes(bytes);
    while (bytes.len > 0) {
        const char *cr = memchr(bytes.at, '\r', bytes.len);
        struct span line = span_first(bytes, cr != NULL ? (size_t)(cr - bytes.at) : bytes.len);

        if (p->after_cr && bytes.at[0] != '\n' && !print_bytes(SPAN("\r")))
            return false;
        if (!print_bytes(line))
            return false;
        p->after_cr = cr != NULL;
        bytes = span_after(bytes, line.len + 1);
    }
    return true;
}

/* Each line begins with who says it. */
static bool print_say(void *context, struct span bytes)
{
    struct printing *p = context;

    while (bytes.len > 0) {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        size_t len = end != NULL ? (size_t)(end - bytes.at) + 1 : bytes.len;

        fprintf(stderr, "%s%s%.*s", p->mid_line ? "" : p->name, p->mid_line ? "" : ": ", (int)len,
                bytes.at);
        p->mid_line = end == NULL;
        bytes = span_after(bytes, len);
    }
    return true;
}

static bool print_chain(bool (*print)(void *context, struct span bytes), void *context,
                        struct chain *bytes)
{
    bool good = true;

    while (good && bytes->len > 0) {
        struct span part = chain_first(bytes);
        good = print(context, part);
        chain_drop(bytes, part.len);
    }
    chain_free(bytes);
    return good;
}

/* ---- without a server ---- */

static void store_says(void *context, const char *text)
{
    fprintf(stderr, "%s: %s\n", (const char *)context, text);
}

/* What root writes there the server could not open again. */
static bool become_owner(const char *name, const struct config *config)
{
    struct privilege_user owner;
    char why[WHY_SIZE] = "there is no such user";

    if (geteuid() != 0 ||
        (privilege_find(config->mail_owner, &owner) && privilege_become(&owner, why, sizeof(why))))
        return true;
    fprintf(stderr, "%s: can't become mail_owner, %s: %s\n", name, config->mail_owner, why);
    return false;
}

static struct store *open_store(const char *name, const struct config *config)
{
    struct store_config sc = {
        .path = config->mail_store_directory,
        .map_size = config->store_map_size,
        .segment_size = (uint32_t)config->store_segment_size,
        .free_min = config->store_free_min,
        .say = store_says,
        .context = (void *)(uintptr_t)name,
    };
    struct store *store = NULL;
    struct stat st;
    enum store_status status;

    if (stat(config->mail_store_directory, &st) != 0) { /* opening it would make one */
        fprintf(stderr, "%s: there is no store at %s; `ringpost serve` makes it\n", name,
                config->mail_store_directory);
        return NULL;
    }
    if (!become_owner(name, config))
        return NULL;
    status = store_open(&sc, &store);
    if (status == STORE_OK)
        return store;
    if (status == STORE_LOCKED)
        fprintf(stderr, "%s: %s is in use, but nobody answers at %s/control; ask again\n", name,
                config->mail_store_directory, config->mail_store_directory);
    else
        fprintf(stderr, "%s: %s: %s\n", name, config->mail_store_directory,
                store_status_text(status));
    return NULL;
}

static int run_here(struct store *store, const struct queue_request *q, struct printing *printing)
{
    struct queue_run *run = queue_run_new(store, q);
    struct chain out = {0}, say = {0};
    bool more = true, good = true;
    int code;

    while (more && good) {
        more = queue_run_step(run, &out, &say);
        good = print_chain(print_out, printing, &out);
        good = print_chain(print_say, printing, &say) && good;
    }
    code = queue_run_failed(run) || !good ? CMD_FAILED : CMD_OK;
    queue_run_free(&run);
    return code;
}

static int ask_store(struct printing *printing, const struct config *config, struct span text)
{
    struct queue_request q;
    struct chain why = {0};
    struct store *store;
    int code = CMD_FAILED;

    queue_request_init(&q);
    if (!queue_request_read(&q, text, &why)) {
        (void)print_chain(print_say, printing, &why);
        code = CMD_USAGE;
    } else if ((store = open_store(printing->name, config)) != NULL) {
        fprintf(stderr, "%s: warning: no server runs -- accessing the queue directly\n",
                printing->name);
        code = run_here(store, &q, printing);
        store_close(&store);
    }
    queue_request_end(&q);
    return code;
}

/* ---- asking ---- */

void cmd_queue_add(struct chain *request, const char *name, const char *value)
{
    chain_addf(request, value[0] != '\0' ? "%s %s\n" : "%s%s\n", name, value);
}

int cmd_queue_ask(const char *name, const struct config *config, struct chain *request,
                  bool unix_lines)
{
    struct printing printing = {.name = name, .unix_lines = unix_lines};
    const struct control_reader reader = {print_out, print_say, &printing};
    int code = CMD_FAILED;

    chain_add_byte(request, '\n');
    switch (control_client_ask(config->mail_store_directory, request, &reader, &code)) {
    case CONTROL_ANSWERED:
        break;
    case CONTROL_NOBODY:
        code = ask_store(&printing, config, chain_flat(request));
        break;
    case CONTROL_DENIED:
        fprintf(stderr, "%s: the queue is for root and %s\n", name, config->mail_owner);
        break;
    case CONTROL_BROKEN:
        fprintf(stderr, "%s: the server went away before it was done\n", name);
        break;
    }
    chain_free(request);
    if (fflush(stdout) != 0)
        code = CMD_FAILED;
    return code;
}

/* ---- the verb ---- */

static bool say_usage(const char *what)
{
    cmd_say("queue", "%s; see ringpost(8)", what);
    return false;
}

/* "--to-domain=example.com", "--to-domain example.com" or "--json". */
static bool add_option(struct chain *request, const struct cmd_options *o, int *i)
{
    const char *word = o->words[*i] + 2, *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const char *value = equals != NULL ? equals + 1 : "";
    char name[WORD_MAX];

    if (strcmp(word, "json") == 0) {
        cmd_queue_add(request, "format", "json");
        return true;
    }
    if (len >= sizeof(name))
        return say_usage("there is no such option");
    memcpy(name, word, len);
    name[len] = '\0';
    if (equals == NULL && queue_request_takes_value((struct span){word, len})) {
        if (*i + 1 == o->word_count)
            return say_usage("the last option wants a value");
        value = o->words[++*i];
    }
    if (strchr(value, '\n') != NULL)
        return say_usage("no value has line ends");
    if (value[0] == '\0' && strcmp(name, "from") == 0)
        value = "<>";
    cmd_queue_add(request, name, value);
    return true;
}

static bool add_ids_of_input(struct chain *request)
{
    char *line = NULL;
    size_t size = 0, count = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0 && count < QUEUE_IDS_MAX) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == ' '))
            line[--len] = '\0';
        if (len > 0) {
            cmd_queue_add(request, "id", line);
            count++;
        }
    }
    free(line);
    return len <= 0 || say_usage("too many ids");
}

static bool request_of(const struct cmd_options *o, struct chain *request)
{
    enum queue_act act;

    if (o->word_count == 0 || !queue_request_act(span_str(o->words[0]), &act))
        return say_usage("say what: list, show, cat, stat, hold, release, retry, requeue, delete, "
                         "expire or redirect");
    cmd_queue_add(request, "act", o->words[0]);
    for (int i = 1; i < o->word_count; i++) {
        const char *word = o->words[i];

        if (strncmp(word, "--", 2) == 0) {
            if (!add_option(request, o, &i))
                return false;
        } else if (strcmp(word, "-") == 0) {
            if (!add_ids_of_input(request))
                return false;
        } else if (word[0] == '\0' || strchr(word, '\n') != NULL) {
            return say_usage("that is no id");
        } else {
            cmd_queue_add(request, "id", word);
        }
    }
    return true;
}

int cmd_queue(int argc, char **argv)
{
    struct cmd_options o = {.verb = "queue", .flags = ""};
    struct chain request = {0};
    struct config *config;
    int code = CMD_FAILED;

    if (!cmd_options_read(&o, argc, argv) || !request_of(&o, &request)) {
        chain_free(&request);
        return CMD_USAGE;
    }
    config = cmd_config(&o);
    if (config != NULL) {
        code = cmd_queue_ask("ringpost queue", config, &request, false);
        config_free(&config);
    }
    chain_free(&request);
    return code;
}
