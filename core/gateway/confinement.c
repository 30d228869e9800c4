#include "core/gateway/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/confine/landlock.h"
#include "core/confine/privilege.h"
#include "core/confine/syscalls.h"
#include "core/gateway/config_paths.h"

enum {
    WHY_SIZE = 200,
    STORE_MODE = 0700,
    LOG_MODE = 0640,
};

/* What the C library and the others that we stand on look at while we run: character sets, time
 * zones, chance, what is mapped where. */
static const char *const system_places[] = {
    "/usr/lib",  "/lib",         "/lib64",     "/usr/share/zoneinfo", "/etc/localtime",
    "/dev/null", "/dev/urandom", "/proc/self", "/etc/ld.so.cache",    "/sys/devices/system/cpu",
};

/* And whoever connects to elsewhere: how names are resolved, and whose certificates are good. */
static const char *const network_places[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/services",
    "/run/systemd/resolve",
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

/* ---- becoming mail_owner ---- */

static bool find_owner(const struct config *config, struct privilege_user *owner_r,
                       struct chain *why)
{
    if (privilege_find(config->mail_owner, owner_r))
        return true;
    chain_addf(why,
               "mail_owner: there is no user \"%s\" on this host; make it (`systemd-sysusers`, or "
               "`useradd --system %s`), or name another\n",
               config->mail_owner, config->mail_owner);
    return false;
}

/* Root makes for mail_owner what mail_owner may not make itself, once; what is there is left as it
 * is. The names are the configuration's, so nobody else chose them. */
static void give(int fd, const struct privilege_user *owner)
{
    if (fd < 0)
        return;
    (void)!fchown(fd, owner->user, owner->group);
    close(fd);
}

static void make_for(const struct config *config, const struct privilege_user *owner)
{
    if (mkdir(config->mail_store_directory, STORE_MODE) == 0)
        give(open(config->mail_store_directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
             owner);
    if (config_paths_is_file(config->maillog_file))
        give(open(config->maillog_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  LOG_MODE),
             owner);
}

static bool become_owner(const struct config *config, struct chain *why)
{
    struct privilege_user owner;
    char text[WHY_SIZE];

    if (!find_owner(config, &owner, why))
        return false;
    make_for(config, &owner);
    if (!privilege_become(&owner, text, sizeof(text))) {
        chain_addf(why, "%s; this is no state to go on in\n", text);
        return false;
    }
    if (owner.user == 0)
        chain_addf(why, "mail_owner is root: whoever breaks in is root as well, within what is "
                        "confined; name a user of its own\n");
    return true;
}

/* ---- files ---- */

struct places {
    struct landlock_place *at;
    char **names; /* that are ours to free */
    unsigned count;
};

static void place_add(struct places *p, const char *path, enum landlock_use use)
{
    p->at = xrealloc(p->at, (p->count + 1) * sizeof(*p->at));
    p->names = xrealloc(p->names, (p->count + 1) * sizeof(*p->names));
    p->names[p->count] = xstrdup(path);
    p->at[p->count] = (struct landlock_place){p->names[p->count], use};
    p->count++;
}

/* Its directory, for files are replaced by new ones; and where its link leads to. */
static void place_add_file(struct places *p, const char *path, enum landlock_use use)
{
    char real[PATH_MAX], *parent = config_paths_parent(path);
    struct stat about;

    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        place_add(p, path, use);
    else
        place_add(p, parent, use);
    free(parent);
    if (realpath(path, real) != NULL && strcmp(real, path) != 0) {
        parent = config_paths_parent(real);
        place_add(p, parent, use);
        free(parent);
    }
}

static void file_found(void *context, const struct config_option *option, const char *path)
{
    (void)option;
    place_add_file(context, path, LANDLOCK_READ);
}

/* The store syncs its own name in the directory that it is in. */
static void place_add_store(struct places *p, const char *path)
{
    char *parent = config_paths_parent(path);

    place_add(p, path, LANDLOCK_OWN);
    place_add(p, parent, LANDLOCK_LIST);
    free(parent);
}

static int enter_landlock(const struct confinement *c, const struct config *config)
{
    struct places places = {0};
    int version;

    for (size_t i = 0; i < COUNT_OF(system_places); i++)
        place_add(&places, system_places[i], LANDLOCK_READ);
    for (size_t i = 0; c->connects && i < COUNT_OF(network_places); i++)
        place_add(&places, network_places[i], LANDLOCK_READ);
    config_paths_each(config, file_found, &places);
    place_add_store(&places, config->mail_store_directory);
    if (config_paths_is_file(config->maillog_file))
        place_add_file(&places, config->maillog_file, LANDLOCK_APPEND);
    version = landlock_enter(&(struct landlock_config){
        .places = places.at, .count = places.count, .connects = c->connects});
    for (unsigned i = 0; i < places.count; i++)
        free(places.names[i]);
    free(places.names);
    free(places.at);
    return version;
}

/* What root could read and mail_owner cannot would be missed at the first reload only. */
static void file_readable(void *context, const struct config_option *option, const char *path)
{
    if (access(path, R_OK) != 0 && errno == EACCES)
        chain_addf(context,
                   "%s: %s can be read by root only, so SIGHUP will not take a new one; let the "
                   "group of mail_owner read it (chgrp, chmod g+r)\n",
                   option == NULL ? "-c" : option->name, path);
}

/* ---- the steps ---- */

/* In the mode "yes" nothing may be missing. */
static bool missing(const struct confinement *c, const char *what, int error, struct chain *why)
{
    chain_addf(why, "not confined by %s: %s; %s\n", what,
               error == -ENOSYS || error == -EOPNOTSUPP ? "this kernel has it not, or switched off"
               : error == -ENOTSUP                      ? "this build has sanitizers"
                                                        : strerror(-error),
               c->mode == CONFIG_CONFINE_YES ? "confinement = yes wants it"
                                             : "what is left holds (see confinement)");
    return c->mode != CONFIG_CONFINE_YES;
}

static void remember_user(struct confinement *c)
{
    const struct passwd *found = getpwuid(geteuid());

    if (found != NULL)
        (void)snprintf(c->user, sizeof(c->user), "%s", found->pw_name);
    else
        (void)snprintf(c->user, sizeof(c->user), "%u", (unsigned)geteuid());
}

bool confinement_enter(struct confinement *c, const struct config *config, struct chain *why)
{
    char text[WHY_SIZE];

    *c = (struct confinement){.mode = config->confinement,
                              .connects = config->relay_enable ||
                                          config->oauth2_introspection_url[0] != '\0',
                              .landlock = -ECANCELED,
                              .syscalls = -ECANCELED};
    if (geteuid() == 0 && !become_owner(config, why))
        return false;
    if (!privilege_renounce(text, sizeof(text))) {
        chain_addf(why, "%s; this is no state to go on in\n", text);
        return false;
    }
    remember_user(c);
    config_paths_each(config, file_readable, why);
    if (c->mode == CONFIG_CONFINE_NO)
        return true;
    (void)mkdir(config->mail_store_directory, STORE_MODE); /* its rule needs it to be there */
    c->landlock = enter_landlock(c, config);
    return c->landlock > 0 || missing(c, "Landlock", c->landlock, why);
}

bool confinement_seal(struct confinement *c, struct chain *why)
{
    if (c->mode == CONFIG_CONFINE_NO)
        return true;
    c->syscalls = syscalls_restrict(&(struct syscalls_config){
        .connects = c->connects, .kill_other = c->mode == CONFIG_CONFINE_KILL});
    return c->syscalls == 0 || missing(c, "seccomp", c->syscalls, why);
}

void confinement_describe(const struct confinement *c, struct chain *out)
{
    chain_addf(out, "user %s, no new privileges", c->user);
    if (c->landlock > 0)
        chain_addf(out, ", Landlock ABI %d", c->landlock);
    if (c->syscalls == 0)
        chain_add(out, SPAN(", seccomp"));
}

/* ---- ringpost check ---- */

struct check {
    struct privilege_user owner;
    const char *owner_name;
    struct chain *why;
    unsigned findings;
};

/* By its owner, group and mode; access lists are not looked at, so what they add is a finding that
 * is none. */
static bool may(const struct stat *about, const struct privilege_user *owner, unsigned wanted)
{
    unsigned shift = about->st_uid == owner->user ? 6 : about->st_gid == owner->group ? 3 : 0;

    return owner->user == 0 || (about->st_mode >> shift & wanted) == wanted;
}

static void check_file(void *context, const struct config_option *option, const char *path)
{
    struct check *c = context;
    struct stat about;

    if (stat(path, &about) != 0 || may(&about, &c->owner, 4))
        return;
    c->findings++;
    chain_addf(c->why,
               "%s: %s cannot read %s, so SIGHUP will not take it; let its group read it (chgrp, "
               "chmod g+r)\n",
               option == NULL ? "-c" : option->name, c->owner_name, path);
}

static void check_directory(struct check *c, const char *option, const char *path)
{
    struct stat about;

    if (stat(path, &about) != 0 || may(&about, &c->owner, 7))
        return;
    c->findings++;
    chain_addf(c->why, "%s: %s is not a directory that %s can write; chown -R it to %s\n", option,
               path, c->owner_name, c->owner_name);
}

unsigned confinement_check(const struct config *config, struct chain *why)
{
    struct check c = {.owner_name = config->mail_owner, .why = why};

    if (geteuid() != 0)
        return 0; /* who starts it, and as whom, is not known */
    if (!find_owner(config, &c.owner, why))
        return 1;
    config_paths_each(config, check_file, &c);
    check_directory(&c, "mail_store_directory", config->mail_store_directory);
    return c.findings;
}
