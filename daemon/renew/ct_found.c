/* What is stored of Certificate Transparency, and what people read about it. */
#include "common/conf.h"
#include "common/json.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/base/http_url.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ct_private.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY = 24 * 3600,
	GRACE_SEC = 3600, /* an order of certd has stored its certificate by then, or its own record says more */
	NAMES_KEPT = 20,
	NAMES_SHOWN = 2,
	DOMAINS_LOOKED_AT = 1000
};

static const struct record_field ct_finding_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct ct_finding, issuer, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct ct_finding, serial, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct ct_finding, report_to, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct ct_finding, domain, NULL),
	RECORD_FIELD(RECORD_STRLIST, 5, struct ct_finding, names, NULL),
	RECORD_FIELD(RECORD_INT, 6, struct ct_finding, more_names, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct ct_finding, not_before_at, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct ct_finding, not_after_at, NULL),
	/* 9 was the time at which it was seen */
	RECORD_FIELD(RECORD_INT, 10, struct ct_finding, report_at, NULL),
	RECORD_FIELD(RECORD_INT, 11, struct ct_finding, reported_at, NULL),
	RECORD_FIELD(RECORD_INT, 12, struct ct_finding, acknowledged_at, NULL),
	RECORD_FIELD(RECORD_STRING, 13, struct ct_finding, acknowledged_by, NULL),
	RECORD_FIELD(RECORD_BOOL, 14, struct ct_finding, is_own, NULL),
};

const struct record_class ct_finding_class = RECORD_CLASS(
	"finding", STORE_CT, struct ct_finding, ct_finding_fields, unknown);

static const struct record_field ct_domain_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct ct_domain, after, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct ct_domain, asked, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct ct_domain, checked_at, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct ct_domain, next_at, NULL),
	RECORD_FIELD(RECORD_INT, 5, struct ct_domain, attempts, NULL),
	RECORD_FIELD(RECORD_ERROR, 6, struct ct_domain, error, NULL),
};

const struct record_class ct_domain_class = RECORD_CLASS(
	"domain", STORE_CT, struct ct_domain, ct_domain_fields, unknown);

/* --- settings --- */

void
ct_url(const char *source, const char *domain, struct buf *ret)
{
	const char *place;

	while ((place = strstr(source, "{domain}"))) {
		buf_add(ret, source, (size_t)(place - source));
		buf_add_str(ret, domain);
		source = place + strlen("{domain}");
	}
	buf_add_str(ret, source);
}

int
ct_check_conf(const struct conf *conf, struct error *err)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!conf->ct_source)
		return 0;
	if (!strstr(conf->ct_source, "{domain}"))
		return error_set(err, ERROR_CONFIG,
			"ct-source: the URL lacks {domain}, in whose place certd writes each domain");
	ct_url(conf->ct_source, "example.com", &text);
	if (http_url_parse(text.data, &url, &why) < 0)
		return error_set(err, ERROR_CONFIG, "ct-source: %s", why.message);
	if (strcmp(url.scheme, "https") != 0 && !http_url_is_loopback(&url))
		return error_set(
			err, ERROR_CONFIG, "ct-source: the URL must begin with https:// (http:// on loopback)");
	return 0;
}

bool
ct_is_known_issuer(const struct strlist *known, const char *issuer)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcasestr(issuer, known->items[i]))
			return true;
	return false;
}

/* --- identity --- */

struct ct_key
ct_key_of(const char *serial, int64_t not_after_at)
{
	_cleanup_free_ char *text = xasprintf("%s/%lld", serial, (long long)not_after_at);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct ct_key key;

	SHA256((const unsigned char *)text, strlen(text), digest);
	memcpy(key.octets, digest, sizeof(key.octets));
	return key;
}

void
ct_key_id(const struct ct_key *key, char ret[CT_ID_SIZE])
{
	for (size_t i = 0; i < sizeof(key->octets); i++)
		snprintf(ret + 2 * i, 3, "%02x", key->octets[i]);
}

