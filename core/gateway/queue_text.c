#include "core/gateway/queue_text.h"

#include <stdbool.h>
#include <time.h>

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7F;
}

void queue_text_add(struct chain *out, struct span text)
{
    for (size_t done = 0; done < text.len;) {
        size_t len = 0;

        while (done + len < text.len && !is_control((unsigned char)text.at[done + len]))
            len++;
        if (len > 0)
            chain_add(out, (struct span){text.at + done, len});
        else
            chain_add_byte(out, '?');
        done += len > 0 ? len : 1;
    }
}

/* How many bytes the character in front has (RFC 3629 4); 0: it is none. */
static size_t character_len(struct span text)
{
    const unsigned char *b = (const unsigned char *)text.at;
    size_t len = b[0] < 0x80 ? 1 : b[0] < 0xC2 ? 0 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;

    if (b[0] > 0xF4 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (b[i] >> 6 != 2)
            return 0;
    }
    if ((b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xED && b[1] > 0x9F) ||
        (b[0] == 0xF0 && b[1] < 0x90) || (b[0] == 0xF4 && b[1] > 0x8F))
        return 0;
    return len;
}

static bool is_plain(unsigned char byte)
{
    return byte < 0x80 && !is_control(byte) && byte != '"' && byte != '\\';
}

void queue_text_add_json(struct chain *out, struct span text)
{
    chain_add_byte(out, '"');
    while (text.len > 0) {
        size_t len = 0;

        while (len < text.len && is_plain((unsigned char)text.at[len]))
            len++;
        if (len > 0) {
            chain_add(out, span_first(text, len));
        } else if (text.at[0] == '"' || text.at[0] == '\\') {
            chain_addf(out, "\\%c", text.at[0]);
            len = 1;
        } else if (is_control((unsigned char)text.at[0])) {
            chain_addf(out, "\\u%04x", (unsigned char)text.at[0]);
            len = 1;
        } else {
            len = character_len(text);
            chain_add(out, len > 0 ? span_first(text, len) : SPAN("\\ufffd"));
            len = len > 0 ? len : 1;
        }
        text = span_after(text, len);
    }
    chain_add_byte(out, '"');
}

struct span queue_text_time(int64_t us, const char *format, char text[QUEUE_TIME_MAX])
{
    time_t second = (time_t)(us / 1000000);
    struct tm t;

    if (localtime_r(&second, &t) == NULL)
        return SPAN("-");
    return (struct span){text, strftime(text, QUEUE_TIME_MAX, format, &t)};
}

struct span queue_text_domain(struct span address)
{
    size_t from = address.len;

    while (from > 0 && address.at[from - 1] != '@')
        from--;
    if (from == 0)
        return SPAN("");
    address = span_after(address, from);
    while (address.len > 0 && address.at[0] == '.')
        address = span_after(address, 1);
    while (address.len > 0 && address.at[address.len - 1] == '.')
        address.len--;
    return address;
}
