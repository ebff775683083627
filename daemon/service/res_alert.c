/* Alert destinations. daemon/alert/ has their kinds. */
#include "common/api/rpc.h"
#include "daemon/alert/alert_kind.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <string.h>

static void
alert_describe(struct service *service _unused_, const void *obj, struct json_object *properties _unused_,
	struct json_object *metadata)
{
	const struct alert *a = obj;

	if (error_is_set(&a->o.failure))
		json_object_object_add(metadata, "lastError", rpc_error_to_json(&a->o.failure));
}

static void
res_alert_take_secret(struct json_object *properties, const char *name, struct secret *ret)
{
	struct json_object *value = json_path(properties, name);

	if (value)
		secret_set(ret, json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

/* What waits is delivered to the new place at once. */
static int
alert_read(struct call *call _unused_, const void *old _unused_, void *obj, struct json_object *properties,
	struct error *err)
{
	struct alert *a = obj;

	res_alert_take_secret(properties, "url", &a->url);
	res_alert_take_secret(properties, "headers", &a->headers);
	res_alert_take_secret(properties, "password", &a->password);
	if (alert_check(a, err) < 0)
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
