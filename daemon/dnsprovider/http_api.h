/*
 * daemon/dnsprovider/http_api.h: the common part of all drivers of DNS APIs over HTTP, in JSON or XML. A driver
 * describes its API and adds a chain of handlers: each reads the answer to one call and sends the next; one that sends
 * nothing ends the change.
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
	char *domain; /* the name being validated; NULL: not known any more */
	char *token;  /* of the challenge; likewise */
	char *key_authorization;
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
	HTTP_API_URL,    /* .cursor is the URL of the next page; if absent, that page was the last */
	HTTP_API_LINK    /* the Link header contains the next page (RFC 8288) */
};

struct http_api_paging {
	enum http_api_paging_kind kind;
	const char *items;     /* the member of an answer that is the list; NULL: the answer itself */
	const char *position;  /* query parameter; an API of procedures has $page among the parameters instead */
	const char *size_name; /* query parameter of the page size; NULL: none */
	int size;              /* items of a full page */
	const char *cursor;    /* member of an answer */
};

struct http_api_zones {
	const char *path;   /* of their list, a template; NULL: there is none: DNS or the declaration names the zone */
	const char *items;  /* as in struct http_api_paging, if it differs */
	const char *filter; /* query parameter that filters the list by name; NULL: none */
	bool is_exact;    /* the filter compares the whole name; otherwise it matches all names that contain the text */
	bool is_owner;    /* the filter takes an owner name and finds the zone that contains it */
	bool is_absolute; /* names have a final dot */
	const char *name; /* member of an item; NULL: the item is the name */
	const char *host; /* member of an item: labels before the name; NULL: none */
	const char *id;   /* member of an item; NULL: the API knows zones by name */
	const char *id_prefix; /* text before the id that is not part of it; NULL: none */
	const char *hidden;    /* member of an item that is .hidden_word for zones that are not public; NULL: none */
	const char *hidden_word;
	bool is_spared; /* calls are scarce: the list is not requested when DNS knows the zone */
};

/*
 * Paths and bodies are templates. In them $zone is the apex of the zone, $id its id, $name the full owner name, $host
 * the owner name within the zone (http_api.apex for the apex), $sub the same with "" for the apex, $value the value,
 * $ttl its TTL, $record the id of a record, $domain, $token and $keyAuth what the
 * value was made from, and $WORD the setting WORD of the DNS provider. They are percent-encoded in
 * paths and escaped in JSON.
 *
 * In the description of an API of procedures (struct http_api_procedures) a path is the name of a procedure, a blank
 * and a template of its parameters. $page is the number of the page of a list, from 1.
 */

/*
 * All calls are POSTed to one path. The body of each is made from the envelope when it is sent: in it $call is the name
 * of the procedure, $params its parameters, $session the token of the login ("" before) and $WORD a setting or a
 * secret.
 */
struct http_api_procedures {
	const char *path;
	const char *envelope; /* JSON if it begins with '{', else a form; NULL: this is not such an API */
};

/*
 * How an API that answers HTTP 2xx to everything refuses a call: by the verdict, a member of all its answers. What a
 * refusal means is told by its code (below), as of one with another status.
 */
struct http_api_verdict {
	const char *member; /* NULL: the status alone tells */
	const char *good;   /* its words in answers that are not refusals, with a blank before and after each */
};

/* An API of single records: add creates one unless the list contains it; remove deletes each that has the value. */
struct http_api_records {
	const char *list;    /* path of a list that contains the TXT records at the name */
	const char *items;   /* as in struct http_api_paging, if it differs */
	bool is_one_page;    /* the list is not paged, although the zones are */
	bool has_full_names; /* in the list; otherwise without the zone */
	const char *name;    /* members of an item */
	const char *type;
	const char *txt; /* the value of .type; NULL: "TXT" */
	const char *content;
	const char *id;         /* NULL: "id" */
	const char *add_method; /* NULL: POST */
	const char *add;        /* path */
	const char *body;
	const char *remove;      /* path to DELETE */
	const char *remove_body; /* if set, it is sent by PATCH instead */
	http_api_fn *then;       /* continues after the last change; NULL: it is done */
};

