/*
 * Everything is drawn here, with classes of page.css instead of styles, so that the page's policy for contents holds.
 * A limit that is far above all bars would flatten them: it is only named.
 */
#include "daemon/control/forecast_page.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

enum {
	DAY = 24 * 3600,
	DAYS_MAX = 400,
	/* of the plot, in units of the SVG */
	WIDTH = 960,
	HEIGHT = 240,
	LEFT = 56,
	RIGHT = 944,
	TOP = 16,
	BOTTOM = 204,
	LABELS = 6,   /* dates below it */
	LIMIT_FAR = 4 /* times the highest bar: a limit above is only named */
};

struct plot {
	struct buf *out;
	struct json_object *forecast;
	int64_t from_at, days;
	int64_t counts[DAYS_MAX];
	int64_t most;    /* the highest bar */
	int64_t most_at; /* its day */
	int64_t top;     /* the value at TOP, at least 1 */
};

static int64_t
plot_int(struct json_object *object, const char *path)
{
	return json_object_get_int64(json_path(object, path));
}

static int64_t
plot_time(struct json_object *object, const char *member)
{
	struct json_object *value = json_path(object, member);
	int64_t at = 0;

	return value && time_parse_rfc3339(json_object_get_string(value), &at) == 0 ? at : 0;
}

static size_t
plot_count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* "2026-12-24" */
static const char *
plot_date(int64_t at, char ret[TIME_RFC3339_SIZE])
{
	time_format_rfc3339(at, ret);
	ret[strlen("2026-12-24")] = '\0';
	return ret;
}

/* Names come from callers: markup in them stays text. */
static void
plot_add_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("&<>\"'", *text))
			buf_printf(out, "&#%d;", *text);
		else
			buf_add_char(out, *text);
	}
}

static const char *
plot_provider(struct json_object *item)
{
	struct json_object *name = json_path(item, "provider.name");

	return name ? json_object_get_string(name) : "";
}

static void
plot_read(struct plot *p)
{
	struct json_object *days = json_path(p->forecast, "days"), *providers = json_path(p->forecast, "providers");

	p->from_at = plot_time(p->forecast, "from");
	p->days = (plot_time(p->forecast, "until") - p->from_at) / DAY;
	p->days = p->days < 1 ? 1 : p->days > DAYS_MAX ? DAYS_MAX : p->days;
	for (size_t i = 0; i < plot_count(days); i++) {
		struct json_object *day = json_object_array_get_idx(days, i);
		int64_t at = (plot_time(day, "date") - p->from_at) / DAY, count = plot_int(day, "renewals");

		if (at < 0 || at >= p->days)
			continue;
		p->counts[at] = count;
		if (count > p->most) {
			p->most = count;
			p->most_at = p->from_at + at * DAY;
		}
	}
	p->top = p->most > 0 ? p->most : 1;
	for (size_t i = 0; i < plot_count(providers); i++) {
		int64_t limit = plot_int(json_object_array_get_idx(providers, i), "ordersPerDay");

		if (limit > p->top && limit <= p->most * LIMIT_FAR)
			p->top = limit;
	}
}

/* --- the picture --- */

static double
plot_x(const struct plot *p, int64_t at)
{
	return LEFT + (double)(at - p->from_at) / DAY * (RIGHT - LEFT) / (double)p->days;
}

static double
plot_y(const struct plot *p, int64_t count)
{
	return BOTTOM - (double)count * (BOTTOM - TOP) / (double)p->top;
}

static void
plot_draw_axes(const struct plot *p)
{
	char date[TIME_RFC3339_SIZE];
	int64_t step = (p->days + LABELS - 1) / LABELS;

	for (int i = 0; i <= 2; i++) {
		int64_t count = p->top * i / 2;

		if (i == 1 && p->top < 2)
			continue;
		buf_printf(p->out, "<line class=\"f-grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT,
			plot_y(p, count), plot_y(p, count));
		buf_printf(p->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%lld</text>\n", LEFT - 6,
			plot_y(p, count) + 4, (long long)count);
	}
	for (int64_t day = 0; day < p->days; day += step)
		buf_printf(p->out, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", plot_x(p, p->from_at + day * DAY),
			BOTTOM + 18, plot_date(p->from_at + day * DAY, date));
}

static void
plot_draw_bars(const struct plot *p)
{
	double width = (double)(RIGHT - LEFT) / (double)p->days;
	char date[TIME_RFC3339_SIZE];

	for (int64_t day = 0; day < p->days; day++) {
		if (p->counts[day] == 0)
			continue;
		buf_printf(p->out,
			"<rect class=\"f-bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s: "
			"%lld</title></rect>\n",
			plot_x(p, p->from_at + day * DAY), plot_y(p, p->counts[day]), width * 0.85,
			BOTTOM - plot_y(p, p->counts[day]), plot_date(p->from_at + day * DAY, date),
			(long long)p->counts[day]);
	}
}

