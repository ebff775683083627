#include "tests/unit/control/script.h"

#include "common/crypto/secret.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/control/rest.h"
#include "daemon/report/audit.h"
#include "tests/sim/world.h"
#include "tests/support/process.h"
#include "tests/support/store_faults.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LONG = 2000 };

#define REST_SOCKET "rest.sock"

/* Of a call while the store fails. */
struct fault_outcome {
	bool is_answered;
	bool has_failed; /* a read */
	struct error err;
};

struct script {
	const char *file;
	const struct script_text *texts;
	struct sim sim;
	struct world world;
	struct audit *audit;
	struct rest *rest;
	struct role_map roles;
	struct event_subscription *subscription;
	struct peer peer;
	struct strlist ids; /* $1 is the first */
	char last_id[37];   /* of the object that was shown last */
	char token[128];
	int port;          /* of REST on loopback */
	struct buf out;    /* the file as it should be */
	struct buf events; /* since the last call */
	bool is_answered;
	bool shows_words;
	bool has_faults; /* each method is first called with each of its reads failing */
	size_t tolerated[API_METHOD_COUNT];
};

/* --- what is shown of an answer --- */

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Only that there is one, and in lists how many. */
static const char *const wording[] = { "message", "description", "reason", "reasons", "advice", "summary", "warnings",
	"progress", NULL };
static const char *const random_texts[] = { "serialNumber", "sha256Fingerprint", "sha256_fingerprint", "hash", "token",
	"recordContent", "version", "accountThumbprint", NULL };
/* Only whether they are 0, but for durations, which may be. */
static const char *const random_numbers[] = { "pid", "longestCommitMicroseconds", "usedBytes", "commits",
	"server_group_id", "octets", NULL };
static const char *const durations[] = { "turnP99Microseconds", NULL };
static const char *const exact_times[] = { "notAfter", "expiresDate", "expires_at", NULL };

static size_t
id_number(struct script *s, const char *id)
{
	_cleanup_free_ char *copy = xstrndup(id, 36);

	for (size_t i = 0; i < s->ids.count; i++)
		if (strcmp(s->ids.items[i], copy) == 0)
			return i + 1;
	strlist_add(&s->ids, copy);
	return s->ids.count;
}

static bool
is_id(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx"; /* those that are random */

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] != 'x' ? text[i] != shape[i] : !text[i] || !strchr("0123456789abcdef", text[i]))
			return false;
	return true;
}

static void
add_with_ids(struct script *s, const char *text, struct buf *ret)
{
	while (*text) {
		if (is_id(text)) {
			buf_printf(ret, "$%zu", id_number(s, text));
			text += 36;
		} else {
			buf_add_char(ret, *text++);
		}
	}
}

static bool
add_time(struct script *s, const char *name, const char *text, struct buf *ret)
{
	int64_t at, now = clock_wall(s->world.clock);

	if (strlen(text) < strlen("2026-01-01T00:00:00Z") || time_parse_rfc3339(text, &at) < 0)
		return false;
	if (at > now && !is_one_of(name, exact_times))
		buf_add_str(ret, "later");
	else if (at == now)
		buf_add_str(ret, "now");
	else
		buf_printf(ret, "%+llds", (long long)(at - now));
	return true;
}

/* The names of all samples that are about certd as a whole. */
static void
add_totals(const char *text, struct buf *ret)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_free_ char *list = NULL;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, "{ ");
		_cleanup_free_ char *name = xstrndup(text, len);

		if (*text != '#' && strncmp(text + len, "{name=", strlen("{name=")) != 0 && !strlist_has(&names, name))
			strlist_add(&names, name);
	}
	list = strlist_join(&names, " ");
	buf_printf(ret, "totals %s;", list);
}

/* Of metrics: of which certificates there are series, and the names of the totals, if there are any. */
static bool
add_metrics(const char *text, struct buf *ret)
{
	static const char series[] = "\ncertd_certificate_paused{name=\"";
	bool has_totals = strstr(text, "\ncertd_build_info{");

	if (strncmp(text, "# TYPE certd_", strlen("# TYPE certd_")) != 0)
		return false;
	if (has_totals)
		add_totals(text, ret);
	else
		buf_add_str(ret, "no totals;");
	while ((text = strstr(text, series))) {
		text += strlen(series);
		buf_printf(ret, " %.*s", (int)strcspn(text, "\""), text);
	}
	return true;
}

