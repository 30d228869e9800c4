/* service_table: which run answers which kind of request, and where. */
#include "core/service/auth.h"
#include "core/service/imap_run.h"
#include "core/service/pop3_run.h"
#include "core/service/service.h"
#include "core/service/smtp_store.h"

const struct service_row service_table[REQUEST_KINDS] = {
    [REQUEST_AUTH] = {auth_run,         SERVICE_ON_REACTOR,      NULL            },
    [REQUEST_SMTP_BODY] = {smtp_body_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_SMTP_STORE] = {smtp_store_run,   SERVICE_ON_WORKER,       smtp_store_where},
    [REQUEST_IMAP_SELECT] = {imap_select_run,  SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_STATUS] = {imap_status_run,  SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_LIST] = {imap_list_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_MAILBOX] = {imap_mailbox_run, SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_FETCH] = {imap_fetch_run,   SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_STORE] = {imap_store_run,   SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_SEARCH] = {imap_search_run,  SERVICE_ON_WORKER_LATER, NULL            },
    [REQUEST_IMAP_EXPUNGE] = {imap_expunge_run, SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_APPEND] = {imap_append_run,  SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_COPY] = {imap_copy_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_IMAP_SYNC] = {imap_sync_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_OPEN] = {pop3_open_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_NUMBER] = {pop3_number_run,  SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_STAT] = {pop3_stat_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_LIST] = {pop3_list_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_RETR] = {pop3_retr_run,    SERVICE_ON_WORKER,       NULL            },
    [REQUEST_POP3_QUIT] = {pop3_quit_run,    SERVICE_ON_WORKER,       NULL            },
};
