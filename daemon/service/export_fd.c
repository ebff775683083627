/*
 * A hanging worker would delay other exports, so only descriptors that should not hang are accepted: files of local
 * file systems, including memfd. A pipe waits for its reader. The owner of a file can still hold its lock for as long
 * as it likes (with a write from memory that FUSE provides).
 */
#include "daemon/service/export_fd.h"

#include "daemon/base/workers.h"
#include "daemon/report/audit.h"
#include "daemon/service/passed_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool
may_hang(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	switch ((unsigned long)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
	case V9FS_MAGIC:
	/* Not files: /proc/PID/mem is its owner's memory, which may be a mapped file of FUSE. */
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return true;
	default:
		return false;
	}
}

int
export_fd_check(int fd, const char *method, struct error *err)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fd < 0)
		return error_set(err, ERROR_INVALID,
			"%s writes into a descriptor passed with the message (SCM_RIGHTS), and there is none", method);
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return error_set(err, ERROR_INVALID, "the descriptor is not open for writing");
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "descriptor");
	if (!S_ISREG(st.st_mode) || may_hang(fd))
		return error_set(err, ERROR_INVALID, "the descriptor must be a memfd or a file of a local file system");
	return 0;
}

int
export_fd_write(int fd, const struct secret *octets, struct error *err)
{
	return write_all(fd, octets->data, octets->len) < 0 ? error_set_errno(err, errno, "write into the descriptor")
							    : 0;
}

static void
export_free(struct export_work *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->kind->clear(w);
	error_clear(&w->error);
	free(w);
}

static void
export_run(void *arg)
{
	struct export_work *w = arg;

	w->kind->run(w);
}

static void
export_done(void *arg)
{
	struct export_work *w = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *result = NULL;

	error_move(&err, &w->error);
	if (w->service->is_stopping)
		error_set(&err, ERROR_CANCELLED, "certd is stopping");
	else if (!error_is_set(&err))
		result = w->kind->result(w);
	call_finish(w->call, result, error_is_set(&err) ? &err : NULL);
	export_free(w);
}

void
export_write(struct export_work *w)
{
	workers_run(w->service->workers, export_run, export_done, w);
}

static void
export_recorded(const struct error *err, void *arg)
{
	struct export_work *w = arg;

	if (!err) {
		export_write(w);
		return;
	}
	call_finish(w->call, NULL, err);
	export_free(w);
}

struct json_object *
export_event_data(const struct export_work *w)
{
	struct json_object *data = json_object_new_object();

	json_add_string(data, "by", w->call->peer->label);
	return data;
}

void
export_record(struct export_work *w, enum event_kind event, const struct event_object *object, struct json_object *data,
	const char *fmt, ...)
{
	struct store_txn *txn = store_begin(w->service->store);
	const struct peer *peer = w->call->peer;
	struct audit_entry entry = {
		.who = peer->label, .user_id = peer->user_id, .method = api_methods[w->call->method].name
	};
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (object)
		entry.object = *object;
	event_emit(w->service->events, txn, event, object, data, "%s by %s", text, peer->label);
	if (w->service->audit)
		audit_change(w->service->audit, txn, &entry);
	store_then(txn, export_recorded, w);
}

int
export_start(const struct export_kind *kind, struct call *call, struct json_object *params, struct error *err)
{
	struct export_work *w;

	if (!secret_has_room())
		return error_set(err, ERROR_UNAVAILABLE, "too many imports and exports are running; try again");
	w = xcalloc(1, kind->size);
	w->kind = kind;
	w->call = call;
	w->service = call->service;
	w->fd = passed_fds_take(call->passed);
	if (kind->begin(w, params, err) == 0)
		return 1;
	export_free(w);
	return -1;
}