static void
add_text(struct script *s, const char *name, const char *text, struct buf *ret)
{
	unsigned blocks = 0;

	for (const char *p = text; (p = strstr(p, "-----BEGIN ")); p++)
		blocks++;
	if ((is_one_of(name, wording) && !s->shows_words) || is_one_of(name, random_texts))
		buf_add_str(ret, *text ? "..." : "");
	else if (blocks)
		buf_printf(ret, "PEM, %u blocks", blocks);
	else if (!add_metrics(text, ret) && !add_time(s, name, text, ret))
		add_with_ids(s, text, ret);
}

static struct json_object *
shown(struct script *s, const char *name, struct json_object *value);

/* In the order of their names where that of their ids would be as random as they are. */
static int
by_name(const void *a, const void *b)
{
	struct json_object *x = json_path(*(struct json_object *const *)a, "properties.name");
	struct json_object *y = json_path(*(struct json_object *const *)b, "properties.name");

	return strcmp(x ? json_object_get_string(x) : "", y ? json_object_get_string(y) : "");
}

static struct json_object *
shown_array(struct script *s, const char *name, struct json_object *array)
{
	struct json_object *ret = json_object_new_array();

	if (json_object_array_length(array) && json_path(json_object_array_get_idx(array, 0), "properties"))
		json_object_array_sort(array, by_name);
	for (size_t i = 0; i < json_object_array_length(array); i++)
		json_object_array_add(ret, shown(s, name, json_object_array_get_idx(array, i)));
	return ret;
}

static struct json_object *
shown_object(struct script *s, struct json_object *object)
{
	struct json_object *ret = json_object_new_object();

	json_object_object_foreach(object, member, value) {
		if (strcmp(member, "id") == 0 && is_id(json_object_get_string(value)))
			memcpy(s->last_id, json_object_get_string(value), sizeof(s->last_id));
		else if (strcmp(member, "token") == 0)
			snprintf(s->token, sizeof(s->token), "%s", json_object_get_string(value));
		json_object_object_add(ret, member, shown(s, member, value));
	}
	return ret;
}

/* Owned by the caller. */
static struct json_object *
shown(struct script *s, const char *name, struct json_object *value)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	switch (json_object_get_type(value)) {
	case json_type_object:
		return shown_object(s, value);
	case json_type_array:
		return shown_array(s, name, value);
	case json_type_string:
		add_text(s, name, json_object_get_string(value), &text);
		return json_object_new_string(buf_str(&text));
	case json_type_int:
		if (is_one_of(name, durations))
			return json_object_new_int64(1);
		if (is_one_of(name, random_numbers))
			return json_object_new_int64(json_object_get_int64(value) != 0);
		return json_object_get(value);
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
		break;
	}
	return json_object_get(value);
}

