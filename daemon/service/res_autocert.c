/*
 * Auto-certificates: the declarations that certd fulfils. effect.c determines the effect of a change, which is carried
 * out here.
 * Its directory never changes: readers always find the files in the same place, and each is replaced by rename when the
 * new certificate exists.
 */
#include "daemon/service/res_autocert.h"
#include "daemon/service/rollback.h"

#include "common/api/rpc.h"
#include "common/crypto/csr.h"
#include "common/name.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_chain.h"
#include "daemon/renew/approval.h"
#include "daemon/renew/authorize.h"
#include "daemon/renew/dane.h"
#include "daemon/renew/failover.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/access.h"
#include "daemon/service/adopt.h"
#include "daemon/service/handlers.h"
#include "daemon/service/profiles.h"
#include "daemon/service/res_authorization.h"
#include "daemon/service/res_certificate.h"
#include "daemon/service/res_consumer.h"
#include "daemon/service/slug.h"
#include "daemon/service/token_keys.h"
#include "daemon/service/used_files.h"
#include "daemon/service/variant.h"
#include "daemon/service/zones.h"
#include "daemon/store/compromised.h"

#include <stdlib.h>
#include <string.h>

enum { REFERRERS_MAX = 10000, CERTIFICATES_MAX = 1000 };

/* --- describing --- */

int64_t
autocert_due_at(const struct service *service, const struct autocert *a, const struct schedule_row *row)
{
	int64_t opens_at = clients_opens_at(service->issue_env->clients, autocert_provider(a), NULL);

	return issue_running(service->scheduler, a->o.id) || row->due_at > opens_at ? row->due_at : opens_at;
}

static void
describe_next(struct service *service, const struct autocert *a, struct json_object *metadata)
{
	const struct issue *issue = issue_running(service->scheduler, a->o.id);
	struct issue_progress progress;
	struct schedule_row row;

	if (issue) {
		_cleanup_free_ char *text = NULL;

		issue_get_progress(issue, &progress);
		text = xasprintf("%s%s%s", progress.state, progress.why ? ": " : "", progress.why ? progress.why : "");
		json_add_string(metadata, "progress", text);
	}
	if (schedule_get(service->store, SCHEDULE_ISSUE, a->o.id, &row, NULL) != 1)
		return;
	json_add_string(metadata, "nextAction", autocert_next_action(a));
	json_add_time(metadata, "nextDate", autocert_due_at(service, a, &row));
	if (autocert_is_on_hold(a))
		json_add_string(metadata, "waitReason", a->hold_why);
}

static void
autocert_describe(
	struct service *service, const void *obj, struct json_object *properties _unused_, struct json_object *metadata)
{
	const struct autocert *a = obj;
	_cleanup_free_ char *directory = xasprintf("%s/live/%s", service->conf->drop_root, a->slug);

	if (error_is_set(&a->last_error))
		json_object_object_add(metadata, "lastError", rpc_error_to_json(&a->last_error));
	if (a->notes.count)
		json_add_strlist(metadata, "notes", &a->notes);
	json_add_string(metadata, "dropDirectory", directory);
	if (error_is_set(&a->tlsa_error))
		json_add_string(metadata, "tlsaMessage", a->tlsa_error.message);
	if (a->standing.count)
		json_add_strlist(metadata, "standingRecords", &a->standing);
	describe_next(service, a, metadata);
	rollback_describe(service, a->o.id, metadata);
}

bool
autocert_is_on_hold(const struct autocert *a)
{
	return a->next_at > 0 && a->next_at == a->hold_at;
}

const char *
autocert_next_action(const struct autocert *a)
{
	if (a->attempts > 0)
		return "retry";
	return a->last_certificate ? "renew" : "issue";
}

/* --- reading a declaration --- */

