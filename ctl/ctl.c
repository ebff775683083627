/*
 * One run of certctl: command line, connection, command, exit status. The only place that tells an error; what the
 * server calls a property is told as the option that it was given by.
 */
#include "ctl/ctl.h"

#include "common/buf.h"
#include "common/timefmt.h"
#include "ctl/commands.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void
ctl_init(struct ctl *ctl)
{
	const char *socket_path = getenv("CERTD_SOCKET");
	struct winsize size = { .ws_col = 0 };

	*ctl = (struct ctl){ .out = stdout, .err = stderr };
	ctl->socket_path = xstrdup(
		socket_path && *socket_path ? socket_path : RUNSTATEDIR "/certd/control.sock");
	ctl->is_terminal = isatty(STDERR_FILENO);
	if (ctl->is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		ctl->columns = size.ws_col;
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
	json_add_string(params, "view", ctl->shape);
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

/* --- errors --- */

static bool
is_named(const struct api_field *field, const char *name, size_t len)
{
	return field && strlen(field->name) == len && strncmp(field->name, name, len) == 0;
}

/* The option that the last known part of "properties.probes[0].port" is given by; owned by the caller, or NULL. */
static char *
option_of_field(const struct args *args, const char *field)
{
	struct options options;
	char *found = NULL;

	options_of(args->command, args->resource, &options);
	while (*field) {
		size_t len = strcspn(field, ".[");

		for (size_t i = 0; i < options.count; i++) {
			const struct option *o = &options.items[i];

			if (!o->is_own && !o->is_negation &&
				(is_named(o->field, field, len) ||
					(!found && is_named(o->parent, field, len))))
				str_replace(&found, o->name);
		}
		field += len;
		field += strcspn(field, ".");
		field += *field == '.';
	}
	options_clear(&options);
	return found;
}

/* "commonName: is required" -> "is required"; the option's name stands before it already. */
static const char *
without_member(const char *message, const char *field)
{
	const char *dot = strrchr(field, '.');
	const char *member = dot ? dot + 1 : field;
	size_t len = strcspn(member, "[");

	if (strncmp(message, member, len) == 0 && strncmp(message + len, ": ", 2) == 0)
		return message + len + 2;
	return message;
}

static void
tell_error(struct ctl *ctl, const struct args *args, const struct error *err)
{
	_cleanup_free_ char *option = err->field ? option_of_field(args, err->field) : NULL;
	_cleanup_buf_ struct buf when = BUF_INIT;

	if (option)
		fprintf(ctl->err, "certctl: --%s: %s", option, without_member(err->message, err->field));
	else
		fprintf(ctl->err, "certctl: %s", err->message);
	if (err->problem)
		fprintf(ctl->err, " (%s)", err->problem);
	if (err->retry_at > ctl_now(ctl) && !strstr(err->message, "next attempt")) {
		text_relative(&when, err->retry_at, ctl_now(ctl));
		fprintf(ctl->err, "; again %s", buf_str(&when));
	}
	fputc('\n', ctl->err);
	if (err->code == ERROR_DENIED && ctl->client)
		fputs("certctl: roles are given by admin-groups, operator-groups and viewer-groups in "
		      "certd.conf\n",
			ctl->err);
	if (ctl->hint)
		fprintf(ctl->err, "certctl: %s\n", ctl->hint);
	if (err->code == ERROR_USAGE && args->command)
		fprintf(ctl->err, "certctl: see: certctl %s --help\n", args->command->name);
}

/* --- running --- */

static int
apply_cloud66(struct ctl *ctl, const struct args *args, struct error *err)
{
	if (!args->command || strcmp(args->command->name, "show") != 0 ||
		args->resource != &api_resources[API_CERTIFICATE])
		return error_set(err, ERROR_USAGE, "-o cloud66 is for: certctl show cert NAME");
	ctl->format = FORMAT_JSON;
	ctl->shape = "cloud66";
	return 0;
}

static int
apply_own_options(struct ctl *ctl, const struct args *args, struct error *err)
{
	const char *format = args_text(args, "output");
	const char *socket_path = args_text(args, "socket");

	if (format && strcmp(format, "cloud66") == 0) {
		if (apply_cloud66(ctl, args, err) < 0)
			return -1;
	} else if (format && !output_format_find(format, &ctl->format)) {
		return error_set(err, ERROR_USAGE, "-o: '%s' is none of text, json, keyvalue", format);
	}
	if (socket_path)
		str_replace(&ctl->socket_path, socket_path);
	return 0;
}

static int
ctl_run_command(struct ctl *ctl, struct args *args, struct error *err)
{
	if (apply_own_options(ctl, args, err) < 0)
		return -1;
	if (args_flag(args, "version")) {
		fprintf(ctl->out, "certctl %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (args_flag(args, "help")) {
		if (args->command)
			help_command(ctl->out, args->command, args->resource);
		else
			help_all(ctl->out);
		return 0;
	}
	if (!args->command) {
		help_all(ctl->err);
		return error_set(err, ERROR_USAGE, "no command was given");
	}
	return args->command->run(ctl, args, err);
}

int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct args args;
	int rc = args_read(&args, argc, argv, &err);

	if (rc == 0)
		rc = ctl_run_command(ctl, &args, &err);
	if (rc < 0)
		tell_error(ctl, &args, &err);
	args_clear(&args);
	if (fflush(ctl->out) != 0 && rc == 0) {
		error_set(&err, ERROR_IO, "results could not be written");
		fprintf(ctl->err, "certctl: %s\n", err.message);
		rc = -1;
	}
	return rc < 0 ? error_exit_status(err.code) : 0;
}
