/*
 * What is found changed is kept in STORE_INDEX ("g" id -> time, text), until the files were found unchanged a day
 * later: the repair is quick, and its reason is of interest for longer.
 */
#include "daemon/rollout/rollout_check.h"

#include "common/timefmt.h"
#include "daemon/rollout/rollout_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_FILES = 3, KEEP_SEC = 86400 };

struct rollout_check {
	struct rollout *rollout; /* NULL: cancelled */
	struct subject subject;
	int64_t generation;
	bool is_start;
	struct strlist certificates; /* that are deployed: more than one if some consumers were rolled back */
	size_t seen;                 /* of them */
	struct strlist changed, gone;
	rollout_checked_fn *done;
	void *arg;
};

static void
rollout_check_free(struct rollout_check *c)
{
	subject_clear(&c->subject);
	strlist_clear(&c->certificates);
	strlist_clear(&c->changed);
	strlist_clear(&c->gone);
	free(c);
}

/* --- what was found --- */

static void
changed_key(struct buf *ret, const char *subject_id)
{
	buf_reset(ret);
	buf_printf(ret, "g%s", subject_id);
}

/* Return: the time, 0 there is none, or @err is set; *@ret_text: owned by the caller. */
static int64_t
changed_load(struct store *store, const char *subject_id, char **ret_text, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	char *end = NULL;
	int64_t at;

	changed_key(&key, subject_id);
	if (store_get(store, STORE_INDEX, key.data, key.len, &value, err) != 1)
		return 0;
	at = strtoll(buf_str(&value), &end, 10);
	*ret_text = xstrdup(*end == ' ' ? end + 1 : end);
	return at;
}

void
rollout_changed_forget(struct store_txn *txn, const char *subject_id)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	changed_key(&key, subject_id);
	store_del(txn, STORE_INDEX, key.data, key.len);
}

char *
rollout_changed_text(struct store *store, const char *subject_id, int64_t *ret_until, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	char when[TIME_RFC3339_SIZE];
	int64_t at = changed_load(store, subject_id, &text, err);

	if (!at)
		return NULL;
	if (ret_until)
		*ret_until = time_add(at, KEEP_SEC);
	time_format_rfc3339(at, when);
	return xasprintf("its files were changed by others; found and written again at %s: %s", when, text);
}

/* --- the check --- */

/* The first few lines of both; owned by the caller. */
static char *
found_text(const struct strlist *changed, const struct strlist *gone)
{
	struct buf text = BUF_INIT;
	size_t n = changed->count + gone->count;

	for (size_t i = 0; i < n && i < SHOWN_FILES; i++) {
		bool is_gone = i >= changed->count;

		buf_printf(&text, "%s%s", i ? "; " : "", is_gone ? gone->items[i - changed->count] : changed->items[i]);
	}
	if (n > SHOWN_FILES)
		buf_printf(&text, "; and %zu more", n - SHOWN_FILES);
	return buf_steal(&text);
}

static void
report_change(struct rollout_check *c, struct store_txn *txn, const struct strlist *changed, const struct strlist *gone)
{
	struct rollout_env *env = &c->rollout->env;
	_cleanup_free_ char *text = found_text(changed, gone);
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	struct json_object *data = json_object_new_object();

	changed_key(&key, c->subject.id);
	buf_printf(&value, "%" PRId64 " %s", loop_now(env->loop), text);
	store_put(txn, STORE_INDEX, key.data, key.len, value.data, value.len);
	json_add_strlist(data, "files", changed->count ? changed : gone);
	event_emit(env->events, txn, EVENT_DEPLOY_CHANGED,
		&(struct event_object){ c->subject.type, c->subject.id, c->subject.name }, data,
		"files were changed by others, and are written again: %s", text);
}

/* Unchanged, a day after they were found changed. */
static void
forget_change(struct rollout_check *c)
{
	struct store *store = c->rollout->env.store;
	_cleanup_free_ char *text = NULL;
	int64_t at = changed_load(store, c->subject.id, &text, NULL);

	if (at && loop_now(c->rollout->env.loop) >= at + KEEP_SEC)
		rollout_changed_forget(store_begin(store), c->subject.id);
}

/* Did nothing else deploy it meanwhile? */
static bool
is_still_current(const struct rollout_check *c)
{
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	bool ret = rollout_load(c->rollout, c->subject.id, &state, NULL) == 1 && state.generation == c->generation;

	return ret;
}

