/*
 * common/api/api.h: the control API, described once. The daemon validates by it; JSON-RPC, certctl's commands, help and
 * completion, the reference page and rpc.discover (OpenRPC) are derived from it. A new field is one line in
 * api_RESOURCE.c, a new method a row in api_table.c.
 *
 * Parameters on the wire (JSON-RPC 2.0, by name):
 *   X.create  {"properties": {...}}            X.get     {"ref": "name or id"}
 *   X.update  {"ref": .., "properties": {..}}  X.delete  {"ref": ..}
 *   X.list    {"offset", "limit", filters}     others    the fields of their row
 * An update replaces the properties that it contains (lists as a whole); null resets a property to its default. It
 * returns the object with "effect" (what the change causes), and so does an autoCertificate.create that adopts an
 * imported certificate. create, update and delete take "dryRun": the same answer
 * with "dryRun": true, and nothing is changed.
 * Every object is {id, type, href, metadata{..}, properties{..}}; lists are {"items": [..], "offset", "limit",
 * "total"}.
 * A list ends early, with fewer items than "limit", when they exceed about 8 MiB: the next page begins at "offset" +
 * the number of items. References are returned as ids.
 */
#ifndef COMMON_API_API_H
#define COMMON_API_API_H

#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>

struct api_kinds;
struct buf;
struct error;
struct strlist;

/* A row without a role does not compile: the field has no zero value. */
enum api_role { ROLE_NONE = 0, ROLE_VIEWER = 1, ROLE_OPERATOR = 2, ROLE_ADMIN = 3 };

/* "none", "viewer", "operator", "admin". */
const char *
api_role_name(enum api_role role);

enum api_type {
	API_STRING, /* at least one octet, no control characters */
	API_BOOL,
	API_INT,
	API_SPAN, /* "30d" or seconds; seconds on the wire and in answers */
	API_TIME, /* RFC 3339 */
	API_STRLIST,
	API_ENUM, /* one of .values */
	API_REF,  /* name or id of an object of .resource */
	API_REFLIST,
	API_PATH,   /* absolute, on certd's machine; certctl completes a relative one */
	API_TEXT,   /* string of several lines, such as PEM; at most .max octets; certctl: --<option>-file */
	API_SECRET, /* write-only string; certctl reads it from a file (--<option>-file), never from argv */
	API_OBJECT, /* .fields */
	API_LIST,   /* array of objects with .fields */
	API_ANY,
};

enum api_flag {
	API_REQUIRED = 1,    /* on create, or in the method's parameters */
	API_READ_ONLY = 2,   /* only in answers */
	API_IMMUTABLE = 4,   /* not by update */
	API_POSITIONAL = 8,  /* certctl: an argument without an option name, in order */
	API_FILE = 16,       /* a secret that is always a file: certctl's option has no "-file" suffix */
	API_LABEL = 32,      /* of API_STRLIST: each is a label (common/scope.h) */
	API_PATTERN = 64,    /* of API_STRLIST: each is a name pattern and is made canonical */
	API_BASE64 = 128,    /* of API_SECRET: base64 text, stored decoded */
	API_ALWAYS = 256,    /* in every answer, although it need not be sent */
	API_VERBATIM = 1024, /* of API_STRLIST: certctl does not split its items at commas */
	API_ENDPOINT = 2048, /* of API_LIST: each is an endpoint; certctl's text for one is in endpoint.h */
	API_BY_REST = 512    /* of API_BOOL: always true over REST, as IONOS has it; not to be given there */
};

struct api_field {
	const char *name; /* on the wire; NULL ends a table */
	enum api_type type;
	unsigned flags;     /* enum api_flag */
	const char *help;   /* one line */
	const char *option; /* certctl's option without "--"; NULL: derived from name ("caFile" -> "ca-file") */
	const char *metavar;
	const char *const *values;      /* API_ENUM, or of each in an API_STRLIST: NULL-terminated */
	const struct api_field *fields; /* API_OBJECT, API_LIST */
	const char *resource;           /* API_REF, API_REFLIST: noun */
	int64_t min, max;               /* API_INT, API_SPAN; both 0: any */
	const char *fallback;           /* effective value when it is not given, as text for help; or NULL */
	const char *first_of;           /* the list that may be given instead: its first item is the value; or NULL */
};

/* A column of `certctl list`. */
struct api_column {
	const char *title;
	const char *path; /* "properties.name", "metadata.state"; NULL ends a table */
	unsigned rank;    /* on a narrow terminal, columns of a high rank are left out first; 0: never */
};