/*
 * An API of record sets, which are replaced as a whole: the other values are sent back as they were received. Changes
 * of one name run one after the other (daemon/challenge/txt_queue.h), so that none is lost; an API cannot prevent
 * another program's change between the two calls.
 */
struct http_api_set {
	const char *path;   /* of the set: 404 if absent */
	const char *values; /* member: the list of values; NULL: the answer itself */
	const char *value;  /* member of a value; NULL: it is a string */
	const char *item;   /* JSON of a new value */
	const char *ttl;    /* member: an existing set keeps its TTL; NULL: it does not */
	const char *method; /* replaces the set at .path */
	const char *body;   /* $values is the list */
	const char *create; /* path to POST a new set; NULL: .method creates it */
	const char *create_body;
	bool is_cleared; /* the last value is removed by an empty list; otherwise by DELETE */
};

/* An API; constant. The default endpoint is that of the setting "endpoint" (common/api/dns_kinds.c). */
struct http_api {
	const char *name;       /* for messages: "IONOS Cloud DNS" */
	const char *header;     /* that contains the token; NULL: "Authorization: Bearer " */
	http_api_auth_fn *auth; /* if the token alone is not enough; NULL: it is */
	/* Exchanges credentials for a token: its last handler calls http_api_keep_token(). NULL: no exchange. */
	http_api_fn *login;
	http_api_fn *sign_up; /* registers an account; its last handler calls http_api_keep_account(). NULL: cannot */
	struct http_api_paging paging;
	struct http_api_zones zones;
	bool has_no_zones; /* the service finds the record by itself */
	struct http_api_procedures procedures;
	struct http_api_verdict verdict;
	const char *apex; /* what $host is at the apex; NULL: "" */
	int64_t min_ttl;  /* seconds; shorter ones are refused by the API */
	/* One of these. */
	const struct http_api_records *records;
	const struct http_api_set *set;
	http_api_fn *change; /* the first handler; the zone is known */
	bool is_xml;         /* answers are XML: their members are as by xml_parse() */
	const char *reason;  /* the members of a refusal that may contain the API's explanation, separated by '|' */
	/* What a refusal means, by the word at .code or by the status; words with a blank before and after each. */
	const char *code;      /* members, like .reason; or NULL */
	const char *passing;   /* it may succeed later; NULL: only 429 and 5xx */
	const char *throttled; /* text in the reason of one that may succeed later, if no code tells; or NULL */
	const char *denied;    /* the credentials are refused, or the session has ended; NULL: only 401 and 403 */
};

/* A driver of @api_ without further functions. */
#define HTTP_API_DRIVER(api_) \
	{ \
		.api = (api_), .check = http_api_check, .change = http_api_change, .list_zones = http_api_list_zones, \
		.cancel = http_api_cancel \
	}

