/*
 * daemon/challenge/persist_look.h: looks for the record of dns-persist-01 at the authoritative servers of its zone. The
 * operator has published it; it is not certd's.
 */
#ifndef DAEMON_CHALLENGE_PERSIST_LOOK_H
#define DAEMON_CHALLENGE_PERSIST_LOOK_H

#include "common/crypto/acme_txt.h"
#include "daemon/dnsprovider/dnsprovider.h"

struct persist_look;

/*
 * Called once, from the loop, never from inside persist_look_start().
 * @seen: the content of the record that allows what was asked for; borrowed; NULL when @err
 * @err: ERROR_STATE: the servers were asked, and no record does; the message says what is there. ERROR_DNS,
 * ERROR_TIMEOUT: it is unknown.
 */
typedef void
persist_look_done_fn(const char *seen, const struct error *err, void *arg);

/* @owner, @want: copied. A DNS provider that has the zone says which name servers are asked. Ends in some seconds. */
struct persist_look *
persist_look_start(const struct dnsprovider_env *env, struct store *store, const char *owner,
	const struct acme_persist *want, persist_look_done_fn *done, void *arg);

/* Cancels; @done is not called. NULL is a no-op. */
void
persist_look_cancel(struct persist_look *look);

#endif
