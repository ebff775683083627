/* autoCertificate.check, autoCertificate.rehearse and server.check: would the next renewal succeed? */
#include "common/shell.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/rehearse.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

struct check_call {
	struct call_wait wait;
	struct ready_run *run; /* NULL: it has ended */
};

static void
check_free(struct call_wait *wait)
{
	struct check_call *c = (struct check_call *)wait;

	if (c->run)
		ready_cancel(c->run);
	free(c);
}

static void
check_ended(const struct ready_state *state, struct store_txn *txn _unused_, const struct error *err, void *arg)
{
	struct check_call *c = arg;
	struct call *call = c->wait.call;
	_cleanup_error_ struct error why = ERROR_INIT;

	c->run = NULL;
	if (err)
		error_copy(&why, err);
	else if (!state)
		error_set(&why, ERROR_NOT_FOUND, "the auto-certificate was deleted");
	if (state) {
		call->result = json_object_new_object();
		json_add_string(call->result, "grade", ready_grade_name(state->grade));
		json_add_time(call->result, "checkedDate", state->checked_at);
		json_object_object_add(call->result, "findings", ready_findings_to_json(state));
	}
	call_wait_end(&c->wait, state ? 0 : -1, &why);
}

int
autocert_check(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct check_call *c;

	if (resource_find_peek(call, &autocert_class, params, &a, err) < 0)
		return -1;
	if (!call->service->ready)
		return error_set(err, ERROR_UNAVAILABLE, "this certd does not check auto-certificates");
	c = xcalloc(1, sizeof(*c));
	call_wait_begin(&c->wait, call, NULL, check_free);
	c->run = ready_start(call->service->ready, a.o.id, check_ended, c);
	return 1;
}

/* --- rehearsals --- */

/* @declared: the provider of the auto-certificate. @ret: the id of the one to rehearse with. */
static int
check_staging_of(
	struct call *call, struct json_object *params, const struct provider *declared, char **ret, struct error *err)
{
	const char *ref = json_object_get_string(json_path(params, "provider"));
	const char *url = rehearse_url(declared, true);
	_cleanup_free_ char *command = NULL;
	int found;

	if (ref)
		return resource_ref(call, &provider_class, "provider", ref, ret, err);
	if (!url)
		return error_set_field(err, "provider",
			"is required: no staging environment of %s is known; declare a provider for it",
			declared->server);
	found = rehearse_provider(call->service->store, url, ret, err);
	if (found)
		return found < 0 ? -1 : 0;
	command = shell_certctl("add-provider --server", url, "--name NAME --email EMAIL --agree-tos");
	return error_set_field(err, "provider",
		"is required: there is none at %s, the staging environment; declare it: %s", url, command);
}

static int
check_may_rehearse(struct call *call, const struct autocert *a, const struct provider *declared, const char *staging,
	struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	struct schedule_row row;
	int found = object_peek(call->service->store, &provider_class, staging, &p, err);

	if (found != 1)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "the provider was deleted");
	if (strcmp(p.server, declared->server) == 0)
		return error_set_field(err, "provider",
			"'%s' is an account at the CA that issues the certificate; a rehearsal needs another CA, such "
			"as the staging environment",
			p.o.name);
	if (!rehearse_is_possible(a))
		return error_set(err, ERROR_STATE,
			"'%s' is validated by %s: the record that the operator publishes is for one CA account only, "
			"so it cannot be rehearsed with another",
			a->o.name, a->challenge);
	found = schedule_get(call->service->store, SCHEDULE_REHEARSE, a->o.id, &row, err);
	return found == 1 ? error_set(err, ERROR_STATE, "a rehearsal of '%s' is in progress", a->o.name) : found;
}

int
autocert_rehearse(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_provider_ struct provider declared = { 0 };
	_cleanup_free_ char *staging = NULL;

	if (resource_find_peek(call, &autocert_class, params, &a, err) < 0 ||
		object_peek(call->service->store, &provider_class, a.provider, &declared, err) < 0)
		return -1;
	if (!declared.server)
		return error_set(err, ERROR_NOT_FOUND, "the provider of '%s' was deleted", a.o.name);
	if (check_staging_of(call, params, &declared, &staging, err) < 0 ||
		check_may_rehearse(call, &a, &declared, staging, err) < 0)
		return -1;
	schedule_set(call->service->store, call_txn(call), SCHEDULE_REHEARSE, a.o.id, staging, call_now(call));
	call->result = resource_seen_by(call->peer, call->service, &autocert_ops, &a);
	return 0;
}

/* --- the host --- */

/* Of the host, without its auto-certificates. */
int
server_check(struct call *call, struct json_object *params _unused_, struct error *err)
{
	struct record_list findings = { .items = NULL };
	struct scheduler_stats stats;
	int64_t grade;

	if (!call->service->ready)
		return error_set(err, ERROR_UNAVAILABLE, "this certd does not check its host");
	scheduler_get_stats(call->service->scheduler, &stats);
	grade = ready_check_host(call->service->ready, stats.is_waiting_for_date, &findings);
	call->result = json_object_new_object();
	json_add_string(call->result, "grade", ready_grade_name(grade));
	json_add_time(call->result, "checkedDate", call_now(call));
	json_object_object_add(call->result, "findings", ready_list_to_json(&findings));
	ready_findings_clear(&findings);
	return 0;
}
