/*
 * status --check: the state of certd as one line and the exit status of a monitoring plugin. Also the health check of
 * a container. What is wrong is decided by certd, in the list of conditions that alerts report too. What certd cannot
 * say is UNKNOWN, so every other error of this command has that exit status too.
 */
#include "ctl/command/cmd.h"

#include "ctl/present/text.h"

#include <string.h>

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* @data: performance data; or NULL. */
static int
check_result(struct ctl *ctl, int level, const char *text, const char *data)
{
	fprintf(ctl->out, "%s: ", words[level]);
	/* The data begin after the first "|". */
	for (const char *c = text; *c; c++)
		fputc(*c == '|' ? '/' : *c, ctl->out);
	fprintf(ctl->out, "%s%s\n", data ? " | " : "", data ? data : "");
	ctl->exit_status = level;
	return 0;
}

static long long
check_count(struct json_object *status, const char *path)
{
	return (long long)json_object_get_int64(ctl_at(status, path));
}

/* As https://www.monitoring-plugins.org/doc/guidelines.html has it. Owned by the caller. */
static char *
check_data(struct json_object *status)
{
	static const char *const counts[] = { "total", "available", "provisioning", "failed", "failing", "unserved",
		"stale", "paused", "expired" };
	struct buf data = BUF_INIT;

	buf_printf(&data, "conditions=%lld;0;;0", check_count(status, "conditionCount"));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_free_ char *path = xasprintf("autoCertificates.%s", counts[i]);

		buf_printf(&data, " %s=%lld;;;0", counts[i], check_count(status, path));
	}
	return buf_steal(&data);
}

/* The worst, and how many more. Owned by the caller. */
static char *
check_condition(struct json_object *status, struct json_object *worst)
{
	long long more = check_count(status, "conditionCount") - 1;
	_cleanup_buf_ struct buf what = BUF_INIT;
	struct buf text = BUF_INIT;

	if (ctl_at(worst, "object")) {
		text_reference(ctl_at(worst, "object"), &what);
		buf_printf(&text, "%s, ", buf_str(&what));
	}
	buf_printf(&text, "%s: %s", ctl_text_at(worst, "title"), ctl_text_at(worst, "message"));
	if (more > 0)
		buf_printf(&text, "; and %lld more, see: certctl status", more);
	return buf_steal(&text);
}

static int
check_status(struct ctl *ctl, struct json_object *status)
{
	struct json_object *conditions = ctl_at(status, "conditions");
	struct json_object *worst = ctl_count_at(conditions, "") ? json_object_array_get_idx(conditions, 0) : NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *data = NULL;

	if (json_object_get_boolean(ctl_at(status, "scoped")))
		return check_result(ctl, CHECK_UNKNOWN, "your scope hides the state of certd", NULL);
	data = check_data(status);
	if (worst) {
		text = check_condition(status, worst);
		return check_result(ctl,
			strcmp(ctl_text_at(worst, "severity"), "critical") == 0 ? CHECK_CRITICAL : CHECK_WARNING, text,
			data);
	}
	if (ctl_count_at(status, "failing"))
		return check_result(
			ctl, CHECK_WARNING, "planned work failed and is retried; see: certctl status", data);
	if (ctl_count_at(status, "warnings"))
		return check_result(ctl, CHECK_WARNING,
			json_object_get_string(json_object_array_get_idx(ctl_at(status, "warnings"), 0)), data);
	text = xasprintf("%lld auto-certificates, none failing", check_count(status, "autoCertificates.total"));
	return check_result(ctl, CHECK_OK, text, data);
}

int
cmd_check(struct ctl *ctl)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *status = NULL;

	if (ctl_call(ctl, RPC_SERVER_STATUS, NULL, &status, &err) < 0)
		return check_result(ctl, CHECK_UNKNOWN, err.message, NULL);
	return check_status(ctl, status);
}
