#include "daemon/report/events.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "tests/support/journal.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOW = 1800000000, LOG_SIZE = 4096 };

struct stream {
	struct tmp_store store;
	struct clock *clock;
	struct log *log;
	struct events *events;
};

static void
stream_open(struct stream *s, uint64_t max_events)
{
	s->events = events_new(s->store.store, s->clock, s->log, max_events);
	store_commit(s->store.store);
}

static void
stream_begin(struct stream *s, uint64_t max_events)
{
	tmp_store_init(&s->store, 0);
	s->clock = clock_new_virtual(NOW);
	s->log = log_new(LOG_LEVEL_ERROR - 1);
	stream_open(s, max_events);
}

static void
stream_reopen(struct stream *s, uint64_t max_events)
{
	tmp_store_reopen(&s->store);
	events_free(s->events);
	stream_open(s, max_events);
}

static void
stream_end(struct stream *s)
{
	tmp_store_clear(&s->store);
	events_free(s->events);
	log_free(s->log);
	clock_free(s->clock);
}

static void
emit_some(struct stream *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct event_object o = { "autocertificate", i % 2 ? "odd" : "even", "www" };

		event_emit(s->events, NULL, EVENT_ISSUE_DONE, &o, NULL, "number %u", i);
		store_commit(s->store.store);
	}
}

/* What is listed, as "seq seq ...". */
static void
expect_listed(struct stream *s, const char *object, int64_t after, size_t limit, const char *seqs, const char *why)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = events_list(s->events, object, after, limit, &err);
	_cleanup_buf_ struct buf text = BUF_INIT;

	cr_assert_not_null(list, "%s: %s", why, err.message);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int64_t seq = 0;

		json_get_int(json_object_array_get_idx(list, i), "seq", 0, INT64_MAX, &seq, NULL);
		buf_printf(&text, "%s%d", i ? " " : "", (int)seq);
	}
	cr_expect_str_eq(buf_str(&text), seqs, "%s: %s", why, buf_str(&text));
}

Test(events, are_listed_in_order_after_a_number_or_the_last_ones_of_all_or_of_one_object)
{
	static const struct {
		const char *why, *object;
		int64_t after;
		size_t limit;
		const char *seqs;
	} cases[] = {
		{ "all", NULL, 0, 100, "1 2 3 4 5 6 7 8 9" },
		{ "behind one", NULL, 4, 100, "5 6 7 8 9" },
		{ "behind the last", NULL, 9, 100, "" },
		{ "behind what is not yet", NULL, 1000, 100, "" },
		{ "the first ones", NULL, 0, 3, "1 2 3" },
		{ "the last ones", NULL, -1, 3, "7 8 9" },
		{ "fewer than asked for", NULL, -1, 100, "1 2 3 4 5 6 7 8 9" },
		{ "of one object", "odd", 0, 100, "2 4 6 8" },
		{ "the last of one object", "odd", -1, 2, "6 8" },
		{ "the first of one object", "even", 3, 2, "5 7" },
		{ "of nobody", "none", -1, 2, "" },
	};
	struct stream s;

	stream_begin(&s, 1000);
	emit_some(&s, 9);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_listed(&s, cases[i].object, cases[i].after, cases[i].limit, cases[i].seqs, cases[i].why);
	stream_end(&s);
}

static bool
take_row(const void *key, size_t len, void *arg)
{
	unsigned *rows = arg;

	(void)len;
	*rows += *(const char *)key == 'o';
	return true;
}

static unsigned
rows_of_objects(struct stream *s)
{
	static const struct buf none = BUF_INIT;
	unsigned rows = 0;

	cr_assert_eq(store_walk_keys(s->store.store, STORE_INDEX, &none, false, &none, take_row, &rows, NULL), 0);
	return rows;
}

