/* The samples of one certificate: each row of the table, with and without what it is about. */
#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/rollout.h"
#include "daemon/service/metrics.h"
#include "daemon/service/service.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW = 1700000000, DAY = 24 * 3600, NOT_BEFORE = NOW - 60 * DAY, NOT_AFTER = NOW + 30 * DAY, NEXT = NOW + DAY };

static struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct service service;
	char *consumer; /* id */
} r;

static void
setup(void)
{
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup("web") };

	r.clock = clock_new_virtual(NOW);
	tmp_store_init(&r.t, 0);
	r.service = (struct service){ .loop = loop_new(r.clock), .store = r.t.store };
	c.activate = xstrdup("none");
	cr_assert_eq(object_save(r.t.store, store_begin(r.t.store), &consumer_class, &c, NULL), 0);
	store_commit(r.t.store);
	r.consumer = xstrdup(c.o.id);
}

static void
teardown(void)
{
	loop_free(r.service.loop);
	tmp_store_clear(&r.t);
	clock_free(r.clock);
	free(r.consumer);
}

TestSuite(metrics_each, .init = setup, .fini = teardown);

static void
expect_samples(const char *name, const struct metric_subject *subject, const char *samples)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool is_found = false;

	for (size_t i = 0; i < metrics_table_size; i++) {
		if (strcmp(metrics_table[i].name, name) != 0)
			continue;
		is_found = true;
		metrics_table[i].each(&metrics_table[i], subject, &text);
	}
	cr_assert(is_found, "%s", name);
	cr_expect_str_eq(buf_str(&text), samples, "%s: %s", name, buf_str(&text));
}

struct samples {
	const char *name;
	const char *of_auto, *of_imported, *of_new; /* "": none */
};

#define A "{name=\"www\",kind=\"auto\"} "
#define I "{name=\"old\",kind=\"imported\"} "

/* Thirty days before its end, a third of its 90 days: the renewal is due now. */
Test(metrics_each, a_certificate_has_its_times_and_an_imported_one_no_plan)
{
	static const struct samples cases[] = {
		{ "certd_certificate_expiry_timestamp_seconds",
			"certd_certificate_expiry_timestamp_seconds" A "1702592000\n",
			"certd_certificate_expiry_timestamp_seconds" I "1702592000\n", "" },
		{ "certd_certificate_not_before_timestamp_seconds",
			"certd_certificate_not_before_timestamp_seconds" A "1694816000\n",
			"certd_certificate_not_before_timestamp_seconds" I "1694816000\n", "" },
		{ "certd_certificate_renewal_timestamp_seconds",
			"certd_certificate_renewal_timestamp_seconds" A "1701728000\n", "", "" },
		{ "certd_certificate_renewal_margin_expected_seconds",
			"certd_certificate_renewal_margin_expected_seconds" A "864000\n", "", "" },
		{ "certd_certificate_renewal_margin_seconds", "certd_certificate_renewal_margin_seconds" A "2505600\n",
			"", "" },
		{ "certd_certificate_next_attempt_timestamp_seconds",
			"certd_certificate_next_attempt_timestamp_seconds" A "1700086400\n", "", "" },
		{ "certd_certificate_consecutive_failures", "certd_certificate_consecutive_failures" A "3\n", "",
			"certd_certificate_consecutive_failures" A "0\n" },
		{ "certd_certificate_paused", "certd_certificate_paused" A "1\n", "",
			"certd_certificate_paused" A "0\n" },
		{ "certd_rollout_generation", "", "", "" },
		{ "certd_rollout_consecutive_failures", "", "", "" },
		{ "certd_consumer_step", "", "", "" },
		{ "certd_consumer_state", "", "", "" },
		{ "certd_consumer_unserved", "", "", "" },
		{ "certd_endpoint_state", "", "", "" },
	};
	struct autocert auto_ = { .renew_before = 10 * DAY, .attempts = 3, .is_paused = true };
	struct autocert fresh = { .renew_before = 0 };
	const struct metric_subject of_auto = { .service = &r.service,
		.labels = "name=\"www\",kind=\"auto\"",
		.auto_ = &auto_,
		.not_before_at = NOT_BEFORE,
		.not_after_at = NOT_AFTER,
		.next_at = NEXT };
	const struct metric_subject of_imported = { .service = &r.service,
		.labels = "name=\"old\",kind=\"imported\"",
		.not_before_at = NOT_BEFORE,
		.not_after_at = NOT_AFTER };
	const struct metric_subject of_new = {
		.service = &r.service, .labels = "name=\"www\",kind=\"auto\"", .auto_ = &fresh
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		expect_samples(cases[i].name, &of_auto, cases[i].of_auto);
		expect_samples(cases[i].name, &of_imported, cases[i].of_imported);
		expect_samples(cases[i].name, &of_new, cases[i].of_new);
	}
}