/* Canonical names; the list is checked as a whole, to find duplicates and apply the limit. */
static int
res_autocert_canonical_names(struct call *call, struct autocert *a, struct error *err)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	int64_t most = call->service->conf->max_alternative_names;

	if (a->sans.count > (size_t)most) {
		_cleanup_free_ char *first = xasprintf("subjectAlternativeNames[%lld]", (long long)most);

		error_set_field(err, first, "there are %zu alternative names; max-alternative-names is %lld",
			a->sans.count, (long long)most);
		if (err)
			err->code = ERROR_LIMIT;
		return resource_refused(err, NULL);
	}
	if (name_list(a->common_name, &a->sans, (unsigned)most + 1, true, &names, err) < 0)
		return resource_refused(err, "commonName");
	str_replace(&a->common_name, names.items[0]);
	strlist_clear(&a->sans);
	for (size_t i = 1; i < names.count; i++)
		strlist_add(&a->sans, names.items[i]);
	return 0;
}

/* The names of the request, which cannot be changed, are those that are declared. */
static int
res_autocert_check_names(const struct autocert *a, const struct strlist *names, struct error *err)
{
	_cleanup_strlist_ struct strlist declared = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;
	size_t found = 0;

	strlist_copy(&declared, &a->sans);
	strlist_add(&declared, a->common_name);
	for (size_t i = 0; i < names->count; i++)
		found += strlist_has(&declared, names->items[i]);
	if (found == names->count && found == declared.count)
		return 0;
	text = strlist_join(names, ", ");
	return error_set_field(err, "properties.csr",
		"is for the names %s: declare exactly these as commonName and subjectAlternativeNames", text);
}

static int
res_autocert_check_csr(struct call *call, const struct autocert *a, struct error *err)
{
	_cleanup_csr_ struct csr csr = { .key = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;
	int is_compromised;

	if (a->key_uri)
		return error_set_field(
			err, "properties.csr", "and keyUri exclude each other: omit one, or set it to null");
	if (csr_read(a->csr, strlen(a->csr), &csr, &why) < 0)
		return error_set_field(err, "properties.csr", "%s", why.message);
	is_compromised = compromised_has(call->service->store, csr.key, err);
	if (is_compromised)
		return is_compromised < 0 ? -1
					  : error_set_field(err, "properties.csr",
						    "has a key that is compromised: a certificate with it was revoked");
	return res_autocert_check_names(a, &csr.names, err);
}

static int
res_autocert_check_key(struct call *call, const struct autocert *a, struct error *err)
{
	if (autocert_held_key(a) && a->key_algorithm)
		return error_set_field(err, "properties.keyAlgorithm",
			"is that of the key which certd does not have (%s): omit it, or set it to null",
			autocert_held_key(a));
	if (a->csr && a->must_staple)
		return error_set_field(err, "properties.mustStaple",
			"is decided by the request (csr), which certd does not change: omit it");
	if (autocert_held_key(a) && a->tlsa_names.count)
		return error_set_field(err, "properties.tlsaNames", "need keys that certd makes: omit them, or %s",
			autocert_held_key(a));
	return a->csr ? res_autocert_check_csr(call, a, err) : 0;
}

/* Records for manual validation are those of one account. A scope must allow the names with each provider. */
static int
res_autocert_check_fallbacks(struct call *call, struct autocert *a, struct error *err)
{
	if (a->fallbacks.count == 0)
		return 0;
	if (resource_refs(call, &provider_class, "fallbackProviders", &a->fallbacks, err) < 0)
		return -1;
	for (size_t i = 0; i < a->fallbacks.count; i++) {
		_cleanup_free_ char *field = xasprintf("properties.fallbackProviders[%zu]", i);
		struct autocert as = *a;
		bool is_twice = strcmp(a->fallbacks.items[i], a->provider) == 0;

		for (size_t j = 0; j < i; j++)
			is_twice = is_twice || strcmp(a->fallbacks.items[i], a->fallbacks.items[j]) == 0;
		if (is_twice)
			return error_set_field(err, field, "is the provider itself, or in the list before");
		as.provider = a->fallbacks.items[i];
		if (!access_covers(call->peer->scope, call->service->store, &autocert_class, &as)) {
			error_set_field(err, field, "is outside the scope of %s for these names", call->peer->label);
			if (err)
				err->code = ERROR_DENIED;
			return -1;
		}
	}
	if (a->challenge && strcmp(a->challenge, "manual") == 0)
		return error_set_field(err, "properties.fallbackProviders",
			"needs another challenge than manual, whose records are for one account");
	return 0;
}

static int
autocert_read(struct call *call, const void *old _unused_, void *obj, struct json_object *properties, struct error *err)
{
	struct autocert *a = obj;

	if (variant_check_main(call, a, err) < 0 || res_autocert_canonical_names(call, a, err) < 0 ||
		resource_property_ref(call, &provider_class, "provider", a->provider, &a->provider, err) < 0)
		return -1;
	if (a->dns_provider && resource_property_ref(call, &dnsprovider_class, "dnsProvider", a->dns_provider,
				       &a->dns_provider, err) < 0)
		return -1;
	if (res_autocert_check_fallbacks(call, a, err) < 0 ||
		window_check(&a->issue_windows, &a->rollout_windows, &a->freezes, err) < 0)
		return -1;
	failover_redeclared(a);
	if (a->preferred_chain && acme_chain_check_preference(a->preferred_chain, err) < 0)
		return resource_refused(err, "preferredChain");
	if (dane_canonical_names(&a->tlsa_names, err) < 0)
		return resource_refused(err, NULL);
	if (res_autocert_check_key(call, a, err) < 0 || consumers_resolve(call, &a->consumers, a->o.id, err) < 0 ||
		variant_read(call, a, properties, err) < 0)
		return -1;
	return consumers_check_no_key(call, a, err);
}

const struct resource_ops autocert_ops = {
	.id = API_AUTOCERTIFICATE,
	.cls = &autocert_class,
	.describe = autocert_describe,
	.read = autocert_read,
};

/* --- create --- */

int
autocert_check_limit(struct call *call, int64_t extra, struct error *err)
{
	int64_t most = call->service->conf->max_auto_certificates;
	int64_t have = extra;

	for (enum object_state state = OBJECT_PROVISIONING; state <= OBJECT_FAILED; state++)
		have += object_count(call->service->store, &autocert_class, state);
	if (most > 0 && have >= most)
		return error_set(err, ERROR_LIMIT, "there are already %lld auto-certificates (max-auto-certificates)",
			(long long)have);
	return 0;
}

static int
autocert_store(struct call *call, struct autocert *a, enum event_kind kind, struct error *err)
{
	if (variant_follow(call, a, kind == EVENT_OBJECT_CREATED, err) < 0 || resource_save(call, kind, a, err) < 0)
		return -1;
	if (strlist_has(&call->cancels, a->o.id)) /* running work will have ended when the answer is read */
		json_object_object_del(json_path(call->result, "metadata"), "progress");
	return 0;
}

/* Whether the name can be validated is unknown: it is declared, with a warning. */
static void
warn_about_zones(struct call *call, struct autocert *a)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (zones_unknown(call->service, a, &why))
		error_move(&a->o.failure, &why);
}

