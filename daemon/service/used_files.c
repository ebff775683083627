/* Compares the consumers, or the directory, before and after the change. */
#include "daemon/service/used_files.h"

#include "common/shell.h"
#include "daemon/rollout/subject.h"

#include <stdlib.h>
#include <string.h>

enum { SUBJECTS_MAX = 10000 };

/* A consumer and the files that it loses; owned. */
struct used_loss {
	char *consumer;
	char *files;
};

static void
used_files_loss_clear(struct used_loss *loss)
{
	free(loss->consumer);
	free(loss->files);
}

/* The first of @before that is not in @after. Return: 1 found, 0 none loses them, -1 failed. */
static int
used_files_left(struct call *call, const char *files, const struct strlist *before, const struct strlist *after,
	struct used_loss *ret, struct error *err)
{
	for (size_t i = 0; i < before->count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };
		int found;

		if (after && strlist_has(after, before->items[i]))
			continue;
		found = object_peek(call->service->store, &consumer_class, before->items[i], &c, err);
		if (found < 0)
			return -1;
		if (found == 0)
			continue;
		ret->consumer = xstrdup(c.o.name);
		ret->files = xstrdup(files);
		return 1;
	}
	return 0;
}

/* The consumer's own directory changes, and the files in the previous one are removed. */
static int
used_files_moved(struct call *call, const struct consumer *old, const struct consumer *new, struct used_loss *ret,
	struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (!old->directory || (new &&new->directory &&strcmp(old->directory, new->directory) == 0))
		return 0;
	if (subjects_of_consumer(store, old->o.id, SUBJECTS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_subject_ struct subject s = { .type = NULL };
		int found = subject_load(store, ids.items[i], &s, err);

		if (found < 0)
			return -1;
		if (found == 0 || !s.certificate)
			continue;
		ret->consumer = xstrdup(old->o.name);
		ret->files = xasprintf("%s' in '%s", s.name, old->directory);
		return 1;
	}
	return 0;
}

static int
used_files_find(struct call *call, const struct record_class *cls, const void *old, const void *new,
	struct used_loss *ret, struct error *err)
{
	if (cls == &autocert_class) {
		const struct autocert *a = old;

		return !a->last_certificate
			       ? 0
			       : used_files_left(call, a->o.name, &a->consumers,
					 new ? &((const struct autocert *)new)->consumers : NULL, ret, err);
	}
	if (cls == &certificate_class) {
		const struct certificate *c = old;

		return !c->slug ? 0
				: used_files_left(call, c->o.name, &c->consumers,
					  new ? &((const struct certificate *)new)->consumers : NULL, ret, err);
	}
	return cls == &consumer_class ? used_files_moved(call, old, new, ret, err) : 0;
}

static bool
used_files_is_forced(const struct call *call)
{
	struct json_object *force = json_path(call->params, "force");

	return force && json_object_get_boolean(force);
}

static int
used_files_refuse(struct call *call, const struct record_class *cls, const struct object *o, bool is_deleted,
	const struct used_loss *loss, struct error *err)
{
	_cleanup_free_ char *command = NULL;

	if (!call->service->conf->may_operators_remove_used &&
		call_require(call, ROLE_ADMIN, "taking files from a consumer", err) < 0)
		return -1;
	if (used_files_is_forced(call))
		return 0;
	if (is_deleted && cls == &autocert_class)
		command = shell_certctl("rm auto", o->name, "--force");
	return error_set(err, ERROR_IN_USE,
		"consumer '%s' still has the files of '%s'; to take them away all the same%s%s", loss->consumer,
		loss->files, command ? ": " : ", give --force", command ? command : "");
}

int
used_files_check(struct call *call, const struct record_class *cls, const void *old, const void *new,
	struct effect *effect, struct error *err)
{
	struct used_loss loss = { NULL, NULL };
	int rc = used_files_find(call, cls, old, new, &loss, err);

	if (rc == 1 && !call->is_dry_run) {
		rc = used_files_refuse(call, cls, old, !new, &loss, err);
	} else if (rc == 1) {
		if (effect && !used_files_is_forced(call))
			strlist_take(&effect->reasons,
				xasprintf("consumer '%s' still has the files of '%s': this needs --force",
					loss.consumer, loss.files));
		rc = 0;
	}
	used_files_loss_clear(&loss);
	return rc;
}

int
used_files_check_heir(struct call *call, const struct certificate *old, const struct strlist *after, struct error *err)
{
	struct certificate heir = { .consumers = *after };

	return used_files_check(call, &certificate_class, old, &heir, NULL, err);
}
