/* Admission of connections. Real sockets on loopback, whose addresses represent networks, in virtual time. */
#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/acceptor.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PLACES = 8, PER_USER = 4, GRACE_MS = 1000, CLIENTS_MAX = 64 };

struct connection {
	int fd;
	struct place *place;
	char user[64];
	bool is_refused;
};

struct rig {
	struct clock *clock;
	struct loop *loop;
	struct acceptor *acceptor;
	struct sockaddr_in address;
	struct connection *connections[CLIENTS_MAX];
	size_t n; /* accepted so far */
	int fds[CLIENTS_MAX];
	size_t n_fds;
};

static void *
accepted(int fd, struct place *place, void *arg)
{
	struct rig *r = arg;
	struct connection *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->place = place;
	c->is_refused = acceptor_refusal(place);
	strncpy(c->user, acceptor_user(place), sizeof(c->user) - 1);
	r->connections[r->n++] = c;
	return c;
}

static void
end(struct connection *c)
{
	close(c->fd);
	acceptor_leave(c->place);
	c->place = NULL;
}

static void
evict(void *connection, void *arg _unused_)
{
	end(connection);
}

static void
rig_init(struct rig *r)
{
	socklen_t len = sizeof(r->address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*r = (struct rig){ .clock = clock_new_virtual(1700000000) };
	r->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cr_assert_eq(bind(fd, (struct sockaddr *)&r->address, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&r->address, &len), 0);
	cr_assert_eq(listen(fd, 128), 0);
	r->loop = loop_new(r->clock);
	r->acceptor = acceptor_new(&(struct acceptor_config){
		.loop = r->loop,
		.limits = { .max_connections = PLACES, .max_per_user = PER_USER, .grace_ms = GRACE_MS },
		.accepted = accepted,
		.evict = evict,
		.arg = r,
	});
	acceptor_add(r->acceptor, fd);
}

static void
rig_clear(struct rig *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->connections[i]->place)
			end(r->connections[i]);
		free(r->connections[i]);
	}
	for (size_t i = 0; i < r->n_fds; i++)
		close(r->fds[i]);
	acceptor_free(r->acceptor);
	loop_free(r->loop);
	clock_free(r->clock);
}

static void
run(struct rig *r, int64_t sec)
{
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + sec, NULL), 0);
}

/* A client at @from, "127.0.1.1" */
static void
dial(struct rig *r, const char *from)
{
	struct sockaddr_in source = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(inet_pton(AF_INET, from, &source.sin_addr), 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&r->address, sizeof(r->address)), 0);
	r->fds[r->n_fds++] = fd;
	run(r, 0);
}

static unsigned
open_of(const struct rig *r, const char *user)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->connections[i]->place && strcmp(r->connections[i]->user, user) == 0;
	return n;
}

Test(acceptor, few_addresses_cannot_hold_all_places)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < PER_USER; i++)
		dial(&r, "127.0.1.1");
	for (int i = 0; i < PER_USER; i++)
		dial(&r, "127.0.1.2");
	dial(&r, "127.0.2.1");
	cr_expect_eq(open_of(&r, "127.0.2.1"), 0, "nobody is cut in its first second");
	run(&r, 2);
	cr_expect_eq(open_of(&r, "127.0.2.1"), 1);
	cr_expect_eq(open_of(&r, "127.0.1.1"), PER_USER - 1, "the oldest of the largest network went");
	rig_clear(&r);
}

Test(acceptor, the_smaller_network_stays_though_it_is_older)
{
	struct rig r;

	rig_init(&r);
	dial(&r, "127.0.2.1");
	for (int i = 1; i < PLACES; i++)
		dial(&r, i % 2 ? "127.0.1.1" : "127.0.1.2");
	for (int i = 0; i < PER_USER - 1; i++) {
		run(&r, 2);
		dial(&r, "127.0.3.1");
	}
	cr_expect_eq(open_of(&r, "127.0.2.1"), 1);
	cr_expect_eq(open_of(&r, "127.0.3.1"), PER_USER - 1);
	rig_clear(&r);
}

