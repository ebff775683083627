/*
 * daemon/control/rest.h: the REST API: listeners on a Unix socket (roles by peer credentials, as on the control
 * socket) and, by configuration, on TCP (bearer tokens; TLS with a certificate of certd's own, or plain on loopback).
 */
#ifndef DAEMON_CONTROL_REST_H
#define DAEMON_CONTROL_REST_H

#include "daemon/service/service.h"

struct rest;

struct rest_config {
	const char *path; /* own bind when no descriptor was passed */
	const int *fds;   /* listening sockets of the service manager; taken */
	size_t n_fds;
	unsigned max_connections; /* as on the control socket, for each kind of listener */
	unsigned max_connections_per_user;
	const struct role_map *roles; /* borrowed; may change between turns (reload) */
};

/* ERROR_CONFIG: a setting that can never work, or would be open to all. Call before anything is opened. */
int
rest_check_conf(const struct conf *conf, struct error *err);

/*
 * rest_new() - open what can be opened now
 * The settings for TCP (addresses, certificate) are read from @service's conf, once. A TCP listener that cannot be
 * opened yet is retried every few seconds; @service's rest_warning says what it waits for.
 * Errors: only of the Unix socket.
 */
struct rest *
rest_new(struct service *service, const struct rest_config *config, struct error *err);

/* NULL is a no-op. */
void
rest_free(struct rest *rest);

#endif
