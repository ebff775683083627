/* What distinguishes a rehearsal from an issue: when it may start, and what follows from its end: an event. */
#include "daemon/renew/rehearse.h"

#include "common/crypto/x509.h"
#include "daemon/renew/issue_private.h"
#include "daemon/schedule/schedule.h"

#include <string.h>

/* It is over when this is committed. */
static void
rehearse_end(struct issue *issue, struct store_txn *txn)
{
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order);
	issue->order = NULL;
	issue_forget_key(issue);
	schedule_del(issue->env->store, txn, SCHEDULE_REHEARSE, issue->id);
	issue_end_with(issue, txn);
}

void
rehearse_fail(struct issue *issue, const struct error *err)
{
	struct store_txn *txn = store_begin(issue->env->store);
	struct event_object object = issue_object(issue);

	event_emit_error(issue->env->events, txn, EVENT_REHEARSAL_FAILED, &object, err, "the rehearsal failed: %s",
		err->message);
	rehearse_end(issue, txn);
}

void
rehearse_pass(struct issue *issue, const struct cert_info *info, const struct strlist *doubts)
{
	struct store_txn *txn = store_begin(issue->env->store);
	struct event_object object = issue_object(issue);
	struct json_object *data = json_object_new_object();
	const char *at = issue->client->provider.o.name;
	_cleanup_strlist_ struct strlist remarks = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < doubts->count; i++)
		strlist_add(&remarks, doubts->items[i]);
	for (size_t i = 0; i < acme_order_notes(issue->order)->count; i++)
		strlist_add(&remarks, acme_order_notes(issue->order)->items[i]);
	text = strlist_join(&remarks, "; ");
	json_add_string(data, "provider", at);
	event_emit(issue->env->events, txn, EVENT_REHEARSAL_DONE, &object, data,
		"the rehearsal with provider '%s' succeeded: %s issued a certificate, which was thrown away%s%s", at,
		info->issuer_cn ? info->issuer_cn : "the CA", *text ? "; " : "", text);
	rehearse_end(issue, txn);
}

/*
 * A provider that is being registered has no room yet. One that has failed, or is gone, never will: the rehearsal
 * starts without it, to say so.
 */
static int64_t
rehearse_lane_room(void *arg_env, const char *lane, struct error *err)
{
	const struct issue_env *env = arg_env;
	_cleanup_provider_ struct provider p = { 0 };
	int64_t room = clients_room(env->clients, lane, err);

	if (room == 0 && (object_peek(env->store, &provider_class, lane, &p, err) == 0 || p.o.state == OBJECT_FAILED))
		return 1;
	return room;
}

int
rehearse_take_client(struct issue *issue, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	int64_t room = clients_room(issue->env->clients, issue->lane, err);

	if (room > 0)
		issue->client = clients_take(issue->env->clients, issue->lane);
	if (room != 0)
		return room < 0 ? -1 : 0;
	if (object_peek(issue->env->store, &provider_class, issue->lane, &p, err) < 0)
		return -1;
	if (!error_is_set(&p.o.failure))
		return error_set(err, ERROR_STATE, "the provider has no account any more");
	error_copy(err, &p.o.failure);
	return error_wrap(err, "provider '%s' has no account", p.o.name);
}

const struct job_kind rehearse_job = {
	.kind = SCHEDULE_REHEARSE,
	.word = "rehearsal",
	.classes = { &autocert_class },
	.needs_date = true,
	.start = issue_start,
	.cancel = issue_cancel,
	.lane_room = rehearse_lane_room,
};
