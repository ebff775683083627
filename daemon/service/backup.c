/*
 * server.backup: the store, sealed with a passphrase, into a descriptor that the caller passed. One at a time: each
 * needs room for a copy of the store.
 */
#include "common/crypto/sealed.h"
#include "daemon/service/export_fd.h"
#include "daemon/service/handlers.h"
#include "daemon/store/store_backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct backup {
	struct export_work work;   /* first */
	struct store_backup *copy; /* owned */
	struct secret passphrase;
	bool has_master_key;
	bool has_turn;
	struct store_backup_info info;
};

static void
backup_clear(struct export_work *work)
{
	struct backup *b = (struct backup *)work;

	if (b->has_turn)
		work->service->is_backing_up = false;
	store_backup_free(b->copy);
	secret_clear(&b->passphrase);
}

static struct json_object *
backup_result(struct export_work *work)
{
	const struct store_backup_info *info = &((struct backup *)work)->info;
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
backup_run(struct export_work *work)
{
	struct backup *b = (struct backup *)work;

	store_backup_run(b->copy, work->fd, &b->passphrase, b->has_master_key, &b->info, &work->error);
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
backup_begin(struct export_work *work, struct json_object *params, struct error *err)
{
	struct backup *b = (struct backup *)work;
	struct json_object *passphrase = json_path(params, "passphrase");
	size_t len = (size_t)json_object_get_string_len(passphrase);
	struct json_object *data;

	secret_set(&b->passphrase, json_object_get_string(passphrase), len);
	explicit_bzero((char *)json_object_get_string(passphrase), len);
	b->has_master_key = !json_object_get_boolean(json_path(params, "withoutMasterKey"));
	if (work->service->is_backing_up)
		return error_set(err, ERROR_STATE, "another backup is running; try again later");
	if (len < SEALED_PASSPHRASE_MIN || len > SEALED_PASSPHRASE_MAX)
		return error_set_field(err, "passphrase", "the passphrase has %zu octets, not %d to %d", len,
			SEALED_PASSPHRASE_MIN, SEALED_PASSPHRASE_MAX);
	if (backup_check_fd(work->fd, err) < 0)
		return -1;
	b->copy = store_backup_new(work->service->store, call_now(work->call), err);
	if (!b->copy)
		return -1;
	work->service->is_backing_up = b->has_turn = true;
	data = export_event_data(work);
	json_add_bool(data, "masterKey", b->has_master_key);
	export_record(work, EVENT_SERVER_BACKUP, NULL, data, "store copied for a backup, sealed, %s,",
		b->has_master_key ? "with the master key" : "without the master key");
	return 0;
}

static const struct export_kind backup_kind = { sizeof(struct backup), backup_begin, backup_run, backup_result,
	backup_clear };

int
server_backup(struct call *call, struct json_object *params, struct error *err)
{
	return export_start(&backup_kind, call, params, err);
}
