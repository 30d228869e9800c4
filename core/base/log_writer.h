#ifndef CORE_BASE_LOG_WRITER_H
#define CORE_BASE_LOG_WRITER_H

/*
 * log_writer: the thread that brings finished lines to where they belong: a file, standard error
 * or syslog's socket. The others only copy lines into its memory, which is bounded.
 */

#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct log_writer;

/* to: "-", "syslog" or a path. lost(count) is called on the writer's thread when lines were lost,
 * once it can write again. NULL with one line in `why` when the place can't be opened. */
MUST_USE struct log_writer *log_writer_open(const char *to, void (*lost)(uint64_t count), char *why,
                                            unsigned why_size);
void log_writer_close(struct log_writer **writer); /* writes out everything */

/* Whole lines, each with its end. Never waits for the disk. Any thread. */
void log_writer_add(struct log_writer *w, struct span lines, unsigned count);

void log_writer_reopen(struct log_writer *w); /* the file, before the next line is written */

#endif
