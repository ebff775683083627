/*
 * What holds: the records of objects (alert_look.c), and what concerns certd itself at this moment, which no record can
 * say while the store cannot be written.
 */
#include "daemon/alert/alerts_private.h"

#include "common/timefmt.h"
#include "daemon/alert/alert_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT_MAX = 10000 };

struct alert_list {
	const struct alerts *alerts;
	struct strlist keys; /* of the records about objects */
	size_t max;
	struct json_object *items;
	/* Of certd itself. */
	enum severity severities[CONDITION_COUNT];
	struct buf texts[CONDITION_COUNT];
	size_t n_of_certd;
};

/* Is @key about certd itself? */
static bool
is_of_certd(const char *key)
{
	return strncmp(key, CONDITION_OF_CERTD "/", strlen(CONDITION_OF_CERTD "/")) == 0;
}

/* The severity of each condition of certd itself now. @texts: or NULL. Return: how many hold. */
static size_t
severities_of_certd(const struct alerts *alerts, enum severity ret[CONDITION_COUNT], struct buf *texts)
{
	struct condition_certd certd;
	const struct condition_facts facts = { .store = alerts->config.env->store, .certd = &certd };
	int64_t again_at = INT64_MAX;
	size_t n = 0;

	alerts_certd(alerts, &certd);
	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		ret[i] = condition_kinds[i].holds(&facts, texts ? &texts[i] : &text, &again_at);
		n += ret[i] != SEVERITY_NONE;
	}
	return n;
}

static bool
alert_list_take_key(const void *key, size_t len, void *arg)
{
	struct alert_list *l = arg;
	char *text = xstrndup(key, len);

	if (is_of_certd(text))
		free(text);
	else
		strlist_take(&l->keys, text);
	return l->keys.count < LOOKED_AT_MAX;
}

static struct json_object *
condition_to_json(const struct condition_kind *kind, const char *key, const struct condition *c)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "condition", kind->word);
	json_add_string(o, "severity", c->severity);
	json_add_string(o, "title", kind->title);
	json_add_string(o, "message", c->text);
	if (c->type) {
		struct json_object *object = json_object_new_object();
		_cleanup_free_ char *id = xstrndup(key, strcspn(key, "/"));

		json_add_string(object, "type", c->type);
		json_add_string(object, "id", id);
		json_add_string(object, "name", c->name);
		json_object_object_add(o, "object", object);
	}
	json_add_time(o, "since", c->begun_at);
	return o;
}

/* Its record, if there is one, has the time of its begin. */
static void
alert_list_add_of_certd(struct alert_list *l, size_t kind)
{
	struct store *store = l->alerts->config.env->store;
	_cleanup_condition_ struct condition c = { 0 };
	char key[CONDITION_KEY_SIZE];

	condition_key(CONDITION_OF_CERTD, condition_kinds[kind].word, key);
	if (record_load(store, &condition_class, key, &c, NULL) != 1)
		c.begun_at = alerts_now(l->alerts);
	str_replace(&c.severity, severity_name(l->severities[kind]));
	str_replace(&c.text, buf_str(&l->texts[kind]));
	json_object_array_add(l->items, condition_to_json(&condition_kinds[kind], key, &c));
}

/* Those of one kind and severity. */
static void
alert_list_add(struct alert_list *l, size_t kind, enum severity severity)
{
	struct store *store = l->alerts->config.env->store;

	if (l->severities[kind] == severity && json_object_array_length(l->items) < l->max)
		alert_list_add_of_certd(l, kind);
	for (size_t i = 0; i < l->keys.count && json_object_array_length(l->items) < l->max; i++) {
		const char *key = l->keys.items[i];
		_cleanup_condition_ struct condition c = { 0 };

		if (strcmp(strchr(key, '/') + 1, condition_kinds[kind].word) != 0 ||
			record_load(store, &condition_class, key, &c, NULL) != 1 ||
			severity_find(c.severity) != severity)
			continue;
		json_object_array_add(l->items, condition_to_json(&condition_kinds[kind], key, &c));
	}
}

