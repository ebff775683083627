#include "common/api/consumer_kinds.h"
#include "daemon/service/effect.h"
#include "daemon/service/fields.h"
#include "daemon/service/resource.h"
#include "daemon/service/settings.h"

#include <criterion/criterion.h>
#include <string.h>

/* An object with a certificate in use, and what changes one property of it. */
static struct autocert
declared(void)
{
	struct autocert a = { .common_name = xstrdup("www.example.com"), .provider = xstrdup("p1") };

	strlist_add(&a.sans, "example.com");
	strlist_add(&a.sans, "b.example.com");
	strlist_add(&a.consumers, "c1");
	strlist_add(&a.consumers, "c2");
	a.last_certificate = xstrdup("cert");
	return a;
}

struct autocert_case {
	const char *property;
	const char *json; /* what the property becomes */
	enum effect_action action;
	bool moves_renewal;
};

/* The lists of settings in @obj: the first, and that of the secrets. */
static struct record_list *
settings_of(const struct record_class *cls, size_t nth, void *obj)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].item == &setting_class && nth-- == 0)
			return (void *)((char *)obj + cls->fields[i].offset);
	cr_assert_fail("%s has no settings", cls->name);
	return NULL;
}

static void
change(const struct resource_ops *ops, void *obj, const char *property, const char *json)
{
	_cleanup_free_ char *text = xasprintf("{\"%s\":%s}", property, json);
	_cleanup_json_ struct json_object *properties = json_parse(text, strlen(text), NULL);

	cr_assert_not_null(properties, "%s", text);
	fields_from_json(ops->cls, properties, obj);
	if (api_resources[ops->id].kinds) {
		const struct settings settings = { settings_of(ops->cls, 0, obj), settings_of(ops->cls, 1, obj) };
		const struct consumer *c = obj;

		cr_assert_eq(settings_read(&consumer_kinds, c->activate, c->activate, properties, &settings, NULL), 0);
	}
}

static void
expect_autocert(const struct autocert_case *c, bool failed_before)
{
	struct autocert old = declared();
	struct autocert new = declared();
	struct effect effect;

	old.attempts = new.attempts = failed_before;
	change(&autocert_ops, &new, c->property, c->json);
	effect_of(API_AUTOCERTIFICATE, &autocert_class, &old, &new, &effect);
	cr_expect_eq(effect.action, c->action, "%s = %s: %s", c->property, c->json, effect_action_name(effect.action));
	cr_expect_eq(effect.moves_renewal, c->moves_renewal, "%s", c->property);
	cr_expect_eq(effect.changed.count, 1, "%s", c->property);
	cr_expect(effect.changed.count == 1 && strcmp(effect.changed.items[0], c->property) == 0);
	cr_expect(effect.reasons.count == 1 && strncmp(effect.reasons.items[0], c->property, strlen(c->property)) == 0);
	effect_clear(&effect);
	autocert_clear(&old);
	autocert_clear(&new);
}

