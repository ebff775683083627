/*
 * A key that cannot be used is refused at the declaration, not when the next order fails. The token is asked by a
 * program (daemon/base/signer.h), for which the call waits.
 */
#include "daemon/service/token_keys.h"

#include "common/alloc.h"
#include "common/crypto/key.h"
#include "common/crypto/key_uri.h"
#include "daemon/base/signer.h"
#include "daemon/store/compromised.h"

#include <stdlib.h>

struct token_keys_call {
	struct call_wait wait;
	char *field;
	struct signing *signing;
};

static void
token_keys_free(struct call_wait *wait)
{
	struct token_keys_call *t = (struct token_keys_call *)wait;

	signer_cancel(t->signing);
	free(t->field);
	free(t);
}

static int
token_keys_take(struct token_keys_call *t, const struct key *key, const struct error *why, struct error *err)
{
	struct call *call = t->wait.call;
	int is_compromised;

	if (why)
		return error_set_field(err, t->field, "%s", why->message);
	is_compromised = compromised_has(call->service->store, key, err);
	if (is_compromised > 0)
		return error_set_field(err, t->field, "is compromised: a certificate with this key was revoked");
	return is_compromised < 0 ? -1 : key_to_der(key, &call->token_key, err);
}

static void
token_keys_found(const struct key *key, const struct buf *signature _unused_, const struct error *why, void *arg)
{
	struct token_keys_call *t = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	t->signing = NULL;
	call_wait_end(&t->wait, token_keys_take(t, key, why, &err), &err);
}

int
token_keys_wait(struct call *call, const char *uri, const char *field, service_fn *handler, struct error *err)
{
	struct signer *signer = clients_config(call->service->issue_env->clients)->signer;
	_cleanup_error_ struct error why = ERROR_INIT;
	struct token_keys_call *t;

	if (!uri || call->token_key.len)
		return 0;
	if (key_uri_check(uri, &why) < 0)
		return error_set_field(err, field, "%s", why.message);
	if (!signer)
		return error_set_field(err, field, "keys in PKCS#11 tokens are not available");
	t = xcalloc(1, sizeof(*t));
	t->field = xstrdup(field);
	call_wait_begin(&t->wait, call, handler, token_keys_free);
	t->signing = signer_find(signer, uri, token_keys_found, t);
	return 1;
}
