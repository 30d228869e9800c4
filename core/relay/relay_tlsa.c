#include "core/relay/relay_tlsa.h"

#include "core/service/auth_digest.h"

enum {
    HEADER_LEN = 3, /* usage, selector, matching type: RFC 6698 2.1 */
    SELECT_CERTIFICATE = 0,
    SELECT_KEY = 1,
    MATCH_ALL = 0,
    MATCH_SHA256 = 1,
    MATCH_SHA512 = 2,
    SHA256_LEN = 32,
    SHA512_LEN = 64,
};

bool relay_tlsa_parse(struct span rdata, struct relay_tlsa *tlsa_r)
{
    struct span data = span_after(rdata, HEADER_LEN);
    const unsigned char *head = (const unsigned char *)rdata.at;

    *tlsa_r = (struct relay_tlsa){0};
    if (rdata.len <= HEADER_LEN || head[1] > SELECT_KEY)
        return false;
    if (head[0] != RELAY_TLSA_TA && head[0] != RELAY_TLSA_EE)
        return false; /* the authorities of browsers are nothing to mail: RFC 7672 3.1.3 */
    tlsa_r->usage = head[0] == RELAY_TLSA_TA ? RELAY_TLSA_TA : RELAY_TLSA_EE;
    tlsa_r->of_key = head[1] == SELECT_KEY;
    tlsa_r->is_512 = head[2] == MATCH_SHA512;
    if (head[2] == MATCH_ALL) {
        auth_digest(AUTH_SHA256, &data, 1, tlsa_r->digest);
        return true;
    }
    if (!(head[2] == MATCH_SHA256 && data.len == SHA256_LEN) &&
        !(head[2] == MATCH_SHA512 && data.len == SHA512_LEN))
        return false;
    memcpy(tlsa_r->digest, data.at, data.len);
    return true;
}
