/*
 * Revokes one certificate. While it waits for its replacement, the row is moved by a minute each time; a failure that
 * may pass is tried again like any other, and a refusal is kept in the record for the operator.
 */
#include "daemon/renew/revoke.h"

#include "common/api/revoke_reasons.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/crypto/x509.h"
#include "common/json.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_SEC = 60, ROLLOUT_MAX_SEC = 3600, UNREADABLE_RETRY_SEC = 3600, LONGEST_WAIT_SEC = 2 * 24 * 3600 };

struct revoke {
	const struct issue_env *env;
	char id[STORE_ID_SIZE]; /* of the certificate */
	struct key *key;        /* that signs the request; NULL: the account's does */
	struct ca_client *client;
	struct acme_call *call;
	schedule_done_fn *done;
	void *arg;
};

int
revoke_reason_number(const char *reason)
{
#define REVOKE_REASON_ROW(word, number, help) { #word, number },
	static const struct {
		const char *word;
		int number;
	} rows[] = { REVOKE_REASONS(REVOKE_REASON_ROW) };

	for (size_t i = 0; reason && i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].word, reason) == 0)
			return rows[i].number;
	return -1;
}

/* --- when --- */

enum revoke_step
revoke_next_step(const struct revoke_in *in)
{
	if (in->is_at_once)
		return REVOKE_SEND;
	if (in->is_newest)
		return REVOKE_AFTER_ISSUE;
	return in->is_deployed && in->now < time_add(in->replaced_at, ROLLOUT_MAX_SEC) ? REVOKE_AFTER_ROLLOUT
										       : REVOKE_SEND;
}

/* Return: 0, or -1. */
static int
revoke_look(const struct issue_env *env, const struct certificate *cert, enum revoke_step *ret, struct error *err)
{
	struct revoke_in in = { .is_at_once = cert->is_revoked_at_once, .now = loop_now(env->loop) };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	int found = 0;

	if (!in.is_at_once && cert->autocert)
		found = object_peek(env->store, &autocert_class, cert->autocert, &a, err);
	if (found == 1 && a.last_certificate) {
		in.is_newest = strcmp(a.last_certificate, cert->o.id) == 0;
		in.replaced_at = a.last_attempt_at;
		found = rollout_load(env->rollout, a.o.id, &state, err);
		in.is_deployed = found == 1 && (rollout_uses(&state, cert->o.id) || !state.done_at);
	}
	if (found < 0)
		return -1;
	*ret = revoke_next_step(&in);
	return 0;
}

char *
revoke_text(const struct issue_env *env, const struct certificate *cert)
{
	enum revoke_step step = REVOKE_SEND;
	char when[TIME_RFC3339_SIZE];

	if (cert->revocation_list)
		return xasprintf("the CA has revoked it, or its issuer: %s", cert->revocation_list);
	if (!cert->revoke_reason)
		return NULL;
	if (cert->is_revoked && !cert->revoke_at)
		return xstrdup("is done");
	if (error_is_set(&cert->revoke_error)) {
		time_format_rfc3339(cert->revoke_at, when);
		return xasprintf("has failed: %s; %s%s", cert->revoke_error.message,
			cert->revoke_at ? "next attempt " : "request it again when the cause is corrected",
			cert->revoke_at ? when : "");
	}
	if (revoke_look(env, cert, &step, NULL) == 0 && step == REVOKE_AFTER_ISSUE)
		return xstrdup("waits for the replacement");
	return xstrdup(step == REVOKE_AFTER_ROLLOUT ? "waits until the replacement is deployed" : "is requested");
}

void
revoke_schedule(struct store *store, struct store_txn *txn, const struct certificate *cert)
{
	if (cert->revoke_at)
		schedule_set(store, txn, SCHEDULE_REVOKE, cert->o.id, "", cert->revoke_at);
	else
		schedule_del(store, txn, SCHEDULE_REVOKE, cert->o.id);
}

/* --- the end --- */

static void
revoke_cancel(void *work)
{
	struct revoke *revoke = work;

	store_forget(revoke->env->store, revoke);
	acme_call_cancel(revoke->call);
	clients_release(revoke->env->clients, revoke->client);
	key_free(revoke->key);
	free(revoke);
}

static void
revoke_saved(const struct error *err, void *arg)
{
	struct revoke *revoke = arg;

	job_over(revoke->env->events, err, revoke, revoke_cancel, revoke->done, revoke->arg);
}

/* Looks again in @sec; 0: not at all. */
static void
revoke_put_off(struct revoke *revoke, struct store_txn *txn, int64_t sec)
{
	struct store *store = revoke->env->store;

	if (sec == 0)
		schedule_del(store, txn, SCHEDULE_REVOKE, revoke->id);
	else
		schedule_set(store, txn, SCHEDULE_REVOKE, revoke->id, "", time_add(loop_now(revoke->env->loop), sec));
	store_then(txn, revoke_saved, revoke);
}