/* What is overdue is renewed now at the latest, and what is not planned never. */
Test(metrics_each, the_margin_counts_from_the_next_attempt)
{
	static const struct {
		int64_t next_at;
		const char *margin;
	} cases[] = { { NEXT, "2505600\n" }, { NOW, "2592000\n" }, { NOW - 1, "2592000\n" }, { NOW + 1, "2591999\n" },
		{ 0, "0\n" } };
	struct autocert a = { .renew_before = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct metric_subject s = { .service = &r.service,
			.labels = "name=\"www\",kind=\"auto\"",
			.auto_ = &a,
			.not_before_at = NOT_BEFORE,
			.not_after_at = NOT_AFTER,
			.next_at = cases[i].next_at };
		_cleanup_free_ char *samples = xasprintf(
			"certd_certificate_renewal_margin_seconds" A "%s", cases[i].margin);

		expect_samples("certd_certificate_renewal_margin_seconds", &s, samples);
	}
}

#define W "{name=\"www\",kind=\"auto\",consumer=\"web\""
#define G "{name=\"www\",kind=\"auto\",consumer=\"gone\""

/* Three consumers: one was probed, one is deleted, and of one nothing is known yet. */
Test(metrics_each, a_consumer_has_its_step_and_what_it_was_found_to_serve)
{
	static char served[] = "served", stale[] = "stale", gone[] = "gone", one[] = "a:443", two[] = "b:443";
	struct rollout_endpoint endpoints[] = { { .endpoint = one, .served = served, .not_after_at = NOT_AFTER },
		{ .endpoint = two, .served = stale } };
	struct rollout_target targets[] = {
		{ .consumer = r.consumer,
			.step = ROLLOUT_SERVED,
			.served = stale,
			.probed_at = NOW,
			.is_unserved = true,
			.attempts = 2,
			.endpoints = { .items = endpoints, .count = ARRAY_SIZE(endpoints) } },
		{ .consumer = gone, .step = ROLLOUT_WRITTEN },
	};
	const struct rollout_state rollout = {
		.generation = 7, .attempts = 4, .targets = { .items = targets, .count = ARRAY_SIZE(targets) }
	};
	struct autocert a = { .renew_before = 0 };
	const struct metric_subject s = {
		.service = &r.service, .labels = "name=\"www\",kind=\"auto\"", .auto_ = &a, .rollout = &rollout
	};

	expect_samples("certd_rollout_generation", &s, "certd_rollout_generation" A "7\n");
	expect_samples("certd_rollout_consecutive_failures", &s, "certd_rollout_consecutive_failures" A "4\n");
	expect_samples("certd_consumer_step", &s,
		"certd_consumer_step" W ",step=\"served\"} 1\ncertd_consumer_step" G ",step=\"written\"} 1\n");
	expect_samples("certd_consumer_consecutive_failures", &s,
		"certd_consumer_consecutive_failures" W "} 2\ncertd_consumer_consecutive_failures" G "} 0\n");
	expect_samples("certd_consumer_state", &s, "certd_consumer_state" W ",state=\"stale\"} 1\n");
	expect_samples("certd_consumer_unserved", &s, "certd_consumer_unserved" W "} 1\n");
	expect_samples("certd_consumer_probe_timestamp_seconds", &s,
		"certd_consumer_probe_timestamp_seconds" W "} 1700000000\n");
	expect_samples("certd_endpoint_state", &s,
		"certd_endpoint_state" W ",endpoint=\"a:443\",state=\"served\"} 1\ncertd_endpoint_state" W
		",endpoint=\"b:443\",state=\"stale\"} 1\n");
	expect_samples("certd_endpoint_expiry_timestamp_seconds", &s,
		"certd_endpoint_expiry_timestamp_seconds" W ",endpoint=\"a:443\"} 1702592000\n");
}
