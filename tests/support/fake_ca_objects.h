/* tests/support/fake_ca_objects.h: what the fake CA keeps: accounts, orders, authorizations. */
#ifndef TESTS_SUPPORT_FAKE_CA_OBJECTS_H
#define TESTS_SUPPORT_FAKE_CA_OBJECTS_H

#include "tests/support/fake_ca.h"
#include "tests/support/fake_ca_private.h"

struct fake_account {
	char *jwk;
	char *thumbprint;
	char *contact; /* the first one, such as mailto:a@b.example; NULL: none */
	EVP_PKEY *key;
	bool is_forgotten;
	bool is_deactivated;
};

enum fake_status { FAKE_PENDING, FAKE_VALID, FAKE_INVALID, FAKE_DEACTIVATED };

struct fake_authz {
	char *name; /* without "*." */
	bool is_wildcard;
	enum fake_status status;
	const char *thumbprint; /* of the account */
	size_t answered;        /* challenge index + 1; 0: none yet */
	int64_t decide_at_ms;
	unsigned failures;   /* validations that failed and left the challenge pending */
	const char *problem; /* of the challenge, or NULL */
};

struct fake_order {
	struct strlist names;
	char *profile;  /* or NULL */
	char *replaces; /* or NULL */
	int revoked;    /* the reason + 1; 0: it is not */
	bool is_revoked_by_key;
	size_t first_authz; /* they are contiguous, one for each name */
	bool is_finalized;
	int64_t issued_at_ms;
	struct buf leaf;
};

struct fake_ca {
	struct loop *loop;
	char *base;
	struct http http;
	struct fake_ca_script script;
	uint64_t random;
	struct fake_exchange *exchanges;
	unsigned counts[FAKE_CA_KIND_COUNT];
	unsigned nonces_rejected, overlaps, in_flight, max_in_flight;
	char *complaint;
	char *renewal_asked; /* or NULL */
	bool *nonces;
	size_t n_nonces;
	struct fake_issuer *issuer;
	struct fake_account *accounts;
	size_t n_accounts;
	struct fake_authz *authzs;
	size_t n_authzs;
	struct fake_order *orders;
	size_t n_orders;
};

void *
fake_ca_send(void *self, const struct http_request *req, http_done_fn *done, void *arg);

void
fake_ca_cancel(void *self, void *handle);

struct fake_issuer *
fake_ca_issuer(struct fake_ca *ca);

int64_t
fake_ca_now_ms(const struct fake_ca *ca);

uint64_t
fake_ca_random(struct fake_ca *ca);

/* Remembers the first thing that no client may do. */
void
fake_ca_complain(struct fake_ca *ca, const char *about, const char *what);

void
fake_objects_directory(struct fake_ca *ca, struct fake_ca_answer *answer);

/* Carries out a verified request. */
void
fake_objects_post(struct fake_ca *ca, enum fake_ca_kind kind, const size_t ids[2], const struct fake_jws *jws,
	struct fake_ca_answer *answer);

/* The account of a request: why it is refused, as problem type; NULL: it is not. */
const char *
fake_objects_refuse_account(const struct fake_ca *ca, const char *kid);

void
fake_objects_clear(struct fake_ca *ca);

#endif
