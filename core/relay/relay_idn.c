#include "core/relay/relay_idn.h"

#include <idn2.h>

#include "proto/text/address.h"
#include "proto/text/scan.h"

enum {
    UTF8_MAX = 4 * RELAY_NAME_MAX,
};

static bool take(struct span ascii, char ascii_r[RELAY_NAME_MAX + 1])
{
    if (ascii.len > 0 && ascii.at[ascii.len - 1] == '.')
        ascii.len--;
    if (ascii.len > RELAY_NAME_MAX || !address_is_hostname(ascii, false))
        return false;
    for (size_t i = 0; i < ascii.len; i++) {
        char c = ascii.at[i];
        ascii_r[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    ascii_r[ascii.len] = '\0';
    return true;
}

bool relay_idn_ascii(struct span domain, char ascii_r[RELAY_NAME_MAX + 1])
{
    char text[UTF8_MAX + 1], *ascii = NULL;
    bool done;

    if (scan_is_ascii(domain))
        return take(domain, ascii_r);
    if (domain.len > UTF8_MAX || memchr(domain.at, '\0', domain.len) != NULL)
        return false;
    memcpy(text, domain.at, domain.len);
    text[domain.len] = '\0';
    if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return false;
    done = take(span_str(ascii), ascii_r);
    idn2_free(ascii);
    return done;
}
