/*
 * Waiting for certd's events. certd works whether a client waits or not, so every message that ends a wait says so.
 * Events stored between the request and the subscription come with the subscription: none is missed.
 */
#include "ctl/command/wait.h"

#include "common/api/rpc.h"
#include "common/timefmt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	DEFAULT_TIMEOUT_SEC = 600,
	TICK_MS = 1000,
	QUIET_MS = 2000,       /* after so long without an event, ask why */
	QUIET_AGAIN_MS = 30000 /* and again */
};

static const struct wait_rule account_rules[] = {
	{ EVENT_ACCOUNT_DONE, WAIT_DONE },
	{ EVENT_ACCOUNT_DEACTIVATED, WAIT_DONE },
	{ EVENT_ACCOUNT_FAILED, WAIT_FAILED },
};

/* A rollout that began before the order does not end the wait. */
static const struct wait_rule issue_rules[] = {
	{ EVENT_STORE_FAILED, WAIT_STEP },
	{ EVENT_ISSUE_PROGRESS, WAIT_STEP },
	{ EVENT_ISSUE_DONE, WAIT_ARM },
	{ EVENT_ISSUE_FAILED, WAIT_FAILED },
	{ EVENT_CERTIFICATE_WAITING, WAIT_FAILED_LATER },
	{ EVENT_DEPLOY_DONE, WAIT_DONE },
	{ EVENT_DEPLOY_FAILED, WAIT_FAILED_LATER },
};

static int
wait_read_timeout(const struct args *args, int64_t *ret_ms, struct error *err)
{
	const char *text = args_text(args, "timeout");
	int64_t sec = DEFAULT_TIMEOUT_SEC;

	if (text && (time_parse_span(text, &sec) < 0 || sec <= 0 || sec > INT32_MAX))
		return error_set(err, ERROR_USAGE, "--timeout: '%s' is not a time span such as 90s or 10m", text);
	*ret_ms = sec * 1000;
	return 0;
}

int
wait_init(struct wait *wait, struct ctl *ctl, const struct args *args, const struct wait_rule *rules, size_t n_rules,
	struct error *err)
{
	sigset_t interrupt;

	*wait = (struct wait){ .ctl = ctl, .rules = rules, .n_rules = n_rules, .signal_fd = -1 };
	progress_init(&wait->progress, ctl);
	if (wait_read_timeout(args, &wait->left_ms, err) < 0)
		return -1;
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].outcome == WAIT_ARM)
			wait->needs_arm = true;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	wait->signal_fd = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
	return 0;
}

int
wait_init_account(struct wait *wait, struct ctl *ctl, const struct args *args, struct error *err)
{
	return wait_init(wait, ctl, args, account_rules, ARRAY_SIZE(account_rules), err);
}

int
wait_init_issue(struct wait *wait, struct ctl *ctl, const struct args *args, struct error *err)
{
	return wait_init(wait, ctl, args, issue_rules, ARRAY_SIZE(issue_rules), err);
}

void
wait_clear(struct wait *wait)
{
	sigset_t interrupt;

	if (!wait->ctl)
		return;
	progress_clear(&wait->progress);
	json_object_put(wait->missed);
	if (wait->signal_fd >= 0)
		close(wait->signal_fd);
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
}

int
wait_subscribe(struct wait *wait, const char *object_id, int64_t after, struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;

	json_add_string(params, "object", object_id);
	if (after >= 0)
		json_add_int(params, "after", after);
	client_drop_events(wait->ctl->client);
	if (ctl_call(wait->ctl, RPC_EVENT_SUBSCRIBE, params, &result, err) < 0)
		return -1;
	json_object_put(wait->missed);
	wait->missed = json_object_get(ctl_array_at(result, "items"));
	wait->next_missed = 0;
	wait->since = json_object_get_int64(ctl_at(result, "after"));
	wait->last_seq = 0;
	wait->is_armed = false;
	return 0;
}

int
wait_call(struct wait *wait, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err)
{
	if (ctl_call(wait->ctl, method, params, ret, err) < 0)
		return -1;
	client_drop_events(wait->ctl->client);
	return 0;
}

/* --- events --- */

/* Return: 1 and the next event, 0 nothing yet, -1 failed or interrupted. */
static int
wait_take_event(struct wait *wait, int64_t timeout_ms, struct json_object **ret, struct error *err)
{
	struct signalfd_siginfo info;
	int rc;

	if (wait->missed && wait->next_missed < json_object_array_length(wait->missed)) {
		*ret = json_object_get(json_object_array_get_idx(wait->missed, wait->next_missed++));
		return 1;
	}
	rc = client_event(wait->ctl->client, wait->signal_fd, timeout_ms, ret, err);
	if (rc == 0 && wait->signal_fd >= 0 && read(wait->signal_fd, &info, sizeof(info)) > 0)
		return error_set(err, ERROR_CANCELLED, "interrupted; certd continues");
	return rc;
}

