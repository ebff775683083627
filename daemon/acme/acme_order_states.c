/*
 * The states that concern the order object: create (or fetch again after a restart), finalize, download. Entering is
 * repeatable: a finalize whose answer was lost is sent again, and the status in the CA's answer decides.
 */
#include "common/crypto/base64url.h"
#include "common/crypto/x509.h"
#include "common/json.h"
#include "common/name.h"
#include "daemon/acme/acme_chain.h"
#include "daemon/acme/acme_client_private.h"
#include "daemon/acme/acme_order_private.h"
#include "daemon/acme/acme_problem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	NEAR_MS = 25,   /* to a CA that answers faster, requests are sent one after the other */
	WINDOW_FAR = 8, /* concurrent requests of one order */
	ALTERNATES_MAX = 5,
	FINALIZE_AGAIN_MS =
		2000, /* "ready" may come from a lagging replica: send the CSR again only after this; doubles */
	FINALIZE_DOUBLES_MAX = 5
};

/* {"identifiers":[{"type":"dns","value":"www.example.com"}],"profile":"..."} (RFC 8555 s7.4) */
static char *
new_order_payload(const struct acme_order *o)
{
	_cleanup_json_ struct json_object *payload = json_object_new_object();
	struct json_object *identifiers = json_object_new_array();
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < o->names.count; i++) {
		struct json_object *identifier = json_object_new_object();

		json_add_string(identifier, "type", name_type_of(o->names.items[i]) == NAME_IP ? "ip" : "dns");
		json_add_string(identifier, "value", o->names.items[i]);
		json_object_array_add(identifiers, identifier);
	}
	json_object_object_add(payload, "identifiers", identifiers);
	json_add_string(payload, "profile", o->profile);
	json_add_string(payload, "replaces", o->replaces);
	json_write(payload, &text);
	return buf_steal(&text);
}

/* Removes it from the client's list. */
static void
acme_order_leave(struct acme_order *o)
{
	struct acme_order *other;

	LL_FOREACH(o->client->orders, other) {
		if (other == o) {
			LL_DELETE(o->client->orders, o);
			break;
		}
	}
	free(o->awaited_url);
	o->awaited_url = NULL;
}

static void
create_send(struct acme_order *o)
{
	_cleanup_free_ char *payload = NULL;

	o->asked_at_ms = acme_order_now_ms(o);
	if (o->url && acme_order_claim_url(o)) {
		acme_order_send(o, &(struct acme_request){ .url = o->url, .may_lag = true });
		return;
	}
	if (o->profile && !o->is_profile_known) {
		acme_order_check_profile(o);
		return;
	}
	if (o->replaces && !o->is_replaces_known) {
		acme_order_check_replaces(o);
		return;
	}
	payload = new_order_payload(o);
	acme_order_send(o, &(struct acme_request){ .url = ACME_NEW_ORDER, .payload = payload });
}

bool
acme_order_claim_url(struct acme_order *o)
{
	struct acme_client *client = o->client;
	struct acme_order *other;

	acme_order_leave(o);
	LL_PREPEND(client->orders, o);
	LL_FOREACH(client->orders, other) {
		if (other == o || !other->url || strcmp(other->url, o->url) != 0)
			continue;
		o->awaited_url = o->url;
		o->url = NULL;
		o->is_saved = false;
		return false;
	}
	return true;
}

void
acme_order_release_url(struct acme_order *o)
{
	struct acme_order *other;

	acme_order_leave(o);
	if (!o->url)
		return;
	LL_FOREACH(o->client->orders, other) {
		if (other->awaited_url && strcmp(other->awaited_url, o->url) == 0)
			loop_timer_set(&other->poll, 0);
	}
}

