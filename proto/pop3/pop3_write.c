#include "proto/pop3/pop3_write.h"

#include "core/base/number.h"

enum {
    LINE_MAX_LEN = 2 * NUMBER_TEXT_MAX + 8,
    HEX_DIGITS = 8, /* of 32 bits */
};

void pop3_write_list_begin(struct chain *out, uint32_t messages)
{
    chain_addf(out, "+OK %u messages:\r\n", messages);
}

void pop3_write_uidl_begin(struct chain *out)
{
    chain_add(out, SPAN("+OK\r\n"));
}

void pop3_write_ok(struct chain *out)
{
    chain_add(out, SPAN("+OK "));
}

static size_t line_end(char *at, size_t len)
{
    at[len] = '\r';
    at[len + 1] = '\n';
    return len + 2;
}

void pop3_write_size(struct chain *out, uint32_t number, uint64_t octets)
{
    char *line = chain_reserve(out, LINE_MAX_LEN);
    size_t len = number_write(line, number);

    line[len++] = ' ';
    len += number_write(line + len, octets);
    chain_added(out, line_end(line, len));
}

static size_t hex_write(char *at, uint32_t number)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < HEX_DIGITS; i++)
        at[i] = digits[number >> 4 * (HEX_DIGITS - 1 - i) & 15];
    return HEX_DIGITS;
}

void pop3_write_uidl(struct chain *out, uint32_t number, uint32_t uid, uint32_t uid_validity)
{
    char *line = chain_reserve(out, LINE_MAX_LEN);
    size_t len = number_write(line, number);

    line[len++] = ' ';
    len += hex_write(line + len, uid);
    len += hex_write(line + len, uid_validity);
    chain_added(out, line_end(line, len));
}

void pop3_write_list_end(struct chain *out)
{
    chain_add(out, SPAN(".\r\n"));
}

void pop3_write_retr_begin(struct chain *out, uint64_t octets)
{
    chain_addf(out, "+OK %llu octets\r\n", (unsigned long long)octets);
}

void pop3_write_top_begin(struct chain *out)
{
    chain_add(out, SPAN("+OK\r\n"));
}
