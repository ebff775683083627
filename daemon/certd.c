/*
 * The owner of everything. Objects are created in order of their dependencies and freed in reverse order. Each
 * constructor leaves the others in a state that certd_free() accepts.
 */
#include "daemon/certd.h"

#include "common/crypto/secret.h"
#include "common/crypto/x509.h"
#include "daemon/alert/alerts.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/http.h"
#include "daemon/base/http_mail.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/meter.h"
#include "daemon/base/notify.h"
#include "daemon/base/signer.h"
#include "daemon/base/workers.h"
#include "daemon/control/rest.h"
#include "daemon/control/server.h"
#include "daemon/master_key.h"
#include "daemon/ready/ready.h"
#include "daemon/rekey.h"
#include "daemon/renew/crl.h"
#include "daemon/renew/ct.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/jobs.h"
#include "daemon/report/refusals.h"
#include "daemon/service/consequences.h"
#include "daemon/service/metrics_file.h"
#include "daemon/service/slices.h"
#include "daemon/startup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_LISTEN_FDS = 16,
	MS_PER_SEC = 1000,
	STATUS_MS = 1000,
	CALL_THREADS = 2,
};

#define USER_AGENT PACKAGE_NAME "/" PACKAGE_VERSION

struct certd {
	struct conf conf;
	char *conf_path;
	struct secret master_key;
	struct role_map roles;
	struct clock *clock;
	struct log *log;
	struct loop *loop;
	struct workers *workers;
	struct workers *call_workers; /* for imports and exports, which may take long or hang */
	struct store *store;
	struct events *events;
	struct refusals *refusals;
	struct audit *audit;
	struct rekey *rekey;
	struct dns *dns;
	struct meters *meters;
	struct http_curl *http;
	struct http_mail *mail;
	struct signer *signer;
	struct drops *drops;
	struct rollout *rollout;
	struct solver *solver;
	struct issue_env issue_env;
	unsigned issues_running;
	struct scheduler *scheduler;
	struct ready *ready;
	struct service service;
	struct control *control;
	struct rest *rest;
	struct metrics_file *metrics_file;
	struct startup *startup;
	struct event_subscription *watch; /* for STATUS= */
	struct loop_timer status;
	struct loop_timer check;   /* until the files are compared again */
	struct loop_timer put_off; /* the delayed commit, until due_ms */
	int64_t due_ms;
	bool is_commit_due;
	bool is_ready;
};

/* --- construction, in layers --- */

/* The umask excludes permissions that others need; the mode of an existing directory is kept. */
static int
certd_make_dir(const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : error_set_errno(err, errno, "create '%s'", path);
	if (chmod(path, mode) < 0)
		return error_set_errno(err, errno, "set the mode of '%s'", path);
	return 0;
}

static int
open_base(struct certd *c, struct error *err)
{
	c->clock = clock_new_real();
	c->log = log_new((enum log_level)c->conf.log_level);
	c->loop = loop_new(c->clock);
	log_attach(c->log, c->loop);
	c->workers = workers_new(c->loop, (unsigned)c->conf.workers);
	c->call_workers = workers_new(c->loop, CALL_THREADS);
	c->meters = meters_new();
	c->dns = dns_new(c->loop, c->conf.dns_servers, err);
	if (!c->dns)
		return -1;
	c->http = http_curl_new(
		c->loop, c->dns, &(struct http_curl_config){ .user_agent = USER_AGENT, .proxy = c->conf.proxy }, err);
	if (!c->http)
		return -1;
	c->mail = http_mail_new(c->loop, c->dns);
	c->signer = signer_new(c->loop, "/proc/self/exe", c->conf.pkcs11_module);
	return 0;
}

/* The delayed commit is due: the timer's own turn ends with it. */
static void
commit_due(void *arg)
{
	struct certd *c = arg;

	c->is_commit_due = true;
}

