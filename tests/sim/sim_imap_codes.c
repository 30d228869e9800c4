/* What OK says about new UIDs: APPENDUID and COPYUID (RFC 4315 3). */

#include "tests/sim/sim_imap.h"
#include "tests/sim/sim_imap_parse.h"

enum {
    CODES_UIDS_MAX = 64, /* in one set */
};

static void no_code(struct client *c, const char *code)
{
    run_violated(c->run, "%s: this is no %s", c->name, code);
}

void imap_heard_copyuid(struct client *c, const struct imap_command *command, struct span rest)
{
    unsigned to = command->to;
    uint32_t validity, old[CODES_UIDS_MAX], new[CODES_UIDS_MAX];
    size_t count;

    if (!imap_take_number(&rest, &validity) ||
        (count = imap_take_uids(&rest, old, CODES_UIDS_MAX)) == 0 ||
        imap_take_uids(&rest, new, CODES_UIDS_MAX) != count || rest.len == 0 || rest.at[0] != ']') {
        no_code(c, "COPYUID");
        return;
    }
    model_uid_validity(c->run->model, to, validity);
    for (size_t i = 0; i < count && !c->run->failed; i++)
        model_copy_told(c->run->model, command->copy, old[i], new[i]);
}

void imap_heard_appenduid(struct client *c, const struct imap_command *command, struct span rest)
{
    uint32_t validity, uids[CODES_UIDS_MAX];

    if (!imap_take_number(&rest, &validity) ||
        imap_take_uids(&rest, uids, CODES_UIDS_MAX) != command->mail_count || rest.len == 0 ||
        rest.at[0] != ']') {
        no_code(c, "APPENDUID");
        return;
    }
    model_uid_validity(c->run->model, command->box, validity);
    for (unsigned i = 0; i < command->mail_count && !c->run->failed; i++)
        (void)model_seen(c->run->model, command->box, uids[i], command->mails[i]->number);
}
