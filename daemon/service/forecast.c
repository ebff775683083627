/* server.forecast: the renewals of the next days for each provider, counted in slices from the stored records. */
#include "daemon/renew/forecast.h"

#include "common/ca.h"
#include "daemon/renew/rate.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_autocert.h"
#include "daemon/service/slices.h"
#include "daemon/store/object_query.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, SLICE_OBJECTS = 50, USUAL_DAYS = 90 };

/* The load of one provider. */
struct forecast_load {
	struct provider provider;
	int64_t certificates, renewals;
	int64_t longest; /* lifetime of its certificates today, seconds */
	int64_t *days;   /* owned: renewals of each day */
};

struct forecast {
	struct slices slices;
	int64_t now, from_at; /* the day that has begun, UTC */
	int64_t days;
	int64_t paused;
	struct object_query query;
	struct forecast_load *loads; /* owned */
	size_t n_loads;
	struct forecast_load *load; /* of the auto-certificate that is being counted */
};

static void
forecast_free(struct slices *slices)
{
	struct forecast *f = (struct forecast *)slices;

	for (size_t i = 0; i < f->n_loads; i++) {
		record_clear(&provider_class, &f->loads[i].provider);
		free(f->loads[i].days);
	}
	object_query_clear(&f->query);
	free(f->loads);
	free(f);
}

/* NULL: the provider cannot be read. */
static struct forecast_load *
forecast_load_of(struct forecast *f, const char *provider)
{
	struct forecast_load load = { .longest = 0 };

	for (size_t i = 0; i < f->n_loads; i++)
		if (strcmp(f->loads[i].provider.o.id, provider) == 0)
			return &f->loads[i];
	if (object_peek(f->slices.call->service->store, &provider_class, provider, &load.provider, NULL) != 1)
		return NULL;
	load.days = xcalloc((size_t)f->days, sizeof(*load.days));
	f->loads = xreallocarray(f->loads, f->n_loads + 1, sizeof(*f->loads));
	f->loads[f->n_loads] = load;
	return &f->loads[f->n_loads++];
}

static void
forecast_count(int64_t at, int64_t lifetime _unused_, void *arg)
{
	struct forecast *f = arg;

	f->load->days[(at - f->from_at) / DAY]++;
	f->load->renewals++;
}

static void
forecast_autocert(struct forecast *f, const struct autocert *a)
{
	struct service *service = f->slices.call->service;
	struct forecast_in in = { .now = f->now,
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.renew_before = a->renew_before,
		.spread_seed = schedule_seed(a->o.id),
		.profile = a->profile };
	_cleanup_calendar_ struct calendar calendar = { .windows = NULL };
	struct schedule_row row;

	f->load = forecast_load_of(f, a->provider);
	if (!f->load)
		return;
	f->load->certificates++;
	if (a->last_not_after_at - a->last_not_before_at > f->load->longest)
		f->load->longest = a->last_not_after_at - a->last_not_before_at;
	if (a->is_paused || schedule_get(service->store, SCHEDULE_ISSUE, a->o.id, &row, NULL) != 1) {
		f->paused++;
		return;
	}
	in.next_at = autocert_due_at(service, a, &row);
	in.server = f->load->provider.server;
	if (window_read(a, &f->load->provider, WINDOW_ISSUE, &calendar))
		in.calendar = &calendar;
	if (!in.profile)
		in.profile = f->load->provider.profile;
	forecast_each(&in, f->from_at + f->days * DAY, forecast_count, f);
}

static bool
forecast_visit(const char *id, void *arg)
{
	struct forecast *f = arg;
	const struct call *call = f->slices.call;
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_peek(call->service->store, &autocert_class, id, &a, NULL) == 1 &&
		access_covers(call->peer->scope, call->service->store, &autocert_class, &a))
		forecast_autocert(f, &a);
	return true;
}

/* --- the answer --- */

/* The first of the days on which most is renewed. */
static struct json_object *
forecast_busiest(const struct forecast *f, const int64_t *days)
{
	struct json_object *busiest = json_object_new_object();
	int64_t best = 0;

	for (int64_t i = 0; i < f->days; i++)
		if (days[i] > days[best])
			best = i;
	json_add_time(busiest, "date", f->from_at + best * DAY);
	json_add_int(busiest, "renewals", days[best]);
	return busiest;
}

