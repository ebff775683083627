/*
 * daemon/renew/crl.h: finds certificates that their CA has revoked: in the revocation lists (RFC 5280 s5), and by the
 * OCSP responders (RFC 6960), that they and their intermediates name. One row of SCHEDULE_CRL exists while
 * check-revocation-every is not 0 and a certificate names one. Each list is fetched once, whatever the number of
 * certificates that name it, and one request is sent at a time.
 */
#ifndef DAEMON_RENEW_CRL_H
#define DAEMON_RENEW_CRL_H

#include "daemon/renew/issue.h"

struct cert_info;

/*
 * The setting is known, at the start or after a reload: puts the row if it is missing and there are certificates. The
 * first time is within an hour, at random.
 */
void
crl_start(const struct issue_env *env);

/* A certificate is saved in @txn: puts the row if it is missing and the chain names a list or a responder. */
void
crl_note_certificate(const struct issue_env *env, struct store_txn *txn, const struct cert_info *info);

/* What they said last about a certificate, one line each; appended. None while they are not asked. */
void
crl_explain(const struct issue_env *env, const struct certificate *cert, struct strlist *ret);

/* Registered with a struct issue_env. */
extern const struct job_kind crl_job;

#endif
