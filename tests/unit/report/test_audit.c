#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/report/audit.h"
#include "tests/support/store_faults.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOW = 1700000000 };

struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct audit *audit;
};

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
rig_init(struct rig *r)
{
	*r = (struct rig){ .clock = clock_new_virtual(NOW) };
	tmp_store_init(&r->t, 0);
	r->loop = loop_new(r->clock);
	loop_set_turn_end(r->loop, turn_end, r->t.store);
	r->log = log_new(LOG_LEVEL_ERROR);
	r->audit = audit_new(r->t.store, r->loop, r->log, 1000);
}

static void
rig_clear(struct rig *r)
{
	audit_stop(r->audit);
	store_commit(r->t.store);
	audit_free(r->audit);
	loop_free(r->loop);
	log_free(r->log);
	clock_free(r->clock);
	tmp_store_clear(&r->t);
}

static void
pass(struct rig *r, int64_t sec)
{
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + sec, NULL), 0);
}

static void
refuse(struct rig *r, const char *who, const char *method)
{
	audit_refusal(r->audit, &(struct audit_entry){ .who = who, .user_id = "5", .method = method }, "no");
}

static struct json_object *
all(struct rig *r)
{
	struct json_object *list;

	store_commit(r->t.store);
	list = audit_list(r->audit, 0, 1000, NULL);

	cr_assert_not_null(list);
	return list;
}

static const char *
text_at(struct json_object *list, size_t i, const char *member)
{
	const char *text = NULL;

	return json_get_string(json_object_array_get_idx(list, i), member, &text, NULL) == 1 ? text : "";
}

static int64_t
times_at(struct json_object *list, size_t i)
{
	int64_t times = 1;

	json_get_int(json_object_array_get_idx(list, i), "times", 0, INT64_MAX, &times, NULL);
	return times;
}

Test(audit, a_change_says_who_what_when_and_from_what_to_what)
{
	_cleanup_json_ struct json_object *changes = NULL;
	_cleanup_json_ struct json_object *list = NULL;
	const char *text = "[{\"field\":\"email\",\"old\":\"a@b.c\",\"new\":\"d@e.f\"}]";
	struct rig r;

	rig_init(&r);
	changes = json_parse(text, strlen(text), NULL);
	audit_change(r.audit, store_begin(r.t.store),
		&(struct audit_entry){ .who = "uid:7",
			.user_id = "7",
			.method = "provider.update",
			.object = { "provider", "id-1", "le" },
			.changes = changes });
	pass(&r, 2);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 1);
	json_object_object_del(json_object_array_get_idx(list, 0), "hash");
	cr_expect_str_eq(json_object_to_json_string_ext(json_object_array_get_idx(list, 0),
				 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		"{\"time\":\"2023-11-14T22:13:20Z\",\"who\":\"uid:7\",\"userId\":\"7\","
		"\"method\":\"provider.update\",\"outcome\":\"done\","
		"\"object\":{\"type\":\"provider\",\"id\":\"id-1\",\"name\":\"le\"},"
		"\"changes\":[{\"field\":\"email\",\"old\":\"a@b.c\",\"new\":\"d@e.f\"}],\"number\":1}");
	rig_clear(&r);
}

Test(audit, a_change_that_fails_leaves_no_record_and_takes_no_other_along)
{
	_cleanup_json_ struct json_object *list = NULL;
	_cleanup_error_ struct error failure = ERROR_INIT;
	struct store_txn *failing;
	struct audit_check check;
	struct rig r;

	rig_init(&r);
	error_set(&failure, ERROR_STATE, "refused later");
	audit_change(r.audit, store_begin(r.t.store), &(struct audit_entry){ .who = "uid:1", .method = "first" });
	failing = store_begin(r.t.store);
	audit_change(r.audit, failing, &(struct audit_entry){ .who = "uid:2", .method = "failing" });
	audit_change(r.audit, store_begin(r.t.store), &(struct audit_entry){ .who = "uid:3", .method = "last" });
	store_fail(failing, &failure);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 2);
	cr_expect_str_eq(text_at(list, 0, "method"), "first");
	cr_expect_str_eq(text_at(list, 1, "method"), "last");
	check = (struct audit_check){ .next = 0 };
	cr_expect_eq(audit_check_step(r.t.store, &check, 10, NULL), 0);
	cr_expect_str_empty(check.why);
	rig_clear(&r);
}

