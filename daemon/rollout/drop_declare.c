/*
 * What a consumer's declared files are for one certificate: paths, contents, modes, links.
 *
 * A layout with numbers (certbot) keeps the number for as long as the files with it have the right contents.
 */
#include "daemon/rollout/drop_output_private.h"

#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_look.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_TEXT_MAX = 16 * 1024 };

/* A file or link, before it is added. */
struct declared {
	struct ledger_file file; /* its texts are owned */
	struct drop_content content;
	size_t place;
};

/* --- directories --- */

/* The directory of @path, created if it is below the declared one. Return: its index, or -1. */
static ssize_t
declare_place(struct drop_writing *w, const char *path, struct error *err)
{
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct drop_place p = { .path = NULL };

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
declare_group(const struct output *o, const struct stat *dir, gid_t *ret, struct error *err)
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
declare_mode(const struct output *o, const struct stat *dir)
{
	bool is_for_group = o->group || (dir->st_mode & S_ISGID);

	return !o->has_mode && o->mode == 0600 && is_for_group ? 0640 : o->mode;
}

static struct output_values
declare_values(const struct drop_writing *w, int64_t number)
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
declare_path(const struct drop_writing *w, const char *template, int64_t number, struct error *err)
{
	const struct output_values values = declare_values(w, number);
	_cleanup_free_ char *path = output_expand(template, &values);

	if (path)
		return xasprintf("%s/%s", w->set->directory, path);
	error_set(err, ERROR_INVALID, "'%s' does not make the path of a file for this certificate", template);
	return NULL;
}

static void
declare_clear(struct declared *d)
{
	free(d->file.path);
	free(d->file.target);
	drop_content_clear(&d->content);
}

/* The file of @o with @number. Return: 0 or -1; @ret is to be cleared in either case. */
static int
declare_file(struct drop_writing *w, const struct output *o, int64_t number, struct declared *ret, struct error *err)
{
	ssize_t place;

	*ret = (struct declared){ .file = { .base = strlen(w->set->directory) } };
	ret->file.path = declare_path(w, o->path, number, err);
	if (!ret->file.path ||
		drop_content_make(w->job, w->files, o->format, &w->set->password, &ret->content, err) < 0)
		return -1;
	place = declare_place(w, ret->file.path, err);
	if (place < 0)
		return -1;
	ret->place = (size_t)place;
	digest_sha256(ret->content.data, ret->content.len, ret->file.sha256);
	ret->file.mode = declare_mode(o, &w->places[place].st);
	return declare_group(o, &w->places[place].st, &ret->file.gid, err);
}

/* Moves @d's content, and copies its description. Return: 0, or -1: it is there with other contents. */
static int
declare_add(struct drop_writing *w, struct declared *d, struct error *err)
{
	const struct ledger_file *same = ledger_find(&w->after, d->file.path);

	if (same && (strcmp(same->sha256, d->file.sha256) != 0 || !same->target != !d->file.target))
		return error_set(err, ERROR_INVALID,
			"'%s' is declared twice for this certificate, with different contents", d->file.path);
	if (same)
		return 0;
	same = ledger_copy(&w->after, &d->file);
	w->outs = xreallocarray(w->outs, w->n_outs + 1, sizeof(*w->outs));
	w->outs[w->n_outs++] = (struct drop_out){
		.place = d->place, .name = strrchr(same->path, '/') + 1, .content = d->content
	};
	d->content = (struct drop_content){ .data = NULL };
	return 0;
}

/* --- numbers --- */

static bool
declare_has_number(const struct output *o)
{
	return strstr(o->path, "{number}");
}

/* The number in @name, which is @before, digits, @after. 0: another name. */
static int64_t
declare_number_in(const char *name, const char *before, const char *after)
{
	size_t len = strlen(before), digits;

	if (strncmp(name, before, len) != 0)
		return 0;
	digits = strspn(name + len, "0123456789");
	return digits && digits < 10 && strcmp(name + len + digits, after) == 0 ? strtoll(name + len, NULL, 10) : 0;
}

/* The highest number of the files of @o. Return: 0 there is none, -1 failed. */
static int64_t
declare_highest(struct drop_writing *w, const struct output *o, struct error *err)
{
	const char *at = strstr(o->path, "{number}");
	_cleanup_free_ char *head = xasprintf("%.*s", (int)(at - o->path), o->path);
	_cleanup_free_ char *path = declare_path(w, head, 0, err);
	ssize_t place = path ? declare_place(w, path, err) : -1;
	DIR *dir = place < 0 ? NULL : drop_file_list(w->places[place].fd, err);
	struct dirent *entry;
	int64_t ret = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		int64_t n = declare_number_in(entry->d_name, strrchr(path, '/') + 1, at + strlen("{number}"));

		if (n > ret)
			ret = n;
	}
	closedir(dir);
	return ret;
}

