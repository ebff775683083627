#include "daemon/report/audit_chain.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 40, FIRST = 21, LAST = 60, MUTATIONS = 10000, SEED = 20261121 };

static void
append(struct tmp_store *t, const char *text, uint64_t max, struct audit_head *ret)
{
	cr_assert_eq(audit_chain_append(
			     t->store, store_begin(t->store), text, strlen(text), "{\"damaged\":1}", max, ret, NULL),
		0);
}

/* Records FIRST to LAST; those before have left. */
static void
make_log(struct tmp_store *t)
{
	struct audit_head head;

	tmp_store_init(t, 0);
	for (int i = 1; i <= LAST; i++) {
		_cleanup_free_ char *text = xasprintf("{\"method\":\"provider.update\",\"n\":%d}", i);

		append(t, text, KEPT, &head);
	}
	store_commit(t->store);
	cr_assert_eq(head.first, FIRST);
	cr_assert_eq(head.last, LAST);
}

/* A few records at a time, as the daemon does. */
static void
verify(struct tmp_store *t, struct audit_check *check)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int more;

	*check = (struct audit_check){ .next = 0 };
	while ((more = audit_check_step(t->store, check, 7, &err)) == 1)
		;
	cr_assert_eq(more, 0, "%s", err.message);
}

/* --- mutations of what is stored --- */

struct key {
	unsigned char octets[8];
	size_t len;
};

static struct key
key_of(uint64_t number)
{
	struct key key = { .len = 8 };
	uint64_t be = htobe64(number);

	memcpy(key.octets, &be, sizeof(be));
	return key;
}

static struct key
key_of_head(void)
{
	return (struct key){ .octets = "head", .len = 4 };
}

static void
get(struct tmp_store *t, struct key key, struct buf *ret)
{
	buf_reset(ret);
	cr_assert_eq(store_get(t->store, STORE_AUDIT, key.octets, key.len, ret, NULL), 1);
}

static void
put(struct store_txn *txn, struct key key, const struct buf *value)
{
	store_put(txn, STORE_AUDIT, key.octets, key.len, value->data, value->len);
}

static void
del(struct store_txn *txn, struct key key)
{
	store_del(txn, STORE_AUDIT, key.octets, key.len);
}

static void
flip_a_bit(struct tmp_store *t, struct store_txn *txn, struct key key, uint32_t which)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	get(t, key, &value);
	which %= (uint32_t)value.len * 8;
	value.data[which / 8] = (char)(value.data[which / 8] ^ (1 << which % 8));
	put(txn, key, &value);
}

/* xorshift32: the same mutations in every run. */
static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint64_t
random_number(uint32_t *state)
{
	return FIRST + next_random(state) % KEPT;
}

enum mutation {
	FLIP,
	FLIP_HEAD,
	REMOVE,
	REMOVE_HEAD,
	SWAP,
	CUT_OFF,
	COPY_OVER,
	COPY_BEHIND,
	COPY_BEFORE,
	MUTATION_COUNT
};

static const char *const mutation_names[] = { "flip", "flip in the head", "remove", "remove the head", "swap",
	"cut off", "copy over another", "copy behind the end", "copy before the beginning" };

/* Return: the first number that is wrong afterwards; 0: the head. */
static uint64_t
mutate(struct tmp_store *t, struct store_txn *txn, enum mutation mutation, uint32_t *state)
{
	uint64_t a = random_number(state), b = random_number(state);
	_cleanup_buf_ struct buf value_a = BUF_INIT;
	_cleanup_buf_ struct buf value_b = BUF_INIT;

	b = a == b ? FIRST + (a - FIRST + 1) % KEPT : b;
	get(t, key_of(a), &value_a);
	get(t, key_of(b), &value_b);
	switch (mutation) {
	case FLIP:
		flip_a_bit(t, txn, key_of(a), next_random(state));
		return a;
	case FLIP_HEAD:
		flip_a_bit(t, txn, key_of_head(), next_random(state));
		return 0;
	case REMOVE:
		del(txn, key_of(a));
		return a;
	case REMOVE_HEAD:
		del(txn, key_of_head());
		return 0;
	case SWAP:
		put(txn, key_of(a), &value_b);
		put(txn, key_of(b), &value_a);
		return a < b ? a : b;
	case CUT_OFF:
		for (uint64_t n = a; n <= LAST; n++)
			del(txn, key_of(n));
		return a;
	case COPY_OVER:
		put(txn, key_of(b), &value_a);
		return b;
	case COPY_BEHIND:
		put(txn, key_of(LAST + 1 + b % 3), &value_a);
		return LAST + 1 + b % 3;
	case COPY_BEFORE:
		put(txn, key_of(1 + b % (FIRST - 1)), &value_a);
		return 1 + b % (FIRST - 1);
	case MUTATION_COUNT:
		break;
	}
	return 0;
}

