#include <stdlib.h>

#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/sim/sim_imap.h"
#include "tests/sim/sim_imap_parse.h"

static struct model *model_of(const struct client *c)
{
    return c->run->model;
}

/* The command that is being answered; NULL when there is none. */
static struct imap_command *head_of(struct imap *s)
{
    return s->command_count > 0 ? &s->commands[0] : NULL;
}

/* ---- numbers ---- */

static void heard_exists(struct client *c, uint32_t count)
{
    struct imap *s = imap_of(c);

    if (count < s->count || count > IMAP_MESSAGES_MAX) {
        run_violated(c->run, "%s: %u EXISTS after %u", c->name, count, s->count);
        return;
    }
    while (s->count < count)
        s->uids[s->count++] = 0;
}

/* RFC 3501 7.4.1: not while the numbers of a command still mean something. */
static bool may_expunge(struct imap *s)
{
    const struct imap_command *head = head_of(s);

    if (head == NULL)
        return false;
    switch (head->kind) {
    case IMAP_FETCH:
    case IMAP_LIST_ALL:
    case IMAP_STORE:
        return false;
    default:
        return true;
    }
}

static void heard_expunge(struct client *c, uint32_t number)
{
    struct imap *s = imap_of(c);
    uint32_t uid, at;

    if (!may_expunge(s) || s->box < 0 || number < 1 || number > s->count) {
        run_violated(c->run, "%s: EXPUNGE of number %u now (of %u)", c->name, number, s->count);
        return;
    }
    at = number - 1;
    uid = s->uids[at];
    s->count--;
    memmove(&s->uids[at], &s->uids[at] + 1, (s->count - at) * sizeof(*s->uids));
    if (uid != 0)
        model_expunged(model_of(c), (unsigned)s->box, uid);
}

/* Numbers and UIDs ascend together. */
static bool learn_uid(struct client *c, uint32_t number, uint32_t uid)
{
    struct imap *s = imap_of(c);
    uint32_t *at = &s->uids[number - 1];

    if (*at != 0 && *at != uid) {
        run_violated(c->run, "%s: number %u was UID %u and is UID %u", c->name, number, *at, uid);
        return false;
    }
    *at = uid;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->uids[i] != 0 && i + 1 != number && (i + 1 < number) != (s->uids[i] < uid)) {
            run_violated(c->run, "%s: number %u is UID %u, but number %u is UID %u", c->name,
                         number, uid, i + 1, s->uids[i]);
            return false;
        }
    }
    return true;
}

/* ---- FETCH ---- */

static void check_parts(struct client *c, unsigned box, struct model_message *message,
                        const struct imap_items *items)
{
    struct span whole = message->whole, head;
    const char *end;

    if (items->has_body && !items->body_is_part) {
        model_whole(model_of(c), box, message, items->body);
        return;
    }
    if (whole.at == NULL)
        return;
    end = memmem(whole.at, whole.len, "\r\n\r\n", 4);
    ensure(end != NULL);
    head = span_first(whole, (size_t)(end - whole.at) + 4);
    if (items->has_body) {
        struct span part = span_after(whole, items->body_from);
        if (!span_eq(items->body, span_first(part, items->body.len)))
            run_violated(c->run, "%s: a part of UID %u is not that part", c->name, message->uid);
    }
    if (items->text.at != NULL && !span_eq(items->text, span_after(whole, head.len)))
        run_violated(c->run, "%s: the text of UID %u is not its text", c->name, message->uid);
}

static void check_items(struct client *c, uint32_t uid, const struct imap_items *items)
{
    struct imap *s = imap_of(c);
    struct model *m = model_of(c);
    const struct imap_command *head = head_of(s);
    unsigned box = (unsigned)s->box;
    unsigned mail = items->has_header ? model_mail_number(items->header) : 0;
    struct model_message *message = model_seen(m, box, uid, mail);

    if (message == NULL)
        return;
    if (items->has_header && mail == 0)
        run_violated(c->run, "%s: UID %u is no mail of ours", c->name, uid);
    if (items->size != 0)
        model_size(m, box, message, items->size);
    check_parts(c, box, message, items);
    if (items->has_flags)
        model_flags_read(m, box, uid, items->flags, head != NULL ? head->asked : s->selected);
}

static void heard_fetch(struct client *c, uint32_t number, struct span rest)
{
    struct imap *s = imap_of(c);
    struct imap_items items;

    if (!imap_parse_items(rest, &items)) {
        run_violated(c->run, "%s: this is no FETCH: %.*s", c->name,
                     (int)(rest.len < 150 ? rest.len : 150), rest.at);
        return;
    }
    if (s->box < 0 || number < 1 || number > s->count) {
        run_violated(c->run, "%s: FETCH of number %u (of %u)", c->name, number, s->count);
        return;
    }
    if (items.uid != 0 && !learn_uid(c, number, items.uid))
        return;
    if (s->uids[number - 1] != 0)
        check_items(c, s->uids[number - 1], &items);
}

