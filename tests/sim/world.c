/*
 * The world. certd's parts are put together as certd.c does it, but without control socket and resolver: the paths
 * of all other code are the daemon's own. The event stream is the log of the simulation.
 */
#include "tests/sim/world.h"

#include "common/crypto/secret.h"
#include "daemon/alert/alerts.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/renew/jobs.h"
#include "daemon/service/consequences.h"
#include "daemon/startup.h"
#include "tests/support/store_invariants.h"

#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ALTERNATES = 2,        /* chains of each CA */
	BEGIN_AT = 1767225600, /* 2026-01-01 */
	CHECK_AHEAD = 10 * 365 * 86400,
	MAP_SIZE = 1 << 30,
	ANSWER_SEC = 10, /* some calls ask the CA */
	/* Of one auto-certificate. The rule calls for two a day; the operator and a wrong clock add to them. */
	ISSUES_A_DAY_MAX = 8,
	FAILURES_A_DAY_MAX = 170 /* every ten minutes without a network, at most */
};

#define SOCKET_NAME "consumer.sock"

/* When an auto-certificate was issued, or failed, the last few times. */
struct pace {
	char *name;
	int64_t issued_at[ISSUES_A_DAY_MAX];
	int64_t failed_at[FAILURES_A_DAY_MAX];
	size_t issued, failed;
};

int64_t
world_now(const struct world *w)
{
	return clock_wall(w->clock) - w->skew;
}

int64_t
world_lifetime(const char *name)
{
	const char *dash = strrchr(name, '-');
	char *unit;
	long n = dash ? strtol(dash + 1, &unit, 10) : 0;

	if (n <= 0)
		errx(1, "no lifetime in '%s'", name);
	return n * (*unit == 'h' ? 3600 : 86400);
}

/* --- the way to the CAs --- */

struct exchange {
	const struct http *http;
	void *handle;
	http_done_fn *done;
	void *arg;
};

static void
exchange_done(struct http_response *res, const struct error *err, void *arg)
{
	struct exchange x = *(struct exchange *)arg;

	free(arg);
	x.done(res, err, x.arg);
}

static void *
world_send(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct world *w = self;
	struct exchange *x = xcalloc(1, sizeof(*x));
	size_t i = 0;

	while (i < WORLD_CAS - 1 && strncmp(req->url, w->cas[i].url, strlen(w->cas[i].url)) != 0)
		i++;
	x->http = w->crl_http && strncmp(req->url, "http://", 7) == 0 ? w->crl_http : fake_ca_transport(w->cas[i].ca);
	x->done = done;
	x->arg = arg;
	x->handle = http_send(x->http, req, exchange_done, x);
	return x;
}

static void
world_cancel(void *self, void *handle)
{
	struct exchange *x = handle;

	(void)self;
	http_cancel(x->http, x->handle);
	free(x);
}

/* --- who is told about new certificates --- */

static void
on_datagram(int fd, short what, void *arg)
{
	struct world *w = arg;
	char text[4096];

	(void)what;
	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		w->notified++;
}

static void
open_consumer(struct world *w)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SOCKET_NAME };
	_cleanup_free_ char *here = getcwd(NULL, 0);

	w->notify_path = xasprintf("%s/" SOCKET_NAME, here);
	w->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (w->notify_fd < 0 || bind(w->notify_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "%s", SOCKET_NAME);
	w->notify_watch = loop_fd_new(w->loop, w->notify_fd, LOOP_READ, on_datagram, w);
}

/* --- the world without certd --- */

void
world_init(struct world *w, struct sim *sim)
{
	static const struct http_ops ops = { .send = world_send, .cancel = world_cancel };
	static const unsigned char key[32] = "the master key of a simulation..";

	*w = (struct world){ .sim = sim, .http = { .ops = &ops, .self = w } };
	signal(SIGXFSZ, SIG_IGN); /* world_set_disk_full() */
	w->clock = clock_new_virtual(BEGIN_AT);
	w->loop = loop_new(w->clock);
	secret_set(&w->master_key, key, sizeof(key));
	conf_init(&w->conf);
	str_replace(&w->conf.state_dir, "/var/lib/certd"); /* whatever was configured; nothing is written there */
	conf_finish(&w->conf);
	mkdir("webroot", 0755);
	strlist_clear(&w->conf.http_listen);
	strlist_add(&w->conf.webroots, "webroot");
	open_consumer(w);
	w->dns = dns_new(w->loop, "127.0.0.1:1", NULL);
	for (size_t i = 0; i < WORLD_CAS; i++) {
		struct world_ca *c = &w->cas[i];

		c->world = w;
		snprintf(c->url, sizeof(c->url), "https://ca%zu.sim.test", i);
		c->ca = fake_ca_new(w->loop, c->url, sim_random(sim));
		fake_ca_script(c->ca)->alternates = ALTERNATES; /* which a test may have it offer */
		fake_ca_root_pem(c->ca, 0);                     /* makes it, now */
		world_set_weather(c, WEATHER_FAIR, 0);
	}
}

