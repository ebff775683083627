#include "daemon/service/effect.h"
#include "daemon/service/fields.h"
#include "daemon/service/resource.h"

#include <criterion/criterion.h>
#include <string.h>

/* @json is declared for @a, whose names then become @common_name and @sans, as certd writes them. */
static void
declare(struct autocert *a, const char *json, const char *common_name, const char *sans)
{
	_cleanup_json_ struct json_object *properties = json_parse(json, strlen(json), NULL);

	cr_assert_not_null(properties, "%s", json);
	fields_from_json(&autocert_class, properties, a);
	str_replace(&a->common_name, common_name);
	strlist_clear(&a->sans);
	strlist_split(&a->sans, sans, ' ');
	fields_keep_declared(&autocert_class, properties, a);
}

static void
expect_properties(const struct autocert *a, const char *json)
{
	_cleanup_json_ struct json_object *properties = fields_properties(&autocert_class, a);
	_cleanup_json_ struct json_object *wanted = json_parse(json, strlen(json), NULL);

	json_object_object_foreach(wanted, name, value)
		cr_expect(json_object_equal(value, json_path(properties, name)), "%s: %s", name,
			json_object_to_json_string(properties));
}

Test(fields, what_was_written_otherwise_comes_back_as_it_was_written)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	static const char written[] = "{\"commonName\":\"WWW.Example.com.\",\"subjectAlternativeNames\":"
				      "[\"www.example.com\",\"B.example.com\",\"b.example.com\"],\"profile\":\"tls\"}";

	declare(&a, written, "www.example.com", "b.example.com");
	expect_properties(&a, written);
	cr_expect_str_eq(a.common_name, "www.example.com");
	cr_expect_eq(a.sans.count, 1);
	cr_expect_null(strstr(buf_str(&a.o.declared), "profile"), "nothing is kept twice");
}

Test(fields, what_is_written_as_certd_does_takes_no_room)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	declare(&a, "{\"commonName\":\"www.example.com\",\"subjectAlternativeNames\":[]}", "www.example.com", "");
	cr_expect_eq(a.o.declared.len, 0);
	declare(&a, "{\"commonName\":\"WWW.example.com\"}", "www.example.com", "");
	cr_expect_gt(a.o.declared.len, 0);
	declare(&a, "{\"commonName\":\"www.example.com\"}", "www.example.com", "");
	cr_expect_eq(a.o.declared.len, 0, "it is forgotten");
}

Test(fields, a_change_begins_with_what_was_written)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_json_ struct json_object *nothing = json_object_new_object();

	declare(&a, "{\"commonName\":\"WWW.example.com\",\"subjectAlternativeNames\":[\"www.example.com\"]}",
		"www.example.com", "");
	fields_from_json(&autocert_class, nothing, &a);
	cr_expect_str_eq(a.common_name, "WWW.example.com");
	cr_assert_eq(a.sans.count, 1, "with another common name it is another name");
	cr_expect_str_eq(a.sans.items[0], "www.example.com");
}

Test(fields, another_form_of_the_same_is_a_change_without_an_effect)
{
	_cleanup_autocert_ struct autocert old = { 0 }, new = { 0 };
	struct effect effect;

	declare(&old, "{\"commonName\":\"WWW.example.com\"}", "www.example.com", "");
	declare(&new, "{\"commonName\":\"www.example.com\",\"subjectAlternativeNames\":[\"www.example.com\"]}",
		"www.example.com", "");
	old.last_certificate = xstrdup("c");
	effect_of(API_AUTOCERTIFICATE, &autocert_class, &old, &new, &effect);
	cr_expect_eq(effect.action, EFFECT_NOTHING);
	cr_expect_eq(effect.changed.count, 2);
	cr_assert_eq(effect.reasons.count, 2);
	cr_expect(strlist_has(&effect.reasons, "commonName: the same in another spelling"));
	cr_expect(strlist_has(&effect.reasons, "subjectAlternativeNames: the same in another spelling"));
	effect_clear(&effect);
	effect_of(API_AUTOCERTIFICATE, &autocert_class, &new, &new, &effect);
	cr_expect_eq(effect.changed.count, 0);
	effect_clear(&effect);
}

Test(fields, no_key_is_kept_in_what_is_answered)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_json_ struct json_object *properties = json_object_new_object();

	buf_add_str(&c.leaf_pem, "CERT");
	json_add_string(properties, "certificate", "CERT\n-----begin private key-----\nMIIE\n");
	fields_keep_declared(&certificate_class, properties, &c);
	cr_expect_eq(c.o.declared.len, 0);
	json_add_string(properties, "certificate", "subject=www\r\nCERT");
	fields_keep_declared(&certificate_class, properties, &c);
	cr_expect_not_null(strstr(buf_str(&c.o.declared), "subject=www"));
}

Test(fields, a_record_of_an_earlier_certd_has_what_it_had)
{
	_cleanup_autocert_ struct autocert a = { .common_name = xstrdup("www.example.com") };

	strlist_add(&a.sans, "b.example.com");
	expect_properties(&a, "{\"commonName\":\"www.example.com\",\"subjectAlternativeNames\":[\"b.example.com\"]}");
	buf_add_str(&a.o.declared, "{damaged");
	expect_properties(&a, "{\"commonName\":\"www.example.com\"}");
}

Test(fields, what_is_empty_is_not_kept_and_what_is_not_empty_is)
{
	static const struct {
		const char *properties;
		bool is_kept;
	} cases[] = {
		{ "{\"certificateChain\":\"\"}", false },
		{ "{\"certificateChain\":\"CHAIN\"}", true },
		{ "{\"certificateChain\":null}", false },
		{ "{\"labels\":[]}", false },
		{ "{\"labels\":[\"a\"]}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_json_ struct json_object *properties = json_parse(
			cases[i].properties, strlen(cases[i].properties), NULL);

		fields_keep_declared(&certificate_class, properties, &c);
		cr_expect_eq(c.o.declared.len > 0, cases[i].is_kept, "%s", cases[i].properties);
	}
}
