/*
 * One question to the CA: it is unsigned, so it needs neither nonce nor account. The questions to one CA are asked one
 * after the other, in a lane of their own, so that they share one connection and never take an order's place.
 */
#include "daemon/renew/ari.h"

#include "common/random.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ari_policy.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SEC = 5, /* after the issue: the CA should know its certificate by then */
	BUSY_RETRY_SEC = 60,
	UNREADABLE_RETRY_SEC = 3600,
	LONGEST_WAIT_SEC = 24 * 3600,
};

struct ari {
	const struct issue_env *env;
	char id[STORE_ID_SIZE]; /* of the auto-certificate */
	char lane[STORE_ID_SIZE];
	char *ari_id; /* that is asked about */
	struct ca_client *client;
	struct acme_call *call;
	schedule_done_fn *done;
	void *arg;
};

/* --- the row --- */

/* "ari" and the provider's id, cut: two providers that share a lane only wait for each other. */
static void
ari_lane(const char *provider, char ret[STORE_ID_SIZE])
{
	_cleanup_free_ char *lane = xasprintf("ari%.*s", STORE_ID_SIZE - 4, provider);

	memccpy(ret, lane, '\0', STORE_ID_SIZE);
}

void
ari_schedule(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now)
{
	char lane[STORE_ID_SIZE];

	if (!a->ari_id) {
		schedule_del(store, txn, SCHEDULE_ARI, a->o.id);
		return;
	}
	ari_lane(a->provider, lane);
	schedule_set(store, txn, SCHEDULE_ARI, a->o.id, lane, time_add(now, FIRST_SEC));
}

void
ari_forget(struct autocert *a, const char *ari_id)
{
	str_replace(&a->ari_id, ari_id);
	a->ari_start_at = a->ari_end_at = a->ari_pick_at = a->ari_attempts = 0;
	str_replace(&a->ari_url, NULL);
	error_clear(&a->ari_error);
}

/* --- the end --- */

static void
ari_cancel(void *work)
{
	struct ari *ari = work;

	store_forget(ari->env->store, ari);
	acme_call_cancel(ari->call);
	clients_release(ari->env->clients, ari->client);
	free(ari->ari_id);
	free(ari);
}

static void
ari_saved(const struct error *err, void *arg)
{
	struct ari *ari = arg;

	job_over(ari->env->events, err, ari, ari_cancel, ari->done, ari->arg);
}

/* The next question is asked @sec seconds from now; 0: none is. */
static void
ari_put_off(struct ari *ari, struct store_txn *txn, int64_t sec)
{
	struct store *store = ari->env->store;

	if (sec == 0)
		schedule_del(store, txn, SCHEDULE_ARI, ari->id);
	else
		schedule_set(store, txn, SCHEDULE_ARI, ari->id, ari->lane, time_add(loop_now(ari->env->loop), sec));
	store_then(txn, ari_saved, ari);
}

