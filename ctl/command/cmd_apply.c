/*
 * apply: makes the declarations match a file. It first compares both and shows the differences. Only certd can compare
 * some values (a CA's alias, another spelling of a name, a secret), so it is asked by a dry run. Then each object is
 * sent separately: it changes completely or not at all, and a refused object holds up only those that depend on it.
 */
#include "ctl/command/cmd.h"
#include "ctl/declare/apply.h"

/* All steps before the first change. */
static int
apply_prepare(struct apply *a, const struct args *args, struct error *err)
{
	if (apply_read(a, args_text(args, "file"), err) < 0 || apply_fetch(a, err) < 0 || apply_secrets(a, err) < 0)
		return -1;
	if (plan_make(a->wanted, a->present, args_has_flag(args, "prune"), &a->plan, err) < 0)
		return error_wrap(err, "%s", a->name);
	return apply_ask_effects(a, args_has_flag(args, "dryRun"), err);
}

static int
apply(struct apply *a, const struct args *args, struct error *err)
{
	bool is_dry_run = args_has_flag(args, "dryRun");
	bool is_text = a->ctl->format == FORMAT_TEXT;

	if (apply_prepare(a, args, err) < 0)
		return -1;
	if (is_text)
		apply_show_steps(a);
	fflush(a->ctl->out);
	if (!is_dry_run)
		apply_run_steps(a);
	if (!is_text)
		apply_show_steps(a);
	apply_show_summary(a, is_dry_run);
	if (!a->failed)
		return 0;
	return error_set(err, a->first.code, "%s: %zu of %zu changes %s refused (listed above); the others %s made",
		a->name, a->failed, a->plan.count - plan_count(&a->plan, PLAN_NOTHING),
		is_dry_run ? "would be" : "were", is_dry_run ? "would be" : "were");
}

int
cmd_apply(struct ctl *ctl, struct args *args, struct error *err)
{
	struct apply a = { .ctl = ctl, .is_forced = args_has_flag(args, "force") };
	int rc;

	if (!args_text(args, "file"))
		return error_set(err, ERROR_USAGE,
			"apply: the file is missing; write: certctl apply -f FILE, or -f - for the standard input");
	rc = apply(&a, args, err);
	apply_clear(&a);
	return rc;
}
