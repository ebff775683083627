/* Sessions at one end of a socket pair, a scripted client at the other. Everything is real but the schedule. */
#include "common/api/rpc.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/control/session.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct service service;
	struct conf conf;
	struct session *session; /* NULL: it has ended */
	unsigned ended;
	int fd; /* the client's */
	struct buf got;
};

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
session_ended(void *arg)
{
	struct rig *r = arg;

	r->session = NULL;
	r->ended++;
}

static void
rig_init(struct rig *r, const struct session_limits *limits, enum api_role role)
{
	struct peer peer = { .uid = 5000, .role = role, .label = "uid:5000" };
	int fds[2];

	*r = (struct rig){ .clock = clock_new_virtual(1700000000) };
	tmp_store_init(&r->t, 0);
	conf_init(&r->conf);
	r->loop = loop_new(r->clock);
	loop_set_turn_end(r->loop, turn_end, r->t.store);
	r->log = log_new(LOG_LEVEL_ERROR);
	r->events = events_new(r->t.store, r->clock, r->log, 1000);
	r->service = (struct service){
		.methods = service_methods, .loop = r->loop, .store = r->t.store, .events = r->events, .conf = &r->conf
	};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	r->fd = fds[1];
	r->session = session_new(&r->service, fds[0], &peer, limits, session_ended, r);
}

static void
rig_clear(struct rig *r)
{
	session_free(r->session);
	if (r->fd >= 0)
		close(r->fd);
	store_close(r->t.store);
	r->t.store = NULL;
	events_free(r->events);
	loop_free(r->loop);
	log_free(r->log);
	clock_free(r->clock);
	conf_clear(&r->conf);
	buf_clear(&r->got);
	tmp_store_clear(&r->t);
}

static void
client_send(struct rig *r, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(r->fd, text, len, MSG_NOSIGNAL);

		cr_assert_gt(n, 0);
		text += n;
		len -= (size_t)n;
	}
}

/* Lets the daemon run for @sec virtual seconds and takes all that it says. */
static void
run(struct rig *r, int64_t sec)
{
	char block[65536];
	ssize_t n;

	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + sec, NULL), 0);
	while ((n = recv(r->fd, block, sizeof(block), 0)) > 0)
		buf_add(&r->got, block, (size_t)n);
}

/* The next line that came; owned by the caller. */
static struct json_object *
next_line(struct rig *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char *end = r->got.len ? memchr(r->got.data, '\n', r->got.len) : NULL;
	struct json_object *line;

	if (!end)
		return NULL;
	line = json_parse(r->got.data, (size_t)(end - r->got.data), &err);
	cr_assert_not_null(line, "%s: %s", err.message, r->got.data);
	buf_drop(&r->got, (size_t)(end - r->got.data) + 1);
	return line;
}

static int64_t
error_code_of(struct json_object *answer)
{
	struct json_object *error = NULL;
	int64_t code = 0;

	if (json_get_object(answer, "error", &error, NULL) == 1)
		json_get_int(error, "code", INT32_MIN, INT32_MAX, &code, NULL);
	return code;
}

static int64_t
id_of(struct json_object *answer)
{
	int64_t id = -1;

	json_get_int(answer, "id", 0, INT32_MAX, &id, NULL);
	return id;
}

static unsigned
count_lines(const struct rig *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->got.len; i++)
		n += r->got.data[i] == '\n';
	return n;
}

#define LIST(id) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"consumer.list\"}"
#define CREATE(id, name) \
	"{\"jsonrpc\":\"2.0\",\"id\":" #id \
	",\"method\":\"consumer.create\",\"params\":{\"properties\":{\"name\":\"" name "\"}}}"

