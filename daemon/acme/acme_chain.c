/* A chain is read certificate by certificate: what follows the first one is a chain again. */
#include "daemon/acme/acme_chain.h"

#include "common/buf.h"
#include "common/crypto/x509.h"
#include "common/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	FINGERPRINT_DIGITS = 64,
	FINGERPRINT_SEEN = 32, /* so many hex digits and colons are meant as a fingerprint */
	LENGTH_SHORT = 2       /* leaf and intermediate: a shorter chain is incomplete */
};

struct chain_facts {
	size_t count;
	char *top;
	struct strlist fingerprints;
};

static void
chain_facts_clear(struct chain_facts *f)
{
	free(f->top);
	strlist_clear(&f->fingerprints);
}

/* @ret: zeroed. Empty if the chain is not readable. */
static void
chain_read(const struct buf *pem, struct chain_facts *ret)
{
	_cleanup_buf_ struct buf rest = BUF_INIT;
	_cleanup_buf_ struct buf above = BUF_INIT;

	buf_add(&rest, pem->data, pem->len);
	while (rest.len > 0) {
		_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };

		buf_reset(&above);
		if (x509_chain_parse(rest.data, rest.len, NULL, &above, &info, NULL) < 0)
			break;
		str_replace(&ret->top, info.issuer_cn);
		strlist_add(&ret->fingerprints, info.sha256);
		ret->count++;
		buf_reset(&rest);
		buf_add(&rest, above.data, above.len);
	}
}

/* Upper-case hex digits in pairs with colons, as x509 has them. Return: the number of digits; 0: it has others. */
static size_t
chain_fingerprint(const char *text, struct buf *ret)
{
	size_t digits = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text))
			return 0;
		buf_printf(ret, "%s%c", digits && digits % 2 == 0 ? ":" : "", toupper((unsigned char)*text));
		digits++;
	}
	return digits;
}

int
acme_chain_check_preference(const char *preference, struct error *err)
{
	_cleanup_buf_ struct buf fingerprint = BUF_INIT;
	size_t digits = chain_fingerprint(preference, &fingerprint);
	bool is_meant = digits && (strchr(preference, ':') || digits >= FINGERPRINT_SEEN);

	if (!is_meant || digits == FINGERPRINT_DIGITS)
		return 0;
	return error_set(err, ERROR_INVALID,
		"'%s' has %zu hex digits; a SHA-256 fingerprint has %d (openssl x509 -noout -fingerprint -sha256)",
		preference, digits, FINGERPRINT_DIGITS);
}

bool
acme_chain_fits(const char *preference, const struct buf *pem)
{
	_cleanup_(chain_facts_clear) struct chain_facts facts = { .count = 0 };
	_cleanup_buf_ struct buf fingerprint = BUF_INIT;

	chain_read(pem, &facts);
	if (strcmp(preference, ACME_CHAIN_SHORTEST) == 0)
		return facts.count > 0 && facts.count <= LENGTH_SHORT;
	if (chain_fingerprint(preference, &fingerprint) == FINGERPRINT_DIGITS)
		return strlist_has(&facts.fingerprints, buf_str(&fingerprint));
	return facts.top && strcmp(facts.top, preference) == 0;
}

size_t
acme_chain_length(const struct buf *pem)
{
	_cleanup_(chain_facts_clear) struct chain_facts facts = { .count = 0 };

	chain_read(pem, &facts);
	return facts.count;
}

char *
acme_chain_top(const struct buf *pem)
{
	_cleanup_(chain_facts_clear) struct chain_facts facts = { .count = 0 };

	chain_read(pem, &facts);
	return xstrdup_null(facts.top);
}

int
acme_chain_check(const struct buf *default_pem, const struct buf *pem, struct error *err)
{
	_cleanup_buf_ struct buf ours = BUF_INIT;
	_cleanup_buf_ struct buf theirs = BUF_INIT;

	if (x509_leaf_der(default_pem->data, default_pem->len, &ours, err) < 0 ||
		x509_leaf_der(pem->data, pem->len, &theirs, err) < 0)
		return -1;
	if (ours.len != theirs.len || memcmp(ours.data, theirs.data, ours.len) != 0)
		return error_set(err, ERROR_PROTOCOL, "it is for another certificate");
	return x509_chain_check_links(pem->data, pem->len, err);
}
