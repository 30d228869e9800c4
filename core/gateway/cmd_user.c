/* cmd_user: `ringpost user`: the accounts in the users file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/confine/privilege.h"
#include "core/gateway/cmd.h"
#include "core/gateway/cmd_user_file.h"
#include "core/gateway/settings.h"
#include "core/service/auth_hash.h"

struct user_cmd {
    const struct config *config;
    const char *name; /* as given */
    char account[DIRECTORY_ADDRESS_MAX + 1];
    const char *scheme; /* of the new field; "": the best */
    bool from_stdin;
};

/* ---- passwords ---- */

/* One line, without its end. False at the end of the input, or when it is too long. */
static bool read_line(int fd, char line[AUTH_PASSWORD_MAX + 2])
{
    size_t len = 0;

    while (len < AUTH_PASSWORD_MAX + 1) {
        ssize_t got = read(fd, line + len, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || line[len] == '\n')
            break;
        len++;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return len > 0 && len <= AUTH_PASSWORD_MAX;
}

static bool ask(int tty, const char *prompt, char line[AUTH_PASSWORD_MAX + 2])
{
    struct termios before, silent;
    bool good;

    if (tcgetattr(tty, &before) != 0)
        return false;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (write(tty, prompt, strlen(prompt)) < 0 || tcsetattr(tty, TCSAFLUSH, &silent) != 0)
        return false;
    good = read_line(tty, line);
    tcsetattr(tty, TCSAFLUSH, &before);
    return write(tty, "\n", 1) == 1 && good;
}

static bool ask_twice(char password[AUTH_PASSWORD_MAX + 2])
{
    char again[AUTH_PASSWORD_MAX + 2] = "";
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    bool good = false;

    if (tty < 0) {
        cmd_say("user", "there is no terminal to ask for the password; give it by --stdin");
        return false;
    }
    if (!ask(tty, "Password: ", password) || !ask(tty, "The same again: ", again))
        cmd_say("user", "no password: it needs 1 to %d bytes", AUTH_PASSWORD_MAX);
    else if (strcmp(password, again) != 0)
        cmd_say("user", "these are two different passwords; nothing was changed");
    else
        good = true;
    explicit_bzero(again, sizeof(again));
    close(tty);
    return good;
}

static bool make_field(const char *scheme, struct span password, char field[AUTH_HASH_MAX])
{
    switch (auth_hash_make(span_str(scheme), password, field)) {
    case AUTH_HASH_MATCH:
        return true;
    case AUTH_HASH_UNKNOWN:
        cmd_say("user", "no new hashes are made by %s; choose one of %s", scheme,
                auth_hash_schemes_made());
        return false;
    default:
        cmd_say("user", "the password can't be hashed by %s; nothing was changed",
                scheme[0] != '\0' ? scheme : "yescrypt");
        return false;
    }
}

/* Asks for a password and hashes it. */
static bool new_field(const struct user_cmd *u, char field[AUTH_HASH_MAX])
{
    char password[AUTH_PASSWORD_MAX + 2] = "";
    bool good = false;

    if (!u->from_stdin)
        good = ask_twice(password);
    else if (read_line(STDIN_FILENO, password))
        good = true;
    else
        cmd_say("user", "no password on standard input: one line of 1 to %d bytes",
                AUTH_PASSWORD_MAX);
    good = good && make_field(u->scheme, span_str(password), field);
    explicit_bzero(password, sizeof(password));
    return good;
}

/* ---- names ---- */

static bool has_domain(const struct config_list *list, const char *domain)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i], domain) == 0)
            return true;
    return false;
}

static const char *first_domain(const struct config *config)
{
    return config->mydestination.count > 0 ? config->mydestination.at[0]
                                           : config->virtual_mailbox_domains.at[0];
}

static bool is_possible(const char *local)
{
    for (const char *c = local; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr(":\"@#", *c))
            return false;
    return local[0] != '\0';
}

