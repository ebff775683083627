/*
 * What somebody imports. The first octet chooses: PKCS#12, or PEM, whose first private key ends the certificates. What
 * is accepted must be fit to be stored and dropped: the pieces parse again, and the chain holds together under the
 * strict reader.
 */
#include "common/crypto/cert_import.h"
#include "common/crypto/pem.h"
#include "common/crypto/pkcs12.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

enum { NOW = 1795257000 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_sound(const struct cert_import *c)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	_cleanup_key_ struct key *key = NULL;
	struct cert_info info = { 0 };

	buf_add(&all, c->leaf_pem.data, c->leaf_pem.len);
	buf_add(&all, c->chain_pem.data, c->chain_pem.len);
	if (key_from_der(&c->key, &key, NULL) < 0 || x509_chain_parse(all.data, all.len, NULL, NULL, &info, NULL) < 0 ||
		!c->common_name || !c->info.names.count)
		abort();
	cert_info_clear(&info);
}

/* @text is cut where its first private key begins, which goes to @key. */
static void
cut_key(char *text, struct secret *key)
{
	const char *p = text;
	const char *end = text + strlen(text);
	struct pem_block block;

	while (pem_next(&p, end, &block) == 1) {
		if (pem_is_private_key(&block)) {
			secret_set(key, block.text, (size_t)(end - block.text));
			text[block.text - text] = '\0';
			return;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(cert_import_clear) struct cert_import got = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	_cleanup_secret_ struct secret password = SECRET_INIT;
	_cleanup_free_ char *text = NULL;
	struct cert_import_in in = { .password = &password, .now = NOW, .may_be_expired = true };

	if (size == 0)
		return 0;
	secret_set(&octets, data + 1, size - 1);
	text = xstrndup((const char *)data + 1, size - 1);
	if (data[0] == 'p') {
		secret_set(&password, "password", strlen("password"));
		in.pkcs12 = &octets;
	} else {
		cut_key(text, &octets);
		in.certificate = text;
		in.private_key = &octets;
	}
	if (cert_import(&in, &got, &err) == 0)
		expect_sound(&got);
	else if (err.code != ERROR_INVALID)
		abort();
	return 0;
}
