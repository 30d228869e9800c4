/*
 * POP3 clients: they read and delete in an INBOX that IMAP clients and deliveries work on too. What
 * they list, read and remove is held against the same model.
 *
 * What a session marked is gone with the answer to its QUIT, and not before the QUIT; what it read
 * becomes \Seen some time after its last word (RFC 1939 has no word for it).
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_imap_parse.h"

enum {
    POP3_MESSAGES_MAX = 1200, /* in a maildrop */
    POP3_AWAITED_MAX = 8,
    POP3_SESSION_COMMANDS = 15,
    POP3_THINK_MS = 100,
};

enum pop3_kind {
    POP3_GREETING,
    POP3_USER,
    POP3_PASS,
    POP3_UIDL, /* all */
    POP3_LIST, /* one */
    POP3_RETR,
    POP3_TOP, /* without a line of the body */
    POP3_DELE,
    POP3_RSET,
    POP3_OTHER,
    POP3_QUIT,
};

struct pop3_awaited {
    enum pop3_kind kind;
    uint32_t number;
};

struct pop3 {
    struct pop3_awaited awaited[POP3_AWAITED_MAX];
    unsigned awaited_count;
    bool has_user, is_in, has_listed, is_over;
    unsigned account, commands_left;
    uint64_t asked;                   /* tick of the login */
    uint32_t uids[POP3_MESSAGES_MAX]; /* by number - 1; 0: not listed */
    bool is_deleted[POP3_MESSAGES_MAX];
    uint32_t count;
    uint32_t taken[POP3_MESSAGES_MAX]; /* UIDs that the QUIT removes */
    uint32_t taken_count;
};

static struct model *model_of(const struct client *c)
{
    return c->run->model;
}

static unsigned box_of(const struct pop3 *s)
{
    return s->account * 2;
}

static void await(struct pop3 *s, enum pop3_kind kind, uint32_t number)
{
    ensure(s->awaited_count < POP3_AWAITED_MAX);
    s->awaited[s->awaited_count++] = (struct pop3_awaited){kind, number};
}

static void pop3_begin(struct client *c)
{
    struct pop3 *s = c->state;

    if (s == NULL)
        s = c->state = xmalloc(sizeof(*s));
    *s = (struct pop3){.commands_left = 2 + (unsigned)run_dice(c->run, POP3_SESSION_COMMANDS)};
    s->account = run_one_in(c->run, 2) ? 0 : (unsigned)run_dice(c->run, MODEL_ACCOUNTS);
    await(s, POP3_GREETING, 0);
    c->run->counts.pop3_sessions++;
}

static bool pop3_is_waiting(const struct client *c)
{
    const struct pop3 *s = c->state;

    return s->awaited_count > 0 || s->is_over;
}

static void pop3_lost(struct client *c)
{
    struct pop3 *s = c->state;

    s->awaited_count = 0;
    s->is_over = true;
}

/* ---- what it says ---- */

static void say(struct client *c, enum pop3_kind kind, uint32_t number, const char *word,
                const char *rest)
{
    struct chain line = {0};

    await(c->state, kind, number);
    chain_addf(&line, "%s", word);
    if (number > 0)
        chain_addf(&line, " %u", number);
    chain_addf(&line, "%s\r\n", rest);
    client_say(c, chain_flat(&line));
    chain_free(&line);
}

static void say_login(struct client *c)
{
    struct pop3 *s = c->state;
    const char *name = model_account_names[s->account];
    struct chain word = {0};

    chain_addf(&word, s->has_user ? "PASS %s-secret" : "USER %s", name);
    chain_add_byte(&word, '\0');
    s->asked = ++c->run->tick;
    say(c, s->has_user ? POP3_PASS : POP3_USER, 0, chain_flat(&word).at, "");
    s->has_user = true;
    chain_free(&word);
}

/* One that was listed and is not deleted; 0: none was found. */
static uint32_t choose(struct client *c)
{
    const struct pop3 *s = c->state;
    uint32_t number = s->count == 0 ? 0 : 1 + (uint32_t)run_dice(c->run, s->count);

    return number > 0 && s->uids[number - 1] != 0 && !s->is_deleted[number - 1] ? number : 0;
}

static void say_retr(struct client *c, uint32_t number)
{
    struct pop3 *s = c->state;

    /* It is never known to have ended: a session that breaks marks what it read later. */
    (void)model_change_begin(model_of(c), box_of(s), &s->uids[number - 1], 1, MODEL_ADD,
                             MODEL_SEEN);
    say(c, POP3_RETR, number, "RETR", "");
}

/* Only what is known: else the model would miss a mail that nobody had seen. */
static void say_dele(struct client *c, uint32_t number)
{
    const struct pop3 *s = c->state;
    const struct model_message *message =
        model_find(&model_of(c)->boxes[box_of(s)], s->uids[number - 1]);

    if (message->mail != 0)
        say(c, POP3_DELE, number, "DELE", "");
    else
        say(c, POP3_TOP, number, "TOP", " 0");
}

