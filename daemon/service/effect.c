/*
 * The rules. A change of the certificate's content requires a new certificate; a change for its readers requires
 * another rollout; how names are validated, and how certd talks to the CA, matters from the next order on. Without a
 * certificate, or after a failed order, that next order starts now: the changed property may have caused the failure.
 */
#include "daemon/service/effect.h"

#include "common/buf.h"
#include "daemon/service/fields.h"

#include <string.h>

enum rule_flag {
	MOVES_RENEWAL = 1,
	FOR_ORDERS = 2 /* reissue, but only while an order is pending anyway */
};

struct rule {
	enum api_resource_id id;
	const char *property; /* NULL: the settings of its kinds that have no rule of their own */
	enum effect_action action;
	unsigned flags; /* enum rule_flag */
	const char *reason;
};

static const char next_order[] = "applies to the next order";
static const char next_rollout[] = "applies to the next rollout";
static const char renewals_move[] = "the renewals of its auto-certificates move";
static const char next_record[] = "applies to the next record";
static const char next_message[] = "applies to the next message, also to those that wait";
static const char next_condition[] = "applies to conditions that begin from now on";

static const char next_registration[] = "applies when the account is registered, now or again";
/* One row per line is easier to compare. */
/* clang-format off */
static const struct rule rules[] = {
	{ API_PROVIDER, "name", EFFECT_NOTHING, 0, "its name changes" },
	{ API_PROVIDER, "email", EFFECT_NOTHING, 0, "the account is registered with it, or gets it at the CA" },
	{ API_PROVIDER, "server", EFFECT_REISSUE, 0,
		"an account is registered there, and all its auto-certificates get new certificates" },
	{ API_PROVIDER, "termsOfServiceAgreed", EFFECT_NOTHING, 0, "the account is registered with it" },
	{ API_PROVIDER, "externalAccountBinding.keyId", EFFECT_NOTHING, 0, next_registration },
	{ API_PROVIDER, "externalAccountBinding.keySecret", EFFECT_NOTHING, 0, next_registration },
	{ API_PROVIDER, "caFile", EFFECT_NOTHING, 0, "applies to the next connection" },
	{ API_PROVIDER, "profile", EFFECT_NOTHING, 0, next_order },
	{ API_PROVIDER, "profilePolicy", EFFECT_NOTHING, 0, next_order },
	{ API_PROVIDER, "preferredChain", EFFECT_NOTHING, 0, next_order },
	{ API_PROVIDER, "trustedRoots", EFFECT_NOTHING, 0, next_order },
	{ API_PROVIDER, "staging", EFFECT_NOTHING, 0, "applies to rehearsals from now on" },
	{ API_PROVIDER, "accountKey", EFFECT_NOTHING, 0, "the account is the one with this key" },
	{ API_PROVIDER, "accountKeyUri", EFFECT_NOTHING, 0, "the account is the one with this key" },
	{ API_PROVIDER, "accountKeyAlgorithm", EFFECT_NOTHING, 0, "the account's key is generated with it" },
	{ API_PROVIDER, "maxOrders", EFFECT_NOTHING, 0, next_order },
	{ API_PROVIDER, "rateLimits", EFFECT_NOTHING, 0, "applies to the next order, and to those that wait" },
	{ API_PROVIDER, "issueWindows", EFFECT_NOTHING, 0, renewals_move },
	{ API_PROVIDER, "rolloutWindows", EFFECT_NOTHING, 0, next_rollout },
	{ API_PROVIDER, "freezes", EFFECT_NOTHING, 0, renewals_move },
	{ API_PROVIDER, "accountLost", EFFECT_NOTHING, 0, "applies when the CA does not know the account any more" },

	{ API_AUTOCERTIFICATE, "name", EFFECT_NOTHING, 0, "its name changes; its files stay where they are" },
	{ API_AUTOCERTIFICATE, "provider", EFFECT_REISSUE, 0, "another provider issues the certificate" },
	{ API_AUTOCERTIFICATE, "fallbackProviders", EFFECT_NOTHING, 0, "applies when the provider fails" },
	{ API_AUTOCERTIFICATE, "commonName", EFFECT_REISSUE, 0,
		"the certificate is for another name; its files stay where they are" },
	{ API_AUTOCERTIFICATE, "subjectAlternativeNames", EFFECT_REISSUE, 0, "the certificate is for other names" },
	{ API_AUTOCERTIFICATE, "keyAlgorithm", EFFECT_REISSUE, 0, "the certificate has another kind of key" },
	{ API_AUTOCERTIFICATE, "keyAlgorithms", EFFECT_REISSUE, 0, "the certificate has another kind of key" },
	{ API_AUTOCERTIFICATE, "csr", EFFECT_REISSUE, 0, "the certificate is for another request" },
	{ API_AUTOCERTIFICATE, "keyUri", EFFECT_REISSUE, 0, "the certificate is for another key" },
	{ API_AUTOCERTIFICATE, "challenge", EFFECT_REISSUE, FOR_ORDERS, next_order },
	{ API_AUTOCERTIFICATE, "dnsProvider", EFFECT_REISSUE, FOR_ORDERS, next_order },
	{ API_AUTOCERTIFICATE, "consumers", EFFECT_REDEPLOY, 0, "the files are deployed to other consumers" },
	{ API_AUTOCERTIFICATE, "reuseKey", EFFECT_NOTHING, 0, next_order },
	{ API_AUTOCERTIFICATE, "mustStaple", EFFECT_REISSUE, 0,
		"the certificate requires OCSP stapling, or not any more" },
	{ API_AUTOCERTIFICATE, "tlsaNames", EFFECT_NOTHING, 0,
		"the key changes at a renewal only after its records were seen" },
	{ API_AUTOCERTIFICATE, "profile", EFFECT_REISSUE, 0, "the certificate gets another profile" },
	{ API_AUTOCERTIFICATE, "guard", EFFECT_NOTHING, 0, "applies to the next certificate" },
	{ API_AUTOCERTIFICATE, "preferredChain", EFFECT_NOTHING, 0, next_order },
	{ API_AUTOCERTIFICATE, "profilePolicy", EFFECT_REISSUE, FOR_ORDERS, next_order },
	{ API_AUTOCERTIFICATE, "renewBefore", EFFECT_NOTHING, MOVES_RENEWAL, "the renewal date moves" },
	{ API_AUTOCERTIFICATE, "issueWindows", EFFECT_NOTHING, MOVES_RENEWAL, "the renewal date moves" },
	{ API_AUTOCERTIFICATE, "rolloutWindows", EFFECT_NOTHING, 0, next_rollout },
	{ API_AUTOCERTIFICATE, "freezes", EFFECT_NOTHING, MOVES_RENEWAL,
		"the renewal date moves, and the next rollout observes them" },
	{ API_AUTOCERTIFICATE, "dropAfter", EFFECT_NOTHING, 0, "applies to the next order that is retried" },
	{ API_AUTOCERTIFICATE, "labels", EFFECT_NOTHING, 0, "its certificates get the same labels" },

	{ API_CERTIFICATE, "name", EFFECT_NOTHING, 0, "its name changes; its files stay where they are" },
	{ API_CERTIFICATE, "consumers", EFFECT_REDEPLOY, 0, "the files are deployed to other consumers" },
	{ API_CERTIFICATE, "deployAnyway", EFFECT_REDEPLOY, 0, "it is deployed despite its faults" },
	{ API_CERTIFICATE, "labels", EFFECT_NOTHING, 0, "callers with other scopes may see it" },

	{ API_DNSPROVIDER, "name", EFFECT_NOTHING, 0, "its name changes" },
	{ API_DNSPROVIDER, "kind", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "zones", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "ttl", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "propagationTimeout", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "validateUnseen", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "nameservers", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, "resolvers", EFFECT_NOTHING, 0, next_record },
	{ API_DNSPROVIDER, NULL, EFFECT_NOTHING, 0, next_record },

	{ API_CONSUMER, "name", EFFECT_NOTHING, 0, "its name changes" },
	{ API_CONSUMER, "activate", EFFECT_REDEPLOY, 0, "it is notified in another way" },
	{ API_CONSUMER, NULL, EFFECT_REDEPLOY, 0, "it is notified in another way" },
	{ API_CONSUMER, "batch", EFFECT_NOTHING, 0, "applies from the next change of certificates on" },
	{ API_CONSUMER, "rollback", EFFECT_NOTHING, 0, "applies to the next failure" },
	{ API_CONSUMER, "probes", EFFECT_REDEPLOY, 0, "other endpoints must present the certificate" },
	{ API_CONSUMER, "directory", EFFECT_REDEPLOY, 0,
		"the files move to another directory" },
	{ API_CONSUMER, "layout", EFFECT_REDEPLOY, 0, "the files get other names" },
	{ API_CONSUMER, "outputs", EFFECT_REDEPLOY, 0, "it gets other files" },
	{ API_CONSUMER, "outputPassword", EFFECT_REDEPLOY, 0, "its files are encrypted with another password" },

	{ API_ALERT, "name", EFFECT_NOTHING, 0, "its name changes" },
	{ API_ALERT, "kind", EFFECT_NOTHING, 0, next_message },
	{ API_ALERT, NULL, EFFECT_NOTHING, 0, next_message },
	{ API_ALERT, "minimumSeverity", EFFECT_NOTHING, 0, next_condition },
	{ API_ALERT, "conditions", EFFECT_NOTHING, 0, next_condition },
	{ API_ALERT, "labels", EFFECT_NOTHING, 0, next_condition },
};
/* clang-format on */

