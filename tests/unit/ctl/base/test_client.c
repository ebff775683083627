#include "tests/unit/ctl/scripted.h"

#include "common/error.h"
#include "common/json.h"
#include "ctl/base/client.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

Test(client, a_daemon_that_is_not_there_says_how_to_start_it)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("status"));

	cr_expect_eq(o.status, error_exit_status(ERROR_UNAVAILABLE));
	cr_expect_not_null(strstr(o.err, "certd is not running (nothing listens on /tmp/certctl-test-"), "%s", o.err);
	cr_expect_not_null(strstr(o.err, "start it with: "), "%s", o.err);
}

Test(client, errors_of_the_server_give_the_exit_status_and_name_the_option)
{
	static const struct {
		const char *error;
		enum error_code code;
		const char *says;
	} cases[] = {
		{ "!{\"code\":-32602,\"message\":\"commonName: is "
		  "required\",\"data\":{\"code\":\"invalid\",\"field\":"
		  "\"properties.commonName\"}}",
			ERROR_INVALID, "certctl: --cn: is required\n" },
		{ "!{\"code\":-32602,\"message\":\"'b..x' has an empty "
		  "label\",\"data\":{\"code\":\"invalid\",\"field\":"
		  "\"properties.subjectAlternativeNames[0]\"}}",
			ERROR_INVALID, "certctl: --san: 'b..x' has an empty label\n" },
		{ "!{\"code\":-32000,\"message\":\"too "
		  "many\",\"data\":{\"code\":\"rate-limited\",\"problem\":"
		  "\"rateLimited\",\"retryAt\":\"2026-11-21T11:30:00Z\"}}",
			ERROR_RATE_LIMITED, "certctl: too many (rateLimited); retry in 1h\n" },
		{ "!{\"code\":-32000,\"message\":\"autoCertificate.create needs the role operator; uid 7 has "
		  "viewer\","
		  "\"data\":{\"code\":\"denied\"}}",
			ERROR_DENIED, "certctl: autoCertificate.create needs the role operator; uid 7 has viewer\n" },
		{ "!{\"code\":-32000,\"message\":\"the CA wants one\",\"data\":{\"code\":\"state\",\"field\":"
		  "\"properties.subjectAlternativeNames\"}}",
			ERROR_STATE, "certctl: --san: the CA wants one\n" },
		{ "!{\"code\":-32601,\"message\":\"no such method\"}", ERROR_PROTOCOL, "certctl: no such method\n" },
		{ "!5", ERROR_PROTOCOL, "certctl: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exchange script[] = { { "autoCertificate.create", cases[i].error, { NULL } } };
		_cleanup_outcome_ struct outcome o = run_certctl(
			script, 1, WORDS("add-auto", "--provider", "le", "--cn", "x.example", "--san", "b..x"));

		cr_expect_eq(o.status, error_exit_status(cases[i].code), "%s: %d", cases[i].says, o.status);
		cr_expect_eq(strncmp(o.err, cases[i].says, strlen(cases[i].says)), 0, "%s", o.err);
	}
}

Test(client, an_answer_that_is_no_json_or_not_ours_is_a_protocol_error)
{
	static const char *const results[] = { "{", "{}}", "1,\"id\":77" };

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		struct exchange script[] = { { "server.status", results[i], { NULL } } };
		_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status"));

		cr_expect_eq(o.status, error_exit_status(ERROR_PROTOCOL), "%s: %d %s", results[i], o.status, o.err);
	}
}

Test(client, a_connection_that_ends_early_is_told)
{
	static const struct exchange script[] = { { "server.status", NULL, { NULL } } };
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status"));

	cr_expect_eq(o.status, error_exit_status(ERROR_UNAVAILABLE));
	cr_expect_not_null(strstr(o.err, "certd closed the connection"), "%s", o.err);
}

/* As with a socket that systemd holds for a certd that does not get as far as answering. */
Test(client, a_socket_that_nobody_answers_at_ends_with_where_to_look)
{
	char dir[] = "/tmp/certctl-test-XXXXXX";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_error_ struct error silent = ERROR_INIT;
	_cleanup_error_ struct error closed = ERROR_INIT;
	struct json_object *answer = NULL;
	struct client *client;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	client = client_open(addr.sun_path, &silent);
	cr_assert_not_null(client, "%s", silent.message);
	cr_expect_eq(client_call(client, "server.status", NULL, 200, &answer, &silent), -1);
	cr_expect_eq(silent.code, ERROR_TIMEOUT);
	cr_expect_str_eq(silent.message, "certd did not answer within 0.2 s; it may be failing to start "
					 "(systemctl status certd, journalctl "
					 "-u certd)");
	close(fd); /* given up by the service manager: connections that wait are reset */
	cr_expect_eq(client_call(client, "server.status", NULL, 200, &answer, &closed), -1);
	cr_expect_eq(closed.code, ERROR_UNAVAILABLE);
	cr_expect(strstr(closed.message, "before it answered") && strstr(closed.message, "journalctl -u certd"), "%s",
		closed.message);
	client_close(client);
	unlink(addr.sun_path);
	rmdir(dir);
}

/* --- several calls at once --- */

enum { CALLS = 40 };

struct crowd {
	int fd;
	size_t most;   /* requests that were not answered, at once */
	bool is_wrong; /* answers a request that was not sent */
};

