/* lookup_address: an address in a list of tables, in the order that Postfix's manuals give. */

#include "core/base/alloc.h"
#include "core/service/lookup.h"

/* A key made of two parts, on the caller's stack. False when it is longer than keys are. */
struct joined {
    char bytes[LOOKUP_KEY_MAX];
    size_t len;
};

static bool join(struct joined *key, struct span first, struct span second, struct span *key_r)
{
    if (first.len + second.len > sizeof(key->bytes))
        return false;
    if (first.len > 0)
        memcpy(key->bytes, first.at, first.len);
    if (second.len > 0)
        memcpy(key->bytes + first.len, second.at, second.len);
    *key_r = (struct span){key->bytes, first.len + second.len};
    return true;
}

/* What stands in front of the detail. The whole when there is none; postmaster and names that begin
 * with the delimiter have none, as in Postfix. */
static struct span without_detail(struct span local, const char *delimiter)
{
    for (size_t i = 1; i < local.len; i++)
        if (delimiter[0] != '\0' && strchr(delimiter, local.at[i]) != NULL && local.at[i] != '\0')
            return span_first(local, i);
    return local;
}

static bool parents(const struct lookup_list *list, struct span domain, struct chain *value)
{
    const char *dot;

    while (domain.len > 1 && (dot = memchr(domain.at + 1, '.', domain.len - 1)) != NULL) {
        domain = span_after(domain, (size_t)(dot - domain.at));
        if (lookup_list_part(list, domain, value))
            return true;
    }
    return false;
}

bool lookup_list_domain(const struct lookup_list *list, struct span domain, struct chain *value)
{
    return lookup_list_get(list, domain, value) || parents(list, domain, value);
}

bool lookup_list_address(const struct lookup_list *list, struct span address, const char *delimiter,
                         unsigned order, struct chain *value, struct span *detail_r)
{
    const char *at = address.len == 0 ? NULL : memrchr(address.at, '@', address.len);
    struct span local = at == NULL ? address : span_first(address, (size_t)(at - address.at));
    struct span plain = without_detail(local, delimiter);
    struct span detail = span_after(local, plain.len), tail = span_after(address, local.len), key;
    struct span domain = span_after(tail, 1), none = {local.at, 0};
    struct joined bytes;

    if (detail_r != NULL)
        *detail_r = none;
    if (lookup_list_get(list, address, value))
        return true;
    if (detail.len > 0 && join(&bytes, plain, tail, &key) && lookup_list_part(list, key, value)) {
        if (detail_r != NULL)
            *detail_r = detail;
        return true;
    }
    if ((order & LOOKUP_USER) != 0 && tail.len > 0) {
        if (lookup_list_part(list, local, value))
            return true;
        if (detail.len > 0 && lookup_list_part(list, plain, value)) {
            if (detail_r != NULL)
                *detail_r = detail;
            return true;
        }
    }
    return ((order & LOOKUP_DOMAIN) != 0 && domain.len > 0 &&
            lookup_list_part(list, domain, value)) ||
           ((order & LOOKUP_PARENTS) != 0 && parents(list, domain, value)) ||
           ((order & LOOKUP_AT_DOMAIN) != 0 && tail.len > 0 &&
            lookup_list_part(list, tail, value)) ||
           ((order & LOOKUP_DEFAULT) != 0 && lookup_list_part(list, SPAN("*"), value));
}
