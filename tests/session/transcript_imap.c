/*
 * transcript_imap: IMAP conversations.
 *
 * W: ok, later, full, refused, notfound, exists, deleted, gone or damaged; what follows is said
 * untagged before the answer. To a SELECT, "ok 3" gives a mailbox of the UIDs 1 to 3. B: lines show
 * the typed requests. X: can_tls, stress=3, some numbers by their options' names, and those of
 * auth_play.h. The user vagrant has the password "password".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/imap/imap_requests.h"
#include "proto/imap/imap_session.h"
#include "tests/session/auth_play.h"
#include "tests/session/transcript.h"

struct imap_play {
    struct imap_host host;
    struct imap_settings settings;
    struct chain *notes;
};

static const struct imap_settings *play_settings(const struct imap_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &CONTAINER_OF(h, const struct imap_play, host)->settings;
}

static void play_settings_done(const struct imap_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static void play_note(const struct imap_host *h, const struct imap_note *note)
{
    static const char *const kinds[] = {"login", "login-ended", "session-ended"};
    const struct imap_play *p = CONTAINER_OF(h, const struct imap_play, host);

    chain_addf(p->notes, "%s user=<%.*s> method=%s attempts=%u", kinds[note->kind],
               (int)note->user.len, note->user.at, note->method, note->attempts);
    if (note->reason != NULL)
        chain_addf(p->notes, " %s", note->reason);
    chain_add(p->notes, SPAN("\n"));
}

static bool set_number(struct imap_settings *s, struct span name, struct span value)
{
    const struct {
        const char *name;
        uint32_t *at;
    } numbers[] = {
        {"imap_login_command_size",  &s->login_command_size},
        {"imap_command_size",        &s->command_size      },
        {"imap_login_nesting_limit", &s->login_nesting_max },
        {"imap_nesting_limit",       &s->nesting_max       },
        {"imap_literal_plus_size",   &s->literal_plus_size },
    };
    uint64_t number;

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (span_eq(name, span_str(numbers[i].name)) && number_parse(value, UINT32_MAX, &number)) {
            *numbers[i].at = (uint32_t)number;
            return true;
        }
    }
    return false;
}

static void *imap_open(const struct transcript_setting *settings, unsigned count,
                       struct chain *notes, struct session **session_r)
{
    struct session_peer peer = {.connection = 1, .address = "10.0.2.2"};
    enum session_stress stress = SESSION_AT_EASE;
    struct imap_play *p = xcalloc(1, sizeof(*p));

    p->settings = (struct imap_settings)IMAP_SETTINGS_DEFAULT;
    for (unsigned i = 0; i < count; i++) {
        if (span_eq(settings[i].name, SPAN("can_tls"))) {
            peer.can_tls = true;
        } else if (span_eq(settings[i].name, SPAN("stress"))) {
            ensure(span_eq(settings[i].value, SPAN("3")));
            stress = SESSION_SHORT;
        } else if (set_number(&p->settings, settings[i].name, settings[i].value)) {
            continue;
        } else if (!auth_play_set(&p->settings.sasl, settings[i].name, settings[i].value)) {
            fprintf(stderr, "unknown setting %.*s\n", (int)settings[i].name.len,
                    settings[i].name.at);
            exit(2);
        }
    }
    p->host = (struct imap_host){play_settings, play_settings_done, play_note};
    p->notes = notes;
    *session_r = imap_session_new(&p->host, &peer);
    (*session_r)->stress = stress;
    return p;
}

/* ---- requests as text ---- */

static void show_ranges(struct chain *out, const struct imap_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        chain_addf(out, "%s%u:%u", i == 0 ? " " : ",", ranges->at[i].from, ranges->at[i].to);
    if (ranges->count == 0)
        chain_add(out, SPAN(" none"));
}

