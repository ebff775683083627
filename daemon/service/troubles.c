/*
 * Failed work is retried within a day, so it is near the head of the schedule: in each lane, as many rows are visited
 * as a single call may take.
 */
#include "daemon/service/troubles.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"

#include <string.h>

enum { ROWS_MAX = 500, SHOWN_MAX = 20, LONGEST_WAIT_SEC = 27 * 3600 };

struct search {
	struct service *service;
	struct json_object *list;
	int64_t until_at;
	size_t rows; /* visited */
};

static void
troubles_look_at(struct search *s, const struct schedule_row *row)
{
	struct json_object *item, *object;
	struct job_trouble trouble = { .type = NULL };

	if (!scheduler_describe_trouble(s->service->scheduler, row, &trouble))
		return;
	item = json_object_new_object();
	object = json_object_new_object();
	json_add_string(object, "type", trouble.type);
	json_add_string(object, "id", row->object);
	json_add_string(object, "name", trouble.name);
	json_object_object_add(item, "object", object);
	json_add_string(item, "action", scheduler_kind(s->service->scheduler, row->kind)->word);
	json_add_string(item, "message", error_text_below(trouble.why.message, trouble.name));
	json_add_time(item, "date", row->due_at);
	json_object_array_add(s->list, item);
	job_trouble_clear(&trouble);
}

static void
walk_lane(struct search *s, const char *lane)
{
	struct schedule_row row, at;
	bool is_first = true;

	while (s->rows < ROWS_MAX && json_object_array_length(s->list) < SHOWN_MAX &&
		schedule_next_in_lane(s->service->store, lane, is_first ? NULL : &at, &row, NULL) == 1 &&
		row.due_at <= s->until_at) {
		is_first = false;
		at = row;
		s->rows++;
		troubles_look_at(s, &row);
	}
}

struct json_object *
troubles_list(struct service *service)
{
	struct search s = { .service = service };
	char lane[STORE_ID_SIZE] = "";
	bool is_after = false;

	if (!scheduler_has_troubles(service->scheduler))
		return NULL;
	s.list = json_object_new_array();
	s.until_at = time_add(loop_now(service->loop), LONGEST_WAIT_SEC);
	while (schedule_next_lane(service->store, lane, is_after, lane, NULL) == 1) {
		walk_lane(&s, lane);
		is_after = true;
	}
	return s.list;
}
