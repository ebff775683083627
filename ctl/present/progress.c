/* Progress. The live line is cut to the terminal's width, because a line that wraps cannot be erased. */
#include "ctl/present/progress.h"

#include "common/timefmt.h"
#include "ctl/present/terminal.h"
#include "ctl/present/text.h"

#include <stdlib.h>
#include <string.h>

void
progress_init(struct progress *progress, struct ctl *ctl)
{
	*progress = (struct progress){ .ctl = ctl, .since_ms = time_monotonic_us() / 1000 };
}

void
progress_erase(struct progress *progress)
{
	if (progress->is_drawn)
		fputs("\r\033[K", progress->ctl->err);
	fflush(progress->ctl->err);
	progress->is_drawn = false;
}

void
progress_clear(struct progress *progress)
{
	progress_erase(progress);
	str_replace(&progress->text, NULL);
}

void
progress_tick(struct progress *progress)
{
	char passed[TIME_SPAN_SIZE];
	char left[TIME_SPAN_SIZE] = "";
	_cleanup_free_ char *line = NULL;
	_cleanup_buf_ struct buf clipped = BUF_INIT;

	if (!progress->ctl->is_terminal || !progress->text)
		return;
	time_format_span((time_monotonic_us() / 1000 - progress->since_ms) / 1000, passed);
	if (progress->until_at > ctl_now(progress->ctl))
		time_format_span(progress->until_at - ctl_now(progress->ctl), left);
	line = xasprintf("[%s%s%s%s] %s", passed, *left ? ", " : "", left, *left ? " left" : "", progress->text);
	terminal_clip(&clipped, line, progress->ctl->columns - 1);
	fprintf(progress->ctl->err, "\r\033[K%s", buf_str(&clipped));
	fflush(progress->ctl->err);
	progress->is_drawn = true;
}

void
progress_step(struct progress *progress, const char *text, int64_t until_at)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	progress->until_at = until_at;
	text_line(&line, text);
	if (progress->text && strcmp(progress->text, buf_str(&line)) == 0)
		return;
	str_replace(&progress->text, buf_str(&line));
	if (progress->ctl->is_terminal) {
		progress_tick(progress);
		return;
	}
	fprintf(progress->ctl->err, "%s\n", progress->text);
	fflush(progress->ctl->err);
}
