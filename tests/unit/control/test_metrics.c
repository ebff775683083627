/* Each metric says what is the case: all rows of the table, in the world of the simulation. */
#include "common/api/api.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/service/metrics.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

static struct peer root = { .role = ROLE_ADMIN, .user_id = "0", .label = "uid:0" };

static void
note_text(struct json_object *result, const struct error *err, void *arg)
{
	char **text = arg;

	cr_assert_null(err);
	*text = xstrdup(json_object_get_string(json_path(result, "text")));
	json_object_put(result);
}

/* Owned by the caller. */
static char *
scrape(struct run *r)
{
	_cleanup_json_ struct json_object *params = json_object_new_object();
	char *text = NULL;

	service_call(&r->world.service, &root, RPC_SERVER_METRICS, params, note_text, &text);
	cr_assert_eq(loop_run_until(r->world.loop, clock_wall(r->world.clock), NULL), 0);
	cr_assert_not_null(text);
	return text;
}

/* @line: a sample; "ID" stands for the id of the certificate. */
static void
expect_sample(const char *text, const char *line, const char *id)
{
	const char *at = strstr(line, "ID");
	_cleanup_free_ char *sample = at ? xasprintf("\n%.*s%s%s\n", (int)(at - line), line, id, at + 2)
					 : xasprintf("\n%s\n", line);
	_cleanup_free_ char *name = xasprintf("\n%.*s", (int)strcspn(line, "{ "), line);
	const char *is = strstr(text, name);

	cr_expect_not_null(strstr(text, sample), "%s: not in %.400s", line, is ? is : "it at all");
}

/* A certificate whose deployment has trouble of every kind, and an imported one. */
static void
spoil(struct run *r, char id[STORE_ID_SIZE])
{
	struct world *w = &r->world;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate imported = {
		.o.name = xstrdup("old"), .slug = xstrdup("old"), .not_before_at = 1000, .not_after_at = 2000
	};
	struct rollout_state state = { 0 };
	struct rollout_target *t;
	struct rollout_endpoint *e;
	struct store_txn *txn;

	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'web'}}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['web']}}"));
	world_run_until(w, world_now(w) + HOUR);
	run_load(r, "a-90d", &a);
	memcpy(id, a.o.id, STORE_ID_SIZE);
	txn = store_begin(w->store);
	a.last_not_before_at = world_now(w) - 61 * DAY;
	a.last_not_after_at = world_now(w) + 29 * DAY;
	a.attempts = 5;
	a.next_at = world_now(w) + DAY;
	cr_assert_eq(object_save(w->store, txn, &autocert_class, &a, NULL), 0);
	cr_assert_eq(object_save(w->store, txn, &certificate_class, &imported, NULL), 0);
	cr_assert_eq(rollout_load(w->rollout, id, &state, NULL), 1);
	state.generation = 7;
	state.attempts = 3;
	state.is_written = false;
	state.next_at = world_now(w) + DAY;
	error_set(&state.failure, ERROR_IO, "a broken disk");
	t = state.targets.items;
	t->step = ROLLOUT_TESTED;
	t->attempts = 4;
	t->next_at = world_now(w) + DAY;
	t->served = xstrdup("stale");
	t->is_unserved = true;
	t->probed_at = 1234;
	e = record_list_add(&rollout_endpoint_class, &t->endpoints);
	e->endpoint = xstrdup("www.example.com:443");
	e->served = xstrdup("stale");
	e->not_after_at = 5678;
	record_save(w->store, txn, &rollout_class, id, &state);
	store_changed(w->store, txn, STORE_ROLLOUT, id, id); /* it is looked at again */
	record_clear(&rollout_class, &state);
}

/* Of this certificate: its labels are {name="a-90d",id="ID",kind="auto"}. */
#define AUTO "{name=\"a-90d\",id=\"ID\",kind=\"auto\"} "
#define WEB(more) "{name=\"a-90d\",id=\"ID\",kind=\"auto\",consumer=\"web\"" more "} "

