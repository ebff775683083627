/* Lists through a session: what they are narrowed by, pages, and that long ones let others have their turn. */
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/service/service.h"
#include "daemon/service/slices.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { OBJECTS = 1200, FAILED_EVERY = 4 };

static struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct service service;
	struct conf conf;
} r;

static void
save(unsigned i)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xasprintf("d%u", i) };

	d.kind = xstrdup("exec");
	setting_put(&d.settings, "command", "/bin/true");
	d.o.state = i % FAILED_EVERY == 0 ? OBJECT_FAILED : OBJECT_AVAILABLE;
	cr_assert_eq(object_save(r.t.store, store_begin(r.t.store), &dnsprovider_class, &d, NULL), 0);
}

static void
setup(void)
{
	r.clock = clock_new_virtual(1700000000);
	tmp_store_init(&r.t, 0);
	conf_init(&r.conf);
	r.loop = loop_new(r.clock);
	r.log = log_new(LOG_LEVEL_ERROR);
	r.events = events_new(r.t.store, r.clock, r.log, 1000);
	r.service = (struct service){
		.methods = service_methods, .loop = r.loop, .store = r.t.store, .events = r.events, .conf = &r.conf
	};
	for (unsigned i = 0; i < OBJECTS; i++)
		save(i);
	store_commit(r.t.store);
}

static void
teardown(void)
{
	slices_stop(&r.service);
	store_close(r.t.store);
	r.t.store = NULL;
	events_free(r.events);
	loop_free(r.loop);
	log_free(r.log);
	clock_free(r.clock);
	conf_clear(&r.conf);
	tmp_store_clear(&r.t);
}

TestSuite(list, .init = setup, .fini = teardown);

static unsigned n_answers;

struct answer {
	unsigned calls;
	unsigned at; /* its place among the answers of all */
	enum error_code code;
	struct json_object *result; /* owned */
};

static void
answered(struct json_object *result, const struct error *err, void *arg)
{
	struct answer *a = arg;

	a->calls++;
	a->at = n_answers++;
	a->code = err ? err->code : ERROR_NONE;
	a->result = result;
}

static void
ask_as(const struct peer *peer, struct answer *a, const char *params)
{
	_cleanup_json_ struct json_object *json = json_parse(params, strlen(params), NULL);

	*a = (struct answer){ .calls = 0 };
	cr_assert_not_null(json, "%s", params);
	service_call(&r.service, peer, RPC_DNSPROVIDER_LIST, json, answered, a);
}

static const struct peer alice = { .role = ROLE_VIEWER, .user_id = "5000", .label = "uid:5000" };
static const struct peer bob = { .role = ROLE_VIEWER, .user_id = "5001", .label = "uid:5001" };

static void
ask(struct answer *a, const char *params)
{
	ask_as(&alice, a, params);
}

static int64_t
number(struct json_object *obj, const char *name)
{
	int64_t n = -1;

	json_get_int(obj, name, 0, INT64_MAX, &n, NULL);
	return n;
}

static size_t
n_items(const struct answer *a)
{
	struct json_object *items = NULL;

	cr_assert_eq(json_get_array(a->result, "items", &items, NULL), 1);
	return json_object_array_length(items);
}

Test(list, pages_have_what_was_asked_for_and_the_number_of_all)
{
	static const struct {
		const char *params;
		size_t items;
		int64_t total;
	} cases[] = {
		{ "{}", 100, OBJECTS },
		{ "{\"limit\": 1000}", 1000, OBJECTS },
		{ "{\"limit\": 1000, \"offset\": 1000}", OBJECTS - 1000, OBJECTS },
		{ "{\"offset\": 5000}", 0, OBJECTS },
		{ "{\"state\": \"FAILED\", \"limit\": 7}", 7, OBJECTS / FAILED_EVERY },
		{ "{\"state\": \"FAILED\", \"limit\": 1000, \"offset\": 10}", OBJECTS / FAILED_EVERY - 10,
			OBJECTS / FAILED_EVERY },
		{ "{\"state\": \"PROVISIONING\"}", 0, 0 },
		{ "{\"name\": \"d8\"}", 1, 1 },
		{ "{\"name\": \"d8\", \"state\": \"FAILED\"}", 1, 1 },
		{ "{\"name\": \"d8\", \"state\": \"AVAILABLE\"}", 0, 0 },
		{ "{\"name\": \"nobody\"}", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct answer a;

		ask(&a, cases[i].params);
		loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL);
		cr_assert_eq(a.calls, 1, "%s", cases[i].params);
		cr_assert_eq(a.code, ERROR_NONE);
		cr_expect_eq(n_items(&a), cases[i].items, "%s: %zu", cases[i].params, n_items(&a));
		cr_expect_eq(number(a.result, "total"), cases[i].total, "%s", cases[i].params);
		json_object_put(a.result);
	}
}

