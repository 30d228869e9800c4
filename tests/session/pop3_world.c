#include "tests/session/pop3_world.h"

#include <string.h>

#include "core/base/ensure.h"
#include "proto/pop3/pop3_write.h"
#include "proto/sasl/auth_request.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct {
    uint32_t uid;
    struct span text;
} messages[POP3_WORLD_MESSAGES] = {
    {1, TEXT("Subject: one\r\n\r\nbody\r\n")              },
    {2, TEXT(".first\r\nS: 2\r\n\r\n.\r\n..\r\nno end")   },
    {5, TEXT("Subject: three\r\n\r\n1\r\n2\r\n3\r\n4\r\n")},
};

struct span pop3_world_text(unsigned index)
{
    return messages[index].text;
}

/* ---- the host ---- */

static struct pop3_world *world_of(const struct pop3_host *h)
{
    return CONTAINER_OF((struct pop3_host *)h, struct pop3_world, host);
}

static const struct pop3_settings *world_settings(const struct pop3_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &world_of(h)->settings;
}

static void world_settings_done(const struct pop3_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static enum pop3_lock world_lock(const struct pop3_host *h, const struct pop3_settings *settings,
                                 struct span account)
{
    struct pop3_world *w = world_of(h);

    ensure(span_eq(account, SPAN("vagrant@mailserver.local")));
    if (w->is_locked)
        return POP3_LOCK_HELD;
    if (settings->login_delay_s > 0 && w->locks > 0)
        return POP3_LOCK_TOO_SOON;
    w->is_locked = true;
    w->locks++;
    return POP3_LOCK_TAKEN;
}

static void world_unlock(const struct pop3_host *h, const struct pop3_settings *settings,
                         struct span account)
{
    (void)settings;
    ensure(span_eq(account, SPAN("vagrant@mailserver.local")));
    ensure(world_of(h)->is_locked);
    world_of(h)->is_locked = false;
}

static void world_seen(const struct pop3_host *h, const struct pop3_maildrop *drop)
{
    for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++) {
        uint32_t number = imap_view_seq(drop->uids, messages[i].uid);

        if (number != 0 && pop3_marks_has(&drop->seen, number))
            world_of(h)->is_seen[i] = true;
    }
}

static void world_note(const struct pop3_host *h, const struct pop3_note *note)
{
    static const char *const kinds[] = {"login", "login-ended", "session-ended"};
    struct pop3_world *w = world_of(h);

    w->notes_count++;
    if (w->notes == NULL)
        return;
    chain_addf(w->notes, "%s user=<%.*s> method=%s attempts=%u", kinds[note->kind],
               (int)note->user.len, note->user.at, note->method, note->attempts);
    if (note->kind == POP3_NOTE_SESSION_ENDED)
        chain_addf(w->notes, " top=%u retr=%u del=%u/%u size=%u", (unsigned)note->top_count,
                   (unsigned)note->retr_count, note->deleted, note->messages,
                   (unsigned)note->octets);
    if (note->reason != NULL)
        chain_addf(w->notes, " %s", note->reason);
    chain_add(w->notes, SPAN("\n"));
}

void pop3_world_init(struct pop3_world *w, struct chain *notes)
{
    *w = (struct pop3_world){.settings = POP3_SETTINGS_DEFAULT, .notes = notes};
    w->host = (struct pop3_host){world_settings, world_settings_done, world_lock,
                                 world_unlock,   world_seen,          world_note};
}

struct session *pop3_world_session(struct pop3_world *w)
{
    static const struct session_peer peer = {
        .connection = 1, .address = "10.0.2.2", .local_address = "10.0.2.15", .can_tls = true};

    return pop3_session_new(&w->host, &peer);
}

/* ---- the runs ---- */

static void answer_auth(struct request *request)
{
    struct auth_request *r = (struct auth_request *)request;
    bool plain = span_eq(chain_flat(&r->response), (struct span){"\0vagrant\0password", 17});
    bool login = span_eq(chain_flat(&r->user), SPAN("vagrant")) &&
                 span_eq(chain_flat(&r->password), SPAN("password"));

    struct span name = span_after(chain_flat(&r->response), 1);

    auth_request_tried(r, name.len > 0 ? name : chain_flat(&r->user));
    request->status = plain || login ? REQUEST_OK : REQUEST_REFUSED;
    memcpy(r->account, "vagrant@mailserver.local", 25);
}

static void answer_open(struct pop3_world *w, struct pop3_maildrop *drop)
{
    pop3_maildrop_open(drop, 1, 0x0102a3f4, 6);
    for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++) {
        if (w->is_gone[i])
            continue;
        drop->messages++;
        drop->octets += messages[i].text.len;
    }
}

static void answer_number(struct pop3_world *w, struct pop3_maildrop *drop)
{
    for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++) {
        if (!w->is_gone[i])
            imap_view_append(drop->uids, (struct imap_range){messages[i].uid, messages[i].uid});
    }
    drop->has_numbers = true;
}

