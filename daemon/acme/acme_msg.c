/*
 * Octets of a CA in, checked structs out. Everything that a hostile CA could use for an attack is refused here: URLs
 * that are not plain https, tokens that could be paths, identifiers that are not names. Unknown, absent or malformed
 * members that certd does not use are ignored: real CAs omit members from later answers, repeat wildcards in
 * identifiers, and offer challenge types of their own.
 */
#include "daemon/acme/acme_msg.h"

#include "common/crypto/base64url.h"
#include "common/json.h"
#include "common/name.h"
#include "common/printable.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_problem.h"
#include "daemon/base/http_url.h"

#include <stdlib.h>
#include <string.h>

/* Of the CA's account of a failed validation: its attempts, addresses of each, octets. */
enum { VALIDATIONS_SHOWN = 4, ADDRESSES_SHOWN = 4, VALIDATION_MAX = 400 };

enum {
	CHALLENGES_MAX = 64,
	CHALLENGE_TYPE_MAX = 64,
	PROFILES_SHOWN = 300 /* octets of their list */,
	ISSUERS_MAX = 10
};

#define BIT(status) (1U << (status))

static const char *const status_names[] = {
	[ACME_PENDING] = "pending",
	[ACME_READY] = "ready",
	[ACME_PROCESSING] = "processing",
	[ACME_VALID] = "valid",
	[ACME_INVALID] = "invalid",
	[ACME_DEACTIVATED] = "deactivated",
	[ACME_EXPIRED] = "expired",
	[ACME_REVOKED] = "revoked",
};

/* RFC 8555 s7.1.6: the statuses that each object can have */
static const unsigned order_statuses = BIT(ACME_PENDING) | BIT(ACME_READY) | BIT(ACME_PROCESSING) | BIT(ACME_VALID) |
				       BIT(ACME_INVALID);
static const unsigned authorization_statuses = BIT(ACME_PENDING) | BIT(ACME_VALID) | BIT(ACME_INVALID) |
					       BIT(ACME_DEACTIVATED) | BIT(ACME_EXPIRED) | BIT(ACME_REVOKED);
static const unsigned challenge_statuses = BIT(ACME_PENDING) | BIT(ACME_PROCESSING) | BIT(ACME_VALID) |
					   BIT(ACME_INVALID);
static const unsigned account_statuses = BIT(ACME_VALID) | BIT(ACME_DEACTIVATED) | BIT(ACME_REVOKED);

bool
acme_nonce_is_valid(const char *nonce)
{
	return strlen(nonce) <= ACME_NONCE_MAX && base64url_is_text(nonce, strlen(nonce));
}

int
acme_url_check(const char *text, struct error *err)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };

	if (strlen(text) > ACME_URL_MAX)
		return error_set(err, ERROR_PROTOCOL, "the URL is longer than %d octets", ACME_URL_MAX);
	if (http_url_parse(text, &url, err) < 0)
		return -1;
	if (strcmp(url.scheme, "https") != 0)
		return error_set(err, ERROR_PROTOCOL, "the URL is not https");
	if (url.has_user || url.fragment)
		return error_set(err, ERROR_PROTOCOL, "the URL contains a user or a fragment");
	return 0;
}

bool
acme_url_same_host(const char *a, const char *b)
{
	_cleanup_http_url_ struct http_url url_a = { .scheme = NULL };
	_cleanup_http_url_ struct http_url url_b = { .scheme = NULL };

	return http_url_parse(a, &url_a, NULL) == 0 && http_url_parse(b, &url_b, NULL) == 0 &&
	       http_url_is_same_host(&url_a, &url_b);
}

/* The message names the member. The error's field stays unset, because it is for certd's own settings. */
static int
acme_msg_refuse(struct error *err, const char *object)
{
	if (err) {
		free(err->field);
		err->field = NULL;
	}
	return error_wrap(err, "%s", object);
}

