/*
 * daemon/store/object.h: the objects of the API as structs, and their common part: ids, unique names, references. Every
 * struct begins with struct object. object_save() maintains these indexes (STORE_INDEX):
 *
 *   "n" db name NUL id     -> ""          by name, which is unique within a resource unless explicitly shared
 *   "r" db id-of-target NUL id -> ""      @id needs the target (autocertificate -> provider, ...); "w": weak
 *   "c" db common-name NUL id  -> ""      certificates and auto-certificates by common name
 *   "d" db reversed NUL id     -> ""      the same with the labels in reverse order: names below a domain are adjacent
 *   "l" db label NUL id        -> ""      certificates and auto-certificates by label
 *   "s" db state NUL id        -> ""      all by their state
 *   "e" db date id             -> ""      certificates and auto-certificates by the time of their expiry
 *   "f" db field NUL id        -> ""      auto-certificates that are paused
 *   "s" slug                   -> id      drop directories (service/slug.h)
 *   "x" id                 -> ""          certificates whose expiry was reported (renew/expiry.h)
 *   "g" id             -> time, text      subjects whose files were changed by others (rollout/rollout_check.h)
 *   "b" id             -> ""              subjects of which an earlier certificate is deployed (rollout/rollout_back.h)
 *   "k" hash of a key  -> certificate     compromised keys (compromised.h)
 *   "h"                                   of an earlier certd; not read
 */
#ifndef DAEMON_STORE_OBJECT_H
#define DAEMON_STORE_OBJECT_H

#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/store/record.h"
#include "daemon/store/setting.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* metadata.state; clients see PROVISIONING, AVAILABLE, FAILED. */
enum object_state { OBJECT_PROVISIONING = 0, OBJECT_AVAILABLE = 1, OBJECT_FAILED = 2 };

struct object {
	char id[STORE_ID_SIZE];
	char *name; /* unique within its kind, but see .may_share_name */
	int64_t created_at;
	int64_t modified_at;
	char *created_by; /* "uid:0", "token:ci" */
	char *modified_by;
	char *created_by_id; /* "0", the token's id; NULL: certd itself */
	char *modified_by_id;
	int64_t state;        /* enum object_state */
	struct error failure; /* why FAILED, or the last failed attempt; shown as metadata.message */
	struct buf declared;  /* JSON: properties whose declared spelling differs from certd's (service/fields.h) */
	bool is_peek;         /* was loaded without its secrets: cannot be saved */
	bool may_share_name;  /* object_save(): others of its kind may have the name; not stored */
	uint64_t sealed;      /* then: which secrets it has, record_secrets() */
	struct buf unknown;   /* fields of a later certd */
};

/* Has the account agreed to the terms of its CA? */
enum provider_terms {
	TERMS_QUIET = 0,   /* the CA does not complain */
	TERMS_CHANGED = 1, /* the CA wants agreement to changed terms (RFC 8555 s7.3.3): .o.failure has its words */
	TERMS_ACCEPTED = 2 /* the operator has agreed; the CA does not know yet */
};

struct provider {
	struct object o;
	char *email;
	char *server; /* directory URL, aliases resolved */
	char *eab_key_id;
	struct secret eab_key; /* decoded MAC key */
	bool has_agreed_terms;
	char *ca_file; /* PEM roots for the CA's own TLS; NULL: the system's */
	char *profile;
	char *preferred_chain;
	char *trusted_roots;         /* file (PEM) that chains must lead to; or NULL */
	char *account_key_algorithm; /* NULL: secp256r1 */
	int64_t max_orders;          /* in flight; 0: 8 */
	char *account_key_uri;       /* of the account's key in a PKCS#11 token; or NULL */
	char *account_lost;          /* when the CA does not know the account: "register" (also NULL) or "fail" */
	struct strlist rate_limits;  /* changes to the CA's, see ca_limits_set() */
	/* not set by clients: */
	struct secret account_key; /* key_to_der(); stored before newAccount; or imported */
	char *account_url;
	char *account_thumbprint;
	char *terms_url;  /* as the CA advertised it */
	int64_t attempts; /* consecutive failed registrations */
	bool is_key_imported;
	bool has_new_email;   /* the CA does not know the changed address of the account yet */
	int64_t next_at;      /* of the next registration attempt; of an earlier certd: 0 */
	char *account_note;   /* a note about the successful registration; or NULL */
	char *account_status; /* "deactivated", "revoked", "refused": certd cannot use it any more; NULL: it may */
	int64_t terms;        /* enum provider_terms */
	/* While the account's key is replaced (renew/account_rollover.c), both keys are kept: */
	struct secret next_key; /* PKCS#8 DER; the CA may have it already; no order starts */
	bool wants_rollover;
	bool wants_end;              /* the account is to be deactivated; no order starts */
	char *profile_policy;        /* "required" (also NULL) or "preferred" */
	struct record_list profiles; /* struct offered_profile: as the CA's directory last had them */
	struct strlist issue_windows, rollout_windows, freezes; /* of auto-certificates that declare none */
	char *staging; /* directory URL of the CA's staging environment, or "none"; NULL: the known one, see ca.h */
};

