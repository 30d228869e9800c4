/*
 * The keeper: the one client of an account whose mailboxes come and go (sim_folders.h). It begins
 * each session by reading all there is, then makes changes one by one, each answer held against
 * what was foretold.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_folders.h"
#include "tests/sim/sim_imap_parse.h"

enum {
    KEEPER_SESSION_CHANGES = 25,
    KEEPER_THINK_MS = 100,
    KEEPER_TRIES = 20, /* at a change of which the model knows what it does */
    /* What a connection asked for that broke has happened after so long, or never will. */
    KEEPER_PATIENCE_S = 20,
};
#define SECOND_NS UINT64_C(1000000000)

enum keeper_step {
    KEEPER_LOGIN,
    KEEPER_EXAMINE, /* each name in turn, ... */
    KEEPER_FETCH,   /* ... with what is in it; then */
    KEEPER_LSUB,
    KEEPER_SELECT, /* what the next change is about */
    KEEPER_CHANGE,
    KEEPER_UNSELECT,
    KEEPER_LOGOUT,
};

struct keeper {
    enum keeper_step step; /* that is said next, or was */
    bool is_greeted, is_waiting, is_over;
    unsigned tag, changes_left;

    struct folders seen;
    unsigned name; /* at which the reading is */
    uint32_t exists;

    struct folders_change change;
    enum folders_word word;
    int selected; /* name, or -1 */
};

static struct model *model_of(const struct client *c)
{
    return c->run->model;
}

static struct folders_book *book_of(const struct client *c)
{
    return c->run->model->folders;
}

static void keeper_begin(struct client *c)
{
    struct keeper *s = c->state;

    if (s == NULL)
        s = c->state = xmalloc(sizeof(*s));
    *s = (struct keeper){.selected = -1};
    s->changes_left = 1 + (unsigned)run_dice(c->run, KEEPER_SESSION_CHANGES);
    if (book_of(c)->is_open)
        c->wake_ns = clock_monotonic_ns() + KEEPER_PATIENCE_S * SECOND_NS;
}

static bool keeper_is_waiting(const struct client *c)
{
    const struct keeper *s = c->state;

    return !s->is_greeted || s->is_waiting || s->is_over;
}

static void keeper_lost(struct client *c)
{
    struct keeper *s = c->state;

    s->is_over = true;
}

/* ---- what it says ---- */

static void say(struct client *c, struct chain *words)
{
    struct keeper *s = c->state;
    struct chain line = {0};

    chain_addf(&line, "t%u ", ++s->tag);
    chain_move(&line, words);
    chain_add(&line, SPAN("\r\n"));
    s->is_waiting = true;
    c->run->counts.commands++;
    client_say(c, chain_flat(&line));
    chain_free(&line);
}

static void say_text(struct client *c, const char *text)
{
    struct chain words = {0};

    chain_addf(&words, "%s", text);
    say(c, &words);
}

static void say_named(struct client *c, const char *verb, unsigned name)
{
    struct chain words = {0};

    chain_addf(&words, "%s \"%s\"", verb, folders_names[name]);
    say(c, &words);
}

/* ---- changes ---- */

static void choose_messages(struct client *c, struct folders_change *change)
{
    const struct folder *from = &book_of(c)->now.at[change->from];
    unsigned density = 1 + (unsigned)run_dice(c->run, 4);

    for (uint32_t i = 0; i < from->count; i++) {
        if (run_one_in(c->run, density))
            change->uids[change->uid_count++] = from->messages[i].uid;
    }
}

static void choose_mails(struct client *c, struct folders_change *change)
{
    unsigned count = 1 + (unsigned)run_dice(c->run, FOLDERS_MAILS_MAX);
    const struct model_mail *mail;

    for (unsigned i = 0; i < count && (mail = model_mail_new(model_of(c), NULL, 0)) != NULL; i++)
        change->mails[change->mail_count++] = mail->number;
}

static bool is_about_messages(const struct folders_change *change)
{
    return change->kind == FOLDERS_COPY || change->kind == FOLDERS_MOVE ||
           change->kind == FOLDERS_FLAG || change->kind == FOLDERS_EXPUNGE;
}

static enum folders_word choose_one(struct client *c, struct folders_change *change)
{
    static const enum folders_kind more[] = {FOLDERS_APPEND, FOLDERS_APPEND, FOLDERS_COPY,
                                             FOLDERS_MOVE, FOLDERS_CREATE};
    unsigned kind = (unsigned)run_dice(c->run, FOLDERS_KINDS + COUNT_OF(more));

