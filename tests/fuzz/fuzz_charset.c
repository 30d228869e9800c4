/* fuzz_charset: the first byte chooses a charset, the second where the rest is cut: UTF-8 comes
 * out, the same for any cut of the charsets that we decode ourselves; it folds and normalises. */

#include "core/base/ensure.h"
#include "proto/text/charset.h"
#include "tests/fuzz/fuzz.h"

static const char *const names[] = {
    "utf-8",  "iso-8859-1", "windows-1252", "koi8-r",       "iso-2022-jp",  "shift_jis",
    "euc-jp", "gb18030",    "big5",         "euc-kr",       "iso-2022-kr",  "utf-7",
    "utf-16", "utf-16le",   "utf-32",       "windows-1255", "windows-1258", "tis-620",
};

static void convert(const char *name, struct span text, size_t cut, struct buffer *out)
{
    struct charset c;

    ensure(charset_open(&c, span_str(name)));
    charset_decode(&c, span_first(text, cut), out);
    charset_decode(&c, span_after(text, cut), out);
    charset_close(&c, out);
    ensure(charset_is_utf8(buffer_since(out, 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = {0}, cut = {0}, folded = {0};
    struct span text;
    size_t which;

    if (size < 2)
        return 0;
    which = data[0] % COUNT_OF(names);
    text = (struct span){(const char *)data + 2, size - 2};
    convert(names[which], text, text.len, &whole);
    convert(names[which], text, data[1], &cut);
    if (which < 3)
        ensure(span_eq(buffer_since(&whole, 0), buffer_since(&cut, 0)));
    charset_fold(buffer_since(&whole, 0), &folded);
    ensure(charset_is_utf8(buffer_since(&folded, 0)));
    ensure(folded.len <= CHARSET_FOLD_MAX * whole.len);
    ensure(charset_normalize(buffer_since(&whole, 0), &cut));
    buffer_free(&whole);
    buffer_free(&cut);
    buffer_free(&folded);
    return 0;
}
