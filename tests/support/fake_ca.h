/*
 * tests/support/fake_ca.h: a CA inside the test's own process: an http transport (daemon/base/http.h) that speaks
 * RFC 8555 on the test's loop and clock. It verifies signatures, nonces and URLs of requests for real and issues real
 * certificates of a throwaway CA. What it does wrong is scripted: by the knobs of struct fake_ca_script, and by a
 * function that sees each request and may replace its answer.
 */
#ifndef TESTS_SUPPORT_FAKE_CA_H
#define TESTS_SUPPORT_FAKE_CA_H

#include "common/error.h"
#include "daemon/base/http.h"

struct fake_ca;
struct loop;

enum fake_ca_kind {
	FAKE_CA_DIRECTORY,
	FAKE_CA_NONCE,
	FAKE_CA_ACCOUNT,        /* newAccount */
	FAKE_CA_ACCOUNT_UPDATE, /* RFC 8555 s7.3.2 */
	FAKE_CA_KEY_CHANGE,
	FAKE_CA_NEW_ORDER,
	FAKE_CA_ORDER, /* polls */
	FAKE_CA_AUTHORIZATION,
	FAKE_CA_DEACTIVATE, /* of an authorization */
	FAKE_CA_CHALLENGE,
	FAKE_CA_FINALIZE,
	FAKE_CA_CERTIFICATE,
	FAKE_CA_RENEWAL_INFO, /* RFC 9773 */
	FAKE_CA_REVOKE,       /* RFC 8555 s7.6 */
	FAKE_CA_UNKNOWN,
	FAKE_CA_KIND_COUNT
};

/* What is sent back. */
struct fake_ca_answer {
	enum error_code failure; /* set: no answer at all but this */
	struct http_response res;
};

enum fake_ca_phase {
	FAKE_CA_BEFORE, /* the request has arrived; true: it is not carried out, @answer is sent */
	FAKE_CA_AFTER   /* it was carried out; @answer is what will be sent and may be changed */
};

/* @nth: the how many-th of its kind, from 1. */
typedef bool
fake_ca_intercept_fn(
	enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg);

/* Does the validation of a challenge succeed? */
typedef bool
fake_ca_validate_fn(const char *type, const char *name, const char *key_authorization, void *arg);

/* Seconds that a certificate for @names, in order of the order, is to live. */
typedef int64_t
fake_ca_lifetime_fn(const struct strlist *names, void *arg);

/* All may be changed at any time; zero is the CA that does nothing wrong and validates at once. */
struct fake_ca_script {
	int64_t latency_ms;
	int64_t validate_ms;      /* from the answer to the challenge until it is decided */
	int64_t issue_ms;         /* order is "processing" for so long; 0: finalize answers "valid" */
	int64_t lifetime_sec;     /* of certificates; 0: 90 days */
	int64_t clock_behind_sec; /* the CA's clock is so much behind the loop's wall clock */
	unsigned nonce_reject_percent;
	unsigned alternates;        /* further chains, of "Fake Root 1" and so on; the default is of "Fake Root 0" */
	bool terms;                 /* terms of service have to be agreed to */
	bool terms_changed;         /* no order until newAccount agrees to them again, which ends this */
	const char *eab_key_id;     /* an external account is required, with this identifier ... */
	const char *eab_key;        /* ... and this key */
	bool reuse_authorizations;  /* they are valid from the start: orders are ready when created */
	bool never_validates;       /* challenges stay pending */
	unsigned retrying_failures; /* smallstep: so many validations of each challenge leave an error on it */
	const char *fail_name;      /* validation of this name fails ... */
	const char *fail_problem;   /* ... with this type; NULL: unauthorized */
	const char *profiles;       /* JSON of meta.profiles; NULL: "classic" and "short"; "": none at all */
	const char *profile_echo;   /* of orders; NULL: the profile that was asked for; "": none */
	int64_t retry_after_sec;    /* Retry-After of orders that are not final */
	const char *renewal_info;   /* the answer about every certificate; NULL: there is no renewal information */
	const char *renewal_id;     /* only about this one: the others have much time; NULL: about all */
	int64_t renewal_retry_sec;  /* its Retry-After ... */
	const char *renewal_retry;  /* ... or as text */
	const char *crl_url;        /* in certificates; NULL: no revocation list */
	const char *ocsp_url;       /* in certificates; NULL: no responder */
	const char *issuer_crl_url; /* in the intermediate, see fake_ca_replace_issuer() */
	bool sends_root;            /* at the end of chains */
	fake_ca_intercept_fn *intercept;
	fake_ca_validate_fn *validate;
	fake_ca_lifetime_fn *lifetime; /* goes before lifetime_sec */
	void *arg;
};

