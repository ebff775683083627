/* Consumers of each kind are notified, with the values that consumer_kind.h promises. */
#include "daemon/rollout/activate.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ID "11111111-1111-4111-8111-111111111111"

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct exec_queue *exec_queues;
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
on_done(const struct error *err, void *arg)
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
		.exec_queues = &b->exec_queues };
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
	*ret = (struct consumer){ .o.name = xstrdup("run"), .activate = xstrdup("exec") };
	strlist_add(&ret->command, "/bin/sh");
	strlist_add(&ret->command, "-c");
	strlist_add(&ret->command, script);
	strlist_add(&ret->command, b->dir);
}

Test(activate, a_kind_that_has_nothing_to_do_is_done)
{
	struct bed b;
	const struct consumer none = { .activate = (char *)"none" };

	bed_init(&b);
	start(&b, &none);
	wait_ms(&b, 5000);
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
	wait_ms(&b, 20000);
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
	wait_ms(&b, 20000);
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
	for (int i = 0; i < 200 && access(path, F_OK) < 0; i++)
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
	struct consumer c = { .o.name = (char *)"app", .activate = (char *)"notify" };
	char text[4096] = "\n";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	bed_init(&b);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", b.dir);
	c.socket = address.sun_path;
	start(&b, &c);
	wait_ms(&b, 5000);
	cr_expect_eq(b.dones, 1);
	cr_expect(error_is_set(&b.err) && strstr(b.err.message, address.sun_path), "%s", b.err.message);
	error_clear(&b.err);
	b.dones = 0;
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	start(&b, &c);
	wait_ms(&b, 5000);
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
