/*
 * One order from newOrder to the chain. This file is the frame: the table of states, the only way into it (order_step),
 * polling, the time limit and the end. Everything that happens (answers, timers, the owner's answers) becomes an event
 * of the current state; inside an event only the owner's ops are called.
 */
#include "daemon/acme/acme_order.h"

#include "common/printable.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_order_private.h"
#include "daemon/acme/acme_problem.h"
#include "daemon/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
	GIVE_UP_MS = 15 * 60 * 1000,
	POLL_FIRST_MS = 8, /* a test CA has finished by then, and the doubling delay spares real ones */
	POLL_MAX_MS = 10 * 1000,
	POLL_ASKED_MAX_MS = 30 * 1000,  /* a Retry-After of a day, as ZeroSSL sends it, does not mean this order */
	PROFILE_SHOWN = 100,            /* octets, in messages */
	AUTHORIZATIONS_PER_NAME_MAX = 4 /* RFC 8555 s7.1.3: a name may have several; each costs a request */
};

typedef enum acme_order_state
order_fn(struct acme_order *o, enum acme_order_event ev);

static const struct {
	const char *name;
	order_fn *run;
} states[] = {
	[ACME_ORDER_CREATE] = { "create", acme_order_create },
	[ACME_ORDER_AUTHORIZE] = { "authorize", acme_order_authorize },
	[ACME_ORDER_SOLVE] = { "solve", acme_order_solve },
	[ACME_ORDER_VALIDATE] = { "validate", acme_order_validate },
	[ACME_ORDER_FINALIZE] = { "finalize", acme_order_finalize },
	[ACME_ORDER_DOWNLOAD] = { "download", acme_order_download },
	[ACME_ORDER_DONE] = { "done", NULL },
	[ACME_ORDER_FAILED] = { "failed", NULL },
};
_Static_assert(ARRAY_SIZE(states) == ACME_ORDER_STATE_COUNT, "one row per state");

const char *
acme_order_state_name(enum acme_order_state state)
{
	return (unsigned)state < ARRAY_SIZE(states) ? states[state].name : "unknown";
}

enum acme_order_state
acme_order_state_of(const struct acme_order *order)
{
	return order->state;
}

bool
acme_order_is_replacing(const struct acme_order *order)
{
	return order->replaces != NULL;
}

void
acme_order_invalid_names(const struct acme_order *order, struct strlist *ret)
{
	for (size_t i = 0; i < order->n_slots; i++)
		if (order->slots[i].authz.status == ACME_INVALID && order->slots[i].authz.name)
			strlist_add(ret, order->slots[i].authz.name);
}

int64_t
acme_order_now_ms(const struct acme_order *o)
{
	return clock_boot_ms(loop_clock(o->loop));
}

void
acme_order_say(const struct acme_order *o, const char *why)
{
	if (o->ops->progress)
		o->ops->progress(o->state, why, o->arg);
}

/* Stops all requests and timers of the order, and takes its challenges down. */
static void
order_quiet(struct acme_order *o)
{
	acme_call_cancel(o->call);
	o->call = NULL;
	acme_order_slots_cancel(o);
	for (size_t i = 0; i < o->n_slots; i++)
		acme_order_slot_unsolve(&o->slots[i]);
	loop_timer_cancel(&o->poll);
	loop_timer_cancel(&o->wake);
	loop_timer_cancel(&o->deadline);
	acme_order_release_url(o);
}

/* The last event of the order; the owner may free it inside. */
static void
order_end(struct acme_order *o)
{
	bool is_done = o->state == ACME_ORDER_DONE;

	order_quiet(o);
	if (!is_done && o->is_spent)
		acme_order_slots_deactivate(o);
	o->ops->done(is_done ? &o->chain : NULL, is_done ? NULL : &o->error, is_done || o->is_spent, o->arg);
}

/*
 * The only way in: answers, timers and the owner's answers all arrive here. May end the order, which may then be freed.
 */
static void
order_step(struct acme_order *o, enum acme_order_event ev)
{
	enum acme_order_state next = states[o->state].run(o, ev);

	while (next != o->state) {
		o->state = next;
		acme_order_say(o, NULL);
		if (!states[next].run) {
			order_end(o);
			return;
		}
		next = states[next].run(o, ORDER_ENTER);
	}
}

