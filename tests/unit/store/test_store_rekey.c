/*
 * Changing the master key: at each step either key opens the store with all that is in it, and after the last one only
 * the new key does. A kill leaves one of these steps, because each is a transaction.
 */
#include "daemon/store/object.h"
#include "daemon/store/setting.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_rekey.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { OLD = 7, NEW = 8, ROWS = 40, SLICE = 16 };

static struct tmp_store t;
static char provider_id[STORE_ID_SIZE], dns_id[STORE_ID_SIZE];

static void
secret_text(struct secret *ret, const char *text)
{
	secret_set(ret, text, strlen(text));
}

static struct setting *
add_secret(struct record_list *list, const char *name, const char *text)
{
	struct setting *s = record_list_add(&setting_class, list);

	s->name = xstrdup(name);
	secret_text(&s->secret, text);
	return s;
}

/* Objects with secrets, some in lists, a value that is a seal as a whole, and rows without secrets. */
static void
fill(void)
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup("le"), .server = xstrdup("https://ca/") };
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xstrdup("dns"), .kind = xstrdup("exec") };
	_cleanup_secret_ struct secret head = SECRET_INIT;
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	struct store_txn *txn = store_begin(t.store);

	secret_text(&p.account_key, "the account key");
	secret_text(&p.eab_key, "the MAC key");
	add_secret(&d.secrets, "token", "the first token");
	add_secret(&d.secrets, "password", "the second one");
	cr_assert_eq(object_save(t.store, txn, &provider_class, &p, NULL), 0);
	cr_assert_eq(object_save(t.store, txn, &dnsprovider_class, &d, NULL), 0);
	memcpy(provider_id, p.o.id, sizeof(provider_id));
	memcpy(dns_id, d.o.id, sizeof(dns_id));
	secret_text(&head, "the head of the audit log");
	cr_assert_eq(store_seal(t.store, STORE_AUDIT, "head", &head, &sealed, NULL), 0);
	store_put(txn, STORE_AUDIT, "head", 4, sealed.data, sealed.len);
	for (unsigned i = 0; i < ROWS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "row %u", i);
		put_text(txn, i % 2 ? STORE_EVENT : STORE_META, key, "a value");
	}
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
}

static void
setup(void)
{
	tmp_store_init(&t, 0);
	t.is_peculiar = true;
	fill();
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(store_rekey, .init = setup, .fini = teardown);

static void
expect_secret(const struct secret *secret, const char *text)
{
	cr_expect_eq(secret->len, strlen(text));
	cr_expect(secret->len == strlen(text) && memcmp(secret->data, text, secret->len) == 0, "%s", text);
}

static void
expect_all(const char *when)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = NULL };
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	_cleanup_secret_ struct secret head = SECRET_INIT;
	struct store_stats stats;

	store_get_stats(t.store, &stats);
	cr_assert_eq(stats.damaged_records, 0, "%s", when);
	cr_assert_eq(object_load(t.store, &provider_class, provider_id, &p, NULL), 1, "%s", when);
	expect_secret(&p.account_key, "the account key");
	expect_secret(&p.eab_key, "the MAC key");
	cr_assert_eq(object_load(t.store, &dnsprovider_class, dns_id, &d, NULL), 1, "%s", when);
	expect_secret(setting_secret(&d.secrets, "token"), "the first token");
	expect_secret(setting_secret(&d.secrets, "password"), "the second one");
	cr_assert_eq(store_get(t.store, STORE_AUDIT, "head", 4, &sealed, NULL), 1, "%s", when);
	cr_assert_eq(store_unseal(t.store, STORE_AUDIT, "head", sealed.data, sealed.len, &head, NULL), 0, "%s", when);
	expect_secret(&head, "the head of the audit log");
	for (unsigned i = 0; i < ROWS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "row %u", i);
		cr_assert(has_text(t.store, i % 2 ? STORE_EVENT : STORE_META, key, "a value"), "%s: %s", when, key);
	}
}

static void
reopen_with(unsigned char octet)
{
	tmp_store_key(&t.key, octet);
	tmp_store_reopen(&t);
}

static bool
opens_with(unsigned char octet)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store;

	tmp_store_key(&key, octet);
	store_close(t.store);
	t.store = NULL;
	store = store_open_sized(t.path, &key, 64 << 20, &err);
	cr_expect(store || err.code == ERROR_CONFIG, "%s", err.message);
	store_close(store);
	return store;
}

static void
begin(void)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	tmp_store_key(&key, NEW);
	cr_assert_eq(store_rekey_begin(t.store, &key, &err), 0, "%s", err.message);
}