/* Delays a commit that can wait, so that it is shared with others. */
static bool
turn_end(void *arg)
{
	struct certd *c = arg;
	int patience_ms = store_patience_ms(c->store);
	int64_t due_ms = clock_boot_ms(c->clock) + patience_ms;

	if (patience_ms > 0 && !c->is_commit_due) {
		if (!loop_timer_is_armed(&c->put_off) || due_ms < c->due_ms) {
			c->due_ms = due_ms;
			loop_timer_set(&c->put_off, patience_ms);
		}
		return false;
	}
	c->is_commit_due = false;
	loop_timer_cancel(&c->put_off);
	return patience_ms >= 0 && store_commit(c->store);
}

/* A store that cannot be written (its disk is full) does not prevent the start. */
static void
upgrade_store(struct certd *c)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (objects_upgrade(c->store, &err) < 0)
		event_emit_error(c->events, NULL, EVENT_SERVER_WARNING, NULL, &err,
			"filtered lists may omit objects stored by an earlier certd: %s", err.message);
}

/* At each start, while there are any. */
static void
report_damage(struct certd *c)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_stats stats;

	store_get_stats(c->store, &stats);
	if (!stats.damaged_records)
		return;
	error_set(&err, ERROR_CORRUPT,
		"damaged records in the store in %s: %llu; certd continues with the others; " STORE_DAMAGE_ADVICE,
		c->conf.state_dir, (unsigned long long)stats.damaged_records);
	event_emit_error(c->events, NULL, EVENT_SERVER_WARNING, NULL, &err, "%s", err.message);
}

static int
open_store(struct certd *c, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/store", c->conf.state_dir);

	if (certd_make_dir(c->conf.state_dir, 0711, err) < 0 ||
		master_key_get(&c->conf, &c->master_key, &c->service.is_master_key_beside_store, err) < 0)
		return -1;
	c->store = store_open(path, &c->master_key, err);
	if (!c->store)
		return -1;
	loop_timer_init(&c->put_off, c->loop, commit_due, c);
	loop_set_turn_end(c->loop, turn_end, c);
	c->events = events_new(c->store, c->clock, c->log, (uint64_t)c->conf.max_events);
	report_damage(c);
	upgrade_store(c);
	c->refusals = refusals_new(c->loop, c->events);
	c->audit = audit_new(c->store, c->loop, c->log, (uint64_t)c->conf.max_audit_records);
	c->rekey = rekey_new(&(struct rekey_env){ .loop = c->loop,
		.store = c->store,
		.events = c->events,
		.conf = &c->conf,
		.is_key_beside_store = c->service.is_master_key_beside_store });
	return 0;
}

static void
open_solver(struct certd *c)
{
	const struct dnsprovider_env env = {
		.loop = c->loop, .dns = c->dns, .http = http_curl_transport(c->http), .meters = c->meters
	};
	int fds[MAX_LISTEN_FDS];
	int tlsalpn_fds[MAX_LISTEN_FDS];
	struct solver_config config = {
		.http_fds = fds,
		.tlsalpn_fds = tlsalpn_fds,
		.events = c->events,
		.is_http_stateless = c->conf.is_http_stateless,
	};

	config.n_http_fds = notify_listen_fds("http", fds, ARRAY_SIZE(fds));
	config.n_tlsalpn_fds = notify_listen_fds("tls-alpn", tlsalpn_fds, ARRAY_SIZE(tlsalpn_fds));
	strlist_copy(&config.http_listen, &c->conf.http_listen);
	strlist_copy(&config.tlsalpn_listen, &c->conf.tls_alpn_listen);
	strlist_copy(&config.webroots, &c->conf.webroots);
	c->solver = solver_new(&env, c->store, &config);
	strlist_clear(&config.http_listen);
	strlist_clear(&config.tlsalpn_listen);
	strlist_clear(&config.webroots);
}

static int
open_rollout(struct certd *c, struct error *err)
{
	c->drops = drops_open(c->loop, c->workers, c->conf.drop_root, c->conf.state_dir, err);
	if (!c->drops)
		return -1;
	c->rollout = rollout_new(&(struct rollout_env){
		.loop = c->loop, .store = c->store, .events = c->events, .drops = c->drops, .dns = c->dns });
	return 0;
}

