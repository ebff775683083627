/* tests/unit/acme/fixture.h: a loop on a virtual clock, a fake CA, a client of it, and an owner of orders. */
#ifndef TESTS_UNIT_ACME_FIXTURE_H
#define TESTS_UNIT_ACME_FIXTURE_H

#include "common/buf.h"
#include "daemon/acme/acme_order.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/fake_ca.h"

#define FIXTURE_BASE "https://ca.test"

enum { FIXTURE_NOW = 1800000000 };

struct fixture {
	struct clock *clock;
	struct loop *loop;
	struct fake_ca *ca;
	struct acme_client *client;
};

/* With a client that has no account yet. */
void
fixture_init(struct fixture *f);

/* fixture_init() and an account; counts start at zero. */
void
fixture_init_registered(struct fixture *f);

/* Also fails the test if the CA has a complaint. */
void
fixture_clear(struct fixture *f);

/* Lets everything happen that can, in virtual time. */
void
fixture_run(struct fixture *f);

/* The client's key is new, everything else is as given; replaces the fixture's client. */
void
fixture_new_client(struct fixture *f, const struct acme_client_config *config);

/* The answer to one request. */
struct outcome {
	unsigned calls; /* of the callback */
	int status;
	char *location;
	struct error err;
};

void
outcome_clear(struct outcome *outcome);

/* An acme_reply_fn; @arg: struct outcome. */
void
outcome_set(const struct acme_reply *reply, const struct error *err, void *arg);

/* Registers with the terms agreed to and runs. */
void
fixture_register(struct fixture *f, struct outcome *ret);

/* An order's owner that answers everything at once by default. */
struct owner {
	struct acme_order *order;
	struct key *key;
	struct strlist names;
	/* what to do wrong */
	const char *solve_error; /* name whose challenge cannot be published */
	bool save_error;
	bool stay_silent; /* nothing is answered */
	/* what happened */
	char *url;
	unsigned saves, solves, up, csrs, dones;
	struct strlist told;  /* "state" or "state: why" */
	struct strlist notes; /* acme_order_notes() at the end */
	struct buf chain;
	struct error err;
	bool is_spent;
	int64_t done_at_ms;
	struct loop *loop;
};

/* @names: separated by commas. */
void
owner_init(struct owner *owner, struct fixture *f, const char *names);

void
owner_clear(struct owner *owner);

/* Starts an order; fields of @config that are NULL come from the owner. */
void
owner_start(struct owner *owner, struct fixture *f, const struct acme_order_config *config);

/* owner_start() with no special wishes, and runs. */
void
owner_run(struct owner *owner, struct fixture *f);

/* Fails the test unless the order ended well with a chain for the owner's key and names, and nothing is up. */
void
owner_expect_issued(const struct owner *owner, const char *why);

#endif
