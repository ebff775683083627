/* ctl/command/wait.h: waiting for certd's own work, by its events. */
#ifndef CTL_COMMAND_WAIT_H
#define CTL_COMMAND_WAIT_H

#include "common/api/event.h"
#include "ctl/command/args.h"
#include "ctl/present/progress.h"

enum wait_outcome {
	WAIT_STEP,   /* shown */
	WAIT_ARM,    /* shown; from now on WAIT_DONE and WAIT_FAILED_LATER count */
	WAIT_DONE,   /* ends the wait: success */
	WAIT_FAILED, /* ends the wait: failure */
	WAIT_FAILED_LATER
};

struct wait_rule {
	enum event_kind kind;
	enum wait_outcome outcome;
};

struct wait {
	struct ctl *ctl;               /* borrowed */
	const struct wait_rule *rules; /* borrowed */
	size_t n_rules;
	bool needs_arm; /* there is a WAIT_ARM rule */
	bool is_armed;
	int64_t since; /* number of the newest event at the subscription */
	int64_t last_seq;
	int signal_fd; /* SIGINT; -1: none */
	int64_t left_ms;
	int64_t quiet_ms;           /* since the last step */
	const char *explain;        /* auto-certificate to explain when no event arrives; borrowed, or NULL */
	struct json_object *missed; /* events that came with the subscription; owned */
	size_t next_missed;
	struct progress progress;
};

#define _cleanup_wait_ _cleanup_(wait_clear)

/* Blocks SIGINT until wait_clear(), so that an interrupt ends the wait with a message. @args: --timeout. */
int
wait_init(struct wait *wait, struct ctl *ctl, const struct args *args, const struct wait_rule *rules, size_t n_rules,
	struct error *err);

/* The same for a registration, and for an order with the rollout that follows it. */
int
wait_init_account(struct wait *wait, struct ctl *ctl, const struct args *args, struct error *err);

int
wait_init_issue(struct wait *wait, struct ctl *ctl, const struct args *args, struct error *err);

/* No-op if @wait is zeroed. */
void
wait_clear(struct wait *wait);

/*
 * Replaces an earlier subscription, whose wait has ended.
 * @object_id: NULL: all objects. @after: events stored after that number come first; -1: only new ones.
 */
int
wait_subscribe(struct wait *wait, const char *object_id, int64_t after, struct error *err);

/*
 * wait_call() - the call whose results are waited for, after wait_subscribe() with -1
 * Events that became durable before the call are about earlier work, and do not end the wait. The answer may show that
 * there is nothing left to wait for: that is for the caller to see.
 * @params: taken. @ret: owned by the caller
 */
int
wait_call(struct wait *wait, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err);

/*
 * wait_next() - the next event that matches a rule; progress is shown meanwhile
 * @ret: owned by the caller
 * Return: 0, or -1: ERROR_TIMEOUT, ERROR_CANCELLED, connection lost.
 */
int
wait_next(struct wait *wait, struct json_object **ret, enum wait_outcome *ret_outcome, struct error *err);

/* Waits until WAIT_DONE; WAIT_FAILED becomes the error that the event carries. */
int
wait_run(struct wait *wait, struct error *err);

/* Fills @err from the event's data and message. Return: -1. */
int
wait_event_error(struct json_object *event, struct error *err);

#endif