static void
open_scheduler(struct certd *c)
{
	c->issue_env = (struct issue_env){
		.loop = c->loop,
		.store = c->store,
		.events = c->events,
		.audit = c->audit,
		.workers = c->workers,
		.clients = clients_new(&(struct clients_config){
			.loop = c->loop,
			.store = c->store,
			.http = http_curl_transport(c->http),
			.max_orders = c->conf.max_orders,
			.may_use_other_hosts = c->conf.may_use_other_hosts,
			.meters = c->meters,
			.signer = c->signer,
		}),
		.solver = c->solver,
		.rollout = c->rollout,
		.seen = x509_seen_new(),
		.renew_before = c->conf.renew_before,
		.purge_after = c->conf.purge_after,
		.max_names = (unsigned)c->conf.max_alternative_names + 1,
		.running = &c->issues_running,
		.check_revocation_every = c->conf.check_revocation_every,
		.ct_source = c->conf.ct_source,
		.ct_known_issuers = &c->conf.ct_known_issuers,
		.check_ct_every = c->conf.check_ct_every,
	};
	c->scheduler = scheduler_new(&(struct scheduler_config){
		.loop = c->loop,
		.store = c->store,
		.events = c->events,
		.build_at = BUILD_TIME,
	});
	c->issue_env.scheduler = c->scheduler;
	renew_register_jobs(c->scheduler, &c->issue_env);
	crl_start(&c->issue_env);
	ct_start(&c->issue_env);
	rollout_register_jobs(c->scheduler, c->rollout);
	scheduler_register(c->scheduler, &cleanup_job, c->solver);
	c->issue_env.alerts = alerts_new(&(struct alerts_config){
		.env = &c->issue_env,
		.http = http_curl_transport(c->http),
		.mail = http_mail_transport(c->mail),
		.conf = &c->conf,
	});
	alerts_register_jobs(c->scheduler, c->issue_env.alerts);
	c->ready = ready_new(&(struct ready_config){ .env = &c->issue_env, .conf = &c->conf });
	scheduler_register(c->scheduler, &ready_job, c->ready);
}

static void
read_roles(struct certd *c)
{
	_cleanup_strlist_ struct strlist unknown = STRLIST_INIT;
	_cleanup_free_ char *names = NULL;

	role_map_clear(&c->roles);
	role_map_add(&c->roles, ROLE_ADMIN, &c->conf.admin_groups, &unknown);
	role_map_add(&c->roles, ROLE_OPERATOR, &c->conf.operator_groups, &unknown);
	role_map_add(&c->roles, ROLE_VIEWER, &c->conf.viewer_groups, &unknown);
	role_map_scope(&c->roles, &c->conf.scopes, &unknown);
	if (!unknown.count)
		return;
	names = strlist_join(&unknown, ", ");
	event_emit(
		c->events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "groups that do not exist are skipped: %s", names);
}

static int
reload(void *arg, struct error *err);

static int
certd_rekey(void *arg, const struct secret *key, struct error *err)
{
	struct certd *c = arg;

	return rekey_begin(c->rekey, key, err);
}

static const char *
certd_key_warning(void *arg)
{
	struct certd *c = arg;

	return rekey_warning(c->rekey);
}

static void
open_service(struct certd *c)
{
	c->service.methods = service_methods;
	c->service.loop = c->loop;
	c->service.store = c->store;
	c->service.events = c->events;
	c->service.refusals = c->refusals;
	c->service.audit = c->audit;
	c->service.solver = c->solver;
	c->service.drops = c->drops;
	c->service.rollout = c->rollout;
	c->service.scheduler = c->scheduler;
	c->service.issue_env = &c->issue_env;
	c->service.workers = c->call_workers;
	c->service.conf = &c->conf;
	c->service.ready = c->ready;
	c->service.meters = c->meters;
	consequences_watch(&c->issue_env);
	c->service.started_at = clock_wall(c->clock);
	c->service.reload = reload;
	c->service.rekey = certd_rekey;
	c->service.key_warning = certd_key_warning;
	c->service.certd = c;
}