/* Fills u->account: in lower case, with a domain. */
static bool name_account(struct user_cmd *u)
{
    const char *at = strrchr(u->name, '@');
    const char *domain = at ? at + 1 : first_domain(u->config);
    char *local = xstrdup(u->name);
    int len;
    bool good = false;

    local[at ? (size_t)(at - u->name) : strlen(u->name)] = '\0';
    len = snprintf(u->account, sizeof(u->account), "%s@%s", local, domain);
    for (char *c = u->account; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    if (!is_possible(local) || len >= (int)sizeof(u->account))
        cmd_say("user", "\"%s\" can't be a user's name; write user or user@domain", u->name);
    else if (!has_domain(&u->config->mydestination, domain) &&
             !has_domain(&u->config->virtual_mailbox_domains, domain))
        cmd_say("user", "the domain of %s is not ours; add it to virtual_mailbox_domains", u->name);
    else
        good = true;
    free(local);
    return good;
}

/* ---- what can be done ---- */

/* The server reads the file as mail_owner at SIGHUP. */
static void let_server_read(const struct user_cmd *u, struct cmd_user_edit *e)
{
    struct privilege_user owner;

    e->for_group = geteuid() == 0 && privilege_find(u->config->mail_owner, &owner);
    if (e->for_group)
        e->group = owner.group;
}

static int edit(const struct user_cmd *u, enum cmd_user_change change)
{
    char field[AUTH_HASH_MAX] = "";
    struct chain why = {0};
    struct cmd_user_edit e = {.path = u->config->users_file,
                              .first_domain = first_domain(u->config),
                              .account = span_str(u->account),
                              .change = change};
    bool good;

    if (change != CMD_USER_DELETE && !new_field(u, field))
        return CMD_FAILED;
    e.field = span_str(field);
    let_server_read(u, &e);
    good = cmd_user_file_edit(&e, &why);
    if (!good)
        fprintf(stderr, "ringpost user: %.*s", (int)why.len, chain_flat(&why).at);
    chain_free(&why);
    return good ? CMD_OK : CMD_FAILED;
}

static int user_add(const struct user_cmd *u)
{
    return edit(u, CMD_USER_ADD);
}

static int user_passwd(const struct user_cmd *u)
{
    return edit(u, CMD_USER_PASSWORD);
}

static int user_del(const struct user_cmd *u)
{
    return edit(u, CMD_USER_DELETE);
}

static int user_list(const struct user_cmd *u)
{
    struct chain why = {0};
    struct directory *d = settings_directory(u->config, &why);
    struct span account, field;

    if (!d) {
        fprintf(stderr, "%.*s", (int)why.len, chain_flat(&why).at);
        chain_free(&why);
        return CMD_FAILED;
    }
    for (unsigned i = 0; directory_user_at(d, i, &account, &field); i++)
        printf("%.*s\n", (int)account.len, account.at);
    directory_free(&d);
    return CMD_OK;
}

static const struct act {
    const char *name;
    int (*run)(const struct user_cmd *u);
    int words; /* with the act itself */
} acts[] = {
    {"add",    user_add,    2},
    {"passwd", user_passwd, 2},
    {"del",    user_del,    2},
    {"list",   user_list,   1},
};

/* Takes "--stdin" out of the words; any other "--" word is an error. */
static bool take_stdin(struct cmd_options *o, struct user_cmd *u)
{
    int kept = 0;

    for (int i = 0; i < o->word_count; i++) {
        if (strcmp(o->words[i], "--stdin") == 0) {
            u->from_stdin = true;
        } else if (strncmp(o->words[i], "--", 2) == 0) {
            cmd_say("user", "%s is no option of this verb; --stdin is", o->words[i]);
            return false;
        } else {
            o->words[kept++] = o->words[i];
        }
    }
    o->word_count = kept;
    return true;
}

static const struct act *act_of(const struct cmd_options *o)
{
    for (size_t i = 0; o->word_count > 0 && i < COUNT_OF(acts); i++) {
        if (strcmp(o->words[0], acts[i].name) != 0)
            continue;
        if (o->word_count == acts[i].words)
            return &acts[i];
        cmd_say("user", acts[i].words == 1 ? "\"%s\" takes no name" : "\"%s\" wants one name",
                acts[i].name);
        return NULL;
    }
    cmd_say("user", "say `ringpost user list`, or add, passwd or del with a name");
    return NULL;
}

int cmd_user(int argc, char **argv)
{
    struct cmd_options o = {.verb = "user", .flags = "", .value_letter = 's'};
    struct user_cmd u = {0};
    const struct act *act;
    struct config *config;
    int code = CMD_FAILED;

    if (!cmd_options_read(&o, argc, argv) || !take_stdin(&o, &u) || !(act = act_of(&o)))
        return CMD_USAGE;
    config = cmd_config(&o);
    if (!config)
        return CMD_FAILED;
    u.config = config;
    u.scheme = o.value ? o.value : "";
    u.name = act->words > 1 ? o.words[1] : "";
    if (act->words == 1 || name_account(&u))
        code = act->run(&u);
    config_free(&config);
    return code;
}