static void
order_poll_timer(void *arg)
{
	order_step(arg, ORDER_TIMER);
}

static void
order_wake(void *arg)
{
	order_step(arg, ORDER_OWNER);
}

static const char *
order_waits_for(enum acme_order_state state)
{
	switch (state) {
	case ACME_ORDER_SOLVE:
		return "the challenges could not be published";
	case ACME_ORDER_VALIDATE:
		return "the names were not validated";
	case ACME_ORDER_FINALIZE:
		return "the certificate was not issued";
	case ACME_ORDER_DOWNLOAD:
		return "the certificate could not be fetched";
	default:
		return "the CA did not answer the order";
	}
}

static void
order_out_of_time(void *arg)
{
	struct acme_order *o = arg;
	char span[TIME_SPAN_SIZE];

	time_format_span(o->give_up_ms / 1000, span);
	error_set(&o->error, o->state == ACME_ORDER_VALIDATE ? ERROR_VALIDATION : ERROR_CA,
		"the CA did not finish within %s: %s", span, order_waits_for(o->state));
	if (o->state == ACME_ORDER_FINALIZE && error_is_set(&o->not_ready)) {
		error_clear(&o->error);
		error_copy(&o->error, &o->not_ready);
		error_wrap(&o->error, "the CA did not issue the certificate within %s", span);
	}
	o->error.may_retry = true;
	/* a validation that hangs does not recover; all other states can be continued */
	o->is_spent = o->state == ACME_ORDER_VALIDATE;
	o->state = ACME_ORDER_FAILED;
	order_end(o);
}

struct acme_order *
acme_order_new(struct loop *loop, struct acme_client *client, const struct acme_order_config *config,
	const struct acme_order_ops *ops, void *arg)
{
	struct acme_order *o = xcalloc(1, sizeof(*o));

	o->loop = loop;
	o->client = client;
	o->ops = ops;
	o->arg = arg;
	o->url = xstrdup_null(config->url);
	o->is_saved = config->url != NULL;
	strlist_copy(&o->names, config->names);
	o->profile = xstrdup_null(config->profile);
	o->is_profile_preferred = config->is_profile_preferred;
	o->replaces = xstrdup_null(config->replaces);
	o->preferred_chain = xstrdup_null(config->preferred_chain);
	if (config->roots)
		buf_add(&o->roots, config->roots->data, config->roots->len);
	o->is_old = config->is_old;
	o->give_up_ms = config->give_up_ms ? config->give_up_ms : GIVE_UP_MS;
	loop_timer_init(&o->poll, loop, order_poll_timer, o);
	loop_timer_init(&o->wake, loop, order_wake, o);
	loop_timer_init(&o->deadline, loop, order_out_of_time, o);
	return o;
}

void
acme_order_start(struct acme_order *o)
{
	loop_timer_set(&o->deadline, o->give_up_ms);
	acme_order_say(o, NULL);
	order_step(o, ORDER_ENTER);
}

void
acme_order_free(struct acme_order *o)
{
	if (!o)
		return;
	order_quiet(o);
	acme_order_slots_clear(o);
	acme_order_msg_clear(&o->msg);
	strlist_clear(&o->names);
	strlist_clear(&o->alternates);
	buf_clear(&o->csr);
	buf_clear(&o->chain);
	buf_clear(&o->default_chain);
	buf_clear(&o->best_chain);
	buf_clear(&o->roots);
	error_clear(&o->owner_error);
	error_clear(&o->not_ready);
	error_clear(&o->diagnosis);
	error_clear(&o->error);
	free(o->url);
	free(o->awaited_url);
	free(o->profile);
	strlist_clear(&o->notes);
	free(o->replaces);
	free(o->preferred_chain);
	free(o);
}

/* After this error, is it pointless to continue the same order? */
bool
acme_order_is_spent_by(const struct error *err)
{
	switch (err->code) {
	case ERROR_PROTOCOL:
	case ERROR_LIMIT: /* an answer beyond the size limits would be so again */
	case ERROR_VALIDATION:
		return true;
	case ERROR_CA:
		return !err->may_retry;
	default:
		return false;
	}
}

enum acme_order_state
acme_order_fail(struct acme_order *o, const struct error *err)
{
	/* The issued certificate is fetched later; a second order for it would be superfluous. */
	o->is_spent = !o->url || (acme_order_is_spent_by(err) && (o->state != ACME_ORDER_DOWNLOAD || o->is_old));
	error_copy(&o->error, err);
	return ACME_ORDER_FAILED;
}