void
world_clear(struct world *w)
{
	world_stop(w);
	for (size_t i = 0; i < WORLD_CAS; i++)
		fake_ca_free(w->cas[i].ca);
	dns_free(w->dns);
	loop_fd_free(w->notify_watch);
	close(w->notify_fd);
	free(w->notify_path);
	for (size_t i = 0; i < w->n_paces; i++)
		free(w->paces[i].name);
	free(w->paces);
	loop_free(w->loop);
	clock_free(w->clock);
	secret_clear(&w->master_key);
	conf_clear(&w->conf);
}

void
world_set_skew(struct world *w, int64_t seconds)
{
	int64_t at = world_now(w) + seconds;

	w->skew = seconds;
	clock_set_wall(w->clock, at);
	for (size_t i = 0; i < WORLD_CAS; i++)
		fake_ca_script(w->cas[i].ca)->clock_behind_sec = seconds;
	sim_log(w->sim, "clock is %+" PRId64 " s", seconds);
}

void
world_set_disk_full(struct world *w, bool is_full)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	w->disk_is_full = is_full;
	sim_log(w->sim, "disk is %s", is_full ? "full" : "free");
}

/* --- certd --- */

uint64_t
world_commits(const struct world *w)
{
	struct store_stats stats = { 0 };

	if (w->store)
		store_get_stats(w->store, &stats);
	return stats.commits;
}

static bool
turn_end(void *arg)
{
	struct world *w = arg;

	bool has_run = w->store && store_commit(w->store);

	if (w->stop_at_commit && world_commits(w) >= w->stop_at_commit)
		loop_stop(w->loop);
	return has_run;
}