static const char *
json_text(struct json_object *json)
{
	return json_object_to_json_string_ext(json, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void
show_items(struct script *s, const char *name, struct json_object *items, bool is_part)
{
	size_t n = json_object_array_length(items);
	_cleanup_json_ struct json_object *list = NULL;

	buf_printf(&s->out, "\t%s: %zu\n", name, n);
	if (n && is_part && json_path(json_object_array_get_idx(items, 0), "properties"))
		return;
	list = shown(s, name, items);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_printf(&s->out, "\t  %s\n", json_text(json_object_array_get_idx(list, i)));
}

/* Which objects are on a page is then as random as their ids. */
static bool
is_part_of_list(struct json_object *json)
{
	struct json_object *items = NULL;
	int64_t total = 0;

	json_get_int(json, "total", 0, INT64_MAX, &total, NULL);
	json_get_array(json, "items", &items, NULL);
	return json_path(json, "_links.next") || json_path(json, "_links.prev") ||
	       (items && total > (int64_t)json_object_array_length(items));
}

/* A line for each member; those that are long have lines of their own. */
static void
show_members(struct script *s, struct json_object *json, int depth)
{
	bool is_part = is_part_of_list(json);

	json_object_object_foreach(json, member, value) {
		_cleanup_json_ struct json_object *text = NULL;

		if (depth == 0 && json_object_is_type(value, json_type_array)) {
			show_items(s, member, value, is_part);
			continue;
		}
		text = shown(s, member, value);
		buf_printf(&s->out, "\t%*s%s:", 2 * depth, "", member);
		if (json_object_is_type(value, json_type_object) && strlen(json_text(text)) > LONG) {
			buf_add_str(&s->out, "\n");
			show_members(s, value, depth + 1);
		} else {
			buf_printf(&s->out, " %s\n", json_text(text));
		}
	}
}

static void
show(struct script *s, struct json_object *json)
{
	if (json_object_is_type(json, json_type_object))
		show_members(s, json, 0);
	else
		buf_printf(&s->out, "\t%s\n", json_text(json));
}

static void
show_event(struct json_object *event, void *arg)
{
	struct script *s = arg;
	_cleanup_json_ struct json_object *data = NULL;
	const char *kind = NULL, *level = NULL;
	struct json_object *name = json_path(event, "object.name");

	json_get_string(event, "kind", &kind, NULL);
	json_get_string(event, "level", &level, NULL);
	if (strcmp(level, "debug") == 0)
		return;
	data = shown(s, "data", json_path(event, "data"));
	buf_printf(&s->events, "\t* %s %s %s %s\n", level, kind, name ? json_object_get_string(name) : "-",
		data ? json_text(data) : "");
}

/* --- calls --- */

/* Ends @line after its first word. Returns what follows it, or "". */
static char *
cut_word(char *line)
{
	char *end = line + strcspn(line, " ");

	if (*end)
		*end++ = '\0';
	return end;
}

static void
settle(struct script *s)
{
	cr_assert_eq(loop_run_until(s->world.loop, clock_wall(s->world.clock), NULL), 0);
}

/* As a client reads it: items of lists are text already. @result: taken. */
static struct json_object *
script_reparse(struct json_object *result)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *read;

	json_write(result, &text);
	json_object_put(result);
	read = json_parse(text.data, text.len, NULL);
	cr_assert_not_null(read, "%s", buf_str(&text));
	return read;
}

static void
answered(struct json_object *result, const struct error *err, void *arg)
{
	struct script *s = arg;

	s->is_answered = true;
	if (err) {
		buf_printf(&s->out, "\t! %s%s%s\n", error_code_name(err->code), err->field ? " " : "",
			err->field ? err->field : "");
		cr_assert_not_null(err->message);
		if (s->shows_words)
			buf_printf(&s->out, "\t  %s\n", err->message);
	} else if (!result || json_object_object_length(result) == 0) {
		buf_add_str(&s->out, "\tdone\n");
	} else {
		result = script_reparse(result);
		show(s, result);
	}
	json_object_put(result);
}

/* Some answers wait for the CA. */
static void
await_answer(struct script *s, const char *call)
{
	settle(s);
	for (int sec = 0; sec < 60 && !s->is_answered; sec++)
		world_run_until(&s->world, world_now(&s->world) + 1);
	cr_assert(s->is_answered, "%s: %s is not answered", s->file, call);
}

/* The text that @at names, and in *@ret_len the length of its name with the brackets; NULL: none. */
static const char *
text_at(const struct script *s, const char *at, size_t *ret_len)
{
	*ret_len = *at == '{' ? strcspn(at, "}") + 1 : 0;
	if (*ret_len == strlen("{LAST}") && strncmp(at, "{LAST}", *ret_len) == 0)
		return s->last_id;
	for (const struct script_text *t = s->texts; *ret_len && t->name; t++)
		if (strlen(t->name) == *ret_len - 2 && strncmp(at + 1, t->name, *ret_len - 2) == 0)
			return t->value;
	return NULL;
}

/* @line with the texts in place of their names, as JSON has them. Owned by the caller. */
static char *
with_texts(const struct script *s, const char *line)
{
	_cleanup_buf_ struct buf ret = BUF_INIT;

	while (*line) {
		size_t len;
		const char *text = text_at(s, line, &len);

		if (text) {
			_cleanup_json_ struct json_object *value = json_object_new_string(text);
			const char *quoted = json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE);

			buf_add(&ret, quoted + 1, strlen(quoted) - 2);
			line += len;
		} else {
			buf_add_char(&ret, *line++);
		}
	}
	return xstrdup(buf_str(&ret));
}

