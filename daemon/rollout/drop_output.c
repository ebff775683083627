/*
 * Writing declared files. The ledger is written twice: before, with the old and the new files, so that a crash leaves
 * no key that certd does not know; and after, with what is there.
 *
 * A layout with numbers (certbot) keeps the number for as long as the files with it have the right contents.
 */
#include "daemon/rollout/drop_output.h"

#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_ledger.h"
#include "daemon/rollout/drop_look.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_TEXT_MAX = 16 * 1024 };

/* A name that is to be there; files[] of the ledger to be written has its description, at the same index. */
struct out {
	size_t place;                /* index of its directory */
	const char *name;            /* in the ledger's path */
	struct drop_content content; /* of a file */
	bool is_done;                /* it is there */
	bool was_staged;
};

/* An open directory. */
struct place {
	char *path;
	int fd;
	struct stat st;
};

struct writing {
	const struct drop_job *job;
	const struct drop_files *files;
	const struct drop_output_set *set; /* the current one */
	int ledger_fd;
	struct ledger before, after;
	struct strlist in_use; /* what links pointed to: absolute paths */
	struct out *outs;
	size_t n_outs;
	struct place *places;
	size_t n_places;
};

/* Only one directory's files are written at a time, and only files of directories without declared ones removed. */
static bool
is_in_scope(const struct writing *w, const struct ledger_file *file)
{
	const struct drop_job *job = w->job;
	_cleanup_free_ char *directory = xstrndup(file->path, file->base);

	if (job->n_sets)
		return strcmp(directory, job->sets[0].directory) == 0;
	return !job->is_pruning || !strlist_has(&job->declared, directory);
}

static void
writing_clear(struct writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		drop_content_clear(&w->outs[i].content);
	for (size_t i = 0; i < w->n_places; i++) {
		free(w->places[i].path);
		close(w->places[i].fd);
	}
	free(w->outs);
	free(w->places);
	strlist_clear(&w->in_use);
	ledger_clear(&w->before);
	ledger_clear(&w->after);
	if (w->ledger_fd >= 0)
		close(w->ledger_fd);
}

/* --- directories --- */

/* The directory of @path, created if it is below the declared one. Return: its index, or -1. */
static ssize_t
place_of(struct writing *w, const char *path, struct error *err)
{
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct place p = { .path = NULL };

	for (size_t i = 0; i < w->n_places; i++)
		if (strcmp(w->places[i].path, parent) == 0)
			return (ssize_t)i;
	p.fd = drop_dir_open_below(
		parent, strlen(w->set->directory), w->job->drops->root_fd, &w->after.directories, &p.st, err);
	if (p.fd < 0)
		return -1;
	p.path = xstrdup(parent);
	w->places = xreallocarray(w->places, w->n_places + 1, sizeof(*w->places));
	w->places[w->n_places] = p;
	return (ssize_t)w->n_places++;
}

/* --- what is to be there --- */

/* (gid_t)-1: whichever the file gets. */
static int
group_of(const struct output *o, const struct stat *dir, gid_t *ret, struct error *err)
{
	_cleanup_free_ char *text = xmalloc(GROUP_TEXT_MAX);
	struct group group, *found = NULL;

	*ret = dir->st_mode & S_ISGID ? dir->st_gid : (gid_t)-1;
	if (!o->group)
		return 0;
	if (getgrnam_r(o->group, &group, text, GROUP_TEXT_MAX, &found) != 0 || !found)
		return error_set(err, ERROR_NOT_FOUND, "there is no group '%s' on this host", o->group);
	*ret = group.gr_gid;
	return 0;
}

/* A private file is readable by the group of a directory that root prepared for one. */
static mode_t
mode_of(const struct output *o, const struct stat *dir)
{
	bool is_for_group = o->group || (dir->st_mode & S_ISGID);

	return !o->has_mode && o->mode == 0600 && is_for_group ? 0640 : o->mode;
}