static void
count_event(struct world *w, const char *kind)
{
	const struct {
		enum event_kind kind;
		uint64_t *count;
	} counts[] = {
		{ EVENT_ISSUE_DONE, &w->issued },
		{ EVENT_ISSUE_FAILED, &w->failed },
		{ EVENT_DEPLOY_DONE, &w->deployed },
		{ EVENT_CERTIFICATE_PURGED, &w->purged },
		{ EVENT_STORE_FAILED, &w->store_failed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		*counts[i].count += strcmp(kind, event_info(counts[i].kind)->name) == 0;
}

static struct pace *
pace_of(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->n_paces; i++)
		if (strcmp(w->paces[i].name, name) == 0)
			return &w->paces[i];
	w->paces = xreallocarray(w->paces, w->n_paces + 1, sizeof(*w->paces));
	w->paces[w->n_paces] = (struct pace){ .name = xstrdup(name) };
	return &w->paces[w->n_paces++];
}

/* @at, @max, @n: the ring. */
static void
check_ring(struct world *w, const char *name, int64_t *at, size_t max, size_t *n)
{
	int64_t *oldest = &at[*n % max];

	if (*n >= max && world_now(w) - *oldest < 86400)
		sim_fail(w->sim, "%s ordered %zu times within a day", name, max + 1);
	*oldest = world_now(w);
	(*n)++;
}

static void
check_pace(struct world *w, const char *kind, const char *name)
{
	struct pace *p;

	if (strcmp(kind, event_info(EVENT_ISSUE_DONE)->name) == 0) {
		p = pace_of(w, name);
		check_ring(w, name, p->issued_at, ARRAY_SIZE(p->issued_at), &p->issued);
	} else if (strcmp(kind, event_info(EVENT_ISSUE_FAILED)->name) == 0) {
		p = pace_of(w, name);
		check_ring(w, name, p->failed_at, ARRAY_SIZE(p->failed_at), &p->failed);
	}
}

/* Over whole lives, every event has the data that its kind declares. */
static void
check_data(struct world *w, struct json_object *event, const char *kind)
{
	_cleanup_free_ char *fault = NULL;
	struct json_object *data = NULL;
	enum event_kind k = EVENT_KIND_COUNT;

	json_get_object(event, "data", &data, NULL);
	if (event_kind_find(kind, &k) == 1)
		fault = event_data_fault(event_info(k), data);
	if (fault || k == EVENT_KIND_COUNT)
		sim_fail(w->sim, "event %s", fault ? fault : kind);
}

/* The types of object that a kind is about, "" for none, "*" for any or none. */
static const char *
types_of(enum event_kind kind)
{
	static const char *const types[EVENT_KIND_COUNT] = {
		[EVENT_STORE_FAILED] = "*",
		[EVENT_OBJECT_CREATED] = "*",
		[EVENT_OBJECT_UPDATED] = "*",
		[EVENT_OBJECT_DELETED] = "*",
		[EVENT_ACCOUNT_DONE] = "provider",
		[EVENT_ACCOUNT_REPLACED] = "provider",
		[EVENT_ACCOUNT_DEACTIVATED] = "provider",
		[EVENT_ACCOUNT_EXPORTED] = "provider",
		[EVENT_ACCOUNT_FAILED] = "provider",
		[EVENT_ISSUE_PROGRESS] = "autocertificate authorization",
		[EVENT_ISSUE_DONE] = "autocertificate",
		[EVENT_ISSUE_FAILED] = "autocertificate",
		[EVENT_DEPLOY_DONE] = "autocertificate certificate",
		[EVENT_DEPLOY_FAILED] = "autocertificate certificate",
		[EVENT_DEPLOY_CHANGED] = "autocertificate certificate",
		[EVENT_PROBE_SERVED] = "autocertificate certificate",
		[EVENT_PROBE_STALE] = "autocertificate certificate",
		[EVENT_PROBE_INVALID] = "autocertificate certificate",
		[EVENT_PROBE_MISMATCH] = "autocertificate certificate",
		[EVENT_PROBE_INCOMPLETE] = "autocertificate certificate",
		[EVENT_PROBE_UNREACHABLE] = "autocertificate certificate",
		[EVENT_CLEANUP_FAILED] = "*",
		[EVENT_CERTIFICATE_PURGED] = "certificate",
		[EVENT_AUTHORIZATION_PENDING] = "authorization",
		[EVENT_AUTHORIZATION_DONE] = "authorization",
		[EVENT_AUTHORIZATION_FAILED] = "authorization",
		[EVENT_CERTIFICATE_EXPIRING] = "autocertificate certificate",
		[EVENT_CERTIFICATE_EXPIRED] = "autocertificate certificate",
		[EVENT_CONSUMER_STALE] = "autocertificate certificate",
		[EVENT_DEPLOY_ROLLED_BACK] = "autocertificate certificate",
		[EVENT_DEPLOY_RESOLVED] = "autocertificate certificate",
		[EVENT_RENEWAL_SUGGESTED] = "autocertificate",
		[EVENT_RENEWAL_HELD] = "autocertificate",
		[EVENT_RENEWAL_UNKNOWN] = "autocertificate",
		[EVENT_RENEWAL_UNREADY] = "autocertificate",
		[EVENT_RENEWAL_READY] = "autocertificate",
		[EVENT_CERTIFICATE_DIFFERS] = "autocertificate",
		[EVENT_CERTIFICATE_WAITING] = "autocertificate",
		[EVENT_REHEARSAL_PROGRESS] = "autocertificate",
		[EVENT_REHEARSAL_DONE] = "autocertificate",
		[EVENT_REHEARSAL_FAILED] = "autocertificate",
		[EVENT_CERTIFICATE_REVOKED] = "certificate",
		[EVENT_CERTIFICATE_REVOKE_FAILED] = "certificate",
		[EVENT_CERTIFICATE_EXPORTED] = "certificate",
		[EVENT_ALERT_SENT] = "alert",
		[EVENT_ALERT_FAILED] = "alert",
	};

	return types[kind] ? types[kind] : "";
}

static const struct record_class *
class_of_type(const char *type)
{
	const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &authorization_class, &token_class, &alert_class };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (strcmp(classes[i]->name, type) == 0)
			return classes[i];
	return NULL;
}

/* The name of the object in the store; NULL: it is not there (any more). Owned by the caller. */
static char *
stored_name(struct world *w, const struct record_class *cls, const char *id)
{
	struct object *o = xcalloc(1, cls->size);
	char *name = object_peek(w->store, cls, id, o, NULL) == 1 ? xstrdup(o->name) : NULL;

	record_clear(cls, o);
	free(o);
	return name;
}

