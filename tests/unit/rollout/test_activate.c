/* Consumers of each kind are notified, with the values that consumer_kind.h promises. */
#include "daemon/rollout/activate.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "11111111-1111-4111-8111-111111111111"

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct consumer_queue *queues;
	struct certificate cert;
	unsigned dones;
	struct error err;
	char *dir;
};

static void
bed_init(struct bed *b)
{
	*b = (struct bed){ .clock = clock_new_real(), .dir = scratch_new() };
	b->loop = loop_new(b->clock);
	memcpy(b->cert.o.id, ID, sizeof(ID));
	b->cert.serial = xstrdup("01:AB");
	strlist_add(&b->cert.names, "www.example.test");
	strlist_add(&b->cert.names, "*.example.test");
}

static void
bed_clear(struct bed *b)
{
	certificate_clear(&b->cert);
	error_clear(&b->err);
	loop_free(b->loop);
	clock_free(b->clock);
	scratch_remove(&b->dir);
}

static void
on_done(const struct error *err, bool is_tested _unused_, void *arg)
{
	struct bed *b = arg;

	b->dones++;
	if (err)
		error_copy(&b->err, err);
	loop_stop(b->loop);
}

static struct activation *
start(struct bed *b, const struct consumer *consumer)
{
	const struct activate_request request = { .consumer = consumer,
		.name = "www",
		.cert = &b->cert,
		.directory = "/var/lib/certd/live/www",
		.generation = 7,
		.queues = &b->queues };
	struct activation *a = activate_start(b->loop, &request, on_done, b);

	cr_expect_eq(b->dones, 0, "done from inside the call");
	return a;
}

static void
on_late(void *arg)
{
	loop_stop(arg);
}

/* Until it is done, at most @ms. */
static void
wait_ms(struct bed *b, int64_t ms)
{
	struct loop_timer timer;

	loop_timer_init(&timer, b->loop, on_late, b->loop);
	loop_timer_set(&timer, ms);
	cr_assert_eq(loop_run(b->loop, NULL), 0);
	loop_timer_cancel(&timer);
}

/* A consumer that runs @script; the directory of the test is its $0. */
static void
make_exec(struct bed *b, const char *script, struct consumer *ret)
{
	const char *const words[] = { "/bin/sh", "-c", script, b->dir };
	_cleanup_strlist_ struct strlist command = STRLIST_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		strlist_add(&command, words[i]);
	*ret = (struct consumer){ .o.name = xstrdup("run"), .activate = xstrdup("exec") };
	setting_put_list(&ret->settings, "command", &command);
}

Test(activate, a_kind_that_has_nothing_to_do_is_done)
{
	struct bed b;
	const struct consumer none = { .activate = (char *)"none" };

	bed_init(&b);
	start(&b, &none);
	wait_ms(&b, 120000);
	cr_expect_eq(b.dones, 1);
	cr_expect_not(error_is_set(&b.err));
	bed_clear(&b);
}

Test(activate, a_program_gets_all_values_in_its_environment)
{
	static const char *const lines[] = { "CERTD_NAME=www", ("CERTD_CERTIFICATE=" ID),
		"CERTD_DIRECTORY=/var/lib/certd/live/www", "CERTD_GENERATION=7", "CERTD_SERIAL=01:AB",
		"CERTD_DOMAINS=www.example.test *.example.test", "RENEWED_LINEAGE=/var/lib/certd/live/www",
		"RENEWED_DOMAINS=www.example.test *.example.test" };
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT, all = BUF_INIT;
	_cleanup_free_ char *path = NULL;

	bed_init(&b);
	make_exec(&b, "env > \"$0/env\"", &c);
	start(&b, &c);
	wait_ms(&b, 120000);
	cr_expect_eq(b.dones, 1);
	cr_expect_not(error_is_set(&b.err), "%s", b.err.message);
	path = xasprintf("%s/env", b.dir);
	cr_assert_eq(buf_read_file(&text, AT_FDCWD, path, 65536, NULL), 0);
	buf_printf(&all, "\n%s", buf_str(&text));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *line = xasprintf("\n%s\n", lines[i]);

		cr_expect_not_null(strstr(buf_str(&all), line), "%s is not in %s", lines[i], buf_str(&all));
	}
	bed_clear(&b);
}

