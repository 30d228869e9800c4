/* pop3_retr_run: RETR and TOP, lent from the log wherever no dot must be put in between and no
 * header has a surrogate. */

#include "core/service/imap_message.h"
#include "core/service/pop3_run.h"
#include "proto/mime/surrogate.h"
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

/* What comes next. */
struct retr_piece {
    struct span bytes;
    bool is_header;
    bool is_body; /* of m->body, not of its delivery header */
};

/* Up to the next header of a part, or the rest of one: META knows where they lie. */
static void retr_part(struct pop3_retr_request *r, const struct retr_message *m,
                      const struct meta *meta, struct retr_piece *piece)
{
    uint32_t at = r->at - (uint32_t)m->header.len;
    struct meta_part part;

    while (meta_part_at(meta, r->part, &part)) {
        if (at < part.body_at) {
            piece->is_header = at >= part.header_at;
            piece->bytes = span_first(piece->bytes,
                                      piece->is_header ? part.body_at - at : part.header_at - at);
            return;
        }
        r->part++;
    }
}

/* `meta` is NULL where nothing has a surrogate. */
static struct retr_piece retr_next(struct pop3_retr_request *r, const struct retr_message *m,
                                   const struct meta *meta)
{
    struct retr_piece piece = {.is_body = r->at >= m->header.len};

    if (!piece.is_body) {
        piece.bytes = span_after(m->header, r->at);
        piece.is_header = meta != NULL;
        return piece;
    }
    piece.bytes = span_after(m->body, r->at - m->header.len);
    if (meta != NULL)
        retr_part(r, m, meta, &piece);
    if (!piece.is_header)
        piece.bytes = span_first(piece.bytes, RETR_BLOCK);
    return piece;
}

/* Writes the piece, or of a header what has a surrogate or none at its front. */
static enum store_status retr_write(struct pop3_run *run, const struct retr_message *m,
                                    struct retr_piece *piece)
{
    struct buffer surrogate = {0};
    enum store_status status;
    bool as_it_lies = true;

    if (piece->bytes.len == 0)
        return STORE_CORRUPT;
    if (piece->is_header)
        piece->bytes.len = surrogate_next(piece->bytes, &as_it_lies, &surrogate);
    status = as_it_lies ? retr_block(run, m, piece->bytes, piece->is_body)
                        : retr_block(run, m, buffer_since(&surrogate, 0), false);
    buffer_free(&surrogate);
    return status;
}

static enum pop3_next retr_message(struct pop3_run *run, const struct retr_message *m,
                                   const struct meta *meta)
{
    struct pop3_retr_request *r = retr_of(run);

    while (r->at < m->entry.size && !r->stuff.is_cut) {
        struct retr_piece piece = retr_next(r, m, meta);
        enum store_status status = retr_write(run, m, &piece);

        if (status != STORE_OK)
            return pop3_run_fail(run, status);
        r->at += (uint32_t)piece.bytes.len;
        if (pop3_run_is_full(run))
            return POP3_NEXT_MORE;
    }
    pop3_stuff_end(&r->stuff, r->pop3.settings->adds_end_of_header, run->out);
    return POP3_NEXT_DONE;
}

/* For a client that did not say UTF8 (RFC 6856 2.1). A META that can't be read is made again. */
static enum pop3_next retr_surrogate(struct pop3_run *run, const struct retr_message *m)
{
    struct imap_message message = imap_message_of(run->view, &m->entry);
    enum pop3_next next = imap_message_open(&message) ? retr_message(run, m, &message.meta)
                                                      : pop3_run_fail(run, STORE_CORRUPT);

    imap_message_close(&message);
    return next;
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
    next = r->is_utf8 ? retr_message(run, &m, NULL) : retr_surrogate(run, &m);
    r->bytes += run->out->len - before;
    return next;
}

enum service_outcome pop3_retr_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, retr_step);
}
