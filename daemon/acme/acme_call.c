/*
 * Requests to a CA. A call waits in one queue until directory, gate and a nonce are available, is signed and sent, and
 * ends with an answer or a problem, or is retried: badNonce with the nonce of the error answer (RFC 8555 s6.5),
 * transient failures after a pause. Callbacks run last, in a loop callback of their own, so that they may free the
 * client.
 */
#include "common/crypto/jws.h"
#include "daemon/acme/acme_client_private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { RENEWAL_INFO_MAX = 16 * 1024 };

static void
call_timer(void *arg);

struct acme_call *
acme_call_new(struct acme_client *client, const struct acme_request *request)
{
	struct acme_call *call = xcalloc(1, sizeof(*call));

	call->client = client;
	call->url = xstrdup_null(request->url);
	call->payload = xstrdup_null(request->payload);
	call->accept = xstrdup_null(request->accept);
	call->max_body = request->max_body;
	call->is_authorization = request->is_authorization;
	call->is_best_effort = request->is_best_effort;
	call->key = request->key;
	call->has_jwk = request->key != NULL;
	call->may_lag = request->may_lag;
	loop_timer_init(&call->timer, client->loop, call_timer, call);
	return call;
}

void
acme_call_start(struct acme_call *call)
{
	struct acme_client *client = call->client;

	DL_APPEND(client->calls, call);
	acme_client_pump(client);
}

static void
call_unlink(struct acme_call *call)
{
	struct acme_client *client = call->client;

	DL_DELETE(client->calls, call);
	if (client->calls) /* it may have held the gate */
		loop_timer_set(&client->pump, 0);
}

void
acme_call_free(struct acme_call *call)
{
	call_unlink(call);
	signer_cancel(call->signing);
	buf_clear(&call->input);
	http_cancel(call->client->http, call->http);
	loop_timer_cancel(&call->timer);
	if (call->release)
		call->release(call->arg);
	error_clear(&call->error);
	free(call->url);
	free(call->target);
	free(call->payload);
	free(call->profile);
	free(call->ari_id);
	free(call->accept);
	free(call);
}

void
acme_call_cancel(struct acme_call *call)
{
	if (call)
		acme_call_free(call);
}

/* The callback runs in the next turn, never from inside acme_client_send(). */
static void
call_end_later(struct acme_call *call, const struct error *err)
{
	if (err)
		error_copy(&call->error, err);
	call->state = ACME_CALL_ENDING;
	loop_timer_set(&call->timer, 0);
}

void
acme_client_fail_waiting(struct acme_client *client, const struct error *err)
{
	for (struct acme_call *call = client->calls; call; call = call->next)
		if (call->state == ACME_CALL_WAITING)
			call_end_later(call, err);
}

/* The last use of @call and its client. */
static void
acme_call_call_finish(struct acme_call *call, const struct acme_reply *reply, const struct error *err)
{
	void (*release)(void *arg) = call->release;
	acme_reply_fn *done = call->done;
	void *arg = call->arg;

	call->release = NULL;
	acme_call_free(call);
	if (done)
		done(reply, err, arg);
	if (release)
		release(arg);
}

/* Return: whether it waits for a newer directory than the one that refuses it. */
static bool
call_checks_profile(struct acme_call *call, struct error *err)
{
	if (!call->profile || error_is_set(err) ||
		acme_directory_check_profile(&call->client->directory, call->profile, err) == 0 ||
		call->is_directory_new)
		return false;
	error_clear(err);
	call->is_directory_new = true;
	call->state = ACME_CALL_WAITING;
	acme_client_distrust_directory(call->client);
	acme_client_pump(call->client);
	return true;
}

static void
acme_call_call_end(struct acme_call *call)
{
	struct acme_client *client = call->client;
	acme_directory_fn *directory_done = call->directory_done;
	void *arg = call->arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_move(&err, &call->error);
	if (call_checks_profile(call, &err))
		return;
	if (!directory_done) {
		acme_call_call_finish(call, NULL, error_is_set(&err) ? &err : NULL);
		return;
	}
	acme_call_free(call);
	if (error_is_set(&err))
		directory_done(NULL, &err, arg);
	else
		directory_done(&client->directory, NULL, arg);
}

static void
call_timer(void *arg)
{
	struct acme_call *call = arg;

	if (call->state == ACME_CALL_ENDING) {
		acme_call_call_end(call);
		return;
	}
	call->state = ACME_CALL_WAITING;
	acme_client_pump(call->client);
}