static void say_quit(struct client *c)
{
    struct pop3 *s = c->state;

    s->taken_count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->is_deleted[i])
            s->taken[s->taken_count++] = s->uids[i];
    }
    model_take_begin(model_of(c), box_of(s), s->taken, s->taken_count);
    say(c, POP3_QUIT, 0, "QUIT", "");
}

static void say_message_command(struct client *c)
{
    uint32_t number = choose(c);

    if (number == 0) {
        say(c, POP3_OTHER, 0, "NOOP", "");
        return;
    }
    switch (run_dice(c->run, 6)) {
    case 0:
        say(c, POP3_LIST, number, "LIST", "");
        break;
    case 1:
        say(c, POP3_TOP, number, "TOP", " 0");
        break;
    case 2:
    case 3:
        say_dele(c, number);
        break;
    default:
        say_retr(c, number);
        break;
    }
}

static void say_something(struct client *c)
{
    static const char *const others[] = {"STAT", "LIST", "CAPA", "RETR 0", "DELE 99999", "FOO"};
    struct pop3 *s = c->state;

    s->commands_left--;
    switch (run_dice(c->run, 12)) {
    case 0:
        say(c, POP3_OTHER, 0, others[run_dice(c->run, COUNT_OF(others))], "");
        break;
    case 1:
        say(c, POP3_RSET, 0, "RSET", "");
        break;
    case 2: /* pipelined */
        say_message_command(c);
        say_message_command(c);
        say_message_command(c);
        break;
    default:
        say_message_command(c);
        break;
    }
}

static void pop3_act(struct client *c)
{
    struct pop3 *s = c->state;

    client_think(c, POP3_THINK_MS);
    if (!s->is_in)
        say_login(c);
    else if (!s->has_listed)
        say(c, POP3_UIDL, 0, "UIDL", "");
    else if (s->commands_left == 0)
        say_quit(c);
    else
        say_something(c);
}

/* ---- what it hears ---- */

/* "1 0000000102a3f4d5": 16 digits, the UID and UIDVALIDITY. */
static bool take_hex(struct span *rest, uint32_t *number_r)
{
    static const char digits[] = "0123456789abcdef";

    *number_r = 0;
    for (unsigned i = 0; i < 8; i++) {
        const char *digit = rest->len > i ? memchr(digits, rest->at[i], 16) : NULL;

        if (digit == NULL)
            return false;
        *number_r = *number_r << 4 | (uint32_t)(digit - digits);
    }
    *rest = span_after(*rest, 8);
    return true;
}

static bool heard_uid(struct client *c, struct span *rest)
{
    struct pop3 *s = c->state;
    uint32_t number, uid, validity;

    if (!imap_take_number(rest, &number) || number != s->count + 1 || number > POP3_MESSAGES_MAX ||
        !take_hex(rest, &uid) || !take_hex(rest, &validity) ||
        !span_eq(span_first(*rest, 2), SPAN("\r\n")))
        return false;
    *rest = span_after(*rest, 2);
    s->is_deleted[s->count] = false;
    s->uids[s->count++] = uid;
    model_uid_validity(model_of(c), box_of(s), validity);
    return model_seen(model_of(c), box_of(s), uid, 0) != NULL;
}

static void heard_uidl(struct client *c, struct span lines)
{
    struct pop3 *s = c->state;

    s->count = 0;
    while (lines.len > 0 && !c->run->failed) {
        if (!heard_uid(c, &lines))
            run_violated(c->run, "%s: this is no UIDL", c->name);
    }
    s->has_listed = true;
    model_listed_uids(model_of(c), box_of(s), s->uids, s->count, s->asked);
}

/* Takes the dots away that were added (RFC 1939 3). */
static struct span unstuff(struct span lines, struct chain *out)
{
    while (lines.len > 0) {
        const char *lf = memchr(lines.at, '\n', lines.len);
        size_t len = lf != NULL ? (size_t)(lf - lines.at) + 1 : lines.len;
        unsigned dot = lines.at[0] == '.';

        chain_add(out, (struct span){lines.at + dot, len - dot});
        lines = span_after(lines, len);
    }
    return chain_flat(out);
}

static void heard_message(struct client *c, struct pop3_awaited asked, struct span lines)
{
    struct pop3 *s = c->state;
    struct chain text = {0};
    struct span bytes = unstuff(lines, &text);
    uint32_t uid = s->uids[asked.number - 1];
    struct model_message *message;

    if (asked.kind == POP3_RETR && (message = model_seen(model_of(c), box_of(s), uid, 0)) != NULL)
        model_whole(model_of(c), box_of(s), message, bytes);
    else if (asked.kind == POP3_TOP)
        (void)model_seen(model_of(c), box_of(s), uid, model_mail_number(bytes));
    chain_free(&text);
}

