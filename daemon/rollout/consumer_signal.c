/*
 * Kind signal: one signal for all certificates that change together, to the process of a pid file. The system allows
 * that only for processes of certd's own user; for others there is the kind unit.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/error.h"
#include "daemon/base/pid_file.h"
#include "daemon/rollout/consumer_queue.h"

#include <signal.h>
#include <string.h>

/* Return: the number of the signal @name (NULL: HUP); -1: none that the API takes. */
static int
consumer_signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = { { "HUP", SIGHUP }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "INT", SIGINT },
		{ "TERM", SIGTERM } };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!name || strcmp(name, signals[i].name) == 0)
			return signals[i].number;
	return -1;
}

/* A process of another user is refused at once; whether it runs, or the file exists, may change until it is needed. */
static int
consumer_signal_check(const struct consumer *c, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (pid_file_signal(setting_text(&c->settings, "pidFile"), 0, &why) < 0 && why.code == ERROR_DENIED)
		return error_set_field(err, "pidFile", "%s", why.message);
	return 0;
}

static int
consumer_signal_run(struct consumer_queue *queue _unused_, const struct queue_member *first, void **ret_run _unused_,
	struct error *err)
{
	return pid_file_signal(first->settings.items[0], consumer_signal_number(first->settings.items[1]), err);
}

static const struct queue_kind signal_runs = { consumer_signal_run, NULL };

static int
consumer_signal_start(struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work,
	struct error *err _unused_)
{
	const char *signal = setting_text(&r->consumer->settings, "signal");
	_cleanup_strlist_ struct strlist settings = STRLIST_INIT;

	strlist_add(&settings, setting_text(&r->consumer->settings, "pidFile"));
	strlist_add(&settings, signal ? signal : "HUP");
	*ret_work = consumer_queue_join(&signal_runs, a, loop, r, &settings);
	return 1;
}

const struct consumer_kind consumer_kind_signal = {
	.name = "signal",
	.is_serial = true,
	.is_batch = true,
	.check = consumer_signal_check,
	.start = consumer_signal_start,
	.cancel = consumer_queue_leave,
};
