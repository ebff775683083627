/*
 * Kind unit: systemd runs a unit as root, which tests the server's configuration and reloads it, once for all
 * certificates that change together. Its result is the result of the activation. certd itself needs no privilege: a
 * rule of polkit allows its user to run units that the administrator named for it.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/error.h"
#include "daemon/base/sdbus.h"
#include "daemon/rollout/consumer_queue.h"

#include <string.h>

/* The units of certd have a limit of 15 minutes; one that never ends must not hold up its consumer for good. */
enum { UNIT_TIMEOUT_MS = 20 * 60 * 1000 };

static int
consumer_unit_check(const struct consumer *c, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (unit_name_check(setting_text(&c->settings, "unit"), &why) < 0)
		return error_set_field(err, "unit", "%s", why.message);
	return 0;
}

/*
 * One job tests and reloads. Which of the two failed is what the status text of the unit begins with, "test: " or
 * "reload: " (systemd/reload-server). A unit that says neither has not told that the files are good.
 */
static void
consumer_unit_done(const struct error *err, void *arg)
{
	struct consumer_queue *queue = arg;
	const char *unit = consumer_queue_first(queue)->settings.items[0];
	const char *said = err ? error_text_below(err->message, unit) : "";
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	if (strncmp(said, "test: ", 6) == 0) {
		error_set(&why, err->code, "%s: the test failed: %s", unit, said + 6);
	} else if (strncmp(said, "reload: ", 8) == 0) {
		error_set(&why, err->code, "%s: the reload failed: %s", unit, said + 8);
		consumer_queue_tested(queue);
	}
	consumer_queue_end(queue, err ? &why : NULL);
}

static int
consumer_unit_run(
	struct consumer_queue *queue, const struct queue_member *first, void **ret_run, struct error *err _unused_)
{
	*ret_run = unit_job_start(
		consumer_queue_bus(queue), first->settings.items[0], UNIT_TIMEOUT_MS, consumer_unit_done, queue);
	return 1;
}

static void
consumer_unit_stop(void *run)
{
	unit_job_cancel(run);
}

static const struct queue_kind unit_runs = { consumer_unit_run, consumer_unit_stop };

static int
consumer_unit_start(struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work,
	struct error *err _unused_)
{
	_cleanup_strlist_ struct strlist settings = STRLIST_INIT;

	strlist_add(&settings, setting_text(&r->consumer->settings, "unit"));
	*ret_work = consumer_queue_join(&unit_runs, a, loop, r, &settings);
	return 1;
}

const struct consumer_kind consumer_kind_unit = {
	.name = "unit",
	.is_serial = true,
	.has_test = true,
	.is_batch = true,
	.check = consumer_unit_check,
	.start = consumer_unit_start,
	.cancel = consumer_queue_leave,
};
