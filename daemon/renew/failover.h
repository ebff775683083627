/*
 * daemon/renew/failover.h: the orders of an auto-certificate go to another provider when its own fails. The provider in
 * use is in the record, so it survives a restart; the row of the order is in its lane. The next renewal is with the
 * auto-certificate's own provider again. A certificate knows its provider, so that renewal information, revocation and
 * "replaces" concern the CA that issued it.
 */
#ifndef DAEMON_RENEW_FAILOVER_H
#define DAEMON_RENEW_FAILOVER_H

#include "daemon/renew/issue.h"

enum { FAILOVER_FAILURES = 3 }; /* of one provider, in a row */

/*
 * Is the error the CA's: its own failure, its refusal, or that it was not reached? Pure. Not that it found no answer to
 * a challenge, nor what failed on this host.
 * @is_network: the cause is outside the certificate (policy.h)
 */
bool
failover_is_ca_fault(const struct error *err, bool is_network);

/*
 * failover_is_due() - is it time for another provider? Pure.
 * @failures: of the CA in use, in a row
 * @urgent_at: of renewal_urgent_at(); from then on one failed order is enough. 0: never
 */
bool
failover_is_due(int64_t failures, int64_t urgent_at, int64_t now);

/* From when on an order of the auto-certificate is urgent. UNIX seconds; 0: never, it has no certificate. */
int64_t
failover_urgent_at(const struct issue_env *env, const struct autocert *autocert);

/* The number that the delay of the next order follows from: a fallback begins with short delays again. Pure. */
int64_t
failover_attempts(const struct autocert *autocert);

/*
 * failover_note() - an order has failed with @err; .attempts counts it already
 * If it is time, the next order goes to the next provider that has a usable account and takes orders; after the last
 * fallback, to the auto-certificate's own again. The caller saves the record.
 * Return: whether it goes to another.
 */
bool
failover_note(const struct issue_env *env, struct autocert *autocert, const struct error *err, bool is_network);

/*
 * The orders of the provider do not start: its CA is down or asks them to wait, or its account is unusable. Those that
 * are due and cannot wait (urgent, or there is no certificate yet) go to a fallback.
 */
void
failover_look_at_lane(const struct issue_env *env, struct store_txn *txn, const char *provider_id);

/* The same for one auto-certificate, whatever its provider. */
void
failover_look_at(const struct issue_env *env, struct store_txn *txn, const char *autocert_id);

/* Back to its own provider: a certificate was issued, or the declaration has changed. The caller saves the record. */
void
failover_end(struct autocert *autocert);

/* The same if the provider in use is not a fallback any more. */
void
failover_redeclared(struct autocert *autocert);

#endif
