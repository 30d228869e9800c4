/* cmd_store: `ringpost store`, for a store that no process has open. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/gateway/cmd.h"
#include "store/store.h"

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static struct store_config store_of(const struct config *config)
{
    return (struct store_config){
        .path = config->mail_store_directory,
        .map_size = config->store_map_size,
        .segment_size = (uint32_t)config->store_segment_size,
        .free_min = config->store_free_min,
        .say = say,
    };
}

static int failed(const struct config *config, enum store_status status)
{
    if (status == STORE_LOCKED)
        cmd_say("store", "%s is in use; stop `ringpost serve` first", config->mail_store_directory);
    else if (status == STORE_VERSION)
        cmd_say("store", "%s was written by a newer ringpost; use that one",
                config->mail_store_directory);
    else
        cmd_say("store", "%s: %s", config->mail_store_directory, store_status_text(status));
    return CMD_FAILED;
}

static int check(const struct config *config)
{
    struct store_config sc = store_of(config);
    struct store_check_report r = {0};
    enum store_status status = store_check(&sc, &r);
    uint64_t wrong = r.damaged + r.missing + r.orphaned + r.miscounted;

    if (status != STORE_OK && status != STORE_CORRUPT)
        return failed(config, status);
    printf("accounts %" PRIu64 "\nmailboxes %" PRIu64 "\nentries %" PRIu64 "\nmessages %" PRIu64
           "\nrecords %" PRIu64 "\nbatches %" PRIu64 "\n",
           r.accounts, r.mailboxes, r.entries, r.messages, r.records, r.batches);
    printf("damaged %" PRIu64 "\nmissing %" PRIu64 "\norphaned %" PRIu64 "\nmiscounted %" PRIu64
           "\n",
           r.damaged, r.missing, r.orphaned, r.miscounted);
    return status == STORE_OK && wrong == 0 ? CMD_OK : CMD_FAILED;
}

static int stat_store(const struct config *config)
{
    struct store_config sc = store_of(config);
    struct store_numbers n;
    struct store *store;
    enum store_status status = store_open(&sc, &store);

    if (status != STORE_OK)
        return failed(config, status);
    store_numbers(store, &n);
    store_close(&store);
    printf("durable_lsn %" PRIu64 "\napplied_lsn %" PRIu64 "\nsegments %" PRIu64
           "\nsegments_spare %" PRIu64 "\nlive_bytes %" PRIu64 "\nlog_bytes %" PRIu64
           "\nindex_bytes %" PRIu64 "\n",
           n.durable_lsn, n.applied_lsn, n.segments, n.segments_spare, n.live_bytes, n.log_bytes,
           n.index_bytes);
    return CMD_OK;
}

static const struct act {
    const char *name;
    int (*run)(const struct config *config);
} acts[] = {
    {"check", check     },
    {"stat",  stat_store},
};

static const struct act *act_of(const struct cmd_options *o)
{
    for (size_t i = 0; o->word_count == 1 && i < COUNT_OF(acts); i++)
        if (strcmp(o->words[0], acts[i].name) == 0)
            return &acts[i];
    cmd_say("store", "say `ringpost store check` or `ringpost store stat`");
    return NULL;
}

int cmd_store(int argc, char **argv)
{
    struct cmd_options o = {.verb = "store", .flags = ""};
    const struct act *act;
    struct config *config;
    struct stat st;
    int code = CMD_FAILED;

    if (!cmd_options_read(&o, argc, argv) || !(act = act_of(&o)))
        return CMD_USAGE;
    config = cmd_config(&o);
    if (!config)
        return CMD_FAILED;
    if (stat(config->mail_store_directory, &st) != 0) /* opening it would make one */
        cmd_say("store", "there is no store at %s; `ringpost serve` makes it",
                config->mail_store_directory);
    else
        code = act->run(config);
    config_free(&config);
    return code;
}
