/* Consumers, from the deploy hooks of another client and the files that it keeps. */
#include "ctl/migrate/declare_private.h"

#include "ctl/migrate/hooks.h"
#include "ctl/migrate/keep.h"

#include <stdlib.h>
#include <string.h>

/* --- deploy hooks --- */

static bool
declare_is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* The consumer for a service that a unit reloads. */
static void
declare_reload(struct declaring *d, const char *service, struct json_object *consumers)
{
	static const char *const with_unit[] = { "nginx", "haproxy", NULL };

	json_object_array_add(consumers, json_object_new_string(service));
	if (!declare_at(d->present, "consumers", service) && !declare_at(d->ret->wanted, "consumers", service))
		declare_add(d, "consumers", service, json_object_new_object());
	declare_advise(d->ret, xasprintf(declare_is_one_of(service, with_unit)
						 ? "to reload %s, run: systemctl enable --now certd-%s.path"
						 : "to reload %s, run: systemctl enable --now certd-reload@%s.path",
				       service, service));
}

/* The consumer @name with @properties, which are taken: of certd or of this run, or a new one. */
static void
declare_consumer(struct declaring *d, const char *name, struct json_object *properties, struct json_object *consumers)
{
	bool is_new = false;
	char *found = declare_name(d, API_CONSUMER, name, properties, &is_new);

	json_object_array_add(consumers, json_object_new_string(found));
	if (is_new)
		declare_add(d, "consumers", found, properties);
	else
		json_object_put(properties);
	free(found);
}

static void
declare_program(struct declaring *d, struct json_object *command, struct json_object *consumers)
{
	_cleanup_free_ char *name = xasprintf("%s-hook", d->kind->name);
	struct json_object *properties = json_object_new_object();

	json_add_string(properties, "activate", "exec");
	json_object_object_add(properties, "command", json_object_get(command));
	declare_consumer(d, name, properties, consumers);
}

static void
declare_hook(
	struct declaring *d, const struct found_certificate *c, struct json_object *hook, struct json_object *consumers)
{
	const char *text = declare_text(hook, "text");
	struct hook_reading reading;

	hook_read(text, &reading);
	if (reading.fate == HOOK_RELOADS)
		declare_reload(d, reading.service, consumers);
	else if (reading.fate == HOOK_RUNS)
		declare_program(d, json_path(hook, "command"), consumers);
	else
		declare_advise(d->ret,
			xasprintf("the hook '%s' of '%s' needs root: %s; make it a service (see Hooks of root in "
				  "certctl(1)), and run: systemctl enable --now SERVICE certd-reload@SERVICE.path",
				text, c->name, reading.why));
	hook_reading_clear(&reading);
}

/* --- the client's own files --- */

static void
declare_keep(struct declaring *d, const struct keep *keep, struct json_object *consumers)
{
	struct json_object *properties = json_object_new_object();

	json_add_string(properties, "directory", keep->directory);
	json_add_string(properties, "layout", keep->layout);
	declare_consumer(d, d->kind->name, properties, consumers);
}

/* Before the consumers that are notified: the files are written in the order of the list. */
static void
declare_files(struct declaring *d, const struct found_certificate *c, const struct cert_import *pair,
	struct json_object *consumers)
{
	struct keep keep;
	int can_keep = keep_of(d->kind, d->found, c, pair->common_name, &keep);

	if (!d->options->keeps_files) {
		if (can_keep)
			declare_advise(d->ret,
				xasprintf("servers can go on reading %s: see certctl migrate %s --keep-files --dry-run",
					keep.directory, d->kind->name));
	} else {
		if (can_keep)
			declare_keep(d, &keep, consumers);
		for (size_t i = 0; i < keep.advice.count; i++)
			declare_advise(d->ret, can_keep ? xstrdup(keep.advice.items[i])
							: xasprintf("the files of '%s' are not kept: %s", c->name,
								  keep.advice.items[i]));
	}
	keep_clear(&keep);
}

struct json_object *
declare_consumers(struct declaring *d, const struct found_certificate *c, const struct cert_import *pair)
{
	struct json_object *ret = json_object_new_array();

	declare_files(d, c, pair, ret);
	for (size_t i = 0; c->hooks && i < json_object_array_length(c->hooks); i++)
		declare_hook(d, c, json_object_array_get_idx(c->hooks, i), ret);
	return ret;
}
