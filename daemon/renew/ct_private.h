/*
 * daemon/renew/ct_private.h: shared by ct.c, the job; ct_own.c, what is certd's own; ct_check.c, what a worker does;
 * and ct_found.c, what is stored.
 */
#ifndef DAEMON_RENEW_CT_PRIVATE_H
#define DAEMON_RENEW_CT_PRIVATE_H

#include "daemon/renew/ct.h"
#include "daemon/renew/ct_read.h"
#include "daemon/store/object_query.h"

#define HASH_FUNCTION HASH_FNV /* the default has switch labels that fall through, which clang refuses */
#include <uthash.h>

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

/* One registered domain. */
struct ct_group {
	char *domain;
	struct strlist names; /* managed */
	bool is_busy;         /* certd has an order for one of them */
	UT_hash_handle hh;
};

struct ct_own {
	const struct issue_env *env;
	struct object_query query;
	bool is_at_autocerts;
	struct ct_key *keys; /* of certificates; sorted after the walk */
	size_t n_keys, max_keys;
	struct ct_group *groups; /* hash table */
};

void
ct_own_init(struct ct_own *own, const struct issue_env *env);

void
ct_own_clear(struct ct_own *own);

/* Walks over the next certificates, then auto-certificates. Return: 1 there are more, 0 all are known, -1. */
int
ct_own_collect(struct ct_own *own, struct error *err);

bool
ct_own_has(const struct ct_own *own, const struct ct_key *key);

/* The group of @domain; NULL: none of its names is managed. */
struct ct_group *
ct_own_group(struct ct_own *own, const char *domain);

/* An entry for managed names, which an issuer that is not known has issued. */
struct ct_hit {
	struct ct_entry entry;
	struct strlist managed;
};

/* The data of a worker; outlives the pass, which may be cancelled meanwhile. */
struct ct_check {
	struct ct_pass *pass; /* NULL: cancelled */
	struct buf body;
	struct strlist names;     /* of the group; sorted by the worker */
	struct strlist wildcards; /* that would cover them; sorted */
	struct strlist known;     /* issuers */
	int64_t now;
	struct ct_hit *hits;
	size_t n_hits;
	bool has_more;
	struct ct_page page;
	struct error error;
};

void
ct_check_free(struct ct_check *check);

/* @check: struct ct_check. In a worker: reads .body into .hits. */
void
ct_check_run(void *check);

#endif
