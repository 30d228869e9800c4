#include "core/confine/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The headers may be older than the kernel, so what came after the first version is spelt out. */
enum {
    ALL_1 = (1 << 13) - 1, /* execute, write, read, read_dir, remove_*, make_* */
    REFER_2 = 1 << 13,
    TRUNCATE_3 = 1 << 14,
    DEVICE_5 = 1 << 15,

    EXECUTE = 1 << 0,
    WRITE = 1 << 1,
    READ = 1 << 2,
    READ_DIRECTORY = 1 << 3,
    REMOVE_FILE = 1 << 5,
    MAKE_DEVICES = 1 << 6 | 1 << 11, /* character and block */
    MAKE_FILE = 1 << 8,
    OF_A_FILE = EXECUTE | WRITE | READ | TRUNCATE_3 | DEVICE_5,

    BIND_4 = 1 << 0,
    CONNECT_4 = 1 << 1,
    SCOPES_6 = 1 << 0 | 1 << 1, /* abstract unix sockets, signals */
};

/* struct landlock_ruleset_attr as version 6 has it; older kernels take its first members. */
struct ruleset {
    uint64_t files, network, scoped;
};

static int create(const struct ruleset *set, size_t size, unsigned flags)
{
    return (int)syscall(SYS_landlock_create_ruleset, set, size, flags);
}

static uint64_t files_known(int version)
{
    uint64_t known = ALL_1;

    if (version >= 2)
        known |= REFER_2;
    if (version >= 3)
        known |= TRUNCATE_3;
    if (version >= 5)
        known |= DEVICE_5;
    return known;
}

static uint64_t files_allowed(enum landlock_use use)
{
    switch (use) {
    case LANDLOCK_LIST:
        return READ_DIRECTORY;
    case LANDLOCK_READ:
        return READ | READ_DIRECTORY;
    case LANDLOCK_APPEND:
        return WRITE | MAKE_FILE;
    case LANDLOCK_OWN:
        return (ALL_1 | REFER_2 | TRUNCATE_3) & ~(uint64_t)(EXECUTE | MAKE_DEVICES);
    }
    return 0;
}

static size_t size_known(int version)
{
    return version >= 6   ? sizeof(struct ruleset)
           : version >= 4 ? offsetof(struct ruleset, scoped)
                          : offsetof(struct ruleset, network);
}

static int allow(int set, const struct landlock_place *place, uint64_t known)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = files_allowed(place->use) & known};
    struct stat about;
    int error = 0;

    rule.parent_fd = open(place->path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return 0;
    if (fstat(rule.parent_fd, &about) == 0 && !S_ISDIR(about.st_mode))
        rule.allowed_access &= OF_A_FILE;
    if (syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        error = -errno;
    close(rule.parent_fd);
    return error;
}

int landlock_enter(const struct landlock_config *config)
{
    int version = create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), set, error = 0;
    struct ruleset wanted = {.network = BIND_4 | (config->connects ? 0 : CONNECT_4),
                             .scoped = SCOPES_6};

    if (version < 0)
        return -errno;
    wanted.files = files_known(version);
    set = create(&wanted, size_known(version), 0);
    if (set < 0)
        return -errno;
    for (unsigned i = 0; i < config->count && error == 0; i++)
        error = allow(set, &config->places[i], wanted.files);
    if (error == 0 && syscall(SYS_landlock_restrict_self, set, 0) != 0)
        error = -errno;
    close(set);
    return error != 0 ? error : version;
}
