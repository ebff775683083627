/*
 * daemon/dnsprovider/http_api.h: what all drivers of DNS APIs over HTTP and JSON have in common. A driver is a chain of
 * handlers: each reads the answer of one call and asks for the next; one that asks for nothing more ends the change.
 * Sending, credentials, retries, time limits, errors and cancelling are done here.
 */
#ifndef DAEMON_DNSPROVIDER_HTTP_API_H
#define DAEMON_DNSPROVIDER_HTTP_API_H

#include "common/json.h"
#include "daemon/dnsprovider/dnsprovider.h"

/* One change under way, as its driver sees it; borrowed by the handlers. */
struct http_api_task {
	bool remove;
	char *zone; /* apex, or NULL: nobody knows it */
	char *name; /* full owner name */
	char *value;
	int64_t ttl;          /* seconds */
	bool is_list;         /* all that is asked for are the zones: start() begins that instead */
	struct strlist zones; /* so far */
	void *state;          /* the driver's own, zeroed at the start */
};

/*
 * Reads @answer (borrowed; NULL: an empty one; a start gets none). Asks for at most one more call. A handler must bear to
 * be started over: see http_api_send().
 * Return: 0, or -1 and the change has failed.
 */
typedef int
http_api_fn(struct http_api_task *task, struct json_object *answer, struct error *err);

/* An API; constant. */
struct http_api {
	const char *name;     /* for messages: "IONOS Cloud DNS" */
	const char *endpoint; /* where the provider names none; no final '/' */
	const char *auth;     /* header line that the token is put behind: "Authorization: Bearer " */
	http_api_fn *start;
	size_t state_size;
	void (*clear)(void *state); /* releases what is in it */
	/* The API's own words in the body of a refusal, borrowed from it, or NULL. */
	const char *(*reason)(struct json_object *body);
};

/* For dnsprovider_driver.check: token and endpoint are there and sensible, settings of other drivers are not. Pure. */
int
http_api_check(const struct dnsprovider *d, struct error *err);

/* For dnsprovider_driver.change. @api: borrowed for ever. Ends within propagationTimeout. */
struct dnsprovider_op *
http_api_start(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	bool remove, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/* For dnsprovider_driver.list_zones. One try, some seconds. */
struct dnsprovider_op *
http_api_list_zones(const struct http_api *api, const struct dnsprovider_env *env,
	const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg);

/* For dnsprovider_driver.cancel. */
void
http_api_cancel(struct dnsprovider_op *op);

/*
 * http_api_send() - ask for one call; @then gets its answer if the status is 2xx (a DELETE of what is gone counts too)
 * @body: taken; or NULL
 * @path: printf format of what follows the endpoint
 *
 * 429 and 5xx, and connections that fail, are repeated a few times, Retry-After honoured. A POST or PATCH of which
 * nobody knows whether it was carried out is never repeated blindly: the whole task starts over, with empty state, and
 * finds out.
 */
void
http_api_send(struct http_api_task *task, const char *method, struct json_object *body, http_api_fn *then,
	const char *path, ...) _printf_(5, 6);

/* Asks for the same call once more, a while later. @why: what is waited for, if the time runs out; copied. */
void
http_api_poll(struct http_api_task *task, const char *why);

/* Is @id of the letters, digits and '-', '_' that can be put into a path as they are? NULL is not. */
bool
http_api_is_id(const char *id);

/* Are @content, as an API shows it, and @value the same text? Some put quotes around what was sent without. */
bool
http_api_same_text(const char *content, const char *value);

#endif
