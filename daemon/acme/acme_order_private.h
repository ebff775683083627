/*
 * daemon/acme/acme_order_private.h: shared by acme_order.c (the frame), acme_order_states.c (create, finalize,
 * download), acme_order_validate.c (authorize, solve, validate) and acme_order_slots.c; not for other files.
 */
#ifndef DAEMON_ACME_ACME_ORDER_PRIVATE_H
#define DAEMON_ACME_ACME_ORDER_PRIVATE_H

#include "common/buf.h"
#include "daemon/acme/acme_order.h"
#include "daemon/base/loop.h"

enum acme_order_event {
	ORDER_ENTER, /* the state was entered: start its work */
	ORDER_REPLY, /* an answer of the CA: order->reply, ->reply_err, ->reply_slot */
	ORDER_TIMER, /* the pause before the next poll is over */
	ORDER_OWNER  /* the owner answered an op */
};

enum slot_work { SLOT_IDLE, SLOT_FETCH, SLOT_ANSWER };

/* One authorization of the order. */
struct slot {
	struct acme_order *order;
	struct acme_authorization authz; /* lent to the owner: after the first fetch only statuses change */
	enum slot_work work;             /* pending, or running when @call is set */
	struct acme_call *call;
	size_t challenge; /* the one that the owner published */
	bool is_solved;
	bool has_failed;           /* why the order failed */
	bool is_up;                /* between ops->solve and ops->unsolve */
	unsigned answers;          /* challenge POSTs, accepted or refused */
	int64_t answer_again_ms;   /* boot time: not before, if the CA retries only on request */
	struct error answer_error; /* why the challenge POST was refused */
};

struct acme_order {
	struct loop *loop;
	struct acme_client *client;
	const struct acme_order_ops *ops;
	void *arg;
	char *url;
	struct strlist names;
	char *profile;
	bool is_profile_known; /* the CA offers it */
	bool is_profile_preferred;
	struct strlist notes; /* acme_order_notes() */
	char *replaces;
	bool is_replaces_known; /* the CA offers renewal information */
	char *preferred_chain;
	struct buf roots; /* PEM; empty: any */
	int64_t give_up_ms;
	bool is_old;

	enum acme_order_state state;
	struct acme_order_msg msg; /* as last seen */
	struct slot *slots;
	size_t n_slots;
	size_t window;       /* concurrent requests of one order */
	int64_t asked_at_ms; /* boot time of the first request */

	struct acme_call *call; /* about the order itself */
	bool is_poll;           /* that call only polls */
	struct loop_timer poll, wake, deadline;
	int64_t poll_delay_ms;
	unsigned polls;
	unsigned finalizes;
	int64_t finalize_again_ms; /* boot time: not before, while the CA says "ready" although it accepted the CSR */
	struct acme_order *next;   /* of the client's orders that hold or wait for a URL */
	char *awaited_url;         /* of another of our orders, returned by the CA: newOrder again when it has ended */

	bool is_saved;
	struct buf csr;
	struct error owner_error;
	struct buf chain;
	struct buf default_chain;  /* while alternates are compared */
	struct buf best_chain;     /* one that is better than the default one */
	struct strlist alternates; /* URLs of other chains */
	size_t alternates_tried;

	const struct acme_reply *reply; /* of ORDER_REPLY, borrowed; NULL when it failed */
	const struct error *reply_err;
	struct slot *reply_slot; /* NULL: about the order itself */

	struct error not_ready; /* the CA's last "orderNotReady" */
	struct error diagnosis; /* why the order is invalid; being collected */
	unsigned reasons;
	struct error error;
	bool is_spent;
};

