/* The control socket itself: who is accepted, what one that is not is told, and what is left of it. */
#include "daemon/control/server.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "tests/support/process.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"dnsProvider.list\",\"params\":{}}\n"

struct bed {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct conf conf;
	struct service service;
	struct role_map roles;
	struct control *control;
	struct sockaddr_un address;
	char *dir;
};

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
bed_init(struct bed *b)
{
	*b = (struct bed){
		.clock = clock_new_virtual(1700000000), .dir = scratch_new(), .address.sun_family = AF_UNIX
	};
	tmp_store_init(&b->t, 0);
	conf_init(&b->conf);
	b->loop = loop_new(b->clock);
	loop_set_turn_end(b->loop, turn_end, b->t.store);
	b->log = log_new(LOG_LEVEL_ERROR);
	b->events = events_new(b->t.store, b->clock, b->log, 1000);
	b->service = (struct service){
		.methods = service_methods, .loop = b->loop, .store = b->t.store, .events = b->events, .conf = &b->conf
	};
	snprintf(b->address.sun_path, sizeof(b->address.sun_path), "%s/control.sock", b->dir);
}

static void
bed_clear(struct bed *b)
{
	control_free(b->control);
	store_close(b->t.store);
	b->t.store = NULL;
	events_free(b->events);
	loop_free(b->loop);
	log_free(b->log);
	clock_free(b->clock);
	conf_clear(&b->conf);
	tmp_store_clear(&b->t);
	scratch_remove(&b->dir);
}

static int
client_connect(const struct bed *b)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&b->address, sizeof(b->address)), 0);
	return fd;
}

/* What comes in the next turns, with "(end)" if the connection is closed. Owned by the caller. */
static char *
client_read(struct bed *b, int fd)
{
	struct buf text = BUF_INIT;
	char block[4096];
	ssize_t n = -1;

	for (int turns = 0; turns < 20 && n != 0; turns++) {
		cr_assert_eq(loop_run_until(b->loop, clock_wall(b->clock), NULL), 0);
		while ((n = recv(fd, block, sizeof(block), 0)) > 0)
			buf_add(&text, block, (size_t)n);
	}
	if (n == 0)
		buf_add_str(&text, "(end)");
	return buf_steal(&text);
}

static void
expect_answer(struct bed *b, int fd, const char *has)
{
	_cleanup_free_ char *text = NULL;

	cr_assert_eq(send(fd, CALL, strlen(CALL), MSG_NOSIGNAL), (ssize_t)strlen(CALL));
	text = client_read(b, fd);
	cr_expect(text && strstr(text, has), "%s", text);
}

Test(server, answers_on_its_own_socket_which_goes_with_it)
{
	struct bed b;
	struct stat st;
	int fd;

	bed_init(&b);
	b.control = control_new(
		&b.service, &(struct control_config){ .path = b.address.sun_path, .roles = &b.roles }, NULL);
	cr_assert_not_null(b.control);
	cr_assert_eq(stat(b.address.sun_path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0660);
	fd = client_connect(&b);
	expect_answer(&b, fd, "\"id\":7,\"result\":");
	control_free(b.control);
	b.control = NULL;
	cr_expect_lt(access(b.address.sun_path, F_OK), 0);
	cr_expect_eq(recv(fd, &st, 1, 0), 0, "the connection has ended");
	close(fd);
	bed_clear(&b);
}

Test(server, a_socket_of_the_service_manager_is_used_and_left)
{
	struct bed b;
	int fd, listener;

	bed_init(&b);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&b.address, sizeof(b.address)), 0);
	cr_assert_eq(listen(listener, 8), 0);
	b.control = control_new(&b.service,
		&(struct control_config){
			.path = "/nonexistent/control.sock", .fds = &listener, .n_fds = 1, .roles = &b.roles },
		NULL);
	cr_assert_not_null(b.control);
	fd = client_connect(&b);
	expect_answer(&b, fd, "\"id\":7,\"result\":");
	control_free(b.control);
	b.control = NULL;
	cr_expect_eq(access(b.address.sun_path, F_OK), 0);
	close(fd);
	bed_clear(&b);
}

Test(server, a_place_that_cannot_be_listened_on_is_an_error)
{
	struct bed b;
	_cleanup_error_ struct error err = ERROR_INIT;

	bed_init(&b);
	b.control = control_new(
		&b.service, &(struct control_config){ .path = "/nonexistent/control.sock", .roles = &b.roles }, &err);
	cr_expect_null(b.control);
	cr_expect(error_is_set(&err) && strstr(err.message, "/nonexistent/control.sock"), "%s", err.message);
	bed_clear(&b);
}

Test(server, one_connection_too_many_is_told_so_and_the_others_go_on)
{
	enum { MOST = 3 };
	struct bed b;
	_cleanup_free_ char *text = NULL;
	int fds[MOST + 1];

	bed_init(&b);
	b.control = control_new(&b.service,
		&(struct control_config){ .path = b.address.sun_path,
			.max_connections = MOST,
			.max_connections_per_user = 1, /* root has three times as many */
			.roles = &b.roles },
		NULL);
	cr_assert_not_null(b.control);
	for (size_t i = 0; i <= MOST; i++) {
		fds[i] = client_connect(&b);
		if (i < MOST)
			expect_answer(&b, fds[i], "\"id\":7,\"result\":");
	}
	text = client_read(&b, fds[MOST]);
	cr_expect(text && strstr(text, "\"error\":") && strstr(text, "connections"), "%s", text);
	cr_expect(text && strstr(text, "(end)"), "%s", text);
	expect_answer(&b, fds[0], "\"id\":7,\"result\":");
	close(fds[0]);
	free(client_read(&b, fds[1]));
	fds[0] = client_connect(&b);
	expect_answer(&b, fds[0], "\"id\":7,\"result\":");
	for (size_t i = 0; i <= MOST; i++)
		close(fds[i]);
	bed_clear(&b);
}
