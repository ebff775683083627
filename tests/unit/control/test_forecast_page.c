/* The forecast as a page: what is drawn, said and tabulated of an answer of server.forecast. */
#include "daemon/control/forecast_page.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"

#include <criterion/criterion.h>
#include <string.h>

/* Owned by the caller. @json: with ' for ". */
static char *
page_of(const char *json)
{
	_cleanup_free_ char *text = xstrdup(json);
	_cleanup_json_ struct json_object *forecast = NULL;
	struct buf page = BUF_INIT;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	forecast = json_parse(text, strlen(text), NULL);
	cr_assert(forecast, "%s", text);
	forecast_page(forecast, &page);
	return buf_steal(&page);
}

static size_t
count_of(const char *page, const char *what)
{
	size_t n = 0;

	for (const char *at = page; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void
expect_all(const char *page, const char *const *wanted)
{
	for (; *wanted; wanted++)
		cr_expect_not_null(strstr(page, *wanted), "no '%s' in %s", *wanted, page);
}

#define SPAN "'from':'2026-12-01T00:00:00Z','until':'2026-12-11T00:00:00Z',"

Test(forecast_page, has_a_bar_and_a_row_for_each_day_with_renewals_and_a_line_for_a_limit)
{
	static const char *const wanted[] = { "<svg viewBox=\"0 0 960 240\" role=\"img\"",
		"<title id=\"forecast-title\">Renewals per day</title>",
		"<desc id=\"forecast-desc\">30 renewals from 2026-12-01 until 2026-12-11, at most 20 a day ",
		"(2026-12-04). 2 auto-certificates are paused and not counted.</desc>", "<title>2026-12-04: 20</title>",
		"<tr><td>2026-12-04</td><td>20</td></tr>", "<th scope=\"col\">Day</th>",
		"<tr><td>2026-12-10</td><td>10</td></tr>", ">limit of own</text>",
		"<li>The CA of own allows 40 new orders a day.</li>",
		"<li>The CA of le allows 2400 new orders a day; renewals are exempt (above the plot).</li>",
		"<li>From 2026-12-06 certificates of le live for 45d at most.</li>", NULL };
	_cleanup_free_ char *page = page_of(
		"{" SPAN "'renewals':30,'paused':2,"
		"'days':[{'date':'2026-12-04T00:00:00Z','renewals':20},{'date':'2026-12-10T00:00:00Z','renewals':10}],"
		"'providers':[{'provider':{'name':'own'},'ordersPerDay':40},"
		"{'provider':{'name':'le'},'ordersPerDay':2400,'renewalsAreExempt':true},{'provider':{'name':'free'}}],"
		"'announced':[{'provider':{'name':'le'},'date':'2026-12-06T00:00:00Z','lifetime':3888000}]}");

	expect_all(page, wanted);
	cr_expect_eq(count_of(page, "class=\"f-bar\""), 2);
	cr_expect_eq(count_of(page, "<tr><td>"), 2);
	cr_expect_eq(count_of(page, "class=\"f-limit\""), 1);
	cr_expect_eq(count_of(page, "class=\"f-change\""), 1);
	/* 20 of 40 is half of the height; the fourth of ten days begins at three tenths of the width. */
	cr_expect_not_null(
		strstr(page, "<rect class=\"f-bar\" x=\"322.4\" y=\"110.0\" width=\"75.5\" height=\"94.0\">"));
	cr_expect_not_null(strstr(page, "<line class=\"f-limit\" x1=\"56\" x2=\"944\" y1=\"16.0\" y2=\"16.0\"/>"));
	cr_expect_null(strstr(page, "script"));
	cr_expect_null(strstr(page, "style=\""));
}

Test(forecast_page, markup_in_a_name_stays_text)
{
	_cleanup_free_ char *page = page_of("{" SPAN "'renewals':0,'paused':0,'days':[],'announced':[],"
					    "'providers':[{'provider':{'name':'<b onclick=x>&'},'ordersPerDay':1}]}");

	cr_expect_null(strstr(page, "<b "));
	cr_expect_not_null(strstr(page, "&#60;b onclick=x&#62;&#38;"));
}

/* Nothing to come, or an answer that no certd gives: a page all the same. */
Test(forecast_page, is_whole_without_anything_to_show)
{
	static const char *const cases[] = {
		"{" SPAN "'renewals':0,'paused':0,'days':[],'providers':[],'announced':[]}",
		"{}",
		"{'from':'x','until':5,'days':[{'date':'2026-12-01T00:00:00Z','renewals':1}]}",
		"{'from':'2026-12-01T00:00:00Z','until':'9999-12-31T23:59:59Z','days':[{}],'providers':[{}]}",
		"{" SPAN "'days':[{'date':'1970-01-01T00:00:00Z','renewals':5}],'announced':[{}]}",
		"{" SPAN "'days':[{'date':'2027-12-01T00:00:00Z','renewals':5}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *page = page_of(cases[i]);

		cr_expect_eq(strncmp(page, "<!DOCTYPE html>\n", 16), 0);
		cr_expect(strstr(page, "</figure>\n</main>\n</body>\n</html>\n"), "%s", page);
		cr_expect_null(strstr(page, "class=\"f-bar\""), "%s", page);
	}
}
