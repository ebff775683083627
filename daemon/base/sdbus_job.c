/*
 * One run of a unit, in steps: it is loaded, its properties are read, a job that has already begun is waited for, the
 * run is requested, its job ends, and the properties tell how. Any of them is begun again from the first.
 */
#include "common/printable.h"
#include "daemon/base/sdbus_private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	AGAIN_MS = 1000, /* after the connection or the service manager has gone */
	LOSSES_MAX = 10,
	NAME_MAX_LEN = 255, /* of a unit */
	STATUS_MAX = 600,   /* octets of its status text that are shown */
	WORD_MAX = 100
};

/* What is read of a unit; each string is owned, and NULL if it has none. */
struct unit_facts {
	char *load_state;
	char *load_error;
	char *active_state;
	char *sub_state;
	char *type; /* of a service */
	char *result;
	char *reload_result;
	char *status_text;
	char *job;     /* object; "/": none */
	int32_t code;  /* how its last process ended: CLD_EXITED, CLD_KILLED .. */
	int32_t value; /* its exit status or signal */
};

struct unit_job {
	struct sdbus *bus;
	char *name;
	unit_job_done_fn *done;
	void *arg;
	sd_bus_slot *call; /* the answer that is awaited; NULL: none */
	char *unit;        /* its object */
	char *awaited;     /* the service manager's job that is waited for; NULL: none */
	bool is_ours;      /* that job was requested by this one */
	bool is_reload;    /* .. and reloads */
	bool is_finished;  /* @done is called by @timer */
	char *job_result;  /* of the service manager's job */
	unsigned losses;
	int64_t timeout_ms;
	struct error error; /* is_finished: what @done gets */
	struct loop_timer timer;
	struct loop_timer deadline;
	struct unit_job *prev, *next;
};

/* --- beginning and end --- */

static void
unit_job_forget_call(struct unit_job *job)
{
	sd_bus_slot_unref(job->call);
	job->call = NULL;
	free(job->awaited);
	job->awaited = NULL;
}

void
unit_job_cancel(struct unit_job *job)
{
	if (!job)
		return;
	unit_job_forget_call(job);
	loop_timer_cancel(&job->timer);
	loop_timer_cancel(&job->deadline);
	DL_DELETE(job->bus->jobs, job);
	sdbus_job_left(job->bus);
	error_clear(&job->error);
	free(job->name);
	free(job->unit);
	free(job->job_result);
	free(job);
}

struct unit_job *
unit_job_next(const struct unit_job *job)
{
	return job->next;
}

/* @err: moved from; ERROR_NONE means success. The callback runs from the loop. */
static void
unit_job_finish(struct unit_job *job, struct error *err)
{
	unit_job_forget_call(job);
	loop_timer_cancel(&job->deadline);
	error_move(&job->error, err);
	job->is_finished = true;
	loop_timer_set(&job->timer, 0);
}

static void
unit_job_fail(struct unit_job *job, enum error_code code, const char *text)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *line = printable_line(text, strlen(text), STATUS_MAX);

	error_set(&err, code, "%s: %s", job->name, line);
	unit_job_finish(job, &err);
}

void
unit_job_lost(struct unit_job *job, const struct error *why)
{
	if (job->is_finished)
		return;
	unit_job_forget_call(job);
	if (++job->losses > LOSSES_MAX)
		unit_job_fail(job, ERROR_UNAVAILABLE, why->message);
	else
		loop_timer_set(&job->timer, AGAIN_MS);
}

