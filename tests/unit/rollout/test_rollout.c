/* From a stored certificate to notified consumers, in the world of the simulation. */
#include "common/retry.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The auto-certificate has both consumers; the certificate is there. */
static void
begin_with_consumers(struct run *r)
{
	struct world *w = &r->world;

	run_begin(r, 0);
	world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'watcher','activate':'none'}}");
	world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'notified','activate':'notify','socket':'%s'}}",
		w->notify_path);
	cr_assert(world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified','watcher']}}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_assert_eq(w->issued, 1);
	cr_assert(check_calm(w));
}

static void
load_state(struct run *r, struct rollout_state *ret)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	run_load(r, "a-90d", &a);
	cr_assert_eq(rollout_load(r->world.rollout, a.o.id, ret, &err), 1, "%s", err.message);
}

static int64_t
generation_of(struct run *r)
{
	struct rollout_state state = { 0 };
	int64_t generation;

	load_state(r, &state);
	generation = state.generation;
	record_clear(&rollout_class, &state);
	return generation;
}

/* Of the first consumer. */
static int64_t
probes_of(struct run *r)
{
	struct rollout_state state = { 0 };
	int64_t probes;

	load_state(r, &state);
	probes = ((struct rollout_target *)state.targets.items)->probes;
	record_clear(&rollout_class, &state);
	return probes;
}

static int64_t
deploy_due_in(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t due_at;

	run_load(r, "a-90d", &a);
	due_at = run_due(r, SCHEDULE_DEPLOY, a.o.id);
	return due_at ? due_at - world_now(&r->world) : -1;
}

Test(rollout, a_new_certificate_is_dropped_and_every_consumer_told_once)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t notified;
	int64_t generation;

	begin_with_consumers(&r);
	notified = w->notified;
	generation = generation_of(&r);
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->notified, notified + 1);
	cr_expect_eq(generation_of(&r), generation + 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(rollout, a_consumer_that_is_not_there_is_tried_again_and_the_others_are_not)
{
	struct run r;
	struct world *w = &r.world;
	struct rollout_state state = { 0 };
	const struct rollout_target *t;
	uint64_t notified;

	begin_with_consumers(&r);
	cr_assert_eq(rename(w->notify_path, "elsewhere"), 0);
	notified = w->notified;
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + 10);
	for (int i = 1; i <= 6; i++) {
		struct retry_wait wait = retry_wait(RETRY_LOCAL, i);
		int64_t in = deploy_due_in(&r);

		cr_expect(in > wait.shortest - 15 && in <= wait.longest, "wait %d is %d s", i, (int)in);
		world_run_until(w, world_now(w) + in + 1);
	}
	load_state(&r, &state);
	t = state.targets.items;
	cr_expect(state.is_written);
	cr_expect_eq(state.done_at, 0);
	cr_expect_eq(t[0].step, ROLLOUT_TESTED);
	cr_expect_eq(t[0].attempts, 7);
	cr_expect(error_is_set(&t[0].failure));
	cr_expect_eq(t[1].step, ROLLOUT_ACTIVATED);
	record_clear(&rollout_class, &state);
	cr_assert_eq(rename("elsewhere", w->notify_path), 0);
	world_run_until(w, world_now(w) + HOUR + 10 * MINUTE);
	cr_expect_eq(w->notified, notified + 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

static void
load_target(struct run *r, size_t i, struct rollout_target *ret)
{
	struct rollout_state state = { 0 };

	load_state(r, &state);
	cr_assert_lt(i, state.targets.count);
	*ret = ((struct rollout_target *)state.targets.items)[i];
	ret->consumer = ret->served = NULL;
	ret->failure = (struct error)ERROR_INIT;
	record_clear(&rollout_class, &state);
}

Test(rollout, each_consumer_has_its_own_backoff_and_is_not_held_up_by_another)
{
	struct run r;
	struct world *w = &r.world;
	struct rollout_target broken = { 0 }, late = { 0 };
	int64_t before;

	begin_with_consumers(&r);
	cr_assert_eq(rename(w->notify_path, "elsewhere"), 0);
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'late','directory':'/nonexistent'}}"));
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'consumers':['notified','watcher','late']}}");
	world_run_until(w, world_now(w) + HOUR);
	load_target(&r, 0, &broken);
	load_target(&r, 2, &late);
	cr_expect_eq(broken.step, ROLLOUT_TESTED);
	cr_expect_eq(late.step, ROLLOUT_STAGED, "its directory does not exist, that of the other does");
	cr_expect_gt(broken.attempts, 3);
	cr_expect_gt(late.attempts, 3);
	before = late.attempts;
	/* One is mended: it takes its next attempt, and the other keeps its own count and time. */
	cr_assert_eq(rename("elsewhere", w->notify_path), 0);
	world_run_until(w, broken.next_at + 1);
	load_target(&r, 0, &broken);
	load_target(&r, 2, &late);
	cr_expect_eq(broken.step, ROLLOUT_ACTIVATED);
	cr_expect_eq(broken.attempts, 0);
	cr_expect_eq(broken.next_at, 0, "it has no endpoints");
	cr_expect_geq(late.attempts, before);
	cr_expect_gt(late.next_at, world_now(w));
	cr_expect_eq(deploy_due_in(&r), late.next_at - world_now(w), "the row is due with the first of them");
	cr_expect_eq(rollout_count_failing(w->rollout), 1);
	run_end(&r);
}

