/*
 * Rolling back: an earlier certificate of the auto-certificate, or one that an imported certificate has replaced, is
 * deployed instead of the newest, as a new generation, because generations only grow. It stays until the newest is
 * asked for, or there is another certificate, and it is shown until one that was not rolled back is served.
 */
#include "daemon/rollout/rollout_back.h"

#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/rollout/rollout_private.h"

#include <string.h>

enum { CERTIFICATES_MAX = 1000 };

bool
rollout_is_rolled_back(const struct rollout_state *s)
{
	bool is_rolled_back = s->earlier;

	for (size_t i = 0; i < s->targets.count; i++)
		is_rolled_back = is_rolled_back || rollout_target_at(s, i)->earlier;
	return is_rolled_back;
}

bool
rollout_uses(const struct rollout_state *s, const char *certificate_id)
{
	bool is_used = (s->certificate && strcmp(s->certificate, certificate_id) == 0) ||
		       (s->earlier && strcmp(s->earlier, certificate_id) == 0);

	for (size_t i = 0; i < s->targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(s, i);

		is_used = is_used || (t->earlier && strcmp(t->earlier, certificate_id) == 0);
	}
	return is_used;
}

/* --- which certificate --- */

/* The imported certificates that @id has replaced, directly or through others, the latest first. Return: 0 or -1. */
static int
replaced_by(struct store *store, const char *id, struct strlist *ret, struct error *err)
{
	_cleanup_free_ char *next = xstrdup(id);

	while (next && ret->count < CERTIFICATES_MAX) {
		_cleanup_certificate_ struct certificate c = { 0 };

		if (object_peek(store, &certificate_class, next, &c, err) < 0)
			return -1;
		free(next);
		next = c.autocert ? NULL : xstrdup_null(c.replaces);
		if (next && strlist_has(ret, next))
			break;
		if (next)
			strlist_add(ret, next);
	}
	return 0;
}

/* Return: 1 it is one of the subject's, 0 it is not, -1 failed. */
static int
is_of_subject(struct store *store, const struct certificate *c, const char *subject_id, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (c->autocert)
		return strcmp(c->autocert, subject_id) == 0;
	if (replaced_by(store, subject_id, &ids, err) < 0)
		return -1;
	return strcmp(c->o.id, subject_id) == 0 || strlist_has(&ids, c->o.id);
}

/* Clients accept it. */
static int
check_good(const struct certificate *c, int64_t now, struct error *err)
{
	char when[TIME_RFC3339_SIZE];

	if (c->is_revoked || c->revoke_reason)
		return error_set(err, ERROR_STATE, "'%s' %s revoked", c->o.name, c->is_revoked ? "was" : "is to be");
	time_format_rfc3339(c->not_after_at, when);
	if (c->not_after_at <= now)
		return error_set(err, ERROR_STATE, "'%s' expired at %s", c->o.name, when);
	return 0;
}

int
rollout_check_earlier(
	struct store *store, const struct certificate *c, const char *subject_id, int64_t now, struct error *err)
{
	int is_own = is_of_subject(store, c, subject_id, err);

	if (is_own < 0)
		return -1;
	if (!is_own)
		return error_set(err, ERROR_INVALID,
			"'%s' was neither issued for this auto-certificate nor replaced by this certificate",
			c->o.name);
	return check_good(c, now, err);
}

static bool
has_names_of(const struct certificate *c, const struct certificate *current)
{
	for (size_t i = 0; i < current->names.count; i++)
		if (!strlist_has(&c->names, current->names.items[i]))
			return false;
	return true;
}

/*
 * Later than @best, and earlier than @current, which it could replace. Imported ones are in the order in which they
 * replaced each other: what was imported by mistake may be the older file.
 */
static bool
is_better(const struct certificate *c, const struct certificate *current, const struct certificate *best)
{
	if (strcmp(c->o.id, current->o.id) == 0 || !has_names_of(c, current))
		return false;
	if (!c->autocert)
		return !best->o.id[0];
	return c->not_before_at <= current->not_before_at && c->o.created_at <= current->o.created_at &&
	       (!best->o.id[0] || c->o.created_at > best->o.created_at);
}

int
rollout_find_earlier(struct store *store, const char *subject_id, const char *current_id, int64_t now,
	struct certificate *ret, struct error *err)
{
	_cleanup_certificate_ struct certificate current = { 0 };
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	int found = object_peek(store, &certificate_class, current_id, &current, err);

	if (found != 1)
		return found;
	if ((current.autocert ? object_referrers(store, &certificate_class, subject_id, CERTIFICATES_MAX, &ids, err)
			      : replaced_by(store, current_id, &ids, err)) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_certificate_ struct certificate c = { 0 };

		if (object_peek(store, &certificate_class, ids.items[i], &c, err) < 0)
			return -1;
		if (c.o.id[0] && is_better(&c, &current, ret) && check_good(&c, now, NULL) == 0)
			record_copy(&certificate_class, ret, &c);
	}
	return ret->o.id[0] != '\0';
}

/* --- doing it --- */

bool
rollout_share_files(const struct consumer *a, const struct consumer *b)
{
	return str_is_same(a->directory, b->directory);
}

/* Does a rollback of @only concern the consumer @id? */
static int
is_concerned(struct rollout *r, const char *id, const char *only, bool *ret, struct error *err)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_consumer_ struct consumer o = { 0 };

	*ret = !only || strcmp(id, only) == 0;
	if (*ret)
		return 0;
	if (object_peek(r->env.store, &consumer_class, id, &c, err) < 0 ||
		object_peek(r->env.store, &consumer_class, only, &o, err) < 0)
		return -1;
	*ret = rollout_share_files(&o, &c);
	return 0;
}