static void
ari_put_off_unread(struct ari *ari, struct store_txn *txn, const struct error *err)
{
	event_emit_error(ari->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	ari_put_off(ari, txn, UNREADABLE_RETRY_SEC);
}

/* --- the answer --- */

static uint64_t
ari_random(const struct issue_env *env, const struct autocert *a, int64_t start_at)
{
	uint64_t random = schedule_seed(a->o.id) + (uint64_t)start_at;

	if (!clock_is_virtual(loop_clock(env->loop))) /* simulations repeat */
		random_octets(&random, sizeof(random));
	return random;
}

static void
ari_add_url(struct json_object *data, const struct autocert *a)
{
	json_add_string(data, "explanationUrl", a->ari_url);
}

static void
ari_report_window(const struct issue_env *env, struct store_txn *txn, const struct autocert *a)
{
	struct event_object object = { autocert_class.name, a->o.id, a->o.name };
	struct json_object *data = json_object_new_object();
	char start[TIME_RFC3339_SIZE], end[TIME_RFC3339_SIZE], pick[TIME_RFC3339_SIZE];

	time_format_rfc3339(a->ari_start_at, start);
	time_format_rfc3339(a->ari_end_at, end);
	time_format_rfc3339(a->ari_pick_at, pick);
	json_add_time(data, "start", a->ari_start_at);
	json_add_time(data, "end", a->ari_end_at);
	json_add_time(data, "chosen", a->ari_pick_at);
	ari_add_url(data, a);
	event_emit(env->events, txn, EVENT_RENEWAL_SUGGESTED, &object, data,
		"the CA suggests renewal between %s and %s; certd has chosen %s%s%s", start, end, pick,
		a->ari_url ? "; explanation: " : "", a->ari_url ? a->ari_url : "");
}

static void
ari_report_held(const struct issue_env *env, struct store_txn *txn, const struct autocert *a, int64_t due_at)
{
	struct event_object object = { autocert_class.name, a->o.id, a->o.name };
	struct json_object *data = json_object_new_object();
	char when[TIME_RFC3339_SIZE];

	time_format_rfc3339(due_at, when);
	json_add_time(data, "chosen", a->ari_pick_at);
	json_add_time(data, "nextDate", due_at);
	ari_add_url(data, a);
	event_emit(env->events, txn, EVENT_RENEWAL_HELD, &object, data,
		"the CA asks to replace a new certificate at once, for the third time within 24 hours; certd waits "
		"until %s; to order at once: certctl renew",
		when);
}

/* The chosen time is kept while the window does not change: another choice at each answer would drift to its begin. */
static void
ari_take_window(struct ari *ari, struct store_txn *txn, struct autocert *a, const struct acme_renewal_info *info)
{
	const struct issue_env *env = ari->env;
	int64_t now = loop_now(env->loop), due_at;
	bool is_new = info->start_at != a->ari_start_at || info->end_at != a->ari_end_at;

	str_replace(&a->ari_url, info->url);
	if (!is_new)
		return;
	a->ari_start_at = info->start_at;
	a->ari_end_at = info->end_at;
	a->ari_pick_at = ari_pick(info->start_at, info->end_at, ari_random(env, a, info->start_at));
	ari_report_window(env, txn, a);
	due_at = issue_renewal_at(env, a);
	if (issue_is_held(env, a))
		ari_report_held(env, txn, a, due_at);
	/* Not while an order runs or was requested, nor while one is retried: a delay after a failure still holds. */
	if (!a->is_paused && a->attempts == 0 && a->next_at > now)
		a->next_at = due_at > now ? due_at : now;
}

/* The first failure is reported: certd's own rule holds until the CA answers, and the last window stays in force. */
static void
ari_note_failure(struct ari *ari, struct store_txn *txn, struct autocert *a, const struct error *err)
{
	struct event_object object = { autocert_class.name, a->o.id, a->o.name };

	if (a->ari_attempts == 0)
		event_emit_error(ari->env->events, txn, EVENT_RENEWAL_UNKNOWN, &object, err,
			"the CA does not say when to renew: %s", err->message);
	a->ari_attempts = time_add(a->ari_attempts, 1);
	error_copy(&a->ari_error, err);
}

/* @info: NULL: @err, or if that is NULL too, the CA no longer offers renewal information. */
static void
ari_finish(struct ari *ari, const struct acme_renewal_info *info, int64_t retry_after_at, const struct error *err)
{
	const struct issue_env *env = ari->env;
	struct store_txn *txn = store_begin(env->store);
	struct ari_poll_in in = { .now = loop_now(env->loop), .retry_after_at = retry_after_at, .err = err };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error load_err = ERROR_INIT;
	int found = object_load(env->store, &autocert_class, ari->id, &a, &load_err);

	if (found < 0) {
		ari_put_off_unread(ari, txn, &load_err);
		return;
	}
	if (found == 0 || !a.ari_id || strcmp(a.ari_id, ari->ari_id) != 0) {
		store_then(txn, ari_saved, ari); /* replaced or deleted meanwhile, and so was the row */
		return;
	}
	if (info) {
		ari_take_window(ari, txn, &a, info);
		a.ari_attempts = 0;
		error_clear(&a.ari_error);
	} else if (err) {
		ari_note_failure(ari, txn, &a, err);
	}
	in.attempts = a.ari_attempts;
	if (object_save(env->store, txn, &autocert_class, &a, &load_err) < 0)
		store_fail(txn, &load_err);
	ari_put_off(ari, txn, time_add(ari_next_poll(&in), -in.now));
}

static void
ari_answered(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct ari *ari = arg;
	_cleanup_(acme_renewal_info_clear) struct acme_renewal_info info = { .url = NULL };
	_cleanup_error_ struct error refused = ERROR_INIT;

	ari->call = NULL;
	if (reply && acme_msg_renewal_info(reply->body, reply->body_len, &info, &refused) < 0)
		ari_finish(ari, NULL, 0, &refused);
	else if (reply)
		ari_finish(ari, &info, reply->retry_after_at, NULL);
	else
		ari_finish(ari, NULL, err ? err->retry_at : 0, err);
}

/* --- the question --- */

/*
 * Whom to ask: the CA that issued the certificate, also if its auto-certificate has another provider by now.
 * Return: 1 and @ret_provider, owned by the caller; 0 there is nothing to ask; -1.
 */
static int
ari_find_issuer(struct ari *ari, char **ret_provider, struct error *err)
{
	const struct issue_env *env = ari->env;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };
	int found = object_peek(env->store, &autocert_class, ari->id, &a, err);

	if (found == 1 && a.last_certificate && a.ari_id)
		found = object_peek(env->store, &certificate_class, a.last_certificate, &cert, err);
	if (found < 0)
		return -1;
	if (!cert.provider || cert.not_after_at <= loop_now(env->loop))
		return 0;
	ari->ari_id = xstrdup(a.ari_id);
	*ret_provider = xstrdup(cert.provider);
	return 1;
}

