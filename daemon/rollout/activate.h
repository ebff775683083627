/*
 * daemon/rollout/activate.h: telling a consumer that its files changed. "none": it watches them; "notify": one sd_notify
 * datagram to its socket; "exec": its program, without a shell.
 *
 * What both are given (X_CERTD_NAME in the datagram, CERTD_NAME in the environment, and so on):
 *   NAME        of the auto-certificate or     CERTIFICATE  its id
 *               imported certificate
 *   DIRECTORY   of the drop                    GENERATION   as in manifest.json
 *   SERIAL      hexadecimal with colons        DOMAINS      names, separated by blanks
 * and for hooks written for certbot: RENEWED_LINEAGE (the directory) and RENEWED_DOMAINS.
 */
#ifndef DAEMON_ROLLOUT_ACTIVATE_H
#define DAEMON_ROLLOUT_ACTIVATE_H

#include "daemon/store/object.h"

struct activation;
struct loop;

struct activate_request {
	const struct consumer *consumer; /* all borrowed for the call */
	const char *name;                /* of the auto-certificate, or of the imported certificate */
	const struct certificate *cert;
	const char *directory;
	int64_t generation;
};

/* Once, from the loop, never from inside activate_start(). */
typedef void
activate_done_fn(const struct error *err, void *arg);

struct activation *
activate_start(struct loop *loop, const struct activate_request *request, activate_done_fn *done, void *arg);

/* NULL is a no-op. */
void
activate_cancel(struct activation *activation);

#endif
