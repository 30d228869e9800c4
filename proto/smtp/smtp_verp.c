#include "proto/smtp/smtp_verp.h"

bool smtp_verp_delimiters(struct span text)
{
    return text.len == 2 && strchr(SMTP_VERP_ALLOWED, text.at[0]) != NULL && text.at[0] != '\0' &&
           strchr(SMTP_VERP_ALLOWED, text.at[1]) != NULL && text.at[1] != '\0';
}

/* The last "@", in front of the domain; false when there is no local part or no domain, and for a
 * quoted local part, which cannot stand inside of another one. */
static bool split(struct span address, struct span *local_r, struct span *domain_r)
{
    size_t at = address.len;

    while (at > 0 && address.at[at - 1] != '@')
        at--;
    if (at < 2 || at == address.len || address.at[0] == '"')
        return false;
    *local_r = span_first(address, at - 1);
    *domain_r = span_after(address, at);
    return true;
}

static void put(char *at, size_t *len, struct span text)
{
    memcpy(at + *len, text.at, text.len);
    *len += text.len;
}

bool smtp_verp_sender(struct span sender, struct span recipient, const char delimiters[2], char *at,
                      size_t size, size_t *len_r)
{
    struct span local, domain, to_local, to_domain;

    if (!split(sender, &local, &domain) || !split(recipient, &to_local, &to_domain) ||
        sender.len + recipient.len + 1 > size)
        return false;
    *len_r = 0;
    put(at, len_r, local);
    put(at, len_r, (struct span){&delimiters[0], 1});
    put(at, len_r, to_local);
    put(at, len_r, (struct span){&delimiters[1], 1});
    put(at, len_r, to_domain);
    put(at, len_r, SPAN("@"));
    put(at, len_r, domain);
    return true;
}