/* A descriptor of that kind; -1: "nothing". */
static int
open_kind(const struct script *s, const char *kind)
{
	int fds[2];

	if (strcmp(kind, "memory") == 0)
		return memfd_create("export", MFD_CLOEXEC);
	if (strcmp(kind, "read-only") == 0)
		return open("store/data.mdb", O_RDONLY | O_CLOEXEC);
	if (strcmp(kind, "path") == 0)
		return open("/", O_PATH | O_CLOEXEC);
	if (strcmp(kind, "device") == 0)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	if (strcmp(kind, "proc") == 0)
		return open("/proc/self/comm", O_RDWR | O_CLOEXEC);
	if (strcmp(kind, "pipe") == 0) {
		cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
		close(fds[0]);
		return fds[1];
	}
	cr_assert_str_eq(kind, "nothing", "%s: %s", s->file, kind);
	return -1;
}

/* What is written is shown by its PEM labels, or as binary. */
static void
export_to(struct script *s, enum api_method_id method, const char *kind, struct json_object *params)
{
	int fd = open_kind(s, kind);
	struct passed_fds passed = { .fds = { dup(fd) }, .count = fd >= 0 };
	char text[65536] = "";
	ssize_t n;

	s->is_answered = false;
	service_call_passing(&s->world.service, &s->peer, &passed, method, params, answered, s);
	passed_fds_clear(&passed);
	await_answer(s, "export");
	n = strcmp(kind, "memory") == 0 ? pread(fd, text, sizeof(text) - 1, 0) : 0;
	if (n > 0 && text[0] != '-')
		buf_add_str(&s->out, "\twritten: binary\n");
	for (const char *p = text; (p = strstr(p, "-----BEGIN ")); p++)
		buf_printf(&s->out, "\twritten: %.*s\n", (int)strcspn(p, "\n"), p);
	if (fd >= 0)
		close(fd);
}

/* --- the same call while the store fails --- */

static void
fault_answered(struct json_object *result, const struct error *err, void *arg)
{
	struct fault_outcome *outcome = arg;

	outcome->is_answered = true;
	outcome->has_failed = store_faults_end();
	if (err)
		error_copy(&outcome->err, err);
	json_object_put(result);
}

/* @n: number of the read that fails; 0: none. No write succeeds, so the call can be repeated. @ret: zeroed. */
static void
call_with_fault(struct script *s, enum api_method_id method, const char *text, uint64_t n, struct fault_outcome *ret)
{
	_cleanup_json_ struct json_object *params = json_parse(text, strlen(text), NULL); /* keys are wiped from it */

	store_faults_begin(n, true);
	service_call(&s->world.service, &s->peer, method, params, fault_answered, ret);
	settle(s);
	for (int sec = 0; sec < 60 && !ret->is_answered; sec++)
		world_run_until(&s->world, world_now(&s->world) + 1);
	cr_assert(ret->is_answered, "%s, read %d: no answer", api_methods[method].name, (int)n);
}

/*
 * A failed read is the answer, or makes no difference: then it only was about what the answer can do without. What
 * cannot be read is not in a caller's scope either, so it may be hidden. An order that cannot be saved ends, and then
 * cannot be cancelled.
 */
static void
call_with_faults(struct script *s, enum api_method_id method, const char *text)
{
	struct fault_outcome usual = { .err = ERROR_INIT };
	bool has_failed = true;

	call_with_fault(s, method, text, 0, &usual);
	for (uint64_t n = 1; has_failed; n++) {
		struct fault_outcome outcome = { .err = ERROR_INIT };
		bool is_told;

		call_with_fault(s, method, text, n, &outcome);
		has_failed = outcome.has_failed;
		is_told = outcome.err.code == ERROR_IO && strstr(outcome.err.message, "a read " STORE_FAULT);
		s->tolerated[method] += has_failed && !is_told;
		cr_expect(is_told || outcome.err.code == usual.err.code || s->peer.scope ||
				  method == RPC_AUTOCERTIFICATE_CANCEL,
			"%s %.100s, read %d: %s: %s, not %s: %s", api_methods[method].name, text, (int)n,
			error_code_name(outcome.err.code), outcome.err.message, error_code_name(usual.err.code),
			usual.err.message);
		error_clear(&outcome.err);
	}
	error_clear(&usual.err);
	buf_clear(&s->events);
}