/* The number of a message that is there and not marked as deleted; 0: it is not. */
static uint32_t number_of(const struct pop3_world *w, const struct pop3_maildrop *drop, unsigned i)
{
    uint32_t number = w->is_gone[i] ? 0 : imap_view_seq(drop->uids, messages[i].uid);

    return number == 0 || pop3_marks_has(&drop->deleted, number) ? 0 : number;
}

static void answer_stat(const struct pop3_world *w, struct pop3_stat_request *r)
{
    for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++) {
        if (w->is_gone[i] || (r->pop3.drop->has_numbers && number_of(w, r->pop3.drop, i) == 0))
            continue;
        r->messages++;
        r->octets += messages[i].text.len;
    }
}

static void list_line(const struct pop3_list_request *r, struct chain *out, uint32_t number,
                      unsigned i)
{
    if (r->by_uid)
        pop3_write_uidl(out, number, messages[i].uid, r->pop3.drop->uids->uid_validity);
    else
        pop3_write_size(out, number, messages[i].text.len);
}

static void answer_list(const struct pop3_world *w, struct pop3_list_request *r)
{
    const struct pop3_maildrop *drop = r->pop3.drop;
    struct chain *out = &r->pop3.base.out;

    if (r->number != 0)
        pop3_write_ok(out);
    else if (r->by_uid)
        pop3_write_uidl_begin(out);
    else
        pop3_write_list_begin(out, pop3_maildrop_count(drop) - drop->deleted.count);
    for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++) {
        uint32_t number = number_of(w, drop, i);

        if (number != 0 && (r->number == 0 || r->number == number))
            list_line(r, out, number, i);
    }
    if (r->number == 0)
        pop3_write_list_end(out);
}

/* The message of a number, gone or not. */
static unsigned index_of(const struct pop3_maildrop *drop, uint32_t number)
{
    unsigned i = 0;

    while (messages[i].uid != imap_view_uid(drop->uids, number))
        i++;
    return i;
}

/* In blocks of eight bytes, a block each time the request is run. */
static void answer_retr(struct pop3_world *w, struct pop3_retr_request *r)
{
    struct chain *out = &r->pop3.base.out;
    unsigned i = index_of(r->pop3.drop, r->number);
    struct span block, piece;
    bool dot;

    if (!r->pop3.has_begun) {
        r->stuff = pop3_stuff_begin(r->lines, r->pop3.settings->no_nuls);
        if (r->lines == POP3_ALL_LINES)
            pop3_write_retr_begin(out, messages[i].text.len);
        else
            pop3_write_top_begin(out);
        r->pop3.has_begun = true;
        r->is_seen = w->is_seen[i];
        w->was_utf8 = r->is_utf8;
    }
    block = span_first(span_after(messages[i].text, r->at), 8);
    r->at += (uint32_t)block.len;
    block = pop3_stuff_want(&r->stuff, block);
    while (pop3_stuff_next(&r->stuff, &block, &piece, &dot)) {
        if (dot)
            chain_add_byte(out, '.');
        pop3_stuff_copy(&r->stuff, piece, out);
    }
    r->pop3.base.more = r->at < messages[i].text.len && !r->stuff.is_cut;
    if (!r->pop3.base.more)
        pop3_stuff_end(&r->stuff, r->pop3.settings->adds_end_of_header, out);
}

static void answer_quit(struct pop3_world *w, struct pop3_quit_request *r)
{
    const struct pop3_maildrop *drop = r->pop3.drop;
    struct imap_range uids;
    uint32_t number = 0;

    world_seen(&w->host, drop);
    while (pop3_marks_next(&drop->deleted, NULL, drop, &number, &uids)) {
        for (unsigned i = 0; i < POP3_WORLD_MESSAGES; i++)
            w->is_gone[i] |= messages[i].uid >= uids.from && messages[i].uid <= uids.to;
    }
    w->updates++;
}

void pop3_world_answer(struct pop3_world *w, struct request *r, enum request_status how)
{
    struct pop3_request *pop3 = (struct pop3_request *)r;

    r->more = false;
    r->status = how;
    if (how != REQUEST_OK)
        return;
    switch (r->kind) {
    case REQUEST_AUTH:
        answer_auth(r);
        break;
    case REQUEST_POP3_OPEN:
        answer_open(w, pop3->drop);
        break;
    case REQUEST_POP3_NUMBER:
        answer_number(w, pop3->drop);
        break;
    case REQUEST_POP3_STAT:
        answer_stat(w, (struct pop3_stat_request *)r);
        break;
    case REQUEST_POP3_LIST:
        answer_list(w, (struct pop3_list_request *)r);
        break;
    case REQUEST_POP3_RETR:
        answer_retr(w, (struct pop3_retr_request *)r);
        break;
    default:
        answer_quit(w, (struct pop3_quit_request *)r);
        break;
    }
}
