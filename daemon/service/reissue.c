/*
 * server.reissue and server.reissueStatus: a reissue (daemon/renew/reissue.h) is begun, changed, or described. The
 * selection is counted in slices, so that a caller knows what a reissue means before it begins.
 */
#include "daemon/renew/reissue.h"

#include "common/timefmt.h"
#include "daemon/renew/rate.h"
#include "daemon/service/access.h"
#include "daemon/service/diff.h"
#include "daemon/service/handlers.h"
#include "daemon/service/reissue.h"
#include "daemon/service/resource.h"
#include "daemon/service/slices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_OBJECTS = 50, ITEMS_SHOWN = 100, MINUTE_SEC = 60 };

static bool
reissue_is_set(struct json_object *params, const char *name)
{
	struct json_object *value = json_path(params, name);

	return value && json_object_get_boolean(value);
}

/* The record of the caller; a caller without a scope may name that of another. */
static const char *
reissue_key(const struct call *call, struct json_object *params)
{
	const char *owner = REISSUE_OF_ALL;

	if (call->peer->scope)
		return call->peer->user_id;
	json_get_string(params, "owner", &owner, NULL);
	return strlen(owner) < STORE_ID_SIZE ? owner : "-";
}

static const char *
reissue_state(const struct reissue *r)
{
	if (r->ended_at)
		return r->is_cancelled ? "cancelled" : "done";
	return r->is_paused ? "paused" : "running";
}

/* --- the selection --- */

static int
reissue_read_text(struct json_object *params, const char *name, char **ret)
{
	const char *text = NULL;

	if (json_get_string(params, name, &text, NULL) != 1)
		return 0;
	*ret = xstrdup(text);
	return 1;
}

static int
reissue_read(struct call *call, struct json_object *params, struct reissue *r, struct error *err)
{
	const struct scope *scope = call->peer->scope;
	const char *provider = NULL, *date = NULL;
	int n = reissue_read_text(params, "issuer", &r->issuer) + reissue_read_text(params, "profile", &r->profile) +
		reissue_read_text(params, "intermediate", &r->intermediate) +
		reissue_read_text(params, "keyAlgorithm", &r->key_algorithm) +
		reissue_read_text(params, "label", &r->label);

	if (json_get_string(params, "provider", &provider, NULL) == 1 &&
		(n++, resource_ref(call, &provider_class, "provider", provider, &r->provider, err) < 0))
		return -1;
	if (json_get_string(params, "issuedBefore", &date, NULL) == 1 &&
		(n++, time_parse_rfc3339(date, &r->issued_before_at) < 0))
		return error_set_field(err, "issuedBefore", "'%s' is not a date", date);
	if (reissue_is_set(params, "all") == (n > 0))
		return error_set_field(err, "all", "select certificates, or all of them (all), and not both");
	r->has_scope = scope != NULL;
	for (size_t i = 0; scope && i < scope->n_rules; i++)
		reissue_add_rule(call->service->store, r, &scope->rules[i]);
	r->has_new_keys = reissue_is_set(params, "newKeys");
	r->rate = call_int(params, "rate", 0);
	r->begun_at = call_now(call) + 1; /* one that was issued in this second is not new */
	r->by = xstrdup(call->peer->label);
	r->id = xcalloc(1, STORE_ID_SIZE);
	store_new_id(r->id);
	return 0;
}

/* --- the count --- */

/* The orders to come of a provider, for the limits of its CA. */
struct reissue_load {
	char provider[STORE_ID_SIZE];
	int64_t count;
};

struct reissue_count {
	struct slices slices;
	char *key; /* owned; of the record */
	struct reissue record;
	bool is_begin; /* it is to be begun with this selection */
	struct object_query query;
	int64_t counts[REISSUE_FAILING + 1];
	struct json_object *items[REISSUE_FAILING + 1];
	struct reissue_load *loads; /* owned */
	size_t n_loads;
};

static void
reissue_count_free(struct slices *slices)
{
	struct reissue_count *c = (struct reissue_count *)slices;

	for (size_t i = 0; i < ARRAY_SIZE(c->items); i++)
		json_object_put(c->items[i]);
	object_query_clear(&c->query);
	reissue_clear(&c->record);
	free(c->loads);
	free(c->key);
	free(c);
}

static void
reissue_note_load(struct reissue_count *c, const char *provider)
{
	size_t i = 0;

	while (i < c->n_loads && strcmp(c->loads[i].provider, provider) != 0)
		i++;
	if (i == c->n_loads) {
		c->loads = xreallocarray(c->loads, c->n_loads + 1, sizeof(*c->loads));
		c->loads[c->n_loads] = (struct reissue_load){ .count = 0 };
		snprintf(c->loads[c->n_loads++].provider, STORE_ID_SIZE, "%s", provider);
	}
	c->loads[i].count++;
}

