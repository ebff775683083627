/* What HAProxy's runtime API is told, in which order, and what certd makes of each answer. */
#include "common/buf.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/activate.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { STEPS_MAX = 14, SOCKETS = 2, LONG_ANSWER = 70000 };

/* In all texts: $P the certificate's file, $S and $T the sockets, $D the directory of the file, $L a long text. */
struct talk {
	const char *crt_list;
	struct {
		const char *command;
		const char *answer; /* NULL: none, and the connection stays open */
	} steps[STEPS_MAX];
	const char *says; /* NULL: it succeeds */
	enum error_code code;
	size_t sockets; /* 0: one */
	bool is_tested; /* although it fails */
};

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct certificate cert;
	struct consumer consumer;
	struct strlist sockets;
	char *dir, *live, *path;
	const struct talk *talk;
	size_t step;
	int listeners[SOCKETS];
	struct loop_fd *watches[SOCKETS];
	int conn;
	struct loop_fd *conn_watch;
	struct buf heard;
	unsigned dones;
	struct error err;
	bool is_tested;
};

static void
fill(const struct bed *b, const char *text, struct buf *ret)
{
	for (; *text; text++) {
		if (*text != '$') {
			buf_add_char(ret, *text);
			continue;
		}
		switch (*++text) {
		case 'P':
			buf_add_str(ret, b->path);
			break;
		case 'S':
			buf_add_str(ret, b->sockets.items[0]);
			break;
		case 'T':
			buf_add_str(ret, b->sockets.items[1]);
			break;
		case 'D':
			buf_add(ret, b->path, (size_t)(strrchr(b->path, '/') + 1 - b->path));
			break;
		default:
			for (size_t i = 0; i < LONG_ANSWER; i++)
				buf_add_char(ret, 'x');
			break;
		}
	}
}

static void
hang_up(struct bed *b)
{
	loop_fd_free(b->conn_watch);
	b->conn_watch = NULL;
	if (b->conn >= 0)
		close(b->conn);
	b->conn = -1;
	buf_reset(&b->heard);
}

static void
on_command(int fd, short what _unused_, void *arg)
{
	struct bed *b = arg;
	static char data[128 * 1024];
	const char *answer;
	ssize_t n = recv(fd, data, sizeof(data), 0);
	_cleanup_buf_ struct buf wanted = BUF_INIT, reply = BUF_INIT;

	if (n <= 0) {
		hang_up(b);
		return;
	}
	buf_add(&b->heard, data, (size_t)n);
	if (!strstr(buf_str(&b->heard), strstr(buf_str(&b->heard), "<<\n") ? "\n\n" : "\n"))
		return;
	cr_assert(b->step < STEPS_MAX && b->talk->steps[b->step].command, "%s: not expected", buf_str(&b->heard));
	fill(b, b->talk->steps[b->step].command, &wanted);
	cr_expect_str_eq(buf_str(&b->heard), buf_str(&wanted), "step %zu", b->step);
	answer = b->talk->steps[b->step++].answer;
	if (!answer)
		return;
	fill(b, answer, &reply);
	cr_assert_eq(send(fd, buf_str(&reply), reply.len, MSG_NOSIGNAL), (ssize_t)reply.len);
	/* A list that is long, or of files, is read no further. */
	if (reply.len < LONG_ANSWER && !strstr(buf_str(&reply), "# filename"))
		hang_up(b);
}

static void
on_connection(int fd, short what _unused_, void *arg)
{
	struct bed *b = arg;

	hang_up(b);
	b->conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	cr_assert_geq(b->conn, 0);
	b->conn_watch = loop_fd_new(b->loop, b->conn, LOOP_READ, on_command, b);
}

static void
write_bundle(struct bed *b, const char *text)
{
	scratch_write(b->dir, "pem/www.pem", "%s", text);
	cr_assert_eq(chmod(b->path, 0600), 0);
}

