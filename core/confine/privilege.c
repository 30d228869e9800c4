#include "core/confine/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum {
    PRIVILEGE_MASK = 077,
};

static bool fail(const char *what, char *why, size_t why_size)
{
    (void)snprintf(why, why_size, "cannot %s: %s", what, strerror(errno));
    return false;
}

bool privilege_find(const char *name, struct privilege_user *user_r)
{
    const struct passwd *found = getpwnam(name);

    if (found == NULL)
        return false;
    *user_r = (struct privilege_user){found->pw_uid, found->pw_gid};
    return true;
}

/* While we still may: afterwards no program that we could ever start gets a capability. Where the
 * right to do so is missing already, no-new-privileges does the same. */
static void empty_bounding_set(void)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        return; /* no-new-privileges does it */
}

bool privilege_become(const struct privilege_user *user, char *why, size_t why_size)
{
    empty_bounding_set();
    if (setgroups(0, NULL) != 0)
        return fail("leave the groups of root", why, why_size);
    if (setresgid(user->group, user->group, user->group) != 0)
        return fail("take the group of mail_owner", why, why_size);
    if (setresuid(user->user, user->user, user->user) != 0)
        return fail("become mail_owner", why, why_size);
    if (user->user != 0 && (setuid(0) == 0 || seteuid(0) == 0 || getuid() == 0)) {
        (void)snprintf(why, why_size, "root can be had back after it was given up");
        return false;
    }
    return true;
}

static bool drop_capabilities(void)
{
    capng_clear(CAPNG_SELECT_BOTH);
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           capng_apply(CAPNG_SELECT_CAPS) == 0;
}

bool privilege_renounce(char *why, size_t why_size)
{
    static const struct rlimit none = {0, 0};

    if (!drop_capabilities())
        return fail("give up all capabilities", why, why_size);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("renounce new privileges", why, why_size);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return fail("forbid core files", why, why_size);
    (void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0); /* where the kernel has it */
    (void)umask(PRIVILEGE_MASK);
    return true;
}
