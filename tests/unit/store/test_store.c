/* The turn's lists and the commit that ends it. */
#include "tests/support/store_faults.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tmp_store t;

static void
setup(void)
{
	tmp_store_init(&t, 0);
	t.is_peculiar = true;
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(store, .init = setup, .fini = teardown);

static uint64_t
commits(void)
{
	struct store_stats stats;

	store_get_stats(t.store, &stats);
	return stats.commits;
}

Test(store, a_turn_is_seen_at_once_and_durable_after_its_one_commit)
{
	struct store_txn *a = store_begin(t.store);
	struct store_txn *b = store_begin(t.store);
	struct outcome done = { .calls = 0 };
	uint64_t before = commits();

	put_text(a, STORE_META, "k1", "one");
	put_text(b, STORE_PROVIDER, "k1", "other database");
	store_then(a, note_outcome, &done);
	cr_expect(has_text(t.store, STORE_META, "k1", "one"));
	cr_expect_eq(done.calls, 0);
	cr_expect(store_commit(t.store));
	cr_expect_eq(done.calls, 1);
	cr_expect_eq(done.code, ERROR_NONE);
	cr_expect_eq(commits(), before + 1);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "k1", "one"));
	cr_expect(has_text(t.store, STORE_PROVIDER, "k1", "other database"));
}

Test(store, what_is_not_committed_is_gone_and_told)
{
	struct outcome done = { .calls = 0 };
	struct store_txn *txn = store_begin(t.store);

	put_text(txn, STORE_META, "k", "v");
	store_then(txn, note_outcome, &done);
	tmp_store_reopen(&t);
	cr_expect_eq(done.calls, 1);
	cr_expect_eq(done.code, ERROR_CANCELLED);
	cr_expect_null(get_text(t.store, STORE_META, "k"));
}

Test(store, the_later_change_of_a_key_wins_whichever_list_it_is_in)
{
	struct store_txn *a = store_begin(t.store);
	struct store_txn *b = store_begin(t.store);

	put_text(a, STORE_META, "k", "a1");
	put_text(b, STORE_META, "k", "b");
	put_text(a, STORE_META, "k", "a2");
	put_text(b, STORE_META, "gone", "b");
	del_text(a, STORE_META, "gone");
	cr_expect(has_text(t.store, STORE_META, "k", "a2"));
	store_commit(t.store);
	cr_expect(has_text(t.store, STORE_META, "k", "a2"));
	cr_expect_null(get_text(t.store, STORE_META, "gone"));
}

Test(store, a_list_that_fails_takes_nothing_but_itself_along)
{
	static char long_key[600];
	struct error refused = ERROR_INIT;
	struct outcome outcomes[4] = { { .calls = 0 } };
	struct store_txn *txns[4];

	memset(long_key, 'k', sizeof(long_key) - 1);
	error_set(&refused, ERROR_STATE, "not now");
	for (size_t i = 0; i < 4; i++) {
		char key[2] = { (char)('a' + i), '\0' };

		txns[i] = store_begin(t.store);
		put_text(txns[i], STORE_META, key, "v");
		store_then(txns[i], note_outcome, &outcomes[i]);
	}
	put_text(txns[1], STORE_META, long_key, "v");
	store_fail(txns[2], &refused);
	error_clear(&refused);
	cr_expect_null(get_text(t.store, STORE_META, "b"), "changes of a failed list are not seen");
	store_commit(t.store);
	cr_expect_eq(outcomes[0].code, ERROR_NONE);
	cr_expect_eq(outcomes[1].code, ERROR_LIMIT);
	cr_expect_eq(outcomes[2].code, ERROR_STATE);
	cr_expect_str_eq(outcomes[2].message, "not now");
	cr_expect_eq(outcomes[3].code, ERROR_NONE);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "a", "v"));
	cr_expect_null(get_text(t.store, STORE_META, "b"));
	cr_expect_null(get_text(t.store, STORE_META, "c"));
	cr_expect(has_text(t.store, STORE_META, "d", "v"));
}

Test(store, a_list_that_builds_on_a_failed_one_fails_too)
{
	struct error refused = ERROR_INIT;
	struct outcome outcomes[3] = { { .calls = 0 } };
	struct store_txn *first;
	struct store_txn *second;
	struct store_txn *third;

	first = store_begin(t.store);
	put_text(first, STORE_META, "k", "old");
	store_commit(t.store);
	first = store_begin(t.store);
	second = store_begin(t.store);
	third = store_begin(t.store);
	store_then(first, note_outcome, &outcomes[0]);
	store_then(second, note_outcome, &outcomes[1]);
	store_then(third, note_outcome, &outcomes[2]);
	put_text(first, STORE_META, "k", "first");
	put_text(second, STORE_META, "k", "second");
	put_text(third, STORE_META, "other", "third");
	store_rely_on(third, STORE_META, "k", 1);
	error_set(&refused, ERROR_INVALID, "refused");
	store_fail(first, &refused);
	error_clear(&refused);
	store_commit(t.store);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(outcomes[i].code, ERROR_INVALID, "list %zu", i);
	cr_expect(has_text(t.store, STORE_META, "k", "old"));
	cr_expect_null(get_text(t.store, STORE_META, "other"));
}