/* Is each name in a zone, and can its challenge be answered? */
static int
check_challenges(struct call *call, const struct autocert *a, struct error *err)
{
	if (solver_check(call->service->solver, a, err) == 0)
		return 0;
	zones_refused(call, a, err);
	return resource_refused(err, NULL);
}

int
autocert_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int rc, is_adopted;

	if (autocert_check_limit(call, 0, err) < 0 || resource_declare(call, &a, err) < 0)
		return -1;
	rc = token_keys_wait(call, a.key_uri, "properties.keyUri", autocert_create, err);
	if (!rc)
		rc = profiles_wait(call, &a, autocert_create, err);
	if (!rc)
		rc = zones_wait(call, &a, autocert_create, err);
	if (rc)
		return rc;
	if (check_challenges(call, &a, err) < 0)
		return -1;
	if (!a.o.name)
		a.o.name = xstrdup(a.common_name);
	warn_about_zones(call, &a);
	is_adopted = adopt_certificate(call, &a, err);
	if (is_adopted < 0 || (!is_adopted && slug_take(call, a.o.name, a.common_name, a.o.id, &a.slug, err) < 0))
		return -1;
	if (is_adopted && autocert_held_key(&a))
		a.is_outdated = true; /* the adopted certificate is for another key */
	issue_plan_renewal(call->service->issue_env, &a, !is_adopted);
	if (autocert_store(call, &a, EVENT_OBJECT_CREATED, err) < 0)
		return -1;
	return is_adopted ? 0 : authorize_give_order(call->service->issue_env, call_txn(call), &a, err);
}