static int
open_control(struct certd *c, struct error *err)
{
	int fds[MAX_LISTEN_FDS];
	struct control_config config = {
		.path = c->conf.socket_path,
		.fds = fds,
		.max_connections = (unsigned)c->conf.max_connections,
		.max_connections_per_user = (unsigned)c->conf.max_connections_per_user,
		.roles = &c->roles,
	};

	config.n_fds = notify_listen_fds("control", fds, ARRAY_SIZE(fds));
	if (!config.n_fds && certd_make_dir(c->conf.runtime_dir, 0755, err) < 0)
		return -1;
	c->control = control_new(&c->service, &config, err);
	return c->control ? 0 : -1;
}

static int
open_rest(struct certd *c, struct error *err)
{
	int fds[MAX_LISTEN_FDS];
	struct rest_config config = {
		.path = c->conf.rest_socket,
		.fds = fds,
		.max_connections = (unsigned)c->conf.max_connections,
		.max_connections_per_user = (unsigned)c->conf.max_connections_per_user,
		.roles = &c->roles,
	};

	config.n_fds = notify_listen_fds("rest", fds, ARRAY_SIZE(fds));
	if (!config.n_fds && certd_make_dir(c->conf.runtime_dir, 0755, err) < 0)
		return -1;
	c->rest = rest_new(&c->service, &config, err);
	return c->rest ? 0 : -1;
}

struct certd *
certd_new(struct conf *conf, const char *conf_path, struct error *err)
{
	struct certd *c = xcalloc(1, sizeof(*c));

	c->conf = *conf;
	conf_init(conf);
	c->conf_path = xstrdup_null(conf_path);
	if (rest_check_conf(&c->conf, err) < 0 || ct_check_conf(&c->conf, err) < 0 || open_base(c, err) < 0 ||
		open_store(c, err) < 0 || open_rollout(c, err) < 0) {
		certd_free(c);
		return NULL;
	}
	open_solver(c);
	open_scheduler(c);
	read_roles(c);
	open_service(c);
	/* The control socket last: a client that can connect finds everything else open. */
	if (open_rest(c, err) < 0 || open_control(c, err) < 0) {
		certd_free(c);
		return NULL;
	}
	return c;
}

void
certd_free(struct certd *c)
{
	if (!c)
		return;
	if (c->store)
		store_commit(c->store); /* delayed changes; otherwise the next start repeats them */
	startup_cancel(c->startup);
	loop_timer_cancel(&c->status);
	loop_timer_cancel(&c->check);
	loop_timer_cancel(&c->put_off);
	events_unsubscribe(c->watch);
	slices_stop(&c->service);
	alerts_stop(c->issue_env.alerts);
	call_waits_stop(&c->service);
	metrics_file_free(c->metrics_file);
	rest_free(c->rest);
	c->service.is_stopping = true;
	control_free(c->control);
	refusals_free(c->refusals);
	scheduler_free(c->scheduler);
	ready_free(c->ready);
	alerts_free(c->issue_env.alerts);
	clients_free(c->issue_env.clients);
	x509_seen_free(c->issue_env.seen);
	solver_free(c->solver);
	rollout_free(c->rollout);
	/* A running drop is finished by its worker, without a report. */
	drops_stop(c->drops);
	workers_free(c->call_workers);
	workers_free(c->workers);
	drops_close(c->drops);
	rekey_free(c->rekey);
	signer_free(c->signer);
	http_mail_free(c->mail);
	http_curl_free(c->http);
	meters_free(c->meters);
	dns_free(c->dns);
	store_close(c->store);
	audit_free(c->audit);
	events_free(c->events);
	loop_free(c->loop);
	log_free(c->log);
	clock_free(c->clock);
	strlist_clear(&c->service.needs_restart);
	role_map_clear(&c->roles);
	secret_clear(&c->master_key);
	conf_clear(&c->conf);
	free(c->conf_path);
	free(c);
}