Test(acceptor, who_is_known_keeps_the_place)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < PLACES; i++)
		dial(&r, i < PER_USER ? "127.0.1.1" : "127.0.1.2");
	for (int i = 0; i < PLACES; i++)
		acceptor_identified(r.connections[i]->place);
	dial(&r, "127.0.2.1");
	run(&r, 60);
	cr_expect_eq(open_of(&r, "127.0.2.1"), 0, "it waits in the kernel");
	end(r.connections[0]);
	run(&r, 0);
	cr_expect_eq(open_of(&r, "127.0.2.1"), 1);
	rig_clear(&r);
}

Test(acceptor, one_address_has_its_share_and_the_rest_are_told)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < PER_USER + 2; i++)
		dial(&r, "127.0.1.1");
	for (int i = 0; i < PER_USER + 2; i++)
		cr_expect_eq(r.connections[i]->is_refused, i >= PER_USER);
	end(r.connections[PER_USER]);
	end(r.connections[PER_USER + 1]);
	end(r.connections[0]);
	dial(&r, "127.0.1.1");
	cr_expect_not(r.connections[PER_USER + 2]->is_refused);
	rig_clear(&r);
}

Test(acceptor, who_has_left_counts_no_more)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 4 * PLACES; i++) {
		dial(&r, "127.0.1.1");
		end(r.connections[i]);
	}
	for (int i = 0; i < PLACES; i++)
		dial(&r, i < PER_USER ? "127.0.2.1" : "127.0.2.2");
	run(&r, 2);
	dial(&r, "127.0.3.1");
	run(&r, 2);
	cr_expect_eq(open_of(&r, "127.0.3.1"), 1, "the network of those that are there is the largest");
	rig_clear(&r);
}

/* A descriptor of the service manager may be anything. */
Test(acceptor, never_waits_on_a_listener_and_passes_it_to_no_program)
{
	struct rig r;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	rig_init(&r);
	cr_assert_eq(listen(fd, 1), 0);
	acceptor_add(r.acceptor, fd);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	rig_clear(&r);
}

/* Its clients in Unix sockets, all of one user. With @is_anonymous the oldest makes room for the next one. */
static void
expect_unix_places(bool is_anonymous, unsigned accepted_in_the_end)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun.sun_family); /* the kernel chooses an abstract name */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct rig r = { .clock = clock_new_virtual(1700000000) };

	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, len), 0);
	len = sizeof(sun);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sun, &len), 0);
	cr_assert_eq(listen(fd, 128), 0);
	r.loop = loop_new(r.clock);
	r.acceptor = acceptor_new(&(struct acceptor_config){
		.loop = r.loop,
		.limits = { .max_connections = PLACES, .max_per_user = 2 * PLACES, .grace_ms = GRACE_MS },
		.is_anonymous = is_anonymous,
		.accepted = accepted,
		.evict = evict,
		.arg = &r,
	});
	acceptor_add(r.acceptor, fd);
	for (int i = 0; i <= PLACES; i++) {
		r.fds[r.n_fds] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert_eq(connect(r.fds[r.n_fds++], (struct sockaddr *)&sun, len), 0);
		run(&r, 0);
	}
	cr_expect_eq(r.n, PLACES);
	run(&r, 2);
	cr_expect_eq(r.n, accepted_in_the_end);
	for (int i = 0; i < PLACES; i++)
		cr_expect_eq(r.connections[i]->place != NULL, !is_anonymous || i > 0, "%d", i);
	rig_clear(&r);
}

Test(acceptor, peers_on_a_unix_socket_make_room_only_where_they_are_anonymous)
{
	expect_unix_places(true, PLACES + 1);
	expect_unix_places(false, PLACES);
}
