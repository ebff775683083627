/*
 * daemon/base/log.h: writes to the journal with fields when stderr is the journal (JOURNAL_STREAM), otherwise lines to
 * stderr. Used by report/events.c for everything that concerns an operator, and by main/certd.c at start and end.
 */
#ifndef DAEMON_BASE_LOG_H
#define DAEMON_BASE_LOG_H

#include "common/alloc.h"

#include <stddef.h>

struct log;
struct loop;

/* syslog's numbers, passed to the journal unchanged. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* @level: less important lines are dropped. */
struct log *
log_new(enum log_level level);

/* From now on lines that could not be written at once are written as soon as possible; @loop is borrowed. */
void
log_attach(struct log *log, struct loop *loop);

void
log_free(struct log *log);

void
log_set_level(struct log *log, enum log_level level);

/* One journal field; @name upper case, e.g. "CERTD_CERTIFICATE". NULL values are skipped. */
struct log_field {
	const char *name;
	const char *value;
};

/* Never blocks: lines wait in a queue of 1,000, and the number of dropped lines is logged. */
void
log_write(struct log *log, enum log_level level, const struct log_field *fields, size_t n_fields, const char *fmt, ...)
	_printf_(5, 6);

#define log_error(log, ...) log_write(log, LOG_LEVEL_ERROR, NULL, 0, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, NULL, 0, __VA_ARGS__)
#define log_info(log, ...) log_write(log, LOG_LEVEL_INFO, NULL, 0, __VA_ARGS__)

#endif