static const char *
directory_entry(const struct acme_directory *d, const char *name)
{
	const struct {
		const char *name;
		const char *url;
	} entries[] = {
		{ ACME_NEW_ACCOUNT, d->new_account },
		{ ACME_NEW_ORDER, d->new_order },
		{ ACME_REVOKE_CERT, d->revoke_cert },
		{ ACME_KEY_CHANGE, d->key_change },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (strcmp(entries[i].name, name) == 0)
			return entries[i].url;
	return NULL;
}

/* "<renewalInfo>/<certID>" (RFC 9773 s4.1) */
static int
call_prepare_renewal_info(struct acme_call *call, struct error *err)
{
	const char *base = call->client->directory.renewal_info;
	size_t len = strlen(base);

	if (acme_client_check_url(call->client, base, err) < 0)
		return -1;
	while (len > 0 && base[len - 1] == '/')
		len--;
	call->target = xasprintf("%.*s/%s", (int)len, base, call->ari_id);
	return 0;
}

/* Fills in URL and payload, which are known once the directory is available. */
static int
call_prepare(struct acme_call *call, struct error *err)
{
	struct acme_client *client = call->client;
	_cleanup_buf_ struct buf payload = BUF_INIT;
	const char *url = call->url;

	if (call->ari_id)
		return call_prepare_renewal_info(call, err);
	if (!strchr(url, ':')) {
		url = directory_entry(&client->directory, call->url);
		if (!url)
			return error_set(err, ERROR_CA, "the CA does not offer %s", call->url);
	}
	if (!call->has_jwk && !client->account_url)
		return error_set(err, ERROR_STATE, "there is no account at '%s' yet", client->directory_url);
	if (acme_client_check_url(client, url, err) < 0)
		return -1;
	if (call->build) {
		if (call->build(&client->directory, &payload, err, call->arg) < 0)
			return -1;
		call->payload = buf_steal(&payload);
	}
	call->target = xstrdup(url);
	return 0;
}

static void
call_answered(struct http_response *res, const struct error *err, void *arg);

static void
call_send_unsigned(struct acme_call *call)
{
	struct acme_client *client = call->client;
	const struct http_request req = {
		.method = "GET",
		.url = call->target,
		.accept = "application/json",
		.max_body = call->max_body,
		.ca_file = client->ca_file,
	};

	call->state = ACME_CALL_SENT;
	call->sent_us = acme_client_clock_us(client);
	call->http = http_send(client->http, &req, call_answered, call);
}

static const struct key *
call_key(const struct acme_call *call)
{
	return call->key ? call->key : call->client->key;
}

static void
call_send_signed(struct acme_call *call, const struct buf *signature)
{
	struct acme_client *client = call->client;
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct http_request req = {
		.method = "POST",
		.url = call->target,
		.content_type = "application/jose+json",
		.accept = call->accept,
		.max_body = call->max_body,
		.ca_file = client->ca_file,
	};

	if (jws_finish(call_key(call), &call->input, signature, &body, &err) < 0) {
		call_end_later(call, &err);
		return;
	}
	req.body = body.data;
	req.body_len = body.len;
	call->state = ACME_CALL_SENT;
	call->sent_us = acme_client_clock_us(client);
	call->http = http_send(client->http, &req, call_answered, call);
}

static void
call_signed(const struct key *key _unused_, const struct buf *signature, const struct error *err, void *arg)
{
	struct acme_call *call = arg;

	call->signing = NULL;
	if (err)
		call_end_later(call, err);
	else
		call_send_signed(call, signature);
}

/* A token signs while the loop goes on: the call is SENT, as it has a nonce and holds the gate. */
static int
call_sign_by_token(struct acme_call *call, struct error *err)
{
	struct acme_client *client = call->client;

	if (!client->signer)
		return error_set(err, ERROR_STATE, "keys in PKCS#11 tokens are not available");
	call->state = ACME_CALL_SENT;
	call->signing = signer_sign(
		client->signer, call_key(call), call->input.data, call->input.len, call_signed, call);
	return 0;
}

static void
call_send(struct acme_call *call, const char *nonce)
{
	const struct key *key = call_key(call);
	const char *payload = call->payload ? call->payload : "";
	const struct jws_header header = {
		.url = call->target,
		.nonce = nonce,
		.kid = call->has_jwk ? NULL : call->client->account_url,
	};
	_cleanup_buf_ struct buf signature = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc;

	buf_reset(&call->input);
	rc = jws_input(key, &header, payload, strlen(payload), &call->input, &err);
	if (rc == 0 && key_is_in_token(key))
		rc = call_sign_by_token(call, &err);
	else if (rc == 0 && (rc = key_sign(key, call->input.data, call->input.len, &signature, &err)) == 0)
		call_send_signed(call, &signature);
	if (rc < 0)
		call_end_later(call, &err);
}

static bool
is_new_order(const struct acme_call *call)
{
	return call->url && strcmp(call->url, ACME_NEW_ORDER) == 0;
}

/* newOrder and authorizations exclude each other; the earlier call goes first. */
struct gate {
	bool is_closed_to_orders;
	bool is_closed_to_authorizations;
};

/* Does @call, running or ahead in the queue, keep the other kind from starting? */
static void
gate_pass(struct gate *gate, const struct acme_call *call)
{
	gate->is_closed_to_orders |= call->is_authorization;
	gate->is_closed_to_authorizations |= is_new_order(call);
}

static bool
gate_is_closed(const struct gate *gate, const struct acme_call *call)
{
	return is_new_order(call) ? gate->is_closed_to_orders
				  : call->is_authorization && gate->is_closed_to_authorizations;
}

/* Advances one waiting call as far as possible. Return: whether it only lacks a nonce. */
static bool
call_advance(struct acme_call *call, struct gate *gate)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *nonce = NULL;
	bool is_closed = gate_is_closed(gate, call);

	if (call->directory_done || call->profile || (call->ari_id && !call->client->directory.renewal_info)) {
		call_end_later(call, NULL);
		return false;
	}
	if (!call->target && call_prepare(call, &err) < 0) {
		call_end_later(call, &err);
		return false;
	}
	if (call->ari_id) {
		call_send_unsigned(call);
		return false;
	}
	gate_pass(gate, call);
	if (is_closed)
		return false;
	nonce = acme_nonces_take(&call->client->nonces);
	if (!nonce)
		return true;
	call_send(call, nonce);
	return false;
}

