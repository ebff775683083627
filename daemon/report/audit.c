/*
 * The audit log: the content of a record, the limit for refusals, and the journal line that pins the head. A refused
 * caller can be refused without limit, so only refusals are limited. Callers that may change something are not, so that
 * recent changes are not displaced by further ones.
 */
#include "daemon/report/audit.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { MAX_REFUSED = 32, WINDOW_MS = 60 * 1000, HEAD_MS = 1000, REASON_MAX = 500, SLICE_RECORDS = 200 };
enum { YOUNG_SEC = 30 * 86400, YOUNG_FACTOR = 10 };

/* The caller and method whose refusals are counted. */
struct refused {
	char *who, *user_id, *method, *reason; /* owned */
	int64_t until_ms;
	int64_t times; /* not recorded yet */
};

/* A running verification. */
struct verification {
	struct audit *audit;
	struct audit_check check;
	struct loop_timer again;
	audit_verified_fn *done;
	void *arg;
	struct verification *prev, *next;
};

/* A record that waits for its commit. */
struct audit_pending {
	struct audit *audit;
	struct buf text;
	bool is_refusal;
};

struct audit {
	struct store *store;
	struct loop *loop;
	struct log *log;
	uint64_t max_records;
	struct loop_timer tell_head;
	struct loop_timer window;
	struct refused refused[MAX_REFUSED + 1]; /* the last one: all callers without an entry */
	size_t n_refused;
	struct verification *verifications;
};

/* --- records --- */

static void
tell_head(void *arg)
{
	struct audit *a = arg;
	struct audit_head head;
	char hash[AUDIT_HASH_TEXT_SIZE];
	char number[24];

	if (audit_head_read(a->store, &head, NULL) != 1)
		return;
	audit_hash_text(head.hash, hash);
	snprintf(number, sizeof(number), "%" PRIu64, head.last);
	log_write(a->log, LOG_LEVEL_INFO,
		(const struct log_field[]){ { "CERTD_AUDIT_NUMBER", number }, { "CERTD_AUDIT_HASH", hash } }, 2,
		"audit log: record %s has the hash %s", number, hash);
}

/* An object with what every record has. */
static struct json_object *
record_new(const struct audit *a, const char *who, const char *user_id, const char *method, const char *outcome)
{
	struct json_object *o = json_object_new_object();

	json_add_time(o, "time", loop_now(a->loop));
	json_add_string(o, "who", who);
	json_add_string(o, "userId", user_id);
	json_add_string(o, "method", method);
	json_add_string(o, "outcome", outcome);
	return o;
}

static void
audit_add_object(struct json_object *record, const struct event_object *object)
{
	struct json_object *o;

	if (!object->type && !object->id && !object->name)
		return;
	o = json_object_new_object();
	json_add_string(o, "type", object->type);
	json_add_string(o, "id", object->id);
	json_add_string(o, "name", object->name);
	json_object_object_add(record, "object", o);
}

/* When that record was written; 0: it cannot be read. */
static int64_t
time_of(struct audit *a, uint64_t number)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *record = NULL;
	unsigned char hash[AUDIT_HASH_LEN];
	const char *time = NULL;
	int64_t at = 0;

	if (audit_chain_get(a->store, number, &text, hash, NULL) != 1)
		return 0;
	record = json_parse(text.data, text.len, NULL);
	if (!record || json_get_string(record, "time", &time, NULL) != 1 || time_parse_rfc3339(time, &at) < 0)
		return 0;
	return at;
}

/*
 * The number of records to keep after one more: of those beyond the limit, old enough ones are removed, a few at a
 * time. An unreadable one does not prevent the removal of others.
 */
static uint64_t
room(struct audit *a)
{
	static const uint64_t leaving[] = { 100, 2, 1 };
	int64_t young_since_at = loop_now(a->loop) - YOUNG_SEC;
	struct audit_head head;
	uint64_t count;

	if (audit_head_read(a->store, &head, NULL) != 1 || !head.first)
		return YOUNG_FACTOR * a->max_records;
	count = head.last - head.first + 1;
	for (size_t i = 0; i < ARRAY_SIZE(leaving); i++) {
		int64_t at;

		if (count + 1 < a->max_records + leaving[i])
			continue;
		at = time_of(a, head.first + leaving[i] - 1);
		if (at ? at < young_since_at : leaving[i] == 1)
			return count + 1 - leaving[i];
	}
	return YOUNG_FACTOR * a->max_records;
}

