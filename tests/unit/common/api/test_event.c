#include "common/api/event.h"

#include <criterion/criterion.h>

Test(event, every_kind_has_a_name_of_its_own_that_maps_back)
{
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		const struct event_info *info = event_info((enum event_kind)i);
		enum event_kind found = EVENT_KIND_COUNT;

		cr_assert_not_null(info->name);
		cr_expect_eq(event_kind_find(info->name, &found), 1);
		cr_expect_eq(found, (enum event_kind)i, "%s", info->name);
		cr_expect_not_null(info->help);
		cr_expect_str_neq(event_level_name(info->level), "unknown", "%s", info->name);
	}
}

Test(event, only_progress_is_transient)
{
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		const struct event_info *info = event_info((enum event_kind)i);

		cr_expect_eq(info->is_transient, info->level == EVENT_DEBUG, "%s", info->name);
	}
}

Test(event, unknown_names_are_not_found)
{
	enum event_kind kind;

	cr_expect_eq(event_kind_find("issue.undone", &kind), 0);
	cr_expect_eq(event_kind_find("", &kind), 0);
}
