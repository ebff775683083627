/*
 * Revocation lists: as they come, and as the content of a list that the CA has signed, because nothing behind the
 * signature is read of others.
 */
#include "common/crypto/crl.h"
#include "common/error.h"
#include "tests/fuzz/signer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char url[] = "http://crl.example/list";

struct seen {
	const struct buf *list;
	size_t asked;
};

static bool
wants(const unsigned char *serial, size_t len, void *arg)
{
	struct seen *seen = arg;
	const char *begin = (const char *)serial;

	if (begin < seen->list->data || begin + len > seen->list->data + seen->list->len)
		abort();
	seen->asked++;
	return true;
}

static void
take(const struct crl_entry *entry, void *arg _unused_)
{
	if (!entry->reason || !*entry->reason)
		abort();
}

static void
read_list(const struct buf *list)
{
	const struct crl_asked asked = {
		.url = url, .cert = signer_cert(), .issuer = signer_cert(), .now = SIGNER_NOW
	};
	_cleanup_error_ struct error err = ERROR_INIT;
	struct crl_facts facts = { 0 };
	struct seen seen = { .list = list };
	int rc = crl_read(list->data, list->len, &asked, wants, take, &seen, &facts, &err);

	if ((rc < 0) != error_is_set(&err) || (rc == 0 && seen.asked != facts.entries))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	_cleanup_buf_ struct buf signed_list = BUF_INIT;

	buf_add(&list, data, size);
	read_list(&list);
	if (size == 0)
		return 0;
	signer_sign(data, size, &signed_list);
	read_list(&signed_list);
	return 0;
}