/* Reads as many requests as come, and answers them in reverse order; the call with n 3 fails. */
static void *
crowd_serve(void *arg)
{
	struct crowd *crowd = arg;
	int fd = accept(crowd->fd, NULL, NULL);
	FILE *in = fdopen(fd, "r");
	size_t left = CALLS;

	setvbuf(in, NULL, _IONBF, 0); /* poll() sees what is not read yet */
	while (left) {
		long ids[CALLS], ns[CALLS];
		size_t n = 0, due = left < CLIENT_CALLS_AT_ONCE ? left : CLIENT_CALLS_AT_ONCE;
		char line[256];
		struct pollfd more = { .fd = fd, .events = POLLIN };

		while (n < due && fgets(line, sizeof(line), in)) {
			ids[n] = strtol(strstr(line, "\"id\":") + 5, NULL, 10);
			ns[n++] = strtol(strstr(line, "\"n\":") + 4, NULL, 10);
		}
		if (n < due)
			break;
		n += poll(&more, 1, 50) > 0; /* one more would be too many */
		crowd->most = n > crowd->most ? n : crowd->most;
		for (left -= due; due--;)
			dprintf(fd,
				ns[due] == 3
					? "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32000,\"message\":\"no "
					  "%ld\",\"data\":{\"code\":\"not-found\"}}}\n"
					: "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"n\":%ld}}\n",
				ids[due] + (crowd->is_wrong ? 100 : 0), ns[due]);
	}
	fclose(in);
	return NULL;
}

static int
crowd_answer(size_t index, struct json_object *result, struct error *err, void *arg)
{
	size_t *next = arg;

	cr_expect_eq(index, *next);
	++*next;
	if (index == 3)
		cr_expect(!result && err->code == ERROR_NOT_FOUND, "%s", err->message);
	else
		cr_expect_eq((size_t)json_object_get_int(json_path(result, "n")), index);
	return index == CALLS ? -1 : 0;
}

Test(client, several_calls_run_at_once_and_are_answered_in_order)
{
	signal(SIGPIPE, SIG_IGN); /* the client leaves at the first wrong answer */
	for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
		char dir[] = "/tmp/certctl-test-XXXXXX";
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		struct crowd crowd = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .is_wrong = is_wrong };
		struct json_object *params = json_object_new_array();
		_cleanup_error_ struct error err = ERROR_INIT;
		struct client *client;
		size_t next = 0;
		pthread_t thread;

		cr_assert_not_null(mkdtemp(dir));
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
		cr_assert_eq(bind(crowd.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		cr_assert_eq(listen(crowd.fd, 1), 0);
		cr_assert_eq(pthread_create(&thread, NULL, crowd_serve, &crowd), 0);
		for (int i = 0; i < CALLS; i++) {
			struct json_object *one = json_object_new_object();

			json_add_int(one, "n", i);
			json_object_array_add(params, one);
		}
		client = client_open(addr.sun_path, &err);
		cr_assert_not_null(client, "%s", err.message);
		cr_expect_eq(client_calls(client, "x", params, crowd_answer, &next, &err), is_wrong ? -1 : 0, "%s",
			err.message);
		cr_expect_eq(next, is_wrong ? 0 : CALLS);
		cr_expect_eq(err.code, is_wrong ? ERROR_PROTOCOL : ERROR_NONE);
		client_close(client);
		pthread_join(thread, NULL);
		cr_expect_eq(crowd.most, CLIENT_CALLS_AT_ONCE);
		json_object_put(params);
		close(crowd.fd);
		unlink(addr.sun_path);
		rmdir(dir);
	}
}

Test(client, a_path_that_is_no_socket_address_is_refused)
{
	char path[200] = "/";

	memset(path + 1, 'x', sizeof(path) - 2);
	path[sizeof(path) - 1] = '\0';
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("--socket", path, "status"));

	cr_expect_eq(o.status, error_exit_status(ERROR_USAGE));
}

Test(client, words_of_others_cannot_drive_the_terminal)
{
	static const struct exchange script[] = {
		{ "server.status",
			"!{\"code\":-32000,\"message\":\"a\\u001b[2Jb\\u007f\\u009b\\u202ec\\td "
			"\\u00fc\\nline\",\"data\":{\"code\":\"ca\"}}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status"));

	cr_expect_str_eq(o.err, "certctl: a [2Jb ??c d \xc3\xbc line\n");
}

/* As another user than the owner of the directory or socket; needs root. */
static void
become_nobody(void)
{
	cr_assert_eq(setgroups(0, NULL), 0);
	cr_assert_eq(setegid(65534), 0);
	cr_assert_eq(seteuid(65534), 0);
}

Test(client, no_access_to_the_socket_says_who_has)
{
	char dir[] = "/tmp/certctl-test-XXXXXX";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(chown(addr.sun_path, 0, 4), 0);
	cr_assert_eq(chmod(addr.sun_path, 0660), 0);
	cr_assert_eq(chmod(dir, 0755), 0);
	become_nobody();
	_cleanup_outcome_ struct outcome by_group = run_certctl(NULL, 0, WORDS("--socket", addr.sun_path, "status"));

	cr_expect_eq(by_group.status, error_exit_status(ERROR_DENIED));
	cr_expect_not_null(strstr(by_group.err, "join the group adm (adduser USER adm"), "%s", by_group.err);
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chmod(dir, 0700), 0);
	become_nobody();
	_cleanup_outcome_ struct outcome by_directory = run_certctl(
		NULL, 0, WORDS("--socket", addr.sun_path, "status"));

	cr_expect_eq(by_directory.status, error_exit_status(ERROR_DENIED));
	cr_expect_not_null(strstr(by_directory.err, "run certctl as root"), "%s", by_directory.err);
	cr_assert_eq(seteuid(0), 0);
	unlink(addr.sun_path);
	rmdir(dir);
	close(fd);
}