/* --- a consumer that tests what it is to load --- */

/* HAProxy: answers until a command begins with @stops_at, which fails. */
struct tester {
	struct world *w;
	int fd;
	struct loop_fd *watch;
	const char *stops_at;
	unsigned commits;
};

struct tester_conn {
	struct tester *tester;
	int fd;
	struct loop_fd *watch;
};

static void
tester_answer(int fd, short what _unused_, void *arg)
{
	static const struct {
		const char *command, *answer;
	} talk[] = {
		{ "show ssl cert\n", "# transaction\n# filename\n" },
		{ "show ssl cert ", "Filename: x\nStatus: Used\nSerial: 7\n" },
		{ "set ssl cert ", "Transaction created for certificate %s!\n" },
		{ "commit ssl cert ", "Success!\n" },
		{ "abort ssl cert ", "Transaction aborted\n" },
	};
	struct tester_conn *c = arg;
	_cleanup_free_ char *path = NULL, *here = getcwd(NULL, 0);
	static char heard[64 * 1024];
	ssize_t n = recv(fd, heard, sizeof(heard) - 1, 0);

	path = xasprintf("%s/own/bundle.pem", here);
	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(talk); i++) {
		_cleanup_buf_ struct buf answer = BUF_INIT;
		const char *text = talk[i].answer, *at = strstr(text, "%s");

		if (strncmp(heard, talk[i].command, strlen(talk[i].command)) != 0)
			continue;
		c->tester->commits += strncmp(heard, "commit", 6) == 0;
		if (strncmp(heard, c->tester->stops_at, strlen(c->tester->stops_at)) == 0)
			buf_add_str(&answer, "unfit");
		else if (at)
			buf_printf(&answer, "%.*s%s%s", (int)(at - text), text, path, at + 2);
		else
			buf_add_str(&answer, text);
		cr_expect_eq(send(fd, answer.data, answer.len, MSG_NOSIGNAL), (ssize_t)answer.len);
		break;
	}
	loop_fd_free(c->watch);
	close(c->fd);
	free(c);
}

static void
tester_accept(int fd, short what _unused_, void *arg)
{
	struct tester_conn *c = xcalloc(1, sizeof(*c));

	c->tester = arg;
	c->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	c->watch = loop_fd_new(c->tester->w->loop, c->fd, LOOP_READ, tester_answer, c);
}