static void
ari_ask(struct ari *ari)
{
	const struct issue_env *env = ari->env;
	_cleanup_free_ char *provider = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = ari_find_issuer(ari, &provider, &err);
	int64_t room = found == 1 ? clients_room(env->clients, provider, &err) : 0;

	if (found < 0 || room < 0)
		ari_put_off_unread(ari, store_begin(env->store), &err);
	else if (found == 0)
		ari_put_off(ari, store_begin(env->store), 0);
	else if (room == 0) /* its account is being registered, or the provider was changed or deleted */
		ari_put_off(ari, store_begin(env->store), BUSY_RETRY_SEC);
	if (room <= 0)
		return;
	ari_lane(provider, ari->lane);
	ari->client = clients_take(env->clients, provider);
	ari->call = acme_client_renewal_info(ari->client->acme, ari->ari_id, ari_answered, ari);
}

static void *
ari_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct ari *ari = xcalloc(1, sizeof(*ari));

	ari->env = env;
	ari->done = done;
	ari->arg = arg;
	memcpy(ari->id, row->object, sizeof(ari->id));
	memcpy(ari->lane, row->lane, sizeof(ari->lane));
	ari_ask(ari);
	return ari;
}

static int64_t
ari_lane_room(void *env _unused_, const char *lane _unused_, struct error *err _unused_)
{
	return 1;
}

const struct job_kind ari_job = {
	.kind = SCHEDULE_ARI,
	.word = "renewal-info",
	.classes = { &autocert_class },
	.needs_date = true,
	.excludes = SCHEDULE_ISSUE,
	.start = ari_start,
	.cancel = ari_cancel,
	.lane_room = ari_lane_room,
	.longest_sec = LONGEST_WAIT_SEC,
};
