/* ctl/base/ctl.h: one run of certctl: where results and reasons go, which certd is asked. */
#ifndef CTL_BASE_CTL_H
#define CTL_BASE_CTL_H

#include "common/api/api.h"
#include "common/error.h"
#include "ctl/base/client.h"

#include <stdio.h>

enum ctl_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_KEYVALUE };

struct ctl {
	FILE *out;         /* results; borrowed */
	FILE *err;         /* reasons and progress; borrowed */
	bool is_terminal;  /* @err is one: progress is one live line */
	unsigned columns;  /* of that terminal */
	int64_t fixed_now; /* UNIX seconds, for tests; 0: the clock */
	enum ctl_format format;
	const char *view;          /* "cloud66": show asks for that object, as json; NULL: this API's; static */
	char *socket_path;         /* owned */
	struct client *client;     /* owned; NULL until ctl_client() */
	char *hint;                /* owned; a line for after the error; or NULL */
	struct json_object *names; /* owned; id -> name of what was asked for already */
};

/* For stdout, stderr, and CERTD_SOCKET or the default socket. */
void
ctl_init(struct ctl *ctl);

void
ctl_clear(struct ctl *ctl);

/* What dates are relative to. */
int64_t
ctl_now(const struct ctl *ctl);

/* The connection, made when first asked for; NULL: failed. */
struct client *
ctl_client(struct ctl *ctl, struct error *err);

/* client_call() on it. @params: taken. */
int
ctl_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err);

/* X.get by name or id. */
int
ctl_get(struct ctl *ctl, const struct api_resource *resource, const char *ref, struct json_object **ret,
	struct error *err);

/* The name of the object with that id, for people; the id when it cannot be found out. Borrowed. */
const char *
ctl_name_of(struct ctl *ctl, const char *noun, const char *id);

/*
 * ctl_word() - @text as one word for a shell: quoted unless it is harmless as it is
 * For commands that are suggested, and candidates of completion: names are text of others. Owned by the caller.
 */
char *
ctl_word(const char *text);

/* @path ("metadata.state") in @obj; NULL: not there. Borrowed. */
struct json_object *
ctl_at(struct json_object *obj, const char *path);

/* The same as an array; NULL: it is none. Borrowed. */
struct json_object *
ctl_array_at(struct json_object *obj, const char *path);

/* Its elements; 0: there are none, or no array. */
size_t
ctl_count_at(struct json_object *obj, const char *path);

/* The same as text; "" if it is not there or no string. Borrowed. */
const char *
ctl_text_at(struct json_object *obj, const char *path);

/* The same as a date; 0 if it is not there or none. */
int64_t
ctl_time_at(struct json_object *obj, const char *path);

#endif
