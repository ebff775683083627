/* Runs of units, told by a service manager of the test on a bus of its own: another process, which follows a script. */
#include "daemon/base/sdbus.h"

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define UNIT_OBJECT "/org/freedesktop/systemd1/unit/app"
#define ERRORS SYSTEMD "."

/* What the service manager says. Errors are names; properties are "Name=value;". */
struct script {
	const char *load_error, *request_error;
	const char *facts[3]; /* of the first, second and third look; a job of others in it ends afterwards */
	const char *result;   /* of the job that was requested; NULL: it does not end */
	unsigned drops;       /* connections that end with their first LoadUnit */
	bool leaves;          /* it goes away at the first request, and another one comes */
};

struct manager {
	const struct script *script;
	char *shared; /* the methods that were called */
	const char *owner;
	unsigned looks, drops;
	bool has_left, is_over;
};

enum { SHARED_SIZE = 4096 };

/* --- in the other process --- */

static void
manager_signal(sd_bus *bus, const char *sender, const char *path, const char *result)
{
	sd_bus_message *m = NULL;

	sd_bus_message_new_signal(bus, &m, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "JobRemoved");
	sd_bus_message_set_sender(m, sender);
	sd_bus_message_append(m, "uoss", 1, path, "app.service", result);
	sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
}

/* That of @path, after one of a stranger and one of another job. */
static void
manager_end_job(struct manager *s, sd_bus *bus, const char *path, const char *result)
{
	manager_signal(bus, ":1.66", path, strcmp(result, "done") == 0 ? "failed" : "done");
	manager_signal(bus, s->owner, "/job/99", strcmp(result, "done") == 0 ? "failed" : "done");
	manager_signal(bus, s->owner, path, result);
}

