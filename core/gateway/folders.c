#include "core/gateway/folders.h"

#include <string.h>

#include "core/base/ensure.h"

static const struct {
    const char *word;
    enum store_use use;
} use_words[] = {
    {"Archive", STORE_USE_ARCHIVE},
    {"Drafts",  STORE_USE_DRAFTS },
    {"Junk",    STORE_USE_JUNK   },
    {"Sent",    STORE_USE_SENT   },
    {"Trash",   STORE_USE_TRASH  },
};

bool folder_parse(const char *text, struct store_folder *folder_r)
{
    const char *equals = strchr(text, '=');
    size_t i = 0;

    folder_r->name = span_first(span_str(text), equals ? (size_t)(equals - text) : strlen(text));
    folder_r->uses = 0;
    if (folder_r->name.len == 0 || folder_r->name.len > STORE_MAILBOX_NAME_MAX)
        return false;
    if (!equals)
        return true;
    while (i < COUNT_OF(use_words) && strcasecmp(equals + 1, use_words[i].word) != 0)
        i++;
    if (i == COUNT_OF(use_words))
        return false;
    folder_r->uses = use_words[i].use;
    return true;
}

static bool are_same(const struct store_folder *a, const struct store_folder *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!span_eq(a[i].name, b[i].name) || a[i].uses != b[i].uses)
            return false;
    }
    return true;
}

enum store_status folders_set(struct store *s, const struct config_list *list)
{
    struct store_folder folders[STORE_FOLDERS_MAX], known[STORE_FOLDERS_MAX];
    struct store_change *change;
    struct store_view *v;
    bool is_known;
    enum store_status status = store_view_open(s, &v);

    if (status != STORE_OK)
        return status;
    ensure(list->count <= STORE_FOLDERS_MAX); /* as config_check.c has it */
    for (unsigned i = 0; i < list->count; i++) {
        bool good = folder_parse(list->at[i], &folders[i]);
        ensure(good);
    }
    is_known = store_folders(v, known) == list->count && are_same(known, folders, list->count);
    store_view_close(&v);
    if (is_known)
        return STORE_OK;
    change = store_change_new(s);
    store_change_folders(change, folders, list->count);
    return store_submit_wait(s, &change, NULL, 0);
}
