#include "store/commit/command_queue.h"
#include "store/commit/effect.h"
#include "store/index/index_name.h"

/* True when the change makes this very mailbox in front of record `index`. */
static bool is_made_before(const struct journal_record *records, unsigned index,
                           store_account account, struct span name)
{
    struct command_mailbox made;

    for (unsigned i = 0; i < index; i++) {
        char room[STORE_MAILBOX_NAME_MAX], made_room[STORE_MAILBOX_NAME_MAX];
        struct span normal, made_normal;
        if (records[i].type == JOURNAL_MAILBOX && command_mailbox_read(records[i].args, &made) &&
            made.what <= COMMAND_MAILBOX_CREATE && made.account == account &&
            name_mailbox(name, room, &normal) && name_mailbox(made.name, made_room, &made_normal) &&
            span_eq(normal, made_normal))
            return true;
    }
    return false;
}

/* `before` of the change's deliveries, at most, come into the same mailbox in front of this one. */
static enum store_status check_target(struct effect *e, const struct journal_record *records,
                                      unsigned index, unsigned before,
                                      const struct command_target *target)
{
    struct cached_account *account;
    struct cached_mailbox *mailbox;
    char room[STORE_MAILBOX_NAME_MAX];
    struct span normal;

    if (!name_account(target->account))
        return STORE_INVALID;
    if (target->missing != STORE_MISSING_REFUSE)
        return STORE_OK;
    if (!name_mailbox(target->mailbox, room, &normal))
        return STORE_INVALID;
    account = cache_account_find(e->cache, target->account);
    if (!account)
        return span_eq(normal, SPAN("INBOX")) ? STORE_OK : STORE_NOT_FOUND;
    mailbox = effect_mailbox_find(e, account, target->mailbox);
    if (mailbox)
        return UINT32_MAX - mailbox->row.uid_next <= before ? STORE_OVER_QUOTA : STORE_OK;
    return is_made_before(records, index, account->row.id, target->mailbox) ? STORE_OK
                                                                            : STORE_NOT_FOUND;
}

static enum store_status check_deliver(struct effect *e, const struct journal_record *records,
                                       unsigned index, unsigned *items_r)
{
    enum store_status status = STORE_OK;
    struct store_queue_envelope envelope;
    struct command_target target;
    struct span targets, part, recipients;
    unsigned before = index;

    if (!command_deliver_read(records[index].args, items_r, &targets)) {
        *items_r = 0;
        return STORE_CORRUPT;
    }
    while (status == STORE_OK && command_target_next(&targets, &target))
        status = check_target(e, records, index, before++, &target);
    if (!command_deliver_queue(records[index].args, &part))
        return status;
    ++*items_r;
    return command_queue_read(part, &envelope, &recipients) ? status : STORE_CORRUPT;
}

static enum store_status check_mailbox(struct effect *e, const struct journal_record *records,
                                       unsigned index)
{
    struct command_mailbox command;
    enum store_status status;

    if (!command_mailbox_read(records[index].args, &command))
        return STORE_CORRUPT;
    status = effect_mailbox_check(e, &command);
    if (status == STORE_OK && command.what <= COMMAND_MAILBOX_CREATE &&
        is_made_before(records, index, command.account, command.name))
        return STORE_EXISTS;
    return status;
}

static enum store_status check_folders(const struct journal_record *record)
{
    char room[STORE_MAILBOX_NAME_MAX];
    struct span folders, normal;
    struct store_folder folder;

    if (!command_folders_read(record->args, &folders))
        return STORE_CORRUPT;
    while (command_folder_next(&folders, &folder)) {
        if (!name_mailbox(folder.name, room, &normal))
            return STORE_INVALID;
    }
    return STORE_OK;
}

/* New keywords must be names and find room in the account. */
static enum store_status check_keywords(struct effect *e, struct cached_account *account,
                                        struct span keywords)
{
    unsigned fresh = 0;
    struct span name;

    while (command_keyword_next(&keywords, &name)) {
        if (!name_keyword(name))
            return STORE_INVALID;
        fresh += cache_keyword(e->cache, account, name, false) < 0;
    }
    return account->row.keyword_count + fresh > STORE_KEYWORDS_MAX ? STORE_OVER_QUOTA : STORE_OK;
}

static enum store_status check_flags(struct effect *e, const struct journal_record *record)
{
    struct command_flags command;
    struct cached_mailbox *mailbox;

    if (!command_flags_read(record->args, &command))
        return STORE_CORRUPT;
    mailbox = cache_mailbox(e->cache, command.mailbox);
    if (!mailbox)
        return STORE_NOT_FOUND;
    if (command.mode == STORE_FLAGS_REMOVE)
        return STORE_OK;
    return check_keywords(e, mailbox->account, command.keywords);
}

static enum store_status check_expunge(struct effect *e, const struct journal_record *record)
{
    struct command_expunge command;

    if (!command_expunge_read(record->args, &command))
        return STORE_CORRUPT;
    return cache_mailbox(e->cache, command.mailbox) ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_status check_account(const struct journal_record *record)
{
    struct span name;

    if (!command_account_read(record->args, &name))
        return STORE_CORRUPT;
    return name_account(name) ? STORE_OK : STORE_INVALID;
}

static enum store_status check_recent(struct effect *e, const struct journal_record *record)
{
    store_mailbox mailbox;
    uint32_t uid;

    if (!command_recent_read(record->args, &mailbox, &uid))
        return STORE_CORRUPT;
    return cache_mailbox(e->cache, mailbox) ? STORE_OK : STORE_NOT_FOUND;
}

enum store_status effect_check(struct effect *e, const struct journal_record *records,
                               unsigned index, unsigned *items_r)
{
    const struct journal_record *record = &records[index];

    *items_r = 1;
    switch (record->type) {
    case JOURNAL_DELIVER:
        return check_deliver(e, records, index, items_r);
    case JOURNAL_ACCOUNT:
        return check_account(record);
    case JOURNAL_MAILBOX:
        return check_mailbox(e, records, index);
    case JOURNAL_FLAGS:
        return check_flags(e, record);
    case JOURNAL_EXPUNGE:
        return check_expunge(e, record);
    case JOURNAL_RECENT:
        return check_recent(e, record);
    case JOURNAL_COPY:
        return effect_copy_check(e, record);
    case JOURNAL_FOLDERS:
        return check_folders(record);
    case JOURNAL_QUEUE:
        return effect_queue_check(e, record);
    default:
        *items_r = 0;
        return STORE_OK;
    }
}
