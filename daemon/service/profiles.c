/*
 * An unknown profile is refused at the declaration, not when the next order fails. The provider's own client asks the
 * CA; it usually has the directory already.
 */
#include "daemon/service/profiles.h"

#include "common/alloc.h"
#include "daemon/acme/acme_client.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { PATIENCE_MS = 5000 };

struct profiles_call {
	struct call *call;
	service_fn *handler;
	struct ca_client *client;
	struct acme_call *check;
	struct loop_timer patience;
	struct profiles_call *prev, *next;
};

static void
profiles_free(struct profiles_call *p)
{
	struct service *service = p->call->service;

	DL_DELETE(service->profiles_calls, p);
	loop_timer_cancel(&p->patience);
	acme_call_cancel(p->check);
	clients_release(service->issue_env->clients, p->client);
	free(p);
}

static void
profiles_go_on(struct profiles_call *p)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct call *call = p->call;
	service_fn *handler = p->handler;
	int rc;

	profiles_free(p);
	rc = handler(call, call->params, &err);
	call_end(call, rc, &err);
}

static void
profiles_out_of_patience(void *arg)
{
	profiles_go_on(arg);
}

/* Only the CA's own answer leads to a refusal; any other error is left to the order. */
static void
profiles_checked(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	_cleanup_error_ struct error refused = ERROR_INIT;
	struct profiles_call *p = arg;
	struct call *call = p->call;

	p->check = NULL;
	if (!err || !err->field || strcmp(err->field, "profile") != 0) {
		profiles_go_on(p);
		return;
	}
	error_set_field(&refused, "properties.profile", "%s", err->message);
	profiles_free(p);
	call_end(call, -1, &refused);
}

int
profiles_wait(struct call *call, const char *provider_id, const char *profile, service_fn *handler, struct error *err)
{
	struct clients *clients = call->service->issue_env->clients;
	struct profiles_call *p;
	int64_t room;

	if (!profile || call->has_profile)
		return 0;
	call->has_profile = true;
	room = clients_room(clients, provider_id, err);
	if (room <= 0)
		return (int)room;
	p = xcalloc(1, sizeof(*p));
	p->call = call;
	p->handler = handler;
	p->client = clients_take(clients, provider_id);
	loop_timer_init(&p->patience, call->service->loop, profiles_out_of_patience, p);
	loop_timer_set(&p->patience, PATIENCE_MS);
	DL_APPEND(call->service->profiles_calls, p);
	p->check = acme_client_check_profile(p->client->acme, profile, profiles_checked, p);
	return 1;
}

void
profiles_stop(struct service *service)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (service->profiles_calls) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		struct call *call = service->profiles_calls->call;

		profiles_free(service->profiles_calls);
		call_finish(call, NULL, &err);
	}
}
