#ifndef TESTS_SIM_SIM_MODEL_H
#define TESTS_SIM_SIM_MODEL_H

/*
 * sim_model: the oracle. It knows what clients sent and what they were told, and from that what
 * the gateway may and must show from then on:
 *
 *   a mail that got its 250 is in each of its mailboxes once, byte for byte, until it is expunged;
 *   one whose end was never sent, or was refused, is nowhere; one in between is there or not;
 *   a UID means one mail for ever, later mail has higher UIDs, UIDVALIDITY never changes;
 *   a copy or move that got its OK is there as often as it said, with the flags of that moment; the
 *   mails of one APPEND are all there or none;
 *   a flag is what the last acknowledged change made it, whenever changes did not overlap;
 *   what vanished was deleted by somebody, and stays away.
 *
 * Time is run->tick: whatever one client was told before another began to ask binds the answer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "tests/sim/sim_run.h"

enum {
    MODEL_ACCOUNTS = 3,
    MODEL_BOXES = 2 * MODEL_ACCOUNTS, /* box n: of account n / 2; even: INBOX, odd: "box" */
    MODEL_MAILS_MAX = 400,
    MODEL_TARGETS_MAX = 4,
    MODEL_FLAGS = 6, /* \Answered \Flagged \Deleted \Seen \Draft and the keyword "kw" */
};
enum model_flag {
    MODEL_ANSWERED = 1 << 0,
    MODEL_FLAGGED = 1 << 1,
    MODEL_DELETED = 1 << 2,
    MODEL_SEEN = 1 << 3,
    MODEL_DRAFT = 1 << 4,
    MODEL_KEYWORD = 1 << 5,
};

extern const char *const model_account_names[MODEL_ACCOUNTS];
extern const char *const model_flag_names[MODEL_FLAGS];
const char *model_box_name(unsigned box); /* "INBOX" or "box" */

struct model_target {
    unsigned box;
    bool begun;       /* all of the mail was sent: it may be there */
    bool refused;     /* and was not taken: it is nowhere */
    uint64_t acked;   /* the tick of its 250; 0: none */
    uint32_t uid_min; /* UIDNEXT as somebody knew it when the mail was sent */
};

struct model_mail {
    unsigned number; /* from 1 */
    struct span text;
    unsigned flags;              /* that it comes with */
    unsigned group, group_count; /* the first of those that come with it, and how many; or 0 */
    struct model_target targets[MODEL_TARGETS_MAX];
    unsigned target_count;
};

/* One message in a mailbox, as far as anybody saw it. */
struct model_message {
    uint32_t uid;
    unsigned mail;     /* 0: not yet known */
    uint64_t seen;     /* the tick at which somebody first saw it */
    uint64_t gone;     /* the tick since which it must not be shown to who asks later */
    bool may_be_gone;  /* an EXPUNGE may have taken it */
    uint32_t size;     /* 0: not yet known */
    struct span whole; /* as fetched; absent: not yet */
    uint64_t modseq;   /* and flags, when the store was last looked into */
    unsigned flags;
    /* What each flag was when the message came, as far as is known: bit 0: not set, bit 1: set. */
    unsigned char initial[MODEL_FLAGS];
};

struct model_change; /* of flags */
struct model_copy;   /* from a box into another one or the same */

struct model_box {
    uint32_t uid_validity, uid_next; /* 0: not yet known */
    uint64_t modseq;
    struct model_message *messages; /* by UID */
    size_t count, size;
    struct model_change **changes;
    size_t change_count, change_size;
    unsigned expunging; /* EXPUNGE and CLOSE that were sent and not answered */
    bool is_haunted;    /* one of them never will be, and may still happen */
    uint64_t last_expunge;
    struct model_copy **copies; /* into this box */
    size_t copy_count, copy_size;
    bool has_flagged; /* mail came with flags, or might have */
};

struct folders_book;

struct model {
    struct run *run;
    bool is_heavy; /* mails are large: segments fill, die, are compacted and used again */
    struct model_mail mails[MODEL_MAILS_MAX];
    unsigned mail_count;
    struct model_box boxes[MODEL_BOXES];
    struct folders_book *folders; /* of an account of its own (sim_folders.h) */
};

