/* Mail is submitted to a server that a script plays: what the server is sent, and how its replies are reported. */
#include "daemon/base/http_mail.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"
#include "tests/support/tls_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENT_MS = 120000, SHORT_MS = 300 };

#define TEXT "Subject: x\r\n\r\nfirst\r\n.second\r\n"

/* --- the server --- */

struct reply {
	const char *at;   /* a command; "" before the first; "." the end of the text */
	const char *text; /* NULL: none; "close": the connection ends */
};

static const struct reply usual[] = { { "", "220 mail.x.test ESMTP" }, { "EHLO", "250 mail.x.test" },
	{ "MAIL", "250 sender ok" }, { "RCPT", "250 recipient ok" }, { "DATA", "354 go on" },
	{ ".", "250 2.0.0 queued as 7" }, { "QUIT", "221 bye" } };

struct smtp {
	int fd;
	int port;
	pthread_t thread;
	const struct reply *other; /* in place of one of the usual */
	struct buf got;            /* everything after the first command */
	atomic_int commands;
};

static const char *
smtp_reply(const struct smtp *s, const char *at)
{
	if (s->other && strcmp(s->other->at, at) == 0)
		return s->other->text;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (strcmp(usual[i].at, at) == 0)
			return usual[i].text;
	return "500 unknown";
}

/* Return: does the connection go on? */
static bool
smtp_say(const struct smtp *s, int fd, const char *at)
{
	const char *text = smtp_reply(s, at);

	if (text && strcmp(text, "close") == 0)
		return false;
	return !text || dprintf(fd, "%s\r\n", text) > 0;
}

static void
smtp_session(struct smtp *s, int fd, FILE *peer)
{
	char line[1000], command[5];
	bool is_text = false;

	if (!smtp_say(s, fd, ""))
		return;
	while (fgets(line, sizeof(line), peer)) {
		if (atomic_fetch_add(&s->commands, 1) > 0)
			buf_add_str(&s->got, line);
		snprintf(command, sizeof(command), "%.4s", is_text ? "" : line);
		if (is_text && strcmp(line, ".\r\n") != 0)
			continue;
		if (!smtp_say(s, fd, is_text ? "." : command))
			return;
		is_text = strcmp(command, "DATA") == 0 && strncmp(smtp_reply(s, command), "354", 3) == 0;
	}
}

/* One connection after the other, until the socket is shut down. */
static void *
smtp_main(void *arg)
{
	struct smtp *s = arg;
	int fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		FILE *peer = fdopen(fd, "r");

		smtp_session(s, fd, peer);
		fclose(peer);
	}
	return NULL;
}

static void
smtp_init(struct smtp *s, const struct reply *other)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	*s = (struct smtp){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .other = other };
	cr_assert_eq(bind(s->fd, (struct sockaddr *)&sin, len), 0);
	cr_assert_eq(listen(s->fd, 4), 0);
	cr_assert_eq(getsockname(s->fd, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	cr_assert_eq(pthread_create(&s->thread, NULL, smtp_main, s), 0);
}

static void
smtp_end(struct smtp *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	buf_clear(&s->got);
}

/* --- the client --- */

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct dns *dns;
	struct http_curl *curl;
	struct http_mail *mail;
	struct strlist to;
	struct buf text;
	unsigned calls;
	enum error_code code;
	bool may_retry;
	char told[400], answer[400];
};

static void
bed_init(struct bed *b)
{
	static const struct http_curl_config config = { .user_agent = "certd-test" };

	*b = (struct bed){ .clock = clock_new_real() };
	b->loop = loop_new(b->clock);
	b->dns = dns_new(b->loop, "127.0.0.1:9", NULL);
	b->curl = http_curl_new(b->loop, b->dns, &config, NULL);
	b->mail = http_mail_new(b->loop, b->dns);
	strlist_add(&b->to, "a@x.test");
	strlist_add(&b->to, "b@x.test");
	buf_add_str(&b->text, TEXT);
}

static void
bed_clear(struct bed *b)
{
	http_mail_free(b->mail);
	http_curl_free(b->curl);
	dns_free(b->dns);
	loop_free(b->loop);
	clock_free(b->clock);
	strlist_clear(&b->to);
	buf_clear(&b->text);
}

static void
on_done(const struct error *err, const char *answer, void *arg)
{
	struct bed *b = arg;

	b->calls++;
	b->code = err ? err->code : ERROR_NONE;
	b->may_retry = err && err->may_retry;
	snprintf(b->told, sizeof(b->told), "%s", err ? err->message : "");
	snprintf(b->answer, sizeof(b->answer), "%s", answer);
	loop_stop(b->loop);
}

/* A request with its own port, everything else as in @like. */
static void *
begin(struct bed *b, int port, const struct mail_request *like)
{
	_cleanup_free_ char *text = xasprintf("%d", port);
	struct mail_request req = *like;
	void *handle;

	req.host = req.host ? req.host : "127.0.0.1";
	req.port = text;
	req.from = "me@x.test";
	req.to = &b->to;
	req.text = &b->text;
	req.timeout_ms = req.timeout_ms ? req.timeout_ms : PATIENT_MS;
	b->calls = 0;
	handle = mail_send(http_mail_transport(b->mail), &req, on_done, b);
	cr_expect_eq(b->calls, 0, "never from inside mail_send()");
	return handle;
}

