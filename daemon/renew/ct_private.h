/* daemon/renew/ct_private.h: shared by ct.c, the job, and ct_found.c, what is stored. */
#ifndef DAEMON_RENEW_CT_PRIVATE_H
#define DAEMON_RENEW_CT_PRIVATE_H

#include "daemon/renew/ct.h"
#include "daemon/renew/ct_read.h"

/* The object of the row. */
#define CT_ROW "ct"

/* A domain; its key is "." and the domain. */
struct ct_domain {
	char *after; /* the page up to which all is known; or NULL */
	char *asked; /* what was asked for up to there; it is asked again when that changes */
	int64_t checked_at;
	int64_t next_at;  /* not asked for before */
	int64_t attempts; /* consecutive failures */
	struct error error;
	struct buf unknown;
};

extern const struct record_class ct_domain_class;

/* First 16 octets of the SHA-256 of serial number and expiry. */
struct ct_key {
	unsigned char octets[16];
};

struct ct_key
ct_key_of(const char *serial, int64_t not_after_at);

enum { CT_ID_SIZE = 2 * sizeof(struct ct_key) + 1 };

void
ct_key_id(const struct ct_key *key, char ret[CT_ID_SIZE]);

/* Appends @source with @domain in the place of each "{domain}". */
void
ct_url(const char *source, const char *domain, struct buf *ret);

/* Is the issuer one of @known? */
bool
ct_is_known_issuer(const struct strlist *known, const char *issuer);

/* @entry: what is in it is taken. @managed: those of its names that are, first in the finding. */
void
ct_finding_new(
	struct ct_finding *ret, struct ct_entry *entry, const struct strlist *managed, const char *domain, int64_t now);

void
ct_finding_save(const struct issue_env *env, struct store_txn *txn, const char *id, const struct ct_finding *f);

void
ct_finding_delete(const struct issue_env *env, struct store_txn *txn, const char *id);

/* The event, and the condition. */
void
ct_finding_report(
	const struct issue_env *env, struct store_txn *txn, const char *id, struct ct_finding *f, int64_t now);

#endif
