#include "common/api/dns_kinds.h"
#include "common/error.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(dnsprovider, the_longest_zone_with_the_name_in_it_counts)
{
	static const struct {
		const char *zones;
		const char *name;
		size_t match;
	} cases[] = {
		{ "example.com", "example.com", 11 },
		{ "example.com", "_acme-challenge.www.example.com", 11 },
		{ "example.com,sub.example.com", "_acme-challenge.www.sub.example.com", 15 },
		{ "sub.example.com,example.com", "_acme-challenge.www.example.com", 11 },
		{ "example.com", "notexample.com", 0 },
		{ "example.com", "com", 0 },
		{ "", "example.com", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

		strlist_split(&d.zones, cases[i].zones, ',');
		cr_expect_eq(dnsprovider_match(&d, cases[i].name), cases[i].match, "%s in %s", cases[i].name,
			cases[i].zones);
	}
}

static void
add(struct store *store, const char *name, const char *zones, char ret_id[STORE_ID_SIZE])
{
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xstrdup(name), .kind = xstrdup("exec") };
	_cleanup_error_ struct error err = ERROR_INIT;

	strlist_split(&d.zones, zones, ',');
	cr_assert_eq(object_save(store, store_begin(store), &dnsprovider_class, &d, &err), 0, "%s", err.message);
	memcpy(ret_id, d.o.id, STORE_ID_SIZE);
	store_commit(store);
}

static void
expect_choice(struct store *store, const char *named, const char *name, const char *chosen)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = dnsprovider_choose(store, named, name, &d, &err);

	cr_expect_eq(found, chosen != NULL, "%s: %d %s", name, found, err.message);
	if (found == 1 && chosen)
		cr_expect_str_eq(d.o.name, chosen, "%s", name);
}

Test(dnsprovider, one_without_zones_has_all_only_if_it_is_alone_or_named)
{
	struct tmp_store t;
	char all[STORE_ID_SIZE];
	char com[STORE_ID_SIZE];
	char sub[STORE_ID_SIZE];

	tmp_store_init(&t, 0);
	expect_choice(t.store, NULL, "_acme-challenge.example.com", NULL);
	add(t.store, "all", "", all);
	expect_choice(t.store, NULL, "_acme-challenge.example.com", "all");
	add(t.store, "com", "example.com", com);
	add(t.store, "sub", "example.net,sub.example.com", sub);
	expect_choice(t.store, NULL, "_acme-challenge.example.com", "com");
	expect_choice(t.store, NULL, "_acme-challenge.www.sub.example.com", "sub");
	expect_choice(t.store, NULL, "_acme-challenge.example.org", NULL);
	expect_choice(t.store, all, "_acme-challenge.example.org", "all");
	expect_choice(t.store, com, "_acme-challenge.example.org", "com");
	expect_choice(t.store, "00000000-0000-4000-8000-000000000000", "_acme-challenge.example.com", NULL);
	tmp_store_clear(&t);
}

Test(dnsprovider, an_error_lists_the_zones_of_all_and_counts_those_beyond_ten)
{
	static const struct {
		const char *zones, *seen, *text;
	} steps[] = {
		{ "", "", "none" },
		{ "a1.test", "not-this.test", "a1.test" },
		{ "", "a2.test,a3.test", "a1.test, a2.test, a3.test" },
		{ "a4.test,a5.test,a6.test,a7.test,a8.test,a9.test,b0.test", "",
			"a1.test, a2.test, a3.test, a4.test, a5.test, a6.test, a7.test, a8.test, a9.test, b0.test" },
		{ "b1.test", "",
			"a1.test, a2.test, a3.test, a4.test, a5.test, a6.test, a7.test, a8.test, a9.test, b0.test "
			"and 1 more" },
		{ "b2.test,b3.test", "",
			"a1.test, a2.test, a3.test, a4.test, a5.test, a6.test, a7.test, a8.test, a9.test, b0.test "
			"and 3 more" },
	};
	struct tmp_store t;

	tmp_store_init(&t, 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xasprintf("d%zu", i),
			.kind = xstrdup("exec") };
		_cleanup_free_ char *text = NULL;

		snprintf(d.o.id, sizeof(d.o.id), "00000000-0000-4000-8000-00000000000%zu", i);
		strlist_split(&d.zones, steps[i].zones, ',');
		strlist_split(&d.zones_seen, steps[i].seen, ',');
		cr_assert_eq(object_save(t.store, store_begin(t.store), &dnsprovider_class, &d, NULL), 0);
		store_commit(t.store);
		text = dnsprovider_zones_text(t.store);
		cr_expect_str_eq(text, steps[i].text, "step %zu: %s", i, text);
	}
	tmp_store_clear(&t);
}

static void
expect_check(const char *kind, const char *field, const char *server, const char *tsig_name, const char *tsig_key,
	const char *algorithm, const char *command)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup(kind) };

	setting_put(&d.settings, "server", server);
	setting_put(&d.settings, "tsigName", tsig_name);
	setting_put(&d.settings, "tsigAlgorithm", algorithm);
	setting_put(&d.settings, "command", command);
	setting_put_secret(&d.secrets, "tsigKey", tsig_key, tsig_key ? strlen(tsig_key) : 0);
	cr_expect_eq(dnsprovider_check(&d, &err), field ? -1 : 0, "%s: %s", kind, err.message);
	if (field)
		cr_expect_str_eq(err.field ? err.field : "", field, "%s", err.message);
}

