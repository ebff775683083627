#include "daemon/control/rest_events.h"

#include "daemon/base/loop.h"
#include "daemon/control/rest_answer.h"
#include "daemon/service/access.h"

#include <stdlib.h>
#include <string.h>

enum {
	ALIVE_MS = 20 * 1000, /* a comment, so that a peer that is gone is noticed */
	STREAM_MS = 15 * 60 * 1000,
};

struct rest_stream {
	struct service *service;
	struct httpd_conn *conn;
	struct peer peer; /* owned */
	struct event_subscription *events;
	struct loop_timer alive;
	struct loop_timer end;
};

bool
rest_events_is_asked(const struct httpd_head *head)
{
	return httpd_text_is(head->method, "GET") && httpd_text_is(head->path, "/events") &&
	       httpd_text_has(head->accept, "text/event-stream");
}

static void
stream_free(struct rest_stream *s)
{
	loop_timer_cancel(&s->alive);
	loop_timer_cancel(&s->end);
	events_unsubscribe(s->events);
	peer_clear(&s->peer);
	free(s);
}

/* The connection is gone, for any reason. */
static void
stream_ended(void *arg)
{
	stream_free(arg);
}

/* "id" is the number to go on from; events of progress have none. A JSON text has no line breaks. */
static void
stream_write(struct json_object *event, struct buf *ret)
{
	struct json_object *seq = json_path(event, "seq");

	if (seq)
		buf_printf(ret, "id: %lld\n", (long long)json_object_get_int64(seq));
	buf_add_str(ret, "data: ");
	json_write(event, ret);
	buf_add_str(ret, "\n\n");
}

/* May free @s. */
static void
stream_send(struct rest_stream *s, const struct buf *text)
{
	loop_timer_set(&s->alive, ALIVE_MS);
	httpd_conn_stream_send(s->conn, buf_str(text), text->len);
}

static void
stream_event_seen(struct json_object *event, void *arg)
{
	struct rest_stream *s = arg;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!access_sees_event(s->peer.scope, s->service->store, event))
		return;
	stream_write(event, &text);
	stream_send(s, &text);
}

static void
stream_is_alive(void *arg)
{
	struct rest_stream *s = arg;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, ":\n\n");
	stream_send(s, &text);
}

static void
stream_is_over(void *arg)
{
	struct rest_stream *s = arg;

	httpd_conn_stream_end(s->conn); /* calls stream_ended() */
}

static void
stream_begin(struct rest_stream *s, struct json_object *result)
{
	static const char fields[] = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
				     "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n";
	struct json_object *items = json_path(result, "items");
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, "retry: 5000\n\n");
	for (size_t i = 0; i < json_object_array_length(items); i++)
		stream_write(json_object_array_get_idx(items, i), &text);
	if (!httpd_conn_stream(s->conn, fields, buf_str(&text), text.len, stream_ended, s)) {
		stream_free(s); /* the peer has gone meanwhile */
		return;
	}
	s->events = events_subscribe(s->service->events, NULL, stream_event_seen, s);
	loop_timer_set(&s->alive, ALIVE_MS);
	loop_timer_set(&s->end, STREAM_MS);
}

static void
stream_called(struct json_object *result, const struct error *err, void *arg)
{
	struct rest_stream *s = arg;

	if (err) {
		rest_refuse(s->service, s->conn, 0, err);
		stream_free(s);
	} else {
		stream_begin(s, result);
	}
	json_object_put(result);
}

void
rest_events(struct service *service, struct httpd_conn *conn, const struct peer *peer, struct json_object *params)
{
	struct rest_stream *s = xcalloc(1, sizeof(*s));

	s->service = service;
	s->conn = conn;
	peer_copy(&s->peer, peer);
	loop_timer_init(&s->alive, service->loop, stream_is_alive, s);
	loop_timer_init(&s->end, service->loop, stream_is_over, s);
	service_call(service, peer, RPC_EVENT_SUBSCRIBE, params, stream_called, s);
}