static struct output_values
values_of(const struct writing *w, int64_t number)
{
	const struct drop_job *job = w->job;

	return (struct output_values){ .name = job->slug,
		.common_name = job->common_name,
		.algorithm = job->algorithm,
		.issued_at = job->issued_at,
		.number = number };
}

/* Absolute; owned by the caller; NULL: not with these values. */
static char *
path_of(const struct writing *w, const char *template, int64_t number, struct error *err)
{
	const struct output_values values = values_of(w, number);
	_cleanup_free_ char *path = output_expand(template, &values);

	if (path)
		return xasprintf("%s/%s", w->set->directory, path);
	error_set(err, ERROR_INVALID, "'%s' does not make the path of a file for this certificate", template);
	return NULL;
}

/* The description of the file of @o at @path. Return: 0 or -1. */
static int
describe(struct writing *w, const struct output *o, const char *path, const struct drop_content *content,
	struct ledger_file *ret, size_t *ret_place, struct error *err)
{
	ssize_t place = place_of(w, path, err);

	if (place < 0)
		return -1;
	*ret_place = (size_t)place;
	digest_sha256(content->data, content->len, ret->sha256);
	ret->base = strlen(w->set->directory);
	ret->mode = mode_of(o, &w->places[place].st);
	return group_of(o, &w->places[place].st, &ret->gid, err);
}

/* Adds @file, whose path is copied. Return: 1 added, 0 it was there, -1 with other contents. */
static int
out_add(struct writing *w, const struct ledger_file *file, const char *path, size_t place, struct drop_content *content,
	struct error *err)
{
	const struct ledger_file *same = ledger_find(&w->after, path);
	struct ledger_file *added;

	if (same) {
		bool is_equal = strcmp(same->sha256, file->sha256) == 0 && !same->target == !file->target;

		drop_content_clear(content);
		return is_equal ? 0
				: error_set(err, ERROR_INVALID,
					  "'%s' is declared twice for this certificate, with different contents", path);
	}
	added = ledger_add(&w->after, path);
	added->target = xstrdup_null(file->target);
	memcpy(added->sha256, file->sha256, sizeof(added->sha256));
	added->mode = file->mode;
	added->gid = file->gid;
	added->base = file->base;
	w->outs = xreallocarray(w->outs, w->n_outs + 1, sizeof(*w->outs));
	w->outs[w->n_outs++] = (struct out){
		.place = place, .name = strrchr(added->path, '/') + 1, .content = *content
	};
	*content = (struct drop_content){ .data = NULL };
	return 1;
}

/* --- numbers --- */

static bool
has_number(const struct output *o)
{
	return strstr(o->path, "{number}");
}

/* The number in @name, which is @before, digits, @after. 0: another name. */
static int64_t
number_in(const char *name, const char *before, const char *after)
{
	size_t len = strlen(before), digits;

	if (strncmp(name, before, len) != 0)
		return 0;
	digits = strspn(name + len, "0123456789");
	return digits && digits < 10 && strcmp(name + len + digits, after) == 0 ? strtoll(name + len, NULL, 10) : 0;
}

/* The highest number of the files of @o. Return: 0 there is none, -1 failed. */
static int64_t
highest_of(struct writing *w, const struct output *o, struct error *err)
{
	const char *at = strstr(o->path, "{number}");
	_cleanup_free_ char *head = xasprintf("%.*s", (int)(at - o->path), o->path);
	_cleanup_free_ char *path = path_of(w, head, 0, err);
	ssize_t place = path ? place_of(w, path, err) : -1;
	DIR *dir = place < 0 ? NULL : drop_file_list(w->places[place].fd, err);
	struct dirent *entry;
	int64_t ret = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		int64_t n = number_in(entry->d_name, strrchr(path, '/') + 1, at + strlen("{number}"));

		if (n > ret)
			ret = n;
	}
	closedir(dir);
	return ret;
}

