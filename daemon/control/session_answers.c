/*
 * Requests, answered in any order: changes wait for their commit. A batch is answered when all of its requests are. A
 * subscription is the connection's.
 */
#include "daemon/control/session_private.h"

#include "common/api/rpc.h"
#include "daemon/service/access.h"

#include <stdlib.h>
#include <utlist.h>

enum { MAX_BATCH_ANSWER = 8 * 1024 * 1024 };

struct batch {
	struct session *session; /* NULL: the connection has ended */
	struct buf text;         /* a line per answer */
	unsigned n_answers;
	unsigned open; /* requests without an answer, +1 while being read */
	bool is_single;
	struct batch *prev, *next;
};

/* One request that was handed to the service. */
struct request {
	struct batch *batch;
	struct json_object *id; /* owned; NULL: null */
	bool is_notification;   /* not answered */
	bool is_subscribe;
	bool is_list; /* may be long: later requests wait, so that only one is held in memory */
};

/* @message: taken. */
static void
session_send(struct session *s, struct json_object *message)
{
	rpc_write(message, &s->out);
	json_object_put(message);
}

static void
session_event(struct json_object *event, void *arg)
{
	struct session *s = arg;
	size_t before = s->out.len;

	if (!access_sees_event(s->peer.scope, s->service->store, event))
		return;
	session_send(s, rpc_notification("event", json_object_get(event)));
	s->unsent_events += s->out.len - before;
	session_told(s);
}

static void
batch_free(struct batch *b)
{
	buf_clear(&b->text);
	free(b);
}

static void
batch_send(struct session *s, struct batch *b)
{
	if (!b->n_answers)
		return;
	if (b->is_single) {
		buf_add(&s->out, b->text.data, b->text.len);
		return;
	}
	b->text.data[b->text.len - 1] = ']';
	buf_add_char(&s->out, '[');
	buf_add(&s->out, b->text.data, b->text.len);
	buf_add_char(&s->out, '\n');
}

static void
batch_settle(struct batch *b)
{
	struct session *s = b->session;

	if (b->open)
		return;
	if (s) {
		DL_DELETE(s->batches, b);
		batch_send(s, b);
	}
	batch_free(b);
	if (s)
		session_settle(s);
}

/* As text, so that a batch holds no trees. @answer: taken. */
static void
batch_answer(struct batch *b, struct json_object *answer)
{
	if (b->n_answers++)
		b->text.data[b->text.len - 1] = ','; /* was the newline */
	rpc_write(answer, &b->text);
	json_object_put(answer);
}

/* The method has checked the object and answered with its id; the subscription is the connection's. */
static void
session_subscribe(struct session *s, struct json_object *result)
{
	const char *object_id = NULL;

	json_get_string(result, "object", &object_id, NULL);
	events_unsubscribe(s->subscription);
	s->subscription = events_subscribe(s->service->events, object_id, session_event, s);
}

static void
request_done(struct json_object *result, const struct error *err, void *arg)
{
	struct request *r = arg;
	struct batch *b = r->batch;

	if (b->session && !err && r->is_subscribe)
		session_subscribe(b->session, result);
	if (!r->is_notification && b->session)
		batch_answer(b, err ? rpc_error(r->id, 0, err) : rpc_result(r->id, json_object_get(result)));
	json_object_put(result);
	b->open--;
	if (b->session) {
		b->session->queued--;
		b->session->lists -= r->is_list;
		if (b->session->is_held)
			fair_task_post(&b->session->work); /* there is room now */
	}
	json_object_put(r->id);
	free(r);
	batch_settle(b);
}

static void
session_refuse_method(struct batch *b, const struct rpc_request *req)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *nearest = api_method_nearest(req->method);

	error_set(&err, ERROR_NOT_FOUND, "unknown method '%.64s'%s%s%s", req->method, nearest ? "; did you mean '" : "",
		nearest ? nearest : "", nearest ? "'?" : "");
	if (!req->is_notification)
		batch_answer(b, rpc_error(req->id, RPC_METHOD_NOT_FOUND, &err));
}

static void
handle_request(struct session *s, struct batch *b, struct json_object *message)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	enum api_method_id method;
	struct rpc_request req;
	struct request *r;

	if (rpc_request_read(message, &req, &err) < 0) {
		batch_answer(b, rpc_error(req.id, err.code == ERROR_PROTOCOL ? RPC_INVALID_REQUEST : 0, &err));
		return;
	}
	if (!api_method_find(req.method, &method)) {
		session_refuse_method(b, &req);
		return;
	}
	if (b->text.len > MAX_BATCH_ANSWER) {
		error_set(&err, ERROR_LIMIT, "the answers of this batch are too large; split it");
		if (!req.is_notification)
			batch_answer(b, rpc_error(req.id, 0, &err));
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->batch = b;
	r->id = json_object_get(req.id);
	r->is_notification = req.is_notification;
	r->is_subscribe = method == RPC_EVENT_SUBSCRIBE;
	r->is_list = api_methods[method].verb == API_LIST_ALL;
	b->open++;
	s->queued++;
	s->lists += r->is_list;
	service_call_passing(s->service, &s->peer, &s->passed, method, req.params, request_done, r);
}

static struct batch *
batch_new(struct session *s, bool is_single)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->session = s;
	b->is_single = is_single;
	b->open = 1;
	DL_APPEND(s->batches, b);
	return b;
}

void
session_send_error(struct session *s, int code, const struct error *err)
{
	session_send(s, rpc_error(NULL, code, err));
}

void
session_begin_message(struct session *s, struct json_object *message)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_batch = json_object_is_type(message, json_type_array);
	size_t n = is_batch ? json_object_array_length(message) : 1;

	if (n == 0 || n > RPC_MAX_BATCH) {
		error_set(&err, ERROR_PROTOCOL, "a batch must contain 1 to %d requests", RPC_MAX_BATCH);
		session_send_error(s, RPC_INVALID_REQUEST, &err);
		json_object_put(message);
		return;
	}
	s->reading = batch_new(s, !is_batch);
	s->message = message;
	s->next_request = 0;
}

void
session_read_on(struct session *s)
{
	struct batch *b = s->reading;
	size_t n = b->is_single ? 1 : json_object_array_length(s->message);
	struct json_object *request = b->is_single ? s->message
						   : json_object_array_get_idx(s->message, s->next_request);

	handle_request(s, b, request);
	if (++s->next_request < n)
		return;
	json_object_put(s->message);
	s->message = NULL;
	s->reading = NULL;
	passed_fds_clear(&s->passed);
	b->open--;
	batch_settle(b);
}

size_t
session_batched(const struct session *s)
{
	const struct batch *b;
	size_t octets = 0;

	DL_FOREACH(s->batches, b) {
		octets += b->text.len;
	}
	return octets;
}

void
session_forget(struct session *s)
{
	struct batch *b, *tmp;

	if (s->reading)
		s->reading->open--;
	DL_FOREACH_SAFE(s->batches, b, tmp) {
		b->session = NULL;
		if (b->open == 0)
			batch_free(b);
	}
	events_unsubscribe(s->subscription);
	json_object_put(s->message);
}
