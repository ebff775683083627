#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "tests/support/hostile_peers.h"
#include "tests/support/process.h"
#include "tests/support/relay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a client on a loop, and one answer copied --- */

enum { PATIENT_MS = 120000 }; /* for an answer that comes, on a machine that may be busy */

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct dns *dns;
	struct http_curl *curl;
	const struct http *http;
	char *dir;
	struct tls_server *server;
};

struct result {
	struct loop *loop;
	int *pending; /* the loop stops at 0 */
	int calls;
	int64_t ended_ms;
	struct http_response res;
	struct error err;
};

static void
bed_init(struct bed *bed, const char *dns_server, const struct http_curl_config *config,
	const struct tls_server_config *server)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	static const struct http_curl_config plain = { .user_agent = "certd-test" };
	bed->clock = clock_new_real();
	bed->loop = loop_new(bed->clock);
	bed->dns = dns_new(bed->loop, dns_server ? dns_server : "127.0.0.1:9", &err);
	cr_assert_not_null(bed->dns, "%s", err.message);
	bed->curl = http_curl_new(bed->loop, bed->dns, config ? config : &plain, &err);
	cr_assert_not_null(bed->curl, "%s", err.message);
	bed->http = http_curl_transport(bed->curl);
	bed->dir = scratch_new();
	bed->server = server ? tls_server_new(bed->dir, server) : NULL;
}

static void
bed_clear(struct bed *bed)
{
	http_curl_free(bed->curl);
	dns_free(bed->dns);
	loop_free(bed->loop);
	clock_free(bed->clock);
	tls_server_free(bed->server);
	scratch_remove(&bed->dir);
}

static void
result_clear(struct result *r)
{
	http_response_clear(&r->res);
	error_clear(&r->err);
}

static void
on_done(struct http_response *res, const struct error *err, void *arg)
{
	struct result *r = arg;
	cr_assert((res != NULL) != (err != NULL));
	r->calls++;
	r->ended_ms = clock_boot_ms(loop_clock(r->loop));
	if (err)
		error_copy(&r->err, err);
	if (res) {
		r->res = *res;
		*res = (struct http_response){ .status = 0 };
	}
	if (!r->pending || --*r->pending == 0)
		loop_stop(r->loop);
}

static char *
url_of(const struct bed *bed, const char *host, const char *path)
{
	return xasprintf("https://%s:%d%s", host, tls_server_port(bed->server), path);
}

static void
perform(struct bed *bed, const struct http_request *req, struct result *r)
{
	*r = (struct result){ .loop = bed->loop };
	http_send(bed->http, req, on_done, r);
	cr_assert_eq(r->calls, 0, "called from inside http_send()");
	cr_assert_eq(loop_run(bed->loop, NULL), 0);
	cr_assert_eq(r->calls, 1);
}

/* GET @path of the bed's server, its root known. */
static void
get(struct bed *bed, const char *path, struct result *r)
{
	_cleanup_free_ char *url = url_of(bed, "localhost", path);
	perform(bed,
		&(struct http_request){ .method = "GET",
			.url = url,
			.ca_file = tls_server_ca_file(bed->server),
			.timeout_ms = PATIENT_MS },
		r);
}

static void
expect_error(const struct result *r, enum error_code code, const char *text)
{
	cr_assert(error_is_set(&r->err), "no error, but expected: %s", text);
	cr_expect_eq(r->err.code, code, "%s: %s", error_code_name(r->err.code), r->err.message);
	cr_expect(strstr(r->err.message, text), "'%s' is not in: %s", text, r->err.message);
	cr_expect(!strchr(r->err.message, '\n'));
}

static void
expect_ok(const struct result *r, const char *body)
{
	cr_assert(!error_is_set(&r->err), "%s", r->err.message);
	cr_expect_eq(r->res.status, 200);
	cr_expect_str_eq(buf_str(&r->res.body), body);
}

/* --- what is sent and what comes back --- */

static bool
serve_echo(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	struct buf body = BUF_INIT;
	buf_printf(&body, "%s%.*s", req->head, (int)req->body_len, req->body);
	tls_conn_answer(conn, "200 OK",
		"Content-Type: text/plain; x=y \r\nREPLAY-NONCE:  abc\r\nLink: <a>;rel=\"up\"\r\n"
		"link: <b>;rel=\"alternate\"\r\nRetry-After: 7\r\nLocation: /l\r\n"
		"Set-Cookie: id=a=1; Path=/; Secure\r\nset-cookie: other=2\r\n",
		strcmp(req->method, "HEAD") == 0 ? "" : buf_str(&body));
	buf_clear(&body);
	return true;
}

