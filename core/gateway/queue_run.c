#include "core/gateway/queue_run.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/gateway/queue_run_private.h"

static const struct queue_use *use_of(const struct queue_request *q)
{
    if (queue_request_changes(q))
        return &queue_use_change;
    if (q->act == QUEUE_STAT)
        return &queue_use_stat;
    if (q->act == QUEUE_CAT)
        return q->format == QUEUE_POSTCAT ? &queue_use_postcat : &queue_use_cat;
    if (q->format == QUEUE_JSON)
        return &queue_use_json;
    if (q->format == QUEUE_MAILQ)
        return &queue_use_mailq;
    if (q->format == QUEUE_MAILQ_JSON)
        return &queue_use_mailq_json;
    return q->act == QUEUE_SHOW ? &queue_use_show : &queue_use_text;
}

struct queue_run *queue_run_new(struct store *store, const struct queue_request *request)
{
    struct queue_run *run = xcalloc(1, sizeof(*run));

    run->store = store;
    run->request = request;
    run->use = use_of(request);
    run->now_us = clock_wall_us();
    return run;
}

void queue_run_free(struct queue_run **run)
{
    if ((*run)->change != NULL)
        store_change_drop(&(*run)->change);
    queue_stat_free(&(*run)->counts);
    free(*run);
    *run = NULL;
}

bool queue_run_failed(const struct queue_run *run)
{
    return run->has_failed;
}

bool queue_run_made_due(const struct queue_run *run)
{
    return run->made_due;
}

void queue_run_fail(struct queue_run *run, const char *what, enum store_status status)
{
    chain_addf(run->say, "%s: %s\n", what, store_status_text(status));
    run->has_failed = run->is_over = true;
}

/* ---- one page ---- */

static void end_message(struct queue_run *run)
{
    if (run->is_open && run->use->end != NULL)
        run->use->end(run);
    run->is_open = false;
}

/* A message is looked at for the first time. What came since the start ends a walk that would else
 * go on for as long as mail comes in faster. */
static bool next_message(struct queue_run *run, store_queue_id id)
{
    const struct queue_request *q = run->request;

    end_message(run);
    run->last = id;
    if (run->seen++ == run->seen_most || (q->limit > 0 && run->messages == q->limit) ||
        (q->ids != NULL && run->named == map_count(q->ids)))
        run->is_over = true;
    return !run->is_over;
}

static void choose(struct queue_run *run, const struct store_queue_recipient *rows, size_t count,
                   struct queue_part *part)
{
    for (size_t i = 0; i < count; i++) {
        part->states |= queue_match_state(&rows[i], run->now_us);
        part->is_expired = part->is_expired || (rows[i].marks & STORE_QUEUE_EXPIRED) != 0;
        if (queue_match_recipient(run->request, &rows[i], run->now_us))
            run->chosen[part->count++] = rows[i];
    }
}

/* Some rows of one message, in one page. False at the end of the walk. */
static bool look(struct queue_run *run, const struct store_queue_recipient *rows, size_t count)
{
    bool is_new = rows[0].id != run->last;
    struct store_queue_envelope e;
    struct queue_part part = {.id = rows[0].id, .envelope = &e, .rows = run->chosen};

    if (is_new && !next_message(run, rows[0].id))
        return false;
    if (store_queue_message(run->view, rows[0].id, &e) != STORE_OK)
        return true;
    if (!queue_match_id(run->request, e.queue_id))
        return true;
    run->named += is_new;
    if (!queue_match_envelope(run->request, &e, run->now_us))
        return true;
    choose(run, rows, count, &part);
    if (part.count == 0)
        return true;
    if (!run->is_open) {
        run->is_open = true;
        run->messages++;
        run->bytes += e.size;
        if (run->use->begin != NULL)
            run->use->begin(run, &part);
    }
    run->recipients += part.count;
    run->use->part(run, &part);
    return true;
}

static void look_at_page(struct queue_run *run, size_t count)
{
    const struct store_queue_recipient *rows = run->rows;
    size_t len;

    for (size_t i = 0; i < count && !run->is_over; i += len) {
        for (len = 1; i + len < count && rows[i + len].id == rows[i].id; len++)
            ;
        if (!look(run, rows + i, len))
            return;
    }
    run->next = rows[count - 1].id;
    run->next_number = rows[count - 1].number + 1;
}

static void begin(struct queue_run *run)
{
    struct store_queue_numbers numbers = {0};
    enum store_status status = store_queue_numbers(run->view, &numbers);

    if (status != STORE_OK)
        queue_run_fail(run, "the queue can't be counted", status);
    run->seen_most = numbers.messages;
    run->is_begun = true;
}

static void finish(struct queue_run *run)
{
    const struct queue_request *q = run->request;

    end_message(run);
    run->is_over = true;
    if (run->use->page != NULL)
        run->use->page(run);
    if (run->has_failed)
        return;
    if (run->use->finish != NULL)
        run->use->finish(run);
    if (q->ids != NULL && run->named < map_count(q->ids) && q->format <= QUEUE_JSON) {
        chain_addf(run->say, "%zu of the ids: not in the queue\n",
                   map_count(q->ids) - (size_t)run->named);
        run->has_failed = true;
    }
}

static void step(struct queue_run *run)
{
    size_t count = 0;
    enum store_status status;

    if (!run->is_begun)
        begin(run);
    if (run->is_over)
        return;
    status = store_queue_everybody(run->view, run->next, run->next_number, run->rows, QUEUE_PAGE,
                                   &count);
    if (status != STORE_OK) {
        queue_run_fail(run, "the queue can't be read", status);
        return;
    }
    if (count > 0)
        look_at_page(run, count);
    if (count == 0 || run->is_over)
        finish(run);
    else if (run->use->page != NULL)
        run->use->page(run);
}

bool queue_run_step(struct queue_run *run, struct chain *out, struct chain *say)
{
    enum store_status status;

    if (run->is_over)
        return false;
    run->out = out;
    run->say = say;
    status = store_view_open(run->store, &run->view);
    if (status != STORE_OK) {
        queue_run_fail(run, "the store can't be read", status);
        return false;
    }
    step(run);
    store_view_close(&run->view);
    return !run->is_over;
}