Test(audit_chain, ten_thousand_single_mutations_are_all_found_and_the_first_bad_record_is_named)
{
	uint32_t state = SEED;
	unsigned counts[MUTATION_COUNT] = { 0 };
	struct audit_check check;
	struct tmp_store t;

	make_log(&t);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		/* Most are flips: there is most to flip. */
		uint32_t kind = next_random(&state) % (2 * MUTATION_COUNT);
		enum mutation mutation = kind < MUTATION_COUNT ? (enum mutation)kind : FLIP;
		struct store_txn *txn = store_begin(t.store);
		_cleanup_error_ struct error undone = ERROR_INIT;
		uint64_t bad = mutate(&t, txn, mutation, &state);

		verify(&t, &check);
		cr_assert(check.why[0], "mutation %u (%s) was not found", i, mutation_names[mutation]);
		cr_assert_eq(check.bad, bad, "mutation %u (%s) of %" PRIu64 " was found at %" PRIu64 ": %s", i,
			mutation_names[mutation], bad, check.bad, check.why);
		counts[mutation]++;
		error_set(&undone, ERROR_CANCELLED, "undone");
		store_fail(txn, &undone);
		store_commit(t.store);
	}
	for (size_t i = 0; i < MUTATION_COUNT; i++)
		cr_expect_gt(counts[i], MUTATIONS / 50, "%s", mutation_names[i]);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "", "what was undone is right again");
	tmp_store_clear(&t);
}

Test(audit_chain, a_log_that_nobody_touched_is_intact_however_long_it_gets)
{
	struct audit_check check;
	struct audit_head head;
	struct tmp_store t;

	tmp_store_init(&t, 0);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "", "nothing was ever recorded");
	for (int i = 0; i < 3 * KEPT; i++) {
		append(&t, "{}", KEPT, &head);
		verify(&t, &check);
		cr_assert_str_eq(check.why, "");
		cr_assert_eq(check.head.last, (uint64_t)i + 1);
	}
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_AUDIT), KEPT + 1);
	tmp_store_reopen(&t);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "", "after a restart");
	tmp_store_clear(&t);
}

Test(audit_chain, a_record_whose_commit_failed_is_in_no_chain)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct audit_check check;
	struct audit_head head;
	struct tmp_store t;
	struct store_txn *txn;

	make_log(&t);
	txn = store_begin(t.store);
	cr_assert_eq(audit_chain_append(t.store, txn, "{}", 2, "{}", KEPT, &head, NULL), 0);
	cr_expect_eq(head.last, LAST + 1);
	error_set(&err, ERROR_NO_SPACE, "full");
	store_fail(txn, &err);
	append(&t, "{}", KEPT, &head);
	cr_expect_eq(head.last, LAST + 1, "its number is free again");
	store_commit(t.store);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "");
	tmp_store_clear(&t);
}

Test(audit_chain, records_that_come_and_go_while_it_is_verified_are_no_damage)
{
	struct audit_check check = { .next = 0 };
	struct audit_head head;
	struct tmp_store t;
	int more;

	make_log(&t);
	for (int i = 0; (more = audit_check_step(t.store, &check, 5, NULL)) == 1; i++)
		for (int n = 0; i < 6 && n < KEPT / 3; n++)
			append(&t, "{}", KEPT, &head);
	cr_expect_eq(more, 0);
	cr_expect_str_eq(check.why, "");
	cr_expect_gt(head.last, LAST + KEPT);
	tmp_store_clear(&t);
}

