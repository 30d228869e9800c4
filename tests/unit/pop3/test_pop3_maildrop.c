/* Marks against a plain array, over maildrops with and without gaps. */
#include "tests/unit/imap/unit.h"

#include "proto/pop3/pop3_maildrop.h"
#include "proto/pop3/pop3_write.h"

enum {
    UIDS = 1000,
};

struct plain {
    bool exists[UIDS], deleted[UIDS], seen[UIDS]; /* by UID */
};

static uint64_t seed = 1;

static unsigned any(unsigned below)
{
    return unit_random(&seed) % below;
}

static void fill(struct pop3_maildrop *d, struct plain *p, unsigned gaps)
{
    pop3_maildrop_open(d, 1, 2, UIDS);
    for (uint32_t uid = 1; uid < UIDS; uid++) {
        p->exists[uid] = gaps == 0 || any(gaps) != 0;
        if (p->exists[uid])
            imap_view_append(d->uids, (struct imap_range){uid, uid});
    }
    d->has_numbers = true;
}

static void mark(struct pop3_maildrop *d, struct plain *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = any(pop3_maildrop_count(d)) + 1;
        bool deletes = any(2) == 0;

        pop3_marks_set(deletes ? &d->deleted : &d->seen, d, number);
        (deletes ? p->deleted : p->seen)[imap_view_uid(d->uids, number)] = true;
    }
}

/* Do the runs name each marked UID once, ascending, none that `but` has, and none touching? */
static bool same(const struct pop3_maildrop *d, const struct pop3_marks *m,
                 const struct pop3_marks *but, const bool *marked, const bool *but_marked)
{
    bool named[UIDS] = {false};
    struct imap_range uids;
    uint32_t number = 0, last = 0;

    while (pop3_marks_next(m, but, d, &number, &uids)) {
        if (uids.from <= last || uids.to < uids.from || uids.to >= UIDS)
            return false;
        for (uint32_t uid = uids.from; uid <= uids.to; uid++)
            named[uid] = true;
        last = uids.to;
    }
    for (uint32_t uid = 1; uid < UIDS; uid++) {
        if (named[uid] != (marked[uid] && !(but_marked != NULL && but_marked[uid])))
            return false;
    }
    return true;
}

static bool counts_right(const struct pop3_marks *m, const bool *marked)
{
    uint32_t count = 0;

    for (uint32_t uid = 1; uid < UIDS; uid++)
        count += marked[uid];
    return m->count == count;
}

static bool play(unsigned gaps, unsigned marks)
{
    struct pop3_maildrop d = {0};
    struct plain *p = calloc(1, sizeof(*p));
    bool good;

    fill(&d, p, gaps);
    mark(&d, p, marks);
    good = counts_right(&d.deleted, p->deleted) && counts_right(&d.seen, p->seen) &&
           same(&d, &d.deleted, NULL, p->deleted, NULL) && same(&d, &d.seen, NULL, p->seen, NULL) &&
           same(&d, &d.seen, &d.deleted, p->seen, p->deleted);
    pop3_marks_clear(&d.deleted);
    good = good && !pop3_marks_has(&d.deleted, 1) && d.deleted.count == 0;
    good = good && same(&d, &d.seen, &d.deleted, p->seen, NULL);
    pop3_maildrop_free(&d);
    free(p);
    return good;
}

static bool written(void)
{
    struct chain out = {0};
    bool good;

    pop3_write_uidl(&out, 4294967295, 0x1234abcd, 1);
    pop3_write_size(&out, 1, 18446744073709551615ULL);
    good = span_eq(chain_flat(&out),
                   SPAN("4294967295 1234abcd00000001\r\n1 18446744073709551615\r\n"));
    chain_free(&out);
    return good;
}

int main(void)
{
    unsigned passed = 0, failed = 0;

    for (unsigned gaps = 0; gaps < 12; gaps += 2) {
        for (unsigned marks = 0; marks < 3000; marks = marks * 3 + 1)
            play(gaps, marks) ? passed++ : failed++;
    }
    written() ? passed++ : failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
