/*
 * daemon/rollout/drop_output_private.h: shared by the parts of drop_output.c: what is declared (drop_declare.c), and
 * what is not declared any more (drop_prune.c).
 */
#ifndef DAEMON_ROLLOUT_DROP_OUTPUT_PRIVATE_H
#define DAEMON_ROLLOUT_DROP_OUTPUT_PRIVATE_H

#include "daemon/rollout/drop_ledger.h"
#include "daemon/rollout/drop_private.h"

/* A name that is to be there; files[] of the ledger to be written has its description, at the same index. */
struct drop_out {
	size_t place;                /* index of its directory */
	const char *name;            /* in the ledger's path */
	struct drop_content content; /* of a file */
	bool is_done;                /* it is there */
	bool was_staged;
};

/* An open directory. */
struct drop_place {
	char *path;
	int fd;
	struct stat st;
};

struct drop_writing {
	const struct drop_job *job;
	const struct drop_files *files;
	const struct drop_output_set *set; /* the current one */
	int ledger_fd;
	struct ledger before, after;
	struct strlist in_use; /* what links pointed to: absolute paths */
	struct drop_out *outs;
	size_t n_outs;
	struct drop_place *places;
	size_t n_places;
};

/* --- drop_declare.c --- */

/*
 * Adds what @set declares to the outs and files of @w, with the number that its files have or get. Directories below
 * the declared one are created. Return: 0 or -1.
 */
int
drop_declare(struct drop_writing *w, const struct drop_output_set *set, struct error *err);

/* --- drop_prune.c --- */

/* May this call remove @file? */
bool
drop_is_in_scope(const struct drop_writing *w, const struct ledger_file *file);

/*
 * Removes the files of earlier deployments that are in scope and not declared any more; w->after gets what stays.
 * Return: 0, or -1 with the first error: what was not removed stays listed.
 */
int
drop_prune(struct drop_writing *w, struct error *err);

#endif