/* --- change --- */

void
autocert_reissue(struct call *call, struct autocert *a)
{
	call_cancel(call, a->o.id);
	failover_end(a);
	issue_replace(call->service->issue_env, call_txn(call), a);
}

static void
apply_effect(struct call *call, struct autocert *a, const struct effect *effect)
{
	if (effect->action == EFFECT_REISSUE)
		autocert_reissue(call, a);
	else if (effect->moves_renewal && !a->is_paused)
		issue_plan_again(call->service->issue_env, a);
}

/* Its certificates have the same labels, so that the same peers may see both. */
static int
give_labels(struct call *call, const struct autocert *a, struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(store, &certificate_class, a->o.id, CERTIFICATES_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		int found = object_load(store, &certificate_class, ids.items[i], &c, err);

		if (found < 0)
			return -1;
		strlist_copy(&c.labels, &a->labels);
		if (found && object_save(store, call_txn(call), &certificate_class, &c, err) < 0)
			return -1;
	}
	return 0;
}

/* renewBefore is limited by the lifetime of the certificate: the answer says so. */
static void
res_autocert_say_limit(struct call *call, const struct autocert *a, struct effect *effect)
{
	int64_t lifetime = a->last_not_after_at - a->last_not_before_at;
	char asked[TIME_SPAN_SIZE], used[TIME_SPAN_SIZE];

	if (!a->last_certificate || lifetime <= 0 || renewal_margin(lifetime, a->renew_before) >= a->renew_before)
		return;
	time_format_span(a->renew_before, asked);
	time_format_span(renewal_margin(lifetime, a->renew_before), used);
	strlist_take(
		&effect->reasons, xasprintf("%s is too much of this certificate's lifetime: it is renewed %s before "
					    "it expires",
					  asked, used));
	call_set_effect(call, effect);
}

int
autocert_apply(
	struct call *call, const struct autocert *old, struct autocert *a, struct effect *effect, struct error *err)
{
	if (strlist_has(&effect->changed, "challenge") || strlist_has(&effect->changed, "dnsProvider"))
		strlist_clear(&a->validations); /* the operator's wish goes before what has worked */
	if (strlist_has(&effect->changed, "tlsaNames"))
		dane_redeclared(a);
	apply_effect(call, a, effect);
	return strlist_equal(&old->labels, &a->labels) ? 0 : give_labels(call, a, err);
}

int
autocert_update(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_autocert_ struct autocert old = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };
	int rc = resource_redeclare(call, &old, &a, &effect, err);

	if (rc <= 0)
		return rc;
	rc = 0;
	if (strlist_has(&effect.changed, "keyUri"))
		rc = token_keys_wait(call, a.key_uri, "properties.keyUri", autocert_update, err);
	if (!rc && (strlist_has(&effect.changed, "profile") || strlist_has(&effect.changed, "profilePolicy") ||
			   strlist_has(&effect.changed, "provider")))
		rc = profiles_wait(call, &a, autocert_update, err);
	if (!rc)
		rc = zones_wait(call, &a, autocert_update, err);
	if (rc)
		return rc;
	if (check_challenges(call, &a, err) < 0)
		return -1;
	if (autocert_apply(call, &old, &a, &effect, err) < 0)
		return -1;
	if (strlist_has(&effect.changed, "renewBefore"))
		res_autocert_say_limit(call, &a, &effect);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}

/* --- delete --- */

/*
 * All certificates that were issued for it; the others are purged later. They may have names that it no longer has, so
 * a scope that covers it need not cover them.
 */
static int
delete_certificates(struct call *call, const char *autocert_id, struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(store, &certificate_class, autocert_id, REFERRERS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_certificate_ struct certificate c = { 0 };

		if (object_peek(store, &certificate_class, ids.items[i], &c, err) < 0)
			return -1;
		if (!c.o.id[0])
			continue;
		if (!access_covers(call->peer->scope, store, &certificate_class, &c)) {
			resource_outside(call, &certificate_class, &c);
			return error_set(err, ERROR_DENIED,
				"one of its certificates is outside the scope of %s: delete it without them",
				call->peer->label);
		}
		if (certificate_remove_with(call, &c, err) < 0)
			return -1;
	}
	return 0;
}

