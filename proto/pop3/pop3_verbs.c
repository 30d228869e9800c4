#include "proto/pop3/pop3_private.h"

/* The protocol at a glance (RFC 1939; CAPA: 2449, STLS: 2595, AUTH: 5034, LANG and UTF8: 6856). */
static const struct pop3_verb pop3_verbs[] = {
    {"CAPA", POP3_ANY,           0,                 pop3_capa_cmd, NULL              },
    {"QUIT", POP3_ANY,           0,                 pop3_quit_cmd, pop3_quit_answered},
    {"LANG", POP3_ANY,           0,                 pop3_lang_cmd, NULL              },
    {"UTF8", POP3_AUTHORIZATION, 0,                 pop3_utf8_cmd, NULL              },
    {"STLS", POP3_AUTHORIZATION, 0,                 pop3_stls_cmd, NULL              },
    {"USER", POP3_AUTHORIZATION, 0,                 pop3_user_cmd, NULL              },
    {"PASS", POP3_AUTHORIZATION, 0,                 pop3_pass_cmd, pop3_auth_answered},
    {"AUTH", POP3_AUTHORIZATION, 0,                 pop3_auth_cmd, pop3_auth_answered},
    {"STAT", POP3_TRANSACTION,   0,                 pop3_stat_cmd, pop3_stat_answered},
    {"LIST", POP3_TRANSACTION,   POP3_VERB_NUMBERS, pop3_list_cmd, pop3_list_answered},
    {"UIDL", POP3_TRANSACTION,   POP3_VERB_NUMBERS, pop3_uidl_cmd, pop3_list_answered},
    {"RETR", POP3_TRANSACTION,   POP3_VERB_NUMBERS, pop3_retr_cmd, pop3_retr_answered},
    {"TOP",  POP3_TRANSACTION,   POP3_VERB_NUMBERS, pop3_top_cmd,  pop3_retr_answered},
    {"DELE", POP3_TRANSACTION,   POP3_VERB_NUMBERS, pop3_dele_cmd, NULL              },
    {"RSET", POP3_TRANSACTION,   0,                 pop3_rset_cmd, NULL              },
    {"NOOP", POP3_TRANSACTION,   0,                 pop3_noop_cmd, NULL              },
};

const struct pop3_verb *pop3_verb_find(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(pop3_verbs); i++) {
        if (span_eq_nocase(name, span_str(pop3_verbs[i].name)))
            return &pop3_verbs[i];
    }
    return NULL;
}