/* --- findings --- */

void
ct_finding_new(
	struct ct_finding *ret, struct ct_entry *entry, const struct strlist *managed, const char *domain, int64_t now)
{
	*ret = (struct ct_finding){ .issuer = entry->issuer,
		.serial = entry->serial,
		.report_to = entry->report_to,
		.domain = xstrdup(domain),
		.not_before_at = entry->not_before_at,
		.not_after_at = entry->not_after_at,
		.report_at = now };
	entry->issuer = entry->serial = entry->report_to = NULL;
	/* An order of certd ends within a day, or is begun again: what is older was stored, if it is certd's. */
	if (now < time_add(entry->not_before_at, DAY))
		ret->report_at = time_add(now, GRACE_SEC);
	for (size_t i = 0; i < managed->count && ret->names.count < NAMES_KEPT; i++)
		strlist_add(&ret->names, managed->items[i]);
	for (size_t i = 0; i < entry->names.count && ret->names.count < NAMES_KEPT; i++)
		if (!strlist_has(&ret->names, entry->names.items[i]))
			strlist_add(&ret->names, entry->names.items[i]);
	ret->more_names = (int64_t)(entry->names.count - ret->names.count);
}

void
ct_finding_save(const struct issue_env *env, struct store_txn *txn, const char *id, const struct ct_finding *f)
{
	record_save(env->store, txn, &ct_finding_class, id, f);
	store_changed(env->store, txn, STORE_CT, id, id);
}

void
ct_finding_delete(const struct issue_env *env, struct store_txn *txn, const char *id)
{
	store_del(txn, STORE_CT, id, strlen(id));
	store_changed(env->store, txn, STORE_CT, id, NULL);
}

static char *
ct_names_text(const struct ct_finding *f)
{
	_cleanup_strlist_ struct strlist shown = STRLIST_INIT;
	int64_t more = f->more_names;
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < f->names.count; i++)
		if (i < NAMES_SHOWN)
			strlist_add(&shown, f->names.items[i]);
		else
			more++;
	names = strlist_join(&shown, ", ");
	return more > 0 ? xasprintf("%s and %lld more", names, (long long)more) : xstrdup(names);
}

char *
ct_finding_text(const char *id, const struct ct_finding *f)
{
	_cleanup_free_ char *names = ct_names_text(f), *acknowledge = shell_certctl("ct --acknowledge", id, NULL);
	char from[TIME_RFC3339_SIZE], until[TIME_RFC3339_SIZE];

	time_format_rfc3339(f->not_before_at, from);
	time_format_rfc3339(f->not_after_at, until);
	return xasprintf(
		"certd did not order a certificate for %s: issuer %s, serial number %s, valid from %s until %s; "
		"if it is yours: %s; if not, ask the issuer to revoke that serial number%s%s",
		names, f->issuer, f->serial, from, until, acknowledge, f->report_to ? ": " : "",
		f->report_to ? f->report_to : "");
}

static struct json_object *
ct_finding_data(const char *id, const struct ct_finding *f)
{
	struct json_object *data = json_object_new_object();

	json_add_string(data, "finding", id);
	json_add_string(data, "issuer", f->issuer);
	json_add_string(data, "serialNumber", f->serial);
	json_add_strlist(data, "names", &f->names);
	json_add_time(data, "notBefore", f->not_before_at);
	json_add_time(data, "notAfter", f->not_after_at);
	return data;
}

void
ct_finding_report(const struct issue_env *env, struct store_txn *txn, const char *id, struct ct_finding *f, int64_t now)
{
	_cleanup_free_ char *text = ct_finding_text(id, f);

	f->reported_at = now;
	ct_finding_save(env, txn, id, f);
	event_emit(env->events, txn, EVENT_CERTIFICATE_FOREIGN, NULL, ct_finding_data(id, f), "%s", text);
}