/* A hook that adds the next number to a list in one record: "1", "12", "123", ... */
struct numbering {
	unsigned calls;
	bool fails;
};

static int
add_number(struct store_txn *additions, void *arg, struct error *err)
{
	struct numbering *n = arg;
	_cleanup_buf_ struct buf text = BUF_INIT;

	n->calls++;
	if (n->fails)
		return error_set(err, ERROR_IO, "the end of the chain cannot be read");
	cr_assert_geq(store_get(t.store, STORE_AUDIT, "chain", 5, &text, NULL), 0);
	buf_printf(&text, "%zu", text.len + 1);
	put_text(additions, STORE_AUDIT, "chain", buf_str(&text));
	store_counter_add(additions, STORE_AUDIT, 0, 1);
	return 0;
}

static struct store_txn *
begin_numbered(struct numbering *n, const char *key, struct outcome *outcome)
{
	struct store_txn *txn = store_begin(t.store);

	put_text(txn, STORE_META, key, "v");
	store_at_commit(txn, add_number, n);
	store_then(txn, note_outcome, outcome);
	return txn;
}

Test(store, what_a_list_adds_at_its_commit_goes_with_it_alone)
{
	struct error refused = ERROR_INIT;
	struct outcome outcomes[4] = { { .calls = 0 } };
	struct numbering numbers[4] = { { .calls = 0 }, { .calls = 0 }, { .fails = true }, { .calls = 0 } };
	struct store_txn *failing;

	begin_numbered(&numbers[0], "a", &outcomes[0]);
	failing = begin_numbered(&numbers[1], "b", &outcomes[1]);
	begin_numbered(&numbers[2], "c", &outcomes[2]);
	begin_numbered(&numbers[3], "d", &outcomes[3]);
	error_set(&refused, ERROR_STATE, "not now");
	store_fail(failing, &refused);
	error_clear(&refused);
	cr_expect_null(get_text(t.store, STORE_AUDIT, "chain"), "nothing is added before the commit");
	store_commit(t.store);
	cr_expect_eq(outcomes[0].code, ERROR_NONE);
	cr_expect_eq(outcomes[1].code, ERROR_STATE);
	cr_expect_eq(outcomes[2].code, ERROR_IO);
	cr_expect_eq(outcomes[3].code, ERROR_NONE);
	cr_expect_eq(numbers[1].calls, 0, "a list that failed before is not asked");
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_AUDIT, "chain", "12"));
	cr_expect_eq(store_counter(t.store, STORE_AUDIT, 0), 2);
	cr_expect(has_text(t.store, STORE_META, "a", "v"));
	cr_expect_null(get_text(t.store, STORE_META, "c"));
	cr_expect(has_text(t.store, STORE_META, "d", "v"));
}

struct chain {
	unsigned calls;
};

static void
begin_another(const struct error *err, void *arg)
{
	struct chain *chain = arg;
	struct store_txn *txn = store_begin(t.store);
	char key[16];

	cr_expect_null(err);
	snprintf(key, sizeof(key), "chain%u", chain->calls);
	put_text(txn, STORE_META, key, "v");
	if (++chain->calls < 3)
		store_then(txn, begin_another, chain);
}

Test(store, functions_begin_lists_of_the_next_commit)
{
	struct chain chain = { .calls = 0 };

	store_then(store_begin(t.store), begin_another, &chain);
	while (store_commit(t.store))
		;
	cr_expect_eq(chain.calls, 3);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "chain2", "v"));
}

static void
forget_it(const struct error *err, void *arg)
{
	(void)err;
	store_forget(t.store, arg);
}

Test(store, functions_run_in_order_and_forgotten_ones_do_not)
{
	struct outcome before = { .calls = 0 };
	struct outcome during = { .calls = 0 };
	struct store_txn *txn = store_begin(t.store);

	store_then(txn, note_outcome, &before);
	store_then(txn, forget_it, &during);
	store_then(txn, note_outcome, &during);
	store_forget(t.store, &before);
	cr_expect(store_commit(t.store));
	cr_expect_eq(before.calls, 0);
	cr_expect_eq(during.calls, 0);
	cr_expect_not(store_commit(t.store), "nothing is left");
}

Test(store, an_empty_turn_writes_nothing)
{
	uint64_t before = commits();
	struct outcome done = { .calls = 0 };

	cr_expect_not(store_commit(t.store));
	store_then(store_begin(t.store), note_outcome, &done);
	cr_expect(store_commit(t.store));
	cr_expect_eq(done.calls, 1);
	cr_expect_eq(commits(), before);
}

