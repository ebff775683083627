#include "common/api/event.h"

#include <criterion/criterion.h>
#include <string.h>

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

Test(event, data_is_what_the_kind_declares)
{
	static const struct {
		enum event_kind kind;
		const char *data, *fault;
	} cases[] = {
		{ EVENT_SERVER_STARTED, NULL, NULL },
		{ EVENT_SERVER_STARTED, "{}", NULL },
		{ EVENT_SERVER_STARTED, "{\"x\":1}", "server.started: data has 'x', which is not declared" },
		{ EVENT_ISSUE_DONE, "{\"certificate\":\"1\",\"notAfter\":\"2\"}", NULL },
		{ EVENT_ISSUE_DONE, NULL, "issue.done: data lacks 'certificate', which is declared" },
		{ EVENT_ISSUE_DONE, "{\"certificate\":\"1\"}", "issue.done: data lacks 'notAfter', which is declared" },
		{ EVENT_ISSUE_DONE, "{\"certificate\":\"1\",\"notAfter\":\"2\",\"not\":1}",
			"issue.done: data has 'not', which is not declared" },
		{ EVENT_ISSUE_PROGRESS, "{\"state\":\"x\"}", NULL },
		{ EVENT_ISSUE_PROGRESS, "{\"state\":\"x\",\"why\":\"y\"}", NULL },
		{ EVENT_ISSUE_PROGRESS, "{\"why\":\"y\"}", "issue.progress: data lacks 'state', which is declared" },
		{ EVENT_STORE_FAILED, "{\"code\":\"io\",\"message\":\"m\"}", NULL },
		{ EVENT_STORE_FAILED, "{\"code\":\"io\",\"message\":\"m\",\"field?\":1}",
			"store.failed: data has 'field?', which is not declared" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *data = cases[i].data ? json_parse(cases[i].data,
										  strlen(cases[i].data), NULL)
									: NULL;
		_cleanup_free_ char *fault = event_data_fault(event_info(cases[i].kind), data);

		cr_expect_str_eq(fault ? fault : "", cases[i].fault ? cases[i].fault : "", "case %zu: %s", i, fault);
	}
}

Test(event, unknown_names_are_not_found)
{
	enum event_kind kind;

	cr_expect_eq(event_kind_find("issue.undone", &kind), 0);
	cr_expect_eq(event_kind_find("", &kind), 0);
}