static void
manager_change_owner(sd_bus *bus, const char *name, const char *before, const char *after)
{
	sd_bus_message *m = NULL;

	sd_bus_message_new_signal(bus, &m, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged");
	sd_bus_message_set_sender(m, "org.freedesktop.DBus");
	sd_bus_message_append(m, "sss", name, before, after);
	sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
}

static void
manager_add_property(sd_bus_message *m, const char *name, const char *value)
{
	if (strcmp(name, "Job") == 0)
		sd_bus_message_append(m, "{sv}", name, "(uo)", 1, value);
	else if (strcmp(name, "LoadError") == 0)
		sd_bus_message_append(m, "{sv}", name, "(ss)", "org.test.Error", value);
	else if (strcmp(name, "ExecMainStatus") == 0 || strcmp(name, "ExecMainCode") == 0)
		sd_bus_message_append(m, "{sv}", name, "i", (int)strtol(value, NULL, 10));
	else
		sd_bus_message_append(m, "{sv}", name, "s", value);
}

static void
manager_tell_facts(struct manager *s, sd_bus *bus, sd_bus_message *call)
{
	const char *const *facts = s->script->facts;
	unsigned look = s->looks++;
	_cleanup_free_ char *text = NULL;
	sd_bus_message *m = NULL;
	char *rest, *word;
	bool has_job = false;

	while (look > 0 && (look >= ARRAY_SIZE(s->script->facts) || !facts[look]))
		look--;
	text = xstrdup(facts[look]);
	rest = text;
	sd_bus_message_new_method_return(call, &m);
	sd_bus_message_open_container(m, 'a', "{sv}");
	sd_bus_message_append(m, "{sv}", "Unknown", "as", 1, "of no interest");
	while ((word = strsep(&rest, ";"))) {
		char *name = strsep(&word, "=");

		if (!word)
			continue;
		has_job = has_job || (strcmp(name, "Job") == 0 && strcmp(word, "/job/1") == 0);
		manager_add_property(m, name, word);
	}
	sd_bus_message_close_container(m);
	sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
	if (has_job)
		manager_end_job(s, bus, "/job/1", "failed");
}

static void
manager_request(struct manager *s, sd_bus *bus, sd_bus_message *call)
{
	if (s->script->leaves && !s->has_left) {
		s->has_left = true;
		manager_change_owner(bus, "org.test.other", ":1.1", "");
		manager_change_owner(bus, SYSTEMD, ":1.1", "");
		manager_signal(bus, ":1.1", "/job/2", "done");
		s->owner = ":1.2";
		manager_change_owner(bus, SYSTEMD, "", s->owner);
		return;
	}
	if (s->script->request_error) {
		sd_bus_reply_method_errorf(call, s->script->request_error, "said %s", "no");
		return;
	}
	sd_bus_reply_method_return(call, "o", "/job/2");
	if (s->script->result)
		manager_end_job(s, bus, "/job/2", s->script->result);
}

static int
manager_on_call(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct manager *s = arg;
	sd_bus *bus = sd_bus_message_get_bus(m);
	const char *member = sd_bus_message_get_member(m), *name = "", *mode = "";
	size_t len = strlen(s->shared);

	if (!sd_bus_message_is_method_call(m, NULL, NULL))
		return 1;
	if (strcmp(member, "Hello") == 0) {
		sd_bus_reply_method_return(m, "s", ":1.7");
		return 1;
	}
	if (strcmp(member, "GetNameOwner") == 0) {
		sd_bus_reply_method_return(m, "s", s->owner);
		return 1;
	}
	if (strcmp(member, "AddMatch") == 0) {
		sd_bus_reply_method_return(m, NULL);
		return 1;
	}
	if (sd_bus_message_has_signature(m, "ss"))
		sd_bus_message_read(m, "ss", &name, &mode);
	else if (sd_bus_message_has_signature(m, "s"))
		sd_bus_message_read(m, "s", &name);
	snprintf(s->shared + len, SHARED_SIZE - len, "%s%s(%s%s%s)", len ? " " : "", member, name, *mode ? "," : "",
		mode);
	if (strcmp(member, "Subscribe") == 0) {
		sd_bus_reply_method_return(m, NULL);
	} else if (strcmp(member, "GetAll") == 0 && strcmp(sd_bus_message_get_path(m), UNIT_OBJECT) == 0) {
		manager_tell_facts(s, bus, m);
	} else if (strcmp(member, "LoadUnit") != 0) {
		manager_request(s, bus, m);
	} else if (s->drops < s->script->drops) {
		s->drops++;
		s->is_over = true;
	} else if (s->script->load_error) {
		sd_bus_reply_method_errorf(m, s->script->load_error, "said %s", "no");
	} else {
		sd_bus_reply_method_return(m, "o", UNIT_OBJECT);
	}
	return 1;
}

static void
manager_serve(struct manager *s, int fd)
{
	sd_id128_t id = { .bytes = { 1 } };
	sd_bus *bus = NULL;
	int rc;

	s->is_over = false;
	if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
		sd_bus_set_anonymous(bus, 1) < 0 || sd_bus_add_filter(bus, NULL, manager_on_call, s) < 0 ||
		sd_bus_start(bus) < 0)
		_exit(1);
	while (!s->is_over && (rc = sd_bus_process(bus, NULL)) >= 0)
		if (rc == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
			break;
	sd_bus_close(bus);
	sd_bus_unref(bus);
}

/* --- in the test --- */

struct bed {
	char *dir, *shared;
	pid_t manager;
	struct clock *clock;
	struct loop *loop;
	struct sdbus *bus;
	unsigned calls;
	enum error_code code;
	char message[800];
};

static void
bed_start_manager(struct bed *b, const struct script *script)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_free_ char *variable = xasprintf("unix:path=%s/bus", b->dir);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	b->shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(b->shared, MAP_FAILED);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", b->dir);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 5), 0);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	b->manager = fork();
	if (b->manager == 0) {
		struct manager s = { .script = script, .shared = b->shared, .owner = ":1.1" };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			manager_serve(&s, accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
	}
	close(listener);
}

/* @script NULL: there is no bus, and time is virtual. */
static void
bed_init(struct bed *b, const struct script *script)
{
	*b = (struct bed){ .dir = scratch_new() };
	if (script)
		bed_start_manager(b, script);
	else
		setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/does/not/exist", 1);
	b->clock = script ? clock_new_real() : clock_new_virtual(1700000000);
	b->loop = loop_new(b->clock);
	b->bus = sdbus_new(b->loop);
}

static void
bed_clear(struct bed *b)
{
	sdbus_free(b->bus);
	loop_free(b->loop);
	clock_free(b->clock);
	if (b->manager) {
		kill(b->manager, SIGKILL);
		waitpid(b->manager, NULL, 0);
		munmap(b->shared, SHARED_SIZE);
	}
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	scratch_remove(&b->dir);
}

static void
bed_done(const struct error *err, void *arg)
{
	struct bed *b = arg;

	b->calls++;
	b->code = err ? err->code : ERROR_NONE;
	snprintf(b->message, sizeof(b->message), "%s", err ? err->message : "");
	loop_stop(b->loop);
}

static void
bed_run(struct bed *b, int64_t timeout_ms)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	unsigned before = b->calls;

	cr_assert_not_null(unit_job_start(b->bus, "app.service", timeout_ms, bed_done, b));
	cr_expect_eq(b->calls, before, "not from inside");
	cr_assert_eq(loop_run(b->loop, &err), 0, "%s", err.message);
	cr_expect_eq(b->calls, before + 1);
}

