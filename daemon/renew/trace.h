/*
 * daemon/renew/trace.h: the last decisions about each auto-certificate, one record each (STORE_TRACE). It is changed
 * only in transactions that change the auto-certificate or its rollout anyway.
 */
#ifndef DAEMON_RENEW_TRACE_H
#define DAEMON_RENEW_TRACE_H

#include "daemon/renew/decision.h"

enum { TRACE_MOST = 20 };

struct trace_item {
	int64_t first_at; /* UNIX seconds */
	int64_t last_at;
	int64_t times; /* that it was decided in a row */
	char *rule;
	char *about; /* as in struct decision */
	char *text;  /* of the last time */
	bool is_state;
};

struct trace {
	struct record_list items; /* struct trace_item, oldest first */
	struct buf unknown;       /* record.h */
};

extern const struct record_class trace_class;

/*
 * @now: when it was decided. The same decision again only updates the last one, and the same state changes nothing.
 * Return: whether @trace has changed.
 */
bool
trace_add(struct trace *trace, const struct decision *d, int64_t now);

/* trace_add() to the stored one, in @txn. A damaged one begins anew; one that cannot be read now is left as it is. */
void
trace_store(struct store *store, struct store_txn *txn, const char *id, const struct decision *d, int64_t now);

void
trace_forget(struct store_txn *txn, const char *id);

#endif