MUST_USE struct model *model_new(struct run *run);
void model_free(struct model **model);

/* All connections are gone, and so is what they had asked for: it happened or never will. */
void model_everybody_left(struct model *m);

/* ---- mail ---- */

/* A new mail to `count` different boxes; NULL when there were too many. */
MUST_USE struct model_mail *model_mail_new(struct model *m, const unsigned *boxes, unsigned count);
void model_mail_begun(struct model *m, struct model_mail *mail, unsigned target);
void model_mail_acked(struct model *m, struct model_mail *mail, unsigned target);
void model_mail_refused(struct model *m, struct model_mail *mail, unsigned target);
/* These mails, which were made one after the other, come with one APPEND. */
void model_mail_group(struct model *m, struct model_mail *const *mails, unsigned count);
/* It will come with these flags; not MODEL_DELETED. */
void model_mail_flags(struct model *m, struct model_mail *mail, unsigned flags);
/* The number in the X-Sim field of a header or message; 0 when there is none. */
MUST_USE unsigned model_mail_number(struct span text);

/* ---- what is seen ---- */

void model_uid_validity(struct model *m, unsigned box, uint32_t validity);
/* `asked`: UIDNEXT as it was known when the question was sent. */
void model_uid_next(struct model *m, unsigned box, uint32_t uid_next, uint32_t asked);

/* A message is there; `mail` 0: nobody knows which. NULL when that is wrong. */
struct model_message *model_seen(struct model *m, unsigned box, uint32_t uid, unsigned mail);
MUST_USE struct model_message *model_find(struct model_box *box, uint32_t uid);
void model_size(struct model *m, unsigned box, struct model_message *message, uint32_t size);
void model_whole(struct model *m, unsigned box, struct model_message *message, struct span bytes);

/* These are all messages of the box, asked for at that tick. */
void model_listed(struct model *m, unsigned box, const uint32_t *uids, size_t count,
                  uint64_t asked);

/* The same, by somebody who does not know which mail is which. */
void model_listed_uids(struct model *m, unsigned box, const uint32_t *uids, size_t count,
                       uint64_t asked);

/* ---- flags ---- */

enum model_mode {
    MODEL_ADD,
    MODEL_REMOVE,
    MODEL_SET
};
/* Somebody asks for this from now on. The change belongs to the model. */
struct model_change *model_change_begin(struct model *m, unsigned box, const uint32_t *uids,
                                        size_t count, enum model_mode mode, unsigned flags);
/* It was answered: it has happened, or else may have. */
void model_change_end(struct model *m, struct model_change *change, bool happened);

/* What a flag may have been at some time in from..to: bit 0: not set, bit 1: set. */
MUST_USE unsigned model_flag_values(struct model_box *box, uint32_t uid, unsigned flag,
                                    uint64_t from, uint64_t to);
/* Somebody who asked at that tick was told these flags. */
void model_flags_read(struct model *m, unsigned box, uint32_t uid, unsigned flags, uint64_t asked);

/* ---- expunging ---- */

void model_expunge_begin(struct model *m, unsigned box);
/* answered: false when the connection broke. happened: OK was the answer. */
void model_expunge_end(struct model *m, unsigned box, uint64_t asked, bool answered, bool happened);
void model_expunged(struct model *m, unsigned box, uint32_t uid); /* somebody was told */

/* Somebody asks that just these go, whatever their flags; then it was answered so. */
void model_take_begin(struct model *m, unsigned box, const uint32_t *uids, size_t count);
void model_take_end(struct model *m, unsigned box, const uint32_t *uids, size_t count);

/* ---- copying ---- */

/* Somebody asks for a copy or move of messages whose mails are known. Belongs to the model. */
MUST_USE struct model_copy *model_copy_begin(struct model *m, unsigned from, unsigned to,
                                             const uint32_t *uids, size_t count, bool is_move);
/* COPYUID: one of them became this. */
void model_copy_told(struct model *m, struct model_copy *copy, uint32_t uid, uint32_t new_uid);
/* It was answered. */
void model_copy_end(struct model *m, struct model_copy *copy, bool happened);

#endif
