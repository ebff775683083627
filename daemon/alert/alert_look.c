/*
 * Begins and ends conditions. What a condition was reported to is noted in its record, so that the same destinations
 * get the message of its end.
 */
#include "daemon/alert/alerts_private.h"

#include "common/printable.h"
#include "common/timefmt.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/expiry.h"
#include "daemon/rollout/rollout_check.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1000, AGAIN_SEC = 3600 };

/* What is looked at. */
struct look {
	struct alerts *alerts;
	struct store *store;
	struct store_txn *txn;
	const char *id;
	const char *type;             /* NULL: certd itself */
	const char *name;             /* borrowed */
	const struct strlist *labels; /* or NULL */
	struct strlist held;          /* keys of its conditions that held before; owned */
	struct condition_facts facts;
	struct error *err; /* what could not be read */
};

int64_t
alerts_now(const struct alerts *alerts)
{
	return loop_now(alerts->env.loop);
}

/* --- messages --- */

bool
alert_wants(const struct alert *a, const char *word, enum severity severity, const struct strlist *labels)
{
	bool has_label = !a->labels.count;

	for (size_t i = 0; labels && i < labels->count; i++)
		has_label = has_label || strlist_has(&a->labels, labels->items[i]);
	return has_label && severity >= severity_find(a->minimum_severity) &&
	       (!a->conditions.count || strlist_has(&a->conditions, word));
}

void
alerts_message(struct alerts *alerts, const struct condition_kind *kind, const char *object_id,
	const struct condition *c, const char *status, struct message *ret)
{
	bool is_resolved = strcmp(status, "resolved") == 0;

	*ret = (struct message){
		.id = xasprintf("%s.%s", c->incident, is_resolved ? status : c->severity),
		.incident = xstrdup(c->incident),
		.condition = xstrdup(kind->word),
		.status = xstrdup(status),
		.severity = xstrdup(c->severity),
		.type = xstrdup_null(c->type),
		.object = c->type ? xstrdup(object_id) : NULL,
		.name = xstrdup_null(c->name),
		.title = xstrdup(kind->title),
		.text = xstrdup(c->text),
		.begun_at = c->begun_at,
		.queued_at = alerts_now(alerts),
	};
	if (is_resolved)
		ret->ended_at = ret->queued_at;
}

static void
look_queue(const struct look *l, const struct condition_kind *kind, const struct condition *c, const char *alert_id,
	const char *status, const char *was)
{
	_cleanup_message_ struct message m = { 0 };

	alerts_message(l->alerts, kind, l->id, c, status, &m);
	m.was = xstrdup_null(was);
	queue_put(l->store, l->txn, alert_id, &m, l->facts.now);
}

/* To each destination that wants it. @was: the severity before; NULL: it begins. */
static void
look_tell(const struct look *l, const struct condition_kind *kind, struct condition *c, enum severity severity,
	const char *was)
{
	_cleanup_alert_ struct alert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	char after[STORE_ID_SIZE] = "";

	while (object_next_peek(l->store, &alert_class, after, &a, &err) == 1) {
		memcpy(after, a.o.id, sizeof(after));
		if (!alert_wants(&a, kind->word, severity, l->labels))
			continue;
		look_queue(l, kind, c, a.o.id, "firing", strlist_has(&c->notified, a.o.id) ? was : NULL);
		if (!strlist_has(&c->notified, a.o.id))
			strlist_add(&c->notified, a.o.id);
	}
	if (error_is_set(&err))
		store_fail(l->txn, &err);
}

/* To each that was told of the begin, and still exists. */
static void
look_tell_end(const struct look *l, const struct condition_kind *kind, const struct condition *c)
{
	for (size_t i = 0; i < c->notified.count; i++) {
		_cleanup_alert_ struct alert a = { 0 };

		if (object_peek(l->store, &alert_class, c->notified.items[i], &a, l->err) == 1)
			look_queue(l, kind, c, a.o.id, "resolved", NULL);
	}
}

/* --- begin and end --- */

/* The same whenever it is made. Owned by the caller. */
static char *
condition_incident(const char *word, const char *object_id, int64_t begun_at)
{
	return xasprintf("%s-%s-%lld", word, object_id, (long long)begun_at);
}

static void
look_begin(const struct look *l, const struct condition_kind *kind, enum severity severity, const char *text)
{
	_cleanup_condition_ struct condition c = { 0 };
	char key[CONDITION_KEY_SIZE];

	c.incident = condition_incident(kind->word, l->id, l->facts.now);
	c.severity = xstrdup(severity_name(severity));
	c.type = xstrdup_null(l->type);
	c.name = xstrdup_null(l->name);
	c.text = xstrdup(text);
	c.begun_at = l->facts.now;
	look_tell(l, kind, &c, severity, NULL);
	condition_key(l->id, kind->word, key);
	record_save(l->store, l->txn, &condition_class, key, &c);
}

/* The reason may change; only a higher severity is news. */
static void
look_continue(const struct look *l, const struct condition_kind *kind, const char *key, struct condition *c,
	enum severity severity, const char *text)
{
	enum severity before = severity_find(c->severity);
	_cleanup_free_ char *was = xstrdup(c->severity);

