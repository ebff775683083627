/* The octets of a declared file: one function for each format. */
#include "daemon/rollout/drop_private.h"

#include "common/crypto/jks.h"
#include "common/crypto/key.h"
#include "common/crypto/pkcs12.h"
#include "common/crypto/x509.h"

#include <string.h>

/* What a format is made of. */
struct material {
	const struct drop_job *job;
	const struct drop_files *files;
	const struct secret *password;
};

typedef int
content_fn(const struct material *m, struct drop_content *ret, struct error *err);

void
drop_content_clear(struct drop_content *c)
{
	secret_clear(&c->own);
	*c = (struct drop_content){ .data = NULL };
}

static int
content_lend(struct drop_content *ret, const void *data, size_t len)
{
	ret->data = data;
	ret->len = len;
	return 0;
}

static int
content_own(struct drop_content *ret)
{
	return content_lend(ret, ret->own.data, ret->own.len);
}

static int
content_key(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, m->files->key.data, m->files->key.len);
}

static int
content_cert(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, m->job->leaf.data, m->job->leaf.len);
}

static int
content_chain(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, buf_str(&m->job->chain), m->job->chain.len);
}

static int
content_fullchain(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, m->files->fullchain.data, m->files->fullchain.len);
}

static int
content_bundle(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, m->files->bundle.data, m->files->bundle.len);
}

static int
content_bundle_cert_first(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	const struct drop_files *f = m->files;

	secret_alloc(&ret->own, f->fullchain.len + f->key.len);
	memcpy(ret->own.data, f->fullchain.data, f->fullchain.len);
	memcpy(ret->own.data + f->fullchain.len, f->key.data, f->key.len);
	return content_own(ret);
}

static int
content_key_der(const struct material *m, struct drop_content *ret, struct error *err _unused_)
{
	return content_lend(ret, m->job->key_der.data, m->job->key_der.len);
}

static int
content_cert_der(const struct material *m, struct drop_content *ret, struct error *err)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (x509_leaf_der(m->job->leaf.data, m->job->leaf.len, &der, err) < 0)
		return -1;
	secret_set(&ret->own, der.data, der.len);
	return content_own(ret);
}

static int
content_pkcs12(const struct material *m, struct drop_content *ret, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	if (key_from_der(&m->job->key_der, &key, err) < 0 ||
		pkcs12_write(key, &m->files->fullchain, m->job->slug, m->password, &ret->own, err) < 0)
		return -1;
	return content_own(ret);
}

static int
content_jks(const struct material *m, struct drop_content *ret, struct error *err)
{
	if (jks_write(&m->job->key_der, &m->files->fullchain, m->job->slug, m->job->issued_at, m->password, &ret->own,
		    err) < 0)
		return -1;
	return content_own(ret);
}

static content_fn *const content_fns[] = {
	[OUTPUT_KEY] = content_key,
	[OUTPUT_CERT] = content_cert,
	[OUTPUT_CHAIN] = content_chain,
	[OUTPUT_FULLCHAIN] = content_fullchain,
	[OUTPUT_BUNDLE] = content_bundle,
	[OUTPUT_BUNDLE_CERT_FIRST] = content_bundle_cert_first,
	[OUTPUT_KEY_DER] = content_key_der,
	[OUTPUT_CERT_DER] = content_cert_der,
	[OUTPUT_PKCS12] = content_pkcs12,
	[OUTPUT_JKS] = content_jks,
};
_Static_assert(ARRAY_SIZE(content_fns) == OUTPUT_FORMAT_COUNT, "one function per format");

int
drop_content_make(const struct drop_job *job, const struct drop_files *files, enum output_format format,
	const struct secret *password, struct drop_content *ret, struct error *err)
{
	const struct material m = { job, files, password };

	if (output_format_has_key(format) && key_der_check_here(&job->key_der, err) < 0)
		return -1;
	return content_fns[format](&m, ret, err);
}
