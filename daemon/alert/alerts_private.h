/* daemon/alert/alerts_private.h: shared by the files of this folder that look, and deliver. */
#ifndef DAEMON_ALERT_ALERTS_PRIVATE_H
#define DAEMON_ALERT_ALERTS_PRIVATE_H

#include "daemon/alert/alerts.h"
#include "daemon/alert/condition.h"
#include "daemon/alert/queue.h"
#include "daemon/base/loop.h"

struct delivery;

struct alerts {
	struct alerts_config config;
	struct alert_env env;
	char host[256];
	struct scheduler *scheduler;
	struct audit *audit;
	struct loop_timer minute;
	struct loop_timer walk; /* over all certificates, once */
	struct buf walked;      /* the last id */
	size_t walked_class;
	int64_t audited_at;
	char *audit_fault; /* or NULL */
	/* While the store cannot be written, what is to be said about that is kept here. */
	struct condition unstored;
	struct delivery *deliveries;
};

/* --- alert_look.c --- */

/* A message about @c, which is about @object_id ("certd": certd itself). @status: "firing", "resolved". */
void
alerts_message(struct alerts *alerts, const struct condition_kind *kind, const char *object_id,
	const struct condition *c, const char *status, struct message *ret);

/* Does @a want to know? @labels: of the certificate; NULL: it is about something else. */
bool
alert_wants(const struct alert *a, const char *word, enum severity severity, const struct strlist *labels);

/* --- alert_list.c --- */

/* The keys of the conditions of an object that hold; appended to @ret. Most have none. Return: 0 or -1. */
int
conditions_held(struct store *store, const char *object_id, struct strlist *ret, struct error *err);

/* --- alert_deliver.c --- */

extern const struct job_kind alert_job;

/* Sends @m to all that want it, without the queue: the store cannot keep it. .unstored notes which ones got it. */
void
alerts_send_unstored(struct alerts *alerts, const struct message *m);

void
deliveries_stop(struct alerts *alerts);

/* --- alerts.c --- */

/* What concerns certd itself, now. Borrowed from @alerts. */
void
alerts_certd(const struct alerts *alerts, struct condition_certd *ret);

extern const struct job_kind look_job;

int64_t
alerts_now(const struct alerts *alerts);

#endif
