/* Progress. The live line is cut to the terminal's width, because a line that wraps cannot be erased. */
#include "ctl/present/progress.h"

#include "common/timefmt.h"
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
	_cleanup_free_ char *line = NULL;
	unsigned width = progress->ctl->columns > 20 ? progress->ctl->columns - 1 : 79;

	if (!progress->ctl->is_terminal || !progress->text)
		return;
	time_format_span((time_monotonic_us() / 1000 - progress->since_ms) / 1000, passed);
	line = xasprintf("[%s] %s", passed, progress->text);
	if (strlen(line) > width)
		line[width] = '\0';
	fprintf(progress->ctl->err, "\r\033[K%s", line);
	fflush(progress->ctl->err);
	progress->is_drawn = true;
}

void
progress_step(struct progress *progress, const char *text)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

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