static struct json_object *
reissue_item(const struct autocert *a, enum reissue_part part)
{
	struct json_object *item = json_object_new_object();

	json_add_string(item, "id", a->o.id);
	json_add_string(item, "name", a->o.name);
	json_add_time(item, "notAfter", a->last_not_after_at);
	if (part == REISSUE_FAILING) {
		json_add_string(item, "message", a->last_error.message);
		json_add_time(item, "nextDate", a->next_at);
	}
	return item;
}

static bool
reissue_count_visit(const char *id, void *arg)
{
	struct reissue_count *c = arg;
	const struct call *call = c->slices.call;
	struct store *store = call->service->store;
	_cleanup_autocert_ struct autocert a = { 0 };
	enum reissue_part part;

	if (object_peek(store, &autocert_class, id, &a, NULL) != 1 ||
		!access_covers(call->peer->scope, store, &autocert_class, &a))
		return true;
	part = reissue_part_of(store, &c->record, &a);
	if (c->counts[part]++ < ITEMS_SHOWN && part != REISSUE_NOTHING)
		json_object_array_add(c->items[part], reissue_item(&a, part));
	if (part == REISSUE_TO_COME)
		reissue_note_load(c, a.provider);
	return true;
}

/*
 * The seconds in which the orders to come begin: at the rate, and under the limits of new orders of their CAs, from
 * which some exempt renewals.
 */
static int64_t
reissue_seconds(const struct reissue_count *c)
{
	const struct ca_limit rate = { c->record.rate, MINUTE_SEC };
	int64_t longest = rate_burst_sec(&rate, c->counts[REISSUE_TO_COME]);

	for (size_t i = 0; i < c->n_loads; i++) {
		_cleanup_provider_ struct provider p = { .email = NULL };
		struct ca_limits limits;
		const struct ca_limit *orders = &limits.of[CA_LIMIT_ORDERS];
		int64_t sec;

		if (object_peek(c->slices.call->service->store, &provider_class, c->loads[i].provider, &p, NULL) != 1)
			continue;
		clients_limits_of(&p, &limits);
		if (orders->count == 0 || !rate_is_counted(&limits, CA_LIMIT_ORDERS, true, false))
			continue;
		sec = rate_burst_sec(orders, c->loads[i].count);
		longest = sec > longest ? sec : longest;
	}
	return longest;
}

static struct json_object *
reissue_describe(const struct reissue *r)
{
	struct json_object *result = json_object_new_object();

	json_add_string(result, "state", reissue_state(r));
	json_add_string(result, "by", r->by);
	json_add_time(result, "beginDate", r->begun_at);
	if (r->ended_at)
		json_add_time(result, "endDate", r->ended_at);
	json_add_int(result, "rate", r->rate);
	json_add_bool(result, "newKeys", r->has_new_keys);
	json_add_int(result, "total", r->total);
	json_add_int(result, "started", r->started);
	return result;
}

static struct json_object *
reissue_count_describe(struct reissue_count *c)
{
	static const struct {
		enum reissue_part part;
		const char *count, *items;
	} parts[] = {
		{ REISSUE_TO_COME, "toCome", "items" },
		{ REISSUE_PAUSED, "paused", "pausedItems" },
		{ REISSUE_FAILING, "failing", "failingItems" },
		{ REISSUE_ORDERED, "inProgress", NULL },
	};
	struct json_object *result = reissue_describe(&c->record);
	int64_t open = c->counts[REISSUE_ORDERED] + c->counts[REISSUE_FAILING];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct json_object *items = c->items[parts[i].part];

		json_add_int(result, parts[i].count, c->counts[parts[i].part]);
		if (parts[i].items && json_object_array_length(items))
			json_object_object_add(result, parts[i].items, json_object_get(items));
	}
	json_add_int(result, "replaced", c->record.started > open ? c->record.started - open : 0);
	if (!c->record.ended_at && !c->record.is_paused && c->counts[REISSUE_TO_COME])
		json_add_time(result, "expectedDate", time_add(call_now(c->slices.call), reissue_seconds(c)));
	return result;
}

static int
reissue_check_free(struct call *call, const char *key, struct error *err)
{
	_cleanup_reissue_ struct reissue former = { .id = NULL };
	int found = record_load(call->service->store, &reissue_class, key, &former, err);

	if (found == 1 && !former.ended_at)
		return error_set(err, ERROR_STATE, "a reissue is %s; wait for its end, or: certctl reissue --cancel",
			reissue_state(&former));
	return found < 0 ? -1 : 0;
}

/* What is selected, for the audit log. */
static int
reissue_begin(struct reissue_count *c, struct error *err)
{
	struct call *call = c->slices.call;
	struct reissue *r = &c->record;
	struct json_object *data;

	if (reissue_check_free(call, c->key, err) < 0)
		return -1;
	if (r->total == 0)
		return error_set(err, ERROR_STATE, "no certificate is selected, so there is nothing to replace");
	call->change.changes = diff_properties(api_methods[call->method].params, NULL, call->params);
	reissue_save(call->service->store, call_txn(call), c->key, r, r->begun_at);
	data = json_object_new_object();
	json_add_string(data, "by", r->by);
	json_add_int(data, "certificates", r->total);
	json_add_int(data, "rate", r->rate);
	event_emit(call->service->events, call_txn(call), EVENT_REISSUE_STARTED, NULL, data,
		"the reissue of %lld certificates was begun by %s", (long long)r->total, r->by);
	return 0;
}

