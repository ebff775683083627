#include "ctl/present/live_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct rig {
	struct ctl ctl;
	struct live_table *table;
};

static void
rig_init(struct rig *rig, const char *columns_text, const char *sort)
{
	struct columns columns;

	ctl_init(&rig->ctl);
	rig->ctl.has_colour = false;
	rig->ctl.fixed_now = 1795257000; /* 2026-11-21T10:30:00Z */
	cr_assert_eq(columns_read(&api_resources[API_AUTOCERTIFICATE], columns_text, &columns, NULL), 0);
	rig->table = live_table_new(&rig->ctl, &api_resources[API_AUTOCERTIFICATE], &columns, sort);
}

static void
rig_clear(struct rig *rig)
{
	live_table_free(rig->table);
	ctl_clear(&rig->ctl);
}

static void
put(struct rig *rig, const char *id, const char *name, const char *state)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"id\":\"%s\",\"properties\":{\"name\":\"%s\"},\"metadata\":{\"state\":\"%s\"}}", id, name, state);
	_cleanup_json_ struct json_object *object = json_parse(text, strlen(text), NULL);

	live_table_put(rig->table, object);
}

static bool
tell(struct rig *rig, const char *type, const char *id, const char *kind, const char *message)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"kind\":\"%s\",\"message\":\"%s\",\"object\":{\"type\":\"%s\",\"id\":\"%s\"}}", kind, message, type,
		id);
	_cleanup_json_ struct json_object *event = json_parse(text, strlen(text), NULL);

	return live_table_event(rig->table, event);
}

static void
expect_drawing(struct rig *rig, unsigned width, unsigned height, const char *expected)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	live_table_draw(rig->table, NULL, width, height, &text);
	cr_expect_str_eq(buf_str(&text), expected);
}

Test(live_table, what_is_under_way_comes_first_then_what_failed)
{
	struct rig rig;

	rig_init(&rig, "name,state", NULL);
	put(&rig, "1", "a", "AVAILABLE");
	put(&rig, "2", "b", "PROVISIONING");
	put(&rig, "3", "c", "FAILED");
	put(&rig, "4", "d", "AVAILABLE");
	expect_drawing(&rig, 80, 24,
		"auto: 4, in progress: 0\nNAME  STATE         NOW\nc     FAILED        -\n"
		"b     PROVISIONING  -\na     AVAILABLE     -\nd     AVAILABLE     -\n");
	cr_expect(tell(&rig, "autocertificate", "4", "issue.progress", "validate"));
	cr_expect(live_table_is_busy(rig.table));
	expect_drawing(&rig, 80, 4,
		"auto: 4, in progress: 1\nNAME  STATE      NOW\nd     AVAILABLE  validate\nc     FAILED     "
		"-\n");
	rig_clear(&rig);
}

Test(live_table, events_end_what_is_under_way_and_those_of_others_are_not_for_it)
{
	struct rig rig;

	rig_init(&rig, "state,name", "name:desc");
	put(&rig, "1", "a", "AVAILABLE");
	put(&rig, "2", "b", "AVAILABLE");
	cr_expect(tell(&rig, "autocertificate", "1", "issue.progress", "write"));
	cr_expect(tell(&rig, "autocertificate", "1", "object.updated", "changed by uid:0"));
	expect_drawing(&rig, 80, 24,
		"auto: 2, in progress: 1\nSTATE      NOW    NAME\nAVAILABLE  -      b\nAVAILABLE  write  a\n");
	cr_expect(tell(&rig, "autocertificate", "1", "deploy.done", "files written"));
	cr_expect_not(live_table_is_busy(rig.table));
	cr_expect_not(tell(&rig, "provider", "1", "account.done", "x"));
	cr_expect_not(tell(&rig, "autocertificate", "1", "a.kind.of.tomorrow", "x"));
	cr_expect(tell(&rig, "autocertificate", "2", "object.deleted", "deleted by uid:0"));
	expect_drawing(&rig, 80, 24, "auto: 1, in progress: 0\nSTATE      NOW  NAME\nAVAILABLE  -    a\n");
	rig_clear(&rig);
}

Test(live_table, no_line_is_wider_than_the_screen_and_characters_stay_whole)
{
	struct rig rig;
	_cleanup_buf_ struct buf text = BUF_INIT;

	rig_init(&rig, "name", NULL);
	put(&rig, "1", "b\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "AVAILABLE");
	expect_drawing(&rig, 4, 24, "a...\nNAME\nb...\n");
	live_table_draw(rig.table, "certd is gone", 8, 24, &text);
	cr_expect_eq(strncmp(buf_str(&text), "certd...\n", 9), 0, "%s", buf_str(&text));
	rig_clear(&rig);
}
