/*
 * Delivers the first message of a destination, then the next. Each attempt has the message's own id. What a destination
 * does not accept stays first, so that the order is kept, and is retried; after a week it is given up. One that is
 * refused for good is given up after a few attempts, because it would hold up the others.
 */
#include "daemon/alert/alerts_private.h"

#include "common/printable.h"
#include "common/retry.h"
#include "common/timefmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	GIVE_UP_SEC = 7 * 24 * 3600,
	REFUSALS_MAX = 3,           /* of one message; the refusal may be a mistake of a minute */
	LONGEST_WAIT_SEC = 70 * 60, /* of RETRY_LOCAL, with its jitter */
	ANSWER_MAX = 300,
};

/* A delivery in progress: of the queue, of a test, or of what could not be stored. */
struct delivery {
	struct alerts *alerts;
	struct delivery *prev, *next;
	char alert_id[STORE_ID_SIZE];
	const struct alert_kind *kind; /* NULL: it only commits */
	void *work;                    /* of the kind */
	struct job_commit *commit;
	char key[QUEUE_KEY_SIZE]; /* of the message in the queue; "": it is not in the queue */
	struct message message;   /* owned */
	bool is_unstored;
	schedule_done_fn *job_done; /* of the queue's row */
	alert_done_fn *done;        /* of a test */
	void *arg;
};

static struct delivery *
delivery_new(struct alerts *alerts, const char *alert_id)
{
	struct delivery *d = xcalloc(1, sizeof(*d));

	d->alerts = alerts;
	snprintf(d->alert_id, sizeof(d->alert_id), "%s", alert_id);
	DL_APPEND(alerts->deliveries, d);
	return d;
}

static void
delivery_free(struct delivery *d)
{
	DL_DELETE(d->alerts->deliveries, d);
	message_clear(&d->message);
	free(d);
}

static void
delivery_cancel(void *arg)
{
	struct delivery *d = arg;

	if (d->commit)
		job_commit_cancel(d->commit);
	else if (d->kind && d->work)
		d->kind->cancel(d->work);
	delivery_free(d);
}

/* All but those of the queue, which the scheduler owns. */
void
deliveries_stop(struct alerts *alerts)
{
	struct delivery *d, *next;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	DL_FOREACH_SAFE(alerts->deliveries, d, next) {
		alert_done_fn *done = d->done;
		void *arg = d->arg;

		if (d->job_done)
			continue;
		delivery_cancel(d);
		if (done)
			done(&err, "", arg);
	}
}

/* --- the queue --- */

static void
delivery_committed(bool is_stored, void *arg)
{
	struct delivery *d = arg;
	schedule_done_fn *done = d->job_done;
	void *job = d->arg;

	d->commit = NULL;
	delivery_free(d);
	done(is_stored, job);
}

static void
delivery_end(struct delivery *d, struct store_txn *txn)
{
	d->kind = NULL;
	d->work = NULL;
	d->commit = job_end_with(d->alerts->config.env->store, txn, delivery_committed, d);
}

static void
delivery_tell_sent(struct delivery *d, struct store_txn *txn, const struct alert *a, const char *answer)
{
	struct event_object object = { alert_class.name, a->o.id, a->o.name };
	_cleanup_free_ char *subject = message_subject(&d->message);
	struct json_object *data = json_object_new_object();

	json_add_string(data, "id", d->message.id);
	json_add_string(data, "condition", d->message.condition);
	json_add_string(data, "status", d->message.status);
	json_add_string(data, "severity", d->message.severity);
	if (d->message.name)
		json_add_string(data, "subject", d->message.name);
	event_emit(d->alerts->config.env->events, txn, EVENT_ALERT_SENT, &object, data, "sent %s%s%s", subject,
		*answer ? "; answer: " : "", answer);
}

static void
delivery_tell_failed(struct delivery *d, struct store_txn *txn, const struct alert *a, const struct error *err,
	const char *what_next)
{
	struct event_object object = { alert_class.name, a->o.id, a->o.name };
	_cleanup_free_ char *subject = message_subject(&d->message);

	event_emit_error(d->alerts->config.env->events, txn, EVENT_ALERT_FAILED, &object, err, "%s: %s; %s", subject,
		err->message, what_next);
}

static void
delivery_succeeded(struct delivery *d, struct store_txn *txn, struct alert *a, const char *answer)
{
	queue_remove(txn, d->key);
	a->attempts = 0;
	a->last_sent_at = alerts_now(d->alerts);
	a->o.state = OBJECT_AVAILABLE;
	error_clear(&a->o.failure);
	delivery_tell_sent(d, txn, a, answer);
	queue_plan(d->alerts->config.env->store, txn, d->alert_id, a->last_sent_at);
}