Test(activate, a_program_that_fails_says_why)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };

	bed_init(&b);
	make_exec(&b, "echo cannot reload; exit 3", &c);
	start(&b, &c);
	wait_ms(&b, 120000);
	cr_expect_eq(b.dones, 1);
	cr_expect_eq(b.err.code, ERROR_HOOK);
	cr_expect(b.err.message && strstr(b.err.message, "cannot reload"), "%s", b.err.message);
	bed_clear(&b);
}

Test(activate, one_that_is_cancelled_is_ended_and_silent)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_free_ char *path = NULL;
	struct activation *a;

	bed_init(&b);
	path = xasprintf("%s/began", b.dir);
	make_exec(&b, "echo > \"$0/began\"; sleep 1; echo > \"$0/ended\"", &c);
	a = start(&b, &c);
	for (int i = 0; i < 2400 && access(path, F_OK) < 0; i++)
		wait_ms(&b, 50);
	cr_assert_eq(access(path, F_OK), 0);
	activate_cancel(a);
	wait_ms(&b, 1500);
	cr_expect_eq(b.dones, 0);
	memcpy(strrchr(path, '/'), "/ended", 6);
	cr_expect_lt(access(path, F_OK), 0);
	activate_cancel(NULL);
	bed_clear(&b);
}

Test(activate, a_datagram_has_all_values)
{
	static const char *const lines[] = { "X_CERTD_NAME=www", ("X_CERTD_CERTIFICATE=" ID),
		"X_CERTD_DIRECTORY=/var/lib/certd/live/www", "X_CERTD_GENERATION=7", "X_CERTD_SERIAL=01:AB",
		"X_CERTD_DOMAINS=www.example.test *.example.test" };
	struct bed b;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup("app"), .activate = xstrdup("notify") };
	char text[4096] = "\n";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	bed_init(&b);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", b.dir);
	setting_put(&c.settings, "socket", address.sun_path);
	start(&b, &c);
	wait_ms(&b, 120000);
	cr_expect_eq(b.dones, 1);
	cr_expect(error_is_set(&b.err) && strstr(b.err.message, address.sun_path), "%s", b.err.message);
	error_clear(&b.err);
	b.dones = 0;
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	start(&b, &c);
	wait_ms(&b, 120000);
	cr_expect_eq(b.dones, 1);
	cr_expect_not(error_is_set(&b.err), "%s", b.err.message);
	n = recv(fd, text + 1, sizeof(text) - 3, MSG_DONTWAIT);
	cr_assert_gt(n, 0);
	text[n + 1] = '\n';
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *line = xasprintf("\n%s\n", lines[i]);

		cr_expect_not_null(strstr(text, line), "%s is not in %s", lines[i], text);
	}
	close(fd);
	bed_clear(&b);
}

/* --- batches: one run for all certificates that change within a moment; in virtual time but for the programs --- */

struct outcome {
	unsigned calls;
	enum error_code code;
};

static void
batch_init(struct bed *b, struct consumer *ret, const char *script)
{
	bed_init(b);
	loop_free(b->loop);
	clock_free(b->clock);
	b->clock = clock_new_virtual(1700000000);
	b->loop = loop_new(b->clock);
	make_exec(b, script, ret);
	setting_put_flag(&ret->settings, "batch", true);
}

static void
note_done(const struct error *err, bool is_tested _unused_, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->code = err ? err->code : ERROR_NONE;
}

static struct activation *
join(struct bed *b, const struct consumer *consumer, const char *name, struct outcome *outcome)
{
	_cleanup_free_ char *directory = xasprintf("/live/%s", name);
	const struct activate_request request = {
		.consumer = consumer, .name = name, .cert = &b->cert, .directory = directory, .queues = &b->queues
	};

	return activate_start(b->loop, &request, note_done, outcome);
}

static void
settle(struct bed *b)
{
	cr_assert_eq(loop_run_until(b->loop, clock_wall(b->clock), NULL), 0);
}

/* Virtual milliseconds. */
static void
pass_ms(struct bed *b, int64_t ms)
{
	clock_advance_ms(b->clock, ms);
	settle(b);
}

static bool
has_file(struct bed *b, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", b->dir, name);

	return access(path, F_OK) == 0;
}

/* Real time until a program has made it, while certd's clock stands. */
static void
await_file(struct bed *b, const char *name)
{
	for (int i = 0; i < 24000 && !has_file(b, name); i++) {
		settle(b);
		usleep(5000);
	}
	cr_assert(has_file(b, name), "%s", name);
}

