/*
 * The authorizations of an order as slots. Work on them (fetch, answer) is marked and started a few at a time: one
 * after the other when the CA is near, because then they share one nonce (fetching another costs a request) and
 * parallel requests gain nothing; several at once when answers take long.
 */
#include "daemon/acme/acme_order_private.h"

#include <stdlib.h>

void
acme_order_slots_init(struct acme_order *o)
{
	acme_order_slots_clear(o);
	o->n_slots = o->msg.authorizations.count;
	o->slots = xcalloc(o->n_slots, sizeof(*o->slots));
	for (size_t i = 0; i < o->n_slots; i++) {
		o->slots[i].order = o;
		o->slots[i].authz.url = xstrdup(o->msg.authorizations.items[i]);
	}
}

void
acme_order_slots_cancel(struct acme_order *o)
{
	for (size_t i = 0; i < o->n_slots; i++) {
		acme_call_cancel(o->slots[i].call);
		o->slots[i].call = NULL;
		o->slots[i].work = SLOT_IDLE;
	}
}

void
acme_order_slots_clear(struct acme_order *o)
{
	acme_order_slots_cancel(o);
	for (size_t i = 0; i < o->n_slots; i++) {
		acme_authorization_clear(&o->slots[i].authz);
		error_clear(&o->slots[i].answer_error);
	}
	free(o->slots);
	o->slots = NULL;
	o->n_slots = 0;
}

static void
slot_answered(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct slot *slot = arg;

	slot->call = NULL;
	acme_order_reply_for_slot(slot, reply, err);
}

static void
slot_send(struct slot *slot)
{
	struct acme_request request = { .url = slot->authz.url, .is_authorization = true, .may_lag = true };

	if (slot->work == SLOT_ANSWER)
		request = (struct acme_request){
			.url = slot->authz.challenges[slot->challenge].url,
			.payload = "{}",
		};
	slot->call = acme_client_send(slot->order->client, &request, slot_answered, slot);
}

void
acme_order_slots_start(struct acme_order *o)
{
	size_t in_flight = 0;

	for (size_t i = 0; i < o->n_slots; i++)
		in_flight += o->slots[i].call != NULL;
	for (size_t i = 0; i < o->n_slots && in_flight < o->window; i++)
		if (o->slots[i].work != SLOT_IDLE && !o->slots[i].call) {
			slot_send(&o->slots[i]);
			in_flight++;
		}
}

bool
acme_order_slots_are_busy(const struct acme_order *o)
{
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].work != SLOT_IDLE)
			return true;
	return false;
}

bool
acme_order_has_failed(const struct acme_order *o, size_t index)
{
	return index < o->n_slots && o->slots[index].has_failed;
}

char *
acme_order_slot_name(const struct slot *slot)
{
	return xasprintf("%s%s", slot->authz.is_wildcard ? "*." : "", slot->authz.name ? slot->authz.name : "?");
}

void
acme_order_slot_unsolve(struct slot *slot)
{
	struct acme_order *o = slot->order;

	if (!slot->is_up)
		return;
	slot->is_up = false;
	o->ops->unsolve((size_t)(slot - o->slots), o->arg);
}

void
acme_order_slots_deactivate(const struct acme_order *o)
{
	for (size_t i = 0; i < o->n_slots; i++)
		if (o->slots[i].authz.name && o->slots[i].authz.status == ACME_PENDING)
			acme_client_send(o->client,
				&(struct acme_request){
					.url = o->slots[i].authz.url,
					.payload = "{\"status\":\"deactivated\"}",
					.is_authorization = true,
					.is_best_effort = true,
				},
				NULL, NULL);
}