/* --- reload --- */

/* Applies settings that take effect at once. The others keep their values until the next start, which is reported. */
static void
apply_conf(struct certd *c, struct conf *new)
{
	struct conf old = c->conf;

	strlist_clear(&c->service.needs_restart);
	conf_keep_started(new, &old, &c->service.needs_restart);
	c->conf = *new;
	conf_init(new);
	conf_clear(&old);
	log_set_level(c->log, (enum log_level)c->conf.log_level);
	read_roles(c);
	c->issue_env.renew_before = c->conf.renew_before;
	c->issue_env.purge_after = c->conf.purge_after;
	c->issue_env.max_names = (unsigned)c->conf.max_alternative_names + 1;
	c->issue_env.check_revocation_every = c->conf.check_revocation_every;
	c->issue_env.ct_source = c->conf.ct_source;
	c->issue_env.check_ct_every = c->conf.check_ct_every;
	crl_start(&c->issue_env);
	ct_start(&c->issue_env);
}

/* Options of the command line hold; without them the file may name other directories. */
static int
read_new_conf(struct certd *c, struct conf *ret, struct error *err)
{
	ret->is_file_optional = c->conf.is_file_optional;
	if (conf_read_file(ret, c->conf_path, err) < 0)
		return -1;
	ret->is_state_given = c->conf.is_state_given;
	ret->is_runtime_given = c->conf.is_runtime_given;
	if (ret->is_state_given)
		str_replace(&ret->state_dir, c->conf.state_dir);
	if (ret->is_runtime_given)
		str_replace(&ret->runtime_dir, c->conf.runtime_dir);
	conf_finish(ret);
	return rest_check_conf(ret, err) < 0 ? -1 : ct_check_conf(ret, err);
}

static void
report_reload(struct certd *c)
{
	_cleanup_free_ char *names = strlist_join(&c->service.needs_restart, ", ");

	if (c->service.needs_restart.count)
		event_emit(c->events, NULL, EVENT_SERVER_RELOADED, NULL, NULL,
			"configuration read again; restart certd to apply the changes of %s", names);
	else
		event_emit(c->events, NULL, EVENT_SERVER_RELOADED, NULL, NULL, "configuration read again");
}

/* A file with an error changes nothing. */
static int
reload(void *arg, struct error *err)
{
	struct certd *c = arg;
	struct conf new;
	int rc;

	/* READY is sent once: a reload during the check of the drops must not send it too early. */
	if (c->is_ready)
		notify_reloading();
	conf_init(&new);
	rc = read_new_conf(c, &new, err);
	if (rc == 0)
		apply_conf(c, &new);
	conf_clear(&new);
	if (c->is_ready)
		notify_ready();
	if (rc == 0)
		report_reload(c);
	return rc;
}

/* A signal does not identify its sender. */
static void
record_reload(struct certd *c)
{
	audit_change(
		c->audit, store_begin(c->store), &(struct audit_entry){ .who = "signal", .method = "server.reload" });
}

static void
reload_signal(void *arg)
{
	struct certd *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (reload(c, &err) == 0)
		record_reload(c);
	else
		event_emit_error(c->events, NULL, EVENT_SERVER_WARNING, NULL, &err,
			"reload refused, the previous configuration stays in use: %s", err.message);
}

/* --- running --- */

static void
stop_signal(void *arg)
{
	struct certd *c = arg;

	notify_stopping();
	event_emit(c->events, NULL, EVENT_SERVER_STOPPING, NULL, NULL, "stopping");
	audit_stop(c->audit);
	/* While its events can still be stored. */
	refusals_free(c->refusals);
	c->refusals = c->service.refusals = NULL;
	loop_stop(c->loop);
}

