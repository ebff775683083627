/*
 * Kind haproxy: the runtime API of HAProxy, at its stats socket (level admin). The certificate is replaced in memory,
 * without a reload, in each of the consumer's processes; the file that they read at their next start is written before.
 *
 * HAProxy has one transaction for the whole process: what is set while somebody else's is open goes into that one.
 * certd therefore looks first, leaves a foreign one alone and tries again later, and reads in each answer which file it
 * is about. The first step asks what is there, so every step may be repeated after a crash.
 *
 * A command is a connection of its own, and there are no status codes: only known words mean success.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/printable.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/haproxy_answer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	COMMAND_MS = 10 * 1000,
	ANSWER_MAX = 64 * 1024, /* a longer one is read no further */
	BUNDLE_MAX = 256 * 1024,
	BUFSIZE = 16 * 1024, /* HAProxy's default of tune.bufsize */
	QUOTED_MAX = 300,
	SOCKETS_MAX = 64
};

enum haproxy_step { STEP_TRANSACTIONS, STEP_SHOW, STEP_NEW, STEP_SET, STEP_COMMIT, STEP_ABORT, STEP_VERIFY, STEP_ADD };

struct haproxy_work {
	struct activation *activation;
	struct loop *loop;
	struct strlist sockets;
	size_t socket; /* index of the current one */
	char *path;    /* the name of the certificate in HAProxy: the file that it was loaded from */
	char *crt_list;
	char *serial;
	struct secret bundle; /* key and chain, without empty lines */
	enum haproxy_step step;
	struct secret command; /* the running one */
	size_t sent;
	struct buf answer;
	int fd;
	struct loop_fd *watch;
	struct loop_timer timer; /* begins the first command, then limits each */
	struct error failure;    /* that abort follows */
};

static int
consumer_haproxy_check(const struct consumer *c, struct error *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const struct strlist *sockets = setting_list(&c->settings, "sockets");

	if (sockets->count > SOCKETS_MAX)
		return error_set_field(err, "sockets", "has more than %d sockets", SOCKETS_MAX);
	if (c->layout)
		return error_set_field(err, "layout",
			"activate haproxy uses pem/NAME.pem, or bundle.pem of the directory: it takes no layout");
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->items[i][0] != '/' || strlen(sockets->items[i]) > max)
			return error_set_field(err, "sockets", "'%s' is not an absolute path of at most %zu octets",
				sockets->items[i], max);
	return 0;
}

/* --- the end --- */

static void
haproxy_close(struct haproxy_work *w)
{
	loop_fd_free(w->watch);
	w->watch = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	buf_reset(&w->answer);
	secret_clear(&w->command);
	w->sent = 0;
}

static void
haproxy_free(void *work)
{
	struct haproxy_work *w = work;

	haproxy_close(w);
	loop_timer_cancel(&w->timer);
	buf_clear(&w->answer);
	secret_clear(&w->bundle);
	strlist_clear(&w->sockets);
	error_clear(&w->failure);
	free(w->path);
	free(w->crt_list);
	free(w->serial);
	free(w);
}

/* @err: NULL, or why it failed. */
static void
haproxy_end(struct haproxy_work *w, const struct error *err)
{
	struct activation *activation = w->activation;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err) {
		error_copy(&why, err);
		error_wrap(&why, "haproxy at %s", w->sockets.items[w->socket]);
	}
	haproxy_free(w);
	activation_end(activation, err ? &why : NULL);
}

/* --- a command --- */

static void
haproxy_answered(struct haproxy_work *w);

static void
haproxy_fail_errno(struct haproxy_work *w, int errnum, const char *what)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set_errno(&err, errnum, "%s", what);
	haproxy_end(w, &err);
}

static void
haproxy_ready(int fd, short what _unused_, void *arg)
{
	struct haproxy_work *w = arg;
	char data[4096];
	ssize_t n;

	if (w->sent < w->command.len) {
		n = send(fd, w->command.data + w->sent, w->command.len - w->sent, MSG_NOSIGNAL);
		if (n > 0)
			w->sent += (size_t)n;
		/* A process that has read enough closes: its answer, if there is one, says why. */
		if (n < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET) {
			haproxy_fail_errno(w, errno, "send");
			return;
		}
		if (w->sent == w->command.len || (n < 0 && errno != EAGAIN)) {
			w->sent = w->command.len;
			loop_fd_set(w->watch, LOOP_READ);
		}
		return;
	}
	n = recv(fd, data, sizeof(data), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		buf_add(&w->answer, data, (size_t)n);
		if (w->answer.len < ANSWER_MAX && !strstr(buf_str(&w->answer), "# filename"))
			return;
	}
	haproxy_answered(w);
}