/* A profile that a CA offers. */
struct offered_profile {
	char *name; /* printable */
	char *help; /* the CA's description, or a URL; printable; or NULL */
	struct buf unknown;
};

struct autocert {
	struct object o;
	char *provider; /* id */
	char *common_name;
	struct strlist sans;
	char *key_algorithm;
	char *key_uri;      /* of the certificate's key in a PKCS#11 token; or NULL */
	char *csr;          /* PEM of the certificate request whose maker has the key; or NULL */
	char *challenge;    /* "auto", or a word of daemon/challenge/solver.c */
	char *dns_provider; /* id, or NULL: the one that has the zone */
	bool reuses_key;
	char *profile;
	int64_t renew_before;                                   /* seconds; 0: 30 days */
	struct strlist consumers;                               /* ids */
	struct strlist fallbacks;                               /* ids of providers, see renew/failover.h */
	struct strlist issue_windows, rollout_windows, freezes; /* see renew/window.h */
	bool is_paused;
	struct strlist labels; /* also of its certificates */
	/* not set by clients: */
	char *slug;             /* name of the drop directory; unique */
	char *last_certificate; /* id of the newest issued one */
	int64_t last_not_before_at;
	int64_t last_not_after_at;
	int64_t attempts; /* consecutive failures */
	int64_t last_attempt_at;
	int64_t hold_at; /* the next order waits for this turn under a rate limit of the CA (ledger.h), or had it; 0 */
	char *hold_why;
	bool skips_limits;       /* a caller insists on the next order */
	int64_t next_at;         /* as in the schedule, for lists; 0 none */
	struct buf refused_pem;  /* the newest certificate that the CA issued and certd refused, for explain */
	bool is_outdated;        /* the last certificate is for an earlier declaration */
	struct error last_error; /* of the last failure; cleared by success */
	char *ari_id;            /* the newest certificate's, if its CA offers renewal information; or NULL */
	int64_t ari_start_at;    /* the window that the CA suggests for its renewal; 0: none yet */
	int64_t ari_end_at;
	int64_t ari_pick_at;    /* the time chosen in it, for as long as the window does not change */
	char *ari_url;          /* why this window: the CA's page; or NULL */
	int64_t ari_attempts;   /* consecutive failures to fetch it */
	struct error ari_error; /* of the last of them */
	int64_t hurried_at;     /* the last time that a new certificate was replaced because the CA said so; 0: never */
	int64_t hurried_before_at;   /* the time before that */
	struct strlist standing;     /* records of dns-persist-01 that serve its names (renew/persist.h) */
	struct strlist validations;  /* what "auto" remembers of its names (challenge/choice.h) */
	struct error standing_error; /* what is wrong with one of them */
	char *profile_policy;        /* as of a provider; NULL: the provider's */
	char *preferred_chain;       /* as of a provider; NULL: the provider's */
	char *guard;                 /* "warn" (also NULL), "pass" or "hold": renew/guard.h */
	char *waiting_certificate;   /* id of a newer one that waits for approval: renew/approval.h; or NULL */
	int64_t waiting_until_at;    /* when it is deployed without one */
	struct strlist notes;        /* what the last order did not get as it was wanted; one line each */
	bool wants_new_key;          /* the next order has another key, although reuseKey is set */
	bool must_staple;            /* clients are to refuse the certificate without an OCSP response (RFC 7633) */
	char *provider_now;          /* id of the fallback that the next order goes to; NULL: .provider */
	char *provider_why;          /* one line about that, until a certificate is issued; or NULL */
	int64_t provider_failures;   /* in a row, of the provider in use */
	char *reissue;     /* id of the reissue that has the newest certificate replaced (renew/reissue.h); or NULL */
	char *unpause_url; /* the CA has paused a name, until a person says at this page that it is mended; or NULL */
	struct strlist tlsa_names; /* owner names of its TLSA records: renew/dane.h */
	struct secret next_key;    /* prepared for the next certificate, PKCS#8 DER */
	char *tlsa;                /* "3 1 1 HASH" of the last certificate's key; or NULL */
	char *tlsa_next;           /* of next_key */
	char *tlsa_former;         /* of the key before, whose records may be removed */
	int64_t tlsa_seen_at;      /* since when all name servers have tlsa_next; 0: they do not */
	int64_t tlsa_ready_at;     /* when they had it for a TTL; 0: not yet */
	struct error tlsa_error;   /* what the operator has to publish or to remove */
	bool skips_windows;        /* a caller wants the next certificate now */
	int64_t drop_after;        /* seconds; 0: never, see renew/drop_names.h */
	struct strlist failing;    /* names that the CA does not validate, since when */
	/* For renew/rehearse.h: */
	int64_t validation_failures; /* of orders at the CA, in a row */
	int64_t rehearse_until_at;   /* then the CA is asked again, whatever rehearsals say */
	bool is_rehearsed;           /* the next order goes to the CA: the rehearsal before it is over */