/* Are all files of the current set with @number there, with the right contents? Return: 1, 0 or -1. */
static int
is_complete(struct writing *w, const struct output_list *list, int64_t number, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct output *o = &list->items[i];
		_cleanup_free_ char *path = path_of(w, o->path, number, err);
		struct drop_content content = { .data = NULL };
		struct ledger_file file = { .gid = (gid_t)-1 };
		size_t place = 0;
		int rc = path ? drop_content_make(w->job, w->files, o->format, &w->set->password, &content, err) : -1;

		if (rc == 0 && has_number(o))
			rc = describe(w, o, path, &content, &file, &place, err);
		drop_content_clear(&content);
		if (rc < 0)
			return -1;
		if (has_number(o) && drop_look(w->places[place].fd, strrchr(path, '/') + 1, &file) != DROP_SAME)
			return 0;
	}
	return 1;
}

/* The number of the current set: the highest, if its files are right, else the next. Return: -1: failed. */
static int64_t
number_of(struct writing *w, struct error *err)
{
	const struct output_list *list = &w->set->list;
	int64_t highest = 0;
	int complete;

	for (size_t i = 0; i < list->count; i++) {
		int64_t n = has_number(&list->items[i]) ? highest_of(w, &list->items[i], err) : 0;

		if (n < 0)
			return -1;
		highest = n > highest ? n : highest;
	}
	if (!highest)
		return 1;
	complete = is_complete(w, list, highest, err);
	return complete < 0 ? -1 : highest + !complete;
}

/* --- links --- */

/* The way from the directory of @link to @path, both below the directory; owned by the caller. */
static char *
relative_path(const char *link, const char *path)
{
	struct buf ret = BUF_INIT;
	size_t common = 0;

	for (size_t i = 0; link[i] && link[i] == path[i]; i++)
		if (link[i] == '/')
			common = i + 1;
	for (const char *at = link + common; (at = strchr(at, '/')); at++)
		buf_add_str(&ret, "../");
	buf_add_str(&ret, path + common);
	return buf_steal(&ret);
}

/* The absolute path of what the link @name points to; owned by the caller; NULL: it is not a link to a plain name. */
static char *
referent_of(const struct place *p, const char *name)
{
	_cleanup_free_ char *target = drop_look_target(p->fd, name);
	_cleanup_free_ char *path = xstrdup(p->path);
	const char *at = target;

	if (!target || *target == '/')
		return NULL;
	while (strncmp(at, "../", 3) == 0) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
		at += 3;
	}
	return strstr(at, "../") ? NULL : xasprintf("%s/%s", path, at);
}

static int
add_link(struct writing *w, const struct output *o, const char *path, int64_t number, struct error *err)
{
	_cleanup_free_ char *link = path_of(w, o->link, number, err);
	struct ledger_file file = { .gid = (gid_t)-1, .base = strlen(w->set->directory) };
	struct drop_content none = { .data = NULL };
	ssize_t place = link ? place_of(w, link, err) : -1;
	char *referent;
	int rc;

	if (place < 0)
		return -1;
	referent = referent_of(&w->places[place], strrchr(link, '/') + 1);
	if (referent)
		strlist_take(&w->in_use, referent);
	file.target = relative_path(link, path);
	rc = out_add(w, &file, link, (size_t)place, &none, err);
	free(file.target);
	return rc;
}

/* --- the files of a set --- */

/* The names of such a file are only unique as long as certificates have different common names or types of keys. */
static int
check_owner(const struct writing *w, const struct output *o, const char *path, struct error *err)
{
	_cleanup_free_ char *owner = NULL;

	if (output_scope_of(o) == OUTPUT_FOR_ALL || ledger_find(&w->before, path) || access(path, F_OK) < 0)
		return 0;
	owner = ledger_owner_of(w->ledger_fd, path, w->job->slug);
	return owner ? error_set(err, ERROR_IN_USE, "'%s' belongs to the certificate '%s'", path, owner) : 0;
}

