#include "common/api/kinds.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <criterion/criterion.h>
#include <string.h>

Test(service, every_method_of_the_api_has_a_handler_and_a_role)
{
	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		const struct resource_ops *ops = service_methods[i].ops;
		enum api_resource_id about = ops ? ops->id : API_RESOURCE_COUNT;

		cr_expect_not_null(service_methods[i].run, "%s", api_methods[i].name);
		cr_expect_eq(about, api_methods[i].resource, "%s", api_methods[i].name);
		cr_expect_geq(api_methods[i].role, ROLE_VIEWER, "%s", api_methods[i].name);
	}
}

static bool
has_field(const struct record_class *cls, const char *path)
{
	const struct api_kinds *kinds;

	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].name && strcmp(cls->fields[i].name, path) == 0)
			return true;
	kinds = api_resource_find(cls->name)->kinds;
	return kinds && api_kind_setting(kinds, NULL, path);
}

static void
expect_stored(const struct record_class *cls, const struct api_field *fields, const char *prefix)
{
	for (; fields && fields->name; fields++) {
		_cleanup_free_ char *path = xasprintf("%s%s", prefix, fields->name);

		if (fields->flags & API_READ_ONLY)
			continue;
		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			expect_stored(cls, fields->fields, inner);
			continue;
		}
		cr_expect(has_field(cls, path), "%s.%s can be declared but is not stored", cls->name, path);
	}
}

Test(resource, every_property_that_can_be_declared_is_stored)
{
	static const struct resource_ops *const all[] = { &provider_ops, &autocert_ops, &certificate_ops,
		&dnsprovider_ops, &consumer_ops, &token_ops, &authorization_ops, &alert_ops };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		expect_stored(all[i]->cls, api_resources[all[i]->id].properties, "");
}
