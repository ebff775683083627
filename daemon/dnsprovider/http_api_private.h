/*
 * daemon/dnsprovider/http_api_private.h: a running operation, for the parts of the HTTP drivers' engine: http_api.c
 * sends calls and retries them, http_api_paging.c reads lists and finds the zone, http_api_change.c changes records and
 * record sets by their description, http_api_template.c fills templates, http_api_values.c has single values: members
 * of answers, credentials, bodies.
 */
#ifndef DAEMON_DNSPROVIDER_HTTP_API_PRIVATE_H
#define DAEMON_DNSPROVIDER_HTTP_API_PRIVATE_H

#include "daemon/base/loop.h"
#include "daemon/dnsprovider/http_api.h"

struct http_api_call {
	const char *method;
	char *path;                /* after the endpoint; of an API of procedures: the name of one */
	struct http_api_body body; /* likewise: .text is the parameters */
	http_api_fn *then;         /* NULL: the task starts (again) */
	bool may_be_absent;        /* 404 is an answer */
	bool counts_twice;         /* repeating it has another effect than sending it once */
};

struct http_api_pages {
	char *path;
	const char *items;
	bool is_one_page;
	http_api_item_fn *item;
	http_api_fn *end;
	int count;      /* requested so far */
	char *position; /* of the next page: a cursor, or the path of a Link; NULL: none */
};

struct dnsprovider_op {
	struct http_api_task task; /* first: handlers cast it to the operation */
	const struct http_api *api;
	struct dnsprovider_env env;
	struct dnsprovider provider; /* a copy: the original may be changed or deleted meanwhile */
	char *endpoint;
	char *known_zone;                     /* what DNS says; or NULL */
	struct strlist zones;                 /* of a list, so far */
	dnsprovider_done_fn *done;            /* of a change */
	dnsprovider_zones_fn *zones_done;     /* of a list */
	dnsprovider_account_fn *account_done; /* of a registration */
	struct dnsprovider_account account;   /* so far */
	void *arg;
	struct loop_timer timer;
	struct loop_timer deadline;
	void *handle; /* of the running call */
	struct http_api_call call;
	struct http_api_call deferred; /* the call that waits for a token */
	struct http_api_pages pages;
	struct secret signer;   /* of AWS: "ID:KEY" and NUL */
	struct strlist cookies; /* "NAME=VALUE" of the last answer that set any */
	struct secret token;    /* received in exchange for the credentials */
	int64_t token_until;
	bool is_login;    /* a token is being requested */
	bool has_renewed; /* the API has refused a token that it had issued */
	bool is_asked;    /* by the current handler */
	int64_t pause_ms;
	int64_t poll_ms;
	int failures;
	char *waits_for; /* or NULL */
};

/* The operation of a task; its handlers know only the task. */
static inline struct dnsprovider_op *
http_api_op(const struct http_api_task *task)
{
	return (struct dnsprovider_op *)(uintptr_t)task;
}

/* The first handler of every task: finds the zone, or lists all zones, and continues with what the operation is for. */
int
http_api_find_zone(struct http_api_task *task, struct json_object *answer, struct error *err);

/* Notes the next page that the Link headers @links of an answer name, if the API pages that way. */
void
http_api_note_links(struct dnsprovider_op *op, const struct strlist *links);

/* Appends @text, percent-encoded for a query or a form (RFC 3986 s2.3). */
void
http_api_add_encoded(struct buf *ret, const char *text);

/* The body of the current call of a procedure; it contains secrets. Owned by the caller. */
struct http_api_body
http_api_enclose(const struct dnsprovider_op *op);

/* http_api_list() with the member that is the list, if it is not the paging's; @path: a template. */
void
http_api_list_items(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *items,
	bool is_one_page, const char *path);

/* Is @id safe in a path? Return: @id, or NULL: ERROR_PROTOCOL. */
const char *
http_api_check_id(const char *id, struct error *err);

/* The first handler of a change, by the API's description. */
int
http_api_begin_change(struct http_api_task *task, struct json_object *answer, struct error *err);

#endif