Test(store, a_turn_of_relaxed_lists_alone_can_wait_and_is_whole_when_it_is_written)
{
	struct store_txn *patient, *relaxed, *urgent;

	cr_expect_eq(store_patience_ms(t.store), -1);
	patient = store_begin(t.store);
	put_text(patient, STORE_META, "patient", "v");
	store_relax(patient, 10);
	relaxed = store_begin(t.store);
	store_relax(relaxed, 2);
	cr_expect_eq(store_patience_ms(t.store), 2);
	cr_expect(has_text(t.store, STORE_META, "patient", "v"), "it is seen at once");
	urgent = store_begin(t.store);
	put_text(urgent, STORE_META, "urgent", "v");
	cr_expect_eq(store_patience_ms(t.store), 0);
	store_commit(t.store);
	cr_expect_eq(store_patience_ms(t.store), -1);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "patient", "v"));
	cr_expect(has_text(t.store, STORE_META, "urgent", "v"));
}

Test(store, counters_add_up_over_lists_and_leave_failed_ones_out)
{
	struct error refused = ERROR_INIT;
	struct store_txn *a = store_begin(t.store);
	struct store_txn *b = store_begin(t.store);
	struct store_txn *c = store_begin(t.store);

	store_counter_add(a, STORE_PROVIDER, 1, 5);
	store_counter_add(a, STORE_PROVIDER, 1, -1);
	store_counter_add(b, STORE_PROVIDER, 1, 100);
	store_counter_add(c, STORE_PROVIDER, 1, 10);
	store_counter_add(c, STORE_CONSUMER, 1, 7);
	error_set(&refused, ERROR_STATE, "no");
	store_fail(b, &refused);
	error_clear(&refused);
	cr_expect_eq(store_counter(t.store, STORE_PROVIDER, 1), 14);
	store_commit(t.store);
	cr_expect_eq(store_counter(t.store, STORE_PROVIDER, 1), 14);
	tmp_store_reopen(&t);
	cr_expect_eq(store_counter(t.store, STORE_PROVIDER, 1), 14);
	cr_expect_eq(store_counter(t.store, STORE_CONSUMER, 1), 7);
	cr_expect_eq(store_counter(t.store, STORE_CONSUMER, 0), 0);
}

Test(store, ids_are_version_4_uuids_and_differ)
{
	char a[STORE_ID_SIZE];
	char b[STORE_ID_SIZE];

	store_new_id(a);
	store_new_id(b);
	cr_expect_str_neq(a, b);
	cr_expect_eq(strlen(a), 36);
	cr_expect_eq(a[14], '4');
	cr_expect_not_null(strchr("89ab", a[19]));
}

Test(store, a_commit_at_once_says_whether_it_is_durable_and_why_not)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn = store_begin(t.store);

	put_text(txn, STORE_PROVIDER, "a", "1");
	cr_expect_eq(store_commit_now(t.store, txn, &err), 0);
	cr_expect_not(error_is_set(&err));
	cr_expect(has_text(t.store, STORE_PROVIDER, "a", "1"));
	txn = store_begin(t.store);
	put_text(txn, STORE_PROVIDER, "a", "2");
	store_faults_begin(0, true);
	cr_expect_eq(store_commit_now(t.store, txn, &err), -1);
	cr_expect_eq(err.code, ERROR_IO);
	cr_expect_str_eq(err.message, "a write " STORE_FAULT);
	txn = store_begin(t.store);
	put_text(txn, STORE_PROVIDER, "a", "3");
	cr_expect_eq(store_commit_now(t.store, txn, NULL), -1, "whether anybody wants to know why or not");
	store_faults_end();
	cr_expect(has_text(t.store, STORE_PROVIDER, "a", "1"));
}

Test(store, a_read_that_fails_is_not_taken_for_the_end)
{
	_cleanup_buf_ struct buf key = BUF_INIT, value = BUF_INIT;
	struct store_txn *txn = store_begin(t.store);

	put_text(txn, STORE_PROVIDER, "a", "1");
	put_text(txn, STORE_PROVIDER, "b", "2");
	store_commit(t.store);
	for (int i = 0; i < 3; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		store_faults_begin(1, false);
		rc = i == 0   ? store_get(t.store, STORE_PROVIDER, "a", 1, &value, &err)
		     : i == 1 ? store_next(t.store, STORE_PROVIDER, "a", 1, true, &key, &value, &err)
			      : store_prev(t.store, STORE_PROVIDER, "b", 1, &key, &value, &err);
		cr_expect(store_faults_end());
		cr_expect_eq(rc, -1, "%d", i);
		cr_expect_eq(err.code, ERROR_IO, "%d", i);
	}
	/* What the turn has in memory does not hide that the rest is unknown. */
	del_text(store_begin(t.store), STORE_PROVIDER, "b");
	store_faults_begin(2, false);
	cr_expect_eq(store_next(t.store, STORE_PROVIDER, "a", 1, true, &key, &value, NULL), -1);
	store_faults_end();
	cr_expect_eq(store_next(t.store, STORE_PROVIDER, "a", 1, true, &key, &value, NULL), 0);
}