static void
tester_begin(struct tester *t, struct world *w, const char *stops_at)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "admin.sock" };

	*t = (struct tester){ .w = w, .stops_at = stops_at, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	cr_assert_eq(bind(t->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(t->fd, 8), 0);
	t->watch = loop_fd_new(w->loop, t->fd, LOOP_READ, tester_accept, t);
}

static void
note_step(struct json_object *event, void *arg)
{
	const char *kind = "", *step = "", *consumer = "";
	struct json_object *data = NULL;

	json_get_string(event, "kind", &kind, NULL);
	if (strcmp(kind, event_info(EVENT_DEPLOY_FAILED)->name) != 0)
		return;
	json_get_object(event, "data", &data, NULL);
	json_get_string(data, "step", &step, NULL);
	json_get_string(data, "consumer", &consumer, NULL);
	snprintf(arg, 64, "%s %s", consumer, step);
}

Test(rollout, the_step_of_a_consumer_that_tests_says_whether_the_test_failed)
{
	static const struct {
		const char *stops_at;
		enum rollout_step step;
		const char *event;
	} cases[] = {
		{ "set ssl", ROLLOUT_WRITTEN, "lb written" },
		{ "commit ssl", ROLLOUT_TESTED, "lb tested" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct world *w = &r.world;
		struct tester tester;
		struct event_subscription *subscription;
		struct rollout_target t = { 0 };
		_cleanup_free_ char *here = NULL;
		char event[64] = "";

		run_begin(&r, 0);
		here = getcwd(NULL, 0);
		cr_assert_eq(mkdir("own", 0750), 0);
		tester_begin(&tester, w, cases[i].stops_at);
		subscription = events_subscribe(w->events, NULL, note_step, event);
		cr_assert(world_call(w, RPC_CONSUMER_CREATE,
			"{'properties':{'name':'lb','activate':'haproxy','sockets':['%s/admin.sock'],"
			"'directory':'%s/own'}}",
			here, here));
		cr_assert(
			world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['lb']}}"));
		world_run_until(w, world_now(w) + 13 * MINUTE); /* the third wait ends after 4:30 to 12:30 */
		load_target(&r, 0, &t);
		cr_expect_eq(t.step, cases[i].step, "%s: %s", cases[i].stops_at, rollout_step_name(t.step));
		cr_expect_eq(t.attempts, 4, "%s: each counts: %d", cases[i].stops_at, (int)t.attempts);
		cr_expect_str_eq(event, cases[i].event);
		/* What has passed the test may fail in it the next time, and the other way round. */
		tester.stops_at = cases[1 - i].stops_at;
		world_run_until(w, world_now(w) + HOUR);
		load_target(&r, 0, &t);
		cr_expect_eq(t.step, cases[1 - i].step, "%s: %s", tester.stops_at, rollout_step_name(t.step));
		cr_expect_str_eq(event, cases[1 - i].event);
		events_unsubscribe(subscription);
		loop_fd_free(tester.watch);
		close(tester.fd);
		run_end(&r);
	}
}

/* --- records of earlier versions --- */

struct former_target {
	char *consumer;
	bool is_notified;
	char *served;
	int64_t probed_at;
	struct error failure;
	struct buf unknown;
};

static const struct record_field former_target_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct former_target, consumer, NULL),
	RECORD_FIELD(RECORD_BOOL, 2, struct former_target, is_notified, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct former_target, served, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct former_target, probed_at, NULL),
	RECORD_FIELD(RECORD_ERROR, 5, struct former_target, failure, NULL),
};
static const struct record_class former_target_class = RECORD_CLASS(
	"rollout target", STORE_ROLLOUT, struct former_target, former_target_fields, unknown);

struct former_state {
	char *certificate;
	int64_t generation;
	bool is_written;
	struct record_list targets;
	int64_t attempts;
	int64_t done_at;
	int64_t probes;
	bool is_unserved;
	struct buf unknown;
};

static const struct record_field former_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct former_state, certificate, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct former_state, generation, NULL),
	RECORD_FIELD(RECORD_BOOL, 3, struct former_state, is_written, NULL),
	RECORD_FIELD_LIST(4, struct former_state, targets, NULL, &former_target_class),
	RECORD_FIELD(RECORD_INT, 5, struct former_state, attempts, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct former_state, done_at, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct former_state, probes, NULL),
	RECORD_FIELD(RECORD_BOOL, 10, struct former_state, is_unserved, NULL),
};
static const struct record_class former_class = RECORD_CLASS(
	"rollout", STORE_ROLLOUT, struct former_state, former_fields, unknown);

/* The rollout of the auto-certificate as an earlier certd would have stored it. */
static void
put_former(struct run *r, struct former_state *former)
{
	struct world *w = &r->world;
	struct rollout_state state = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(r, "a-90d", &a);
	load_state(r, &state);
	former->certificate = state.certificate;
	former->generation = state.generation;
	for (size_t i = 0; i < former->targets.count; i++)
		((struct former_target *)former->targets.items)[i]
			.consumer = ((struct rollout_target *)state.targets.items)[i].consumer;
	record_save(w->store, store_begin(w->store), &former_class, a.o.id, former);
	world_run_until(w, world_now(w) + 1);
	record_clear(&rollout_class, &state);
}

