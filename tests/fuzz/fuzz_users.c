/* fuzz_users: a users file, a NUL, and an alias file: a directory in which every user can be looked
 * up, or at least one line of why not. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/service/directory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

enum {
    TARGETS_MAX = 8
};

static void look_up_all(const struct directory *d)
{
    struct directory_target targets[TARGETS_MAX];
    struct span account, password, found;
    unsigned count, others;

    for (unsigned i = 0; directory_user_at(d, i, &account, &password); i++) {
        const char *at = memrchr(account.at, '@', account.len);
        struct span local, domain;

        ensure(at != NULL);
        local = span_first(account, (size_t)(at - account.at));
        domain = span_after(account, local.len + 1);
        if (directory_resolve(d, local, domain, targets, TARGETS_MAX, &count, &others) ==
            DIRECTORY_LOCAL)
            ensure(count > 0 || others > 0);
        if (directory_login(d, account, &found, &password))
            ensure(found.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const domains[] = {"mailserver.local", "example.com"};
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    struct span all = {(const char *)data, size};
    struct span users = span_first(all, nul == NULL ? size : (size_t)(nul - data));
    const char *aliases[1];
    struct chain why = {0};
    struct directory_config config = {.recipient_delimiter = "+", .catch_all = ""};
    struct directory *d;

    if (size > 32768)
        return 0;
    aliases[0] = fuzz_file(1, span_after(all, users.len + 1));
    config.users_path = fuzz_file(0, users);
    config.alias_paths = config.virtual_paths = aliases;
    config.alias_count = config.virtual_count = 1;
    config.domains = domains;
    config.domain_count = 2;
    config.mailbox_domain_count = 1;
    d = directory_load(&config, &why);
    ensure(d != NULL || why.len > 0);
    if (d != NULL) {
        look_up_all(d);
        directory_free(&d);
    }
    chain_free(&why);
    return 0;
}