Test(http, requests_arrive_as_asked_and_answers_are_told, .timeout = 300)
{
	static const struct {
		const char *method, *body, *type, *first_line;
	} cases[] = {
		{ "GET", "", NULL, "GET /p?q=1 HTTP/1.1" },
		{ "POST", "{}", "application/jose+json", "POST /p?q=1 HTTP/1.1" },
		{ "POST", "", "application/jose+json", "POST /p?q=1 HTTP/1.1" },
		{ "PUT", "put", "text/x", "PUT /p?q=1 HTTP/1.1" },
		{ "PATCH", "patch", NULL, "PATCH /p?q=1 HTTP/1.1" },
		{ "DELETE", "", NULL, "DELETE /p?q=1 HTTP/1.1" },
		{ "DELETE", "x", "text/x", "DELETE /p?q=1 HTTP/1.1" },
	};
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo });
	_cleanup_free_ char *url = url_of(&bed, "localhost", "/p?q=1");
	char *extra[] = { (char[]){ "X-Extra: one" }, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(result_clear) struct result r;
		perform(&bed,
			&(struct http_request){ .method = cases[i].method,
				.url = url,
				.content_type = cases[i].type,
				.accept = "application/x",
				.headers = { extra, 1 },
				.body = cases[i].body,
				.body_len = strlen(cases[i].body),
				.ca_file = tls_server_ca_file(bed.server) },
			&r);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		const char *text = buf_str(&r.res.body), *head_end = strstr(text, "\r\n\r\n");
		cr_assert_not_null(head_end);
		cr_expect_eq(strncmp(text, cases[i].first_line, strlen(cases[i].first_line)), 0, "%s", text);
		cr_expect_str_eq(head_end + 4, cases[i].body);
		_cleanup_free_ char *type = xasprintf("\r\nContent-Type: %s\r\n", cases[i].type);
		cr_expect_eq(strstr(text, type) != NULL, cases[i].type != NULL, "%s", text);
		cr_expect_eq(strcasestr(text, "\r\nContent-Type:") != NULL, cases[i].type != NULL, "%s", text);
		cr_expect(strstr(text, "\r\nX-Extra: one\r\n"));
		cr_expect(strstr(text, "\r\nAccept: application/x\r\n"));
		cr_expect(strstr(text, "\r\nUser-Agent: certd-test\r\n"));
		cr_expect(!strcasestr(text, "\r\nExpect:") && !strcasestr(text, "\r\nAccept-Encoding:"), "%s", text);
		cr_expect_str_eq(r.res.content_type, "text/plain; x=y");
		cr_expect_str_eq(r.res.replay_nonce, "abc");
		cr_expect_eq(r.res.retry_after_sec, 7);
		cr_expect_str_eq(r.res.location, "/l");
		cr_expect_eq(r.res.links.count, 2);
		cr_expect_str_eq(r.res.links.items[1], "<b>;rel=\"alternate\"");
		cr_expect_eq(r.res.cookies.count, 2);
		cr_expect_str_eq(r.res.cookies.items[0], "id=a=1");
		cr_expect_str_eq(r.res.cookies.items[1], "other=2");
	}
	_cleanup_(result_clear) struct result head;
	perform(&bed, &(struct http_request){ .method = "HEAD", .url = url, .ca_file = tls_server_ca_file(bed.server) },
		&head);
	expect_ok(&head, "");
	cr_expect_str_eq(head.res.replay_nonce, "abc");
	cr_expect_eq(tls_server_connections(bed.server), 1, "one connection serves them all");
}

static int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;
	for (const struct dirent *e; (e = readdir(dir));)
		count += e->d_name[0] != '.';
	closedir(dir);
	return count;
}

Test(http, twenty_requests_share_one_connection_and_no_thread_is_started, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo });
	int before = count_threads();
	for (int i = 0; i < 20; i++) {
		_cleanup_(result_clear) struct result r;
		get(&bed, "/", &r);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		cr_expect_leq(count_threads(), before + 1); /* the server's for the connection */
	}
	cr_expect_eq(tls_server_connections(bed.server), 1);
	cr_expect_eq(tls_server_requests(bed.server), 20);
}

static bool
serve_slowly(struct tls_conn *conn, const struct tls_request *req, void *arg)
{
	tls_conn_pause(conn, *(const int *)arg * (strcmp(req->path, "/slower") == 0 ? 100 : 1));
	return tls_conn_answer(conn, "200 OK", "", "ok");
}

/* Requests that wait for each other: a client that sends them one after the other gets the answer "alone". */
struct gathering {
	int wanted;
	atomic_int present;
};

static bool
serve_when_all_are_there(struct tls_conn *conn, const struct tls_request *req _unused_, void *arg)
{
	enum { POLL_MS = 5 };
	struct gathering *g = arg;

	atomic_fetch_add(&g->present, 1);
	for (int ms = 0; ms < PATIENT_MS && atomic_load(&g->present) < g->wanted; ms += POLL_MS)
		tls_conn_pause(conn, POLL_MS);
	return tls_conn_answer(conn, "200 OK", "", atomic_load(&g->present) < g->wanted ? "alone" : "together");
}