#define LOADED "LoadState=loaded;ActiveState=inactive;SubState=dead;"
#define ONESHOT LOADED "Type=oneshot;Job=/"
#define SERVER "LoadState=loaded;ActiveState=active;SubState=running;Type=notify;Job=/"
#define LOOK "LoadUnit(app.service) GetAll()"
#define SEE "; to see why: journalctl -u app.service"

Test(sdbus, the_result_of_a_run_is_told_in_words)
{
	static const struct {
		struct script script;
		const char *calls; /* after Subscribe */
		enum error_code code;
		const char *message;
	} cases[] = {
		{ { .facts = { ONESHOT }, .result = "done" }, LOOK " StartUnit(app.service,replace)", ERROR_NONE, "" },
		{ { .facts = { ONESHOT }, .result = "skipped" }, LOOK " StartUnit(app.service,replace)", ERROR_NONE,
			"" },
		{ { .facts = { "LoadState=loaded;ActiveState=active;SubState=exited;Type=oneshot" }, .result = "done" },
			LOOK " RestartUnit(app.service,replace)", ERROR_NONE, "" },
		{ { .facts = { "LoadState=loaded;ActiveState=activating;SubState=auto-restart;Type=oneshot" },
			  .result = "done" },
			LOOK " RestartUnit(app.service,replace)", ERROR_NONE, "" },
		{ { .facts = { SERVER }, .result = "done" }, LOOK " ReloadOrTryRestartUnit(app.service,replace)",
			ERROR_NONE, "" },
		/* a run of others is waited for, however it ends */
		{ { .facts = { LOADED "Type=oneshot;Job=/job/1", ONESHOT }, .result = "done" },
			LOOK " " LOOK " StartUnit(app.service,replace)", ERROR_NONE, "" },
		/* it cannot be run */
		{ { .facts = { "LoadState=not-found" } }, LOOK, ERROR_NOT_FOUND,
			"app.service: systemd has no such unit" },
		{ { .facts = { "LoadState=masked" } }, LOOK, ERROR_STATE, "app.service: the unit is masked" },
		{ { .facts = { "LoadState=bad-setting" } }, LOOK, ERROR_STATE,
			"app.service: systemd cannot load the unit" },
		{ { .facts = { "LoadState=error;LoadError=no ExecStart=" } }, LOOK, ERROR_STATE,
			"app.service: no ExecStart=" },
		{ { .facts = { "ActiveState=active" } }, LOOK, ERROR_UNAVAILABLE,
			"app.service: systemd gave an answer that certd cannot read" },
		{ { .load_error = ERRORS "NoSuchUnit" }, "LoadUnit(app.service)", ERROR_NOT_FOUND, "" },
		{ { .load_error = ERRORS "UnitMasked" }, "LoadUnit(app.service)", ERROR_STATE,
			"app.service: the unit is masked" },
		{ { .load_error = "org.test.Odd" }, "LoadUnit(app.service)", ERROR_UNAVAILABLE,
			"app.service: said no" },
		{ { .load_error = SD_BUS_ERROR_TIMEOUT }, "LoadUnit(app.service)", ERROR_TIMEOUT,
			"app.service: systemd does not answer on D-Bus" },
		{ { .facts = { ONESHOT }, .request_error = SD_BUS_ERROR_ACCESS_DENIED },
			LOOK " StartUnit(app.service,replace)", ERROR_DENIED, "" },
		/* it ran, and failed */
		{ { .facts = { ONESHOT, LOADED "Result=exit-code;ExecMainCode=1;ExecMainStatus=3" },
			  .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its program ended with status 3" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=signal;ExecMainCode=2;ExecMainStatus=9" }, .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its program was ended by signal 9" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=core-dump;ExecMainCode=3;ExecMainStatus=11" },
			  .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its program was ended by signal 11" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=exit-code;StatusText=no such database" }, .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK, "app.service: no such database" },
		{ { .facts = { ONESHOT, LOADED "Result=timeout" }, .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: it did not end within its time limit" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=success" }, .result = "timeout" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_TIMEOUT,
			"app.service: it did not end within its time limit" SEE },
		{ { .facts = { ONESHOT, LOADED }, .result = "dependency" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: a unit that it requires failed" SEE },
		{ { .facts = { ONESHOT, LOADED }, .result = "canceled" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its job was cancelled" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=success" }, .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its job ended with the result failed" SEE },
		{ { .facts = { ONESHOT, LOADED "Result=resources" }, .result = "failed" },
			LOOK " StartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its job ended with the result resources" SEE },
		/* of a server its reload counts, and its status text is about something else */
		{ { .facts = { SERVER, SERVER
			    ";Result=signal;ReloadResult=exit-code;ExecMainStatus=7;StatusText=serving 3 sites" },
			  .result = "failed" },
			LOOK " ReloadOrTryRestartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its job ended with the result exit-code" SEE },
		{ { .facts = { SERVER, SERVER ";ReloadResult=signal" }, .result = "failed" },
			LOOK " ReloadOrTryRestartUnit(app.service,replace) GetAll()", ERROR_HOOK,
			"app.service: its job ended with the result signal" SEE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *calls = xasprintf("Subscribe() %s", cases[i].calls);
		struct bed b;

		bed_init(&b, &cases[i].script);
		bed_run(&b, INT64_C(3600) * 1000);
		cr_expect_str_eq(b.shared, calls, "%zu: %s", i, b.shared);
		cr_expect_eq(b.code, cases[i].code, "%zu: %s", i, b.message);
		if (*cases[i].message || b.code == ERROR_NONE)
			cr_expect_str_eq(b.message, cases[i].message, "%zu: %s", i, b.message);
		bed_clear(&b);
	}
}

Test(sdbus, a_second_run_uses_the_same_connection)
{
	static const struct script script = { .facts = { ONESHOT }, .result = "done" };
	struct bed b;

	bed_init(&b, &script);
	bed_run(&b, INT64_C(3600) * 1000);
	bed_run(&b, INT64_C(3600) * 1000);
	cr_expect_eq(b.code, ERROR_NONE, "%s", b.message);
	cr_expect_str_eq(b.shared,
		"Subscribe() " LOOK " StartUnit(app.service,replace) " LOOK " StartUnit(app.service,replace)");
	bed_clear(&b);
}

Test(sdbus, a_run_begins_again_when_the_connection_or_the_manager_has_gone)
{
	static const struct script drops = { .facts = { ONESHOT }, .result = "done", .drops = 1 };
	static const struct script leaves = { .facts = { ONESHOT }, .result = "done", .leaves = true };
	struct bed b;

	bed_init(&b, &drops);
	bed_run(&b, INT64_C(3600) * 1000);
	cr_expect_eq(b.code, ERROR_NONE, "%s", b.message);
	cr_expect_str_eq(
		b.shared, "Subscribe() LoadUnit(app.service) Subscribe() " LOOK " StartUnit(app.service,replace)");
	bed_clear(&b);

	bed_init(&b, &leaves);
	bed_run(&b, INT64_C(3600) * 1000);
	cr_expect_eq(b.code, ERROR_NONE, "%s", b.message);
	cr_expect_str_eq(b.shared, "Subscribe() " LOOK " StartUnit(app.service,replace) Subscribe() " LOOK
				   " StartUnit(app.service,replace)");
	bed_clear(&b);
}

Test(sdbus, a_run_that_does_not_end_is_given_up)
{
	static const struct script script = { .facts = { ONESHOT } };
	struct bed b;

	bed_init(&b, &script);
	bed_run(&b, 1000);
	cr_expect_eq(b.code, ERROR_TIMEOUT);
	cr_expect_str_eq(
		b.message, "app.service: still running after 1 seconds; to see why: systemctl status app.service");
	unit_job_start(b.bus, "app.service", 1000, bed_done, &b); /* the end of the bus cancels it */
	unit_job_cancel(NULL);
	bed_clear(&b);
	cr_expect_eq(b.calls, 1);
	sdbus_free(NULL);
}

Test(sdbus, without_a_bus_it_tries_for_ten_seconds)
{
	struct bed b;
	int64_t began_ms;

	bed_init(&b, NULL);
	began_ms = clock_boot_ms(b.clock);
	bed_run(&b, INT64_C(3600) * 1000);
	cr_expect_eq(b.code, ERROR_UNAVAILABLE);
	cr_expect_not_null(strstr(b.message, "cannot connect to the system's D-Bus"), "%s", b.message);
	cr_expect_eq((clock_boot_ms(b.clock) - began_ms) / 1000, 10);
	bed_clear(&b);

	bed_init(&b, NULL);
	bed_run(&b, 5000);
	cr_expect_eq(b.code, ERROR_TIMEOUT, "%s", b.message);
	bed_clear(&b);
}

Test(sdbus, only_services_are_run)
{
	static const struct {
		const char *name;
		int rc;
		const char *words;
	} cases[] = {
		{ "a.service", 0, NULL },
		{ "certd-reload-app@1:x_\\x2d.service", 0, NULL },
		{ ".service", -1, "is not the name of a service" },
		{ "app.timer", -1, "is not the name of a service" },
		{ "app.services", -1, "is not the name of a service" },
		{ "a b.service", -1, "is not the name of a service" },
		{ "../a.service", -1, "is not the name of a service" },
		{ "", -1, "is not the name of a service" },
		{ "app@.service", -1, "is a template" },
	};
	char longest[257];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(unit_name_check(cases[i].name, &err), cases[i].rc, "%s", cases[i].name);
		cr_expect_eq(err.code, cases[i].rc ? ERROR_INVALID : ERROR_NONE);
		cr_expect(!cases[i].words || strstr(err.message, cases[i].words), "%s", cases[i].name);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 255 - strlen(".service"), ".service", sizeof(".service"));
	cr_expect_eq(unit_name_check(longest, NULL), 0);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 256 - strlen(".service"), ".service", sizeof(".service"));
	cr_expect_eq(unit_name_check(longest, NULL), -1);
}
