/*
 * Validation of the names: fetch the authorizations, let the owner publish answers, notify the CA, and wait. Only the
 * order is polled. The authorizations are examined when it stays pending, for two reasons: one of them may have failed
 * without any effect on the order, and smallstep CAs never fail a challenge: they record an error and wait for another
 * request.
 */
#include "common/name.h"
#include "daemon/acme/acme_order_private.h"

#include <string.h>

enum {
	LOOK_AFTER_POLLS = 8, /* about two seconds: examining costs a request for each name */
	LOOK_EVERY_POLLS = 4,
	SAY_AFTER_POLLS = 6,     /* half a second: shorter waits are not reported */
	ANSWERS_MAX = 4,         /* attempts per challenge with a CA that retries only on request */
	ANSWERS_FAILING_MAX = 2, /* with a CA that fails: the client has already retried each request */
	ANSWER_AGAIN_MS = 2000,  /* before the second one, doubling */
	REASONS_MAX = 3          /* names whose failure is reported in full */
};

/*
 * Is the authorization for one of our names? The order contained its URL, so the base name decides: the wildcard flag
 * is corrected where only one of the two was ordered, and an omitted name is the one of the earlier answer.
 */
static bool
acme_order_validate_is_ours(const struct acme_order *o, const struct slot *slot, struct acme_authorization *authz)
{
	_cleanup_free_ char *is_wildcard = NULL;
	bool has_plain, has_wildcard;

	if (!authz->name && slot->authz.name) {
		authz->name = xstrdup(slot->authz.name);
		authz->is_wildcard = slot->authz.is_wildcard;
	} else if (!authz->name && o->names.count == 1) {
		authz->name = xstrdup(o->names.items[0] + (name_is_wildcard(o->names.items[0]) ? 2 : 0));
	}
	if (!authz->name)
		return false;
	is_wildcard = xasprintf("*.%s", authz->name);
	has_plain = strlist_has(&o->names, authz->name);
	has_wildcard = strlist_has(&o->names, is_wildcard);
	if (has_plain != has_wildcard)
		authz->is_wildcard = has_wildcard;
	return has_plain || has_wildcard;
}

/* Reads the answer to a fetch of @slot's authorization. */
static int
acme_order_validate_read_authorization(
	const struct acme_order *o, const struct slot *slot, struct acme_authorization *ret, struct error *err)
{
	if (o->reply_err) {
		error_copy(err, o->reply_err);
		return -1;
	}
	if (acme_msg_authorization(o->reply->body, o->reply->body_len, ret, err) < 0)
		return -1;
	if (!acme_order_validate_is_ours(o, slot, ret)) {
		error_set(err, ERROR_PROTOCOL, "authorization %s is for '%s', which was not ordered", slot->authz.url,
			ret->name ? ret->name : "nobody");
		acme_authorization_clear(ret);
		return -1;
	}
	return 0;
}

/* Why an authorization cannot be used. */
static void
explain(const struct acme_authorization *authz, struct error *ret)
{
	for (size_t i = 0; i < authz->n_challenges; i++)
		if (error_is_set(&authz->challenges[i].error)) {
			error_copy(ret, &authz->challenges[i].error);
			error_wrap(ret, "%s", authz->challenges[i].type);
			break;
		}
	if (!error_is_set(ret))
		error_set(ret, ERROR_VALIDATION, "the CA gave no reason why the authorization failed");
	ret->may_retry = true;
	error_wrap(ret, "%s%s", authz->is_wildcard ? "*." : "", authz->name);
}