/* Over whole lives, every event says which object it is about, by the name that the store has. */
static void
check_object(struct world *w, struct json_object *object, const char *kind)
{
	const char *type = "", *id = "", *name = "";
	enum event_kind k = EVENT_SERVER_STARTED;
	_cleanup_strlist_ struct strlist types = STRLIST_INIT;
	_cleanup_free_ char *stored = NULL;
	const struct record_class *cls;
	bool is_any;

	event_kind_find(kind, &k);
	strlist_split(&types, types_of(k), ' ');
	is_any = strlist_has(&types, "*");
	if (!object && (!types.count || is_any))
		return;
	json_get_string(object, "type", &type, NULL);
	json_get_string(object, "id", &id, NULL);
	json_get_string(object, "name", &name, NULL);
	if (k == EVENT_STORE_FAILED && !*type)
		return; /* its record could not be read, so its type is not known */
	cls = class_of_type(type);
	if (!cls || !(is_any || strlist_has(&types, type)))
		sim_fail(w->sim, "event %s is about an object of type '%s'", kind, type);
	stored = stored_name(w, cls, id);
	if (*id && !*name && w->is_unreadable)
		return;
	if (!*id || !*name || (stored && strcmp(stored, name) != 0))
		sim_fail(w->sim, "event %s is about %s '%s', which is named '%s', not '%s'", kind, type, id,
			stored ? stored : "", name);
}

static void
on_event(struct json_object *event, void *arg)
{
	struct world *w = arg;
	struct json_object *object = NULL;
	const char *kind = NULL, *message = NULL, *name = NULL;

	json_get_string(event, "kind", &kind, NULL);
	json_get_string(event, "message", &message, NULL);
	if (json_get_object(event, "object", &object, NULL) == 1)
		json_get_string(object, "name", &name, NULL);
	count_event(w, kind);
	check_data(w, event, kind);
	check_object(w, object, kind);
	if (name)
		check_pace(w, kind, name);
	sim_log(w->sim, "%" PRId64 " %s %s: %s", world_now(w), kind, name ? name : "-", message);
}

static void
start_rollout(struct world *w)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	w->drops = drops_open(w->loop, w->workers, "drops", "drops", &error);
	if (!w->drops)
		sim_fail(w->sim, "%s", error.message);
	w->rollout = rollout_new(&(struct rollout_env){
		.loop = w->loop, .store = w->store, .events = w->events, .drops = w->drops, .dns = w->dns });
}

static void
start_solver(struct world *w)
{
	struct solver_config config = {
		.events = w->events,
	};

	strlist_copy(&config.webroots, &w->conf.webroots);
	w->solver = solver_new(
		&(struct dnsprovider_env){ .loop = w->loop, .dns = w->dns, .http = &w->http }, w->store, &config);
	strlist_clear(&config.webroots);
}

/* Checks ask DNS servers, of which this world has none: the row is put far ahead. */
static void *
world_check_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct world *w = env;
	struct store_txn *txn = store_begin(w->store);

	schedule_set(w->store, txn, row->kind, row->object, row->lane, row->due_at + CHECK_AHEAD);
	return job_end_with(w->store, txn, done, arg);
}

static const struct job_kind world_check_job = {
	.kind = SCHEDULE_READY,
	.word = "readiness",
	.classes = { &autocert_class },
	.start = world_check_start,
	.cancel = job_commit_cancel,
};

static void
start_scheduler(struct world *w)
{
	w->issue_env = (struct issue_env){
		.loop = w->loop,
		.store = w->store,
		.events = w->events,
		.workers = w->workers,
		.clients = clients_new(&(struct clients_config){
			.loop = w->loop, .store = w->store, .http = &w->http, .max_orders = w->conf.max_orders }),
		.solver = w->solver,
		.rollout = w->rollout,
		.renew_before = w->conf.renew_before,
		.purge_after = w->conf.purge_after,
		.max_names = (unsigned)w->conf.max_alternative_names + 1,
		.ct_source = w->conf.ct_source,
		.ct_known_issuers = &w->conf.ct_known_issuers,
		.check_ct_every = w->conf.check_ct_every,
	};
	w->scheduler = scheduler_new(&(struct scheduler_config){
		.loop = w->loop, .store = w->store, .events = w->events, .build_at = BEGIN_AT - 10 * 86400 });
	w->issue_env.scheduler = w->scheduler;
	renew_register_jobs(w->scheduler, &w->issue_env);
	rollout_register_jobs(w->scheduler, w->rollout);
	scheduler_register(w->scheduler, &cleanup_job, w->solver);
	scheduler_register(w->scheduler, &world_check_job, w);
	w->issue_env.alerts = alerts_new(&(struct alerts_config){
		.env = &w->issue_env,
		.http = w->alert_http ? w->alert_http : &w->http,
		.mail = w->alert_mail,
		.conf = &w->conf,
	});
	alerts_register_jobs(w->scheduler, w->issue_env.alerts);
	consequences_watch(&w->issue_env);
	w->service = (struct service){
		.methods = service_methods,
		.loop = w->loop,
		.store = w->store,
		.events = w->events,
		.solver = w->solver,
		.drops = w->drops,
		.rollout = w->rollout,
		.scheduler = w->scheduler,
		.issue_env = &w->issue_env,
		.conf = &w->conf,
	};
}