/* @payload: follows the command; or NULL. The answer arrives in haproxy_answered(). */
static void
haproxy_send(struct haproxy_work *w, enum haproxy_step step, const struct secret *payload, const char *command)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = w->sockets.items[w->socket];
	size_t len = strlen(command), payload_len = payload ? payload->len : 0;

	haproxy_close(w);
	w->step = step;
	secret_alloc(&w->command, len + payload_len + 1);
	memcpy(w->command.data, command, len);
	if (payload)
		memcpy(w->command.data + len, payload->data, payload_len);
	w->command.data[len + payload_len] = '\n';
	memcpy(address.sun_path, path, strlen(path) + 1); /* consumer_haproxy_check() */
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		haproxy_fail_errno(w, errno, "connect");
		return;
	}
	loop_timer_set(&w->timer, COMMAND_MS);
	w->watch = loop_fd_new(w->loop, w->fd, LOOP_WRITE, haproxy_ready, w);
}

static void
haproxy_say(struct haproxy_work *w, enum haproxy_step step, const char *fmt, const char *first, const char *second)
{
	_cleanup_buf_ struct buf command = BUF_INIT;

	buf_add_str(&command, fmt);
	if (first)
		buf_printf(&command, " %s", first);
	if (second)
		buf_printf(&command, " %s", second);
	haproxy_send(w, step, NULL, buf_str(&command));
}

/* --- what the answers mean --- */

/* The answer is none that is known as success. @what: that failed. */
static void
haproxy_answer_error(const struct haproxy_work *w, const char *what, struct error *err)
{
	_cleanup_free_ char *said = printable_line(buf_str(&w->answer), w->answer.len, QUOTED_MAX);

	if (*said)
		error_set(err, ERROR_STATE, "%s: %s", what, said);
	else if (w->step == STEP_SET && w->command.len > BUFSIZE - 1024)
		error_set(err, ERROR_LIMIT,
			"%s: %zu octets are more than it takes in one command: raise tune.bufsize "
			"(default %d) or use a reload",
			what, w->command.len, BUFSIZE);
	else
		error_set(err, ERROR_STATE, "%s: no answer; the socket needs the level admin", what);
}

/* --- the steps --- */

static void
haproxy_next_socket(struct haproxy_work *w)
{
	if (++w->socket == w->sockets.count) {
		w->socket--;
		haproxy_end(w, NULL);
		return;
	}
	haproxy_say(w, STEP_SHOW, "show ssl cert", w->path, NULL);
}

static void
haproxy_set(struct haproxy_work *w)
{
	_cleanup_free_ char *command = xasprintf("set ssl cert %s <<\n", w->path);

	haproxy_send(w, STEP_SET, &w->bundle, command);
}

/* A transaction of certd's own is not left open: it would take in what others set. */
static void
haproxy_abort(struct haproxy_work *w, const char *what)
{
	haproxy_answer_error(w, what, &w->failure);
	haproxy_say(w, STEP_ABORT, "abort ssl cert", w->path, NULL);
}

static void
haproxy_refuse(struct haproxy_work *w, const char *what)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	haproxy_answer_error(w, what, &err);
	haproxy_end(w, &err);
}

static void
haproxy_after_transactions(struct haproxy_work *w)
{
	_cleanup_free_ char *open = haproxy_answer_transaction(buf_str(&w->answer));
	_cleanup_free_ char *shown = open ? printable_line(open, strlen(open), QUOTED_MAX) : NULL;
	_cleanup_error_ struct error err = ERROR_INIT;

	/* One for the same file was left by a certd that was killed, or is replaced as a whole. */
	if (open && strcmp(open, w->path) != 0) {
		error_set(&err, ERROR_STATE,
			"somebody else's transaction for '%s' is open; certd does not abort it, and tries again",
			shown);
		haproxy_end(w, &err);
		return;
	}
	haproxy_set(w);
}

static void
haproxy_after_show(struct haproxy_work *w)
{
	if (!haproxy_answer_is_known(buf_str(&w->answer)))
		haproxy_say(w, STEP_NEW, "new ssl cert", w->path, NULL);
	else if (haproxy_answer_has_serial(buf_str(&w->answer), w->serial)) /* and has accepted it */
		haproxy_say(w, STEP_VERIFY, "show ssl cert", w->path, NULL);
	else
		haproxy_say(w, STEP_TRANSACTIONS, "show ssl cert", NULL, NULL);
}

static void
haproxy_after_verify(struct haproxy_work *w)
{
	activation_tested(w->activation);
	if (!haproxy_answer_has_serial(buf_str(&w->answer), w->serial))
		haproxy_refuse(w, "the certificate was committed, but another one is in use");
	else if (haproxy_answer_is_unused(buf_str(&w->answer)))
		haproxy_say(w, STEP_ADD, "add ssl crt-list", w->crt_list, w->path);
	else
		haproxy_next_socket(w);
}

