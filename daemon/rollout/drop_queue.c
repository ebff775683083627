/*
 * The jobs of drops, in order of request. A job gets copies and descriptors, and returns an error or none. Jobs for the
 * same place follow one another; others run concurrently.
 */
#include "daemon/rollout/drop_private.h"

#include "common/json.h"
#include "daemon/base/workers.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
drop_output_set_clear(struct drop_output_set *set)
{
	free(set->directory);
	output_list_clear(&set->list);
	secret_clear(&set->password);
	*set = (struct drop_output_set){ .directory = NULL };
}

static void
drop_job_free(struct drop_job *job)
{
	for (size_t i = 0; i < job->n_sets; i++)
		drop_output_set_clear(&job->sets[i]);
	free(job->sets);
	strlist_clear(&job->declared);
	strlist_clear(&job->changed);
	strlist_clear(&job->gone);
	free(job->common_name);
	free(job->algorithm);
	free(job->slug);
	free(job->variant);
	strlist_clear(&job->directories);
	secret_clear(&job->key_der);
	buf_clear(&job->leaf);
	buf_clear(&job->chain);
	buf_clear(&job->pair);
	buf_clear(&job->manifest);
	error_clear(&job->error);
	free(job);
}

static void
drop_job_done(void *arg);

static void
drop_job_work(void *arg)
{
	struct drop_job *job = arg;

	job->run(job);
	job->has_run = true;
}

static void
drop_job_give(struct drop_job *job)
{
	job->is_given = true;
	workers_run(job->drops->workers, drop_job_work, drop_job_done, job);
}

static bool
share_a_place(const struct drop_job *a, const struct drop_job *b)
{
	if (strcmp(a->slug, b->slug) == 0)
		return true;
	for (size_t i = 0; i < a->directories.count; i++)
		if (strlist_has(&b->directories, a->directories.items[i]))
			return true;
	for (size_t i = 0; i < a->n_sets; i++)
		for (size_t k = 0; k < b->n_sets; k++)
			if (strcmp(a->sets[i].directory, b->sets[k].directory) == 0)
				return true;
	return false;
}

/* A running job must not write removed files again, nor remove new ones. */
static bool
must_wait(const struct drop_job *job)
{
	const struct drop_job *earlier;

	DL_FOREACH(job->drops->jobs, earlier) {
		if (earlier == job)
			return false;
		if (share_a_place(earlier, job))
			return true;
	}
	return false;
}

static void
drop_job_start(struct drop_job *job)
{
	DL_APPEND(job->drops->jobs, job);
	if (!job->drops->is_stopping && !must_wait(job))
		drop_job_give(job);
}

/* Removes the job, notifies its owner and frees it. */
static void
drop_job_end(struct drop_job *job)
{
	struct drops *d = job->drops;

	DL_DELETE(d->jobs, job);
	/* Also after a failure: some of the files may have been replaced. */
	if (job->has_run && !job->checked)
		drop_generation_touch(d);
	if (job->checked)
		job->checked(&job->changed, &job->gone, error_is_set(&job->error) ? &job->error : NULL, job->arg);
	else
		job->done(error_is_set(&job->error) ? &job->error : NULL, job->failed_in, job->arg);
	drop_job_free(job);
}

static void
drop_job_done(void *arg)
{
	struct drop_job *job = arg;
	struct drops *d = job->drops;

	drop_job_end(job);
	if (d->is_stopping)
		return;
	DL_FOREACH(d->jobs, job) {
		if (!job->is_given && !must_wait(job))
			drop_job_give(job);
	}
}

void
drops_stop(struct drops *d)
{
	if (d)
		d->is_stopping = true;
}

void
drop_jobs_end(struct drops *d)
{
	struct drop_job *job, *tmp;

	DL_FOREACH_SAFE(d->jobs, job, tmp) {
		drop_job_end(job);
	}
}

static struct drop_job *
drop_job_new(struct drops *drops, const char *slug, void (*run_fn)(void *job), drop_done_fn *done, void *arg)
{
	struct drop_job *job = xcalloc(1, sizeof(*job));

	job->drops = drops;
	job->slug = xstrdup(slug);
	job->run = run_fn;
	job->done = done;
	job->arg = arg;
	return job;
}

static void
drop_job_take_sets(struct drop_job *job, const struct drop_request *request)
{
	job->n_sets = request->n_sets;
	job->sets = xcalloc(request->n_sets + 1, sizeof(*job->sets));
	for (size_t i = 0; i < request->n_sets; i++) {
		job->sets[i] = request->sets[i];
		request->sets[i] = (struct drop_output_set){ .directory = NULL };
	}
}

static void
drop_job_take(struct drop_job *job, const struct drop_request *request)
{
	_cleanup_json_ struct json_object *manifest = drop_manifest_json(request->cert, request->generation);

	if (request->directories)
		strlist_copy(&job->directories, request->directories);
	if (request->variant)
		job->variant = drop_directory(job->drops, request->variant);
	secret_copy(&job->key_der, &request->cert->key);
	buf_add(&job->leaf, request->cert->leaf_pem.data, request->cert->leaf_pem.len);
	buf_add(&job->chain, request->cert->chain_pem.data, request->cert->chain_pem.len);
	buf_add(&job->pair, request->cert->pair.data, request->cert->pair.len);
	json_write(manifest, &job->manifest);
	buf_add_char(&job->manifest, '\n');
	job->is_partial = request->is_partial;
	job->generation = request->generation;
	job->not_after_at = request->cert->not_after_at;
	job->issued_at = request->cert->o.created_at;
	job->common_name = xstrdup_null(request->cert->common_name);
	job->algorithm = xstrdup_null(request->cert->key_algorithm);
	memccpy(job->subject_id, request->subject_id, '\0', sizeof(job->subject_id) - 1);
	memccpy(job->certificate, request->cert->o.id, '\0', sizeof(job->certificate) - 1);
	drop_job_take_sets(job, request);
	job->is_pruning = request->declared;
	if (request->declared)
		strlist_copy(&job->declared, request->declared);
	if (request->cert->autocert)
		memccpy(job->autocert, request->cert->autocert, '\0', sizeof(job->autocert) - 1);
}

void
drop_write(struct drops *drops, const struct drop_request *request, drop_done_fn *done, void *arg)
{
	struct drop_job *job = drop_job_new(drops, request->slug, drop_write_run, done, arg);

	drop_job_take(job, request);
	drop_job_start(job);
}

void
drop_check(struct drops *drops, const struct drop_request *request, drop_checked_fn *done, void *arg)
{
	struct drop_job *job = drop_job_new(drops, request->slug, drop_check_run, NULL, arg);

	job->checked = done;
	drop_job_take(job, request);
	drop_job_start(job);
}

void
drop_remove(struct drops *drops, const struct drop_removal *removal, drop_done_fn *done, void *arg)
{
	struct drop_job *job = drop_job_new(drops, removal->slug, drop_remove_run, done, arg);

	memccpy(job->subject_id, removal->subject_id, '\0', sizeof(job->subject_id) - 1);
	if (removal->former_id)
		memccpy(job->former_id, removal->former_id, '\0', sizeof(job->former_id) - 1);
	job->is_whole = removal->is_whole;
	job->is_free = removal->is_free;
	if (removal->directories)
		strlist_copy(&job->directories, removal->directories);
	drop_job_start(job);
}
