/* Tokens as objects: declared with a role and an end, told once in the answer of create, never changed. */
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"
#include "daemon/service/token.h"

#include <openssl/crypto.h>
#include <string.h>

static void
token_describe(struct service *service, const void *obj, struct json_object *properties,
	struct json_object *metadata)
{
	int64_t expires_at = token_expires_at(obj);

	(void)properties;
	json_add_time(metadata, "expiresDate", expires_at);
	if (expires_at)
		json_add_bool(metadata, "expired", expires_at <= clock_wall(loop_clock(service->loop)));
}

const struct resource_ops token_ops = {
	.id = API_TOKEN,
	.cls = &token_class,
	.describe = token_describe,
};

/* It is part of "token:NAME", which stands in logs, events and the audit log. */
static int
res_token_check_name(const struct token *t, struct error *err)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";

	if (strlen(t->o.name) > PEER_TOKEN_NAME_MAX)
		return error_set_field(
			err, "properties.name", "is longer than %d octets", PEER_TOKEN_NAME_MAX);
	if (t->o.name[strspn(t->o.name, alphabet)] != '\0')
		return error_set_field(err, "properties.name",
			"'%s': letters, digits, '-', '_', '.' and '@' only", t->o.name);
	return 0;
}

static int
resolve_providers(struct call *call, struct token *t, struct error *err)
{
	for (size_t i = 0; i < t->providers.count; i++) {
		_cleanup_free_ char *field = xasprintf("properties.providers[%zu]", i);

		if (resource_ref(call->service->store, &provider_class, field, t->providers.items[i],
			    &t->providers.items[i], err) < 0)
			return -1;
	}
	return 0;
}

int
token_create(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_token_ struct token t = { .role = NULL };
	char text[TOKEN_TEXT_SIZE];
	struct json_object *metadata = NULL;

	resource_from_json(&token_ops, json_path(params, "properties"), &t);
	if (res_token_check_name(&t, err) < 0 || resolve_providers(call, &t, err) < 0)
		return -1;
	store_new_id(t.o.id);
	resource_created(call, &t.o);
	t.o.state = OBJECT_AVAILABLE;
	if (token_make(t.o.id, text, &t.hash, err) < 0 ||
		object_save(call->service->store, call_txn(call), &token_class, &t, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_CREATED, &token_ops, &t.o);
	call->result = resource_to_json(call->service, &token_ops, &t);
	json_get_object(call->result, "metadata", &metadata, NULL);
	json_add_string(metadata, "token", text);
	OPENSSL_cleanse(text, sizeof(text));
	return 0;
}

int
token_delete(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_token_ struct token t = { .role = NULL };

	if (resource_find(call, &token_class, params, &t, err) < 0 ||
		object_delete(call->service->store, call_txn(call), &token_class, t.o.id, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_DELETED, &token_ops, &t.o);
	return 0;
}

int
token_list(struct call *call, struct json_object *params, struct error *err)
{
	return resource_list(call, &token_ops, params, err);
}

int
token_get(struct call *call, struct json_object *params, struct error *err)
{
	return resource_get(call, &token_ops, params, err);
}