/* Parses @text, which must be an object. */
static struct json_object *
parse_object(const char *text, size_t len, const char *what, struct error *err)
{
	struct json_object *obj = json_parse(text, len, err);

	if (!obj) {
		error_wrap(err, "%s", what);
		return NULL;
	}
	if (!json_object_is_type(obj, json_type_object)) {
		json_object_put(obj);
		error_set(err, ERROR_PROTOCOL, "%s: not a JSON object", what);
		return NULL;
	}
	return obj;
}

/* Copies a URL member. Return: 0, or -1 (also when it is absent and @is_required). */
static int
get_url(struct json_object *obj, const char *name, bool is_required, char **ret, struct error *err)
{
	const char *url = NULL;
	int r = json_get_string(obj, name, &url, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return is_required ? error_set(err, ERROR_PROTOCOL, "%s is missing", name) : 0;
	if (acme_url_check(url, err) < 0)
		return error_wrap(err, "%s", name);
	*ret = xstrdup(url);
	return 0;
}

static int
get_status(struct json_object *obj, unsigned allowed, enum acme_status *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(obj, "status", &text, err);

	if (r < 0)
		return -1;
	*ret = ACME_PENDING;
	if (r == 0) /* some CAs omit it until the status first changes */
		return allowed & BIT(ACME_PENDING) ? 0 : error_set(err, ERROR_PROTOCOL, "status is missing");
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (strcmp(text, status_names[i]) == 0 && (allowed & BIT(i))) {
			*ret = (enum acme_status)i;
			return 0;
		}
	return error_set(err, ERROR_PROTOCOL, "status is not valid for this object");
}

/* UNIX seconds; 0 when it is absent or not a date: nothing depends on it. */
static int64_t
acme_msg_expires(struct json_object *obj)
{
	const char *text = NULL;
	int64_t at = 0;

	if (json_get_string(obj, "expires", &text, NULL) == 1 && time_parse_rfc3339(text, &at) < 0)
		return 0;
	return at;
}

/* {"type":"dns","value":"www.example.com"} as a canonical name, owned by the caller. */
static int
read_identifier(struct json_object *identifier, char **ret, struct error *err)
{
	const char *type = NULL, *value = NULL;
	bool is_ip;

	if (!json_object_is_type(identifier, json_type_object) ||
		json_get_string(identifier, "type", &type, NULL) != 1 ||
		json_get_string(identifier, "value", &value, NULL) != 1)
		return error_set(err, ERROR_PROTOCOL, "identifier without type and value");
	is_ip = strcmp(type, "ip") == 0;
	if (!is_ip && strcmp(type, "dns") != 0)
		return error_set(err, ERROR_PROTOCOL, "identifier of an unknown type");
	if (name_canonical(value, is_ip, ret, err) < 0) {
		err->code = ERROR_PROTOCOL;
		return error_wrap(err, "identifier");
	}
	return 0;
}

static void
get_problem(struct json_object *obj, struct error *ret)
{
	struct json_object *problem = NULL;

	if (json_get_object(obj, "error", &problem, NULL) == 1)
		acme_problem_of_validation(problem, ret);
}

static int
read_meta(struct json_object *obj, struct acme_directory *d, struct error *err)
{
	struct json_object *meta = NULL, *profiles = NULL;
	const char *terms = NULL, *prefix = NULL;
	int r = json_get_object(obj, "meta", &meta, err);

	if (r <= 0)
		return r;
	if (json_get_string(meta, "termsOfService", &terms, err) < 0 ||
		json_get_bool(meta, "externalAccountRequired", &d->needs_eab, err) < 0 ||
		json_get_strlist(meta, "caaIdentities", &d->caa_identities, err) < 0 ||
		json_get_object(meta, "profiles", &profiles, err) < 0)
		return error_wrap(err, "meta");
	if (terms && *terms) /* displayed, never fetched: any scheme is allowed */
		d->terms_of_service = printable_line(terms, strlen(terms), ACME_URL_MAX);
	if (json_get_string(meta, "accountHashPrefix", &prefix, NULL) == 1 && acme_url_check(prefix, NULL) == 0)
		d->account_hash_prefix = xstrdup(prefix);
	if (profiles) {
		json_object_object_foreach(profiles, name, description) {
			bool is_text = json_object_is_type(description, json_type_string);

			strlist_add(&d->profiles, name);
			strlist_add(&d->profile_help, is_text ? json_object_get_string(description) : "");
		}
	}
	return 0;
}

int
acme_directory_check_profile(const struct acme_directory *directory, const char *profile, struct error *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	_cleanup_free_ char *shown = NULL;

	if (strlist_has(&directory->profiles, profile))
		return 0;
	for (size_t i = 0; i < directory->profiles.count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", directory->profiles.items[i]);
	shown = printable_line(buf_str(&names), names.len, PROFILES_SHOWN);
	error_set(err, ERROR_CA, "the CA does not offer the profile '%s'; %s%s", profile,
		*shown ? "it offers " : "it offers no profiles at all", shown);
	if (err)
		str_replace(&err->field, "profile");
	return -1;
}

int
acme_msg_directory(const char *text, size_t len, struct acme_directory *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "directory", err);
	_cleanup_(acme_directory_clear) struct acme_directory d = { .new_nonce = NULL };

	if (!obj)
		return -1;
	if (get_url(obj, "newNonce", true, &d.new_nonce, err) < 0 ||
		get_url(obj, "newAccount", true, &d.new_account, err) < 0 ||
		get_url(obj, "newOrder", true, &d.new_order, err) < 0 ||
		get_url(obj, "revokeCert", false, &d.revoke_cert, err) < 0 ||
		get_url(obj, "keyChange", false, &d.key_change, err) < 0 ||
		get_url(obj, "renewalInfo", false, &d.renewal_info, err) < 0 || read_meta(obj, &d, err) < 0)
		return acme_msg_refuse(err, "directory");
	*ret = d;
	d = (struct acme_directory){ .new_nonce = NULL };
	return 0;
}

static int
read_order(struct json_object *obj, struct acme_order_msg *o, struct error *err)
{
	struct json_object *identifiers = NULL;
	const char *profile = NULL;

	if (json_get_string(obj, "profile", &profile, NULL) == 1)
		o->profile = xstrdup(profile);
	o->expires_at = acme_msg_expires(obj);
	if (get_status(obj, order_statuses, &o->status, err) < 0 ||
		get_url(obj, "finalize", false, &o->finalize, err) < 0 ||
		get_url(obj, "certificate", false, &o->certificate, err) < 0 ||
		json_get_strlist(obj, "authorizations", &o->authorizations, err) < 0 ||
		json_get_array(obj, "identifiers", &identifiers, err) < 0)
		return -1;
	for (size_t i = 0; identifiers && i < json_object_array_length(identifiers); i++) {
		char *name = NULL;

		if (read_identifier(json_object_array_get_idx(identifiers, i), &name, err) < 0)
			return -1;
		strlist_take(&o->names, name);
	}
	for (size_t i = 0; i < o->authorizations.count; i++)
		if (acme_url_check(o->authorizations.items[i], err) < 0)
			return error_wrap(err, "authorizations[%zu]", i);
	get_problem(obj, &o->error);
	return 0;
}

int
acme_msg_order(const char *text, size_t len, struct acme_order_msg *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "order", err);
	_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_PENDING };

	if (!obj)
		return -1;
	if (read_order(obj, &o, err) < 0)
		return acme_msg_refuse(err, "order");
	*ret = o;
	o = (struct acme_order_msg){ .status = ACME_PENDING };
	return 0;
}

