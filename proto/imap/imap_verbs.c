#include "proto/imap/imap_private.h"

/* The protocol at a glance (RFC 3501 6; IDLE: 2177, ID: 2971, UID EXPUNGE: 4315, MOVE: 6851,
 * NAMESPACE: 2342, UNSELECT: 3691, ENABLE: 5161, LIST: also 5258 and 6154). */
static const struct imap_verb imap_verbs[] = {
    {"CAPABILITY",   IMAP_ANY,      0,                                     imap_capability_cmd,   NULL,                  "Capability" },
    {"NOOP",         IMAP_ANY,      IMAP_VERB_MAY_EXPUNGE,                 imap_noop_cmd,         NULL,                  "NOOP"       },
    {"LOGOUT",       IMAP_ANY,      0,                                     imap_logout_cmd,       NULL,                  "Logout"     },
    {"ID",           IMAP_ANY,      0,                                     imap_id_cmd,           NULL,                  "ID"         },
    {"STARTTLS",     IMAP_FRESH,    0,                                     imap_starttls_cmd,     NULL,                  NULL         },
    {"LOGIN",        IMAP_FRESH,    0,                                     imap_login_cmd,        imap_auth_answered,    NULL         },
    {"AUTHENTICATE", IMAP_FRESH,    0,                                     imap_authenticate_cmd, imap_auth_answered,    NULL         },
    {"SELECT",       IMAP_IN,       0,                                     imap_select_cmd,       imap_select_answered,  "Select"     },
    {"EXAMINE",      IMAP_IN,       0,                                     imap_examine_cmd,      imap_select_answered,  "Examine"    },
    {"STATUS",       IMAP_IN,       0,                                     imap_status_cmd,       NULL,                  "Status"     },
    {"LIST",         IMAP_IN,       0,                                     imap_list_cmd,         NULL,                  "List"       },
    {"LSUB",         IMAP_IN,       0,                                     imap_lsub_cmd,         NULL,                  "Lsub"       },
    {"CREATE",       IMAP_IN,       0,                                     imap_create_cmd,       imap_mailbox_answered, "Create"     },
    {"DELETE",       IMAP_IN,       0,                                     imap_delete_cmd,       imap_mailbox_answered, "Delete"     },
    {"RENAME",       IMAP_IN,       0,                                     imap_rename_cmd,       imap_mailbox_answered, "Rename"     },
    {"SUBSCRIBE",    IMAP_IN,       0,                                     imap_subscribe_cmd,    imap_mailbox_answered, "Subscribe"  },
    {"UNSUBSCRIBE",  IMAP_IN,       0,                                     imap_unsubscribe_cmd,  imap_mailbox_answered, "Unsubscribe"},
    {"ENABLE",       IMAP_IN,       0,                                     imap_enable_cmd,       NULL,                  "Enable"     },
    {"NAMESPACE",    IMAP_IN,       0,                                     imap_namespace_cmd,    NULL,                  "Namespace"  },
    {"IDLE",         IMAP_IN,       IMAP_VERB_MAY_EXPUNGE,                 imap_idle_cmd,         imap_idle_answered,    "Idle"       },
    {"CHECK",        IMAP_SELECTED, IMAP_VERB_MAY_EXPUNGE,                 imap_noop_cmd,         NULL,                  "Check"      },
    {"CLOSE",        IMAP_SELECTED, 0,                                     imap_close_cmd,        imap_close_answered,   "Close"      },
    {"UNSELECT",     IMAP_SELECTED, 0,                                     imap_unselect_cmd,     NULL,                  "Unselect"   },
    {"EXPUNGE",      IMAP_SELECTED, IMAP_VERB_MAY_EXPUNGE | IMAP_VERB_UID, imap_expunge_cmd,      NULL,
     "Expunge"                                                                                                                        },
    {"COPY",         IMAP_SELECTED, IMAP_VERB_UID,                         imap_copy_cmd,         imap_copy_answered,    "Copy"       },
    {"MOVE",         IMAP_SELECTED, IMAP_VERB_MAY_EXPUNGE | IMAP_VERB_UID, imap_move_cmd,
     imap_copy_answered,                                                                                                 "Move"       },
    {"APPEND",       IMAP_IN,       IMAP_VERB_MAY_EXPUNGE,                 imap_append_cmd,       imap_append_answered,  "Append"     },
    {"SEARCH",       IMAP_SELECTED, IMAP_VERB_UID,                         imap_search_cmd,       NULL,                  "Search"     },
    {"FETCH",        IMAP_SELECTED, IMAP_VERB_UID,                         imap_fetch_cmd,        imap_fetch_answered,   "Fetch"      },
    {"STORE",        IMAP_SELECTED, IMAP_VERB_UID,                         imap_store_cmd,        NULL,                  "Store"      },
};

const struct imap_verb *imap_verb_find(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(imap_verbs); i++) {
        if (span_eq_nocase(name, span_str(imap_verbs[i].name)))
            return &imap_verbs[i];
    }
    return NULL;
}

const struct imap_verb *imap_verb_at(unsigned index)
{
    return index < COUNT_OF(imap_verbs) ? &imap_verbs[index] : NULL;
}