Test(http, parallel_requests_keep_to_the_number_of_connections, .timeout = 300)
{
	enum { COUNT = 12, CONNECTIONS = 3 };
	static struct gathering gathering = { .wanted = CONNECTIONS };
	static const struct http_curl_config config = { .user_agent = "t", .max_connections_per_host = CONNECTIONS };
	_cleanup_(bed_clear) struct bed bed;
	struct result r[COUNT];
	int pending = COUNT;
	bed_init(&bed, NULL, &config,
		&(struct tls_server_config){ .serve = serve_when_all_are_there, .arg = &gathering });
	_cleanup_free_ char *url = url_of(&bed, "localhost", "/");
	for (int i = 0; i < COUNT; i++) {
		r[i] = (struct result){ .loop = bed.loop, .pending = &pending };
		http_send(bed.http,
			&(struct http_request){
				.method = "GET", .url = url, .ca_file = tls_server_ca_file(bed.server) },
			on_done, &r[i]);
	}
	loop_run(bed.loop, NULL);
	for (int i = 0; i < COUNT; i++) {
		expect_ok(&r[i], "together");
		result_clear(&r[i]);
	}
	cr_expect_eq(tls_server_connections(bed.server), CONNECTIONS);
}

static bool
serve_retry_after(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	_cleanup_free_ char *fields = xasprintf("Retry-After: %s\r\n", strchr(req->path, '?') + 1);

	for (char *p = fields; *p; p++)
		*p = *p == '_' ? ' ' : *p;
	return tls_conn_answer(conn, "503 Service Unavailable", fields, "");
}

Test(http, a_retry_after_is_seconds_however_it_is_written, .timeout = 300)
{
	static const struct {
		const char *value;
		int64_t least, most;
	} cases[] = {
		{ "7", 7, 7 },
		{ "0", 1, 1 },
		{ "20300101", 20300101, 20300101 }, /* not a date */
		{ "Sun,_06_Nov_1994_08:49:37_GMT", 1, 1 },
		{ "Fri,_31_Dec_9999_23:59:59_GMT", 251505000000, 252500000000 },
		{ "tomorrow", 0, 0 },
	};
	_cleanup_(bed_clear) struct bed bed;

	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_retry_after });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = xasprintf("/?%s", cases[i].value);
		_cleanup_free_ char *url = url_of(&bed, "localhost", path);
		_cleanup_(result_clear) struct result r;

		perform(&bed,
			&(struct http_request){
				.method = "GET", .url = url, .ca_file = tls_server_ca_file(bed.server) },
			&r);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		cr_expect(r.res.retry_after_sec >= cases[i].least && r.res.retry_after_sec <= cases[i].most, "%s: %lld",
			cases[i].value, (long long)r.res.retry_after_sec);
	}
}

/* --- caps --- */

static bool
serve_by_path(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	char block[1024];
	memset(block, 'x', sizeof(block));
	if (strcmp(req->path, "/length") == 0)
		return tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
	if (strcmp(req->path, "/no-length") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		while (tls_conn_write(conn, block, sizeof(block)))
			;
		return false;
	}
	if (strcmp(req->path, "/chunked") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		while (tls_conn_printf(conn, "100\r\n%.256s\r\n", block))
			;
		return false;
	}
	if (strcmp(req->path, "/headers") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\n");
		while (tls_conn_printf(conn, "X-Flood: %.200s\r\n", block))
			;
		return false;
	}
	if (strcmp(req->path, "/interim") == 0) {
		while (tls_conn_printf(conn, "HTTP/1.1 100 Continue\r\n\r\n"))
			;
		return false;
	}
	if (strcmp(req->path, "/one-header") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nX: ");
		while (tls_conn_write(conn, block, sizeof(block)))
			;
		return false;
	}
	if (strcmp(req->path, "/exact") == 0)
		return tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%.1000s", block);
	if (strcmp(req->path, "/redirect") == 0)
		return tls_conn_answer(conn, "302 Found", "Location: https://localhost:1/else\r\n", "moved");
	if (strcmp(req->path, "/garbage") == 0) {
		tls_conn_printf(conn, "SSH-2.0-x\r\n\r\n");
		return false;
	}
	return tls_conn_answer(conn, "404 Not Found", "", "no");
}