	if (severity == before && strcmp(text, c->text) == 0 &&
		strcmp(l->name ? l->name : "", c->name ? c->name : "") == 0)
		return;
	str_replace(&c->text, text);
	if (l->name)
		str_replace(&c->name, l->name);
	str_replace(&c->severity, severity_name(severity));
	if (severity > before)
		look_tell(l, kind, c, severity, was);
	record_save(l->store, l->txn, &condition_class, key, c);
}

static void
look_end(const struct look *l, const struct condition_kind *kind, const char *key, const struct condition *c)
{
	look_tell_end(l, kind, c);
	store_del(l->txn, STORE_CONDITION, key, strlen(key));
}

/* Something could not be read. That must not stop the change that led here. */
static void
look_again_soon(const struct look *l, int64_t *again_at)
{
	int64_t at = time_add(l->facts.now, AGAIN_SEC);

	if (at < *again_at)
		*again_at = at;
}

/* @is_there false: the object was deleted, so nothing holds. */
static void
look_at_condition(const struct look *l, const struct condition_kind *kind, bool is_there, int64_t *again_at)
{
	_cleanup_condition_ struct condition c = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *line = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	enum severity severity = is_there ? kind->holds(&l->facts, &text, again_at) : SEVERITY_NONE;
	char key[CONDITION_KEY_SIZE];
	int found;

	condition_key(l->id, kind->word, key);
	found = strlist_has(&l->held, key) ? record_load(l->store, &condition_class, key, &c, &err) : 0;
	if (found < 0 && err.code != ERROR_CORRUPT) {
		error_copy(l->err, &err);
		look_again_soon(l, again_at);
		return;
	}
	if (found < 0 && severity == SEVERITY_NONE)
		store_del(l->txn, STORE_CONDITION, key, strlen(key)); /* damaged, and over */
	line = printable_line(buf_str(&text), text.len, TEXT_MAX);
	if (severity == SEVERITY_NONE && found == 1)
		look_end(l, kind, key, &c);
	else if (severity != SEVERITY_NONE && found == 1)
		look_continue(l, kind, key, &c, severity, line);
	else if (severity != SEVERITY_NONE)
		look_begin(l, kind, severity, line);
}

/* Return: when to look again; INT64_MAX: when a record changes. */
static int64_t
look_at_all(struct look *l, bool is_there)
{
	int64_t again_at = INT64_MAX;

	if (conditions_held(l->store, l->id, &l->held, l->err) < 0)
		look_again_soon(l, &again_at);
	else
		for (size_t i = 0; i < CONDITION_COUNT; i++)
			look_at_condition(l, &condition_kinds[i], is_there, &again_at);
	strlist_clear(&l->held);
	return again_at;
}

/* The row is put only when it moves: most changes of a record do not concern it. */
static void
look_plan(const struct look *l, int64_t again_at)
{
	struct schedule_row row;
	int found = schedule_get(l->store, SCHEDULE_LOOK, l->id, &row, l->err);

	if (again_at == INT64_MAX && found == 1)
		schedule_del(l->store, l->txn, SCHEDULE_LOOK, l->id);
	else if (again_at != INT64_MAX && !(found == 1 && row.due_at == again_at))
		schedule_set(l->store, l->txn, SCHEDULE_LOOK, l->id, "", again_at);
}

/* --- objects --- */

static void
look_begin_facts(struct look *l, struct alerts *alerts, struct store_txn *txn, const char *id)
{
	const struct alerts_config *config = &alerts->config;

	*l = (struct look){
		.alerts = alerts,
		.store = config->env->store,
		.txn = txn,
		.id = id,
		.facts = {
			.id = id,
			.store = config->env->store,
			.warning_percent = config->conf->late_warning,
			.critical_percent = config->conf->late_critical,
			.now = alerts_now(alerts),
		},
	};
}

static void
look_with_rollout(struct look *l)
{
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	int found = rollout_load(l->alerts->config.env->rollout, l->id, &state, l->err);
	_cleanup_free_ char *changed = NULL;

	if (found == 1) {
		l->facts.rollout = &state;
		changed = rollout_changed_text(l->store, l->id, &l->facts.changed_until, l->err);
		l->facts.changed = changed;
	}
	/* Unknown is not over. */
	look_plan(l, error_is_set(l->err) ? time_add(l->facts.now, AGAIN_SEC) : look_at_all(l, true));
	l->facts.rollout = NULL;
	l->facts.changed = NULL;
}

