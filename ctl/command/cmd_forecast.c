/* forecast: the renewals to come, by day or week, and what CAs announced. */
#include "common/timefmt.h"
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"
#include "ctl/present/table.h"

#include <inttypes.h>
#include <string.h>

enum { DAY = 24 * 3600, WEEK_DAYS = 7, DAYS_SHOWN_SINGLY = 35, BAR = 40 };

static int64_t
forecast_int(struct json_object *object, const char *path)
{
	return json_object_get_int64(ctl_at(object, path));
}

/* "2026-12-24" */
static void
forecast_date(int64_t at, char ret[TIME_RFC3339_SIZE])
{
	time_format_rfc3339(at, ret);
	ret[strlen("2026-12-24")] = '\0';
}

static void
forecast_print_provider(FILE *out, struct json_object *item, struct json_object *announced)
{
	int64_t renewals = forecast_int(item, "renewals"), count = forecast_int(item, "autoCertificates");
	char date[TIME_RFC3339_SIZE], span[TIME_SPAN_SIZE];

	fprintf(out, "provider %s: %" PRId64 " auto-certificate%s, %" PRId64 " renewal%s",
		ctl_text_at(item, "provider.name"), count, count == 1 ? "" : "s", renewals, renewals == 1 ? "" : "s");
	if (renewals > 0) {
		forecast_date(ctl_time_at(item, "busiest.date"), date);
		fprintf(out, ", at most %" PRId64 " a day (%s)", forecast_int(item, "busiest.renewals"), date);
	}
	fputc('\n', out);
	if (forecast_int(item, "ordersPerDay") > 0)
		fprintf(out, "  the CA allows %" PRId64 " new orders a day%s\n", forecast_int(item, "ordersPerDay"),
			json_object_get_boolean(ctl_at(item, "renewalsAreExempt")) ? "; renewals are exempt" : "");
	for (size_t i = 0; i < ctl_count_at(announced, ""); i++) {
		struct json_object *change = json_object_array_get_idx(announced, i);

		if (strcmp(ctl_text_at(change, "provider.id"), ctl_text_at(item, "provider.id")) != 0)
			continue;
		forecast_date(ctl_time_at(change, "date"), date);
		time_format_span(forecast_int(change, "lifetime"), span);
		fprintf(out, "  from %s its certificates live for %s at most\n", date, span);
	}
}

/* A row of the table: the days from @from_at on; also how many renewals they have. */
struct forecast_row {
	int64_t from_at;
	int64_t renewals, most;
};

static void
forecast_add_row(struct table *table, const struct forecast_row *row, int64_t largest)
{
	_cleanup_buf_ struct buf number = BUF_INIT, most = BUF_INIT, bar = BUF_INIT;
	char date[TIME_RFC3339_SIZE];

	forecast_date(row->from_at, date);
	buf_printf(&number, "%" PRId64, row->renewals);
	buf_printf(&most, "%" PRId64, row->most);
	for (int64_t i = 0; i * largest < row->renewals * BAR; i++)
		buf_add_str(&bar, "#");
	table_row(table, NULL);
	table_cell(table, date, TONE_NONE);
	table_cell(table, buf_str(&number), TONE_NONE);
	if (row->most >= 0)
		table_cell(table, buf_str(&most), TONE_NONE);
	table_cell(table, bar.len ? buf_str(&bar) : " ", TONE_NONE); /* nothing would be shown as "-" */
}

/* Sums @days into @rows of @width days each, from @from_at on. Return: the largest sum. */
static int64_t
forecast_sum(struct json_object *days, int64_t from_at, int64_t width, struct forecast_row *rows, size_t n)
{
	int64_t largest = 0;

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct forecast_row){ .from_at = from_at + (int64_t)i * width * DAY };
	for (size_t i = 0; i < ctl_count_at(days, ""); i++) {
		struct json_object *day = json_object_array_get_idx(days, i);
		int64_t at = (ctl_time_at(day, "date") - from_at) / (width * DAY),
			count = forecast_int(day, "renewals");
		struct forecast_row *row;

		if (at < 0 || at >= (int64_t)n)
			continue;
		row = &rows[at];
		row->renewals += count;
		if (count > row->most)
			row->most = count;
		if (row->renewals > largest)
			largest = row->renewals;
	}
	return largest;
}

static void
forecast_item(struct output *output, struct json_object *result)
{
	FILE *out = output->ctl->out;
	struct json_object *providers = ctl_array_at(result, "providers");
	int64_t from_at = ctl_time_at(result, "from"), days = (ctl_time_at(result, "until") - from_at) / DAY;
	int64_t paused = forecast_int(result, "paused"), width = days > DAYS_SHOWN_SINGLY ? WEEK_DAYS : 1;
	size_t n = days > 0 ? (size_t)((days + width - 1) / width) : 0;
	struct forecast_row *rows = xcalloc(n + 1, sizeof(*rows));
	int64_t largest = forecast_sum(ctl_array_at(result, "days"), from_at, width, rows, n);
	struct table *table = table_new();

	for (size_t i = 0; i < ctl_count_at(providers, ""); i++)
		forecast_print_provider(
			out, json_object_array_get_idx(providers, i), ctl_array_at(result, "announced"));
	if (paused > 0)
		fprintf(out, "%" PRId64 " auto-certificate%s paused and not counted\n", paused,
			paused == 1 ? " is" : "s are");
	table_column(table, width == 1 ? "DAY" : "WEEK FROM", 0);
	table_column(table, "RENEWALS", 0);
	if (width > 1)
		table_column(table, "MOST A DAY", 1);
	table_column(table, "LOAD", 2);
	for (size_t i = 0; i < n && largest > 0; i++) {
		if (width == 1)
			rows[i].most = -1;
		forecast_add_row(table, &rows[i], largest);
	}
	if (largest > 0)
		fputc('\n', out);
	table_print(table, out, output->ctl->out_columns, false);
	table_free(table);
	free(rows);
}

static const struct view view_forecast = { VIEW_OBJECT, forecast_item, NULL };

int
cmd_forecast(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;

	if (ctl_call(ctl, RPC_SERVER_FORECAST, json_object_get(args->values), &result, err) < 0)
		return -1;
	output_object(ctl, &view_forecast, NULL, result);
	if (ctl_count_at(result, "providers") == 0 && ctl->format == FORMAT_TEXT)
		fputs("certctl: there are no auto-certificates\n", ctl->err);
	return 0;
}
