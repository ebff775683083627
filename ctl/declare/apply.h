/* ctl/declare/apply.h: the parts of one run of apply: the wanted state, the current state, and the output. */
#ifndef CTL_DECLARE_APPLY_H
#define CTL_DECLARE_APPLY_H

#include "ctl/base/ctl.h"
#include "ctl/declare/plan.h"

struct apply {
	struct ctl *ctl;
	const char *name;            /* of the file, for messages */
	char *directory;             /* the base of relative paths of secrets; owned */
	struct json_object *wanted;  /* declaration_check(); owned */
	struct json_object *objects; /* current_fetch(); owned */
	struct json_object *present; /* {KEY: {NAME: declared properties}}; owned */
	struct plan plan;
	bool is_forced;     /* also takes away files that consumers still have */
	size_t failed;      /* steps that certd refused */
	struct error first; /* the first refusal */
	/* Sends a step in place of apply_call_step(), which it may call; or NULL. @arg: .arg */
	int (*send)(struct apply *a, struct plan_step *step, struct json_object **ret, struct error *err);
	void *arg;
};

/* Releases what it owns; not @a itself. */
void
apply_clear(struct apply *a);

/* Reads the file at @path, or the standard input for "-"; errors name it and the line. */
int
apply_read(struct apply *a, const char *path, struct error *err);

/* Fetches the current objects from certd. */
int
apply_fetch(struct apply *a, struct error *err);

/*
 * apply_secrets() - read the secrets that the file refers to into the properties
 * A missing secret is omitted if certd already has it. Otherwise it is reported on the error stream, and all of them
 * together are one ERROR_INVALID.
 */
int
apply_secrets(struct apply *a, struct error *err);

/*
 * apply_ask_effects() - ask certd what each step would cause
 * Every update is first tried as a dry run, since some change nothing. With @is_dry_run, certd also checks new objects,
 * except those that wait for another new object. Refusals are noted. Return: 0, or -1 when certd is gone.
 */
int
apply_ask_effects(struct apply *a, bool is_dry_run, struct error *err);

/* Makes the changes of all steps that have no failure; refusals are noted. */
void
apply_run_steps(struct apply *a);

/* One call of certd. @ret: its answer; owned by the caller. */
int
apply_call_step(const struct apply *a, const struct plan_step *step, bool is_dry_run, struct json_object **ret,
	struct error *err);

/* The step has failed: it is counted, and reported on the error stream. */
void
apply_note_failure(struct apply *a, struct plan_step *step, const struct error *why);

const char *
apply_action_name(enum plan_action action);

/* Writes all steps that change something, in the requested format. */
void
apply_show_steps(struct apply *a);

/* In text format: the totals. */
void
apply_show_summary(const struct apply *a, bool is_dry_run);

#endif