Test(http, whatever_is_too_large_ends_at_its_cap, .timeout = 300)
{
	static const struct {
		const char *path;
		enum error_code code;
		const char *text;
	} cases[] = {
		{ "/length", ERROR_LIMIT, "'localhost' sent more than 1000 octets" },
		{ "/no-length", ERROR_LIMIT, "'localhost' sent more than 1000 octets" },
		{ "/chunked", ERROR_LIMIT, "'localhost' sent more than 1000 octets" },
		{ "/headers", ERROR_LIMIT, "'localhost' sent more than 65536 octets of headers" },
		{ "/interim", ERROR_LIMIT, "'localhost' sent more than 65536 octets of headers" },
		{ "/one-header", ERROR_LIMIT, "header" },
		{ "/garbage", ERROR_PROTOCOL, "the answer of 'localhost' is not valid HTTP" },
	};
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_by_path });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(result_clear) struct result r;
		_cleanup_free_ char *url = url_of(&bed, "localhost", cases[i].path);
		perform(&bed,
			&(struct http_request){ .method = "GET",
				.url = url,
				.ca_file = tls_server_ca_file(bed.server),
				.max_body = 1000 },
			&r);
		expect_error(&r, cases[i].code, cases[i].text);
	}
	_cleanup_(result_clear) struct result exact;
	_cleanup_free_ char *url = url_of(&bed, "localhost", "/exact");
	perform(&bed,
		&(struct http_request){
			.method = "GET", .url = url, .ca_file = tls_server_ca_file(bed.server), .max_body = 1000 },
		&exact);
	cr_assert(!error_is_set(&exact.err), "%s", exact.err.message);
	cr_expect_eq(exact.res.body.len, 1000);
}

Test(http, redirects_are_answers_and_not_followed, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result r;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_by_path });
	get(&bed, "/redirect", &r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(r.res.status, 302);
	cr_expect_str_eq(r.res.location, "https://localhost:1/else");
	cr_expect_eq(tls_server_requests(bed.server), 1);
}

/* --- time --- */

static bool
serve_drip(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	if (strcmp(req->path, "/head") == 0)
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nX: ");
	else if (strcmp(req->path, "/body") == 0)
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
	while (tls_conn_pause(conn, 100))
		if (strcmp(req->path, "/silent") != 0 && !tls_conn_printf(conn, "x"))
			break;
	return false;
}

Test(http, a_slow_drip_ends_at_the_time_limit, .timeout = 300)
{
	static const struct {
		const char *path, *text;
		int timeout_ms, least_ms;
	} cases[] = {
		{ "/silent", "waiting for the answer", 1500, 1490 },
		{ "/head", "port", 1500, 1490 },
		{ "/body", "reading the answer", 1500, 1490 },
		{ "/head", "is too slow: 17 octets in 5000 ms", 10000, 4990 },
	};
	_cleanup_(bed_clear) struct bed bed;
	struct result r[ARRAY_SIZE(cases)];
	int pending = ARRAY_SIZE(cases);
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_drip });
	int64_t before = clock_boot_ms(bed.clock);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *url = url_of(&bed, "localhost", cases[i].path);
		r[i] = (struct result){ .loop = bed.loop, .pending = &pending };
		http_send(bed.http,
			&(struct http_request){ .method = "POST",
				.url = url,
				.ca_file = tls_server_ca_file(bed.server),
				.timeout_ms = cases[i].timeout_ms },
			on_done, &r[i]);
	}
	loop_run(bed.loop, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t took = r[i].ended_ms - before;
		expect_error(&r[i], ERROR_TIMEOUT, cases[i].text);
		cr_expect(r[i].err.may_retry);
		cr_expect(took >= cases[i].least_ms && took < cases[i].least_ms + 4000, "%s took %lld ms",
			cases[i].path, (long long)took);
		result_clear(&r[i]);
	}
}

static bool
serve_stall_first_connection(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	if (req->connection == 1 && req->on_connection > 1) {
		tls_conn_pause(conn, 60000);
		return false;
	}
	return tls_conn_answer(conn, "200 OK", "", "ok");
}

Test(http, a_stalled_kept_connection_is_left_behind, .timeout = 300)
{
	for (int post = 0; post < 2; post++) {
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result first, second, third;
		bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_stall_first_connection });
		_cleanup_free_ char *url = url_of(&bed, "localhost", "/");
		const struct http_request req = { .method = post ? "POST" : "GET",
			.url = url,
			.ca_file = tls_server_ca_file(bed.server),
			.timeout_ms = 4000 }; /* half of it for another connection */
		perform(&bed, &req, &first);
		expect_ok(&first, "ok");
		perform(&bed, &req, &second);
		if (post) { /* never sent twice by itself */
			expect_error(&second, ERROR_TIMEOUT, "waiting for the answer");
			cr_expect_eq(tls_server_requests(bed.server), 2);
		} else {
			expect_ok(&second, "ok");
		}
		perform(&bed, &req, &third);
		expect_ok(&third, "ok");
		cr_expect_eq(tls_server_connections(bed.server), 2);
	}
}

