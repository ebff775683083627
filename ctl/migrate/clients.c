/* The table of the other clients. */
#include "ctl/migrate/clients.h"

#include "common/ca.h"
#include "common/error.h"
#include "ctl/migrate/files.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct client_kind client_kinds[] = {
	{ "certbot", { "/etc/letsencrypt" }, certbot_read, "systemctl disable --now certbot.timer" },
	{ "acme.sh", { "~/.acme.sh", "/etc/acme.sh" }, acmesh_read, "acme.sh --uninstall-cronjob" },
	{ "lego", { "~/.lego", "/etc/lego", "/var/lib/lego" }, lego_read,
		"remove the timer or cron job that runs 'lego renew'" },
	{ "dehydrated", { "/etc/dehydrated" }, dehydrated_read,
		"remove the timer or cron job that runs 'dehydrated --cron'" },
	{ "uacme", { "/etc/ssl/uacme" }, uacme_read, "remove the timer or cron job that runs 'uacme issue'" },
	{ .name = NULL },
};
/* clang-format on */

const struct client_kind *
client_kind_find(const char *name)
{
	for (const struct client_kind *kind = client_kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}

int
client_kind_read(const struct client_kind *kind, const char *directory, struct found *ret, struct error *err)
{
	*ret = (struct found){ .root = files_open_root(directory, err), .directory = xstrdup(directory) };
	if (ret->root < 0)
		return -1;
	if (kind->read(ret, err) < 0)
		return error_wrap(err, "%s: '%s'", kind->name, directory);
	return 0;
}

char *
client_kind_look(const struct client_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind->directories) && kind->directories[i]; i++) {
		const char *path = kind->directories[i];
		const char *home = getenv("HOME");
		_cleanup_free_ char *full = *path == '~' ? xasprintf("%s%s", home ? home : "", path + 1)
							 : xstrdup(path);
		struct found found;
		bool has_any = client_kind_read(kind, full, &found, NULL) == 0 && found.n_certificates;

		found_clear(&found);
		if (has_any)
			return xstrdup(full);
	}
	return NULL;
}

const char *
client_server_at(const char *host)
{
	const struct ca *ca, *only = NULL;

	for (size_t i = 0; (ca = ca_at(i)); i++) {
		const char *at = ca->url + strlen("https://");

		if (strncmp(at, host, strlen(host)) != 0 || at[strlen(host)] != '/')
			continue;
		if (only)
			return NULL;
		only = ca;
	}
	return only ? only->url : NULL;
}
