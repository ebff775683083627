/* tests/support/relay.c: see relay.h. One thread does it all by poll(2). */
#include "tests/support/relay.h"

#include "common/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_PAIRS = 64, TICK_MS = 20 };

struct pair {
	int fd[2]; /* client, server; -1 when closed */
	bool frozen;
};

struct relay {
	int listener;
	int port;
	int to_port;
	bool is_proxy;
	pthread_t thread;
	atomic_bool stopping;
	atomic_bool freeze;
	atomic_int count;
	struct pair pairs[MAX_PAIRS]; /* of the thread */
};

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
}

/* Reads the CONNECT request octet by octet, so that nothing behind it is taken. */
static bool
accept_connect(int fd)
{
	static const char yes[] = "HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n";
	char head[2048] = "";
	for (size_t len = 0; len < sizeof(head) - 1; len++) {
		if (recv(fd, head + len, 1, 0) != 1)
			return false;
		if (len >= 3 && memcmp(head + len - 3, "\r\n\r\n", 4) == 0)
			return strncmp(head, "CONNECT ", 8) == 0 && send(fd, yes, sizeof(yes) - 1, MSG_NOSIGNAL) > 0;
	}
	return false;
}

static void
close_pair(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair->fd[i] >= 0)
			close(pair->fd[i]);
		pair->fd[i] = -1;
	}
}

static void
accept_pair(struct relay *r)
{
	struct sockaddr_in to = loopback(r->to_port);
	int one = 1, client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pair *pair = &r->pairs[r->count];
	if (r->count >= MAX_PAIRS || client < 0)
		abort();
	*pair = (struct pair){ .fd = { client, server } };
	r->count++;
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((r->is_proxy && !accept_connect(client)) || connect(server, (struct sockaddr *)&to, sizeof(to)) < 0)
		close_pair(pair);
}

/* From one side to the other. */
static void
pass(struct pair *pair, int from)
{
	char block[16384];
	ssize_t n = recv(pair->fd[from], block, sizeof(block), 0);
	if (n <= 0 || send(pair->fd[!from], block, (size_t)n, MSG_NOSIGNAL) != n)
		close_pair(pair);
}

static void *
run_relay(void *arg)
{
	struct relay *r = arg;
	while (!r->stopping) {
		struct pollfd fds[1 + 2 * MAX_PAIRS] = { { .fd = r->listener, .events = POLLIN } };
		int count = r->count;
		if (atomic_exchange(&r->freeze, false))
			for (int i = 0; i < count; i++)
				r->pairs[i].frozen = true;
		for (int i = 0; i < 2 * count; i++) {
			const struct pair *pair = &r->pairs[i / 2];
			fds[1 + i] = (struct pollfd){ .fd = pair->frozen ? -1 : pair->fd[i % 2], .events = POLLIN };
		}
		poll(fds, (nfds_t)(1 + 2 * count), TICK_MS);
		for (int i = 0; i < 2 * count; i++)
			if (fds[1 + i].revents && r->pairs[i / 2].fd[0] >= 0)
				pass(&r->pairs[i / 2], i % 2);
		if (fds[0].revents)
			accept_pair(r);
	}
	return NULL;
}

struct relay *
relay_new(int to_port, bool is_proxy)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	r->to_port = to_port;
	r->is_proxy = is_proxy;
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(r->listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(r->listener, 64) < 0 ||
		getsockname(r->listener, (struct sockaddr *)&sin, &len) < 0 ||
		pthread_create(&r->thread, NULL, run_relay, r) != 0) {
		perror("relay");
		abort();
	}
	r->port = ntohs(sin.sin_port);
	return r;
}

void
relay_free(struct relay *r)
{
	if (!r)
		return;
	r->stopping = true;
	pthread_join(r->thread, NULL);
	for (int i = 0; i < r->count; i++)
		close_pair(&r->pairs[i]);
	close(r->listener);
	free(r);
}

int
relay_port(const struct relay *relay)
{
	return relay->port;
}

int
relay_connections(const struct relay *relay)
{
	return relay->count;
}

void
relay_freeze(struct relay *relay)
{
	relay->freeze = true;
	while (relay->freeze)
		usleep(1000);
}
