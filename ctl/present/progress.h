/*
 * ctl/present/progress.h: what is going on, while one waits: one live line on a terminal, else a line for each step. Always on
 * the error stream: results stay apart.
 */
#ifndef CTL_PRESENT_PROGRESS_H
#define CTL_PRESENT_PROGRESS_H

#include "ctl/base/ctl.h"

struct progress {
	struct ctl *ctl; /* borrowed */
	char *text;      /* owned; shown last */
	int64_t since_ms;
	bool is_drawn; /* a live line stands there */
};

void
progress_init(struct progress *progress, struct ctl *ctl);

void
progress_clear(struct progress *progress);

/* A new step; the same text again is not repeated. */
void
progress_step(struct progress *progress, const char *text);

/* Draws the live line again with the time that has passed. */
void
progress_tick(struct progress *progress);

/* Erases the live line, so that other text can follow. */
void
progress_erase(struct progress *progress);

#endif