Test(session, what_is_wrong_with_a_message_is_answered_with_its_json_rpc_code)
{
	static const struct {
		const char *text;
		int64_t id; /* -1: null */
		int code;   /* 0: a result */
	} cases[] = {
		{ LIST(7), 7, 0 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":", -1, RPC_PARSE_ERROR },
		{ "nonsense", -1, RPC_PARSE_ERROR },
		{ "[]", -1, RPC_INVALID_REQUEST },
		{ "7", -1, RPC_INVALID_REQUEST },
		{ "{\"id\":3,\"method\":\"consumer.list\"}", -1, RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"consumer.lits\"}", 4, RPC_METHOD_NOT_FOUND },
		{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"consumer.list\",\"params\":[1]}", 5, RPC_INVALID_PARAMS },
		{ "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"consumer.list\",\"params\":{\"nosuch\":1}}", 6,
			RPC_INVALID_PARAMS },
		{ "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"consumer.get\",\"params\":{\"ref\":\"x\"}}", 8,
			RPC_APPLICATION_ERROR },
		{ "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"server.reload\"}", 9, RPC_APPLICATION_ERROR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *answer = NULL;
		struct rig r;

		rig_init(&r, &(struct session_limits){ 0 }, ROLE_OPERATOR);
		client_send(&r, cases[i].text);
		client_send(&r, "\n");
		run(&r, 1);
		answer = next_line(&r);
		cr_assert_not_null(answer, "%s", cases[i].text);
		cr_expect_eq(error_code_of(answer), cases[i].code, "%s: %s", cases[i].text,
			json_object_to_json_string(answer));
		cr_expect_eq(id_of(answer), cases[i].id, "%s", cases[i].text);
		cr_expect_eq(r.got.len, 0);
		cr_expect_eq(r.ended, 0, "a mistake ends no connection");
		rig_clear(&r);
	}
}

Test(session, frames_are_lines_however_they_are_cut_and_empty_lines_are_nothing)
{
	const char *text = "\n" LIST(1) "\n\n\n" LIST(2) "\n";
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	for (const char *p = text; *p; p++) {
		cr_assert_eq(send(r.fd, p, 1, 0), 1);
		cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock), NULL), 0);
	}
	run(&r, 1);
	for (int64_t id = 1; id <= 2; id++) {
		_cleanup_json_ struct json_object *answer = next_line(&r);

		cr_assert_not_null(answer);
		cr_expect_eq(id_of(answer), id);
	}
	cr_expect_eq(r.got.len, 0);
	rig_clear(&r);
}

Test(session, a_batch_is_one_answer_without_its_notifications)
{
	_cleanup_json_ struct json_object *answer = NULL;
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_ADMIN);
	client_send(&r, "[" LIST(1) ",{\"jsonrpc\":\"2.0\",\"method\":\"consumer.list\"},7," CREATE(2, "a") "]\n");
	run(&r, 1);
	answer = next_line(&r);
	cr_assert(json_object_is_type(answer, json_type_array));
	cr_expect_eq(json_object_array_length(answer), 3);
	cr_expect_eq(r.got.len, 0);
	client_send(&r, "[{\"jsonrpc\":\"2.0\",\"method\":\"consumer.list\"}]\n");
	run(&r, 1);
	cr_expect_eq(r.got.len, 0, "nothing but notifications: no answer at all");
	rig_clear(&r);
}

Test(session, a_batch_of_one_is_answered_by_a_list_of_one)
{
	_cleanup_json_ struct json_object *answer = NULL;
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	client_send(&r, "[" LIST(1) "]\n");
	run(&r, 1);
	answer = next_line(&r);
	cr_assert(json_object_is_type(answer, json_type_array));
	cr_expect_eq(json_object_array_length(answer), 1);
	rig_clear(&r);
}

Test(session, a_batch_over_the_limit_is_refused_as_a_whole)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *answer = NULL;
	struct rig r;

	buf_add_char(&text, '[');
	for (int i = 0; i <= RPC_MAX_BATCH; i++)
		buf_printf(&text, "%s" CREATE(1, "c%d"), i ? "," : "", i);
	buf_add_str(&text, "]\n");
	rig_init(&r, &(struct session_limits){ 0 }, ROLE_ADMIN);
	client_send(&r, text.data);
	run(&r, 1);
	answer = next_line(&r);
	cr_expect_eq(error_code_of(answer), RPC_INVALID_REQUEST);
	cr_expect_eq(r.got.len, 0);
	cr_expect_eq(store_count(r.t.store, STORE_CONSUMER), 0);
	rig_clear(&r);
}