Test(audit, a_flood_of_refusals_is_one_record_at_once_and_one_a_minute)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct rig r;

	rig_init(&r);
	for (int second = 0; second < 120; second++) {
		for (int i = 0; i < 100; i++)
			refuse(&r, "uid:5", "provider.create");
		pass(&r, 1);
	}
	pass(&r, 180);
	refuse(&r, "uid:5", "provider.create");
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 4);
	cr_expect_eq(times_at(list, 0), 1);
	cr_expect_eq(times_at(list, 1) + times_at(list, 2), 12000 - 1, "none is forgotten");
	cr_expect_eq(times_at(list, 3), 1, "a new one after a quiet minute is told at once");
	rig_clear(&r);
}

Test(audit, refusals_of_different_people_or_methods_are_told_apart)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 3; i++) {
		refuse(&r, "uid:5", "provider.create");
		refuse(&r, "uid:6", "provider.create");
		refuse(&r, "uid:5", "provider.delete");
	}
	pass(&r, 300);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 6);
	for (size_t i = 3; i < 6; i++)
		cr_expect_eq(times_at(list, i), 2);
	rig_clear(&r);
}

Test(audit, ever_new_names_cannot_make_ever_new_records)
{
	_cleanup_json_ struct json_object *list = NULL;
	int64_t times = 0;
	size_t n;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 5000; i++) {
		_cleanup_free_ char *who = xasprintf("uid:%d", i);

		refuse(&r, who, "provider.create");
	}
	pass(&r, 300);
	list = all(&r);
	n = json_object_array_length(list);
	cr_expect_leq(n, 40);
	for (size_t i = 0; i < n; i++)
		times += times_at(list, i);
	cr_expect_eq(times, 5000);
	cr_expect_str_eq(text_at(list, n - 1, "who"), "others");
	rig_clear(&r);
}

Test(audit, what_was_counted_is_written_when_certd_stops)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 10; i++)
		refuse(&r, "uid:5", "provider.create");
	audit_stop(r.audit);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 2);
	cr_expect_eq(times_at(list, 1), 9);
	rig_clear(&r);
}

Test(audit, pages_go_on_behind_a_number)
{
	_cleanup_json_ struct json_object *last = NULL;
	_cleanup_json_ struct json_object *page = NULL;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 30; i++)
		audit_change(r.audit, store_begin(r.t.store),
			&(struct audit_entry){ .who = "uid:7", .method = "provider.update" });
	store_commit(r.t.store);
	last = audit_list(r.audit, -1, 4, NULL);
	page = audit_list(r.audit, 10, 5, NULL);
	cr_assert_eq(json_object_array_length(last), 4);
	cr_assert_eq(json_object_array_length(page), 5);
	for (int i = 0; i < 5; i++) {
		int64_t number = 0;

		json_get_int(json_object_array_get_idx(page, (size_t)i), "number", 0, 100, &number, NULL);
		cr_expect_eq(number, 11 + i);
	}
	rig_clear(&r);
}

static void
note_verified(const struct audit_check *check, const struct error *err, void *arg)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->code = err ? err->code : check->why[0] ? ERROR_CORRUPT : ERROR_NONE;
}

Test(audit, it_is_verified_in_turns_and_told_once_even_when_certd_stops)
{
	struct outcome whole = { 0 }, stopped = { 0 };
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 500; i++)
		audit_change(r.audit, store_begin(r.t.store),
			&(struct audit_entry){ .who = "uid:7", .method = "provider.update" });
	audit_verify(r.audit, note_verified, &whole);
	cr_expect_eq(whole.calls, 0);
	pass(&r, 1);
	cr_expect_eq(whole.calls, 1);
	cr_expect_eq(whole.code, ERROR_NONE);
	audit_verify(r.audit, note_verified, &stopped);
	audit_stop(r.audit);
	cr_expect_eq(stopped.calls, 1);
	cr_expect_eq(stopped.code, ERROR_CANCELLED);
	rig_clear(&r);
}

