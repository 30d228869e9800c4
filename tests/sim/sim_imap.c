/* IMAP clients: what they say, and in which order. */

#include "tests/sim/sim_imap.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/ensure.h"

enum {
    IMAP_SESSION_COMMANDS = 25,
    IMAP_CROWD_COMMANDS = 100, /* of a session in the crowd */
    IMAP_THINK_MS = 100,
    IMAP_IDLE_MS = 3000,
    IMAP_COPY_MAX = 8, /* messages in one COPY or MOVE */
};

static struct model *model_of(const struct client *c)
{
    return c->run->model;
}

/* ---- sessions ---- */

static void imap_begin(struct client *c)
{
    struct imap *s = c->state;

    if (s == NULL)
        s = c->state = xcalloc(1, sizeof(*s));
    s->phase = IMAP_GREETED_NOT;
    s->command_count = 0;
    s->is_idling = s->has_ended_idle = false;
    s->box = -1;
    s->count = 0;
    s->must_list = false;
    s->commands_left = 3 + (unsigned)run_dice(c->run, IMAP_SESSION_COMMANDS);
    s->account = run_one_in(c->run, 2) ? 0 : (unsigned)run_dice(c->run, MODEL_ACCOUNTS);
    if (c->is_auditor)
        s->account = s->audit_box / 2;
    if (c->is_crowded) {
        s->account = 0;
        s->commands_left =
            IMAP_CROWD_COMMANDS / 2 + (unsigned)run_dice(c->run, IMAP_CROWD_COMMANDS);
    }
}

/* "box" now and then; the crowd stays where it is. */
static unsigned choose_box(struct client *c)
{
    return imap_of(c)->account * 2 + run_one_in(c->run, c->is_crowded ? 20 : 3);
}

/* Pipelined commands without numbers can follow at once; all others wait. */
static bool imap_is_waiting(const struct client *c)
{
    const struct imap *s = imap_of(c);

    if (s->phase == IMAP_GREETED_NOT || s->phase == IMAP_OVER)
        return true;
    return s->command_count > 0 && (!s->is_idling || s->has_ended_idle);
}

static void imap_lost(struct client *c)
{
    struct imap *s = imap_of(c);

    for (unsigned i = 0; i < s->command_count; i++) {
        const struct imap_command *command = &s->commands[i];
        if ((command->kind == IMAP_EXPUNGE || command->kind == IMAP_CLOSE) && !s->read_only)
            model_expunge_end(model_of(c), command->box, command->asked, false, false);
    }
    s->command_count = 0;
    s->phase = IMAP_OVER;
}

/* ---- commands ---- */

static struct imap_command *command_new(struct client *c, enum imap_kind kind)
{
    struct imap *s = imap_of(c);
    struct imap_command *command = &s->commands[s->command_count++];

    ensure(s->command_count <= IMAP_COMMANDS_MAX);
    command->kind = kind;
    command->tag = ++s->tag;
    command->asked = ++c->run->tick;
    command->change = NULL;
    command->copy = NULL;
    command->mail_count = 0;
    command->to = 0;
    command->flag = 0;
    command->box = s->box >= 0 ? (unsigned)s->box : 0;
    command->uid_next = s->box >= 0 ? model_of(c)->boxes[s->box].uid_next : 0;
    command->found_count = 0;
    command->has_found = command->bad_password = false;
    c->run->counts.commands++;
    return command;
}

static void say(struct client *c, const struct imap_command *command, const char *text)
{
    struct chain line = {0};

    chain_addf(&line, "t%u %s\r\n", command->tag, text);
    client_say(c, chain_flat(&line));
    chain_free(&line);
}

