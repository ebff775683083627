/*
 * ctl/migrate/files.h: the files of another client. They belong to somebody else: every path stays below the client's
 * directory (symbolic links, too), only regular files are read, and their size is bounded.
 */
#ifndef CTL_MIGRATE_FILES_H
#define CTL_MIGRATE_FILES_H

#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/json.h"
#include "common/strlist.h"

enum { FILES_TEXT_MAX = 256 * 1024 };

/* Return: a descriptor of the directory, owned by the caller, or -1; ERROR_NOT_FOUND. */
int
files_open_root(const char *path, struct error *err);

/*
 * files_read() - a file of at most FILES_TEXT_MAX octets, below @root
 * ERROR_NOT_FOUND, ERROR_DENIED (it leads out of the directory), ERROR_INVALID (not a regular file), ERROR_LIMIT.
 * Messages name the path. Return: 0 or -1.
 */
int
files_read(int root, const char *path, struct secret *ret, struct error *err);

/* The same as text. */
int
files_read_text(int root, const char *path, struct buf *ret, struct error *err);

/* The same as a JSON object; owned by the caller; NULL: missing or not one. */
struct json_object *
files_read_json(int root, const char *path);

bool
files_is_there(int root, const char *path);

/* The names in the directory @path below @root, sorted, without ".*"; at most FOUND_MAX. A missing one is empty. */
void
files_list(int root, const char *path, struct strlist *ret);

#endif