static void
bed_init(struct bed *b, const struct talk *talk)
{
	_cleanup_free_ char *pem = NULL;

	*b = (struct bed){ .clock = clock_new_virtual(1000), .dir = scratch_new(), .talk = talk, .conn = -1 };
	b->loop = loop_new(b->clock);
	b->cert.serial = xstrdup("01:AB");
	b->live = xasprintf("%s/live/www", b->dir);
	b->path = xasprintf("%s/pem/www.pem", b->dir);
	pem = xasprintf("%s/pem", b->dir);
	cr_assert_eq(mkdir(pem, 0700), 0);
	write_bundle(b, "KEY\n\nCERT\r\n\r\n");
	b->consumer = (struct consumer){
		.o.name = xstrdup("lb"),
		.activate = xstrdup("haproxy"),
	};
	setting_put(&b->consumer.settings, "crtList", talk->crt_list);
	for (size_t i = 0; i < (talk->sockets ? talk->sockets : 1); i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		_cleanup_free_ char *path = xasprintf("%s/%zu", b->dir, i);

		strlist_add(&b->sockets, path);
		memcpy(address.sun_path, path, strlen(path) + 1);
		b->listeners[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		cr_assert_eq(bind(b->listeners[i], (struct sockaddr *)&address, sizeof(address)), 0);
		cr_assert_eq(listen(b->listeners[i], 8), 0);
		b->watches[i] = loop_fd_new(b->loop, b->listeners[i], LOOP_READ, on_connection, b);
	}
	setting_put_list(&b->consumer.settings, "sockets", &b->sockets);
}

static void
bed_clear(struct bed *b)
{
	hang_up(b);
	for (size_t i = 0; i < b->sockets.count; i++) {
		loop_fd_free(b->watches[i]);
		close(b->listeners[i]);
	}
	buf_clear(&b->heard);
	strlist_clear(&b->sockets);
	consumer_clear(&b->consumer);
	certificate_clear(&b->cert);
	error_clear(&b->err);
	free(b->live);
	free(b->path);
	loop_free(b->loop);
	clock_free(b->clock);
	scratch_remove(&b->dir);
}

static void
on_done(const struct error *err, bool is_tested, void *arg)
{
	struct bed *b = arg;

	b->dones++;
	b->is_tested = is_tested;
	if (err)
		error_copy(&b->err, err);
	loop_stop(b->loop);
}

static struct activation *
start(struct bed *b)
{
	const struct activate_request request = {
		.consumer = &b->consumer, .name = "www", .cert = &b->cert, .directory = b->live, .generation = 7
	};

	return activate_start(b->loop, &request, on_done, b);
}

static void
play(struct bed *b)
{
	_cleanup_buf_ struct buf says = BUF_INIT;

	start(b);
	cr_expect_eq(b->dones, 0, "done from inside the call");
	cr_assert_eq(loop_run(b->loop, NULL), 0);
	cr_expect_eq(b->dones, 1);
	fill(b, b->talk->says ? b->talk->says : "", &says);
	cr_expect_str_eq(b->err.message ? b->err.message : "", buf_str(&says));
	cr_expect_eq(b->err.code, b->talk->says ? b->talk->code : ERROR_NONE, "%s: %s", error_code_name(b->err.code),
		buf_str(&says));
	cr_expect_eq(b->is_tested, !b->talk->says || b->talk->is_tested, "%s", buf_str(&says));
	cr_expect(b->step == STEPS_MAX || !b->talk->steps[b->step].command, "%s is not said",
		b->talk->steps[b->step].command);
}

#define SHOWN(status, serial) "Filename: $P\nStatus: " status "\nSerial: " serial "\nSubject: /CN=x\n"
#define SHOW(status, serial) \
	{ \
		"show ssl cert $P\n", SHOWN(status, serial) \
	}
#define OPEN(files) \
	{ \
		"show ssl cert\n", "# transaction\n" files "# filename\n$P\n" \
	}
/* Three empty lines are taken out of the bundle; what is left of its memory are ends of lines. */
#define SET_COMMAND "set ssl cert $P <<\nKEY\nCERT\n\n\n\n\n\n"
#define SET \
	{ \
		SET_COMMAND, "Transaction created for certificate $P!\n" \
	}
#define COMMIT \
	{ \
		"commit ssl cert $P\n", "Committing $P.\nSuccess!\n" \
	}
#define ABSENT \
	{ \
		"show ssl cert $P\n", "Can't display the certificate: Not found or the certificate is a bundle!\n" \
	}
#define NEW \
	{ \
		"new ssl cert $P\n", "New empty certificate store '$P'!\n" \
	}

static const struct talk talks[] = {
	{ .steps = { SHOW("Used", "01AB"), SHOW("Used", "1ab") } },
	{ .steps = { SHOW("Used", "1AB0"), OPEN(""), SET, COMMIT, SHOW("Used", "00:01:AB") } },
	{ .steps = { SHOW("Used", "1A"), OPEN(""), SET, COMMIT, SHOW("Used", "1AB") } },
	{ .steps = { SHOW("Empty", ""), OPEN(""), SET, COMMIT, SHOW("Used", "1AB") } },
	{ .steps = { { "show ssl cert $P\n", "Filename: $P\nStatus: Empty\n" }, OPEN("*$P\n"),
		  { SET_COMMAND, "Transaction updated for certificate $P!\n" }, COMMIT, SHOW("Used", "1AB") } },
	{ .steps = { ABSENT, NEW, OPEN(""), SET, COMMIT, SHOW("Unused", "1AB"),
		  { "add ssl crt-list $D $P\n", "Inserting certificate '$P' in crt-list '$D'.\nSuccess!\n" } } },
	{ .crt_list = "/etc/haproxy/list",
		.steps = { SHOW("Unused", "1AB"), SHOW("Unused", "1AB"),
			{ "add ssl crt-list /etc/haproxy/list $P\n", "Success!\n" } } },
	{ .sockets = 2,
		.steps = { SHOW("Used", "1AB"), SHOW("Used", "1AB"), SHOW("Used", "7"), OPEN(""), SET, COMMIT,
			SHOW("Used", "1AB") } },
	{ .steps = { SHOW("Used", "7"), { "show ssl cert\n", "$L" }, SET, COMMIT, SHOW("Used", "1AB") } },
	{ .steps = { SHOW("Used", "7"), { "show ssl cert\n", "# transaction\n# filename\n*odd\n" }, SET, COMMIT,
		  SHOW("Used", "1AB") } },
	{ .steps = { SHOW("Used", "7"), OPEN("*/etc/\033x.pem\r\n") },
		.says = "haproxy at $S: somebody else's transaction for '/etc/ x.pem' is open; certd does not abort "
			"it, and tries again",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), { "show ssl cert\n", "# transaction\n*/etc/x.pem\n" } },
		.says = "haproxy at $S: somebody else's transaction for '/etc/x.pem' is open; certd does not abort "
			"it, and tries again",
		.code = ERROR_STATE },
	{ .sockets = 2,
		.steps = { SHOW("Used", "1AB"), SHOW("Used", "1AB"), ABSENT,
			{ "new ssl cert $P\n", "Out of memory!" } },
		.is_tested = true,
		.says = "haproxy at $T: new ssl cert: Out of memory!",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), OPEN(""), { SET_COMMAND, "Transaction updated for certificate /etc/x.pem!" } },
		.says = "haproxy at $S: somebody else's transaction, opened at the same time, has the certificate now: "
			"Transaction updated for certificate /etc/x.pem!",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), OPEN(""), { SET_COMMAND, "unable to load for certificate $P!" } },
		.says = "haproxy at $S: set ssl cert: unable to load for certificate $P!",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), OPEN(""), { SET_COMMAND, "" } },
		.says = "haproxy at $S: set ssl cert: no answer; the socket needs the level admin",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), OPEN(""), SET, { "commit ssl cert $P\n", "inconsistencies" },
		  { "abort ssl cert $P\n", "Transaction aborted for certificate '$P'!\n" } },
		.is_tested = true,
		.says = "haproxy at $S: commit ssl cert: inconsistencies",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), OPEN(""), SET, COMMIT, { "show ssl cert $P\n", "Serial: 7" } },
		.is_tested = true,
		.says = "haproxy at $S: the certificate was committed, but another one is in use: Serial: 7",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Unused", "1AB"), SHOW("Unused", "1AB"), { "add ssl crt-list $D $P\n", "no such list" } },
		.is_tested = true,
		.says = "haproxy at $S: add ssl crt-list: no such list",
		.code = ERROR_STATE },
	{ .steps = { SHOW("Used", "7"), { "show ssl cert\n", NULL } },
		.says = "haproxy at $S: no answer within 10 s",
		.code = ERROR_TIMEOUT },
};

