#include "proto/imap/imap_fetch_write.h"

#include "proto/imap/imap_flags.h"
#include "proto/imap/imap_section.h"
#include "proto/text/date.h"

struct imap_fetch_writer imap_fetch_write_begin(struct chain *out, uint32_t seq)
{
    chain_add(out, SPAN("* "));
    chain_add_number(out, seq);
    chain_add(out, SPAN(" FETCH ("));
    return (struct imap_fetch_writer){out, false};
}

void imap_fetch_write_end(struct imap_fetch_writer *w)
{
    chain_add(w->out, SPAN(")\r\n"));
}

static void fetch_separate(struct imap_fetch_writer *w)
{
    if (w->has_item)
        chain_add_byte(w->out, ' ');
    w->has_item = true;
}

void imap_fetch_write_ready(struct imap_fetch_writer *w, struct span name, struct span value)
{
    fetch_separate(w);
    chain_add(w->out, name);
    chain_add_byte(w->out, ' ');
    chain_add(w->out, value);
}

void imap_fetch_write_uid(struct imap_fetch_writer *w, uint32_t uid)
{
    fetch_separate(w);
    chain_add(w->out, SPAN("UID "));
    chain_add_number(w->out, uid);
}

void imap_fetch_write_size(struct imap_fetch_writer *w, uint64_t size)
{
    fetch_separate(w);
    chain_add(w->out, SPAN("RFC822.SIZE "));
    chain_add_number(w->out, size);
}

void imap_fetch_write_flags(struct imap_fetch_writer *w, unsigned flags, bool is_recent,
                            uint64_t keywords, const struct imap_keywords *names)
{
    fetch_separate(w);
    chain_add(w->out, SPAN("FLAGS "));
    imap_flags_write(w->out, flags, is_recent, keywords, names);
}

void imap_fetch_write_internaldate(struct imap_fetch_writer *w, int64_t us, int16_t zone_minutes)
{
    char text[DATE_TEXT_MAX + 2];
    int64_t s = us / 1000000 - (us % 1000000 < 0);
    size_t len = date_write_imap(text + 1, (struct date){s, zone_minutes});

    text[0] = '"';
    text[len + 1] = '"';
    imap_fetch_write_ready(w, SPAN("INTERNALDATE"), (struct span){text, len + 2});
}

void imap_fetch_write_section(struct imap_fetch_writer *w, const struct imap_section *section,
                              uint32_t len)
{
    fetch_separate(w);
    imap_section_write_name(section, w->out);
    chain_add(w->out, SPAN(" {"));
    chain_add_number(w->out, len);
    chain_add(w->out, SPAN("}\r\n"));
}

void imap_fetch_write_section_nil(struct imap_fetch_writer *w, const struct imap_section *section)
{
    fetch_separate(w);
    imap_section_write_name(section, w->out);
    chain_add(w->out, SPAN(" NIL"));
}

static void write_range(struct chain *out, struct imap_range range)
{
    chain_add_number(out, range.from);
    if (range.from == range.to)
        return;
    chain_add_byte(out, ':');
    chain_add_number(out, range.to);
}

void imap_write_copyuid(struct chain *out, uint32_t uid_validity, const struct imap_ranges *from,
                        uint32_t to)
{
    uint32_t count = 0;

    chain_addf(out, "[COPYUID %u ", uid_validity);
    for (size_t i = 0; i < from->count; i++) {
        if (i > 0)
            chain_add_byte(out, ',');
        write_range(out, from->at[i]);
        count += from->at[i].to - from->at[i].from + 1;
    }
    chain_add_byte(out, ' ');
    write_range(out, (struct imap_range){to, to + count - 1});
    chain_add_byte(out, ']');
}

void imap_write_number(struct chain *out, uint32_t number, const char *what)
{
    chain_add(out, SPAN("* "));
    chain_add_number(out, number);
    chain_add_byte(out, ' ');
    chain_add(out, span_str(what));
    chain_add(out, SPAN("\r\n"));
}
