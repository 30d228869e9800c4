#include "proto/pop3/pop3_maildrop.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"

enum {
    WORD_BITS = 64,
};

void pop3_maildrop_open(struct pop3_maildrop *d, uint64_t mailbox, uint32_t uid_validity,
                        uint32_t uid_next)
{
    ensure(d->uids == NULL);
    d->uids = imap_view_new(mailbox);
    d->uids->uid_validity = uid_validity;
    d->uids->uid_next = uid_next;
}

void pop3_maildrop_free(struct pop3_maildrop *d)
{
    imap_view_free(&d->uids);
    free(d->deleted.bits);
    free(d->seen.bits);
    *d = (struct pop3_maildrop){0};
}

/* Of one set of marks. */
static size_t marks_size(const struct pop3_maildrop *d)
{
    return (pop3_maildrop_count(d) / WORD_BITS + 1) * sizeof(uint64_t);
}

size_t pop3_maildrop_held(const struct pop3_maildrop *d)
{
    size_t held = d->uids == NULL ? 0 : imap_view_held(d->uids);

    held += d->deleted.bits == NULL ? 0 : marks_size(d);
    return held + (d->seen.bits == NULL ? 0 : marks_size(d));
}

uint32_t pop3_maildrop_count(const struct pop3_maildrop *d)
{
    return d->uids == NULL ? 0 : imap_view_count(d->uids);
}

void pop3_marks_set(struct pop3_marks *m, const struct pop3_maildrop *d, uint32_t number)
{
    uint64_t bit = UINT64_C(1) << (number % WORD_BITS);

    ensure(number >= 1);
    ensure(number <= pop3_maildrop_count(d));
    if (m->bits == NULL)
        m->bits = xcalloc(1, marks_size(d));
    if ((m->bits[number / WORD_BITS] & bit) != 0)
        return;
    m->bits[number / WORD_BITS] |= bit;
    m->count++;
}

bool pop3_marks_has(const struct pop3_marks *m, uint32_t number)
{
    return m->bits != NULL && (m->bits[number / WORD_BITS] >> (number % WORD_BITS) & 1) != 0;
}

void pop3_marks_clear(struct pop3_marks *m)
{
    free(m->bits);
    *m = (struct pop3_marks){0};
}

/* The bits of the word that `number` is in, from it on. */
static uint64_t marks_word(const struct pop3_marks *m, const struct pop3_marks *but,
                           uint32_t number)
{
    uint64_t word = m->bits[number / WORD_BITS];

    if (but != NULL && but->bits != NULL)
        word &= ~but->bits[number / WORD_BITS];
    return word >> (number % WORD_BITS) << (number % WORD_BITS);
}

/* The first marked number from `number` on; past `last` when there is none. */
static uint32_t marks_find(const struct pop3_marks *m, const struct pop3_marks *but,
                           uint32_t number, uint32_t last)
{
    while (number <= last) {
        uint64_t word = marks_word(m, but, number);

        if (word != 0)
            return number / WORD_BITS * WORD_BITS + (uint32_t)__builtin_ctzll(word);
        number = (number / WORD_BITS + 1) * WORD_BITS;
    }
    return number;
}

bool pop3_marks_next(const struct pop3_marks *m, const struct pop3_marks *but,
                     const struct pop3_maildrop *d, uint32_t *number, struct imap_range *uids_r)
{
    uint32_t last = pop3_maildrop_count(d), at;

    if (m->count == 0)
        return false;
    at = marks_find(m, but, *number, last);
    if (at > last)
        return false;
    uids_r->from = uids_r->to = imap_view_uid(d->uids, at);
    while (++at <= last && pop3_marks_has(m, at) && (but == NULL || !pop3_marks_has(but, at)) &&
           imap_view_uid(d->uids, at) == uids_r->to + 1)
        uids_r->to++;
    *number = at;
    return true;
}