/* Those of time, for a certificate of spoil(). */
static void
expect_times(const char *text, const char *id, int64_t now)
{
	static const struct {
		const char *name;
		int64_t value; /* after now */
		bool is_span;
	} times[] = {
		{ "certd_certificate_expiry_timestamp_seconds", 29 * DAY, false },
		{ "certd_certificate_not_before_timestamp_seconds", -61 * DAY, false },
		{ "certd_certificate_renewal_timestamp_seconds", -DAY, false },
		{ "certd_certificate_next_attempt_timestamp_seconds", DAY, false },
		{ "certd_certificate_renewal_margin_seconds", 28 * DAY, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_free_ char *line = xasprintf(
			"%s" AUTO "%lld", times[i].name, (long long)(times[i].value + (times[i].is_span ? 0 : now)));

		expect_sample(text, line, id);
	}
}

/* A row without a sample here has none that is the same each time, or needs a peer: system tests have those. */
static bool
is_tested_elsewhere(const char *name)
{
	static const char *const others[] = { "certd_certificate_", "certd_ca_", "certd_dns_", "certd_loop_",
		"certd_store_size", "certd_store_commits", "certd_store_longest", "certd_start_", "certd_work_planned",
		"certd_provider_ready" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return true;
	return false;
}

Test(metrics, each_says_what_is_the_case)
{
	static const char *const samples[] = {
		"certd_certificate_consecutive_failures" AUTO "5",
		"certd_certificate_paused" AUTO "0",
		"certd_rollout_generation" AUTO "7",
		"certd_rollout_consecutive_failures" AUTO "3",
		"certd_certificate_renewal_margin_expected_seconds" AUTO "2592000",
		"certd_consumer_step" WEB(",step=\"tested\"") "1",
		"certd_consumer_consecutive_failures" WEB("") "4",
		"certd_consumer_state" WEB(",state=\"stale\"") "1",
		"certd_consumer_unserved" WEB("") "1",
		"certd_endpoint_state" WEB(",endpoint=\"www.example.com:443\",state=\"stale\"") "1",
		"certd_endpoint_expiry_timestamp_seconds" WEB(",endpoint=\"www.example.com:443\"") "5678",
		"certd_consumer_probe_timestamp_seconds" WEB("") "1234",
		"certd_certificates_detailed{kind=\"auto\"} 1",
		"certd_certificates_detailed{kind=\"imported\"} 1",
		"certd_auto_certificates{state=\"provisioning\"} 0",
		"certd_auto_certificates{state=\"available\"} 1",
		"certd_auto_certificates{state=\"failed\"} 0",
		"certd_auto_certificates_expiring{within=\"0d\"} 0",
		"certd_auto_certificates_expiring{within=\"30d\"} 1",
		"certd_conditions{condition=\"stale\",severity=\"warning\"} 1",
		"certd_conditions{condition=\"stale\",severity=\"critical\"} 0",
		"certd_conditions{condition=\"undeployed\",severity=\"warning\"} 1",
		"certd_conditions{condition=\"expired\",severity=\"critical\"} 1",
		"certd_conditions{condition=\"store\",severity=\"critical\"} 0",
		"certd_imported_certificates_expiring 1",
		"certd_stored_certificates 2",
		"certd_work_failing{action=\"issue\"} 0",
		"certd_work_failing{action=\"account\"} 0",
		"certd_work_due{action=\"issue\"} 0",
		"certd_work_running{action=\"issue\"} 0",
		"certd_work_lateness_seconds 0",
		"certd_clock_suspect 0",
		"certd_store_failing 0",
		"certd_store_damaged_records 0",
		"certd_build_info{version=\"" PACKAGE_VERSION "\"} 1",
	};
	struct run r;
	char id[STORE_ID_SIZE];
	_cleanup_free_ char *text = NULL;

	run_begin(&r, 0);
	spoil(&r, id);
	store_commit(r.world.store); /* as at the end of a turn */
	text = scrape(&r);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		expect_sample(text, samples[i], id);
	expect_times(text, id, world_now(&r.world));
	for (size_t k = 0; k < metrics_table_size; k++) {
		bool is_here = is_tested_elsewhere(metrics_table[k].name);

		for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
			is_here = is_here ||
				  strncmp(samples[i], metrics_table[k].name, strlen(metrics_table[k].name)) == 0;
		cr_expect(is_here, "no sample of %s", metrics_table[k].name);
	}
	run_end(&r);
}