/* Stored events may come twice, with the subscription and as notifications. Progress events have no number. */
static bool
wait_is_repeated(struct wait *wait, struct json_object *event, enum event_kind kind)
{
	int64_t seq = json_object_get_int64(ctl_at(event, "seq"));

	if (event_is_transient(event_info(kind)))
		return false;
	if (seq <= wait->last_seq)
		return true;
	wait->last_seq = seq;
	return false;
}

static const struct wait_rule *
wait_rule_for(const struct wait *wait, enum event_kind kind)
{
	for (size_t i = 0; i < wait->n_rules; i++)
		if (wait->rules[i].kind == kind)
			return &wait->rules[i];
	return NULL;
}

/* Return: true when the caller is to see it. */
static bool
wait_look_at_event(struct wait *wait, struct json_object *event, enum wait_outcome *ret)
{
	const struct wait_rule *rule;
	enum event_kind kind;

	if (!event_kind_find(ctl_text_at(event, "kind"), &kind))
		return false;
	rule = wait_rule_for(wait, kind);
	if (!rule || wait_is_repeated(wait, event, kind))
		return false;
	*ret = rule->outcome;
	switch (rule->outcome) {
	case WAIT_ARM:
		wait->is_armed = true;
		break;
	case WAIT_STEP:
		break;
	case WAIT_FAILED:
		return true;
	case WAIT_DONE:
	case WAIT_FAILED_LATER:
		return wait->is_armed || !wait->needs_arm;
	}
	progress_step(&wait->progress, ctl_text_at(event, "message"), ctl_time_at(event, "data.until"));
	return false;
}

/* Without events there may still be a reason for the delay (a provider without an account): ask explain. */
static void
wait_ask_why(struct wait *wait)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_strlist_ struct strlist reasons = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	json_add_string(params, "ref", wait->explain);
	if (ctl_call(wait->ctl, RPC_AUTOCERTIFICATE_EXPLAIN, params, &result, NULL) < 0 ||
		json_get_strlist(result, "reasons", &reasons, NULL) <= 0 || reasons.count == 0)
		return;
	text = strlist_join(&reasons, "; ");
	progress_step(&wait->progress, text, 0);
}

static void
wait_nothing_heard(struct wait *wait, int64_t passed_ms)
{
	int64_t limit = wait->progress.text ? QUIET_AGAIN_MS : QUIET_MS;

	wait->quiet_ms += passed_ms;
	progress_tick(&wait->progress);
	if (!wait->explain || wait->quiet_ms < limit)
		return;
	wait->quiet_ms = 0;
	wait_ask_why(wait);
}

static int
wait_timed_out(const struct wait *wait, struct error *err)
{
	return error_set(err, ERROR_TIMEOUT, "timed out%s%s%s; certd continues", wait->progress.text ? " (" : "",
		wait->progress.text ? wait->progress.text : "", wait->progress.text ? ")" : "");
}

int
wait_next(struct wait *wait, struct json_object **ret, enum wait_outcome *ret_outcome, struct error *err)
{
	for (;;) {
		_cleanup_json_ struct json_object *event = NULL;
		int64_t begin = time_monotonic_us() / 1000;
		int rc;

		if (wait->left_ms <= 0)
			return wait_timed_out(wait, err);
		rc = wait_take_event(wait, wait->left_ms < TICK_MS ? wait->left_ms : TICK_MS, &event, err);
		begin = time_monotonic_us() / 1000 - begin;
		wait->left_ms -= begin;
		if (rc < 0) {
			progress_erase(&wait->progress);
			return -1;
		}
		if (rc == 0) {
			wait_nothing_heard(wait, begin);
			continue;
		}
		wait->quiet_ms = 0;
		if (wait_look_at_event(wait, event, ret_outcome)) {
			*ret = json_object_get(event);
			return 0;
		}
	}
}

int
wait_event_error(struct json_object *event, struct error *err)
{
	struct json_object *data = ctl_at(event, "data");
	const char *name = ctl_text_at(event, "object.name");

	if (data)
		rpc_error_from_json(data, err);
	else
		error_set(err, ERROR_INTERNAL, "certd gave no reason");
	error_reword(err, ctl_text_at(event, "message"));
	if (*name) /* an event's message does not repeat what the event is about */
		error_wrap(err, "%s", name);
	return -1;
}

int
wait_run(struct wait *wait, struct error *err)
{
	_cleanup_json_ struct json_object *event = NULL;
	enum wait_outcome outcome = WAIT_STEP;

	if (wait_next(wait, &event, &outcome, err) < 0)
		return -1;
	progress_erase(&wait->progress);
	return outcome == WAIT_DONE ? 0 : wait_event_error(event, err);
}
