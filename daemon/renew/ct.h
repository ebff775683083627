/*
 * daemon/renew/ct.h: certificates for managed names that certd did not order, as they are found in the logs of
 * Certificate Transparency by a service (ct-source in certd.conf). One row of SCHEDULE_CT exists while that is set.
 * Each registered domain is asked for once, one request at a time.
 *
 *   STORE_CT   "." domain -> what is known of it (ct_private.h);  id of a finding -> struct ct_finding
 */
#ifndef DAEMON_RENEW_CT_H
#define DAEMON_RENEW_CT_H

#include "daemon/renew/issue.h"

struct conf;

/*
 * A certificate of others. The same for precertificate and certificate, so each issue is reported once. Its id is made
 * of the serial number and the expiry.
 */
struct ct_finding {
	char *issuer;
	char *serial;
	char *report_to; /* how the CA takes reports; or NULL */
	char *domain;
	struct strlist names; /* the first of them are managed ones */
	int64_t more_names;   /* that are not in .names */
	int64_t not_before_at, not_after_at;
	int64_t report_at;       /* not reported before: certd may be about to store it */
	int64_t reported_at;     /* 0: it was not */
	int64_t acknowledged_at; /* 0: it was not */
	char *acknowledged_by;
	bool is_own; /* certd had it, and it was deleted */
	struct buf unknown;
};

RECORD_DECLARE(ct_finding, ct_finding_class);

#define _cleanup_ct_finding_ _cleanup_(ct_finding_clear)

/* What people read about it, with the commands that follow. Owned by the caller. */
char *
ct_finding_text(const char *id, const struct ct_finding *f);

/* ERROR_CONFIG: ct-source cannot be used. Return: 0 or -1. */
int
ct_check_conf(const struct conf *conf, struct error *err);

/* The settings are known, at the start or after a reload: puts or removes the row. The first time is within an hour. */
void
ct_start(const struct issue_env *env);

/* A certificate is deleted: it stays one of certd's own. */
void
ct_note_deleted(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert);

/*
 * Ends the alert about a finding. @who: as struct object.modified_by.
 * Return: 0, or -1: ERROR_INVALID: there is none, or the store failed.
 */
int
ct_finding_acknowledge(
	const struct issue_env *env, struct store_txn *txn, const char *id, const char *who, struct error *err);

/* @ret: the answer of ct.list; owned by the caller, after a failure too. Return: 0, or -1 the store failed. */
int
ct_list_findings(const struct issue_env *env, struct json_object **ret, struct error *err);

/* Registered with a struct issue_env. */
extern const struct job_kind ct_job;

#endif