static void
plot_draw_limits(const struct plot *p)
{
	struct json_object *providers = json_path(p->forecast, "providers");

	for (size_t i = 0; i < plot_count(providers); i++) {
		struct json_object *item = json_object_array_get_idx(providers, i);
		int64_t limit = plot_int(item, "ordersPerDay");

		if (limit <= 0 || limit > p->top)
			continue;
		buf_printf(p->out, "<line class=\"f-limit\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT,
			plot_y(p, limit), plot_y(p, limit));
		buf_printf(p->out, "<text class=\"f-limit-name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">limit of ",
			RIGHT, plot_y(p, limit) + 14);
		plot_add_text(p->out, plot_provider(item));
		buf_add_str(p->out, "</text>\n");
	}
}

static void
plot_draw_changes(const struct plot *p)
{
	struct json_object *announced = json_path(p->forecast, "announced");

	for (size_t i = 0; i < plot_count(announced); i++) {
		int64_t at = plot_time(json_object_array_get_idx(announced, i), "date");

		if (at >= p->from_at && at < p->from_at + p->days * DAY)
			buf_printf(p->out, "<line class=\"f-change\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
				plot_x(p, at), plot_x(p, at), TOP, BOTTOM);
	}
}

/* --- the words --- */

static void
plot_say_all(const struct plot *p)
{
	char from[TIME_RFC3339_SIZE], until[TIME_RFC3339_SIZE], busiest[TIME_RFC3339_SIZE];
	int64_t paused = plot_int(p->forecast, "paused");

	buf_printf(p->out, "%lld renewals from %s until %s", (long long)plot_int(p->forecast, "renewals"),
		plot_date(p->from_at, from), plot_date(p->from_at + p->days * DAY, until));
	if (p->most > 0)
		buf_printf(p->out, ", at most %lld a day (%s)", (long long)p->most, plot_date(p->most_at, busiest));
	buf_add_str(p->out, ".");
	if (paused > 0)
		buf_printf(p->out, " %lld auto-certificates are paused and not counted.", (long long)paused);
}

static void
plot_say_limits(const struct plot *p)
{
	struct json_object *providers = json_path(p->forecast, "providers");

	for (size_t i = 0; i < plot_count(providers); i++) {
		struct json_object *item = json_object_array_get_idx(providers, i);
		struct json_object *is_exempt = json_path(item, "renewalsAreExempt");
		int64_t limit = plot_int(item, "ordersPerDay");

		if (limit <= 0)
			continue;
		buf_add_str(p->out, "<li>The CA of ");
		plot_add_text(p->out, plot_provider(item));
		buf_printf(p->out, " allows %lld new orders a day%s%s.</li>\n", (long long)limit,
			json_object_get_boolean(is_exempt) ? "; renewals are exempt" : "",
			limit > p->top ? " (above the plot)" : "");
	}
}

static void
plot_say_changes(const struct plot *p)
{
	struct json_object *announced = json_path(p->forecast, "announced");
	char date[TIME_RFC3339_SIZE], span[TIME_SPAN_SIZE];

	for (size_t i = 0; i < plot_count(announced); i++) {
		struct json_object *item = json_object_array_get_idx(announced, i);

		time_format_span(plot_int(item, "lifetime"), span);
		buf_printf(p->out, "<li>From %s certificates of ", plot_date(plot_time(item, "date"), date));
		plot_add_text(p->out, plot_provider(item));
		buf_printf(p->out, " live for %s at most.</li>\n", span);
	}
}

static void
plot_add_table(const struct plot *p)
{
	char date[TIME_RFC3339_SIZE];

	buf_add_str(p->out,
		"<details><summary>As a table</summary><table><caption>Days with renewals</caption>\n"
		"<thead><tr><th scope=\"col\">Day</th><th scope=\"col\">Renewals</th></tr></thead><tbody>\n");
	for (int64_t day = 0; day < p->days; day++)
		if (p->counts[day] > 0)
			buf_printf(p->out, "<tr><td>%s</td><td>%lld</td></tr>\n",
				plot_date(p->from_at + day * DAY, date), (long long)p->counts[day]);
	buf_add_str(p->out, "</tbody></table></details>\n");
}

void
forecast_page(struct json_object *forecast, struct buf *ret)
{
	struct plot *p = xcalloc(1, sizeof(*p));

	p->out = ret;
	p->forecast = forecast;
	plot_read(p);
	buf_printf(ret,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" "
		"content=\"light dark\">\n<title>certd: renewals to come</title>\n<link rel=\"stylesheet\" "
		"href=\"/page.css\">\n</head>\n<body>\n<main>\n<figure>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"forecast-title forecast-desc\">\n<title id=\"forecast-title\">Renewals per "
		"day</title>\n<desc id=\"forecast-desc\">",
		WIDTH, HEIGHT);
	plot_say_all(p);
	buf_add_str(ret, "</desc>\n");
	plot_draw_axes(p);
	plot_draw_bars(p);
	plot_draw_changes(p);
	plot_draw_limits(p);
	buf_add_str(ret, "</svg>\n<figcaption><p>");
	plot_say_all(p);
	buf_add_str(ret, "</p>\n<ul>\n");
	plot_say_limits(p);
	plot_say_changes(p);
	buf_add_str(ret, "</ul>\n");
	plot_add_table(p);
	buf_add_str(ret, "</figcaption>\n</figure>\n</main>\n</body>\n</html>\n");
	free(p);
}
