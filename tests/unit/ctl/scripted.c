#include "tests/unit/ctl/scripted.h"

#include "common/buf.h"
#include "common/json.h"
#include "ctl/command/ctl_run.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct scripted {
	const struct exchange *script;
	size_t n, next;
	char dir[32];
	char path[64];
	int listener;
	pthread_t thread;
	struct buf requests;
};

static void
send_text(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* Return: 0, or -1 the script ends the connection here. */
static int
send_answer(int fd, int64_t id, const struct exchange *exchange)
{
	bool is_error = exchange->result[0] == '!';
	_cleanup_free_ char *text = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":%lld,\"%s\":%s}\n", (long long)id,
		is_error ? "error" : "result", exchange->result + is_error);

	send_text(fd, text);
	for (size_t i = 0; i < MAX_EVENTS && exchange->events[i]; i++) {
		if (exchange->events[i][0] == '>')
			continue;
		if (!*exchange->events[i])
			return -1;
		_cleanup_free_ char *note = xasprintf(
			"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":%s}\n", exchange->events[i]);

		send_text(fd, note);
	}
	return 0;
}

static int
answer(struct scripted *s, int fd, const char *line, size_t len, int passed)
{
	static const struct exchange unexpected = { NULL, "!{\"code\":-32601,\"message\":\"not in the script\"}",
		{ NULL } };
	_cleanup_json_ struct json_object *request = json_parse(line, len, NULL);
	const struct exchange *exchange = s->next < s->n ? &s->script[s->next] : &unexpected;
	struct json_object *params = ctl_at(request, "params");
	const char *method = ctl_text_at(request, "method");

	buf_printf(&s->requests, "%s %s\n", method,
		params ? json_object_to_json_string_ext(params, JSON_C_TO_STRING_NOSLASHESCAPE) : "{}");
	if (exchange->method && strcmp(exchange->method, method) != 0)
		exchange = &unexpected;
	s->next++;
	if (!exchange->result)
		return -1;
	for (size_t i = 0; i < MAX_EVENTS && exchange->events[i]; i++)
		if (exchange->events[i][0] == '>')
			cr_assert_geq(write(passed, exchange->events[i] + 1, strlen(exchange->events[i] + 1)), 0);
	return send_answer(fd, json_object_get_int64(ctl_at(request, "id")), exchange);
}

/* recv(), with the descriptor that comes along in @passed. */
static ssize_t
receive(int fd, char *block, size_t size, int *passed)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = block, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (head && head->cmsg_type == SCM_RIGHTS) {
		if (*passed >= 0)
			close(*passed);
		memcpy(passed, CMSG_DATA(head), sizeof(*passed));
	}
	return n;
}

static void *
serve(void *arg)
{
	struct scripted *s = arg;
	_cleanup_buf_ struct buf in = BUF_INIT;
	int fd = accept(s->listener, NULL, NULL);
	char block[4096];
	int passed = -1;
	ssize_t n;

	while (fd >= 0 && (n = receive(fd, block, sizeof(block), &passed)) > 0) {
		char *end;

		buf_add(&in, block, (size_t)n);
		while ((end = memchr(in.data, '\n', in.len))) {
			int rc = answer(s, fd, in.data, (size_t)(end - in.data), passed);

			buf_drop(&in, (size_t)(end - in.data) + 1);
			if (rc < 0) {
				close(fd);
				fd = -1;
				break;
			}
		}
	}
	if (passed >= 0)
		close(passed);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void
start(struct scripted *s, const struct exchange *script, size_t n)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	*s = (struct scripted){ .script = script, .n = n, .listener = -1, .dir = "/tmp/certctl-test-XXXXXX" };
	cr_assert_not_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/s", s->dir);
	if (!script)
		return;
	memcpy(addr.sun_path, s->path, sizeof(s->path));
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(s->listener, 1), 0);
	cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
stop(struct scripted *s)
{
	if (s->script) {
		shutdown(s->listener, SHUT_RDWR); /* no connection: accept() ends */
		pthread_join(s->thread, NULL);
		close(s->listener);
		unlink(s->path);
	}
	rmdir(s->dir);
}

static int
run(const char *path, const char *const *words, FILE *out, FILE *err)
{
	char *argv[32] = { (char[]){ "certctl" } };
	struct ctl ctl;
	int argc = 1;
	int status;

	for (; words[argc - 1] && argc < 31; argc++)
		argv[argc] = xstrdup(words[argc - 1]);
	ctl_init(&ctl);
	ctl.out = out;
	ctl.err = err;
	ctl.fixed_now = NOW;
	ctl.is_terminal = false;
	ctl.out_columns = 0;
	ctl.has_colour = false;
	str_replace(&ctl.socket_path, path);
	status = ctl_run(&ctl, argc, argv);
	ctl_clear(&ctl);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	return status;
}

struct outcome
run_certctl(const struct exchange *script, size_t n, const char *const *words)
{
	struct outcome outcome = { .status = -1 };
	struct scripted s;
	size_t size;
	FILE *out = open_memstream(&outcome.out, &size);
	FILE *err = open_memstream(&outcome.err, &size);

	start(&s, script, n);
	outcome.status = run(s.path, words, out, err);
	stop(&s);
	fclose(out);
	fclose(err);
	outcome.requests = buf_steal(&s.requests);
	return outcome;
}

void
outcome_clear(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
	free(outcome->requests);
}