static void
expect_no_file(struct bed *b, const char *name)
{
	usleep(100 * 1000); /* a program that was started too early has this long to show itself */
	settle(b);
	cr_expect_not(has_file(b, name), "%s is there too early", name);
}

static void
expect_text(struct bed *b, const char *name, const char *text)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	_cleanup_free_ char *path = xasprintf("%s/%s", b->dir, name);

	cr_assert_eq(buf_read_file(&got, AT_FDCWD, path, 65536, NULL), 0, "%s", path);
	cr_expect_str_eq(buf_str(&got), text);
}

static void
await_all(struct bed *b, const struct outcome *outcomes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int turn = 0; turn < 24000 && !outcomes[i].calls; turn++) {
			settle(b);
			usleep(5000);
		}
		cr_expect_eq(outcomes[i].calls, 1, "member %zu", i);
	}
}

#define SHOW "printf '%s\\n' \"$CERTD_NAMES\" \"$CERTD_CERTIFICATES\" \"$CERTD_DIRECTORIES\" > \"$0/new\"; "

Test(activate, a_batch_runs_once_when_nothing_has_joined_for_two_seconds)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[3] = { { 0 } };

	batch_init(&b, &c, SHOW "cat \"$0/new\" >> \"$0/runs\"");
	join(&b, &c, "one", &outcomes[0]);
	pass_ms(&b, 1500);
	join(&b, &c, "two", &outcomes[1]);
	pass_ms(&b, 1999);
	expect_no_file(&b, "new");
	pass_ms(&b, 1);
	await_all(&b, outcomes, 2);
	expect_text(&b, "runs", "one\ntwo\n" ID "\n" ID "\n/live/one\n/live/two\n");
	cr_expect_null(b.queues, "a queue without members remains");
	join(&b, &c, "three", &outcomes[2]);
	pass_ms(&b, 2000);
	await_all(&b, &outcomes[2], 1);
	expect_text(&b, "new", "three\n" ID "\n/live/three\n");
	bed_clear(&b);
}

Test(activate, a_batch_waits_no_longer_than_a_minute_for_its_first_certificate)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[32] = { { 0 } };

	batch_init(&b, &c, "printf '%s\\n' \"$CERTD_NAMES\" | wc -l > \"$0/new\"");
	for (size_t i = 0; i < 32; i++) { /* at 0, 1.9 .. 58.9 s */
		join(&b, &c, "again", &outcomes[i]);
		pass_ms(&b, i < 31 ? 1900 : 1099);
	}
	expect_no_file(&b, "new");
	pass_ms(&b, 1);
	await_all(&b, outcomes, 32);
	expect_text(&b, "new", "32\n");
	bed_clear(&b);
}

Test(activate, what_joins_during_a_run_is_in_the_next_one)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[2] = { { 0 } };

	batch_init(&b, &c,
		SHOW
		"cat \"$0/new\" >> \"$0/runs\"; echo > \"$0/began\"; until test -e \"$0/go\"; do sleep 0.01; done");
	join(&b, &c, "one", &outcomes[0]);
	pass_ms(&b, 2000);
	await_file(&b, "began");
	join(&b, &c, "two", &outcomes[1]);
	pass_ms(&b, 5000);
	cr_expect_eq(outcomes[0].calls + outcomes[1].calls, 0);
	scratch_write(b.dir, "go", "%s", "");
	await_all(&b, outcomes, 2);
	expect_text(&b, "runs", "one\n" ID "\n/live/one\ntwo\n" ID "\n/live/two\n");
	bed_clear(&b);
}

Test(activate, a_batch_that_fails_has_failed_for_each_certificate_and_a_cancelled_one_is_left_out)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[3] = { { 0 } };
	struct activation *second;

	batch_init(&b, &c, SHOW "exit 1");
	join(&b, &c, "one", &outcomes[0]);
	second = join(&b, &c, "two", &outcomes[1]);
	join(&b, &c, "three", &outcomes[2]);
	activate_cancel(second);
	pass_ms(&b, 2000);
	await_all(&b, &outcomes[0], 1);
	await_all(&b, &outcomes[2], 1);
	cr_expect_eq(outcomes[0].code, ERROR_HOOK);
	cr_expect_eq(outcomes[2].code, ERROR_HOOK);
	cr_expect_eq(outcomes[1].calls, 0);
	expect_text(&b, "new", "one\nthree\n" ID "\n" ID "\n/live/one\n/live/three\n");
	bed_clear(&b);
}

