/*
 * fuzz_smtp: any bytes as a client, in two cuts that the input itself chooses: the answers must be
 * the same, and what is held stays bounded. First byte: settings; second: where the cuts are.
 */

#include "core/base/ensure.h"
#include "tests/fuzz/fuzz.h"
#include "tests/session/smtp_world.h"

struct run {
    struct smtp_world world;
    struct session *session;
    struct chain said;
    unsigned stored;
};

static void run_answer(struct run *r)
{
    struct request *request = session_take_request(r->session);
    struct smtp_store_request *mail = CONTAINER_OF(request, struct smtp_store_request, base);

    ensure(mail->body.len < 2 * SMTP_BODY_BLOCK);
    ensure(mail->recipient_count > 0);
    chain_free(&mail->body);
    if (request->kind == REQUEST_SMTP_STORE)
        r->stored++;
    request->status = r->stored % 3 == 2 ? REQUEST_TRY_LATER : REQUEST_OK;
    r->session->ops->reply(r->session, request);
}

static void run_play(struct run *r, unsigned settings, struct span bytes, size_t step)
{
    struct chain kept = {0};

    *r = (struct run){0};
    smtp_world_init(&r->world, settings & 1, NULL);
    r->world.may_xclient = settings & 2;
    r->world.settings.smtpd_helo_required = settings & 4;
    r->world.settings.message_size_limit = settings & 8 ? 64 : 10240000;
    r->world.settings.smtpd_recipient_limit = 5;
    if (settings & 16)
        r->world.settings.smtpd_forbid_bare_newline = SMTP_BARE_REJECT;
    r->session = smtp_world_session(&r->world);
    r->session->ops->start(r->session);
    while (bytes.len > 0 && r->session->want == SESSION_WANT_INPUT) {
        size_t eaten = 1;

        chain_add(&kept, span_first(bytes, step));
        bytes = span_after(bytes, step);
        while (r->session->want == SESSION_WANT_INPUT && kept.len > 0 && eaten > 0) {
            eaten = session_feed(r->session, chain_flat(&kept));
            chain_drop(&kept, eaten);
            if (r->session->want == SESSION_WANT_REPLY)
                run_answer(r);
        }
        ensure(kept.len < SESSION_INPUT_MAX);
    }
    chain_move(&r->said, &r->session->out);
    r->session->ops->end(r->session);
    chain_free(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, cut;
    struct span bytes = {(const char *)data + 2, size - 2};

    if (size < 2 || size > 32768)
        return 0;
    run_play(&whole, data[0], bytes, bytes.len + 1);
    run_play(&cut, data[0], bytes, 1u + data[1] % 16);
    ensure(whole.stored == cut.stored);
    ensure(span_eq(chain_flat(&whole.said), chain_flat(&cut.said)));
    chain_free(&whole.said);
    chain_free(&cut.said);
    return 0;
}
