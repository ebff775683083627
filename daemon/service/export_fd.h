/* daemon/service/export_fd.h: descriptors that secrets are exported to. */
#ifndef DAEMON_SERVICE_EXPORT_FD_H
#define DAEMON_SERVICE_EXPORT_FD_H

#include "common/crypto/secret.h"

/*
 * May a worker write to @fd (borrowed; -1: none was passed) without hanging? Else ERROR_INVALID. @method: for the
 * message
 */
int
export_fd_check(int fd, const char *method, struct error *err);

/* On a worker. */
int
export_fd_write(int fd, const struct secret *octets, struct error *err);

#endif