enum acme_order_state
acme_order_fail_by_owner(struct acme_order *o)
{
	o->is_spent = !o->url;
	error_copy(&o->error, &o->owner_error);
	return ACME_ORDER_FAILED;
}

enum acme_order_state
acme_order_state_by_status(const struct acme_order *o)
{
	switch (o->msg.status) {
	case ACME_PENDING:
		return ACME_ORDER_AUTHORIZE;
	case ACME_READY:
	case ACME_PROCESSING:
		return ACME_ORDER_FINALIZE;
	case ACME_VALID:
		return ACME_ORDER_DOWNLOAD;
	default: /* invalid: the authorizations have the reason */
		return ACME_ORDER_VALIDATE;
	}
}

static void
order_reply(struct acme_order *o, struct slot *slot, const struct acme_reply *reply, const struct error *err)
{
	o->reply = err ? NULL : reply;
	o->reply_err = err;
	o->reply_slot = slot;
	order_step(o, ORDER_REPLY);
}

static void
order_answered(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct acme_order *o = arg;

	o->call = NULL;
	order_reply(o, NULL, reply, err);
}

void
acme_order_reply_for_slot(struct slot *slot, const struct acme_reply *reply, const struct error *err)
{
	order_reply(slot->order, slot, reply, err);
}

void
acme_order_send(struct acme_order *o, const struct acme_request *request)
{
	o->is_poll = false;
	o->call = acme_client_send(o->client, request, order_answered, o);
}

void
acme_order_note(struct acme_order *o, char *note)
{
	acme_order_say(o, note);
	strlist_take(&o->notes, note);
}

bool
acme_order_leave_out_profile(struct acme_order *o, const struct error *err)
{
	if (!o->profile || !o->is_profile_preferred || !acme_problem_may_be_of_profile(err))
		return false;
	acme_order_note(o, xasprintf("ordered without the preferred profile '%s': %s", o->profile, err->message));
	str_replace(&o->profile, NULL);
	return true;
}

static void
order_profile_checked(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct acme_order *o = arg;

	o->call = NULL;
	if (err && !acme_order_leave_out_profile(o, err)) {
		order_reply(o, NULL, reply, err);
		return;
	}
	o->is_profile_known = true;
	order_step(o, ORDER_ENTER);
}

void
acme_order_check_profile(struct acme_order *o)
{
	o->call = acme_client_check_profile(o->client, o->profile, order_profile_checked, o);
}

static void
order_directory_seen(const struct acme_directory *directory, const struct error *err, void *arg)
{
	struct acme_order *o = arg;

	o->call = NULL;
	if (err) {
		order_reply(o, NULL, NULL, err);
		return;
	}
	if (!directory->renewal_info)
		str_replace(&o->replaces, NULL);
	o->is_replaces_known = true;
	order_step(o, ORDER_ENTER);
}

void
acme_order_check_replaces(struct acme_order *o)
{
	o->call = acme_client_directory(o->client, order_directory_seen, o);
}

/*
 * The CA confirms the profile in its answer to newOrder. In later ones it may omit it, as some CAs do with other
 * members.
 */
static int
order_check_echo(struct acme_order *o, const struct acme_order_msg *msg, struct error *err)
{
	_cleanup_free_ char *shown = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!o->profile || (msg->profile ? strcmp(o->profile, msg->profile) == 0 : o->url != NULL))
		return 0;
	shown = msg->profile ? printable_line(msg->profile, strlen(msg->profile), PROFILE_SHOWN) : NULL;
	if (shown)
		error_set(&why, ERROR_PROTOCOL, "the order has the profile '%s', not '%s' as requested", shown,
			o->profile);
	else
		error_set(&why, ERROR_PROTOCOL, "the order does not have the profile '%s' that was requested",
			o->profile);
	str_replace(&why.field, "profile");
	if (o->is_profile_preferred) {
		acme_order_note(o, xasprintf("not of the preferred profile: %s", why.message));
		str_replace(&o->profile, NULL);
		return 0;
	}
	error_move(err, &why);
	return -1;
}

