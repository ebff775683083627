/*
 * The store against a model that is too simple to be wrong: an array of what is durable, and the turn's changes in
 * order of time, applied one after another. Seeded, so that a failure repeats.
 */
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 40, LISTS = 6, OPS = 60, VALUE_SIZE = 8 };

struct value {
	bool is_there;
	char text[VALUE_SIZE];
};

struct op {
	unsigned list;
	unsigned key;
	struct value value;
};

struct model {
	struct value durable[KEYS];
	struct op ops[OPS];
	size_t n_ops;
	bool failed[LISTS];
	bool builds_on[LISTS][LISTS]; /* [newer][older] */
};

static struct tmp_store t;

static void
setup(void)
{
	tmp_store_init(&t, 0);
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(store_model, .init = setup, .fini = teardown);

/* Keys are one prefix of another, so that order by length is tried too. */
static void
key_text(unsigned key, char ret[16])
{
	snprintf(ret, 16, "%.*s%u", (int)(key % 3), "kk", key / 3);
}

static void
model_view(const struct model *m, struct value ret[KEYS])
{
	memcpy(ret, m->durable, sizeof(m->durable));
	for (size_t i = 0; i < m->n_ops; i++)
		if (!m->failed[m->ops[i].list])
			ret[m->ops[i].key] = m->ops[i].value;
}

static void
model_change(struct model *m, unsigned list, unsigned key, const struct value *value)
{
	if (m->failed[list])
		return;
	for (size_t i = m->n_ops; i-- > 0;) {
		const struct op *op = &m->ops[i];

		if (op->key != key || m->failed[op->list])
			continue;
		m->builds_on[list][op->list] = true;
		break;
	}
	m->ops[m->n_ops++] = (struct op){ .list = list, .key = key, .value = *value };
}

static void
model_commit(struct model *m)
{
	for (int round = 0; round < LISTS; round++)
		for (unsigned newer = 0; newer < LISTS; newer++)
			for (unsigned older = 0; older < LISTS; older++)
				if (m->builds_on[newer][older] && m->failed[older])
					m->failed[newer] = true;
	model_view(m, m->durable);
	m->n_ops = 0;
	memset(m->failed, 0, sizeof(m->failed));
	memset(m->builds_on, 0, sizeof(m->builds_on));
}

/* The key next to @key in @view: behind it, at or behind it, or before it; -1: none. */
static int
model_seek(const struct value view[KEYS], const char *key, bool after, bool before)
{
	int best = -1;
	char best_text[16] = "";

	for (unsigned i = 0; i < KEYS; i++) {
		char text[16];
		int diff;

		key_text(i, text);
		diff = strcmp(text, key);
		if (!view[i].is_there || (before ? (diff >= 0 && *key) : (after ? diff <= 0 : diff < 0)))
			continue;
		diff = strcmp(text, best_text);
		if (best < 0 || (before ? diff > 0 : diff < 0)) {
			best = (int)i;
			memcpy(best_text, text, sizeof(text));
		}
	}
	return best;
}

static void
check_found(int rc, const struct buf *key, const struct buf *value, int expected, const struct value view[KEYS],
	const char *what)
{
	char text[16];

	cr_assert_eq(rc, expected >= 0, "%s", what);
	if (expected < 0)
		return;
	key_text((unsigned)expected, text);
	cr_assert_str_eq(buf_str(key), text, "%s", what);
	cr_assert_str_eq(buf_str(value), view[expected].text, "%s", what);
}

/* A walk over keys alone, as far as it has come. */
struct walked {
	const struct value *view;
	const char *end;
	char at[16];
	bool after;
	unsigned told, stop_at;
};

static bool
check_key(const void *key, size_t len, void *arg)
{
	struct walked *w = arg;
	char text[16] = "";
	int expected = model_seek(w->view, w->at, w->after, false);

	cr_assert_geq(expected, 0);
	key_text((unsigned)expected, text);
	cr_assert_eq(len, strlen(text));
	cr_assert_arr_eq(key, text, len);
	cr_assert(!*w->end || strcmp(text, w->end) < 0);
	memcpy(w->at, text, sizeof(text));
	w->after = true;
	return ++w->told != w->stop_at;
}

/* From one key to another, and with a pause. */
static void
compare_walk(const struct value view[KEYS], const char *from, const char *to, unsigned stop_at)
{
	_cleanup_buf_ struct buf start = BUF_INIT;
	_cleanup_buf_ struct buf end = BUF_INIT;
	struct walked w = { .view = view, .end = to, .stop_at = stop_at };
	int next, rc;

	buf_add_str(&start, from);
	buf_add_str(&end, to);
	memcpy(w.at, from, strlen(from) + 1);
	rc = store_walk_keys(t.store, STORE_TOKEN, &start, false, &end, check_key, &w, NULL);
	if (rc == 1) {
		buf_reset(&start);
		buf_add_str(&start, w.at);
		rc = store_walk_keys(t.store, STORE_TOKEN, &start, true, &end, check_key, &w, NULL);
	}
	cr_assert_eq(rc, 0);
	next = model_seek(view, w.at, w.after, false);
	if (next >= 0) {
		char text[16];

		key_text((unsigned)next, text);
		cr_assert(*to && strcmp(text, to) >= 0, "'%s' was left out", text);
	}
}

static void
compare_view(const struct model *m)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct value view[KEYS];

	model_view(m, view);
	for (unsigned i = 0; i < KEYS; i++) {
		char text[16];
		int rc;

		key_text(i, text);
		buf_reset(&value);
		rc = store_get(t.store, STORE_TOKEN, text, strlen(text), &value, NULL);
		cr_assert_eq(rc, view[i].is_there, "%s", text);
		if (rc)
			cr_assert_str_eq(buf_str(&value), view[i].text, "%s", text);
		rc = store_next(t.store, STORE_TOKEN, text, strlen(text), false, &key, &value, NULL);
		check_found(rc, &key, &value, model_seek(view, text, false, false), view, "at");
		rc = store_next(t.store, STORE_TOKEN, text, strlen(text), true, &key, &value, NULL);
		check_found(rc, &key, &value, model_seek(view, text, true, false), view, "after");
		rc = store_prev(t.store, STORE_TOKEN, text, strlen(text), &key, &value, NULL);
		check_found(rc, &key, &value, model_seek(view, text, false, true), view, "before");
		compare_walk(view, text, "", i % 7);
		compare_walk(view, "", text, i % 5);
	}
	check_found(store_next(t.store, STORE_TOKEN, "", 0, true, &key, &value, NULL), &key, &value,
		model_seek(view, "", false, false), view, "first");
	check_found(store_prev(t.store, STORE_TOKEN, "", 0, &key, &value, NULL), &key, &value,
		model_seek(view, "", false, true), view, "last");
}

