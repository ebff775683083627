/* Methods about certd as a whole: status, schedule, events, reload, discovery. */
#include "daemon/alert/alert_list.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/reissue.h"
#include "daemon/service/res_provider.h"
#include "daemon/service/slices.h"
#include "daemon/service/troubles.h"
#include "daemon/service/unvalidated.h"
#include "daemon/store/object_query.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LIST_LIMIT = 100,
	LIST_LIMIT_MAX = 1000,
	CONDITIONS_SHOWN = 20,
	SEEN_PAGES = 100,
	SCHEDULE_LOOKS = 10000,
	COUNT_MOST = 1000,
	SLICE_ROWS = 200, /* of the schedule, each with its object */
};

/* --- events --- */

/* Moves the items of @from that @call's peer may see to @to. */
static void
take_seen(struct call *call, struct json_object *from, struct json_object *to)
{
	for (size_t i = 0; i < json_object_array_length(from); i++) {
		struct json_object *event = json_object_array_get_idx(from, i);

		if (access_sees_event(call->peer->scope, call->service->store, event))
			json_object_array_add(to, json_object_get(event));
	}
}

static int64_t
last_seq(struct json_object *items)
{
	size_t n = json_object_array_length(items);

	return n ? json_object_get_int64(json_path(json_object_array_get_idx(items, n - 1), "seq")) : -1;
}

/*
 * events_list() for a peer with a scope: page by page until there are @limit that it may see. Of the last ones, those
 * among the last LIST_LIMIT_MAX. Owned by the caller; NULL: failed.
 */
static struct json_object *
list_seen(struct call *call, const char *object, int64_t after, size_t limit, struct error *err)
{
	struct events *events = call->service->events;
	struct json_object *seen = json_object_new_array();
	bool are_last = after < 0;
	size_t n = 1;

	for (int page = 0; page < SEEN_PAGES && n && json_object_array_length(seen) < limit; page++) {
		_cleanup_json_ struct json_object *items = events_list(
			events, object, after, are_last ? LIST_LIMIT_MAX : limit + LIST_LIMIT, err);

		if (!items) {
			json_object_put(seen);
			return NULL;
		}
		n = are_last ? 0 : json_object_array_length(items);
		after = last_seq(items);
		take_seen(call, items, seen);
	}
	n = json_object_array_length(seen);
	if (n > limit)
		json_object_array_del_idx(seen, are_last ? 0 : limit, n - limit);
	return seen;
}

static struct json_object *
list_events(struct call *call, const char *object, int64_t after, size_t limit, struct error *err)
{
	return call->peer->scope ? list_seen(call, object, after, limit, err)
				 : events_list(call->service->events, object, after, limit, err);
}

int
event_list(struct call *call, struct json_object *params, struct error *err)
{
	struct json_object *object = json_path(params, "object");
	struct json_object *items = list_events(call, object ? json_object_get_string(object) : NULL,
		call_int(params, "after", -1), (size_t)call_int(params, "limit", LIST_LIMIT), err);

	if (!items)
		return -1;
	call->result = json_object_new_object();
	json_object_object_add(call->result, "items", items);
	return 0;
}

/* The session subscribes when this has succeeded; events after @after are part of the answer. */
int
event_subscribe(struct call *call, struct json_object *params, struct error *err)
{
	struct json_object *object = json_path(params, "object");
	const char *id = object ? json_object_get_string(object) : NULL;
	int64_t after = call_int(params, "after", -1);
	struct json_object *missed = NULL;

	if (after >= 0) {
		missed = list_events(call, id, after, LIST_LIMIT_MAX, err);
		if (!missed)
			return -1;
	}
	call->result = json_object_new_object();
	json_add_string(call->result, "object", id);
	json_add_int(call->result, "after", (int64_t)events_last(call->service->events));
	json_object_object_add(call->result, "items", missed ? missed : json_object_new_array());
	return 0;
}

/* --- schedule --- */

/* Rows of a later certd have no kind. */
static const char *
row_word(const struct job_kind *kind)
{
	return kind ? kind->word : "unknown";
}

static struct json_object *
row_object(const struct service *s, const struct schedule_row *row)
{
	const struct job_kind *kind = scheduler_kind(s->scheduler, row->kind);
	struct json_object *ref = json_object_new_object();
	const char *type = row_word(kind);
	_cleanup_free_ char *name = NULL;

	for (size_t i = 0; kind && i < JOB_CLASSES_MAX && kind->classes[i] && !name; i++) {
		void *obj = xcalloc(1, kind->classes[i]->size);

		type = kind->classes[i]->name;
		if (object_peek(s->store, kind->classes[i], row->object, obj, NULL) == 1)
			name = xstrdup(((struct object *)obj)->name);
		record_clear(kind->classes[i], obj);
		free(obj);
	}
	json_add_string(ref, "type", type);
	json_add_string(ref, "id", row->object);
	if (kind && (kind->classes[0] || kind->subject))
		json_add_string(ref, "name", kind->classes[0] ? name : kind->subject);
	return ref;
}

