/* One row of STORE_INDEX for each key. It outlives the certificate and everything else. */
#include "daemon/store/compromised.h"

#include "common/buf.h"
#include "common/crypto/key.h"

#include <string.h>

/* "k" and the SHA-256 of the SubjectPublicKeyInfo, hexadecimal */
static int
compromised_key(const struct key *key, struct buf *ret, struct error *err)
{
	unsigned char spki[32];

	if (key_spki_sha256(key, spki, err) < 0)
		return -1;
	buf_add_char(ret, 'k');
	for (size_t i = 0; i < sizeof(spki); i++)
		buf_printf(ret, "%02x", spki[i]);
	return 0;
}

int
compromised_note(struct store_txn *txn, const struct key *key, const char *certificate_id, struct error *err)
{
	_cleanup_buf_ struct buf row = BUF_INIT;

	if (compromised_key(key, &row, err) < 0)
		return -1;
	store_put(txn, STORE_INDEX, row.data, row.len, certificate_id, strlen(certificate_id));
	return 0;
}

int
compromised_has(struct store *store, const struct key *key, struct error *err)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	_cleanup_buf_ struct buf certificate_id = BUF_INIT;

	if (compromised_key(key, &row, err) < 0)
		return -1;
	return store_get(store, STORE_INDEX, row.data, row.len, &certificate_id, err);
}