	/* Two keys, see service/variant.h: */
	struct strlist key_algorithms; /* instead of .key_algorithm */
	char *variant;                 /* id of the auto-certificate with the second one; or NULL */
	char *variant_of;              /* id of the one that this is the variant of; or NULL */
};

/* The id of the provider that the next order goes to. Borrowed. */
static inline const char *
autocert_provider(const struct autocert *a)
{
	return a->provider_now ? a->provider_now : a->provider;
}

/* The algorithm of its key. Borrowed. */
static inline const char *
autocert_key_algorithm(const struct autocert *a)
{
	if (a->key_algorithms.count)
		return a->key_algorithms.items[0];
	return a->key_algorithm ? a->key_algorithm : "secp256r1";
}

/* The property that says that certd does not have the key of the certificate; NULL: it has. */
static inline const char *
autocert_held_key(const struct autocert *a)
{
	return a->csr ? "csr" : a->key_uri ? "keyUri" : NULL;
}

struct certificate {
	struct object o; /* name = common name + issue time */
	char *autocert;  /* id; NULL: imported */
	char *provider;  /* id; NULL: imported */
	char *common_name;
	struct strlist names;
	char *serial;
	char *sha256;
	char *issuer_cn;
	char *issuer_org;
	char *key_algorithm;
	int64_t not_before_at;
	int64_t not_after_at;
	char *ari_id;
	struct buf leaf_pem;
	struct buf chain_pem; /* intermediates; may be empty */
	struct secret key;    /* key_to_der() */
	bool is_revoked;
	struct strlist consumers;  /* ids; only of an imported one: the others have their auto-certificate's */
	char *slug;                /* of an imported one: name of its drop directory; NULL: it was replaced */
	char *replaces;            /* id of an imported one whose drop directory it has taken over; or NULL */
	struct strlist labels;     /* of an issued one: as its auto-certificate has them */
	struct buf pair;           /* key_pair_digest() of the verified pair; checked again before it is deployed */
	bool is_deployed_anyway;   /* although .o.failure says that servers or clients would refuse it */
	bool is_held_back;         /* imported, but not deployed for that reason: no slug, no consumers */
	char *revoke_reason;       /* a word of common/api/revoke_reasons.h: it was revoked, or is to be; or NULL */
	char *revoke_provider;     /* id of the provider whose CA is asked */
	bool is_revoked_by_key;    /* the request is signed with its own key, not the account's */
	bool is_revoked_at_once;   /* without waiting for a replacement */
	int64_t revoke_attempts;   /* consecutive failures */
	int64_t revoke_at;         /* of the next attempt; 0: none */
	int64_t revoked_at;        /* when the CA confirmed it */
	struct error revoke_error; /* why the last attempt failed */
	char *revocation_list;     /* URL of the list in which certd found that it is revoked; or NULL */
};

