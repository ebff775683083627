#include "daemon/service/token.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW = 1700000000, DAY = 86400 };

/* A stored token named "ci". */
static void
add_token(struct tmp_store *t, struct token *token, char text[TOKEN_TEXT_SIZE])
{
	struct store_txn *txn = store_begin(t->store);

	*token = (struct token){ .role = xstrdup("operator"), .lifetime = 90 * DAY };
	token->o.name = xstrdup("ci");
	token->o.created_at = NOW;
	store_new_id(token->o.id);
	cr_assert_eq(token_make(token->o.id, text, &token->hash, NULL), 0);
	cr_assert_eq(object_save(t->store, txn, &token_class, token, NULL), 0);
	store_commit(t->store);
}

Test(token, who_has_it_is_known_by_it_until_it_ends_or_is_deleted)
{
	struct tmp_store t;
	struct token token;
	struct peer peer = { .role = ROLE_NONE };
	char text[TOKEN_TEXT_SIZE];

	tmp_store_init(&t, 0);
	add_token(&t, &token, text);
	cr_assert_eq(token_authenticate(t.store, text, NOW, &peer, NULL), 1);
	cr_expect_eq(peer.role, ROLE_OPERATOR);
	cr_expect_eq(peer.uid, (uid_t)-1);
	cr_expect_str_eq(peer.user_id, token.o.id);
	cr_expect_str_eq(peer.label, "token:ci");
	cr_expect_eq(token_authenticate(t.store, text, NOW + 90 * DAY - 1, &peer, NULL), 1);
	cr_expect_eq(token_authenticate(t.store, text, NOW + 90 * DAY, &peer, NULL), 0, "it has ended");
	cr_assert_eq(object_delete(t.store, store_begin(t.store), &token_class, token.o.id, NULL), 0);
	cr_expect_eq(token_authenticate(t.store, text, NOW, &peer, NULL), 0, "it was deleted");
	token_clear(&token);
	tmp_store_clear(&t);
}

Test(token, one_wrong_character_anywhere_is_unknown)
{
	struct tmp_store t;
	struct token token;
	struct peer peer;
	char text[TOKEN_TEXT_SIZE];

	tmp_store_init(&t, 0);
	add_token(&t, &token, text);
	for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
		char wrong[TOKEN_TEXT_SIZE];

		memcpy(wrong, text, sizeof(wrong));
		wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
		cr_expect_eq(token_authenticate(t.store, wrong, NOW, &peer, NULL), 0, "%s", wrong);
	}
	token_clear(&token);
	tmp_store_clear(&t);
}

Test(token, its_secret_is_not_stored)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct tmp_store t;
	struct token token;
	char text[TOKEN_TEXT_SIZE];

	tmp_store_init(&t, 0);
	add_token(&t, &token, text);
	cr_assert_eq(store_get(t.store, STORE_TOKEN, token.o.id, strlen(token.o.id), &record, NULL), 1);
	cr_expect_null(memmem(record.data, record.len, text + TOKEN_TEXT_LEN - 43, 43));
	token_clear(&token);
	tmp_store_clear(&t);
}

Test(token, no_two_are_alike)
{
	_cleanup_buf_ struct buf hash = BUF_INIT;
	char id[STORE_ID_SIZE];
	char a[TOKEN_TEXT_SIZE], b[TOKEN_TEXT_SIZE];

	store_new_id(id);
	cr_assert_eq(token_make(id, a, &hash, NULL), 0);
	cr_assert_eq(token_make(id, b, &hash, NULL), 0);
	cr_expect_eq(strlen(a), TOKEN_TEXT_LEN);
	cr_expect_str_neq(a, b);
}

#define SOME "certd_0f9b7c1e-5a52-4d0e-9f2a-1b2c3d4e5f60_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"

Test(token, a_header_holds_one_token_of_the_one_form_or_none)
{
	static const struct {
		const char *value;
		int found;
	} cases[] = {
		{ "Bearer " SOME, 1 },
		{ "bearer " SOME, 1 },
		{ "BEARER   " SOME "  ", 1 },
		{ "", 0 },
		{ "Bearer", 0 },
		{ "Bearer ", 0 },
		{ SOME, 0 },
		{ "Basic " SOME, 0 },
		{ "Bearer\t" SOME, 0 },
		{ "Bearer" SOME, 0 },
		{ "Bearer " SOME "x", 0 },
		{ "Bearer " SOME " x", 0 },
		{ "Bearer certd_0f9b7c1e", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TOKEN_TEXT_SIZE] = "";

		cr_expect_eq(token_of_authorization(cases[i].value, text), cases[i].found, "%s", cases[i].value);
		if (cases[i].found)
			cr_expect_str_eq(text, SOME, "%s", cases[i].value);
	}
}
