/*
 * ctl/present/progress.h: progress while a command waits: one live line on a terminal, otherwise a line for each step.
 * It goes to the error stream, so that it never mixes with results.
 */
#ifndef CTL_PRESENT_PROGRESS_H
#define CTL_PRESENT_PROGRESS_H

#include "ctl/base/ctl.h"

struct progress {
	struct ctl *ctl; /* borrowed */
	char *text;      /* owned; the text shown last */
	int64_t since_ms;
	int64_t until_at; /* UNIX time when this step ends at the latest; 0: unknown */
	bool is_drawn;    /* the live line is on the screen */
};

void
progress_init(struct progress *progress, struct ctl *ctl);

void
progress_clear(struct progress *progress);

/* Shows a new step; a repeated text is ignored. @until_at: when it ends at the latest, UNIX seconds; 0: unknown. */
void
progress_step(struct progress *progress, const char *text, int64_t until_at);

/* Redraws the live line with the elapsed time. */
void
progress_tick(struct progress *progress);

/* Erases the live line so that other text can be written. */
void
progress_erase(struct progress *progress);

#endif
