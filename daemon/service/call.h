/*
 * daemon/service/call.h: one call of a method while its handler runs: the environment of the handler, its list of
 * changes, and its answer.
 */
#ifndef DAEMON_SERVICE_CALL_H
#define DAEMON_SERVICE_CALL_H

#include "common/api/api.h"
#include "common/conf.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "daemon/renew/issue.h"
#include "daemon/report/audit.h"
#include "daemon/schedule/scheduler.h"
#include "daemon/service/change.h"
#include "daemon/service/effect.h"
#include "daemon/service/passed_fds.h"
#include "daemon/service/peer.h"

/* The environment of the methods; all borrowed. */
struct service {
	const struct service_method *methods; /* API_METHOD_COUNT rows: service_methods */
	struct loop *loop;
	struct store *store;
	struct events *events;
	struct refusals *refusals; /* or NULL: refused calls are not reported */
	struct audit *audit;       /* NULL: nothing is recorded */
	struct solver *solver;
	struct drops *drops;
	struct rollout *rollout;
	struct scheduler *scheduler;
	struct ready *ready;         /* NULL: nothing is checked */
	struct workers *workers;     /* only for calls */
	const struct meters *meters; /* or NULL */
	const struct issue_env *issue_env;
	const struct conf *conf;
	int64_t started_at;
	bool is_master_key_beside_store;
	const char *rest_warning;    /* why REST does not listen on TCP yet; NULL: it does, or is not configured */
	const char *metrics_warning; /* why metrics-file is not written; NULL: it is, or is not configured */
	bool is_stopping;            /* results of workers are discarded */
	int (*reload)(void *arg, struct error *err); /* server.reload: reads certd.conf again */
	int (*rekey)(void *arg, const struct secret *key, struct error *err); /* server.rekey: begins to change it */
	const char *(*key_warning)(void *arg); /* what is left to do for that; NULL: nothing. NULL: never anything */
	void *certd;                           /* argument of these functions */
	bool is_backing_up;
	struct unvalidated *unvalidated; /* for server.status; freed by the loop */
	struct strlist needs_restart;    /* options of certd.conf whose changes do */
	struct status_next *next;        /* the last result of server.status; freed by the loop */
	struct slices *slices;           /* running calls (slices.h) */
	struct call_wait *waits;         /* calls that wait for others */
};

/* Called once, from the loop or from inside service_call(): the result (taken) or the error (borrowed). */
typedef void
call_done_fn(struct json_object *result, const struct error *err, void *arg);

struct call {
	struct service *service;
	enum api_method_id method;
	const struct resource_ops *ops;     /* of the method's resource; or NULL */
	struct json_object *params;         /* owned */
	const struct peer *peer;            /* borrowed from .caller */
	struct peer caller;                 /* owned */
	struct passed_fds *passed;          /* borrowed while the handler runs; or NULL */
	struct change change;               /* for the event and the audit log */
	struct store_txn *txn;              /* from call_txn(); NULL: nothing is changed */
	bool is_dry_run;                    /* dryRun: the answer without the effect */
	bool has_waited;                    /* for zones to be listed (zones.h) */
	bool has_profile;                   /* has waited for a CA's profiles, or need not (profiles.h) */
	struct secret token_key;            /* has waited for a key in a token, and this is it (token_keys.h) */
	struct dnsprovider_account account; /* has waited for an account at a DNS service, and this is it */
	struct strlist cancels;             /* ids: call_cancel() */
	struct json_object *result;
	struct json_object *effect; /* of an update; becomes a member of the result */
	call_done_fn *done;
	void *arg;
};

/*
 * Return: 0 and the result in @call->result (NULL: an empty object); 1 the handler answers later by call_finish(); -1
 * failed.
 */
typedef int
service_fn(struct call *call, struct json_object *params, struct error *err);

/* The implementation of a method. */
struct service_method {
	service_fn *run;
	const struct resource_ops *ops; /* of the method's resource; or NULL */
};

/* The call's list of changes. The answer then waits for the commit. */
struct store_txn *
call_txn(struct call *call);

int64_t
call_now(const struct call *call);

/* An integer among the parameters, or @fallback. */
int64_t
call_int(struct json_object *params, const char *name, int64_t fallback);

/*
 * Side effects of handlers go through these, which do nothing on a dry run, or through store_then(). The list of
 * changes of a dry run is discarded.
 */
/*
 * The scheduler's job for an auto-certificate or authorization ends when the call was accepted; a refusal after the
 * handler does not affect it.
 */
void
call_cancel(struct call *call, const char *id);

void
call_forget_provider(struct call *call, const char *provider_id);

/* Describes the effect of the call in its answer. */
void
call_set_effect(struct call *call, const struct effect *effect);

/* The call is refused with @err: emits an event, and adds a record to the audit log. Return: -1. */
int
call_refused(const struct call *call, const struct error *err);

/* ERROR_DENIED, as call_refused(), unless the peer has @role. @what: the operation that needs it. */
int
call_require(const struct call *call, enum api_role role, const char *what, struct error *err);

/*
 * For handlers that returned 1 and had a part done elsewhere, or have run another handler since: continues as after a
 * handler that returns @rc. Until then all members of @call except .passed are valid.
 */
void
call_end(struct call *call, int rc, struct error *err);

/* For handlers that returned 1: answers and frees the call. @result: taken. */
void
call_finish(struct call *call, struct json_object *result, const struct error *err);

/* A call that waits for a CA, a DNS service, a token or a check: the first member of what is known about it. */
struct call_wait {
	struct call *call;
	service_fn *handler;                  /* or NULL */
	void (*free)(struct call_wait *wait); /* also stops what it waits for */
	struct call_wait *prev, *next;
};

/* The handler returns 1 after that. @handler: runs again, from its beginning, when it has waited successfully. */
void
call_wait_begin(struct call_wait *wait, struct call *call, service_fn *handler, void (*free)(struct call_wait *wait));

/* It has waited: the handler runs, unless @rc is -1, and call_end() follows. */
void
call_wait_end(struct call_wait *wait, int rc, struct error *err);

/* Waiting calls are answered ERROR_CANCELLED. */
void
call_waits_stop(struct service *service);

#endif
