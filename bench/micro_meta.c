/*
 * micro_meta: what one meta_build() costs, for messages of 1 KB, 10 KB and 100 KB.
 */

#include <stdio.h>

#include "core/base/clock.h"
#include "proto/mime/meta.h"
#include "proto/text/buffer.h"

static const char header[] = "From: Ann Example <ann@example.org>\r\n"
                             "To: Bob Example <bob@example.com>, carl@example.net\r\n"
                             "Subject: Minutes of the meeting on Wednesday\r\n"
                             "Date: Wed, 15 Jul 2020 16:31:24 +0000\r\n"
                             "Message-ID: <20200715163124.12345@example.org>\r\n"
                             "MIME-Version: 1.0\r\n";

static void add_lines(struct buffer *b, size_t size)
{
    while (b->len < size)
        buffer_add(
            b, SPAN("The quick brown fox jumps over the lazy dog, and then it does so again.\r\n"));
}

static void make_plain(struct buffer *b, size_t size)
{
    buffer_add(b, span_str(header));
    buffer_add(b, SPAN("Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: 8bit\r\n\r\n"));
    add_lines(b, size);
}

static void make_mixed(struct buffer *b, size_t size)
{
    static const char line[] =
        "TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg\r\n";

    buffer_add(b, span_str(header));
    buffer_add(b,
               SPAN("Content-Type: multipart/mixed; boundary=\"=_abc_123\"\r\n\r\n--=_abc_123\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n\r\n"));
    add_lines(b, size / 10 + b->len);
    buffer_add(b, SPAN("--=_abc_123\r\nContent-Type: image/png; name=\"a.png\"\r\n"
                       "Content-Disposition: attachment; filename=\"a.png\"\r\n"
                       "Content-Transfer-Encoding: base64\r\n\r\n"));
    while (b->len < size)
        buffer_add(b, span_str(line));
    buffer_add(b, SPAN("--=_abc_123--\r\n"));
}

static void measure(const char *name, const struct buffer *message)
{
    enum {
        BYTES = 200 * 1024 * 1024,
        ROUNDS_MAX = 100000
    };
    size_t rounds = BYTES / (message->len + 1000), len = 0;
    uint64_t from = clock_monotonic_ns(), ns;

    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds == 0 ? 1 : rounds;
    for (size_t i = 0; i < rounds; i++) {
        struct chain meta = {0};

        meta_build((struct span){message->at, message->len}, &meta);
        len = meta.len;
        chain_free(&meta);
    }
    ns = (clock_monotonic_ns() - from) / rounds;
    printf("%-5s %7zu bytes: %8llu ns, META %zu bytes\n", name, message->len,
           (unsigned long long)ns, len);
}

int main(void)
{
    for (size_t size = 1000; size <= 100000; size *= 10) {
        struct buffer plain = {0}, mixed = {0};

        make_plain(&plain, size);
        make_mixed(&mixed, size);
        measure("plain", &plain);
        measure("mixed", &mixed);
        buffer_free(&plain);
        buffer_free(&mixed);
    }
    return 0;
}