static void heard_size(struct client *c, struct pop3_awaited asked, struct span rest)
{
    struct pop3 *s = c->state;
    struct model_message *message =
        model_find(&model_of(c)->boxes[box_of(s)], s->uids[asked.number - 1]);
    uint32_t number, size;

    if (!imap_take_number(&rest, &number) || number != asked.number ||
        !imap_take_number(&rest, &size) || message == NULL)
        run_violated(c->run, "%s: this is no LIST of %u", c->name, asked.number);
    else
        model_size(model_of(c), box_of(s), message, size);
}

/* What was refused as gone must be. */
static void heard_refusal(struct client *c, struct pop3_awaited asked, struct span line)
{
    struct pop3 *s = c->state;
    const struct model_message *message;

    if (asked.kind == POP3_GREETING || asked.kind == POP3_USER || asked.kind == POP3_PASS ||
        asked.kind == POP3_QUIT)
        s->is_over = true; /* in use, or short of something */
    if (asked.number == 0)
        return;
    message = model_find(&model_of(c)->boxes[box_of(s)], s->uids[asked.number - 1]);
    if (memmem(line.at, line.len, "damaged", 7) != NULL)
        run_violated(c->run, "%s: a message is damaged", c->name);
    else if (memmem(line.at, line.len, "expunged", 8) != NULL && !message->may_be_gone)
        run_violated(c->run, "LOST: %s was told that UID %u was expunged, by nobody", c->name,
                     message->uid);
}

static void heard_ok(struct client *c, struct pop3_awaited asked, struct span line,
                     struct span lines)
{
    struct pop3 *s = c->state;

    switch (asked.kind) {
    case POP3_PASS:
        s->is_in = true;
        break;
    case POP3_UIDL:
        heard_uidl(c, lines);
        break;
    case POP3_LIST:
        heard_size(c, asked, span_after(line, 4));
        break;
    case POP3_RETR:
    case POP3_TOP:
        heard_message(c, asked, lines);
        break;
    case POP3_DELE:
        s->is_deleted[asked.number - 1] = true;
        break;
    case POP3_RSET:
        memset(s->is_deleted, 0, sizeof(s->is_deleted));
        break;
    case POP3_QUIT:
        model_take_end(model_of(c), box_of(s), s->taken, s->taken_count);
        c->run->counts.expunged += s->taken_count;
        s->is_over = true;
        break;
    default:
        break;
    }
}

static bool has_lines(struct span line, enum pop3_kind kind)
{
    static const struct span listing = {"+OK", 3};

    if (!span_eq(span_first(line, 3), listing))
        return false;
    return kind == POP3_UIDL || kind == POP3_RETR || kind == POP3_TOP;
}

/* The lines of an answer behind its first one, without the dot; false: they are not all there. */
static bool take_lines(struct span rest, struct span *lines_r)
{
    const char *end;

    if (rest.len >= 3 && memcmp(rest.at, ".\r\n", 3) == 0) {
        *lines_r = span_first(rest, 0);
        return true;
    }
    end = rest.len < 5 ? NULL : memmem(rest.at, rest.len, "\r\n.\r\n", 5);
    if (end == NULL)
        return false;
    *lines_r = span_first(rest, (size_t)(end - rest.at) + 2);
    return true;
}

/* LIST and CAPA, which nobody reads, are heard line by line: their lines begin otherwise. */
static size_t pop3_hear(struct client *c, struct span heard)
{
    struct pop3 *s = c->state;
    const char *lf = heard.len > 0 ? memchr(heard.at, '\n', heard.len) : NULL;
    struct pop3_awaited asked;
    struct span line, lines = {"", 0};
    size_t len;

    if (lf == NULL)
        return 0;
    len = (size_t)(lf - heard.at) + 1;
    line = span_first(heard, len);
    if (line.at[0] != '+' && line.at[0] != '-')
        return len;
    if (s->awaited_count == 0) { /* it hangs up */
        s->is_over = true;
        return len;
    }
    asked = s->awaited[0];
    if (has_lines(line, asked.kind)) {
        if (!take_lines(span_after(heard, len), &lines))
            return 0;
        len += lines.len + 3;
    }
    s->awaited_count--;
    memmove(s->awaited, s->awaited + 1, s->awaited_count * sizeof(s->awaited[0]));
    if (line.at[0] == '+')
        heard_ok(c, asked, line, lines);
    else
        heard_refusal(c, asked, line);
    return len;
}

const struct client_kind client_pop3 = {"pop3",          CLIENT_POP3_PORT, pop3_begin, pop3_hear,
                                        pop3_is_waiting, pop3_act,         pop3_lost,  NULL};
