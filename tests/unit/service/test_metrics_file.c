/* When the file of metrics is written, and what is reported when it cannot be. The metrics themselves are a number. */
#include "daemon/service/metrics_file.h"

#include "common/error.h"
#include "common/json.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/service/call.h"
#include "daemon/service/service.h"
#include "tests/support/process.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INTERVAL_SEC = 60, HOUR = 3600 };

static struct rig {
	char *dir, *path;
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct service service;
	struct service_method methods[API_METHOD_COUNT];
	struct metrics_file *file;
	unsigned versions;
	bool fails; /* to collect */
	unsigned warnings;
	char warning[300];
} r;

static int
collect(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_free_ char *text = xasprintf("version %u\n", ++r.versions);

	(void)params;
	if (r.fails)
		return error_set(err, ERROR_IO, "cannot be counted");
	call->result = json_object_new_object();
	json_add_string(call->result, "text", text);
	return 0;
}

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
on_event(struct json_object *event, void *arg)
{
	const char *kind = "", *message = "";

	(void)arg;
	json_get_string(event, "kind", &kind, NULL);
	json_get_string(event, "message", &message, NULL);
	if (strcmp(kind, "server.warning") != 0)
		return;
	r.warnings++;
	snprintf(r.warning, sizeof(r.warning), "%s", message);
}

static void
setup(void)
{
	r = (struct rig){ .clock = clock_new_virtual(1700000000), .dir = scratch_new() };
	r.path = xasprintf("%s/certd.prom", r.dir);
	tmp_store_init(&r.t, 0);
	r.loop = loop_new(r.clock);
	loop_set_turn_end(r.loop, turn_end, r.t.store);
	r.log = log_new(LOG_LEVEL_ERROR);
	r.events = events_new(r.t.store, r.clock, r.log, 1000);
	memcpy(r.methods, service_methods, sizeof(r.methods));
	r.methods[RPC_SERVER_METRICS] = (struct service_method){ collect, NULL };
	r.service = (struct service){ .methods = r.methods,
		.loop = r.loop,
		.store = r.t.store,
		.events = r.events,
		.workers = workers_new(r.loop, 1) };
	events_subscribe(r.events, NULL, on_event, NULL);
}

static void
teardown(void)
{
	metrics_file_free(r.file);
	workers_free(r.service.workers);
	store_close(r.t.store);
	r.t.store = NULL;
	events_free(r.events);
	loop_free(r.loop);
	log_free(r.log);
	clock_free(r.clock);
	tmp_store_clear(&r.t);
	free(r.path);
	scratch_remove(&r.dir);
}

TestSuite(metrics_file, .init = setup, .fini = teardown);

static void
run(int64_t sec)
{
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + sec, NULL), 0);
}

/* Something that happens. */
static void
happen(void)
{
	event_emit(r.events, NULL, EVENT_SERVER_RELOADED, NULL, NULL, "read again");
	store_commit(r.t.store);
}

static void
expect_version(unsigned version)
{
	_cleanup_free_ char *text = xasprintf("version %u\n", version);
	_cleanup_buf_ struct buf got = BUF_INIT;

	cr_expect_eq(r.versions, version, "%u", r.versions);
	cr_assert_eq(buf_read_file(&got, AT_FDCWD, r.path, 1000, NULL), 0);
	cr_expect_str_eq(buf_str(&got), text);
}

Test(metrics_file, it_is_written_at_once_then_every_hour_and_after_events_at_most_every_interval)
{
	struct stat st;

	r.file = metrics_file_new(&r.service, r.path, INTERVAL_SEC);
	run(1);
	expect_version(1);
	cr_assert_eq(stat(r.path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0644);
	run(HOUR - 2);
	expect_version(1);
	run(2);
	expect_version(2);
	happen();
	run(10);
	expect_version(2);
	happen();
	run(INTERVAL_SEC);
	expect_version(3);
	run(10 * INTERVAL_SEC);
	expect_version(3);
	happen(); /* the interval is over already */
	run(1);
	expect_version(4);
	cr_expect_null(r.service.metrics_warning);
	cr_expect_eq(r.warnings, 0);
}

Test(metrics_file, a_failure_is_reported_once_and_a_warning_until_it_is_over)
{
	_cleanup_free_ char *moved = xasprintf("%s.moved", r.dir);

	r.file = metrics_file_new(&r.service, r.path, INTERVAL_SEC);
	run(1);
	cr_assert_eq(rename(r.dir, moved), 0);
	for (int i = 0; i < 3; i++) {
		happen();
		run(2 * INTERVAL_SEC);
		cr_expect_not_null(r.service.metrics_warning);
		cr_expect_not_null(strstr(r.service.metrics_warning ? r.service.metrics_warning : "", r.dir), "%s",
			r.service.metrics_warning);
		cr_expect_eq(r.warnings, 1, "%u", r.warnings);
	}
	cr_expect_eq(strncmp(r.warning, "metrics-file: open '", 20), 0, "%s", r.warning);
	r.fails = true;
	happen();
	run(2 * INTERVAL_SEC);
	cr_expect_eq(r.warnings, 2, "another failure");
	cr_expect_str_eq(r.service.metrics_warning, "cannot be counted");
	r.fails = false;
	cr_assert_eq(rename(moved, r.dir), 0);
	happen();
	run(2 * INTERVAL_SEC);
	cr_expect_null(r.service.metrics_warning);
	expect_version(r.versions);
}

/* Temporary files that a crash has left are removed with the first version. */
Test(metrics_file, what_a_crash_has_left_is_removed)
{
	_cleanup_free_ char *left = xasprintf("%s/.certd-left", r.dir);

	scratch_write(r.dir, ".certd-left", "half");
	r.file = metrics_file_new(&r.service, r.path, INTERVAL_SEC);
	run(1);
	expect_version(1);
	cr_expect_eq(access(left, F_OK), -1);
	metrics_file_free(r.file);
	r.file = NULL;
	run(2 * HOUR);
	cr_expect_eq(r.versions, 1, "nothing is written after its end");
}