    *change = (struct folders_change){
        .kind = kind < FOLDERS_KINDS ? (enum folders_kind)kind : more[kind - FOLDERS_KINDS],
        .from = (unsigned)run_dice(c->run, FOLDERS_NAMES),
        .to = (unsigned)run_dice(c->run, FOLDERS_NAMES),
        .flags =
            run_one_in(c->run, 2) ? MODEL_DELETED : (unsigned)run_dice(c->run, 1u << MODEL_FLAGS),
    };
    if (is_about_messages(change)) {
        if (!book_of(c)->now.at[change->from].exists)
            return FOLDERS_UNSAID;
        choose_messages(c, change);
    } else if (change->kind == FOLDERS_APPEND) {
        choose_mails(c, change);
        if (change->mail_count == 0)
            return FOLDERS_UNSAID;
    }
    return folders_begin(book_of(c), change);
}

/* The change is open from here on, though it may be said behind a SELECT. */
static bool choose_change(struct client *c)
{
    struct keeper *s = c->state;
    unsigned tries = 0;

    do
        s->word = choose_one(c, &s->change);
    while (s->word == FOLDERS_UNSAID && ++tries < KEEPER_TRIES);
    return s->word != FOLDERS_UNSAID;
}

static void add_flags(struct chain *words, unsigned flags)
{
    const char *before = "(";

    for (unsigned i = 0; i < MODEL_FLAGS; i++) {
        if ((flags & 1u << i) == 0)
            continue;
        chain_addf(words, "%s%s", before, model_flag_names[i]);
        before = " ";
    }
    chain_add(words, *before == '(' ? SPAN("()") : SPAN(")"));
}

static void add_uids(struct chain *words, const struct folders_change *change)
{
    for (uint32_t i = 0; i < change->uid_count; i++)
        chain_addf(words, "%s%u", i > 0 ? "," : "", change->uids[i]);
}

static void say_append(struct client *c, const struct folders_change *change)
{
    struct chain words = {0};

    chain_addf(&words, "APPEND \"%s\"", folders_names[change->to]);
    for (unsigned i = 0; i < change->mail_count; i++) {
        struct span text = model_of(c)->mails[change->mails[i] - 1].text;

        chain_add(&words, SPAN(" "));
        add_flags(&words, change->flags);
        chain_addf(&words, " {%zu+}\r\n", text.len);
        chain_add(&words, text);
    }
    say(c, &words);
}

static void say_about_messages(struct client *c, const struct folders_change *change)
{
    struct chain words = {0};

    if (change->kind == FOLDERS_EXPUNGE) {
        say_text(c, "EXPUNGE");
        return;
    }
    chain_addf(&words, "UID %s ",
               change->kind == FOLDERS_FLAG   ? "STORE"
               : change->kind == FOLDERS_COPY ? "COPY"
                                              : "MOVE");
    add_uids(&words, change);
    if (change->kind == FOLDERS_FLAG) {
        chain_add(&words, SPAN(" +FLAGS.SILENT "));
        add_flags(&words, change->flags);
    } else {
        chain_addf(&words, " \"%s\"", folders_names[change->to]);
    }
    say(c, &words);
}

static void say_change(struct client *c)
{
    static const char *const verbs[] = {[FOLDERS_CREATE] = "CREATE",
                                        [FOLDERS_DELETE] = "DELETE",
                                        [FOLDERS_SUBSCRIBE] = "SUBSCRIBE",
                                        [FOLDERS_UNSUBSCRIBE] = "UNSUBSCRIBE"};
    struct keeper *s = c->state;
    const struct folders_change *change = &s->change;
    struct chain words = {0};

    c->run->counts.folder_changes++;
    if (is_about_messages(change)) {
        say_about_messages(c, change);
    } else if (change->kind == FOLDERS_APPEND) {
        say_append(c, change);
    } else if (change->kind == FOLDERS_RENAME) {
        chain_addf(&words, "RENAME \"%s\" \"%s\"", folders_names[change->from],
                   folders_names[change->to]);
        say(c, &words);
    } else {
        say_named(c, verbs[change->kind],
                  change->kind == FOLDERS_DELETE ? change->from : change->to);
    }
}

/* The mailbox that the change is about must be the selected one; else none is. */
static enum keeper_step step_to_change(const struct client *c)
{
    const struct keeper *s = c->state;
    int wanted = is_about_messages(&s->change) ? (int)s->change.from : -1;

    if (s->selected == wanted)
        return KEEPER_CHANGE;
    return wanted < 0 ? KEEPER_UNSELECT : KEEPER_SELECT;
}