static void show_fetch(struct chain *out, const struct imap_fetch_request *r)
{
    static const char *const items[] = {"UID",      "FLAGS", "INTERNALDATE", "SIZE",
                                        "ENVELOPE", "BODY",  "BODYSTRUCTURE"};

    chain_add(out, SPAN("FETCH"));
    show_ranges(out, &r->uids);
    for (unsigned i = 0; i < r->want_count; i++) {
        const struct imap_section *section;

        chain_add_byte(out, ' ');
        if (r->wants[i].item != IMAP_FETCH_SECTION) {
            chain_add(out, span_str(items[r->wants[i].item]));
            continue;
        }
        section = &r->sections[r->wants[i].section];
        imap_section_write_name(section, out);
        if (section->is_partial)
            chain_addf(out, "+%u", section->partial_len);
    }
    if (r->sets_seen)
        chain_add(out, SPAN(" sets-seen"));
}

static void show_store(struct chain *out, const struct imap_store_request *r)
{
    static const char *const modes[] = {"add", "remove", "set"};

    chain_add(out, SPAN("STORE"));
    show_ranges(out, &r->uids);
    chain_addf(out, " %s %u", modes[r->mode], r->flags);
    for (unsigned i = 0; i < r->keyword_count; i++)
        chain_addf(out, " %.*s", (int)r->keywords[i].len, r->keywords[i].at);
    if (r->silent)
        chain_add(out, SPAN(" silent"));
}

static void show_search(struct chain *out, const struct imap_search_request *r)
{
    static const char *const ops[] = {"AND",       "OR",     "NOT",     "ALL",        "UIDS",
                                      "FLAG",      "RECENT", "KEYWORD", "BEFORE",     "ON",
                                      "SINCE",     "LARGER", "SMALLER", "SENTBEFORE", "SENTON",
                                      "SENTSINCE", "HEADER", "BODY",    "TEXT"};

    chain_add(out, SPAN("SEARCH"));
    for (unsigned i = 0; i < r->node_count; i++) {
        const struct imap_search_node *node = &r->nodes[i];

        chain_addf(out, " %s", ops[node->op]);
        if (node->count > 0)
            chain_addf(out, "/%u", node->count);
        if (node->number > 0)
            chain_addf(out, "=%lu", (unsigned long)node->number);
        if (node->op == IMAP_SEARCH_UIDS)
            show_ranges(out, &node->uids);
        if (node->field.len > 0)
            chain_addf(out, " %.*s", (int)node->field.len, node->field.at);
        if (node->text.at != NULL)
            chain_addf(out, " '%.*s'", (int)node->text.len, node->text.at);
    }
}

static void show_append(struct chain *out, struct imap_append_request *r)
{
    const struct imap_append_message *m = &r->messages[r->message_count - 1];

    if (r->body.len > 0)
        chain_addf(out, "BODY %u %.*s\r\n", r->body_of, (int)r->body.len, chain_flat(&r->body).at);
    chain_free(&r->body);
    chain_addf(out, "APPEND %.*s %u %u", (int)r->name_len, r->name, r->message_count, m->flags);
    for (unsigned i = 0; i < m->keyword_count; i++)
        chain_addf(out, " %.*s", (int)m->keywords[i].len, m->keywords[i].at);
    chain_addf(out, " %ld %d%s", (long)(m->received_us / 1000000), m->zone_minutes,
               r->is_complete ? " complete" : "");
    r->uid_validity = 7;
    r->uid = 4;
}

static void show_copy(struct chain *out, struct imap_copy_request *r)
{
    chain_add(out, r->is_move ? SPAN("MOVE") : SPAN("COPY"));
    show_ranges(out, &r->uids);
    chain_addf(out, " %.*s%s", (int)r->name_len, r->name, r->is_exact ? " exact" : "");
    if (r->imap.changed.at == NULL && r->uids.count > 0) {
        r->imap.changed.at = xcalloc(1, sizeof(*r->imap.changed.at));
        r->imap.changed.at[0] = r->uids.at[0];
        r->imap.changed.count = 1;
    }
    r->imap.change_uid_validity = 7;
    r->imap.change_uid = 11;
}

static void show_mailbox(struct chain *out, const struct imap_mailbox_request *r)
{
    static const char *const words[] = {"CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE"};

    chain_addf(out, "%s %.*s", words[r->what], (int)r->name_len, r->name);
    if (r->to_len > 0)
        chain_addf(out, " -> %.*s", (int)r->to_len, r->to);
    if (r->uses != 0)
        chain_addf(out, " uses %u", r->uses);
}

