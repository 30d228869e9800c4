#include "proto/imap/imap_private.h"

/* Only what works entirely may stand here: clients build on it. */
static const struct {
    const char *name;
    unsigned states;
} imap_capabilities[] = {
    {"IMAP4rev1",          IMAP_ANY},
    {"LITERAL+",           IMAP_ANY},
    {"SASL-IR",            IMAP_ANY},
    {"ID",                 IMAP_ANY},
    {"IDLE",               IMAP_ANY},
    {"MULTIAPPEND",        IMAP_IN },
    {"NAMESPACE",          IMAP_IN },
    {"UNSELECT",           IMAP_IN },
    {"CHILDREN",           IMAP_IN },
    {"LIST-EXTENDED",      IMAP_IN },
    {"SPECIAL-USE",        IMAP_IN },
    {"CREATE-SPECIAL-USE", IMAP_IN },
    {"ENABLE",             IMAP_IN },
    {"UIDPLUS",            IMAP_IN },
    {"MOVE",               IMAP_IN },
};

void imap_capability_write(const struct imap_session *s, struct chain *out)
{
    chain_add(out, SPAN("CAPABILITY"));
    for (size_t i = 0; i < COUNT_OF(imap_capabilities); i++) {
        if ((imap_capabilities[i].states & s->state) == 0)
            continue;
        chain_add_byte(out, ' ');
        chain_add(out, span_str(imap_capabilities[i].name));
    }
    if (s->state == IMAP_FRESH && imap_tls_is_possible(s))
        chain_add(out, SPAN(" STARTTLS"));
    if (s->state != IMAP_FRESH)
        return;
    if (!sasl_takes_passwords(&imap_settings_of(s)->sasl, imap_sasl_client(s)))
        chain_add(out, SPAN(" LOGINDISABLED"));
    sasl_offer_write(&imap_settings_of(s)->sasl, imap_sasl_client(s), SPAN(" AUTH="), out);
}