Test(session, more_requests_than_may_wait_for_a_commit_are_all_answered)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct rig r;

	for (int i = 0; i < 20; i++)
		buf_printf(&text, CREATE(1, "c%d") "\n", i);
	buf_add_str(&text, "[" CREATE(2, "d1") "," CREATE(3, "d2") "," CREATE(4, "d3") "]\n");
	rig_init(&r, &(struct session_limits){ .max_queued = 2 }, ROLE_ADMIN);
	client_send(&r, text.data);
	run(&r, 1);
	cr_expect_eq(count_lines(&r), 21);
	cr_expect_eq(store_count(r.t.store, STORE_CONSUMER), 23);
	rig_clear(&r);
}

Test(session, who_sends_a_last_octet_is_answered_before_the_end)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .max_queued = 1 }, ROLE_ADMIN);
	client_send(&r, CREATE(1, "a") "\n" CREATE(2, "b") "\n" LIST(3) "\n" LIST(4));
	cr_assert_eq(shutdown(r.fd, SHUT_WR), 0);
	run(&r, 1);
	cr_expect_eq(count_lines(&r), 3, "a line without an end is none");
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(session, a_frame_has_a_deadline_that_single_octets_do_not_move)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .frame_ms = 5000, .idle_ms = 60000 }, ROLE_VIEWER);
	for (int i = 0; i < 4; i++) {
		client_send(&r, "{");
		run(&r, 1);
	}
	cr_expect_eq(r.ended, 0);
	client_send(&r, "{");
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(session, each_frame_has_a_deadline_of_its_own)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .frame_ms = 5000, .idle_ms = 60000 }, ROLE_VIEWER);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,");
	for (int i = 0; i < 10; i++) { /* each piece ends one frame and begins the next */
		run(&r, 2);
		client_send(&r, "\"method\":\"consumer.list\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,");
	}
	run(&r, 2);
	cr_expect_eq(count_lines(&r), 10);
	cr_expect_eq(r.ended, 0);
	rig_clear(&r);
}

Test(session, an_idle_connection_ends_unless_it_is_subscribed)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .idle_ms = 3000 }, ROLE_VIEWER);
	client_send(&r, LIST(1) "\n");
	run(&r, 2);
	cr_expect_eq(r.ended, 0);
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
	rig_init(&r, &(struct session_limits){ .idle_ms = 3000 }, ROLE_VIEWER);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n");
	run(&r, 60);
	cr_expect_eq(r.ended, 0);
	rig_clear(&r);
}

Test(session, a_frame_without_an_end_is_refused_and_the_connection_closed)
{
	_cleanup_json_ struct json_object *answer = NULL;
	char *block = xmalloc(64 * 1024 + 1);
	struct rig r;

	memset(block, ' ', 64 * 1024);
	block[64 * 1024] = '\0';
	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	for (int i = 0; i < 5; i++) {
		if (!r.ended)
			client_send(&r, block);
		cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock), NULL), 0);
	}
	run(&r, 1);
	answer = next_line(&r);
	cr_expect_eq(error_code_of(answer), RPC_INVALID_REQUEST);
	cr_expect_eq(r.ended, 1);
	free(block);
	rig_clear(&r);
}

Test(session, descriptors_that_nobody_asked_for_are_closed)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (char[]){ "\n" }, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct rig r;
	int ends[2];
	char octet;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ends[1], sizeof(int));
	cr_assert_eq(sendmsg(r.fd, &msg, 0), 1);
	close(ends[1]);
	run(&r, 1);
	cr_expect_eq(recv(ends[0], &octet, 1, 0), 0, "the last copy is closed");
	close(ends[0]);
	rig_clear(&r);
}

/* Many objects with long names: an answer far larger than what may be unsent. */
static void
fill(struct rig *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		_cleanup_consumer_ struct consumer c = { .o.name = xasprintf("consumer-%0200u", i) };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(object_save(r->t.store, store_begin(r->t.store), &consumer_class, &c, &err), 0, "%s",
			err.message);
	}
	store_commit(r->t.store);
}