void
acme_client_pump(struct acme_client *client)
{
	struct gate gate = { .is_closed_to_orders = false };
	size_t lack_nonce = 0, sent = 0;

	for (const struct acme_call *call = client->calls; call; call = call->next)
		if (call->state == ACME_CALL_SENT) {
			gate_pass(&gate, call);
			sent++;
		}
	for (struct acme_call *call = client->calls; call; call = call->next) {
		if (call->state != ACME_CALL_WAITING)
			continue;
		if (!acme_client_has_directory(client)) {
			acme_client_fetch_directory(client);
			return;
		}
		lack_nonce += call_advance(call, &gate);
		sent += call->state == ACME_CALL_SENT;
	}
	/* each answer returns a nonce, so this many nonces allow as many requests at once */
	if (sent < ACME_NONCES_ROUND && lack_nonce > 0)
		acme_client_fetch_nonces(
			client, lack_nonce < ACME_NONCES_ROUND - sent ? lack_nonce : ACME_NONCES_ROUND - sent);
}

static void
call_pause(struct acme_call *call, int64_t delay_ms)
{
	call->state = ACME_CALL_PAUSED;
	loop_timer_set(&call->timer, delay_ms);
}

/* The call failed: retry it after a pause, or end it. */
static void
call_failed(struct acme_call *call, const struct error *err, int status)
{
	struct acme_client *client = call->client;
	int64_t delay_ms = call->is_best_effort
				   ? -1
				   : acme_client_retry_delay_ms(client, err, status, call->transient_tries++);

	if (delay_ms >= 0) {
		call_pause(call, delay_ms);
		return;
	}
	if (status == 0 || (status == 404 && !call->ari_id) || status >= 500) /* the CA may have moved */
		acme_client_distrust_directory(client);
	acme_call_call_finish(call, NULL, err);
}

static bool
call_has_problem(const struct error *err, const char *type)
{
	return err->problem && strcmp(err->problem, type) == 0;
}

/*
 * CAs answer from replicas, which for a second or two may not know an object that was just created, not even an
 * account.
 * Return: milliseconds until the next attempt, or -1: another error, or too late for replication lag.
 */
static int64_t
call_lag_ms(struct acme_call *call, const struct error *err, int status)
{
	static const int64_t delays_ms[] = { 250, 500, 1000, 2000, 4000, 4000 };
	bool is_unknown_account = call_has_problem(err, "accountDoesNotExist");
	bool is_malformed = call_has_problem(err, "malformed");
	/* newAccount is asked about an account only after requests with its URL have been retried for that long */
	size_t tries = call->has_jwk ? 3 : ARRAY_SIZE(delays_ms);
	bool is_unknown = status == 404 || (status == 400 && is_malformed);

	if (!(call->may_lag && is_unknown) && !(is_unknown_account && (!call->has_jwk || call->may_lag)))
		return -1;
	return call->lag_tries < tries ? delays_ms[call->lag_tries++] : -1;
}

/* Does the CA refuse the account? For a deactivated one it only says "unauthorized". */
static bool
call_doubts_account(struct acme_call *call, const struct error *err)
{
	struct acme_client *client = call->client;

	if (call->has_jwk || call->is_best_effort || call->is_account_settled || !client->account_doubted ||
		(!call_has_problem(err, "accountDoesNotExist") && !call_has_problem(err, "unauthorized") &&
			!call_has_problem(err, "userActionRequired")))
		return false;
	call->is_account_settled = true;
	call->state = ACME_CALL_ACCOUNT;
	error_copy(&call->error, err);
	client->account_doubted(err, client->arg);
	return true;
}

