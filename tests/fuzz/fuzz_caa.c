/*
 * tests/fuzz/fuzz_caa.c: CAA records, as any DNS server may send them: a line each. The first octet selects what is
 * known of the CA.
 */
#include "daemon/ready/caa.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strlist_ struct strlist records = STRLIST_INIT, identities = STRLIST_INIT;
	_cleanup_buf_ struct buf why = BUF_INIT;
	struct caa_question q = { .identities = &identities };

	if (size == 0)
		return 0;
	_cleanup_free_ char *text = xstrndup((const char *)data + 1, size - 1);
	strlist_split(&records, text, '\n');
	if (data[0] & 1)
		strlist_add(&identities, "ca.example");
	if (data[0] & 2)
		q.account_url = "https://ca.example/acct/1";
	if (data[0] & 4)
		q.method = "dns-01";
	q.is_wildcard = data[0] & 8;
	if ((caa_judge(&records, &q, &why) == CAA_ALLOWED) != (why.len == 0))
		__builtin_trap();
	return 0;
}
