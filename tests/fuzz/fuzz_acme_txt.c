/* Records of dns-persist-01: what is accepted is written and read again as the same, and the search finds only such. */
#include "common/alloc.h"
#include "common/crypto/acme_txt.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const char *text)
{
	_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 }, again = { .until_at = 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *written = NULL, *quoted = acme_txt_quoted(text);

	if (strlen(quoted) < strlen(text) + 2)
		abort();
	if (acme_persist_parse(text, &p, &err) < 0) {
		if (!error_is_set(&err))
			abort();
		return;
	}
	written = acme_persist_text(&p);
	if (acme_persist_parse(written, &again, NULL) < 0 || !strlist_equal(&p.issuers, &again.issuers) ||
		!strlist_equal(&p.accounts, &again.accounts) || p.is_wildcard != again.is_wildcard ||
		p.until_at != again.until_at)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_acme_persist_ struct acme_persist want = { .until_at = 0 };
	_cleanup_strlist_ struct strlist values = STRLIST_INIT;
	_cleanup_free_ char *why = NULL;
	size_t found = 0;

	check_record(text);
	strlist_add(&want.issuers, "ca.example");
	strlist_add(&want.accounts, "https://ca.example/acct/123");
	want.is_wildcard = size % 2;
	strlist_split(&values, text, '|');
	if (acme_persist_find(&want, &values, 1800000000, &found, &why)) {
		_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 };

		if (why || found >= values.count || acme_persist_parse(values.items[found], &p, NULL) < 0 ||
			(want.is_wildcard && !p.is_wildcard))
			abort();
	} else if (!why) {
		abort();
	}
	return 0;
}
