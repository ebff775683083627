/*
 * Writing declared files. The ledger is written twice: before, with the old and the new files, so that a crash leaves
 * no key that certd does not know; and after, with what is there.
 */
#include "daemon/rollout/drop_output.h"

#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_look.h"
#include "daemon/rollout/drop_output_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
writing_clear(struct drop_writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		drop_content_clear(&w->outs[i].content);
	for (size_t i = 0; i < w->n_places; i++) {
		free(w->places[i].path);
		close(w->places[i].fd);
	}
	free(w->outs);
	free(w->places);
	strlist_clear(&w->in_use);
	ledger_clear(&w->before);
	ledger_clear(&w->after);
	if (w->ledger_fd >= 0)
		close(w->ledger_fd);
}

/* What is right already is left alone; what certd did not write stays another's. */
static void
output_look_at_all(struct drop_writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++) {
		struct ledger_file *file = &w->after.files[i];
		const struct ledger_file *earlier = ledger_find(&w->before, file->path);
		struct drop_out *out = &w->outs[i];

		out->is_done = drop_look(w->places[out->place].fd, out->name, file) == DROP_SAME;
		file->is_foreign = out->is_done && (!earlier || earlier->is_foreign);
	}
}

/* --- writing --- */

static int
output_stage(const struct drop_writing *w, struct drop_out *out, const struct ledger_file *file, struct error *err)
{
	const struct drop_place *p = &w->places[out->place];

	out->was_staged = true;
	if (file->target)
		return drop_file_stage_symlink(p->fd, out->name, file->target, err);
	return drop_file_stage_for(p->fd, out->name, out->content.data, out->content.len, file->mode, file->gid, err);
}

static int
output_stage_all(struct drop_writing *w, struct error *err)
{
	for (size_t i = 0; i < w->n_outs; i++) {
		if (w->outs[i].is_done)
			continue;
		if (output_stage(w, &w->outs[i], &w->after.files[i], err) < 0)
			return error_wrap(err, "'%s'", w->after.files[i].path);
	}
	return 0;
}

/* Those of one directory as one. */
static int
output_publish(struct drop_writing *w, size_t place, bool are_links, struct error *err)
{
	const char **names = xcalloc(w->n_outs, sizeof(*names));
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < w->n_outs; i++)
		if (w->outs[i].place == place && !w->outs[i].is_done && !w->after.files[i].target == !are_links)
			names[n++] = w->outs[i].name;
	if (n)
		rc = drop_file_publish_all(w->places[place].fd, names, n, err);
	if (n && rc == 0)
		rc = drop_file_sync_dir(w->places[place].fd, w->places[place].path, err);
	free(names);
	return rc < 0 ? error_wrap(err, "'%s'", w->places[place].path) : 0;
}

static int
output_publish_all(struct drop_writing *w, struct error *err)
{
	for (int are_links = 0; are_links <= 1; are_links++)
		for (size_t i = 0; i < w->n_places; i++)
			if (output_publish(w, i, are_links, err) < 0)
				return -1;
	return 0;
}

static void
output_unstage_all(const struct drop_writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		if (w->outs[i].was_staged)
			drop_file_unstage(w->places[w->outs[i].place].fd, w->outs[i].name);
}

/* --- the whole --- */

/* Before anything is changed: all that may be there in a moment. */
static int
output_save_intent(struct drop_writing *w, struct error *err)
{
	struct ledger both = w->after; /* borrowed, but the list */
	int rc;

	both.files = xreallocarray(NULL, w->after.count + w->before.count + 1, sizeof(*both.files));
	memcpy(both.files, w->after.files, w->after.count * sizeof(*both.files));
	for (size_t i = 0; i < w->before.count; i++)
		if (!ledger_find(&w->after, w->before.files[i].path))
			both.files[both.count++] = w->before.files[i];
	both.directories = (struct strlist)STRLIST_INIT;
	strlist_copy(&both.directories, &w->before.directories);
	for (size_t i = 0; i < w->after.directories.count; i++)
		if (!strlist_has(&both.directories, w->after.directories.items[i]))
			strlist_add(&both.directories, w->after.directories.items[i]);
	rc = ledger_write(w->ledger_fd, w->job->slug, &both, err);
	strlist_clear(&both.directories);
	free(both.files);
	return rc;
}

static bool
output_is_all_done(const struct drop_writing *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		if (!w->outs[i].is_done)
			return false;
	return true;
}

