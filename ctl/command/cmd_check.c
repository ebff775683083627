/*
 * status --check: the state of certd as one line and the exit status of a monitoring plugin. Also the health check of
 * a container. What certd cannot say is UNKNOWN, so every other error of this command has that exit status too.
 */
#include "common/timefmt.h"
#include "ctl/command/cmd.h"

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

static int
check_result(struct ctl *ctl, int level, const char *text)
{
	fprintf(ctl->out, "%s: %s\n", words[level], text);
	ctl->exit_status = level;
	return 0;
}

/* Whether the certificate in use of any auto-certificate has expired. Return: 0, or -1: failed. */
static int
check_has_expired(struct ctl *ctl, bool *ret, struct error *err)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct json_object *params = json_object_new_object();
	char now[TIME_RFC3339_SIZE];

	time_format_rfc3339(ctl_now(ctl), now);
	json_add_string(params, "expiresBefore", now);
	json_add_int(params, "limit", 1);
	if (ctl_call(ctl, RPC_AUTOCERTIFICATE_LIST, params, &list, err) < 0)
		return -1;
	*ret = ctl_count_at(list, "items") > 0;
	return 0;
}

static int
check_count(struct json_object *status, const char *path)
{
	return json_object_get_int(ctl_at(status, path));
}

static int
check_status(struct ctl *ctl, struct json_object *status, bool has_expired)
{
	int total = check_count(status, "autoCertificates.total");
	int failed = check_count(status, "autoCertificates.failed");
	int failing = check_count(status, "autoCertificates.failing");
	int stale = check_count(status, "autoCertificates.stale");
	_cleanup_free_ char *text = NULL;

	if (json_object_get_boolean(ctl_at(status, "scoped")))
		return check_result(ctl, CHECK_UNKNOWN, "your scope hides the state of certd");
	if (*ctl_text_at(status, "message"))
		return check_result(ctl, CHECK_CRITICAL, ctl_text_at(status, "message"));
	if (has_expired)
		return check_result(
			ctl, CHECK_CRITICAL, "a certificate has expired; see: certctl list auto --expires-before 0s");
	if (failed) {
		text = xasprintf("%d of %d auto-certificates could not be issued; see: certctl status", failed, total);
		return check_result(ctl, CHECK_CRITICAL, text);
	}
	if (stale) {
		text = xasprintf("%d %s not served by its consumer, and retries did not help; see: certctl status",
			stale, stale == 1 ? "certificate is" : "certificates are");
		return check_result(ctl, CHECK_CRITICAL, text);
	}
	if (failing) {
		text = xasprintf(
			"%d of %d auto-certificates could not be renewed yet; see: certctl status", failing, total);
		return check_result(ctl, CHECK_WARNING, text);
	}
	if (ctl_count_at(status, "failing"))
		return check_result(ctl, CHECK_WARNING, "planned work failed and is retried; see: certctl status");
	if (ctl_count_at(status, "warnings"))
		return check_result(ctl, CHECK_WARNING,
			json_object_get_string(json_object_array_get_idx(ctl_at(status, "warnings"), 0)));
	text = xasprintf("%d auto-certificates, none failing", total);
	return check_result(ctl, CHECK_OK, text);
}

int
cmd_check(struct ctl *ctl)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *status = NULL;
	bool has_expired = false;

	if (ctl_call(ctl, RPC_SERVER_STATUS, NULL, &status, &err) < 0 || check_has_expired(ctl, &has_expired, &err) < 0)
		return check_result(ctl, CHECK_UNKNOWN, err.message);
	return check_status(ctl, status, has_expired);
}
