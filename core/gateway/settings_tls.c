#include "core/gateway/settings_tls.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"

static int64_t now_s(void)
{
    return clock_wall_us() / 1000000;
}

bool settings_tls_has_files(const struct config *c)
{
    return c->smtpd_tls_chain_files.count > 0 || c->smtpd_tls_cert_file[0] != '\0';
}

/* chain_files win over cert_file, as in Postfix. */
static struct tls_files *files_of(const struct config *c, unsigned *count_r)
{
    const struct config_list *chains = &c->smtpd_tls_chain_files;
    struct tls_files *files = xcalloc(chains->count + 1, sizeof(*files));

    *count_r = chains->count > 0 ? chains->count : 1;
    for (unsigned i = 0; i < chains->count; i++)
        files[i] = (struct tls_files){chains->at[i], ""};
    if (chains->count == 0 && c->smtpd_tls_cert_file[0] != '\0')
        files[0] = (struct tls_files){c->smtpd_tls_cert_file, c->smtpd_tls_key_file};
    else if (chains->count == 0)
        files[0] = (struct tls_files){c->tls_self_signed_file, ""};
    return files;
}

static struct tls_context *open_files(const struct config *c, unsigned lanes, struct chain *why)
{
    enum tls_client_certificate ask =
        c->smtpd_tls_ask_ccert || c->smtpd_tls_req_ccert ? TLS_CLIENT_ASK : TLS_CLIENT_NEVER;
    struct tls_config config = {
        .ca_file = c->smtpd_tls_CAfile,
        .client = {[TLS_SMTP] = c->smtpd_tls_req_ccert ? TLS_CLIENT_REQUIRE : ask,
                   [TLS_IMAP] = ask,
                   [TLS_POP3] = ask},
        .only_13 = c->smtpd_tls_protocols == CONFIG_TLS_13,
        .lanes = lanes,
    };
    struct tls_files *files = files_of(c, &config.file_count);
    struct tls_context *context;

    config.files = files;
    context = tls_context_open(&config, why);
    free(files);
    return context;
}

bool settings_tls_open(const struct config *c, struct tls_context **context_r, struct chain *why)
{
    *context_r = NULL;
    if (!settings_tls_has_files(c)) {
        if (c->tls_self_signed_file[0] == '\0')
            return true;
        if (!tls_make_certificate(c->tls_self_signed_file, c->myhostname, now_s(), why))
            return false;
    }
    *context_r = open_files(c, (unsigned)c->workers, why);
    if (*context_r != NULL)
        tls_context_warn(*context_r, now_s(), why);
    return *context_r != NULL;
}

void settings_tls_free(void *context)
{
    struct tls_context *c = context;

    if (c != NULL)
        tls_context_close(&c);
}

static void warn_if_open(const char *path, struct chain *why)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        chain_addf(why, "%s: others can read this key; chmod g-w,o-rwx it (a warning)\n", path);
}

bool settings_tls_check(const struct config *c, struct chain *why)
{
    struct tls_context *context;
    struct tls_files *files;
    unsigned count;

    if (!settings_tls_has_files(c) &&
        (c->tls_self_signed_file[0] == '\0' || access(c->tls_self_signed_file, F_OK) != 0))
        return true;
    context = open_files(c, 1, why);
    if (context == NULL)
        return false;
    tls_context_warn(context, now_s(), why);
    tls_context_close(&context);
    files = files_of(c, &count);
    for (unsigned i = 0; i < count; i++)
        warn_if_open(files[i].key[0] != '\0' ? files[i].key : files[i].chain, why);
    free(files);
    return true;
}