static bool
rollout_check_result(struct rollout_check *c)
{
	struct rollout_env *env = &c->rollout->env;
	struct store_txn *txn;

	if (!is_still_current(c))
		return false;
	if (!c->changed.count && !c->gone.count) {
		forget_change(c);
		return false;
	}
	txn = store_begin(env->store);
	if (c->changed.count || !c->is_start)
		report_change(c, txn, &c->changed, &c->gone);
	rollout_request_for(
		c->rollout, txn, c->subject.id, &c->subject.consumers, c->subject.certificate, loop_now(env->loop));
	return true;
}

/* The directories that have files of @certificate: with certd's own files, and with declared ones. */
static int
check_directories(struct rollout *r, const struct rollout_state *state, const char *certificate, struct strlist *own,
	struct strlist *declared)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(state, i);
		_cleanup_consumer_ struct consumer c = { 0 };
		struct strlist *list;

		if (t->step < ROLLOUT_WRITTEN || strcmp(rollout_certificate_of(state, t), certificate) != 0)
			continue;
		if (object_peek(r->env.store, &consumer_class, t->consumer, &c, NULL) < 0)
			return -1;
		list = output_are_declared(&c) ? declared : own;
		if (c.directory && !strlist_has(list, c.directory))
			strlist_add(list, c.directory);
	}
	return 0;
}

static drop_checked_fn checked;

/* Compares the files of the next certificate. Return: false: it cannot. */
static bool
check_next(struct rollout_check *c, const struct rollout_state *state)
{
	struct rollout *r = c->rollout;
	const char *id = c->certificates.items[c->seen++];
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_strlist_ struct strlist own = STRLIST_INIT, declared = STRLIST_INIT;
	struct drop_request request = { .subject_id = c->subject.id,
		.slug = c->subject.slug,
		.variant = c->subject.variant,
		.cert = &cert,
		.generation = state->generation,
		.is_partial = strcmp(id, rollout_certificate_of(state, NULL)) != 0,
		.directories = &own,
		.declared = &declared };

	if (check_directories(r, state, id, &own, &declared) < 0 ||
		object_load(r->env.store, &certificate_class, id, &cert, NULL) != 1)
		return false;
	drop_check(r->env.drops, &request, checked, c);
	return true;
}

static bool
check_goes_on(struct rollout_check *c)
{
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	bool ret = c->seen < c->certificates.count && is_still_current(c) &&
		   rollout_load(c->rollout, c->subject.id, &state, NULL) == 1 && check_next(c, &state);

	return ret;
}

static void
add_lines(struct strlist *list, const struct strlist *more)
{
	for (size_t i = 0; i < more->count; i++)
		strlist_add(list, more->items[i]);
}

static void
checked(const struct strlist *changed, const struct strlist *gone, const struct error *err, void *arg)
{
	struct rollout_check *c = arg;
	bool is_rewritten;

	if (!c->rollout) {
		rollout_check_free(c);
		return;
	}
	add_lines(&c->changed, changed);
	add_lines(&c->gone, gone);
	if (!err && check_goes_on(c))
		return;
	is_rewritten = !err && c->seen == c->certificates.count && rollout_check_result(c);
	c->done(is_rewritten, c->arg);
	rollout_check_free(c);
}

static void
check_add(struct rollout_check *c, const char *certificate)
{
	if (!strlist_has(&c->certificates, certificate))
		strlist_add(&c->certificates, certificate);
}

static bool
rollout_check_begin(struct rollout_check *c, const struct rollout_state *state)
{
	check_add(c, rollout_certificate_of(state, NULL));
	for (size_t i = 0; i < state->targets.count; i++)
		check_add(c, rollout_certificate_of(state, rollout_target_at(state, i)));
	/* That of the record: subject_load() has the newest. */
	str_replace(&c->subject.certificate, state->certificate);
	c->generation = state->generation;
	return check_next(c, state);
}

struct rollout_check *
rollout_check_start(struct rollout *r, const char *subject_id, bool is_start, rollout_checked_fn *done, void *arg)
{
	struct rollout_check *c = xcalloc(1, sizeof(*c));
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	bool is_begun;

	*c = (struct rollout_check){ .rollout = r, .is_start = is_start, .done = done, .arg = arg };
	is_begun = rollout_load(r, subject_id, &state, NULL) == 1 && state.is_written &&
		   subject_load(r->env.store, subject_id, &c->subject, NULL) == 1 && rollout_check_begin(c, &state);
	if (is_begun)
		return c;
	rollout_check_free(c);
	return NULL;
}

void
rollout_check_cancel(struct rollout_check *c)
{
	c->rollout = NULL;
}