static void say_login(struct client *c)
{
    struct imap *s = imap_of(c);
    struct imap_command *command = command_new(c, IMAP_LOGIN);
    struct chain line = {0};

    command->bad_password = !c->is_auditor && run_one_in(c->run, 12);
    chain_addf(&line, "LOGIN %s %s-secret", model_account_names[s->account],
               command->bad_password ? "other" : model_account_names[s->account]);
    chain_add_byte(&line, '\0');
    say(c, command, chain_flat(&line).at);
    chain_free(&line);
}

static void say_select(struct client *c, unsigned box, bool read_only)
{
    struct imap *s = imap_of(c);
    struct imap_command *command;

    s->box = -1;
    s->count = 0;
    command = command_new(c, IMAP_SELECT);
    command->box = box;
    command->read_only = read_only;
    command->uid_next = model_of(c)->boxes[box].uid_next;
    say(c, command,
        read_only ? (box % 2 == 0 ? "EXAMINE INBOX" : "EXAMINE box")
                  : (box % 2 == 0 ? "SELECT inbox" : "SELECT box"));
}

static void say_list_all(struct client *c)
{
    imap_of(c)->must_list = false;
    say(c, command_new(c, IMAP_LIST_ALL),
        "FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-SIM)])");
}

/* Some of the messages whose mail is known, as a set of numbers or UIDs. */
static size_t choose_set(struct client *c, size_t most, bool by_uid, uint32_t *uids,
                         struct chain *set)
{
    struct imap *s = imap_of(c);
    struct model_box *box = &model_of(c)->boxes[s->box];
    unsigned density = 1 + (unsigned)run_dice(c->run, 6);
    size_t count = 0;

    for (uint32_t i = 0; i < s->count && count < most; i++) {
        const struct model_message *message = model_find(box, s->uids[i]);

        if (message == NULL || message->mail == 0 || !run_one_in(c->run, density))
            continue;
        uids[count++] = message->uid;
        if (set->len > 0)
            chain_add_byte(set, ',');
        chain_add_number(set, by_uid ? message->uid : i + 1);
    }
    return count;
}

static void say_fetch(struct client *c)
{
    static const char *const items[] = {
        "FLAGS",      "(FLAGS UID RFC822.SIZE)", "BODY.PEEK[]", "(UID BODY.PEEK[TEXT] FLAGS)",
        "BODY[]",     "BODY.PEEK[]<10.300>",     "FULL",        "(BODYSTRUCTURE ENVELOPE)",
        "BODY[TEXT]", "(INTERNALDATE UID)",      "BODY[1]",     "BODY.PEEK[HEADER]",
    };
    struct imap *s = imap_of(c);
    bool by_uid = run_one_in(c->run, 2), sets_seen;
    const char *item = items[run_dice(c->run, COUNT_OF(items))];
    uint32_t uids[IMAP_MESSAGES_MAX];
    struct chain line = {0}, set = {0};
    size_t count = choose_set(c, IMAP_MESSAGES_MAX, by_uid, uids, &set);
    struct imap_command *command;

    if (count == 0) {
        chain_free(&set);
        say(c, command_new(c, IMAP_NOOP), "NOOP");
        return;
    }
    sets_seen = !s->read_only && strstr(item, "BODY[") != NULL;
    command = command_new(c, by_uid ? IMAP_UID_FETCH : IMAP_FETCH);
    if (sets_seen)
        command->change =
            model_change_begin(model_of(c), (unsigned)s->box, uids, count, MODEL_ADD, MODEL_SEEN);
    chain_addf(&line, "%sFETCH ", by_uid ? "UID " : "");
    chain_move(&line, &set);
    chain_addf(&line, " %s", item);
    chain_add_byte(&line, '\0');
    say(c, command, chain_flat(&line).at);
    chain_free(&line);
}

static void add_flags(struct chain *line, unsigned flags)
{
    const char *before = "(";

    for (unsigned i = 0; i < MODEL_FLAGS; i++) {
        if ((flags & 1u << i) == 0)
            continue;
        chain_addf(line, "%s%s", before, model_flag_names[i]);
        before = " ";
    }
    chain_add(line, *before == '(' ? SPAN("()") : SPAN(")"));
}

