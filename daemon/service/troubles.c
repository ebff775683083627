/*
 * What fails is tried again within a day, so it lies at the head of the schedule: as many rows of each lane are looked at
 * as may reasonably be answered for in one call.
 */
#include "daemon/service/troubles.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/subject.h"
#include "daemon/schedule/schedule.h"

#include <string.h>

enum { ROWS_MAX = 500, SHOWN_MAX = 20, LONGEST_WAIT_SEC = 27 * 3600 };

struct search {
	struct service *service;
	struct json_object *list;
	int64_t until_at;
	size_t rows; /* looked at */
};

static void
add(struct search *s, const struct schedule_row *row, const char *type, const char *name,
	const struct error *why)
{
	struct json_object *item = json_object_new_object();
	struct json_object *object = json_object_new_object();

	json_add_string(object, "type", type);
	json_add_string(object, "id", row->object);
	json_add_string(object, "name", name);
	json_object_object_add(item, "object", object);
	json_add_string(item, "action", schedule_kind_name(row->kind));
	json_add_string(item, "message", why->message);
	json_add_time(item, "date", row->due_at);
	json_object_array_add(s->list, item);
}

static void
troubles_look_at_issue(struct search *s, const struct schedule_row *row)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_peek(s->service->store, &autocert_class, row->object, &a, NULL) == 1 && a.attempts > 0)
		add(s, row, autocert_class.name, a.o.name, &a.last_error);
}

static void
look_at_account(struct search *s, const struct schedule_row *row)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (object_peek(s->service->store, &provider_class, row->object, &p, NULL) == 1 &&
		error_is_set(&p.o.failure))
		add(s, row, provider_class.name, p.o.name, &p.o.failure);
}

static void
look_at_deploy(struct search *s, const struct schedule_row *row)
{
	_cleanup_subject_ struct subject subject = { .type = NULL };
	struct rollout_state state = { 0 };

	if (rollout_load(s->service->rollout, row->object, &state, NULL) == 1 && rollout_failure(&state) &&
		subject_load(s->service->store, row->object, &subject, NULL) == 1)
		add(s, row, subject.type, subject.name, rollout_failure(&state));
	record_clear(&rollout_class, &state);
}

static void
troubles_look_at(struct search *s, const struct schedule_row *row)
{
	switch (row->kind) {
	case SCHEDULE_ISSUE:
		troubles_look_at_issue(s, row);
		return;
	case SCHEDULE_ACCOUNT:
		look_at_account(s, row);
		return;
	case SCHEDULE_DEPLOY:
		look_at_deploy(s, row);
		return;
	case SCHEDULE_PROBE:
	case SCHEDULE_CLEANUP:
	case SCHEDULE_AUTHORIZE:
	case SCHEDULE_PURGE:
	case SCHEDULE_REMOVE:
	case SCHEDULE_EXPIRY:
		return; /* told by events; the certificate is well */
	}
}

static void
walk_lane(struct search *s, const char *lane)
{
	struct schedule_row row, at;
	bool first = true;

	while (s->rows < ROWS_MAX && json_object_array_length(s->list) < SHOWN_MAX &&
		schedule_next_in_lane(s->service->store, lane, first ? NULL : &at, &row, NULL) == 1 &&
		row.due_at <= s->until_at) {
		first = false;
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
	bool after = false;

	if (object_count_failing(service->store, &autocert_class) <= 0 &&
		object_count_failing(service->store, &provider_class) <= 0 &&
		rollout_count_failing(service->rollout) <= 0)
		return NULL;
	s.list = json_object_new_array();
	s.until_at = time_add(clock_wall(loop_clock(service->loop)), LONGEST_WAIT_SEC);
	while (schedule_next_lane(service->store, lane, after, lane, NULL) == 1) {
		walk_lane(&s, lane);
		after = true;
	}
	return s.list;
}

char *
troubles_of_all(const struct service *service)
{
	const char *state_dir = service->conf->state_dir;
	struct scheduler_stats scheduler;
	struct store_stats store;

	scheduler_get_stats(service->scheduler, &scheduler);
	store_get_stats(service->store, &store);
	if (store.is_full)
		return xasprintf(
			"the disk of %s is full: nothing can be changed or renewed until there is room; "
			"certd then goes on by itself",
			state_dir);
	if (scheduler.store_fails)
		return xasprintf(
			"the store in %s cannot be written: nothing is renewed until it can; see certctl "
			"events",
			state_dir);
	if (scheduler.is_waiting_for_date)
		return xstrdup(
			"the clock is behind the last time that was seen: nothing is issued or renewed until "
			"it is set (or for an hour)");
	return NULL;
}
