/* reissue: shows what is selected, has it replaced, and says how far that is. */
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"
#include "ctl/present/table.h"
#include "ctl/present/text.h"

#include <string.h>

static long long
reissue_count(struct json_object *item, const char *member)
{
	return (long long)json_object_get_int64(ctl_at(item, member));
}

/* The first of them, under a title. */
static void
reissue_print_items(struct ctl *ctl, struct json_object *items, const char *title)
{
	struct table *table;
	bool has_reasons = false;

	if (ctl_count_at(items, "") == 0)
		return;
	fprintf(ctl->out, "\n%s\n", title);
	table = table_new();
	table_column(table, "NAME", 0);
	table_column(table, "EXPIRES", 0);
	for (size_t i = 0; i < ctl_count_at(items, ""); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		_cleanup_buf_ struct buf expires = BUF_INIT;

		text_relative(&expires, ctl_time_at(item, "notAfter"), ctl_now(ctl));
		table_row(table, NULL);
		table_cell(table, ctl_text_at(item, "name"), TONE_NONE);
		table_cell(table, buf_str(&expires), TONE_NONE);
		has_reasons = has_reasons || *ctl_text_at(item, "message");
	}
	table_print(table, ctl->out, ctl->out_columns, false);
	table_free(table);
	for (size_t i = 0; has_reasons && i < ctl_count_at(items, ""); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		_cleanup_buf_ struct buf when = BUF_INIT;
		_cleanup_free_ char *line = NULL;

		text_relative(&when, ctl_time_at(item, "nextDate"), ctl_now(ctl));
		line = xasprintf(
			"%s: %s; retry %s", ctl_text_at(item, "name"), ctl_text_at(item, "message"), buf_str(&when));
		fputs("  ", ctl->out);
		terminal_wrap(ctl, 2, 4, line);
	}
}

static void
reissue_print_progress(struct ctl *ctl, struct json_object *item, const char *state)
{
	fprintf(ctl->out,
		"reissue %s, begun by %s: %lld of %lld certificates ordered, %lld replaced, %lld in progress, "
		"%lld failing\n",
		state, ctl_text_at(item, "by"), reissue_count(item, "started"), reissue_count(item, "total"),
		reissue_count(item, "replaced"), reissue_count(item, "inProgress"), reissue_count(item, "failing"));
}

static void
reissue_item(struct output *output, struct json_object *item)
{
	struct ctl *ctl = output->ctl;
	const char *state = ctl_text_at(item, "state");
	_cleanup_buf_ struct buf when = BUF_INIT;
	long long paused = reissue_count(item, "paused");

	if (strcmp(state, "dryRun") == 0)
		fprintf(ctl->out, "%lld certificates are selected; at most %lld orders begin a minute\n",
			reissue_count(item, "toCome"), reissue_count(item, "rate"));
	else
		reissue_print_progress(ctl, item, state);
	if (ctl_time_at(item, "expectedDate")) {
		text_relative(&when, ctl_time_at(item, "expectedDate"), ctl_now(ctl));
		fprintf(ctl->out, "the last order begins %s, if the CA allows it\n", buf_str(&when));
	}
	if (paused)
		fprintf(ctl->out, "%lld auto-certificates are paused and not touched\n", paused);
	reissue_print_items(ctl, ctl_at(item, "failingItems"), "failing; certd retries");
	reissue_print_items(ctl, ctl_at(item, "pausedItems"), "paused, not touched");
	reissue_print_items(ctl, ctl_at(item, "items"), "to come, in this order");
}

static const struct view view_reissue = { VIEW_OBJECT, reissue_item, NULL };

static int
reissue_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, struct error *err)
{
	return output_call(ctl, method, params, &view_reissue, NULL, err);
}

static int
reissue_show_status(struct ctl *ctl, const struct args *args, struct error *err)
{
	struct json_object *params = json_object_new_object();
	struct json_object *owner = json_path(args->values, "owner");

	if (owner)
		json_object_object_add(params, "owner", json_object_get(owner));
	if (json_object_object_length(args->values) > (owner ? 1 : 0)) {
		json_object_put(params);
		return error_set(err, ERROR_USAGE, "reissue: --status is for itself, or with --owner");
	}
	return reissue_call(ctl, RPC_SERVER_REISSUE_STATUS, params, err);
}

/* Text shows the selection before anything begins. */
static int
reissue_show_selection(struct ctl *ctl, const struct args *args, struct error *err)
{
	struct json_object *params = NULL;

	if (json_object_deep_copy(args->values, &params, NULL) < 0)
		return error_set(err, ERROR_INTERNAL, "the parameters cannot be copied");
	json_add_bool(params, "dryRun", true);
	if (reissue_call(ctl, args->command->method, params, err) < 0)
		return -1;
	fputs("\n", ctl->out);
	return 0;
}

int
cmd_reissue(struct ctl *ctl, struct args *args, struct error *err)
{
	static const char *const others[] = { "dryRun", "pause", "resume", "cancel" };
	bool is_begin = true;

	if (args_has_flag(args, "status"))
		return reissue_show_status(ctl, args, err);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		is_begin = is_begin && !json_path(args->values, others[i]);
	if (is_begin && ctl->format == FORMAT_TEXT && reissue_show_selection(ctl, args, err) < 0)
		return -1;
	if (reissue_call(ctl, args->command->method, json_object_get(args->values), err) < 0)
		return -1;
	if (is_begin && ctl->format == FORMAT_TEXT)
		fputs("certd continues, also after a restart; to see how far it is: certctl reissue --status\n",
			ctl->out);
	return 0;
}
