#include "tests/fuzz/fuzz_imap_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_requests.h"
#include "proto/imap/imap_session.h"
#include "proto/sasl/auth_request.h"
#include "tests/unit/service/imap_response.h"

struct play {
    struct imap_host host;
    struct imap_settings settings;
    struct session *session;
    struct chain kept, said;
    unsigned answered, notes;
};

static const struct imap_settings *play_settings(const struct imap_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &CONTAINER_OF(h, const struct play, host)->settings;
}

static void play_settings_done(const struct imap_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static void play_note(const struct imap_host *h, const struct imap_note *note)
{
    CONTAINER_OF((struct imap_host *)h, struct play, host)->notes += note->kind != IMAP_NOTE_LOGIN;
}

/* Whole lines and no NUL; a block may begin between CR and LF. */
static void play_check_append(struct imap_append_request *r)
{
    struct span body = chain_flat(&r->body);

    ensure(r->message_count >= 1 && r->message_count <= IMAP_APPEND_MESSAGES_MAX + 1);
    ensure(r->body_of < r->message_count);
    ensure(body.len <= 2 * IMAP_APPEND_BLOCK);
    for (size_t i = 0; i < body.len; i++) {
        ensure(body.at[i] != '\0');
        ensure(i == 0 || body.at[i] != '\n' || body.at[i - 1] == '\r');
    }
    chain_free(&r->body);
}

/* What requests may hold, whatever was sent. */
static void play_check(struct imap_request *r)
{
    const struct imap_settings *settings = r->settings;

    if (r->base.kind == REQUEST_IMAP_SEARCH) {
        const struct imap_search_request *search = (const struct imap_search_request *)r;
        uint64_t left = 1;

        ensure(search->node_count <= settings->search_key_max);
        for (unsigned i = 0; i < search->node_count; i++) {
            ensure(left > 0);
            left += search->nodes[i].op <= IMAP_SEARCH_NOT ? search->nodes[i].count : 0;
            left--;
        }
        ensure(left == 0);
    } else if (r->base.kind == REQUEST_IMAP_FETCH) {
        const struct imap_fetch_request *fetch = (const struct imap_fetch_request *)r;

        ensure(fetch->section_count <= IMAP_SECTIONS_MAX);
        for (size_t i = 1; i < fetch->uids.count; i++)
            ensure(fetch->uids.at[i - 1].to < fetch->uids.at[i].from);
    } else if (r->base.kind == REQUEST_IMAP_APPEND) {
        play_check_append((struct imap_append_request *)r);
    } else if (r->base.kind == REQUEST_IMAP_COPY) {
        r->changed.at = xcalloc(2, sizeof(*r->changed.at));
        r->changed.at[0] = (struct imap_range){3, 4};
        r->changed.at[1] = (struct imap_range){9, 9};
        r->changed.count = 2;
    } else if (r->base.kind == REQUEST_IMAP_STORE) {
        ensure(((const struct imap_store_request *)r)->keyword_count <= settings->keyword_max);
    }
}

static void play_answer(struct play *p)
{
    static const enum request_status statuses[] = {REQUEST_OK, REQUEST_OK, REQUEST_NOT_FOUND,
                                                   REQUEST_OK, REQUEST_FULL};
    struct request *r = session_take_request(p->session);

    r->status = REQUEST_OK;
    if (r->kind == REQUEST_AUTH) {
        struct auth_request *auth = (struct auth_request *)r;

        if (!span_eq(chain_flat(&auth->user), SPAN("vagrant")))
            r->status = REQUEST_REFUSED;
        memcpy(auth->account, "vagrant@mailserver.local", 25);
    } else {
        play_check((struct imap_request *)r);
        r->status = statuses[p->answered++ % COUNT_OF(statuses)];
    }
    if (r->kind == REQUEST_IMAP_SELECT && r->status == REQUEST_OK)
        imap_view_append(((struct imap_request *)r)->view, (struct imap_range){3, 9});
    p->session->ops->reply(p->session, r);
}

static void play_feed(struct play *p, struct span bytes)
{
    size_t eaten = 1;

    chain_add(&p->kept, bytes);
    while (p->session->want == SESSION_WANT_REPLY ||
           (p->session->want == SESSION_WANT_INPUT && p->kept.len > 0 && eaten > 0)) {
        if (p->session->want == SESSION_WANT_REPLY) {
            play_answer(p);
            eaten = 1;
            continue;
        }
        eaten = session_feed(p->session, chain_flat(&p->kept));
        chain_drop(&p->kept, eaten);
    }
    chain_move(&p->said, &p->session->out);
}

static void play_run(struct play *p, struct span before, struct span bytes, size_t step)
{
    static const struct session_peer peer = {.connection = 1, .address = "10.0.2.2"};

    *p = (struct play){.settings = IMAP_SETTINGS_DEFAULT};
    p->host = (struct imap_host){play_settings, play_settings_done, play_note};
    p->session = imap_session_new(&p->host, &peer);
    p->session->ops->start(p->session);
    play_feed(p, before);
    while (bytes.len > 0 && p->session->want == SESSION_WANT_INPUT) {
        play_feed(p, span_first(bytes, step));
        bytes = span_after(bytes, step);
        ensure(p->kept.len < SESSION_INPUT_MAX || p->session->want == SESSION_WANT_CLOSE);
    }
    if (p->session->want == SESSION_WANT_INPUT) {
        p->session->ops->poke(p->session);
        play_feed(p, SPAN(""));
    }
    if (p->session->want == SESSION_WANT_INPUT)
        p->session->ops->idle(p->session);
    if (p->session->want != SESSION_WANT_CLOSE)
        p->session->ops->hangup(p->session, SESSION_TIMED_OUT);
    chain_move(&p->said, &p->session->out);
    ensure(p->notes == 1);
    p->session->ops->end(p->session);
    chain_free(&p->kept);
}

void fuzz_imap_play(struct span before, struct span bytes, size_t step)
{
    struct play whole, cut;
    struct imap_client_view view = {.exists = 7};
    struct span at;
    const char *why;

    play_run(&whole, before, bytes, bytes.len + 1);
    play_run(&cut, before, bytes, step);
    if (!span_eq(chain_flat(&whole.said), chain_flat(&cut.said))) {
        fprintf(stderr, "said at once:\n%.*s\nsaid in cuts of %zu:\n%.*s\n", (int)whole.said.len,
                chain_flat(&whole.said).at, step, (int)cut.said.len, chain_flat(&cut.said).at);
        abort();
    }
    ensure(whole.answered == cut.answered);
    if (!imap_response_read(chain_flat(&whole.said), &view, &why, &at)) {
        fprintf(stderr, "expected %s:\n%.*s\n", why, (int)at.len, at.at);
        abort();
    }
    chain_free(&whole.said);
    chain_free(&cut.said);
}