static void
call_method(struct script *s, const char *name, const char *params)
{
	_cleanup_json_ struct json_object *json = NULL;
	_cleanup_free_ char *text = with_texts(s, *params ? params : "{}");
	enum api_method_id method;

	cr_assert_eq(api_method_find(name, &method), 1, "%s: unknown method '%s'", s->file, name);
	json = json_parse(text, strlen(text), NULL);
	cr_assert_not_null(json, "%s: %s", s->file, params);
	s->is_answered = false;
	if (api_methods[method].flags & API_TAKES_FD) {
		export_to(s, method, "memory", json);
		return;
	}
	if (s->has_faults)
		call_with_faults(s, method, text);
	service_call(&s->world.service, &s->peer, method, json, answered, s);
	await_answer(s, name);
}

/* The record of an object becomes what no certd has written. */
static void
damage(struct script *s, char *type)
{
	const char *name = cut_word(type);
	const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &authorization_class, &token_class, &alert_class };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct object *o;

		if (strcmp(classes[i]->name, type) != 0)
			continue;
		o = xcalloc(1, classes[i]->size);
		cr_assert_eq(object_find(s->world.store, classes[i], name, o, NULL), 1, "%s: %s", s->file, name);
		store_put(store_begin(s->world.store), classes[i]->db, o->id, strlen(o->id), "\xff\xff", 2);
		record_clear(classes[i], o);
		free(o);
		return;
	}
	cr_assert_fail("%s: there is no type '%s'", s->file, type);
}

static void
set_limit(struct script *s, char *name)
{
	int64_t value = strtoll(cut_word(name), NULL, 10);

	if (strcmp(name, "max-auto-certificates") == 0)
		s->world.conf.max_auto_certificates = value;
	else if (strcmp(name, "max-alternative-names") == 0)
		s->world.conf.max_alternative_names = value;
	else
		cr_assert_fail("%s: limit %s", s->file, name);
}

static void
export_line(struct script *s, char *kind)
{
	_cleanup_free_ char *text = with_texts(s, cut_word(kind));
	_cleanup_json_ struct json_object *json = json_parse(text, strlen(text), NULL);

	cr_assert_not_null(json, "%s: %s", s->file, text);
	export_to(s, RPC_CERTIFICATE_EXPORT, kind, json);
}

/* --- REST --- */

static int
rest_connect(const struct script *s, bool is_tcp)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = REST_SOCKET };
	struct sockaddr_in tcp = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s->port)
	};
	int fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, is_tcp ? (struct sockaddr *)&tcp : (struct sockaddr *)&local,
			     is_tcp ? sizeof(tcp) : sizeof(local)),
		0);
	return fd;
}