/* Return: as store_rekey_slice(). */
static int
slice(struct store_rekey_walk *walk)
{
	struct store_txn *txn = store_begin(t.store);
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc = store_rekey_slice(t.store, txn, walk, SLICE, &err);

	cr_assert_geq(rc, 0, "%s", err.message);
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
	return rc;
}

Test(store_rekey, after_the_end_the_new_key_alone_opens_everything)
{
	struct store_rekey_walk walk = { .db = 0 };

	cr_expect_eq(store_rekey_state(t.store), STORE_REKEY_NONE);
	begin();
	cr_expect_eq(store_rekey_state(t.store), STORE_REKEY_FORMER);
	while (slice(&walk) == 1) {}
	buf_clear(&walk.after);
	cr_expect_eq(store_rekey_finish(t.store, NULL), -1, "the former key is still what the next start has");
	store_rekey_installed(t.store);
	cr_assert_eq(store_rekey_finish(t.store, NULL), 0);
	cr_expect_eq(store_rekey_state(t.store), STORE_REKEY_NONE);
	expect_all("at the end");
	cr_expect(!opens_with(OLD));
	reopen_with(NEW);
	cr_expect_eq(store_rekey_state(t.store), STORE_REKEY_NONE);
	expect_all("at the next start");
}

/* Killed after each number of slices, and started with either key: it goes on, and ends. */
Test(store_rekey, a_kill_at_any_step_loses_nothing_whichever_key_the_next_start_has)
{
	for (unsigned steps = 0; steps < 30; steps++) {
		unsigned char next = steps % 2 ? OLD : NEW;
		struct store_rekey_walk walk = { .db = 0 };
		int rc = 1;

		begin();
		for (unsigned i = 0; i < steps; i++)
			slice(&walk);
		buf_clear(&walk.after);
		reopen_with(next);
		expect_all("after the kill");
		cr_assert_eq(store_rekey_state(t.store), next == NEW ? STORE_REKEY_NEW : STORE_REKEY_FORMER);
		walk = (struct store_rekey_walk){ .db = 0 };
		while (rc == 1)
			rc = slice(&walk);
		buf_clear(&walk.after);
		reopen_with(NEW);
		cr_assert_eq(store_rekey_state(t.store), STORE_REKEY_NEW);
		cr_assert_eq(store_rekey_finish(t.store, NULL), 0);
		cr_assert(!opens_with(OLD), "%u steps", steps);
		reopen_with(NEW);
		expect_all("after the end");
		/* Back to the old one, for the next round. */
		tmp_store_clear(&t);
		tmp_store_init(&t, 0);
		t.is_peculiar = true;
		fill();
	}
}

/* A change that was prepared before, with what the former key sealed, and one in the middle of the walk. */
Test(store_rekey, what_is_written_meanwhile_is_under_the_new_key)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	struct store_rekey_walk walk = { .db = 0 };
	struct store_txn *txn = store_begin(t.store);

	cr_assert_eq(object_load(t.store, &provider_class, provider_id, &p, NULL), 1);
	secret_text(&p.account_key, "another account key");
	cr_assert_eq(object_save(t.store, txn, &provider_class, &p, NULL), 0);
	begin();
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
	slice(&walk);
	txn = store_begin(t.store);
	put_text(txn, STORE_META, "row 0", "a later value");
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
	while (slice(&walk) == 1) {}
	buf_clear(&walk.after);
	store_rekey_installed(t.store);
	cr_assert_eq(store_rekey_finish(t.store, NULL), 0);
	reopen_with(NEW);
	provider_clear(&p);
	cr_assert_eq(object_load(t.store, &provider_class, provider_id, &p, NULL), 1);
	expect_secret(&p.account_key, "another account key");
	cr_expect(has_text(t.store, STORE_META, "row 0", "a later value"));
}

Test(store_rekey, a_second_change_and_a_key_that_is_none_are_refused)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	tmp_store_key(&key, OLD);
	cr_expect_eq(store_rekey_begin(t.store, &key, &err), -1);
	cr_expect_str_eq(err.field, "masterKey");
	secret_text(&key, "short");
	error_clear(&err);
	cr_expect_eq(store_rekey_begin(t.store, &key, &err), -1);
	cr_expect_str_eq(err.field, "masterKey");
	begin();
	tmp_store_key(&key, 9);
	error_clear(&err);
	cr_expect_eq(store_rekey_begin(t.store, &key, &err), -1);
	cr_expect_eq(err.code, ERROR_STATE);
	cr_expect(!opens_with(9));
}