static void say_store(struct client *c)
{
    static const char *const modes[] = {
        [MODEL_ADD] = "+FLAGS", [MODEL_REMOVE] = "-FLAGS", [MODEL_SET] = "FLAGS"};
    struct imap *s = imap_of(c);
    bool by_uid = run_one_in(c->run, 2);
    enum model_mode mode = (enum model_mode)run_dice(c->run, 3);
    unsigned flags = (unsigned)run_dice(c->run, 1u << MODEL_FLAGS);
    uint32_t uids[IMAP_MESSAGES_MAX];
    struct chain line = {0}, set = {0};
    size_t count = choose_set(c, IMAP_MESSAGES_MAX, by_uid, uids, &set);
    struct imap_command *command;

    if (run_one_in(c->run, 4))
        flags = MODEL_DELETED;
    else if (flags == 0 || !run_one_in(c->run, 3))
        flags = 1u << run_dice(c->run, MODEL_FLAGS);
    if (count == 0) {
        chain_free(&set);
        say(c, command_new(c, IMAP_NOOP), "NOOP");
        return;
    }
    command = command_new(c, by_uid ? IMAP_UID_STORE : IMAP_STORE);
    if (!s->read_only)
        command->change =
            model_change_begin(model_of(c), (unsigned)s->box, uids, count, mode, flags);
    chain_addf(&line, "%sSTORE ", by_uid ? "UID " : "");
    chain_move(&line, &set);
    chain_addf(&line, " %s%s ", modes[mode], run_one_in(c->run, 3) ? ".SILENT" : "");
    add_flags(&line, flags);
    chain_add_byte(&line, '\0');
    say(c, command, chain_flat(&line).at);
    chain_free(&line);
}

static void say_search(struct client *c)
{
    static const char *const flags[MODEL_FLAGS] = {"ANSWERED", "FLAGGED", "DELETED",
                                                   "SEEN",     "DRAFT",   "KEYWORD kw"};
    static const char *const not_flags[MODEL_FLAGS] = {"UNANSWERED", "UNFLAGGED", "UNDELETED",
                                                       "UNSEEN",     "UNDRAFT",   "UNKEYWORD kw"};
    unsigned flag = (unsigned)run_dice(c->run, MODEL_FLAGS);
    unsigned mails = model_of(c)->mail_count;
    struct imap_command *command =
        command_new(c, (enum imap_kind)(IMAP_SEARCH_ALL + (int)run_dice(c->run, 4)));
    struct chain line = {0};

    command->flag = 1u << flag;
    chain_add(&line, SPAN("UID SEARCH "));
    if (command->kind == IMAP_SEARCH_ALL) {
        chain_add(&line, SPAN("ALL"));
    } else if (command->kind == IMAP_SEARCH_FLAG) {
        chain_addf(&line, "%s", flags[flag]);
    } else if (command->kind == IMAP_SEARCH_NOT_FLAG) {
        chain_addf(&line, "%s", not_flags[flag]);
    } else {
        command->flag = 1 + (unsigned)run_dice(c->run, mails + 1);
        chain_addf(&line, "SUBJECT w%uw", command->flag);
    }
    chain_add_byte(&line, '\0');
    say(c, command, chain_flat(&line).at);
    chain_free(&line);
}

static void say_expunge(struct client *c, enum imap_kind kind)
{
    struct imap *s = imap_of(c);
    struct imap_command *command = command_new(c, kind);

    if (!s->read_only)
        model_expunge_begin(model_of(c), command->box);
    say(c, command, kind == IMAP_EXPUNGE ? "EXPUNGE" : "CLOSE");
}

