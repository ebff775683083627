/* Objects: names, references, counters, walks. */
#include "daemon/store/object.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

TestSuite(object, .init = setup, .fini = teardown);

/* Saves in a list of its own, in the present turn. Return: error code. */
static enum error_code
save(const struct record_class *cls, void *obj)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	object_save(t.store, store_begin(t.store), cls, obj, &err);
	return err.code;
}

static void
add_provider(const char *name, char ret_id[STORE_ID_SIZE])
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup(name), .server = xstrdup("https://ca/") };

	cr_assert_eq(save(&provider_class, &p), ERROR_NONE);
	memcpy(ret_id, p.o.id, STORE_ID_SIZE);
}

static enum error_code
add_autocert(const char *name, const char *provider, char ret_id[STORE_ID_SIZE])
{
	_cleanup_autocert_ struct autocert a = { .o.name = xstrdup(name), .provider = xstrdup(provider) };
	enum error_code code;

	a.common_name = xstrdup("*.example.com");
	code = save(&autocert_class, &a);
	memcpy(ret_id, a.o.id, STORE_ID_SIZE);
	return code;
}

static enum error_code delete (const struct record_class *cls, const char *id, struct error *err) {
	error_clear(err); object_delete(t.store, store_begin(t.store), cls, id, err); return err->code;
}

Test(object, a_name_is_shared_by_those_that_are_allowed_to)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	char first[STORE_ID_SIZE];

	add_provider("le", first);
	p.o.name = xstrdup("le");
	cr_expect_eq(save(&provider_class, &p), ERROR_EXISTS);
	p.o.may_share_name = true;
	cr_assert_eq(save(&provider_class, &p), ERROR_NONE);
	p.o.may_share_name = false;
	cr_expect_eq(save(&provider_class, &p), ERROR_NONE, "a name that it has is its own");
	for (int round = 0; round < 2; round++) {
		_cleanup_provider_ struct provider q = { .o.name = NULL };

		cr_expect_eq(object_find(t.store, &provider_class, "le", &q, &err), -1);
		cr_expect_eq(err.code, ERROR_INVALID);
		cr_expect(strstr(err.message, first) && strstr(err.message, p.o.id), "%s", err.message);
		cr_expect_eq(object_find(t.store, &provider_class, first, &q, NULL), 1);
		store_commit(t.store);
		tmp_store_reopen(&t);
	}
	cr_assert_eq(delete (&provider_class, first, &err), ERROR_NONE);
	cr_expect_eq(object_find(t.store, &provider_class, "le", &p, NULL), 1, "the other one");
}

Test(object, names_in_the_index_of_an_earlier_certd_are_found)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct store_txn *txn;
	char id[STORE_ID_SIZE];

	add_provider("le", id);
	txn = store_begin(t.store);
	buf_printf(&key, "n%c%s", (char)STORE_PROVIDER, "le");
	store_put(txn, STORE_INDEX, key.data, key.len, id, strlen(id));
	buf_add(&key, "", 1);
	buf_add_str(&key, id);
	store_del(txn, STORE_INDEX, key.data, key.len);
	store_del(txn, STORE_META, "index-version", strlen("index-version"));
	store_commit(t.store);
	tmp_store_reopen(&t);
	cr_expect_eq(object_find(t.store, &provider_class, "le", &p, NULL), 0);
	cr_assert_eq(objects_upgrade(t.store, NULL), 1);
	cr_expect_eq(object_find(t.store, &provider_class, "le", &p, NULL), 1);
	cr_expect_eq(store_get(t.store, STORE_INDEX, key.data, key.len - strlen(id) - 1, &value, NULL), 0,
		"the old row is gone");
	cr_assert_eq(object_ids_of_name(t.store, &provider_class, "le", 10, &ids, NULL), 0);
	cr_expect_eq(ids.count, 1);
}

