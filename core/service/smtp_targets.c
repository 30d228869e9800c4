#include "core/service/smtp_targets.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/service_settings.h"

static const struct smtp_verdict targets_unknown = {
    550, true, "5.1.1", "Recipient address rejected: User unknown in local recipient table"};
static const struct smtp_verdict targets_denied = {554, true, "5.7.1", "Relay access denied"};
static const struct smtp_verdict targets_no_relay = {
    451, true, "4.3.0", "Recipient address rejected: this host does not relay mail to others yet"};
static const struct smtp_verdict targets_broken = {451, true, "4.3.0", "Temporary lookup failure"};

/* Another host's address in our clothes: u%victim@us, victim!u@us (HOSTILE S30). */
static bool targets_are_routed(struct span local)
{
    return memchr(local.at, '%', local.len) != NULL || memchr(local.at, '!', local.len) != NULL;
}

/* As in Postfix, a domain of the list stands for those below it too. */
static bool targets_are_relayed(const struct service_settings *settings, struct span domain)
{
    for (unsigned i = 0; i < settings->relay_domains.count; i++) {
        struct span name = span_str(settings->relay_domains.at[i]);

        if (domain.len < name.len ||
            !span_eq_nocase(span_after(domain, domain.len - name.len), name))
            continue;
        if (domain.len == name.len || domain.at[domain.len - name.len - 1] == '.')
            return true;
    }
    return false;
}

static struct smtp_verdict targets_verdict_remote(const struct service_settings *settings,
                                                  const struct smtp_mailbox *recipient,
                                                  bool may_relay)
{
    if (!may_relay &&
        (!targets_are_relayed(settings, recipient->domain) || targets_are_routed(recipient->local)))
        return targets_denied;
    return settings->relays ? SMTP_VERDICT_OK : targets_no_relay;
}

static struct smtp_verdict targets_verdict(enum directory_answer answer, unsigned others,
                                           const struct service_settings *settings,
                                           const struct smtp_mailbox *recipient, bool may_relay)
{
    switch (answer) {
    case DIRECTORY_LOCAL:
        return others > 0 && !settings->relays ? targets_no_relay : SMTP_VERDICT_OK;
    case DIRECTORY_UNKNOWN:
        return targets_are_routed(recipient->local) ? targets_denied : targets_unknown;
    case DIRECTORY_NOT_OURS:
        return targets_verdict_remote(settings, recipient, may_relay);
    case DIRECTORY_ALIAS_BROKEN:
        break;
    }
    return targets_broken;
}

void smtp_targets_find(struct smtp_targets *t, const struct directory *d,
                       const struct service_settings *settings,
                       const struct smtp_mailbox *recipient, bool may_relay)
{
    struct span local = recipient->local;
    enum directory_answer answer;
    unsigned others;

    t->at = t->few;
    t->count = 0;
    t->is_remote = false;
    if (memchr(local.at, '@', local.len) != NULL) { /* "u@victim"@us */
        t->verdict = targets_denied;
        return;
    }
    answer =
        directory_resolve(d, local, recipient->domain, t->at, SMTP_TARGETS_FEW, &t->count, &others);
    if (answer == DIRECTORY_ALIAS_BROKEN) { /* or more than a few */
        t->at = xcalloc(DIRECTORY_TARGETS_MAX, sizeof(*t->at));
        answer = directory_resolve(d, local, recipient->domain, t->at, DIRECTORY_TARGETS_MAX,
                                   &t->count, &others);
    }
    t->verdict = targets_verdict(answer, others, settings, recipient, may_relay);
    t->is_remote = answer == DIRECTORY_NOT_OURS;
}

void smtp_targets_free(struct smtp_targets *t)
{
    if (t->at != t->few)
        free(t->at);
    t->at = t->few;
    t->count = 0;
}
