/*
 * fuzz_dsn: any bytes as what strangers put into a notification: addresses, replies, the message.
 * Its own header and fields keep to printable lines of a bounded length, whatever they said. Fields
 * are parted by NUL; first byte: what kind of notification it is.
 */
#include "core/base/ensure.h"
#include "proto/smtp/dsn.h"
#include "tests/fuzz/fuzz.h"

static struct span take(struct span *rest)
{
    const char *nul = rest->len == 0 ? NULL : memchr(rest->at, '\0', rest->len);
    struct span field = span_first(*rest, nul == NULL ? rest->len : (size_t)(nul - rest->at));

    *rest = span_after(*rest, field.len + 1);
    return field;
}

/* No bare line ends and no control characters but those of our own. */
static void check(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        ensure(c >= ' ' || c == '\r' || c == '\n' || c == '\t');
        ensure(c != '\n' || (i > 0 && text.at[i - 1] == '\r'));
        ensure(c != '\r' || (i + 1 < text.len && text.at[i + 1] == '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char seam[] = "\r\n\r\nFIRST: body\r\n";
    struct span rest = {(const char *)data + 1, size - 1}, text;
    struct dsn_recipient r = {0};
    struct dsn d = {.myhostname = "gate.example",
                    .mail_name = "Ringpost",
                    .recipients = &r,
                    .count = 1,
                    .now_us = 1594830684000000,
                    .queue_id = SPAN("1"),
                    .own_queue_id = SPAN("2")};
    struct chain message = {0}, out = {0};

    if (size < 1 || size > 16384)
        return 0;
    r.action = (enum dsn_action)(data[0] % 5);
    d.ret = data[0] & 64 ? SMTP_RET_HDRS : SMTP_RET_FULL;
    d.return_max = data[0] & 128 ? 100 : 0;
    d.to = d.sender = take(&rest);
    d.envid = take(&rest);
    r.address = take(&rest);
    r.original = take(&rest);
    r.orcpt = take(&rest);
    r.status = take(&rest);
    r.reason = take(&rest);
    r.remote = take(&rest);
    r.reply = take(&rest);
    chain_add(&message, SPAN("FIRST: x"));
    chain_add(&message, SPAN(seam));
    chain_add(&message, rest);
    dsn_write(&d, &message, &out);
    text = chain_flat(&out);
    ensure(message.len == 0);
    ensure(text.len <= 8 * size + 4096);
    check(span_first(text,
                     (size_t)((const char *)memmem(text.at, text.len, "FIRST: x", 8) - text.at)));
    chain_free(&out);
    return 0;
}