static int64_t
delivery_retry_at(const struct alert *a, const struct error *err, int64_t now)
{
	int64_t at = retry_at(RETRY_LOCAL, now, a->attempts, a->o.id);
	int64_t asked_at = retry_not_before(err->retry_at, now);

	return asked_at > at ? asked_at : at;
}

/* Why the message is not tried again; NULL: it is. Static. */
static const char *
delivery_given_up(struct delivery *d, const struct error *err, int64_t now)
{
	if (err->code == ERROR_INVALID && ++d->message.refusals >= REFUSALS_MAX)
		return "given up, because it would be refused again";
	return now >= time_add(d->message.queued_at, GIVE_UP_SEC) ? "given up after a week" : NULL;
}

static void
delivery_failed(struct delivery *d, struct store_txn *txn, struct alert *a, const struct error *err)
{
	int64_t now = alerts_now(d->alerts);
	const char *given_up = delivery_given_up(d, err, now);
	struct store *store = d->alerts->config.env->store;
	char when[TIME_RFC3339_SIZE];
	_cleanup_free_ char *next = NULL;
	int64_t at;

	a->attempts++;
	a->o.state = OBJECT_FAILED;
	error_copy(&a->o.failure, err);
	at = given_up && err->code == ERROR_INVALID ? now : delivery_retry_at(a, err, now);
	time_format_rfc3339(at, when);
	if (given_up)
		queue_remove(txn, d->key);
	else if (err->code == ERROR_INVALID)
		queue_replace(store, txn, d->key, &d->message);
	next = given_up ? xstrdup(given_up) : xasprintf("next attempt %s", when);
	delivery_tell_failed(d, txn, a, err, next);
	queue_plan(store, txn, d->alert_id, at);
}

/* The record is read again: it may have been changed meanwhile. */
static void
delivery_record(struct delivery *d, struct store_txn *txn, const struct error *failure, const char *answer)
{
	struct store *store = d->alerts->config.env->store;
	_cleanup_alert_ struct alert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &alert_class, d->alert_id, &a, &err);

	if (found == 0) {
		queue_forget(store, txn, d->alert_id);
		return;
	}
	if (found == 1 && failure)
		delivery_failed(d, txn, &a, failure);
	else if (found == 1)
		delivery_succeeded(d, txn, &a, answer);
	if (found < 0 || object_save(store, txn, &alert_class, &a, &err) < 0)
		store_fail(txn, &err);
}

static void
delivery_done(const struct error *err, const char *answer, void *arg)
{
	struct delivery *d = arg;
	struct store_txn *txn = store_begin(d->alerts->config.env->store);
	_cleanup_free_ char *line = printable_line(answer, strlen(answer), ANSWER_MAX);

	delivery_record(d, txn, err, line);
	delivery_end(d, txn);
}

/* Return: 1 it has begun, 0 there is nothing to deliver, -1 failed. */
static int
delivery_start(struct delivery *d, struct error *err)
{
	struct alerts *alerts = d->alerts;
	struct store *store = alerts->config.env->store;
	_cleanup_alert_ struct alert a = { 0 };
	int found = object_load(store, &alert_class, d->alert_id, &a, err);
	const struct alert_kind *kind = found == 1 ? alert_kind_find(a.kind) : NULL;

	if (found == 1)
		found = queue_first(store, d->alert_id, d->key, &d->message, err);
	if (found != 1)
		return found;
	if (!kind)
		return error_set(err, ERROR_INVALID, "'%s' is not a kind of alert that this certd knows", a.kind);
	d->kind = kind;
	d->work = kind->start(&alerts->env, &a, &d->message, delivery_done, d);
	return 1;
}

static void *
alert_job_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct alerts *alerts = env;
	struct delivery *d = delivery_new(alerts, row->object);
	struct store *store = alerts->config.env->store;
	_cleanup_alert_ struct alert a = { 0 }; /* for its name */
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	int started;

	d->job_done = done;
	d->arg = arg;
	started = delivery_start(d, &err);
	if (started == 1)
		return d;
	txn = store_begin(store);
	if (started == 0) {
		queue_plan(store, txn, d->alert_id, alerts_now(alerts));
	} else {
		/* A damaged message does not hold up the others. */
		if (err.code == ERROR_CORRUPT && *d->key)
			queue_remove(txn, d->key);
		object_peek(store, &alert_class, d->alert_id, &a, NULL);
		event_emit_error(alerts->config.env->events, txn, EVENT_ALERT_FAILED,
			&(struct event_object){ alert_class.name, d->alert_id, a.o.name }, &err, "%s", err.message);
		queue_plan(store, txn, d->alert_id, retry_at(RETRY_LOCAL, alerts_now(alerts), 1, d->alert_id));
	}
	delivery_end(d, txn);
	return d;
}