/* The effect of the deletion, for the answer. */
static void
describe_removal(struct call *call, const struct autocert *a, bool has_certificates, struct effect *effect)
{
	struct store *store = call->service->store;

	strlist_take(&effect->reasons,
		xasprintf("the files in %s/live/%s are removed", call->service->conf->drop_root, a->slug));
	for (size_t i = 0; i < a->consumers.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_peek(store, &consumer_class, a->consumers.items[i], &c, NULL) == 1)
			strlist_take(&effect->reasons,
				xasprintf("consumer '%s' gets no certificate in their place", c.o.name));
	}
	if (a->last_certificate)
		strlist_add(&effect->reasons, has_certificates ? "its certificates are deleted"
							       : "its certificates are kept until they are purged");
	call_set_effect(call, effect);
}

int
autocert_forget(struct call *call, const struct autocert *a, bool has_certificates, struct error *err)
{
	if ((has_certificates && delete_certificates(call, a->o.id, err) < 0) ||
		authorizations_forget(call, a->o.id, err) < 0)
		return -1;
	call_cancel(call, a->o.id);
	slug_release(call, a->slug);
	return 0;
}

int
autocert_delete(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_effect_ struct effect effect = { .action = EFFECT_NOTHING };
	struct json_object *with = json_path(params, "withCertificates");
	bool has_certificates = with && json_object_get_boolean(with);

	if (resource_find_peek(call, &autocert_class, params, &a, err) < 0 || variant_check_main(call, &a, err) < 0 ||
		used_files_check(call, &autocert_class, &a, NULL, &effect, err) < 0 ||
		variant_remove(call, &a, has_certificates, &effect.reasons, err) < 0 ||
		resource_remove(call, &a, err) < 0)
		return -1;
	describe_removal(call, &a, has_certificates, &effect);
	return autocert_forget(call, &a, has_certificates, err);
}

/* --- verbs --- */

/*
 * The time that the CA demands, for this certificate or for all of the provider, or that its rate limits allow.
 * Refused unless the caller insists.
 */
static int
check_allowed(struct call *call, const struct autocert *a, struct error *err)
{
	const struct error *why = &a->last_error;
	const char *text;
	int64_t at = clients_opens_at(call->service->issue_env->clients, autocert_provider(a), &why);
	char when[TIME_RFC3339_SIZE];

	if (at < a->last_error.retry_at) {
		at = a->last_error.retry_at;
		why = &a->last_error;
	}
	text = why->message;
	if (autocert_is_on_hold(a) && at < a->hold_at) {
		at = a->hold_at;
		text = a->hold_why;
	}
	if (at <= call_now(call))
		return 0;
	time_format_rfc3339(at, when);
	error_set(err, ERROR_RATE_LIMITED, "the next order is allowed at %s (%s); to order at once, renew with --force",
		when, text);
	if (err)
		err->retry_at = at;
	return -1;
}

static int
autocert_renew_now(struct call *call, struct autocert *a, bool is_forced, struct error *err)
{
	const struct issue *issue = issue_running(call->service->scheduler, a->o.id);

	if (a->is_paused && !is_forced)
		return error_set(err, ERROR_STATE, "'%s' is paused; resume it, or renew with --force", a->o.name);
	if (is_forced)
		clients_unlimit(call->service->issue_env->clients, autocert_provider(a));
	else if (check_allowed(call, a, err) < 0)
		return -1;
	a->skips_limits = is_forced;
	a->skips_windows = true;
	if (is_forced && issue && issue_is_rehearsal(issue))
		call_cancel(call, a->o.id); /* the caller insists on the CA */
	if (!issue && authorize_give_order(call->service->issue_env, call_txn(call), a, err) < 0)
		return -1;
	issue_plan_renewal(call->service->issue_env, a, true);
	return 0;
}