/* Mails of its own; "box" is there only when some delivery made it. */
static void make_mails(struct client *c, struct imap_command *command, unsigned box)
{
    struct model *m = model_of(c);
    unsigned count = run_one_in(c->run, 2) ? 1 : 1 + (unsigned)run_dice(c->run, IMAP_APPEND_MAX);

    for (unsigned i = 0; i < count; i++) {
        struct model_mail *mail = model_mail_new(m, &box, 1);
        if (mail == NULL)
            break;
        if (run_one_in(c->run, 2))
            model_mail_flags(
                m, mail, (unsigned)run_dice(c->run, 1u << MODEL_FLAGS) & ~(unsigned)MODEL_DELETED);
        model_mail_begun(m, mail, 0);
        command->mails[command->mail_count++] = mail;
    }
    model_mail_group(m, command->mails, command->mail_count);
}

static void say_append(struct client *c)
{
    unsigned box = choose_box(c);
    struct imap_command *command = command_new(c, IMAP_APPEND);
    struct chain line = {0};

    make_mails(c, command, box);
    if (command->mail_count == 0) {
        command->kind = IMAP_NOOP;
        say(c, command, "NOOP");
        return;
    }
    command->box = box;
    chain_addf(&line, "t%u APPEND %s", command->tag, model_box_name(box));
    for (unsigned i = 0; i < command->mail_count; i++) {
        chain_add(&line, SPAN(" "));
        if (command->mails[i]->flags != 0) {
            add_flags(&line, command->mails[i]->flags);
            chain_add(&line, SPAN(" "));
        }
        chain_addf(&line, "{%zu+}\r\n", command->mails[i]->text.len);
        chain_add(&line, command->mails[i]->text);
    }
    chain_add(&line, SPAN("\r\n"));
    client_say(c, chain_flat(&line));
    chain_free(&line);
}

static void say_copy(struct client *c, bool is_move)
{
    struct imap *s = imap_of(c);
    bool by_uid = run_one_in(c->run, 2);
    unsigned to = s->account * 2 + run_one_in(c->run, 2);
    uint32_t uids[IMAP_MESSAGES_MAX];
    struct chain line = {0}, set = {0};
    size_t count = choose_set(c, IMAP_COPY_MAX, by_uid, uids, &set);
    struct imap_command *command;

    if (count == 0 || (is_move && s->read_only)) {
        chain_free(&set);
        say(c, command_new(c, IMAP_NOOP), "NOOP");
        return;
    }
    command = command_new(c, is_move ? (by_uid ? IMAP_UID_MOVE : IMAP_MOVE)
                                     : (by_uid ? IMAP_UID_COPY : IMAP_COPY));
    command->copy = model_copy_begin(model_of(c), (unsigned)s->box, to, uids, count, is_move);
    command->to = to;
    chain_addf(&line, "%s%s ", by_uid ? "UID " : "", is_move ? "MOVE" : "COPY");
    chain_move(&line, &set);
    chain_addf(&line, " %s", model_box_name(to));
    chain_add_byte(&line, '\0');
    say(c, command, chain_flat(&line).at);
    chain_free(&line);
}

static void say_idle(struct client *c)
{
    imap_of(c)->has_ended_idle = false;
    say(c, command_new(c, IMAP_IDLE), "IDLE");
    client_think(c, IMAP_IDLE_MS);
}

static void end_idle(struct client *c)
{
    imap_of(c)->has_ended_idle = true;
    client_say(c, SPAN("DONE\r\n"));
}

/* Several at once: a listing whose answers do not hang together with the numbers of others. */
static void say_pipelined(struct client *c)
{
    for (unsigned i = 0; i < IMAP_COMMANDS_MAX - 1; i++) {
        if (run_one_in(c->run, 2))
            say(c, command_new(c, IMAP_NOOP), "NOOP");
        else
            say(c, command_new(c, IMAP_UID_FETCH), "UID FETCH 1:* (FLAGS RFC822.SIZE)");
    }
}