enum acme_order_state
acme_order_authorize(struct acme_order *o, enum acme_order_event ev)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct slot *slot = o->reply_slot;
	struct acme_authorization authz = { .url = NULL };

	if (ev == ORDER_ENTER) {
		acme_order_slots_init(o);
		for (size_t i = 0; i < o->n_slots; i++)
			o->slots[i].work = SLOT_FETCH;
	} else if (ev == ORDER_REPLY) {
		slot->work = SLOT_IDLE;
		if (acme_order_validate_read_authorization(o, slot, &authz, &err) < 0)
			return acme_order_fail(o, &err);
		authz.url = slot->authz.url;
		slot->authz = authz;
		if (slot->authz.status != ACME_PENDING && slot->authz.status != ACME_VALID) {
			explain(&slot->authz, &err);
			return acme_order_fail(o, &err);
		}
	}
	acme_order_slots_start(o);
	return acme_order_slots_are_busy(o) ? ACME_ORDER_AUTHORIZE : ACME_ORDER_SOLVE;
}

/* Does any slot wait for the owner? */
static bool
is_solving(const struct acme_order *o)
{
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].authz.status == ACME_PENDING && !o->slots[i].is_solved)
			return true;
	return false;
}

enum acme_order_state
acme_order_solve(struct acme_order *o, enum acme_order_event ev)
{
	if (ev == ORDER_ENTER)
		for (size_t i = 0; i < o->n_slots; i++)
			if (o->slots[i].authz.status == ACME_PENDING) {
				o->slots[i].is_up = true;
				o->ops->solve(i, &o->slots[i].authz, o->arg);
			}
	if (error_is_set(&o->owner_error))
		return acme_order_fail_by_owner(o);
	return is_solving(o) ? ACME_ORDER_SOLVE : ACME_ORDER_VALIDATE;
}

/* The CA is notified again after a pause that doubles. */
static void
answer_later(struct slot *slot)
{
	if (!slot->answer_again_ms)
		slot->answer_again_ms = acme_order_now_ms(slot->order) +
					((int64_t)ANSWER_AGAIN_MS << (slot->answers - 1));
}

/*
 * The CA recorded why it has not validated yet. Return: whether that is final. It never is when @is_answer, the answer
 * to our POST: the error may be that of the previous attempt.
 */
static bool
note_challenge_error(struct slot *slot, const struct acme_challenge *seen, bool is_answer, struct error *err)
{
	struct acme_order *o = slot->order;
	_cleanup_free_ char *name = acme_order_slot_name(slot);

	if (!error_is_set(&seen->error))
		return false;
	error_copy(err, &seen->error);
	error_wrap(err, "%s: %s", name, slot->authz.challenges[slot->challenge].type);
	if (seen->status == ACME_INVALID) {
		slot->authz.status = ACME_INVALID;
		return true;
	}
	acme_order_say(o, err->message);
	if (seen->status != ACME_PENDING) /* the CA continues without us */
		return false;
	if (slot->answers >= ANSWERS_MAX)
		return !is_answer;
	answer_later(slot);
	return false;
}

/* Handles the CA's answer to our "the challenge is ready". Return: whether the order has failed. */
static bool
read_challenge_answer(struct slot *slot, struct error *err)
{
	struct acme_order *o = slot->order;
	_cleanup_(acme_challenge_clear) struct acme_challenge seen = { .type = NULL };

	slot->work = SLOT_IDLE;
	slot->answers++;
	if (o->reply_err) {
		/* "not pending", or only the reply to an earlier answer was lost: the authorization decides */
		error_copy(&slot->answer_error, o->reply_err);
		slot->work = SLOT_FETCH;
		return false;
	}
	if (acme_msg_challenge(o->reply->body, o->reply->body_len, &seen, err) < 0)
		return true;
	return note_challenge_error(slot, &seen, true, err);
}

/*
 * The CA refused our POST, and the authorization is still pending. If the challenge is processing, the CA continues;
 * otherwise the POST is repeated. Return: whether the order has failed.
 */
static bool
note_refused_answer(struct slot *slot, const struct acme_challenge *seen, struct error *err)
{
	struct error *refusal = &slot->answer_error;
	bool is_refusal = refusal->code == ERROR_CA || refusal->code == ERROR_VALIDATION;
	unsigned most = refusal->may_retry ? ANSWERS_FAILING_MAX : ANSWERS_MAX;
	bool is_final = !is_refusal || slot->answers >= most;

	if (seen->status == ACME_PENDING && is_final) {
		error_move(err, refusal);
		return true;
	}
	if (seen->status == ACME_PENDING)
		answer_later(slot);
	error_clear(refusal);
	return false;
}