Test(activate, a_batch_is_divided_before_its_variables_are_too_long_for_the_system)
{
	enum { LONG = 40 * 1024 };
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[3] = { { 0 } };
	_cleanup_free_ char *name = xcalloc(LONG + 1, 1);

	memset(name, 'n', LONG);
	batch_init(&b, &c, "printf '%s\\n' \"$CERTD_NAMES\" | wc -l >> \"$0/runs\"");
	for (size_t i = 0; i < 3; i++)
		join(&b, &c, name, &outcomes[i]);
	pass_ms(&b, 2000);
	await_all(&b, outcomes, 3);
	expect_text(&b, "runs", "2\n1\n");
	bed_clear(&b);
}

Test(activate, without_batch_a_program_runs_for_each_certificate_and_one_after_the_other)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { 0 };
	struct outcome outcomes[2] = { { 0 } };

	batch_init(&b, &c, "echo \"begin $CERTD_NAME\" >> \"$0/runs\"; sleep 0.1; echo end >> \"$0/runs\"");
	setting_put_flag(&c.settings, "batch", false);
	join(&b, &c, "one", &outcomes[0]);
	join(&b, &c, "two", &outcomes[1]);
	await_all(&b, outcomes, 2);
	expect_text(&b, "runs", "begin one\nend\nbegin two\nend\n");
	bed_clear(&b);
}

Test(activate, consumers_have_queues_of_their_own)
{
	struct bed b;
	_cleanup_consumer_ struct consumer first = { 0 }, second = { 0 };
	struct outcome outcomes[2] = { { 0 } };

	batch_init(&b, &first, "until test -e \"$0/second\"; do sleep 0.01; done");
	make_exec(&b, "echo > \"$0/second\"", &second);
	memcpy(first.o.id, ID, sizeof(ID));
	memcpy(second.o.id, "2" ID, sizeof(ID) - 1);
	setting_put_flag(&first.settings, "batch", false);
	join(&b, &first, "one", &outcomes[0]); /* ends only if the other runs beside it */
	join(&b, &second, "two", &outcomes[1]);
	await_all(&b, outcomes, 2);
	bed_clear(&b);
}

static volatile sig_atomic_t signals;

static void
on_signal(int signo _unused_)
{
	signals++;
}

/* The child counts, and exits with the number. */
static pid_t
counting_child(int signo)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct sigaction act = { .sa_handler = on_signal };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(signo, &act, NULL);
		sigaction(SIGTERM, &act, NULL);
		for (int i = 0; i < 2400 && !signals; i++)
			usleep(50000);
		for (int i = 0; i < 20; i++) /* others would follow */
			usleep(50000);
		_exit(signals);
	}
	return pid;
}

Test(activate, a_signal_is_sent_once_for_all_that_wait)
{
	struct bed b;
	_cleanup_free_ char *path = NULL;
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup("app"), .activate = xstrdup("signal") };
	pid_t pid = counting_child(SIGUSR1);
	int status;

	bed_init(&b);
	path = xasprintf("%s/pid", b.dir);
	scratch_write(b.dir, "pid", "%d\n", pid);
	setting_put(&c.settings, "pidFile", path);
	setting_put(&c.settings, "signal", "USR1");
	for (int i = 0; i < 500; i++)
		start(&b, &c);
	while (b.dones < 500)
		wait_ms(&b, 120000);
	cr_expect_not(error_is_set(&b.err), "%s", b.err.message);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(WEXITSTATUS(status), 1);
	cr_expect_null(b.queues);
	bed_clear(&b);
}

Test(activate, a_signal_that_cannot_be_sent_fails_for_all_that_wait)
{
	struct bed b;
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup("app"), .activate = xstrdup("signal") };

	bed_init(&b);
	setting_put(&c.settings, "pidFile", "/run/there/is/no.pid");
	for (int i = 0; i < 3; i++)
		start(&b, &c);
	while (b.dones < 3)
		wait_ms(&b, 120000);
	cr_expect(error_is_set(&b.err) && strstr(b.err.message, "/run/there/is/no.pid"), "%s", b.err.message);
	bed_clear(&b);
}
