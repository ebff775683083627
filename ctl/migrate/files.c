/* openat2() resolves links within the directory, in one step with opening: nobody can swap a part of the path. */
#include "ctl/migrate/files.h"

#include "common/error.h"
#include "ctl/migrate/found.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_TRIES = 10000 };

int
files_open_root(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : error_set_errno(err, errno, "open '%s'", path);
}

static int
files_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	int fd = -1;

	/* EAGAIN: something was renamed on this host meanwhile, so that ".." could not be trusted (openat2(2)). */
	for (unsigned tries = 0; fd < 0 && tries < OPEN_TRIES && (tries == 0 || errno == EAGAIN); tries++)
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd;
}

static int
files_open_regular(int root, const char *path, struct stat *ret, struct error *err)
{
	int fd = files_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == EXDEV)
		return error_set(err, ERROR_DENIED, "'%s' leads out of the directory", path);
	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", path);
	if (fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_size <= FILES_TEXT_MAX)
		return fd;
	close(fd);
	return S_ISREG(ret->st_mode)
		       ? error_set(err, ERROR_LIMIT, "'%s' is larger than %d octets", path, FILES_TEXT_MAX)
		       : error_set(err, ERROR_INVALID, "'%s' is not a regular file", path);
}

int
files_read(int root, const char *path, struct secret *ret, struct error *err)
{
	struct stat st = { .st_size = 0 };
	int fd = files_open_regular(root, path, &st, err);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	secret_alloc(ret, (size_t)st.st_size + 1);
	while (len < ret->len && n > 0) {
		n = read(fd, ret->data + len, ret->len - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		error_set_errno(err, errno, "read '%s'", path);
	close(fd);
	ret->len = len;
	return n < 0 ? -1 : 0;
}

int
files_read_text(int root, const char *path, struct buf *ret, struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;

	if (files_read(root, path, &octets, err) < 0)
		return -1;
	buf_add(ret, octets.data, octets.len);
	return 0;
}

struct json_object *
files_read_json(int root, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *json = NULL;

	if (files_read_text(root, path, &text, NULL) == 0)
		json = json_parse(buf_str(&text), text.len, NULL);
	if (json_object_is_type(json, json_type_object))
		return json;
	json_object_put(json);
	return NULL;
}

bool
files_is_there(int root, const char *path)
{
	int fd = files_open(root, path, O_PATH);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
files_list(int root, const char *path, struct strlist *ret)
{
	int fd = files_open(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (ret->count < FOUND_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strlist_add(ret, entry->d_name);
	closedir(dir);
	strlist_sort(ret);
}