Test(object, is_found_by_id_and_by_name_at_once_and_after_a_restart)
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup("le") };
	_cleanup_provider_ struct provider q = { .o.name = NULL };
	char id[STORE_ID_SIZE];

	secret_set(&p.account_key, "key octets", 10);
	cr_assert_eq(save(&provider_class, &p), ERROR_NONE);
	memcpy(id, p.o.id, STORE_ID_SIZE);
	for (int round = 0; round < 2; round++) {
		cr_expect_eq(object_find(t.store, &provider_class, "le", &q, NULL), 1);
		cr_expect_str_eq(q.o.id, id);
		cr_expect(secret_equal(&q.account_key, &p.account_key));
		cr_expect_eq(object_find(t.store, &provider_class, id, &q, NULL), 1);
		cr_expect_eq(object_load(t.store, &provider_class, q.o.id, &q, NULL), 1, "its own id");
		cr_expect_str_eq(q.o.name, "le");
		cr_expect_eq(object_find(t.store, &consumer_class, "le", &(struct consumer){ 0 }, NULL), 0);
		store_commit(t.store);
		tmp_store_reopen(&t);
	}
	cr_expect_eq(object_load(t.store, &provider_class, "no such id", &q, NULL), 0);
	cr_expect_str_empty(q.o.id);
}

Test(object, a_name_is_taken_once_and_free_again_after_renaming_or_deleting)
{
	_cleanup_provider_ struct provider a = { .o.name = xstrdup("a") };
	_cleanup_provider_ struct provider b = { .o.name = xstrdup("a") };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(save(&provider_class, &a), ERROR_NONE);
	cr_expect_eq(save(&provider_class, &b), ERROR_EXISTS);
	cr_expect_str_empty(b.o.id);
	str_replace(&a.o.name, "renamed");
	cr_expect_eq(save(&provider_class, &a), ERROR_NONE);
	cr_expect_eq(save(&provider_class, &b), ERROR_NONE);
	store_commit(t.store);
	cr_expect_eq(delete (&provider_class, a.o.id, &err), ERROR_NONE);
	str_replace(&b.o.name, "renamed");
	cr_expect_eq(save(&provider_class, &b), ERROR_NONE);
	str_replace(&b.o.name, "");
	cr_expect_eq(save(&provider_class, &b), ERROR_INVALID);
}

Test(object, what_it_refers_to_must_be_there_and_stays_while_it_is_needed)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char provider[STORE_ID_SIZE];
	char ids[5][STORE_ID_SIZE];

	cr_expect_eq(add_autocert("x", "00000000-0000-4000-8000-000000000000", ids[0]), ERROR_NOT_FOUND);
	add_provider("le", provider);
	cr_expect_eq(add_autocert("one", provider, ids[0]), ERROR_NONE);
	cr_expect_eq(delete (&provider_class, provider, &err), ERROR_IN_USE);
	cr_expect_str_eq(err.message, "provider 'le' is in use by auto-certificate 'one'");
	for (int i = 1; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		add_autocert(name, provider, ids[i]);
	}
	store_commit(t.store);
	cr_expect_eq(delete (&provider_class, provider, &err), ERROR_IN_USE);
	cr_expect_not_null(strstr(err.message, "and 2 more"), "%s", err.message);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(delete (&autocert_class, ids[i], &err), ERROR_NONE);
	cr_expect_eq(delete (&provider_class, provider, &err), ERROR_NONE, "%s", err.message);
	cr_expect_eq(delete (&provider_class, provider, &err), ERROR_NOT_FOUND);
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_INDEX), 0, "no index row is left behind");
	cr_expect_eq(store_count(t.store, STORE_AUTOCERT), 0);
}