/* Return: 0, or -1 and @err; o->url is NULL after success when the order is another one's. */
static int
create_read(struct acme_order *o, struct error *err)
{
	if (acme_order_read_reply(o, err) < 0)
		return -1;
	o->window = acme_order_now_ms(o) - o->asked_at_ms < NEAR_MS ? 1 : WINDOW_FAR;
	if (o->url)
		return 0;
	if (!o->reply->location)
		return error_set(err, ERROR_PROTOCOL, "the CA did not return the URL of the new order");
	o->url = xstrdup(o->reply->location);
	if (!acme_order_claim_url(o))
		acme_order_say(o, "another certificate for these names is being ordered");
	return 0;
}

/* newOrder was refused, perhaps because the CA does not accept the predecessor: once more without it. */
static bool
create_without_replaces(struct acme_order *o, const struct error *err)
{
	if (o->url || !o->replaces || !acme_problem_may_be_of_replaces(err))
		return false;
	str_replace(&o->replaces, NULL);
	acme_order_say(
		o, "the CA refuses the order as a replacement of the last certificate; it is repeated as a new one");
	create_send(o);
	return true;
}

/* The CA refuses the profile; or perhaps, and it is only preferred: once more without it. */
static bool
create_without_profile(struct acme_order *o, const struct error *err)
{
	if (o->url || !acme_order_leave_out_profile(o, err))
		return false;
	create_send(o);
	return true;
}

/* The saved order cannot be continued, so no certificate was issued for it: start a new one in the same attempt. */
static bool
create_anew(struct acme_order *o, const struct error *err)
{
	if (!o->is_saved || !acme_order_is_spent_by(err))
		return false;
	acme_order_release_url(o);
	free(o->url);
	o->url = NULL;
	o->is_saved = false;
	create_send(o);
	return true;
}

/* newOrder was refused: is it repeated in another form? Otherwise @err says what is at fault. */
static bool
create_again(struct acme_order *o, struct error *err)
{
	bool has_profile = !o->url && o->profile;

	if (has_profile && acme_problem_is_of_profile(err))
		str_replace(&err->field, "profile");
	if (create_anew(o, err) || create_without_replaces(o, err) || create_without_profile(o, err))
		return true;
	if (has_profile && err->problem && acme_problem_may_be_of_profile(err))
		error_wrap(err, "the order with the profile '%s'", o->profile);
	return false;
}

enum acme_order_state
acme_order_create(struct acme_order *o, enum acme_order_event ev)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	switch (ev) {
	case ORDER_ENTER:
		create_send(o);
		return ACME_ORDER_CREATE;
	case ORDER_REPLY:
		if (create_read(o, &err) < 0)
			return create_again(o, &err) ? ACME_ORDER_CREATE : acme_order_fail(o, &err);
		if (o->is_saved)
			return acme_order_state_by_status(o);
		if (o->url)
			o->ops->save_url(o->url, o->arg);
		return ACME_ORDER_CREATE;
	case ORDER_OWNER:
		if (error_is_set(&o->owner_error))
			return acme_order_fail_by_owner(o);
		return o->is_saved ? acme_order_state_by_status(o) : ACME_ORDER_CREATE;
	case ORDER_TIMER: /* the other order has ended */
		create_send(o);
		break;
	}
	return ACME_ORDER_CREATE;
}

/* {"csr":"<base64url of the DER>"} (RFC 8555 s7.4) */
static void
finalize_send(struct acme_order *o)
{
	_cleanup_buf_ struct buf payload = BUF_INIT;

	o->finalize_again_ms = acme_order_now_ms(o) + ((int64_t)FINALIZE_AGAIN_MS << o->finalizes);
	if (o->finalizes < FINALIZE_DOUBLES_MAX)
		o->finalizes++;
	buf_add_str(&payload, "{\"csr\":\"");
	base64url_encode(o->csr.data, o->csr.len, &payload);
	buf_add_str(&payload, "\"}");
	acme_order_send(o, &(struct acme_request){ .url = o->msg.finalize, .payload = payload.data });
}

