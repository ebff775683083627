/* The ledger as JSON. It is certd's own file, but checked like one from outside: a restored copy may be damaged. */
#include "daemon/rollout/drop_ledger.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "daemon/rollout/drop_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEDGER_OCTETS_MAX = 1024 * 1024, MODE_MAX = 0777 };

void
ledger_clear(struct ledger *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->files[i].path);
		free(l->files[i].target);
	}
	free(l->files);
	strlist_clear(&l->directories);
	*l = (struct ledger){ .files = NULL };
}

struct ledger_file *
ledger_add(struct ledger *l, const char *path)
{
	struct ledger_file *file;

	l->files = xreallocarray(l->files, l->count + 1, sizeof(*l->files));
	file = &l->files[l->count++];
	*file = (struct ledger_file){ .path = xstrdup(path), .gid = (gid_t)-1 };
	return file;
}

struct ledger_file *
ledger_copy(struct ledger *l, const struct ledger_file *file)
{
	struct ledger_file *added = ledger_add(l, file->path);
	char *path = added->path;

	*added = *file;
	added->path = path;
	added->target = xstrdup_null(file->target);
	return added;
}

struct ledger_file *
ledger_find(const struct ledger *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->files[i].path, path) == 0)
			return &l->files[i];
	return NULL;
}

/* --- reading --- */

static int
ledger_take_id(struct json_object *json, const char *name, char ret[STORE_ID_SIZE])
{
	const char *text = NULL;

	if (json_get_string(json, name, &text, NULL) != 1 || strlen(text) >= STORE_ID_SIZE)
		return -1;
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int
ledger_take_file(struct ledger *l, struct json_object *json)
{
	const char *path = NULL, *target = NULL, *sha256 = NULL;
	int64_t mode = 0, gid = -1, base = 0;
	struct ledger_file *file;

	if (json_get_string(json, "path", &path, NULL) != 1 || path[0] != '/' ||
		json_get_int(json, "base", 1, (int64_t)strlen(path) - 1, &base, NULL) != 1 || path[base] != '/')
		return -1;
	file = ledger_add(l, path);
	file->base = (size_t)base;
	if (json_get_string(json, "target", &target, NULL) == 1)
		file->target = xstrdup(target);
	else if (json_get_string(json, "sha256", &sha256, NULL) != 1 || strlen(sha256) != DIGEST_TEXT_SIZE - 1 ||
		 json_get_int(json, "mode", 0, MODE_MAX, &mode, NULL) != 1)
		return -1;
	if (sha256)
		memcpy(file->sha256, sha256, DIGEST_TEXT_SIZE);
	file->mode = (mode_t)mode;
	if (json_get_int(json, "gid", 0, UINT32_MAX, &gid, NULL) == 1)
		file->gid = (gid_t)gid;
	json_get_bool(json, "foreign", &file->is_foreign, NULL);
	json_get_bool(json, "former", &file->is_former, NULL);
	return 0;
}

static int
ledger_parse(const struct buf *text, struct ledger *ret)
{
	_cleanup_json_ struct json_object *json = json_parse(text->data, text->len, NULL);
	struct json_object *files = NULL;

	if (!json || ledger_take_id(json, "subject", ret->subject) < 0 ||
		ledger_take_id(json, "certificate", ret->certificate) < 0 ||
		json_get_int(json, "generation", 0, INT64_MAX, &ret->generation, NULL) != 1 ||
		json_get_int(json, "notAfter", 0, INT64_MAX, &ret->not_after_at, NULL) != 1 ||
		json_get_strlist(json, "directories", &ret->directories, NULL) != 1 ||
		json_get_array(json, "files", &files, NULL) != 1)
		return -1;
	for (size_t i = 0; i < json_object_array_length(files); i++)
		if (ledger_take_file(ret, json_object_array_get_idx(files, i)) < 0)
			return -1;
	return 0;
}

int
ledger_read(int dirfd, const char *slug, struct ledger *ret, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("%s.json", slug);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (faccessat(dirfd, name, F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	if (buf_read_file(&text, dirfd, name, LEDGER_OCTETS_MAX, err) < 0)
		return error_wrap(err, "outputs/%s", name);
	if (ledger_parse(&text, ret) == 0)
		return 0;
	ledger_clear(ret);
	return error_set(err, ERROR_CORRUPT,
		"outputs/%s in the state directory is damaged: move it away; certd then writes all files again", name);
}

char *
ledger_owner_of(int dirfd, const char *path, const char *slug)
{
	DIR *dir = drop_file_list(dirfd, NULL);
	struct dirent *entry;
	char *ret = NULL;

	while (dir && !ret && (entry = readdir(dir))) {
		_cleanup_ledger_ struct ledger l = { .files = NULL };
		const char *end = strrchr(entry->d_name, '.');
		_cleanup_free_ char *other = end && strcmp(end, ".json") == 0
						     ? xstrndup(entry->d_name, (size_t)(end - entry->d_name))
						     : NULL;

		if (other && strcmp(other, slug) != 0 && ledger_read(dirfd, other, &l, NULL) == 0 &&
			ledger_find(&l, path))
			ret = xstrdup(other);
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* --- writing --- */

static struct json_object *
ledger_file_json(const struct ledger_file *file)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "path", file->path);
	json_add_int(json, "base", (int64_t)file->base);
	if (file->target) {
		json_add_string(json, "target", file->target);
	} else {
		json_add_string(json, "sha256", file->sha256);
		json_add_int(json, "mode", (int64_t)file->mode);
		if (file->gid != (gid_t)-1)
			json_add_int(json, "gid", (int64_t)file->gid);
	}
	if (file->is_foreign)
		json_add_bool(json, "foreign", true);
	if (file->is_former)
		json_add_bool(json, "former", true);
	return json;
}

int
ledger_write(int dirfd, const char *slug, const struct ledger *l, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("%s.json", slug);
	_cleanup_json_ struct json_object *json = json_object_new_object();
	struct json_object *files = json_object_new_array();
	_cleanup_buf_ struct buf text = BUF_INIT;

	json_add_string(json, "subject", l->subject);
	json_add_string(json, "certificate", l->certificate);
	json_add_int(json, "generation", l->generation);
	json_add_int(json, "notAfter", l->not_after_at);
	json_add_strlist(json, "directories", &l->directories);
	for (size_t i = 0; i < l->count; i++)
		json_object_array_add(files, ledger_file_json(&l->files[i]));
	json_object_object_add(json, "files", files);
	json_write(json, &text);
	buf_add_char(&text, '\n');
	if (drop_file_replace(dirfd, name, text.data, text.len, 0600, err) < 0)
		return -1;
	return drop_file_sync_dir(dirfd, "outputs", err);
}

int
ledger_remove(int dirfd, const char *slug, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("%s.json", slug);

	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "remove 'outputs/%s'", name);
	return drop_file_sync_dir(dirfd, "outputs", err);
}
