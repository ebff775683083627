/* The record of a message, and its two general forms: one line, and JSON. */
#include "daemon/alert/message.h"

#include "common/alloc.h"

#include <string.h>

static const struct record_field message_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct message, id, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct message, incident, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct message, condition, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct message, status, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct message, severity, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct message, was, NULL),
	RECORD_FIELD(RECORD_STRING, 7, struct message, type, NULL),
	RECORD_FIELD(RECORD_STRING, 8, struct message, object, NULL),
	RECORD_FIELD(RECORD_STRING, 9, struct message, name, NULL),
	RECORD_FIELD(RECORD_STRING, 10, struct message, title, NULL),
	RECORD_FIELD(RECORD_STRING, 11, struct message, text, NULL),
	RECORD_FIELD(RECORD_INT, 12, struct message, begun_at, NULL),
	RECORD_FIELD(RECORD_INT, 13, struct message, ended_at, NULL),
	RECORD_FIELD(RECORD_INT, 14, struct message, queued_at, NULL),
	RECORD_FIELD(RECORD_INT, 15, struct message, merged, NULL),
	RECORD_FIELD(RECORD_INT, 16, struct message, refusals, NULL),
};

const struct record_class message_class = RECORD_CLASS(
	"message", STORE_MESSAGE, struct message, message_fields, unknown);

bool
message_is_resolved(const struct message *m)
{
	return strcmp(m->status, "resolved") == 0;
}

char *
message_subject(const struct message *m)
{
	return xasprintf("[%s] %s%s%s", message_is_resolved(m) ? "resolved" : m->severity, m->name ? m->name : "",
		m->name ? ": " : "", m->title);
}

struct json_object *
message_to_json(const struct message *m, const char *host)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "id", m->id);
	json_add_string(o, "incident", m->incident);
	json_add_string(o, "status", m->status);
	json_add_string(o, "condition", m->condition);
	json_add_string(o, "severity", m->severity);
	json_add_string(o, "title", m->title);
	json_add_string(o, "message", m->text);
	json_add_string(o, "host", host);
	if (m->type) {
		struct json_object *object = json_object_new_object();

		json_add_string(object, "type", m->type);
		json_add_string(object, "id", m->object);
		json_add_string(object, "name", m->name);
		json_object_object_add(o, "object", object);
	}
	json_add_time(o, "startsAt", m->begun_at);
	if (m->ended_at)
		json_add_time(o, "endsAt", m->ended_at);
	if (m->merged)
		json_add_int(o, "merged", m->merged);
	return o;
}
