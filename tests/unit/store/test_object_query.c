/* Queries against a look at every object; and what an earlier certd stored is found too. */
#include "common/error.h"
#include "daemon/store/object_query.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 60, PROVIDERS = 3, COMMON_NAMES = 4, STATES = 3, DAYS = 10, DAY = 86400 };

static struct tmp_store t;
static char providers[PROVIDERS][STORE_ID_SIZE];

/* What is declared, as small numbers. */
struct declared {
	char id[STORE_ID_SIZE];
	unsigned provider, common_name, state, day; /* @day 0: no certificate yet */
};
static struct declared all[OBJECTS];

static void
save(const struct record_class *cls, void *obj)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(object_save(t.store, store_begin(t.store), cls, obj, &err), 0, "%s", err.message);
}

static void
declare(unsigned i)
{
	_cleanup_autocert_ struct autocert a = { .o.name = xasprintf("n%u", i) };
	struct declared *d = &all[i];

	*d = (struct declared){ .provider = i % PROVIDERS,
		.common_name = i / 2 % COMMON_NAMES,
		.state = i / 3 % STATES,
		.day = i / 5 % DAYS };
	a.provider = xstrdup(providers[d->provider]);
	a.common_name = xasprintf("cn%u.example.com", d->common_name);
	a.o.state = (int64_t)d->state;
	a.last_not_after_at = (int64_t)d->day * DAY;
	save(&autocert_class, &a);
	memcpy(d->id, a.o.id, STORE_ID_SIZE);
}