static void
send_status(void *arg)
{
	struct certd *c = arg;
	int64_t rollouts = rollout_count_failing(c->rollout);
	_cleanup_free_ char *drops = rollouts > 0 ? xasprintf(", %lld rollouts failing", (long long)rollouts) : NULL;
	size_t expiring = expiry_count(c->store);
	_cleanup_free_ char *expiry = expiring ? xasprintf(", %zu expiring", expiring) : NULL;
	struct scheduler_stats scheduler;
	struct store_stats store;

	store_rest(c->store);
	scheduler_get_stats(c->scheduler, &scheduler);
	store_get_stats(c->store, &store);
	notify_status("%s%llu auto-certificates, %lld failing%s%s%s%s",
		c->is_ready ? "" : "checking the drops: ", (unsigned long long)store_count(c->store, STORE_AUTOCERT),
		(long long)object_count_failing(c->store, &autocert_class), drops ? drops : "", expiry ? expiry : "",
		store.is_full ? "; the disk is full" : "",
		scheduler.is_waiting_for_date ? "; the clock is wrong, nothing is renewed" : "");
}

/* Something happened: the status line follows within a second. */
static void
certd_event_seen(struct json_object *event, void *arg)
{
	struct certd *c = arg;
	const char *kind = NULL;
	enum event_kind k;

	if (json_get_string(event, "kind", &kind, NULL) != 1 || !event_kind_find(kind, &k) ||
		event_is_transient(event_info(k)))
		return;
	if (!loop_timer_is_armed(&c->status))
		loop_timer_set(&c->status, STATUS_MS);
	if (k == EVENT_DEPLOY_DONE) {
		struct json_object *object = NULL;
		const char *name = NULL;

		if (json_get_object(event, "object", &object, NULL) == 1 &&
			json_get_string(object, "name", &name, NULL) == 1)
			notify_field("DEPLOYED", name);
	}
}

static void
begin_pass(struct certd *c, bool is_repeated, startup_done_fn *done)
{
	c->startup = startup_begin(&(struct startup_env){ .loop = c->loop,
					   .store = c->store,
					   .events = c->events,
					   .drops = c->drops,
					   .rollout = c->rollout,
					   .scheduler = c->scheduler,
					   .is_repeated = is_repeated },
		done, c);
}

static void
files_checked(size_t rewritten _unused_, void *arg)
{
	struct certd *c = arg;

	c->startup = NULL;
	loop_timer_set(&c->check, (int)c->conf.check_files_every * MS_PER_SEC);
}

static void
check_files(void *arg)
{
	begin_pass(arg, true, files_checked);
}

static void
ready(size_t rewritten, void *arg)
{
	struct certd *c = arg;

	files_checked(rewritten, c);
	c->is_ready = true;
	notify_ready();
	if (c->conf.metrics_file)
		c->metrics_file = metrics_file_new(&c->service, c->conf.metrics_file, c->conf.metrics_interval);
	send_status(c);
	event_emit(c->events, NULL, EVENT_SERVER_STARTED, NULL, NULL, "certd %s is ready%s", PACKAGE_VERSION,
		rewritten ? "; missing drops were written" : "");
	if (c->service.is_master_key_beside_store)
		event_emit(c->events, NULL, EVENT_SERVER_WARNING, NULL, NULL,
			"the master key is in the same directory as the store: a copy of %s includes both; under "
			"systemd, pass it as the credential master-key",
			c->conf.state_dir);
}

int
certd_run(struct certd *c, struct error *err)
{
	int rc;

	loop_signal(c->loop, SIGTERM, stop_signal, c);
	loop_signal(c->loop, SIGINT, stop_signal, c);
	loop_signal(c->loop, SIGHUP, reload_signal, c);
	loop_timer_init(&c->status, c->loop, send_status, c);
	c->watch = events_subscribe(c->events, NULL, certd_event_seen, c);
	notify_watchdog_start(c->loop);
	alerts_start(c->issue_env.alerts, c->audit);
	loop_timer_init(&c->check, c->loop, check_files, c);
	begin_pass(c, false, ready);
	scheduler_kick(c->scheduler);
	rc = loop_run(c->loop, err);
	store_commit(c->store); /* changes that could wait until now */
	return rc;
}