Test(object, a_changed_reference_lets_the_old_target_go)
{
	_cleanup_autocert_ struct autocert a = { .o.name = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	char old[STORE_ID_SIZE];
	char new[STORE_ID_SIZE];
	char id[STORE_ID_SIZE];

	add_provider("old", old);
	add_provider("new", new);
	add_autocert("auto", old, id);
	store_commit(t.store);
	cr_assert_eq(object_load(t.store, &autocert_class, id, &a, NULL), 1);
	str_replace(&a.provider, new);
	cr_expect_eq(save(&autocert_class, &a), ERROR_NONE);
	cr_expect_eq(delete (&provider_class, old, &err), ERROR_NONE, "%s", err.message);
	cr_expect_eq(delete (&provider_class, new, &err), ERROR_IN_USE);
}

Test(object, a_weak_reference_is_listed_but_holds_nothing)
{
	_cleanup_certificate_ struct certificate c = { .o.name = xstrdup("c") };
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	char provider[STORE_ID_SIZE];
	char autocert[STORE_ID_SIZE];

	add_provider("le", provider);
	add_autocert("auto", provider, autocert);
	c.autocert = xstrdup(autocert);
	c.common_name = xstrdup("*.example.com");
	cr_assert_eq(save(&certificate_class, &c), ERROR_NONE);
	cr_expect_eq(object_referrers(t.store, &certificate_class, autocert, 9, &ids, NULL), 0);
	cr_assert_eq(ids.count, 1);
	cr_expect_str_eq(ids.items[0], c.o.id);
	cr_expect_eq(delete (&autocert_class, autocert, &err), ERROR_NONE, "%s", err.message);
	cr_expect_eq(delete (&certificate_class, c.o.id, &err), ERROR_NONE);
}

Test(object, the_certificate_in_use_cannot_be_deleted)
{
	_cleanup_certificate_ struct certificate c = { .o.name = xstrdup("c") };
	_cleanup_autocert_ struct autocert a = { .o.name = xstrdup("auto") };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(save(&certificate_class, &c), ERROR_NONE);
	a.last_certificate = xstrdup(c.o.id);
	cr_assert_eq(save(&autocert_class, &a), ERROR_NONE);
	cr_expect_eq(delete (&certificate_class, c.o.id, &err), ERROR_IN_USE);
}

Test(object, what_refers_to_a_target_that_was_not_stored_is_not_stored_either)
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup("le") };
	_cleanup_error_ struct error refused = ERROR_INIT;
	struct store_txn *txn = store_begin(t.store);
	char id[STORE_ID_SIZE];

	cr_assert_eq(object_save(t.store, txn, &provider_class, &p, NULL), 0);
	cr_assert_eq(add_autocert("auto", p.o.id, id), ERROR_NONE);
	error_set(&refused, ERROR_STATE, "refused after all");
	store_fail(txn, &refused);
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_AUTOCERT), 0);
	cr_expect_eq(object_count(t.store, &autocert_class, OBJECT_PROVISIONING), 0);
}

Test(object, a_walk_is_in_order_of_ids_and_sees_the_turn)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	char last[STORE_ID_SIZE] = "";
	char id[STORE_ID_SIZE];
	int n = 0;

	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		add_provider(name, id);
		if (i == 10)
			store_commit(t.store);
	}
	while (object_next_peek(t.store, &provider_class, last, &p, NULL) == 1) {
		cr_expect_lt(strcmp(last, p.o.id), 0);
		memcpy(last, p.o.id, STORE_ID_SIZE);
		n++;
	}
	cr_expect_eq(n, 20);
	cr_expect_null(p.o.name, "empty at the end");
}

Test(object, what_was_peeked_at_has_no_secrets_and_cannot_be_saved)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	char id[STORE_ID_SIZE];

	add_provider("p", id);
	cr_assert_eq(object_load(t.store, &provider_class, id, &p, NULL), 1);
	secret_set(&p.account_key, "key", 3);
	save(&provider_class, &p);
	cr_assert_eq(object_find_peek(t.store, &provider_class, "p", &p, NULL), 1);
	cr_expect_eq(p.account_key.len, 0);
	cr_expect_eq(object_save(t.store, store_begin(t.store), &provider_class, &p, &err), -1);
	cr_expect_eq(err.code, ERROR_INTERNAL);
	cr_assert_eq(object_find(t.store, &provider_class, "p", &p, NULL), 1);
	cr_expect_eq(p.account_key.len, 3);
	cr_expect_eq(object_save(t.store, store_begin(t.store), &provider_class, &p, NULL), 0);
}

Test(object, counts_by_state_follow_saves_and_deletes)
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup("p") };
	_cleanup_error_ struct error err = ERROR_INIT;

	p.o.state = OBJECT_AVAILABLE;
	save(&provider_class, &p);
	cr_expect_eq(object_count(t.store, &provider_class, OBJECT_AVAILABLE), 1);
	p.o.state = OBJECT_FAILED;
	save(&provider_class, &p);
	store_commit(t.store);
	tmp_store_reopen(&t);
	cr_expect_eq(object_count(t.store, &provider_class, OBJECT_AVAILABLE), 0);
	cr_expect_eq(object_count(t.store, &provider_class, OBJECT_FAILED), 1);
	cr_expect_eq(delete (&provider_class, p.o.id, &err), ERROR_NONE);
	cr_expect_eq(object_count(t.store, &provider_class, OBJECT_FAILED), 0);
}
