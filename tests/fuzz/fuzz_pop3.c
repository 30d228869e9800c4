/*
 * fuzz_pop3: any bytes as a client, in two cuts: the answers, the messages that are left and the
 * log's notes must be the same. First byte: settings, and whether the client is logged in already;
 * second: where the cuts are.
 */

#include <string.h>

#include "core/base/ensure.h"
#include "tests/fuzz/fuzz.h"
#include "tests/session/pop3_world.h"

struct run {
    struct pop3_world world;
    struct session *session;
    struct chain kept, said, notes;
    unsigned answered;
};

static void run_answer(struct run *r, unsigned settings)
{
    struct request *request = session_take_request(r->session);
    bool fails = (settings & 16) != 0 && request->kind != REQUEST_AUTH && r->answered++ % 3 == 2;

    do {
        pop3_world_answer(&r->world, request, fails ? REQUEST_TRY_LATER : REQUEST_OK);
        chain_move(&r->session->out, &request->out);
    } while (request->more);
    r->session->ops->reply(r->session, request);
}

static void run_feed(struct run *r, unsigned settings, struct span bytes)
{
    static const struct session_tls tls = {.version = "TLSv1.3"};
    size_t eaten = 1;

    chain_add(&r->kept, bytes);
    while (r->session->want == SESSION_WANT_REPLY ||
           (r->session->want == SESSION_WANT_INPUT && r->kept.len > 0 && eaten > 0)) {
        if (r->session->want == SESSION_WANT_REPLY) {
            run_answer(r, settings);
            eaten = 1;
            continue;
        }
        eaten = session_feed(r->session, chain_flat(&r->kept));
        chain_drop(&r->kept, eaten);
        /* What came behind STLS depends on the cuts, so here it is kept, not thrown away. */
        if (r->session->want == SESSION_WANT_TLS)
            r->session->ops->tls_started(r->session, &tls);
    }
    ensure(r->kept.len < SESSION_INPUT_MAX || r->session->want == SESSION_WANT_CLOSE);
    chain_move(&r->said, &r->session->out);
}

static void run_play(struct run *r, unsigned settings, struct span bytes, size_t step)
{
    *r = (struct run){0};
    pop3_world_init(&r->world, &r->notes);
    r->world.settings.offers_tls = settings & 1;
    r->world.settings.sasl.allow_clear = !(settings & 2);
    r->world.settings.no_nuls = r->world.settings.adds_end_of_header = settings & 4;
    r->session = pop3_world_session(&r->world);
    r->session->ops->start(r->session);
    if (settings & 8)
        run_feed(r, 0, SPAN("AUTH PLAIN AHZhZ3JhbnQAcGFzc3dvcmQ=\r\n"));
    while (bytes.len > 0 && r->session->want == SESSION_WANT_INPUT) {
        run_feed(r, settings, span_first(bytes, step));
        bytes = span_after(bytes, step);
    }
    if (r->session->want != SESSION_WANT_CLOSE)
        r->session->ops->hangup(r->session, SESSION_TIMED_OUT);
    chain_move(&r->said, &r->session->out);
    ensure(!r->world.is_locked);
    r->session->ops->end(r->session);
    chain_free(&r->kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, cut;
    struct span bytes = {(const char *)data + 2, size - 2};

    if (size < 2 || size > 32768)
        return 0;
    run_play(&whole, data[0], bytes, bytes.len + 1);
    run_play(&cut, data[0], bytes, 1u + data[1] % 16);
    ensure(span_eq(chain_flat(&whole.said), chain_flat(&cut.said)));
    ensure(span_eq(chain_flat(&whole.notes), chain_flat(&cut.notes)));
    ensure(memcmp(whole.world.is_gone, cut.world.is_gone, sizeof(cut.world.is_gone)) == 0);
    ensure(memcmp(whole.world.is_seen, cut.world.is_seen, sizeof(cut.world.is_seen)) == 0);
    chain_free(&whole.said);
    chain_free(&cut.said);
    chain_free(&whole.notes);
    chain_free(&cut.notes);
    return 0;
}
