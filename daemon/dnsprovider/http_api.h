/*
 * daemon/dnsprovider/http_api.h: what all drivers of DNS APIs over HTTP and JSON have in common. A driver describes its
 * API and adds a chain of handlers: each reads the answer to one call and asks for the next; one that asks for nothing
 * more ends the change. Finding the zone, paging, credentials, retries, time limits, errors and cancelling are done here.
 */
#ifndef DAEMON_DNSPROVIDER_HTTP_API_H
#define DAEMON_DNSPROVIDER_HTTP_API_H

#include "common/json.h"
#include "daemon/dnsprovider/dnsprovider.h"

struct http_request;

/* One change under way, as its driver sees it; borrowed by the handlers. */
struct http_api_task {
	bool remove;
	char *zone;    /* apex, no final dot, as the API knows it */
	char *zone_id; /* NULL if the API knows zones by name */
	char *name;    /* full owner name, no final dot */
	char *value;
	int64_t ttl;          /* seconds */
	struct strlist found; /* ids of records that handlers add; for http_api_delete_found() */
};

/*
 * Reads @answer (borrowed; NULL: empty, or there was no call before). Asks for at most one more call. A handler must
 * allow that the task starts over: see http_api_send().
 * Return: 0, or -1 and the change has failed.
 */
typedef int
http_api_fn(struct http_api_task *task, struct json_object *answer, struct error *err);

/* Reads one item (borrowed) of a list. Asks for nothing. Return: as above. */
typedef int
http_api_item_fn(struct http_api_task *task, struct json_object *item, struct error *err);

/* Adds credentials to @req, which is complete otherwise. Return: as above. */
typedef int
http_api_auth_fn(const struct http_api_task *task, struct http_request *req, struct error *err);

/* Members of answers are named by paths: "metadata.state", "errors.0.message". */

enum http_api_paging_kind {
	HTTP_API_ONE_PAGE,
	HTTP_API_OFFSET, /* .position counts items; a page that is not full is the last */
	HTTP_API_NUMBER, /* .position counts pages, from 1; likewise */
	HTTP_API_CURSOR, /* .position is what .cursor of the last answer says; without, that page was the last */
	HTTP_API_LINK    /* the header Link names the next page (RFC 8288) */
};

struct http_api_paging {
	enum http_api_paging_kind kind;
	const char *items;     /* member of an answer that is the list; NULL: the answer itself */
	const char *position;  /* query parameter */
	const char *size_name; /* query parameter of the page size; NULL: none */
	int size;              /* items of a full page */
	const char *cursor;    /* member of an answer */
};

struct http_api_zones {
	const char *path;   /* of their list */
	const char *filter; /* query parameter that narrows the list to a name; NULL: none */
	bool is_exact;      /* the filter wants the whole name; else it finds all that contain the text */
	bool is_absolute;   /* names have a final dot */
	const char *name;   /* member of an item */
	const char *id;     /* member of an item; NULL: the API knows zones by name */
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
	const char *reason;  /* member of a refusal with the API's words */
};

/* A driver of @api_ that needs nothing else. */
#define HTTP_API_DRIVER(api_) \
	{ \
		.api = (api_), .check = http_api_check, .change = http_api_change, .list_zones = http_api_list_zones, \
		.cancel = http_api_cancel \
	}

/* Is the token fit for a header, and the endpoint https, or http on loopback? Pure. */
int
http_api_check(const struct dnsprovider *d, struct error *err);

/* Ends within propagationTimeout. @api: borrowed for ever. */
struct dnsprovider_op *
http_api_start(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/* The same by the driver of @d's kind. */
struct dnsprovider_op *
http_api_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/* One try, some seconds. */
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
 * http_api_send() - ask for one call; @then gets its answer if the status is 2xx (a DELETE of what is gone counts too)
 * @body: taken
 * @path: printf format of what follows the endpoint
 *
 * 429 and 5xx, and connections that fail, are repeated a few times; Retry-After is observed. A POST or PATCH that may
 * have been carried out is never repeated as it is: the whole task starts over, with what was found forgotten.
 */
void
http_api_send(struct http_api_task *task, const char *method, struct http_api_body body, http_api_fn *then,
	const char *path, ...) _printf_(5, 6);

/* Asks for all pages of the list at @path (a printf format); @item reads each item, @end (without answer) goes on. */
void
http_api_list(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *path, ...)
	_printf_(4, 5);

/* Deletes each of task->found: @path (a printf format) and its id. Then the change is done. */
void
http_api_delete_found(struct http_api_task *task, const char *path, ...) _printf_(2, 3);

/* Asks for the same call once more, a while later. @why: what is waited for, if the time runs out; copied. */
void
http_api_poll(struct http_api_task *task, const char *why);

/* A handler that reads nothing and asks for nothing. */
int
http_api_end(struct http_api_task *task, struct json_object *answer, struct error *err);

/* The string or number at @path; "" if there is none. Borrowed from @object. */
const char *
http_api_text(struct json_object *object, const char *path);

/* The same for the id of something, which can be put into a path as it is. NULL: ERROR_PROTOCOL. */
const char *
http_api_id(struct json_object *object, const char *path, struct error *err);

/* The owner name below the zone; "" for its apex. Owned by the caller. */
char *
http_api_relative_name(const struct http_api_task *task);

/* Are @content, as an API shows it, and @value the same text? Some put quotes around what was sent without. */
bool
http_api_same_text(const char *content, const char *value);

/* --- for credentials --- */

/* A setting or a secret of the DNS provider; NULL if it was not given. Borrowed. */
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

/* The token that the API gave in exchange is valid for @lifetime_sec; copied. */
void
http_api_keep_token(struct http_api_task *task, const char *token, int64_t lifetime_sec);

/* That token; NULL while it is being asked for. Borrowed. */
const struct secret *
http_api_token(const struct http_api_task *task);

#endif