void
ct_note_deleted(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert)
{
	_cleanup_ct_finding_ struct ct_finding f = { .not_after_at = cert->not_after_at, .is_own = true };
	int64_t now = loop_now(env->loop);
	struct ct_key key;
	char id[CT_ID_SIZE];

	f.serial = cert->serial ? ct_serial(cert->serial) : NULL;
	if (!env->ct_source || !f.serial || cert->not_after_at <= now)
		return;
	key = ct_key_of(f.serial, f.not_after_at);
	ct_key_id(&key, id);
	ct_finding_save(env, txn, id, &f);
}

int
ct_finding_acknowledge(
	const struct issue_env *env, struct store_txn *txn, const char *id, const char *who, struct error *err)
{
	_cleanup_ct_finding_ struct ct_finding f = { .issuer = NULL };
	int found = strlen(id) == CT_ID_SIZE - 1 ? record_load(env->store, &ct_finding_class, id, &f, err) : 0;

	if (found < 0)
		return -1;
	if (found == 0 || !f.reported_at)
		return error_set_field(
			err, "finding", "there is no finding '%s'; certctl ct lists those that there are", id);
	if (f.acknowledged_at)
		return 0;
	f.acknowledged_at = loop_now(env->loop);
	str_replace(&f.acknowledged_by, who);
	ct_finding_save(env, txn, id, &f);
	return 0;
}

/* --- the list --- */

static struct json_object *
ct_finding_to_json(const char *id, const struct ct_finding *f)
{
	struct json_object *item = ct_finding_data(id, f);

	json_add_string(item, "reportTo", f->report_to);
	json_add_time(item, "foundDate", f->reported_at);
	json_add_time(item, "acknowledgedDate", f->acknowledged_at);
	json_add_string(item, "acknowledgedBy", f->acknowledged_by);
	return item;
}

static struct json_object *
ct_domain_to_json(const char *key, const struct ct_domain *d)
{
	struct json_object *item = json_object_new_object();

	json_add_string(item, "domain", key + 1);
	json_add_time(item, "nextDate", d->next_at);
	json_add_string(item, "message", d->error.message);
	return item;
}

/* Domains that could not be asked for; of many domains only the first are looked at. */
static int
ct_list_failing(const struct issue_env *env, struct json_object *list, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = 1;

	for (int i = 0; i < DOMAINS_LOOKED_AT && found == 1; i++) {
		struct ct_domain d = { .after = NULL };

		found = store_next(env->store, STORE_CT, key.data, key.len, key.len > 0, &key, NULL, err);
		if (found != 1 || *key.data != '.')
			break;
		if (record_load(env->store, &ct_domain_class, key.data, &d, NULL) == 1 && error_is_set(&d.error))
			json_object_array_add(list, ct_domain_to_json(key.data, &d));
		record_clear(&ct_domain_class, &d);
	}
	return found;
}

static int
ct_list_items(const struct issue_env *env, struct json_object *list, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = 1;

	buf_add_str(&key, "/"); /* after all domains */
	while (found == 1) {
		_cleanup_ct_finding_ struct ct_finding f = { .issuer = NULL };

		found = store_next(env->store, STORE_CT, key.data, key.len, true, &key, NULL, err);
		if (found == 1 && record_load(env->store, &ct_finding_class, key.data, &f, NULL) == 1 && f.reported_at)
			json_object_array_add(list, ct_finding_to_json(key.data, &f));
	}
	return found;
}

int
ct_list_findings(const struct issue_env *env, struct json_object **ret, struct error *err)
{
	struct json_object *items = json_object_new_array(), *failing = json_object_new_array();
	struct schedule_row row;
	int planned = schedule_get(env->store, SCHEDULE_CT, CT_ROW, &row, err);

	*ret = json_object_new_object();
	json_add_string(*ret, "source", env->ct_source);
	if (planned == 1)
		json_add_time(*ret, "nextDate", row.due_at);
	json_object_object_add(*ret, "items", items);
	json_object_object_add(*ret, "failing", failing);
	return planned < 0 || ct_list_items(env, items, err) < 0 || ct_list_failing(env, failing, err) < 0 ? -1 : 0;
}