/* Evaluates an authorization that was fetched again. Return: whether the order has failed. */
static bool
read_second_look(struct slot *slot, struct error *err)
{
	struct acme_order *o = slot->order;
	_cleanup_(acme_authorization_clear) struct acme_authorization seen = { .url = NULL };
	const char *url;

	slot->work = SLOT_IDLE;
	if (acme_order_validate_read_authorization(o, slot, &seen, err) < 0)
		return true;
	slot->authz.status = seen.status;
	if (seen.status == ACME_VALID) {
		acme_order_slot_unsolve(slot);
		return false;
	}
	if (seen.status != ACME_PENDING) {
		slot->authz.status = seen.status;
		explain(&seen, err);
		return true;
	}
	url = slot->is_solved ? slot->authz.challenges[slot->challenge].url : "";
	for (size_t i = 0; i < seen.n_challenges; i++) {
		if (strcmp(seen.challenges[i].url, url) != 0)
			continue;
		if (error_is_set(&slot->answer_error))
			return note_refused_answer(slot, &seen.challenges[i], err);
		return note_challenge_error(slot, &seen.challenges[i], false, err);
	}
	return false;
}

/* Marks every challenge about which the CA is to be notified again. */
static void
answer_again(struct acme_order *o)
{
	int64_t now_ms = acme_order_now_ms(o);

	for (size_t i = 0; i < o->n_slots; i++) {
		struct slot *slot = &o->slots[i];

		if (slot->answer_again_ms && slot->answer_again_ms <= now_ms) {
			slot->answer_again_ms = 0;
			slot->work = SLOT_ANSWER;
			acme_order_poll_reset(o);
		}
	}
}

/* For progress: "waiting for the CA to validate a.example.com and 3 more". */
static void
say_what_is_pending(const struct acme_order *o)
{
	const struct slot *first = NULL;
	size_t more = 0;

	for (size_t i = 0; i < o->n_slots; i++) {
		if (o->slots[i].authz.status != ACME_PENDING || o->slots[i].answer_again_ms)
			continue;
		if (first)
			more++;
		else
			first = &o->slots[i];
	}
	if (first) {
		_cleanup_free_ char *name = acme_order_slot_name(first);
		_cleanup_free_ char *others = more ? xasprintf(" and %zu more", more) : xstrdup("");
		_cleanup_free_ char *why = xasprintf("waiting for the CA to validate %s%s", name, others);

		acme_order_say(o, why);
	}
}

static void
look_at_authorizations(struct acme_order *o)
{
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].authz.status != ACME_VALID && o->slots[i].work == SLOT_IDLE)
			o->slots[i].work = SLOT_FETCH;
}

/* The order is invalid: collects the reasons from its authorizations. */
static enum acme_order_state
diagnosis_start(struct acme_order *o)
{
	if (o->n_slots == 0)
		acme_order_slots_init(o);
	look_at_authorizations(o);
	acme_order_slots_start(o);
	return ACME_ORDER_VALIDATE;
}

