/*
 * daemon/alert/alerts.h: decides what holds (condition.h), tells the destinations, and delivers (queue.h).
 *
 * A condition is looked at in the list of changes that may begin or end it, so its record and the messages about it are
 * durable together with their cause. What begins with the passing of time has a SCHEDULE_LOOK row. A message is removed
 * when its destination has accepted it: a kill in between sends it again, with the same id.
 */
#ifndef DAEMON_ALERT_ALERTS_H
#define DAEMON_ALERT_ALERTS_H

#include "common/conf.h"
#include "daemon/alert/alert_kind.h"
#include "daemon/renew/issue.h"
#include "daemon/report/audit.h"
#include "daemon/schedule/scheduler.h"

struct alerts;
struct condition_certd;

/* All borrowed; must outlive it. */
struct alerts_config {
	const struct issue_env *env; /* its loop, store, events, rollout, and when renewals are planned */
	const struct http *http;
	const struct mail *mail;
	const struct conf *conf; /* the thresholds; its values may change */
};

struct alerts *
alerts_new(const struct alerts_config *config);

/* Ends tests with ERROR_CANCELLED, while their callers are there. NULL is a no-op. */
void
alerts_stop(struct alerts *alerts);

/* Cancels deliveries. NULL is a no-op. */
void
alerts_free(struct alerts *alerts);

/* The jobs of this folder: send, check. */
void
alerts_register_jobs(struct scheduler *scheduler, struct alerts *alerts);

/*
 * From now on certd itself is looked at once a minute: store, clock, and once a day the audit log. The first time that
 * a store is opened by a certd with alerts, all its certificates are looked at. @audit: or NULL. Both borrowed.
 */
void
alerts_start(struct alerts *alerts, struct audit *audit);

/*
 * alerts_look() - the record of @id, or of its rollout, was changed in @txn
 * Begins and ends the conditions of that auto-certificate, certificate or provider, and plans the next look. One that
 * was deleted has none any more. NULL @alerts is a no-op.
 */
void
alerts_look(struct alerts *alerts, struct store_txn *txn, const char *id);

/* What concerns certd itself. Called by alerts_start(); for tests. @certd: borrowed for the call. */
void
alerts_look_at_certd(struct alerts *alerts, const struct condition_certd *certd);

/* A destination was declared, changed or deleted (@new NULL). */
void
alerts_destination_changed(
	struct alerts *alerts, struct store_txn *txn, const struct alert *old, const struct alert *new);

/* Sends a test message now. @a: with its secrets; borrowed for the call. @done: once, from the loop. */
void
alerts_test(struct alerts *alerts, const struct alert *a, alert_done_fn *done, void *arg);

#endif