Test(session, a_large_answer_arrives_whole_and_holds_back_those_after_it)
{
	const char *list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"consumer.list\",\"params\":{\"limit\":1000}}\n";
	struct rig r;

	rig_init(&r, &(struct session_limits){ .max_unsent = 4096 }, ROLE_VIEWER);
	fill(&r, 1000);
	client_send(&r, list);
	client_send(&r, list);
	client_send(&r, list);
	for (int i = 0; i < 100 && count_lines(&r) < 3; i++)
		run(&r, 1);
	cr_expect_eq(count_lines(&r), 3);
	cr_expect_gt(r.got.len, 3 * 300 * 1000);
	cr_expect_eq(r.ended, 0);
	rig_clear(&r);
}

Test(list, a_page_begins_where_it_is_asked_to)
{
	static const struct {
		int offset;
		size_t count;
	} cases[] = { { 0, 100 }, { 1, 100 }, { 990, 10 }, { 999, 1 }, { 1000, 0 }, { 5000, 0 } };
	_cleanup_strlist_ struct strlist seen = STRLIST_INIT;
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	fill(&r, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *answer = NULL;
		_cleanup_free_ char *text = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"consumer.list\","
						      "\"params\":{\"offset\":%d}}\n",
			cases[i].offset);
		struct json_object *result = NULL, *items = NULL;
		int64_t total = 0;

		client_send(&r, text);
		run(&r, 1);
		answer = next_line(&r);
		cr_assert_eq(json_get_object(answer, "result", &result, NULL), 1);
		cr_assert(json_object_object_get_ex(result, "items", &items));
		cr_expect_eq(json_object_array_length(items), cases[i].count, "from %d", cases[i].offset);
		cr_expect_eq(json_get_int(result, "total", 0, INT64_MAX, &total, NULL), 1);
		cr_expect_eq(total, 1000);
		if (cases[i].count) {
			const char *id = NULL;

			json_get_string(json_object_array_get_idx(items, 0), "id", &id, NULL);
			cr_expect(!strlist_has(&seen, id), "from %d", cases[i].offset);
			strlist_add(&seen, id);
		}
	}
	rig_clear(&r);
}

Test(session, who_takes_no_answer_is_let_go)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .max_unsent = 4096, .idle_ms = 5000 }, ROLE_VIEWER);
	fill(&r, 1000);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"consumer.list\",\"params\":{\"limit\":1000}}\n");
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 20, NULL), 0);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(session, the_answers_of_a_batch_are_bounded)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *answer = NULL;
	struct rig r;
	size_t refused = 0;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	fill(&r, 1000);
	buf_add_char(&text, '[');
	for (int i = 0; i < RPC_MAX_BATCH; i++)
		buf_printf(&text,
			"%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"consumer.list\",\"params\":{\"limit\":"
			"1000}}",
			i ? "," : "", i);
	buf_add_str(&text, "]\n");
	client_send(&r, text.data);
	for (int i = 0; i < 200 && count_lines(&r) < 1; i++)
		run(&r, 0);
	answer = next_line(&r);
	cr_assert_not_null(answer);
	cr_expect_eq(json_object_array_length(answer), RPC_MAX_BATCH, "each has an answer");
	for (size_t i = 0; i < RPC_MAX_BATCH; i++)
		refused += error_code_of(json_object_array_get_idx(answer, i)) != 0;
	cr_expect_gt(refused, 0);
	cr_expect_lt(refused, RPC_MAX_BATCH);
	rig_clear(&r);
}

static void
tell(struct rig *r, const char *what)
{
	event_emit(r->events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "%s", what);
}