Test(events, rows_by_object_leave_with_their_events_whatever_the_messages_say)
{
	static const char tricky[] = "\",\"object\":{\"type\":\"x\",\"id\":\"odd\"},\"message\":\"";
	struct event_object named = { "provider", "p", tricky };
	struct stream s;

	stream_begin(&s, 10);
	emit_some(&s, 9);
	for (int i = 0; i < 9; i++) {
		event_emit(s.events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "%s", tricky);
		event_emit(s.events, NULL, EVENT_ISSUE_DONE, &named, NULL, "%s", tricky);
		store_commit(s.store.store);
	}
	cr_expect_eq(rows_of_objects(&s), 5);
	expect_listed(&s, "odd", 0, 100, "", "what left the window");
	expect_listed(&s, "p", -1, 2, "25 27", "the last ones");
	emit_some(&s, 20);
	stream_reopen(&s, 4);
	cr_expect_eq(rows_of_objects(&s), 4, "a smaller window");
	stream_end(&s);
}

Test(events, of_a_store_that_had_no_rows_by_object_are_found)
{
	struct stream s;
	struct store_txn *txn;

	stream_begin(&s, 5000);
	emit_some(&s, 2500);
	txn = store_begin(s.store.store);
	for (unsigned i = 0; i < 2500; i++) {
		unsigned char key[1 + 5 + 8] = { 'o' };
		uint64_t be = htobe64(i + 1);
		size_t len = strlen(i % 2 ? "odd" : "even") + 1;

		memcpy(key + 1, i % 2 ? "odd" : "even", len);
		memcpy(key + 1 + len, &be, sizeof(be));
		store_del(txn, STORE_INDEX, key, 1 + len + sizeof(be));
	}
	store_del(txn, STORE_META, "event-index", strlen("event-index"));
	store_commit(s.store.store);
	cr_assert_eq(rows_of_objects(&s), 0);
	stream_reopen(&s, 5000);
	cr_expect_eq(rows_of_objects(&s), 2500);
	expect_listed(&s, "odd", -1, 2, "2498 2500", "the last ones");
	stream_end(&s);
}

Test(events, numbers_go_on_after_a_restart)
{
	struct stream s;

	stream_begin(&s, 1000);
	cr_expect_eq(events_last(s.events), 0);
	for (unsigned round = 1; round <= 5; round++) {
		emit_some(&s, 7);
		stream_reopen(&s, 1000);
		cr_expect_eq(events_last(s.events), 7 * round);
	}
	stream_end(&s);
}

Test(events, the_last_ones_are_kept_also_when_fewer_are_wanted_from_now_on)
{
	struct stream s;

	stream_begin(&s, 10);
	emit_some(&s, 25);
	expect_listed(&s, NULL, 0, 100, "16 17 18 19 20 21 22 23 24 25", "ten");
	cr_expect_eq(store_count(s.store.store, STORE_EVENT), 10);
	stream_reopen(&s, 4);
	expect_listed(&s, NULL, 0, 100, "22 23 24 25", "four");
	cr_expect_eq(store_count(s.store.store, STORE_EVENT), 4);
	emit_some(&s, 2);
	expect_listed(&s, NULL, 0, 100, "24 25 26 27", "four, later");
	stream_reopen(&s, 100);
	emit_some(&s, 2);
	expect_listed(&s, NULL, 0, 100, "24 25 26 27 28 29", "a hundred");
	stream_end(&s);
}

/* Counts the events that it receives. */
struct listener {
	struct stream *stream;
	struct event_subscription *subscription;
	unsigned told;
	unsigned leave_after; /* unsubscribes then; 0: never */
	bool emits;
	struct listener *other; /* unsubscribed by us */
	char last[64];
};

static void
on_event(struct json_object *event, void *arg)
{
	struct listener *l = arg;
	const char *message = "";

	l->told++;
	json_get_string(event, "message", &message, NULL);
	snprintf(l->last, sizeof(l->last), "%s", message);
	if (l->told == l->leave_after)
		events_unsubscribe(l->subscription);
	if (l->other)
		events_unsubscribe(l->other->subscription);
	l->other = NULL;
	if (l->emits && l->told == 1)
		event_emit(l->stream->events, NULL, EVENT_ISSUE_PROGRESS, NULL, NULL, "from inside");
}