static void
change_often(struct rig *r, int times)
{
	const struct audit_entry entry = { .who = "uid:5", .user_id = "5", .method = "autoCertificate.pause" };

	for (int i = 0; i < times; i++)
		audit_change(r->audit, store_begin(r->t.store), &entry);
	store_commit(r->t.store);
}

static void
expect_records(struct rig *r, uint64_t first, uint64_t last)
{
	struct audit_head head;

	cr_assert_eq(audit_head_read(r->t.store, &head, NULL), 1);
	cr_expect_eq(head.first, first, "%llu", (unsigned long long)head.first);
	cr_expect_eq(head.last, last, "%llu", (unsigned long long)head.last);
}

Test(audit, what_was_done_lately_is_not_driven_out_by_doing_more)
{
	struct rig r;

	rig_init(&r);
	audit_free(r.audit);
	r.audit = audit_new(r.t.store, r.loop, r.log, 50);
	change_often(&r, 120);
	expect_records(&r, 1, 120);
	change_often(&r, 480);
	expect_records(&r, 101, 600); /* ten times as many are the end of it */
	clock_advance_ms(r.clock, (int64_t)31 * 86400 * 1000);
	change_often(&r, 1);
	expect_records(&r, 201, 601); /* a hundred at a time: no change waits for all of them */
	change_often(&r, 30);
	expect_records(&r, 555, 631);
	change_often(&r, 100);
	expect_records(&r, 601, 731); /* the old ones are gone, and no other */
	rig_clear(&r);
}

Test(audit, the_object_is_named_as_far_as_it_is_known)
{
	static const struct {
		struct event_object object;
		const char *text; /* NULL: none */
	} cases[] = {
		{ { "provider", "id-1", "le" }, "{\"type\":\"provider\",\"id\":\"id-1\",\"name\":\"le\"}" },
		{ { "provider", NULL, NULL }, "{\"type\":\"provider\"}" },
		{ { NULL, "id-1", NULL }, "{\"id\":\"id-1\"}" },
		{ { NULL, NULL, "le" }, "{\"name\":\"le\"}" },
		{ { NULL, NULL, NULL }, NULL },
	};
	struct rig r;
	_cleanup_json_ struct json_object *list = NULL;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		audit_change(r.audit, store_begin(r.t.store),
			&(struct audit_entry){ .who = "uid:7",
				.user_id = "7",
				.method = "provider.update",
				.object = cases[i].object });
	pass(&r, 2);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *object = json_path(json_object_array_get_idx(list, i), "object");

		cr_expect_str_eq(object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : "none",
			cases[i].text ? cases[i].text : "none", "case %zu", i);
	}
	rig_clear(&r);
}

static void
spoil_record(struct rig *r, uint64_t number, bool is_removed)
{
	uint64_t key = htobe64(number);
	struct store_txn *txn = store_begin(r->t.store);

	if (is_removed)
		store_del(txn, STORE_AUDIT, &key, sizeof(key));
	else
		store_put(txn, STORE_AUDIT, &key, sizeof(key), "\xff\xff", 2);
	store_commit(r->t.store);
}