Test(http, connections_from_before_a_silence_serve_no_more, .timeout = 300)
{
	enum { COUNT = 3 };
	static struct gathering gathering = { .wanted = COUNT };
	int pending = COUNT;
	struct result r[COUNT];
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result lost, next;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_when_all_are_there, .arg = &gathering });
	struct relay *relay = relay_new(tls_server_port(bed.server), false);
	_cleanup_free_ char *url = xasprintf("https://localhost:%d/", relay_port(relay));
	struct http_request req = {
		.method = "POST", .url = url, .ca_file = tls_server_ca_file(bed.server), .timeout_ms = PATIENT_MS
	};
	for (int i = 0; i < COUNT; i++) {
		r[i] = (struct result){ .loop = bed.loop, .pending = &pending };
		http_send(bed.http, &req, on_done, &r[i]);
	}
	loop_run(bed.loop, NULL);
	for (int i = 0; i < COUNT; i++) {
		expect_ok(&r[i], "together");
		result_clear(&r[i]);
	}
	relay_freeze(relay);
	req.timeout_ms = 2500;
	perform(&bed, &req, &lost);
	expect_error(&lost, ERROR_TIMEOUT, "waiting for the answer");
	cr_expect_eq(relay_connections(relay), COUNT);
	req.timeout_ms = PATIENT_MS;
	perform(&bed, &req, &next);
	expect_ok(&next, "together");
	cr_expect_eq(relay_connections(relay), COUNT + 1, "none of the %d that are left", COUNT - 1);
	relay_free(relay);
}

/* --- peers that keep a client busy --- */

static bool
serve_flood(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	static const char junk[4096] = { [0 ... 4095] = 'x' };
	if (strcmp(req->path, "/tickets") == 0) {
		while (tls_conn_write_tickets(conn))
			;
	} else if (strcmp(req->path, "/extension") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
		while (tls_conn_write(conn, junk, sizeof(junk)))
			;
	} else if (strcmp(req->path, "/trailers") == 0) {
		tls_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
		while (tls_conn_printf(conn, "X: %.99s\r\n", junk))
			;
	}
	return false;
}

Test(http, a_peer_without_end_has_a_part_of_each_turn_and_is_left, .timeout = 300)
{
	enum { HEADER_TURNS = 16 }; /* 64 KiB, 4 KiB in each */
	static const struct {
		struct tls_server_config config;
		const char *path, *text;
		enum error_code code;
		int least_turns;
	} cases[] = {
		{ { .raw = peer_flood_hello_requests }, "/", PEER_NOISE_TEXT, ERROR_PROTOCOL, PEER_NOISE_TURNS },
		{ { .serve = serve_flood, .has_no_tickets = true }, "/tickets", PEER_NOISE_TEXT, ERROR_PROTOCOL,
			PEER_NOISE_TURNS },
		{ { .serve = serve_flood }, "/extension", PEER_NOISE_TEXT, ERROR_PROTOCOL, PEER_NOISE_TURNS },
		{ { .serve = serve_flood }, "/trailers", "more than 65536 octets of headers", ERROR_LIMIT,
			HEADER_TURNS },
		{ { .serve = serve_by_path }, "/interim", "more than 65536 octets of headers", ERROR_LIMIT,
			HEADER_TURNS },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result r;
		struct peer_turns turns;
		bed_init(&bed, NULL, NULL, &cases[i].config);
		peer_turns_begin(&turns, bed.loop);
		get(&bed, cases[i].path, &r);
		peer_turns_end(&turns);
		expect_error(&r, cases[i].code, cases[i].text);
		cr_expect_geq(turns.count, cases[i].least_turns, "%s: the loop came round only %ld times",
			cases[i].path, turns.count);
	}
}

static bool
serve_with_trailers(struct tls_conn *conn, const struct tls_request *req, void *arg _unused_)
{
	if (strcmp(req->path, "/hints") == 0)
		tls_conn_printf(conn, "HTTP/1.1 103 Early Hints\r\nReplay-Nonce: early\r\n\r\n");
	return tls_conn_printf(conn,
		"HTTP/1.1 200 OK\r\nReplay-Nonce: one\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
		"Replay-Nonce: two\r\nHTTP/1.1: 500\r\nServer-Timing: x\r\n\r\n");
}

Test(http, an_answer_may_have_trailers_and_hints_before_it, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_with_trailers });
	for (int i = 0; i < 4; i++) {
		_cleanup_(result_clear) struct result r;
		get(&bed, i % 2 ? "/hints" : "/", &r);
		expect_ok(&r, "ok");
		cr_expect_str_eq(r.res.replay_nonce, "one");
	}
	cr_expect_eq(tls_server_connections(bed.server), 1, "and the connection is kept");
}

