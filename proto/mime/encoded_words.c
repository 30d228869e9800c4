#include "proto/mime/encoded_words.h"

#include "proto/text/base64.h"
#include "proto/text/scan.h"

enum {
    LINE_LEN_MAX = 76, /* RFC 2047 2 */
    PIECE_MAX = 42,    /* bytes that fit the 75 characters of a word with the longer charset */
};

typedef bool word_is_plain_fn(struct span word);

void encoded_words_put(struct encoded_words *w, struct span bytes)
{
    buffer_add(w->out, bytes);
    w->column += bytes.len;
}

/* The blanks in front of a word of `len` characters, on a new line when it would be too long. */
static void blanks_put(struct encoded_words *w, struct span blanks, size_t len)
{
    if (w->column + blanks.len + len > LINE_LEN_MAX) {
        buffer_add(w->out, SPAN("\r\n"));
        w->column = 0;
    }
    encoded_words_put(w, blanks);
}

void encoded_words_token(struct encoded_words *w, struct span token)
{
    blanks_put(w, SPAN(" "), token.len);
    encoded_words_put(w, token);
}

/* ---- encoding ---- */

/* What goes into the next word: no character of UTF-8 is cut. */
static size_t piece_len(struct span text, bool is_utf8)
{
    size_t len = PIECE_MAX;

    if (text.len <= len)
        return text.len;
    while (is_utf8 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void encode(struct encoded_words *w, struct span blanks, struct span text)
{
    bool is_utf8 = scan_is_utf8(text);
    struct span prefix = is_utf8 ? SPAN("=?utf-8?b?") : SPAN("=?unknown-8bit?b?");
    char encoded[PIECE_MAX / 3 * 4];

    while (text.len > 0) {
        struct span piece = span_first(text, piece_len(text, is_utf8));
        size_t len = base64_encode(piece, encoded);

        blanks_put(w, blanks, prefix.len + len + 2);
        encoded_words_put(w, prefix);
        encoded_words_put(w, (struct span){encoded, len});
        encoded_words_put(w, SPAN("?="));
        text = span_after(text, piece.len);
        blanks = SPAN(" ");
    }
}

/* ---- words ---- */

static struct span blanks_take(struct span *at)
{
    struct span from = *at;

    scan_blanks(at);
    return span_first(from, from.len - at->len);
}

static bool word_is_encoded(struct span word)
{
    return word.len > 4 && word.at[0] == '=' && word.at[1] == '?' && word.at[word.len - 2] == '?' &&
           word.at[word.len - 1] == '=';
}

/* From a word that must be encoded to the last one that must without one between them. Blanks
 * between two encoded words are not shown (RFC 2047 6.2), so those in front of one that is there
 * already belong to the text. */
static struct span run_take(struct span *at, struct span word, word_is_plain_fn *is_plain)
{
    struct span from = {word.at, word.len + at->len}, next = *at;

    while (scan_blanks(&next), scan_word(&next, &word)) {
        if (word_is_encoded(word))
            (void)blanks_take(at);
        if (is_plain(word))
            break;
        *at = next;
    }
    return span_first(from, from.len - at->len);
}

static void words_write(struct encoded_words *w, struct span text, word_is_plain_fn *is_plain)
{
    struct span blanks = SPAN(" "), word;
    bool behind_encoded = false;

    scan_blanks(&text);
    while (scan_word(&text, &word)) {
        if (is_plain(word)) {
            if (blanks.len == 0) /* they are in the encoded word */
                blanks = SPAN(" ");
            blanks_put(w, blanks, word.len);
            encoded_words_put(w, word);
            behind_encoded = word_is_encoded(word);
        } else if (behind_encoded) {
            word = (struct span){blanks.at, blanks.len + word.len};
            encode(w, SPAN(" "), run_take(&text, word, is_plain));
        } else {
            encode(w, blanks, run_take(&text, word, is_plain));
        }
        blanks = blanks_take(&text);
    }
}

static bool text_is_plain(struct span word)
{
    return scan_is_ascii(word);
}

/* An atom (RFC 5322 3.2.3). */
static bool phrase_is_plain(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
            (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL))
            return false;
    }
    return true;
}

void encoded_words_text(struct encoded_words *w, struct span text)
{
    words_write(w, text, text_is_plain);
}

void encoded_words_phrase(struct encoded_words *w, struct span text)
{
    words_write(w, text, phrase_is_plain);
}