/* ---- other untagged responses ---- */

static void heard_search(struct client *c, struct span rest)
{
    struct imap_command *head = head_of(imap_of(c));
    uint32_t uid;

    if (head == NULL || head->kind < IMAP_SEARCH_ALL || head->kind > IMAP_SEARCH_SUBJECT) {
        run_violated(c->run, "%s: a SEARCH that nobody asked for", c->name);
        return;
    }
    head->has_found = true;
    while (imap_take_number(&rest, &uid) && head->found_count < IMAP_MESSAGES_MAX)
        head->found[head->found_count++] = uid;
    if (!span_eq(rest, SPAN("\r\n")))
        run_violated(c->run, "%s: this is no SEARCH", c->name);
}

static void heard_code(struct client *c, struct span rest)
{
    struct imap *s = imap_of(c);
    const struct imap_command *head = head_of(s);
    struct span name = imap_take_word(&rest);
    uint32_t number;

    if (head == NULL)
        return;
    if (head->copy != NULL && span_eq(name, SPAN("[COPYUID")))
        imap_heard_copyuid(c, head, rest);
    if (head->kind != IMAP_SELECT)
        return;
    if (span_eq(name, SPAN("[UIDVALIDITY")) && imap_take_number(&rest, &number))
        model_uid_validity(model_of(c), head->box, number);
    else if (span_eq(name, SPAN("[UIDNEXT")) && imap_take_number(&rest, &number))
        model_uid_next(model_of(c), head->box, number, head->uid_next);
}

static void heard_numbered(struct client *c, uint32_t number, struct span rest)
{
    struct span name = imap_take_word(&rest);

    if (span_eq(name, SPAN("EXISTS")))
        heard_exists(c, number);
    else if (span_eq(name, SPAN("EXPUNGE")))
        heard_expunge(c, number);
    else if (span_eq(name, SPAN("FETCH")))
        heard_fetch(c, number, rest);
    else if (!span_eq(name, SPAN("RECENT")))
        run_violated(c->run, "%s: unknown response %.*s", c->name, (int)name.len, name.at);
}

static void heard_untagged(struct client *c, struct span rest)
{
    struct imap *s = imap_of(c);
    uint32_t number;
    struct span name;

    if (imap_take_number(&rest, &number)) {
        heard_numbered(c, number, rest);
        return;
    }
    name = imap_take_word(&rest);
    if (span_eq(name, SPAN("SEARCH"))) {
        heard_search(c, rest);
    } else if (span_eq(name, SPAN("BYE"))) {
        s->phase = IMAP_OVER;
    } else if (span_eq(name, SPAN("OK"))) {
        if (s->phase == IMAP_GREETED_NOT)
            s->phase = IMAP_ANONYMOUS;
        heard_code(c, rest);
    } else if (!span_eq(name, SPAN("NO")) && !span_eq(name, SPAN("FLAGS")) &&
               !span_eq(name, SPAN("LIST")) && !span_eq(name, SPAN("STATUS")) &&
               !span_eq(name, SPAN("CAPABILITY"))) {
        run_violated(c->run, "%s: unknown response %.*s", c->name, (int)name.len, name.at);
    }
}

/* ---- the end of a command ---- */

static void selected(struct client *c, const struct imap_command *command, bool ok,
                     struct span text)
{
    struct imap *s = imap_of(c);

    if (ok) {
        s->box = (int)command->box;
        s->read_only = command->read_only;
        s->selected = command->asked;
        s->must_list = s->is_fresh = true;
        return;
    }
    s->count = 0;
    if (memmem(text.at, text.len, "[NONEXISTENT]", 13) != NULL)
        model_listed(model_of(c), command->box, NULL, 0, command->asked);
}

/* All that there was at the SELECT is listed, unless it vanished meanwhile. */
static void listed(struct client *c)
{
    struct imap *s = imap_of(c);
    uint32_t known[IMAP_MESSAGES_MAX];
    size_t count = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        if (s->uids[i] != 0)
            known[count++] = s->uids[i];
    }
    if (s->is_fresh)
        model_listed(model_of(c), (unsigned)s->box, known, count, s->selected);
    s->is_fresh = false;
}

static bool has_found(const struct imap_command *command, uint32_t uid)
{
    for (unsigned i = 0; i < command->found_count; i++) {
        if (command->found[i] == uid)
            return true;
    }
    return false;
}