static void
show_loudly(const struct api_resource *resource, struct json_object *object)
{
	json_add_string(object, "type", resource->title);
}

static void
expect_type(const struct peer *peer, const char *type)
{
	_cleanup_free_ char *wanted = xasprintf("\"type\":\"%s\"", type);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct answer a;

	ask_as(peer, &a, "{\"name\": \"d8\"}");
	loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL);
	json_write(a.result, &text);
	json_object_put(a.result);
	cr_expect_not_null(strstr(buf_str(&text), wanted), "%s: %s", wanted, buf_str(&text));
}

Test(list, items_are_text_in_the_form_of_the_callers_interface)
{
	struct peer loud = alice;

	loud.show = show_loudly;
	expect_type(&alice, "dnsprovider");
	expect_type(&loud, api_resources[API_DNSPROVIDER].title);
}

/* A quarter of a MiB each. */
static void
save_large(unsigned i)
{
	enum { ZONES = 1024, ZONE_LEN = 255 };
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xasprintf("large%u", i) };
	char zone[ZONE_LEN + 1];

	d.kind = xstrdup("exec");
	d.o.state = OBJECT_PROVISIONING;
	for (unsigned z = 0; z < ZONES; z++) {
		snprintf(zone, sizeof(zone), "%0*u", ZONE_LEN, z);
		strlist_add(&d.zones, zone);
	}
	cr_assert_eq(object_save(r.t.store, store_begin(r.t.store), &dnsprovider_class, &d, NULL), 0);
}

Test(list, a_page_of_large_items_ends_early_and_the_next_goes_on_there)
{
	enum { LARGE = 70, PER_MIB = 4, PAGE_MIB = 8 };
	unsigned pages = 0;
	size_t seen = 0;

	for (unsigned i = 0; i < LARGE; i++)
		save_large(i);
	store_commit(r.t.store);
	while (seen < LARGE) {
		_cleanup_free_ char *params = xasprintf(
			"{\"state\": \"PROVISIONING\", \"limit\": 1000, \"offset\": %zu}", seen);
		struct answer a;

		ask(&a, params);
		loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL);
		cr_assert_eq(a.calls, 1);
		cr_assert_gt(n_items(&a), 0);
		cr_expect_leq(n_items(&a), (size_t)PAGE_MIB * PER_MIB);
		cr_expect_eq(number(a.result, "total"), LARGE);
		cr_expect_eq(number(a.result, "offset"), (int64_t)seen);
		cr_expect_eq(number(a.result, "limit"), 1000);
		seen += n_items(&a);
		pages++;
		json_object_put(a.result);
	}
	cr_expect_eq(seen, LARGE);
	cr_expect_eq(pages, 3);
}

/* Runs between two slices of a page. */
struct intruder {
	struct answer *of;
	struct fair_user *user;
	struct fair_task task;
	bool came_first;
};

static void
delete_the_900th(void *arg)
{
	struct intruder *intruder = arg;
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	char last[STORE_ID_SIZE] = "";

	intruder->came_first = !intruder->of->calls;
	for (unsigned i = 0; i < 900; i++) {
		cr_assert_eq(object_next_peek(r.t.store, &dnsprovider_class, last, &d, NULL), 1);
		memcpy(last, d.o.id, STORE_ID_SIZE);
	}
	cr_assert_eq(object_delete(r.t.store, store_begin(r.t.store), &dnsprovider_class, last, NULL), 0);
}

Test(list, a_long_page_lets_others_pass_and_what_is_deleted_meanwhile_is_not_on_it)
{
	struct answer first, second;
	struct intruder intruder = { .of = &first };

	ask(&first, "{\"limit\": 1000}");
	ask_as(&bob, &second, "{\"limit\": 10}");
	intruder.user = fair_join(r.loop, "other", false);
	fair_task_init(&intruder.task, intruder.user, false, delete_the_900th, &intruder);
	fair_task_post(&intruder.task);
	loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL);
	fair_leave(intruder.user);
	cr_expect(intruder.came_first);
	cr_assert_eq(first.calls, 1);
	cr_assert_eq(second.calls, 1);
	cr_expect_lt(second.at, first.at, "the short page of another user is done first");
	cr_expect_eq(n_items(&first), 999);
	json_object_put(first.result);
	json_object_put(second.result);
}

Test(list, those_under_way_when_certd_stops_are_told)
{
	struct answer a;

	ask(&a, "{\"limit\": 1000}");
	cr_expect_eq(a.calls, 0);
	slices_stop(&r.service);
	cr_expect_eq(a.calls, 1);
	cr_expect_eq(a.code, ERROR_CANCELLED);
}
