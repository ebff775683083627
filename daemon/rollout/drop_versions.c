/*
 * Files for servers that open key and certificate one after the other, even if both are in one file (nginx).
 * bundle-<pair>.pem is named after its pair of key and certificate, so both opens read the same pair. nginx.conf, which
 * is read once, refers to it. Replaced bundles are kept for servers that have read the previous nginx.conf.
 */
#include "common/crypto/key.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The last replaced bundle is always kept. Older ones are kept while a server may still load them: the reload units
 * give up after 15 minutes. There are only many if certificates are replaced without a pause.
 */
enum { VERSIONS_STAY_SEC = 3600, VERSIONS_MAX = 1000 };

#define VERSION_PREFIX "bundle-"
#define VERSION_SUFFIX ".pem"
enum { VERSION_OCTETS = 8 };

char *
drop_version_name(const struct drop_job *job)
{
	struct buf name = BUF_INIT;

	buf_add_str(&name, VERSION_PREFIX);
	for (size_t i = 0; i < VERSION_OCTETS && i < job->pair.len; i++)
		buf_printf(&name, "%02x", (unsigned char)job->pair.data[i]);
	buf_add_str(&name, VERSION_SUFFIX);
	return buf_steal(&name);
}

static bool
is_version_name(const char *name)
{
	const size_t prefix = strlen(VERSION_PREFIX), digits = (size_t)2 * VERSION_OCTETS;

	return strncmp(name, VERSION_PREFIX, prefix) == 0 && strspn(name + prefix, "0123456789abcdef") == digits &&
	       strcmp(name + prefix + digits, VERSION_SUFFIX) == 0;
}

static void
nginx_add_quoted(struct buf *ret, const char *path)
{
	for (const char *c = path; *c; c++)
		buf_printf(ret, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
}

/* nginx refuses to include a file that is missing, unless the path is a pattern. */
static char *
nginx_include(const char *variant)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (!variant)
		return xstrdup("");
	nginx_add_quoted(&path, variant);
	return xasprintf("include \"%s/nginx.con[f]\";\n", buf_str(&path));
}

char *
drop_nginx_conf(const char *directory, const char *version, const char *place, const char *variant)
{
	static const char head[] =
		"# Written by certd for an include in a server block of nginx, and replaced with the certificate.\n";
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_free_ char *include = nginx_include(variant);

	if (strchr(directory, '$'))
		return xasprintf("%s# nginx reads $ in a path as a variable: use another directory.\n", head);
	nginx_add_quoted(&path, directory);
	if (place && strncmp(place, KEY_PLACE_TOKEN, strlen(KEY_PLACE_TOKEN)) != 0)
		return xasprintf("%sssl_certificate \"%s/%s\";\n# Whoever made the certificate request has its key: "
				 "ssl_certificate_key belongs to your own configuration.\n",
			head, buf_str(&path), version);
	if (place)
		return xasprintf("%sssl_certificate \"%s/%s\";\nssl_certificate_key \"engine:pkcs11:%s\";\n", head,
			buf_str(&path), version, place);
	return xasprintf("%sssl_certificate \"%s/%s\";\nssl_certificate_key \"%s/%s\";\n%s", head, buf_str(&path),
		version, buf_str(&path), version, include);
}

struct version {
	char *name;
	int64_t written_at;
};

struct versions {
	struct version *items;
	size_t n;
};

static void
versions_clear(struct versions *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->items[i].name);
	free(v->items);
}

static int
newest_first(const void *a, const void *b)
{
	int64_t x = ((const struct version *)a)->written_at, y = ((const struct version *)b)->written_at;

	return (x < y) - (x > y);
}

/* Those that are certd's own files, the newest first. Return: 0 or -1. */
static int
versions_list(int dirfd, struct versions *ret, struct error *err)
{
	DIR *dir = drop_file_list(dirfd, err);
	struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		struct stat st;

		if (!is_version_name(entry->d_name) || fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			st.st_uid != geteuid() || S_ISDIR(st.st_mode))
			continue;
		ret->items = xreallocarray(ret->items, ret->n + 1, sizeof(*ret->items));
		ret->items[ret->n++] = (struct version){ xstrdup(entry->d_name), st.st_mtim.tv_sec };
	}
	closedir(dir);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), newest_first);
	return 0;
}

/* Each is kept until its successor has existed for a while. A failed removal is retried with the next one. */
void
drop_versions_prune(int dirfd, const char *current)
{
	struct versions all = { .n = 0 };
	struct stat now;

	if (fstatat(dirfd, current, &now, AT_SYMLINK_NOFOLLOW) < 0 || versions_list(dirfd, &all, NULL) < 0)
		return;
	for (size_t i = 2; i < all.n; i++)
		if (strcmp(all.items[i].name, current) != 0 &&
			(i > VERSIONS_MAX || all.items[i - 1].written_at < now.st_mtim.tv_sec - VERSIONS_STAY_SEC))
			unlinkat(dirfd, all.items[i].name, 0);
	versions_clear(&all);
}

int
drop_versions_remove(int dirfd, struct error *err)
{
	struct versions all = { .n = 0 };
	int rc = versions_list(dirfd, &all, err);

	for (size_t i = 0; i < all.n && rc == 0; i++)
		if (unlinkat(dirfd, all.items[i].name, 0) < 0 && errno != ENOENT)
			rc = error_set_errno(err, errno, "remove '%s'", all.items[i].name);
	versions_clear(&all);
	return rc;
}