Test(haproxy, each_answer_leads_to_its_next_command_or_error)
{
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
		struct bed b;

		bed_init(&b, &talks[i]);
		play(&b);
		cr_expect_eq(clock_wall(b.clock), talks[i].code == ERROR_TIMEOUT ? 1010 : 1000, "%zu", i);
		bed_clear(&b);
	}
}

/* As tune.bufsize limits it. */
Test(haproxy, a_bundle_that_is_too_long_is_named_as_the_likely_reason)
{
	for (size_t more = 0; more <= 1; more++) {
		_cleanup_buf_ struct buf text = BUF_INIT, command = BUF_INIT, says = BUF_INIT;
		struct talk talk = { .steps = { SHOW("Used", "7"), OPEN(""), { NULL, NULL } } };
		struct bed b;

		bed_init(&b, &talk);
		while (text.len + strlen("set ssl cert  <<\n") + strlen(b.path) + 2 < 15 * 1024 + more)
			buf_add_char(&text, 'k');
		buf_add_char(&text, '\n');
		write_bundle(&b, buf_str(&text));
		buf_printf(&command, "set ssl cert $P <<\n%s\n", buf_str(&text));
		talk.steps[2].command = buf_str(&command);
		talk.steps[2].answer = "";
		buf_add_str(&says, "haproxy at $S: set ssl cert: ");
		buf_add_str(&says, more ? "15361 octets are more than it takes in one command: raise tune.bufsize "
					  "(default 16384) or use a reload"
					: "no answer; the socket needs the level admin");
		talk.says = buf_str(&says);
		talk.code = more ? ERROR_LIMIT : ERROR_STATE;
		play(&b);
		bed_clear(&b);
	}
}