static void
submit(struct bed *b, int port, const struct mail_request *like)
{
	begin(b, port, like);
	cr_assert_eq(loop_run(b->loop, NULL), 0);
	cr_expect_eq(b->calls, 1);
}

static const struct mail_request plain = { .security = MAIL_PLAIN };

Test(http_mail, the_server_gets_sender_recipients_and_text_and_its_reply_is_reported, .timeout = 300)
{
	struct smtp s;
	struct bed b;

	smtp_init(&s, NULL);
	bed_init(&b);
	for (int i = 0; i < 2; i++) { /* each in a session of its own */
		buf_reset(&s.got);
		atomic_store(&s.commands, 0);
		submit(&b, s.port, &plain);
		cr_expect_eq(b.code, ERROR_NONE, "%s", b.told);
		cr_expect_str_eq(b.answer, "250 2.0.0 queued as 7");
		cr_expect_str_eq(buf_str(&s.got),
			"MAIL FROM:<me@x.test>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"
			"Subject: x\r\n\r\nfirst\r\n..second\r\n.\r\nQUIT\r\n");
	}
	bed_clear(&b);
	smtp_end(&s);
}

Test(http_mail, a_host_is_resolved_and_a_name_without_an_address_is_an_error, .timeout = 300)
{
	struct smtp s;
	struct bed b;

	smtp_init(&s, NULL);
	bed_init(&b);
	submit(&b, s.port, &(struct mail_request){ .host = "localhost", .security = MAIL_PLAIN });
	cr_expect_str_eq(b.answer, "250 2.0.0 queued as 7", "%s", b.told);
	submit(&b, s.port, &(struct mail_request){ .host = "mail.x.test", .security = MAIL_PLAIN });
	cr_expect_eq(b.code, ERROR_TIMEOUT, "%s", b.told);
	cr_expect_not_null(strstr(b.told, "mail.x.test"), "%s", b.told);
	cr_expect_str_eq(b.answer, "");
	bed_clear(&b);
	smtp_end(&s);
}