/* Each returns 1 if the id is one of its objects, 0 not, -1 failed. */
static int
look_at_autocert(struct look *l, struct error *err)
{
	_cleanup_certificate_ struct certificate newest = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_ready_state_ struct ready_state ready = { .grade = READY_OK };
	int found = object_peek(l->store, &autocert_class, l->id, &a, err);

	if (found != 1)
		return found;
	l->type = autocert_class.name;
	l->name = a.o.name;
	l->labels = &a.labels;
	l->facts.autocert = &a;
	l->facts.planned_at = a.last_certificate && !a.is_outdated ? issue_renewal_at(l->alerts->config.env, &a) : 0;
	if (record_load(l->store, &ready_class, l->id, &ready, l->err) == 1)
		l->facts.ready = &ready;
	if (a.last_certificate && a.is_outdated) /* only then can it be revoked, see crl_found.c */
		object_peek(l->store, &certificate_class, a.last_certificate, &newest, l->err);
	l->facts.revoked = newest.revocation_list ? &newest : NULL;
	look_with_rollout(l);
	l->facts.ready = NULL;
	l->labels = NULL; /* of @a, like the others, which nobody reads any more */
	return 1;
}

/* Only an imported one that is deployed, because it has files of its own, or should be. */
static int
look_at_certificate(struct look *l, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	int found = object_peek(l->store, &certificate_class, l->id, &c, err);

	if (found != 1 || !(c.slug || c.is_held_back))
		return found < 0 ? -1 : 0;
	l->type = certificate_class.name;
	l->name = c.o.name;
	l->labels = &c.labels;
	l->facts.certificate = &c;
	l->facts.revoked = c.revocation_list ? &c : NULL;
	l->facts.planned_at = expiry_next(c.not_after_at, 0); /* when its replacement is first asked for */
	look_with_rollout(l);
	l->labels = NULL;
	return 1;
}

static int
look_at_provider(struct look *l, struct error *err)
{
	_cleanup_provider_ struct provider p = { .email = NULL };
	int found = object_peek(l->store, &provider_class, l->id, &p, err);

	if (found != 1)
		return found;
	l->type = provider_class.name;
	l->name = p.o.name;
	l->facts.provider = &p;
	look_at_all(l, true);
	return 1;
}

static int
look_at_finding(struct look *l, struct error *err)
{
	_cleanup_ct_finding_ struct ct_finding f = { .issuer = NULL };
	int found = record_load(l->store, &ct_finding_class, l->id, &f, err);

	if (found != 1)
		return found;
	l->type = ct_finding_class.name;
	l->name = l->id;
	l->facts.finding = &f;
	look_plan(l, look_at_all(l, true));
	l->facts.finding = NULL;
	return 1;
}

void
alerts_look(struct alerts *alerts, struct store_txn *txn, const char *id)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct look l;
	int found;

	if (!alerts)
		return;
	look_begin_facts(&l, alerts, txn, id);
	l.err = &err;
	found = look_at_autocert(&l, &err);
	if (found == 0)
		found = look_at_certificate(&l, &err);
	if (found == 0)
		found = look_at_provider(&l, &err);
	if (found == 0)
		found = look_at_finding(&l, &err);
	if (found == 0)
		look_plan(&l, look_at_all(&l, false));
	else if (found < 0)
		look_plan(&l, time_add(l.facts.now, AGAIN_SEC));
	if (error_is_set(&err) && err.code != ERROR_CORRUPT) /* a corrupt record is reported where it is used */
		event_emit_error(
			alerts->config.env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "alerts: %s", err.message);
}

/* --- certd itself --- */

static const struct condition_kind *
condition_named(const char *word)
{
	size_t i = 0;

	while (i < CONDITION_COUNT - 1 && strcmp(condition_kinds[i].word, word) != 0)
		i++;
	return &condition_kinds[i];
}

/*
 * What could not be stored is sent without the queue, and again to those that did not get it: once a minute, until it
 * can be stored.
 */
static void
certd_looked(const struct error *err, void *arg)
{
	struct alerts *alerts = arg;
	struct condition *c = &alerts->unstored;
	_cleanup_message_ struct message m = { 0 };

	if (!err) {
		condition_clear(c);
		return;
	}
	if (!c->incident) {
		*c = (struct condition){
			.incident = condition_incident("store", CONDITION_OF_CERTD, alerts_now(alerts)),
			.severity = xstrdup(severity_name(SEVERITY_CRITICAL)),
			.text = printable_line(err->message, strlen(err->message), TEXT_MAX),
			.begun_at = alerts_now(alerts),
		};
	}
	alerts_message(alerts, condition_named("store"), CONDITION_OF_CERTD, c, "firing", &m);
	alerts_send_unstored(alerts, &m);
}

void
alerts_look_at_certd(struct alerts *alerts, const struct condition_certd *certd)
{
	struct store_txn *txn = store_begin(alerts->config.env->store);
	char key[CONDITION_KEY_SIZE];
	_cleanup_error_ struct error err = ERROR_INIT; /* it is looked at again in a minute */
	struct look l;

	look_begin_facts(&l, alerts, txn, CONDITION_OF_CERTD);
	l.err = &err;
	l.facts.certd = certd;
	if (alerts->unstored.incident) { /* it begins with what was sent already */
		condition_key(CONDITION_OF_CERTD, "store", key);
		record_save(l.store, txn, &condition_class, key, &alerts->unstored);
	}
	look_at_all(&l, true);
	store_then(txn, certd_looked, alerts);
}