Test(audit, each_removes_one_when_there_are_as_many_as_are_kept_and_more_when_there_are_more)
{
	struct rig r;

	rig_init(&r);
	audit_free(r.audit);
	r.audit = audit_new(r.t.store, r.loop, r.log, 50);
	change_often(&r, 48);
	clock_advance_ms(r.clock, (int64_t)31 * 86400 * 1000);
	change_often(&r, 1);
	expect_records(&r, 1, 49);
	change_often(&r, 1);
	expect_records(&r, 1, 50);
	change_often(&r, 1);
	expect_records(&r, 2, 51);
	change_often(&r, 1);
	expect_records(&r, 3, 52);
	change_often(&r, 99); /* the last of the old ones leave, the others are young */
	expect_records(&r, 49, 151);
	clock_advance_ms(r.clock, (int64_t)31 * 86400 * 1000);
	change_often(&r, 1);
	expect_records(&r, 51, 152); /* 103: two at a time */
	change_often(&r, 1);
	expect_records(&r, 53, 153);
	rig_clear(&r);
}

Test(audit, an_unreadable_old_record_leaves_too_but_takes_no_other_along)
{
	struct rig r;

	rig_init(&r);
	r.t.is_peculiar = true;
	audit_free(r.audit);
	r.audit = audit_new(r.t.store, r.loop, r.log, 50);
	change_often(&r, 60);
	clock_advance_ms(r.clock, (int64_t)31 * 86400 * 1000);
	spoil_record(&r, 1, false);
	spoil_record(&r, 2, false);
	change_often(&r, 1);
	expect_records(&r, 2, 61); /* the second is not known to be old */
	change_often(&r, 1);
	expect_records(&r, 4, 62); /* the third is */
	rig_clear(&r);
}

Test(audit, lists_say_what_is_damaged_and_what_is_missing)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct rig r;
	struct json_object *flag;

	rig_init(&r);
	r.t.is_peculiar = true;
	change_often(&r, 4);
	spoil_record(&r, 2, false);
	spoil_record(&r, 3, true);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 4);
	cr_expect_str_eq(text_at(list, 0, "method"), "autoCertificate.pause");
	for (size_t i = 1; i < 3; i++) {
		flag = json_path(json_object_array_get_idx(list, i), i == 1 ? "damaged" : "missing");
		cr_expect(flag && json_object_get_boolean(flag), "%zu", i);
		cr_expect_str_eq(text_at(list, i, "method"), "");
		cr_expect_eq(json_object_get_int(json_path(json_object_array_get_idx(list, i), "number")), (int)i + 1);
		cr_expect_eq(json_object_object_length(json_object_array_get_idx(list, i)), 2);
	}
	cr_expect_str_eq(text_at(list, 3, "method"), "autoCertificate.pause");
	rig_clear(&r);
}

Test(audit, pages_begin_with_the_first_that_is_left)
{
	static const struct {
		int64_t after;
		size_t limit;
		uint64_t first; /* 0: none */
		size_t count;
	} cases[] = { { 0, 5, 21, 5 }, { 20, 5, 21, 5 }, { 21, 5, 22, 5 }, { 69, 5, 70, 1 }, { 70, 5, 0, 0 },
		{ -1, 3, 68, 3 }, { -1, 49, 22, 49 }, { -1, 50, 21, 50 }, { -1, 51, 21, 50 }, { -1, 1000, 21, 50 } };
	struct rig r;

	rig_init(&r);
	audit_free(r.audit);
	r.audit = audit_new(r.t.store, r.loop, r.log, 50);
	change_often(&r, 50);
	clock_advance_ms(r.clock, (int64_t)31 * 86400 * 1000);
	change_often(&r, 20);
	expect_records(&r, 21, 70);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *page = audit_list(r.audit, cases[i].after, cases[i].limit, NULL);
		int64_t number = 0;

		cr_assert_eq(json_object_array_length(page), cases[i].count, "case %zu: %zu", i,
			json_object_array_length(page));
		if (cases[i].count)
			json_get_int(json_object_array_get_idx(page, 0), "number", 0, 100, &number, NULL);
		cr_expect_eq((uint64_t)number, cases[i].first, "case %zu: %d", i, (int)number);
	}
	rig_clear(&r);
}

