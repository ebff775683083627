/*
 * certificate.export. No answer ever contains a private key: a worker writes it from the secure heap into a descriptor
 * that the caller opened and passed (export_fd.h). These workers write no drops and generate no keys.
 */
#include "common/crypto/key.h"
#include "common/crypto/pkcs12.h"
#include "common/crypto/x509.h"
#include "daemon/service/export_fd.h"
#include "daemon/service/fields.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

enum format { FORMAT_PEM, FORMAT_DER, FORMAT_PKCS12, FORMAT_BUNDLE };

static const char *const format_names[] = {
	[FORMAT_PEM] = "pem",
	[FORMAT_DER] = "der",
	[FORMAT_PKCS12] = "pkcs12",
	[FORMAT_BUNDLE] = "bundle",
};

struct export
{
	struct export_work work; /* first */
	enum format format;
	bool wants_key;
	struct certificate cert;
	struct secret password;
	size_t octets;
};

static void
export_clear(struct export_work *work)
{
	struct export *e = (struct export *)work;

	certificate_clear(&e->cert);
	secret_clear(&e->password);
}

/* --- the forms --- */

static void
chain_of(const struct certificate *c, struct buf *ret)
{
	buf_add(ret, c->leaf_pem.data, c->leaf_pem.len);
	buf_add(ret, c->chain_pem.data, c->chain_pem.len);
}

static void
export_add_text(struct buf *ret, const char *text)
{
	buf_add_str(ret, text);
	if (ret->len && ret->data[ret->len - 1] != '\n')
		buf_add_char(ret, '\n');
}

/* As it was imported; a certificate that was imported with its issuers contains them already. */
static void
chain_as_given(const struct certificate *c, struct buf *ret)
{
	_cleanup_json_ struct json_object *properties = fields_properties(&certificate_class, c);
	const char *certificate = json_object_get_string(json_path(properties, "certificate"));
	const char *chain = json_object_get_string(json_path(properties, "certificateChain"));
	const char *first = strstr(certificate, "-----BEGIN ");

	export_add_text(ret, certificate);
	if (strcmp(chain, buf_str(&c->chain_pem)) != 0 || !(first && strstr(first + 1, "-----BEGIN ")))
		export_add_text(ret, chain);
}

/* Key, certificate, chain in order, for servers. Without the key it is the imported certificate. */
static int
make_pem(const struct export *e, bool wants_key, bool wants_chain, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;

	if (wants_key && key_der_to_pem(&e->cert.key, &key, err) < 0)
		return -1;
	if (wants_chain && wants_key)
		chain_of(&e->cert, &chain);
	else if (wants_chain)
		chain_as_given(&e->cert, &chain);
	secret_alloc(ret, key.len + chain.len);
	if (key.len)
		memcpy(ret->data, key.data, key.len);
	if (chain.len)
		memcpy(ret->data + key.len, chain.data, chain.len);
	return 0;
}

static int
make_der(const struct export *e, struct secret *ret, struct error *err)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (e->wants_key) {
		secret_copy(ret, &e->cert.key);
		return 0;
	}
	if (x509_leaf_der(e->cert.leaf_pem.data, e->cert.leaf_pem.len, &der, err) < 0)
		return -1;
	secret_set(ret, der.data, der.len);
	return 0;
}

static int
make_pkcs12(const struct export *e, struct secret *ret, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;
	_cleanup_buf_ struct buf chain = BUF_INIT;

	if (e->wants_key && key_from_der(&e->cert.key, &key, err) < 0)
		return -1;
	chain_of(&e->cert, &chain);
	return pkcs12_write(key, &chain, e->cert.o.name, &e->password, ret, err);
}

static int
make(const struct export *e, struct secret *ret, struct error *err)
{
	switch (e->format) {
	case FORMAT_PEM:
		return make_pem(e, e->wants_key, !e->wants_key, ret, err);
	case FORMAT_BUNDLE:
		return make_pem(e, true, true, ret, err);
	case FORMAT_DER:
		return make_der(e, ret, err);
	case FORMAT_PKCS12:
		return make_pkcs12(e, ret, err);
	}
	return -1;
}

static void
export_make(struct export_work *work)
{
	struct export *e = (struct export *)work;
	_cleanup_secret_ struct secret out = SECRET_INIT;

	if (make(e, &out, &work->error) == 0 && export_fd_write(work->fd, &out, &work->error) == 0)
		e->octets = out.len;
}

/* --- the call --- */

static struct json_object *
export_result(struct export_work *work)
{
	struct export *e = (struct export *)work;
	struct json_object *result = json_object_new_object();

	json_add_string(result, "certificate", e->cert.o.id);
	json_add_string(result, "format", format_names[e->format]);
	json_add_bool(result, "key", e->wants_key);
	json_add_int(result, "octets", (int64_t)e->octets);
	return result;
}

static int
export_read_params(struct export *e, struct json_object *params, struct error *err)
{
	struct json_object *format = json_path(params, "format");
	struct json_object *key = json_path(params, "key");
	struct json_object *password = json_path(params, "password");

	for (size_t i = 0; format && i < ARRAY_SIZE(format_names); i++)
		if (strcmp(format_names[i], json_object_get_string(format)) == 0)
			e->format = (enum format)i;
	e->wants_key = e->format == FORMAT_BUNDLE || (key && json_object_get_boolean(key));
	if (password) {
		size_t len = (size_t)json_object_get_string_len(password);

		secret_set(&e->password, json_object_get_string(password), len);
		explicit_bzero((char *)json_object_get_string(password), len);
	}
	if (e->format == FORMAT_PKCS12 && !password)
		return error_set_field(err, "password", "is required for a PKCS#12 file");
	if (e->format != FORMAT_PKCS12 && password)
		return error_set_field(err, "password", "is only valid for pkcs12");
	return 0;
}

/* The key is unsealed only for callers that may have it. */
static int
export_find_object(struct export *e, struct json_object *params, struct error *err)
{
	if (!e->wants_key)
		return resource_find_peek(e->work.call, &certificate_class, params, &e->cert, err);
	if (call_require(e->work.call, ROLE_ADMIN, "certificate.export with a key", err) < 0)
		return -1;
	if (resource_find(e->work.call, &certificate_class, params, &e->cert, err) < 0)
		return -1;
	return key_der_check_here(&e->cert.key, err);
}

static int
export_begin(struct export_work *work, struct json_object *params, struct error *err)
{
	struct export *e = (struct export *)work;
	struct event_object object;
	struct json_object *data;

	if (export_read_params(e, params, err) < 0 || export_find_object(e, params, err) < 0 ||
		export_fd_check(work->fd, "certificate.export", err) < 0)
		return -1;
	if (!e->wants_key) {
		export_write(work);
		return 0;
	}
	object = (struct event_object){ certificate_class.name, e->cert.o.id, e->cert.o.name };
	data = export_event_data(work);
	json_add_string(data, "format", format_names[e->format]);
	export_record(work, EVENT_CERTIFICATE_EXPORTED, &object, data, "private key exported");
	return 0;
}

static const struct export_kind export_kind = { sizeof(struct export), export_begin, export_make, export_result,
	export_clear };

int
certificate_export(struct call *call, struct json_object *params, struct error *err)
{
	return export_start(&export_kind, call, params, err);
}
