/*
 * echo: what a round trip over a local socket costs at least: a server of libevent that sends each line back, and the
 * client that measures it and certd alike:
 *
 *	echo serve SOCKET                     until it is killed
 *	echo ask SOCKET SECONDS LINE          prints round trips, and microseconds: median, p99, maximum
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void
on_line(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static void
on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)addr;
	(void)len;
	(void)arg;
	bufferevent_setcb(bev, on_line, NULL, on_end, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static int
serve(const struct sockaddr_un *addr)
{
	struct event_base *base = event_base_new();
	struct evconnlistener *listener = evconnlistener_new_bind(
		base, on_client, NULL, LEV_OPT_CLOSE_ON_FREE, -1, (const struct sockaddr *)addr, sizeof(*addr));

	if (!listener) {
		perror("echo: listen");
		return 1;
	}
	return event_base_dispatch(base) < 0;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Return: 0, or -1 when the connection ended. */
static int
round_trip(int fd, const char *line, size_t len)
{
	char answer[65536];
	ssize_t n;

	if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		return -1;
	do
		n = recv(fd, answer, sizeof(answer), 0);
	while (n > 0 && answer[n - 1] != '\n');
	return n > 0 ? 0 : -1;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print_result(int64_t *took_ns, size_t count, int64_t all_ns)
{
	qsort(took_ns, count, sizeof(*took_ns), compare);
	printf("%.0f %.1f %.1f %.1f\n", (double)count * 1e9 / (double)all_ns, (double)took_ns[count / 2] / 1e3,
		(double)took_ns[count * 99 / 100] / 1e3, (double)took_ns[count - 1] / 1e3);
}

static int
ask(const struct sockaddr_un *addr, double seconds, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(text) + 1, count = 0, cap = 0;
	char *line = malloc(len + 1);
	int64_t *took_ns = NULL;
	int64_t started = now_ns(), end = started + (int64_t)(seconds * 1e9), now = started;

	if (!line || fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		perror("echo: connect");
		return 1;
	}
	snprintf(line, len + 1, "%s\n", text);
	while (now < end) {
		int64_t before = now;

		if (count == cap) {
			cap = cap ? cap * 2 : 65536;
			took_ns = realloc(took_ns, cap * sizeof(*took_ns));
			if (!took_ns)
				abort();
		}
		if (round_trip(fd, line, len) < 0) {
			fputs("echo: the connection ended\n", stderr);
			return 1;
		}
		now = now_ns();
		took_ns[count++] = now - before;
	}
	print_result(took_ns, count, now - started);
	free(took_ns);
	free(line);
	close(fd);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (argc > 2)
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[2]);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(&addr);
	if (argc == 5 && strcmp(argv[1], "ask") == 0)
		return ask(&addr, strtod(argv[3], NULL), argv[4]);
	fputs("usage: echo serve SOCKET | echo ask SOCKET SECONDS LINE\n", stderr);
	return 64;
}
