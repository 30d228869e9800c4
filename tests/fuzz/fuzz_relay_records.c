/* fuzz_relay_records: the first byte says as what the rest is read: the RDATA of MX, TLSA or TXT
 * records, a policy of MTA-STS, a next hop. */
#include "core/base/ensure.h"
#include "core/relay/relay_mx.h"
#include "core/relay/relay_route.h"
#include "core/relay/relay_sts_policy.h"
#include "core/relay/relay_tlsa.h"
#include "proto/text/address.h"
#include "tests/fuzz/fuzz.h"

static void read_mx(struct span rdata)
{
    struct relay_mx mx;

    if (!relay_mx_parse(rdata, &mx))
        return;
    ensure(strlen(mx.host) <= RELAY_NAME_MAX);
    ensure(mx.host[0] == '\0' || address_is_hostname(span_str(mx.host), false));
}

static void read_policy(struct span body)
{
    struct relay_sts_policy policy;

    if (!relay_sts_policy_parse(body, &policy))
        return;
    ensure(memchr(policy.mx, '\0', sizeof(policy.mx)) != NULL);
    ensure(policy.max_age_s <= RELAY_STS_AGE_MAX_S);
    (void)!relay_sts_policy_has(policy.mx, "mx.example.com");
}

static void read_hop(struct span text, enum relay_transport transport)
{
    struct relay_hop hop;

    if (!relay_hop_parse(transport, text, &hop))
        return;
    ensure(hop.name.len > 0);
    ensure(hop.name.at >= text.at && hop.name.at + hop.name.len <= text.at + text.len);
    ensure((hop.port > 0) == (hop.kind != RELAY_HOP_UNIX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data + 1, size - 1};
    char id[RELAY_STS_ID_MAX + 1];
    struct relay_tlsa tlsa;

    if (size == 0)
        return 0;
    switch (data[0] % 6) {
    case 0:
        read_mx(rest);
        break;
    case 1:
        if (relay_tlsa_parse(rest, &tlsa))
            ensure(relay_tlsa_digest(&tlsa).len <= RELAY_TLSA_DIGEST_MAX);
        break;
    case 2:
        if (relay_sts_txt_parse(rest, id))
            ensure(strlen(id) > 0);
        break;
    case 3:
        read_policy(rest);
        break;
    case 4:
        read_hop(rest, RELAY_BY_SMTP);
        break;
    default:
        read_hop(rest, RELAY_BY_LMTP);
        break;
    }
    return 0;
}
