/*
 * load: clients that ask a Unix socket as fast as they are answered, each with one request in flight on a connection
 * of its own that is kept:
 *
 *	load line|http SOCKET SECONDS CLIENTS REQUEST
 *
 * line: REQUEST and its answer are lines (JSON-RPC). http: REQUEST is a whole HTTP/1.1 request without its
 * Content-Length (added when there is a body) and its answer has one. "%d" in it becomes a number that is never used
 * twice. Prints answers a
 * second, and milliseconds: median, p99, most. An answer that is an error ends it with status 1.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 << 20, REQUEST_MAX = 64 << 10, CLIENTS_MAX = 64 };

struct client {
	int fd;
	char *answer; /* ANSWER_MAX */
	size_t len;
	int64_t sent_ns;
};

struct load {
	bool is_http;
	const char *request;
	unsigned long number;
	int64_t *took_ns;
	size_t count, cap;
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* @from with its "%d" replaced. */
static size_t
fill_in(struct load *load, const char *from, char *to, size_t size)
{
	const char *mark = strstr(from, "%d");

	if (!mark)
		return (size_t)snprintf(to, size, "%s", from);
	return (size_t)snprintf(to, size, "%.*s%010lu%s", (int)(mark - from), from, load->number++, mark + 2);
}

/* The head without its empty line, a length, and the body. */
static size_t
make_http(struct load *load, char *text)
{
	static char body[REQUEST_MAX];
	const char *head_end = strstr(load->request, "\r\n\r\n");
	size_t body_len, len;

	if (!head_end)
		fail("an HTTP request ends with an empty line");
	body_len = fill_in(load, head_end + 4, body, sizeof(body));
	len = (size_t)snprintf(text, REQUEST_MAX, "%.*s\r\n", (int)(head_end - load->request), load->request);
	if (body_len)
		len += (size_t)snprintf(text + len, REQUEST_MAX - len, "Content-Length: %zu\r\n", body_len);
	return len + (size_t)snprintf(text + len, REQUEST_MAX - len, "\r\n%s", body);
}

static void
ask(struct load *load, struct client *c)
{
	static char text[REQUEST_MAX];
	size_t len;

	if (load->is_http) {
		len = make_http(load, text);
	} else {
		len = fill_in(load, load->request, text, sizeof(text) - 1);
		text[len++] = '\n';
	}
	c->len = 0;
	c->sent_ns = now_ns();
	if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("the connection does not take a request");
}

static bool
is_whole_line(const struct client *c)
{
	if (c->answer[c->len - 1] != '\n')
		return false;
	if (memmem(c->answer, c->len < 200 ? c->len : 200, "\"error\"", 7)) {
		fwrite(c->answer, 1, c->len, stderr);
		fail("an error was answered");
	}
	return true;
}

static bool
is_whole_http(struct client *c)
{
	const char *end, *length;

	c->answer[c->len] = '\0';
	end = strstr(c->answer, "\r\n\r\n");
	if (!end)
		return false;
	if (strncmp(c->answer, "HTTP/1.1 2", 10) != 0) {
		fwrite(c->answer, 1, c->len, stderr);
		fail("an error was answered");
	}
	length = strcasestr(c->answer, "\r\nContent-Length:");
	if (!length || length > end)
		fail("an answer without Content-Length");
	return c->len >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static void
note(struct load *load, int64_t took_ns)
{
	if (load->count == load->cap) {
		load->cap = load->cap ? load->cap * 2 : 65536;
		load->took_ns = realloc(load->took_ns, load->cap * sizeof(*load->took_ns));
		if (!load->took_ns)
			abort();
	}
	load->took_ns[load->count++] = took_ns;
}

/* Return: whether the answer is whole. */
static bool
hear(struct load *load, struct client *c)
{
	ssize_t n = recv(c->fd, c->answer + c->len, ANSWER_MAX - 1 - c->len, 0);

	if (n <= 0)
		fail("the connection ended");
	c->len += (size_t)n;
	if (!(load->is_http ? is_whole_http(c) : is_whole_line(c)))
		return false;
	note(load, now_ns() - c->sent_ns);
	return true;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print_result(struct load *load, int64_t all_ns)
{
	if (!load->count)
		fail("nothing was answered");
	qsort(load->took_ns, load->count, sizeof(*load->took_ns), compare);
	printf("%.0f %.3f %.3f %.3f\n", (double)load->count * 1e9 / (double)all_ns,
		(double)load->took_ns[load->count / 2] / 1e6, (double)load->took_ns[load->count * 99 / 100] / 1e6,
		(double)load->took_ns[load->count - 1] / 1e6);
}

static void
client_open(struct client *c, int epoll_fd, const struct sockaddr_un *addr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->answer = malloc(ANSWER_MAX);
	if (!c->answer || c->fd < 0 || connect(c->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		fail("cannot connect");
}

static void
run(struct load *load, const struct sockaddr_un *addr, double seconds, unsigned n_clients)
{
	static struct client clients[CLIENTS_MAX];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int64_t started, end;

	for (unsigned i = 0; i < n_clients; i++)
		client_open(&clients[i], epoll_fd, addr);
	started = now_ns();
	end = started + (int64_t)(seconds * 1e9);
	for (unsigned i = 0; i < n_clients; i++)
		ask(load, &clients[i]);
	while (now_ns() < end) {
		struct epoll_event events[CLIENTS_MAX];
		int n = epoll_wait(epoll_fd, events, CLIENTS_MAX, 5000);

		if (n <= 0)
			fail("no answer for five seconds");
		for (int i = 0; i < n; i++)
			if (hear(load, events[i].data.ptr))
				ask(load, events[i].data.ptr);
	}
	print_result(load, now_ns() - started);
}

int
main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct load load = { .number = (unsigned long)now_ns() / 1000 % 10000000000UL };
	unsigned n_clients;

	if (argc != 6) {
		fputs("usage: load line|http SOCKET SECONDS CLIENTS REQUEST\n", stderr);
		return 64;
	}
	load.is_http = strcmp(argv[1], "http") == 0;
	load.request = argv[5];
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[2]);
	n_clients = (unsigned)strtoul(argv[4], NULL, 10);
	if (n_clients < 1 || n_clients > CLIENTS_MAX)
		fail("1 to 64 clients");
	run(&load, &addr, strtod(argv[3], NULL), n_clients);
	return 0;
}