static void keeper_act(struct client *c)
{
    struct keeper *s = c->state;

    client_think(c, KEEPER_THINK_MS);
    switch (s->step) {
    case KEEPER_LOGIN:
        say_text(c, "LOGIN " FOLDERS_ACCOUNT " " FOLDERS_ACCOUNT "-secret");
        break;
    case KEEPER_EXAMINE:
        s->exists = 0;
        say_named(c, "EXAMINE", s->name);
        break;
    case KEEPER_FETCH:
        say_text(c, "FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-SIM)])");
        break;
    case KEEPER_LSUB:
        say_text(c, "LSUB \"\" *");
        break;
    case KEEPER_SELECT:
        say_named(c, "SELECT", s->change.from);
        break;
    case KEEPER_UNSELECT:
        say_text(c, "UNSELECT");
        break;
    case KEEPER_CHANGE:
        say_change(c);
        break;
    case KEEPER_LOGOUT:
    default:
        say_text(c, "LOGOUT");
        break;
    }
}

/* ---- what it hears: untagged ---- */

static void heard_fetch(struct client *c, uint32_t number, struct span rest)
{
    struct keeper *s = c->state;
    struct folder *f = &s->seen.at[s->name];
    struct imap_items items;

    if (s->step != KEEPER_FETCH)
        return;
    if (!imap_parse_items(rest, &items) || number != f->count + 1 ||
        f->count == FOLDERS_MESSAGES_MAX) {
        run_violated(c->run, "%s: a FETCH of number %u after %u", c->name, number, f->count);
        return;
    }
    f->messages[f->count++] = (struct folder_message){
        .uid = items.uid, .mail = model_mail_number(items.header), .flags = items.flags};
}

/* () "/" "e f" */
static void heard_lsub(struct client *c, struct span rest)
{
    static const char separator[] = "\"/\" ";
    struct keeper *s = c->state;
    const char *at = memmem(rest.at, rest.len, separator, sizeof(separator) - 1);
    struct span name;

    if (at == NULL || rest.len < 2)
        return;
    name = span_after(rest, (size_t)(at - rest.at) + sizeof(separator) - 1);
    name.len -= 2; /* the line's end */
    if (name.len >= 2 && name.at[0] == '"')
        name = (struct span){name.at + 1, name.len - 2};
    for (unsigned i = 0; i < FOLDERS_NAMES; i++)
        s->seen.subscribed[i] |= span_eq(name, span_str(folders_names[i]));
}

/* COPYUID and APPENDUID name just the UIDs that were foretold. */
static void heard_new_uids(struct client *c, bool is_copy, struct span rest)
{
    struct keeper *s = c->state;
    const struct folders_change *change = &s->change;
    uint32_t validity, uids[FOLDERS_MESSAGES_MAX];
    bool is_right = imap_take_number(&rest, &validity);

    if (is_right && is_copy)
        is_right = imap_take_uids(&rest, uids, FOLDERS_MESSAGES_MAX) == change->uid_count &&
                   memcmp(uids, change->uids, change->uid_count * sizeof(uids[0])) == 0;
    is_right = is_right && s->step == KEEPER_CHANGE && s->word == FOLDERS_OK &&
               imap_take_uids(&rest, uids, FOLDERS_MESSAGES_MAX) == change->new_count;
    for (uint32_t i = 0; is_right && i < change->new_count; i++)
        is_right = uids[i] == change->new_uid + i;
    if (!is_right)
        run_violated(c->run, "%s: other UIDs than foretold: %u and %u from there on", c->name,
                     change->new_uid, change->new_count);
    else
        folders_validity(c->run, book_of(c), &book_of(c)->then, change->to, validity);
}

static void heard_code(struct client *c, struct span rest)
{
    struct keeper *s = c->state;
    struct folder *f = &s->seen.at[s->name < FOLDERS_NAMES ? s->name : 0];
    struct span name = imap_take_word(&rest);

    if (span_eq(name, SPAN("[COPYUID")))
        heard_new_uids(c, true, rest);
    else if (span_eq(name, SPAN("[APPENDUID")))
        heard_new_uids(c, false, rest);
    else if (s->step == KEEPER_EXAMINE && span_eq(name, SPAN("[UIDVALIDITY")))
        (void)!imap_take_number(&rest, &f->uid_validity);
    else if (s->step == KEEPER_EXAMINE && span_eq(name, SPAN("[UIDNEXT")))
        (void)!imap_take_number(&rest, &f->uid_next);
}

static void heard_untagged(struct client *c, struct span rest)
{
    struct keeper *s = c->state;
    uint32_t number;
    struct span name;

    if (imap_take_number(&rest, &number)) {
        name = imap_take_word(&rest);
        if (span_eq(name, SPAN("EXISTS")))
            s->exists = number;
        else if (span_eq(name, SPAN("FETCH")))
            heard_fetch(c, number, rest);
        return;
    }
    name = imap_take_word(&rest);
    if (span_eq(name, SPAN("OK"))) {
        s->is_greeted = true;
        heard_code(c, rest);
    } else if (span_eq(name, SPAN("LSUB"))) {
        heard_lsub(c, rest);
    } else if (span_eq(name, SPAN("BYE"))) {
        s->is_over = true;
    }
}

