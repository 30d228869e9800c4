#include "proto/smtp/smtp_header.h"

#include "proto/text/scan.h"

/* The name in front of the colon, when this is the first line of a field (RFC 5322 2.2; blanks
 * before the colon are obsolete, 4.5). */
static bool smtp_header_name(struct span line, struct span *name_r, struct span *value_r)
{
    size_t len = 0;

    while (len < line.len && line.at[len] > ' ' && line.at[len] < 0x7f && line.at[len] != ':')
        len++;
    *name_r = span_first(line, len);
    *value_r = span_after(line, len);
    scan_blanks(value_r);
    return len > 0 && scan_byte(value_r, ':');
}

static void smtp_header_message_id(struct smtp_header *h, struct span value,
                                   struct smtp_body_facts *facts)
{
    struct span word;

    scan_blanks(&value);
    if (facts->message_id[0] != '\0' || !scan_word(&value, &word))
        return;
    word = span_first(word, sizeof(facts->message_id) - 1);
    if (!scan_is_printable(word) || memchr(word.at, '\0', word.len) != NULL)
        return;
    memcpy(facts->message_id, word.at, word.len);
    facts->message_id[word.len] = '\0';
    h->field = SMTP_FIELD_OTHER;
}

static void smtp_header_delivered_to(struct smtp_header *h, struct span value,
                                     struct smtp_body_facts *facts)
{
    struct span word;

    scan_blanks(&value);
    if (!scan_word(&value, &word) || facts->delivered_to.len + word.len >= SMTP_DELIVERED_TO_MAX)
        return;
    chain_add(&facts->delivered_to, word);
    chain_add_byte(&facts->delivered_to, '\0');
    h->field = SMTP_FIELD_OTHER;
}

static void smtp_header_value(struct smtp_header *h, struct span value,
                              struct smtp_body_facts *facts)
{
    if (h->field == SMTP_FIELD_MESSAGE_ID)
        smtp_header_message_id(h, value, facts);
    else if (h->field == SMTP_FIELD_DELIVERED_TO)
        smtp_header_delivered_to(h, value, facts);
}

static void smtp_header_field(struct smtp_header *h, struct span name, struct span value,
                              struct smtp_body_facts *facts)
{
    h->field = SMTP_FIELD_OTHER;
    if (span_eq_nocase(name, SPAN("Received")))
        facts->received_count++;
    else if (span_eq_nocase(name, SPAN("Message-ID")))
        h->field = SMTP_FIELD_MESSAGE_ID;
    else if (span_eq_nocase(name, SPAN("Delivered-To")))
        h->field = SMTP_FIELD_DELIVERED_TO;
    smtp_header_value(h, value, facts);
}

enum smtp_header_line smtp_header_take(struct smtp_header *h, struct span line,
                                       struct smtp_body_facts *facts)
{
    bool first = !h->began;
    struct span name, value;

    h->began = true;
    if (line.len == 0)
        return SMTP_HEADER_ENDS;
    if ((line.at[0] == ' ' || line.at[0] == '\t') && !first) {
        smtp_header_value(h, line, facts);
        return SMTP_HEADER_GOES_ON;
    }
    if (first && (scan_nocase(&line, SPAN("From ")) || scan_nocase(&line, SPAN(">From "))))
        return SMTP_HEADER_MAILBOX;
    if (smtp_header_name(line, &name, &value)) {
        smtp_header_field(h, name, value, facts);
        return SMTP_HEADER_GOES_ON;
    }
    facts->header_repaired = true;
    return SMTP_HEADER_ENDED;
}