Test(rollout, the_record_of_an_earlier_version_goes_on_where_it_was)
{
	struct former_target targets[] = {
		{ .failure = { .code = ERROR_NETWORK, .message = (char *)"notify" } },
		{ .is_notified = true, .served = (char *)"stale", .probed_at = 17 },
	};
	struct former_state former = { .is_written = true,
		.targets = { .items = targets, .count = 2 },
		.attempts = 4,
		.probes = 9,
		.is_unserved = true };
	struct run r;
	struct rollout_target failing = { 0 }, stale = { 0 };

	begin_with_consumers(&r);
	put_former(&r, &former);
	load_target(&r, 0, &failing);
	load_target(&r, 1, &stale);
	cr_expect_eq(failing.step, ROLLOUT_TESTED);
	cr_expect_eq(failing.attempts, 4);
	cr_expect_eq(stale.step, ROLLOUT_PROBED);
	cr_expect_eq(stale.attempts, 0);
	cr_expect_eq(stale.probes, 9);
	cr_expect(stale.is_unserved);
	cr_expect_eq(stale.probed_at, 17);
	cr_expect_eq(stale.next_at, 1, "its row knows");
	cr_expect_eq(stale.served_at, 0);
	cr_expect_not(stale.was_notified);
	run_end(&r);
}

Test(rollout, a_finished_rollout_of_an_earlier_version_is_not_repeated)
{
	struct former_target targets[] = { { .is_notified = true }, { .is_notified = true } };
	struct former_state former = { .is_written = true, .targets = { .items = targets, .count = 2 }, .done_at = 99 };
	struct run r;
	struct world *w = &r.world;
	uint64_t notified, deployed;

	begin_with_consumers(&r);
	notified = w->notified;
	deployed = w->deployed;
	put_former(&r, &former);
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->notified, notified);
	cr_expect_eq(w->deployed, deployed);
	cr_expect(check_calm(w));
	run_end(&r);
}

static void
expect_state(struct run *r, enum object_state state, const char *message)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(object_find(r->world.store, &consumer_class, "notified", &c, &err), 1, "%s", err.message);
	cr_expect_eq(c.o.state, state);
	if (message)
		cr_expect(c.o.failure.message && strstr(c.o.failure.message, message), "%s", c.o.failure.message);
	else
		cr_expect_not(error_is_set(&c.o.failure), "%s", c.o.failure.message);
}

/* The socket of "notified" is away when the certificate is renewed. */
static void
begin_failing(struct run *r)
{
	struct world *w = &r->world;

	begin_with_consumers(r);
	expect_state(r, OBJECT_AVAILABLE, NULL);
	cr_assert_eq(rename(w->notify_path, "elsewhere"), 0);
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + 10);
	expect_state(r, OBJECT_FAILED, w->notify_path);
}

Test(rollout, a_consumer_that_cannot_be_notified_is_failed_until_it_can)
{
	struct run r;
	struct world *w = &r.world;

	begin_failing(&r);
	world_stop(w);
	world_start(w);
	expect_state(&r, OBJECT_FAILED, w->notify_path);
	cr_assert_eq(rename("elsewhere", w->notify_path), 0);
	world_run_until(w, world_now(w) + HOUR + 10 * MINUTE);
	expect_state(&r, OBJECT_AVAILABLE, NULL);
	run_end(&r);
}

Test(rollout, success_with_another_certificate_does_not_hide_the_failure)
{
	struct run r;
	struct world *w = &r.world;

	begin_failing(&r);
	cr_assert_eq(rename("elsewhere", w->notify_path), 0);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'second','provider':'ca','commonName':'n2-90d.sim.test',"
		"'consumers':['notified']}}"));
	world_run_until(w, world_now(w) + 20);
	cr_assert_eq(w->issued, 3);
	expect_state(&r, OBJECT_FAILED, w->notify_path);
	world_run_until(w, world_now(w) + HOUR + 10 * MINUTE);
	expect_state(&r, OBJECT_AVAILABLE, NULL);
	run_end(&r);
}