void
acme_client_account_settled(struct acme_client *client, const char *account_url, const struct error *err)
{
	if (account_url)
		str_replace(&client->account_url, account_url);
	for (struct acme_call *call = client->calls; call; call = call->next) {
		if (call->state != ACME_CALL_ACCOUNT)
			continue;
		if (err) {
			error_clear(&call->error);
			call_end_later(call, err);
		} else if (!call_has_problem(&call->error, "unauthorized")) {
			error_clear(&call->error);
			call_pause(call, 0);
		} else { /* the account is still valid: the error had another cause */
			call->state = ACME_CALL_ENDING;
			loop_timer_set(&call->timer, 0);
		}
	}
}

static void
acme_call_refused(struct acme_call *call, const struct http_response *res)
{
	int64_t lag_ms;
	struct acme_client *client = call->client;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *nonce = NULL;

	acme_client_read_refusal(client, res, &err);
	acme_client_count(client, call->sent_us, &err);
	if (err.code == ERROR_RATE_LIMITED) { /* the status asks to wait, whatever else the CA says */
		call_failed(call, &err, res->status);
		return;
	}
	if (!call->ari_id && err.problem && strcmp(err.problem, "badNonce") == 0 &&
		call->nonce_tries++ < ACME_NONCE_TRIES) {
		call->state = ACME_CALL_WAITING;
		nonce = acme_nonces_take(&client->nonces); /* the nonce of this answer */
		if (nonce)
			call_send(call, nonce);
		else
			acme_client_pump(client);
		return;
	}
	lag_ms = call->ari_id ? -1 : call_lag_ms(call, &err, res->status);
	if (lag_ms >= 0)
		call_pause(call, lag_ms);
	else if (!call_doubts_account(call, &err))
		call_failed(call, &err, res->status);
}

static void
call_accepted(struct acme_call *call, const struct http_response *res)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct acme_reply reply = {
		.status = res->status,
		.location = res->location,
		.retry_after_at = acme_client_retry_after(call->client, res),
		.body = buf_str(&res->body),
		.body_len = res->body.len,
		.links = &res->links,
	};

	if (res->location && acme_client_check_url(call->client, res->location, &err) < 0) {
		error_wrap(&err, "Location");
		acme_call_call_finish(call, NULL, &err);
		return;
	}
	acme_call_call_finish(call, &reply, NULL);
}

static void
call_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct acme_call *call = arg;

	call->http = NULL;
	if (err) {
		acme_client_count(call->client, call->sent_us, err);
		call_failed(call, err, 0);
		return;
	}
	acme_nonces_put(&call->client->nonces, res->replay_nonce);
	if (res->status >= 200 && res->status <= 299) {
		acme_client_count(call->client, call->sent_us, NULL);
		call_accepted(call, res);
	} else {
		acme_call_refused(call, res);
	}
}

struct acme_call *
acme_client_send(struct acme_client *client, const struct acme_request *request, acme_reply_fn *done, void *arg)
{
	struct acme_call *call = acme_call_new(client, request);

	call->done = done;
	call->arg = arg;
	acme_call_start(call);
	return call;
}

struct acme_call *
acme_client_directory(struct acme_client *client, acme_directory_fn *done, void *arg)
{
	struct acme_call *call = acme_call_new(client, &(struct acme_request){ .url = NULL });

	call->directory_done = done;
	call->arg = arg;
	acme_call_start(call);
	return call;
}

struct acme_call *
acme_client_check_profile(struct acme_client *client, const char *profile, acme_reply_fn *done, void *arg)
{
	struct acme_call *call = acme_call_new(client, &(struct acme_request){ .url = NULL });

	call->profile = xstrdup(profile);
	call->is_directory_new = !acme_client_has_directory(client);
	call->done = done;
	call->arg = arg;
	acme_call_start(call);
	return call;
}

struct acme_call *
acme_client_renewal_info(struct acme_client *client, const char *ari_id, acme_reply_fn *done, void *arg)
{
	struct acme_call *call = acme_call_new(
		client, &(struct acme_request){ .is_best_effort = true, .max_body = RENEWAL_INFO_MAX });

	call->ari_id = xstrdup(ari_id);
	call->done = done;
	call->arg = arg;
	acme_call_start(call);
	return call;
}

const struct acme_directory *
acme_client_known_directory(const struct acme_client *client)
{
	return client->directory.new_order ? &client->directory : NULL;
}

bool
acme_client_offers_renewal_info(const struct acme_client *client)
{
	return client->directory.renewal_info;
}

const char *
acme_client_account_hash_prefix(const struct acme_client *client)
{
	return client->directory.account_hash_prefix;
}