void
effect_clear(struct effect *effect)
{
	strlist_clear(&effect->changed);
	strlist_clear(&effect->reasons);
}

const char *
effect_action_name(enum effect_action action)
{
	switch (action) {
	case EFFECT_NOTHING:
		return "nothing";
	case EFFECT_REDEPLOY:
		return "redeploy";
	case EFFECT_REISSUE:
		return "reissue";
	}
	return "nothing";
}

/* --- is it another value? --- */

static bool
same_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool
same_field(const struct record_field *field, const void *a_obj, const void *b_obj);

static bool
same_items(const struct record_class *item, const struct record_list *a, const struct record_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < item->n_fields; j++)
			if (!same_field(&item->fields[j], (const char *)a->items + i * item->size,
				    (const char *)b->items + i * item->size))
				return false;
	return true;
}

static bool
same_field(const struct record_field *field, const void *a_obj, const void *b_obj)
{
	const void *a = (const char *)a_obj + field->offset;
	const void *b = (const char *)b_obj + field->offset;

	switch (field->type) {
	case RECORD_STRING: {
		const char *x = *(char *const *)a, *y = *(char *const *)b;

		return strcmp(x ? x : "", y ? y : "") == 0;
	}
	case RECORD_INT:
		return *(const int64_t *)a == *(const int64_t *)b;
	case RECORD_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case RECORD_STRLIST:
		return strlist_equal(a, b);
	case RECORD_LIST:
		return same_items(field->item, a, b);
	case RECORD_BYTES: {
		const struct buf *x = a, *y = b;

		return same_octets(x->data, x->len, y->data, y->len);
	}
	case RECORD_SECRET: {
		const struct secret *x = a, *y = b;

		return same_octets(x->data, x->len, y->data, y->len);
	}
	case RECORD_ERROR:
		return true; /* errors are not declared */
	}
	return true;
}

