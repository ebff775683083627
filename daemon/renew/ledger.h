/*
 * daemon/renew/ledger.h: what was used of the rate limits of CAs (common/ca.h), so that certd does not send an order
 * that would be refused. Counts are stored in the transaction of what they count: an order with its URL, a certificate
 * with the certificate. A provider without limits costs nothing.
 *
 *   STORE_RATE   kind (1) | SHA-256 of scope and subject (16)   -> struct rate_bucket's times (8, 8), a subject
 *
 * The scope is the account, or the CA's directory for what it counts for all accounts together. The subject is a
 * registered domain, a list of names, or a name. The row without a subject has the one that was used most.
 */
#ifndef DAEMON_RENEW_LEDGER_H
#define DAEMON_RENEW_LEDGER_H

#include "daemon/renew/rate.h"
#include "daemon/store/store.h"

struct clock;
struct ledger;
struct ledger_claim;
struct strlist;

/*
 * Time is that of @clock at the first use, and goes on from there: a clock that is set ahead must not refill what the
 * CA has counted. @store, @clock: borrowed.
 */
struct ledger *
ledger_new(struct store *store, const struct clock *clock);

/* All claims must be released. NULL is a no-op. */
void
ledger_free(struct ledger *ledger);

struct ledger_order {
	const struct ca_limits *limits; /* all borrowed for the life of the claim */
	const char *account;            /* provider id */
	const char *server;             /* directory URL */
	const struct strlist *names;
	bool is_renewal;   /* for the names of the last certificate */
	bool is_replacing; /* it names the certificate that it replaces (ARI) */
};

/* Return: NULL when there is no limit; the functions below accept that. */
struct ledger_claim *
ledger_claim(struct ledger *ledger, const struct ledger_order *order);

void
ledger_release(struct ledger_claim *claim);

/* The order is sent without the certificate that it replaces, or with it. */
void
ledger_set_replacing(struct ledger_claim *claim, bool is_replacing);

/* The order was made before, and counted; its certificate was not. */
void
ledger_set_ordered(struct ledger_claim *claim);

/* Why an order waits. Cleared with ledger_hold_clear(). */
struct ledger_hold {
	int64_t until_at; /* UNIX seconds */
	char *why;        /* "the CA's rate limit of new orders (300 in 3h) is used up" */
	unsigned char key[17];
	struct rate_bucket bucket; /* to be stored: the turn */
};

void
ledger_hold_clear(struct ledger_hold *hold);

/*
 * ledger_ask() - may the order be sent? (rate.h)
 * @when: by the clock as it is set; its now and has_rivals are ignored
 * Return: 1 yes: until it is released, others are asked as if it had been counted; 0 no, fills @ret; -1 failed.
 */
int
ledger_ask(struct ledger_claim *claim, struct rate_order when, struct ledger_hold *ret, struct error *err);

/* The order waits for the turn that it was given. */
void
ledger_keep_turn(struct ledger *ledger, struct store_txn *txn, const struct ledger_hold *hold);

/* The CA has made the order; the certificate; has failed to validate @name (canonical, or without its "*."). */
void
ledger_count_order(struct ledger_claim *claim, struct store_txn *txn);
void
ledger_count_certificate(struct ledger_claim *claim, struct store_txn *txn);
void
ledger_count_failure(struct ledger_claim *claim, struct store_txn *txn, const char *name);

/* The room left under a limit, for the subject that has the least. */
struct ledger_room {
	int64_t room;
	int64_t opens_at; /* when there is room again; 0: there is */
	char *subject;    /* owned by the caller; NULL: nothing is used, or there are no subjects */
};

void
ledger_room(struct ledger *ledger, const struct ledger_order *order, enum ca_limit_kind kind, struct ledger_room *ret);

#endif
