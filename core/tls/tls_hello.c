#include "core/tls/tls_hello.h"

#include <stdint.h>

enum {
    RECORD_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    RANDOM_LEN = 2 + 32, /* with the version in front */
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_EMS = 23,
    EXTENSION_VERSIONS = 43,
    VERSION_13 = 0x0304,
    NAME_IS_HOST = 0,
};

/* A big-endian number of `size` bytes. */
static bool take_number(struct span *at, unsigned size, uint32_t *number_r)
{
    *number_r = 0;
    if (at->len < size)
        return false;
    for (unsigned i = 0; i < size; i++)
        *number_r = *number_r << 8 | (unsigned char)at->at[i];
    *at = span_after(*at, size);
    return true;
}

/* Bytes with their count in front, a number of `size` bytes. */
static bool take_block(struct span *at, unsigned size, struct span *block_r)
{
    uint32_t len;

    if (!take_number(at, size, &len) || at->len < len)
        return false;
    *block_r = span_first(*at, len);
    *at = span_after(*at, len);
    return true;
}

bool tls_hello_name(struct span name, char name_r[TLS_NAME_MAX + 1])
{
    bool good = name.len > 0 && name.len <= TLS_NAME_MAX && name.at[0] != '.';

    name_r[0] = '\0';
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               (c == '.' && name.at[i - 1] != '.');
        name_r[i] = c;
    }
    name_r[good ? name.len : 0] = '\0';
    return good;
}

/* RFC 6066 3: a list with at most one name of each type. */
static void read_server_name(struct span body, struct tls_hello *hello)
{
    struct span list, name;
    uint32_t type;

    if (!take_block(&body, 2, &list))
        return;
    while (take_number(&list, 1, &type) && take_block(&list, 2, &name)) {
        if (type == NAME_IS_HOST) {
            (void)tls_hello_name(name, hello->server_name);
            return;
        }
    }
}

/* RFC 8446 4.2.1 */
static void read_versions(struct span body, struct tls_hello *hello)
{
    struct span list;
    uint32_t version;

    if (!take_block(&body, 1, &list))
        return;
    while (take_number(&list, 2, &version))
        hello->has_13 |= version == VERSION_13;
}

static void read_extensions(struct span all, struct tls_hello *hello)
{
    uint32_t type;
    struct span body;

    while (take_number(&all, 2, &type) && take_block(&all, 2, &body)) {
        if (type == EXTENSION_SERVER_NAME)
            read_server_name(body, hello);
        else if (type == EXTENSION_EMS)
            hello->has_ems = true;
        else if (type == EXTENSION_VERSIONS)
            read_versions(body, hello);
    }
}

bool tls_hello_read(struct span record, struct tls_hello *hello_r)
{
    struct span body, message, skipped, extensions;
    uint32_t type, version;

    *hello_r = (struct tls_hello){0};
    if (!take_number(&record, 1, &type) || type != RECORD_HANDSHAKE ||
        !take_number(&record, 2, &version) || !take_block(&record, 2, &body))
        return false;
    if (!take_number(&body, 1, &type) || type != CLIENT_HELLO || !take_block(&body, 3, &message))
        return false;
    if (message.len < RANDOM_LEN)
        return false;
    message = span_after(message, RANDOM_LEN);
    if (!take_block(&message, 1, &skipped) || !take_block(&message, 2, &skipped) ||
        !take_block(&message, 1, &skipped))
        return false;
    if (take_block(&message, 2, &extensions))
        read_extensions(extensions, hello_r);
    return true;
}
