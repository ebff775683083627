/* What a program that is a destination gets, and what its end means. */
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/alert/alert_kind.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char id[] = "i.warning", incident[] = "i", condition[] = "late", firing[] = "firing", warning[] = "warning",
	    type[] = "autocertificate", object[] = "7", name[] = "www.example.test",
	    title[] = "certificate is not renewed in time", text[] = "the CA said no";

static const struct message whole = { .id = id,
	.incident = incident,
	.condition = condition,
	.status = firing,
	.severity = warning,
	.type = type,
	.object = object,
	.name = name,
	.title = title,
	.text = text,
	.begun_at = 1700000000 };
static const struct message of_certd = { .id = id,
	.incident = incident,
	.condition = condition,
	.status = firing,
	.severity = warning,
	.title = title,
	.text = text,
	.begun_at = 1700000000 };

struct bed {
	char *dir;
	struct clock *clock;
	struct loop *loop;
	struct alert_env env;
	unsigned calls;
	enum error_code code;
	char told[300], answer[400];
};

static void
on_done(const struct error *err, const char *answer, void *arg)
{
	struct bed *b = arg;

	b->calls++;
	b->code = err ? err->code : ERROR_NONE;
	snprintf(b->told, sizeof(b->told), "%s", err ? err->message : "");
	snprintf(b->answer, sizeof(b->answer), "%s", answer);
	loop_stop(b->loop);
}

static void
bed_init(struct bed *b)
{
	*b = (struct bed){ .dir = scratch_new(), .clock = clock_new_real() };
	b->loop = loop_new(b->clock);
	b->env = (struct alert_env){ .loop = b->loop, .host = "host.x.test" };
}

static void
bed_clear(struct bed *b)
{
	loop_free(b->loop);
	clock_free(b->clock);
	scratch_remove(&b->dir);
}

static void *
begin(struct bed *b, const struct message *m, const char *script)
{
	const char *const words[] = { "/bin/sh", "-c", script, "sh", b->dir };
	_cleanup_alert_ struct alert a = { 0 };
	_cleanup_strlist_ struct strlist command = STRLIST_INIT;
	void *work;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		strlist_add(&command, words[i]);
	setting_put_list(&a.settings, "command", &command);
	b->calls = 0;
	work = alert_kind_find("command")->start(&b->env, &a, m, on_done, b);
	cr_assert_not_null(work);
	cr_expect_eq(b->calls, 0, "not from inside");
	return work;
}

static void
run(struct bed *b, const struct message *m, const char *script)
{
	begin(b, m, script);
	cr_assert_eq(loop_run(b->loop, NULL), 0);
	cr_expect_eq(b->calls, 1);
}

static void
expect_file(const struct bed *b, const char *file, const char *content)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", b->dir, file);
	_cleanup_buf_ struct buf got = BUF_INIT;

	cr_assert_eq(buf_read_file(&got, AT_FDCWD, path, 10000, NULL), 0);
	cr_expect_str_eq(buf_str(&got), content);
}

#define WRITE "cat >\"$1/input\"; env | grep ^CERTD_ALERT_ | LC_ALL=C sort >\"$1/env\"; echo noise; echo delivered"
#define COMMON "CERTD_ALERT_ID=i.warning\nCERTD_ALERT_INCIDENT=i\nCERTD_ALERT_MESSAGE=the CA said no\n"

Test(alert_command, a_program_gets_the_message_as_a_line_of_json_and_in_its_environment, .timeout = 300)
{
	_cleanup_json_ struct json_object *json = message_to_json(&whole, "host.x.test");
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct bed b;

	json_write(json, &line);
	buf_add_char(&line, '\n');
	bed_init(&b);
	run(&b, &whole, WRITE);
	cr_expect_eq(b.code, ERROR_NONE, "%s", b.told);
	cr_expect_str_eq(b.answer, "delivered");
	expect_file(&b, "input", buf_str(&line));
	expect_file(&b, "env",
		"CERTD_ALERT_CONDITION=late\nCERTD_ALERT_HOST=host.x.test\n" COMMON
		"CERTD_ALERT_NAME=www.example.test\nCERTD_ALERT_SEVERITY=warning\nCERTD_ALERT_STATUS=firing\n"
		"CERTD_ALERT_SUBJECT=[warning] www.example.test: certificate is not renewed in time\n"
		"CERTD_ALERT_TYPE=autocertificate\n");
	run(&b, &of_certd, WRITE);
	expect_file(&b, "env",
		"CERTD_ALERT_CONDITION=late\nCERTD_ALERT_HOST=host.x.test\n" COMMON
		"CERTD_ALERT_NAME=\nCERTD_ALERT_SEVERITY=warning\nCERTD_ALERT_STATUS=firing\n"
		"CERTD_ALERT_SUBJECT=[warning] certificate is not renewed in time\nCERTD_ALERT_TYPE=\n");
	bed_clear(&b);
}

Test(alert_command, a_status_other_than_0_is_a_failure, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	run(&b, &whole, "echo no such channel; exit 3");
	cr_expect_eq(b.code, ERROR_HOOK);
	cr_expect_not_null(strstr(b.told, "status 3"), "%s", b.told);
	cr_expect_str_eq(b.answer, "no such channel");
	run(&b, &whole, "exit 0");
	cr_expect_eq(b.code, ERROR_NONE, "%s", b.told);
	cr_expect_str_eq(b.answer, "");
	bed_clear(&b);
}

/* 300 octets of its last line. */
Test(alert_command, a_long_answer_is_cut, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	run(&b, &whole, "printf '%0300d\\n' 7");
	cr_expect_eq(strlen(b.answer), 300);
	cr_expect_eq(b.answer[299], '7');
	run(&b, &whole, "printf '%0400d\\n' 7");
	cr_expect_lt(strlen(b.answer), 310);
	bed_clear(&b);
}

Test(alert_command, a_cancelled_program_does_not_call_back, .timeout = 300)
{
	struct bed b;
	void *work;

	bed_init(&b);
	work = begin(&b, &whole, "sleep 60");
	alert_kind_find("command")->cancel(work);
	run(&b, &whole, "true"); /* the loop has seen all of the first one by then */
	cr_expect_eq(b.calls, 1);
	bed_clear(&b);
}