static int
add_output(struct writing *w, const struct output *o, int64_t number, struct error *err)
{
	_cleanup_free_ char *path = path_of(w, o->path, number, err);
	struct drop_content content = { .data = NULL };
	struct ledger_file file = { .gid = (gid_t)-1 };
	size_t place = 0;
	int rc = path ? drop_content_make(w->job, w->files, o->format, &w->set->password, &content, err) : -1;

	if (rc == 0)
		rc = describe(w, o, path, &content, &file, &place, err);
	if (rc == 0)
		rc = check_owner(w, o, path, err);
	if (rc == 0)
		rc = out_add(w, &file, path, place, &content, err);
	drop_content_clear(&content);
	return rc >= 0 && o->link ? add_link(w, o, path, number, err) : rc;
}

static int
add_set(struct writing *w, struct error *err)
{
	const struct output_list *list = &w->set->list;
	bool is_numbered = false;
	int64_t number = 0;

	for (size_t i = 0; i < list->count; i++)
		is_numbered = is_numbered || has_number(&list->items[i]);
	if (is_numbered)
		number = number_of(w, err);
	for (size_t i = 0; i < list->count && number >= 0; i++)
		if (add_output(w, &list->items[i], number, err) < 0)
			return -1;
	return number < 0 ? -1 : 0;
}

/* What is right already is left alone; what certd did not write stays another's. */
static void
look_at_all(struct writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++) {
		struct ledger_file *file = &w->after.files[i];
		const struct ledger_file *earlier = ledger_find(&w->before, file->path);
		struct out *out = &w->outs[i];

		out->is_done = drop_look(w->places[out->place].fd, out->name, file) == DROP_SAME;
		file->is_foreign = out->is_done && (!earlier || earlier->is_foreign);
	}
}

/* --- writing --- */

static int
stage_out(const struct writing *w, struct out *out, const struct ledger_file *file, struct error *err)
{
	const struct place *p = &w->places[out->place];

	out->was_staged = true;
	if (file->target)
		return drop_file_stage_symlink(p->fd, out->name, file->target, err);
	return drop_file_stage_for(p->fd, out->name, out->content.data, out->content.len, file->mode, file->gid, err);
}

static int
stage_all(struct writing *w, struct error *err)
{
	for (size_t i = 0; i < w->n_outs; i++) {
		if (w->outs[i].is_done)
			continue;
		if (stage_out(w, &w->outs[i], &w->after.files[i], err) < 0)
			return error_wrap(err, "'%s'", w->after.files[i].path);
	}
	return 0;
}

/* Those of one directory as one. */
static int
publish_place(struct writing *w, size_t place, bool are_links, struct error *err)
{
	const char **names = xcalloc(w->n_outs, sizeof(*names));
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < w->n_outs; i++)
		if (w->outs[i].place == place && !w->outs[i].is_done && !w->after.files[i].target == !are_links)
			names[n++] = w->outs[i].name;
	if (n)
		rc = drop_file_publish_all(w->places[place].fd, names, n, err);
	if (n && rc == 0)
		rc = drop_file_sync_dir(w->places[place].fd, w->places[place].path, err);
	free(names);
	return rc < 0 ? error_wrap(err, "'%s'", w->places[place].path) : 0;
}

static int
publish_all(struct writing *w, struct error *err)
{
	for (int are_links = 0; are_links <= 1; are_links++)
		for (size_t i = 0; i < w->n_places; i++)
			if (publish_place(w, i, are_links, err) < 0)
				return -1;
	return 0;
}

static void
unstage_all(const struct writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		if (w->outs[i].was_staged)
			drop_file_unstage(w->places[w->outs[i].place].fd, w->outs[i].name);
}

/* --- removing --- */