/* The states; each returns the next one, or itself to wait. */
enum acme_order_state
acme_order_create(struct acme_order *o, enum acme_order_event ev);
enum acme_order_state
acme_order_authorize(struct acme_order *o, enum acme_order_event ev);
enum acme_order_state
acme_order_solve(struct acme_order *o, enum acme_order_event ev);
enum acme_order_state
acme_order_validate(struct acme_order *o, enum acme_order_event ev);
enum acme_order_state
acme_order_finalize(struct acme_order *o, enum acme_order_event ev);
enum acme_order_state
acme_order_download(struct acme_order *o, enum acme_order_event ev);

/* Ends in FAILED with a copy of @err, which decides whether the order is spent. */
enum acme_order_state
acme_order_fail(struct acme_order *o, const struct error *err);

/* After @err, is it pointless to continue the same order? */
bool
acme_order_is_spent_by(const struct error *err);

/* The same with order->owner_error: the order itself is still good. */
enum acme_order_state
acme_order_fail_by_owner(struct acme_order *o);

/* The state in which an order with msg.status continues (RFC 8555 s7.1.6). */
enum acme_order_state
acme_order_state_by_status(const struct acme_order *o);

/* Sends a request about the order itself; its answer is ORDER_REPLY. */
void
acme_order_send(struct acme_order *o, const struct acme_request *request);

/* Asks whether the CA offers the profile; then ORDER_ENTER again, or ORDER_REPLY with the refusal. */
void
acme_order_check_profile(struct acme_order *o);

/* @note: taken; for acme_order_notes(), and said at once. */
void
acme_order_note(struct acme_order *o, char *note);

/*
 * After @err: may a profile that is only preferred be left out?
 * Return: true if the profile was left out, which is then noted.
 */
bool
acme_order_leave_out_profile(struct acme_order *o, const struct error *err);

/* Forgets order->replaces if the CA does not offer renewal information; then ORDER_ENTER again, or ORDER_REPLY. */
void
acme_order_check_replaces(struct acme_order *o);

/* Parses order->reply into order->msg. Return: 0, or -1 and @err. */
int
acme_order_read_reply(struct acme_order *o, struct error *err);

/*
 * CAs answer newOrder for the same names with an existing pending order, which may be another of ours, with another
 * key.
 * Return: true when no other order has o->url; false: wait for ORDER_TIMER, which comes when that order has ended.
 */
bool
acme_order_claim_url(struct acme_order *o);

/* Releases o->url, and wakes the orders that wait for it. */
void
acme_order_release_url(struct acme_order *o);

/* The next poll is the first of a series. */
void
acme_order_poll_reset(struct acme_order *o);

/*
 * Arms ORDER_TIMER: the delay doubles with each poll, and is never below @retry_after_at.
 * Return: @state, or FAILED when that is after the order's time limit.
 */
enum acme_order_state
acme_order_poll_later(struct acme_order *o, enum acme_order_state state, int64_t retry_after_at);

/* On ORDER_TIMER: fetches the order object. */
void
acme_order_poll_now(struct acme_order *o);

void
acme_order_say(const struct acme_order *o, const char *why);

/* Slots: the authorizations, fetched and answered a few at a time. */
void
acme_order_slots_init(struct acme_order *o);
void
acme_order_slots_clear(struct acme_order *o);
void
acme_order_slots_cancel(struct acme_order *o);

/* Starts pending work, as far as the window allows. */
void
acme_order_slots_start(struct acme_order *o);

/* Is any work pending or running? */
bool
acme_order_slots_are_busy(const struct acme_order *o);

/* "*.example.com". Owned by the caller. */
char *
acme_order_slot_name(const struct slot *slot);

/* Takes the answer of the challenge down, if it is published. */
void
acme_order_slot_unsolve(struct slot *slot);

/* Deactivates authorizations that are still pending; the order does not wait for that. */
void
acme_order_slots_deactivate(const struct acme_order *o);

/* Called by acme_order_slots.c with the answer to @slot's request. */
void
acme_order_reply_for_slot(struct slot *slot, const struct acme_reply *reply, const struct error *err);

int64_t
acme_order_now_ms(const struct acme_order *o);

#endif