/* An answer of @m that is an error, or could not be read. */
static void
unit_job_refused(struct unit_job *job, sd_bus_message *m)
{
	static const struct {
		const char *name;
		enum error_code code;
		const char *text; /* NULL: that of the answer */
	} rows[] = {
		{ SD_BUS_ERROR_ACCESS_DENIED, ERROR_DENIED,
			"systemd does not let certd run it: polkitd must be installed, and certd's rule allows only "
			"units named certd-reload-NAME.service (see UNITS in certd(8))" },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ERROR_DENIED,
			"systemd does not let certd run it: certd's polkit rule allows only units named "
			"certd-reload-NAME.service (see UNITS in certd(8))" },
		{ "org.freedesktop.systemd1.NoSuchUnit", ERROR_NOT_FOUND, "systemd has no such unit" },
		{ "org.freedesktop.systemd1.UnitMasked", ERROR_STATE, "the unit is masked" },
	};
	const sd_bus_error *error = sd_bus_message_get_error(m);
	_cleanup_error_ struct error why = ERROR_INIT;

	for (size_t i = 0; error && i < ARRAY_SIZE(rows); i++)
		if (sd_bus_error_has_name(error, rows[i].name)) {
			unit_job_fail(job, rows[i].code, rows[i].text);
			return;
		}
	if (error && sdbus_is_loss(error)) {
		error_set(&why, ERROR_UNAVAILABLE, "systemd does not answer on D-Bus");
		unit_job_lost(job, &why);
	} else if (error && sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT)) {
		unit_job_fail(job, ERROR_TIMEOUT, "systemd does not answer on D-Bus");
	} else {
		unit_job_fail(job, ERROR_UNAVAILABLE,
			error && error->message ? error->message : "systemd gave an answer that certd cannot read");
	}
}

/* --- calls --- */

/* @method of the service manager or, without @argument, of the unit's properties. */
static void
unit_job_call(struct unit_job *job, const char *method, sd_bus_message_handler_t answer, const char *mode)
{
	sd_bus *bus = job->bus->bus;
	int rc;

	unit_job_forget_call(job);
	if (strcmp(method, "GetAll") == 0)
		rc = sd_bus_call_method_async(bus, &job->call, SYSTEMD_NAME, job->unit,
			"org.freedesktop.DBus.Properties", method, answer, job, "s", "");
	else if (mode)
		rc = sd_bus_call_method_async(bus, &job->call, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method,
			answer, job, "ss", job->name, mode);
	else
		rc = sd_bus_call_method_async(bus, &job->call, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method,
			answer, job, "s", job->name);
	if (rc < 0)
		unit_job_fail(job, ERROR_UNAVAILABLE, strerror(-rc));
	else
		sdbus_arm(job->bus);
}

static void
facts_clear(struct unit_facts *f)
{
	free(f->load_state);
	free(f->load_error);
	free(f->active_state);
	free(f->sub_state);
	free(f->type);
	free(f->result);
	free(f->reload_result);
	free(f->status_text);
	free(f->job);
}

/* Return: below 0 if the answer cannot be read. */
static int
read_string(sd_bus_message *m, const char *contents, size_t max, char **ret)
{
	const char *text, *message;
	uint32_t id;
	int rc = 0;

	if (strcmp(contents, "s") == 0) {
		rc = sd_bus_message_read(m, "v", "s", &text);
	} else if (strcmp(contents, "(ss)") == 0) { /* of an error: its name and text */
		rc = sd_bus_message_read(m, "v", "(ss)", &text, &message);
		text = message;
	} else if (strcmp(contents, "(uo)") == 0) { /* of a job: its number and object */
		rc = sd_bus_message_read(m, "v", "(uo)", &id, &text);
	} else {
		return sd_bus_message_skip(m, "v");
	}
	if (rc >= 0 && *text) {
		free(*ret);
		*ret = printable_line(text, strlen(text), max);
	}
	return rc;
}