static void
random_change(struct model *m, struct store_txn *const *lists)
{
	unsigned list = (unsigned)random() % LISTS;
	unsigned key = (unsigned)random() % KEYS;
	struct value value = { .is_there = random() % 3 > 0 };
	char text[16];

	key_text(key, text);
	if (value.is_there)
		snprintf(value.text, sizeof(value.text), "%ld", random() % 100000);
	model_change(m, list, key, &value);
	if (value.is_there)
		put_text(lists[list], STORE_TOKEN, text, value.text);
	else
		del_text(lists[list], STORE_TOKEN, text);
}

static void
one_turn(struct model *m, bool with_failures)
{
	struct store_txn *lists[LISTS];
	struct error refused = ERROR_INIT;

	for (unsigned i = 0; i < LISTS; i++)
		lists[i] = store_begin(t.store);
	error_set(&refused, ERROR_STATE, "refused");
	for (int i = 0; i < OPS; i++) {
		random_change(m, lists);
		if (with_failures && random() % 30 == 0) {
			unsigned list = (unsigned)random() % LISTS;

			m->failed[list] = true;
			store_fail(lists[list], &refused);
		}
		if (i % 10 == 0)
			compare_view(m);
	}
	error_clear(&refused);
	store_commit(t.store);
	model_commit(m);
	compare_view(m);
}

Test(store_model, reads_writes_and_failures_agree_with_the_model_over_many_turns, .timeout = 300)
{
	static struct model m;

	srandom(20250101);
	for (int turn = 0; turn < 60; turn++)
		one_turn(&m, turn % 2);
	tmp_store_reopen(&t);
	compare_view(&m);
}

Test(store_model, ten_thousand_changes_in_one_turn_are_walked_in_order_and_quickly, .timeout = 300)
{
	enum { N = 10000 };
	struct store_txn *txn = store_begin(t.store);
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	int found = 0;
	char text[16];

	for (unsigned i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "%05u", i * 7919 % N);
		put_text(i % 2 ? txn : store_begin(t.store), STORE_TOKEN, text, text);
	}
	while (store_next(t.store, STORE_TOKEN, key.data, key.len, true, &key, &value, NULL) == 1) {
		snprintf(text, sizeof(text), "%05d", found++);
		cr_assert_str_eq(buf_str(&key), text);
	}
	cr_expect_eq(found, N);
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), N);
}