Test(audit_chain, after_damage_to_the_head_it_goes_on_and_says_so)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char hash[AUDIT_HASH_LEN];
	struct audit_check check;
	struct audit_head head;
	struct tmp_store t;

	make_log(&t);
	flip_a_bit(&t, store_begin(t.store), key_of_head(), 100);
	append(&t, "{\"n\":61}", KEPT, &head);
	store_commit(t.store);
	cr_expect_eq(head.last, LAST + 2);
	cr_assert_eq(audit_chain_get(t.store, LAST + 1, &text, hash, NULL), 1);
	cr_expect_str_eq(buf_str(&text), "{\"damaged\":1}");
	cr_assert_eq(audit_chain_get(t.store, LAST + 2, &text, hash, NULL), 1);
	cr_expect_str_eq(buf_str(&text), "{\"n\":61}");
	verify(&t, &check);
	cr_expect_eq(check.bad, LAST + 1, "what was sealed before cannot be vouched for any more");
	tmp_store_clear(&t);
}

Test(audit_chain, a_log_that_was_put_back_verifies_but_has_not_the_hash_that_was_logged)
{
	unsigned char logged[AUDIT_HASH_LEN], hash[AUDIT_HASH_LEN];
	_cleanup_buf_ struct buf old_head = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct store_txn *txn;
	struct audit_check check;
	struct audit_head head;
	struct tmp_store t;

	make_log(&t);
	get(&t, key_of_head(), &old_head);
	append(&t, "{\"n\":61}", 2 * KEPT, &head);
	memcpy(logged, head.hash, sizeof(logged));
	store_commit(t.store);
	txn = store_begin(t.store);
	del(txn, key_of(LAST + 1));
	put(txn, key_of_head(), &old_head);
	append(&t, "{\"n\":62}", 2 * KEPT, &head);
	store_commit(t.store);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "");
	cr_assert_eq(audit_chain_get(t.store, LAST + 1, &text, hash, NULL), 1);
	cr_expect(memcmp(hash, logged, sizeof(hash)) != 0);
	tmp_store_clear(&t);
}

/* Two logs that are alike up to record 60, and parts of the one in the other. */
Test(audit_chain, records_of_another_log_are_found_by_what_follows_them)
{
	_cleanup_buf_ struct buf old_head = BUF_INIT, old_record = BUF_INIT, new_record = BUF_INIT;
	struct store_txn *txn;
	struct audit_check check;
	struct audit_head head;
	struct tmp_store t;

	make_log(&t);
	get(&t, key_of_head(), &old_head);
	append(&t, "{\"n\":61}", 2 * KEPT, &head);
	get(&t, key_of(LAST + 1), &old_record);
	put(store_begin(t.store), key_of_head(), &old_head);
	append(&t, "{\"n\":62}", 2 * KEPT, &head);
	get(&t, key_of(LAST + 1), &new_record);
	put(store_begin(t.store), key_of(LAST + 1), &old_record);
	verify(&t, &check);
	cr_expect_eq(check.bad, LAST + 1);
	cr_expect_str_eq(check.why, "it is not the last one that was recorded");
	txn = store_begin(t.store);
	put(txn, key_of(LAST + 1), &new_record);
	append(&t, "{\"n\":63}", 2 * KEPT, &head);
	verify(&t, &check);
	cr_expect_str_eq(check.why, "");
	put(store_begin(t.store), key_of(LAST + 1), &old_record);
	verify(&t, &check);
	cr_expect_eq(check.bad, LAST + 2);
	cr_expect_str_eq(check.why, "it does not follow the record before it");
	tmp_store_clear(&t);
}

/* SHA-256 of the domain with its NUL, the kind, the number, the hash of the record before, and the text. */
Test(audit_chain, the_hash_covers_kind_number_predecessor_and_text)
{
	static const struct {
		const char *texts[2];
		const char *hash; /* of the last one */
	} cases[] = {
		{ { "a", NULL }, "91102f022eb92e84fec86d3549f751747510e32164994d25bb3872c2030a53d8" },
		{ { "a", "b" }, "5ac7ac5ddc67bb37a8bce105685fcc7820f996b182e407da711f604e5c501d2d" },
		{ { "c", "b" }, "6ce13fbcabe0deeb8080831de15a9301aa13f48a1979d7ace231f5e99078cda9" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tmp_store t;
		struct audit_head head;
		char hash[2 * AUDIT_HASH_LEN + 1];

		tmp_store_init(&t, 0);
		for (size_t k = 0; k < 2 && cases[i].texts[k]; k++)
			append(&t, cases[i].texts[k], KEPT, &head);
		for (size_t k = 0; k < AUDIT_HASH_LEN; k++)
			snprintf(hash + 2 * k, 3, "%02x", head.hash[k]);
		cr_expect_str_eq(hash, cases[i].hash, "case %zu", i);
		tmp_store_clear(&t);
	}
}
