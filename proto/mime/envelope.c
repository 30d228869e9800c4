#include "proto/mime/envelope.h"

#include "proto/mime/address_list.h"
#include "proto/mime/header.h"
#include "proto/text/imap_string.h"

/* In the order of ENVELOPE. */
enum envelope_field {
    ENVELOPE_DATE,
    ENVELOPE_SUBJECT,
    ENVELOPE_FROM,
    ENVELOPE_SENDER,
    ENVELOPE_REPLY_TO,
    ENVELOPE_TO,
    ENVELOPE_CC,
    ENVELOPE_BCC,
    ENVELOPE_IN_REPLY_TO,
    ENVELOPE_MESSAGE_ID,
    ENVELOPE_FIELDS,
};

static const struct {
    struct span name;
    enum {
        TEXT,
        ADDRESSES,
        JOINED_ADDRESSES
    } kind;
} fields[ENVELOPE_FIELDS] = {
    [ENVELOPE_DATE] = {{"Date", 4},         TEXT            },
    [ENVELOPE_SUBJECT] = {{"Subject", 7},      TEXT            },
    [ENVELOPE_FROM] = {{"From", 4},         ADDRESSES       },
    [ENVELOPE_SENDER] = {{"Sender", 6},       ADDRESSES       },
    [ENVELOPE_REPLY_TO] = {{"Reply-To", 8},     ADDRESSES       },
    [ENVELOPE_TO] = {{"To", 2},           JOINED_ADDRESSES},
    [ENVELOPE_CC] = {{"Cc", 2},           JOINED_ADDRESSES},
    [ENVELOPE_BCC] = {{"Bcc", 3},          JOINED_ADDRESSES},
    [ENVELOPE_IN_REPLY_TO] = {{"In-Reply-To", 11}, TEXT            },
    [ENVELOPE_MESSAGE_ID] = {{"Message-ID", 10},  TEXT            },
};

struct found {
    struct span value;
    bool again; /* the field comes more than once */
};

void envelope_write_string(struct span bytes, struct buffer *out)
{
    if (bytes.at == NULL)
        buffer_add(out, SPAN("NIL"));
    else
        out->len += imap_string_put(buffer_room(out, imap_string_max(bytes.len)), bytes);
}

static void find_fields(struct span header, const struct mime_limits *limits,
                        struct found found[ENVELOPE_FIELDS])
{
    struct header_walk w = header_walk_within(header, limits);
    struct header_field field;

    while (header_next(&w, &field)) {
        for (unsigned i = 0; i < ENVELOPE_FIELDS; i++) {
            if (!span_eq_nocase(field.name, fields[i].name))
                continue;
            if (found[i].value.at == NULL)
                found[i].value = field.value;
            else
                found[i].again = true;
            break;
        }
    }
}

static void write_text(struct span value, struct buffer *scratch, struct buffer *out)
{
    scratch->len = 0;
    envelope_write_string(header_unfold(value, scratch), out);
}

static void write_address(const struct address *a, struct buffer *out)
{
    buffer_add_byte(out, '(');
    envelope_write_string(a->name, out);
    buffer_add_byte(out, ' ');
    envelope_write_string(a->route, out);
    buffer_add_byte(out, ' ');
    envelope_write_string(a->mailbox, out);
    buffer_add_byte(out, ' ');
    envelope_write_string(a->kind == ADDRESS_MAILBOX ? a->host : (struct span){0}, out);
    buffer_add_byte(out, ')');
}

/* The addresses of one field. The list's first parenthesis is written with its first address. */
static void write_addresses(struct span value, unsigned *left, bool *open, struct buffer *scratch,
                            struct buffer *out)
{
    struct address_list list = address_list(value, scratch);
    struct address a;
    bool in_group = false;

    while (*left > 0 && address_list_next(&list, &a)) {
        if (!*open)
            buffer_add_byte(out, '(');
        *open = true;
        in_group = list.in_group;
        write_address(&a, out);
        --*left;
    }
    if (in_group && *left == 0) /* what the limit cut off must still be a list of IMAP's */
        write_address(&(struct address){.kind = ADDRESS_GROUP_END}, out);
}

static void write_list(struct span header, const struct mime_limits *limits,
                       enum envelope_field which, const struct found *found, unsigned *left,
                       struct buffer *scratch, struct buffer *out)
{
    bool open = false;

    if (found->value.at != NULL && found->again && fields[which].kind == JOINED_ADDRESSES) {
        struct header_walk w = header_walk_within(header, limits);
        struct header_field field;

        while (*left > 0 && header_next(&w, &field)) {
            if (span_eq_nocase(field.name, fields[which].name))
                write_addresses(field.value, left, &open, scratch, out);
        }
    } else if (found->value.at != NULL) {
        write_addresses(found->value, left, &open, scratch, out);
    }
    buffer_add(out, open ? SPAN(")") : SPAN("NIL"));
}

void envelope_write(struct span header, const struct mime_limits *limits, unsigned *left,
                    struct buffer *scratch, struct buffer *out)
{
    struct found found[ENVELOPE_FIELDS] = {0};
    size_t from_at = 0, from_len = 0;

    find_fields(header, limits, found);
    for (unsigned i = 0; i < ENVELOPE_FIELDS; i++) {
        size_t start;

        buffer_add_byte(out, i == 0 ? '(' : ' ');
        start = out->len;
        if (fields[i].kind == TEXT)
            write_text(found[i].value, scratch, out);
        else
            write_list(header, limits, i, &found[i], left, scratch, out);
        if (i == ENVELOPE_FROM) {
            from_at = start;
            from_len = out->len - start;
        }
        if ((i == ENVELOPE_SENDER || i == ENVELOPE_REPLY_TO) && out->at[start] == 'N') {
            out->len = start;
            buffer_room(out, from_len);
            buffer_add(out, (struct span){out->at + from_at, from_len});
        }
    }
    buffer_add_byte(out, ')');
}
