/* What is remembered about files that others have changed. */
#include "daemon/rollout/rollout_check.h"

#include "common/error.h"
#include "daemon/store/store.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>

enum { NOW = 1700000000, DAY = 24 * 3600 };

Test(rollout_check, a_change_by_others_is_told_with_its_time_for_a_day_until_it_is_forgotten)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *other = NULL;
	_cleanup_free_ char *forgotten = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	struct tmp_store t;
	int64_t until = 0;

	tmp_store_init(&t, 0);
	txn = store_begin(t.store);
	put_text(txn, STORE_INDEX, "gone", "1700000000 live/www/cert.pem has another content; and 2 more");
	put_text(txn, STORE_INDEX, "gtwo", "1700000001 x");
	store_commit(t.store);
	text = rollout_changed_text(t.store, "one", &until, &err);
	cr_assert_not_null(text);
	cr_expect_str_eq(text, "its files were changed by others; found and written again at 2023-11-14T22:13:20Z: "
			       "live/www/cert.pem has another content; and 2 more");
	cr_expect_eq(until, NOW + DAY);
	rollout_changed_forget(store_begin(t.store), "one");
	store_commit(t.store);
	forgotten = rollout_changed_text(t.store, "one", &until, &err);
	cr_expect_null(forgotten);
	cr_expect(!error_is_set(&err));
	other = rollout_changed_text(t.store, "two", NULL, &err);
	cr_expect_not_null(other, "that of another is kept");
	tmp_store_clear(&t);
}
