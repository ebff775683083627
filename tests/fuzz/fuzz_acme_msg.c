/*
 * tests/fuzz/fuzz_acme_msg.c: answers of a CA. The first octet selects the parser for the rest. Accepted data must be
 * what the rest of daemon/acme relies on: https URLs, tokens of the one alphabet, one-line messages.
 */
#include "common/buf.h"
#include "daemon/acme/acme_msg.h"

#include <string.h>
#include <strings.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void
require_url(const char *url)
{
	require(!url ||
		(strncasecmp(url, "https://", 8) == 0 && strlen(url) <= ACME_URL_MAX && !strpbrk(url, " \r\n\"")));
}

static void
require_message(const struct error *err)
{
	require(error_is_set(err) == (err->message != NULL));
	for (const char *s = err->message; s && *s; s++)
		require((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void
require_challenge(const struct acme_challenge *c)
{
	size_t len = c->token ? strlen(c->token) : ACME_TOKEN_MIN;

	require_url(c->url);
	require(len >= ACME_TOKEN_MIN && len <= ACME_TOKEN_MAX && !(c->token && strpbrk(c->token, "./\\$ ")));
	require_message(&c->error);
}

static void
fuzz_directory(const char *text, size_t len)
{
	_cleanup_(acme_directory_clear) struct acme_directory d = { .new_nonce = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	int r = acme_msg_directory(text, len, &d, &err);

	require((r < 0) == error_is_set(&err));
	require_url(d.new_nonce);
	require_url(d.new_order);
	require(r < 0 || (d.new_nonce && d.new_account && d.new_order));
}

static void
fuzz_order(const char *text, size_t len)
{
	_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_PENDING };
	_cleanup_error_ struct error err = ERROR_INIT;
	int r = acme_msg_order(text, len, &o, &err);

	require((r < 0) == error_is_set(&err));
	for (size_t i = 0; i < o.authorizations.count; i++)
		require_url(o.authorizations.items[i]);
	require_url(o.finalize);
	require_url(o.certificate);
	require_message(&o.error);
}

static void
fuzz_authorization(const char *text, size_t len)
{
	_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	int r = acme_msg_authorization(text, len, &a, &err);

	require((r < 0) == error_is_set(&err));
	require(r < 0 || !a.name || !strchr(a.name, '/'));
	for (size_t i = 0; i < a.n_challenges; i++) {
		require(a.challenges[i].type && a.challenges[i].url);
		require_challenge(&a.challenges[i]);
	}
}

static void
fuzz_challenge(const char *text, size_t len)
{
	_cleanup_(acme_challenge_clear) struct acme_challenge c = { .type = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (acme_msg_challenge(text, len, &c, &err) == 0)
		require_challenge(&c);
}

static void
fuzz_account(const char *text, size_t len)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	enum acme_status status;

	require((acme_msg_account(text, len, &status, &err) < 0) == error_is_set(&err));
}

static void
fuzz_problem(const char *text, size_t len)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	acme_msg_problem(429, text, len, 0, &err);
	require(error_is_set(&err) && err.retry_at >= 0);
	require_message(&err);
}

static void
fuzz_links(const char *text, size_t len)
{
	_cleanup_strlist_ struct strlist links = STRLIST_INIT;
	_cleanup_strlist_ struct strlist found = STRLIST_INIT;

	strlist_take(&links, xstrndup(text, len));
	acme_msg_links(&links, "alternate", &found);
	for (size_t i = 0; i < found.count; i++)
		require(!strchr(found.items[i], '>'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *text, size_t len) = { fuzz_directory, fuzz_order, fuzz_authorization,
		fuzz_challenge, fuzz_account, fuzz_problem, fuzz_links };

	if (size == 0)
		return 0;
	readers[data[0] % ARRAY_SIZE(readers)]((const char *)data + 1, size - 1);
	return 0;
}