static int
reads_live(struct rollout *r, const char *id, bool *ret, struct error *err)
{
	_cleanup_consumer_ struct consumer c = { 0 };

	if (id && object_peek(r->env.store, &consumer_class, id, &c, err) < 0)
		return -1;
	*ret = !c.directory;
	return 0;
}

static int
set_earlier(struct rollout *r, struct rollout_state *s, const struct rollback *back, struct error *err)
{
	bool is_live;

	if (reads_live(r, back->consumer, &is_live, err) < 0)
		return -1;
	if (is_live) {
		str_replace(&s->earlier, back->certificate);
		rollout_restage_live(s);
	}
	for (size_t i = 0; i < s->targets.count; i++) {
		struct rollout_target *t = rollout_target_at(s, i);
		bool is_one;

		if (is_concerned(r, t->consumer, back->consumer, &is_one, err) < 0)
			return -1;
		if (!is_one)
			continue;
		rollout_restage_target(t);
		str_replace(&t->earlier, back->certificate);
	}
	return 0;
}

static void
report_rollback(struct rollout *r, struct store_txn *txn, const struct subject *subject, const struct rollback *back,
	const struct rollout_state *s)
{
	struct event_object object = { subject->type, subject->id, subject->name };
	_cleanup_consumer_ struct consumer c = { 0 };
	struct json_object *data = json_object_new_object();

	json_add_string(data, "certificate", back->certificate);
	json_add_string(data, "from", s->certificate);
	if (back->consumer && object_peek(r->env.store, &consumer_class, back->consumer, &c, NULL) == 1)
		json_add_string(data, "consumer", c.o.name);
	json_add_string(data, "by", back->by);
	if (back->why) {
		json_add_string(data, "code", error_code_name(back->why->code));
		json_add_string(data, "message", back->why->message);
	}
	event_emit(r->env.events, txn, EVENT_DEPLOY_ROLLED_BACK, &object, data,
		"the earlier certificate is deployed again%s%s%s%s", c.o.name ? " to " : "", c.o.name ? c.o.name : "",
		back->why ? ": " : "", back->why ? back->why->message : "");
}

int
rollout_roll_back(struct rollout *r, struct store_txn *txn, const struct rollback *back, int64_t now, struct error *err)
{
	_cleanup_rollout_state_ struct rollout_state old = { 0 };
	_cleanup_rollout_state_ struct rollout_state s = { 0 };
	_cleanup_subject_ struct subject subject = { .type = NULL };
	int rc = subject_load(r->env.store, back->subject, &subject, err) == 1 &&
				 rollout_load(r, back->subject, &old, err) == 1 &&
				 rollout_load(r, back->subject, &s, err) == 1 && set_earlier(r, &s, back, err) == 0
			 ? 0
			 : -1;

	if (rc == 0) {
		s.generation++;
		s.done_at = 0;
		s.rolled_back_at = now;
		if (back->why)
			error_copy(&s.rolled_back_why, back->why);
		else
			error_clear(&s.rolled_back_why);
		rollout_save(r, txn, back->subject, &old, &s);
		rollout_set_rows(r, txn, back->subject, &s, now);
		report_rollback(r, txn, &subject, back, &s);
	}
	return rc;
}

/* --- what must be kept --- */

/* "b" id of each subject of which an earlier certificate is deployed. */
static void
index_key(struct buf *key, const char *id)
{
	buf_reset(key);
	buf_printf(key, "b%s", id);
}

void
rollout_note_rollback(
	struct store_txn *txn, const char *subject_id, const struct rollout_state *old, const struct rollout_state *new)
{
	bool was = rollout_is_rolled_back(old), is = rollout_is_rolled_back(new);
	_cleanup_buf_ struct buf key = BUF_INIT;

	index_key(&key, subject_id);
	if (is && !was)
		store_put(txn, STORE_INDEX, key.data, key.len, NULL, 0);
	else if (was && !is)
		store_del(txn, STORE_INDEX, key.data, key.len);
}

int
rollout_needs(struct rollout *r, const char *certificate_id, struct error *err)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = 0;

	buf_add_char(&prefix, 'b');
	buf_add(&key, prefix.data, prefix.len);
	while (found == 0 && store_next_with(r->env.store, STORE_INDEX, &prefix, &key, NULL, err) == 1) {
		_cleanup_rollout_state_ struct rollout_state s = { 0 };

		found = rollout_load(r, buf_str(&key) + 1, &s, err);
		if (found == 1)
			found = rollout_uses(&s, certificate_id);
	}
	return error_is_set(err) ? -1 : found;
}

/* --- shown until it is over --- */

char *
rollout_rollback_text(struct store *store, const char *name, const struct rollout_state *s)
{
	char when[TIME_RFC3339_SIZE];
	_cleanup_free_ char *word = shell_word(name);
	_cleanup_free_ char *newest = NULL;
	_cleanup_certificate_ struct certificate cert = { 0 };
	const char *why = s->rolled_back_why.message;

	time_format_rfc3339(s->rolled_back_at, when);
	if (!rollout_is_rolled_back(s))
		return xasprintf("it was rolled back at %s, and its newer certificate is not served yet", when);
	if (object_peek(store, &certificate_class, s->certificate, &cert, NULL) == 1)
		newest = shell_word(cert.o.name);
	return xasprintf("it was rolled back at %s%s%s; to deploy the newest certificate again: certctl rollback %s "
			 "--to %s",
		when, why ? ": " : "", why ? why : "", word, newest ? newest : s->certificate);
}