/* @loop: borrowed. @base_url: e.g. "https://ca.test", copied; the directory is at base_url + "/directory". */
struct fake_ca *
fake_ca_new(struct loop *loop, const char *base_url, uint64_t seed);

void
fake_ca_free(struct fake_ca *ca);

/* To send requests by; borrowed. Requests to other hosts fail with ERROR_NETWORK. */
const struct http *
fake_ca_transport(const struct fake_ca *ca);

struct fake_ca_script *
fake_ca_script(struct fake_ca *ca);

/* Requests that arrived, refused ones included. */
unsigned
fake_ca_count(const struct fake_ca *ca, enum fake_ca_kind kind);

unsigned
fake_ca_count_all(const struct fake_ca *ca);

void
fake_ca_reset_counts(struct fake_ca *ca);

/*
 * Nonces that were refused on purpose; newOrder and authorization requests that overlapped; most requests at one time.
 */
unsigned
fake_ca_nonces_rejected(const struct fake_ca *ca);

unsigned
fake_ca_overlaps(const struct fake_ca *ca);

unsigned
fake_ca_max_in_flight(const struct fake_ca *ca);

/* What a request did that no client may do (bad signature, used nonce, wrong URL); NULL: nothing. Borrowed. */
const char *
fake_ca_complaint(const struct fake_ca *ca);

/* Accounts and orders ever made. */
size_t
fake_ca_accounts(const struct fake_ca *ca);

size_t
fake_ca_orders(const struct fake_ca *ca);

/* The profile that an order asked for; NULL: none. Borrowed. */
const char *
fake_ca_order_profile(const struct fake_ca *ca, size_t order);

/* The ARI id that an order said it replaces; NULL: none. Borrowed. */
const char *
fake_ca_order_replaces(const struct fake_ca *ca, size_t order);

/*
 * The reason for which the certificate of an order was revoked; -1: it is not. @ret_is_by_key: the certificate's key
 * signed the request, not the account's.
 */
int
fake_ca_order_revoked(const struct fake_ca *ca, size_t order, bool *ret_is_by_key);

/* The ARI id that was asked for last; NULL: none. Borrowed. */
const char *
fake_ca_renewal_asked(const struct fake_ca *ca);

/* The public key of an account, as it came in a signature's header. Borrowed. */
const char *
fake_ca_account_jwk(const struct fake_ca *ca, size_t account);

struct crl_spec;

/* Appends its revocation list, or that of its root, to @ret. */
void
fake_ca_crl(struct fake_ca *ca, const struct crl_spec *spec, bool is_of_root, struct buf *ret);

struct ocsp_spec;

/* Appends its answer about @leaf (PEM) to @ret. */
void
fake_ca_ocsp(struct fake_ca *ca, const struct buf *leaf, const struct ocsp_spec *spec, struct buf *ret);

/* Other keys and certificates of the CA from now on, by the script. */
void
fake_ca_replace_issuer(struct fake_ca *ca);

/* The serial number of its intermediate, hexadecimal. Owned by the caller. */
char *
fake_ca_issuer_serial(struct fake_ca *ca);

/* The root that chains end in, as PEM; borrowed. @index: 0 the default, then the alternates. */
const char *
fake_ca_root_pem(struct fake_ca *ca, unsigned index);

/* Puts a problem document into @answer. */
void
fake_ca_answer_problem(struct fake_ca_answer *answer, int status, const char *type, const char *detail);

/* Puts any body into @answer. */
void
fake_ca_answer_body(struct fake_ca_answer *answer, int status, const char *body);

/* The CA does not know its accounts any more, as after the loss of its database. */
void
fake_ca_forget_accounts(struct fake_ca *ca);

/* As the account's owner, or the CA, can do. */
void
fake_ca_deactivate(struct fake_ca *ca, size_t account);

bool
fake_ca_is_deactivated(const struct fake_ca *ca, size_t account);

/* The contact of the account with that number, from 0; borrowed, NULL: none. */
const char *
fake_ca_contact(const struct fake_ca *ca, size_t account);

#endif
