#include "store/commit/command_args.h"

#include "core/base/alloc.h"
#include "core/base/number.h"

enum {
    VERSION = 1,
    VERSION_QUEUED = 2, /* of a delivery: with a queue part */
    HEAD_LEN = 2,       /* letter and version */
    ROW_HEAD_LEN = 6,
    COPY_MOVE = 1,
    COPY_EXACT = 2,
};

/* ---- bytes out ---- */

char *command_text_room(struct command_text *t, size_t len)
{
    if (t->size - t->len < len) {
        t->size = (t->len + len) * 2 < 128 ? 128 : (t->len + len) * 2;
        t->at = xrealloc(t->at, t->size);
    }
    return t->at + t->len;
}

static char *grow(struct command_text *t, size_t len)
{
    char *at = command_text_room(t, len);

    t->len += len;
    return at;
}

static void put8(struct command_text *t, unsigned n)
{
    *grow(t, 1) = (char)n;
}

static void put16(struct command_text *t, unsigned n)
{
    number_put16(grow(t, 2), (uint16_t)n);
}

static void put32(struct command_text *t, uint32_t n)
{
    number_put32(grow(t, 4), n);
}

static void put64(struct command_text *t, uint64_t n)
{
    number_put64(grow(t, 8), n);
}

static void put_bytes(struct command_text *t, struct span s)
{
    if (s.len > 0)
        memcpy(grow(t, s.len), s.at, s.len);
}

/* A name that is too long is cut: what is left is still too long to be a name. */
static void put_name(struct command_text *t, struct span s)
{
    s = span_first(s, COMMAND_NAME_MAX);
    put16(t, (unsigned)s.len);
    put_bytes(t, s);
}

static void put_head(struct command_text *t, char letter)
{
    put8(t, (unsigned char)letter);
    put8(t, VERSION);
}

static void put_keywords(struct command_text *t, const struct span *keywords, size_t count)
{
    if (count > COMMAND_KEYWORDS_MAX)
        count = COMMAND_KEYWORDS_MAX;
    put8(t, (unsigned)count);
    for (size_t i = 0; i < count; i++) {
        struct span name = span_first(keywords[i], UINT8_MAX);
        put8(t, (unsigned)name.len);
        put_bytes(t, name);
    }
}

static void put_ranges(struct command_text *t, const struct store_range *ranges, size_t count)
{
    put32(t, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put32(t, ranges[i].from);
        put32(t, ranges[i].to);
    }
}

/* ---- bytes in: a cursor that remembers that it ran out ---- */

struct reader {
    struct span left;
    bool is_bad;
};

static struct span take(struct reader *r, size_t len)
{
    struct span s = {r->left.at, len};

    if (r->is_bad || len > r->left.len) {
        r->is_bad = true;
        return SPAN("");
    }
    r->left = span_after(r->left, len);
    return s;
}

static unsigned get8(struct reader *r)
{
    struct span s = take(r, 1);
    return s.len ? (unsigned char)s.at[0] : 0;
}

static unsigned get16(struct reader *r)
{
    struct span s = take(r, 2);
    return s.len ? number_get16(s.at) : 0;
}

static uint32_t get32(struct reader *r)
{
    struct span s = take(r, 4);
    return s.len ? number_get32(s.at) : 0;
}

static uint64_t get64(struct reader *r)
{
    struct span s = take(r, 8);
    return s.len ? number_get64(s.at) : 0;
}

static struct span get_name(struct reader *r)
{
    unsigned len = get16(r);

    r->is_bad |= len > COMMAND_NAME_MAX;
    return take(r, len);
}

static struct reader reader_of(struct span args, char letter)
{
    struct reader r = {args, false};
    unsigned named = get8(&r), version = get8(&r);

    r.is_bad = r.is_bad || named != (unsigned char)letter || version != VERSION;
    return r;
}

static bool is_whole(const struct reader *r)
{
    return !r->is_bad && r->left.len == 0;
}

static struct span get_keywords(struct reader *r, unsigned *count_r)
{
    const char *at;

    *count_r = get8(r);
    at = r->left.at;
    r->is_bad |= *count_r > COMMAND_KEYWORDS_MAX;
    for (unsigned i = 0; i < *count_r && !r->is_bad; i++)
        take(r, get8(r));
    return r->is_bad ? SPAN("") : (struct span){at, (size_t)(r->left.at - at)};
}

