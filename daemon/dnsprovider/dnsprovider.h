/*
 * daemon/dnsprovider/dnsprovider.h: adds one TXT value to a zone and removes that value again. There is one file for
 * each row of DNS_KINDS (common/api/dns_kinds.h), which describes its settings. Every change may be repeated: adding an
 * existing value and removing a missing one succeed.
 */
#ifndef DAEMON_DNSPROVIDER_DNSPROVIDER_H
#define DAEMON_DNSPROVIDER_DNSPROVIDER_H

#include "daemon/store/object.h"

struct dns;
struct error;
struct http;
struct loop;
struct meters;
struct store;

/* The environment of drivers; borrowed by all of them. */
struct dnsprovider_env {
	struct loop *loop;
	struct dns *dns;
	const struct http *http;
	struct meters *meters; /* counts the changes; or NULL */
};

/* One value at one name. Strings are borrowed for the call, copied by the driver. */
struct dnsprovider_record {
	const char *zone; /* apex, no final dot; NULL only for drivers without needs_zone */
	const char *name; /* full owner name, no final dot, CNAMEs followed */
	const char *value;
	const char *domain;            /* the name being validated, without "*."; NULL: no longer known */
	const char *key_authorization; /* RFC 8555 s8.1; NULL: no longer known */
};

/* Once, from the loop, never from inside the call. */
typedef void
dnsprovider_done_fn(const struct error *err, void *arg);

/* @zones: borrowed for the call; NULL when @err. */
typedef void
dnsprovider_zones_fn(const struct strlist *zones, const struct error *err, void *arg);

/* An account that certd has registered at a service. */
struct dnsprovider_account {
	char *name;
	char *domain; /* the name that it serves, no final dot */
	struct secret password;
};

void
dnsprovider_account_clear(struct dnsprovider_account *account);

/* @account: borrowed for the call, may be emptied; NULL when @err. */
typedef void
dnsprovider_account_fn(struct dnsprovider_account *account, const struct error *err, void *arg);

struct dnsprovider_op; /* a running add, remove, list or registration; each driver defines its own */

struct http_api;

struct dnsprovider_driver {
	const struct http_api *api; /* of drivers over HTTP; else NULL */
	bool needs_zone;            /* cannot work without record->zone */
	bool is_serial;             /* changes of one provider must not overlap, whatever their names */
	bool has_whole_zones; /* a change writes the whole zone: those of one zone must not overlap (needs_zone) */
	/* Does it compute the owner name from the domain, as for dns-01? NULL: no. */
	bool (*is_dns01_only)(const struct dnsprovider *d);
	/*
	 * Pure: checks what the description of the settings cannot express. ERROR_INVALID names the setting. NULL:
	 * nothing.
	 */
	int (*check)(const struct dnsprovider *d, struct error *err);
	/* @d is borrowed for the call. Ends within the driver's own time limit. */
	struct dnsprovider_op *(*change)(const struct dnsprovider_env *env, const struct dnsprovider *d,
		bool is_removal, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);
	/* Lists the zones. One attempt of some seconds. NULL: not supported. */
	struct dnsprovider_op *(*list_zones)(
		const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg);
	/*
	 * Registers an account at the service of @d. One attempt of some seconds; one without an answer may leave an
	 * account that nobody uses. NULL: not supported.
	 */
	struct dnsprovider_op *(*sign_up)(const struct dnsprovider_env *env, const struct dnsprovider *d,
		dnsprovider_account_fn *done, void *arg);
	/* Cancels; @done is not called. */
	void (*cancel)(struct dnsprovider_op *op);
};

/* NULL: unknown kind. */
const struct dnsprovider_driver *
dnsprovider_driver(const char *kind);

/*
 * Whether @d can be stored and used: the kind exists, its settings are complete and valid, and its name servers can be
 * parsed. Pure. ERROR_INVALID names the field.
 */
int
dnsprovider_check(const struct dnsprovider *d, struct error *err);

/* Has @d neither the credentials of an account nor one that certd has registered, where certd can? Pure. */
bool
dnsprovider_needs_account(const struct dnsprovider *d);

/* The DNS server whose zones @d changes, borrowed; NULL: its settings do not name one. */
const char *
dnsprovider_server(const struct dnsprovider *d);

/*
 * The longest of @d's zones (declared, otherwise listed by its API) that contains @name: its length, or 0: none. Pure.
 */
size_t
dnsprovider_match(const struct dnsprovider *d, const char *name);

/* "example.com, example.net and 3 more": the zones of all DNS providers; "none". Owned by the caller. */
char *
dnsprovider_zones_text(struct store *store);

/*
 * dnsprovider_choose() - choose the provider that changes the records of @name
 * @named: id of the requested provider, whatever its zones (an alias may lead there); or NULL: the one with the longest
 * matching zone, else the only provider if it lists no zones.
 * @ret: zeroed by the caller; call dnsprovider_clear() afterwards. Without its secrets, as in object_peek().
 * Return: 1 found, 0 there is none, -1 failed.
 */
int
dnsprovider_choose(
	struct store *store, const char *named, const char *name, struct dnsprovider *ret, struct error *err);

#endif