/* The next row of each lane: a merge of sorted lanes (one per provider). */
struct lane_head {
	struct schedule_row row;
	bool has_row;
};

static int
heads_open(struct store *store, struct lane_head **ret, size_t *ret_n, struct error *err)
{
	char lane[STORE_ID_SIZE] = "";
	bool has_begun = false;
	int found;

	*ret = NULL;
	*ret_n = 0;
	while ((found = schedule_next_lane(store, lane, has_begun, lane, err)) == 1) {
		struct lane_head *head;

		*ret = xreallocarray(*ret, *ret_n + 1, sizeof(**ret));
		head = &(*ret)[(*ret_n)++];
		head->has_row = schedule_next_in_lane(store, lane, NULL, &head->row, err) == 1;
		has_begun = true;
	}
	return found;
}

static struct lane_head *
heads_earliest(struct lane_head *heads, size_t n)
{
	struct lane_head *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (heads[i].has_row && (!best || heads[i].row.due_at < best->row.due_at))
			best = &heads[i];
	return best;
}

static struct json_object *
row_to_json(const struct service *s, const struct schedule_row *row)
{
	struct json_object *item = json_object_new_object();

	json_add_time(item, "date", row->due_at);
	json_add_string(item, "kind", row_word(scheduler_kind(s->scheduler, row->kind)));
	json_object_object_add(item, "object", row_object(s, row));
	return item;
}

static bool
sees_row(const struct call *call, const struct schedule_row *row)
{
	const struct scope *scope = call->peer->scope;
	const struct job_kind *kind = scheduler_kind(call->service->scheduler, row->kind);

	for (size_t i = 0; scope && kind && i < JOB_CLASSES_MAX && kind->classes[i]; i++)
		if (access_covers_id(scope, call->service->store, kind->classes[i], row->object))
			return true;
	return !scope;
}

struct schedule_walk {
	struct slices slices;
	struct lane_head *heads; /* owned */
	size_t n_heads;
	int64_t offset, limit;
	int64_t seen;
	int64_t looks; /* remaining; for a peer with a scope, not all rows are visited */
	struct json_object *items;
};

static void
schedule_walk_free(struct slices *slices)
{
	struct schedule_walk *w = (struct schedule_walk *)slices;

	json_object_put(w->items);
	free(w->heads);
	free(w);
}

static struct json_object *
schedule_walk_result(struct schedule_walk *w)
{
	const struct call *call = w->slices.call;
	struct json_object *result = json_object_new_object();

	json_object_object_add(result, "items", json_object_get(w->items));
	json_add_int(result, "offset", w->offset);
	json_add_int(result, "limit", w->limit);
	json_add_int(result, "total",
		call->peer->scope ? w->seen : (int64_t)store_count(call->service->store, STORE_SCHEDULE_ROW));
	return result;
}

/* A row that is deleted between two slices does no harm: the next one is found by its key. */
static int
schedule_walk_step(struct slices *slices, struct json_object **ret, struct error *err)
{
	struct schedule_walk *w = (struct schedule_walk *)slices;
	const struct call *call = slices->call;
	struct store *store = call->service->store;
	struct lane_head *head = NULL;
	unsigned n = 0;

	while (w->seen - w->offset < w->limit && w->looks && (head = heads_earliest(w->heads, w->n_heads))) {
		struct schedule_row row = head->row;
		int found;

		if (n++ == SLICE_ROWS)
			return 1;
		if (sees_row(call, &row) && w->seen++ >= w->offset)
			json_object_array_add(w->items, row_to_json(call->service, &row));
		found = schedule_next_in_lane(store, row.lane, &row, &head->row, err);
		if (found < 0)
			return -1;
		head->has_row = found == 1;
		w->looks--;
	}
	*ret = schedule_walk_result(w);
	return 0;
}

/* For a peer with a scope: those of the next SCHEDULE_LOOKS rows that it may see. */
int
schedule_list(struct call *call, struct json_object *params, struct error *err)
{
	struct store *store = call->service->store;
	struct schedule_walk *w = xcalloc(1, sizeof(*w));

	w->offset = call_int(params, "offset", 0);
	w->limit = call_int(params, "limit", LIST_LIMIT);
	w->looks = call->peer->scope ? SCHEDULE_LOOKS : INT64_MAX;
	if (!call->peer->scope && w->offset >= (int64_t)store_count(store, STORE_SCHEDULE_ROW))
		w->looks = 0; /* there is nothing at that offset */
	w->items = json_object_new_array();
	if (heads_open(store, &w->heads, &w->n_heads, err) < 0) {
		schedule_walk_free(&w->slices);
		return -1;
	}
	slices_begin(&w->slices, call, schedule_walk_step, schedule_walk_free);
	return 1;
}