int
autocert_renew(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 }, variant = { 0 };
	struct json_object *force = json_path(params, "force");
	bool is_forced = force && json_object_get_boolean(force);
	int found;

	if (resource_find(call, &autocert_class, params, &a, err) < 0)
		return -1;
	found = variant_load(call, &a, &variant, err);
	if (found < 0 || autocert_renew_now(call, &a, is_forced, err) < 0)
		return -1;
	if (found && (autocert_renew_now(call, &variant, is_forced, err) < 0 ||
			     object_save(call->service->store, call_txn(call), &autocert_class, &variant, err) < 0))
		return error_wrap(err, "'%s'", variant.o.name);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}

int
autocert_approve(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *renew = NULL;
	int found;

	if (resource_find(call, &autocert_class, params, &a, err) < 0)
		return -1;
	if (!a.waiting_certificate)
		return error_set(err, ERROR_STATE, "no certificate of '%s' waits for approval", a.o.name);
	found = approval_give(call->service->issue_env, &a, err);
	if (found < 0)
		return -1;
	renew = shell_certctl("renew", a.o.name, NULL);
	if (found == 0)
		return error_set(err, ERROR_STATE,
			"the certificate that waits has expired or was revoked; to order another one: %s", renew);
	resource_modified(call, &a.o);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}

/* The order ends like one that failed: what was obtained is kept, and the next attempt follows by the same rules. */
int
autocert_cancel(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error why = ERROR_INIT;
	struct event_object object;

	if (resource_find(call, &autocert_class, params, &a, err) < 0)
		return -1;
	if (!issue_running(call->service->scheduler, a.o.id)) {
		_cleanup_free_ char *pause = shell_certctl("pause", a.o.name, NULL);

		return error_set(
			err, ERROR_STATE, "no order of '%s' is in progress; to suspend renewal: %s", a.o.name, pause);
	}
	error_set(&why, ERROR_CANCELLED, "the order was cancelled by %s", call->peer->label);
	issue_note_failure(call->service->issue_env, &a, &why, false);
	call_cancel(call, a.o.id);
	store_del(call_txn(call), STORE_ISSUE, a.o.id, strlen(a.o.id));
	object = (struct event_object){ autocert_class.name, a.o.id, a.o.name };
	event_emit_error(call->service->events, call_txn(call), EVENT_ISSUE_FAILED, &object, &why, "%s", why.message);
	resource_modified(call, &a.o);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}

int
autocert_pause(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (resource_find(call, &autocert_class, params, &a, err) < 0 || variant_check_main(call, &a, err) < 0)
		return -1;
	a.is_paused = true;
	a.next_at = 0;
	call_cancel(call, a.o.id);
	resource_modified(call, &a.o);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}

void
autocert_end_pause(struct call *call, struct autocert *a)
{
	const struct issue_env *env = call->service->issue_env;
	int64_t now = call_now(call);

	a->is_paused = false;
	if (a->unpause_url)
		a->last_error.retry_at = 0;
	str_replace(&a->unpause_url, NULL);
	if (a->attempts == 0)
		issue_plan_renewal(env, a, false);
	else
		a->next_at = window_issue_at(env, a, a->last_error.retry_at > now ? a->last_error.retry_at : now);
}

/*
 * What suspends it is a caller's pause, or the CA's pause of a name, which a person has ended there: that one can be of
 * the order for one of two keys.
 */
int
autocert_resume(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 }, variant = { 0 };
	bool has_variant;

	if (resource_find(call, &autocert_class, params, &a, err) < 0 ||
		((a.is_paused || !a.unpause_url) && variant_check_main(call, &a, err) < 0) ||
		variant_load(call, &a, &variant, err) < 0)
		return -1;
	has_variant = variant.unpause_url && !variant.is_paused; /* one that is paused here follows */
	if (!a.is_paused && !a.unpause_url && !has_variant)
		return error_set(err, ERROR_STATE, "'%s' is not paused", a.o.name);
	if (has_variant) {
		autocert_end_pause(call, &variant);
		if (object_save(call->service->store, call_txn(call), &autocert_class, &variant, err) < 0)
			return -1;
	}
	if (a.is_paused || a.unpause_url)
		autocert_end_pause(call, &a);
	resource_modified(call, &a.o);
	return autocert_store(call, &a, EVENT_OBJECT_UPDATED, err);
}
