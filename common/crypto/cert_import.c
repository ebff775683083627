/*
 * Importing: reports every fault that would make a server refuse the file, or a client refuse the certificate, now and
 * not on the day the file is used. Text around PEM blocks is skipped (`openssl x509 -text`, mail). A private key among
 * the certificates is refused, because certificates are readable by every client.
 */
#include "common/crypto/cert_import.h"

#include "common/crypto/ossl.h"
#include "common/crypto/pem.h"
#include "common/crypto/pkcs12.h"
#include "common/crypto/x509_chain.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

enum { COMMON_NAME_MAX = 253 };
enum { NOT_BEFORE_SLACK_SEC = 3600 }; /* clocks differ */

void
cert_import_clear(struct cert_import *c)
{
	buf_clear(&c->leaf_pem);
	buf_clear(&c->chain_pem);
	secret_clear(&c->key);
	free(c->common_name);
	cert_info_clear(&c->info);
	strlist_clear(&c->doubts);
	*c = (struct cert_import){ 0 };
}

/* --- what was given --- */

/* A block that cannot be made canonical stays unchanged: the reader reports its fault. */
static void
cert_import_add_block(const struct pem_block *block, struct buf *ret)
{
	_cleanup_free_ char *text = xmalloc(pem_room(block->len));
	size_t len = pem_write(block, text);

	if (len) {
		buf_add(ret, text, len);
		return;
	}
	buf_add(ret, block->text, block->len);
	buf_add_char(ret, '\n');
}

/* The CERTIFICATE blocks of @text. */
static int
cert_import_collect(const char *text, const char *field, struct buf *ret, struct error *err)
{
	const char *p = text;
	const char *end = text + strlen(text);
	size_t before = ret->len;
	struct pem_block block;
	int found;

	while ((found = pem_next(&p, end, &block)) == 1) {
		if (pem_is_private_key(&block))
			return error_set_field(err, field, "%s: contains a private key; give it in privateKey", field);
		if (!pem_is_certificate(&block))
			return error_set_field(
				err, field, "%s: contains a PEM block that is neither a certificate nor a key", field);
		cert_import_add_block(&block, ret);
	}
	if (found < 0)
		return error_set_field(err, field, "%s: contains a PEM block without an END line", field);
	if (ret->len == before)
		return error_set_field(
			err, field, "%s: does not contain a certificate in PEM (-----BEGIN CERTIFICATE-----)", field);
	return 0;
}

static bool
is_given(const struct secret *s)
{
	return s && s->len;
}

static int
cert_import_read_key(const struct cert_import_in *in, struct key **ret_key, struct error *err)
{
	const struct secret *password = is_given(in->password) ? in->password : NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!is_given(in->private_key))
		return error_set_field(err, "privateKey", "privateKey: is required");
	if (key_from_pem(in->private_key, password, ret_key, &why) == 0)
		return 0;
	if (why.code != ERROR_INVALID) {
		error_move(err, &why);
		return -1;
	}
	return error_set_field(err, strstr(why.message, "password") ? "password" : "privateKey", "%s", why.message);
}

static int
read_pieces(const struct cert_import_in *in, struct key **ret_key, struct buf *ret_pem, struct error *err)
{
	if (!in->certificate)
		return error_set_field(err, "certificate", "certificate: is required");
	if (cert_import_collect(in->certificate, "certificate", ret_pem, err) < 0 ||
		(in->chain && cert_import_collect(in->chain, "certificateChain", ret_pem, err) < 0))
		return -1;
	return cert_import_read_key(in, ret_key, err);
}

static int
read_given(const struct cert_import_in *in, struct key **ret_key, struct buf *ret_pem, struct error *err)
{
	if (!is_given(in->pkcs12))
		return read_pieces(in, ret_key, ret_pem, err);
	if (in->certificate || is_given(in->private_key))
		return error_set_field(err, "pkcs12",
			"a PKCS#12 file contains certificate and key; do not give certificate or privateKey as well");
	if (pkcs12_read(in->pkcs12, in->password, ret_key, ret_pem, err) < 0)
		return -1;
	return in->chain ? cert_import_collect(in->chain, "certificateChain", ret_pem, err) : 0;
}

/* --- what it is --- */

static int
cert_import_refuse(struct error *err, const char *why)
{
	return error_set_field(err, "certificate", "the certificate %s", why);
}

