/* cmd_config: `ringpost config`, as postconf(1) does it: settings as they are, as they were set, or
 * as they are without a file; and the options part of ringpost.conf(5). */

#include <stdio.h>
#include <string.h>

#include "core/gateway/cmd.h"
#include "core/gateway/config_value.h"

enum show {
    SHOW_ALL,
    SHOW_GIVEN,
    SHOW_DEFAULTS
};

struct showing {
    const struct config *config; /* NULL: SHOW_DEFAULTS */
    enum show what;
    bool expanded, only_value;
};

static void show(const struct showing *s, const struct config_option *option)
{
    struct chain text = {0};
    struct span value;

    if (s->config)
        config_text(s->config, option, s->expanded, &text);
    else
        chain_add(&text, span_str(option->fallback));
    value = chain_flat(&text);
    if (!s->only_value)
        printf("%s =%s", option->name, value.len > 0 ? " " : "");
    printf("%.*s\n", (int)value.len, value.len > 0 ? value.at : "");
    chain_free(&text);
}

static int show_named(const struct showing *s, char **names, int count)
{
    int code = CMD_OK;

    for (int i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        const struct config_option *option = config_option_find(names[i], len);
        const struct config_option *like = option ? NULL : config_option_like(names[i], len);
        if (option) {
            show(s, option);
            continue;
        }
        if (like)
            cmd_say("config", "there is no option %s; did you mean %s?", names[i], like->name);
        else
            cmd_say("config", "there is no option %s", names[i]);
        code = CMD_FAILED;
    }
    return code;
}

static void show_all(const struct showing *s)
{
    for (unsigned i = 0; i < config_option_count; i++)
        if (s->what != SHOW_GIVEN || config_given(s->config, &config_options[i]))
            show(s, &config_options[i]);
}

/* ---- the manual ---- */

/* Text for troff: a "-" that stays one, no "." or "'" at the start of a line, blanks that are not
 * broken up in `literal` text. */
static void print_troff(const char *text, bool literal)
{
    for (const char *c = text; *c; c++) {
        if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\\')
            fputs("\\e", stdout);
        else if (*c == '"')
            fputs("\\(dq", stdout);
        else if (*c == ' ' && literal)
            fputs("\\ ", stdout);
        else
            fputc(*c, stdout);
    }
}

static void print_range(const struct config_option *option)
{
    struct chain range = {0};
    struct span text;

    config_value_range(option, &range);
    text = chain_flat(&range);
    printf(" Write %.*s", (int)text.len, text.at);
    if (option->type == CONFIG_INTEGER && option->unit[0])
        printf(" (%s)", option->unit);
    fputs(".", stdout);
    chain_free(&range);
}

static void print_manual(void)
{
    for (unsigned i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        printf(".TP\n\\fB%s\\fR (default: ", option->name);
        print_troff(option->fallback[0] ? option->fallback : "empty", true);
        fputs(")\n", stdout);
        print_troff(option->help, false);
        if (option->type != CONFIG_STRING && option->type != CONFIG_PATH &&
            option->type != CONFIG_LIST && option->type != CONFIG_PATHS &&
            option->type != CONFIG_MAPS)
            print_range(option);
        fputc('\n', stdout);
    }
}

/* ---- the verb ---- */

static int run(struct cmd_options *o)
{
    struct showing s = {.expanded = cmd_flag(o, 'x'), .only_value = cmd_flag(o, 'h')};
    struct config *config = NULL;
    int code = CMD_OK;

    if (cmd_flag(o, 'n') && cmd_flag(o, 'd')) {
        cmd_say("config", "-n and -d exclude each other");
        return CMD_USAGE;
    }
    s.what = cmd_flag(o, 'n') ? SHOW_GIVEN : cmd_flag(o, 'd') ? SHOW_DEFAULTS : SHOW_ALL;
    if (s.what != SHOW_DEFAULTS) {
        config = cmd_config(o);
        if (!config)
            return CMD_FAILED;
    }
    s.config = config;
    if (o->word_count > 0)
        code = show_named(&s, o->words, o->word_count);
    else
        show_all(&s);
    config_free(&config);
    return code;
}

int cmd_config_run(int argc, char **argv)
{
    struct cmd_options o = {.verb = "config", .flags = "ndxh"};

    if (!cmd_options_read(&o, argc, argv))
        return CMD_USAGE;
    if (o.word_count == 1 && strcmp(o.words[0], "--man") == 0) {
        print_manual();
        return CMD_OK;
    }
    return run(&o);
}