/* The same, if the API has no list of zones. */
#define HTTP_API_DRIVER_WITHOUT_ZONES(api_) \
	{ \
		.api = (api_), .check = http_api_check, .change = http_api_change, .cancel = http_api_cancel \
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

/* One attempt, some seconds. */
struct dnsprovider_op *
http_api_sign_up(
	const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_account_fn *done, void *arg);

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

/* Names and values, percent-encoded. @pairs: a name, its value, the next name, ...; ends with NULL. */
struct http_api_body
http_api_form(const char *const *pairs);

/* @document: taken. */
struct http_api_body
http_api_xml(char *document);

/*
 * http_api_send() - send a call; @then receives its answer if the status is 2xx (or the object to DELETE does not
 * exist). 429, 5xx and failed connections are retried a few times; Retry-After is observed. A POST or PATCH that may
 * have taken effect is never repeated: the whole task starts again, and forgets what it found.
 * @body: taken
 * @path: printf format of the path after the endpoint, or of another URL, as a setting names it
 */
void
http_api_send(struct http_api_task *task, const char *method, struct http_api_body body, http_api_fn *then,
	const char *path, ...) _printf_(5, 6);

/* The same for GET, @path being a template; @then receives NULL if it does not exist. */
void
http_api_find(struct http_api_task *task, http_api_fn *then, const char *path);

/*
 * Calls a procedure. @then receives the answer unless it is a refusal. Retries are as with http_api_send(): of a change
 * that may have taken effect the whole task starts again.
 * @params: their text, as in $params; taken.
 */
void
http_api_call(struct http_api_task *task, http_api_fn *then, bool is_change, const char *name, char *params);

/* The same for a template: the name, a blank and the parameters. */
void
http_api_call_template(struct http_api_task *task, http_api_fn *then, bool is_change, const char *template);

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

/* The member at @path (NULL: @object) of any type; NULL if absent. Borrowed from @object. */
struct json_object *
http_api_member(struct json_object *object, const char *path);

/* The same for an id, checked to be safe in a path. NULL: ERROR_PROTOCOL. */
const char *
http_api_id(struct json_object *object, const char *path, struct error *err);

/* @item is a record that is looked for: its "id" joins @task->found. Return: 0, or -1: it has none. */
int
http_api_take_found(struct http_api_task *task, struct json_object *item, struct error *err);

/* The owner name relative to the zone; "" for its apex. Owned by the caller. */
char *
http_api_relative_name(const struct http_api_task *task);

/* @template with its $words replaced, for a path. Owned by the caller. */
char *
http_api_path(const struct http_api_task *task, const char *template);

/* The same for JSON; @values: what $values is, or NULL. */
struct http_api_body
http_api_json_template(const struct http_api_task *task, const char *template, struct json_object *values);

/*
 * The list @values (borrowed; NULL: empty) after the change: without the value, and with @item (a JSON template) if it
 * is added. NULL: nothing is to be changed. @value: member of a value, NULL: it is a string. Owned by the caller.
 */
struct json_object *
http_api_changed_values(
	const struct http_api_task *task, struct json_object *values, const char *value, const char *item);

/* Are @content, as returned by an API, and @value the same text? Some APIs add quotes. */
bool
http_api_same_text(const char *content, const char *value);

/*
 * http_api_keep_account() - the account that the service has registered; copied
 * Return: 0, or -1: ERROR_PROTOCOL, @name or @password is empty or unsafe in a header, or @domain is not a name.
 */
int
http_api_keep_account(
	struct http_api_task *task, const char *name, const char *domain, const char *password, struct error *err);

/* --- for credentials --- */

/* Borrowed. */
const struct dnsprovider *
http_api_provider(const struct http_api_task *task);

/* A setting or a secret of the DNS provider; NULL if not given. Borrowed. */
const char *
http_api_setting(const struct http_api_task *task, const char *name);

const struct secret *
http_api_secret(const struct http_api_task *task, const char *name);

/* The URL in setting @name, or its default for the kind, without a final '/'. Owned by the caller. */
char *
http_api_url(const struct http_api_task *task, const char *name);

/* Now, UNIX seconds. */
int64_t
http_api_now(const struct http_api_task *task);

/* Adds the header line @prefix and @secret. */
void
http_api_add_header(struct http_request *req, const char *prefix, const struct secret *secret);

/* Signs @req for AWS ("aws:amz:REGION:SERVICE"). Parameters of its query must be sorted, and each have a value. */
void
http_api_sign_aws(const struct http_api_task *task, struct http_request *req, const char *scope, const char *key_id,
	const struct secret *key);

/* RFC 7617. */
void
http_api_add_basic(struct http_request *req, const char *user, const struct secret *password);

/* The token of the login, or the setting "token", in the API's header: what struct http_api does without .auth. */
int
http_api_add_token(const struct http_api_task *task, struct http_request *req, struct error *err);

/* Stores the token that the API returned, valid for @lifetime_sec; copied. */
void
http_api_keep_token(struct http_api_task *task, const char *token, int64_t lifetime_sec);

/* The cookie @name of the last answer that set cookies, as "NAME=VALUE"; NULL if absent. Borrowed for the handler. */
const char *
http_api_cookie(const struct http_api_task *task, const char *name);

/* That token; NULL while it is being requested. Borrowed. */
const struct secret *
http_api_token(const struct http_api_task *task);

#endif
