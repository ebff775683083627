/* What every command needs: output streams, the connection, and access to certd's answers. */
#include "ctl/base/ctl.h"

#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* 0: @fd is not a terminal. One that does not know its width has 80 columns. */
static unsigned
ctl_columns_of(int fd)
{
	struct winsize size = { .ws_col = 0 };

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* https://no-color.org, and terminals without colours. */
static bool
ctl_wants_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return (!no || !*no) && term && *term && strcmp(term, "dumb") != 0;
}

void
ctl_init(struct ctl *ctl)
{
	const char *socket_path = getenv("CERTD_SOCKET");

	*ctl = (struct ctl){ .out = stdout, .err = stderr };
	ctl->socket_path = xstrdup(socket_path && *socket_path ? socket_path : RUNSTATEDIR "/certd/control.sock");
	ctl->columns = ctl_columns_of(STDERR_FILENO);
	ctl->is_terminal = ctl->columns > 0;
	ctl->out_columns = ctl_columns_of(STDOUT_FILENO);
	ctl->has_colour = ctl->out_columns > 0 && ctl_wants_colour();
	ctl->names = json_object_new_object();
}

void
ctl_clear(struct ctl *ctl)
{
	client_close(ctl->client);
	free(ctl->socket_path);
	free(ctl->hint);
	json_object_put(ctl->names);
}

int64_t
ctl_now(const struct ctl *ctl)
{
	return ctl->fixed_now ? ctl->fixed_now : time(NULL);
}

/* --- asking certd --- */

struct client *
ctl_client(struct ctl *ctl, struct error *err)
{
	if (!ctl->client)
		ctl->client = client_open(ctl->socket_path, err);
	return ctl->client;
}

int
ctl_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err)
{
	struct client *client = ctl_client(ctl, err);

	if (!client) {
		json_object_put(params);
		return -1;
	}
	return client_call(client, api_methods[method].name, params, 0, ret, err);
}

int
ctl_get(struct ctl *ctl, const struct api_resource *resource, const char *ref, struct json_object **ret,
	struct error *err)
{
	struct json_object *params = json_object_new_object();
	enum api_method_id method = RPC_PROVIDER_GET;

	api_method_of(resource, API_GET, &method);
	json_add_string(params, "ref", ref);
	json_add_string(params, "view", ctl->view);
	return ctl_call(ctl, method, params, ret, err);
}

const char *
ctl_name_of(struct ctl *ctl, const char *noun, const char *id)
{
	const struct api_resource *resource = noun ? api_resource_find(noun) : NULL;
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *name = NULL;

	if (json_object_object_get_ex(ctl->names, id, &name))
		return json_object_get_string(name);
	if (!resource || ctl_get(ctl, resource, id, &object, NULL) < 0)
		return id;
	json_add_string(ctl->names, id, ctl_text_at(object, "properties.name"));
	return json_object_object_get_ex(ctl->names, id, &name) ? json_object_get_string(name) : id;
}

/* --- looking into answers --- */

struct json_object *
ctl_at(struct json_object *obj, const char *path)
{
	while (obj && *path) {
		size_t len = strcspn(path, ".");
		_cleanup_free_ char *name = xstrndup(path, len);
		struct json_object *member = NULL;

		if (!json_object_is_type(obj, json_type_object))
			return NULL;
		json_object_object_get_ex(obj, name, &member);
		obj = member;
		path += len + (path[len] == '.');
	}
	return obj;
}

struct json_object *
ctl_array_at(struct json_object *obj, const char *path)
{
	struct json_object *value = ctl_at(obj, path);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}

size_t
ctl_count_at(struct json_object *obj, const char *path)
{
	struct json_object *array = ctl_array_at(obj, path);

	return array ? json_object_array_length(array) : 0;
}

const char *
ctl_text_at(struct json_object *obj, const char *path)
{
	struct json_object *value = ctl_at(obj, path);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t
ctl_time_at(struct json_object *obj, const char *path)
{
	int64_t at = 0;

	return time_parse_rfc3339(ctl_text_at(obj, path), &at) == 0 ? at : 0;
}
