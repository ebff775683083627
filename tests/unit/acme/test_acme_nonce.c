#include "daemon/acme/acme_nonce.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(acme_nonce, the_newest_is_used_first_and_each_once)
{
	_cleanup_(acme_nonces_clear) struct acme_nonces nonces = { .unused = STRLIST_INIT };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;

	acme_nonces_put(&nonces, "old");
	acme_nonces_put(&nonces, "new");
	first = acme_nonces_take(&nonces);
	second = acme_nonces_take(&nonces);
	cr_expect_str_eq(first, "new");
	cr_expect_str_eq(second, "old");
	cr_expect_null(acme_nonces_take(&nonces));
}

Test(acme_nonce, what_is_no_nonce_is_dropped)
{
	static const char *const junk[] = { NULL, "", "a b", "a\r\nX: y", "a+b", "\"", "n\xc3\xbc" };
	_cleanup_(acme_nonces_clear) struct acme_nonces nonces = { .unused = STRLIST_INIT };
	char too_long[130];

	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	acme_nonces_put(&nonces, too_long);
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
		acme_nonces_put(&nonces, junk[i]);
	cr_expect_null(acme_nonces_take(&nonces));
	acme_nonces_put(&nonces, too_long + 1);
	cr_expect_eq(nonces.unused.count, 1, "128 octets are the most");
}

Test(acme_nonce, the_oldest_goes_when_there_are_too_many)
{
	_cleanup_(acme_nonces_clear) struct acme_nonces nonces = { .unused = STRLIST_INIT };
	char *nonce, *last = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < ACME_NONCES_MAX + 10; i++) {
		char text[16];

		snprintf(text, sizeof(text), "n%u", i);
		acme_nonces_put(&nonces, text);
	}
	while ((nonce = acme_nonces_take(&nonces)) != NULL) {
		free(last);
		last = nonce;
		count++;
	}
	cr_expect_eq(count, ACME_NONCES_MAX);
	cr_expect_str_eq(last, "n10");
	free(last);
}