Test(haproxy, a_consumer_with_a_directory_has_its_bundle_there)
{
	static const struct talk talk = { .steps = { SHOW("Unused", "1AB"), SHOW("Unused", "1AB"),
						  { "add ssl crt-list $D $P\n", "Success!\n" } } };
	struct bed b;

	bed_init(&b, &talk);
	b.consumer.directory = xasprintf("%s/pem", b.dir);
	scratch_write(b.dir, "pem/bundle.pem", "KEY\n");
	free(b.path);
	b.path = xasprintf("%s/pem/bundle.pem", b.dir);
	cr_assert_eq(chmod(b.path, 0600), 0);
	play(&b);
	bed_clear(&b);
}

Test(haproxy, what_cannot_be_said_is_not_begun)
{
	static const struct talk odd = { .says = "/srv/a b/bundle.pem: HAProxy's runtime API cannot take such a path",
		.code = ERROR_STATE };
	static const struct talk deaf = { .says = "haproxy at $S: connect: Connection refused", .code = ERROR_NETWORK };
	struct bed b;

	bed_init(&b, &odd);
	b.consumer.directory = xstrdup("/srv/a b");
	play(&b);
	bed_clear(&b);

	bed_init(&b, &odd);
	cr_assert_eq(unlink(b.path), 0);
	start(&b);
	cr_assert_eq(loop_run(b.loop, NULL), 0);
	cr_expect_eq(b.dones, 1);
	cr_expect_eq(b.err.code, ERROR_NOT_FOUND, "%s", error_code_name(b.err.code));
	bed_clear(&b);

	bed_init(&b, &deaf);
	loop_fd_free(b.watches[0]);
	b.watches[0] = NULL;
	close(b.listeners[0]);
	b.listeners[0] = -1;
	play(&b);
	bed_clear(&b);
}

Test(haproxy, one_that_is_cancelled_hangs_up_and_is_silent)
{
	static const struct talk talk = { .steps = { { "show ssl cert $P\n", NULL } } };
	struct activation *a;
	struct bed b;

	bed_init(&b, &talk);
	a = start(&b);
	cr_assert_eq(loop_run_until(b.loop, 1005, NULL), 0);
	cr_expect_eq(b.step, 1);
	cr_expect_geq(b.conn, 0);
	activate_cancel(a);
	cr_assert_eq(loop_run_until(b.loop, 1100, NULL), 0);
	cr_expect_eq(b.conn, -1);
	cr_expect_eq(b.dones, 0);
	bed_clear(&b);
}