struct dnsprovider {
	struct object o;
	char *kind; /* of common/api/dns_kinds.h */
	struct strlist zones;
	struct record_list settings; /* struct setting: as named in the kind's description */
	struct record_list secrets;  /* struct setting: its secrets */
	int64_t ttl;                 /* of TXT records; 0: 60 */
	int64_t propagation_timeout; /* seconds; 0: 120 */
	struct strlist nameservers;  /* queried for propagation instead of the zone's NS */
	bool validate_unseen;        /* ask the CA even if none of them has the record */
	struct strlist resolvers;    /* must see it after them: "address[:port]" or the URL of one over HTTPS */
	/* not set by clients: */
	struct strlist zones_seen; /* zones listed by the API, if none are declared */
	int64_t zones_listed_at;   /* 0: never, or the last attempt failed (o.failure) */
	char *account_name;        /* of the account that certd has registered at the service; NULL: none */
	char *account_domain;      /* the name that it serves, no final dot */
	struct secret account_password;
};

/* One endpoint that must serve the certificate. */
struct probe {
	char *host;
	int64_t port;
	struct buf unknown;
	char *sni;                /* NULL: see rollout_probe.c */
	char *protocol;           /* of common/api/endpoint.h; NULL: "tls" */
	struct strlist addresses; /* none: all addresses of the host */
	struct strlist alpn;      /* to offer */
};

struct consumer {
	struct object o;
	char *activate;              /* a word of CONSUMER_KINDS */
	struct record_list settings; /* struct setting: as named in the kind's description (consumer_kinds.c) */
	struct record_list secrets;  /* struct setting: its secrets */
	struct record_list probes;   /* struct probe */
	char *directory;             /* drop directory prepared by root; NULL: only STATE/live/<slug> */
	char *rollback;              /* "onFailure": an earlier certificate replaces one that fails; NULL: never */
	char *failing;               /* FAILED: id of the subject whose notification failed (subject.h) */
	char *layout;                /* of the files in .directory: a word of common/api/outputs.h; or NULL */
	struct strlist outputs;      /* further files there: "format:path[:mode[:group]]" */
	struct secret password;      /* of the formats that are encrypted */
};

/* A bearer token of the REST server; see daemon/service/token.h. */
struct token {
	struct object o;
	char *role;               /* "viewer", "operator", "admin" */
	int64_t lifetime;         /* seconds from o.created_at; 0: unlimited */
	struct strlist domains;   /* canonical patterns; its scope together with the next two: see common/scope.h */
	struct strlist providers; /* ids */
	struct strlist labels;
	struct buf hash; /* SHA-256 of its secret */
};

/* A name to be validated by a manually published TXT record. The object's name is that name, including "*.". */
struct authorization {
	struct object o;
	char *provider;  /* id */
	char *challenge; /* "dns-persist-01"; NULL: "manual" */
	/* not set by clients: */
	char *order_url; /* its own order; NULL: not made yet, or it is part of the order of .autocert */
	char *autocert;  /* id; NULL: made by `authorize` */
	char *authorization_url;
	char *challenge_url;
	char *record_name; /* "_acme-challenge.example.com" */
	char *txt;         /* NULL: unknown */
	char *status;      /* "pending", "valid" */
	int64_t expires_at;
	int64_t attempts; /* consecutive failures to reach the CA */
	bool is_forced;   /* the CA is to validate, even if certd does not find the record in DNS */
	int64_t next_at;  /* time of the next check; of an earlier certd: 0 */
};

/* A destination of alerts. */
struct alert {
	struct object o;             /* FAILED: the last delivery failed, .failure says why */
	char *kind;                  /* of common/api/alert_kinds.h */
	struct record_list settings; /* struct setting: as named in the kind's description (alert_kinds.c) */
	struct record_list secrets;  /* struct setting: its secrets; also URLs, as those of Slack let anyone post */
	char *minimum_severity;      /* NULL: warning */
	struct strlist conditions;   /* words; empty: all */
	struct strlist labels;       /* only certificates with one of these; empty: everything */
	/* not set by clients: */
	char *endpoint;   /* where it sends to, without what is secret */
	int64_t attempts; /* consecutive failures */
	int64_t last_sent_at;
};

