/*
 * provider.export: a provider with the key of its account, sealed with a passphrase, into a descriptor that the caller
 * passed. The text that is sealed has a line of JSON without secrets, then "eab TEXT" if there is a MAC key, then the
 * account key as PEM. certctl opens it and declares the provider again.
 */
#include "common/api/provider_file.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/crypto/sealed.h"
#include "daemon/service/export_fd.h"
#include "daemon/service/fields.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

struct provider_export {
	struct export_work work; /* first */
	struct provider p;
	struct secret passphrase;
	struct buf head; /* the line of JSON */
	size_t octets;
};

static void
provider_export_clear(struct export_work *work)
{
	struct provider_export *e = (struct provider_export *)work;

	provider_clear(&e->p);
	secret_clear(&e->passphrase);
	buf_clear(&e->head);
}

static void
provider_export_add(struct secret *ret, const void *data, size_t len)
{
	_cleanup_secret_ struct secret whole = SECRET_INIT;

	secret_alloc(&whole, ret->len + len);
	if (ret->len)
		memcpy(whole.data, ret->data, ret->len);
	memcpy(whole.data + ret->len, data, len);
	secret_move(ret, &whole);
}

/* base64url in the secure heap. */
static void
provider_export_add_eab(struct secret *ret, const struct secret *eab)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!eab->len)
		return;
	base64url_encode(eab->data, eab->len, &text);
	provider_export_add(ret, PROVIDER_FILE_EAB, strlen(PROVIDER_FILE_EAB));
	provider_export_add(ret, text.data, text.len);
	provider_export_add(ret, "\n", 1);
	explicit_bzero(text.data, text.len);
}

static int
provider_export_make(struct provider_export *e, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_secret_ struct secret pem = SECRET_INIT;
	_cleanup_buf_ struct buf sealed = BUF_INIT;

	if (key_der_to_pem(&e->p.account_key, &pem, err) < 0)
		return -1;
	provider_export_add(&plain, e->head.data, e->head.len);
	provider_export_add_eab(&plain, &e->p.eab_key);
	provider_export_add(&plain, pem.data, pem.len);
	if (sealed_write(PROVIDER_FILE_LABEL, &plain, &e->passphrase, &sealed, err) < 0)
		return -1;
	secret_set(ret, sealed.data, sealed.len);
	return 0;
}

static void
provider_export_run(struct export_work *work)
{
	struct provider_export *e = (struct provider_export *)work;
	_cleanup_secret_ struct secret out = SECRET_INIT;

	if (provider_export_make(e, &out, &work->error) == 0 && export_fd_write(work->fd, &out, &work->error) == 0)
		e->octets = out.len;
}

static struct json_object *
provider_export_result(struct export_work *work)
{
	struct provider_export *e = (struct provider_export *)work;
	struct json_object *result = json_object_new_object();

	json_add_string(result, "provider", e->p.o.id);
	json_add_int(result, "octets", (int64_t)e->octets);
	return result;
}

static void
provider_export_make_head(struct provider_export *e)
{
	_cleanup_json_ struct json_object *head = json_object_new_object();

	json_add_int(head, "version", PROVIDER_FILE_VERSION);
	json_object_object_add(head, "properties", fields_properties(&provider_class, &e->p));
	json_add_string(head, "accountUrl", e->p.account_url);
	json_write(head, &e->head);
	buf_add_char(&e->head, '\n');
}

static int
provider_export_begin(struct export_work *work, struct json_object *params, struct error *err)
{
	struct provider_export *e = (struct provider_export *)work;
	struct event_object object;
	struct json_object *passphrase = json_path(params, "passphrase");
	size_t len = (size_t)json_object_get_string_len(passphrase);

	secret_set(&e->passphrase, json_object_get_string(passphrase), len);
	explicit_bzero((char *)json_object_get_string(passphrase), len);
	if (resource_find(work->call, &provider_class, params, &e->p, err) < 0 ||
		export_fd_check(work->fd, "provider.export", err) < 0)
		return -1;
	if (e->p.account_key_uri)
		return error_set(err, ERROR_STATE, "the account key of '%s' never leaves its token: %s", e->p.o.name,
			e->p.account_key_uri);
	if (!e->p.account_url || e->p.next_key.len)
		return error_set(err, ERROR_STATE, "the account of '%s' is %s; try again later", e->p.o.name,
			e->p.account_url ? "getting another key" : "not registered");
	if (len < SEALED_PASSPHRASE_MIN || len > SEALED_PASSPHRASE_MAX)
		return error_set_field(err, "passphrase", "the passphrase has %zu octets, not %d to %d", len,
			SEALED_PASSPHRASE_MIN, SEALED_PASSPHRASE_MAX);
	provider_export_make_head(e);
	object = (struct event_object){ provider_class.name, e->p.o.id, e->p.o.name };
	export_record(work, EVENT_ACCOUNT_EXPORTED, &object, export_event_data(work), "account key exported, sealed,");
	return 0;
}

static const struct export_kind provider_export_kind = { sizeof(struct provider_export), provider_export_begin,
	provider_export_run, provider_export_result, provider_export_clear };

int
provider_export(struct call *call, struct json_object *params, struct error *err)
{
	return export_start(&provider_export_kind, call, params, err);
}