Test(http, costly_arithmetic_is_not_done_for_a_peer, .timeout = 300)
{
	for (size_t i = 0; i < n_costly_peers; i++) {
		struct tls_server_config config = costly_peers[i].config;
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result r;
		config.serve = serve_echo;
		bed_init(&bed, NULL, NULL, &config);
		get(&bed, "/", &r);
		if (costly_peers[i].text)
			expect_error(&r, ERROR_TLS, costly_peers[i].text);
		else
			cr_expect(!error_is_set(&r.err), "case %zu: %s", i, r.err.message);
	}
}

Test(http, a_configured_proxy_is_used_and_its_name_resolved, .timeout = 300)
{
	struct relay *relay;
	_cleanup_(result_clear) struct result r;
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo, .names = "DNS:ca.example.test" });
	relay = relay_new(tls_server_port(bed.server), true);
	_cleanup_free_ char *proxy = xasprintf("http://localhost:%d", relay_port(relay));
	http_curl_free(bed.curl);
	bed.curl = http_curl_new(bed.loop, bed.dns, &(struct http_curl_config){ .proxy = proxy }, NULL);
	cr_assert_not_null(bed.curl);
	bed.http = http_curl_transport(bed.curl);
	/* A name that only the proxy could resolve. */
	perform(&bed,
		&(struct http_request){
			.method = "GET", .url = "https://ca.example.test/", .ca_file = tls_server_ca_file(bed.server) },
		&r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(r.res.status, 200);
	cr_expect_eq(relay_connections(relay), 1);
	relay_free(relay);

	_cleanup_error_ struct error err = ERROR_INIT;
	cr_expect_null(http_curl_new(bed.loop, bed.dns, &(struct http_curl_config){ .proxy = "nonsense" }, &err));
	cr_expect_eq(err.code, ERROR_CONFIG);
}

/* --- broken connections --- */

struct cut {
	int at; /* octets of the answer that are sent */
	bool reset;
};
static const char whole_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX: y\r\n\r\n0123456789";

static bool
serve_cut(struct tls_conn *conn, const struct tls_request *req _unused_, void *arg)
{
	const struct cut *cut = arg;
	if (cut->at)
		tls_conn_write(conn, whole_answer, (size_t)cut->at);
	if (cut->reset)
		tls_conn_abort(conn);
	return false;
}

Test(http, a_connection_closed_at_any_octet_is_an_error, .timeout = 300)
{
	struct cut cut = { 0, false };
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_cut, .arg = &cut });
	for (cut.at = 0; cut.at < (int)sizeof(whole_answer) - 1; cut.at++) {
		_cleanup_(result_clear) struct result r;
		cut.reset = cut.at % 2;
		get(&bed, "/", &r);
		cr_expect(
			error_is_set(&r.err), "cut at %d: status %d '%s'", cut.at, r.res.status, buf_str(&r.res.body));
		cr_expect(r.err.code == ERROR_NETWORK || r.err.code == ERROR_PROTOCOL, "cut at %d: %s", cut.at,
			r.err.message);
	}
	cut.reset = false;
	_cleanup_(result_clear) struct result whole;
	get(&bed, "/", &whole);
	expect_ok(&whole, "0123456789");
}

Test(http, nobody_listening_is_said_so, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result r;
	bed_init(&bed, NULL, NULL, NULL);
	int port = free_port();
	_cleanup_free_ char *url = xasprintf("https://localhost:%d/", port);
	_cleanup_free_ char *text = xasprintf("cannot connect to 'localhost' port %d: Connection refused", port);
	perform(&bed, &(struct http_request){ .method = "GET", .url = url }, &r);
	expect_error(&r, ERROR_NETWORK, text);
	cr_expect(r.err.may_retry);
}

Test(http, a_peer_that_speaks_no_tls_is_said_to_be_silent_in_the_handshake, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result r;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* the kernel accepts */
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 5), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	bed_init(&bed, NULL, NULL, NULL);
	int port = ntohs(address.sin_port);
	_cleanup_free_ char *url = xasprintf("https://127.0.0.1:%d/", port);
	_cleanup_free_ char *text = xasprintf(
		"'127.0.0.1' port %d: no complete answer within 1500 ms (TLS handshake)", port);
	perform(&bed, &(struct http_request){ .method = "GET", .url = url, .timeout_ms = 1500 }, &r);
	expect_error(&r, ERROR_TIMEOUT, text);
	cr_expect(r.err.may_retry);
	close(fd);
}

/* --- trust --- */