static struct json_object *
forecast_days(const struct forecast *f, const int64_t *days)
{
	struct json_object *list = json_object_new_array();

	for (int64_t i = 0; i < f->days; i++) {
		struct json_object *day;

		if (days[i] == 0)
			continue;
		day = json_object_new_object();
		json_add_time(day, "date", f->from_at + i * DAY);
		json_add_int(day, "renewals", days[i]);
		json_object_array_add(list, day);
	}
	return list;
}

static struct json_object *
forecast_provider(const struct forecast_load *load)
{
	struct json_object *provider = json_object_new_object();

	json_add_string(provider, "type", provider_class.name);
	json_add_string(provider, "id", load->provider.o.id);
	json_add_string(provider, "name", load->provider.o.name);
	return provider;
}

/* Appends what the CA announced for these days and is shorter than what it gives today. */
static void
forecast_announced(const struct forecast *f, const struct forecast_load *load, struct json_object *list)
{
	struct ca_lifetime next = { .from_at = f->now - 1 };
	int64_t shortest = load->longest;

	while (ca_lifetime_next(load->provider.server, load->provider.profile, next.from_at + 1, &next) &&
		next.from_at < f->from_at + f->days * DAY) {
		struct json_object *item;

		if (next.lifetime >= shortest)
			continue;
		shortest = next.lifetime;
		item = json_object_new_object();
		json_object_object_add(item, "provider", forecast_provider(load));
		json_add_time(item, "date", next.from_at);
		json_add_int(item, "lifetime", next.lifetime);
		json_object_array_add(list, item);
	}
}

static struct json_object *
forecast_load_json(const struct forecast *f, const struct forecast_load *load)
{
	struct json_object *item = json_object_new_object();
	struct ca_limits limits;
	const struct ca_limit *orders = &limits.of[CA_LIMIT_ORDERS];

	json_object_object_add(item, "provider", forecast_provider(load));
	json_add_int(item, "autoCertificates", load->certificates);
	json_add_int(item, "renewals", load->renewals);
	json_object_object_add(item, "busiest", forecast_busiest(f, load->days));
	clients_limits_of(&load->provider, &limits);
	if (orders->count > 0) {
		json_add_int(item, "ordersPerDay", orders->count * DAY / orders->period);
		json_add_bool(item, "renewalsAreExempt", !rate_is_counted(&limits, CA_LIMIT_ORDERS, true, false));
	}
	return item;
}

static struct json_object *
forecast_result(const struct forecast *f)
{
	struct json_object *result = json_object_new_object();
	struct json_object *providers = json_object_new_array(), *announced = json_object_new_array();
	int64_t *days = xcalloc((size_t)f->days, sizeof(*days));
	int64_t renewals = 0;

	for (size_t i = 0; i < f->n_loads; i++) {
		for (int64_t day = 0; day < f->days; day++)
			days[day] += f->loads[i].days[day];
		renewals += f->loads[i].renewals;
		json_object_array_add(providers, forecast_load_json(f, &f->loads[i]));
		forecast_announced(f, &f->loads[i], announced);
	}
	json_add_time(result, "from", f->from_at);
	json_add_time(result, "until", f->from_at + f->days * DAY);
	json_add_int(result, "renewals", renewals);
	json_add_int(result, "paused", f->paused);
	json_object_object_add(result, "days", forecast_days(f, days));
	json_object_object_add(result, "providers", providers);
	json_object_object_add(result, "announced", announced);
	free(days);
	return result;
}

static int
forecast_step(struct slices *slices, struct json_object **ret, struct error *err)
{
	struct forecast *f = (struct forecast *)slices;
	int more = object_query_run(&f->query, slices->call->service->store, SLICE_OBJECTS, forecast_visit, f, err);

	if (more == 0)
		*ret = forecast_result(f);
	return more;
}

int
server_forecast(struct call *call, struct json_object *params, struct error *err _unused_)
{
	struct forecast *f = xcalloc(1, sizeof(*f));

	f->now = call_now(call);
	f->from_at = f->now - f->now % DAY;
	f->days = call_int(params, "days", USUAL_DAYS);
	object_query_init(&f->query, &autocert_class);
	slices_begin(&f->slices, call, forecast_step, forecast_free);
	return 1;
}