/* What would make a server or a client refuse it. */
static int
cert_import_doubt(const struct cert_import_in *in, struct cert_import *c, struct error *err, const char *why)
{
	if (!in->may_be_unfit)
		return cert_import_refuse(err, why);
	strlist_take(&c->doubts, xasprintf("the certificate %s", why));
	return 0;
}

static int
check_use(const struct cert_import_in *in, X509 *leaf, struct cert_import *c, struct error *err)
{
	uint32_t flags = X509_get_extension_flags(leaf);

	if (flags & EXFLAG_INVALID)
		return cert_import_refuse(err, "has unreadable extensions");
	if (in->may_be_unfit && x509_is_self_signed(leaf))
		cert_import_doubt(in, c, err, "is self-signed");
	if (X509_check_ca(leaf) != 0 && !x509_is_self_signed(leaf) &&
		cert_import_doubt(in, c, err, "is a CA certificate, not a server certificate") < 0)
		return -1;
	if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(leaf) & (XKU_SSL_SERVER | XKU_ANYEKU)))
		return cert_import_doubt(in, c, err, "is not valid for TLS servers (extended key usage)");
	if (x509_is_unstaplable(leaf))
		return cert_import_doubt(in, c, err, X509_UNSTAPLABLE);
	return 0;
}

static int
cert_import_check_dates(const struct cert_import_in *in, struct cert_import *c, struct error *err)
{
	const struct cert_info *info = &c->info;
	const char *hint = in->may_be_unfit ? "" : "; set allowExpired to import it anyway";
	_cleanup_free_ char *why = NULL;
	char when[TIME_RFC3339_SIZE];

	if (in->may_be_expired)
		return 0;
	if (info->not_after_at <= in->now) {
		time_format_rfc3339(info->not_after_at, when);
		why = xasprintf("expired on %s%s", when, hint);
		return cert_import_doubt(in, c, err, why);
	}
	if (info->not_before_at - NOT_BEFORE_SLACK_SEC > in->now) {
		time_format_rfc3339(info->not_before_at, when);
		why = xasprintf("is not valid before %s%s", when, hint);
		return cert_import_doubt(in, c, err, why);
	}
	return 0;
}

static int
find_name(const struct cert_import_in *in, struct cert_import *c, struct error *err)
{
	const struct cert_info *info = &c->info;

	if (info->names.count == 0) {
		bool is_plain = info->subject_cn && strlen(info->subject_cn) <= COMMON_NAME_MAX &&
				printable_is_line(info->subject_cn, strlen(info->subject_cn));

		c->common_name = xstrdup(is_plain ? info->subject_cn : "");
		return cert_import_doubt(
			in, c, err, "does not have a DNS or IP subject alternative name, which clients require");
	}
	c->common_name = xstrdup(info->subject_cn && strlist_has(&info->names, info->subject_cn)
					 ? info->subject_cn
					 : info->names.items[0]);
	return 0;
}

/* The strict reader blames the CA's protocol; here the input came from the caller. */
static int
as_given(struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!err || err->code != ERROR_PROTOCOL)
		return -1;
	error_move(&why, err);
	return error_set_field(err, "certificate", "%s", why.message);
}

static int
cert_import_describe(
	const struct cert_import_in *in, struct x509_chain *chain, struct cert_import *c, struct error *err)
{
	if (check_use(in, chain->certs[0], c, err) < 0)
		return -1;
	if (x509_chain_split(chain, &c->leaf_pem, &c->chain_pem, &c->info, err) < 0)
		return as_given(err);
	return find_name(in, c, err) < 0 ? -1 : cert_import_check_dates(in, c, err);
}

int
cert_import(const struct cert_import_in *in, struct cert_import *ret, struct error *err)
{
	_cleanup_(cert_import_clear) struct cert_import c = { 0 };
	_cleanup_(x509_chain_clear) struct x509_chain pile = { 0 };
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_key_ struct key *key = NULL;

	ERR_clear_error();
	if (read_given(in, &key, &pem, err) < 0)
		return -1;
	if (x509_chain_read(pem.data, pem.len, NULL, &pile, err) < 0)
		return as_given(err);
	if (x509_chain_arrange(&pile, key, &chain, in->may_be_unfit ? &c.doubts : NULL, err) < 0 ||
		cert_import_describe(in, &chain, &c, err) < 0 || key_to_der(key, &c.key, err) < 0)
		return -1;
	c.algorithm = key_algorithm_of(key);
	key_pair_digest(&c.key, c.leaf_pem.data, c.leaf_pem.len, c.pair);
	*ret = c;
	c = (struct cert_import){ 0 };
	return 0;
}
