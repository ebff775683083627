/*
 * What deployment needs of the host: directories that can be written, programs that can be run, space and a clock. A
 * worker looks, because a network file system may hang.
 */
#include "common/webroot_entry.h"
#include "daemon/base/workers.h"
#include "daemon/ready/ready_private.h"
#include "daemon/store/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SPACE_MIN = 64 << 20, NODES_MIN = 1000 };

/* Things to look at; the worker uses nothing else. */
struct ready_files {
	struct ready_step *step; /* NULL: cancelled */
	struct strlist paths;
	struct strlist what; /* of each, for the message */
	int modes[READY_FINDINGS_MAX];
	int errors[READY_FINDINGS_MAX];
};

static void
files_free(struct ready_files *f)
{
	strlist_clear(&f->paths);
	strlist_clear(&f->what);
	free(f);
}

static void
files_cancel(struct ready_step *s)
{
	struct ready_files *f = s->data;

	f->step = NULL;
}

/* @what: taken. */
static void
files_add(struct ready_files *f, const char *path, int mode, char *what)
{
	if (!path || *path != '/' || f->paths.count == READY_FINDINGS_MAX || strlist_has(&f->paths, path)) {
		free(what);
		return;
	}
	f->modes[f->paths.count] = mode;
	strlist_add(&f->paths, path);
	strlist_take(&f->what, what);
}

static void
files_look(void *arg)
{
	struct ready_files *f = arg;

	for (size_t i = 0; i < f->paths.count; i++)
		f->errors[i] = faccessat(AT_FDCWD, f->paths.items[i], f->modes[i], AT_EACCESS) < 0 ? errno : 0;
}

static void
files_looked(void *arg)
{
	struct ready_files *f = arg;
	struct ready_step *s = f->step;

	for (size_t i = 0; s && i < f->paths.count; i++)
		if (f->errors[i])
			ready_add(s, READY_WARNING, "certd cannot %s %s %s: %s",
				f->modes[i] & W_OK ? "write to" : "run", f->what.items[i], f->paths.items[i],
				strerror(f->errors[i]));
	files_free(f);
	if (s)
		ready_next(s);
}

static void
files_of_consumer(struct ready_files *f, const struct consumer *c)
{
	const struct strlist *command = setting_list(&c->settings, "command");

	files_add(f, c->directory, W_OK | X_OK, xasprintf("the directory of consumer '%s',", c->o.name));
	if (command->count)
		files_add(f, command->items[0], X_OK, xasprintf("the program of consumer '%s',", c->o.name));
}

static void
files_of_dns(struct ready_step *s, struct ready_files *f)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

	if (!s->run->a.dns_provider ||
		object_peek(s->run->ready->store, &dnsprovider_class, s->run->a.dns_provider, &d, NULL) != 1)
		return;
	files_add(f, setting_text(&d.settings, "command"), X_OK,
		xasprintf("the program of DNS provider '%s',", d.o.name));
	files_add(f, setting_text(&d.settings, "cleanupCommand"), X_OK,
		xasprintf("the program of DNS provider '%s',", d.o.name));
}

static void
files_of_webroots(struct ready_step *s, struct ready_files *f)
{
	const struct strlist *webroots = &s->run->ready->config.conf->webroots;
	_cleanup_strlist_ struct strlist paths = STRLIST_INIT;

	for (size_t i = 0; webroots->count && i < s->run->names.count; i++) {
		const char *name = s->run->names.items[i];
		const char *method = solver_method(s->run->ready->config.env->solver, &s->run->a, name, NULL);

		if (method && strcmp(method, "http-01") == 0)
			webroot_entries_of(webroots, name, &paths);
	}
	for (size_t i = 0; i < paths.count; i++)
		files_add(f, paths.items[i], W_OK | X_OK, xstrdup("the webroot"));
}

static void
files_start(struct ready_step *s)
{
	const struct ready *ready = s->run->ready;
	struct ready_files *f = xcalloc(1, sizeof(*f));

	f->step = s;
	s->data = f;
	s->cancel = files_cancel;
	files_add(f, ready->config.conf->drop_root, W_OK | X_OK, xstrdup("the drop directory"));
	files_of_webroots(s, f);
	for (size_t i = 0; i < s->run->a.consumers.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_peek(ready->store, &consumer_class, s->run->a.consumers.items[i], &c, NULL) == 1)
			files_of_consumer(f, &c);
	}
	files_of_dns(s, f);
	workers_run(ready->config.env->workers, files_look, files_looked, f);
}

const struct ready_check ready_check_files = { .word = "files", .start = files_start };

/* --- the host --- */

static void
host_space(const char *path, struct record_list *ret)
{
	_cleanup_free_ char *text = NULL;
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < SPACE_MIN)
		text = xasprintf("the file system of %s has %llu MiB left: certd cannot store or deploy anything when "
				 "it is full",
			path, (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20));
	else if (fs.f_files && fs.f_favail < NODES_MIN)
		text = xasprintf("the file system of %s has %llu inodes left", path, (unsigned long long)fs.f_favail);
	ready_list_add(ret, "space", text ? READY_WARNING : READY_OK, NULL, text ? text : path);
}

int64_t
ready_check_host(struct ready *ready, bool is_clock_wrong, struct record_list *ret)
{
	const struct conf *conf = ready->config.conf;
	const struct error *http = solver_http_error(ready->config.env->solver);
	const struct error *tlsalpn = solver_tlsalpn_error(ready->config.env->solver);

	host_space(conf->state_dir, ret);
	if (conf->drop_root && strcmp(conf->drop_root, conf->state_dir) != 0)
		host_space(conf->drop_root, ret);
	ready_list_add(ret, "clock", is_clock_wrong ? READY_BLOCKED : READY_OK, NULL,
		is_clock_wrong ? "the clock is behind the last recorded time: nothing is issued until it is set" : "");
	if (http)
		ready_list_add(ret, "listener", READY_WARNING, NULL, http->message);
	if (tlsalpn)
		ready_list_add(ret, "listener", READY_WARNING, NULL, tlsalpn->message);
	return ready_worst(ret);
}
