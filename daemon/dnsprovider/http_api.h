/*
 * daemon/dnsprovider/http_api.h: the common part of all drivers of DNS APIs over HTTP and JSON. A driver describes its
 * API and adds a chain of handlers: each reads the answer to one call and sends the next; one that sends nothing ends
 * the change.
 * This module finds the zone and handles paging, credentials, retries, time limits, errors and cancelling.
 */
#ifndef DAEMON_DNSPROVIDER_HTTP_API_H
#define DAEMON_DNSPROVIDER_HTTP_API_H

#include "common/json.h"
#include "daemon/dnsprovider/dnsprovider.h"

struct http_request;

/* A running change, as its driver sees it; borrowed by the handlers. */
struct http_api_task {
	bool is_removal;
	char *zone;    /* apex, no final dot, as named by the API */
	char *zone_id; /* NULL if the API knows zones by name */
	char *name;    /* full owner name, no final dot */
	char *value;
	int64_t ttl;          /* seconds */
	struct strlist found; /* ids of records that handlers add; for http_api_delete_found() */
};

/*
 * Reads @answer (borrowed; NULL: empty, or there was no call before). Sends at most one more call. A handler must allow
 * for the task to start again: see http_api_send().
 * Return: 0, or -1 and the change has failed.
 */
typedef int
http_api_fn(struct http_api_task *task, struct json_object *answer, struct error *err);

/* Reads one item (borrowed) of a list. Sends nothing. Return: as above. */
typedef int
http_api_item_fn(struct http_api_task *task, struct json_object *item, struct error *err);

/* Adds credentials to @req, which is otherwise complete. Return: as above. */
typedef int
http_api_auth_fn(const struct http_api_task *task, struct http_request *req, struct error *err);

/* Members of answers are addressed by paths: "metadata.state", "errors.0.message". */

enum http_api_paging_kind {
	HTTP_API_ONE_PAGE,
	HTTP_API_OFFSET, /* .position counts items; a page that is not full is the last */
	HTTP_API_NUMBER, /* .position counts pages, from 1; likewise */
	HTTP_API_CURSOR, /* .position is the value of .cursor in the last answer; if absent, that page was the last */
	HTTP_API_LINK    /* the Link header contains the next page (RFC 8288) */
};

struct http_api_paging {
	enum http_api_paging_kind kind;
	const char *items;     /* the member of an answer that is the list; NULL: the answer itself */
	const char *position;  /* query parameter */
	const char *size_name; /* query parameter of the page size; NULL: none */
	int size;              /* items of a full page */
	const char *cursor;    /* member of an answer */
};

struct http_api_zones {
	const char *path;   /* of their list */
	const char *filter; /* query parameter that filters the list by name; NULL: none */
	bool is_exact;    /* the filter compares the whole name; otherwise it matches all names that contain the text */
	bool is_absolute; /* names have a final dot */
	const char *name; /* member of an item */
	const char *id;   /* member of an item; NULL: the API knows zones by name */
};

/* An API; constant. The default endpoint is that of the setting "endpoint" (common/api/dns_kinds.c). */
struct http_api {
	const char *name; /* for messages: "IONOS Cloud DNS" */
	http_api_auth_fn *auth;
	/* Exchanges credentials for a token: its last handler calls http_api_keep_token(). NULL: no exchange. */
	http_api_fn *login;
	struct http_api_paging paging;
	struct http_api_zones zones;
	http_api_fn *change; /* the first handler; the zone is known */
	const char *reason;  /* the member of a refusal that contains the API's explanation */
};

/* A driver of @api_ without further functions. */
#define HTTP_API_DRIVER(api_) \
	{ \
		.api = (api_), .check = http_api_check, .change = http_api_change, .list_zones = http_api_list_zones, \
		.cancel = http_api_cancel \
	}

/* Is the token valid in a header, and the endpoint https, or http on loopback? Pure. */
int
http_api_check(const struct dnsprovider *d, struct error *err);

