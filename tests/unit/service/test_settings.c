/* Settings of an object's kind, as calls contain them. */
#include "daemon/service/settings.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct api_field pigeon_settings[] = {
	{ .name = "coop", .type = API_STRING, .flags = API_REQUIRED, .help = "coop to start from" },
	{ .name = "rings", .type = API_STRLIST, .help = "rings" },
	{ .name = "isFast", .type = API_BOOL, .help = "fast ones only" },
	{ .name = "cipher", .type = API_SECRET, .flags = API_BASE64, .help = "key of the message" },
	{ .name = NULL },
};
static const struct api_field drum_settings[] = {
	{ .name = "coop", .type = API_STRING, .help = "hill" },
	{ .name = NULL },
};
static const struct api_kind items[] = {
	{ "pigeon", "a bird", pigeon_settings },
	{ "drum", "a drum", drum_settings },
};
static const struct api_kinds kinds = { .property = "kind", .items = items, .count = 2, .has_default = true };

struct bed {
	struct record_list texts, secrets;
	struct error err;
};

static int
put(struct bed *b, const char *former, const char *kind, const char *json)
{
	_cleanup_json_ struct json_object *properties = json_parse(json, strlen(json), NULL);
	const struct settings settings = { &b->texts, &b->secrets };

	error_clear(&b->err);
	return settings_read(&kinds, former, kind, properties, &settings, &b->err);
}

static void
bed_clear(struct bed *b)
{
	record_list_clear(&setting_class, &b->texts);
	record_list_clear(&setting_class, &b->secrets);
	error_clear(&b->err);
}

Test(settings, each_type_is_stored_and_removed)
{
	static const char everything[] = "{\"coop\":\"roof\",\"rings\":[\"a\",\"b\"],\"isFast\":true,"
					 "\"cipher\":\"a2V5\",\"name\":\"x\"}";
	struct bed b = { .err = ERROR_INIT };

	cr_assert_eq(put(&b, NULL, "pigeon", everything), 0);
	cr_expect_str_eq(setting_text(&b.texts, "coop"), "roof");
	cr_expect_eq(setting_list(&b.texts, "rings")->count, 2);
	cr_expect(setting_is_set(&b.texts, "isFast"));
	cr_expect_eq(setting_find(&b.secrets, "cipher")->secret.len, 3);
	cr_expect_null(setting_find(&b.texts, "name"));
	cr_assert_eq(put(&b, "pigeon", "pigeon", "{\"rings\":[],\"isFast\":false,\"cipher\":null}"), 0);
	cr_expect_eq(b.texts.count, 1);
	cr_expect_eq(b.secrets.count, 0);
	bed_clear(&b);
}

Test(settings, those_of_another_kind_are_refused_by_name_unless_they_are_empty)
{
	static const struct {
		const char *json, *field;
	} cases[] = {
		{ "{\"rings\":[\"a\"]}", "rings" },
		{ "{\"isFast\":true}", "isFast" },
		{ "{\"cipher\":\"a2V5\"}", "cipher" },
		{ "{\"rings\":[],\"isFast\":false,\"cipher\":null}", NULL },
		{ "{\"coop\":\"hill\"}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b = { .err = ERROR_INIT };

		cr_expect_eq(put(&b, "drum", "drum", cases[i].json), cases[i].field ? -1 : 0, "%s", cases[i].json);
		if (cases[i].field) {
			cr_expect_str_eq(b.err.field, cases[i].field);
			cr_expect_str_eq(b.err.message, "is not used by kind drum, only by pigeon");
		}
		bed_clear(&b);
	}
}

Test(settings, a_change_of_the_kind_removes_what_the_new_one_does_not_have)
{
	struct bed b = { .err = ERROR_INIT };

	cr_assert_eq(
		put(&b, NULL, NULL, "{\"coop\":\"roof\",\"rings\":[\"a\"],\"isFast\":true,\"cipher\":\"a2V5\"}"), 0);
	cr_assert_eq(put(&b, "pigeon", NULL, "{}"), 0);
	cr_expect_eq(b.texts.count, 3, "the default kind is the same");
	cr_assert_eq(put(&b, NULL, "drum", "{}"), 0);
	cr_expect_eq(b.texts.count, 1);
	cr_expect_str_eq(setting_text(&b.texts, "coop"), "roof");
	cr_expect_eq(b.secrets.count, 0);
	bed_clear(&b);
}

Test(settings, what_is_required_is_asked_for_with_its_help)
{
	struct bed b = { .err = ERROR_INIT };

	cr_expect_eq(settings_check(&kinds, "pigeon", &b.texts, &b.secrets, &b.err), -1);
	cr_expect_str_eq(b.err.field, "coop");
	cr_expect_str_eq(b.err.message, "is missing: kind pigeon requires the coop to start from");
	error_clear(&b.err);
	cr_expect_eq(settings_check(&kinds, "drum", &b.texts, &b.secrets, &b.err), 0);
	cr_expect_eq(put(&b, NULL, "pigeon", "{\"cipher\":\"?\"}"), -1);
	cr_expect_str_eq(b.err.field, "cipher");
	bed_clear(&b);
}