/* An item of validationRecord, with the members of Boulder and Pebble. RFC 8555 does not define them. */
static void
add_validation(struct json_object *record, struct buf *ret)
{
	_cleanup_strlist_ struct strlist resolved = STRLIST_INIT;
	const char *url = NULL, *host = NULL, *used = NULL;

	json_get_string(record, "url", &url, NULL);
	json_get_string(record, "hostname", &host, NULL);
	json_get_string(record, "addressUsed", &used, NULL);
	json_get_strlist(record, "addressesResolved", &resolved, NULL);
	if (!url && !host && !used)
		return;
	buf_printf(ret, "%s%s", ret->len ? ", then " : "", url && *url ? url : host ? host : "it");
	if (used && *used)
		buf_printf(ret, " at %s", used);
	for (size_t i = 0; i < resolved.count && i < ADDRESSES_SHOWN; i++)
		buf_printf(ret, "%s%s", i ? ", " : " (of ", resolved.items[i]);
	buf_add_str(ret, resolved.count ? ")" : "");
}

/* What the CA asked, and where, belongs to the reason of a failure. */
static void
get_validation_error(struct json_object *obj, struct error *ret)
{
	_cleanup_buf_ struct buf seen = BUF_INIT;
	_cleanup_free_ char *line = NULL, *text = NULL;
	struct json_object *records = NULL;

	get_problem(obj, ret);
	if (!error_is_set(ret) || json_get_array(obj, "validationRecord", &records, NULL) != 1)
		return;
	for (size_t i = 0; i < json_object_array_length(records) && i < VALIDATIONS_SHOWN; i++)
		if (json_object_is_type(json_object_array_get_idx(records, i), json_type_object))
			add_validation(json_object_array_get_idx(records, i), &seen);
	if (!seen.len)
		return;
	line = printable_line(buf_str(&seen), seen.len, VALIDATION_MAX);
	text = xasprintf("%s; the CA asked %s", ret->message, line);
	error_reword(ret, text);
}