Test(session, a_subscriber_hears_what_happens_after_it_has_subscribed)
{
	_cleanup_json_ struct json_object *answer = NULL;
	_cleanup_json_ struct json_object *event = NULL;
	const char *method = NULL;
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_VIEWER);
	tell(&r, "before");
	run(&r, 1);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n");
	run(&r, 1);
	tell(&r, "after");
	run(&r, 1);
	answer = next_line(&r);
	cr_expect_eq(id_of(answer), 1);
	event = next_line(&r);
	cr_assert_not_null(event);
	cr_expect_eq(json_get_string(event, "method", &method, NULL), 1);
	cr_expect_str_eq(method, "event");
	cr_expect_not_null(strstr(json_object_to_json_string(event), "\"after\""));
	cr_expect_eq(r.got.len, 0);
	rig_clear(&r);
}

/* certctl relies on it: what arrives before the answer to a call is not a result of that call. */
Test(session, events_that_were_stored_before_a_call_precede_its_answer)
{
	static const char *const says[] = { "\"id\":1,", "\"earlier\"", "\"object.created\"", "\"id\":2,",
		"\"later\"" };
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_ADMIN);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n");
	run(&r, 1);
	tell(&r, "earlier"); /* waits for a commit, which is that of the call */
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"consumer.create\","
			"\"params\":{\"properties\":{\"name\":\"web\"}}}\n");
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock), NULL), 0);
	tell(&r, "later");
	run(&r, 1);
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		_cleanup_json_ struct json_object *line = next_line(&r);
		const char *text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN);

		cr_expect_not_null(strstr(text, says[i]), "%zu: %s, not %s", i, text, says[i]);
	}
	cr_expect_eq(r.got.len, 0);
	rig_clear(&r);
}

Test(session, a_subscriber_that_does_not_listen_is_let_go_others_go_on)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .max_unsent = 4096 }, ROLE_VIEWER);
	client_send(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"event.subscribe\"}\n");
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
	for (int i = 0; i < 4000 && !r.ended; i++) {
		tell(&r, "0123456789012345678901234567890123456789012345678901234567890123456789");
		cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock), NULL), 0);
	}
	cr_expect_eq(r.ended, 1);
	tell(&r, "nobody is left to hear this");
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
	rig_clear(&r);
}

Test(session, one_that_goes_before_its_answer_leaves_nothing_behind)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ 0 }, ROLE_ADMIN);
	client_send(&r, "[" CREATE(1, "a") "," CREATE(2, "b") "]\n" CREATE(3, "c") "\n");
	close(r.fd);
	r.fd = -1;
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
	cr_expect_eq(r.ended, 1);
	cr_expect_eq(store_count(r.t.store, STORE_CONSUMER), 3, "what was asked for is done");
	rig_clear(&r);
}

/* A Unix socket is reset when what was sent to it is not read. */
Test(session, a_connection_that_is_reset_ends_at_once)
{
	struct rig r;

	rig_init(&r, &(struct session_limits){ .frame_ms = 0 }, ROLE_ADMIN);
	client_send(&r, LIST(1) "\n");
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
	close(r.fd);
	r.fd = -1;
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

/* The longest frame, and one octet more. */
Test(session, a_frame_of_the_longest_length_is_answered)
{
	for (size_t more = 0; more < 2; more++) {
		static const char list[] = LIST(7);
		_cleanup_json_ struct json_object *answer = NULL;
		_cleanup_buf_ struct buf frame = BUF_INIT;
		struct rig r;

		rig_init(&r, &(struct session_limits){ 0 }, ROLE_ADMIN);
		buf_add_str(&frame, list);
		while (frame.len < RPC_MAX_FRAME + more)
			buf_add_char(&frame, ' ');
		buf_add_char(&frame, '\n');
		for (size_t at = 0; at < frame.len && !r.ended;) {
			ssize_t n = send(r.fd, frame.data + at, frame.len - at, MSG_NOSIGNAL);

			if (n > 0)
				at += (size_t)n;
			cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock), NULL), 0);
		}
		run(&r, 1);
		answer = next_line(&r);
		cr_assert_not_null(answer, "%zu", more);
		cr_expect_eq(error_code_of(answer), more ? RPC_INVALID_REQUEST : 0);
		if (!more)
			cr_expect_eq(id_of(answer), 7);
		cr_expect_eq(r.ended, more);
		rig_clear(&r);
	}
}
