/* daemon/base/log_private.h: for log.c and its test. */
#ifndef DAEMON_BASE_LOG_PRIVATE_H
#define DAEMON_BASE_LOG_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

/* Does @journal_stream ("device:inode", NULL allowed; systemd.exec(5)) name this file? */
bool
log_is_journal_stream(const char *journal_stream, uint64_t dev, uint64_t ino);

#endif