Test(effect, what_the_certificate_says_makes_a_new_one_what_readers_need_another_rollout)
{
	static const struct autocert_case cases[] = {
		{ "name", "\"other\"", EFFECT_NOTHING, false },
		{ "provider", "\"p2\"", EFFECT_REISSUE, false },
		{ "commonName", "\"w.example.com\"", EFFECT_REISSUE, false },
		{ "subjectAlternativeNames", "[\"example.com\"]", EFFECT_REISSUE, false },
		{ "subjectAlternativeNames", "[\"b.example.com\",\"example.com\"]", EFFECT_NOTHING, false },
		{ "subjectAlternativeNames", "[\"example.com\",\"c.example.com\"]", EFFECT_REISSUE, false },
		{ "subjectAlternativeNames", "null", EFFECT_REISSUE, false },
		{ "keyAlgorithm", "\"rsa2048\"", EFFECT_REISSUE, false },
		{ "keyAlgorithm", "\"secp256r1\"", EFFECT_NOTHING, false },
		{ "keyAlgorithms", "[\"secp256r1\",\"rsa2048\"]", EFFECT_NOTHING, false },
		{ "keyAlgorithms", "[\"rsa2048\",\"secp256r1\"]", EFFECT_REISSUE, false },
		{ "challenge", "\"dns-01\"", EFFECT_NOTHING, false },
		{ "dnsProvider", "\"d1\"", EFFECT_NOTHING, false },
		{ "consumers", "[\"c1\"]", EFFECT_REDEPLOY, false },
		{ "consumers", "[\"c1\",\"c2\",\"c3\"]", EFFECT_REDEPLOY, false },
		{ "consumers", "[\"c2\",\"c1\"]", EFFECT_NOTHING, false },
		{ "reuseKey", "true", EFFECT_NOTHING, false },
		{ "profile", "\"short\"", EFFECT_REISSUE, false },
		{ "renewBefore", "86400", EFFECT_NOTHING, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_autocert(&cases[i], false);
}

Test(effect, an_order_that_failed_begins_anew_with_what_it_may_have_failed_for)
{
	static const struct autocert_case cases[] = {
		{ "challenge", "\"dns-01\"", EFFECT_REISSUE, false },
		{ "dnsProvider", "\"d1\"", EFFECT_REISSUE, false },
		{ "reuseKey", "true", EFFECT_NOTHING, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_autocert(&cases[i], true);
}

Test(effect, an_account_is_tried_again_until_it_is_registered_and_at_another_server_anew)
{
	static const struct {
		const char *property, *json;
		enum effect_action action;
		bool registers, registers_when_registered;
	} cases[] = {
		{ "name", "\"other\"", EFFECT_NOTHING, true, false },
		{ "email", "\"b@example.com\"", EFFECT_NOTHING, true, false },
		{ "caFile", "\"/ca.pem\"", EFFECT_NOTHING, true, false },
		{ "maxOrders", "5", EFFECT_NOTHING, true, false },
		{ "profile", "\"short\"", EFFECT_NOTHING, true, false },
		{ "server", "\"https://other.example/d\"", EFFECT_REISSUE, true, true },
	};

	static const struct {
		const char *account_url;
		enum object_state state;
		bool is_registered;
	} accounts[] = {
		{ NULL, OBJECT_PROVISIONING, false }, { NULL, OBJECT_FAILED, false },
		{ "https://ca.example/1", OBJECT_AVAILABLE, true },
		{ "https://ca.example/1", OBJECT_FAILED, false },       /* the CA forgot it, or refuses it */
		{ "https://ca.example/1", OBJECT_PROVISIONING, false }, /* is being looked for */
	};

	for (size_t i = 0; i < ARRAY_SIZE(accounts) * ARRAY_SIZE(cases); i++) {
		size_t c = i / ARRAY_SIZE(accounts), a = i % ARRAY_SIZE(accounts);
		struct provider old = { .server = xstrdup("https://ca.example/d") };
		struct provider new = { .server = xstrdup("https://ca.example/d") };
		struct effect effect;

		old.account_url = xstrdup_null(accounts[a].account_url);
		old.o.state = accounts[a].state;
		change(&provider_ops, &new, cases[c].property, cases[c].json);
		effect_of(API_PROVIDER, &provider_class, &old, &new, &effect);
		cr_expect_eq(effect.action, cases[c].action, "%s", cases[c].property);
		cr_expect_eq(effect.registers,
			accounts[a].is_registered ? cases[c].registers_when_registered : cases[c].registers,
			"%s, account %zu", cases[c].property, a);
		effect_clear(&effect);
		provider_clear(&old);
		provider_clear(&new);
	}
}

Test(effect, a_consumer_that_is_told_in_another_way_gets_another_rollout)
{
	static const struct {
		const char *kind, *property, *json;
		enum effect_action action;
	} cases[] = {
		{ "notify", "name", "\"other\"", EFFECT_NOTHING },
		{ "notify", "activate", "\"exec\"", EFFECT_REDEPLOY },
		{ "notify", "socket", "\"/s\"", EFFECT_REDEPLOY },
		{ "exec", "command", "[\"/bin/true\"]", EFFECT_REDEPLOY },
		{ "exec", "batch", "true", EFFECT_NOTHING },
		{ "haproxy", "sockets", "[\"/s\"]", EFFECT_REDEPLOY },
		{ "notify", "probes", "[{\"host\":\"a\",\"port\":443}]", EFFECT_REDEPLOY },
		{ "notify", "directory", "\"/d\"", EFFECT_REDEPLOY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct consumer old = { .activate = xstrdup(cases[i].kind) };
		struct consumer new = { .activate = xstrdup(cases[i].kind) };
		struct effect effect;

		change(&consumer_ops, &new, cases[i].property, cases[i].json);
		effect_of(API_CONSUMER, &consumer_class, &old, &new, &effect);
		cr_expect_eq(effect.action, cases[i].action, "%s", cases[i].property);
		effect_clear(&effect);
		consumer_clear(&old);
		consumer_clear(&new);
	}
}

/* Gives the field another value, whatever it is. */
static void
alter(const struct record_field *field, void *obj)
{
	void *at = (char *)obj + field->offset;

	switch (field->type) {
	case RECORD_STRING:
		str_replace(at, "altered");
		break;
	case RECORD_INT:
		++*(int64_t *)at;
		break;
	case RECORD_BOOL:
		*(bool *)at = true;
		break;
	case RECORD_STRLIST:
		strlist_add(at, "altered");
		break;
	case RECORD_SECRET:
		secret_set(at, "altered", 7);
		break;
	case RECORD_LIST:
		record_list_add(field->item, at);
		break;
	case RECORD_BYTES:
	case RECORD_ERROR:
		break;
	}
}

static const struct record_field *
field_of(const struct record_class *cls, const char *path)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].name && strcmp(cls->fields[i].name, path) == 0)
			return &cls->fields[i];
	cr_assert_fail("%s.%s is not stored", cls->name, path);
	return NULL;
}

static void
alter_property(const struct record_class *cls, const char *path, void *obj)
{
	const struct api_kinds *kinds = api_resource_find(cls->name)->kinds;
	const struct api_field *setting = kinds ? api_kind_setting(kinds, NULL, path) : NULL;
	const struct strlist list = { .items = (char *[]){ (char *)"x" }, .count = 1 };

	if (!setting)
		alter(field_of(cls, path), obj);
	else if (setting->type == API_SECRET)
		setting_put_secret(settings_of(cls, 1, obj), path, "x", 1);
	else if (setting->type == API_STRLIST)
		setting_put_list(settings_of(cls, 0, obj), path, &list);
	else
		setting_put(settings_of(cls, 0, obj), path, "x");
}

static void
expect_noticed(const struct resource_ops *ops, const struct api_field *fields, const char *prefix)
{
	for (; fields && fields->name; fields++) {
		_cleanup_free_ char *path = xasprintf("%s%s", prefix, fields->name);
		void *old = xcalloc(1, ops->cls->size);
		void *new = xcalloc(1, ops->cls->size);
		struct effect effect;

		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			expect_noticed(ops, fields->fields, inner);
		} else if (!(fields->flags & API_READ_ONLY)) {
			alter_property(ops->cls, path, new);
			effect_of(ops->id, ops->cls, old, new, &effect);
			cr_assert_eq(effect.changed.count, 1, "%s.%s has no rule", ops->cls->name, path);
			cr_expect_str_eq(effect.changed.items[0], path);
			effect_clear(&effect);
		}
		record_clear(ops->cls, old);
		record_clear(ops->cls, new);
		free(old);
		free(new);
	}
}

Test(effect, every_property_that_can_be_declared_has_a_rule)
{
	static const struct resource_ops *const all[] = { &provider_ops, &autocert_ops, &dnsprovider_ops, &consumer_ops,
		&alert_ops };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		expect_noticed(all[i], api_resources[all[i]->id].properties, "");
}

Test(effect, settings_are_compared_one_by_one)
{
	struct dnsprovider old = { 0 };
	struct dnsprovider new = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };

	setting_put(&old.settings, "server", "192.0.2.1");
	setting_put(&old.settings, "tsigName", "k");
	setting_put_secret(&old.secrets, "tsigKey", "a", 1);
	record_copy(&dnsprovider_class, &new, &old);
	effect_of(API_DNSPROVIDER, &dnsprovider_class, &old, &new, &effect);
	cr_expect_eq(effect.changed.count, 0);
	setting_put(&new.settings, "server", NULL);
	setting_put(&new.settings, "tsigAlgorithm", "hmac-sha1");
	setting_put_secret(&new.secrets, "tsigKey", "b", 1);
	effect_of(API_DNSPROVIDER, &dnsprovider_class, &old, &new, &effect);
	cr_expect_eq(effect.changed.count, 3);
	cr_expect(strlist_has(&effect.changed, "server"));
	cr_expect(strlist_has(&effect.changed, "tsigAlgorithm"));
	cr_expect(strlist_has(&effect.changed, "tsigKey"));
	dnsprovider_clear(&old);
	dnsprovider_clear(&new);
}