static int
output_save_result(struct drop_writing *w, struct error *err)
{
	int rc = drop_prune(w, err);

	if (w->after.count == 0)
		return ledger_remove(w->ledger_fd, w->job->slug, err) < 0 ? -1 : rc;
	return ledger_write(w->ledger_fd, w->job->slug, &w->after, rc < 0 ? NULL : err) < 0 ? -1 : rc;
}

static int
output_write(struct drop_writing *w, const char **ret_failed_in, struct error *err)
{
	const struct drop_job *job = w->job;

	for (size_t i = 0; i < job->n_sets; i++) {
		if (drop_declare(w, &job->sets[i], err) < 0) {
			*ret_failed_in = job->sets[i].directory;
			return error_wrap(err, "directory '%s'", job->sets[i].directory);
		}
	}
	output_look_at_all(w);
	if (output_is_all_done(w))
		return output_save_result(w, err);
	if (output_save_intent(w, err) < 0)
		return -1;
	if (output_stage_all(w, err) < 0 || output_publish_all(w, err) < 0) {
		output_unstage_all(w);
		*ret_failed_in = job->sets[0].directory;
		return -1;
	}
	return output_save_result(w, err);
}

/* Does @w->before belong to this subject, and to a later deployment of it? */
static bool
output_is_later_there(const struct drop_writing *w)
{
	return strcmp(w->before.subject, w->job->subject_id) == 0 && w->before.generation > w->job->generation &&
	       w->before.not_after_at > w->job->not_after_at;
}

/* Return: 1 opened, 0 there is no ledger and none is needed, -1 failed. */
static int
writing_open(struct drop_writing *w, bool is_needed_now, struct error *err)
{
	w->ledger_fd = drop_open_ledgers(w->job->drops, is_needed_now, err);
	if (w->ledger_fd < 0)
		return is_needed_now || (err && error_is_set(err)) ? -1 : 0;
	return ledger_read(w->ledger_fd, w->job->slug, &w->before, err) < 0 ? -1 : 1;
}

int
drop_outputs_write(
	const struct drop_job *job, const struct drop_files *files, const char **ret_failed_in, struct error *err)
{
	struct drop_writing w = { .job = job, .files = files, .ledger_fd = -1 };
	int rc = writing_open(&w, true, err);

	if (rc == 1) {
		memcpy(w.after.subject, job->subject_id, sizeof(w.after.subject));
		memcpy(w.after.certificate, job->certificate, sizeof(w.after.certificate));
		w.after.generation = job->generation;
		w.after.not_after_at = job->not_after_at;
		rc = output_is_later_there(&w) ? error_set(err, ERROR_STATE, "a later certificate is deployed already")
					       : output_write(&w, ret_failed_in, err);
	}
	writing_clear(&w);
	return rc < 0 ? -1 : 0;
}

/* Removes the files in scope. Return: 0 or -1. */
static int
output_remove(struct drop_writing *w, struct error *err)
{
	bool has_any = false;

	for (size_t i = 0; i < w->before.count; i++)
		has_any = has_any || drop_is_in_scope(w, &w->before.files[i]);
	if (!has_any)
		return 0;
	memcpy(w->after.subject, w->before.subject, sizeof(w->after.subject));
	memcpy(w->after.certificate, w->before.certificate, sizeof(w->after.certificate));
	w->after.generation = w->before.generation;
	w->after.not_after_at = w->before.not_after_at;
	return output_save_result(w, err);
}

void
drop_outputs_prune(const struct drop_job *job)
{
	struct drop_writing w = { .job = job, .ledger_fd = -1 };

	if (writing_open(&w, false, NULL) == 1)
		output_remove(&w, NULL);
	writing_clear(&w);
}

static bool
output_is_of_another(const struct drop_job *job, const struct ledger *l)
{
	return !job->is_free && strcmp(l->subject, job->subject_id) != 0 && strcmp(l->subject, job->former_id) != 0;
}

int
drop_outputs_remove(const struct drop_job *job, struct error *err)
{
	struct drop_writing w = { .job = job, .ledger_fd = -1 };
	int rc = writing_open(&w, false, err);

	if (rc == 1 && !output_is_of_another(job, &w.before))
		rc = output_remove(&w, err);
	writing_clear(&w);
	return rc < 0 ? -1 : 0;
}