/* ---- what it hears: tagged ---- */

static void next_name(struct client *c)
{
    struct keeper *s = c->state;

    s->step = ++s->name < FOLDERS_NAMES ? KEEPER_EXAMINE : KEEPER_LSUB;
}

static void next_change(struct client *c)
{
    struct keeper *s = c->state;

    if (s->changes_left == 0 || !choose_change(c)) {
        s->step = KEEPER_LOGOUT;
        return;
    }
    s->changes_left--;
    s->step = step_to_change(c);
}

/* Nothing is wrong with a NO that says that it is the server's trouble. */
static bool is_trouble(struct span text)
{
    static const char *const codes[] = {"[UNAVAILABLE]", "[LIMIT]", "[OVERQUOTA]"};

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (memmem(text.at, text.len, codes[i], strlen(codes[i])) != NULL)
            return true;
    }
    return false;
}

static void changed(struct client *c, bool ok, struct span text)
{
    struct keeper *s = c->state;

    if (ok && s->word == FOLDERS_NO)
        run_violated(c->run, "%s: t%u was OK, and can't be", c->name, s->tag);
    if (!ok && s->word == FOLDERS_OK && !is_trouble(text))
        run_violated(c->run, "%s: t%u was refused: %.*s", c->name, s->tag, (int)text.len, text.at);
    if (ok)
        heard_code(c, text);
    folders_end(book_of(c), ok);
    next_change(c);
}

static void examined(struct client *c, bool ok, struct span text)
{
    struct keeper *s = c->state;

    if (!ok && memmem(text.at, text.len, "[NONEXISTENT]", 13) == NULL) {
        s->step = KEEPER_LOGOUT; /* in trouble */
        return;
    }
    s->seen.at[s->name].exists = ok;
    book_of(c)->is_account = true;
    if (ok && s->exists > 0)
        s->step = KEEPER_FETCH;
    else
        next_name(c);
}

static void read_all(struct client *c, bool ok)
{
    struct keeper *s = c->state;

    s->step = KEEPER_LOGOUT;
    if (!ok)
        return;
    folders_seen(c->run, book_of(c), &s->seen, c->name);
    if (!c->run->failed)
        next_change(c);
}

static void heard_tagged(struct client *c, bool ok, struct span text)
{
    struct keeper *s = c->state;

    s->is_waiting = false;
    switch (s->step) {
    case KEEPER_LOGIN:
        s->step = ok ? KEEPER_EXAMINE : KEEPER_LOGOUT;
        break;
    case KEEPER_EXAMINE:
        examined(c, ok, text);
        break;
    case KEEPER_FETCH:
        if (ok)
            next_name(c);
        else
            s->step = KEEPER_LOGOUT;
        break;
    case KEEPER_LSUB:
        read_all(c, ok);
        break;
    case KEEPER_SELECT:
    case KEEPER_UNSELECT:
        s->selected = ok && s->step == KEEPER_SELECT ? (int)s->change.from : -1;
        if (!ok)
            folders_end(book_of(c), false); /* it was not even said */
        s->step = ok ? KEEPER_CHANGE : KEEPER_LOGOUT;
        break;
    case KEEPER_CHANGE:
        changed(c, ok, text);
        break;
    case KEEPER_LOGOUT:
    default:
        s->is_over = true;
        break;
    }
}

static size_t keeper_hear(struct client *c, struct span heard)
{
    struct keeper *s = c->state;
    size_t len = imap_response_len(heard);
    struct span rest = span_first(heard, len), status;
    uint32_t tag;

    if (len == 0)
        return 0;
    if (rest.at[0] == '*') {
        heard_untagged(c, span_after(rest, 2));
        return len;
    }
    rest = span_after(rest, 1);
    if (!imap_take_number(&rest, &tag) || tag != s->tag || !s->is_waiting) {
        run_violated(c->run, "%s: an answer to nothing that was asked", c->name);
        return len;
    }
    status = imap_take_word(&rest);
    if (span_eq(status, SPAN("BAD")) || memmem(rest.at, rest.len, "[SERVERBUG]", 11) != NULL)
        run_violated(c->run, "%s: t%u: %.*s", c->name, tag, (int)rest.len, rest.at);
    heard_tagged(c, span_eq(status, SPAN("OK")), rest);
    return len;
}

const struct client_kind client_keeper = {
    "keeper",          CLIENT_IMAP_PORT, keeper_begin, keeper_hear,
    keeper_is_waiting, keeper_act,       keeper_lost,  NULL};