struct json_object *
alerts_list(const struct alerts *alerts, size_t max, size_t *ret_count)
{
	static const enum severity severities[] = { SEVERITY_CRITICAL, SEVERITY_WARNING };
	static const struct buf all = BUF_INIT;
	struct alert_list l = { .alerts = alerts, .max = max, .items = json_object_new_array() };
	_cleanup_buf_ struct buf from = BUF_INIT;

	for (size_t i = 0; i < CONDITION_COUNT; i++)
		l.texts[i] = (struct buf)BUF_INIT;
	l.n_of_certd = severities_of_certd(alerts, l.severities, l.texts);
	buf_add_char(&from, '0');
	store_walk_keys(alerts->config.env->store, STORE_CONDITION, &from, false, &all, alert_list_take_key, &l, NULL);
	for (size_t s = 0; s < ARRAY_SIZE(severities); s++)
		for (size_t i = 0; i < CONDITION_COUNT; i++)
			alert_list_add(&l, i, severities[s]);
	*ret_count = l.keys.count + l.n_of_certd;
	strlist_clear(&l.keys);
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		buf_clear(&l.texts[i]);
	return l.items;
}

static bool
take_held(const void *key, size_t len, void *arg)
{
	strlist_take(arg, xstrndup(key, len));
	return true;
}

int
conditions_held(struct store *store, const char *object_id, struct strlist *ret, struct error *err)
{
	_cleanup_buf_ struct buf from = BUF_INIT;
	_cleanup_buf_ struct buf end = BUF_INIT;

	buf_printf(&from, "%s/", object_id);
	buf_printf(&end, "%s0", object_id); /* '0' follows '/' */
	return store_walk_keys(store, STORE_CONDITION, &from, false, &end, take_held, ret, err) < 0 ? -1 : 0;
}

void
alerts_of_object(const struct alerts *alerts, const char *id, struct strlist *ret)
{
	struct store *store = alerts->config.env->store;
	_cleanup_strlist_ struct strlist held = STRLIST_INIT;

	conditions_held(store, id, &held, NULL);
	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		_cleanup_condition_ struct condition c = { 0 };
		char key[CONDITION_KEY_SIZE], since[TIME_RFC3339_SIZE];

		condition_key(id, condition_kinds[i].word, key);
		if (!strlist_has(&held, key) || record_load(store, &condition_class, key, &c, NULL) != 1)
			continue;
		time_format_rfc3339(c.begun_at, since);
		strlist_take(ret, xasprintf("%s since %s: %s", c.severity, since, condition_kinds[i].title));
	}
}

/* --- how many hold --- */

static void
count_of_certd(const struct alerts *alerts, struct condition_counts *counts)
{
	enum severity now[CONDITION_COUNT];

	severities_of_certd(alerts, now, NULL);
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (now[i] != SEVERITY_NONE)
			counts->n[i][now[i]]++;
}

static void
count_record(struct store *store, struct condition_counts *counts)
{
	_cleanup_condition_ struct condition c = { 0 };
	const char *word = strchr(counts->at, '/');

	if (is_of_certd(counts->at) || !word || record_load(store, &condition_class, counts->at, &c, NULL) != 1)
		return;
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (strcmp(word + 1, condition_kinds[i].word) == 0)
			counts->n[i][severity_find(c.severity)]++;
}

int
alerts_count(const struct alerts *alerts, struct condition_counts *counts, size_t max, struct error *err)
{
	struct store *store = alerts->config.env->store;

	if (!*counts->at)
		count_of_certd(alerts, counts);
	for (size_t i = 0; i < max; i++) {
		_cleanup_buf_ struct buf key = BUF_INIT;
		int found = store_next(store, STORE_CONDITION, counts->at, strlen(counts->at), true, &key, NULL, err);

		if (found != 1)
			return found;
		snprintf(counts->at, sizeof(counts->at), "%.*s", (int)key.len, key.data);
		count_record(store, counts);
	}
	return 1;
}