Test(rollout, what_a_consumer_is_not_given_any_more_does_not_keep_it_failed)
{
	static const struct {
		enum api_method_id method;
		const char *params;
	} ways[] = {
		{ RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['watcher']},'force':true}" },
		{ RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':[]},'force':true}" },
		{ RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct run r;
		struct world *w = &r.world;

		begin_failing(&r);
		cr_assert(world_call(w, ways[i].method, "%s", ways[i].params));
		world_run_until(w, world_now(w) + MINUTE);
		expect_state(&r, OBJECT_AVAILABLE, NULL);
		run_end(&r);
	}
}

/* The names in @dir, in order, separated by blanks; owned by the caller. */
static char *
names_in(const char *dir)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort);

	cr_assert_geq(n, 0, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			buf_printf(&text, "%s%s", text.len ? " " : "", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return xstrdup(buf_str(&text));
}

static void
expect_names(const char *why, const char *dir, const char *expected)
{
	_cleanup_free_ char *names = names_in(dir);

	cr_expect_str_eq(names, expected, "%s, %s: %s", why, dir, names);
}

/* Consumers that share a directory, and one with its own, each with its files. */
Test(rollout, declared_files_are_those_of_all_consumers_of_their_directory)
{
	static const struct {
		const char *why, *consumers, *one, *two;
	} steps[] = {
		{ "all", "'a','b','c'", "a.chain a.key b.p12", "c.pem" },
		{ "without one of the first directory", "'b','c'", "b.p12", "c.pem" },
		{ "without the second directory", "'a','b'", "a.chain a.key b.p12", "" },
		{ "all again", "'c','b','a'", "a.chain a.key b.p12", "c.pem" },
		{ "without files", "'none'", "", "" },
	};
	struct run r;
	struct world *w = &r.world;
	_cleanup_free_ char *cwd = NULL, *one = NULL, *two = NULL;

	run_begin(&r, 0);
	cwd = getcwd(NULL, 0);
	one = xasprintf("%s/one", cwd);
	two = xasprintf("%s/two", cwd);
	cr_assert(mkdir(one, 0700) == 0 && mkdir(two, 0700) == 0);
	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'a','directory':'%s','outputs':['chain:a.chain','key:a.key']}}", one));
	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'b','directory':'%s','outputs':['pkcs12:b.p12'],'outputPassword':'secret'}}",
		one));
	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'c','directory':'%s','outputs':['bundle:c.pem']}}", two));
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'none'}}"));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
			"{'ref':'a-90d','properties':{'consumers':[%s]},'force':true}", steps[i].consumers));
		world_run_until(w, world_now(w) + HOUR);
		expect_names(steps[i].why, one, steps[i].one);
		expect_names(steps[i].why, two, steps[i].two);
		cr_expect_eq(rollout_count_failing(w->rollout), 0, "%s", steps[i].why);
	}
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(rollout, what_comes_meanwhile_goes_out_instead)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t notified;

	begin_with_consumers(&r);
	cr_assert_eq(rename(w->notify_path, "elsewhere"), 0);
	notified = w->notified;
	for (int i = 0; i < 3; i++) {
		world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
		world_run_until(w, world_now(w) + 10);
	}
	cr_assert_eq(w->issued, 4);
	cr_expect_leq(deploy_due_in(&r), 2 * MINUTE, "the new certificate does not inherit the waits of the old");
	cr_assert_eq(rename("elsewhere", w->notify_path), 0);
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->notified, notified + 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(rollout, who_becomes_a_consumer_gets_what_is_there)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t notified;

	begin_with_consumers(&r);
	notified = w->notified;
	world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['watcher']},'force':true}");
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->notified, notified);
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['watcher','notified']}}");
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->notified, notified + 1);
	cr_expect_eq(w->issued, 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

static void
count_stale(struct json_object *event, void *arg)
{
	const char *kind = "";

	json_get_string(event, "kind", &kind, NULL);
	*(unsigned *)arg += strcmp(kind, event_info(EVENT_PROBE_UNREACHABLE)->name) == 0 ||
			    strcmp(kind, event_info(EVENT_PROBE_STALE)->name) == 0;
}

Test(rollout, after_each_certificate_its_servers_have_some_seconds_to_load_it)
{
	struct run r;
	struct world *w = &r.world;
	struct event_subscription *subscription;
	unsigned reported = 0;

	run_begin(&r, 0);
	subscription = events_subscribe(w->events, NULL, count_stale, &reported);
	world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'dead','probes':[{'host':'127.0.0.1','port':1}]}}");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['dead']}}"));
	for (uint64_t round = 1; round <= 2; round++) {
		unsigned before = reported;
		int64_t end_at = world_now(w) + MINUTE;

		while (w->deployed < round && world_now(w) < end_at)
			world_run_until(w, world_now(w) + 1);
		cr_assert_eq(w->deployed, round);
		world_run_until(w, world_now(w) + 3);
		cr_expect_leq(probes_of(&r), 2, "round %d: %d", (int)round, (int)probes_of(&r));
		cr_expect_eq(reported, before, "round %d: too soon", (int)round);
		world_run_until(w, world_now(w) + 2 * HOUR);
		cr_expect_gt(probes_of(&r), 4, "round %d: %d", (int)round, (int)probes_of(&r));
		cr_expect_gt(reported, before, "round %d", (int)round);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	}
	events_unsubscribe(subscription);
	run_end(&r);
}

