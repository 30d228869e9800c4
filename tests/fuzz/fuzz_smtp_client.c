/*
 * fuzz_smtp_client: any bytes as the host that we deliver to, in two cuts that the input itself
 * chooses: what we say, and what becomes of each recipient, must be the same. First byte: settings;
 * second: how the conversation is cut and how it ends. Nothing may be taken for delivered that was
 * not answered, and what client_world ensures must hold.
 */
#include "core/base/attr.h"
#include "core/base/ensure.h"
#include "tests/fuzz/fuzz.h"
#include "tests/session/client_world.h"

enum {
    ROUNDS_MAX = 1 << 20, /* steps of a conversation: it must end by itself */
};

struct run {
    struct client_world world;
    struct session *session;
    struct chain said, notes;
};

static void run_open(struct run *r, unsigned settings)
{
    static const char *const tls[] = {"none", "may", "encrypt", "verify"};

    client_world_init(&r->world, &r->notes);
    if (settings & 1)
        client_world_set(&r->world, SPAN("lmtp"), SPAN(""));
    client_world_set(&r->world, SPAN("tls"), span_str(tls[settings >> 1 & 3]));
    if (settings & 8) {
        client_world_set(&r->world, SPAN("user"), SPAN("u"));
        client_world_set(&r->world, SPAN("password"), SPAN("p"));
        client_world_set(&r->world, SPAN("clear-login"), SPAN(""));
    }
    if (settings & 16)
        client_world_set(&r->world, SPAN("no-ahead"), SPAN(""));
    client_world_set(&r->world, SPAN("mail"), SPAN("a@a b@b,c@c,d@d notify=success"));
    client_world_set(&r->world, SPAN("body"), SPAN("A: b\\r\\n\\r\\n.\\xff\\n.\\r\\r\\n"));
    client_world_set(&r->world, SPAN("mail"), SPAN("a@a e@e 8bit"));
    if (settings & 32)
        client_world_set(&r->world, SPAN("pad"), SPAN("300000"));
    client_world_set(&r->world, SPAN("mail"), SPAN("a@a f@f,g@g binary by=10;R"));
    client_world_set(&r->world, SPAN("later"), SPAN("a@a h@h priority=4"));
    r->session = client_world_session(&r->world);
    r->session->ops->start(r->session);
}

/* All that the session can do with what is there. */
static void run_steps(struct run *r, struct chain *kept)
{
    static const struct session_tls tls = {.version = "TLSv1.3"};
    struct session *s = r->session;
    size_t eaten = 1;

    for (unsigned rounds = 0; s->want != SESSION_WANT_CLOSE; rounds++) {
        ensure(rounds < ROUNDS_MAX);
        if (s->want == SESSION_WANT_REPLY) {
            struct request *request = session_take_request(s);

            client_world_answer(&r->world, request);
            s->ops->reply(s, request);
        } else if (s->want == SESSION_WANT_TLS) {
            s->ops->tls_started(s, &tls);
        } else if (s->more) {
            s->ops->room(s);
        } else if (kept->len > 0 && eaten > 0) {
            eaten = session_feed(s, chain_flat(kept));
            chain_drop(kept, eaten);
        } else {
            break;
        }
        chain_move(&r->said, &s->out);
    }
    ensure(kept->len < SESSION_INPUT_MAX);
}

static void run_play(struct run *r, const uint8_t *how, struct span bytes, size_t step)
{
    static const enum session_end ends[] = {SESSION_PEER_CLOSED, SESSION_TIMED_OUT,
                                            SESSION_SHUTDOWN, SESSION_OVERLOADED};
    struct chain kept = {0};

    *r = (struct run){0};
    run_open(r, how[0]);
    while (bytes.len > 0 && r->session->want != SESSION_WANT_CLOSE) {
        chain_add(&kept, span_first(bytes, step));
        bytes = span_after(bytes, step);
        run_steps(r, &kept);
    }
    if (r->session->want != SESSION_WANT_CLOSE)
        r->session->ops->hangup(r->session, ends[how[1] >> 6]);
    ensure(r->session->want == SESSION_WANT_CLOSE);
    chain_move(&r->said, &r->session->out);
    r->session->ops->end(r->session);
    client_world_close(&r->world);
    chain_free(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, cut;
    struct span bytes;

    if (size < 2 || size > 32768)
        return 0;
    /* Cuts matter where what follows STARTTLS's answer is an injection or came later. */
    if ((data[0] >> 1 & 3) != 0 && data[1] % 16 != 0)
        return 0;
    bytes = (struct span){(const char *)data + 2, size - 2};
    run_play(&whole, data, bytes, (data[0] >> 1 & 3) != 0 ? 1 : bytes.len + 1);
    run_play(&cut, data, bytes, 1u + data[1] % 16);
    ensure(span_eq(chain_flat(&whole.said), chain_flat(&cut.said)));
    ensure(span_eq(chain_flat(&whole.notes), chain_flat(&cut.notes)));
    chain_free(&whole.said);
    chain_free(&cut.said);
    chain_free(&whole.notes);
    chain_free(&cut.notes);
    return 0;
}