Test(http, certificates_are_checked, .timeout = 300)
{
	static const struct {
		struct tls_server_config config;
		const char *host;
		bool root_unknown;
		const char *text;
	} cases[] = {
		{ { .serve = serve_echo }, "localhost", true,
			"certificate of 'localhost' is not trusted: unable to get local issuer certificate; "
			"set the CA's root with --ca-file" },
		{ { .serve = serve_echo, .names = "DNS:other.test" }, "localhost", false,
			"certificate of 'localhost' is not valid for that name" },
		{ { .serve = serve_echo, .names = "DNS:localhost" }, "127.0.0.1", false,
			"certificate of '127.0.0.1' is not valid for that name" },
		{ { .serve = serve_echo, .valid_from_sec = -7200, .valid_until_sec = -3600 }, "localhost", false,
			"certificate of 'localhost': certificate has expired; check the clock of this host" },
		{ { .serve = serve_echo, .valid_from_sec = 3600, .valid_until_sec = 7200 }, "localhost", false,
			"certificate of 'localhost': certificate is not yet valid; check the clock of this host" },
		{ { .serve = serve_echo, .max_tls = TLS1_1_VERSION }, "localhost", false,
			"TLS handshake with 'localhost' port" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result r;
		bed_init(&bed, NULL, NULL, &cases[i].config);
		_cleanup_free_ char *url = url_of(&bed, cases[i].host, "/");
		perform(&bed,
			&(struct http_request){ .method = "GET",
				.url = url,
				.ca_file = cases[i].root_unknown ? NULL : tls_server_ca_file(bed.server) },
			&r);
		expect_error(&r, ERROR_TLS, cases[i].text);
		cr_expect_eq(tls_server_requests(bed.server), 0, "nothing is sent to whom we do not trust");
	}
}

Test(http, a_ca_file_that_is_missing_or_of_another_ca_is_named, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed, other;
	_cleanup_(result_clear) struct result missing, foreign;
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo });
	bed_init(&other, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo });
	_cleanup_free_ char *url = url_of(&bed, "localhost", "/");
	perform(&bed, &(struct http_request){ .method = "GET", .url = url, .ca_file = "/no/such/ca.pem" }, &missing);
	expect_error(&missing, ERROR_TLS, "CA file '/no/such/ca.pem' cannot be used");
	perform(&bed,
		&(struct http_request){ .method = "GET", .url = url, .ca_file = tls_server_ca_file(other.server) },
		&foreign);
	expect_error(&foreign, ERROR_TLS, "certificate of 'localhost' is not trusted");
	expect_error(&foreign, ERROR_TLS, tls_server_ca_file(other.server));
}

/* --- what is refused before anything is sent --- */

Test(http, only_https_urls_without_credentials_are_taken)
{
	static const struct {
		const char *url;
		bool may_use_http;
		enum error_code code;
		const char *text;
	} cases[] = {
		{ "http://localhost:9/", false, ERROR_PROTOCOL, "'http://localhost:9/': not an https URL" },
		{ "file:///etc/passwd", true, ERROR_PROTOCOL, "not an https URL" },
		{ "ftp://localhost/", true, ERROR_PROTOCOL, "not an https URL" },
		{ "gopher://localhost/", false, ERROR_PROTOCOL, "not an https URL" },
		{ "https://user:pw@localhost:9/", false, ERROR_PROTOCOL, "the URL contains a user name" },
		{ "localhost", false, ERROR_PROTOCOL, "not a URL: " },
		{ "https://", false, ERROR_PROTOCOL, "the URL has no host" },
		{ "https://a\x1b[2Jb/", false, ERROR_PROTOCOL, "'https://a [2Jb/': the URL contains characters" },
		{ "", false, ERROR_PROTOCOL, "not a URL: " },
	};
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(result_clear) struct result r;
		perform(&bed,
			&(struct http_request){
				.method = "GET", .url = cases[i].url, .may_use_http = cases[i].may_use_http },
			&r);
		expect_error(&r, cases[i].code, cases[i].text);
	}
	_cleanup_buf_ struct buf longer = BUF_INIT;
	_cleanup_(result_clear) struct result too_long, split;
	buf_printf(&longer, "https://localhost:9/%02048d", 1);
	perform(&bed, &(struct http_request){ .method = "GET", .url = buf_str(&longer) }, &too_long);
	expect_error(&too_long, ERROR_LIMIT, "a URL of more than 2048 octets");
	char *bad[] = { (char[]){ "X: a\r\nY: b" }, NULL };
	perform(&bed, &(struct http_request){ .method = "GET", .url = "https://localhost:9/", .headers = { bad, 1 } },
		&split);
	expect_error(&split, ERROR_INVALID, "line break");
}

Test(http, plain_http_is_spoken_when_allowed_and_the_environment_has_no_say, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result r;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	bed_init(&bed, NULL, NULL, &(struct tls_server_config){ .serve = serve_echo, .plain = true });
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d/", tls_server_port(bed.server));
	perform(&bed, &(struct http_request){ .method = "GET", .url = url, .may_use_http = true, .userpwd = "user:pw" },
		&r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect(strstr(buf_str(&r.res.body), "\r\nAuthorization: Basic dXNlcjpwdw==\r\n"));
}

/* --- names --- */

static int
silent_dns(char *ret_address, size_t size)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(ret_address, size, "127.0.0.1:%d", ntohs(sin.sin_port));
	return fd;
}

