/*
 * Kind unit: systemd runs a unit as root, which tests the server's configuration and reloads it, once for all
 * certificates that change together. Its result is the result of the activation. certd itself needs no privilege: a
 * rule of polkit allows its user to run units that the administrator named for it.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/error.h"
#include "daemon/base/sdbus.h"
#include "daemon/rollout/consumer_queue.h"

/* The units of certd have a limit of 15 minutes; one that never ends must not hold up its consumer for good. */
enum { UNIT_TIMEOUT_MS = 20 * 60 * 1000 };

static int
consumer_unit_check(const struct consumer *c, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!c->unit)
		return error_set_field(
			err, "properties.unit", "activate unit requires the systemd unit to start or reload");
	if (unit_name_check(c->unit, &why) < 0)
		return error_set_field(err, "properties.unit", "%s", why.message);
	return 0;
}

static void
consumer_unit_done(const struct error *err, void *arg)
{
	consumer_queue_end(arg, err);
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

	strlist_add(&settings, r->consumer->unit);
	*ret_work = consumer_queue_join(&unit_runs, a, loop, r, &settings);
	return 1;
}

const struct consumer_kind consumer_kind_unit = {
	.name = "unit",
	.is_serial = true,
	.is_batch = true,
	.check = consumer_unit_check,
	.start = consumer_unit_start,
	.cancel = consumer_queue_leave,
};