Test(http_mail, what_the_server_refuses_is_reported_with_its_reply, .timeout = 300)
{
#define REFUSED "mail server '127.0.0.1' refused the message: "
	static const struct {
		struct reply other;
		enum error_code code;
		const char *told, *answer;
		struct mail_request req;
	} cases[] = {
		{ { "MAIL", "550 5.7.1 not you" }, ERROR_INVALID, REFUSED "550 5.7.1 not you", "550 5.7.1 not you",
			{ .security = MAIL_PLAIN } },
		{ { "RCPT", "450 4.2.1 later" }, ERROR_STATE, REFUSED "450 4.2.1 later", "450 4.2.1 later",
			{ .security = MAIL_PLAIN } },
		{ { "DATA", "554 no" }, ERROR_INVALID, REFUSED "554 no", "554 no", { .security = MAIL_PLAIN } },
		{ { ".", "554 5.7.1 spam\033[2J" }, ERROR_INVALID, REFUSED "554 5.7.1 spam", "554 5.7.1 spam",
			{ .security = MAIL_PLAIN } },
		{ { ".", "451 4.3.0 later" }, ERROR_STATE, REFUSED "451 4.3.0 later", "451 4.3.0 later",
			{ .security = MAIL_PLAIN } },
		/* No service for anybody now is not about the message. */
		{ { "", "554 no service" }, ERROR_STATE, REFUSED "554 no service", "554 no service",
			{ .security = MAIL_PLAIN } },
		{ { "EHLO", "550 no service" }, ERROR_STATE, REFUSED "500 unknown", "500 unknown",
			{ .security = MAIL_PLAIN } },
		{ { "", "close" }, ERROR_NETWORK, "mail server '127.0.0.1' port ", "", { .security = MAIL_PLAIN } },
		{ { "DATA", "close" }, ERROR_NETWORK, "mail server '127.0.0.1' port ", "250 recipient ok",
			{ .security = MAIL_PLAIN } },
		{ { "", NULL }, ERROR_TIMEOUT, "mail server '127.0.0.1' port ", "",
			{ .security = MAIL_PLAIN, .timeout_ms = SHORT_MS } },
		{ { "EHLO", "250 mail.x.test" }, ERROR_TLS, "does not offer STARTTLS", "250 mail.x.test",
			{ .security = MAIL_STARTTLS } },
		{ { "EHLO", "250-mail.x.test\r\n250 AUTH PLAIN" }, ERROR_DENIED,
			"mail server '127.0.0.1' refuses the user 'it': 500 unknown", "500 unknown",
			{ .security = MAIL_PLAIN, .user = "it", .password = "secret" } },
		/* It closes too early: its reply before is the one of interest. */
		{ { "DATA", "221 closing" }, ERROR_NETWORK, "mail server '127.0.0.1' port ", "250 recipient ok",
			{ .security = MAIL_PLAIN } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct smtp s;
		struct bed b;

		smtp_init(&s, &cases[i].other);
		bed_init(&b);
		submit(&b, s.port, &cases[i].req);
		cr_expect_eq(b.code, cases[i].code, "%zu: %s", i, b.told);
		cr_expect_eq(b.may_retry, cases[i].code != ERROR_INVALID, "%zu", i);
		cr_expect_not_null(strstr(b.told, cases[i].told), "%zu: %s", i, b.told);
		cr_expect_eq(strncmp(b.answer, cases[i].answer, strlen(cases[i].answer)), 0, "%zu: %s", i, b.answer);
		cr_expect_null(strchr(b.told, '\033'));
		cr_expect_null(strchr(b.answer, '\033'));
		bed_clear(&b);
		smtp_end(&s);
	}
}

/* Whatever it says to QUIT, and if it says nothing: the mail was accepted, and must not be sent again. */
Test(http_mail, after_the_server_has_accepted_nothing_is_a_failure, .timeout = 300)
{
	static const struct reply others[] = { { "QUIT", "close" }, { "QUIT", "500 5.5.1 what?" }, { "QUIT", NULL } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct smtp s;
		struct bed b;

		smtp_init(&s, &others[i]);
		bed_init(&b);
		submit(&b, s.port, &plain);
		cr_expect_eq(b.code, ERROR_NONE, "%zu: %s", i, b.told);
		cr_expect_str_eq(b.answer, "250 2.0.0 queued as 7", "%zu", i);
		bed_clear(&b);
		smtp_end(&s);
	}
}

static bool
never_asked(struct tls_conn *conn, const struct tls_request *req, void *arg)
{
	(void)conn;
	(void)req;
	(void)arg;
	return false;
}

Test(http_mail, the_certificate_of_the_server_is_checked, .timeout = 300)
{
	static const struct tls_server_config config = { .serve = never_asked };
	static const char *const ca_files[] = { NULL, "/does/not/exist" };
	static const char *const told[] = { "the certificate of mail server '127.0.0.1' is not accepted: ",
		"CA file '/does/not/exist' cannot be used" };
	char *dir = scratch_new();
	struct tls_server *server = tls_server_new(dir, &config);
	struct smtp s;
	struct bed b;

	bed_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		submit(&b, tls_server_port(server),
			&(struct mail_request){ .security = MAIL_TLS, .ca_file = ca_files[i] });
		cr_expect_eq(b.code, ERROR_TLS, "%s", b.told);
		cr_expect_not_null(strstr(b.told, told[i]), "%s", b.told);
		cr_expect(b.may_retry);
	}
	smtp_init(&s, NULL);
	submit(&b, s.port, &(struct mail_request){ .security = MAIL_TLS });
	cr_expect_eq(b.code, ERROR_TLS, "%s", b.told);
	cr_expect_not_null(strstr(b.told, "TLS with mail server '127.0.0.1' port "), "%s", b.told);
	smtp_end(&s);
	bed_clear(&b);
	tls_server_free(server);
	scratch_remove(&dir);
}

struct waiter {
	struct loop *loop;
	struct loop_timer timer;
	const struct smtp *server;
};

/* Stops the loop when the server waits in the middle of a session. */
static void
on_tick(void *arg)
{
	struct waiter *w = arg;

	if (!w->server || atomic_load(&w->server->commands) >= 2)
		loop_stop(w->loop);
	else
		loop_timer_set(&w->timer, 5);
}

/* Before it is resolved, while it runs, and with the whole transport. */
Test(http_mail, a_cancelled_mail_does_not_call_back, .timeout = 300)
{
	static const struct reply silent = { "MAIL", NULL };
	const struct mail *transport;
	struct waiter w;
	struct smtp s;
	struct bed b;

	smtp_init(&s, &silent);
	bed_init(&b);
	transport = http_mail_transport(b.mail);
	w = (struct waiter){ .loop = b.loop };
	loop_timer_init(&w.timer, b.loop, on_tick, &w);
	mail_cancel(transport, begin(&b, s.port, &(struct mail_request){ .host = "mail.x.test" }));
	for (int i = 0; i < 2; i++) {
		void *handle;

		atomic_store(&s.commands, 0);
		handle = begin(&b, s.port, &plain);
		w.server = &s;
		loop_timer_set(&w.timer, 5);
		cr_assert_eq(loop_run(b.loop, NULL), 0);
		w.server = NULL;
		if (i == 0)
			mail_cancel(transport, handle);
		loop_timer_set(&w.timer, 1500); /* libcurl looks once a second whether to go on */
		cr_assert_eq(loop_run(b.loop, NULL), 0);
		cr_expect_eq(b.calls, 0, "%s", b.told);
	}
	bed_clear(&b);
	cr_expect_eq(b.calls, 0);
	smtp_end(&s);
}