struct api_resource {
	const char *noun;       /* "autoCertificate": first half of method names */
	const char *cli;        /* "auto": certctl's word */
	const char *type;       /* "autocertificate": IONOS's word, the "type" of its objects */
	const char *title;      /* "auto-certificate": in messages */
	const char *collection; /* "/auto-certificates" */
	const char *help;
	const struct api_field *properties;
	const struct api_field *metadata; /* in addition to api_common_metadata */
	const struct api_column *columns;
	const struct api_kinds *kinds; /* of its objects, whose settings are among the properties (kinds.h); or NULL */
	bool is_ionos;                 /* IONOS's REST semantics: PATCH changes only the name */
	bool is_declared;              /* it consists of declarations: `certctl dump` and `apply` include it */
};

enum api_resource_id {
	API_PROVIDER,
	API_AUTOCERTIFICATE,
	API_CERTIFICATE,
	API_DNSPROVIDER,
	API_CONSUMER,
	API_TOKEN,
	API_AUTHORIZATION,
	API_ALERT,
	API_RESOURCE_COUNT
};

extern const struct api_resource api_resources[API_RESOURCE_COUNT];
extern const struct api_field api_common_metadata[]; /* of every resource */
extern const struct api_field api_effect_fields[];   /* of "effect" in the answer to an update */
extern const struct api_field api_event_fields[];    /* of one event */
extern const char *const api_authorization_challenges[];
extern const struct api_field api_audit_fields[]; /* of one record of the audit log */

enum api_method_id {
	RPC_PROVIDER_CREATE,
	RPC_PROVIDER_LIST,
	RPC_PROVIDER_GET,
	RPC_PROVIDER_UPDATE,
	RPC_PROVIDER_DELETE,
	RPC_PROVIDER_NEW_ACCOUNT,
	RPC_PROVIDER_ROLLOVER,
	RPC_PROVIDER_DEACTIVATE,
	RPC_PROVIDER_EXPORT, /* sealed, into the passed descriptor */
	RPC_AUTOCERTIFICATE_CREATE,
	RPC_AUTOCERTIFICATE_LIST,
	RPC_AUTOCERTIFICATE_GET,
	RPC_AUTOCERTIFICATE_UPDATE,
	RPC_AUTOCERTIFICATE_DELETE,
	RPC_AUTOCERTIFICATE_RENEW, /* {ref, force}: order a new certificate now */
	RPC_AUTOCERTIFICATE_PAUSE,
	RPC_AUTOCERTIFICATE_RESUME,
	RPC_AUTOCERTIFICATE_CANCEL,   /* {ref}: end the order in progress */
	RPC_AUTOCERTIFICATE_ROLLBACK, /* {ref, consumer?, certificate?}: deploy an earlier certificate */
	RPC_AUTOCERTIFICATE_APPROVE,  /* {ref}: deploy the certificate that the guard holds */
	RPC_AUTOCERTIFICATE_CHECK,    /* {ref}: would its next renewal succeed? */
	RPC_AUTOCERTIFICATE_REHEARSE, /* {ref, provider}: order at a staging CA, and throw the certificate away */
	RPC_AUTOCERTIFICATE_EXPLAIN,  /* {ref}: what happens next, when and why; last error; next steps */
	RPC_CERTIFICATE_CREATE, /* import; {replace?: imported certificate whose files and consumers it takes over} */
	RPC_CERTIFICATE_LIST,
	RPC_CERTIFICATE_GET,
	RPC_CERTIFICATE_UPDATE,
	RPC_CERTIFICATE_DELETE,
	RPC_CERTIFICATE_ROLLBACK, /* of an imported one: like autoCertificate.rollback */
	RPC_CERTIFICATE_EXPLAIN,  /* like autoCertificate.explain */
	RPC_CERTIFICATE_REVOKE,   /* {ref, reason, byKey?, now?, provider?} */
	RPC_CERTIFICATE_EXPORT,   /* into the passed descriptor; with a key only for admins */
	RPC_DNSPROVIDER_CREATE,
	RPC_DNSPROVIDER_LIST,
	RPC_DNSPROVIDER_GET,
	RPC_DNSPROVIDER_UPDATE,
	RPC_DNSPROVIDER_DELETE,
	RPC_DNSPROVIDER_CHECK, /* {ref, name}: write, look up and remove a test value */
	RPC_CONSUMER_CREATE,
	RPC_CONSUMER_LIST,
	RPC_CONSUMER_GET,
	RPC_CONSUMER_UPDATE,
	RPC_CONSUMER_DELETE,
	RPC_CONSUMER_DEPLOY, /* {ref, autoCertificate?}: write drops and activate again */
	RPC_CONSUMER_PROBE,  /* {ref, autoCertificate?}: check now what is presented */
	RPC_TOKEN_CREATE,    /* only here metadata.token contains the secret */
	RPC_TOKEN_LIST,
	RPC_TOKEN_GET,
	RPC_TOKEN_DELETE,
	RPC_AUTHORIZATION_CREATE, /* get the TXT record of a name, to be published manually */
	RPC_AUTHORIZATION_LIST,
	RPC_AUTHORIZATION_GET,
	RPC_AUTHORIZATION_DELETE,
	RPC_AUTHORIZATION_VALIDATE, /* {ref, force}: the record is published; ask the CA to validate */
	RPC_ALERT_CREATE,
	RPC_ALERT_LIST,
	RPC_ALERT_GET,
	RPC_ALERT_UPDATE,
	RPC_ALERT_DELETE,
	RPC_ALERT_TEST,      /* {ref}: send a test message now */
	RPC_AUDIT_LIST,      /* {after?, limit?} */
	RPC_AUDIT_VERIFY,    /* {known?}: are all records present and unmodified? */
	RPC_CT_LIST,         /* certificates of others */
	RPC_CT_ACKNOWLEDGE,  /* {finding} */
	RPC_EVENT_LIST,      /* {object?, after?, limit?} */
	RPC_EVENT_SUBSCRIBE, /* {object?, after?}: then notifications "event" with one event object each */
	RPC_SCHEDULE_LIST,   /* {offset, limit}: planned work */
	RPC_SERVER_FORECAST, /* {days?}: renewals to come */
	RPC_SERVER_REISSUE,  /* {selection, newKeys?, rate?}; or one of pause, resume and cancel */
	RPC_SERVER_REISSUE_STATUS,
	RPC_SERVER_METRICS, /* {format?}: for Prometheus */
	RPC_SERVER_STATUS,
	RPC_SERVER_RELOAD,
	RPC_SERVER_BACKUP, /* {passphrase, withoutMasterKey?}: sealed, into the passed descriptor */
	RPC_SERVER_REKEY,  /* {masterKey?} */
	RPC_SERVER_CHECK,  /* what renewals need of the host */
	RPC_DISCOVER,
	API_METHOD_COUNT
};