Test(rollout, asked_for_many_times_in_a_turn_it_runs_once)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_autocert_ struct autocert a = { 0 };
	uint64_t notified;

	begin_with_consumers(&r);
	notified = w->notified;
	run_load(&r, "a-90d", &a);
	for (int i = 0; i < 20; i++)
		rollout_request(w->rollout, store_begin(w->store), &a, a.last_certificate, world_now(w));
	scheduler_kick(w->scheduler);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->notified, notified + 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(rollout, a_drop_that_is_gone_is_written_again_at_the_next_start)
{
	static const char *const gone[] = {
		"drops/live/a-90d/manifest.json",
		"drops/live/a-90d/bundle.pem",
		"drops/live/a-90d/privkey.pem",
		"drops/pem/a-90d.pem",
	};

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		struct run r;
		struct world *w = &r.world;
		uint64_t deployed;

		begin_with_consumers(&r);
		deployed = w->deployed;
		world_stop(w);
		cr_assert_eq(unlink(gone[i]), 0);
		world_start(w);
		world_run_until(w, world_now(w) + MINUTE);
		cr_expect_eq(w->deployed, deployed + 1, "%s", gone[i]);
		cr_expect_eq(access(gone[i], F_OK), 0, "%s", gone[i]);
		cr_expect(check_calm(w));
		run_end(&r);
	}
}

Test(rollout, a_restart_finds_nothing_to_do_when_all_is_there)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t deployed;

	begin_with_consumers(&r);
	deployed = w->deployed;
	world_stop(w);
	world_start(w);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->deployed, deployed);
	cr_expect(check_calm(w));
	run_end(&r);
}

/* What an auto-certificate leaves when its drop cannot be removed is not in the way of the next of that name. */
Test(rollout, a_name_that_comes_back_gets_its_own_certificate)
{
	struct run r;
	struct world *w = &r.world;

	begin_with_consumers(&r);
	for (int i = 0; i < 4; i++)
		world_call(w, RPC_CONSUMER_DEPLOY, "{'ref':'notified'}");
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_gt(generation_of(&r), 3);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'a-90d','provider':'ca','commonName':'n-90d.sim.test'}}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, 2);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(rollout, the_failure_of_a_consumer_is_that_of_the_last_notification)
{
	struct rollout_target targets[] = {
		{ .step = ROLLOUT_PROBED, .failure = { .code = ERROR_TIMEOUT, .message = (char *)"probe" } },
		{ .step = ROLLOUT_STAGED },
		{ .step = ROLLOUT_TESTED,
			.attempts = 1,
			.failure = { .code = ERROR_NETWORK, .message = (char *)"notify" } },
	};
	struct rollout_state state = { .targets = { .items = targets, .count = 2 } };
	struct rollout_state failed = state;

	cr_expect_null(rollout_failure(&state), "what it serves is not a failure to notify it");
	state.targets.count = 3;
	cr_expect_eq(rollout_failure(&state), &targets[2].failure);
	failed.attempts = 1;
	failed.failure = (struct error){ .code = ERROR_IO, .message = (char *)"write" };
	cr_expect_eq(rollout_failure(&failed), &failed.failure);
}
