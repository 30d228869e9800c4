/*
 * transcript_pop3: POP3 conversations, with the messages of pop3_world.
 *
 * W: "" or ok for what the world answers, later, full, refused, notfound, damaged or renamed; "half
 * damaged" fails when a part of the answer is out. X: settings: clear=no, tls=yes, delay=yes,
 * in-use=yes, no-flag-updates=yes. B: lines: what the session asks.
 */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "tests/session/pop3_world.h"
#include "tests/session/transcript.h"

static void set(struct pop3_world *w, const struct transcript_setting *setting)
{
    struct pop3_settings *s = &w->settings;
    bool yes = span_eq(setting->value, SPAN("yes"));

    if (span_eq(setting->name, SPAN("clear"))) {
        s->sasl.allow_clear = yes;
        s->sasl.mechanisms_clear = "";
    } else if (span_eq(setting->name, SPAN("tls"))) {
        s->offers_tls = yes;
    } else if (span_eq(setting->name, SPAN("delay"))) {
        s->login_delay_s = 300;
    } else if (span_eq(setting->name, SPAN("in-use"))) {
        w->is_locked = yes;
    } else if (span_eq(setting->name, SPAN("no-flag-updates"))) {
        s->no_flag_updates = yes;
    } else {
        abort();
    }
}

static void *pop3_open(const struct transcript_setting *settings, unsigned count,
                       struct chain *notes, struct session **session_r)
{
    struct pop3_world *w = xcalloc(1, sizeof(*w));

    pop3_world_init(w, notes);
    for (unsigned i = 0; i < count; i++)
        set(w, &settings[i]);
    *session_r = pop3_world_session(w);
    return w;
}

static enum request_status status_of(struct span word)
{
    static const struct {
        const char *word;
        enum request_status status;
    } words[] = {
        {"later",    REQUEST_TRY_LATER},
        {"full",     REQUEST_FULL     },
        {"refused",  REQUEST_REFUSED  },
        {"notfound", REQUEST_NOT_FOUND},
        {"damaged",  REQUEST_DAMAGED  },
        {"renamed",  REQUEST_DELETED  },
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_eq(word, span_str(words[i].word)))
            return words[i].status;
    }
    return REQUEST_OK;
}

/* What a request asks, as B: lines show it. */
static void show(const struct request *r, struct chain *bodies)
{
    static const char *const kinds[] = {"OPEN", "NUMBER", "STAT", "LIST", "RETR", "QUIT"};
    const struct pop3_retr_request *retr = (const struct pop3_retr_request *)r;

    if (r->kind == REQUEST_AUTH || (r->kind == REQUEST_POP3_RETR && retr->pop3.has_begun))
        return;
    chain_add(bodies, span_str(kinds[r->kind - REQUEST_POP3_OPEN]));
    if (r->kind == REQUEST_POP3_RETR && retr->lines != POP3_ALL_LINES)
        chain_addf(bodies, " %llu", (unsigned long long)retr->lines);
    if (r->kind == REQUEST_POP3_RETR && retr->is_utf8)
        chain_add(bodies, SPAN(" utf8"));
    chain_add(bodies, SPAN("\r\n"));
}

static void pop3_answer(void *world, struct request *request, struct span how, struct chain *bodies)
{
    struct pop3_world *w = world;

    show(request, bodies);
    if (span_eq(how, SPAN("half damaged"))) {
        pop3_world_answer(w, request, REQUEST_OK);
        request->more = false;
        request->status = REQUEST_DAMAGED;
        return;
    }
    pop3_world_answer(w, request, status_of(how));
}

static void pop3_close_world(void *world)
{
    free(world);
}

const struct transcript_kind transcript_pop3 = {"pop3", false, pop3_open, pop3_answer,
                                                pop3_close_world};
