/* transcript_smtp: SMTP and LMTP conversations. W: ok, later, full, or refused; in LMTP one word
 * for each recipient may follow. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/text/scan.h"
#include "tests/session/auth_play.h"
#include "tests/session/smtp_world.h"
#include "tests/session/transcript.h"

static void *smtp_open(bool is_lmtp, const struct transcript_setting *settings, unsigned count,
                       struct chain *notes, struct session **session_r)
{
    struct smtp_world *w = xmalloc(sizeof(*w));

    smtp_world_init(w, is_lmtp, notes);
    for (unsigned i = 0; i < count; i++) {
        if (!auth_play_set(&w->settings.sasl, settings[i].name, settings[i].value) &&
            !smtp_world_set(w, settings[i].name, settings[i].value)) {
            fprintf(stderr, "unknown setting %.*s\n", (int)settings[i].name.len,
                    settings[i].name.at);
            exit(2);
        }
    }
    *session_r = smtp_world_session(w);
    return w;
}

static void *open_smtp(const struct transcript_setting *settings, unsigned count,
                       struct chain *notes, struct session **session_r)
{
    return smtp_open(false, settings, count, notes, session_r);
}

static void *open_lmtp(const struct transcript_setting *settings, unsigned count,
                       struct chain *notes, struct session **session_r)
{
    return smtp_open(true, settings, count, notes, session_r);
}

static enum request_status status_of(struct span word)
{
    return span_eq(word, SPAN("later"))     ? REQUEST_TRY_LATER
           : span_eq(word, SPAN("full"))    ? REQUEST_FULL
           : span_eq(word, SPAN("refused")) ? REQUEST_REFUSED
                                            : REQUEST_OK;
}

static struct smtp_verdict refused(void)
{
    return (struct smtp_verdict){554, true, "5.4.6", "Mail forwarding loop"};
}

static void smtp_answer_request(void *world, struct request *request, struct span how,
                                struct chain *bodies)
{
    struct smtp_store_request *mail = CONTAINER_OF(request, struct smtp_store_request, base);
    struct span word = {NULL, 0};

    (void)world;
    if (request->kind == REQUEST_AUTH) {
        auth_play(request, how);
        return;
    }
    chain_move(bodies, &mail->body);
    scan_word(&how, &word);
    request->status = status_of(word);
    if (request->kind == REQUEST_SMTP_BODY)
        return;
    if (request->status == REQUEST_REFUSED)
        mail->verdict = refused();
    for (unsigned i = 0; i < mail->recipient_count; i++) {
        scan_blanks(&how);
        if (scan_word(&how, &word) && status_of(word) != REQUEST_OK)
            mail->recipients[i]->verdict = refused();
    }
}

static void smtp_close_world(void *world)
{
    free(world);
}

const struct transcript_kind transcript_smtp = {"smtp", false, open_smtp, smtp_answer_request,
                                                smtp_close_world};
const struct transcript_kind transcript_lmtp = {"lmtp", false, open_lmtp, smtp_answer_request,
                                                smtp_close_world};