bool command_keyword_next(struct span *keywords, struct span *name_r)
{
    struct reader r = {*keywords, false};

    if (keywords->len == 0)
        return false;
    *name_r = take(&r, get8(&r));
    *keywords = r.left;
    return !r.is_bad;
}

static struct span get_ranges(struct reader *r, uint32_t *count_r)
{
    uint32_t count = get32(r);
    struct span bytes;
    uint32_t last = 0;

    *count_r = 0;
    r->is_bad |= count > STORE_RANGES_MAX;
    if (r->is_bad)
        return SPAN("");
    bytes = take(r, (size_t)count * 8);
    for (uint32_t i = 0; i < count && !r->is_bad; i++) {
        struct store_range range = command_range(bytes, i);
        r->is_bad |= range.from <= last || range.from > range.to;
        last = range.to;
    }
    *count_r = r->is_bad ? 0 : count;
    return bytes;
}

struct store_range command_range(struct span ranges, uint32_t index)
{
    const char *at = ranges.at + (size_t)index * 8;

    return (struct store_range){number_get32(at), number_get32(at + 4)};
}

/* ---- delivery ---- */

/* delivery: targets u16 | targets | in version 2 the queue part, to the end
 * target: account name | mailbox name | header u16 | missing u8 | flags u32 | received_us i64
 *         | zone i16 | keywords */
void command_deliver_begin(struct command_text *t)
{
    put_head(t, 'D');
    put16(t, 0);
}

void command_deliver_target(struct command_text *t, const struct store_delivery *d)
{
    struct span header = span_first(d->header, COMMAND_HEADER_MAX);

    number_put16(t->at + HEAD_LEN, (uint16_t)(number_get16(t->at + HEAD_LEN) + 1));
    put_name(t, d->account);
    put_name(t, d->mailbox);
    put16(t, (unsigned)header.len);
    put_bytes(t, header);
    put8(t, d->missing);
    put32(t, d->flags);
    put64(t, (uint64_t)d->received_us);
    put16(t, (uint16_t)d->zone_minutes);
    put_keywords(t, d->keywords, d->keyword_count);
}

void command_deliver_end(struct command_text *t, struct span queue)
{
    if (queue.len == 0)
        return;
    t->at[1] = VERSION_QUEUED;
    put_bytes(t, queue);
}

static struct command_target get_target(struct reader *r)
{
    struct command_target target;
    unsigned len, missing;

    target.account = get_name(r);
    target.mailbox = get_name(r);
    len = get16(r);
    r->is_bad |= len > COMMAND_HEADER_MAX;
    target.header = take(r, len);
    missing = get8(r);
    r->is_bad |= missing > STORE_MISSING_REFUSE;
    target.missing = (enum store_missing)missing;
    target.flags = get32(r);
    target.received_us = (int64_t)get64(r);
    target.zone_minutes = (int16_t)get16(r);
    target.keywords = get_keywords(r, &target.keyword_count);
    return target;
}

/* Head and targets; what is left behind them is the queue part. */
static struct reader read_delivery(struct span args, unsigned *count_r, struct span *targets_r)
{
    struct command_moved moved;
    struct reader r;
    unsigned letter, version;

    if (command_moved_read(args, &moved))
        args = moved.args;
    r = (struct reader){args, false};
    letter = get8(&r);
    version = get8(&r);
    *count_r = get16(&r);
    *targets_r = r.left;
    r.is_bad = r.is_bad || letter != 'D' || *count_r > COMMAND_TARGETS_MAX ||
               (version != VERSION && version != VERSION_QUEUED);
    for (unsigned i = 0; i < *count_r && !r.is_bad; i++)
        get_target(&r);
    targets_r->len -= r.left.len;
    r.is_bad = r.is_bad || (version == VERSION_QUEUED) != (r.left.len > 0);
    return r;
}

bool command_deliver_read(struct span args, unsigned *count_r, struct span *targets_r)
{
    return !read_delivery(args, count_r, targets_r).is_bad;
}

bool command_deliver_queue(struct span args, struct span *queue_r)
{
    unsigned count;
    struct span targets;
    struct reader r = read_delivery(args, &count, &targets);

    *queue_r = r.left;
    return !r.is_bad && r.left.len > 0;
}