/* Sends the CSR, first asking the owner for it. */
static enum acme_order_state
finalize_start(struct acme_order *o)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (!o->msg.finalize) {
		error_set(&err, ERROR_PROTOCOL, "order: finalize is missing");
		return acme_order_fail(o, &err);
	}
	if (o->csr.len > 0)
		finalize_send(o);
	else
		o->ops->csr(o->arg);
	return ACME_ORDER_FINALIZE;
}

static enum acme_order_state
finalize_answered(struct acme_order *o)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_poll = o->is_poll;

	if (o->reply_err && o->reply_err->code != ERROR_RATE_LIMITED && o->reply_err->problem &&
		strcmp(o->reply_err->problem, "orderNotReady") == 0) {
		error_clear(&o->not_ready);
		error_copy(&o->not_ready, o->reply_err);
		return acme_order_poll_later(o, ACME_ORDER_FINALIZE, o->reply_err->retry_at);
	}
	if (acme_order_read_reply(o, &err) < 0)
		return acme_order_fail(o, &err);
	switch (o->msg.status) {
	case ACME_VALID:
		return ACME_ORDER_DOWNLOAD;
	case ACME_INVALID:
		return ACME_ORDER_VALIDATE;
	case ACME_READY: /* after a poll: the CSR was not accepted, or a replica does not know it yet */
		if (is_poll && acme_order_now_ms(o) >= o->finalize_again_ms)
			return finalize_start(o);
		break;
	default:
		break;
	}
	return acme_order_poll_later(o, ACME_ORDER_FINALIZE, o->reply->retry_after_at);
}

enum acme_order_state
acme_order_finalize(struct acme_order *o, enum acme_order_event ev)
{
	switch (ev) {
	case ORDER_ENTER:
		acme_order_poll_reset(o);
		return o->msg.status == ACME_READY ? finalize_start(o)
						   : acme_order_poll_later(o, ACME_ORDER_FINALIZE, 0);
	case ORDER_OWNER:
		if (error_is_set(&o->owner_error))
			return acme_order_fail_by_owner(o);
		if (o->csr.len > 0 && !o->call)
			finalize_send(o);
		return ACME_ORDER_FINALIZE;
	case ORDER_REPLY:
		return finalize_answered(o);
	case ORDER_TIMER:
		acme_order_poll_now(o);
		return ACME_ORDER_FINALIZE;
	}
	return ACME_ORDER_FINALIZE;
}

static void
download_send(struct acme_order *o, const char *url)
{
	acme_order_send(o, &(struct acme_request){
				   .url = url,
				   .accept = "application/pem-certificate-chain",
				   .max_body = X509_CHAIN_MAX_OCTETS,
				   .may_lag = true,
			   });
}

/* A replica may report "valid" before it has the certificate's URL. */
static enum acme_order_state
download_start(struct acme_order *o)
{
	if (!o->msg.certificate) {
		acme_order_say(o, "waiting for the URL of the certificate");
		return acme_order_poll_later(o, ACME_ORDER_DOWNLOAD, 0);
	}
	download_send(o, o->msg.certificate);
	return ACME_ORDER_DOWNLOAD;
}

static bool
download_is_wanted(const struct acme_order *o, const char *preference)
{
	return o->preferred_chain && strcmp(o->preferred_chain, preference) == 0;
}

/* Does it lead to one of the roots, if there are any? */
static bool
download_is_trusted(const struct acme_order *o, const struct buf *chain)
{
	return o->roots.len == 0 || x509_chain_check_roots(chain->data, chain->len, &o->roots, NULL) == 0;
}

/* Is it what was asked for, whatever other chains there are? */
static bool
download_fits(const struct acme_order *o, const struct buf *chain)
{
	return (!o->preferred_chain || acme_chain_fits(o->preferred_chain, chain)) && download_is_trusted(o, chain);
}

