#include "proto/sasl/sasl_offer.h"

#include "core/base/network.h"
#include "proto/text/scan.h"

static bool is_safe(const struct sasl_settings *set, struct sasl_client client)
{
    return client.tls != NULL || strcmp(client.address, client.local_address) == 0 ||
           network_any_has(set->trusted, set->trusted_count, span_str(client.address));
}

bool sasl_takes_passwords(const struct sasl_settings *set, struct sasl_client client)
{
    return set->allow_clear || is_safe(set, client);
}

static struct span list_for(const struct sasl_settings *set, struct sasl_client client)
{
    return span_str(is_safe(set, client) ? set->mechanisms_tls : set->mechanisms_clear);
}

static bool binds(struct span mechanism)
{
    struct span plus = SPAN("-PLUS");

    return mechanism.len > plus.len &&
           span_eq_nocase(span_after(mechanism, mechanism.len - plus.len), plus);
}

/* Does the connection have what the mechanism needs of it? */
static bool is_possible(struct span mechanism, const struct session_tls *tls)
{
    if (binds(mechanism))
        return tls != NULL && (tls->has_exporter || tls->has_unique);
    if (span_eq(mechanism, SPAN("EXTERNAL")))
        return tls != NULL && tls->client_name[0] != '\0';
    return true;
}

static bool next_word(struct span *list, struct span *word_r)
{
    scan_blanks(list);
    return scan_word(list, word_r);
}

bool sasl_offers(const struct sasl_settings *set, struct sasl_client client, struct span mechanism)
{
    struct span list = list_for(set, client), word;

    while (next_word(&list, &word)) {
        if (span_eq_nocase(word, mechanism))
            return is_possible(word, client.tls);
    }
    return false;
}

bool sasl_offers_with_tls(const struct sasl_settings *set, struct span mechanism)
{
    struct span list = span_str(set->mechanisms_tls), word;

    while (next_word(&list, &word)) {
        if (span_eq_nocase(word, mechanism))
            return true;
    }
    return false;
}

unsigned sasl_offer_write(const struct sasl_settings *set, struct sasl_client client,
                          struct span before, struct chain *out)
{
    struct span list = list_for(set, client), word;
    unsigned count = 0;

    while (next_word(&list, &word)) {
        if (!is_possible(word, client.tls))
            continue;
        chain_add(out, before);
        chain_add(out, word);
        count++;
    }
    return count;
}