static void
listen_to(struct listener *l, struct stream *s, const char *object)
{
	l->stream = s;
	l->subscription = events_subscribe(s->events, object, on_event, l);
}

Test(events, are_told_when_they_are_durable_and_never_when_they_are_not)
{
	struct listener l = { .told = 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	struct stream s;

	stream_begin(&s, 1000);
	listen_to(&l, &s, NULL);
	event_emit(s.events, NULL, EVENT_ISSUE_DONE, NULL, NULL, "will be");
	cr_expect_eq(l.told, 0);
	store_commit(s.store.store);
	cr_expect_eq(l.told, 1);
	txn = store_begin(s.store.store);
	event_emit(s.events, txn, EVENT_ISSUE_DONE, NULL, NULL, "will not be");
	error_set(&err, ERROR_INTERNAL, "refused");
	store_fail(txn, &err);
	store_commit(s.store.store);
	cr_expect_eq(l.told, 1);
	expect_listed(&s, NULL, 0, 10, "1", "what failed did not happen");
	event_emit(s.events, NULL, EVENT_ISSUE_PROGRESS, NULL, NULL, "in passing");
	cr_expect_eq(l.told, 2, "what is not stored is told at once");
	cr_expect_str_eq(l.last, "in passing");
	stream_end(&s);
}

Test(events, numbers_have_no_gap_when_a_change_fails)
{
	_cleanup_error_ struct error failure = ERROR_INIT;
	struct store_txn *failing;
	struct stream s;

	stream_begin(&s, 100);
	error_set(&failure, ERROR_STATE, "refused later");
	emit_some(&s, 1);
	failing = store_begin(s.store.store);
	event_emit(s.events, failing, EVENT_ISSUE_DONE, NULL, NULL, "never");
	event_emit(s.events, store_begin(s.store.store), EVENT_ISSUE_DONE, NULL, NULL, "second");
	event_emit(s.events, store_begin(s.store.store), EVENT_ISSUE_DONE, NULL, NULL, "third");
	store_fail(failing, &failure);
	store_commit(s.store.store);
	cr_expect_eq(events_last(s.events), 3);
	expect_listed(&s, NULL, 0, 10, "1 2 3", "after a failed change");
	stream_reopen(&s, 100);
	emit_some(&s, 1);
	expect_listed(&s, NULL, 0, 10, "1 2 3 4", "and after a restart");
	stream_end(&s);
}

Test(events, a_subscriber_hears_of_its_object_alone)
{
	struct listener odd = { .told = 0 }, all = { .told = 0 };
	struct stream s;

	stream_begin(&s, 1000);
	listen_to(&odd, &s, "odd");
	listen_to(&all, &s, NULL);
	emit_some(&s, 11);
	event_emit(s.events, NULL, EVENT_SERVER_STARTED, NULL, NULL, "of no object");
	store_commit(s.store.store);
	cr_expect_eq(odd.told, 5, "of 5 odd and 6 even ones");
	cr_expect_eq(all.told, 12);
	stream_end(&s);
}

Test(events, who_is_told_may_leave_send_others_away_and_make_events)
{
	struct listener leaver = { .leave_after = 2 }, victim = { .told = 0 }, judge = { .other = &victim },
			talker = { .emits = true };
	struct stream s;

	stream_begin(&s, 1000);
	listen_to(&leaver, &s, NULL);
	listen_to(&judge, &s, NULL);
	listen_to(&victim, &s, NULL);
	listen_to(&talker, &s, NULL);
	emit_some(&s, 5);
	cr_expect_eq(leaver.told, 2);
	cr_expect_eq(judge.told, 6);
	cr_expect_eq(victim.told, 0);
	cr_expect_eq(talker.told, 6);
	stream_end(&s);
}

Test(events, what_a_program_said_does_not_make_the_list_unreadable)
{
	struct stream s;
	_cleanup_free_ char *text = xcalloc(1, 4001);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = NULL;
	const char *message = NULL;

	stream_begin(&s, 1000);
	error_set(&err, ERROR_HOOK, "printed \xff\xc3");
	event_emit_error(s.events, NULL, EVENT_DEPLOY_FAILED, NULL, &err, "%s", err.message);
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	event_emit(s.events, NULL, EVENT_ISSUE_DONE, NULL, NULL, "x%s", text); /* is cut inside a letter */
	store_commit(s.store.store);
	expect_listed(&s, NULL, 0, 10, "1 2", "both are there");
	list = events_list(s.events, NULL, 0, 10, &err);
	json_get_string(json_object_array_get_idx(list, 0), "message", &message, NULL);
	cr_expect_str_eq(message, "printed ??");
	stream_end(&s);
}

Test(events, one_that_is_damaged_hides_no_other)
{
	static const unsigned char key[8] = { [7] = 2 };
	struct stream s;

	stream_begin(&s, 1000);
	emit_some(&s, 3);
	store_put(store_begin(s.store.store), STORE_EVENT, key, sizeof(key), "{\"seq\":", 7);
	store_commit(s.store.store);
	expect_listed(&s, NULL, 0, 10, "1 3", "the others");
	stream_end(&s);
}

Test(events, say_when_what_and_about_what)
{
	struct stream s;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct event_object o = { "provider", "id-1", "le" };

	stream_begin(&s, 1000);
	error_set(&err, ERROR_RATE_LIMITED, "slower");
	err.problem = xstrdup("rateLimited");
	err.retry_at = NOW + 60;
	event_emit_error(s.events, NULL, EVENT_ACCOUNT_FAILED, &o, &err, "le: %s; next attempt later", err.message);
	store_commit(s.store.store);
	list = events_list(s.events, NULL, 0, 10, NULL);
	json_write(list, &text);
	cr_expect_str_eq(buf_str(&text),
		"[{\"seq\":1,\"time\":\"2027-01-15T08:00:00Z\",\"level\":\"error\",\"kind\":\"account."
		"failed\","
		"\"object\":{\"type\":\"provider\",\"id\":\"id-1\",\"name\":\"le\"},"
		"\"message\":\"slower; next attempt later\",\"data\":{\"code\":\"rate-limited\","
		"\"problem\":\"rateLimited\",\"retryAt\":\"2027-01-15T08:01:00Z\",\"message\":\"slower\"}}]",
		"%s", buf_str(&text));
	stream_end(&s);
}

/* What the stream wrote to stderr while @txn failed. Owned by the caller. */
static char *
logged_with_failed_change(void)
{
	char *text = xcalloc(1, LOG_SIZE);
	_cleanup_error_ struct error full = ERROR_INIT;
	struct stream s;
	struct store_txn *txn;
	FILE *file = tmpfile();

	cr_assert_not_null(file);
	cr_assert_geq(dup2(fileno(file), STDERR_FILENO), 0);
	stream_begin(&s, 100);
	log_set_level(s.log, LOG_LEVEL_INFO);
	txn = store_begin(s.store.store);
	event_emit(s.events, txn, EVENT_CERTIFICATE_PURGED, NULL, NULL, "good news of a change");
	event_emit(s.events, txn, EVENT_ISSUE_FAILED, NULL, NULL, "bad news of a change");
	event_emit(s.events, NULL, EVENT_SERVER_STARTED, NULL, NULL, "news of its own");
	error_set(&full, ERROR_NO_SPACE, "no space left");
	store_fail(txn, &full);
	store_commit(s.store.store);
	stream_end(&s);
	rewind(file);
	cr_assert_gt(fread(text, 1, LOG_SIZE - 1, file), 0);
	fclose(file);
	return text;
}

Test(events, what_went_well_is_logged_only_when_it_is_durable)
{
	_cleanup_free_ char *text = logged_with_failed_change();

	cr_expect(!strstr(text, "good news of a change"), "%s", text);
	cr_expect(strstr(text, "bad news of a change"), "%s", text);
	cr_expect(strstr(text, "news of its own"), "%s", text);
}

Test(events, what_goes_wrong_is_stored_with_its_problem)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = NULL;
	struct event_object o = { "provider", "11111111-1111-4111-8111-111111111111", "ca" };
	struct stream s;

	stream_begin(&s, 10);
	error_set_field(&err, "email", "why");
	err.problem = xstrdup("invalidContact");
	err.retry_at = NOW + 60;
	event_emit_error(s.events, NULL, EVENT_ACCOUNT_FAILED, &o, &err, "cannot register");
	store_commit(s.store.store);
	list = events_list(s.events, NULL, -1, 10, NULL);
	cr_assert_not_null(list);
	cr_assert_eq(json_object_array_length(list), 1);
	cr_expect_str_eq(json_object_to_json_string_ext(
				 json_path(json_object_array_get_idx(list, 0), "data"), JSON_C_TO_STRING_PLAIN),
		"{\"code\":\"invalid\",\"field\":\"email\",\"problem\":\"invalidContact\","
		"\"retryAt\":\"2027-01-15T08:01:00Z\","
		"\"message\":\"why\"}");
	stream_end(&s);
}

