#include "core/io/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

uint16_t host_port(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)a)->sin_port);
    return a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

bool host_parse(struct span text, uint16_t port, struct sockaddr_storage *a_r, socklen_t *size_r)
{
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char copy[INET6_ADDRSTRLEN];
    bool bracketed = text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';

    if (bracketed)
        text = (struct span){text.at + 1, text.len - 2};
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *a_r = (struct sockaddr_storage){0};
    if (!bracketed && inet_pton(AF_INET, copy, &ip4.sin_addr) == 1) {
        memcpy(a_r, &ip4, sizeof(ip4));
        *size_r = sizeof(ip4);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &ip6.sin6_addr) == 1) {
        memcpy(a_r, &ip6, sizeof(ip6));
        *size_r = sizeof(ip6);
        return true;
    }
    return false;
}