Test(dnsprovider, drivers_name_the_setting_that_is_wrong)
{
	expect_check("rfc2136", NULL, "127.0.0.1", NULL, NULL, NULL, NULL);
	expect_check("rfc2136", NULL, "[::1]:5353", "key.", "secret", "hmac-sha256", NULL);
	expect_check("rfc2136", "server", NULL, "key.", "secret", NULL, NULL);
	expect_check("rfc2136", "server", "ns1.example.com", "key.", "secret", NULL, NULL);
	expect_check("rfc2136", "tsigKey", "127.0.0.1", "key.", NULL, NULL, NULL);
	expect_check("rfc2136", "tsigName", "127.0.0.1", NULL, "secret", NULL, NULL);
	expect_check("rfc2136", "tsigAlgorithm", "127.0.0.1", "key.", "secret", "sha256", NULL);
	expect_check("rfc2136", "tsigAlgorithm", "127.0.0.1", "key.", "secret", "hmac-md5", NULL);
	expect_check("exec", NULL, NULL, NULL, NULL, NULL, "/bin/true");
	expect_check("exec", "command", NULL, NULL, NULL, NULL, NULL);
	expect_check("exec", "command", NULL, NULL, NULL, NULL, "bin/true");
	expect_check("ionoscloud", "token", NULL, NULL, NULL, NULL, NULL);
	expect_check("route66", "kind", NULL, NULL, NULL, NULL, NULL);
	cr_expect_null(dnsprovider_driver("route66"));
	cr_expect_null(dnsprovider_driver(NULL));
}

Test(dnsprovider, a_key_file_of_google_has_an_account_and_a_key)
{
	static const struct {
		const char *file, *says;
	} cases[] = {
		{ "no JSON", "the key file of the service account: " },
		{ "[]", "is not a key file of a service account: it has no client_email" },
		{ "{}", "is not a key file of a service account: it has no client_email" },
		{ "{\"private_key\":\"x\"}", "is not a key file of a service account: it has no client_email" },
		{ "{\"client_email\":\"a@b.test\"}", "is not a key file of a service account: it has no private_key" },
		{ "{\"client_email\":\"\",\"private_key\":\"x\"}",
			"is not a key file of a service account: it has no client_email" },
		{ "{\"client_email\":\"a@b.test\",\"private_key\":\"x\"}", "the key of the service account: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("google") };

		setting_put(&d.settings, "project", "p");
		setting_put_secret(&d.secrets, "serviceAccount", cases[i].file, strlen(cases[i].file));
		cr_expect_eq(dnsprovider_check(&d, &err), -1, "%s", cases[i].file);
		cr_expect_eq(strncmp(err.message, cases[i].says, strlen(cases[i].says)), 0, "%s: %s", cases[i].file,
			err.message);
	}
}

Test(dnsprovider, name_servers_to_ask_are_checked)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = { { "ns1.example.com", true }, { "[::1]:5353", true }, { "a b", false }, { "ns1:dns", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_dnsprovider_ struct dnsprovider d = {
			.kind = xstrdup("exec"),
		};

		setting_put(&d.settings, "command", "/bin/true");
		strlist_add(&d.nameservers, cases[i].text);
		cr_expect_eq(dnsprovider_check(&d, &err), cases[i].good ? 0 : -1, "%s", cases[i].text);
		if (!cases[i].good)
			cr_expect_str_eq(err.field, "nameservers");
	}
}

Test(dnsprovider, resolvers_are_addresses_or_urls_and_few)
{
	static const struct {
		const char *text;
		size_t count;
		bool good;
	} cases[] = { { "9.9.9.9", 1, true }, { "[2620:fe::fe]:53", 8, true },
		{ "https://dns.example/dns-query", 1, true }, { "http://127.0.0.1:8053/dns-query", 1, true },
		{ "http://dns.example/dns-query", 1, false }, { "https://user@dns.example/", 1, false },
		{ "https://dns.example/#x", 1, false }, { "ftp://dns.example/", 1, false }, { "dns.example", 1, false },
		{ "9.9.9.9:dns", 1, false }, { "9.9.9.9", 9, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("exec") };

		setting_put(&d.settings, "command", "/bin/true");
		for (size_t j = 0; j < cases[i].count; j++)
			strlist_add(&d.resolvers, cases[i].text);
		cr_expect_eq(dnsprovider_check(&d, &err), cases[i].good ? 0 : -1, "%s", cases[i].text);
		if (!cases[i].good)
			cr_expect_str_eq(err.field, "resolvers");
	}
}

Test(dnsprovider, every_kind_has_a_driver_and_settings_that_a_record_can_hold)
{
	for (size_t i = 0; i < DNS_KIND_COUNT; i++) {
		const struct api_kind *kind = &dns_kinds.items[i];

		cr_expect_eq(api_kind_find(&dns_kinds, kind->name), kind);
		cr_expect_not_null(dnsprovider_driver(kind->name), "%s", kind->name);
		for (const struct api_field *s = kind->settings; s->name; s++) {
			const struct api_field *property = api_field_find(
				api_resources[API_DNSPROVIDER].properties, s->name);

			cr_expect(s->type == API_STRING || s->type == API_ENUM || s->type == API_PATH ||
					  s->type == API_SECRET,
				"%s: %s", kind->name, s->name);
			cr_assert_not_null(property, "%s: %s", kind->name, s->name);
			cr_expect_eq(property->type, s->type, "%s: %s", kind->name, s->name);
			cr_expect_not_null(strstr(property->help, kind->name), "%s", property->help);
		}
	}
}