static void
setup(void)
{
	tmp_store_init(&t, 0);
	for (unsigned i = 0; i < PROVIDERS; i++) {
		_cleanup_provider_ struct provider p = { .o.name = xasprintf("p%u", i) };

		save(&provider_class, &p);
		memcpy(providers[i], p.o.id, STORE_ID_SIZE);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		declare(i);
		if (i == OBJECTS / 2) /* the second half is pending */
			store_commit(t.store);
	}
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(object_query, .init = setup, .fini = teardown);

/* One number too large: no condition. */
struct wanted {
	unsigned name, provider, common_name, state, day;
};

static bool
is_wanted(const struct wanted *w, unsigned i)
{
	const struct declared *d = &all[i];

	return d->id[0] && (w->name == OBJECTS || w->name == i) &&
	       (w->provider == PROVIDERS || w->provider == d->provider) &&
	       (w->common_name == COMMON_NAMES || w->common_name == d->common_name) &&
	       (w->state == STATES || w->state == d->state) && (w->day == DAYS || (d->day != 0 && d->day < w->day));
}

struct answer {
	unsigned count;
	unsigned told_before[OBJECTS];
	unsigned last_day;
	char last_id[STORE_ID_SIZE];
	unsigned pause_after;
	const struct wanted *wanted;
};

static bool
take(const char *id, void *arg)
{
	struct answer *answer = arg;

	for (unsigned i = 0; i < OBJECTS; i++) {
		if (strcmp(id, all[i].id) != 0)
			continue;
		cr_assert(is_wanted(answer->wanted, i), "n%u", i);
		cr_assert_eq(answer->told_before[i]++, 0, "n%u is told twice", i);
		answer->count++;
		return answer->pause_after == 0 || answer->count % answer->pause_after != 0;
	}
	cr_assert_fail("'%s' is nobody's id", id);
	return false;
}

static void
expect_found(const struct wanted *w, unsigned max_looks, unsigned pause_after)
{
	struct answer answer = { .wanted = w, .pause_after = pause_after };
	struct object_query q;
	char name[16], common_name[32];
	unsigned expected = 0;
	int rc = 1;

	object_query_init(&q, &autocert_class);
	snprintf(name, sizeof(name), "n%u", w->name);
	snprintf(common_name, sizeof(common_name), "cn%u.example.com", w->common_name);
	if (w->name < OBJECTS)
		object_query_add(&q, OBJECT_HAS_NAME, name, 0);
	if (w->day < DAYS)
		object_query_add(&q, OBJECT_EXPIRES_BEFORE, NULL, (int64_t)w->day * DAY);
	if (w->common_name < COMMON_NAMES)
		object_query_add(&q, OBJECT_HAS_COMMON_NAME, common_name, 0);
	if (w->provider < PROVIDERS)
		object_query_add(&q, OBJECT_REFERS_TO, providers[w->provider], 0);
	if (w->state < STATES)
		object_query_add(&q, OBJECT_HAS_STATE, NULL, w->state);
	while (rc == 1)
		rc = object_query_run(&q, t.store, max_looks, take, &answer, NULL);
	cr_assert_eq(rc, 0);
	for (unsigned i = 0; i < OBJECTS; i++)
		expected += is_wanted(w, i);
	cr_expect_eq(answer.count, expected, "name %u provider %u cn %u state %u day %u: %u, not %u", w->name,
		w->provider, w->common_name, w->state, w->day, answer.count, expected);
	object_query_clear(&q);
}

static void
expect_all_combinations(void)
{
	struct wanted w = { .name = OBJECTS };

	for (w.provider = 0; w.provider <= PROVIDERS; w.provider++)
		for (w.common_name = 0; w.common_name <= COMMON_NAMES; w.common_name++)
			for (w.state = 0; w.state <= STATES; w.state++)
				for (w.day = 0; w.day <= DAYS; w.day += 5)
					expect_found(&w, 7, w.state);
	w = (struct wanted){ 17, PROVIDERS, COMMON_NAMES, STATES, DAYS };
	expect_found(&w, 100, 0);
	for (w.provider = 0; w.provider < PROVIDERS; w.provider++)
		expect_found(&w, 100, 0);
}

Test(object_query, finds_what_fulfils_all_conditions_in_the_turn_and_after_a_restart)
{
	expect_all_combinations();
	store_commit(t.store);
	tmp_store_reopen(&t);
	expect_all_combinations();
}

Test(object_query, follows_changes_and_deletions)
{
	for (unsigned i = 0; i < OBJECTS; i += 4) {
		_cleanup_autocert_ struct autocert a = { 0 };

		cr_assert_eq(object_load(t.store, &autocert_class, all[i].id, &a, NULL), 1);
		all[i].state = (unsigned)(a.o.state = (a.o.state + 1) % STATES);
		all[i].day = DAYS - 1 - all[i].day;
		a.last_not_after_at = (int64_t)all[i].day * DAY;
		save(&autocert_class, &a);
	}
	for (unsigned i = 1; i < OBJECTS; i += 4) {
		object_delete(t.store, store_begin(t.store), &autocert_class, all[i].id, NULL);
		all[i].id[0] = '\0';
	}
	expect_all_combinations();
	store_commit(t.store);
	expect_all_combinations();
}

static bool
take_row(const void *key, size_t len, void *arg)
{
	struct strlist *rows = arg;

	if (*(const char *)key == 's' || *(const char *)key == 'e') {
		struct buf row = BUF_INIT;

		for (size_t i = 0; i < len; i++)
			buf_printf(&row, "%02x", ((const unsigned char *)key)[i]);
		strlist_take(rows, buf_steal(&row));
	}
	return true;
}

static size_t
new_rows(struct strlist *rows)
{
	static const struct buf none = BUF_INIT;

	strlist_clear(rows);
	cr_assert_eq(store_walk_keys(t.store, STORE_INDEX, &none, false, &none, take_row, rows, NULL), 0);
	return rows->count;
}

/* As certd left it before it had rows by state and expiry. */
static void
make_old(struct strlist *rows)
{
	struct store_txn *txn = store_begin(t.store);

	for (size_t i = 0; i < rows->count; i++) {
		unsigned char key[256];
		size_t len = strlen(rows->items[i]) / 2;

		for (size_t k = 0; k < len; k++) {
			const char octet[3] = { rows->items[i][2 * k], rows->items[i][2 * k + 1], '\0' };

			key[k] = (unsigned char)strtoul(octet, NULL, 16);
		}
		store_del(txn, STORE_INDEX, key, len);
	}
	store_del(txn, STORE_META, "index-version", strlen("index-version"));
	store_commit(t.store);
	tmp_store_reopen(&t);
}

Test(object_query, what_an_earlier_certd_stored_is_found_after_the_upgrade_which_is_made_once)
{
	_cleanup_strlist_ struct strlist before = STRLIST_INIT;
	_cleanup_strlist_ struct strlist after = STRLIST_INIT;

	store_commit(t.store);
	cr_assert_gt(new_rows(&before), OBJECTS);
	make_old(&before);
	cr_assert_eq(new_rows(&after), 0);
	cr_expect_eq(objects_upgrade(t.store, NULL), 1);
	new_rows(&after);
	cr_expect(strlist_equal(&before, &after));
	tmp_store_reopen(&t);
	expect_all_combinations();
	cr_expect_eq(objects_upgrade(t.store, NULL), 0);
}

static bool
count_one(const char *id, void *arg)
{
	(void)id;
	++*(size_t *)arg;
	return true;
}

static size_t
count_of(enum object_condition condition, const char *text)
{
	struct object_query q;
	size_t n = 0;
	int more = 1;

	object_query_init(&q, &autocert_class);
	object_query_add(&q, condition, text, 0);
	while (more == 1)
		more = object_query_run(&q, t.store, 7, count_one, &n, NULL);
	cr_assert_eq(more, 0);
	object_query_clear(&q);
	return n;
}

Test(object_query, names_below_a_domain_are_found_and_no_others)
{
	static const char *const names[] = { "x.org", "a.x.org", "*.x.org", "b.a.x.org", "ax.org", "x.org.evil.com",
		"a.x-y.org" };
	static const struct {
		const char *domain;
		size_t count;
	} cases[] = { { "x.org", 3 }, { "a.x.org", 1 }, { "org", 6 }, { "example.com", OBJECTS },
		{ "nowhere.org", 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_autocert_ struct autocert a = { .o.name = xasprintf("below%zu", i) };

		a.provider = xstrdup(providers[0]);
		a.common_name = xstrdup(names[i]);
		strlist_add(&a.labels, i % 2 ? "odd" : "even");
		strlist_add(&a.labels, "all=1");
		save(&autocert_class, &a);
	}
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			cr_expect_eq(count_of(OBJECT_IS_BELOW, cases[i].domain), cases[i].count, "%s", cases[i].domain);
		cr_expect_eq(count_of(OBJECT_HAS_LABEL, "odd"), ARRAY_SIZE(names) / 2);
		cr_expect_eq(count_of(OBJECT_HAS_LABEL, "all=1"), ARRAY_SIZE(names));
		cr_expect_eq(count_of(OBJECT_HAS_LABEL, "all"), 0);
		store_commit(t.store);
		tmp_store_reopen(&t);
	}
}