static void
on_startup_done(size_t rewritten, void *arg)
{
	struct world *w = arg;

	w->startup = NULL;
	sim_log(w->sim, "%" PRId64 " started, %zu drops written", world_now(w), rewritten);
}

void
world_start(struct world *w)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	w->log = log_new(LOG_LEVEL_ERROR - 1); /* the log is ours */
	w->workers = workers_new(w->loop, 1);
	w->store = store_open_sized("store", &w->master_key, MAP_SIZE, &error);
	if (!w->store)
		sim_fail(w->sim, "%s", error.message);
	loop_set_turn_end(w->loop, turn_end, w);
	w->events = events_new(w->store, w->clock, w->log, 1000);
	w->subscription = events_subscribe(w->events, NULL, on_event, w);
	start_rollout(w);
	start_solver(w);
	start_scheduler(w);
	w->startup = startup_begin(&(struct startup_env){ .loop = w->loop,
					   .store = w->store,
					   .events = w->events,
					   .drops = w->drops,
					   .rollout = w->rollout,
					   .scheduler = w->scheduler },
		on_startup_done, w);
	scheduler_kick(w->scheduler);
}

static void
check_store(struct world *w)
{
	_cleanup_free_ char *fault = w->is_peculiar ? NULL : store_invariants_fault(w->store);

	if (fault)
		sim_fail(w->sim, "%s", fault);
}

void
world_stop(struct world *w)
{
	if (!w->store)
		return;
	check_store(w);
	startup_cancel(w->startup);
	events_unsubscribe(w->subscription);
	scheduler_free(w->scheduler);
	alerts_free(w->issue_env.alerts);
	clients_free(w->issue_env.clients);
	solver_free(w->solver);
	rollout_free(w->rollout);
	workers_free(w->workers);
	drops_close(w->drops);
	store_close(w->store);
	events_free(w->events);
	log_free(w->log);
	w->startup = NULL;
	w->scheduler = NULL;
	w->store = NULL;
}

void
world_run_until(struct world *w, int64_t at)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	while (world_now(w) < at) {
		if (loop_run_until(w->loop, at + w->skew, &error) < 0)
			sim_fail(w->sim, "%s", error.message);
		if (w->stop_at && w->requests >= w->stop_at)
			return;
		if (w->stop_at_commit && world_commits(w) >= w->stop_at_commit)
			return;
		/* Opening the store takes disk space: without any, certd does not start. */
		if (!w->wants_restart || !w->store || w->disk_is_full)
			continue;
		w->wants_restart = false;
		w->restarts++;
		sim_log(w->sim, "%" PRId64 " restart", world_now(w));
		world_stop(w);
		world_start(w);
	}
}

/* --- the operator --- */

struct answer {
	bool has_come;
	bool is_refused;
	struct world *world;
};

static void
on_answer(struct json_object *result, const struct error *error, void *arg)
{
	struct answer *a = arg;

	a->has_come = true;
	a->is_refused = error != NULL;
	if (error)
		sim_log(a->world->sim, "refused: %s", error->message);
	json_object_put(result);
}

bool
world_call(struct world *w, enum api_method_id method, const char *params, ...)
{
	static const struct peer peer = { .role = ROLE_ADMIN, .label = "uid:0" };
	struct answer answer = { .world = w };
	_cleanup_json_ struct json_object *json = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	int64_t begin_at;
	va_list ap;

	va_start(ap, params);
	text = xvasprintf(params, ap);
	va_end(ap);
	sim_log(w->sim, "%" PRId64 " %s %s", world_now(w), api_methods[method].name, params);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_parse(text, strlen(text), &error);
	if (!json)
		sim_fail(w->sim, "%s: %s", text, error.message);
	service_call(&w->service, &peer, method, json, on_answer, &answer);
	begin_at = clock_wall(w->clock);
	for (int64_t sec = 0; !answer.has_come && sec <= ANSWER_SEC; sec++)
		if (loop_run_until(w->loop, begin_at + sec, &error) < 0)
			sim_fail(w->sim, "%s", error.message);
	if (!answer.has_come)
		sim_fail(w->sim, "%s was not answered", api_methods[method].name);
	return !answer.is_refused;
}