/* What it found is held against the flag's possible values, or the mail's number. */
static void searched(struct client *c, const struct imap_command *command)
{
    struct imap *s = imap_of(c);
    struct model_box *box = &model_of(c)->boxes[s->box];

    if (!command->has_found)
        run_violated(c->run, "%s: a search without SEARCH", c->name);
    for (uint32_t i = 0; i < s->count && !c->run->failed; i++) {
        const struct model_message *message = model_find(box, s->uids[i]);
        bool found = has_found(command, s->uids[i]), right = true;
        unsigned values;

        if (message == NULL || message->may_be_gone)
            continue;
        values = model_flag_values(box, message->uid, command->flag, command->asked, c->run->tick);
        if (command->kind == IMAP_SEARCH_ALL)
            right = found;
        else if (command->kind == IMAP_SEARCH_FLAG)
            right = (values & (found ? 2 : 1)) != 0;
        else if (command->kind == IMAP_SEARCH_NOT_FLAG)
            right = (values & (found ? 1 : 2)) != 0;
        else if (message->mail != 0)
            right = found == (message->mail == command->flag);
        if (!right)
            run_violated(c->run, "%s: search t%u is wrong about UID %u of box %d", c->name,
                         command->tag, message->uid, s->box);
    }
}

static void appended(struct client *c, const struct imap_command *command, bool ok,
                     struct span text)
{
    for (unsigned i = 0; i < command->mail_count; i++) {
        if (ok)
            model_mail_acked(model_of(c), command->mails[i], 0);
        else
            model_mail_refused(model_of(c), command->mails[i], 0);
    }
    if (ok && span_eq(imap_take_word(&text), SPAN("[APPENDUID")))
        imap_heard_appenduid(c, command, text);
    else if (ok)
        run_violated(c->run, "%s: an APPEND without APPENDUID", c->name);
}

static void copied(struct client *c, const struct imap_command *command, bool ok, struct span text)
{
    if (ok && span_eq(imap_take_word(&text), SPAN("[COPYUID")))
        imap_heard_copyuid(c, command, text);
    model_copy_end(model_of(c), command->copy, ok);
}

static void finished(struct client *c, const struct imap_command *command, bool ok,
                     struct span text)
{
    struct imap *s = imap_of(c);

    switch (command->kind) {
    case IMAP_LOGIN:
        if (ok && command->bad_password)
            run_violated(c->run, "%s: a wrong password was taken", c->name);
        s->phase = ok ? IMAP_IN : s->phase;
        break;
    case IMAP_SELECT:
        selected(c, command, ok, text);
        break;
    case IMAP_LIST_ALL:
        if (ok)
            listed(c);
        break;
    case IMAP_SEARCH_ALL:
    case IMAP_SEARCH_FLAG:
    case IMAP_SEARCH_NOT_FLAG:
    case IMAP_SEARCH_SUBJECT:
        if (ok)
            searched(c, command);
        break;
    case IMAP_EXPUNGE:
    case IMAP_CLOSE:
        if (!s->read_only)
            model_expunge_end(model_of(c), command->box, command->asked, true, ok);
        break;
    case IMAP_APPEND:
        appended(c, command, ok, text);
        break;
    case IMAP_COPY:
    case IMAP_UID_COPY:
    case IMAP_MOVE:
    case IMAP_UID_MOVE:
        copied(c, command, ok, text);
        break;
    default:
        break;
    }
    if ((command->kind == IMAP_CLOSE || command->kind == IMAP_UNSELECT) && ok) {
        s->box = -1;
        s->count = 0;
    }
    if (command->change != NULL)
        model_change_end(model_of(c), command->change, ok);
}

static void heard_tagged(struct client *c, uint32_t tag, struct span rest)
{
    struct imap *s = imap_of(c);
    struct imap_command command;
    struct span status = imap_take_word(&rest);

    if (s->command_count == 0 || s->commands[0].tag != tag) {
        run_violated(c->run, "%s: an answer to t%u, which was not asked now", c->name, tag);
        return;
    }
    command = s->commands[0];
    s->command_count--;
    memmove(s->commands, s->commands + 1, s->command_count * sizeof(*s->commands));
    if (span_eq(status, SPAN("BAD")) && command.kind != IMAP_OTHER)
        run_violated(c->run, "%s: t%u is BAD", c->name, tag);
    if (memmem(rest.at, rest.len, "[SERVERBUG]", 11) != NULL)
        run_violated(c->run, "%s: t%u met a SERVERBUG", c->name, tag);
    if (command.kind == IMAP_IDLE)
        s->is_idling = false;
    finished(c, &command, span_eq(status, SPAN("OK")), rest);
}

size_t imap_hear(struct client *c, struct span heard)
{
    size_t len = imap_response_len(heard);
    struct span rest = span_first(heard, len);
    uint32_t tag;

    if (len == 0)
        return 0;
    if (rest.at[0] == '*') {
        rest = span_after(rest, 2);
        heard_untagged(c, rest);
    } else if (rest.at[0] == '+') {
        imap_of(c)->is_idling = true;
    } else if (rest.at[0] == 't') {
        rest = span_after(rest, 1);
        if (imap_take_number(&rest, &tag))
            heard_tagged(c, tag, rest);
        else
            run_violated(c->run, "%s: no tag of ours", c->name);
    } else {
        run_violated(c->run, "%s: this is no IMAP: %.*s", c->name, (int)(len < 100 ? len : 100),
                     heard.at);
    }
    return len;
}