Test(audit, thirty_two_callers_are_told_apart_and_the_next_are_the_others)
{
	_cleanup_json_ struct json_object *list = NULL;
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 34; i++) {
		_cleanup_free_ char *who = xasprintf("uid:%d", i);

		refuse(&r, who, "provider.create");
	}
	refuse(&r, "uid:31", "provider.create");
	pass(&r, 60);
	list = all(&r);
	cr_assert_eq(json_object_array_length(list), 35);
	cr_expect_str_eq(text_at(list, 31, "who"), "uid:31");
	cr_expect_str_eq(text_at(list, 31, "method"), "provider.create");
	cr_expect_str_eq(text_at(list, 32, "who"), "others");
	cr_expect_str_eq(text_at(list, 32, "method"), "any");
	cr_expect_str_eq(text_at(list, 32, "userId"), "");
	cr_expect_str_eq(text_at(list, 33, "who"), "uid:31");
	cr_expect_eq(times_at(list, 33), 1);
	cr_expect_str_eq(text_at(list, 34, "who"), "others");
	rig_clear(&r);
}

Test(audit, a_store_that_cannot_be_read_lets_no_change_through_unrecorded)
{
	struct rig r;
	unsigned refused = 0;

	rig_init(&r);
	change_often(&r, 3);
	for (uint64_t n = 1;; n++) {
		struct store_txn *txn = store_begin(r.t.store);
		struct outcome outcome = { 0 };

		put_text(txn, STORE_TOKEN, "x", "y");
		store_then(txn, note_outcome, &outcome);
		audit_change(r.audit, txn, &(struct audit_entry){ .who = "uid:7", .method = "x" });
		store_faults_begin(n, false);
		store_commit(r.t.store);
		if (!store_faults_end())
			break;
		refused += outcome.code == ERROR_IO;
		cr_expect(outcome.code == ERROR_IO || has_text(r.t.store, STORE_TOKEN, "x", "y"));
		if (outcome.code == ERROR_IO)
			cr_expect_not_null(strstr(outcome.message, "audit log: "), "%s", outcome.message);
	}
	cr_expect_geq(refused, 1);
	r.t.is_peculiar = true;
	rig_clear(&r);
}

Test(audit, a_verification_that_cannot_read_fails_and_finds_no_damage)
{
	struct rig r;
	uint64_t n = 0;

	rig_init(&r);
	change_often(&r, 10);
	for (bool has_failed = true; has_failed;) {
		struct outcome outcome = { 0 };

		store_faults_begin(++n, false);
		audit_verify(r.audit, note_verified, &outcome);
		pass(&r, 1);
		has_failed = store_faults_end();
		cr_expect_eq(outcome.calls, 1);
		cr_expect_eq(outcome.code, has_failed ? ERROR_IO : ERROR_NONE, "read %d: %s", (int)n,
			error_code_name(outcome.code));
	}
	cr_expect_gt(n, 12);
	store_faults_begin(1, false);
	cr_expect_null(audit_list(r.audit, 0, 10, NULL));
	store_faults_end();
	rig_clear(&r);
}

/* It is in the journal then, where a later change of the store cannot alter it. */
Test(audit, the_head_is_told_at_the_next_start)
{
	int kept = dup(STDERR_FILENO), told = memfd_create("log", MFD_CLOEXEC);
	char text[200] = "";
	struct audit *again;
	struct log *log;
	struct rig r;

	rig_init(&r);
	audit_change(r.audit, store_begin(r.t.store),
		&(struct audit_entry){ .who = "uid:7", .user_id = "7", .method = "provider.update" });
	store_commit(r.t.store);
	cr_assert(kept >= 0 && told >= 0 && dup2(told, STDERR_FILENO) >= 0);
	log = log_new(LOG_LEVEL_INFO);
	again = audit_new(r.t.store, r.loop, log, 1000);
	cr_assert_geq(dup2(kept, STDERR_FILENO), 0);
	cr_assert_gt(pread(told, text, sizeof(text) - 1, 0), 0);
	cr_expect_not_null(strstr(text, "audit log: record 1 has the hash "), "%s", text);
	close(kept);
	close(told);
	audit_free(again);
	log_free(log);
	rig_clear(&r);
}
