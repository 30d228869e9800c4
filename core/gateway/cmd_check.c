/* cmd_check: `ringpost check`: all that can be known to be wrong before mail comes. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/gateway/cmd.h"
#include "core/gateway/config_paths.h"
#include "core/gateway/confinement.h"
#include "core/gateway/settings.h"
#include "core/gateway/settings_tls.h"
#include "core/service/auth_hash.h"

static unsigned check_users(const struct config *config, const struct directory *d)
{
    unsigned findings = 0;
    struct span account, field;
    struct stat st;

    for (unsigned i = 0; directory_user_at(d, i, &account, &field); i++) {
        enum auth_hash_answer look = auth_hash_look(field);
        if (look == AUTH_HASH_MATCH)
            continue;
        findings++;
        if (look == AUTH_HASH_UNKNOWN)
            fprintf(stderr, "%s: %.*s: a password scheme that is not checked here; use one of %s\n",
                    config->users_file, (int)account.len, account.at, auth_hash_schemes());
        else
            fprintf(stderr,
                    "%s: %.*s: not a password hash, nobody can log in; set one with `ringpost user "
                    "passwd`\n",
                    config->users_file, (int)account.len, account.at);
    }
    if (stat(config->users_file, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        fprintf(stderr, "%s: all users of this host can read it; chmod o-rw it (a warning)\n",
                config->users_file);
    }
    return findings;
}

static unsigned check_directory(const char *option, const char *path)
{
    char *parent;
    unsigned findings = 0;
    struct stat st;

    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode) && access(path, R_OK | W_OK | X_OK) == 0)
            return 0;
        fprintf(stderr,
                "%s: %s is not a directory that this user can write; change its owner, or "
                "name another\n",
                option, path);
        return 1;
    }
    parent = config_paths_parent(path);
    if (errno != ENOENT || access(parent, W_OK | X_OK) != 0) {
        fprintf(stderr, "%s: %s can't be made (%s); make %s, and let this user write there\n",
                option, path, strerror(errno), parent);
        findings = 1;
    }
    free(parent);
    return findings;
}

static unsigned check_log(const struct config *config)
{
    char *parent;
    unsigned findings = 0;

    if (!config_paths_is_file(config->maillog_file) || access(config->maillog_file, W_OK) == 0)
        return 0;
    parent = config_paths_parent(config->maillog_file);
    if (errno != ENOENT || access(parent, W_OK | X_OK) != 0) {
        fprintf(stderr, "maillog_file: %s can't be written (%s); let this user write it\n",
                config->maillog_file, strerror(errno));
        findings = 1;
    }
    free(parent);
    return findings;
}

static int check(const struct cmd_options *o, const struct config *config)
{
    struct chain why = {0};
    struct directory *d = settings_directory(config, &why);
    unsigned findings =
        confinement_check(config, &why) + (settings_tls_check(config, &why) ? 0 : 1);
    struct span text = chain_flat(&why);

    if (text.len > 0)
        fwrite(text.at, 1, text.len, stderr);
    chain_free(&why);
    if (d)
        findings += check_users(config, d);
    else
        findings++;
    findings += check_directory("mail_store_directory", config->mail_store_directory);
    findings += check_log(config);
    if (findings == 0)
        printf("%s is good: %u accounts, %u domains\n", o->path, directory_user_count(d),
               config->mydestination.count + config->virtual_mailbox_domains.count);
    directory_free(&d);
    return findings == 0 ? CMD_OK : CMD_FAILED;
}

int cmd_check(int argc, char **argv)
{
    struct cmd_options o = {.verb = "check", .flags = ""};
    struct config *config;
    int code;

    if (!cmd_options_read(&o, argc, argv))
        return CMD_USAGE;
    if (o.word_count > 0) {
        cmd_say("check", "\"%s\" is too much; `ringpost help` shows how it is used", o.words[0]);
        return CMD_USAGE;
    }
    config = cmd_config(&o);
    if (!config)
        return CMD_FAILED;
    code = check(&o, config);
    config_free(&config);
    return code;
}