static void
revoke_put_off_unread(struct revoke *revoke, struct store_txn *txn, const struct error *err)
{
	event_emit_error(revoke->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	revoke_put_off(revoke, txn, UNREADABLE_RETRY_SEC);
}

static bool
revoke_has_problem(const struct error *err, const char *type)
{
	return err->problem && strcmp(err->problem, type) == 0;
}

static void
revoke_note_success(const struct issue_env *env, struct store_txn *txn, struct certificate *cert)
{
	struct event_object object = { certificate_class.name, cert->o.id, cert->o.name };
	const struct audit_entry entry = { .who = "certd", .method = "revoke", .object = object };
	struct json_object *data = json_object_new_object();

	cert->is_revoked = true;
	cert->revoked_at = loop_now(env->loop);
	cert->revoke_at = cert->revoke_attempts = 0;
	error_clear(&cert->revoke_error);
	if (env->audit)
		audit_change(env->audit, txn, &entry);
	json_add_string(data, "reason", cert->revoke_reason);
	event_emit(env->events, txn, EVENT_CERTIFICATE_REVOKED, &object, data, "revoked: %s", cert->revoke_reason);
}

/* A refusal of the CA needs an operator; anything else may pass. */
static void
revoke_note_failure(
	const struct issue_env *env, struct store_txn *txn, struct certificate *cert, const struct error *err)
{
	struct event_object object = { certificate_class.name, cert->o.id, cert->o.name };
	int64_t now = loop_now(env->loop), next_at;

	cert->revoke_attempts = time_add(cert->revoke_attempts, 1);
	error_copy(&cert->revoke_error, err);
	next_at = retry_at(RETRY_REMOTE, now, cert->revoke_attempts, cert->o.id);
	if (err->retry_at > next_at)
		next_at = retry_not_before(err->retry_at, now);
	cert->revoke_at = err->code == ERROR_CA && !err->may_retry ? 0 : next_at;
	event_emit_error(env->events, txn, EVENT_CERTIFICATE_REVOKE_FAILED, &object, err, "revocation: %s%s",
		err->message, cert->revoke_at ? "; certd tries again" : "");
}

static void
revoke_finish(struct revoke *revoke, const struct error *err)
{
	const struct issue_env *env = revoke->env;
	struct store_txn *txn = store_begin(env->store);
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_error_ struct error load_err = ERROR_INIT;
	int found = object_load(env->store, &certificate_class, revoke->id, &cert, &load_err);

	if (found < 0) {
		revoke_put_off_unread(revoke, txn, &load_err);
		return;
	}
	if (found == 0) {
		revoke_put_off(revoke, txn, 0);
		return;
	}
	if (!err || revoke_has_problem(err, "alreadyRevoked"))
		revoke_note_success(env, txn, &cert);
	else
		revoke_note_failure(env, txn, &cert, err);
	if (object_save(env->store, txn, &certificate_class, &cert, &load_err) < 0)
		store_fail(txn, &load_err);
	revoke_schedule(env->store, txn, &cert);
	store_then(txn, revoke_saved, revoke);
}

static void
revoke_answered(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct revoke *revoke = arg;

	revoke->call = NULL;
	revoke_finish(revoke, err);
}

/* --- the request --- */

/* {"certificate":"<base64url of the DER>","reason":4}; 0 is the same as none (RFC 5280 s5.3.1). */
static int
revoke_payload(const struct certificate *cert, struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	int reason = revoke_reason_number(cert->revoke_reason);

	if (x509_leaf_der(buf_str(&cert->leaf_pem), cert->leaf_pem.len, &der, err) < 0)
		return -1;
	buf_add_str(ret, "{\"certificate\":\"");
	base64url_encode(der.data, der.len, ret);
	buf_add_str(ret, "\"");
	if (reason > 0)
		buf_printf(ret, ",\"reason\":%d", reason);
	buf_add_char(ret, '}');
	return 0;
}

/* Return: 1 sent, 0 the provider has no client at present, -1. */
static int
revoke_send(struct revoke *revoke, const struct certificate *cert, struct error *err)
{
	const struct issue_env *env = revoke->env;
	_cleanup_buf_ struct buf payload = BUF_INIT;
	int64_t room = clients_room(env->clients, cert->revoke_provider, err);

	if (room <= 0)
		return (int)room;
	if (revoke_payload(cert, &payload, err) < 0 ||
		(cert->is_revoked_by_key && key_from_der(&cert->key, &revoke->key, err) < 0))
		return -1;
	revoke->client = clients_take(env->clients, cert->revoke_provider);
	revoke->call = acme_client_send(revoke->client->acme,
		&(struct acme_request){ .url = ACME_REVOKE_CERT, .payload = buf_str(&payload), .key = revoke->key },
		revoke_answered, revoke);
	return 1;
}

static void
revoke_begin(struct revoke *revoke)
{
	const struct issue_env *env = revoke->env;
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	enum revoke_step step = REVOKE_SEND;
	int found = object_load(env->store, &certificate_class, revoke->id, &cert, &err);

	if (found == 1 && (!cert.revoke_at || !cert.revoke_provider))
		found = 0;
	if (found == 1 && revoke_look(env, &cert, &step, &err) < 0)
		found = -1;
	if (found < 0)
		revoke_put_off_unread(revoke, store_begin(env->store), &err);
	else if (found == 0)
		revoke_put_off(revoke, store_begin(env->store), 0);
	else if (step != REVOKE_SEND)
		revoke_put_off(revoke, store_begin(env->store), LOOK_AGAIN_SEC);
	if (found <= 0 || step != REVOKE_SEND)
		return;
	found = revoke_send(revoke, &cert, &err);
	if (found < 0)
		revoke_finish(revoke, &err);
	else if (found == 0)
		revoke_put_off(revoke, store_begin(env->store), LOOK_AGAIN_SEC);
}

static void *
revoke_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct revoke *revoke = xcalloc(1, sizeof(*revoke));

	revoke->env = env;
	revoke->done = done;
	revoke->arg = arg;
	memcpy(revoke->id, row->object, sizeof(revoke->id));
	revoke_begin(revoke);
	return revoke;
}

const struct job_kind revoke_job = {
	.kind = SCHEDULE_REVOKE,
	.word = "revoke",
	.classes = { &certificate_class },
	.start = revoke_start,
	.cancel = revoke_cancel,
	.longest_sec = LONGEST_WAIT_SEC,
};