static bool
same_setting(const struct setting *a, const struct setting *b)
{
	return a && b && strcmp(a->value ? a->value : "", b->value ? b->value : "") == 0 &&
	       strlist_equal(&a->list, &b->list) &&
	       same_octets(a->secret.data, a->secret.len, b->secret.data, b->secret.len);
}

/* --- what follows --- */

/* Its own key is of the same kind: the default was written out, or a second key was added or removed. */
static bool
has_same_algorithm(const struct rule *rule, const void *old, const void *new)
{
	return rule->id == API_AUTOCERTIFICATE &&
	       strncmp(rule->property, "keyAlgorithm", strlen("keyAlgorithm")) == 0 &&
	       strcmp(autocert_key_algorithm(old), autocert_key_algorithm(new)) == 0;
}

static bool
same_set(const struct strlist *a, const struct strlist *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!strlist_has(b, a->items[i]))
			return false;
	return a->count == b->count; /* a list contains no name twice */
}

/* The same names in another order. */
static bool
is_other_order(const struct rule *rule, const void *old, const void *new)
{
	const struct autocert *a = old, *b = new;

	if (rule->id != API_AUTOCERTIFICATE)
		return false;
	if (strcmp(rule->property, "subjectAlternativeNames") == 0)
		return same_set(&a->sans, &b->sans);
	return strcmp(rule->property, "consumers") == 0 && same_set(&a->consumers, &b->consumers);
}

