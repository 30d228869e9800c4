/*
 * Flags as registers that several clients write: a value that is read must be one that the last
 * write could have left. Write X may have been the last when no write that surely happened lies
 * wholly between X and the reading.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "tests/sim/sim_model_private.h"

static bool touches(const struct model_change *c, uint32_t uid)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->uids[i] == uid)
            return true;
    }
    return false;
}

/* What the change makes of the flag: 0, 1, or -1 when it leaves it alone. */
static int value_of(const struct model_change *c, uint32_t uid, unsigned flag)
{
    if (((c->sets | c->clears) & flag) == 0 || !touches(c, uid))
        return -1;
    return (c->sets & flag) != 0;
}

/* Was another value surely written after `done` and before `from`? */
static bool is_overwritten(const struct model_box *box, uint32_t uid, unsigned flag, int value,
                           uint64_t done, uint64_t from)
{
    for (size_t i = 0; i < box->change_count; i++) {
        const struct model_change *c = box->changes[i];

        if (c->happened && c->sent > done && c->done < from && value_of(c, uid, flag) == 1 - value)
            return true;
    }
    return false;
}

/* What it was when the message came, unless that was overwritten since. */
static unsigned initial_values(struct model_box *box, uint32_t uid, unsigned flag, uint64_t from)
{
    const struct model_message *message = model_find(box, uid);
    unsigned values = 1;

    for (unsigned i = 0; i < MODEL_FLAGS && message != NULL; i++) {
        if (flag == 1u << i)
            values = message->initial[i];
    }
    for (int value = 0; value <= 1; value++) {
        if ((values & 1u << value) != 0 && is_overwritten(box, uid, flag, value, 0, from))
            values &= ~(1u << value);
    }
    return values;
}

unsigned model_flag_values(struct model_box *box, uint32_t uid, unsigned flag, uint64_t from,
                           uint64_t to)
{
    unsigned values = initial_values(box, uid, flag, from);

    for (size_t i = 0; i < box->change_count; i++) {
        const struct model_change *c = box->changes[i];
        int value = value_of(c, uid, flag);

        if (value >= 0 && c->sent <= to && !is_overwritten(box, uid, flag, value, c->done, from))
            values |= 1u << value;
    }
    return values;
}

void model_flags_read(struct model *m, unsigned box, uint32_t uid, unsigned flags, uint64_t asked)
{
    for (unsigned i = 0; i < MODEL_FLAGS; i++) {
        unsigned bit = 1u << i;
        unsigned value = (flags & bit) != 0;

        if ((model_flag_values(&m->boxes[box], uid, bit, asked, m->run->tick) & 1u << value) == 0)
            run_violated(m->run, "%s of UID %u in box %u is %s", model_flag_names[i], uid, box,
                         value ? "set, but was not by anybody" : "not set, but was acknowledged");
    }
}

/* ---- changes ---- */

static void may_go(struct model_box *b, const struct model_change *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct model_message *message = model_find(b, c->uids[i]);

        if (message != NULL)
            message->may_be_gone = true;
    }
}

struct model_change *model_change_begin(struct model *m, unsigned box, const uint32_t *uids,
                                        size_t count, enum model_mode mode, unsigned flags)
{
    struct model_box *b = &m->boxes[box];
    struct model_change *c = xcalloc(1, sizeof(*c) + count * sizeof(*uids));

    c->sent = ++m->run->tick;
    c->done = UINT64_MAX;
    c->sets = mode == MODEL_REMOVE ? 0 : flags;
    c->clears = mode == MODEL_REMOVE ? flags : mode == MODEL_SET ? ~flags : 0;
    c->count = count;
    if (count > 0)
        memcpy(c->uids, uids, count * sizeof(*uids));
    if (b->change_count == b->change_size) {
        b->change_size = b->change_size * 2 + 16;
        b->changes = xrealloc(b->changes, b->change_size * sizeof(struct model_change *));
    }
    b->changes[b->change_count++] = c;
    if ((c->sets & MODEL_DELETED) != 0 && (b->expunging > 0 || b->is_haunted))
        may_go(b, c);
    m->run->counts.flags++;
    return c;
}

void model_change_end(struct model *m, struct model_change *change, bool happened)
{
    change->done = ++m->run->tick;
    change->happened = happened;
}

void model_everybody_left(struct model *m)
{
    m->run->tick++;
    for (unsigned i = 0; i < MODEL_BOXES; i++) {
        struct model_box *b = &m->boxes[i];

        for (size_t j = 0; j < b->change_count; j++) {
            if (b->changes[j]->done == UINT64_MAX)
                b->changes[j]->done = m->run->tick;
        }
        for (size_t j = 0; j < b->copy_count; j++) {
            if (b->copies[j]->done == UINT64_MAX)
                b->copies[j]->done = m->run->tick;
        }
        b->expunging = 0;
        b->is_haunted = false;
    }
    m->run->tick++;
}

/* ---- expunging ---- */

static void take_deleted(struct model *m, struct model_box *b, uint64_t from, bool happened)
{
    for (size_t i = 0; i < b->count; i++) {
        struct model_message *message = &b->messages[i];
        unsigned values = model_flag_values(b, message->uid, MODEL_DELETED, from, m->run->tick);

        if ((values & 2) != 0)
            message->may_be_gone = true;
        if (happened && values == 2 && message->seen < from && message->gone == 0)
            message->gone = m->run->tick;
    }
}

void model_expunge_begin(struct model *m, unsigned box)
{
    struct model_box *b = &m->boxes[box];

    m->run->tick++;
    b->expunging++;
    take_deleted(m, b, m->run->tick, false);
}

void model_expunge_end(struct model *m, unsigned box, uint64_t asked, bool answered, bool happened)
{
    struct model_box *b = &m->boxes[box];

    m->run->tick++;
    b->expunging--;
    b->last_expunge = m->run->tick;
    b->is_haunted |= !answered;
    take_deleted(m, b, asked, happened);
}

void model_expunged(struct model *m, unsigned box, uint32_t uid)
{
    struct model_message *message = model_find(&m->boxes[box], uid);

    m->run->counts.expunged++;
    if (message == NULL || !message->may_be_gone)
        run_violated(m->run, "LOST: UID %u of box %u was expunged by nobody", uid, box);
    else if (message->gone == 0)
        message->gone = ++m->run->tick;
}

void model_take_begin(struct model *m, unsigned box, const uint32_t *uids, size_t count)
{
    m->run->tick++;
    for (size_t i = 0; i < count; i++) {
        struct model_message *message = model_find(&m->boxes[box], uids[i]);

        if (message != NULL)
            message->may_be_gone = true;
    }
}

void model_take_end(struct model *m, unsigned box, const uint32_t *uids, size_t count)
{
    m->run->tick++;
    for (size_t i = 0; i < count; i++) {
        struct model_message *message = model_find(&m->boxes[box], uids[i]);

        if (message != NULL && message->gone == 0)
            message->gone = m->run->tick;
    }
}
