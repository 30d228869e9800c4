#include "core/gateway/config_paths.h"

#include <string.h>

#include "core/base/alloc.h"

bool config_paths_is_file(const char *path)
{
    return path[0] != '\0' && strcmp(path, "-") != 0 && strcmp(path, "syslog") != 0;
}

char *config_paths_parent(const char *path)
{
    char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');

    if (slash == NULL)
        memcpy(parent, ".", parent[0] != '\0' ? 2 : 1);
    else
        slash[slash == parent] = '\0';
    return parent;
}

/* The file of a lookup table; NULL: it has none. */
static const char *file_of_map(const char *spec)
{
    const char *colon = strchr(spec, ':'), *slash = strchr(spec, '/');

    if (colon == NULL || (slash != NULL && slash < colon))
        return spec;
    if (strncmp(spec, "static:", 7) == 0 || strncmp(spec, "inline:", 7) == 0)
        return NULL;
    return colon + 1;
}

/* Those are written, and have rules of their own. */
static bool is_read(const struct config_option *option)
{
    return option->offset != offsetof(struct config, mail_store_directory) &&
           option->offset != offsetof(struct config, maillog_file);
}

void config_paths_each(const struct config *config,
                       void (*found)(void *context, const struct config_option *option,
                                     const char *path),
                       void *context)
{
    if (config->path != NULL)
        found(context, NULL, config->path);
    for (unsigned i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        const void *field = (const char *)config + option->offset;

        if (option->type == CONFIG_PATH && is_read(option)) {
            const char *path = *(const char *const *)field;
            if (config_paths_is_file(path))
                found(context, option, path);
        } else if (option->type == CONFIG_PATHS) {
            const struct config_list *list = field;
            for (unsigned p = 0; p < list->count; p++)
                found(context, option, list->at[p]);
        } else if (option->type == CONFIG_MAPS) {
            const struct config_list *list = field;
            for (unsigned p = 0; p < list->count; p++)
                if (file_of_map(list->at[p]) != NULL)
                    found(context, option, file_of_map(list->at[p]));
        }
    }
}