bool command_target_next(struct span *targets, struct command_target *target_r)
{
    struct reader r = {*targets, false};

    if (targets->len == 0)
        return false;
    *target_r = get_target(&r);
    *targets = r.left;
    return !r.is_bad;
}

/* ---- flags, expunge, recent ---- */

void command_flags_write(struct command_text *t, const struct store_flag_change *f)
{
    put_head(t, 'F');
    put8(t, f->mode);
    put64(t, f->mailbox);
    put32(t, f->flags);
    put64(t, f->unchanged_since);
    put_keywords(t, f->keywords, f->keyword_count);
    put_ranges(t, f->uids, f->count);
}

bool command_flags_read(struct span args, struct command_flags *f)
{
    struct reader r = reader_of(args, 'F');
    unsigned mode = get8(&r);

    r.is_bad |= mode > STORE_FLAGS_SET;
    f->mode = (enum store_flag_mode)mode;
    f->mailbox = get64(&r);
    f->flags = get32(&r);
    f->unchanged_since = get64(&r);
    f->keywords = get_keywords(&r, &f->keyword_count);
    f->ranges = get_ranges(&r, &f->count);
    return is_whole(&r);
}

void command_expunge_write(struct command_text *t, store_mailbox mailbox,
                           const struct store_range *uids, size_t count)
{
    put_head(t, 'E');
    put64(t, mailbox);
    put_ranges(t, uids, count);
}

bool command_expunge_read(struct span args, struct command_expunge *e)
{
    struct reader r = reader_of(args, 'E');

    e->mailbox = get64(&r);
    e->ranges = get_ranges(&r, &e->count);
    return is_whole(&r);
}

/* copy: from u64 | to u64 | 1 = move, 2 = exact u8 | messages u32 | ranges */
void command_copy_write(struct command_text *t, const struct store_copy *c)
{
    put_head(t, 'C');
    put64(t, c->from);
    put64(t, c->to);
    put8(t, (c->is_move ? COPY_MOVE : 0u) | (c->is_exact ? COPY_EXACT : 0u));
    put32(t, c->messages);
    put_ranges(t, c->uids, c->count);
}

bool command_copy_read(struct span args, struct command_copy *c)
{
    struct reader r = reader_of(args, 'C');
    unsigned how;

    c->from = get64(&r);
    c->to = get64(&r);
    how = get8(&r);
    c->is_move = (how & COPY_MOVE) != 0;
    c->is_exact = (how & COPY_EXACT) != 0;
    c->messages = get32(&r);
    c->ranges = get_ranges(&r, &c->count);
    return is_whole(&r) && c->count > 0 && how <= (COPY_MOVE | COPY_EXACT);
}

void command_recent_write(struct command_text *t, store_mailbox mailbox, uint32_t uid)
{
    put_head(t, 'R');
    put64(t, mailbox);
    put32(t, uid);
}

bool command_recent_read(struct span args, store_mailbox *mailbox_r, uint32_t *uid_r)
{
    struct reader r = reader_of(args, 'R');

    *mailbox_r = get64(&r);
    *uid_r = get32(&r);
    return is_whole(&r);
}

/* ---- accounts and mailboxes ---- */

void command_account_write(struct command_text *t, struct span name)
{
    put_head(t, 'A');
    put_name(t, name);
}

bool command_account_read(struct span args, struct span *name_r)
{
    struct reader r = reader_of(args, 'A');

    *name_r = get_name(&r);
    return is_whole(&r);
}

void command_mailbox_write(struct command_text *t, const struct command_mailbox *m)
{
    put_head(t, 'M');
    put8(t, m->what);
    put32(t, m->account);
    put_name(t, m->name);
    if (m->what == COMMAND_MAILBOX_CREATE)
        put32(t, m->uses);
    if (m->what == COMMAND_MAILBOX_RENAME)
        put_name(t, m->to);
}

