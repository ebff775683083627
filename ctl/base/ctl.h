/* ctl/base/ctl.h: one run of certctl: its output streams and its connection to certd. */
#ifndef CTL_BASE_CTL_H
#define CTL_BASE_CTL_H

#include "common/api/api.h"
#include "common/error.h"
#include "ctl/base/client.h"

#include <stdio.h>

enum ctl_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_KEYVALUE };

struct ctl {
	FILE *out;            /* results; borrowed */
	FILE *err;            /* errors and progress; borrowed */
	bool is_terminal;     /* @err is a terminal: progress is one live line */
	unsigned columns;     /* of that terminal */
	unsigned out_columns; /* of the terminal that @out is; 0: it is not a terminal */
	bool has_colour;      /* that terminal shows colours, and the user wants them */
	int64_t fixed_now;    /* UNIX seconds, for tests; 0: use the clock */
	enum ctl_format format;
	const char *view;          /* "cloud66": show requests that view, as json; NULL: this API's own; static */
	char *socket_path;         /* owned */
	struct client *client;     /* owned; NULL until ctl_client() */
	char *hint;                /* owned; a line printed after the error; or NULL */
	int exit_status;           /* of certctl, unless the command fails: status --check */
	struct json_object *names; /* owned; id -> name, for objects already fetched */
};

/* Uses stdout, stderr, and CERTD_SOCKET or the default socket. */
void
ctl_init(struct ctl *ctl);

void
ctl_clear(struct ctl *ctl);

/* The time that dates are shown relative to. */
int64_t
ctl_now(const struct ctl *ctl);

/* The connection, opened at the first call; NULL: failed. */
struct client *
ctl_client(struct ctl *ctl, struct error *err);

/* client_call() on that connection. @params: taken. */
int
ctl_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err);

/* Calls X.get with a name or an id. */
int
ctl_get(struct ctl *ctl, const struct api_resource *resource, const char *ref, struct json_object **ret,
	struct error *err);

/* The name of the object with that id; the id itself when the name is unknown. Borrowed. */
const char *
ctl_name_of(struct ctl *ctl, const char *noun, const char *id);

/* @path ("metadata.state") in @obj; NULL: absent. Borrowed. */
struct json_object *
ctl_at(struct json_object *obj, const char *path);

/* The same for an array; NULL: absent or not an array. Borrowed. */
struct json_object *
ctl_array_at(struct json_object *obj, const char *path);

/* The number of its elements; 0: absent or not an array. */
size_t
ctl_count_at(struct json_object *obj, const char *path);

/* The same for text; "" if absent or not a string. Borrowed. */
const char *
ctl_text_at(struct json_object *obj, const char *path);

/* The same for a date; 0 if absent or not a date. */
int64_t
ctl_time_at(struct json_object *obj, const char *path);

#endif