static void say_other(struct client *c)
{
    static const char *const texts[] = {
        "CAPABILITY", "LIST \"\" *", "NAMESPACE",
        "FOO",        "FETCH 0 UID", "UID NONSENSE",
        "STORE 1",    "SEARCH (",    "STATUS INBOX (MESSAGES UIDNEXT UNSEEN RECENT)"};
    const char *text = texts[run_dice(c->run, COUNT_OF(texts))];

    if (strcmp(text, "NAMESPACE") == 0)
        text = "CHECK";
    say(c, command_new(c, IMAP_OTHER), text);
}

static void say_in_mailbox(struct client *c)
{
    switch (run_dice(c->run, 26)) {
    case 0:
    case 1:
        say_select(c, choose_box(c), run_one_in(c->run, 4));
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        say_fetch(c);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        say_store(c);
        break;
    case 11:
    case 12:
        say_search(c);
        break;
    case 13:
    case 14:
        say_expunge(c, IMAP_EXPUNGE);
        break;
    case 15:
        say_expunge(c, IMAP_CLOSE);
        break;
    case 16:
        say(c, command_new(c, IMAP_UNSELECT), "UNSELECT");
        break;
    case 17:
        say_list_all(c);
        break;
    case 18:
        say_idle(c);
        break;
    case 19:
        say_pipelined(c);
        break;
    case 20:
        say_other(c);
        break;
    case 21:
        say_append(c);
        break;
    case 22:
        say_copy(c, false);
        break;
    case 23:
        say_copy(c, true);
        break;
    default:
        say(c, command_new(c, IMAP_NOOP), "NOOP");
        break;
    }
}

static void say_logout(struct client *c)
{
    say(c, command_new(c, IMAP_LOGOUT), "LOGOUT");
}

/* ---- the auditor: EXAMINE, a listing, every body; the next mailbox ---- */

static void audit_act(struct client *c)
{
    struct imap *s = imap_of(c);

    if (s->audit_box >= MODEL_BOXES) {
        say_logout(c);
    } else if (s->account != s->audit_box / 2) {
        c->sessions++; /* as somebody else */
        say_logout(c);
    } else if (s->audit_step == 0) {
        say_select(c, s->audit_box, true);
        s->audit_step = 1;
    } else if (s->box < 0) { /* there is none */
        s->audit_step = 0;
        s->audit_box++;
    } else if (s->audit_step == 1) {
        s->audit_step = 2;
        if (s->count > 0)
            say(c, command_new(c, IMAP_FETCH), "FETCH 1:* (UID FLAGS BODY.PEEK[])");
    } else {
        s->audit_step = 0;
        s->audit_box++;
    }
}

void client_imap_crowd(struct client *c)
{
    c->is_crowded = true;
}

void client_imap_audit(struct client *c)
{
    c->is_auditor = true;
    c->is_lazy = false;
}

/* ---- what comes next ---- */

static void imap_act(struct client *c)
{
    struct imap *s = imap_of(c);

    if (!c->is_auditor)
        client_think(c, IMAP_THINK_MS);
    if (s->is_idling) {
        end_idle(c);
    } else if (s->phase == IMAP_ANONYMOUS) {
        say_login(c);
    } else if (s->must_list && s->box >= 0 && s->count > 0) {
        say_list_all(c);
    } else if (s->must_list && s->box >= 0) {
        s->must_list = false;
        model_listed(model_of(c), (unsigned)s->box, NULL, 0, s->selected);
    } else if (c->is_auditor) {
        audit_act(c);
    } else if (s->commands_left == 0) {
        say_logout(c);
    } else {
        s->commands_left--;
        if (s->box >= 0)
            say_in_mailbox(c);
        else
            say_select(c, choose_box(c), run_one_in(c->run, 4));
    }
}

const struct client_kind client_imap = {"imap",          CLIENT_IMAP_PORT, imap_begin, imap_hear,
                                        imap_is_waiting, imap_act,         imap_lost,  NULL};