/* store_hook_fn: the record is added to the chain. */
static int
audit_append(struct store_txn *additions, void *arg, struct error *err)
{
	const struct audit_pending *p = arg;
	struct audit *a = p->audit;
	_cleanup_json_ struct json_object *damage = record_new(a, "certd", NULL, "audit", "damaged");
	_cleanup_buf_ struct buf damage_text = BUF_INIT;
	struct audit_head head;

	json_add_string(damage, "reason", "the head of the audit log did not verify; a new chain starts here");
	json_write(damage, &damage_text);
	if (audit_chain_append(a->store, additions, p->text.data, p->text.len, damage_text.data, room(a), &head, err) <
		0)
		return error_wrap(err, "audit log");
	return 0;
}

/* A refusal that cannot be stored is lost: no change depends on it. */
static void
audit_appended(const struct error *err, void *arg)
{
	struct audit_pending *p = arg;

	if (!err && !loop_timer_is_armed(&p->audit->tell_head))
		loop_timer_set(&p->audit->tell_head, HEAD_MS);
	if (err && p->is_refusal && err->code != ERROR_CANCELLED)
		log_error(p->audit->log, "a refusal was not recorded: %s", err->message);
	buf_clear(&p->text);
	free(p);
}

static void
audit_add(struct audit *a, struct store_txn *txn, struct json_object *record, bool is_refusal)
{
	struct audit_pending *p = xcalloc(1, sizeof(*p));

	p->audit = a;
	p->is_refusal = is_refusal;
	json_write(record, &p->text);
	store_at_commit(txn, audit_append, p);
	store_then(txn, audit_appended, p);
}

void
audit_change(struct audit *a, struct store_txn *txn, const struct audit_entry *entry)
{
	_cleanup_json_ struct json_object *record = record_new(a, entry->who, entry->user_id, entry->method, "done");

	audit_add_object(record, &entry->object);
	if (entry->changes && json_object_array_length(entry->changes))
		json_object_object_add(record, "changes", json_object_get(entry->changes));
	audit_add(a, txn, record, false);
}

/* --- refusals --- */

static void
refused_clear(struct refused *r)
{
	free(r->who);
	free(r->user_id);
	free(r->method);
	free(r->reason);
	*r = (struct refused){ .who = NULL };
}