/* --- status --- */

static void
status_state(struct service *s, struct json_object *status)
{
	_cleanup_free_ char *text = alerts_trouble(s->issue_env->alerts);

	json_add_string(status, "state", text ? "degraded" : "running");
	json_add_string(status, "message", text);
}

static bool
count_one(const char *id _unused_, void *arg)
{
	int64_t *n = arg;

	(*n)++;
	return true;
}

/* As many auto-certificates as fulfil a condition, up to COUNT_MOST: few do, and monitoring asks often. */
static int64_t
count_some(const struct service *s, enum object_condition condition, const char *text, int64_t number)
{
	struct object_query query;
	int64_t n = 0;

	object_query_init(&query, &autocert_class);
	object_query_add(&query, condition, text, number);
	object_query_run(&query, s->store, COUNT_MOST, count_one, &n, NULL);
	object_query_clear(&query);
	return n;
}

static struct json_object *
autocert_counts(const struct service *s)
{
	struct store *store = s->store;
	struct json_object *o = json_object_new_object();

	json_add_int(o, "total", (int64_t)store_count(store, STORE_AUTOCERT));
	json_add_int(o, "available", object_count(store, &autocert_class, OBJECT_AVAILABLE));
	json_add_int(o, "provisioning", object_count(store, &autocert_class, OBJECT_PROVISIONING));
	json_add_int(o, "failed", object_count(store, &autocert_class, OBJECT_FAILED));
	json_add_int(o, "failing", object_count_failing(store, &autocert_class));
	json_add_int(o, "unserved", rollout_count_unserved(s->rollout));
	json_add_int(o, "stale", rollout_count_stuck(s->rollout));
	json_add_int(o, "paused", count_some(s, OBJECT_HAS_FLAG, "paused", 0));
	json_add_int(o, "expired", count_some(s, OBJECT_EXPIRES_BEFORE, NULL, loop_now(s->loop)));
	return o;
}

/* The next row, as of a commit: finding it visits every lane, and monitoring asks often. */
struct status_next {
	uint64_t commits;                           /* at which it was found, plus one; 0: find it again */
	struct json_object *action, *object, *date; /* owned; NULL: nothing */
};

static void
next_clear(struct status_next *next)
{
	json_object_put(next->action);
	json_object_put(next->object);
	json_object_put(next->date);
	*next = (struct status_next){ .action = NULL };
}

static void
next_free(void *arg)
{
	next_clear(arg);
	free(arg);
}

static void
next_find(const struct service *s, struct status_next *next)
{
	_cleanup_free_ struct lane_head *heads = NULL;
	struct lane_head *head;
	size_t n;

	next_clear(next);
	head = heads_open(s->store, &heads, &n, NULL) < 0 ? NULL : heads_earliest(heads, n);
	if (!head)
		return;
	next->action = json_object_new_string(row_word(scheduler_kind(s->scheduler, head->row.kind)));
	next->object = row_object(s, &head->row);
	next->date = json_new_time(head->row.due_at);
}

static void
res_server_status_next(struct service *s, struct json_object *status)
{
	struct store_stats stats;

	store_get_stats(s->store, &stats);
	if (!s->next) {
		s->next = xcalloc(1, sizeof(*s->next));
		loop_at_free(s->loop, next_free, s->next);
	}
	if (s->next->commits != stats.commits + 1 || store_patience_ms(s->store) >= 0)
		next_find(s, s->next);
	s->next->commits = store_patience_ms(s->store) >= 0 ? 0 : stats.commits + 1;
	if (!s->next->action)
		return;
	json_put(status, "nextAction", true, json_object_get(s->next->action));
	json_put(status, "nextObject", true, json_object_get(s->next->object));
	json_put(status, "nextDate", true, json_object_get(s->next->date));
}

static void
status_warnings(struct service *s, struct json_object *status)
{
	_cleanup_strlist_ struct strlist warnings = STRLIST_INIT;
	_cleanup_free_ char *unvalidated = unvalidated_warning(s); /* tries to bind a listener, so it is asked first */

	if (solver_http_error(s->solver))
		strlist_add(&warnings, solver_http_error(s->solver)->message);
	if (solver_tlsalpn_error(s->solver))
		strlist_add(&warnings, solver_tlsalpn_error(s->solver)->message);
	if (unvalidated)
		strlist_add(&warnings, unvalidated);
	if (s->needs_restart.count) {
		_cleanup_free_ char *names = strlist_join(&s->needs_restart, ", ");

		strlist_take(
			&warnings, xasprintf("changes of %s in certd.conf take effect when certd is restarted", names));
	}
	if (s->is_master_key_beside_store)
		strlist_add(&warnings,
			"the master key is in the same directory as the store; pass it as a systemd credential "
			"(LoadCredentialEncrypted=master-key)");
	if (s->key_warning && s->key_warning(s->certd))
		strlist_add(&warnings, s->key_warning(s->certd));
	if (s->rest_warning)
		strlist_take(&warnings, xasprintf("REST does not listen on TCP yet: %s", s->rest_warning));
	if (s->metrics_warning)
		strlist_take(&warnings, xasprintf("metrics-file: %s", s->metrics_warning));
	provider_limit_warnings(s, &warnings);
	json_add_strlist(status, "warnings", &warnings);
}

