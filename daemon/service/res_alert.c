/* Alert destinations. daemon/alert/ has their kinds, their queues, and the conditions. */
#include "common/api/rpc.h"
#include "daemon/alert/alert_kind.h"
#include "daemon/alert/alerts.h"
#include "daemon/alert/queue.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"
#include "daemon/service/settings.h"

#include <string.h>

static void
alert_describe(
	struct service *service, const void *obj, struct json_object *properties _unused_, struct json_object *metadata)
{
	const struct alert *a = obj;
	struct schedule_row row;
	size_t queued = queue_length(service->store, a->o.id);

	json_add_int(metadata, "queued", (int64_t)queued);
	if (queued && schedule_get(service->store, SCHEDULE_ALERT, a->o.id, &row, NULL) == 1)
		json_add_time(metadata, "nextDate", row.due_at);
	if (error_is_set(&a->o.failure))
		json_object_object_add(metadata, "lastError", rpc_error_to_json(&a->o.failure));
}

/* What waits is delivered by the new settings at once. */
static int
alert_read(struct call *call _unused_, const void *old, void *obj, struct json_object *properties, struct error *err)
{
	const struct alert *before = old;
	struct alert *a = obj;
	const struct settings settings = { &a->settings, &a->secrets };

	if (settings_read(&alert_kinds, before ? before->kind : a->kind, a->kind, properties, &settings, err) < 0 ||
		alert_check(a, err) < 0)
		return resource_refused(err, NULL);
	a->o.state = OBJECT_AVAILABLE;
	a->attempts = 0;
	error_clear(&a->o.failure);
	return 0;
}

const struct resource_ops alert_ops = {
	.id = API_ALERT,
	.cls = &alert_class,
	.describe = alert_describe,
	.read = alert_read,
};

static void
alert_tested(const struct error *err, const char *answer, void *arg)
{
	struct call *call = arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	else
		json_add_string(call->result, "answer", answer);
	call_end(call, err ? -1 : 0, &why);
}

int
alert_test(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_alert_ struct alert a = { 0 };

	if (resource_find(call, &alert_class, params, &a, err) < 0)
		return -1;
	call->result = json_object_new_object();
	json_add_string(call->result, "endpoint", a.endpoint);
	alerts_test(call->service->issue_env->alerts, &a, alert_tested, call);
	return 1;
}