static void
record_refusal(struct audit *a, const struct refused *r, const struct event_object *object, int64_t times)
{
	_cleanup_json_ struct json_object *record = record_new(a, r->who, r->user_id, r->method, "refused");

	if (object)
		audit_add_object(record, object);
	json_add_string(record, "reason", r->reason);
	if (times > 1)
		json_add_int(record, "times", times);
	audit_add(a, store_begin(a->store), record, true);
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct refused *
refused_find(struct audit *a, const struct audit_entry *entry)
{
	for (size_t i = 0; i < a->n_refused && i < MAX_REFUSED; i++) {
		struct refused *r = &a->refused[i];

		if (same_text(r->who, entry->who) && same_text(r->user_id, entry->user_id) &&
			same_text(r->method, entry->method))
			return r;
	}
	return a->n_refused > MAX_REFUSED ? &a->refused[MAX_REFUSED] : NULL;
}

static struct refused *
refused_add(struct audit *a, const struct audit_entry *entry, const char *reason)
{
	bool is_rest = a->n_refused == MAX_REFUSED;
	struct refused *r = &a->refused[a->n_refused++];

	r->who = xstrdup(is_rest ? "others" : entry->who);
	r->user_id = is_rest ? NULL : xstrdup_null(entry->user_id);
	r->method = xstrdup(is_rest ? "any" : entry->method);
	r->reason = xstrndup(reason, REASON_MAX);
	r->until_ms = clock_boot_ms(loop_clock(a->loop)) + WINDOW_MS;
	return r;
}

/* Writes the counts of finished windows, and closes windows without any. */
static void
windows_close(struct audit *a, bool is_end)
{
	int64_t now_ms = clock_boot_ms(loop_clock(a->loop));
	int64_t next_ms = INT64_MAX;
	size_t kept = 0;

	for (size_t i = 0; i < a->n_refused; i++) {
		struct refused r = a->refused[i];

		if (is_end || r.until_ms <= now_ms) {
			if (r.times)
				record_refusal(a, &r, NULL, r.times);
			if (is_end || !r.times) {
				refused_clear(&r);
				continue;
			}
			r.times = 0;
			r.until_ms = now_ms + WINDOW_MS;
		}
		a->refused[kept++] = r;
		if (r.until_ms < next_ms)
			next_ms = r.until_ms;
	}
	for (size_t i = kept; i < a->n_refused; i++)
		a->refused[i] = (struct refused){ .who = NULL };
	a->n_refused = kept;
	if (kept)
		loop_timer_set(&a->window, next_ms - now_ms);
}

static void
window_over(void *arg)
{
	windows_close(arg, false);
}

void
audit_refusal(struct audit *a, const struct audit_entry *entry, const char *reason)
{
	struct refused *r = refused_find(a, entry);

	if (r) {
		r->times++;
		return;
	}
	r = refused_add(a, entry, reason);
	record_refusal(a, r, &entry->object, 1);
	if (!loop_timer_is_armed(&a->window))
		loop_timer_set(&a->window, WINDOW_MS);
}

/* --- reading --- */

/* Return: the record with its number, owned by the caller; NULL: there is none. */
static struct json_object *
read_record(struct audit *a, uint64_t number)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char hash[AUDIT_HASH_LEN];
	char hash_text[AUDIT_HASH_TEXT_SIZE];
	int found = audit_chain_get(a->store, number, &text, hash, NULL);
	struct json_object *record = found == 1 ? json_parse(text.data, text.len, NULL) : NULL;

	if (!record) {
		record = json_object_new_object();
		json_add_bool(record, found ? "damaged" : "missing", true);
	} else {
		audit_hash_text(hash, hash_text);
		json_add_string(record, "hash", hash_text);
	}
	json_add_int(record, "number", (int64_t)number);
	return record;
}

struct json_object *
audit_list(struct audit *a, int64_t after, size_t limit, struct error *err)
{
	struct json_object *list;
	struct audit_head head;
	uint64_t from;

	if (audit_head_read(a->store, &head, err) < 0)
		return NULL;
	list = json_object_new_array();
	from = after >= 0 ? (uint64_t)after + 1 : head.last >= limit ? head.last - limit + 1 : 1;
	if (from < head.first)
		from = head.first;
	for (uint64_t n = from; head.first && n <= head.last && n - from < limit; n++)
		json_object_array_add(list, read_record(a, n));
	return list;
}

/* --- verifying --- */

static void
verification_end(struct verification *v, const struct error *err)
{
	DL_DELETE(v->audit->verifications, v);
	loop_timer_cancel(&v->again);
	v->done(&v->check, err, v->arg);
	free(v);
}

static void
verify_some(void *arg)
{
	struct verification *v = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int more = audit_check_step(v->audit->store, &v->check, SLICE_RECORDS, &err);

	if (more > 0)
		loop_timer_set(&v->again, 0);
	else
		verification_end(v, more < 0 ? &err : NULL);
}

void
audit_verify(struct audit *a, audit_verified_fn *done, void *arg)
{
	struct verification *v = xcalloc(1, sizeof(*v));

	v->audit = a;
	v->done = done;
	v->arg = arg;
	loop_timer_init(&v->again, a->loop, verify_some, v);
	loop_timer_set(&v->again, 0);
	DL_APPEND(a->verifications, v);
}

/* --- life --- */

struct audit *
audit_new(struct store *store, struct loop *loop, struct log *log, uint64_t max_records)
{
	struct audit *a = xcalloc(1, sizeof(*a));

	a->store = store;
	a->loop = loop;
	a->log = log;
	a->max_records = max_records;
	loop_timer_init(&a->tell_head, loop, tell_head, a);
	loop_timer_init(&a->window, loop, window_over, a);
	tell_head(a);
	return a;
}

void
audit_stop(struct audit *a)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (!a)
		return;
	windows_close(a, true);
	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (a->verifications)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		verification_end(a->verifications, &err);
}

void
audit_free(struct audit *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_refused; i++)
		refused_clear(&a->refused[i]);
	loop_timer_cancel(&a->tell_head);
	loop_timer_cancel(&a->window);
	free(a);
}
