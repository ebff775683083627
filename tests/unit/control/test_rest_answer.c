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

Test(rest_answer, each_kind_of_error_has_its_status)
{
	static const struct {
		int status;
		enum error_code codes[10];
	} groups[] = {
		{ 400, { ERROR_INVALID, ERROR_USAGE, ERROR_CONFIG } },
		{ 403, { ERROR_DENIED, ERROR_LIMIT } },
		{ 404, { ERROR_NOT_FOUND } },
		{ 409, { ERROR_EXISTS, ERROR_IN_USE, ERROR_STATE } },
		{ 429, { ERROR_RATE_LIMITED } },
		{ 500, { ERROR_INTERNAL, ERROR_IO, ERROR_CORRUPT, ERROR_TLS, ERROR_PROTOCOL, ERROR_CA, ERROR_VALIDATION,
			       ERROR_HOOK } },
		{ 503, { ERROR_UNAVAILABLE, ERROR_NO_SPACE, ERROR_NETWORK, ERROR_TIMEOUT, ERROR_DNS,
			       ERROR_CANCELLED } },
	};
	_cleanup_error_ struct error limit = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		for (size_t k = 0; k < ARRAY_SIZE(groups[i].codes) && groups[i].codes[k]; k++) {
			_cleanup_error_ struct error err = ERROR_INIT;

			error_set(&err, groups[i].codes[k], "x");
			cr_expect_eq(rest_status_of(&err), groups[i].status, "%s", error_code_name(err.code));
		}
	error_set_field(&limit, "properties.names", "too many");
	limit.code = ERROR_LIMIT;
	cr_expect_eq(rest_status_of(&limit), 400, "a value that is too large is the request's fault");
}

Test(rest_answer, links_keep_the_filters_and_stay_within_the_list)
{
	static const struct {
		const char *page, *prev, *self, *next; /* "": there is none */
	} cases[] = {
		{ "{\"items\":[{},{}],\"offset\":0,\"limit\":2,\"total\":3}", "", "0&limit=2", "2&limit=2" },
		{ "{\"items\":[{}],\"offset\":1,\"limit\":2,\"total\":2}", "0&limit=2", "1&limit=2", "" },
		{ "{\"items\":[{}],\"offset\":2,\"limit\":2,\"total\":3}", "0&limit=2", "2&limit=2", "" },
		{ "{\"items\":[{},{}],\"offset\":7,\"limit\":3,\"total\":10}", "4&limit=3", "7&limit=3", "9&limit=3" },
	};
	struct httpd_query query = { .names = STRLIST_INIT };

	strlist_add(&query.names, "offset");
	strlist_add(&query.values, "99");
	strlist_add(&query.names, "limit");
	strlist_add(&query.values, "98");
	strlist_add(&query.names, "filter.name");
	strlist_add(&query.values, "a-b_c.d~e&f g/\xc3\xa4");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *page = json_parse(cases[i].page, strlen(cases[i].page), NULL);
		_cleanup_json_ struct json_object *list = rest_collection(
			&api_resources[API_PROVIDER], "https://c.test", &query, page);
		const struct {
			const char *path, *found;
		} links[] = { { "_links.prev", cases[i].prev }, { "_links.self", cases[i].self },
			{ "_links.next", cases[i].next } };

		for (size_t k = 0; k < ARRAY_SIZE(links); k++) {
			struct json_object *link = json_path(list, links[k].path);
			_cleanup_free_ char *wanted = *links[k].found
							      ? xasprintf(
									"https://c.test/providers?offset=%s"
									"&filter.name=a-b_c.d~e%%26f%%20g%%2F%%C3%%A4",
									links[k].found)
							      : xstrdup("");

			cr_expect_str_eq(link ? json_object_get_string(link) : "", wanted, "%zu %s", i, links[k].path);
		}
		cr_expect_str_eq(json_object_get_string(json_path(list, "type")), "collection");
		cr_expect_str_eq(json_object_get_string(json_path(list, "href")), "/providers");
		cr_expect_eq(json_object_get_int64(json_path(list, "limit")),
			json_object_get_int64(json_path(page, "limit")));
		cr_expect_eq(json_object_get_int64(json_path(list, "offset")),
			json_object_get_int64(json_path(page, "offset")));
	}
	strlist_clear(&query.names);
	strlist_clear(&query.values);
}

/* Clients may keep them. */
Test(rest_answer, the_id_of_a_list_is_always_the_same_and_its_own)
{
	char ids[2][STORE_ID_SIZE];

	for (size_t i = 0; i < 2; i++) {
		static const char text[] = "{\"items\":[],\"offset\":0,\"limit\":2,\"total\":0}";
		const struct httpd_query query = { .names = STRLIST_INIT };
		_cleanup_json_ struct json_object *page = json_parse(text, strlen(text), NULL);
		_cleanup_json_ struct json_object *list = rest_collection(
			&api_resources[i ? API_CERTIFICATE : API_PROVIDER], "", &query, page);
		const char *id = json_object_get_string(json_path(list, "id"));

		cr_assert_eq(strlen(id), STORE_ID_SIZE - 1);
		memcpy(ids[i], id, STORE_ID_SIZE);
	}
	cr_expect_str_eq(ids[0], "9f6e205a-5e93-516d-bc93-29918ade9675");
	cr_expect_str_eq(ids[1], "10dfb56f-2609-5483-b5d8-9a2c357f29f4");
}
