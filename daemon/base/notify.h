/* daemon/base/notify.h: the interface to the service manager (sd_notify(3), sd_listen_fds(3)). No-ops without one. */
#ifndef DAEMON_BASE_NOTIFY_H
#define DAEMON_BASE_NOTIFY_H

#include "common/alloc.h"

#include <stddef.h>

struct error;
struct loop;

void
notify_ready(void);

void
notify_reloading(void);

void
notify_stopping(void);

/* STATUS=: one line, shown by systemctl status. */
void
notify_status(const char *fmt, ...) _printf_(1, 2);

/* One X_CERTD_<name>=<value> assignment, for readers of the notify socket. */
void
notify_field(const char *name, const char *value);

/* EXTEND_TIMEOUT_USEC */
void
notify_extend_timeout(unsigned seconds);

/* Pings at half of WATCHDOG_USEC from the loop itself, if the manager requests it. Ends with the loop. */
void
notify_watchdog_start(struct loop *loop);

/* Sends READY-style assignments to another program's socket (path, or "@abstract"). Return: 0 or -1. */
int
notify_send_to(const char *socket_path, const char *assignments, struct error *err);

/*
 * Descriptors passed by the manager under @name (FileDescriptorName=), made close-on-exec and non-blocking. The
 * environment is kept for the next name: no child inherits it. Return: their number, at most @max, written to @ret_fds;
 * owned by the caller.
 */
size_t
notify_listen_fds(const char *name, int *ret_fds, size_t max);

/* The file @name of the credential directory: its path, owned by the caller, or NULL if absent. */
char *
notify_credential_path(const char *name);

#endif
