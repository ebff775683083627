/*
 * server.backup: the store, sealed with a passphrase, into a descriptor that the caller passed. One at a time: each
 * needs room for a copy of the store.
 */
#include "common/crypto/sealed.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/service/export_fd.h"
#include "daemon/service/handlers.h"
#include "daemon/store/store_backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The worker's data; outlives the connection. */
struct backup {
	struct call *call;
	int fd;                    /* owned */
	struct store_backup *copy; /* owned */
	struct secret passphrase;
	bool has_master_key;
	struct store_backup_info info;
	struct error error;
};

static void
backup_free(struct backup *b)
{
	if (b->fd >= 0)
		close(b->fd);
	store_backup_free(b->copy);
	secret_clear(&b->passphrase);
	error_clear(&b->error);
	free(b);
}

static void
backup_finish(struct backup *b, const struct error *err)
{
	struct call *call = b->call;

	call->service->is_backing_up = false;
	call_finish(call, call->result, err);
	backup_free(b);
}

static struct json_object *
backup_result(const struct store_backup_info *info)
{
	struct json_object *result = json_object_new_object();

	json_add_time(result, "createdDate", info->created_at);
	json_add_bool(result, "masterKey", info->has_master_key);
	json_add_int(result, "octets", (int64_t)info->octets);
	json_add_int(result, "providers", (int64_t)info->records[STORE_PROVIDER]);
	json_add_int(result, "autoCertificates", (int64_t)info->records[STORE_AUTOCERT]);
	json_add_int(result, "certificates", (int64_t)info->records[STORE_CERTIFICATE]);
	json_add_int(result, "damaged", (int64_t)info->damaged);
	return result;
}

static void
backup_run(void *arg)
{
	struct backup *b = arg;

	store_backup_run(b->copy, b->fd, &b->passphrase, b->has_master_key, &b->info, &b->error);
}

static void
backup_done(void *arg)
{
	struct backup *b = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_move(&err, &b->error);
	if (b->call->service->is_stopping)
		error_set(&err, ERROR_CANCELLED, "certd is stopping");
	if (!error_is_set(&err))
		b->call->result = backup_result(&b->info);
	backup_finish(b, error_is_set(&err) ? &err : NULL);
}

/* The caller is recorded before the first octet is written. */
static void
backup_recorded(const struct error *err, void *arg)
{
	struct backup *b = arg;

	if (err)
		backup_finish(b, err);
	else
		workers_run(b->call->service->workers, backup_run, backup_done, b);
}

static void
backup_record(struct backup *b)
{
	struct service *s = b->call->service;
	const char *who = b->call->peer->label;
	struct json_object *data = json_object_new_object();
	struct store_txn *txn = store_begin(s->store);
	const struct audit_entry entry = {
		.who = who,
		.user_id = b->call->peer->user_id,
		.method = api_methods[b->call->method].name,
	};

	json_add_string(data, "by", who);
	json_add_bool(data, "masterKey", b->has_master_key);
	event_emit(s->events, txn, EVENT_SERVER_BACKUP, NULL, data, "store copied for a backup, sealed, %s, by %s",
		b->has_master_key ? "with the master key" : "without the master key", who);
	if (s->audit)
		audit_change(s->audit, txn, &entry);
	store_then(txn, backup_recorded, b);
}

static int
backup_check_fd(int fd, struct error *err)
{
	if (export_fd_check(fd, "server.backup", err) < 0)
		return -1;
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return error_set(err, ERROR_INVALID, "the descriptor is not open for reading and writing");
	return 0;
}

static int
backup_begin(struct backup *b, struct json_object *params, struct error *err)
{
	struct json_object *passphrase = json_path(params, "passphrase");
	size_t len = (size_t)json_object_get_string_len(passphrase);

	secret_set(&b->passphrase, json_object_get_string(passphrase), len);
	explicit_bzero((char *)json_object_get_string(passphrase), len);
	b->has_master_key = !json_object_get_boolean(json_path(params, "withoutMasterKey"));
	if (b->call->service->is_backing_up)
		return error_set(err, ERROR_STATE, "another backup is running; try again later");
	if (len < SEALED_PASSPHRASE_MIN || len > SEALED_PASSPHRASE_MAX)
		return error_set_field(err, "passphrase", "the passphrase has %zu octets, not %d to %d", len,
			SEALED_PASSPHRASE_MIN, SEALED_PASSPHRASE_MAX);
	if (backup_check_fd(b->fd, err) < 0)
		return -1;
	b->copy = store_backup_new(b->call->service->store, call_now(b->call), err);
	return b->copy ? 0 : -1;
}

int
server_backup(struct call *call, struct json_object *params, struct error *err)
{
	struct backup *b;

	if (!secret_has_room())
		return error_set(err, ERROR_UNAVAILABLE, "too many imports and exports are running; try again");
	b = xcalloc(1, sizeof(*b));
	b->call = call;
	b->fd = passed_fds_take(call->passed);
	if (backup_begin(b, params, err) < 0) {
		backup_free(b);
		return -1;
	}
	call->service->is_backing_up = true;
	backup_record(b);
	return 1;
}