static int64_t
alert_job_count_troubles(void *env)
{
	const struct alerts *alerts = env;

	return object_count_failing(alerts->config.env->store, &alert_class);
}

static bool
alert_job_describe_trouble(void *env, const struct schedule_row *row, struct job_trouble *ret)
{
	const struct alerts *alerts = env;
	_cleanup_alert_ struct alert a = { 0 };

	if (object_peek(alerts->config.env->store, &alert_class, row->object, &a, NULL) != 1 ||
		!error_is_set(&a.o.failure))
		return false;
	job_trouble_set(ret, alert_class.name, a.o.name, &a.o.failure);
	return true;
}

const struct job_kind alert_job = {
	.kind = SCHEDULE_ALERT,
	.word = "send",
	.classes = { &alert_class },
	.start = alert_job_start,
	.cancel = delivery_cancel,
	.longest_sec = LONGEST_WAIT_SEC,
	.count_troubles = alert_job_count_troubles,
	.describe_trouble = alert_job_describe_trouble,
};

/* --- without the queue --- */

static void
delivery_unstored_done(const struct error *err, const char *answer _unused_, void *arg)
{
	struct delivery *d = arg;
	struct condition *c = &d->alerts->unstored;

	if (!err && c->incident && strcmp(c->incident, d->message.incident) == 0 &&
		!strlist_has(&c->notified, d->alert_id))
		strlist_add(&c->notified, d->alert_id);
	delivery_free(d);
}

static bool
is_being_sent_unstored(const struct alerts *alerts, const char *alert_id)
{
	const struct delivery *d;

	DL_FOREACH(alerts->deliveries, d) {
		if (d->is_unstored && strcmp(d->alert_id, alert_id) == 0)
			return true;
	}
	return false;
}

static void
send_unstored_to(struct alerts *alerts, const struct alert *a, const struct message *m)
{
	const struct alert_kind *kind = alert_kind_find(a->kind);
	struct delivery *d;

	if (!kind || strlist_has(&alerts->unstored.notified, a->o.id) || is_being_sent_unstored(alerts, a->o.id))
		return;
	d = delivery_new(alerts, a->o.id);
	d->is_unstored = true;
	d->kind = kind;
	record_copy(&message_class, &d->message, m);
	d->work = kind->start(&alerts->env, a, &d->message, delivery_unstored_done, d);
}

void
alerts_send_unstored(struct alerts *alerts, const struct message *m)
{
	struct store *store = alerts->config.env->store;
	char after[STORE_ID_SIZE] = "";
	_cleanup_alert_ struct alert peek = { 0 };

	while (object_next_peek(store, &alert_class, after, &peek, NULL) == 1) {
		_cleanup_alert_ struct alert a = { 0 };

		memcpy(after, peek.o.id, sizeof(after));
		if (alert_wants(&peek, m->condition, severity_find(m->severity), NULL) &&
			object_load(store, &alert_class, after, &a, NULL) == 1)
			send_unstored_to(alerts, &a, m);
	}
}

static void
delivery_test_done(const struct error *err, const char *answer, void *arg)
{
	struct delivery *d = arg;
	alert_done_fn *done = d->done;
	void *done_arg = d->arg;
	_cleanup_free_ char *line = printable_line(answer, strlen(answer), ANSWER_MAX);
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	delivery_free(d);
	done(error_is_set(&why) ? &why : NULL, line, done_arg);
}

void
alerts_test(struct alerts *alerts, const struct alert *a, alert_done_fn *done, void *arg)
{
	struct delivery *d = delivery_new(alerts, a->o.id);
	char incident[STORE_ID_SIZE];

	store_new_id(incident);
	d->done = done;
	d->arg = arg;
	d->message = (struct message){
		.id = xasprintf("%s.test", incident),
		.incident = xstrdup(incident),
		.condition = xstrdup("test"),
		.status = xstrdup("test"),
		.severity = xstrdup(severity_name(severity_find(a->minimum_severity))),
		.title = xasprintf("test of the alert '%s'", a->o.name),
		.text = xstrdup("sent by certctl alert test; nothing is wrong"),
		.begun_at = alerts_now(alerts),
		.queued_at = alerts_now(alerts),
	};
	d->kind = alert_kind_find(a->kind);
	d->work = d->kind->start(&alerts->env, a, &d->message, delivery_test_done, d);
}