/* Ends within propagationTimeout. @api: borrowed for ever. */
struct dnsprovider_op *
http_api_start(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	bool is_removal, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/* The same by the driver of @d's kind. */
struct dnsprovider_op *
http_api_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/* One attempt, some seconds. */
struct dnsprovider_op *
http_api_list_zones(
	const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg);

void
http_api_cancel(struct dnsprovider_op *op);

/* --- for handlers --- */

struct http_api_body {
	const char *type; /* NULL: no body */
	char *text;       /* owned */
};

#define HTTP_API_NO_BODY ((struct http_api_body){ .type = NULL })

/* @object: taken. */
struct http_api_body
http_api_json(struct json_object *object);

/* Pairs of names and values, percent-encoded; ends with NULL. */
struct http_api_body
http_api_form(const char *name, ...);

/* @document: taken. */
struct http_api_body
http_api_xml(char *document);

/*
 * http_api_send() - send a call; @then receives its answer if the status is 2xx (or the object to DELETE does not
 * exist). 429, 5xx and failed connections are retried a few times; Retry-After is observed. A POST or PATCH that may
 * have taken effect is never repeated: the whole task starts again, and forgets what it found.
 * @body: taken
 * @path: printf format of the path after the endpoint
 */
void
http_api_send(struct http_api_task *task, const char *method, struct http_api_body body, http_api_fn *then,
	const char *path, ...) _printf_(5, 6);

/* Requests all pages of the list at @path (a printf format). @item reads each item, @end (without answer) continues. */
void
http_api_list(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *path, ...)
	_printf_(4, 5);

/* Deletes each of task->found: @path (a printf format) and its id. Then the change is done. */
void
http_api_delete_found(struct http_api_task *task, const char *path, ...) _printf_(2, 3);

/* Repeats the call after a while. @why: what it waits for, reported when the time runs out; copied. */
void
http_api_poll(struct http_api_task *task, const char *why);

/* A handler that reads and sends nothing. */
int
http_api_end(struct http_api_task *task, struct json_object *answer, struct error *err);

/* The string or number at @path; "" if absent. Borrowed from @object. */
const char *
http_api_text(struct json_object *object, const char *path);

/* The same for an id, checked to be safe in a path. NULL: ERROR_PROTOCOL. */
const char *
http_api_id(struct json_object *object, const char *path, struct error *err);

/* @item is a record that is looked for: its "id" joins @task->found. Return: 0, or -1: it has none. */
int
http_api_take_found(struct http_api_task *task, struct json_object *item, struct error *err);

/* The owner name relative to the zone; "" for its apex. Owned by the caller. */
char *
http_api_relative_name(const struct http_api_task *task);

/* Are @content, as returned by an API, and @value the same text? Some APIs add quotes. */
bool
http_api_same_text(const char *content, const char *value);

/* --- for credentials --- */

/* A setting or a secret of the DNS provider; NULL if not given. Borrowed. */
const char *
http_api_setting(const struct http_api_task *task, const char *name);

const struct secret *
http_api_secret(const struct http_api_task *task, const char *name);

/* Now, UNIX seconds. */
int64_t
http_api_now(const struct http_api_task *task);

/* Adds the header line @prefix and @secret. */
void
http_api_add_header(struct http_request *req, const char *prefix, const struct secret *secret);

/* RFC 7617. */
void
http_api_add_basic(struct http_request *req, const char *user, const struct secret *password);

/* The setting "token" as a bearer token (RFC 6750); for struct http_api. */
int
http_api_bearer(const struct http_api_task *task, struct http_request *req, struct error *err);

/* Stores the token that the API returned, valid for @lifetime_sec; copied. */
void
http_api_keep_token(struct http_api_task *task, const char *token, int64_t lifetime_sec);

/* That token; NULL while it is being requested. Borrowed. */
const struct secret *
http_api_token(const struct http_api_task *task);

#endif