/*
 * The issuers that a record of dns-persist-01 may name. Drafts -00 and -01 have another member than -02, and another
 * form of the record. A client must not answer a challenge whose list is not valid.
 */
static int
read_issuers(struct json_object *obj, struct acme_challenge *c)
{
	struct strlist *issuers = &c->issuers;

	c->is_account_hashed = json_path(obj, "issuerDomainNames") != NULL;
	if (json_get_strlist(obj, c->is_account_hashed ? "issuerDomainNames" : "issuer-domain-names", issuers, NULL) <
			0 ||
		issuers->count < 1 || issuers->count > ISSUERS_MAX)
		return -1;
	for (size_t i = 0; i < issuers->count; i++) {
		_cleanup_free_ char *name = NULL;

		if (name_canonical(issuers->items[i], false, &name, NULL) < 0 || strcmp(name, issuers->items[i]) != 0)
			return -1;
	}
	return 0;
}

/*
 * Parses the used members of a challenge. Return: 1, 0 certd cannot answer it (no type, no URL), or -1: it could be
 * answered, and is malformed in a way that could do harm.
 */
static int
read_challenge(struct json_object *obj, struct acme_challenge *c, struct error *err)
{
	const char *type = NULL, *url = NULL, *token = NULL;

	if (!json_object_is_type(obj, json_type_object) || json_get_string(obj, "type", &type, NULL) != 1 ||
		!base64url_is_text(type, strlen(type)) || strlen(type) > CHALLENGE_TYPE_MAX ||
		json_get_string(obj, "url", &url, NULL) != 1)
		return 0;
	if (get_url(obj, "url", true, &c->url, err) < 0 || get_status(obj, challenge_statuses, &c->status, err) < 0 ||
		json_get_string(obj, "token", &token, err) < 0)
		return -1;
	/* tokens become file names, URL paths and hook arguments: only this alphabet is allowed */
	if (token && (strlen(token) < ACME_TOKEN_MIN || strlen(token) > ACME_TOKEN_MAX ||
			     !base64url_is_text(token, strlen(token))))
		return error_set(err, ERROR_PROTOCOL, "token is not valid (RFC 8555 section 8.3)");
	if (strcmp(type, "dns-persist-01") == 0 && read_issuers(obj, c) < 0)
		strlist_clear(&c->issuers);
	c->type = xstrdup(type);
	c->token = xstrdup_null(token);
	get_validation_error(obj, &c->error);
	return 1;
}

int
acme_msg_challenge(const char *text, size_t len, struct acme_challenge *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "challenge", err);
	_cleanup_(acme_challenge_clear) struct acme_challenge c = { .type = NULL };

	if (!obj)
		return -1;
	if (get_status(obj, challenge_statuses, &c.status, err) < 0)
		return acme_msg_refuse(err, "challenge");
	get_validation_error(obj, &c.error);
	*ret = c;
	c = (struct acme_challenge){ .type = NULL };
	return 0;
}

