/* See the header: one function decides, all others call it. */
#include "common/printable.h"

#include "common/alloc.h"
#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* The character of two or three octets at @s, which is valid UTF-8; longer characters are never hidden. */
static bool
is_hidden(const char *s, size_t step)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned c;

	if (step == 2) {
		c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
		return c < 0xa0 || c == 0x61c;
	}
	if (step != 3)
		return false;
	c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The number of octets of the character at @text if it may be shown, else 0. */
static size_t
printable_length(const char *text, size_t len)
{
	size_t step = utf8_length(text, len);

	return step == 0 || is_control(*text) || is_hidden(text, step) ? 0 : step;
}

bool
printable_is_line(const char *text, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = printable_length(text + i, len - i);
		if (step == 0)
			return false;
	}
	return true;
}

/* The number of octets of the line end at @text, or 0. */
static size_t
line_end(const char *text, size_t len)
{
	if (*text == '\n')
		return 1;
	return len > 1 && text[0] == '\r' && text[1] == '\n' ? 2 : 0;
}

/* The replacement of a character is never longer than the character. */
static char *
printable_copy(const char *text, size_t len, bool keeps_lines)
{
	char *copy = xmalloc(len + 1);
	size_t n = 0, step;

	for (size_t i = 0; i < len; i += step) {
		step = printable_length(text + i, len - i);
		if (step == 0 && keeps_lines)
			step = line_end(text + i, len - i);
		if (step > 0) {
			memcpy(copy + n, text + i, step);
			n += step;
			continue;
		}
		step = utf8_length(text + i, len - i);
		if (step == 0)
			step = 1;
		if (!is_control(text[i]))
			copy[n++] = '?';
		else if (n == 0 || copy[n - 1] != ' ')
			copy[n++] = ' ';
	}
	copy[n] = '\0';
	return copy;
}

char *
printable_line(const char *text, size_t len, size_t max)
{
	char *line = printable_copy(text, len, false);

	line[utf8_cut(line, strlen(line), max)] = '\0';
	return line;
}

char *
printable_lines(const char *text, size_t len)
{
	return printable_copy(text, len, true);
}

char *
printable_last_line(const char *text, size_t len, size_t max)
{
	size_t end = len, start;

	while (end > 0 && (is_control(text[end - 1]) || text[end - 1] == ' '))
		end--;
	for (start = end; start > 0 && text[start - 1] != '\n';)
		start--;
	return printable_line(text + start, end - start, max);
}

void
printable_make_line(char **message)
{
	size_t len = strlen(*message);
	char *line;

	if (printable_is_line(*message, len))
		return;
	line = printable_copy(*message, len, false);
	free(*message);
	*message = line;
}
