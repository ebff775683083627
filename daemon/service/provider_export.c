/*
 * provider.export: a provider with the key of its account, sealed with a passphrase, into a descriptor that the caller
 * passed. The text that is sealed has a line of JSON without secrets, then "eab TEXT" if there is a MAC key, then the
 * account key as PEM. certctl opens it and declares the provider again.
 */
#include "common/api/provider_file.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/crypto/sealed.h"
#include "daemon/base/workers.h"
#include "daemon/service/export_fd.h"
#include "daemon/service/fields.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The worker's data; outlives the connection. */
struct provider_export {
	struct call *call;
	int fd; /* owned */
	struct provider p;
	struct secret passphrase;
	struct buf head; /* the line of JSON */
	size_t octets;
	struct error error;
};

static void
provider_export_free(struct provider_export *e)
{
	if (e->fd >= 0)
		close(e->fd);
	provider_clear(&e->p);
	secret_clear(&e->passphrase);
	buf_clear(&e->head);
	error_clear(&e->error);
	free(e);
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
provider_export_run(void *arg)
{
	struct provider_export *e = arg;
	_cleanup_secret_ struct secret out = SECRET_INIT;

	if (provider_export_make(e, &out, &e->error) == 0 && export_fd_write(e->fd, &out, &e->error) == 0)
		e->octets = out.len;
}

static void
provider_export_done(void *arg)
{
	struct provider_export *e = arg;
	struct call *call = e->call;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_move(&err, &e->error);
	if (call->service->is_stopping)
		error_set(&err, ERROR_CANCELLED, "certd is stopping");
	if (!error_is_set(&err)) {
		call->result = json_object_new_object();
		json_add_string(call->result, "provider", e->p.o.id);
		json_add_int(call->result, "octets", (int64_t)e->octets);
	}
	call_finish(call, call->result, error_is_set(&err) ? &err : NULL);
	provider_export_free(e);
}

/* The caller is recorded before the first octet is written. */
static void
provider_export_recorded(const struct error *err, void *arg)
{
	struct provider_export *e = arg;

	if (err) {
		call_finish(e->call, NULL, err);
		provider_export_free(e);
		return;
	}
	workers_run(e->call->service->workers, provider_export_run, provider_export_done, e);
}

static void
provider_export_record(struct provider_export *e)
{
	struct service *s = e->call->service;
	struct event_object object = { provider_class.name, e->p.o.id, e->p.o.name };
	struct json_object *data = json_object_new_object();
	struct store_txn *txn = store_begin(s->store);
	const struct audit_entry entry = {
		.who = e->call->peer->label,
		.user_id = e->call->peer->user_id,
		.method = api_methods[e->call->method].name,
		.object = object,
	};

	json_add_string(data, "by", e->call->peer->label);
	event_emit(s->events, txn, EVENT_ACCOUNT_EXPORTED, &object, data, "account key exported, sealed, by %s",
		e->call->peer->label);
	if (s->audit)
		audit_change(s->audit, txn, &entry);
	store_then(txn, provider_export_recorded, e);
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
provider_export_begin(struct provider_export *e, struct json_object *params, struct error *err)
{
	struct json_object *passphrase = json_path(params, "passphrase");
	size_t len = (size_t)json_object_get_string_len(passphrase);

	secret_set(&e->passphrase, json_object_get_string(passphrase), len);
	explicit_bzero((char *)json_object_get_string(passphrase), len);
	if (resource_find(e->call, &provider_class, params, &e->p, err) < 0 ||
		export_fd_check(e->fd, "provider.export", err) < 0)
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
	return 0;
}

int
provider_export(struct call *call, struct json_object *params, struct error *err)
{
	struct provider_export *e;

	if (!secret_has_room())
		return error_set(err, ERROR_UNAVAILABLE, "too many imports and exports are running; try again");
	e = xcalloc(1, sizeof(*e));
	e->call = call;
	e->fd = passed_fds_take(call->passed);
	if (provider_export_begin(e, params, err) < 0) {
		provider_export_free(e);
		return -1;
	}
	provider_export_record(e);
	return 1;
}
