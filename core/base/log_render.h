#ifndef CORE_BASE_LOG_RENDER_H
#define CORE_BASE_LOG_RENDER_H

/*
 * log_render: a shape and its facts become one line. Pure but for the clock's text, which each
 * thread keeps for a second. Any thread.
 */

#include "core/base/log.h"

/* What stands in front of a text line. */
enum log_front {
    LOG_FRONT_NONE,
    LOG_FRONT_FILE,   /* Nov 22 23:35:48 host postfix/smtpd[pid]: */
    LOG_FRONT_SYSLOG, /* <22>Nov 22 23:35:48 postfix/smtpd[pid]: */
};

struct log_render {
    enum log_front front;
    bool json; /* after a syslog front, or alone */
    struct span host, syslog_name, pid;
};

/* Writes the line (no end of line) to `at`, which has room for LOG_LINE_MAX; returns its length. */
size_t log_render_line(const struct log_render *how, int64_t wall_us, const struct log_shape *shape,
                       const struct log_fact *facts, unsigned count, char *at);

#endif