Test(http, black_holed_dns_stalls_no_turn_and_no_other_host, .timeout = 300)
{
	char dns[32];
	int fd = silent_dns(dns, sizeof(dns)), pending = 1;
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, dns, NULL, &(struct tls_server_config){ .serve = serve_echo });
	struct result lost = { .loop = bed.loop, .pending = &pending };
	struct http_request req = { .method = "GET", .url = "https://lost.example.test/", .timeout_ms = PATIENT_MS };
	void *call = http_send(bed.http, &req, on_done, &lost);
	for (int i = 0; i < 5; i++) {
		_cleanup_(result_clear) struct result r;
		get(&bed, "/", &r);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	}
	cr_expect_eq(lost.calls, 0);
	http_cancel(bed.http, call);
	req.timeout_ms = 500;
	http_send(bed.http, &req, on_done, &lost);
	loop_run(bed.loop, NULL);
	expect_error(&lost, ERROR_TIMEOUT,
		"'lost.example.test' port 443: no complete answer within 500 ms (address lookup)");
	result_clear(&lost);
	int64_t max_us, p99_us;
	loop_turn_stats(bed.loop, &max_us, &p99_us);
	/* curl's own resolver took 9.5 s here; the rest is for a machine that is busy */
	cr_expect_lt(max_us, 5000000, "a turn took %lld us", (long long)max_us);
	close(fd);
}

Test(http, a_burst_of_requests_asks_dns_once, .timeout = 300)
{
	enum { COUNT = 50 };
	char dns[32], packet[600];
	int fd = silent_dns(dns, sizeof(dns)), pending = COUNT, questions = 0;
	struct result r[COUNT];
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, dns, NULL, NULL);
	for (int i = 0; i < COUNT; i++) {
		r[i] = (struct result){ .loop = bed.loop, .pending = &pending };
		http_send(bed.http,
			&(struct http_request){ .method = "GET", .url = "https://ca.example.test/", .timeout_ms = 500 },
			on_done, &r[i]);
	}
	loop_run(bed.loop, NULL);
	for (int i = 0; i < COUNT; i++) {
		expect_error(&r[i], ERROR_TIMEOUT, "address lookup");
		result_clear(&r[i]);
	}
	while (recv(fd, packet, sizeof(packet), 0) > 0)
		questions++;
	cr_expect_eq(questions, 2, "%d questions; expected one for A and one for AAAA", questions);
	close(fd);
}

/* --- giving up --- */

static void
never(struct http_response *res _unused_, const struct error *err _unused_, void *arg _unused_)
{
	cr_assert_fail("done was called after cancel");
}

struct canceller {
	struct bed *bed;
	void *victim;
	struct result r;
};

static void
cancel_other(struct http_response *res, const struct error *err, void *arg)
{
	struct canceller *c = arg;
	http_cancel(c->bed->http, c->victim);
	on_done(res, err, &c->r);
}

Test(http, cancelled_requests_do_not_call_back, .timeout = 300)
{
	static int pause_ms = 100;
	char dns[32];
	int fd = silent_dns(dns, sizeof(dns));
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result r;
	bed_init(&bed, dns, NULL, &(struct tls_server_config){ .serve = serve_slowly, .arg = &pause_ms });
	_cleanup_free_ char *url = url_of(&bed, "localhost", "/");
	struct http_request req = { .method = "GET", .url = url, .ca_file = tls_server_ca_file(bed.server) };
	_cleanup_free_ char *slower_url = url_of(&bed, "localhost", "/slower");
	struct http_request slower = { .method = "GET", .url = slower_url, .ca_file = tls_server_ca_file(bed.server) };
	struct http_request unresolved = { .method = "GET", .url = "https://ca.example.test/" };
	struct http_request bad = { .method = "GET", .url = "http://a/" };
	http_cancel(bed.http, http_send(bed.http, &req, never, NULL));
	http_cancel(bed.http, http_send(bed.http, &unresolved, never, NULL));
	http_cancel(bed.http, http_send(bed.http, &bad, never, NULL));
	http_cancel(bed.http, NULL);

	struct canceller c = { .bed = &bed, .r = { .loop = bed.loop } };
	http_send(bed.http, &req, cancel_other, &c);
	c.victim = http_send(bed.http, &slower, never, NULL);
	loop_run(bed.loop, NULL);
	expect_ok(&c.r, "ok");
	result_clear(&c.r);

	perform(&bed, &req, &r);
	expect_ok(&r, "ok");
	http_send(bed.http, &req, never, NULL); /* left over for http_curl_free() */
	http_send(bed.http, &unresolved, never, NULL);
	close(fd);
}