static void show_request(struct chain *out, struct request *request)
{
    struct imap_select_request *select = (struct imap_select_request *)request;
    struct imap_status_request *status = (struct imap_status_request *)request;
    struct imap_list_request *list = (struct imap_list_request *)request;
    struct imap_request *common = (struct imap_request *)request;

    switch (request->kind) {
    case REQUEST_IMAP_SELECT:
        chain_addf(out, "%s %.*s", select->read_only ? "EXAMINE" : "SELECT", (int)select->name_len,
                   select->name);
        break;
    case REQUEST_IMAP_STATUS:
        chain_addf(out, "STATUS %.*s %u", (int)status->name_len, status->name, status->items);
        break;
    case REQUEST_IMAP_LIST:
        chain_add(out, list->options & IMAP_LIST_LSUB ? SPAN("LSUB") : SPAN("LIST"));
        if ((list->options & ~(unsigned)IMAP_LIST_LSUB) != 0)
            chain_addf(out, " %u", list->options);
        break;
    case REQUEST_IMAP_MAILBOX:
        show_mailbox(out, (struct imap_mailbox_request *)request);
        break;
    case REQUEST_IMAP_FETCH:
        show_fetch(out, (struct imap_fetch_request *)request);
        break;
    case REQUEST_IMAP_STORE:
        show_store(out, (struct imap_store_request *)request);
        break;
    case REQUEST_IMAP_SEARCH:
        show_search(out, (struct imap_search_request *)request);
        break;
    case REQUEST_IMAP_EXPUNGE:
        chain_add(out, common->may_expunge ? SPAN("EXPUNGE") : SPAN("CLOSE"));
        if (((struct imap_expunge_request *)request)->is_some)
            show_ranges(out, &((struct imap_expunge_request *)request)->uids);
        break;
    case REQUEST_IMAP_APPEND:
        show_append(out, (struct imap_append_request *)request);
        break;
    case REQUEST_IMAP_COPY:
        show_copy(out, (struct imap_copy_request *)request);
        break;
    default:
        chain_add(out, SPAN("SYNC"));
        break;
    }
    chain_add(out, SPAN("\r\n"));
}

/* ---- answers ---- */

static void answer_select(struct imap_select_request *r, struct span text)
{
    uint64_t count = 0;

    if (!number_parse(text, UINT32_MAX, &count))
        count = 0;
    if (count > 0)
        imap_view_append(r->imap.view, (struct imap_range){1, (uint32_t)count});
    r->imap.view->uid_next = (uint32_t)count + 1;
    r->imap.view->read_only = r->read_only;
    chain_addf(&r->imap.base.out, "* %u EXISTS\r\n", (unsigned)count);
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
        {"exists",   REQUEST_EXISTS   },
        {"deleted",  REQUEST_DELETED  },
        {"damaged",  REQUEST_DAMAGED  },
        {"gone",     REQUEST_GONE     },
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_eq(word, span_str(words[i].word)))
            return words[i].status;
    }
    return REQUEST_OK;
}

static void imap_answer_request(void *world, struct request *request, struct span how,
                                struct chain *bodies)
{
    const char *blank = how.len == 0 ? NULL : memchr(how.at, ' ', how.len);
    struct span word = span_first(how, blank == NULL ? how.len : (size_t)(blank - how.at));
    struct span text = how.len > 0 ? span_after(how, word.len + 1) : how;

    (void)world;
    if (request->kind == REQUEST_AUTH) {
        auth_play(request, how);
        return;
    }
    show_request(bodies, request);
    request->status = status_of(word);
    if (request->kind == REQUEST_IMAP_SELECT && request->status == REQUEST_OK) {
        answer_select((struct imap_select_request *)request, text);
    } else if (text.len > 0) {
        chain_add(&request->out, text);
        chain_add(&request->out, SPAN("\r\n"));
    }
}

static void imap_close_world(void *world)
{
    free(world);
}

const struct transcript_kind transcript_imap = {"imap", false, imap_open, imap_answer_request,
                                                imap_close_world};