static int
read_property(sd_bus_message *m, const char *name, struct unit_facts *f)
{
	const struct {
		const char *name;
		char **text;
		size_t max;
	} texts[] = { { "LoadState", &f->load_state, WORD_MAX }, { "LoadError", &f->load_error, STATUS_MAX },
		{ "ActiveState", &f->active_state, WORD_MAX }, { "SubState", &f->sub_state, WORD_MAX },
		{ "Type", &f->type, WORD_MAX }, { "Result", &f->result, WORD_MAX },
		{ "ReloadResult", &f->reload_result, WORD_MAX }, { "StatusText", &f->status_text, STATUS_MAX },
		{ "Job", &f->job, NAME_MAX_LEN } };
	const char *contents;
	char type;
	int rc = sd_bus_message_peek_type(m, &type, &contents);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			return read_string(m, contents, texts[i].max, texts[i].text);
	if (strcmp(name, "ExecMainCode") == 0 && strcmp(contents, "i") == 0)
		return sd_bus_message_read(m, "v", "i", &f->code);
	if (strcmp(name, "ExecMainStatus") == 0 && strcmp(contents, "i") == 0)
		return sd_bus_message_read(m, "v", "i", &f->value);
	return sd_bus_message_skip(m, "v");
}

/* Return: 0, or -1 if @m is an error or cannot be read, and the job has ended or begins again. */
static int
read_facts(struct unit_job *job, sd_bus_message *m, struct unit_facts *f)
{
	const char *name;
	int rc = sd_bus_message_is_method_error(m, NULL) ? -1 : sd_bus_message_enter_container(m, 'a', "{sv}");

	while (rc >= 0 && (rc = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		rc = sd_bus_message_read(m, "s", &name);
		if (rc >= 0)
			rc = read_property(m, name, f);
		if (rc >= 0)
			rc = sd_bus_message_exit_container(m);
	}
	if (rc >= 0 && f->load_state)
		return 0;
	unit_job_refused(job, m);
	return -1;
}

static bool
is_word(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/* --- the steps --- */

/* The result of a unit in words; owned by the caller. */
static char *
describe_result(const struct unit_job *job, const struct unit_facts *f)
{
	const char *result = job->is_reload ? f->reload_result : f->result;

	if (is_word(job->job_result, "timeout") || is_word(result, "timeout"))
		return xstrdup("it did not end within its time limit");
	if (is_word(job->job_result, "dependency"))
		return xstrdup("a unit that it requires failed");
	if (is_word(job->job_result, "canceled"))
		return xstrdup("its job was cancelled");
	if (is_word(result, "exit-code") && !job->is_reload)
		return xasprintf("its program ended with status %d", f->value);
	if ((is_word(result, "signal") || is_word(result, "core-dump")) && !job->is_reload)
		return xasprintf("its program was ended by signal %d", f->value);
	return xasprintf(
		"its job ended with the result %s", result && !is_word(result, "success") ? result : job->job_result);
}

static int
on_result(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct unit_job *job = arg;
	struct unit_facts f = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = NULL;

	if (read_facts(job, m, &f) == 0) {
		text = describe_result(job, &f);
		/* The status text of a server that was reloaded is about something else. */
		if (!job->is_reload && f.status_text)
			error_set(&err, ERROR_HOOK, "%s: %s", job->name, f.status_text);
		else
			error_set(&err, is_word(job->job_result, "timeout") ? ERROR_TIMEOUT : ERROR_HOOK,
				"%s: %s; to see why: journalctl -u %s", job->name, text, job->name);
		unit_job_finish(job, &err);
	}
	facts_clear(&f);
	return 0;
}

static void
unit_job_begin(void *arg);

void
unit_job_removed(struct unit_job *job, const char *path, const char *result)
{
	_cleanup_error_ struct error none = ERROR_INIT;

	if (job->is_finished || !job->awaited || strcmp(job->awaited, path) != 0)
		return;
	if (!job->is_ours) {
		unit_job_forget_call(job);
		unit_job_begin(job);
		return;
	}
	/* skipped: a condition of the unit says that there is nothing to do */
	if (strcmp(result, "done") == 0 || strcmp(result, "skipped") == 0) {
		unit_job_finish(job, &none);
		return;
	}
	free(job->job_result);
	job->job_result = printable_line(result, strlen(result), WORD_MAX);
	unit_job_call(job, "GetAll", on_result, NULL);
}

static int
on_requested(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct unit_job *job = arg;
	const char *path;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "o", &path) < 0) {
		unit_job_refused(job, m);
		return 0;
	}
	unit_job_forget_call(job);
	job->awaited = xstrdup(path);
	job->is_ours = true;
	return 0;
}

