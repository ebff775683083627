/*
 * A certificate was found in a revocation list. One that certd renews is replaced at once; an imported one is only
 * reported, by an event and by the condition "revoked" (daemon/alert/condition.c).
 */
#include "daemon/renew/crl_private.h"

#include "common/api/revoke_reasons.h"
#include "common/crypto/key.h"
#include "daemon/schedule/scheduler.h"
#include "daemon/store/compromised.h"

#include <string.h>

static int
crl_remember_key(struct store_txn *txn, const struct certificate *cert, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	if (cert->key.len == 0)
		return 0;
	return key_from_der(&cert->key, &key, err) < 0 ? -1 : compromised_note(txn, key, cert->o.id, err);
}

/* The CA does not say that the key is safe. */
static bool
crl_doubts_key(const struct crl_found *found)
{
	return found->watched.is_leaf &&
	       (strcmp(found->reason, REVOKE_KEY_COMPROMISE) == 0 || strcmp(found->reason, REVOKE_UNSPECIFIED) == 0);
}

static int
crl_replace(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert,
	const struct crl_found *found, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int there = cert->autocert ? object_load(env->store, &autocert_class, cert->autocert, &a, err) : 0;

	if (there < 1 || !a.last_certificate || strcmp(a.last_certificate, cert->o.id) != 0)
		return there < 0 ? -1 : 0;
	if (env->scheduler)
		scheduler_cancel(env->scheduler, SCHEDULE_ISSUE, a.o.id);
	issue_replace(env, txn, &a);
	a.wants_new_key = a.wants_new_key || crl_doubts_key(found);
	return object_save(env->store, txn, &autocert_class, &a, err);
}

static void
crl_report(const struct issue_env *env, struct store_txn *txn, const char *url, const struct certificate *cert,
	const struct crl_found *found)
{
	struct event_object object = { certificate_class.name, cert->o.id, cert->o.name };
	struct json_object *data = json_object_new_object();

	json_add_string(data, "reason", found->reason);
	json_add_string(data, "list", url);
	event_emit(env->events, txn, EVENT_CERTIFICATE_REVOKED, &object, data, "the CA has revoked %s: %s (%s)",
		found->watched.is_leaf ? "it" : "its issuer", found->reason, url);
}

int
crl_take(const struct issue_env *env, struct store_txn *txn, const char *url, const struct crl_found *found,
	struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int there = object_load(env->store, &certificate_class, found->watched.id, &cert, err);

	if (there < 1 || cert.is_revoked)
		return there < 0 ? -1 : 0;
	cert.is_revoked = true;
	cert.revoked_at = found->revoked_at;
	cert.revoke_at = cert.revoke_attempts = 0;
	error_clear(&cert.revoke_error);
	str_replace(&cert.revoke_reason, found->reason);
	str_replace(&cert.revocation_list, url);
	if (found->watched.is_leaf && strcmp(found->reason, REVOKE_KEY_COMPROMISE) == 0 &&
		crl_remember_key(txn, &cert, err) < 0)
		return -1;
	if (object_save(env->store, txn, &certificate_class, &cert, err) < 0)
		return -1;
	crl_report(env, txn, url, &cert, found);
	return crl_replace(env, txn, &cert, found, err);
}
