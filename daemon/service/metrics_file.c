/* One version at a time: collected like any caller's, written by a worker, then a pause. */
#include "daemon/service/metrics_file.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/report/events.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOURLY_MS = 3600 * 1000, FILE_MODE = 0644 };

struct metrics_file {
	struct service *service;
	char *directory;
	char *name;
	int64_t interval_ms;
	struct event_subscription *events;
	struct loop_timer timer;
	int64_t begun_ms; /* boot time of the last version; INT64_MIN: there is none */
	bool is_writing;
	bool is_changed; /* something has happened since */
	bool is_swept;   /* of what a crash has left */
	struct version *version;
	struct error failure; /* of the last version */
};

/* One version on its way to the disk; outlives its file. */
struct version {
	struct metrics_file *file; /* NULL: gone */
	char *directory;
	char *name;
	struct buf text;
	bool is_first;
	struct error err;
};

static int64_t
metrics_file_now_ms(const struct metrics_file *file)
{
	return clock_boot_ms(loop_clock(file->service->loop));
}

/* Arms the timer for the next version. */
static void
metrics_file_plan(struct metrics_file *file)
{
	int64_t pause_ms = file->is_changed ? file->interval_ms : HOURLY_MS;
	int64_t left_ms = file->begun_ms == INT64_MIN ? 0 : file->begun_ms + pause_ms - metrics_file_now_ms(file);

	if (!file->is_writing)
		loop_timer_set(&file->timer, left_ms > 0 ? left_ms : 0);
}

/* A failure is an event once, and a warning of server.status as long as it lasts. */
static void
metrics_file_done(struct metrics_file *file, struct error *err)
{
	bool is_news = error_is_set(err) &&
		       (!file->failure.message || strcmp(file->failure.message, err->message) != 0);

	file->is_writing = false;
	error_move(&file->failure, err);
	file->service->metrics_warning = file->failure.message;
	if (is_news)
		event_emit_error(file->service->events, NULL, EVENT_SERVER_WARNING, NULL, &file->failure,
			"metrics-file: %s", file->failure.message);
	metrics_file_plan(file);
}

/* --- on a worker --- */

static void
version_write(void *arg)
{
	struct version *v = arg;
	int dirfd = open(v->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0) {
		error_set_errno(&v->err, errno, "open '%s'", v->directory);
		return;
	}
	if ((!v->is_first || drop_file_sweep(dirfd, &v->err) == 0) &&
		drop_file_replace(dirfd, v->name, v->text.data, v->text.len, FILE_MODE, &v->err) < 0)
		error_wrap(&v->err, "'%s/%s'", v->directory, v->name);
	close(dirfd);
}

/* --- on the loop --- */

static void
version_written(void *arg)
{
	struct version *v = arg;

	if (v->file) {
		v->file->version = NULL;
		v->file->is_swept = true;
		metrics_file_done(v->file, &v->err);
	}
	error_clear(&v->err);
	buf_clear(&v->text);
	free(v->directory);
	free(v->name);
	free(v);
}

static void
metrics_file_collected(struct json_object *result, const struct error *err, void *arg)
{
	struct metrics_file *file = arg;
	struct json_object *text = err ? NULL : json_path(result, "text");
	_cleanup_error_ struct error why = ERROR_INIT;
	struct version *v;

	if (err) {
		error_copy(&why, err);
		metrics_file_done(file, &why);
		return;
	}
	v = xcalloc(1, sizeof(*v));
	v->file = file;
	v->directory = xstrdup(file->directory);
	v->name = xstrdup(file->name);
	v->is_first = !file->is_swept;
	buf_add(&v->text, json_object_get_string(text), (size_t)json_object_get_string_len(text));
	json_object_put(result);
	file->version = v;
	workers_run(file->service->workers, version_write, version_written, v);
}

static void
metrics_file_begin(void *arg)
{
	struct metrics_file *file = arg;
	const struct peer self = { .uid = (uid_t)-1, .role = ROLE_VIEWER, .user_id = "metrics", .label = "metrics" };

	file->begun_ms = metrics_file_now_ms(file);
	file->is_changed = false;
	file->is_writing = true;
	service_call(file->service, &self, RPC_SERVER_METRICS, NULL, metrics_file_collected, file);
}

static void
metrics_file_event_seen(struct json_object *event _unused_, void *arg)
{
	struct metrics_file *file = arg;

	if (file->is_changed)
		return;
	file->is_changed = true;
	metrics_file_plan(file);
}

struct metrics_file *
metrics_file_new(struct service *service, const char *path, int64_t interval_sec)
{
	struct metrics_file *file = xcalloc(1, sizeof(*file));
	const char *slash = strrchr(path, '/');

	file->service = service;
	file->directory = slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	file->name = xstrdup(slash + 1);
	file->interval_ms = interval_sec * 1000;
	file->begun_ms = INT64_MIN;
	loop_timer_init(&file->timer, service->loop, metrics_file_begin, file);
	file->events = events_subscribe(service->events, NULL, metrics_file_event_seen, file);
	metrics_file_plan(file);
	return file;
}

void
metrics_file_free(struct metrics_file *file)
{
	if (!file)
		return;
	loop_timer_cancel(&file->timer);
	events_unsubscribe(file->events);
	if (file->version)
		file->version->file = NULL;
	file->service->metrics_warning = NULL;
	error_clear(&file->failure);
	free(file->directory);
	free(file->name);
	free(file);
}
