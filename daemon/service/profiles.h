/* daemon/service/profiles.h: asks the CA about a certificate profile before it is declared. */
#ifndef DAEMON_SERVICE_PROFILES_H
#define DAEMON_SERVICE_PROFILES_H

#include "daemon/service/call.h"

/*
 * profiles_wait() - does the CA of a provider offer @profile?
 * This is unknown for a provider without an account, or if the CA does not answer within some seconds: then the profile
 * is declared, and the order decides. A refusal (field properties.profile) lists the profiles that the CA offers.
 * @profile: NULL asks nothing
 * @handler: runs again afterwards, from its beginning
 * Return: 0 continue; 1 the call waits; -1 failed.
 */
int
profiles_wait(struct call *call, const struct autocert *autocert, service_fn *handler, struct error *err);

/*
 * profiles_wait_of_provider() - the same for the profiles of a provider that is being declared: its own and, where
 * @has_new_server, those of its auto-certificates
 * The server is asked without an account. A refusal names properties.profile, or properties.server with the
 * auto-certificate whose profile is not offered there.
 * @provider: as declared; borrowed for the call
 */
int
profiles_wait_of_provider(struct call *call, const struct provider *provider, bool has_new_server, service_fn *handler,
	struct error *err);

#endif