/* Are all files of the current set with @number there, with the right contents? Return: 1, 0 or -1. */
static int
declare_is_complete(struct drop_writing *w, const struct output_list *list, int64_t number, struct error *err)
{
	int ret = 1;

	for (size_t i = 0; i < list->count && ret == 1; i++) {
		struct declared d;

		if (!declare_has_number(&list->items[i]))
			continue;
		if (declare_file(w, &list->items[i], number, &d, err) < 0)
			ret = -1;
		else
			ret = drop_look(w->places[d.place].fd, strrchr(d.file.path, '/') + 1, &d.file) == DROP_SAME;
		declare_clear(&d);
	}
	return ret;
}

/* The number of the current set: the highest, if its files are right, else the next. Return: -1: failed. */
static int64_t
declare_number(struct drop_writing *w, struct error *err)
{
	const struct output_list *list = &w->set->list;
	int64_t highest = 0;
	int complete;

	for (size_t i = 0; i < list->count; i++) {
		int64_t n = declare_has_number(&list->items[i]) ? declare_highest(w, &list->items[i], err) : 0;

		if (n < 0)
			return -1;
		highest = n > highest ? n : highest;
	}
	if (!highest)
		return 1;
	complete = declare_is_complete(w, list, highest, err);
	return complete < 0 ? -1 : highest + !complete;
}

/* --- links --- */

/* The way from the directory of @link to @path, both below the directory; owned by the caller. */
static char *
declare_target(const char *link, const char *path)
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
declare_referent(const struct drop_place *p, const char *name)
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
declare_link(struct drop_writing *w, const struct output *o, const char *path, int64_t number, struct error *err)
{
	struct declared d = { .file = { .gid = (gid_t)-1, .base = strlen(w->set->directory) } };
	ssize_t place;
	char *referent;
	int rc = -1;

	d.file.path = declare_path(w, o->link, number, err);
	place = d.file.path ? declare_place(w, d.file.path, err) : -1;
	if (place >= 0) {
		d.place = (size_t)place;
		d.file.target = declare_target(d.file.path, path);
		referent = declare_referent(&w->places[place], strrchr(d.file.path, '/') + 1);
		if (referent)
			strlist_take(&w->in_use, referent);
		rc = declare_add(w, &d, err);
	}
	declare_clear(&d);
	return rc;
}

/* --- the files of a set --- */

/* The names of such a file are only unique as long as certificates have different common names or types of keys. */
static int
declare_check_owner(const struct drop_writing *w, const struct output *o, const char *path, struct error *err)
{
	_cleanup_free_ char *owner = NULL;

	if (output_scope_of(o) == OUTPUT_FOR_ALL || ledger_find(&w->before, path) || access(path, F_OK) < 0)
		return 0;
	owner = ledger_owner_of(w->ledger_fd, path, w->job->slug);
	return owner ? error_set(err, ERROR_IN_USE, "'%s' belongs to the certificate '%s'", path, owner) : 0;
}

static int
declare_output(struct drop_writing *w, const struct output *o, int64_t number, struct error *err)
{
	struct declared d;
	int rc = declare_file(w, o, number, &d, err);

	if (rc == 0)
		rc = declare_check_owner(w, o, d.file.path, err);
	if (rc == 0)
		rc = declare_add(w, &d, err);
	if (rc == 0 && o->link)
		rc = declare_link(w, o, d.file.path, number, err);
	declare_clear(&d);
	return rc;
}

int
drop_declare(struct drop_writing *w, const struct drop_output_set *set, struct error *err)
{
	const struct output_list *list = &set->list;
	bool is_numbered = false;
	int64_t number = 0;

	w->set = set;
	for (size_t i = 0; i < list->count; i++)
		is_numbered = is_numbered || declare_has_number(&list->items[i]);
	if (is_numbered)
		number = declare_number(w, err);
	for (size_t i = 0; i < list->count && number >= 0; i++)
		if (declare_output(w, &list->items[i], number, err) < 0)
			return -1;
	return number < 0 ? -1 : 0;
}
