/*
 * daemon/renew/rehearse.h: a rehearsal: an order like the next renewal, but at the staging environment of the CA, whose
 * certificate is thrown away. It is an issue (issue.h) that stores nothing, so that after a restart it begins again,
 * with another order. There are two:
 * - one that a caller asks for has its own row in the schedule, whose lane is the provider of the staging environment;
 *   the auto-certificate, the provider that it is declared with, and their limits are only read.
 * - when validations have failed at the CA, a rehearsal comes before the next order, in the row of that order. If it
 *   fails too, so does the attempt, and the CA was not asked. If it passes or shows nothing, the order follows at once.
 */
#ifndef DAEMON_RENEW_REHEARSE_H
#define DAEMON_RENEW_REHEARSE_H

#include "daemon/renew/issue.h"
#include "daemon/schedule/job.h"

/* Registered with a struct issue_env. */
extern const struct job_kind rehearse_job;

struct rehearse_in {
	int64_t now;
	int64_t failures;  /* of validation at the CA, in a row */
	int64_t until_at;  /* then the CA is asked in any case */
	int64_t urgent_at; /* of renewal_urgent_at(): from then on too; 0: never */
	bool is_rehearsed; /* since the last of them */
};

/* Does a rehearsal come before the next order: from the third failure on, while there is time? Pure. */
bool
rehearse_is_due(const struct rehearse_in *in);

/*
 * The directory of the staging environment that a provider declares, or that is known of its CA; borrowed. Pure.
 * @is_asked_for: by a caller, so that "none" does not turn it off
 * Return: NULL: there is none.
 */
const char *
rehearse_url(const struct provider *provider, bool is_asked_for);

/*
 * rehearse_provider() - the first provider with that directory and an account, or else the first one
 * Return: 1 found, and @ret (NULL before) has its id, owned by the caller; 0: there is none; -1 failed.
 */
int
rehearse_provider(struct store *store, const char *url, char **ret, struct error *err);

/* Can it be validated with another account than its provider's? */
bool
rehearse_is_possible(const struct autocert *autocert);

/*
 * The id of the provider with which the order that is due at @at is rehearsed first, owned by the caller; NULL: it goes
 * to the CA. Rehearsals need a provider that has an account and takes orders now.
 */
char *
rehearse_before(const struct issue_env *env, const struct autocert *autocert, int64_t at);

/* An order at the CA has failed. The caller saves the record. */
void
rehearse_count(struct autocert *autocert, const struct error *err, int64_t now);

/* A certificate was issued, or the next order is for another declaration. The caller saves the record. */
void
rehearse_forget(struct autocert *autocert);

#endif
