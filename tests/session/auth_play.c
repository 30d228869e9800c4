#include "tests/session/auth_play.h"

#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/number.h"
#include "proto/text/scan.h"

static char mechanisms[256];

/* The name in a PLAIN response, for the log. */
static void note_tried(struct auth_request *r)
{
    struct span name = chain_flat(&r->user), response = chain_flat(&r->response);

    if (name.len == 0 && response.len > 1 && response.at[0] == '\0')
        name = span_after(response, 1);
    if (name.len > 0)
        auth_request_tried(r, name);
}

static bool is_right(struct auth_request *r)
{
    return span_eq(chain_flat(&r->response), (struct span){"\0vagrant\0password", 17}) ||
           (span_eq(chain_flat(&r->user), SPAN("vagrant")) &&
            span_eq(chain_flat(&r->password), SPAN("password")));
}

void auth_play(struct request *request, struct span how)
{
    struct auth_request *r = CONTAINER_OF(request, struct auth_request, base);
    struct span word = {NULL, 0};

    scan_word(&how, &word);
    note_tried(r);
    memcpy(r->account, "vagrant@mailserver.local", 25);
    if (span_eq(word, SPAN("challenge"))) {
        scan_blanks(&how);
        chain_add(&r->challenge, how);
        request->status = REQUEST_CONTINUE;
    } else if (span_eq(word, SPAN("later"))) {
        request->status = REQUEST_TRY_LATER;
    } else if (span_eq(word, SPAN("unknown"))) {
        request->status = REQUEST_NOT_FOUND;
    } else if (span_eq(word, SPAN("done")) || (!span_eq(word, SPAN("refused")) && is_right(r))) {
        request->status = REQUEST_OK;
    } else {
        request->status = REQUEST_REFUSED;
        r->delay_ms = span_eq(word, SPAN("delayed")) ? 2000 : 0;
    }
}

bool auth_play_set(struct sasl_settings *set, struct span name, struct span value)
{
    uint64_t number;

    if (span_eq(name, SPAN("mechanisms"))) {
        snprintf(mechanisms, sizeof(mechanisms), "%.*s", (int)value.len, value.at);
        for (char *c = mechanisms; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        set->mechanisms_clear = set->mechanisms_tls = mechanisms;
        set->allow_clear = true;
        return true;
    }
    if (span_eq(name, SPAN("smtpd_sasl_response_limit")))
        return number_parse(value, UINT32_MAX, &number) && (set->response_max = (uint32_t)number);
    if (!span_eq(name, SPAN("clear")))
        return false;
    set->allow_clear = false;
    set->mechanisms_clear = "SCRAM-SHA-256";
    return true;
}
