/*
 * ctl/present/terminal.h: what a terminal shows: the width of text, text cut to a width, wrapped lines, colours. The
 * only place that knows about them.
 */
#ifndef CTL_PRESENT_TERMINAL_H
#define CTL_PRESENT_TERMINAL_H

#include "common/buf.h"
#include "ctl/base/ctl.h"

/* What a value means to the operator: green, yellow, red. */
enum tone { TONE_NONE, TONE_GOOD, TONE_SOON, TONE_BAD };

/* Of a word of the API such as FAILED, stale or active. */
enum tone
tone_of_word(const char *word);

/* Of the member at @path of @object: its state, or how much of its lifetime is left. */
enum tone
tone_of_member(const struct ctl *ctl, const char *path, struct json_object *object);

/* Appends @text in the colour of @tone. */
void
terminal_paint(struct buf *ret, bool has_colour, enum tone tone, const char *text);

/* Columns that @text occupies. Wide and combining characters are known if the locale is UTF-8. */
size_t
terminal_width(const char *text);

/* Appends @text, cut to @width columns; what is cut off is shown by an ellipsis. */
void
terminal_clip(struct buf *ret, const char *text, size_t width);

/*
 * terminal_wrap() - print text, which begins at column @column, over as many lines as the terminal needs
 * Further lines are indented by @indent. Commands (certctl ...) are not broken, so that they can be copied. Without a
 * terminal it is one line.
 */
void
terminal_wrap(const struct ctl *ctl, size_t column, size_t indent, const char *text);

#endif