/* Is the order for exactly our names, in any order, as far as the CA says? */
static bool
has_our_names(const struct acme_order *o, const struct acme_order_msg *msg)
{
	if (msg->names.count == 0)
		return true;
	for (size_t i = 0; i < o->names.count; i++)
		if (!strlist_has(&msg->names, o->names.items[i]))
			return false;
	for (size_t i = 0; i < msg->names.count; i++)
		if (!strlist_has(&o->names, msg->names.items[i]))
			return false;
	return true;
}

/* Some CAs include the URLs of an order only in the answer to newOrder. */
static void
order_keep_known(struct acme_order_msg *known, struct acme_order_msg *msg)
{
	if (!msg->finalize) {
		msg->finalize = known->finalize;
		known->finalize = NULL;
	}
	if (!msg->certificate) {
		msg->certificate = known->certificate;
		known->certificate = NULL;
	}
	if (msg->authorizations.count == 0)
		strlist_copy(&msg->authorizations, &known->authorizations);
}

int
acme_order_read_reply(struct acme_order *o, struct error *err)
{
	struct acme_order_msg msg;

	if (o->reply_err) {
		error_copy(err, o->reply_err);
		return -1;
	}
	if (acme_msg_order(o->reply->body, o->reply->body_len, &msg, err) < 0)
		return -1;
	if (!has_our_names(o, &msg)) {
		acme_order_msg_clear(&msg);
		return error_set(err, ERROR_PROTOCOL, "the order is for other names than those requested");
	}
	if (order_check_echo(o, &msg, err) < 0) {
		acme_order_msg_clear(&msg);
		return -1;
	}
	order_keep_known(&o->msg, &msg);
	acme_order_msg_clear(&o->msg);
	o->msg = msg;
	if (msg.authorizations.count > o->names.count * AUTHORIZATIONS_PER_NAME_MAX)
		return error_set(err, ERROR_PROTOCOL, "order: %zu authorizations for %zu names",
			msg.authorizations.count, o->names.count);
	if (msg.status == ACME_PENDING && msg.authorizations.count == 0)
		return error_set(err, ERROR_PROTOCOL, "order: authorizations are missing");
	return 0;
}

const struct strlist *
acme_order_notes(const struct acme_order *o)
{
	return &o->notes;
}

void
acme_order_poll_reset(struct acme_order *o)
{
	o->poll_delay_ms = POLL_FIRST_MS;
	o->polls = 0;
}

enum acme_order_state
acme_order_poll_later(struct acme_order *o, enum acme_order_state state, int64_t retry_after_at)
{
	int64_t asked_sec = retry_after_at ? retry_after_at - clock_wall(loop_clock(o->loop)) : 0;
	int64_t asked_ms = asked_sec > POLL_ASKED_MAX_MS / 1000 ? POLL_ASKED_MAX_MS : asked_sec * 1000;

	loop_timer_set(&o->poll, asked_ms > o->poll_delay_ms ? asked_ms : o->poll_delay_ms);
	o->poll_delay_ms = o->poll_delay_ms * 2 < POLL_MAX_MS ? o->poll_delay_ms * 2 : POLL_MAX_MS;
	return state;
}

void
acme_order_poll_now(struct acme_order *o)
{
	o->polls++;
	acme_order_send(o, &(struct acme_request){ .url = o->url, .may_lag = true });
	o->is_poll = true;
}

/* The owner's answer becomes an event of a later turn, because ops may answer from inside. */
static void
owner_answered(struct acme_order *o, const struct error *err)
{
	if (err && !error_is_set(&o->owner_error))
		error_copy(&o->owner_error, err);
	loop_timer_set(&o->wake, 0);
}

void
acme_order_saved(struct acme_order *o, const struct error *err)
{
	o->is_saved = !err;
	owner_answered(o, err);
}

void
acme_order_solved(struct acme_order *o, size_t index, size_t challenge, const struct error *err)
{
	struct slot *slot = &o->slots[index];
	_cleanup_free_ char *name = acme_order_slot_name(slot);
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err) {
		error_copy(&why, err);
		error_wrap(&why, "%s", name);
		owner_answered(o, &why);
		return;
	}
	slot->challenge = challenge;
	slot->is_solved = true;
	owner_answered(o, NULL);
}

void
acme_order_csr(struct acme_order *o, const struct buf *der, const struct error *err)
{
	buf_reset(&o->csr);
	if (!err)
		buf_add(&o->csr, der->data, der->len);
	owner_answered(o, err);
}
