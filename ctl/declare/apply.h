/* ctl/declare/apply.h: one run of apply, and the parts of it: what is wanted and what there is, and how it is shown. */
#ifndef CTL_DECLARE_APPLY_H
#define CTL_DECLARE_APPLY_H

#include "ctl/base/ctl.h"
#include "ctl/declare/plan.h"

struct apply {
	struct ctl *ctl;
	const char *name;            /* of the file, for messages */
	char *directory;             /* that relative secrets are beside; owned */
	struct json_object *wanted;  /* declaration_check(); owned */
	struct json_object *objects; /* current_fetch(); owned */
	struct json_object *present; /* {KEY: {NAME: declared properties}}; owned */
	struct plan plan;
	size_t failed;      /* steps that certd refused */
	struct error first; /* the first refusal */
};

/* The file at @path, or the standard input for "-"; errors name it and the line. */
int
apply_read(struct apply *a, const char *path, struct error *err);

/* What certd has. */
int
apply_fetch(struct apply *a, struct error *err);

/*
 * apply_secrets() - put the secrets that the file names among the properties
 * One that is not there is left out where certd has it; else it is told on the error stream, and all of them together are
 * ERROR_INVALID.
 */
int
apply_secrets(struct apply *a, struct error *err);

const char *
apply_action_name(enum plan_action action);

/* All steps that are some, in the format that was asked for. */
void
apply_show_steps(struct apply *a);

/* In text: how many of what. */
void
apply_show_summary(const struct apply *a, bool is_dry_run);

#endif
