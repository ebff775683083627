/* Text from CAs, programs, certificates and clients, on its way to a terminal or a log. */
#include "common/printable.h"

#include "common/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_line(const char *line, size_t max)
{
	_cleanup_free_ char *again = printable_line(line, strlen(line), SIZE_MAX);

	if (!printable_is_line(line, strlen(line)) || strlen(line) > max || strcmp(line, again) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max = size ? data[0] : 0;
	const char *text = (const char *)data + (size > 0);
	size_t len = size - (size > 0);
	_cleanup_free_ char *all = printable_line(text, len, SIZE_MAX);
	_cleanup_free_ char *cut = printable_line(text, len, max);
	_cleanup_free_ char *last = printable_last_line(text, len, max);
	_cleanup_free_ char *lines = printable_lines(text, len);
	_cleanup_free_ char *message = xstrndup(text, len);

	expect_line(all, len);
	expect_line(cut, max);
	expect_line(last, max);
	if (strncmp(all, cut, strlen(cut)) != 0 || (printable_is_line(text, len) && memcmp(all, text, len) != 0))
		abort();
	for (const char *line = lines; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t line_len = strcspn(line, "\n");

		if (line_len && line[line_len - 1] == '\r' && line[line_len] == '\n')
			line_len--;
		if (!printable_is_line(line, line_len))
			abort();
		if (!line[line_len])
			break;
	}
	printable_make_line(&message);
	expect_line(message, len);
	return 0;
}
