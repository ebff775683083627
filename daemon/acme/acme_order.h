/*
 * daemon/acme/acme_order.h: one certificate order, from newOrder to the issued chain (RFC 8555 s7.4), as a table of
 * states. Only the order URL is saved; after a restart the order object is fetched and its status selects the state.
 *
 *   create -> authorize -> solve -> validate -> finalize -> download -> done | failed
 *
 * Everything outside the protocol is requested from the owner through struct acme_order_ops. The owner answers by the
 * acme_order_*() calls, at once or later.
 */
#ifndef DAEMON_ACME_ACME_ORDER_H
#define DAEMON_ACME_ACME_ORDER_H

#include "daemon/acme/acme_client.h"

struct acme_order;
struct buf;

enum acme_order_state {
	ACME_ORDER_CREATE,    /* POST newOrder, or POST-as-GET the saved URL */
	ACME_ORDER_AUTHORIZE, /* fetch the authorizations that are not known to be valid */
	ACME_ORDER_SOLVE,     /* the owner publishes the challenges */
	ACME_ORDER_VALIDATE,  /* answer them, poll the order */
	ACME_ORDER_FINALIZE,  /* POST the CSR, poll the order */
	ACME_ORDER_DOWNLOAD,  /* POST-as-GET the chain */
	ACME_ORDER_DONE,
	ACME_ORDER_FAILED,
	ACME_ORDER_STATE_COUNT
};

const char *
acme_order_state_name(enum acme_order_state state);

struct acme_order_ops {
	/* The order is at @url: make it durable, then call acme_order_saved(). No challenge is answered before. */
	void (*save_url)(const char *url, void *arg);
	/*
	 * Choose one of the challenges of @authz and publish it, then call acme_order_solved(@index). Called for each
	 * authorization that is not valid, all in parallel. @authz is borrowed until acme_order_free().
	 */
	void (*solve)(size_t index, const struct acme_authorization *authz, void *arg);
	/* The authorization is final (or abandoned): the challenge may be taken down. Once per solve. */
	void (*unsolve)(size_t index, void *arg);
	/* Make the certificate key durable and its CSR ready (DER, the ordered names), then call acme_order_csr(). */
	void (*csr)(void *arg);
	/* Progress: @state was entered; @why is what it waits for, one line, or NULL. */
	void (*progress)(enum acme_order_state state, const char *why, void *arg);
	/*
	 * Called once, last: the PEM chain as the CA sent it (unverified), or the error. The order may be freed inside.
	 * @is_spent: the order cannot be continued: forget its URL. If false, a later acme_order with the same URL
	 * continues it.
	 */
	void (*done)(const struct buf *chain_pem, const struct error *err, bool is_spent, void *arg);
};

struct acme_order_config {
	const char *url;             /* NULL: a new order; otherwise continue this one */
	const struct strlist *names; /* canonical; copied */
	const char *profile;         /* or NULL */
	bool is_profile_preferred;   /* if the CA refuses it, the order is made without it; false: it fails */
	/*
	 * ARI id of the certificate that this one replaces (RFC 9773 s5); or NULL. Sent to CAs that offer renewal
	 * information; an order that may have been refused because of it is repeated without it.
	 */
	const char *replaces;
	const char *preferred_chain; /* acme_chain.h; or NULL; fallback: the default chain */
	const struct buf *roots;     /* PEM; copied; a chain that leads to one of them goes before others; or NULL */
	int64_t give_up_ms;          /* limit for the whole order; 0: 15 minutes */
	bool is_old;                 /* a certificate that could not be fetched until now is abandoned */
};

/*
 * Nothing is sent before acme_order_start(). @client, @ops: borrowed, must outlive the order. Only ops->done may free
 * the order; ops may be answered at once.
 */
struct acme_order *
acme_order_new(struct loop *loop, struct acme_client *client, const struct acme_order_config *config,
	const struct acme_order_ops *ops, void *arg);

void
acme_order_start(struct acme_order *order);

/* Cancels all requests. ops->done is not called; ops->unsolve is, for published challenges. NULL is a no-op. */
void
acme_order_free(struct acme_order *order);

enum acme_order_state
acme_order_state_of(const struct acme_order *order);

/* After the order has failed: is it because the authorization with that index was not validated? */
bool
acme_order_has_failed(const struct acme_order *order, size_t index);

/* What the certificate does not have as the configuration wants it, one line each. Borrowed until acme_order_free(). */
const struct strlist *
acme_order_notes(const struct acme_order *order);

/* Was the order sent with the certificate that it replaces (config.replaces)? */
bool
acme_order_is_replacing(const struct acme_order *order);

/* Appends the names whose authorization the CA has made invalid to @ret, without "*.". */
void
acme_order_invalid_names(const struct acme_order *order, struct strlist *ret);

/* Answers to ops->save_url, ops->solve, ops->csr. @err set: the order fails with it. */
void
acme_order_saved(struct acme_order *order, const struct error *err);

/* @challenge: index into authz->challenges of the one that was published. */
void
acme_order_solved(struct acme_order *order, size_t index, size_t challenge, const struct error *err);

/* @der: borrowed for the call. */
void
acme_order_csr(struct acme_order *order, const struct buf *der, const struct error *err);

#endif