static bool
order_is_wanted(const struct autocert *a)
{
	return !a->last_certificate || a->attempts > 0 || a->is_outdated;
}

static void
apply_rule(const struct rule *rule, const char *property, const void *old, const void *new, struct effect *ret)
{
	enum effect_action action = rule->action;
	const char *reason = rule->reason;

	if (has_same_algorithm(rule, old, new)) {
		action = EFFECT_NOTHING;
		reason = strcmp(property, "keyAlgorithms") == 0 ? "the certificate with the second key follows"
								: "it is the same kind of key";
	} else if (is_other_order(rule, old, new)) {
		action = EFFECT_NOTHING;
		reason = "they are the same";
	} else if (rule->flags & FOR_ORDERS) {
		if (order_is_wanted(old))
			reason = "the order starts again with it";
		else
			action = EFFECT_NOTHING;
	}
	if (rule->flags & MOVES_RENEWAL)
		ret->moves_renewal = true;
	if (action > ret->action)
		ret->action = action;
	strlist_add(&ret->changed, property);
	strlist_take(&ret->reasons, xasprintf("%s: %s", property, reason));
}

static const struct rule *
effect_rule_for(enum api_resource_id id, const char *property)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].id == id &&
			(property ? rules[i].property && strcmp(rules[i].property, property) == 0 : !rules[i].property))
			return &rules[i];
	return NULL;
}

static void
apply_settings(
	enum api_resource_id id, const struct record_list *old, const struct record_list *new, struct effect *ret)
{
	const struct setting *a = old->items, *b = new->items;

	for (size_t i = 0; i < old->count + new->count; i++) {
		const char *name = i < old->count ? a[i].name : b[i - old->count].name;
		const struct rule *rule = effect_rule_for(id, name);

		if (!rule)
			rule = effect_rule_for(id, NULL);
		if (!same_setting(setting_find(old, name), setting_find(new, name)) &&
			!strlist_has(&ret->changed, name))
			apply_rule(rule, name, old, new, ret);
	}
}

/* The same value in another spelling. */
static void
apply_rewritten(const struct object *old, const struct object *new, struct effect *ret)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	fields_rewritten(old, new, &names);
	for (size_t i = 0; i < names.count; i++) {
		if (strlist_has(&ret->changed, names.items[i]))
			continue;
		strlist_add(&ret->changed, names.items[i]);
		strlist_take(&ret->reasons, xasprintf("%s: the same in another spelling", names.items[i]));
	}
}

void
effect_of(enum api_resource_id id, const struct record_class *cls, const void *old, const void *new, struct effect *ret)
{
	*ret = (struct effect){ .action = EFFECT_NOTHING };
	for (size_t i = 0; i < cls->n_fields; i++) {
		const struct record_field *field = &cls->fields[i];
		const struct rule *rule = field->name ? effect_rule_for(id, field->name) : NULL;

		if (rule && !same_field(field, old, new))
			apply_rule(rule, field->name, old, new, ret);
		if (field->item == &setting_class)
			apply_settings(id, (const void *)((const char *)old + field->offset),
				(const void *)((const char *)new + field->offset), ret);
	}
	apply_rewritten(old, new, ret);
	/* The changed property may have caused the account's failure. */
	if (id == API_PROVIDER && ret->changed.count)
		ret->registers = !effect_is_registered(old) || ret->action == EFFECT_REISSUE;
}

bool
effect_is_registered(const struct provider *provider)
{
	return provider->account_url && (provider->o.state == OBJECT_AVAILABLE ||
						(provider->o.state == OBJECT_PROVISIONING &&
							(provider->has_new_email || provider->wants_rollover)));
}

struct json_object *
effect_to_json(const struct effect *effect)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "action", effect_action_name(effect->action));
	json_add_strlist(json, "changed", &effect->changed);
	json_add_strlist(json, "reasons", &effect->reasons);
	return json;
}