bool command_mailbox_read(struct span args, struct command_mailbox *m)
{
    struct reader r = reader_of(args, 'M');
    unsigned what = get8(&r);

    r.is_bad |= what < COMMAND_MAILBOX_CREATE_ONE || what > COMMAND_MAILBOX_UNSUBSCRIBE;
    m->what = (enum command_mailbox_what)what;
    m->account = get32(&r);
    m->name = get_name(&r);
    m->uses = what == COMMAND_MAILBOX_CREATE ? get32(&r) : 0;
    m->to = what == COMMAND_MAILBOX_RENAME ? get_name(&r) : (struct span){0};
    return is_whole(&r) && (m->uses & ~(unsigned)STORE_USES_ALL) == 0;
}

void command_folders_write(struct command_text *t, const struct store_folder *folders, size_t count)
{
    put_head(t, 'B');
    put8(t, (unsigned)count);
    for (size_t i = 0; i < count; i++) {
        put32(t, folders[i].uses);
        put_name(t, folders[i].name);
    }
}

static struct store_folder get_folder(struct reader *r)
{
    struct store_folder folder;

    folder.uses = get32(r);
    folder.name = get_name(r);
    r->is_bad |= (folder.uses & ~(unsigned)STORE_USES_ALL) != 0;
    return folder;
}

bool command_folders_read(struct span args, struct span *folders_r)
{
    struct reader r = reader_of(args, 'B');
    unsigned count = get8(&r);

    *folders_r = r.left;
    if (count > STORE_FOLDERS_MAX)
        return false;
    for (unsigned i = 0; i < count && !r.is_bad; i++)
        get_folder(&r);
    return is_whole(&r);
}

bool command_folder_next(struct span *folders, struct store_folder *folder_r)
{
    struct reader r = {*folders, false};

    if (folders->len == 0)
        return false;
    *folder_r = get_folder(&r);
    *folders = r.left;
    return !r.is_bad;
}

void command_purge_write(struct command_text *t, store_mailbox mailbox, uint32_t max)
{
    put_head(t, 'P');
    put64(t, mailbox);
    put32(t, max);
}

bool command_purge_read(struct span args, store_mailbox *mailbox_r, uint32_t *max_r)
{
    struct reader r = reader_of(args, 'P');

    *mailbox_r = get64(&r);
    *max_r = get32(&r);
    return is_whole(&r);
}

/* ---- housekeeping ---- */

void command_moved_write(struct command_text *t, const struct command_moved *m)
{
    put_head(t, 'V');
    put64(t, m->message);
    put64(t, m->from_segment);
    put32(t, m->from_args_at);
    put_bytes(t, m->args);
}

bool command_moved_read(struct span args, struct command_moved *m)
{
    struct reader r = reader_of(args, 'V');

    m->message = get64(&r);
    m->from_segment = get64(&r);
    m->from_args_at = get32(&r);
    m->args = r.left;
    return !r.is_bad;
}

void command_snap_write(struct command_text *t, const struct command_snap *s)
{
    put_head(t, 'S');
    put8(t, s->kind);
    put8(t, s->table);
    put64(t, s->id);
    put32(t, s->number);
    put64(t, s->mark.lsn);
    put64(t, s->mark.seq);
    put32(t, s->mark.hcrc);
}

bool command_snap_read(struct span args, struct command_snap *s)
{
    struct reader r = reader_of(args, 'S');
    unsigned kind = get8(&r);

    r.is_bad |= kind != COMMAND_SNAP_ROWS && kind != COMMAND_SNAP_END;
    s->kind = (enum command_snap_kind)kind;
    s->table = (uint8_t)get8(&r);
    s->id = get64(&r);
    s->number = get32(&r);
    s->mark.lsn = get64(&r);
    s->mark.seq = get64(&r);
    s->mark.hcrc = get32(&r);
    return is_whole(&r);
}

void command_row_write(struct command_text *t, struct span key, struct span value)
{
    put16(t, (unsigned)key.len);
    put32(t, (uint32_t)value.len);
    put_bytes(t, key);
    put_bytes(t, value);
}

bool command_row_next(struct span *rows, struct span *key_r, struct span *value_r)
{
    struct reader r = {*rows, false};
    unsigned key_len;
    uint32_t value_len;

    if (rows->len < ROW_HEAD_LEN)
        return false;
    key_len = get16(&r);
    value_len = get32(&r);
    *key_r = take(&r, key_len);
    *value_r = take(&r, value_len);
    *rows = r.left;
    return !r.is_bad && key_len > 0;
}
