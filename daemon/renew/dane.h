/*
 * daemon/renew/dane.h: TLSA records (RFC 6698) of auto-certificates. Clients that use DANE refuse a key without a
 * record, so certd prepares the next key long before the renewal, and uses it only after all name servers have had its
 * record for a TTL. Until then a renewal keeps the key. Records are "3 1 1": the SHA-256 of the public key, whichever
 * certificate it is in.
 *
 *   tlsa_names                     declared: owner names, such as _25._tcp.mail.example.com
 *   next_key, tlsa_next            the prepared key
 *   tlsa, tlsa_former              of the key in use, and of the one before it
 *   tlsa_seen_at, tlsa_ready_at    of tlsa_next
 *   tlsa_error                     what the operator has to publish or to remove
 */
#ifndef DAEMON_RENEW_DANE_H
#define DAEMON_RENEW_DANE_H

#include "daemon/renew/issue.h"

/* Prepares the next key, and looks for the records. Registered with a struct issue_env. */
extern const struct job_kind dane_job;

/* The row of an auto-certificate whose names or keys have changed. */
void
dane_schedule(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now);

/* The declared names in canonical form. ERROR_INVALID with the field "tlsaNames[N]". */
int
dane_canonical_names(struct strlist *names, struct error *err);

/* The declared names were changed: forgets what was seen, and without names the prepared key. */
void
dane_redeclared(struct autocert *a);

/* --- the key of the next certificate --- */

enum dane_choice {
	DANE_ANY,  /* as without DANE */
	DANE_OLD,  /* that of the last certificate */
	DANE_NEXT, /* the prepared one */
	DANE_WAIT  /* none may be used: the order waits */
};

struct dane_in {
	const struct autocert *a;
	bool may_reuse; /* the last certificate's key is fit: right algorithm, not compromised */
	bool has_next;  /* the prepared key is there and has the right algorithm */
	int64_t now;
};

/* Pure. Never DANE_WAIT when less than a twentieth of the last certificate's lifetime is left, or a caller insists. */
enum dane_choice
dane_choose(const struct dane_in *in);

/* When DANE_WAIT ends at the latest. */
int64_t
dane_emergency_at(const struct autocert *a);

/* Why an order waits; owned by the caller. */
char *
dane_wait_text(const struct autocert *a);

/* A certificate with that key was issued. Adds to a->notes what an operator should know of it. @der: of the key */
void
dane_used(struct autocert *a, const unsigned char spki_sha256[32], const struct secret *der);

/* "3 1 1 HASH"; owned by the caller. @spki_sha256: key_spki_sha256() */
char *
dane_tlsa(const unsigned char spki_sha256[32]);

/* --- looking --- */

/* What the servers of all names have answered. */
struct dane_look {
	struct strlist missing; /* "NAME: what a server said" for each name that lacks the next record */
	struct strlist unknown; /* the same for each name that could not be looked up */
	struct strlist unused;  /* names without a record of the key in use */
	struct strlist former;  /* names with a record of the key before */
	int64_t ttl;            /* the longest */
};

void
dane_look_clear(struct dane_look *look);

/* Pure: notes a look. Return: when the next one is due. */
int64_t
dane_note(struct autocert *a, const struct dane_look *look, int64_t now);

#endif