/* Its directory, unless that is gone (-1, *ret_is_gone). */
static int
open_parent(const struct drop_job *job, const struct ledger_file *file, bool *ret_is_gone, struct error *err)
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
remove_listed(const struct drop_job *job, const struct ledger_file *file, struct error *err)
{
	const char *name = strrchr(file->path, '/') + 1;
	bool is_gone = false;
	int fd = open_parent(job, file, &is_gone, err);
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
remove_directories(const struct drop_job *job, const struct strlist *made, struct strlist *ret_left)
{
	for (size_t i = made->count; i-- > 0;) {
		const struct ledger_file as_file = { .path = made->items[i], .base = 1 };
		bool is_gone = false;
		int fd = open_parent(job, &as_file, &is_gone, NULL);

		if (fd >= 0 && unlinkat(fd, strrchr(made->items[i], '/') + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
			strlist_add(ret_left, made->items[i]);
		else if (fd < 0 && !is_gone)
			strlist_add(ret_left, made->items[i]);
		if (fd >= 0)
			close(fd);
	}
}

static bool
is_needed(const struct ledger *l, const char *directory)
{
	size_t len = strlen(directory);

	for (size_t i = 0; i < l->count; i++)
		if (strncmp(l->files[i].path, directory, len) == 0 && l->files[i].path[len] == '/')
			return true;
	return false;
}

/* Of the directories in both, the ones without files are removed. */
static void
prune_directories(struct writing *w)
{
	_cleanup_strlist_ struct strlist idle = STRLIST_INIT, kept = STRLIST_INIT, left = STRLIST_INIT;

	for (size_t k = 0; k < 2; k++) {
		const struct strlist *list = k ? &w->after.directories : &w->before.directories;

		for (size_t i = 0; i < list->count; i++) {
			struct strlist *to = is_needed(&w->after, list->items[i]) ? &kept : &idle;

			if (!strlist_has(to, list->items[i]))
				strlist_add(to, list->items[i]);
		}
	}
	remove_directories(w->job, &idle, &left);
	for (size_t i = left.count; i-- > 0;)
		strlist_add(&kept, left.items[i]);
	strlist_copy(&w->after.directories, &kept);
}

/* @w->after gets what stays. Return: 0, or -1 with the first error: what was not removed stays listed. */
static int
prune(struct writing *w, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < w->before.count; i++) {
		const struct ledger_file *old = &w->before.files[i];
		bool is_in_use = !is_in_scope(w, old) || strlist_has(&w->in_use, old->path);
		struct ledger_file *kept;

		if (ledger_find(&w->after, old->path))
			continue;
		if (!is_in_use && remove_listed(w->job, old, rc < 0 ? NULL : err) == 0)
			continue;
		rc = is_in_use ? rc : -1;
		kept = ledger_add(&w->after, old->path);
		kept->target = xstrdup_null(old->target);
		memcpy(kept->sha256, old->sha256, sizeof(kept->sha256));
		kept->mode = old->mode;
		kept->gid = old->gid;
		kept->base = old->base;
		kept->is_foreign = old->is_foreign;
		kept->is_former = is_in_scope(w, old) || old->is_former;
	}
	prune_directories(w);
	return rc;
}

/* --- the whole --- */

/* Before anything is changed: all that may be there in a moment. */
static int
save_intent(struct writing *w, struct error *err)
{
	struct ledger both = w->after; /* borrowed, but the list */
	int rc;

	both.files = xreallocarray(NULL, w->after.count + w->before.count + 1, sizeof(*both.files));
	memcpy(both.files, w->after.files, w->after.count * sizeof(*both.files));
	for (size_t i = 0; i < w->before.count; i++)
		if (!ledger_find(&w->after, w->before.files[i].path))
			both.files[both.count++] = w->before.files[i];
	both.directories = (struct strlist)STRLIST_INIT;
	strlist_copy(&both.directories, &w->before.directories);
	for (size_t i = 0; i < w->after.directories.count; i++)
		if (!strlist_has(&both.directories, w->after.directories.items[i]))
			strlist_add(&both.directories, w->after.directories.items[i]);
	rc = ledger_write(w->ledger_fd, w->job->slug, &both, err);
	strlist_clear(&both.directories);
	free(both.files);
	return rc;
}

static bool
is_all_done(const struct writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		if (!w->outs[i].is_done)
			return false;
	return true;
}

static int
save_result(struct writing *w, struct error *err)
{
	int rc = prune(w, err);

	if (w->after.count == 0)
		return ledger_remove(w->ledger_fd, w->job->slug, err) < 0 ? -1 : rc;
	return ledger_write(w->ledger_fd, w->job->slug, &w->after, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

static int
write_declared(struct writing *w, const char **ret_failed_in, struct error *err)
{
	const struct drop_job *job = w->job;

	for (size_t i = 0; i < job->n_sets; i++) {
		w->set = &job->sets[i];
		if (add_set(w, err) < 0) {
			*ret_failed_in = w->set->directory;
			return error_wrap(err, "directory '%s'", w->set->directory);
		}
	}
	look_at_all(w);
	if (is_all_done(w))
		return save_result(w, err);
	if (save_intent(w, err) < 0)
		return -1;
	if (stage_all(w, err) < 0 || publish_all(w, err) < 0) {
		unstage_all(w);
		*ret_failed_in = job->sets[0].directory;
		return -1;
	}
	return save_result(w, err);
}

/* Does @w->before belong to this subject, and to a later deployment of it? */
static bool
is_later_there(const struct writing *w)
{
	return strcmp(w->before.subject, w->job->subject_id) == 0 && w->before.generation > w->job->generation &&
	       w->before.not_after_at > w->job->not_after_at;
}

/* Return: 1 opened, 0 there is no ledger and none is needed, -1 failed. */
static int
writing_open(struct writing *w, bool is_needed_now, struct error *err)
{
	w->ledger_fd = drop_open_ledgers(w->job->drops, is_needed_now, err);
	if (w->ledger_fd < 0)
		return is_needed_now || (err && error_is_set(err)) ? -1 : 0;
	return ledger_read(w->ledger_fd, w->job->slug, &w->before, err) < 0 ? -1 : 1;
}

int
drop_outputs_write(
	const struct drop_job *job, const struct drop_files *files, const char **ret_failed_in, struct error *err)
{
	struct writing w = { .job = job, .files = files, .ledger_fd = -1 };
	int rc = writing_open(&w, true, err);

	if (rc == 1) {
		memcpy(w.after.subject, job->subject_id, sizeof(w.after.subject));
		memcpy(w.after.certificate, job->certificate, sizeof(w.after.certificate));
		w.after.generation = job->generation;
		w.after.not_after_at = job->not_after_at;
		rc = is_later_there(&w) ? error_set(err, ERROR_STATE, "a later certificate is deployed already")
					: write_declared(&w, ret_failed_in, err);
	}
	writing_clear(&w);
	return rc < 0 ? -1 : 0;
}

/* Removes the files in scope. Return: 0 or -1. */
static int
remove_in_scope(struct writing *w, struct error *err)
{
	bool has_any = false;

	for (size_t i = 0; i < w->before.count; i++)
		has_any = has_any || is_in_scope(w, &w->before.files[i]);
	if (!has_any)
		return 0;
	memcpy(w->after.subject, w->before.subject, sizeof(w->after.subject));
	memcpy(w->after.certificate, w->before.certificate, sizeof(w->after.certificate));
	w->after.generation = w->before.generation;
	w->after.not_after_at = w->before.not_after_at;
	return save_result(w, err);
}

void
drop_outputs_prune(const struct drop_job *job)
{
	struct writing w = { .job = job, .ledger_fd = -1 };

	if (writing_open(&w, false, NULL) == 1)
		remove_in_scope(&w, NULL);
	writing_clear(&w);
}

static bool
is_of_another(const struct drop_job *job, const struct ledger *l)
{
	return !job->is_free && strcmp(l->subject, job->subject_id) != 0 && strcmp(l->subject, job->former_id) != 0;
}

int
drop_outputs_remove(const struct drop_job *job, struct error *err)
{
	struct writing w = { .job = job, .ledger_fd = -1 };
	int rc = writing_open(&w, false, err);

	if (rc == 1 && !is_of_another(job, &w.before))
		rc = remove_in_scope(&w, err);
	writing_clear(&w);
	return rc < 0 ? -1 : 0;
}