/* Checks those that can be answered. A valid authorization needs none, so malformed ones are ignored there. */
static int
acme_msg_read_challenges(struct json_object *list, struct acme_authorization *a, struct error *err)
{
	size_t count = list ? json_object_array_length(list) : 0;

	if (count > CHALLENGES_MAX)
		return error_set(err, ERROR_PROTOCOL, "more than %d challenges", CHALLENGES_MAX);
	a->challenges = xcalloc(count, sizeof(*a->challenges));
	for (size_t i = 0; i < count; i++) {
		struct acme_challenge *c = &a->challenges[a->n_challenges];
		int r = read_challenge(json_object_array_get_idx(list, i), c, err);

		if (r == 1) {
			a->n_challenges++;
			continue;
		}
		acme_challenge_clear(c);
		if (r < 0 && a->status != ACME_VALID)
			return error_wrap(err, "challenges[%zu]", i);
		error_clear(err);
	}
	return 0;
}

/* "*.example.com" in an identifier is accepted like the flag (RFC 8555 s7.1.4 only has the flag). */
static void
acme_msg_strip_wildcard(struct acme_authorization *a)
{
	if (!a->name || !name_is_wildcard(a->name))
		return;
	a->is_wildcard = true;
	memmove(a->name, a->name + strlen("*."), strlen(a->name) - strlen("*.") + 1);
}

static int
acme_msg_read_authorization(struct json_object *obj, struct acme_authorization *a, struct error *err)
{
	struct json_object *identifier = NULL, *challenges = NULL;

	a->expires_at = acme_msg_expires(obj);
	if (json_get_bool(obj, "wildcard", &a->is_wildcard, NULL) < 0)
		a->is_wildcard = false;
	if (get_status(obj, authorization_statuses, &a->status, err) < 0 ||
		json_get_object(obj, "identifier", &identifier, err) < 0 ||
		json_get_array(obj, "challenges", &challenges, err) < 0)
		return -1;
	if (identifier && read_identifier(identifier, &a->name, err) < 0)
		return -1;
	acme_msg_strip_wildcard(a);
	return acme_msg_read_challenges(challenges, a, err);
}

int
acme_msg_authorization(const char *text, size_t len, struct acme_authorization *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "authorization", err);
	_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };

	if (!obj)
		return -1;
	if (acme_msg_read_authorization(obj, &a, err) < 0)
		return acme_msg_refuse(err, "authorization");
	*ret = a;
	a = (struct acme_authorization){ .url = NULL };
	return 0;
}

int
acme_msg_account(const char *text, size_t len, enum acme_status *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "account", err);

	if (!obj)
		return -1;
	return get_status(obj, account_statuses, ret, err) < 0 ? acme_msg_refuse(err, "account") : 0;
}

void
acme_msg_problem(int status, const char *text, size_t len, int64_t retry_after_at, struct error *ret)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "problem", NULL);

	acme_problem_of_answer(obj, status, retry_after_at, ret);
}

/* Does the parameter list of one link (";rel=\"a b\";title=x") include the relation @rel? */
static bool
link_has_rel(const char *params, size_t len, const char *rel)
{
	const char *end = params + len;

	for (const char *s = params; (s = memmem(s, (size_t)(end - s), "rel=", 4)) != NULL; s += 4) {
		const char *value = s + 4;
		const char *stop;

		if (s > params && !strchr("; \t", s[-1]))
			continue;
		if (value < end && *value == '"') {
			value++;
			stop = memchr(value, '"', (size_t)(end - value));
		} else {
			stop = memchr(value, ';', (size_t)(end - value));
		}
		if (!stop)
			stop = end;
		while (value < stop) { /* relations are separated by spaces */
			const char *space = memchr(value, ' ', (size_t)(stop - value));
			size_t n = (size_t)((space ? space : stop) - value);

			if (n == strlen(rel) && strncasecmp(value, rel, n) == 0)
				return true;
			value += n + 1;
		}
	}
	return false;
}

