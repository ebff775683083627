/* OCSP answers: as they come, and as what the CA has signed, because nothing behind the signature is read of others. */
#include "common/crypto/ocsp.h"
#include "common/error.h"
#include "tests/fuzz/signer.h"

#include <openssl/ocsp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_answer(const void *der, size_t len)
{
	const struct crl_asked asked = { .cert = signer_cert(), .issuer = signer_cert(), .now = SIGNER_NOW };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct crl_facts facts = { 0 };
	struct crl_entry entry = { .reason = NULL };
	int rc = ocsp_read(der, len, &asked, &entry, &facts, &err);

	if ((rc < 0) != error_is_set(&err) || (rc == 1) != (entry.reason != NULL))
		abort();
	if (rc >= 0 && facts.next_update_at <= SIGNER_NOW)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf basic = BUF_INIT;
	OCSP_RESPONSE *response;
	OCSP_BASICRESP *decoded;
	const unsigned char *p;
	unsigned char *der = NULL;
	int len;

	read_answer(data, size);
	if (size == 0)
		return 0;
	signer_sign(data, size, &basic);
	p = (const unsigned char *)basic.data;
	decoded = d2i_OCSP_BASICRESP(NULL, &p, (long)basic.len);
	response = decoded ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, decoded) : NULL;
	len = response ? i2d_OCSP_RESPONSE(response, &der) : 0;
	if (len > 0)
		read_answer(der, (size_t)len);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(decoded);
	return 0;
}
