/*
 * daemon/renew/scheduler.h: runs what is due. Arms the loop's one wall timer for the earliest row of a lane that has
 * room, starts it, and looks again when something ends. Owns the ACME clients, one per provider in use.
 */
#ifndef DAEMON_RENEW_SCHEDULER_H
#define DAEMON_RENEW_SCHEDULER_H

#include "daemon/renew/issue.h"

struct http;
struct scheduler;

struct scheduler_config {
	const struct issue_env *issue_env; /* borrowed */
	const struct http *http;           /* borrowed */
	int64_t max_orders;                /* in flight per provider */
	bool allow_other_hosts;
	int64_t build_at; /* UNIX seconds: no date before it is believed */
};

struct scheduler *
scheduler_new(const struct scheduler_config *config);

/* Cancels all work; records stay as they are. */
void
scheduler_free(struct scheduler *scheduler);

/* Rows were changed: look at the schedule at the end of this turn. Cheap; call after every schedule_set(). */
void
scheduler_kick(struct scheduler *scheduler);

/* Provider changed or deleted: a registration under way is given up, its client is made anew for the next order. */
void
scheduler_forget_provider(struct scheduler *scheduler, const char *provider_id);

/* The issue under way for an auto-certificate, or NULL. Borrowed. */
const struct issue *
scheduler_issue_of(const struct scheduler *scheduler, const char *autocert_id);

/* Auto-certificate deleted or paused: cancels what is under way. */
void
scheduler_cancel(struct scheduler *scheduler, const char *autocert_id);

/* Authorization deleted: the same. */
void
scheduler_cancel_authorization(struct scheduler *scheduler, const char *authorization_id);

struct scheduler_stats {
	unsigned issues_running;
	unsigned others_running;
	int64_t next_at;          /* earliest row; INT64_MAX none */
	bool store_fails;         /* nothing is started until the store takes a trial record */
	bool is_waiting_for_date; /* the date is not believed: only drops are written */
};

void
scheduler_get_stats(const struct scheduler *scheduler, struct scheduler_stats *ret);

#endif