Test(events, have_fields_in_the_journal_to_search_by)
{
	static const struct {
		struct event_object object; /* without a type: none */
		const char *problem, *fields;
	} cases[] = {
		{ { "autocertificate", "i-1", "www" }, NULL, "CERTD_AUTOCERTIFICATE=www\nCERTD_OBJECT_ID=i-1\n" },
		{ { "certificate", "i-2", "www" }, NULL, "CERTD_CERTIFICATE=www\nCERTD_OBJECT_ID=i-2\n" },
		{ { "provider", "i-3", "le" }, "rateLimited",
			"CERTD_PROVIDER=le\nCERTD_OBJECT_ID=i-3\nCERTD_PROBLEM=rateLimited\n" },
		{ { "dnsprovider", "i-4", "ns" }, NULL, "CERTD_DNSPROVIDER=ns\nCERTD_OBJECT_ID=i-4\n" },
		{ { "consumer", "i-5", "nginx" }, NULL, "CERTD_CONSUMER=nginx\nCERTD_OBJECT_ID=i-5\n" },
		{ { "token", "i-6", "ci" }, NULL, "CERTD_OBJECT=ci\nCERTD_OBJECT_ID=i-6\n" },
		{ { NULL, NULL, NULL }, "malformed", "CERTD_PROBLEM=malformed\n" },
		{ { NULL, NULL, NULL }, NULL, "" },
	};
	int journal = journal_listen();
	struct stream s;

	if (journal < 0)
		cr_skip_test("mount namespaces are not allowed here");
	journal_pretend_stream();
	stream_begin(&s, 1000);
	log_set_level(s.log, LOG_LEVEL_INFO);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct event_object *object = cases[i].object.type ? &cases[i].object : NULL;
		_cleanup_free_ char *wanted = xasprintf(
			"MESSAGE=%s%sno\nPRIORITY=3\nSYSLOG_IDENTIFIER=certd\n"
			"MESSAGE_ID=c53d05adfd108b49986702851a2c4835\nCERTD_EVENT=issue.failed\n%s",
			object ? object->name : "", object ? ": " : "", cases[i].fields);
		_cleanup_error_ struct error err = ERROR_INIT;
		char got[1024];

		error_set(&err, ERROR_CA, "no");
		err.problem = xstrdup_null(cases[i].problem);
		event_emit_error(s.events, NULL, EVENT_ISSUE_FAILED, object, &err, "no");
		store_commit(s.store.store);
		got[recv(journal, got, sizeof(got) - 1, MSG_DONTWAIT)] = '\0';
		cr_expect_str_eq(got, wanted, "case %zu: %s", i, got);
	}
	stream_end(&s);
	close(journal);
}