static void
haproxy_answered(struct haproxy_work *w)
{
	const char *said = buf_str(&w->answer);
	bool is_success = haproxy_answer_is_success(said);
	enum haproxy_taken taken;

	loop_timer_cancel(&w->timer);
	switch (w->step) {
	case STEP_TRANSACTIONS:
		haproxy_after_transactions(w);
		return;
	case STEP_SHOW:
		haproxy_after_show(w);
		return;
	case STEP_NEW:
		if (haproxy_answer_is_new(said))
			haproxy_say(w, STEP_TRANSACTIONS, "show ssl cert", NULL, NULL);
		else
			haproxy_refuse(w, "new ssl cert");
		return;
	case STEP_SET:
		taken = haproxy_answer_taken(said, w->path);
		if (taken == HAPROXY_TAKEN) {
			activation_tested(w->activation);
			haproxy_say(w, STEP_COMMIT, "commit ssl cert", w->path, NULL);
		} else if (taken == HAPROXY_TAKEN_BY_OTHERS)
			haproxy_refuse(
				w, "somebody else's transaction, opened at the same time, has the certificate now");
		else
			haproxy_refuse(w, "set ssl cert");
		return;
	case STEP_COMMIT:
		if (is_success)
			haproxy_say(w, STEP_VERIFY, "show ssl cert", w->path, NULL);
		else
			haproxy_abort(w, "commit ssl cert");
		return;
	case STEP_ABORT:
		haproxy_end(w, &w->failure);
		return;
	case STEP_VERIFY:
		haproxy_after_verify(w);
		return;
	case STEP_ADD:
		if (is_success)
			haproxy_next_socket(w);
		else
			haproxy_refuse(w, "add ssl crt-list");
		return;
	}
}

/* The first time it begins; later, the running command has taken too long. */
static void
haproxy_timer(void *arg)
{
	struct haproxy_work *w = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (w->fd < 0) {
		haproxy_say(w, STEP_SHOW, "show ssl cert", w->path, NULL);
		return;
	}
	error_set(&err, ERROR_TIMEOUT, "no answer within %d s", COMMAND_MS / 1000);
	haproxy_end(w, &err);
}

/* --- begin --- */

/*
 * What HAProxy has loaded: "STATE/live/NAME" has its file for it in "STATE/pem/NAME.pem"; a directory of its own has
 * bundle.pem. Owned by the caller.
 */
static char *
haproxy_file(const struct activate_request *r)
{
	const struct consumer *c = r->consumer;
	const char *slash = strrchr(r->directory, '/');

	if (c->directory)
		return xasprintf("%s/bundle.pem", c->directory);
	return xasprintf(
		"%.*s/pem/%s.pem", (int)(slash - r->directory - (ptrdiff_t)strlen("/live")), r->directory, slash + 1);
}

/* An empty line would end the payload. In place. */
static void
haproxy_strip(struct secret *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->len; i++)
		if (s->data[i] != '\r' && (s->data[i] != '\n' || (kept && s->data[kept - 1] != '\n')))
			s->data[kept++] = s->data[i];
	if (kept && s->data[kept - 1] != '\n' && kept < s->len)
		s->data[kept++] = '\n';
	memset(s->data + kept, '\n', s->len - kept); /* the first ends the payload */
}

static int
consumer_haproxy_start(
	struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work, struct error *err)
{
	const char *crt_list = setting_text(&r->consumer->settings, "crtList");
	struct haproxy_work *w;
	_cleanup_free_ char *path = haproxy_file(r);
	_cleanup_secret_ struct secret bundle = SECRET_INIT;

	if (path[strcspn(path, " \t\\;<\"'")])
		return error_set(err, ERROR_STATE, "%s: HAProxy's runtime API cannot take such a path", path);
	if (secret_read_file(&bundle, path, BUNDLE_MAX, false, err) < 0)
		return -1;
	haproxy_strip(&bundle);
	w = xcalloc(1, sizeof(*w));
	w->activation = a;
	w->loop = loop;
	w->fd = -1;
	w->path = xstrdup(path);
	w->crt_list = crt_list ? xstrdup(crt_list) : xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	w->serial = xstrdup(r->cert->serial);
	strlist_copy(&w->sockets, setting_list(&r->consumer->settings, "sockets"));
	secret_move(&w->bundle, &bundle);
	loop_timer_init(&w->timer, loop, haproxy_timer, w);
	loop_timer_set(&w->timer, 0);
	*ret_work = w;
	return 1;
}

const struct consumer_kind consumer_kind_haproxy = {
	.name = "haproxy",
	.is_serial = true,
	.has_test = true,
	.needs_key = true,
	.check = consumer_haproxy_check,
	.start = consumer_haproxy_start,
	.cancel = haproxy_free,
};
