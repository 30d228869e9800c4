#ifndef CORE_SERVICE_AUTH_PRIVATE_H
#define CORE_SERVICE_AUTH_PRIVATE_H

/* auth_private: what logins share, for auth*.c. */

#include "core/service/auth.h"
#include "core/service/auth_cache.h"
#include "core/service/auth_penalty.h"
#include "core/service/directory.h"
#include "core/work/tally.h"
#include "core/work/worker_pool.h"

struct auth {
    void *mechanisms; /* auth_sasl_open() */
    struct auth_cache *cache;
    struct auth_penalty *penalty;
    struct tally *sessions;            /* by account and address */
    struct worker_pool *threads;       /* NULL: logins are judged on the caller's thread */
    struct worker_pool *token_threads; /* which wait for the provider's answers; NULL: as above */
    struct auth_cache *tokens_known;   /* tokens that the provider found good */
    bool introspects;                  /* this process may ask a provider */
    _Atomic bool is_stopping;
    unsigned char secret[32]; /* of this process */
};

enum auth_answer {
    AUTH_GOOD,
    AUTH_BAD,     /* unknown name or wrong password: never told apart */
    AUTH_TROUBLE, /* the stored hash cannot be checked: the log says why */
};

/* Is this the password of that account? `method` is the mechanism's name. AUTH_GOOD: the canonical
 * account is in *account_r, which lives as long as the directory. Slow. */
MUST_USE enum auth_answer auth_check(struct auth *a, const struct directory *d, const char *method,
                                     struct span name, struct span password,
                                     struct span *account_r);

/* Would auth_check() know by heart that it is? Quick. */
MUST_USE bool auth_remembers(struct auth *a, const struct directory *d, const char *method,
                             struct span name, struct span password);

/* The field of a user who stands in for a name that nobody has, always the same one for a name, so
 * that the time an answer takes does not tell which names exist. False when there are no users. */
MUST_USE bool auth_stand_in(const struct directory *d, struct span name, struct span *field_r);

/* HMAC-SHA256 under the process's secret of the parts, each with its length in front. */
void auth_keyed(const struct auth *a, const struct span *parts, unsigned count,
                unsigned char digest[AUTH_DIGEST_SIZE]);

void auth_take_account(struct auth_request *r, struct span account);

/* authzid NUL authcid NUL passwd (RFC 4616); false when there are not just two NULs. */
struct auth_plain {
    struct span other, name, password;
};
MUST_USE bool auth_plain_parse(struct span response, struct auth_plain *p_r);

#endif