RECORD_DECLARE(provider, provider_class);
RECORD_DECLARE(autocert, autocert_class);
RECORD_DECLARE(certificate, certificate_class);
RECORD_DECLARE(dnsprovider, dnsprovider_class);
RECORD_DECLARE(consumer, consumer_class);
RECORD_DECLARE(authorization, authorization_class);
extern const struct record_class probe_class;
extern const struct record_class offered_profile_class;
RECORD_DECLARE(token, token_class);
RECORD_DECLARE(alert, alert_class);

#define _cleanup_provider_ _cleanup_(provider_clear)
#define _cleanup_autocert_ _cleanup_(autocert_clear)
#define _cleanup_certificate_ _cleanup_(certificate_clear)
#define _cleanup_dnsprovider_ _cleanup_(dnsprovider_clear)
#define _cleanup_consumer_ _cleanup_(consumer_clear)
#define _cleanup_token_ _cleanup_(token_clear)
#define _cleanup_authorization_ _cleanup_(authorization_clear)
#define _cleanup_alert_ _cleanup_(alert_clear)

/*
 * All take @obj = a struct of @cls, zeroed or to be replaced; it is empty when nothing was found. The given id or name
 * may be inside it. Return: 1 found, 0 absent, -1 failed.
 */
int
object_load(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err);

/* By id or by name. ERROR_INVALID: several have that name; the message lists their ids. */
int
object_find(struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err);

/* Ids of all that have that name, in order; at most @max. Appended to @ret. Return: 0 or -1. */
int
object_ids_of_name(struct store *store, const struct record_class *cls, const char *name, size_t max,
	struct strlist *ret, struct error *err);

/*
 * authorization_find() - the authorization of a name with a provider: each provider may have one
 * Return: as object_load().
 */
int
authorization_find(
	struct store *store, const char *name, const char *provider, struct authorization *ret, struct error *err);

/* The error for a name that all of @ids have: ERROR_INVALID. Return: -1. */
int
object_ambiguous(const struct record_class *cls, const char *name, const struct strlist *ids, struct error *err);

/*
 * The same without unsealing: secrets are empty, and object_save() refuses the object. object_next_peek() walks a
 * resource in order of ids; @after: the id to start after, "" for the first.
 */
int
object_peek(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err);

int
object_find_peek(struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err);

int
object_next_peek(struct store *store, const struct record_class *cls, const char *after, void *obj, struct error *err);

/*
 * Stores @obj with its index rows, replacing the earlier ones. A new object (empty id) gets an id. The caller sets
 * times and users of the metadata. ERROR_INVALID: the name is missing or too long; ERROR_EXISTS: a new name is taken;
 * ERROR_NOT_FOUND: a referenced object does not exist. Return: 0, or -1 with nothing added to @txn. Watchers of the
 * class's database (store_watch()) receive the struct before and after.
 */
int
object_save(struct store *store, struct store_txn *txn, const struct record_class *cls, void *obj, struct error *err);

/*
 * ERROR_NOT_FOUND; ERROR_IN_USE with the objects that need it (the first three and the number of others). Weak
 * references (a certificate's to its auto-certificate and provider) do not prevent the deletion.
 */
int
object_delete(
	struct store *store, struct store_txn *txn, const struct record_class *cls, const char *id, struct error *err);

/*
 * How many of @cls are in @state, including pending changes: a stored counter that object_save() and object_delete()
 * maintain.
 */
int64_t
object_count(struct store *store, const struct record_class *cls, enum object_state state);

/* How many of @cls have a failure, in any state: an auto-certificate may have a certificate but fail to renew it. */
int64_t
object_count_failing(struct store *store, const struct record_class *cls);

/* Ids of those of @cls that refer to @target_id, weakly or not, in order; at most @max. Return: 0 or -1. */
int
object_referrers(struct store *store, const struct record_class *cls, const char *target_id, size_t max,
	struct strlist *ret, struct error *err);

/*
 * objects_upgrade() - make index rows that an earlier certd did not make, once
 * Return: 1 the index was completed, 0 it was complete already, -1 failed: filtered lists may omit earlier objects.
 */
int
objects_upgrade(struct store *store, struct error *err);

#endif
