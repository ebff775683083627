/* daemon/base/fatal.h: ends a start that lacks an essential resource. */
#ifndef DAEMON_BASE_FATAL_H
#define DAEMON_BASE_FATAL_H

#include <stdnoreturn.h>

/*
 * Ends the process with one line on stderr and the exit status of ERROR_STATE (71): the system refused a descriptor or
 * a thread (EMFILE, ENFILE, EAGAIN, ENOMEM). The service manager starts certd again.
 * @what: "create a timer"
 */
noreturn void
fatal_errno(int errnum, const char *what);

#endif
