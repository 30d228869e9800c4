#ifndef TESTS_SIM_SIM_MODEL_PRIVATE_H
#define TESTS_SIM_SIM_MODEL_PRIVATE_H

/* sim_model_private: what the files of the model share. */

#include "tests/sim/sim_model.h"

struct model_change {
    uint64_t sent, done;   /* done UINT64_MAX: may still happen */
    bool happened;         /* for sure, between sent and done */
    unsigned sets, clears; /* these flags */
    size_t count;
    uint32_t uids[];
};

struct model_copied {
    uint32_t uid; /* in the box it comes from */
    unsigned mail;
    bool is_told; /* by COPYUID */
};
struct model_copy {
    unsigned from, to;
    bool is_move, is_refused;
    bool is_deletable, is_decided; /* one of them may bring \Deleted along */
    uint64_t asked, done;          /* done UINT64_MAX: may still happen */
    uint32_t uid_min;
    size_t count;
    struct model_copied of[];
};

/* NULL: the mail was not sent to this box. */
MUST_USE struct model_target *model_target_of(struct model *m, unsigned mail, unsigned box);
/* How many copies of a mail that box may have got by COPY and MOVE. */
MUST_USE unsigned model_copies_of(const struct model_box *box, unsigned mail);
/* A message of `box` was seen for the first time, or what mail it is: what it brought along. */
void model_arrived(struct model *m, unsigned box, struct model_message *message, bool is_new);
/* Says when more of a mail were seen in a box than ever were sent and copied there. */
void model_count_mail(struct model *m, unsigned box, unsigned mail);

#endif
