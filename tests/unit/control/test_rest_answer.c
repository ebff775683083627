/* What REST makes of errors and pages. */
#include "daemon/control/rest_answer.h"
#include "daemon/service/resource.h"

#include <criterion/criterion.h>
#include <string.h>

Test(rest_answer, every_error_has_a_status_that_clients_know)
{
	for (int code = ERROR_INTERNAL; code < ERROR_CODE_COUNT; code++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int status;

		error_set(&err, (enum error_code)code, "x");
		status = rest_status_of(&err);
		cr_expect(status >= 400 && strcmp(httpd_reason(status), "Error") != 0, "%s: %d",
			error_code_name((enum error_code)code), status);
		cr_expect_eq(status == 429, code == ERROR_RATE_LIMITED);
	}
}

Test(rest_answer, the_next_page_begins_where_this_one_ended)
{
	static const struct {
		const char *page;
		const char *next; /* NULL: none */
	} cases[] = {
		{ "{\"items\":[{},{}],\"offset\":4,\"limit\":2,\"total\":7}", "/providers?offset=6&limit=2" },
		{ "{\"items\":[{}],\"offset\":4,\"limit\":2,\"total\":7}", "/providers?offset=5&limit=2" },
		{ "{\"items\":[{},{}],\"offset\":5,\"limit\":2,\"total\":7}", NULL },
		{ "{\"items\":[],\"offset\":4,\"limit\":2,\"total\":7}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct httpd_query query = { .names = STRLIST_INIT };
		_cleanup_json_ struct json_object *page = json_parse(cases[i].page, strlen(cases[i].page), NULL);
		_cleanup_json_ struct json_object *list = rest_collection(
			&api_resources[API_PROVIDER], "", &query, page);
		struct json_object *next = json_path(list, "_links.next");

		if (cases[i].next)
			cr_expect_str_eq(next ? json_object_get_string(next) : "", cases[i].next);
		else
			cr_expect_null(next, "%s", cases[i].page);
	}
}