/* The commit is the one call that blocks the loop, so its figures are shown next to those of the turns. */
static void
status_store(struct service *s, struct json_object *status)
{
	struct json_object *o = json_object_new_object();
	struct store_stats stats;
	int64_t turn_max_us, turn_p99_us;

	store_get_stats(s->store, &stats);
	loop_turn_stats(s->loop, &turn_max_us, &turn_p99_us);
	json_add_int(o, "commits", (int64_t)stats.commits);
	json_add_int(o, "longestCommitMicroseconds", stats.max_us);
	json_add_int(o, "turnP99Microseconds", turn_p99_us);
	json_add_int(o, "usedBytes", (int64_t)stats.used_bytes);
	json_add_bool(o, "full", stats.is_full);
	json_object_object_add(status, "store", o);
}

static void
res_server_status_reissues(struct service *s, struct json_object *status)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;

	reissue_describe_open(s, &lines);
	if (lines.count)
		json_add_strlist(status, "reissues", &lines);
}

/* The totals, and the next row of all, are not for a peer with a scope. */
static void
status_of_all(struct service *s, struct json_object *status)
{
	struct json_object *failing = troubles_list(s);
	size_t n_conditions;
	struct json_object *conditions = alerts_list(s->issue_env->alerts, CONDITIONS_SHOWN, &n_conditions);

	json_add_int(status, "providers", (int64_t)store_count(s->store, STORE_PROVIDER));
	json_add_int(status, "dnsProviders", (int64_t)store_count(s->store, STORE_DNSPROVIDER));
	json_add_int(status, "consumers", (int64_t)store_count(s->store, STORE_CONSUMER));
	json_add_int(status, "certificates", (int64_t)store_count(s->store, STORE_CERTIFICATE));
	json_object_object_add(status, "autoCertificates", autocert_counts(s));
	json_add_int(status, "inFlight", scheduler_running(s->scheduler, SCHEDULE_ISSUE));
	status_store(s, status);
	res_server_status_reissues(s, status);
	res_server_status_next(s, status);
	if (n_conditions) {
		json_object_object_add(status, "conditions", conditions);
		json_add_int(status, "conditionCount", (int64_t)n_conditions);
	} else {
		json_object_put(conditions);
	}
	if (failing)
		json_object_object_add(status, "failing", failing);
	status_warnings(s, status);
}

int
server_status(struct call *call, struct json_object *params _unused_, struct error *err _unused_)
{
	struct service *s = call->service;
	struct json_object *status = json_object_new_object();

	json_add_string(status, "version", PACKAGE_VERSION);
	json_add_int(status, "pid", getpid());
	json_add_time(status, "startedDate", s->started_at);
	status_state(s, status);
	json_add_string(status, "role", api_role_name(call->peer->role));
	json_add_string(status, "stateDirectory", s->conf->state_dir);
	json_add_string(status, "dropDirectory", s->conf->drop_root);
	json_add_bool(status, "scoped", call->peer->scope);
	if (!call->peer->scope)
		status_of_all(s, status);
	call->result = status;
	return 0;
}

int
server_reload(struct call *call, struct json_object *params _unused_, struct error *err)
{
	struct service *s = call->service;

	if (s->reload(s->certd, err) < 0)
		return -1;
	call->result = json_object_new_object();
	json_add_strlist(call->result, "needsRestart", &s->needs_restart);
	return 0;
}

int
server_rekey(struct call *call, struct json_object *params, struct error *err)
{
	struct service *s = call->service;
	struct json_object *given = json_path(params, "masterKey");
	size_t len = (size_t)json_object_get_string_len(given);
	_cleanup_secret_ struct secret key = SECRET_INIT;

	if (given) {
		secret_set(&key, json_object_get_string(given), len);
		explicit_bzero((char *)json_object_get_string(given), len);
	}
	return s->rekey(s->certd, &key, err);
}

int
rpc_discover(struct call *call, struct json_object *params _unused_, struct error *err _unused_)
{
	call->result = api_discover();
	return 0;
}