/* Servers send a chain to clients that know the roots; a preference is a matter of taste. */
static bool
download_is_better(const struct acme_order *o, const struct buf *chain, const struct buf *best)
{
	bool is_trusted = download_is_trusted(o, chain);

	if (is_trusted != download_is_trusted(o, best))
		return is_trusted;
	return download_is_wanted(o, ACME_CHAIN_SHORTEST) && acme_chain_length(chain) < acme_chain_length(best);
}

/* The alternates are used up: the default chain, or a better one. */
static enum acme_order_state
download_settle(struct acme_order *o)
{
	const struct buf *chain = o->best_chain.len ? &o->best_chain : &o->default_chain;
	_cleanup_free_ char *top = acme_chain_top(chain);

	if (o->preferred_chain && !download_is_wanted(o, ACME_CHAIN_SHORTEST))
		acme_order_note(o,
			xasprintf("no chain of the CA fits preferredChain '%s'%s (%zu alternate%s); %s is used, whose "
				  "topmost issuer is '%s'",
				o->preferred_chain, o->roots.len ? " and trustedRoots" : "", o->alternates_tried,
				o->alternates_tried == 1 ? "" : "s",
				o->best_chain.len ? "another one" : "the default chain", top ? top : "(no name)"));
	buf_reset(&o->chain);
	buf_add(&o->chain, chain->data, chain->len);
	return ACME_ORDER_DONE;
}

static enum acme_order_state
download_next(struct acme_order *o)
{
	if (o->alternates_tried == o->alternates.count || o->alternates_tried == ALTERNATES_MAX)
		return download_settle(o);
	download_send(o, o->alternates.items[o->alternates_tried++]);
	return ACME_ORDER_DOWNLOAD;
}

/* The default chain, which is not the preferred one. */
static enum acme_order_state
download_default(struct acme_order *o)
{
	buf_add(&o->default_chain, o->chain.data, o->chain.len);
	acme_msg_links(o->reply->links, "alternate", &o->alternates);
	return download_next(o);
}

static enum acme_order_state
download_alternate(struct acme_order *o)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct buf *best = o->best_chain.len ? &o->best_chain : &o->default_chain;

	if (acme_chain_check(&o->default_chain, &o->chain, &err) < 0) {
		_cleanup_free_ char *text = xasprintf("an alternate chain is not used: %s", err.message);

		acme_order_say(o, text);
	} else if (download_fits(o, &o->chain)) {
		return ACME_ORDER_DONE;
	} else if (download_is_better(o, &o->chain, best)) {
		buf_reset(&o->best_chain);
		buf_add(&o->best_chain, o->chain.data, o->chain.len);
	}
	return download_next(o);
}

static enum acme_order_state
download_answered(struct acme_order *o)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_default = o->default_chain.len == 0;

	if (o->is_poll)
		return acme_order_read_reply(o, &err) < 0 ? acme_order_fail(o, &err) : download_start(o);
	if (o->reply_err)
		return is_default ? acme_order_fail(o, o->reply_err) : download_next(o);
	if (o->reply->body_len == 0) {
		error_set(&err, ERROR_PROTOCOL, "the CA sent an empty chain");
		return is_default ? acme_order_fail(o, &err) : download_next(o);
	}
	buf_reset(&o->chain);
	buf_add(&o->chain, o->reply->body, o->reply->body_len);
	if (!is_default)
		return download_alternate(o);
	return download_fits(o, &o->chain) ? ACME_ORDER_DONE : download_default(o);
}

enum acme_order_state
acme_order_download(struct acme_order *o, enum acme_order_event ev)
{
	switch (ev) {
	case ORDER_ENTER:
		acme_order_poll_reset(o);
		return download_start(o);
	case ORDER_REPLY:
		return download_answered(o);
	case ORDER_TIMER:
		acme_order_poll_now(o);
		break;
	case ORDER_OWNER:
		break;
	}
	return ACME_ORDER_DOWNLOAD;
}