/* What a method does to its resource; all but API_CALL have the parameters and answers of the comment above. */
enum api_verb { API_CALL, API_CREATE, API_LIST_ALL, API_GET, API_UPDATE, API_DELETE };

enum api_method_flag {
	API_READS = 1,      /* changes nothing, although it needs more than the viewer's role: not in the audit log */
	API_TAKES_FD = 2,   /* works on a passed descriptor: not over REST */
	API_PLAIN_TEXT = 8, /* over REST the answer is not JSON but the member text, of the type contentType */
	API_SCOPED = 4 /* also for peers with a scope, which see nothing outside it; others need an unrestricted role */
};

struct api_method {
	const char *name; /* "autoCertificate.renew" */
	enum api_role role;
	enum api_verb verb;
	enum api_resource_id resource;  /* API_RESOURCE_COUNT: none */
	const struct api_field *params; /* NULL: none. For create and update: in addition to "properties" */
	const struct api_field *result; /* API_CALL: of the answer; NULL: the object itself, for API_DELETE {} */
	const char *help;
	const char *path; /* over REST, for methods without a resource: "/status"; NULL: not over REST */
	unsigned flags;   /* enum api_method_flag */
};

extern const struct api_method api_methods[API_METHOD_COUNT];

/* "ca-file" for the field caFile: certctl's option without "--". Owned by the caller. */
char *
api_field_option(const struct api_field *field);

/* "ca-file" of "caFile", with @sep between the words; appended. */
void
api_split_camel(const char *name, char sep, struct buf *ret);

/* Return: 1 and the method, 0 unknown. */
int
api_method_find(const char *name, enum api_method_id *ret_method);

/* The method's name nearest to @name, or NULL. */
const char *
api_method_nearest(const char *name);

/* By noun, certctl's word or IONOS's type; NULL if unknown. */
const struct api_resource *
api_resource_find(const char *word);

/* What messages call such an object ("auto-certificate"), from the same words; @word itself if it is unknown. */
const char *
api_title(const char *word);

/* The method of @resource with that verb. Return: 1, 0 there is none. */
int
api_method_of(const struct api_resource *resource, enum api_verb verb, enum api_method_id *ret_method);

/* The row of @fields with that name; NULL if there is none or @fields is NULL. */
const struct api_field *
api_field_find(const struct api_field *fields, const char *name);

/*
 * What holds when @field is not given, if that is a value which could be given: one of an enumeration, or a number.
 * Borrowed from the table; NULL: what holds is something else, or nothing.
 */
const char *
api_field_default(const struct api_field *field);

/* The row for @path ("properties.name", "metadata.state") in objects of @resource; NULL: none. */
const struct api_field *
api_field_at(const struct api_resource *resource, const char *path);

/*
 * api_validate() - check parameters of a call against the table, in place
 * Spans become seconds; on create, null members are dropped.
 * @params: may be NULL if nothing is required
 * ERROR_INVALID: unknown, missing, read-only or wrongly typed member. The field is the full path
 * ("properties.subjectAlternativeNames[2]"), and the message suggests the nearest known member.
 */
int
api_validate(enum api_method_id method, struct json_object *params, struct error *err);

/* The OpenRPC document of rpc.discover. Owned by the caller. */
struct json_object *
api_discover(void);

#endif
