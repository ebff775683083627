/*
 * daemon/renew/reissue.h: replaces many certificates before their time, for example because their CA has to revoke
 * them. A reissue has one record (STORE_REISSUE), with what it selects and how far it is. Its job orders the selected
 * certificates, those that expire first before the others, evenly at .rate a minute; what is ordered bears the id of
 * the reissue until it has its new certificate. A certificate that was issued after the begin is not replaced again.
 *
 * What CAs ask for (ari.c) and what revocation lists say (crl_found.c) needs no reissue: each such certificate is due
 * by itself, and the same rows, lanes and rate limits make the orders wait. A reissue is for what only an operator
 * knows.
 */
#ifndef DAEMON_RENEW_REISSUE_H
#define DAEMON_RENEW_REISSUE_H

#include "daemon/renew/issue.h"
#include "daemon/store/object_query.h"

/* The record's id for callers without a scope. Others have one each, by their user id. */
#define REISSUE_OF_ALL "all"

struct reissue {
	char *id; /* random, another for each begin */
	char *by; /* as in audit: "uid:0" */
	/* What is selected; NULL and 0 select everything: */
	char *issuer;        /* organization or common name of the issuer */
	char *intermediate;  /* common name of the issuer */
	char *key_algorithm; /* of the certificate */
	char *profile;       /* that is asked for, by the auto-certificate or its provider */
	char *provider;      /* id */
	char *label;
	int64_t issued_before_at; /* UNIX seconds */
	bool has_scope;
	struct record_list scope; /* struct scope_rule, with ids of providers: one of them covers it */
	bool has_new_keys;        /* although reuseKey is set */
	int64_t rate;             /* orders a minute */
	int64_t total;            /* certificates that were selected at the begin */
	int64_t begun_at;         /* certificates that were issued from then on are new */
	bool is_paused;
	bool is_cancelled;
	int64_t ended_at; /* 0: it goes on */
	int64_t started;  /* orders */
	/* The walk: */
	struct buf at;          /* the last one that was visited, see object_query.h */
	int64_t full_at_ms;     /* of the rate's bucket, see rate.h */
	int64_t started_before; /* .started when this walk over all began */
	int64_t ordered;        /* that this walk has found ordered, but not issued yet */
	int64_t failing;        /* the same, whose last attempt has failed */
	struct buf unknown;
};

RECORD_DECLARE(reissue, reissue_class);

#define _cleanup_reissue_ _cleanup_(reissue_clear)

struct scope_rule;

/* Adds a rule of the scope. It may have providers by name, as those of certd.conf; their ids are added. */
void
reissue_add_rule(struct store *store, struct reissue *r, const struct scope_rule *rule);

/* Saves it with its row, which there is while orders are to begin. @key: REISSUE_OF_ALL, or a user id. */
void
reissue_save(struct store *store, struct store_txn *txn, const char *key, const struct reissue *r, int64_t next_at);

/* What a reissue means for an auto-certificate. */
enum reissue_part {
	REISSUE_NOTHING, /* it is not selected, or has a new certificate */
	REISSUE_TO_COME,
	REISSUE_PAUSED,  /* selected, but not touched while it is paused */
	REISSUE_ORDERED, /* the new certificate is not issued yet */
	REISSUE_FAILING, /* the same, and the last attempt has failed */
};

enum reissue_part
reissue_part_of(struct store *store, const struct reissue *r, const struct autocert *a);

/* A walk over the auto-certificates that have a certificate, by expiry. @at: after that one; NULL: from the first. */
void
reissue_query(struct object_query *query, const struct buf *at);

/* The rate for @total certificates when none is given: all have begun within 20 hours, as CAs revoke within 24. */
int64_t
reissue_usual_rate(int64_t total);

/* Reports that it is over: when all orders were tried, or it was cancelled. */
void
reissue_report_end(struct events *events, struct store_txn *txn, const struct reissue *r);

/* Registered with a struct issue_env. */
extern const struct job_kind reissue_job;

#endif
