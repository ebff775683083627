/*
 * daemon/ready/ready.h: a rehearsal of the next renewal, without an order: would it succeed? Each auto-certificate that
 * has a certificate is checked once a day (SCHEDULE_READY), and when somebody asks. The result is kept in its record
 * (STORE_READY), which explain and the condition "unready" read; it never delays an order.
 *
 * "blocked" is only what cannot be wrong: the CA, or a rule that all CAs follow, refuses. What may have another cause,
 * or may look different from elsewhere, is a warning. A note is no trouble: something could not be found out.
 */
#ifndef DAEMON_READY_READY_H
#define DAEMON_READY_READY_H

#include "daemon/renew/issue.h"

struct conf;
struct json_object;
struct ready; /* the owner of all rehearsals, owned by certd */
struct ready_run;

/* On disk: never renumber. */
enum ready_grade { READY_OK, READY_NOTE, READY_WARNING, READY_BLOCKED };

/* "ok", "note", "warning", "blocked". Static. */
const char *
ready_grade_name(int64_t grade);

struct ready_finding {
	char *check; /* a word of ready_checks */
	int64_t grade;
	char *name; /* that it is about, with "*."; NULL: all of the auto-certificate */
	char *text; /* one line: what, where, what to do */
	struct buf unknown;
};

/* The record. */
struct ready_state {
	struct record_list findings; /* struct ready_finding, in the order of the checks; none is "ok" */
	int64_t checked_at;
	int64_t grade;    /* the worst */
	int64_t troubles; /* consecutive results that are a warning or worse */
	struct buf unknown;
};

RECORD_DECLARE(ready_state, ready_class);

#define _cleanup_ready_state_ _cleanup_(ready_state_clear)

enum { READY_FINDINGS_MAX = 16, READY_CHECK_SEC = 25 }; /* clients wait for an answer for 30 s */

struct ready_config {
	const struct issue_env *env; /* borrowed, like all */
	const struct conf *conf;
};

struct ready *
ready_new(const struct ready_config *config);

/* Cancels all. NULL is a no-op. */
void
ready_free(struct ready *ready);

/*
 * Called once, from the loop, never from inside ready_start(). @state: stored in @txn, borrowed; NULL: the
 * auto-certificate is gone, or @err.
 */
typedef void
ready_done_fn(const struct ready_state *state, struct store_txn *txn, const struct error *err, void *arg);

/* Checks the auto-certificate, within READY_CHECK_SEC. Its next row in the schedule is put before @done. */
struct ready_run *
ready_start(struct ready *ready, const char *autocert_id, ready_done_fn *done, void *arg);

/* Its @done is not called. */
void
ready_cancel(struct ready_run *run);

/* Checks the host: appends findings to @ret, those that are "ok" too. Return: the worst grade. */
int64_t
ready_check_host(struct ready *ready, bool is_clock_wrong, struct record_list *ret);

/* Registered with a struct ready. */
extern const struct job_kind ready_job;

/* Plans the first check of an auto-certificate that has got a certificate; some time in the next day. */
void
ready_schedule(struct store *store, struct store_txn *txn, const char *autocert_id, int64_t now);

/* It was deleted. */
void
ready_forget(struct store *store, struct store_txn *txn, const char *autocert_id);

/*
 * Is @state a trouble that operators should know of? Blocked is at once; a warning is when it is seen again some
 * minutes later, since most failures of DNS pass.
 */
bool
ready_is_trouble(const struct ready_state *state);

/* "check (name): text", for each finding of at least @grade; appended to @ret. */
void
ready_lines(const struct ready_state *state, enum ready_grade grade, struct strlist *ret);

/* {check, grade, name, message} of each, with a row "ok" for each check without a finding. Owned by the caller. */
struct json_object *
ready_findings_to_json(const struct ready_state *state);

/* The same for the host's findings. */
struct json_object *
ready_list_to_json(const struct record_list *findings);

/* Appends a finding to @list. @name: or NULL. */
void
ready_list_add(struct record_list *list, const char *check, enum ready_grade grade, const char *name, const char *text);

void
ready_findings_clear(struct record_list *findings);

#endif