/* Status and fields, but for those that differ from run to run. */
static void
show_head(struct script *s, char *head)
{
	char *rest = NULL;

	for (char *line = strtok_r(head, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
		if (strncmp(line, "Date:", 5) == 0 || strncmp(line, "Content-Length:", 15) == 0)
			continue;
		buf_add_str(&s->out, "\t");
		add_with_ids(s, line, &s->out);
		buf_add_str(&s->out, "\n");
	}
}

static void
show_response(struct script *s, char *response)
{
	char *body = strstr(response, "\r\n\r\n");
	_cleanup_json_ struct json_object *json = NULL;

	cr_assert_not_null(body, "%s: no answer: '%s'", s->file, response);
	*body = '\0';
	body += 4;
	show_head(s, response);
	json = json_parse(body, strlen(body), NULL);
	if (json)
		show(s, json);
	else if (*body)
		buf_printf(&s->out, "\t%.*s\n", (int)strcspn(body, "\n"), body);
}

/* @is_tcp: with the token that was shown last. */
static void
request(struct script *s, char *method, char *line, bool is_tcp)
{
	char *path = line, *body = cut_word(line);
	_cleanup_free_ char *text = with_texts(s, body);
	_cleanup_free_ char *request = xasprintf(
		"%s %s HTTP/1.1\r\nHost: certd.test\r\nConnection: close\r\n"
		"%s%s%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, is_tcp ? "Authorization: Bearer " : "", is_tcp ? s->token : "", is_tcp ? "\r\n" : "",
		strlen(text), text);
	_cleanup_buf_ struct buf response = BUF_INIT;
	char block[65536];
	int fd = rest_connect(s, is_tcp);
	ssize_t n;

	cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	/* The daemon closes the connection after its answer. */
	for (int turns = 0; turns < 100; turns++) {
		settle(s);
		while ((n = recv(fd, block, sizeof(block), MSG_DONTWAIT)) > 0)
			buf_add(&response, block, (size_t)n);
		if (n == 0)
			break;
	}
	close(fd);
	show_response(s, (char *)(uintptr_t)buf_str(&response));
}

/* --- lines --- */

static void
become(struct script *s, const char *who)
{
	struct scope_rule rule = { .domains = STRLIST_INIT };

	peer_clear(&s->peer);
	s->peer = (struct peer){ .role = ROLE_ADMIN, .user_id = "0", .label = "uid:0" };
	if (strcmp(who, "admin") == 0)
		return;
	s->peer = (struct peer){ .uid = 5000, .role = ROLE_OPERATOR, .user_id = "5000", .label = "uid:5000" };
	if (strcmp(who, "viewer") == 0)
		s->peer.role = ROLE_VIEWER;
	if (strcmp(who, "scoped") == 0)
		strlist_add(&rule.domains, "*.in.test");
	else if (strcmp(who, "of-provider") == 0)
		strlist_add(&rule.providers, "ca");
	else if (strcmp(who, "of-label") == 0)
		strlist_add(&rule.labels, "shop");
	else
		return;
	s->peer.scope = scope_new();
	scope_add(s->peer.scope, &rule);
	scope_rule_clear(&rule);
}

static void
run_later(struct script *s, const char *span)
{
	int64_t sec;

	cr_assert_eq(time_parse_span(span, &sec), 0, "%s: later %s", s->file, span);
	world_run_until(&s->world, world_now(&s->world) + sec);
}

static void
set_weather(struct script *s, const char *name)
{
	enum weather weather = WEATHER_PERFECT;

	while (weather < WEATHER_COUNT && strcmp(weather_name(weather), name) != 0)
		weather++;
	cr_assert_neq(weather, WEATHER_COUNT, "%s: weather %s", s->file, name);
	for (size_t i = 0; i < WORLD_CAS; i++)
		world_set_weather(&s->world.cas[i], weather, world_now(&s->world) + 3600);
}

static void
run_line(struct script *s, char *line)
{
	char *word = line, *rest = cut_word(line);

	if (strcmp(word, "as") == 0)
		become(s, rest);
	else if (strcmp(word, "later") == 0)
		run_later(s, rest);
	else if (strcmp(word, "weather") == 0)
		set_weather(s, rest);
	else if (strcmp(word, "damage") == 0)
		damage(s, rest);
	else if (strcmp(word, "words") == 0)
		s->shows_words = strcmp(rest, "on") == 0;
	else if (strcmp(word, "limit") == 0)
		set_limit(s, rest);
	else if (strcmp(word, "export") == 0)
		export_line(s, rest);
	else if (strcmp(word, "bearer") == 0)
		request(s, rest, cut_word(rest), true);
	else if (strchr(word, '.'))
		call_method(s, word, rest);
	else
		request(s, word, rest, false);
	settle(s);
	buf_add(&s->out, s->events.data, s->events.len);
	buf_clear(&s->events);
}

/* --- the whole --- */

static char *
path_of(const char *file)
{
	const char *slash = strrchr(__FILE__, '/');

	return xasprintf("%.*s/calls/%s", (int)(slash - __FILE__), __FILE__, file);
}

char *
script_read(const char *file)
{
	_cleanup_free_ char *path = path_of(file);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char block[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	cr_assert_not_null(f, "%s", path);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&text, block, n);
	fclose(f);
	return xstrdup(buf_str(&text));
}

static int
rekey(void *arg _unused_, const struct secret *key, struct error *err)
{
	return key->len ? error_set_field(err, "masterKey", "is not 32 octets") : 0;
}

static int
reload(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return 0;
}

static void
begin(struct script *s)
{
	struct world *w = &s->world;
	_cleanup_free_ char *here = NULL, *path = NULL;

	CRYPTO_secure_malloc_init(1 << 20, 64);
	sim_init(&s->sim, 1);
	sim_seed_random(1);
	sim_count_ids();
	sim_enter_directory();
	here = realpath(".", NULL);
	path = xasprintf("%s/" REST_SOCKET, here);
	world_init(w, &s->sim);
	for (size_t i = 0; i < WORLD_CAS; i++)
		world_set_weather(&w->cas[i], WEATHER_PERFECT, 0);
	world_start(w);
	s->audit = audit_new(w->store, w->loop, w->log, 1000);
	w->service.audit = s->audit;
	w->service.workers = w->workers;
	w->service.reload = reload;
	w->service.rekey = rekey;
	w->service.started_at = world_now(w);
	s->subscription = events_subscribe(w->events, NULL, show_event, s);
	s->port = free_port();
	strlist_take(&w->conf.rest_listen, xasprintf("127.0.0.1:%d", s->port));
	w->conf.is_rest_plain = true;
	s->rest = rest_new(&w->service,
		&(struct rest_config){
			.path = path, .max_connections = 10, .max_connections_per_user = 10, .roles = &s->roles },
		NULL);
	cr_assert_not_null(s->rest);
	become(s, "admin");
}

static void
end(struct script *s)
{
	rest_free(s->rest);
	events_unsubscribe(s->subscription);
	audit_stop(s->audit);
	store_commit(s->world.store);
	world_stop(&s->world);
	audit_free(s->audit);
	world_clear(&s->world);
	sim_leave_directory();
	peer_clear(&s->peer);
	strlist_clear(&s->ids);
	buf_clear(&s->events);
}

/* Names the first line that differs. */
static void
compare(const char *file, const char *expected, const char *got)
{
	const char *line = expected, *call = expected;
	size_t i = 0;
	int number = 1;

	for (; expected[i] && expected[i] == got[i]; i++) {
		if (expected[i] != '\n')
			continue;
		number++;
		line = expected + i + 1;
		if (*line != '\t')
			call = line;
	}
	cr_expect(expected[i] == got[i],
		"calls/%s, line %d, after %.*s\n  expected %.*s\n  answered %.*s\nIf that is right, run the test with "
		"UPDATE_EXPECTED=1 and commit the file.",
		file, number, (int)strcspn(call, "\n"), call, (int)strcspn(line, "\n"), line,
		(int)strcspn(got + (line - expected), "\n"), got + (line - expected));
}

void
script_expect(const char *file, const char *got)
{
	_cleanup_free_ char *expected = script_read(file);
	_cleanup_free_ char *path = path_of(file);
	FILE *f;

	if (!getenv("UPDATE_EXPECTED")) {
		compare(file, expected, got);
		return;
	}
	f = fopen(path, "w");
	cr_assert(f && fputs(got, f) >= 0 && fclose(f) == 0, "%s", path);
}

static void
run_script(const char *file, const struct script_text *texts, size_t *ret_tolerated)
{
	struct script s = { .file = file, .texts = texts, .has_faults = ret_tolerated };
	_cleanup_free_ char *expected = script_read(file);
	_cleanup_free_ char *lines = xstrdup(expected);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = NULL;

	begin(&s);
	for (char *line = lines; line && *line; line = rest) {
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		if (*line == '\t')
			continue;
		buf_printf(&s.out, "%s\n", line);
		if (*line && *line != '#')
			run_line(&s, line);
	}
	for (size_t i = 0; ret_tolerated && i < API_METHOD_COUNT; i++)
		ret_tolerated[i] += s.tolerated[i];
	end(&s);
	cr_assert_eq(fchdir(here), 0); /* the files are found from there */
	close(here);
	if (!ret_tolerated)
		script_expect(file, buf_str(&s.out));
	buf_clear(&s.out);
}

void
script_run(const char *file, const struct script_text *texts)
{
	run_script(file, texts, NULL);
}

void
script_run_with_faults(const char *file, const struct script_text *texts, size_t *ret_tolerated)
{
	run_script(file, texts, ret_tolerated);
}
