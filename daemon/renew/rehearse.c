/* What distinguishes a rehearsal from an issue: when it may start, and what follows from its end. */
#include "daemon/renew/rehearse.h"

#include "common/ca.h"
#include "common/crypto/x509.h"
#include "common/timefmt.h"
#include "daemon/renew/failover.h"
#include "daemon/renew/issue_private.h"
#include "daemon/schedule/schedule.h"

#include <string.h>

enum {
	PROVIDERS_MAX = 1000,
	FAILURES = 3,
	/* A staging environment may fail for reasons of its own: a first certificate, which is never urgent, then waits
	 * for a week and not for ever. */
	LONGEST_SEC = 7 * 24 * 3600,
};

/* --- before an order --- */

bool
rehearse_is_due(const struct rehearse_in *in)
{
	return in->failures >= FAILURES && !in->is_rehearsed && in->now < in->until_at &&
	       (in->urgent_at <= 0 || in->now < in->urgent_at);
}

const char *
rehearse_url(const struct provider *p, bool is_asked_for)
{
	bool is_off = p->staging && strcmp(p->staging, "none") == 0;

	if (is_off && !is_asked_for)
		return NULL;
	return p->staging && !is_off ? p->staging : ca_staging_of(p->server);
}

int
rehearse_provider(struct store *store, const char *url, char **ret, struct error *err)
{
	char id[STORE_ID_SIZE] = "";

	for (int n = 0; n < PROVIDERS_MAX; n++) {
		_cleanup_provider_ struct provider p = { 0 };
		int found = object_next_peek(store, &provider_class, id, &p, err);

		if (found < 0)
			return -1;
		if (found == 0)
			break;
		memcpy(id, p.o.id, sizeof(id));
		if (!p.server || strcmp(p.server, url) != 0 || (*ret && !p.account_url))
			continue;
		str_replace(ret, id);
		if (p.account_url)
			break;
	}
	return *ret != NULL;
}

bool
rehearse_is_possible(const struct autocert *a)
{
	return !a->challenge || (strcmp(a->challenge, "manual") != 0 && strcmp(a->challenge, "dns-persist-01") != 0);
}

char *
rehearse_before(const struct issue_env *env, const struct autocert *a, int64_t at)
{
	const struct rehearse_in in = {
		.now = at,
		.failures = a->validation_failures,
		.until_at = a->rehearse_until_at,
		.urgent_at = failover_urgent_at(env, a),
		.is_rehearsed = a->is_rehearsed,
	};
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *id = NULL;
	const char *url;

	if (a->skips_limits || !rehearse_is_due(&in) || !rehearse_is_possible(a) ||
		object_peek(env->store, &provider_class, autocert_provider(a), &p, NULL) != 1)
		return NULL;
	url = rehearse_url(&p, false);
	if (!url || strcmp(url, p.server) == 0 || rehearse_provider(env->store, url, &id, NULL) != 1 ||
		clients_room(env->clients, id, NULL) <= 0 || clients_opens_at(env->clients, id, NULL) > 0)
		return NULL;
	return xstrdup(id);
}

void
rehearse_count(struct autocert *a, const struct error *err, int64_t now)
{
	if (err->code != ERROR_VALIDATION)
		return;
	a->validation_failures = time_add(a->validation_failures, 1);
	a->rehearse_until_at = time_add(now, LONGEST_SEC);
	a->is_rehearsed = false;
}

void
rehearse_forget(struct autocert *a)
{
	a->validation_failures = a->rehearse_until_at = 0;
	a->is_rehearsed = false;
}

/* --- the end --- */

/* The order follows, if the auto-certificate still waits for one. */
static void
rehearse_let_order(struct issue *issue, struct store_txn *txn)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_load(issue->env->store, &autocert_class, issue->id, &a, &err) != 1)
		return; /* the row is still due: the next start reports it */
	a.is_rehearsed = true;
	a.next_at = issue_now(issue->env);
	if (object_save(issue->env->store, txn, &autocert_class, &a, &err) < 0)
		store_fail(txn, &err);
}

/* It is over when this is committed. */
static void
rehearse_end(struct issue *issue, struct store_txn *txn)
{
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order);
	issue->order = NULL;
	issue_forget_key(issue);
	if (issue->is_before_order)
		rehearse_let_order(issue, txn);
	else
		schedule_del(issue->env->store, txn, SCHEDULE_REHEARSE, issue->id);
	issue_end_with(issue, txn);
}

void
rehearse_fail(struct issue *issue, const struct error *err)
{
	struct store_txn *txn = store_begin(issue->env->store);
	struct event_object object = issue_object(issue);

	event_emit_error(issue->env->events, txn, EVENT_REHEARSAL_FAILED, &object, err, "the rehearsal failed: %s%s",
		err->message, issue->is_before_order ? "; that shows nothing, so the order goes to the CA" : "");
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
		"the rehearsal with provider '%s' succeeded: %s issued a certificate, which was thrown away%s%s%s", at,
		info->issuer_cn ? info->issuer_cn : "the CA", *text ? "; " : "", text,
		issue->is_before_order ? "; the order goes to the CA now" : "");
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