static void
unit_job_decide(struct unit_job *job, const struct unit_facts *f)
{
	if (strcmp(f->load_state, "not-found") == 0) {
		unit_job_fail(job, ERROR_NOT_FOUND, "systemd has no such unit");
	} else if (strcmp(f->load_state, "masked") == 0) {
		unit_job_fail(job, ERROR_STATE, "the unit is masked");
	} else if (strcmp(f->load_state, "loaded") != 0) {
		unit_job_fail(job, ERROR_STATE, f->load_error ? f->load_error : "systemd cannot load the unit");
	} else if (f->job && strcmp(f->job, "/") != 0) {
		unit_job_forget_call(job);
		job->awaited = xstrdup(f->job);
		job->is_ours = false;
	} else if (is_word(f->type, "oneshot")) {
		/* Started, it would wait for its next attempt, or do nothing because it is active. */
		bool is_restart = is_word(f->active_state, "active") || is_word(f->sub_state, "auto-restart");

		job->is_reload = false;
		unit_job_call(job, is_restart ? "RestartUnit" : "StartUnit", on_requested, "replace");
	} else {
		job->is_reload = true;
		unit_job_call(job, "ReloadOrTryRestartUnit", on_requested, "replace");
	}
}

static int
on_facts(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct unit_job *job = arg;
	struct unit_facts f = { 0 };

	if (read_facts(job, m, &f) == 0)
		unit_job_decide(job, &f);
	facts_clear(&f);
	return 0;
}

static int
on_loaded(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct unit_job *job = arg;
	const char *path;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "o", &path) < 0) {
		unit_job_refused(job, m);
		return 0;
	}
	str_replace(&job->unit, path);
	unit_job_call(job, "GetAll", on_facts, NULL);
	return 0;
}

static void
unit_job_begin(void *arg)
{
	struct unit_job *job = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	unit_job_done_fn *done = job->done;
	void *done_arg = job->arg;

	if (job->is_finished) {
		error_move(&err, &job->error);
		unit_job_cancel(job);
		done(error_is_set(&err) ? &err : NULL, done_arg);
		return;
	}
	if (sdbus_connect(job->bus, &err) < 0)
		unit_job_lost(job, &err);
	else
		unit_job_call(job, "LoadUnit", on_loaded, NULL);
}

static void
unit_job_late(void *arg)
{
	struct unit_job *job = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "%s: still running after %lld seconds; to see why: systemctl status %s",
		job->name, (long long)(job->timeout_ms / 1000), job->name);
	unit_job_finish(job, &err);
}

struct unit_job *
unit_job_start(struct sdbus *bus, const char *name, int64_t timeout_ms, unit_job_done_fn *done, void *arg)
{
	struct unit_job *job = xcalloc(1, sizeof(*job));

	job->bus = bus;
	job->name = xstrdup(name);
	job->done = done;
	job->arg = arg;
	job->timeout_ms = timeout_ms;
	loop_timer_init(&job->timer, bus->loop, unit_job_begin, job);
	loop_timer_init(&job->deadline, bus->loop, unit_job_late, job);
	DL_APPEND(bus->jobs, job);
	loop_timer_set(&job->deadline, timeout_ms);
	loop_timer_set(&job->timer, 0);
	return job;
}

int
unit_name_check(const char *name, struct error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
	static const char suffix[] = ".service";
	size_t len = strlen(name);

	if (len <= strlen(suffix) || len > NAME_MAX_LEN || strspn(name, allowed) != len ||
		strcmp(name + len - strlen(suffix), suffix) != 0)
		return error_set(err, ERROR_INVALID,
			"'%s' is not the name of a service of systemd, such as certd-reload-app.service", name);
	if (name[len - strlen(suffix) - 1] == '@')
		return error_set(err, ERROR_INVALID, "'%s' is a template: name an instance of it", name);
	return 0;
}
