/* cmd_client_config: `ringpost client-config`: what a mail program must be told about an account.
 */

#include <stdio.h>
#include <string.h>

#include "core/gateway/client_config.h"
#include "core/gateway/cmd.h"

static const char format_option[] = "--format";

/* "--format WORD" and "--format=WORD" anywhere, and one address. */
static bool read_words(const struct cmd_options *o, const char **address_r,
                       enum client_config_format *format_r)
{
    size_t len = sizeof(format_option) - 1;

    for (int i = 0; i < o->word_count; i++) {
        const char *word = o->words[i], *format = NULL;

        if (strcmp(word, format_option) == 0)
            format = i + 1 < o->word_count ? o->words[++i] : "";
        else if (strncmp(word, format_option, len) == 0 && word[len] == '=')
            format = word + len + 1;
        if (format != NULL && !client_config_format(span_str(format), format_r)) {
            cmd_say(o->verb, "\"%s\" is no format; write text, thunderbird, outlook, apple or dns",
                    format);
            return false;
        }
        if (format == NULL && *address_r != NULL) {
            cmd_say(o->verb, "\"%s\" is too much; one address", word);
            return false;
        }
        if (format == NULL)
            *address_r = word;
    }
    if (*address_r == NULL)
        cmd_say(o->verb, "an address is missing; write user@domain");
    return *address_r != NULL;
}

static int show(const struct config *config, const char *address, enum client_config_format format)
{
    struct chain out = {0}, why = {0};
    bool good = client_config_render(config, address, format, &out, &why);
    struct span text = chain_flat(good ? &out : &why);

    fwrite(text.at, 1, text.len, good ? stdout : stderr);
    chain_free(&out);
    chain_free(&why);
    return good ? CMD_OK : CMD_FAILED;
}

int cmd_client_config(int argc, char **argv)
{
    struct cmd_options o = {.verb = "client-config", .flags = ""};
    enum client_config_format format = CLIENT_CONFIG_TEXT;
    const char *address = NULL;
    struct config *config;
    int code;

    if (!cmd_options_read(&o, argc, argv) || !read_words(&o, &address, &format))
        return CMD_USAGE;
    config = cmd_config(&o);
    if (config == NULL)
        return CMD_FAILED;
    code = show(config, address, format);
    config_free(&config);
    return code;
}
