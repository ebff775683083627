/* Tokens as objects: declared with a role and a lifetime, returned once in the answer of create, never changed. */
#include "daemon/base/loop.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"
#include "daemon/service/token.h"

#include <openssl/crypto.h>
#include <string.h>

static void
token_describe(
	struct service *service, const void *obj, struct json_object *properties _unused_, struct json_object *metadata)
{
	int64_t expires_at = token_expires_at(obj);

	json_add_time(metadata, "expiresDate", expires_at);
	if (expires_at)
		json_add_bool(metadata, "expired", expires_at <= loop_now(service->loop));
}

/* It is part of "token:NAME" in logs, events and the audit log. */
static int
res_token_check_name(const struct token *t, struct error *err)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";

	if (strlen(t->o.name) > PEER_TOKEN_NAME_MAX)
		return error_set_field(err, "properties.name", "is longer than %d octets", PEER_TOKEN_NAME_MAX);
	if (t->o.name[strspn(t->o.name, alphabet)] != '\0')
		return error_set_field(err, "properties.name",
			"'%s': only letters, digits, '-', '_', '.' and '@' are allowed", t->o.name);
	return 0;
}

static int
token_read(struct call *call, const void *old _unused_, void *obj, struct json_object *properties _unused_,
	struct error *err)
{
	struct token *t = obj;

	if (res_token_check_name(t, err) < 0)
		return -1;
	return resource_refs(call, &provider_class, "providers", &t->providers, err);
}

const struct resource_ops token_ops = {
	.id = API_TOKEN,
	.cls = &token_class,
	.describe = token_describe,
	.read = token_read,
};

int
token_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_token_ struct token t = { .role = NULL };
	char text[TOKEN_TEXT_SIZE];

	if (resource_declare(call, &t, err) < 0)
		return -1;
	t.o.state = OBJECT_AVAILABLE;
	if (token_make(t.o.id, text, &t.hash, err) < 0 || resource_save(call, EVENT_OBJECT_CREATED, &t, err) < 0)
		return -1;
	json_add_string(json_path(call->result, "metadata"), "token", text);
	OPENSSL_cleanse(text, sizeof(text));
	return 0;
}
