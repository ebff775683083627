/* Which files of which client certd can write. Only what it needs is given to it, never the whole directory. */
#include "ctl/migrate/keep.h"

#include "common/buf.h"
#include "common/name.h"
#include "common/shell.h"

#include <stdlib.h>
#include <string.h>

/* One row for each client with a layout (common/api/outputs.h). */
static const struct keep_row {
	const char *client;
	const char *layout;
	const char *file;           /* as the layout has it: {name} or {cn}, {ecc} */
	const char *directories[3]; /* to be given to certd; NULL: that of the file */
	const char *trap;           /* why the client must be stopped before; or NULL */
} keep_rows[] = {
	{ "certbot", "certbot", "live/{name}/fullchain.pem", { "live", "archive" }, NULL },
	{ "lego", "lego", "certificates/{name}.crt", { "certificates" }, NULL },
	{ "dehydrated", "dehydrated", "certs/{name}/fullchain.pem", { "certs" },
		"dehydrated runs certs/*/config there as root" },
	{ "acme.sh", "acme.sh", "{cn}{ecc}/fullchain.cer", { NULL },
		"acme.sh runs commands of the .conf files there as root" },
};

static const struct keep_row *
keep_row_of(const struct client_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(keep_rows); i++)
		if (strcmp(keep_rows[i].client, kind->name) == 0)
			return &keep_rows[i];
	return NULL;
}

static void
keep_put(struct buf *ret, const char **at, const char *word, const char *value)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0)
		return;
	buf_add_str(ret, value);
	*at += len;
}

/* The file that certd would write. The type of key only matters for the name of acme.sh's directory. */
static bool
keep_is_at(const struct keep_row *row, const char *file, const char *name, const char *common_name, const char *ecc)
{
	_cleanup_free_ char *slug = name_slug(name);
	_cleanup_buf_ struct buf path = BUF_INIT;

	for (const char *at = row->file; *at;) {
		const char *before = at;

		keep_put(&path, &at, "{name}", slug);
		keep_put(&path, &at, "{cn}", common_name);
		keep_put(&path, &at, "{ecc}", ecc);
		if (at == before)
			buf_add_char(&path, *at++);
	}
	return strcmp(buf_str(&path), file) == 0;
}

static bool
keep_is_hidden(const char *directory)
{
	static const char *const hidden[] = { "/root/", "/home/", "/run/user/" };
	_cleanup_free_ char *path = xasprintf("%s/", directory);

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (strncmp(path, hidden[i], strlen(hidden[i])) == 0)
			return true;
	return false;
}

/* "DIR/live DIR/archive", each as a word of the shell; owned by the caller. */
static char *
keep_words(const struct keep_row *row, const char *directory, const char *file)
{
	struct buf ret = BUF_INIT;
	_cleanup_free_ char *own = xstrndup(file, strcspn(file, "/"));

	for (size_t i = 0; i == 0 || row->directories[i]; i++) {
		_cleanup_free_ char *path = xasprintf(
			"%s/%s", directory, row->directories[i] ? row->directories[i] : own);
		_cleanup_free_ char *word = shell_word(path);

		buf_printf(&ret, "%s%s", i ? " " : "", word);
	}
	return buf_steal(&ret);
}

static void
keep_advise(const struct keep_row *row, const struct client_kind *kind, const char *file, struct keep *ret)
{
	_cleanup_free_ char *words = keep_words(row, ret->directory, file);

	if (row->trap)
		strlist_take(&ret->advice, xasprintf("first, stop %s (%s): %s", kind->name, row->trap, kind->farewell));
	strlist_take(&ret->advice,
		xasprintf("as root, because certd has no privileges and must own what it writes to: chown -R certd: %s",
			words));
	strlist_take(&ret->advice,
		xasprintf("as root, because certd's sandbox is read-only elsewhere: systemctl edit certd.service, add "
			  "the lines '[Service]' and 'ReadWritePaths=%s', then: systemctl restart certd.service",
			words));
}

void
keep_clear(struct keep *keep)
{
	free(keep->directory);
	strlist_clear(&keep->advice);
}

int
keep_of(const struct client_kind *kind, const struct found *found, const struct found_certificate *c,
	const char *common_name, struct keep *ret)
{
	const struct keep_row *row = keep_row_of(kind);

	*ret = (struct keep){ .directory = realpath(found->directory, NULL) };
	if (!row)
		strlist_take(&ret->advice, xasprintf("certd cannot write files as %s does", kind->name));
	else if (!ret->directory || (!keep_is_at(row, c->file, c->name, common_name, "") &&
					    !keep_is_at(row, c->file, c->name, common_name, "_ecc")))
		strlist_take(&ret->advice,
			xasprintf("the files of '%s' do not have the usual names of %s", c->name, kind->name));
	else if (keep_is_hidden(ret->directory))
		strlist_take(&ret->advice, xasprintf("certd's sandbox hides '%s'", ret->directory));
	if (ret->advice.count)
		return 0;
	ret->layout = row->layout;
	keep_advise(row, kind, c->file, ret);
	return 1;
}