static void
diagnosis_note(struct slot *slot)
{
	struct acme_order *o = slot->order;
	_cleanup_(acme_authorization_clear) struct acme_authorization seen = { .url = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;

	slot->work = SLOT_IDLE;
	if (acme_order_validate_read_authorization(o, slot, &seen, &why) < 0)
		return; /* others may have the reason; if none does, the order's own error is reported */
	slot->authz.status = seen.status;
	if (seen.status == ACME_VALID || seen.status == ACME_PENDING)
		return;
	slot->has_failed = true;
	explain(&seen, &why);
	if (o->reasons++ == 0) {
		error_move(&o->diagnosis, &why);
	} else if (o->reasons <= REASONS_MAX) {
		_cleanup_free_ char *old = o->diagnosis.message;

		o->diagnosis.message = xasprintf("%s; %s", old, why.message);
	}
}

static enum acme_order_state
diagnosis_end(struct acme_order *o)
{
	if (!error_is_set(&o->diagnosis) && error_is_set(&o->msg.error))
		error_copy(&o->diagnosis, &o->msg.error);
	if (!error_is_set(&o->diagnosis))
		error_set(&o->diagnosis, ERROR_VALIDATION, "the CA made the order invalid without giving a reason");
	o->diagnosis.may_retry = true;
	return acme_order_fail(o, &o->diagnosis);
}

/* Handles the answer about one authorization. */
static enum acme_order_state
validate_slot(struct acme_order *o, struct slot *slot)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int64_t retry_after_at = o->reply ? o->reply->retry_after_at : 0;
	bool is_diagnosis = o->msg.status == ACME_INVALID;
	bool has_failed = false;

	if (is_diagnosis)
		diagnosis_note(slot);
	else if (slot->work == SLOT_ANSWER)
		has_failed = read_challenge_answer(slot, &err);
	else
		has_failed = read_second_look(slot, &err);
	slot->has_failed = slot->has_failed || (has_failed && !o->reply_err);
	if (has_failed)
		return acme_order_fail(o, &err);
	acme_order_slots_start(o);
	if (acme_order_slots_are_busy(o))
		return ACME_ORDER_VALIDATE;
	return is_diagnosis ? diagnosis_end(o) : acme_order_poll_later(o, ACME_ORDER_VALIDATE, retry_after_at);
}

/* Handles a poll of the order itself. */
static enum acme_order_state
validate_polled(struct acme_order *o)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (acme_order_read_reply(o, &err) < 0)
		return acme_order_fail(o, &err);
	if (o->msg.status == ACME_INVALID)
		return diagnosis_start(o);
	if (o->msg.status != ACME_PENDING) {
		for (size_t i = 0; i < o->n_slots; i++)
			acme_order_slot_unsolve(&o->slots[i]);
		return acme_order_state_by_status(o);
	}
	answer_again(o);
	if (o->polls == SAY_AFTER_POLLS)
		say_what_is_pending(o);
	if (o->polls >= LOOK_AFTER_POLLS && o->polls % LOOK_EVERY_POLLS == LOOK_AFTER_POLLS % LOOK_EVERY_POLLS)
		look_at_authorizations(o);
	acme_order_slots_start(o);
	if (acme_order_slots_are_busy(o))
		return ACME_ORDER_VALIDATE;
	return acme_order_poll_later(o, ACME_ORDER_VALIDATE, o->reply->retry_after_at);
}

static enum acme_order_state
validate_enter(struct acme_order *o)
{
	if (o->msg.status == ACME_INVALID) {
		diagnosis_start(o);
		return acme_order_slots_are_busy(o) ? ACME_ORDER_VALIDATE : diagnosis_end(o);
	}
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].is_solved)
			o->slots[i].work = SLOT_ANSWER;
	acme_order_poll_reset(o);
	acme_order_slots_start(o);
	if (acme_order_slots_are_busy(o))
		return ACME_ORDER_VALIDATE;
	return acme_order_poll_later(o, ACME_ORDER_VALIDATE, 0);
}

enum acme_order_state
acme_order_validate(struct acme_order *o, enum acme_order_event ev)
{
	switch (ev) {
	case ORDER_ENTER:
		return validate_enter(o);
	case ORDER_REPLY:
		return o->reply_slot ? validate_slot(o, o->reply_slot) : validate_polled(o);
	case ORDER_TIMER:
		acme_order_poll_now(o);
		return ACME_ORDER_VALIDATE;
	case ORDER_OWNER:
		return ACME_ORDER_VALIDATE;
	}
	return ACME_ORDER_VALIDATE;
}