static int
reissue_count_step(struct slices *slices, struct json_object **ret, struct error *err)
{
	struct reissue_count *c = (struct reissue_count *)slices;
	int more = object_query_run(
		&c->query, slices->call->service->store, SLICE_OBJECTS, reissue_count_visit, c, err);

	if (more != 0)
		return more;
	if (!c->record.total)
		c->record.total = c->counts[REISSUE_TO_COME];
	if (!c->record.rate)
		c->record.rate = reissue_usual_rate(c->record.total);
	if (c->is_begin && reissue_begin(c, err) < 0)
		return -1;
	*ret = reissue_count_describe(c);
	if (slices->call->is_dry_run)
		json_add_string(*ret, "state", "dryRun");
	return 0;
}

/* @r: taken. Return: 1. */
static int
reissue_count(struct call *call, const char *key, struct reissue *r, bool is_begin)
{
	struct reissue_count *c = xcalloc(1, sizeof(*c));

	c->key = xstrdup(key);
	c->record = *r;
	*r = (struct reissue){ .id = NULL };
	c->is_begin = is_begin;
	for (size_t i = 0; i < ARRAY_SIZE(c->items); i++)
		c->items[i] = json_object_new_array();
	reissue_query(&c->query, NULL);
	slices_begin(&c->slices, call, reissue_count_step, reissue_count_free);
	return 1;
}

/* --- changes --- */

static int
reissue_change(struct call *call, struct json_object *params, struct error *err)
{
	const char *key = reissue_key(call, params);
	_cleanup_reissue_ struct reissue r = { .id = NULL };
	int found = record_load(call->service->store, &reissue_class, key, &r, err);

	if (found < 0)
		return -1;
	if (found == 0 || r.ended_at)
		return error_set(err, ERROR_STATE, "no reissue is in progress");
	if (reissue_is_set(params, "pause") == r.is_paused && !reissue_is_set(params, "cancel"))
		return error_set(err, ERROR_STATE, "the reissue is %s", reissue_state(&r));
	r.is_paused = reissue_is_set(params, "pause");
	if (reissue_is_set(params, "cancel")) {
		r.is_cancelled = true;
		r.ended_at = call_now(call);
		reissue_report_end(call->service->events, call_txn(call), &r);
	}
	call->change.changes = diff_properties(api_methods[call->method].params, NULL, params);
	reissue_save(call->service->store, call_txn(call), key, &r, call_now(call));
	call->result = reissue_describe(&r);
	return 0;
}

int
server_reissue(struct call *call, struct json_object *params, struct error *err)
{
	static const char *const changes[] = { "pause", "resume", "cancel" };
	_cleanup_reissue_ struct reissue r = { .id = NULL };
	const char *key = reissue_key(call, params);
	int asked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		asked += reissue_is_set(params, changes[i]);
	if (asked) {
		size_t most = json_path(params, "owner") ? 2 : 1;

		if (asked > 1 || call->is_dry_run || (size_t)json_object_object_length(params) > most)
			return error_set(err, ERROR_INVALID, "only one of pause, resume and cancel, and no selection");
		return reissue_change(call, params, err);
	}
	if (json_path(params, "owner"))
		return error_set_field(err, "owner", "is for pause, resume and cancel");
	if (reissue_read(call, params, &r, err) < 0 || (!call->is_dry_run && reissue_check_free(call, key, err) < 0))
		return -1;
	return reissue_count(call, key, &r, !call->is_dry_run);
}

int
server_reissue_status(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_reissue_ struct reissue r = { .id = NULL };
	const char *key = reissue_key(call, params);
	int found = record_load(call->service->store, &reissue_class, key, &r, err);

	if (found == 1)
		return reissue_count(call, key, &r, false);
	return found < 0 ? -1 : error_set(err, ERROR_STATE, "there was no reissue yet");
}

/* --- server.status --- */

void
reissue_describe_open(struct service *service, struct strlist *ret)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	while (store_next(service->store, STORE_REISSUE, key.data, key.len, key.len > 0, &key, NULL, NULL) == 1) {
		_cleanup_reissue_ struct reissue r = { .id = NULL };
		bool is_of_all = strcmp(buf_str(&key), REISSUE_OF_ALL) == 0;

		if (record_load(service->store, &reissue_class, buf_str(&key), &r, NULL) != 1 || r.ended_at)
			continue;
		strlist_take(
			ret, xasprintf("%s, by %s: orders begun: %lld of %lld, at most %lld a minute; certctl reissue "
				       "--status%s%s",
				     reissue_state(&r), r.by, (long long)r.started, (long long)r.total,
				     (long long)r.rate, is_of_all ? "" : " --owner ", is_of_all ? "" : buf_str(&key)));
	}
}
