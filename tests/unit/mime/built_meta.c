#include "tests/unit/mime/built_meta.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/mime/imap_grammar.h"

static void build(struct built_meta *b)
{
    meta_build((struct span){b->message.at, b->message.len}, &b->bytes);
    assert_true(meta_open(chain_flat(&b->bytes), &b->meta));
    assert_true(grammar_is_envelope(b->meta.envelope));
    assert_true(grammar_is_body(b->meta.body, false));
    assert_true(grammar_is_body(b->meta.bodystructure, true));
}

void built_meta_open(struct built_meta *b, struct span message)
{
    *b = (struct built_meta){0};
    for (size_t i = 0; i < message.len; i++) {
        if (message.at[i] == '\n')
            buffer_add_byte(&b->message, '\r');
        buffer_add_byte(&b->message, message.at[i]);
    }
    build(b);
}

void built_meta_open_raw(struct built_meta *b, struct span message)
{
    *b = (struct built_meta){0};
    buffer_add(&b->message, message);
    build(b);
}

void built_meta_close(struct built_meta *b)
{
    chain_free(&b->bytes);
    buffer_free(&b->message);
}
