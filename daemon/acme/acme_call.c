/*
 * Requests to a CA. A call waits in one queue until directory, gate and a nonce are there, is signed and sent, and
 * comes back with an answer, a problem, or for another try: badNonce with the nonce of the error answer (RFC 8555
 * s6.5), transient failures after a pause. Callbacks run last in a loop callback of their own, so that they may free
 * the client.
 */
#include "common/crypto/jws.h"
#include "daemon/acme/acme_client_private.h"
#include "daemon/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

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
	call->authorization = request->authorization;
	call->best_effort = request->best_effort;
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
	http_cancel(call->client->http, call->http);
	loop_timer_cancel(&call->timer);
	if (call->release)
		call->release(call->arg);
	error_clear(&call->error);
	free(call->url);
	free(call->target);
	free(call->payload);
	free(call->accept);
	free(call);
}

void
acme_call_cancel(struct acme_call *call)
{
	if (call)
		acme_call_free(call);
}

/* The callback runs in the next turn; nobody is called from inside acme_client_send(). */
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

/* Last thing anybody does with @call and its client. */
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

static void
acme_call_call_end(struct acme_call *call)
{
	struct acme_client *client = call->client;
	acme_directory_fn *directory_done = call->directory_done;
	void *arg = call->arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_move(&err, &call->error);
	if (!directory_done) {
		acme_call_call_finish(call, NULL, &err);
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
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (strcmp(entries[i].name, name) == 0)
			return entries[i].url;
	return NULL;
}

/* Where it goes and what it says, known once the directory is there. */
static int
call_prepare(struct acme_call *call, struct error *err)
{
	struct acme_client *client = call->client;
	_cleanup_buf_ struct buf payload = BUF_INIT;
	const char *url = call->url;

	if (!strchr(url, ':')) {
		url = directory_entry(&client->directory, call->url);
		if (!url)
			return error_set(err, ERROR_CA, "the CA does not offer %s", call->url);
	}
	if (!call->with_jwk && !client->account_url)
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
call_send(struct acme_call *call, const char *nonce)
{
	struct acme_client *client = call->client;
	const char *payload = call->payload ? call->payload : "";
	const struct jws_header header = {
		.url = call->target,
		.nonce = nonce,
		.kid = call->with_jwk ? NULL : client->account_url,
	};
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

	if (jws_sign(client->key, &header, payload, strlen(payload), &body, &err) < 0) {
		call_end_later(call, &err);
		return;
	}
	req.body = body.data;
	req.body_len = body.len;
	call->state = ACME_CALL_SENT;
	call->http = http_send(client->http, &req, call_answered, call);
}

static bool
is_new_order(const struct acme_call *call)
{
	return call->url && strcmp(call->url, ACME_NEW_ORDER) == 0;
}

/* newOrder and authorizations exclude each other; who asked first goes first. */
struct gate {
	bool closed_to_orders;
	bool closed_to_authorizations;
};

/* Nobody of the other kind starts while @call is under way or waits in front. */
static void
gate_pass(struct gate *gate, const struct acme_call *call)
{
	gate->closed_to_orders |= call->authorization;
	gate->closed_to_authorizations |= is_new_order(call);
}

static bool
gate_is_closed(const struct gate *gate, const struct acme_call *call)
{
	return is_new_order(call) ? gate->closed_to_orders : call->authorization && gate->closed_to_authorizations;
}

/* One call that waits, as far as it can go. Return: whether it lacks nothing but a nonce. */
static bool
call_advance(struct acme_call *call, struct gate *gate)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *nonce = NULL;
	bool is_closed = gate_is_closed(gate, call);

	if (call->directory_done) {
		call_end_later(call, NULL);
		return false;
	}
	if (!call->target && call_prepare(call, &err) < 0) {
		call_end_later(call, &err);
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
	struct gate gate = { .closed_to_orders = false };
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
	/* each nonce comes back with an answer: so many of them are so many requests at one time */
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

/* Failed: another try after a pause, or the end. */
static void
call_failed(struct acme_call *call, const struct error *err, int status)
{
	struct acme_client *client = call->client;
	int64_t delay_ms = call->best_effort ? -1
					     : acme_client_retry_delay_ms(client, err, status, call->transient_tries++);

	if (delay_ms >= 0) {
		call_pause(call, delay_ms);
		return;
	}
	if (status == 0 || status == 404 || status >= 500) /* the CA may have moved */
		acme_client_distrust_directory(client);
	acme_call_call_finish(call, NULL, err);
}

static bool
call_has_problem(const struct error *err, const char *type)
{
	return err->problem && strcmp(err->problem, type) == 0;
}

/*
 * CAs answer from replicas: for a second or two they may not know what they have just made, an account too. Return:
 * milliseconds until the next try, or -1: that is not it, or no replica lags so long.
 */
static int64_t
call_lag_ms(struct acme_call *call, const struct error *err, int status)
{
	static const int64_t delays_ms[] = { 250, 500, 1000, 2000, 4000, 4000 };
	bool is_unknown_account = call_has_problem(err, "accountDoesNotExist");
	bool is_malformed = call_has_problem(err, "malformed");
	bool is_unknown = status == 404 || (status == 400 && is_malformed);

	if (!(call->may_lag && is_unknown) && !(is_unknown_account && !call->with_jwk))
		return -1;
	return call->lag_tries < ARRAY_SIZE(delays_ms) ? delays_ms[call->lag_tries++] : -1;
}

/* Is it the account that the CA does not want? "unauthorized" is all that it says of a deactivated one. */
static bool
call_doubts_account(struct acme_call *call, const struct error *err)
{
	struct acme_client *client = call->client;

	if (call->with_jwk || call->best_effort || call->is_account_settled || !client->account_doubted ||
		(!call_has_problem(err, "accountDoesNotExist") && !call_has_problem(err, "unauthorized")))
		return false;
	call->is_account_settled = true;
	call->state = ACME_CALL_ACCOUNT;
	error_copy(&call->error, err);
	client->account_doubted(client->arg);
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
		} else if (call_has_problem(&call->error, "accountDoesNotExist")) {
			error_clear(&call->error);
			call_pause(call, 0);
		} else { /* the account is as good as ever: it was about something else */
			call->state = ACME_CALL_ENDING;
			loop_timer_set(&call->timer, 0);
		}
	}
}

static void
call_refused(struct acme_call *call, const struct http_response *res)
{
	int64_t lag_ms;
	struct acme_client *client = call->client;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *nonce = NULL;

	acme_client_read_refusal(client, res, &err);
	if (err.problem && strcmp(err.problem, "badNonce") == 0 && call->nonce_tries++ < ACME_NONCE_TRIES) {
		call->state = ACME_CALL_WAITING;
		nonce = acme_nonces_take(&client->nonces); /* that of this answer */
		if (nonce)
			call_send(call, nonce);
		else
			acme_client_pump(client);
		return;
	}
	lag_ms = call_lag_ms(call, &err, res->status);
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
		call_failed(call, err, 0);
		return;
	}
	acme_nonces_put(&call->client->nonces, res->replay_nonce);
	if (res->status >= 200 && res->status <= 299)
		call_accepted(call, res);
	else
		call_refused(call, res);
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
