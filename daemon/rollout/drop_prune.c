/* Files and directories of a ledger that are not declared any more are removed, unless others have changed them. */
#include "daemon/rollout/drop_output_private.h"

#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Only one directory's files are written at a time, and only files of directories without declared ones removed. */
bool
drop_is_in_scope(const struct drop_writing *w, const struct ledger_file *file)
{
	const struct drop_job *job = w->job;
	_cleanup_free_ char *directory = xstrndup(file->path, file->base);

	if (job->n_sets)
		return strcmp(directory, job->sets[0].directory) == 0;
	return !job->is_pruning || !strlist_has(&job->declared, directory);
}

/* Its directory, unless that is gone (-1, *ret_is_gone). */
static int
prune_open_parent(const struct drop_job *job, const struct ledger_file *file, bool *ret_is_gone, struct error *err)
{
	_cleanup_free_ char *parent = xstrndup(file->path, (size_t)(strrchr(file->path, '/') - file->path));
	_cleanup_error_ struct error why = ERROR_INIT;
	struct stat st;
	int fd = drop_dir_open_below(parent, file->base, job->drops->root_fd, NULL, &st, &why);

	*ret_is_gone = fd < 0 && why.code == ERROR_NOT_FOUND;
	if (fd < 0 && !*ret_is_gone && err)
		error_move(err, &why);
	return fd;
}

/* Its temporary name, and the file, if it is the one that certd wrote. */
static int
prune_file(const struct drop_job *job, const struct ledger_file *file, struct error *err)
{
	const char *name = strrchr(file->path, '/') + 1;
	bool is_gone = false;
	int fd = prune_open_parent(job, file, &is_gone, err);
	int rc = 0;

	if (fd < 0)
		return is_gone ? 0 : -1;
	drop_file_unstage(fd, name);
	if (!file->is_foreign && drop_look_is_ours(fd, name, file)) {
		if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
			rc = error_set_errno(err, errno, "remove '%s'", file->path);
		else
			rc = drop_file_sync_dir(fd, file->path, err);
	}
	close(fd);
	return rc;
}

/* Directories that certd made and that are empty; what is left is listed again. */
static void
prune_made(const struct drop_job *job, const struct strlist *made, struct strlist *ret_left)
{
	for (size_t i = made->count; i-- > 0;) {
		const struct ledger_file as_file = { .path = made->items[i], .base = 1 };
		bool is_gone = false;
		int fd = prune_open_parent(job, &as_file, &is_gone, NULL);

		if (fd >= 0 && unlinkat(fd, strrchr(made->items[i], '/') + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
			strlist_add(ret_left, made->items[i]);
		else if (fd < 0 && !is_gone)
			strlist_add(ret_left, made->items[i]);
		if (fd >= 0)
			close(fd);
	}
}

static bool
prune_is_needed(const struct ledger *l, const char *directory)
{
	size_t len = strlen(directory);

	for (size_t i = 0; i < l->count; i++)
		if (strncmp(l->files[i].path, directory, len) == 0 && l->files[i].path[len] == '/')
			return true;
	return false;
}

/* Of the directories in both, the ones without files are removed. */
static void
prune_directories(struct drop_writing *w)
{
	_cleanup_strlist_ struct strlist idle = STRLIST_INIT, kept = STRLIST_INIT, left = STRLIST_INIT;

	for (size_t k = 0; k < 2; k++) {
		const struct strlist *list = k ? &w->after.directories : &w->before.directories;

		for (size_t i = 0; i < list->count; i++) {
			struct strlist *to = prune_is_needed(&w->after, list->items[i]) ? &kept : &idle;

			if (!strlist_has(to, list->items[i]))
				strlist_add(to, list->items[i]);
		}
	}
	prune_made(w->job, &idle, &left);
	for (size_t i = left.count; i-- > 0;)
		strlist_add(&kept, left.items[i]);
	strlist_copy(&w->after.directories, &kept);
}

int
drop_prune(struct drop_writing *w, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < w->before.count; i++) {
		const struct ledger_file *old = &w->before.files[i];
		bool is_in_use = !drop_is_in_scope(w, old) || strlist_has(&w->in_use, old->path);
		struct ledger_file *kept;

		if (ledger_find(&w->after, old->path))
			continue;
		if (!is_in_use && prune_file(w->job, old, rc < 0 ? NULL : err) == 0)
			continue;
		rc = is_in_use ? rc : -1;
		kept = ledger_copy(&w->after, old);
		kept->is_former = drop_is_in_scope(w, old) || old->is_former;
	}
	prune_directories(w);
	return rc;
}