void
acme_msg_links(const struct strlist *links, const char *rel, struct strlist *ret)
{
	for (size_t i = 0; i < links->count; i++) {
		const char *s = links->items[i];

		/* one header may contain several: <a>;rel="x", <b>;rel="y" */
		while ((s = strchr(s, '<')) != NULL) {
			const char *target = s + 1;
			const char *close = strchr(target, '>');
			const char *params, *next;
			size_t params_len;

			if (!close)
				break;
			params = close + 1;
			next = strchr(params, '<');
			params_len = next ? (size_t)(next - params) : strlen(params);
			if (link_has_rel(params, params_len, rel))
				strlist_take(ret, xstrndup(target, (size_t)(close - target)));
			s = params;
		}
	}
}

void
acme_directory_clear(struct acme_directory *d)
{
	free(d->new_nonce);
	free(d->new_account);
	free(d->new_order);
	free(d->revoke_cert);
	free(d->key_change);
	free(d->renewal_info);
	free(d->terms_of_service);
	free(d->account_hash_prefix);
	strlist_clear(&d->caa_identities);
	strlist_clear(&d->profiles);
	strlist_clear(&d->profile_help);
	*d = (struct acme_directory){ .new_nonce = NULL };
}

void
acme_order_msg_clear(struct acme_order_msg *o)
{
	strlist_clear(&o->names);
	strlist_clear(&o->authorizations);
	free(o->finalize);
	free(o->certificate);
	free(o->profile);
	error_clear(&o->error);
	*o = (struct acme_order_msg){ .status = ACME_PENDING };
}

void
acme_challenge_clear(struct acme_challenge *c)
{
	free(c->type);
	free(c->url);
	free(c->token);
	strlist_clear(&c->issuers);
	error_clear(&c->error);
	*c = (struct acme_challenge){ .type = NULL };
}

void
acme_authorization_clear(struct acme_authorization *a)
{
	free(a->url);
	free(a->name);
	for (size_t i = 0; i < a->n_challenges; i++)
		acme_challenge_clear(&a->challenges[i]);
	free(a->challenges);
	*a = (struct acme_authorization){ .url = NULL };
}

void
acme_renewal_info_clear(struct acme_renewal_info *r)
{
	free(r->url);
	*r = (struct acme_renewal_info){ .url = NULL };
}

/* A date of the window. */
static int
get_date(struct json_object *window, const char *name, int64_t *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(window, name, &text, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return error_set(err, ERROR_PROTOCOL, "%s is missing", name);
	if (time_parse_rfc3339(text, ret) < 0)
		return error_set(err, ERROR_PROTOCOL, "%s is not a date", name);
	return 0;
}

/* A page for the operator: an address that a browser opens, without anything that a terminal obeys. */
static char *
read_explanation(struct json_object *obj)
{
	const char *text = NULL;

	if (json_get_string(obj, "explanationURL", &text, NULL) != 1 || strlen(text) > ACME_URL_MAX ||
		!printable_is_line(text, strlen(text)) || strpbrk(text, " <>\"") ||
		(strncmp(text, "https://", strlen("https://")) != 0 &&
			strncmp(text, "http://", strlen("http://")) != 0))
		return NULL;
	return xstrdup(text);
}

int
acme_msg_renewal_info(const char *text, size_t len, struct acme_renewal_info *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = parse_object(text, len, "renewalInfo", err);
	struct acme_renewal_info info = { .url = NULL };
	struct json_object *window = NULL;
	int r;

	if (!obj)
		return -1;
	r = json_get_object(obj, "suggestedWindow", &window, err);
	if (r == 0)
		error_set(err, ERROR_PROTOCOL, "suggestedWindow is missing");
	if (r <= 0 || get_date(window, "start", &info.start_at, err) < 0 ||
		get_date(window, "end", &info.end_at, err) < 0)
		return acme_msg_refuse(err, "renewalInfo");
	if (info.end_at <= info.start_at) {
		error_set(err, ERROR_PROTOCOL, "the suggested window ends before it begins");
		return acme_msg_refuse(err, "renewalInfo");
	}
	info.url = read_explanation(obj);
	*ret = info;
	return 0;
}
