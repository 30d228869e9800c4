/* pop3_retr_run: RETR and TOP, lent from the log wherever no dot must be put in between. */

#include "core/service/pop3_run.h"
#include "proto/pop3/pop3_write.h"

enum {
    RETR_BLOCK = 128 * 1024,   /* bytes looked at before the output may be full */
    RETR_COPY_MAX = 16 * 1024, /* a shorter piece is copied: the store would do that as well */
};

static struct pop3_retr_request *retr_of(struct pop3_run *run)
{
    return (struct pop3_retr_request *)run->request;
}

/* The two parts of a message as the view has them. */
struct retr_message {
    struct store_entry entry;
    struct span header, body; /* of its delivery; as received */
};

static enum store_status retr_find(struct pop3_run *run, struct retr_message *m)
{
    enum store_status status = pop3_run_entry(run, retr_of(run)->number, &m->entry);

    if (status == STORE_OK)
        status = store_entry_header(run->view, &m->entry, &m->header);
    if (status == STORE_OK)
        status = store_message_bytes(run->view, m->entry.message, 0,
                                     m->entry.size - m->entry.header_len, &m->body);
    return status;
}

static void retr_begin(struct pop3_run *run, const struct retr_message *m)
{
    struct pop3_retr_request *r = retr_of(run);

    if (r->lines == POP3_ALL_LINES)
        pop3_write_retr_begin(run->out, m->entry.size);
    else
        pop3_write_top_begin(run->out);
    r->stuff = pop3_stuff_begin(r->lines, r->pop3.settings->no_nuls);
    r->is_seen = (m->entry.flags & STORE_SEEN) != 0;
    r->pop3.has_begun = true;
}

static enum store_status retr_piece(struct pop3_run *run, const struct retr_message *m,
                                    struct span piece, bool is_body)
{
    const struct pop3_stuff *stuff = &retr_of(run)->stuff;

    if (is_body && piece.len > RETR_COPY_MAX && !pop3_stuff_must_copy(stuff, piece))
        return store_message_lend(run->view, m->entry.message, (uint32_t)(piece.at - m->body.at),
                                  (uint32_t)piece.len, run->out);
    pop3_stuff_copy(stuff, piece, run->out);
    return STORE_OK;
}

/* A block of the header or of the body. */
static enum store_status retr_block(struct pop3_run *run, const struct retr_message *m,
                                    struct span block, bool is_body)
{
    struct pop3_retr_request *r = retr_of(run);
    enum store_status status = STORE_OK;
    struct span piece;
    bool dot;

    block = pop3_stuff_want(&r->stuff, block);
    while (status == STORE_OK && pop3_stuff_next(&r->stuff, &block, &piece, &dot)) {
        if (dot)
            chain_add_byte(run->out, '.');
        status = retr_piece(run, m, piece, is_body);
    }
    return status;
}

/* The part of the message that comes next. */
static struct span retr_next(const struct pop3_retr_request *r, const struct retr_message *m,
                             bool *is_body_r)
{
    *is_body_r = r->at >= m->header.len;
    return *is_body_r ? span_first(span_after(m->body, r->at - m->header.len), RETR_BLOCK)
                      : span_after(m->header, r->at);
}

static enum pop3_next retr_message(struct pop3_run *run, const struct retr_message *m)
{
    struct pop3_retr_request *r = retr_of(run);

    while (r->at < m->entry.size && !r->stuff.is_cut) {
        bool is_body;
        struct span block = retr_next(r, m, &is_body);
        enum store_status status =
            block.len > 0 ? retr_block(run, m, block, is_body) : STORE_CORRUPT;

        if (status != STORE_OK)
            return pop3_run_fail(run, status);
        r->at += (uint32_t)block.len;
        if (pop3_run_is_full(run))
            return POP3_NEXT_MORE;
    }
    pop3_stuff_end(&r->stuff, r->pop3.settings->adds_end_of_header, run->out);
    return POP3_NEXT_DONE;
}

static enum pop3_next retr_step(struct pop3_run *run)
{
    struct pop3_retr_request *r = retr_of(run);
    struct retr_message m;
    enum store_status status = retr_find(run, &m);
    enum pop3_next next;
    size_t before;

    if (status != STORE_OK)
        return pop3_run_fail(run, status);
    if (!r->pop3.has_begun)
        retr_begin(run, &m);
    before = run->out->len;
    next = retr_message(run, &m);
    r->bytes += run->out->len - before;
    return next;
}

enum service_outcome pop3_retr_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, retr_step);
}
