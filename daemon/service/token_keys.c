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
#include <utlist.h>

struct token_keys_call {
	struct call *call;
	service_fn *handler;
	char *field;
	struct signing *signing;
	struct token_keys_call *prev, *next;
};

static void
token_keys_free(struct token_keys_call *t)
{
	DL_DELETE(t->call->service->token_keys_calls, t);
	signer_cancel(t->signing);
	free(t->field);
	free(t);
}

static int
token_keys_take(struct token_keys_call *t, const struct key *key, const struct error *why, struct error *err)
{
	struct call *call = t->call;
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
	struct call *call = t->call;
	service_fn *handler = t->handler;
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc;

	t->signing = NULL;
	rc = token_keys_take(t, key, why, &err);
	token_keys_free(t);
	if (rc == 0)
		rc = handler(call, call->params, &err);
	call_end(call, rc, &err);
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
	t->call = call;
	t->handler = handler;
	t->field = xstrdup(field);
	DL_APPEND(call->service->token_keys_calls, t);
	t->signing = signer_find(signer, uri, token_keys_found, t);
	return 1;
}

void
token_keys_stop(struct service *service)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (service->token_keys_calls) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		struct call *call = service->token_keys_calls->call;

		token_keys_free(service->token_keys_calls);
		call_finish(call, NULL, &err);
	}
}
